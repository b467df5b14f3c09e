//! What the machine of a client has for a build that it asked for: files, secrets, logins, and a
//! place for what comes out of it. The builder fetches what it needs when it needs it. Knows nothing of how a client is called.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::report::BuildError;
use crate::image::Digest;
use crate::registry::Credentials;

/// Which files of a folder are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// These paths and patterns with all that is below them and what their links lead to; all files where there are none.
    pub follow: Vec<String>,
    /// Patterns of what is left out, as in a `.dockerignore`.
    pub exclude: Vec<String>,
}

/// What a client says of a file before it sends its content.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub path: &'a str,
    pub folder: bool,
    pub mode: u32,
    pub size: i64,
    /// In nanoseconds since 1970.
    pub modified: i64,
    pub link: &'a str,
}

/// What ends with this.
pub struct Forwarding(pub tokio::task::AbortHandle);

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A client's machine. All of it may be called from any thread that may wait.
pub trait Client: Send + Sync {
    /// Writes files of the folder that the client calls `folder` as a tar, without those regular files of which `has` says that their
    /// content is here already; it is asked about all files. Tells `progress` of the bytes that came in, and gives them.
    fn files(
        &self,
        folder: &str,
        wanted: &Wanted,
        has: &mut dyn FnMut(&Head<'_>) -> bool,
        tar: &mut dyn Write,
        progress: &dyn Fn(u64),
    ) -> Result<u64, BuildError>;

    /// What the client sends under the address `path`.
    fn upload(&self, path: &str) -> Result<Box<dyn Read + Send + '_>, BuildError>;

    /// A secret; `None` where the client has none of that name.
    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, BuildError>;

    /// Passes on what comes to the socket to the client's agent of keys `id`, until what is given is dropped; `None` where the client has
    /// no agents at all.
    fn agent(&self, id: &str, socket: UnixListener) -> Result<Option<Forwarding>, BuildError>;

    /// The login for a registry.
    fn login(&self, host: &str) -> Option<Credentials>;

    /// What the client's store of this name has under a digest.
    fn content(&self, store: &str, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BuildError>;

    /// A file that the client writes for its output `id`: what `write` puts into it.
    fn keep_file(&self, id: &str, write: &mut dyn FnMut(&mut dyn Write) -> Result<(), BuildError>) -> Result<(), BuildError>;

    /// A folder that the client writes for its output `id`: all below each of the `roots`, in a folder of the name before it where it has
    /// one, and as if of `time` (in seconds) where one is given. Tells `progress` of the bytes that went out.
    fn keep_folder(&self, id: &str, roots: &[(String, PathBuf)], time: Option<u64>, progress: &dyn Fn(u64)) -> Result<(), BuildError>;

    /// What tells this machine's builds from those of others.
    fn id(&self) -> &str;

    /// What builds of the same folder have in common; empty where the client does not say.
    fn shared_key(&self) -> &str;
}
