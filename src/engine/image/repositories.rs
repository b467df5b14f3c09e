//! `repositories.json`: which images an engine has and what they are called. Changed under a lock, replaced whole, read without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::blobs::write_atomically;
use super::workspace::lock_file;
use super::{Digest, ImageError, Reference};

/// The content of `repositories.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repositories {
    /// Full references (`docker.io/library/busybox:latest`, `…@sha256:…`) and the images they mean.
    #[serde(default)]
    references: BTreeMap<String, Digest>,
    /// The images that this engine has.
    #[serde(default)]
    images: BTreeMap<Digest, ImageRecord>,
}

/// What an engine knows of an image beside its config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The image it was committed from, on this engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// When it was tagged last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_tag: Option<String>,
    /// The compressed blobs of its layers, lowest first, where it came with some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer_blobs: Vec<LayerBlob>,
}

/// A layer's blob as a registry gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerBlob {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
}

impl Repositories {
    /// The image that a reference means; a name alone means `:latest`.
    pub fn get(&self, reference: &Reference) -> Option<&Digest> {
        let key = match reference.digest() {
            Some(digest) => reference.with_digest(digest),
            None => reference.clone().or_latest(),
        };
        self.references.get(&key.to_string())
    }

    /// All references of an image in lexical order of their full forms.
    pub fn references_of(&self, image: &Digest) -> Vec<Reference> {
        self.references.iter().filter(|(_, id)| *id == image).filter_map(|(key, _)| Reference::parse_normalized(key).ok()).collect()
    }

    /// All references with their images.
    pub fn references(&self) -> impl Iterator<Item = (Reference, &Digest)> {
        self.references.iter().filter_map(|(key, id)| Some((Reference::parse_normalized(key).ok()?, id)))
    }

    pub fn images(&self) -> &BTreeMap<Digest, ImageRecord> {
        &self.images
    }

    pub fn image(&self, id: &Digest) -> Option<&ImageRecord> {
        self.images.get(id)
    }

    /// The images committed from this one.
    pub fn children(&self, id: &Digest) -> impl Iterator<Item = &Digest> {
        self.images.iter().filter(move |(_, record)| record.parent.as_ref() == Some(id)).map(|(child, _)| child)
    }

    /// Adds the image, or its record's news to what is known already.
    pub fn add_image(&mut self, id: &Digest, record: ImageRecord) {
        let known = self.images.entry(id.clone()).or_default();
        if record.parent.is_some() {
            known.parent = record.parent;
        }
        if !record.layer_blobs.is_empty() {
            known.layer_blobs = record.layer_blobs;
        }
    }

    /// Points the reference to the image.
    pub fn set(&mut self, reference: &Reference, id: &Digest) {
        self.references.insert(reference.to_string(), id.clone());
    }

    /// Notes that the image was tagged at `now`.
    pub fn tagged(&mut self, id: &Digest, now: jiff::Timestamp) {
        if let Some(record) = self.images.get_mut(id) {
            record.last_tag = Some(now.to_string());
        }
    }

    /// Forgets the reference; says whether it was there.
    pub fn unset(&mut self, reference: &Reference) -> bool {
        self.references.remove(&reference.to_string()).is_some()
    }

    /// Forgets the image.
    pub fn remove_image(&mut self, id: &Digest) {
        self.images.remove(id);
    }
}

/// The file, read again only when it has changed.
pub struct RepositoryFile {
    path: PathBuf,
    /// Whether it must outlive a power failure.
    durable: AtomicBool,
    cached: Mutex<Option<(Stamp, Arc<Repositories>)>>,
}

/// Tells versions of the file apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl RepositoryFile {
    pub fn open(state: &Path) -> Result<RepositoryFile, ImageError> {
        fs::create_dir_all(state).map_err(ImageError::io("cannot make", state))?;
        Ok(RepositoryFile { path: state.join("repositories.json"), durable: AtomicBool::new(true), cached: Mutex::default() })
    }

    /// From now on changes survive the death of processes, but not of the machine.
    pub fn forgo_sync(&self) {
        self.durable.store(false, Ordering::Relaxed);
    }

    /// The file's present content.
    pub fn read(&self) -> Result<Arc<Repositories>, ImageError> {
        use std::os::unix::fs::MetadataExt;
        let stamp = match fs::metadata(&self.path) {
            Ok(m) => Stamp { inode: m.ino(), size: m.size(), modified: (m.mtime(), m.mtime_nsec()) },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(source) => return Err(ImageError::Io { what: "cannot read", path: self.path.clone(), source }),
        };
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, repositories)) = &*cached
            && *known == stamp
        {
            return Ok(repositories.clone());
        }
        let text = fs::read(&self.path).map_err(ImageError::io("cannot read", &self.path))?;
        let repositories: Arc<Repositories> =
            Arc::new(serde_json::from_slice(&text).map_err(|e| ImageError::Corrupt(format!("{} is damaged: {e}", self.path.display())))?);
        *cached = Some((stamp, repositories.clone()));
        Ok(repositories)
    }

    /// Changes the content under the lock; `change` may be given up with an error, then nothing is written.
    pub fn update<T>(&self, change: impl FnOnce(&mut Repositories) -> Result<T, ImageError>) -> Result<T, ImageError> {
        let lock_path = self.path.with_extension("lock");
        let lock = lock_file(&lock_path).map_err(ImageError::io("cannot open", &lock_path))?;
        lock.lock().map_err(ImageError::io("cannot lock", &lock_path))?;
        let before = self.read()?;
        let mut repositories = Repositories::clone(&*before);
        let result = change(&mut repositories)?;
        // What is as it was need not be on disk anew: a build that finds all in its cache changes nothing.
        if repositories == *before && self.path.exists() {
            return Ok(result);
        }
        let text = serde_json::to_vec_pretty(&repositories).map_err(|e| ImageError::Corrupt(e.to_string()))?;
        // One writer at a time, so one name for the temporary file will do, and a dead writer's is written over.
        let beside = self.path.with_extension("new");
        if self.durable.load(Ordering::Relaxed) {
            write_atomically(&self.path, &beside, &text)?;
        } else {
            fs::write(&beside, &text).and_then(|()| fs::rename(&beside, &self.path)).map_err(ImageError::io("cannot write", &self.path))?;
        }
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(result)
    }
}
