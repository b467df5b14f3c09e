//! Registries: a client of the distribution protocol, over HTTPS, and over plain HTTP to registries on this machine.

mod client;
mod credentials;
mod source;
mod tls;
mod token;

pub use client::{Login, RegistryClient, get};
pub use credentials::Credentials;
pub use source::RegistrySource;
