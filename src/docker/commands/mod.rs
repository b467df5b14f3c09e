//! What each command does: ask the engine, print the answer. One file a family; nothing here parses flags or templates.

pub mod archive;
pub mod attach;
pub mod build;
mod build_context;
pub mod container_info;
pub mod context;
pub mod cp;
mod cp_archive;
pub mod df;
pub mod events;
pub mod exec;
pub mod image;
pub mod images;
pub mod info;
pub mod inspect;
pub mod lifecycle;
pub mod login;
pub mod logs;
pub mod network;
pub mod prune;
pub mod ps;
pub mod pull;
pub mod run;
mod run_config;
mod run_mounts;
mod run_network;
mod run_ports;
pub mod search;
pub mod session;
mod shared;
pub mod start;
pub mod stats;
pub mod unsupported;
pub mod version;
pub mod volume;

pub use run_mounts::mount;
