//! Docker's Engine API (1.45, minimum 1.24) over an [`Engine`](crate::engine::Engine): routes, JSON, errors. Keeps no state of its own.

pub mod containers;
mod error;
mod headers;
mod info;
pub mod json;
mod router;
mod server;
mod version;

pub use error::ApiError;
pub use router::router;
pub use server::serve;
