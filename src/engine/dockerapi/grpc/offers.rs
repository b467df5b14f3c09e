//! The machine of a client as a build sees it, by calls in the client's session.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::agents;
use super::session::Session;
use crate::build::{BuildError, Cancel, Client, Forwarding, Head, Wanted};
use crate::buildkit::messages::control::Empty;
use crate::buildkit::messages::session::{
    AgentRequest, ContentPiece, ContentRequest, Login, LoginRequest, Piece, Secret, SecretRequest, Stat,
};
use crate::buildkit::methods::{AGENT, CONTENT, FILES, KEEP, LOGIN, OUTPUT_ID, SECRET, STORE_ID, UPLOAD};
use crate::buildkit::status;
use crate::buildkit::stream::read;
use crate::buildkit::transfer::{Exchange, PIECE, Waiter, is_folder, receive, send_folders};
use crate::buildkit::{Inbound, Outgoing, Status, headers};
use crate::image::Digest;
use crate::registry::Credentials;

/// A client's machine, for one build.
pub struct Machine {
    session: Arc<Session>,
    waiter: Waiter,
}

impl Machine {
    /// Waits end with the build. Must be called within a runtime.
    pub fn new(session: Arc<Session>, cancel: &Cancel) -> Machine {
        let cancel = cancel.clone();
        let over = move || -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
            let cancel = cancel.clone();
            Box::pin(async move { cancel.cancelled().await })
        };
        Machine { session, waiter: Waiter::new(over) }
    }

    fn open(&self, method: &str, headers: &[(&str, &str)]) -> Result<(Outgoing, Inbound), BuildError> {
        if !self.session.offers(method) {
            return Err(BuildError::new(format!("method {method} not supported by the client")));
        }
        Ok(self.waiter.wait(self.session.caller.open(method, headers))?)
    }
}

impl Client for Machine {
    fn files(
        &self,
        folder: &str,
        wanted: &Wanted,
        has: &mut dyn FnMut(&Head<'_>) -> bool,
        tar: &mut dyn Write,
        progress: &dyn Fn(u64),
    ) -> Result<u64, BuildError> {
        let mut all: Vec<(String, String)> = Vec::new();
        headers::push(&mut all, "dir-name", &[folder.to_owned()]);
        headers::push(&mut all, "followpaths", &wanted.follow);
        headers::push(&mut all, "exclude-patterns", &wanted.exclude);
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (mut out, mut inbound) = self.open(FILES, &all)?;
        let mut has = |stat: &Stat| {
            let Stat { path, mode, size, modified, link, .. } = stat;
            has(&Head { path, folder: is_folder(stat), mode: *mode, size: *size, modified: *modified, link })
        };
        Ok(receive(Exchange { waiter: &self.waiter, out: &mut out, inbound: &mut inbound, progress }, &mut has, tar)?)
    }

    fn upload(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, BuildError> {
        let (mut out, answer) = self.open(UPLOAD, &[("urlpath", path)])?;
        // Where the client does not listen any more its answer says why.
        let _ = out.end();
        Ok(Box::new(Pieces { machine: self, answer, piece: Bytes::new(), data: |bytes| Ok(read::<Piece>(bytes)?.data) }))
    }

    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, BuildError> {
        if !self.session.offers(SECRET) {
            return Ok(None);
        }
        let request = SecretRequest { id: id.to_owned() };
        let call = async {
            match self.session.caller.call::<Secret>(SECRET, &[], &request).await {
                Ok(secret) => Ok(Some(secret.data)),
                Err(Status(error)) if error.code == status::NOT_FOUND => Ok(None),
                Err(error) => Err(error),
            }
        };
        Ok(self.waiter.wait(call)?)
    }

    fn agent(&self, id: &str, socket: UnixListener) -> Result<Option<Forwarding>, BuildError> {
        if !self.session.offers(AGENT) {
            return Ok(None);
        }
        self.waiter.wait(self.session.caller.call::<Empty>(AGENT, &[], &AgentRequest { id: id.to_owned() }))?;
        Ok(Some(agents::forward(Arc::clone(&self.session), id, socket)?))
    }

    fn login(&self, host: &str) -> Option<Credentials> {
        // Not every client that has logins says so; one that has none says that when it is asked.
        // Docker Hub's logins are known by the name of its server.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let login = self.waiter.wait(self.session.caller.call::<Login>(LOGIN, &[], &LoginRequest { host: host.to_owned() })).ok()?;
        // A secret without a name is a token to ask for others with.
        match login.username.is_empty() {
            true => Credentials::of(String::new(), String::new(), login.secret, String::new()),
            false => Some(Credentials::Password { username: login.username, password: login.secret }),
        }
    }

    fn content(&self, store: &str, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BuildError> {
        let (mut out, answer) = self.open(CONTENT, &[(STORE_ID, store), ("containerd-namespace", "buildkit")])?;
        self.waiter.wait(out.message(&ContentRequest { digest: digest.to_string(), ..ContentRequest::default() }))?;
        let _ = out.end();
        Ok(Box::new(Pieces { machine: self, answer, piece: Bytes::new(), data: |bytes| Ok(read::<ContentPiece>(bytes)?.data) }))
    }

    fn keep_file(&self, id: &str, write: &mut dyn FnMut(&mut dyn Write) -> Result<(), BuildError>) -> Result<(), BuildError> {
        let (out, mut answer) = self.open(KEEP, &[(OUTPUT_ID, id)])?;
        let mut pieces = Outlet { machine: self, out };
        let done = {
            let mut buffered = io::BufWriter::with_capacity(PIECE, &mut pieces);
            write(&mut buffered).and_then(|()| buffered.flush().map_err(|e| BuildError::new(e.to_string())))
        };
        let ended = pieces.out.end();
        // Why the client wants no more is in its answer.
        while self.waiter.wait(answer.bytes())?.is_some() {}
        done.and(ended.map_err(BuildError::from))
    }

    fn keep_folder(&self, id: &str, roots: &[(String, PathBuf)], time: Option<u64>, progress: &dyn Fn(u64)) -> Result<(), BuildError> {
        let (mut out, mut inbound) = self.open(KEEP, &[(OUTPUT_ID, id)])?;
        let exchange = Exchange { waiter: &self.waiter, out: &mut out, inbound: &mut inbound, progress };
        Ok(send_folders(exchange, roots, time)?)
    }

    fn id(&self) -> &str {
        self.session.id()
    }

    fn shared_key(&self) -> &str {
        self.session.shared_key()
    }
}

/// Bytes that go out in pieces.
struct Outlet<'a> {
    machine: &'a Machine,
    out: Outgoing,
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        let message = Piece { data: Bytes::copy_from_slice(piece) };
        self.machine.waiter.wait(self.out.message(&message)).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream of pieces as one.
struct Pieces<'a> {
    machine: &'a Machine,
    answer: Inbound,
    piece: Bytes,
    /// The bytes in a message.
    data: fn(Bytes) -> Result<Bytes, Status>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(bytes) = self.machine.waiter.wait(self.answer.bytes()).map_err(io::Error::other)? else { return Ok(0) };
            self.piece = (self.data)(bytes).map_err(|status| io::Error::other(status.0.message))?;
        }
        let piece = self.piece.split_to(self.piece.len().min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}
