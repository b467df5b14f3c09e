//! The engine's unix socket: for its owner alone, stale ones replaced, removed at the end, missed when somebody else removes it.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use tokio::net::UnixListener;

/// A socket that is listened on; its file goes away with it.
pub struct Socket {
    path: PathBuf,
    inode: u64,
}

/// How often an engine looks whether its socket is still there.
const LOOK: Duration = Duration::from_secs(2);

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("another engine answers on {}", .0.display())]
    Taken(PathBuf),
    #[error("the path of the socket {} is too long: a unix socket's may have 107 bytes", .0.display())]
    TooLong(PathBuf),
    #[error("{} is there and no socket; it is left alone", .0.display())]
    NoSocket(PathBuf),
    #[error("cannot listen on {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Socket {
    /// Listens on `path`; needs a runtime around it. A socket that nobody answers on is replaced.
    pub fn listen(path: &Path) -> Result<(UnixListener, Socket), SocketError> {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let failed = |source| SocketError::Io { path: path.to_owned(), source };
        if path.as_os_str().len() > 107 {
            return Err(SocketError::TooLong(path.to_owned()));
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        }
        if let Ok(metadata) = fs::symlink_metadata(path) {
            if !metadata.file_type().is_socket() {
                return Err(SocketError::NoSocket(path.to_owned()));
            }
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(SocketError::Taken(path.to_owned()));
            }
            fs::remove_file(path).map_err(failed)?;
        }
        // The mask is the process's: other threads that make files meanwhile get stricter modes, never laxer ones.
        let mask = rustix::process::umask(Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        rustix::process::umask(mask);
        let listener = bound.map_err(|e| match e.kind() {
            io::ErrorKind::AddrInUse => SocketError::Taken(path.to_owned()),
            _ => failed(e),
        })?;
        let inode = fs::metadata(path).map_err(failed)?.ino();
        Ok((listener, Socket { path: path.to_owned(), inode }))
    }

    /// Returns once the path leads to this socket no longer, so that nobody can find its engine any more: somebody has removed it, with
    /// the folder that it was in as a rule, or another engine's is there. Needs a runtime around it.
    pub async fn gone(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.leads_here() {
                Ok(false) => return,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return,
                // What cannot be looked at for a moment, over a network for one, is not gone.
                Ok(true) | Err(_) => {}
            }
        }
    }

    fn leads_here(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        Ok(fs::metadata(&self.path)?.ino() == self.inode)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another engine may have replaced it meanwhile.
        if self.leads_here().unwrap_or(false) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
