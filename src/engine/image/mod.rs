//! References, digests, the OCI layout on disk, layers by chain id, image config and history.

mod config;
mod digest;
mod error;
mod platform;
mod reference;
mod store;

pub use config::{HealthConfig, HistoryEntry, ImageDocument, RootFs, RunConfig};
pub use digest::{Digest, DigestError};
pub use error::ImageError;
pub use platform::native_architecture;
pub use reference::{AnyReference, Reference, ReferenceError};
pub use store::{CommitRequest, ImageStore, ResolvedImage};
