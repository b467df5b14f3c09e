//! What builds keep beside images: what steps came to, and the folders of `--mount=type=cache`. Says what there is, and lets it go.

use std::collections::HashSet;

use jiff::Timestamp;

use super::buildkit::cache::{Cache, Entry};
use super::{context, running};
use crate::engine::Engine;
use crate::engine::image::{Digest, ImageFilters, chain_ids};

/// As long as the id of something that is kept is shown.
const ID_LENGTH: usize = 25;

/// One thing that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    pub id: String,
    pub parent: String,
    pub kind: String,
    pub description: String,
    /// Whether an image has the same layer, so that nothing is gained without it.
    pub shared: bool,
    pub size: u64,
    pub created: Timestamp,
    pub last_used: Timestamp,
}

/// All that is kept, in the order in which it was made.
pub fn kept(engine: &Engine) -> Vec<Kept> {
    let used = used(engine);
    let mut all: Vec<Kept> = Cache::of(engine.state_dir()).entries().iter().map(|entry| item(entry, &used)).collect();
    let folder = running::cache_folder(engine.state_dir());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let time = |t: std::io::Result<std::time::SystemTime>| t.ok().and_then(|t| Timestamp::try_from(t).ok()).unwrap_or_default();
        let modified = entry.metadata().map(|m| (time(m.created()), time(m.modified()))).unwrap_or_default();
        all.push(Kept {
            id: short(&entry.file_name().to_string_lossy()),
            parent: String::new(),
            kind: "exec.cachemount".to_owned(),
            description: "a folder of --mount=type=cache".to_owned(),
            shared: false,
            size: crate::engine::container::size_of(&entry.path()),
            created: modified.0,
            last_used: modified.1,
        });
    }
    all.sort_by_key(|kept| kept.created);
    all
}

/// Forgets what is kept, or without `all` what no image has; gives the ids and the bytes that they took.
pub fn prune(engine: &Engine, all: bool) -> (Vec<String>, u64) {
    let cache = Cache::of(engine.state_dir());
    let used = used(engine);
    let (mut ids, mut bytes) = (Vec::new(), 0);
    for kept in kept(engine).into_iter().filter(|kept| all || !kept.shared) {
        bytes += if kept.shared { 0 } else { kept.size };
        ids.push(kept.id);
    }
    let gone: Vec<Entry> = cache.entries().into_iter().filter(|entry| all || !item(entry, &used).shared).collect();
    cache.remove(&gone.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
    engine.images.release_layers(&gone.into_iter().map(|entry| entry.record.layers).collect::<Vec<_>>());
    // What cannot be removed now is there the next time.
    context::remove(&running::cache_folder(engine.state_dir()));
    (ids, bytes)
}

fn item(entry: &Entry, used: &HashSet<Digest>) -> Kept {
    let record = &entry.record;
    Kept {
        id: short(&entry.id),
        parent: short(&record.parent),
        kind: record.kind.clone(),
        description: record.description.clone(),
        shared: chain_ids(&record.layers).last().is_some_and(|chain| used.contains(chain)),
        size: record.size,
        created: record.created,
        last_used: entry.last_used,
    }
}

fn short(id: &str) -> String {
    id.chars().take(ID_LENGTH).collect()
}

/// The layers of this engine's images.
fn used(engine: &Engine) -> HashSet<Digest> {
    let images = engine.images.list(true, &ImageFilters::default()).unwrap_or_default();
    let documents = images.iter().filter_map(|image| engine.images.document_of(&image.id).ok());
    documents.flat_map(|document| chain_ids(&document.rootfs.diff_ids)).collect()
}
