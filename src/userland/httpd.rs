//! `httpd`: shows the files of a folder by HTTP. It reads files and does nothing else; nothing outside the folder is named by a request.
//! With `-l` it has the manners of nginx: its log, its pages for what is not there, its ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::applets::Args;
use super::ending::{Meaning, on_signals};
use super::options::Options;
use crate::sys::process::{self, Fork};
use crate::units::{c_words, percent_decoded};

/// As many are served at a time.
const GUESTS: usize = 64;
/// A request may be so long.
const REQUEST: u64 = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// How requests are told of.
enum Manners {
    Quiet,
    /// A line on standard error.
    Verbose,
    /// As the server of this name and version does: all requests on standard output, what went wrong on standard error.
    Server(String),
}

const USAGE: &str = "Usage: httpd [-f] [-v] [-l NAME/VERSION] [-p [ADDRESS:]PORT] [-h FOLDER]";

/// `httpd [-f] [-v] [-l NAME/VERSION] [-p [ADDRESS:]PORT] [-h FOLDER]`.
pub fn main(args: Args) -> ExitCode {
    let options = match Options::read(args, "fvl:p:h:", &[], USAGE) {
        Ok(options) => options,
        Err(code) => return code,
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("httpd: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    if let Some(word) = options.words.first() {
        return Err(format!("unexpected '{}'", word.to_string_lossy()));
    }
    let text = |letter| options.value(letter).map(|value| value.to_string_lossy().into_owned());
    let foreground = options.has('f');
    let manners = match text('l') {
        Some(server) => Manners::Server(server),
        None if options.has('v') => Manners::Verbose,
        None => Manners::Quiet,
    };
    let on_port = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let at = match text('p') {
        Some(text) => text.parse().map(on_port).ok().or_else(|| text.parse().ok()).ok_or(format!("invalid port '{text}'"))?,
        None => on_port(80),
    };
    let home = PathBuf::from(options.value('h').unwrap_or(".".as_ref()));
    std::env::set_current_dir(&home).map_err(|e| format!("can't change directory to '{}': {}", home.display(), c_words(&e)))?;
    let listener = TcpListener::bind(at).map_err(|e| format!("bind: {}", c_words(&e)))?;
    if !foreground && matches!(process::fork().map_err(|e| format!("fork: {}", c_words(&e)))?, Fork::Parent(_)) {
        return Ok(());
    }
    if !foreground {
        let _ = rustix::process::setsid();
    }
    if let Manners::Server(name) = &manners {
        notice(name);
        notice("start worker processes");
        on_signals(signalled);
    }
    serve(&listener, &Arc::new(manners))
}

/// A line of the error log.
fn logged(level: &str, text: &str) {
    let pid = std::process::id();
    eprintln!("{} [{level}] {pid}#{pid}: {text}", jiff::Timestamp::now().strftime("%Y/%m/%d %H:%M:%S"));
}

fn notice(text: &str) {
    logged("notice", text);
}

/// A server's ends: at once or after what it has begun, which is the same here.
fn signalled(number: i32) -> Meaning {
    use rustix::process::Signal;
    let is = |signal: Signal| signal.as_raw() == number;
    let (name, what) = match () {
        () if is(Signal::QUIT) => ("SIGQUIT", "shutting down"),
        () if is(Signal::TERM) => ("SIGTERM", "exiting"),
        () if is(Signal::INT) => ("SIGINT", "exiting"),
        () if is(Signal::HUP) => ("SIGHUP", "reconfiguring"),
        () => return Meaning::Nothing,
    };
    notice(&format!("signal {number} ({name}) received, {what}"));
    if is(Signal::HUP) {
        return Meaning::Nothing;
    }
    notice("exit");
    Meaning::End(0)
}

fn serve(listener: &TcpListener, manners: &Arc<Manners>) -> Result<(), String> {
    let guests = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, from) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => continue,
            Err(e) => return Err(format!("accept: {}", c_words(&e))),
        };
        let manners = Arc::clone(manners);
        if guests.fetch_add(1, Ordering::SeqCst) >= GUESTS {
            guests.fetch_sub(1, Ordering::SeqCst);
            let _ = Answer { out: &stream, server: manners.server(), head: false }.refuse(503, "Service Unavailable");
            continue;
        }
        let leaving = Arc::clone(&guests);
        let started = std::thread::Builder::new().spawn(move || {
            if let Ok((request, said)) = answer(&stream, manners.server()) {
                manners.tell(from, &request, &said);
            }
            leaving.fetch_sub(1, Ordering::SeqCst);
        });
        if started.is_err() {
            guests.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Manners {
    fn server(&self) -> Option<&str> {
        if let Manners::Server(name) = self { Some(name) } else { None }
    }

    fn tell(&self, from: SocketAddr, request: &Request, said: &Said) {
        match self {
            Manners::Quiet => {}
            Manners::Verbose => eprintln!("{from}: {}: {}", request.line, said.status),
            Manners::Server(_) => {
                let Request { line, referer, agent, host } = request;
                let client = from.ip();
                if let Some(why) = &said.why {
                    logged("error", &format!("*1 {why}, client: {client}, server: localhost, request: \"{line}\", host: \"{host}\""));
                }
                let time = jiff::Timestamp::now().strftime("%d/%b/%Y:%H:%M:%S %z");
                println!("{client} - - [{time}] \"{line}\" {} {} \"{referer}\" \"{agent}\" \"-\"", said.status, said.bytes);
            }
        }
    }
}

/// What is told of a request.
struct Request {
    line: String,
    referer: String,
    agent: String,
    host: String,
}

/// What was answered: the status, the bytes of the body, and why it was no file.
struct Said {
    status: u16,
    bytes: u64,
    why: Option<String>,
}

/// Answers one request.
fn answer(stream: &TcpStream, server: Option<&str>) -> io::Result<(Request, Said)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream).take(REQUEST);
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    let none = || "-".to_owned();
    let line_of = |line: &[u8]| String::from_utf8_lossy(line).trim_end().to_owned();
    let mut request = Request { line: line_of(&line), referer: none(), agent: none(), host: none() };
    // What stands in the header changes nothing, but has to be read.
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        if line.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            break;
        }
        if let Some((name, value)) = line_of(&line).split_once(':') {
            let value = || value.trim().replace('"', "\\x22");
            match name.to_ascii_lowercase().as_str() {
                "referer" => request.referer = value(),
                "user-agent" => request.agent = value(),
                "host" => request.host = value(),
                _ => {}
            }
        }
    }
    let mut words = request.line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let answer = Answer { out: stream, server, head: method == "HEAD" };
    let said = if method != "GET" && !answer.head {
        // Who only has files does not allow it; who might have had more does not know how.
        let (status, words) = if server.is_some() { (405, "Not Allowed") } else { (501, "Not Implemented") };
        answer.refuse(status, words)?
    } else {
        let path = local(target);
        match path.as_deref().ok_or(io::ErrorKind::NotFound.into()).and_then(|path| open(path, target, server.is_some())) {
            Ok(Found::Folder) => answer.moved(target)?,
            Ok(Found::File(file, length, kind)) => answer.file(file, length, kind)?,
            Err(e) => {
                let (status, words) = if e.kind() == io::ErrorKind::PermissionDenied { (403, "Forbidden") } else { (404, "Not Found") };
                let named = std::env::current_dir().unwrap_or_default().join(path.unwrap_or_default());
                let why = format!("open() \"{}\" failed ({}: {})", named.display(), e.raw_os_error().unwrap_or(2), c_words(&e));
                Said { why: Some(why.replace("/./", "/")), ..answer.refuse(status, words)? }
            }
        }
    };
    stream.shutdown(std::net::Shutdown::Write)?;
    Ok((request, said))
}

