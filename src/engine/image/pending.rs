//! What shall go from the store as soon as nobody needs it: a file without content for each blob and layer, named after it.
//!
//! It is written down before anything is removed, so that neither a lock that others hold nor the engine's end makes content stay for
//! ever. Whoever collects moves the files from `new` to `seen` first: what comes in while it looks who needs what is looked at again.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Digest;

/// What images consist of.
#[derive(Default)]
pub struct Content {
    pub blobs: HashSet<Digest>,
    pub chains: HashSet<Digest>,
}

/// `pending/` of a store.
pub struct Pending {
    folder: PathBuf,
}

impl Pending {
    /// What is pending in this store.
    pub fn of(store: &Path) -> Pending {
        Pending { folder: store.join("pending") }
    }

    fn fresh(&self) -> PathBuf {
        self.folder.join("new")
    }

    fn seen(&self) -> PathBuf {
        self.folder.join("seen")
    }

    /// Writes down what shall go.
    pub fn add(&self, content: &Content) -> io::Result<()> {
        let fresh = self.fresh();
        fs::create_dir_all(&fresh)?;
        let blobs = content.blobs.iter().map(|blob| format!("blob-{}", blob.hex()));
        let chains = content.chains.iter().map(|chain| format!("layer-{}", chain.hex()));
        blobs.chain(chains).try_for_each(|name| fs::write(fresh.join(name), ""))
    }

    /// Whether something was written down that nobody has looked at.
    pub fn has_new(&self) -> bool {
        holds_something(&self.fresh())
    }

    /// Whether anything was written down that has not gone.
    pub fn has_some(&self) -> bool {
        self.has_new() || holds_something(&self.seen())
    }

    /// All that was written down; from now on it has been looked at.
    pub fn take(&self) -> io::Result<Content> {
        let seen = self.seen();
        fs::create_dir_all(&seen)?;
        for entry in fs::read_dir(self.fresh()).into_iter().flatten() {
            let entry = entry?;
            fs::rename(entry.path(), seen.join(entry.file_name()))?;
        }
        let mut content = Content::default();
        for entry in fs::read_dir(&seen)? {
            let name = entry?.file_name();
            let Some((kind, hex)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
            let Ok(digest) = format!("sha256:{hex}").parse() else { continue };
            match kind {
                "blob" => content.blobs.insert(digest),
                "layer" => content.chains.insert(digest),
                _ => false,
            };
        }
        Ok(content)
    }

    /// Forgets what has been looked at, but for `waiting`.
    pub fn settle(&self, waiting: &Content) {
        for entry in fs::read_dir(self.seen()).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let waits = name.to_str().and_then(|name| name.split_once('-')).is_some_and(|(kind, hex)| {
                let of_kind = if kind == "blob" { &waiting.blobs } else { &waiting.chains };
                format!("sha256:{hex}").parse().is_ok_and(|digest| of_kind.contains(&digest))
            });
            if !waits {
                // One that stays is looked at once more.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn holds_something(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
