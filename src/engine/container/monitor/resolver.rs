//! Answers a container's questions for names, at 127.0.0.11 inside: the containers on its networks, by name, alias or short id, and back.
//!
//! It asks nobody: what is not on these networks has no name. Whatever comes in, it never fails and never waits.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};

use crate::container::interfaces::Resolver;
use crate::container::spec::ResolverSpec;
use crate::network::{Named, Names};

/// As many questions by TCP are heard at a time.
const CALLERS: usize = 8;
/// As much fits a datagram for whoever has not said more; the rest is asked for by TCP.
const DATAGRAM: usize = 512;
/// Seconds that an answer is good for, as Docker says.
const LIFE: u32 = 600;

#[derive(Clone, Copy, Debug)]
pub enum Token {
    Datagrams,
    Callers,
    Caller(usize),
}

pub struct Server {
    sockets: Resolver,
    spec: ResolverSpec,
    callers: Vec<Caller>,
}

struct Caller {
    stream: TcpStream,
    heard: Vec<u8>,
    /// When it said something last.
    since: Instant,
    gone: bool,
}

impl Server {
    pub fn new(sockets: Resolver, spec: ResolverSpec) -> Server {
        Server { sockets, spec, callers: Vec::new() }
    }

    /// Changes the networks whose names are known.
    pub fn set(&mut self, spec: ResolverSpec) {
        self.spec = spec;
    }

    pub fn watch<'a>(&'a self, mut add: impl FnMut(Token, PollFd<'a>)) {
        add(Token::Datagrams, PollFd::new(&self.sockets.udp, PollFlags::IN));
        add(Token::Callers, PollFd::new(&self.sockets.tcp, PollFlags::IN));
        for (i, caller) in self.callers.iter().enumerate() {
            add(Token::Caller(i), PollFd::new(&caller.stream, PollFlags::IN));
        }
    }

    pub fn ready(&mut self, token: Token) {
        match token {
            Token::Datagrams => {
                let mut question = [0; 1500];
                if let Ok((length, from)) = self.sockets.udp.recv_from(&mut question)
                    && let Some(answer) = answer(&question[..length], &self.spec, DATAGRAM)
                {
                    let _ = self.sockets.udp.send_to(&answer, from);
                }
            }
            Token::Callers => {
                if let Ok((stream, _)) = self.sockets.tcp.accept()
                    && stream.set_nonblocking(true).is_ok()
                {
                    // Whoever has been silent for longest goes, so that nobody keeps others out.
                    if self.callers.iter().filter(|c| !c.gone).count() >= CALLERS
                        && let Some(silent) = self.callers.iter_mut().filter(|c| !c.gone).min_by_key(|c| c.since)
                    {
                        silent.gone = true;
                    }
                    self.callers.push(Caller { stream, heard: Vec::new(), since: Instant::now(), gone: false });
                }
            }
            Token::Caller(i) => {
                if let Some(caller) = self.callers.get_mut(i).filter(|c| !c.gone) {
                    caller.gone = !caller.hear(&self.spec);
                }
            }
        }
    }

    pub fn sweep(&mut self) {
        self.callers.retain(|c| !c.gone);
    }
}

impl Caller {
    /// Reads what is there and answers whole questions; `false` at the end.
    fn hear(&mut self, spec: &ResolverSpec) -> bool {
        let mut buffer = [0; 1500];
        match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => {
                self.heard.extend(&buffer[..count]);
                self.since = Instant::now();
            }
            Err(e) => return matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
        while let [high, low, rest @ ..] = &self.heard[..] {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(question) = rest.get(..length) else { return length <= 1500 };
            let Some(answer) = answer(question, spec, usize::from(u16::MAX)) else { return false };
            let mut framed = u16::try_from(answer.len()).unwrap_or(0).to_be_bytes().to_vec();
            framed.extend(answer);
            // It fits the socket's buffer, or the caller does not read.
            if self.stream.write_all(&framed).is_err() {
                return false;
            }
            self.heard.drain(..length + 2);
        }
        true
    }
}

