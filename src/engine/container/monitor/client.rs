//! A connection to an engine, as the monitor holds it: what comes in by frames, what goes out by a queue.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use crate::container::frame::{self, Kind};
use crate::container::spec::{Command, Reply, Request};
use crate::sys::socket;

/// While more than this waits to be taken by an engine, the container's output is left in its pipe: a slow reader slows the writer, as
/// with a plain pipe.
pub const ENOUGH: usize = 1 << 20;

pub struct Client {
    pub stream: UnixStream,
    /// The stream that carries standard input, raw.
    pub stdin: Option<OwnedFd>,
    /// Whether output is for this client: it has said what it wants.
    pub greeted: bool,
    pub gone: bool,
    incoming: Vec<u8>,
    passed: Vec<OwnedFd>,
    out: Vec<u8>,
    sent: usize,
}

impl Client {
    pub fn new(stream: UnixStream) -> Client {
        Client { stream, stdin: None, greeted: false, gone: false, incoming: Vec::new(), passed: Vec::new(), out: Vec::new(), sent: 0 }
    }

    /// The connection for somebody else, with all that has come in; what is left here is gone. Clients keep their places that way.
    pub fn hand_over(&mut self) -> io::Result<Client> {
        let stream = self.stream.try_clone()?;
        let left = std::mem::replace(self, Client { gone: true, ..Client::new(stream) });
        Ok(left)
    }

    /// Waits for the first request, on a fresh connection.
    pub fn first_request(&mut self) -> io::Result<Option<(Request, Vec<OwnedFd>)>> {
        loop {
            if let Some(request) = self.next_request()? {
                self.stream.set_nonblocking(true)?;
                return Ok(Some(request));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// Reads what is there; `false` when the other side is gone.
    pub fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        match socket::receive(&self.stream, &mut buffer) {
            Ok((0, _)) => Ok(false),
            Ok((count, fds)) => {
                self.incoming.extend(&buffer[..count]);
                self.passed.extend(fds);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// The request that has come in whole, with the descriptors that came with it.
    pub fn next_request(&mut self) -> io::Result<Option<(Request, Vec<OwnedFd>)>> {
        match frame::take(&mut self.incoming)? {
            Some((Kind::Request, body)) => {
                self.greeted = true;
                Ok(Some((frame::from_json(&body)?, std::mem::take(&mut self.passed))))
            }
            Some(_) => Err(ErrorKind::InvalidData.into()),
            None => Ok(None),
        }
    }

    /// The next command that has come in whole.
    pub fn next_command(&mut self) -> io::Result<Option<Command>> {
        match frame::take(&mut self.incoming)? {
            Some((Kind::Command, body)) => Ok(Some(frame::from_json(&body)?)),
            Some(_) => Err(ErrorKind::InvalidData.into()),
            None => Ok(None),
        }
    }

    /// How much waits to be sent.
    pub fn waiting(&self) -> usize {
        self.out.len() - self.sent
    }

    pub fn output(&mut self, kind: Kind, bytes: &[u8]) {
        self.out.extend(frame::header(kind, bytes.len()));
        self.out.extend(bytes);
        self.flush();
    }

    pub fn reply(&mut self, reply: &Reply) {
        if let Ok(bytes) = frame::json(Kind::Reply, reply) {
            self.out.extend(bytes);
            self.flush();
        }
    }

    /// Sends as much as the engine takes now.
    pub fn flush(&mut self) {
        while !self.gone && self.sent < self.out.len() {
            match socket::send(&self.stream, &self.out[self.sent..], &[]) {
                Ok(count) => self.sent += count,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.gone = true,
            }
        }
        if self.sent == self.out.len() || self.sent > ENOUGH {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Sends everything, however long the engine takes.
    pub fn flush_all(&mut self) {
        let _ = self.stream.set_nonblocking(false);
        self.flush();
    }
}
