//! Why an image operation failed, in Docker's words where Docker has some.

use std::io;
use std::path::{Path, PathBuf};

use super::{Digest, DigestError, ReferenceError};

/// Why an image operation failed. `Display` is the text that Docker's users know.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("No such image: {0}")]
    NoSuchImage(String),
    /// What was asked for is not there (an image of another platform, a manifest).
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done while something else is there.
    #[error("{0}")]
    Conflict(String),
    /// The registry did not give or take it.
    #[error("{0}")]
    Registry(String),
    /// Nobody may have this.
    #[error("{0}")]
    Denied(String),
    /// Content that is not what its digest, its size or its format say.
    #[error("{0}")]
    Corrupt(String),
    #[error("blob {0} is missing from the store")]
    MissingBlob(Digest),
    #[error("{what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

impl ImageError {
    /// For `map_err`: what was tried (`cannot write`) and where.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError {
        move |source| ImageError::Io { what, path: path.to_owned(), source }
    }
}
