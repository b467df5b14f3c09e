//! `ryuk`: takes away what a test run has left behind. Programs that test with containers (Testcontainers, in any language) start it
//! beside their own, tell it labels, and keep a connection to it; when the last one is gone for a while it removes whatever has these
//! labels, itself excepted.
//!
//! Speaks the protocol of moby-ryuk: a line is a filter (`label=a&label=b%3Dc`), each answered with `ACK`. It removes nothing that no
//! line named.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::applets::Args;
use super::ending::{Meaning, on_signals};
use crate::units;

/// A filter may be so long.
const LINE: u64 = 64 << 10;
/// As many filters are kept.
const FILTERS: usize = 10_000;
/// An answer of the engine may be so long.
const ANSWER: u64 = 64 << 20;
/// The label of reapers, which reapers leave alone.
const OWN: &str = "org.testcontainers.ryuk";

enum News {
    Came,
    Filter(String),
    Went,
    Signal,
}

/// `ryuk`, told all else by `RYUK_PORT`, `RYUK_CONNECTION_TIMEOUT`, `RYUK_RECONNECTION_TIMEOUT` and `DOCKER_HOST`.
pub fn main(_: Args) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("Error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// As the log lines that others wait for.
fn say(text: &str) {
    println!("{} {text}", jiff::Zoned::now().strftime("%Y/%m/%d %H:%M:%S"));
}

fn run() -> Result<(), String> {
    let setting = |name: &str, usual: &str| {
        let text = env::var(name).unwrap_or_else(|_| usual.to_owned());
        units::parse_span(&text).ok_or_else(|| format!("{name}: {}", units::duration_problem(&text)))
    };
    let first = setting("RYUK_CONNECTION_TIMEOUT", "60s")?;
    let again = setting("RYUK_RECONNECTION_TIMEOUT", "10s")?;
    let port = env::var("RYUK_PORT").unwrap_or_else(|_| "8080".to_owned());
    let port: u16 = port.parse().map_err(|_| format!("RYUK_PORT: {port:?} is no port"))?;
    let engine = Engine::of_environment()?;
    engine.call("GET", "/_ping").map_err(|e| format!("ping: {e}"))?;
    let (sender, news) = mpsc::channel();
    let signals = sender.clone();
    on_signals(move |number| {
        if [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP].contains(&number) {
            let _ = signals.send(News::Signal);
        }
        Meaning::Nothing
    });
    let listener = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
        .or_else(|_| TcpListener::bind(("0.0.0.0", port)))
        .map_err(|e| format!("listen: {e}"))?;
    say(&format!("Listening on port {port}"));
    say("Started!");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if sender.send(News::Came).is_err() {
                return;
            }
            let sender = sender.clone();
            std::thread::spawn(move || {
                let _ = listen(&stream, &sender);
                let _ = sender.send(News::Went);
            });
        }
    });
    let mut filters = BTreeSet::new();
    let mut clients = 0_usize;
    let mut deadline = Some(Instant::now() + first);
    loop {
        let news = match deadline {
            Some(at) => news.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match news {
            Ok(News::Came) => {
                clients += 1;
                deadline = None;
            }
            Ok(News::Filter(filter)) => {
                if filters.len() < FILTERS && filters.insert(filter.clone()) {
                    say(&format!("Adding {filter}"));
                }
            }
            Ok(News::Went) => {
                clients = clients.saturating_sub(1);
                deadline = (clients == 0).then(|| Instant::now() + again);
            }
            Ok(News::Signal) | Err(_) => break,
        }
    }
    engine.prune(&filters)
}

/// Hears one client out.
fn listen(stream: &TcpStream, sender: &mpsc::Sender<News>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = (&mut reader).take(LINE).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let Some(filter) = Some(text.trim()).filter(|text| !text.is_empty()) else { continue };
        match query(filter) {
            Some(filter) => drop(sender.send(News::Filter(filter))),
            None => say(&format!("Error: invalid filter {filter:?}")),
        }
        (&mut &*stream).write_all(b"ACK\n")?;
    }
}

