//! Registries: a client of the distribution protocol, over HTTPS, and over plain HTTP to registries on this machine.

mod client;
mod source;
mod tls;
mod token;

pub use client::{Credentials, Refusal, RegistryClient, get};
pub use source::RegistrySource;
