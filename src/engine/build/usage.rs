//! What builds keep beside images: what steps came to, the folders of `--mount=type=cache`, and contexts. Says what there is, and lets it go.

use std::collections::HashSet;

use jiff::Timestamp;

use super::buildkit::cache::{Cache, Entry};
use super::{caches, context, shelf};
use crate::Engine;
use crate::image::{Digest, ImageFilters, chain_ids};

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

/// What of the kept shall go.
#[derive(Clone, Debug, Default)]
pub struct Going {
    /// Also what an image has.
    pub all: bool,
    /// As many bytes stay, of what was used last; none for nothing.
    pub keep: Option<u64>,
    /// Only what was last used before.
    pub until: Option<Timestamp>,
    /// Only these kinds, and only these ids or beginnings of them; none for any.
    pub kinds: Vec<String>,
    pub ids: Vec<String>,
    /// Only what an image has, or only what none has.
    pub shared: Option<bool>,
}

impl Going {
    /// The items of `kept` that go, longest unused first.
    pub fn choose(&self, mut kept: Vec<Kept>) -> Vec<Kept> {
        kept.sort_by_key(|item| item.last_used);
        let mut left: u64 = kept.iter().map(Kept::own_size).sum();
        kept.retain(|item| {
            let wanted = (self.all || !item.shared)
                && self.until.is_none_or(|until| item.last_used < until)
                && (self.kinds.is_empty() || self.kinds.contains(&item.kind))
                && (self.ids.is_empty() || self.ids.iter().any(|id| item.id.starts_with(id.as_str())))
                && self.shared.is_none_or(|shared| shared == item.shared);
            let goes = wanted && self.keep.is_none_or(|keep| left > keep);
            if goes {
                left -= item.own_size();
            }
            goes
        });
        kept
    }
}

impl Kept {
    /// What is gained without it.
    fn own_size(&self) -> u64 {
        if self.shared { 0 } else { self.size }
    }
}

/// All that is kept, in the order in which it was made.
pub fn kept(engine: &Engine) -> Vec<Kept> {
    let used = used(engine);
    let mut all: Vec<Kept> = Cache::of(engine.state_dir()).entries().iter().map(|entry| item(entry, &used)).collect();
    let folder = caches::folder(engine.state_dir());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let time = |t: std::io::Result<std::time::SystemTime>| t.ok().and_then(|t| Timestamp::try_from(t).ok()).unwrap_or_default();
        let modified = entry.metadata().map(|m| (time(m.created()), time(m.modified()))).unwrap_or_default();
        all.push(Kept {
            id: short(&entry.file_name().to_string_lossy()),
            parent: String::new(),
            kind: "exec.cachemount".to_owned(),
            description: "a folder of --mount=type=cache".to_owned(),
            shared: false,
            size: crate::container::size_of(&entry.path()),
            created: modified.0,
            last_used: modified.1,
        });
    }
    for entry in std::fs::read_dir(shelf::folder(engine.state_dir())).into_iter().flatten().flatten() {
        // One without an index holds nothing.
        let Some(used) = shelf::last_used(&entry.path()).and_then(|time| Timestamp::try_from(time).ok()) else { continue };
        all.push(Kept {
            id: short(&entry.file_name().to_string_lossy()),
            parent: String::new(),
            kind: "source.local".to_owned(),
            description: "local source for context".to_owned(),
            shared: false,
            size: crate::container::size_of(&entry.path().join("files")),
            created: entry.metadata().and_then(|m| m.created()).ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(used),
            last_used: used,
        });
    }
    all.sort_by_key(|kept| kept.created);
    all
}

/// Forgets what shall go; gives the ids and the bytes that they took.
pub fn prune(engine: &Engine, going: &Going) -> (Vec<String>, u64) {
    let gone = remove(engine, going.choose(kept(engine)));
    let bytes = gone.iter().map(Kept::own_size).sum();
    (gone.into_iter().map(|item| item.id).collect(), bytes)
}

/// Forgets what was chosen, but for the caches that commands use; gives what is gone.
pub fn remove(engine: &Engine, mut chosen: Vec<Kept>) -> Vec<Kept> {
    let cache = Cache::of(engine.state_dir());
    let ids: Vec<String> = chosen.iter().map(|item| item.id.clone()).collect();
    let goes = |id: &str| ids.contains(&short(id));
    let gone: Vec<Entry> = cache.entries().into_iter().filter(|entry| goes(&entry.id)).collect();
    cache.remove(&gone.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
    engine.images.release_layers(&gone.into_iter().map(|entry| entry.record.layers).collect::<Vec<_>>());
    let mut stays = Vec::new();
    for folder in std::fs::read_dir(caches::folder(engine.state_dir())).into_iter().flatten().flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        if goes(&name) {
            match caches::seize(engine.state_dir(), &name) {
                // What cannot be removed now is there the next time.
                Some(_held) => context::remove(&folder.path()),
                None => stays.push(short(&name)),
            }
        }
    }
    for entry in std::fs::read_dir(shelf::folder(engine.state_dir())).into_iter().flatten().flatten() {
        if goes(&entry.file_name().to_string_lossy()) {
            shelf::discard(&entry.path());
        }
    }
    chosen.retain(|item| !stays.contains(&item.id));
    chosen
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(id: &str, size: u64, used: i64, shared: bool) -> Kept {
        let at = Timestamp::from_second(used).unwrap();
        let (parent, description) = (String::new(), String::new());
        Kept { id: id.to_owned(), parent, kind: "regular".to_owned(), description, shared, size, created: at, last_used: at }
    }

    #[test]
    fn what_was_used_last_stays() {
        let all = || vec![kept("new", 5, 30, false), kept("old", 7, 10, false), kept("mid", 1, 20, false), kept("img", 9, 5, true)];
        let chosen = |going: Going| going.choose(all()).into_iter().map(|item| item.id).collect::<Vec<_>>();
        assert_eq!(chosen(Going::default()), ["old", "mid", "new"]);
        assert_eq!(chosen(Going { all: true, ..Going::default() }), ["img", "old", "mid", "new"]);
        assert_eq!(chosen(Going { keep: Some(6), ..Going::default() }), ["old"]);
        assert_eq!(chosen(Going { keep: Some(5), ..Going::default() }), ["old", "mid"]);
        assert_eq!(chosen(Going { keep: Some(13), ..Going::default() }), [""; 0]);
        assert_eq!(chosen(Going { until: Timestamp::from_second(20).ok(), ..Going::default() }), ["old"]);
        assert_eq!(chosen(Going { kinds: vec!["exec.cachemount".to_owned()], ..Going::default() }), [""; 0]);
        assert_eq!(chosen(Going { ids: vec!["mi".to_owned()], ..Going::default() }), ["mid"]);
        assert_eq!(chosen(Going { all: true, shared: Some(true), ..Going::default() }), ["img"]);
    }
}
