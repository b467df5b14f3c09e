//! References, digests, the OCI layout on disk, layers by chain id, image config and history.
//!
//! Blocking code throughout; knows nothing of Docker's JSON. What comes from outside (tars, manifests, configs) is trusted nowhere.

mod blobs;
mod building;
mod changes;
mod collect;
mod commit;
mod compression;
mod config;
mod digest;
mod distribution;
mod error;
mod filter;
mod import;
mod inspect;
mod layers;
mod layout;
mod list;
mod load;
mod manifest;
mod offer;
mod pack;
mod pending;
mod platform;
mod progress;
mod prune;
mod pull;
mod push;
mod reference;
mod remove;
mod repositories;
mod save;
mod source;
mod store;
mod tag;
mod targuard;
mod unpack;
mod workspace;

pub use blobs::BlobStore;
pub use changes::apply_changes;
pub use commit::CommitRequest;
pub use compression::decompress;
pub(crate) use config::go_kind;
pub use config::{HealthConfig, HistoryEntry, ImageDocument, RootFs, RunConfig};
pub use digest::{Digest, DigestError};
pub use distribution::Distribution;
pub use error::ImageError;
pub use filter::ImageFilters;
pub use import::ImportRequest;
pub use inspect::{HistoryLine, ImageDetail};
pub use layers::chain_ids;
pub use layout::{Form, Package, Packing, Top};
pub use list::{DiskUsage, ImageSummary};
pub use manifest::Descriptor as BlobDescriptor;
pub use offer::{Offer, Place};
pub use pack::{pack, pack_all};
pub use platform::{Platform, native_architecture};
pub use progress::{Progress, Reporter};
pub use pull::PullRequest;
pub use reference::{AnyReference, Reference, ReferenceError};
pub use remove::Removed;
pub use save::SavePlan;
pub use source::{Fetched, Source};
pub use store::{ImageStore, ResolvedImage};
pub use tag::tag_reference;
pub(crate) use unpack::mode;

/// The Docker engine whose behaviour this one has; recorded in the images it makes.
pub const DOCKER_VERSION: &str = "26.1.5";
