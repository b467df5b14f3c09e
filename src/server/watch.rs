//! Watches the files that a site is made of. Folders that hold none of them are not looked at, however large the project is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::live::{Live, Outcome};
use crate::deck::Body;

/// An editor saves in several steps, and closes the file after the last one. Then this much is waited for another file.
const CLOSED: Duration = Duration::from_millis(2);
/// A file that is still open is waited for this long; where nobody says when one is closed, a pause has to do.
const OPEN: Duration = Duration::from_millis(if cfg!(target_os = "linux") { 40 } else { 12 });
/// It may not put off the build for longer than this.
const LONGEST: Duration = Duration::from_millis(80);

/// Rebuilds `live` on every change until the process ends; `done` hears of each build. Blocks: give it a thread.
pub fn watch(live: &Arc<Live>, mut done: impl FnMut(&Outcome)) -> notify::Result<()> {
    let (sender, events) = channel();
    let mut watcher = notify::recommended_watcher(move |event| {
        // The receiver is gone only when the process ends.
        let _ = sender.send(event);
    })?;
    let mut watched = BTreeSet::new();
    catch_up(&mut watcher, &mut watched, live, &mut done);
    while let Some(Burst { paths, lost, .. }) = wait(&events) {
        let site = live.site();
        let pictures = || site.files.values().filter_map(|body| if let Body::File(path) = body { Some(path) } else { None });
        let mut concerned = paths.iter().filter(|path| !is_scratch(path)).peekable();
        if concerned.peek().is_none() && !lost {
            continue;
        }
        if lost || concerned.any(|path| pictures().any(|picture| same(picture, path))) {
            live.touch();
        }
        let outcome = live.rebuild();
        done(&outcome);
        catch_up(&mut watcher, &mut watched, live, &mut done);
    }
    Ok(())
}

/// Watches what the site is made of now. A file that changed before its folder was watched told nobody, so the site is built
/// once more whenever a folder is new.
fn catch_up(watcher: &mut RecommendedWatcher, watched: &mut BTreeSet<PathBuf>, live: &Live, done: &mut impl FnMut(&Outcome)) {
    while look_at(watcher, watched, live) {
        let before = live.news().borrow().news.clone();
        let outcome = live.rebuild();
        if live.news().borrow().news != before {
            done(&outcome);
        }
    }
}

/// Changes that belong together: those of an editor that saves, or of a program that writes many files.
#[derive(Default)]
struct Burst {
    paths: BTreeSet<PathBuf>,
    /// Files that were written to and not closed since: half of them may be missing.
    open: BTreeSet<PathBuf>,
    /// Whether there were changes that nobody heard of: anything may be another.
    lost: bool,
}

impl Burst {
    fn add(&mut self, event: notify::Result<Event>) {
        let Ok(event) = event else {
            self.lost = true;
            return;
        };
        self.lost |= event.need_rescan();
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => self.open.retain(|path| !event.paths.contains(path)),
            // Reading a file is no change to it, nor are its owner and its times.
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => {}
            kind => {
                if matches!(kind, EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any)) {
                    self.open.extend(event.paths.iter().cloned());
                }
                self.paths.extend(event.paths);
            }
        }
    }

    /// How long a pause ends it.
    fn pause(&self) -> Duration {
        if self.open.is_empty() { CLOSED } else { OPEN }
    }
}

/// The next burst of changes; `None` at the end.
fn wait(events: &Receiver<notify::Result<Event>>) -> Option<Burst> {
    let mut burst = Burst::default();
    while burst.paths.is_empty() && !burst.lost {
        burst.add(events.recv().ok()?);
    }
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        match events.recv_timeout(burst.pause()) {
            Ok(event) => burst.add(event),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    Some(burst)
}

/// Watches the folders of all sources, and no other any more. Says whether one of them was not watched before.
fn look_at(watcher: &mut RecommendedWatcher, watched: &mut BTreeSet<PathBuf>, live: &Live) -> bool {
    let site = live.site();
    let files = site.files.values().filter_map(|body| if let Body::File(path) = body { Some(path.as_path()) } else { None });
    let wanted: BTreeSet<PathBuf> = site.sources.iter().map(PathBuf::as_path).chain(files).filter_map(folder_of).collect();
    for folder in watched.difference(&wanted) {
        // It may be gone, and its watch with it.
        let _ = watcher.unwatch(folder);
    }
    // A folder that was deleted and made anew needs a new watch, so those that are known are asked for again; that costs nothing.
    let before = std::mem::take(watched);
    for folder in wanted {
        if watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
            watched.insert(folder);
        }
    }
    !watched.is_subset(&before)
}

/// The folder of a file; the nearest that exists, for a file that is not there yet.
fn folder_of(file: &Path) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    if file.is_dir() {
        return Some(file);
    }
    file.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned)
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || std::path::absolute(one).is_ok_and(|one| one == other)
}

/// What editors leave beside a file while they save it.
fn is_scratch(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return true };
    name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".swx") || name.starts_with(".#") || name == "4913"
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{DataChange, RenameMode};

    #[test]
    fn changes_that_were_lost_count_as_changes_of_everything() {
        use notify::event::Flag;
        let (sender, events) = channel();
        // What inotify says when its queue is full, and what it says when it cannot go on.
        for event in [Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), Err(notify::Error::generic("no more watches"))] {
            sender.send(event).unwrap();
            assert!(wait(&events).unwrap().lost);
        }
        sender.send(Ok(Event::new(EventKind::Modify(ModifyKind::Any)).add_path("a.md".into()))).unwrap();
        assert!(!wait(&events).unwrap().lost);
    }

    #[test]
    fn a_file_is_waited_for_until_it_is_closed() {
        let event = |kind| Ok(Event::new(kind).add_path("a.md".into()));
        let mut burst = Burst::default();
        burst.add(event(EventKind::Access(AccessKind::Open(AccessMode::Read))));
        assert!(burst.paths.is_empty());
        burst.add(event(EventKind::Modify(ModifyKind::Data(DataChange::Any))));
        assert_eq!(burst.pause(), OPEN);
        burst.add(event(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert_eq!((burst.pause(), burst.paths.len()), (CLOSED, 1));
        // A new file in the place of the old one is there as a whole.
        let mut burst = Burst::default();
        burst.add(event(EventKind::Modify(ModifyKind::Name(RenameMode::To))));
        assert_eq!((burst.pause(), burst.paths.len()), (CLOSED, 1));
    }
}
