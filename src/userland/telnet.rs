//! `telnet`: a line to a server, typed and shown; what a server wants to agree on is answered as BusyBox answers it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::applets::Args;
use super::dns;
use super::ending::{Meaning, on_signals};
use super::options::Options;
use crate::units::c_words;

const USAGE: &str = "Usage: telnet [-a] [-l USER] HOST [PORT]\n\nConnect to telnet server\n\n\t-a\tAutomatic login with $USER variable\n\t-l USER\tAutomatic login as USER";

/// The protocol's words.
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
/// What can be agreed on.
const ECHO: u8 = 1;
const SGA: u8 = 3;
const TTYPE: u8 = 24;
const NAWS: u8 = 31;
const NEW_ENVIRON: u8 = 39;
/// A part of a negotiation may be so long.
const PART: usize = 1024;
/// `^]`, which leads out where each key goes to the server.
const ESCAPE: u8 = 0x1d;

/// `telnet [-a] [-l USER] HOST [PORT]`.
pub fn main(args: Args) -> ExitCode {
    let options = match Options::read(args, "al:", &[], USAGE) {
        Ok(options) => options,
        Err(status) => return status,
    };
    let given: Vec<String> = options.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (host, port) = match &given[..] {
        [host] => (host, Ok(23)),
        [host, port] => (host, port.parse::<u16>()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let Ok(port) = port else {
        eprintln!("telnet: bad port '{}'", given[1]);
        return ExitCode::FAILURE;
    };
    let user = match options.value('l') {
        Some(user) => Some(user.to_string_lossy().into_owned()),
        None if options.has('a') => std::env::var("USER").ok(),
        None => None,
    };
    let Ok(address) = dns::resolve(host) else {
        eprintln!("telnet: bad address '{host}'");
        return ExitCode::FAILURE;
    };
    let stream = match TcpStream::connect(SocketAddr::from((address, port))) {
        Ok(stream) => stream,
        Err(e) => {
            eprintln!("telnet: can't connect to remote host ({address}): {}", c_words(&e));
            return ExitCode::FAILURE;
        }
    };
    println!("Connected to {host}");
    on_signals(|number| match number {
        libc::SIGINT | libc::SIGTERM | libc::SIGHUP | libc::SIGQUIT => Meaning::Death,
        _ => Meaning::Nothing,
    });
    let mut session = Session { stream, wire: Wire::default(), answers: vec![], user, echoes: false, goes_ahead: false, raw: None };
    let result = session.run();
    session.cooked();
    match result {
        Ok(true) => {
            println!("Connection closed by foreign host\r");
            ExitCode::FAILURE
        }
        Ok(false) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Where in the protocol the other side is.
#[derive(Debug, Default)]
enum Wire {
    #[default]
    Text,
    /// After a carriage return, which may have a zero behind it.
    Return,
    Command,
    Option(u8),
    Part(Vec<u8>),
    PartCommand(Vec<u8>),
}

struct Session {
    stream: TcpStream,
    wire: Wire,
    answers: Vec<u8>,
    user: Option<String>,
    echoes: bool,
    goes_ahead: bool,
    /// The terminal's settings from before each key was sent at once.
    raw: Option<Termios>,
}

impl Session {
    /// Carries both ways until one side ends; whether it was the other.
    fn run(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        loop {
            let (typed, come) = {
                let input = io::stdin();
                let mut both = [PollFd::new(&input, PollFlags::IN), PollFd::new(&self.stream, PollFlags::IN)];
                match poll(&mut both, None) {
                    Err(rustix::io::Errno::INTR) => continue,
                    other => other?,
                };
                (!both[0].revents().is_empty(), !both[1].revents().is_empty())
            };
            if come {
                let count = self.stream.read(&mut buffer)?;
                if count == 0 {
                    return Ok(true);
                }
                let text = self.hear(&buffer[..count]);
                let mut out = io::stdout().lock();
                out.write_all(&text)?;
                out.flush()?;
                drop(out);
                self.stream.write_all(&std::mem::take(&mut self.answers))?;
            }
            if typed {
                let count = rustix::io::read(io::stdin(), &mut buffer)?;
                let typed = &buffer[..count];
                if count == 0 || self.raw.is_some() && typed.contains(&ESCAPE) && self.wants_to_end()? {
                    return Ok(false);
                }
                let line_ends = self.raw.is_none();
                let mut out = Vec::with_capacity(count * 2);
                for byte in typed.iter().filter(|byte| line_ends || **byte != ESCAPE) {
                    match byte {
                        b'\n' | b'\r' if line_ends => out.extend(b"\r\n"),
                        b'\r' => out.extend(b"\r\0"),
                        &IAC => out.extend([IAC, IAC]),
                        other => out.push(*other),
                    }
                }
                self.stream.write_all(&out)?;
            }
        }
    }

    /// The text among what has come; what is to be agreed on is answered.
    fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = vec![];
        for byte in bytes {
            let wire = std::mem::take(&mut self.wire);
            self.wire = match (wire, *byte) {
                (Wire::Text | Wire::Return, IAC) => Wire::Command,
                (Wire::Return, 0) => Wire::Text,
                (Wire::Text | Wire::Return, byte) => {
                    text.push(byte);
                    if byte == b'\r' { Wire::Return } else { Wire::Text }
                }
                (Wire::Command, IAC) => {
                    text.push(IAC);
                    Wire::Text
                }
                (Wire::Command, word @ (DO | DONT | WILL | WONT)) => Wire::Option(word),
                (Wire::Command, SB) => Wire::Part(vec![]),
                (Wire::Command, _) => Wire::Text,
                (Wire::Option(word), option) => {
                    self.agree(word, option);
                    Wire::Text
                }
                (Wire::Part(part), IAC) => Wire::PartCommand(part),
                (Wire::Part(mut part), byte) => {
                    if part.len() < PART {
                        part.push(byte);
                    }
                    Wire::Part(part)
                }
                (Wire::PartCommand(part), SE) => {
                    self.tell(&part);
                    Wire::Text
                }
                (Wire::PartCommand(part), _) => Wire::Part(part),
            };
        }
        text
    }

    fn agree(&mut self, word: u8, option: u8) {
        let answer = match (word, option) {
            (WILL, ECHO) if !self.echoes => {
                self.echoes = true;
                DO
            }
            (WILL, SGA) if !self.goes_ahead => {
                self.goes_ahead = true;
                DO
            }
            (WILL, ECHO | SGA) => return,
            (WONT, ECHO) if self.echoes => {
                self.echoes = false;
                DONT
            }
            (WONT, SGA) if self.goes_ahead => {
                self.goes_ahead = false;
                DONT
            }
            (WONT | DONT, _) => return,
            (WILL, _) => DONT,
            (DO, TTYPE | NAWS) => WILL,
            (DO, NEW_ENVIRON) if self.user.is_some() => WILL,
            _ => WONT,
        };
        self.answers.extend([IAC, answer, option]);
        if (word, option) == (DO, NAWS) {
            self.window();
        }
        if self.echoes && self.goes_ahead && self.raw.is_none() {
            self.uncooked();
        } else if !self.echoes {
            self.cooked();
        }
    }

    /// Tells how large the terminal is.
    fn window(&mut self) {
        let size = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0);
        let (columns, rows) = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
        self.answers.extend([IAC, SB, NAWS]);
        for byte in [columns.to_be_bytes(), rows.to_be_bytes()].concat() {
            self.answers.push(byte);
            if byte == IAC {
                self.answers.push(IAC);
            }
        }
        self.answers.extend([IAC, SE]);
    }

    /// Answers a question about the terminal or the user.
    fn tell(&mut self, part: &[u8]) {
        match (part, &self.user) {
            ([TTYPE, 1, ..], _) => {
                let kind = std::env::var("TERM").unwrap_or_default();
                self.answers.extend([IAC, SB, TTYPE, 0]);
                self.answers.extend(kind.bytes().filter(|byte| *byte < IAC));
                self.answers.extend([IAC, SE]);
            }
            ([NEW_ENVIRON, 1, ..], Some(user)) => {
                self.answers.extend([IAC, SB, NEW_ENVIRON, 0, 0]);
                self.answers.extend(b"USER\x01");
                self.answers.extend(user.bytes().filter(|byte| *byte < IAC));
                self.answers.extend([IAC, SE]);
            }
            _ => {}
        }
    }

    /// Each key goes to the server, which shows it.
    fn uncooked(&mut self) {
        print!("\r\nEntering character mode\r\nEscape character is '^]'.\r\n\r\n");
        let _ = io::stdout().flush();
        if let Ok(before) = tcgetattr(io::stdin()) {
            let mut raw = before.clone();
            raw.make_raw();
            raw.output_modes = before.output_modes;
            if tcsetattr(io::stdin(), OptionalActions::Now, &raw).is_ok() {
                self.raw = Some(before);
            }
        }
    }

    fn cooked(&mut self) {
        if let Some(before) = self.raw.take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }

    /// After the escape character: `e` ends.
    fn wants_to_end(&self) -> io::Result<bool> {
        print!("\r\nConsole escape. Commands are:\r\n\n e\texit telnet\r\n");
        io::stdout().flush()?;
        let mut key = [0];
        let count = rustix::io::read(io::stdin(), &mut key)?;
        Ok(count == 0 || key[0] == b'e')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> (Session, std::net::TcpListener) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Session { stream, wire: Wire::default(), answers: vec![], user: None, echoes: false, goes_ahead: false, raw: None }, listener)
    }

    #[test]
    fn text_is_told_from_commands_wherever_it_is_cut() {
        let bytes = [&b"hi\r\n"[..], &[IAC, IAC, IAC, DO, ECHO, IAC, SB, TTYPE, 1, IAC, SE], b"\r\0x"].concat();
        for cut in 0..bytes.len() {
            let (mut session, _listener) = session();
            let mut text = session.hear(&bytes[..cut]);
            text.extend(session.hear(&bytes[cut..]));
            assert_eq!(text, b"hi\r\n\xff\rx");
            assert_eq!(session.answers[..3], [IAC, WONT, ECHO]);
        }
    }
}
