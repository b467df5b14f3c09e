//! The engine itself: the one handle on its images, its containers and its news. Opens folders; starts nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Events, build, container, image};

/// Where an engine keeps its data.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The content that engines share: OCI layout, unpacked layers.
    pub store: PathBuf,
    /// What is this engine's own: references, containers.
    pub state: PathBuf,
    /// As many bytes builds may keep; a part of the disk where nobody says.
    pub build_cache: Option<u64>,
}

/// One engine: a view on the shared store with its own references and containers. Opening one costs a few system calls.
pub struct Engine {
    pub images: Arc<image::ImageStore>,
    pub containers: container::Containers,
    pub events: Events,
    pub(crate) sandboxes: build::buildkit::Sandboxes,
    pub(crate) upkeep: build::Upkeep,
    options: EngineOptions,
}

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Images(#[from] image::ImageError),
    #[error(transparent)]
    Containers(#[from] container::ContainerError),
}

impl Engine {
    /// Opens the engine whose data lies where `options` say, and makes the folders that are missing.
    pub fn open(options: EngineOptions) -> Result<Arc<Engine>, EngineError> {
        // Paths of layers and containers are handed to other processes with other working folders.
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let options = EngineOptions { store: whole(&options.store), state: whole(&options.state), ..options };
        let events = Events::new();
        let images = Arc::new(image::ImageStore::open(&options.store, &options.state, events.clone())?);
        let containers = container::Containers::open(&options.state, events.clone())?;
        Ok(Arc::new(Engine { images, containers, events, sandboxes: Default::default(), upkeep: Default::default(), options }))
    }

    /// The folder of the content that engines share.
    pub fn store_dir(&self) -> &Path {
        &self.options.store
    }

    /// As many bytes builds may keep, where somebody has said.
    pub fn build_cache(&self) -> Option<u64> {
        self.options.build_cache
    }

    /// The folder of what is this engine's own.
    pub fn state_dir(&self) -> &Path {
        &self.options.state
    }
}
