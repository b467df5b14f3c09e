//! Content that no engine needs any more goes from the store.
//!
//! Engines register with the store; an image's content goes when the last of them that had it removes it. Whoever brings content in
//! or reads it at length holds it in place by a shared lock: what shall go meanwhile is written down (`pending`), and goes when the last
//! of them lets go, at the next `prune`, or when an engine is opened. Never removes what it does not know of.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::layers::chain_ids;
use super::pending::{Content, Pending};
use super::repositories::Repositories;
use super::workspace::lock_file;
use super::{Digest, ImageError, ImageStore};
use crate::sys::tree;

/// The store as those who share it see it.
pub struct Tenancy {
    store: PathBuf,
    state: PathBuf,
    pending: Pending,
}

/// Content held in place until this is dropped.
pub struct Held<'a> {
    images: &'a ImageStore,
    lock: File,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Only now, or nobody would be the last. What cannot be unlocked is unlocked with the file.
        let _ = self.lock.unlock();
        if self.images.tenancy.pending.has_new() {
            self.images.collect_pending();
        }
    }
}

/// What others need: images and kept layers of builds, and what nobody but containers needs any more.
struct Needed {
    named: Content,
    contained: Content,
}

impl Tenancy {
    /// Registers the engine whose state is `state`.
    pub fn open(store: &Path, state: &Path) -> Result<Tenancy, ImageError> {
        let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let engines = store.join("engines");
        fs::create_dir_all(&engines).map_err(ImageError::io("cannot make", &engines))?;
        let entry = engines.join(Digest::of(state.as_os_str().as_encoded_bytes()).hex());
        if !entry.exists() {
            std::os::unix::fs::symlink(&state, &entry)
                .or_else(|e| if entry.is_symlink() { Ok(()) } else { Err(e) })
                .map_err(ImageError::io("cannot register", &entry))?;
        }
        Ok(Tenancy { store: store.to_owned(), state, pending: Pending::of(store) })
    }

    /// The lock under which content may go, unless someone holds content in place.
    fn take(&self) -> Option<File> {
        let lock = lock_file(&self.store.join("content.lock")).ok()?;
        lock.try_lock().ok()?;
        Some(lock)
    }

    /// The states of all engines over this store; those that are gone are forgotten.
    fn states(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut states = vec![self.state.clone()];
        for entry in fs::read_dir(self.store.join("engines"))? {
            let entry = entry?.path();
            let state = fs::read_link(&entry)?;
            if state.is_dir() {
                states.push(state);
            } else {
                // Another collector may have been here too.
                let _ = fs::remove_file(entry);
            }
        }
        Ok(states)
    }
}

