//! `wget`: fetches a page by HTTP.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::applets::Args;
use super::dns;
use super::options;
use crate::units::c_words;

/// More is no chain of redirections but a circle.
const REDIRECTIONS: usize = 5;
/// Lines of a header may be so long, all together.
const HEADER: u64 = 64 << 10;

struct Options {
    quiet: bool,
    show_header: bool,
    spider: bool,
    output: Option<String>,
    patience: Duration,
    url: String,
}

struct Url {
    host: String,
    port: u16,
    path: String,
}

/// `wget [-q] [-S] [-O FILE] [-T SECONDS] [--spider] URL`.
pub fn main(args: Args) -> ExitCode {
    let given = match options::Options::read(args, "qSO:T:", LONG, USAGE) {
        Ok(given) => given,
        Err(code) => return code,
    };
    match parse(&given).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("wget: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The options that have long names alone stand for letters that are none.
const LONG: &[(&str, char)] = &[("quiet", 'q'), ("server-response", 'S'), ("output-document", 'O'), ("timeout", 'T'), ("spider", 's')];
const USAGE: &str = "Usage: wget [-q] [-S] [-O FILE] [-T SECONDS] [--spider] URL";

fn parse(given: &options::Options) -> Result<Options, String> {
    let text = |letter| given.value(letter).map(|value| value.to_string_lossy().into_owned());
    let seconds = |text: String| text.parse().map(Duration::from_secs).map_err(|_| format!("invalid number '{text}'"));
    Ok(Options {
        quiet: given.has('q'),
        show_header: given.has('S'),
        spider: given.has('s'),
        output: text('O'),
        patience: text('T').map(seconds).transpose()?.unwrap_or(Duration::from_secs(900)),
        url: given.words.last().ok_or(format!("no URL is given\n{USAGE}"))?.to_string_lossy().into_owned(),
    })
}

fn read_url(text: &str) -> Result<Url, String> {
    let rest = match text.split_once("://") {
        Some(("http", rest)) => rest,
        Some((scheme, _)) => return Err(format!("not an http url: {text} (this wget does not speak {scheme})")),
        None => text,
    };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| format!("bad port spec '{authority}'"))?),
        None => (authority, 80),
    };
    let path = path.split('#').next().unwrap_or("/").to_owned();
    if path.contains([' ', '\r', '\n']) || host.is_empty() {
        return Err(format!("bad url: {text}"));
    }
    Ok(Url { host: host.to_owned(), port, path })
}

fn run(options: &Options) -> Result<(), String> {
    let mut url = read_url(&options.url)?;
    for _ in 0..=REDIRECTIONS {
        let to = SocketAddr::from((dns::resolve(&url.host)?, url.port));
        if !options.quiet {
            eprintln!("Connecting to {} ({to})", if url.port == 80 { url.host.clone() } else { format!("{}:{}", url.host, url.port) });
        }
        let cannot = |e: io::Error| format!("can't connect to remote host ({}): {}", to.ip(), c_words(&e));
        let stream = TcpStream::connect_timeout(&to, options.patience.max(Duration::from_millis(1))).map_err(cannot)?;
        stream.set_read_timeout(Some(options.patience.max(Duration::from_millis(1)))).map_err(cannot)?;
        let host = if url.port == 80 { url.host.clone() } else { format!("{}:{}", url.host, url.port) };
        let method = if options.spider { "HEAD" } else { "GET" };
        let request = format!("{method} {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Wget\r\nConnection: close\r\n\r\n", url.path);
        let failed = |e: io::Error| format!("error getting response: {}", c_words(&e));
        (&stream).write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = BufReader::new(stream);
        let (status, header) = read_header(&mut answer).map_err(failed)?;
        if options.show_header {
            eprintln!("  {status}");
            header.iter().for_each(|(name, value)| eprintln!("  {name}: {value}"));
        }
        let field = |wanted: &str| header.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str());
        match status.split_whitespace().nth(1).and_then(|code| code.parse::<u16>().ok()) {
            Some(200..=299) => {}
            Some(301 | 302 | 303 | 307 | 308) => {
                let place = field("location").ok_or("the server sends somewhere else, but not where")?;
                url = if place.starts_with('/') { Url { path: place.to_owned(), ..url } } else { read_url(place)? };
                continue;
            }
            _ => return Err(format!("server returned error: {status}")),
        }
        if options.spider {
            if !options.quiet {
                eprintln!("remote file exists");
            }
            return Ok(());
        }
        let length = field("content-length").and_then(|l| l.parse().ok());
        let chunked = field("transfer-encoding").is_some_and(|e| e.eq_ignore_ascii_case("chunked"));
        return save(options, &url, answer, length, chunked);
    }
    Err("too many redirections".to_owned())
}

