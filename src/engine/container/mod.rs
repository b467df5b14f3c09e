//! Containers: their records on disk, their processes, their life cycle. Knows nothing of Docker's JSON or of HTTP.

mod error;
pub mod monitor;
mod store;

pub use error::ContainerError;
pub use store::{Containers, ImageUse};

use crate::sys::userns::{self, UsernsError};
use std::path::Path;

/// Enters the user namespace in which an engine with this state folder runs its containers: that of its containers which outlived
/// an earlier engine, else a new one. To be called before the process starts a thread; does nothing when it is inside already.
pub fn enter_namespace(state: &Path) -> Result<(), UsernsError> {
    userns::enter(store::surviving_process(state))
}
