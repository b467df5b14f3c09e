//! What a lab needs of an image engine: a socket to speak to, and an end. Who provides it is none of the lab's business.

use std::path::{Path, PathBuf};

/// Opens engines for chapters.
pub trait EngineProvider: Sync {
    /// Opens an engine that holds `images`. Its state may use `folder`, which is empty, short of path and removed after the chapter.
    ///
    /// # Errors
    /// With what to tell the author.
    fn open(&self, folder: &Path, images: &[String]) -> Result<Box<dyn LabEngine>, String>;

    /// The program to be found as `docker`.
    fn docker(&self) -> Option<PathBuf>;
}

/// An open engine. Dropping it ends its containers and deletes its state.
pub trait LabEngine {
    /// The value of `DOCKER_HOST`.
    fn host(&self) -> String;
}

/// For courses that need none.
pub struct NoEngine;

impl EngineProvider for NoEngine {
    fn open(&self, _: &Path, _: &[String]) -> Result<Box<dyn LabEngine>, String> {
        Err("no image engine is at hand".into())
    }

    fn docker(&self) -> Option<PathBuf> {
        None
    }
}
