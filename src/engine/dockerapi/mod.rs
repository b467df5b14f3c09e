//! Docker's Engine API (1.45, minimum 1.24) over an [`Engine`](crate::Engine): routes, JSON, errors. Keeps no state of its own.

mod absent;
mod auth;
pub mod bodies;
mod build;
pub mod containers;
mod error;
mod events;
mod gojson;
mod grpc;
mod headers;
mod images;
mod info;
pub mod json;
mod networks;
pub mod params;
mod progress;
mod router;
mod sent;
mod server;
mod socket;
mod system;
mod version;

pub use error::ApiError;
pub use router::router;
pub use server::serve;
pub use socket::{Socket, SocketError};
