//! The contexts of former builds: a client need not send again what has not changed.
//!
//! A folder a client's folder: `files` with what came last time, and `index.json` with what the client said of it. A build that takes a
//! folder holds its lock. The index goes before the files are changed and is written again once they are all there, so that a build that
//! was killed leaves files that nobody trusts.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::buildkit::cache::key;
use super::client::Head;
use super::context::remove;
use super::report::BuildError;
use super::tree::Tree;

/// As many contexts are kept; the ones that were used longest ago go first.
const KEPT: usize = 32;

/// What a client said of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    folder: bool,
    mode: u32,
    size: i64,
    modified: i64,
    link: String,
}

/// The files of one context, for one build.
pub struct Shelf {
    folder: PathBuf,
    _lock: File,
}

/// A transfer into a shelf.
pub struct Filling<'a> {
    shelf: &'a Shelf,
    before: HashMap<String, Said>,
    now: HashMap<String, Said>,
    /// Whether something changes, and the index is gone.
    changes: bool,
}

/// Where an engine keeps contexts.
pub fn folder(state: &Path) -> PathBuf {
    state.join("build").join("contexts")
}

impl Shelf {
    /// The files of the folder that a client calls `name`, for clients with the same `shared` key. None where the client has no such key,
    /// or another build has the files: that build gets them all anew.
    pub fn take(state: &Path, shared: &str, name: &str) -> Option<Shelf> {
        if shared.is_empty() {
            return None;
        }
        let all = folder(state);
        let shelf = Shelf::lock(&all.join(key(["context", shared, name])))?;
        let mut others: Vec<_> =
            fs::read_dir(&all).into_iter().flatten().flatten().map(|entry| (last_used(&entry.path()), entry.path())).collect();
        others.sort();
        let over = others.len().saturating_sub(KEPT);
        others.into_iter().take(over).filter(|(_, other)| *other != shelf.folder).for_each(|(_, other)| discard(&other));
        Some(shelf)
    }

    fn lock(folder: &Path) -> Option<Shelf> {
        fs::create_dir_all(folder).ok()?;
        let lock = File::create(folder.join("lock")).ok()?;
        lock.try_lock().ok()?;
        let shelf = Shelf { folder: folder.to_owned(), _lock: lock };
        // Whoever discarded it meanwhile took the lock's file away, and a folder without its index is empty.
        if !folder.join("lock").exists() || (!shelf.index().exists() && shelf.empty().is_err()) {
            return None;
        }
        Some(shelf)
    }

    /// Where the files are.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index.json")
    }

    fn empty(&self) -> std::io::Result<()> {
        remove(&self.files());
        fs::create_dir_all(self.files())
    }

    /// Begins a transfer.
    pub fn fill(&self) -> Result<Filling<'_>, BuildError> {
        let before = fs::read(self.index()).ok().and_then(|index| serde_json::from_slice(&index).ok());
        let changes = before.is_none();
        if changes {
            let _ = fs::remove_file(self.index());
            self.empty().map_err(|e| BuildError::new(format!("cannot make a folder for the build context: {e}")))?;
        }
        Ok(Filling { shelf: self, before: before.unwrap_or_default(), now: HashMap::new(), changes })
    }
}

impl Filling<'_> {
    /// Takes note of a file; says whether its content is here.
    pub fn has(&mut self, head: &Head<'_>) -> bool {
        let Head { path, folder, mode, size, modified, link } = *head;
        let said = Said { folder, mode, size, modified, link: link.to_owned() };
        let same = self.before.get(path) == Some(&said);
        if !same {
            self.change();
        }
        self.now.insert(path.to_owned(), said);
        same
    }

    /// The index goes before the first file changes.
    fn change(&mut self) {
        if !std::mem::replace(&mut self.changes, true) {
            let _ = fs::remove_file(self.shelf.index());
        }
    }

    /// Ends a transfer that went well: what was not told of goes.
    pub fn finish(mut self) -> Result<(), BuildError> {
        let failed = |e: std::io::Error| BuildError::new(format!("cannot keep the build context: {e}"));
        if self.now.len() != self.before.len() {
            self.change();
        }
        if !self.changes {
            // The index's time is that of the last use.
            let index = File::options().append(true).open(self.shelf.index());
            return index.and_then(|index| index.set_modified(std::time::SystemTime::now())).map_err(failed);
        }
        let tree = Tree::folder(&self.shelf.files()).map_err(failed)?;
        for path in self.before.keys().filter(|path| !self.now.contains_key(*path)) {
            let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
            // What was in something that is no folder any more went with it.
            if !above.is_empty() && !self.now.get(above).is_some_and(|said| said.folder) {
                continue;
            }
            if let Ok((_fd, outside)) = tree.find(above) {
                let place = outside.join(name);
                match fs::symlink_metadata(&place) {
                    Ok(metadata) if metadata.is_dir() => remove(&place),
                    Ok(_) => fs::remove_file(&place).map_err(failed)?,
                    Err(_) => {}
                }
            }
        }
        // A folder that is not told of goes with all that is in it.
        let index = serde_json::to_vec(&self.now).map_err(|e| BuildError::new(e.to_string()))?;
        fs::write(self.shelf.folder.join("index.new"), index).map_err(failed)?;
        fs::rename(self.shelf.folder.join("index.new"), self.shelf.index()).map_err(failed)
    }
}

/// When a context was last used.
pub fn last_used(shelf: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(shelf.join("index.json")).ok()?.modified().ok()
}

/// Lets a context go, unless a build has it.
pub fn discard(shelf: &Path) {
    if let Some(_held) = Shelf::lock(shelf) {
        remove(shelf);
    }
}