const A: u16 = 1;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const ANY: u16 = 255;

/// There is more than fits.
const CUT: u8 = 2;

const FORMAT_ERROR: u8 = 1;
const NO_SUCH_NAME: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;

/// The answer to a question, in no more than `room` bytes; `None` for what is none.
fn answer(question: &[u8], spec: &ResolverSpec, room: usize) -> Option<Vec<u8>> {
    let header = question.get(..12)?;
    // An answer is not to be answered.
    if header[2] & 0x80 != 0 {
        return None;
    }
    let reply = |code: u8, body: &[u8], answers: &[Vec<u8>]| {
        let mut left = room.saturating_sub(12 + body.len());
        let fit = answers
            .iter()
            .take_while(|a| {
                left.checked_sub(a.len()).is_some_and(|rest| {
                    left = rest;
                    true
                })
            })
            .count();
        let cut = if fit < answers.len() { CUT } else { 0 };
        let answers = &answers[..fit];
        let mut out = header[..2].to_vec();
        // An answer, recursion as desired and available.
        out.extend([0x80 | cut | (header[2] & 0x79), 0x80 | code]);
        out.extend([0, u8::from(!body.is_empty())]);
        out.extend(u16::try_from(answers.len()).unwrap_or(0).to_be_bytes());
        out.extend([0; 4]);
        out.extend(body);
        answers.iter().for_each(|a| out.extend(a));
        Some(out)
    };
    if header[2] & 0x78 != 0 {
        return reply(NOT_IMPLEMENTED, &[], &[]);
    }
    let Some((name, length)) = read_name(&question[12..]).filter(|_| header[4..6] == [0, 1]) else {
        return reply(FORMAT_ERROR, &[], &[]);
    };
    let Some(kind) = question.get(12 + length..12 + length + 4) else { return reply(FORMAT_ERROR, &[], &[]) };
    let (kind, body) = (u16::from_be_bytes([kind[0], kind[1]]), &question[12..12 + length + 4]);
    if let Some(address) = reversed(&name) {
        let found = spec.files.iter().find_map(|file| Names::read(file).name_of(address));
        let Some(found) = found else { return reply(NO_SUCH_NAME, body, &[]) };
        let answers = if matches!(kind, PTR | ANY) { vec![record(PTR, &written(&found))] } else { Vec::new() };
        return reply(0, body, &answers);
    }
    let mut found = look_up(&name, spec);
    if found.is_empty() {
        return reply(NO_SUCH_NAME, body, &[]);
    }
    found.truncate(16);
    // A name that is there but has nothing of that kind gets an empty answer.
    let mut answers = Vec::new();
    if matches!(kind, A | ANY) {
        answers.extend(found.iter().map(|one| record(A, &one.address.octets())));
    }
    if matches!(kind, AAAA | ANY) {
        answers.extend(found.iter().filter_map(|one| one.address6).map(|address| record(AAAA, &address.octets())));
    }
    reply(0, body, &answers)
}

fn look_up(name: &str, spec: &ResolverSpec) -> Vec<Named> {
    let linked = spec.links.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = linked.map_or(name, |(_, target)| target.as_str());
    let named = |file| Names::read(file).find(name).into_iter().cloned().collect::<Vec<_>>();
    let mut all: Vec<Named> = spec.files.iter().map(|file| file.as_path()).flat_map(named).collect();
    all.dedup();
    all
}

/// A record for the name that was asked for.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0xc0, 12];
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out.extend(LIFE.to_be_bytes());
    out.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    out.extend(data);
    out
}

/// Reads a name as it stands in a question, with the bytes that it takes.
fn read_name(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), 0);
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        match length {
            0 => return Some((name, at)),
            1..=63 if at + length <= 255 => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&String::from_utf8_lossy(bytes.get(at..at + length)?));
                at += length;
            }
            // Compression has no place in a question.
            _ => return None,
        }
    }
}

