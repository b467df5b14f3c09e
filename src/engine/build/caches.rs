//! The folders of `--mount=type=cache`, which outlive builds: who may use which one when, and how a new one comes about.
//!
//! A folder is held by a lock of its own while a command uses it. It is filled beside its place and moved there, so that what is in its
//! place is whole, whatever was killed.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::context;
use super::mounts::Sharing;
use super::report::{BuildError, Cancel};
use super::tree::hex;

/// As many folders may one cache have, where commands that run at once want one each.
const FOLDERS_MAX: usize = 1000;

/// How long a command waits before it looks at a lock again.
const PAUSE: Duration = Duration::from_millis(10);

/// Where the folders lie.
pub fn folder(state: &Path) -> PathBuf {
    state.join("build").join("mounts")
}

/// Takes a folder by its name from whoever might use it; `None` while a command does. It is nobody's else until this is dropped.
pub fn seize(state: &Path, name: &str) -> Option<File> {
    let locks = state.join("build").join("locks");
    fs::create_dir_all(&locks).ok()?;
    let lock = File::create(locks.join(name)).ok()?;
    lock.try_lock().ok()?;
    Some(lock)
}

/// The caches that one command holds, until this is dropped.
#[derive(Default)]
pub struct Caches {
    held: HashMap<String, (PathBuf, File)>,
}

impl Caches {
    /// The folder of the cache `id`. One that is there is taken where `sharing` lets it be, another one if not; it is made by `fill`,
    /// which writes into the path that it is given.
    pub fn take<E: From<BuildError> + From<io::Error>>(
        &mut self,
        state: &Path,
        id: &str,
        sharing: Sharing,
        cancel: &Cancel,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        // A command that mounts a cache twice sees the same twice.
        if let Some((folder, _)) = self.held.get(id) {
            return Ok(folder.clone());
        }
        let locks = state.join("build").join("locks");
        fs::create_dir_all(&locks)?;
        let (name, lock) = claim::<E>(&locks, id, sharing, cancel)?;
        let place = folder(state).join(&name);
        if !place.is_dir() {
            let filling = File::create(locks.join(format!("{name}.filling")))?;
            wait::<E>(cancel, || filling.try_lock())?;
            if !place.is_dir() {
                let beside = state.join("build").join("filling").join(&name);
                // Somebody was killed here.
                context::remove(&beside);
                for folder in [beside.parent(), place.parent()].into_iter().flatten() {
                    fs::create_dir_all(folder)?;
                }
                let filled = fill(&beside).and_then(|()| Ok(fs::rename(&beside, &place)?));
                if filled.is_err() {
                    context::remove(&beside);
                }
                filled?;
            }
        }
        self.held.insert(id.to_owned(), (place.clone(), lock));
        Ok(place)
    }
}

/// Takes hold of one of a cache's folders.
fn claim<E: From<BuildError> + From<io::Error>>(locks: &Path, id: &str, sharing: Sharing, cancel: &Cancel) -> Result<(String, File), E> {
    for number in 0..FOLDERS_MAX {
        let name = if number == 0 { hex(&Sha256::digest(id)) } else { hex(&Sha256::digest(format!("{id}\0{number}"))) };
        let lock = File::create(locks.join(&name))?;
        let taken = match sharing {
            Sharing::Shared => lock.try_lock_shared(),
            Sharing::Private => lock.try_lock(),
            Sharing::Locked => {
                wait::<E>(cancel, || lock.try_lock())?;
                Ok(())
            }
        };
        match taken {
            Ok(()) => return Ok((name, lock)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(e.into()),
        }
    }
    Err(BuildError::new(format!("more than {FOLDERS_MAX} commands use the cache {id} at once")).into())
}

/// Tries until it is had, or nobody wants the build any more.
fn wait<E: From<BuildError> + From<io::Error>>(cancel: &Cancel, take: impl Fn() -> Result<(), TryLockError>) -> Result<(), E> {
    loop {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(e.into()),
        }
        cancel.check()?;
        std::thread::sleep(PAUSE);
    }
}
