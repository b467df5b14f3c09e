//! `nc`: connects two ends, one of which is standard input and output.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use super::applets::Args;
use super::dns;
use super::options;
use crate::units::c_words;

#[derive(Default)]
struct Options {
    listen: bool,
    udp: bool,
    scan: bool,
    verbose: bool,
    port: Option<u16>,
    wait: Option<Duration>,
    words: Vec<String>,
}

const USAGE: &str = "Usage: nc [-u] [-v] [-z] [-w SECONDS] HOST PORT\n   or: nc [-u] -l [-p] PORT";

/// `nc [-u] [-v] [-z] [-w SECONDS] HOST PORT`, `nc [-u] -l [-p] PORT`.
pub fn main(args: Args) -> ExitCode {
    let given = match options::Options::read(args, "luzvnp:w:", &[], USAGE) {
        Ok(given) => given,
        Err(code) => return code,
    };
    match parse(&given).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("nc: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(given: &options::Options) -> Result<Options, String> {
    let text = |letter| given.value(letter).map(|value| value.to_string_lossy().into_owned());
    let seconds = |text: String| text.parse().map(Duration::from_secs).map_err(|_| format!("invalid number '{text}'"));
    Ok(Options {
        listen: given.has('l'),
        udp: given.has('u'),
        scan: given.has('z'),
        verbose: given.has('v'),
        port: text('p').map(|text| port(&text)).transpose()?,
        wait: text('w').map(seconds).transpose()?,
        words: given.words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    })
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("bad port '{text}'"))
}

/// For `map_err`: what was tried, and why it failed.
fn said(what: &str) -> impl FnOnce(io::Error) -> String + '_ {
    move |e| format!("{what}: {}", c_words(&e))
}

fn run(options: &Options) -> Result<(), String> {
    if options.listen {
        let number = match (options.port, options.words.as_slice()) {
            (Some(number), _) => number,
            (None, [.., number]) => port(number)?,
            (None, []) => return Err(format!("no port is given\n{USAGE}")),
        };
        let here = SocketAddr::from((Ipv4Addr::UNSPECIFIED, number));
        if options.udp {
            return serve_datagrams(&UdpSocket::bind(here).map_err(said("bind"))?).map_err(said("read"));
        }
        let listener = TcpListener::bind(here).map_err(said("bind"))?;
        let (stream, from) = listener.accept().map_err(said("accept"))?;
        if options.verbose {
            eprintln!("connect to [{}] from [{from}]", here.ip());
        }
        return join(stream, options.wait).map_err(said("read"));
    }
    let [host, number] = options.words.as_slice() else { return Err(USAGE.to_owned()) };
    let to = SocketAddr::from((dns::resolve(host)?, port(number)?));
    let cannot = format!("can't connect to remote host ({})", to.ip());
    if options.udp {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(said("bind"))?;
        socket.connect(to).map_err(said(&cannot))?;
        return send_datagrams(&socket, options.wait).map_err(said("read"));
    }
    let stream = match options.wait {
        Some(wait) => TcpStream::connect_timeout(&to, wait.max(Duration::from_millis(1))),
        None => TcpStream::connect(to),
    };
    let stream = stream.map_err(said(&cannot))?;
    if options.verbose {
        eprintln!("{host} ({to}) open");
    }
    if options.scan { Ok(()) } else { join(stream, options.wait).map_err(said("read")) }
}

/// Carries standard input there in a thread of its own, and what comes back to standard output until the other side ends.
fn join(stream: TcpStream, wait: Option<Duration>) -> io::Result<()> {
    let mut there = stream.try_clone()?;
    std::thread::spawn(move || {
        let _ = copy(&mut io::stdin().lock(), &mut there);
        let _ = there.shutdown(Shutdown::Write);
    });
    stream.set_read_timeout(wait.filter(|w| !w.is_zero()))?;
    match copy(&mut &stream, &mut io::stdout().lock()) {
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
        other => other,
    }
}

/// Like [`io::copy`], but what has come is written at once.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count]).and_then(|()| to.flush())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Answers whoever speaks first.
fn serve_datagrams(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let (count, from) = socket.recv_from(&mut buffer)?;
    io::stdout().write_all(&buffer[..count])?;
    io::stdout().flush()?;
    socket.connect(from)?;
    send_datagrams(socket, None)
}

fn send_datagrams(socket: &UdpSocket, wait: Option<Duration>) -> io::Result<()> {
    let there = socket.try_clone()?;
    let sender = std::thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = io::stdin().lock().read(&mut buffer) {
            if there.send(&buffer[..count]).is_err() {
                break;
            }
        }
    });
    socket.set_read_timeout(wait.filter(|w| !w.is_zero()))?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match socket.recv(&mut buffer) {
            Ok(count) => io::stdout().write_all(&buffer[..count]).and_then(|()| io::stdout().flush())?,
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
            Err(e) => return Err(e),
        }
    }
    drop(sender);
    Ok(())
}
