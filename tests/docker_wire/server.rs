//! Answers requests with recorded answers, each once, and notes what was asked otherwise than it was recorded.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Recording;
use super::recording::Exchange;

/// The server; it ends with the test.
pub struct Server {
    pub socket: PathBuf,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The folder that stands for the recording's `/lab/`.
    folder: String,
    exchanges: Vec<(Exchange, bool)>,
    complaints: Vec<String>,
}

impl Server {
    /// Serves a recording on a socket in `folder`.
    pub fn start(recording: Recording, folder: &Path) -> Server {
        let socket = folder.join("docker.sock");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("a socket");
        let exchanges = recording.exchanges.into_iter().map(|e| (e, false)).collect();
        let state = Arc::new(Mutex::new(State { folder: format!("{}/", folder.display()), exchanges, complaints: Vec::new() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || {
                    let _ = serve(stream, &shared);
                });
            }
        });
        Server { socket, state }
    }

    /// What was asked that was not recorded, or was recorded with another body.
    pub fn complaints(&self) -> Vec<String> {
        self.state.lock().expect("the state").complaints.clone()
    }
}

fn serve(stream: UnixStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let body = read_body(&mut reader)?;
        let found = take(state, &method, &target, &body);
        let Some(exchange) = found else {
            state.lock().expect("the state").complaints.push(format!("not recorded: {method} {target}"));
            let text = b"{\"message\":\"not recorded\"}";
            write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", text.len())?;
            stream.write_all(text)?;
            continue;
        };
        if let Some((sent, got)) = &exchange.hijacked {
            head(&mut stream, &exchange, None)?;
            let mut typed = vec![0; sent.len()];
            reader.read_exact(&mut typed)?;
            stream.write_all(got)?;
            // The engine closes when the process has ended; the client may still be about to send.
            return stream.shutdown(std::net::Shutdown::Write);
        }
        let body = shift_times(&exchange);
        if exchange.ended {
            head(&mut stream, &exchange, Some(body.len()))?;
            if method != "HEAD" {
                stream.write_all(&body)?;
            }
        } else {
            head(&mut stream, &exchange, None)?;
            write!(stream, "{:x}\r\n", body.len())?;
            stream.write_all(&body)?;
            write!(stream, "\r\n")?;
            std::thread::sleep(Duration::from_secs(30));
            return Ok(());
        }
    }
}

fn head(stream: &mut UnixStream, exchange: &Exchange, length: Option<usize>) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {} Recorded\r\n", exchange.status);
    for (name, value) in &exchange.headers {
        let keep = match name.as_str() {
            "Content-Length" => false,
            "Transfer-Encoding" => length.is_none(),
            _ => true,
        };
        if keep {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    match length {
        // An answer to HEAD and one without content have no length of their own.
        Some(_) if exchange.status == 204 => {}
        Some(length) => text.push_str(&format!("Content-Length: {length}\r\n")),
        None => {}
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())
}

fn read_body(reader: &mut BufReader<UnixStream>) -> std::io::Result<Vec<u8>> {
    let mut length = 0usize;
    let mut chunked = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        }
        chunked |= line == "transfer-encoding: chunked";
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        body.extend_from_slice(&chunk[..size]);
        chunked = size > 0;
    }
    Ok(body)
}

/// The first recorded exchange of this request that has not been used.
fn take(state: &Mutex<State>, method: &str, target: &str, body: &[u8]) -> Option<Exchange> {
    let mut state = state.lock().expect("the state");
    let at = state.exchanges.iter().position(|(e, used)| !used && e.method == method && e.target == target);
    let at = at.or_else(|| state.exchanges.iter().position(|(e, _)| method == "HEAD" && e.method == method && e.target == target))?;
    state.exchanges[at].1 = true;
    let exchange = state.exchanges[at].0.clone();
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let got = String::from_utf8_lossy(body).replace(&state.folder, "/lab/");
    if let Some(recorded) = json(&exchange.request_body)
        && json(got.as_bytes()).as_ref() != Some(&recorded)
    {
        state.complaints.push(format!("another body for {method} {target}:\n  recorded {recorded}\n  got      {got}"));
    }
    Some(exchange)
}

/// The body with its times moved from the day of the recording to now, so that ages are those that were recorded.
fn shift_times(exchange: &Exchange) -> Vec<u8> {
    let ages = ["/images/json", "/containers/json", "/history", "/system/df"].iter().any(|path| exchange.target.contains(path));
    let (Ok(text), true) = (std::str::from_utf8(&exchange.body), ages) else { return exchange.body.clone() };
    let recorded = jiff::fmt::rfc2822::parse(exchange.header("Date")).map_or(0, |at| at.timestamp().as_second());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let shift = now.as_secs() as i64 - recorded;
    let exact = jiff::SignedDuration::from_secs(shift) + jiff::SignedDuration::from_nanos(i64::from(now.subsec_nanos()));
    let seconds = regex::Regex::new(r#""Created":(\d{9,10})"#).expect("a pattern");
    let text = seconds.replace_all(text, |m: &regex::Captures<'_>| format!("\"Created\":{}", m[1].parse::<i64>().unwrap_or(0) + shift));
    let stamps = regex::Regex::new(r#""(CreatedAt|LastUsedAt)":"([^"]+)""#).expect("a pattern");
    let text = stamps.replace_all(&text, |m: &regex::Captures<'_>| match m[2].parse::<jiff::Timestamp>() {
        Ok(at) => format!("\"{}\":\"{}\"", &m[1], at + exact),
        Err(_) => m[0].to_owned(),
    });
    text.into_owned().into_bytes()
}
