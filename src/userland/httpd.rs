//! `httpd`: shows the files of a folder by HTTP. It reads files and does nothing else; nothing outside the folder is named by a request.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::applets::Args;
use crate::sys::process::{self, Fork};

/// As many are served at a time.
const GUESTS: usize = 64;
/// A request may be so long.
const REQUEST: u64 = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// `httpd [-f] [-v] [-p [ADDRESS:]PORT] [-h FOLDER]`.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("httpd: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let (mut foreground, mut verbose, mut at, mut home) = (false, false, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)), PathBuf::from("."));
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flags) = word.strip_prefix('-').filter(|f| !f.is_empty()) else { return Err(format!("unexpected '{word}'")) };
        for (place, flag) in flags.char_indices() {
            let mut value = || match &flags[place + flag.len_utf8()..] {
                "" => words.next().cloned().unwrap_or_default(),
                rest => rest.to_owned(),
            };
            match flag {
                'f' => foreground = true,
                'v' => verbose = true,
                'p' => {
                    let text = value();
                    let port = |t: &str| t.parse::<u16>().ok().map(|p| SocketAddr::from((Ipv4Addr::UNSPECIFIED, p)));
                    at = port(&text).or_else(|| text.parse().ok()).ok_or(format!("invalid port '{text}'"))?;
                    break;
                }
                'h' => {
                    home = value().into();
                    break;
                }
                other => return Err(format!("invalid option -- '{other}'\nUsage: httpd [-f] [-v] [-p [ADDRESS:]PORT] [-h FOLDER]")),
            }
        }
    }
    std::env::set_current_dir(&home).map_err(|e| format!("can't change directory to '{}': {}", home.display(), plain(&e)))?;
    let listener = TcpListener::bind(at).map_err(|e| format!("bind: {}", plain(&e)))?;
    if !foreground && matches!(process::fork().map_err(|e| format!("fork: {}", plain(&e)))?, Fork::Parent(_)) {
        return Ok(());
    }
    if !foreground {
        let _ = rustix::process::setsid();
    }
    serve(&listener, verbose)
}

fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn serve(listener: &TcpListener, verbose: bool) -> Result<(), String> {
    let guests = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, from) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => continue,
            Err(e) => return Err(format!("accept: {}", plain(&e))),
        };
        if guests.fetch_add(1, Ordering::SeqCst) >= GUESTS {
            guests.fetch_sub(1, Ordering::SeqCst);
            let _ = refuse(&mut &stream, 503, "Service Unavailable", false);
            continue;
        }
        let leaving = Arc::clone(&guests);
        let started = std::thread::Builder::new().spawn(move || {
            let answered = answer(&stream);
            if verbose && let Ok((request, status)) = answered {
                eprintln!("{from}: {request}: {status}");
            }
            leaving.fetch_sub(1, Ordering::SeqCst);
        });
        if started.is_err() {
            guests.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Answers one request; gives its line and the status.
fn answer(stream: &TcpStream) -> io::Result<(String, u16)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream).take(REQUEST);
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    let request = String::from_utf8_lossy(&line).trim_end().to_owned();
    // What stands in the header changes nothing, but has to be read.
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        if line.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            break;
        }
    }
    let mut words = request.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let head = method == "HEAD";
    let mut out = stream;
    let status = if method != "GET" && !head {
        refuse(&mut out, 501, "Not Implemented", head)?
    } else {
        match local(target).ok_or(io::ErrorKind::NotFound.into()).and_then(|path| open(&path, target)) {
            Ok(Found::Folder) => {
                write!(out, "HTTP/1.1 302 Found\r\nLocation: {target}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
                302
            }
            Ok(Found::File(mut file, length, kind)) => {
                write!(out, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
                if !head {
                    io::copy(&mut (&mut file).take(length), &mut out)?;
                }
                200
            }
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => refuse(&mut out, 403, "Forbidden", head)?,
            Err(_) => refuse(&mut out, 404, "Not Found", head)?,
        }
    };
    stream.shutdown(std::net::Shutdown::Write)?;
    Ok((request, status))
}

fn refuse(out: &mut impl Write, status: u16, words: &str, head: bool) -> io::Result<u16> {
    let page = format!("<html><head><title>{status} {words}</title></head>\n<body><h1>{status} {words}</h1></body></html>\n");
    let body = if head { "" } else { &page };
    write!(
        out,
        "HTTP/1.1 {status} {words}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        page.len()
    )?;
    Ok(status)
}

enum Found {
    File(File, u64, &'static str),
    /// Named without the slash that makes its links right.
    Folder,
}

/// The path in the folder that a request names; `None` for one that leads out of it.
fn local(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let digit = |b: Option<u8>| char::from(b?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            other => other,
        });
    }
    let path = String::from_utf8(bytes).ok()?;
    let parts = Path::new(&path).components().all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
    (parts && !path.contains('\0')).then(|| Path::new(".").join(path))
}

fn open(path: &Path, target: &str) -> io::Result<Found> {
    let mut path = path.to_owned();
    if path.is_dir() {
        if !target.split(['?', '#']).next().unwrap_or_default().ends_with('/') {
            return Ok(Found::Folder);
        }
        path.push("index.html");
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
