//! `commit`: a container's changes become a layer, its config a new image.

use std::path::Path;

use super::{Digest, ImageError, ImageStore, RunConfig};

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
    /// Makes an image out of a container's changes and gives its id.
    pub fn commit(&self, request: CommitRequest<'_>) -> Result<Digest, ImageError> {
        Err(ImageError::Invalid(format!("cannot commit {}", request.upper.display())))
    }
}
