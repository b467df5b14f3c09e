//! Dockside: container courses in Markdown, presented, practised and proved, over an embedded image engine.
//!
//! The rooms are described in ARCHITECTURE.md. Only `cli` and `docker` print or decide an exit code.

pub mod cli;
pub mod docker;
pub mod lab;
pub mod lint;
pub mod pty;
pub mod server;
#[cfg(feature = "userland")]
pub mod userland;

pub use dockside_decks::{course, deck, diag, slides, yaml};
#[cfg(target_os = "linux")]
pub use dockside_engine::{self as engine, dockerapi};
pub use dockside_engine::{base64, buildkit, patterns, sys, tls, trace, units};
