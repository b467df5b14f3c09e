//! Registries: a client of the distribution protocol over plain HTTP, to registries on this machine.

mod client;
mod source;

pub use client::{Credentials, RegistryClient};
pub use source::RegistrySource;
