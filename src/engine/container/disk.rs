//! A container's files: written beside and renamed, so that a reader finds the old or the new one whole.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The container itself.
pub const RECORD: &str = "container.json";
/// That it runs; written by its monitor.
pub const RUN: &str = "run.json";
/// That it has ended; written by its monitor.
pub const EXIT: &str = "exit.json";

/// Writes `value` to `path`.
///
/// The file is not synced: what it says is about processes, which a power failure ends too, and a rename is never seen half done.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new").tempfile_in(dir)?;
    serde_json::to_writer(io::BufWriter::new(file.as_file_mut()), value)?;
    file.persist(path).map(drop).map_err(|e| e.error)
}

/// Reads what [`write_json`] wrote; `None` when there is no such file or it is damaged.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