fn read_header(answer: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let mut limited = answer.take(HEADER);
    let mut line = || -> io::Result<String> {
        let mut bytes = Vec::new();
        limited.read_until(b'\n', &mut bytes)?;
        if bytes.last() != Some(&b'\n') {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server ended early"));
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    let status = line()?;
    let mut fields = Vec::new();
    loop {
        let text = line()?;
        if text.is_empty() {
            return Ok((status, fields));
        }
        if let Some((name, value)) = text.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

fn save(options: &Options, url: &Url, mut answer: impl BufRead, length: Option<u64>, chunked: bool) -> Result<(), String> {
    let own = url.path.split('?').next().and_then(|p| p.rsplit('/').next()).filter(|n| !n.is_empty()).unwrap_or("index.html");
    let name = options.output.as_deref().unwrap_or(own);
    let mut out: Box<dyn Write> = match name {
        "-" => Box::new(io::stdout().lock()),
        // A file that is there is only overwritten when it was named.
        _ if options.output.is_some() => Box::new(File::create(name).map_err(|e| format!("can't open '{name}': {}", c_words(&e)))?),
        _ => Box::new(File::create_new(name).map_err(|e| format!("can't open '{name}': {}", c_words(&e)))?),
    };
    if !options.quiet {
        eprintln!("{}", if name == "-" { "writing to stdout".to_owned() } else { format!("saving to '{name}'") });
    }
    let got = if chunked { copy_chunks(&mut answer, &mut out) } else { copy_body(&mut answer, &mut out, length) };
    let got = got.and_then(|n| out.flush().map(|()| n)).map_err(|e| format!("error getting response: {}", c_words(&e)))?;
    if !options.quiet {
        let name = if name == "-" { "-" } else { name };
        eprintln!("{name:<20} 100% |********************************| {got:>5}  0:00:00 ETA");
        eprintln!("{}", if name == "-" { "written to stdout".to_owned() } else { format!("'{name}' saved") });
    }
    Ok(())
}

fn copy_body(answer: &mut impl BufRead, out: &mut impl Write, length: Option<u64>) -> io::Result<u64> {
    let Some(length) = length else { return io::copy(answer, out) };
    let got = io::copy(&mut answer.take(length), out)?;
    if got == length { Ok(got) } else { Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed prematurely")) }
}

fn copy_chunks(answer: &mut impl BufRead, out: &mut impl Write) -> io::Result<u64> {
    let mut total = 0;
    loop {
        let mut line = Vec::new();
        answer.take(64).read_until(b'\n', &mut line)?;
        let text = String::from_utf8_lossy(&line);
        let digits = text.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(digits, 16).map_err(|_| io::Error::other(format!("invalid chunk length '{}'", text.trim())))?;
        if size == 0 {
            return Ok(total);
        }
        total += copy_body(answer, out, Some(size))?;
        let mut end = [0; 2];
        answer.read_exact(&mut end)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |text: &str| read_url(text).map(|u| (u.host, u.port, u.path)).ok();
        let own = |host: &str, port, path: &str| Some((host.to_owned(), port, path.to_owned()));
        assert_eq!(parts("http://api/passwd#x"), own("api", 80, "/passwd"));
        assert_eq!(parts("localhost:8080"), own("localhost", 8080, "/"));
        for bad in ["https://x/", "http:///x", "http://h:x/", "http://h/a b"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn chunks_are_put_together() {
        let mut out = Vec::new();
        assert_eq!(copy_chunks(&mut &b"3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"[..], &mut out).unwrap(), 5);
        assert_eq!(out, b"abcde");
        assert!(copy_chunks(&mut &b"zz\r\n"[..], &mut Vec::new()).is_err());
        assert!(copy_chunks(&mut &b"9\r\nabc"[..], &mut Vec::new()).is_err());
    }
}