impl ImageStore {
    /// Keeps all content in place until the answer is dropped.
    pub fn hold_content(&self) -> Result<Held<'_>, ImageError> {
        let path = self.tenancy.store.join("content.lock");
        let lock = lock_file(&path).map_err(ImageError::io("cannot open", &path))?;
        lock.lock_shared().map_err(ImageError::io("cannot lock", &path))?;
        Ok(Held { images: self, lock })
    }

    /// Removes the content of images that this engine had, as far as no engine and no container needs it; later, where it is held.
    pub(super) fn collect(&self, removed: &[Digest]) {
        self.let_go(&self.content_of(removed.iter(), &Repositories::default()));
    }

    /// Lets layers go that builds have kept, as far as nobody else needs them.
    pub fn release_layers(&self, layers: &[Vec<Digest>]) {
        let mut gone = Content::default();
        for diff_ids in layers {
            self.add_layers(diff_ids, &mut gone);
        }
        self.let_go(&gone);
    }

    fn let_go(&self, gone: &Content) {
        // What cannot be written down stays: that does no harm.
        if (gone.blobs.is_empty() && gone.chains.is_empty()) || self.tenancy.pending.add(gone).is_ok() {
            self.collect_pending();
        }
    }

    /// Removes what shall go and is not held by anybody.
    ///
    /// Gives up silently wherever something is not as it should be: content that stays does no harm, and is tried again.
    pub fn collect_pending(&self) {
        let pending = &self.tenancy.pending;
        let mut more = pending.has_some();
        while more {
            let Some(lock) = self.tenancy.take() else { return };
            let Ok(gone) = pending.take() else { return };
            let Some(Needed { named, contained }) = self.needed() else { return };
            let mut waiting = Content::default();
            for chain in gone.chains.difference(&named.chains) {
                if contained.chains.contains(chain) {
                    waiting.chains.insert(chain.clone());
                } else {
                    self.drop_layer(chain);
                }
            }
            for blob in gone.blobs.difference(&named.blobs) {
                if contained.blobs.contains(blob) {
                    waiting.blobs.insert(blob.clone());
                } else {
                    let _ = fs::remove_file(self.blobs.path(blob));
                }
            }
            pending.settle(&waiting);
            drop(lock);
            // Whoever wrote something down meanwhile found the lock taken.
            more = pending.has_new();
        }
    }

    /// Removes all content that no engine and no container needs, if another build of the program was here before: what that one made of
    /// the catalogue this one never asks for.
    pub(super) fn collect_after_change(&self) {
        let mark = self.tenancy.store.join("made-by");
        let Some(me) = this_program() else { return };
        if fs::read_to_string(&mark).is_ok_and(|other| other == me) {
            return;
        }
        let Some(_lock) = self.tenancy.take() else { return };
        let Some(needed) = self.needed() else { return };
        let named = |folder: PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.filter_map(|e| format!("sha256:{}", e.file_name().to_str()?).parse::<Digest>().ok()).collect::<Vec<_>>()
        };
        let chain_stays = |chain: &Digest| needed.named.chains.contains(chain) || needed.contained.chains.contains(chain);
        let blob_stays = |blob: &Digest| needed.named.blobs.contains(blob) || needed.contained.blobs.contains(blob);
        for chain in named(self.tenancy.store.join("layers")).iter().filter(|chain| !chain_stays(chain)) {
            self.drop_layer(chain);
        }
        for blob in named(self.tenancy.store.join("blobs/sha256")).iter().filter(|blob| !blob_stays(blob)) {
            let _ = fs::remove_file(self.blobs.path(blob));
        }
        let _ = fs::write(mark, me);
    }

    fn drop_layer(&self, chain: &Digest) {
        // Moved aside first, so that half a layer is never seen.
        let Ok(aside) = self.blobs.workspace.path() else { return };
        if fs::rename(self.layers.folder(chain), &aside).is_ok() {
            let _ = tree::remove(&aside);
        }
    }

    /// What all engines' images and containers consist of; `None` where one of them cannot be read.
    fn needed(&self) -> Option<Needed> {
        let (mut named, mut contained) = (Content::default(), Content::default());
        let add = |content: &mut Content, more: Content| {
            content.blobs.extend(more.blobs);
            content.chains.extend(more.chains);
        };
        for state in self.tenancy.states().ok()? {
            let repositories: Repositories = match fs::read(state.join("repositories.json")) {
                Ok(text) => serde_json::from_slice(&text).ok()?,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Repositories::default(),
                Err(_) => return None,
            };
            add(&mut named, self.content_of(repositories.images().keys(), &repositories));
            add(&mut contained, self.content_of(container_images(&state.join("containers"))?.iter(), &repositories));
            for layers in crate::build::buildkit::cache::layers_held(&state) {
                self.add_layers(&layers, &mut named);
            }
        }
        Some(Needed { named, contained })
    }

    fn content_of<'a>(&self, images: impl Iterator<Item = &'a Digest>, repositories: &Repositories) -> Content {
        let mut content = Content::default();
        for id in images {
            content.blobs.insert(id.clone());
            content.blobs.extend(repositories.image(id).into_iter().flat_map(|record| &record.layer_blobs).map(|blob| blob.digest.clone()));
            let Ok(document) = self.document(id) else { continue };
            self.add_layers(&document.rootfs.diff_ids, &mut content);
        }
        content
    }

    fn add_layers(&self, diff_ids: &[Digest], content: &mut Content) {
        content.blobs.extend(diff_ids.iter().cloned());
        for chain in chain_ids(diff_ids) {
            content.blobs.extend(self.layers.info(&chain).and_then(|info| info.blob));
            content.blobs.extend(self.layers.gzip(&chain));
            content.chains.insert(chain);
        }
    }
}

/// Tells this build of the program from others.
fn this_program() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata("/proc/self/exe").ok()?;
    Some(format!("{} {} {} {}.{}", file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
}

/// All digests in the records of containers: their images are among them, whatever else a record holds.
fn container_images(containers: &Path) -> Option<Vec<Digest>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(containers) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Some(found),
        Err(_) => return None,
    };
    for entry in entries {
        for file in fs::read_dir(entry.ok()?.path()).into_iter().flatten() {
            let path = file.ok()?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                let text = fs::read_to_string(path).ok()?;
                found.extend(text.match_indices("sha256:").filter_map(|(at, _)| text.get(at..at + 71)?.parse().ok()));
            }
        }
    }
    Some(found)
}
