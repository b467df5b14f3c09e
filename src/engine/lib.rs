//! The embedded image engine: images, layers, containers, builds, networks, and Docker's API over them. A crate of its own so that it
//! is compiled beside the rest of Dockside; `dockside` gives its rooms on under their own names.
//!
//! Only `dockerapi` knows of Docker's JSON and of HTTP; `buildkit`, `tls`, `trace`, `units` and `patterns` are what both ends of
//! the API speak.
//! Never prints, never decides an exit code, never reads a course.

pub mod base64;
pub mod buildkit;
pub mod patterns;
pub mod sys;
pub mod tls;
pub mod trace;
pub mod units;

#[cfg(target_os = "linux")]
pub mod build;
#[cfg(target_os = "linux")]
pub mod catalog;
#[cfg(target_os = "linux")]
pub mod container;
#[cfg(target_os = "linux")]
pub mod dockerapi;
#[cfg(target_os = "linux")]
pub mod doctor;
#[cfg(target_os = "linux")]
mod engine;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod home;
#[cfg(target_os = "linux")]
pub mod image;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod registry;

#[cfg(target_os = "linux")]
pub use self::{
    engine::{Engine, EngineError, EngineOptions},
    events::{Event, Events},
    home::{default_options, default_socket, home},
};