/// Where an answer goes, and whose it is.
struct Answer<'a> {
    out: &'a TcpStream,
    server: Option<&'a str>,
    /// Its body is not asked for.
    head: bool,
}

impl Answer<'_> {
    fn begin(&self, status: &str, more: &str, length: u64) -> io::Result<()> {
        let server = self.server.map(|name| format!("Server: {name}\r\nDate: {}\r\n", http_date())).unwrap_or_default();
        write!(&mut &*self.out, "HTTP/1.1 {status}\r\n{server}{more}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    }

    fn moved(&self, target: &str) -> io::Result<Said> {
        self.begin("302 Found", &format!("Location: {target}/"), 0)?;
        Ok(Said { status: 302, bytes: 0, why: None })
    }

    fn file(&self, mut file: File, length: u64, kind: &str) -> io::Result<Said> {
        self.begin("200 OK", &format!("Content-Type: {kind}"), length)?;
        let bytes = if self.head { 0 } else { io::copy(&mut (&mut file).take(length), &mut &*self.out)? };
        Ok(Said { status: 200, bytes, why: None })
    }

    fn refuse(&self, status: u16, words: &str) -> io::Result<Said> {
        let page = match self.server {
            None => format!("<html><head><title>{status} {words}</title></head>\n<body><h1>{status} {words}</h1></body></html>\n"),
            Some(name) => format!(
                "<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>{status} {words}</h1></center>\r\n<hr><center>{name}</center>\r\n</body>\r\n</html>\r\n"
            ),
        };
        let length = page.len() as u64;
        self.begin(&format!("{status} {words}"), "Content-Type: text/html", length)?;
        if !self.head {
            (&mut &*self.out).write_all(page.as_bytes())?;
        }
        Ok(Said { status, bytes: if self.head { 0 } else { length }, why: None })
    }
}

fn http_date() -> String {
    jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

enum Found {
    File(File, u64, &'static str),
    /// Named without the slash that makes its links right.
    Folder,
}

/// The path in the folder that a request names; `None` for one that leads out of it.
fn local(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let path = percent_decoded(path)?;
    let parts = Path::new(&path).components().all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
    (parts && !path.contains('\0')).then(|| Path::new(".").join(path))
}

/// What is at `path`; a folder without a page is a secret where `closed`.
fn open(path: &Path, target: &str, closed: bool) -> io::Result<Found> {
    let mut path = path.to_owned();
    if path.is_dir() {
        if !target.split(['?', '#']).next().unwrap_or_default().ends_with('/') {
            return Ok(Found::Folder);
        }
        path.push("index.html");
        if closed && !path.exists() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    let file = File::open(&path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let kind = match path.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" | "htm" => "text/html",
        "txt" | "md" => "text/plain",
        "css" => "text/css",
        "js" => "application/javascript",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        _ => "application/octet-stream",
    };
    Ok(Found::File(file, metadata.len(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_in_the_folder() {
        assert_eq!(local("/a%20b/c?x#y"), Some(PathBuf::from("./a b/c")));
        assert_eq!(local("/"), Some(PathBuf::from("./")));
        for out in ["", "a", "/../x", "/a/../../x", "/%2e%2e/x", "//etc/passwd", "/%2fetc/passwd", "/a%00b", "/a%zz", "/a%"] {
            assert_eq!(local(out), None, "{out}");
        }
    }
}
