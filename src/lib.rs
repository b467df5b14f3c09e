//! Dockside: container courses in Markdown, presented, practised and proved, over an embedded image engine.
//!
//! The rooms are described in ARCHITECTURE.md. Only `cli` and `docker` print or decide an exit code.

pub mod buildkit;
pub mod cli;
pub mod docker;
#[cfg(target_os = "linux")]
pub mod dockerapi;
#[cfg(target_os = "linux")]
pub mod engine;
pub mod lab;
pub mod lint;
pub mod patterns;
pub mod pty;
pub mod server;
pub mod sys;
pub mod trace;
pub mod units;
#[cfg(feature = "userland")]
pub mod userland;

pub use dockside_decks::{base64, course, deck, diag, slides, yaml};
