//! What earlier builds made: for each step's key the layers that came of it. A record is a file, written beside and renamed.
//!
//! A key says all that a step depends on; a record whose layers are gone counts as none. Holds no files of images itself: the store
//! keeps the layers that a record names (`layers_held`) until the record goes.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::build::tree::hex;
use crate::image::{Digest, ImageStore};

/// As many records are kept; the ones that were used longest ago go first.
const KEPT: usize = 2000;

/// When a record was used last is known so well.
const PRECISION: Duration = Duration::from_secs(60);

/// What a key has come to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// All layers, lowest first.
    pub layers: Vec<Digest>,
    /// When each of the layers that builds made came about, for those on top of the base image.
    pub times: Vec<Timestamp>,
    /// The step, for people.
    pub description: String,
    pub kind: String,
    pub size: u64,
    /// The key of the step in front.
    pub parent: String,
    pub created: Timestamp,
}

/// A record with what only its file knows.
#[derive(Clone, Debug)]
pub struct Entry {
    pub id: String,
    pub record: Record,
    pub last_used: Timestamp,
}

/// The records of one engine.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The records under an engine's own folder.
    pub fn of(state: &Path) -> Cache {
        Cache { folder: folder(state) }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    /// What `key` came to, if its layers are still there; the layers `below` are known to be.
    pub fn get(&self, key: &str, images: &ImageStore, below: &[Digest]) -> Option<Record> {
        let mut file = fs::File::options().read(true).append(true).open(self.path(key)).ok()?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).ok()?;
        let record: Record = serde_json::from_slice(&text).ok()?;
        if !images.has_layers_on(&record.layers, below) {
            return None;
        }
        // The file's time is that of its last use, to a minute; one that cannot be set makes the record go earlier.
        let recent = file.metadata().and_then(|m| m.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|passed| passed < PRECISION));
        if !recent {
            let _ = file.set_modified(std::time::SystemTime::now());
        }
        Some(record)
    }

    /// Keeps what a step came to.
    pub fn put(&self, key: &str, record: &Record) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.persist(self.path(key)).map_err(|e| e.error)?;
        Ok(())
    }

    /// All records.
    pub fn entries(&self) -> Vec<Entry> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| {
                let id = file.file_name().to_str()?.strip_suffix(".json")?.to_owned();
                let record = serde_json::from_slice(&fs::read(file.path()).ok()?).ok()?;
                let last_used = Timestamp::try_from(file.metadata().ok()?.modified().ok()?).ok()?;
                Some(Entry { id, record, last_used })
            })
            .collect()
    }

    /// Forgets records.
    pub fn remove(&self, ids: &[String]) {
        for id in ids {
            // Gone already is as good.
            let _ = fs::remove_file(self.path(id));
        }
    }

    /// Forgets the oldest records once there are too many; gives their layers.
    pub fn trim(&self) -> Vec<Vec<Digest>> {
        let count = fs::read_dir(&self.folder).into_iter().flatten().count();
        if count <= KEPT {
            return Vec::new();
        }
        let mut entries = self.entries();
        entries.sort_by_key(|entry| entry.last_used);
        let gone: Vec<Entry> = entries.drain(..entries.len().saturating_sub(KEPT * 9 / 10)).collect();
        self.remove(&gone.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
        gone.into_iter().map(|entry| entry.record.layers).collect()
    }
}

fn folder(state: &Path) -> PathBuf {
    state.join("build").join("records")
}

/// The layers that records under `state` name; what a record does not tell is not held.
pub fn layers_held(state: &Path) -> Vec<Vec<Digest>> {
    Cache::of(state).entries().into_iter().map(|entry| entry.record.layers).collect()
}

/// A key out of all that it depends on.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}
