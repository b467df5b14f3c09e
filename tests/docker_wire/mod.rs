//! A server that answers a docker client with what a real engine answered it, out of recordings. Used by the transcript tests alone.

mod recording;
mod server;

pub use recording::Recording;
pub use server::Server;

use std::path::{Path, PathBuf};

/// The corpus of recordings; `None`, with a message, where it is missing.
pub fn corpus() -> Option<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker");
    if corpus.is_dir() {
        return Some(corpus);
    }
    eprintln!("skipped: {} is missing", corpus.display());
    None
}
