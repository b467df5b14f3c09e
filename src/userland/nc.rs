//! `nc`: connects two ends, one of which is standard input and output, or a program with `-e`.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
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
    /// Whoever comes after the first is served, too.
    keep: bool,
    /// What is run with the connection as its input and output: a program and its arguments.
    program: Vec<OsString>,
}

const USAGE: &str = "Usage: nc [-u] [-v] [-z] [-w SECONDS] HOST PORT [-e PROG [ARG]...]\n   or: nc [-u] -l[k] [-p] PORT [-e PROG [ARG]...]";

/// `nc [-u] [-v] [-z] [-w SECONDS] HOST PORT [-e PROG…]`, `nc [-u] -l[k] [-p] PORT [-e PROG…]`.
pub fn main(mut args: Args) -> ExitCode {
    let program = match program(&mut args) {
        Ok(program) => program,
        Err(message) => {
            eprintln!("nc: {message}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let given = match options::Options::read(args, "lkuzvnp:w:", &[], USAGE) {
        Ok(given) => given,
        Err(code) => return code,
    };
    match parse(&given, program).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("nc: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Takes `-e`, which is the last option and may stand behind others (`-lke`), and what follows it out of the arguments.
fn program(args: &mut Args) -> Result<Vec<OsString>, String> {
    let ends_in_e = |arg: &OsString| arg.to_str().is_some_and(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('e'));
    let Some(at) = args.iter().skip(1).position(ends_in_e).map(|at| at + 1) else { return Ok(Vec::new()) };
    let program = args.split_off(at + 1);
    let flag = args.pop().unwrap_or_default().to_string_lossy().into_owned();
    args.extend(flag.strip_suffix('e').filter(|flag| *flag != "-").map(OsString::from));
    if program.is_empty() { Err("option requires an argument -- 'e'".to_owned()) } else { Ok(program) }
}

fn parse(given: &options::Options, program: Vec<OsString>) -> Result<Options, String> {
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
        keep: given.has('k'),
        program,
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
        loop {
            let (stream, from) = listener.accept().map_err(said("accept"))?;
            if options.verbose {
                eprintln!("connect to [{}] from [{from}]", here.ip());
            }
            if !options.keep || options.program.is_empty() {
                return options.serve(stream);
            }
            let mut child = options.command(stream)?.spawn().map_err(|e| options.cannot_run(&e))?;
            std::thread::spawn(move || child.wait());
        }
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
    if options.scan { Ok(()) } else { options.serve(stream) }
}

impl Options {
    /// Becomes the program, or carries from one end to the other.
    fn serve(&self, stream: TcpStream) -> Result<(), String> {
        if self.program.is_empty() {
            return join(stream, self.wait).map_err(said("read"));
        }
        Err(self.cannot_run(&self.command(stream)?.exec()))
    }

    /// The program with the connection as its input and output.
    fn command(&self, stream: TcpStream) -> Result<Command, String> {
        let input = OwnedFd::from(stream);
        let output = input.try_clone().map_err(said("dup"))?;
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).stdin(input).stdout(output);
        Ok(command)
    }

    fn cannot_run(&self, error: &io::Error) -> String {
        format!("can't execute '{}': {}", self.program[0].display(), c_words(error))
    }
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