/// Writes a name; labels that are too long are cut.
fn written(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|l| !l.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(63)];
        out.push(u8::try_from(label.len()).unwrap_or(63));
        out.extend(label);
    }
    out.truncate(254);
    out.push(0);
    out
}

/// The address in `2.0.99.10.in-addr.arpa`.
fn reversed(name: &str) -> Option<Ipv4Addr> {
    let at = name.len().checked_sub(".in-addr.arpa".len())?;
    let address: Ipv4Addr = name.get(..at).filter(|_| name[at..].eq_ignore_ascii_case(".in-addr.arpa"))?.parse().ok()?;
    let [a, b, c, d] = address.octets();
    Some(Ipv4Addr::new(d, c, b, a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Named;
    use proptest::prelude::*;

    fn question(name: &str, kind: u16) -> Vec<u8> {
        let mut out = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        out.extend(written(name));
        out.extend(kind.to_be_bytes());
        out.extend([0, 1]);
        out
    }

    fn spec(folder: &std::path::Path) -> ResolverSpec {
        let file = folder.join("names.json");
        let named = Named {
            address: Ipv4Addr::new(10, 99, 0, 2),
            address6: "fd00::2".parse().ok(),
            names: vec!["srv".to_owned(), "api".to_owned()],
        };
        Names { network: "lab".to_owned(), all: vec![named] }.write(&file).unwrap();
        ResolverSpec { files: vec![file], links: vec![("db".to_owned(), "srv".to_owned())] }
    }

    #[test]
    fn names_are_answered_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(folder.path());
        for name in ["srv", "API", "srv.lab", "db"] {
            let reply = answer(&question(name, A), &spec, DATAGRAM).unwrap();
            assert_eq!((reply[3] & 15, &reply[reply.len() - 4..]), (0, &[10, 99, 0, 2][..]), "{name}");
        }
        let code = |name: &str, kind| {
            let reply = answer(&question(name, kind), &spec, DATAGRAM).unwrap();
            (reply[3] & 15, reply[7])
        };
        assert_eq!((code("srv", AAAA), code("srv", 15)), ((0, 1), (0, 0)));
        assert_eq!(code("example.com", A), (NO_SUCH_NAME, 0));
        assert_eq!(code("2.0.99.10.in-addr.arpa", PTR), (0, 1));
        assert_eq!(code("3.0.99.10.in-addr.arpa", PTR), (NO_SUCH_NAME, 0));
        assert_eq!(code("", A), (NO_SUCH_NAME, 0));
    }

    #[test]
    fn what_does_not_fit_a_datagram_is_said_to_be_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("names.json");
        let one = |n: u8| Named { address: Ipv4Addr::new(10, 99, 0, n), address6: "fd00::2".parse().ok(), names: vec!["srv".to_owned()] };
        Names { network: "lab".to_owned(), all: (2..20).map(one).collect() }.write(&file).unwrap();
        let spec = ResolverSpec { files: vec![file], links: Vec::new() };
        let datagram = answer(&question("srv", ANY), &spec, DATAGRAM).unwrap();
        assert!(datagram.len() <= DATAGRAM && datagram[2] & CUT != 0 && datagram[7] > 16, "{datagram:?}");
        let whole = answer(&question("srv", ANY), &spec, 65535).unwrap();
        assert!(whole[2] & CUT == 0 && whole[7] == 32, "{whole:?}");
        assert_eq!(answer(&question("srv", A), &spec, DATAGRAM).unwrap()[2] & CUT, 0);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_borne(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let spec = ResolverSpec::default();
            let _ = answer(&bytes, &spec, DATAGRAM);
            let mut headed = question("x", A);
            headed.truncate(12);
            headed.extend(bytes);
            prop_assert!(answer(&headed, &spec, DATAGRAM).is_some());
        }
    }
}
