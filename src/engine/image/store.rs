//! One engine's images: its references over the shared content. Each operation has a file of its own beside this one.

use std::path::{Path, PathBuf};

use crate::engine::Events;

use super::{Digest, ImageDocument, ImageError, RunConfig};

/// The images that one engine has. Blocking; several processes may use the same store and state.
pub struct ImageStore {
    store: PathBuf,
    state: PathBuf,
    events: Events,
}

/// An image ready to run.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    /// The digest of its config document.
    pub id: Digest,
    pub config: ImageDocument,
    /// The unpacked layers in overlay form (`user.overlay.*` marks, 0:0 character devices), lowest first.
    pub layers: Vec<PathBuf>,
}

/// A new image out of a container.
#[derive(Debug)]
pub struct CommitRequest<'a> {
    /// The image that the container came from.
    pub parent: Option<Digest>,
    /// The container's overlay upper directory.
    pub upper: &'a Path,
    /// The new image's run config, changes applied.
    pub config: RunConfig,
    /// The container's id and its own config, recorded in the image.
    pub container: String,
    pub container_config: Option<RunConfig>,
    pub author: String,
    pub message: String,
    /// `name[:tag]`, if it shall have one.
    pub reference: Option<String>,
}

impl ImageStore {
    /// Opens the store (OCI layout) and the engine's own state, and makes what is missing.
    pub fn open(store: &Path, state: &Path, events: Events) -> Result<ImageStore, ImageError> {
        Ok(ImageStore { store: store.to_owned(), state: state.to_owned(), events })
    }

    /// Finds the image that `name` means (reference, id, or unique prefix of an id).
    ///
    /// `platform` (`os/arch[/variant]`) refuses an image of another platform, as Docker does.
    pub fn resolve(&self, name: &str, platform: Option<&str>) -> Result<ResolvedImage, ImageError> {
        let _ = (platform, &self.store, &self.state, &self.events);
        Err(ImageError::NoSuchImage(name.to_owned()))
    }

    /// Makes an image out of a container's changes and gives its id.
    pub fn commit(&self, request: CommitRequest<'_>) -> Result<Digest, ImageError> {
        Err(ImageError::Invalid(format!("cannot commit {}", request.upper.display())))
    }
}
