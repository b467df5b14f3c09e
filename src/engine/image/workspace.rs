//! Where things are written before they are moved into the store, and how the leavings of killed processes are swept.
//!
//! Every process writes into a folder of its own under `tmp/`, which it holds by a lock; whoever opens the store removes the
//! folders that nobody holds. Making, holding and sweeping happen under one lock, so that no living folder is ever swept.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ImageError;
use crate::sys::tree;

/// The temporary files of one opened store. Its folder is made at first use and removed at the end.
pub struct Workspace {
    root: PathBuf,
    held: Mutex<Option<(PathBuf, File)>>,
    next: AtomicU64,
}

impl Workspace {
    /// The workspace under `root` (the store's `tmp`); sweeps what dead processes left there.
    pub fn open(root: PathBuf) -> Result<Workspace, ImageError> {
        fs::create_dir_all(&root).map_err(ImageError::io("cannot make", &root))?;
        sweep(&root).map_err(ImageError::io("cannot sweep", &root))?;
        Ok(Workspace { root, held: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// A path for a new temporary file or folder; nobody else has the same.
    pub fn path(&self) -> Result<PathBuf, ImageError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = match &*held {
            Some((folder, _)) => folder.clone(),
            None => {
                let (folder, lock) = claim(&self.root).map_err(ImageError::io("cannot make a folder in", &self.root))?;
                *held = Some((folder.clone(), lock));
                folder
            }
        };
        Ok(folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string()))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let held = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((folder, _)) = held.take() {
            let _ = tree::remove(&folder);
        }
    }
}

/// Opens (and makes) a lock file.
pub fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)
}

fn claim(root: &Path) -> io::Result<(PathBuf, File)> {
    let guard = lock_file(&root.join("lock"))?;
    guard.lock()?;
    loop {
        let mut random = [0u8; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let folder = root.join(format!("{:016x}", u64::from_ne_bytes(random)));
        match fs::create_dir(&folder) {
            Ok(()) => {
                let lock = lock_file(&folder.join("held"))?;
                lock.lock()?;
                return Ok((folder, lock));
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

fn sweep(root: &Path) -> io::Result<()> {
    let guard = lock_file(&root.join("lock"))?;
    match guard.try_lock() {
        Ok(()) => {}
        // Someone is at it; the next one to open the store sweeps.
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(e)) => return Err(e),
    }
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let folder = entry.path();
        let abandoned = match lock_file(&folder.join("held")) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => true,
        };
        if abandoned {
            // What cannot be removed now is tried again next time.
            let _ = tree::remove(&folder);
        }
    }
    Ok(())
}
