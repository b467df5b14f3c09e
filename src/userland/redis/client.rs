//! A connection and what the server knows of who is behind it.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::{
    Bytes,
    reply::{Manner, Reply},
    request::Requests,
    waiting::Wait,
};

/// Who does not read so much of what is said to him is hung up on.
const UNREAD: usize = 256 << 20;
/// Who does not read so much is not listened to.
const BUSY: usize = 1 << 20;
/// A connection may bring so much before the others have their turn.
const TURN: usize = 256 << 10;

/// What `CLIENT REPLY` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answers {
    On,
    Off,
    /// Not to the next command.
    Skip,
}

/// Commands that wait for `EXEC`.
#[derive(Debug, Default)]
pub struct Queue {
    pub commands: Vec<Vec<Bytes>>,
    /// One of them made no sense.
    pub spoilt: bool,
}

/// One who is connected.
#[derive(Debug)]
pub struct Client {
    pub id: u64,
    /// None for the server itself, which reads its own commands back.
    pub stream: Option<TcpStream>,
    pub address: String,
    pub local: String,
    pub requests: Requests,
    out: Vec<u8>,
    written: usize,
    pub three: bool,
    pub db: usize,
    pub known: bool,
    pub name: Bytes,
    pub library: (Bytes, Bytes),
    pub queue: Option<Queue>,
    pub watched: BTreeSet<(usize, Bytes)>,
    /// Something watched has changed.
    pub touched: bool,
    pub channels: BTreeSet<Bytes>,
    pub patterns: BTreeSet<Bytes>,
    pub wait: Option<Wait>,
    pub monitors: bool,
    pub answers: Answers,
    /// Nothing more is read; the connection ends when all is written.
    pub leaving: bool,
    /// The connection is to be ended at once.
    pub gone: bool,
    pub came: Instant,
    pub heard: Instant,
    pub last: String,
    /// What the server listens to of it: reading, writing.
    pub interest: (bool, bool),
}

impl Client {
    pub fn new(id: u64, stream: Option<TcpStream>, known: bool) -> Self {
        let (address, local) = match &stream {
            Some(stream) => (stream.peer_addr(), stream.local_addr()),
            None => (Err(io::ErrorKind::NotConnected.into()), Err(io::ErrorKind::NotConnected.into())),
        };
        let named = |address: io::Result<std::net::SocketAddr>| address.map(|address| address.to_string()).unwrap_or_default();
        let now = Instant::now();
        Client {
            id,
            stream,
            address: named(address),
            local: named(local),
            requests: Requests::default(),
            out: vec![],
            written: 0,
            three: false,
            db: 0,
            known,
            name: vec![],
            library: (vec![], vec![]),
            queue: None,
            watched: BTreeSet::new(),
            touched: false,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            wait: None,
            monitors: false,
            answers: Answers::On,
            leaving: false,
            gone: false,
            came: now,
            heard: now,
            last: "NULL".to_owned(),
            interest: (true, false),
        }
    }

    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Says something, to be written when there is time.
    pub fn say(&mut self, reply: &Reply, short: bool) {
        if self.stream.is_some() && !self.gone {
            reply.write(&mut self.out, Manner { three: self.three, short });
            self.gone |= self.unread() > UNREAD;
        }
    }

    /// How much has not been written yet.
    pub fn unread(&self) -> usize {
        self.out.len() - self.written
    }

    /// Whether it makes sense to read what it says.
    pub fn listens(&self) -> bool {
        !self.leaving && !self.gone && self.unread() < BUSY && (self.wait.is_none() || self.requests.waiting() < BUSY)
    }

    /// Takes in what has come; how much it was. An end is an error, as is anything else that ends a connection.
    pub fn read(&mut self) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let mut buffer = [0; 16 << 10];
        let mut count = 0;
        while count < TURN {
            match stream.read(&mut buffer) {
                Ok(0) if count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(0) => break,
                Ok(more) => {
                    self.requests.push(&buffer[..more]);
                    count += more;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.heard = Instant::now();
        Ok(count)
    }

    /// Writes what can be written without waiting.
    pub fn flush(&mut self) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let from = self.written;
        while self.written < self.out.len() {
            match stream.write(&self.out[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let count = self.written - from;
        // Who is never quite done reading must not have all that was ever said to him kept.
        if self.written > 0 && self.written >= self.out.len() / 2 {
            self.out.drain(..self.written);
            self.out.shrink_to(64 << 10);
            self.written = 0;
        }
        Ok(count)
    }
}
