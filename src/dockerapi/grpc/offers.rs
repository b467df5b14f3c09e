//! The machine of a client as a build sees it, by calls in the client's session.

use std::future::Future;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::messages::session::{Login, LoginRequest, Piece, Secret, SecretRequest};
use super::sending::Sender;
use super::session::{Answer, Caller};
use super::status::{self, Status};
use super::stream::{Outgoing, read};
use super::transfer::Receiver;
use crate::engine::build::{BuildError, Cancel, Client, Wanted};
use crate::engine::registry::Credentials;

const FILES: &str = "/moby.filesync.v1.FileSync/DiffCopy";
const KEEP: &str = "/moby.filesync.v1.FileSend/DiffCopy";
const UPLOAD: &str = "/moby.upload.v1.Upload/Pull";
const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const LOGIN: &str = "/moby.filesync.v1.Auth/Credentials";

/// As long as a piece of a file is that goes out.
pub const PIECE: usize = 32 << 10;

/// A client's machine, for one build.
pub struct Machine {
    caller: Arc<Caller>,
    cancel: Cancel,
    runtime: Handle,
}

impl Machine {
    /// Must be called within a runtime.
    pub fn new(caller: Arc<Caller>, cancel: Cancel) -> Machine {
        Machine { caller, cancel, runtime: Handle::current() }
    }

    /// Waits on a thread that may wait; ends with the build.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T, Status>>) -> Result<T, BuildError> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(BuildError::new(crate::trace::CANCELLED)),
                done = work => done.map_err(|status| BuildError::new(status.0.message)),
            }
        })
    }

    fn open(&self, method: &str, headers: &[(&str, &str)]) -> Result<(Outgoing, Answer), BuildError> {
        if !self.caller.offers(method) {
            return Err(BuildError::new(format!("method {method} not supported by the client")));
        }
        self.wait(self.caller.open(method, headers))
    }
}

impl Client for Machine {
    fn files(&self, folder: &str, wanted: &Wanted, tar: &mut dyn Write, progress: &dyn Fn(u64)) -> Result<u64, BuildError> {
        let mut headers: Vec<(&str, String)> = Vec::new();
        let folders = [folder.to_owned()];
        for (name, encoded, values) in [
            ("dir-name", "dir-name-encoded", &folders[..]),
            ("followpaths", "followpaths-encoded", &wanted.follow),
            ("exclude-patterns", "exclude-patterns-encoded", &wanted.exclude),
        ] {
            // What no header can carry is encoded, and all of its kind with it.
            let encode = values.iter().any(|value| !value.bytes().all(|b| (b' '..=b'~').contains(&b)));
            headers.extend(values.iter().map(|value| (name, if encode { escape(value) } else { value.clone() })));
            if encode {
                headers.push((encoded, "1".to_owned()));
            }
        }
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (out, answer) = self.open(FILES, &headers)?;
        Receiver::new(self, out, answer, progress).receive(tar)
    }

    fn upload(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, BuildError> {
        let (mut out, answer) = self.open(UPLOAD, &[("urlpath", path)])?;
        // Where the client does not listen any more its answer says why.
        let _ = out.end();
        Ok(Box::new(Pieces { machine: self, answer, piece: Bytes::new() }))
    }

    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, BuildError> {
        if !self.caller.offers(SECRET) {
            return Ok(None);
        }
        let request = SecretRequest { id: id.to_owned() };
        let call = async {
            match self.caller.call::<Secret>(SECRET, &request).await {
                Ok(secret) => Ok(Some(secret.data)),
                Err(Status(error)) if error.code == status::NOT_FOUND => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.wait(call)
    }

    fn login(&self, host: &str) -> Option<Credentials> {
        if !self.caller.offers(LOGIN) {
            return None;
        }
        // Docker Hub's logins are known by the name of its server.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let login = self.wait(self.caller.call::<Login>(LOGIN, &LoginRequest { host: host.to_owned() })).ok()?;
        (!login.secret.is_empty()).then_some(Credentials { username: login.username, password: login.secret })
    }

    fn keep_file(&self, write: &mut dyn FnMut(&mut dyn Write) -> Result<(), BuildError>) -> Result<(), BuildError> {
        let (out, mut answer) = self.open(KEEP, &[])?;
        let mut pieces = Outlet { machine: self, out };
        let done = {
            let mut buffered = io::BufWriter::with_capacity(PIECE, &mut pieces);
            write(&mut buffered).and_then(|()| buffered.flush().map_err(|e| BuildError::new(e.to_string())))
        };
        let ended = pieces.out.end();
        // Why the client wants no more is in its answer.
        while self.wait(answer.bytes())?.is_some() {}
        done.and(ended.map_err(|status| BuildError::new(status.0.message)))
    }

    fn keep_folder(&self, root: &Path, progress: &dyn Fn(u64)) -> Result<(), BuildError> {
        let (out, answer) = self.open(KEEP, &[])?;
        Sender::new(self, out, answer, progress).send(root)
    }

    fn id(&self) -> &str {
        self.caller.id()
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
        self.machine.wait(self.out.message(&message)).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream of pieces as one.
struct Pieces<'a> {
    machine: &'a Machine,
    answer: Answer,
    piece: Bytes,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(bytes) = self.machine.wait(self.answer.bytes()).map_err(io::Error::other)? else { return Ok(0) };
            self.piece = read::<Piece>(bytes).map_err(|status| io::Error::other(status.0.message))?.data;
        }
        let piece = self.piece.split_to(self.piece.len().min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// A value as in the query of an address.
fn escape(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