/// The engine's `filters` for a line such as `label=a&label=b%3Dc&health=unhealthy`.
fn query(line: &str) -> Option<String> {
    let said = |part: &str| units::percent_decoded(&part.replace('+', " "));
    let mut filters = Map::new();
    for pair in line.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let values = filters.entry(said(name)?).or_insert_with(|| json!({}));
        values.as_object_mut()?.insert(said(value)?, Value::Bool(true));
    }
    (!filters.is_empty()).then(|| Value::Object(filters).to_string())
}

/// For a query or a path: all but letters, digits and a few marks by their numbers.
fn escaped(text: &str) -> String {
    let byte = |b: u8| if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}

/// The engine behind a unix socket.
struct Engine {
    socket: String,
}

impl Engine {
    fn of_environment() -> Result<Engine, String> {
        let host = env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let socket = host.strip_prefix("unix://").ok_or_else(|| format!("DOCKER_HOST: {host} is no unix socket"))?;
        Ok(Engine { socket: socket.to_owned() })
    }

    /// One request; the status and the body of its answer.
    fn ask(&self, method: &str, path: &str) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(ANSWER).read_to_end(&mut answer)?;
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "the engine's answer is none");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
        let status = String::from_utf8_lossy(&answer[..end]).split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
        Ok((status, answer.split_off(end + 4)))
    }

    fn call(&self, method: &str, path: &str) -> Result<Value, String> {
        let (status, body) = self.ask(method, path).map_err(|e| e.to_string())?;
        let value = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        match (status, value["message"].as_str()) {
            (200..300, _) => Ok(value),
            (_, Some(message)) => Err(message.to_owned()),
            (_, None) => Err(format!("status {status}")),
        }
    }

    /// Removes what the filters name: containers first, for they use the rest.
    fn prune(&self, filters: &BTreeSet<String>) -> Result<(), String> {
        let mut counts = [0; 4];
        let mut failed = Vec::new();
        let kinds = [
            ("containers", "/containers/json?all=1&", "?force=1&v=1"),
            ("networks", "/networks?", ""),
            ("volumes", "/volumes?", "?force=1"),
            ("images", "/images/json?", ""),
        ];
        for ((kind, list, how), count) in kinds.iter().zip(&mut counts) {
            let mut names = BTreeSet::new();
            for filter in filters {
                match self.call("GET", &format!("{list}filters={}", escaped(filter))) {
                    Ok(found) => names.extend(named(&found)),
                    Err(e) => failed.push(format!("list {kind}: {e}")),
                }
            }
            for name in names {
                match self.remove(&format!("/{kind}/{}{how}", escaped(&name))) {
                    Ok(()) => *count += 1,
                    Err(e) => failed.push(format!("remove {kind} {name}: {e}")),
                }
            }
        }
        let [containers, networks, volumes, images] = counts;
        say(&format!("Removed {containers} container(s), {networks} network(s), {volumes} volume(s), {images} image(s)"));
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    /// Removes one thing; what still is in use for a moment is tried again.
    fn remove(&self, path: &str) -> Result<(), String> {
        let mut tries = 0;
        loop {
            match self.ask("DELETE", path).map(|(status, body)| (status, String::from_utf8_lossy(&body).trim().to_owned())) {
                Ok((200..300 | 404, _)) => return Ok(()),
                _ if tries < 9 => std::thread::sleep(Duration::from_secs(1)),
                Ok((_, message)) => return Err(message),
                Err(e) => return Err(e.to_string()),
            }
            tries += 1;
        }
    }
}

/// The ids, or the names of what has none, in a list of the engine; reapers are left out.
fn named(list: &Value) -> Vec<String> {
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let list = list.as_array().or_else(|| list["Volumes"].as_array());
    let is_reaper = |one: &Value| one["Labels"][OWN] == "true" || one["Id"].as_str().is_some_and(|id| id.starts_with(&own));
    let name = |one: &Value| one["Id"].as_str().or_else(|| one["Name"].as_str()).map(str::to_owned);
    list.into_iter().flatten().filter(|one| !is_reaper(one)).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_filter() {
        assert_eq!(query("label=a%3Db&label=c+d&health=x").as_deref(), Some(r#"{"label":{"a=b":true,"c d":true},"health":{"x":true}}"#));
        assert_eq!(query("label=a=b").as_deref(), Some(r#"{"label":{"a=b":true}}"#));
        assert_eq!((query("&"), query("label=%zz")), (None, None));
    }
}
