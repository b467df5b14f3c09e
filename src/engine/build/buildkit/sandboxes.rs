//! The containers in which BuildKit's steps run: of the engine, but none of those that its users see. They go with their step; what
//! an engine that was killed left goes when the next one builds.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::build::report::BuildError;
use crate::container::{Container, Containers};

/// Opened when they are first needed.
#[derive(Default)]
pub struct Sandboxes(Mutex<Option<Containers>>);

impl Sandboxes {
    /// The containers of builds, under the engine's own folder, on the networks of the engine's own. Must be called within a tokio
    /// runtime.
    pub fn open(&self, state: &Path, own: &Containers) -> Result<Containers, BuildError> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(containers) = &*opened {
            return Ok(containers.clone());
        }
        let containers = own.beside(&state.join("build"))?;
        for left in containers.list() {
            remove(&containers, &left);
        }
        *opened = Some(containers.clone());
        Ok(containers)
    }
}

/// Removes a container with all that it has; what cannot be removed now goes with the next engine.
pub fn remove(containers: &Containers, container: &Arc<Container>) {
    let _ = crate::build::running::remove(containers, container);
}
