//! A site onto the disk, as a whole or not at all.
//!
//! It is written into a new folder beside the old one, and the two change places in one step, so that whoever looks finds the
//! old site or the new one. What is in the old folder and was not put there by a build
//! stays: nothing of an author's is lost.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::build::{Body, Site};

/// The list of what a build wrote, one file a line; kept in the site itself.
const LIST: &str = "dockside/files.txt";

/// Why a site could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot copy {}", path.display())]
    Copy { path: PathBuf, source: io::Error },
    #[error("{} is there and was not written by dockside build", path.display())]
    InTheWay { path: PathBuf },
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
}

impl Site {
    /// Writes the site to `folder`, which is made if it is not there.
    pub fn write(&self, folder: &Path) -> Result<(), SiteError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SiteError::Write { path, source }
        };
        let folder = &std::path::absolute(folder).map_err(failed(folder))?;
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        // A link to a folder is followed: the site belongs where it points.
        let folder = &if folder.exists() { folder.canonicalize().map_err(failed(folder))? } else { folder.clone() };
        let parent = folder.parent().unwrap_or(folder);
        let old = match fs::metadata(folder) {
            Ok(metadata) if !metadata.is_dir() => return Err(SiteError::NotAFolder { path: folder.clone() }),
            Ok(_) => Some(listed(folder)),
            Err(_) => None,
        };
        if let Some(old) = &old {
            for place in self.files.keys() {
                let path = folder.join(place);
                if !old.contains(place) && path.symlink_metadata().is_ok() && !self.is_same(place, &path) {
                    return Err(SiteError::InTheWay { path });
                }
            }
        }
        let stage = |inside: &Path| tempfile::Builder::new().prefix(".dockside-site-").tempdir_in(inside);
        // Where nothing can be put beside the folder, the site is made in it.
        let new = stage(parent).or_else(|e| if old.is_some() { stage(folder) } else { Err(e) }).map_err(failed(parent))?;
        open_to_all(new.path()).map_err(failed(new.path()))?;
        self.fill(new.path())?;
        let Some(old) = old else {
            fs::rename(new.path(), folder).map_err(failed(folder))?;
            // It is no temporary folder any more.
            let _ = new.keep();
            sync_folder(parent);
            return Ok(());
        };
        // A mount point stays where it is, and so does the folder that someone works in.
        let in_place = new.path().starts_with(folder) || std::env::current_dir().is_ok_and(|here| here.starts_with(folder));
        if in_place || self.swap(folder, new.path(), &old).is_err() {
            self.move_into(folder, new.path(), &old).map_err(failed(folder))?;
        }
        // What is left in `new` is the old site; it goes with the variable.
        sync_folder(parent);
        Ok(())
    }

    /// The new folder takes the place of the old one, whole.
    fn swap(&self, folder: &Path, new: &Path, old: &BTreeSet<String>) -> io::Result<()> {
        take_over(folder, new, Path::new(""), old)?;
        exchange(folder, new)
    }

    /// The new files take the place of the old ones, each by itself and the pages last.
    fn move_into(&self, folder: &Path, new: &Path, old: &BTreeSet<String>) -> io::Result<()> {
        let is_page = |place: &str| matches!(self.files.get(place), Some(Body::Text(_)));
        let places = self.files.keys().map(String::as_str).chain([LIST]);
        let (pages, others): (Vec<_>, Vec<_>) = places.partition(|place| is_page(place));
        for place in others.into_iter().chain(pages) {
            let to = folder.join(place);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            // Already there where the folders were about to change places.
            if new.join(place).exists() {
                fs::rename(new.join(place), to)?;
            }
        }
        for place in old.iter().filter(|place| !self.files.contains_key(*place) && *place != LIST) {
            let _ = fs::remove_file(folder.join(place));
        }
        Ok(())
    }

    /// Writes all files below `folder` and has them reach the disk.
    fn fill(&self, folder: &Path) -> Result<(), SiteError> {
        let mut list = String::new();
        let mut made = BTreeSet::new();
        for (place, body) in &self.files {
            list.push_str(place);
            list.push('\n');
            let path = folder.join(place);
            let failed = |source| SiteError::Write { path: path.clone(), source };
            if let Some(parent) = path.parent()
                && made.insert(parent.to_owned())
            {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            match body {
                Body::Text(text) => fs::write(&path, text).map_err(failed)?,
                Body::File(from) => {
                    fs::copy(from, &path).map_err(|source| SiteError::Copy { path: from.clone(), source })?;
                }
            }
        }
        let path = folder.join(LIST);
        list.push_str(LIST);
        list.push('\n');
        fs::write(&path, &list).map_err(|source| SiteError::Write { path, source })?;
        // All are written before the first is waited for, so that most have reached the disk by the time they are asked about.
        for place in self.files.keys().map(String::as_str).chain([LIST]) {
            let path = folder.join(place);
            File::open(&path).and_then(|file| file.sync_all()).map_err(|source| SiteError::Write { path, source })?;
        }
        made.iter().for_each(|folder| sync_folder(folder));
        Ok(())
    }

    /// What is on disk is what would be written.
    fn is_same(&self, place: &str, path: &Path) -> bool {
        match self.files.get(place) {
            Some(Body::Text(text)) => fs::read(path).is_ok_and(|there| there == text.as_bytes()),
            Some(Body::File(from)) => fs::read(path).ok().zip(fs::read(from).ok()).is_some_and(|(there, wanted)| there == wanted),
            None => false,
        }
    }
}

/// So that the names in a folder survive too. Not every file system can; then there is nothing more to do.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// A temporary folder is its owner's alone; a site may be served by another.
fn open_to_all(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// What the last build wrote.
fn listed(folder: &Path) -> BTreeSet<String> {
    fs::read_to_string(folder.join(LIST)).map(|list| list.lines().map(str::to_owned).collect()).unwrap_or_default()
}

/// Links what is in `old` and was not written by a build to the same place in `new`; a kill at any moment loses none of it.
fn take_over(old: &Path, new: &Path, inside: &Path, written: &BTreeSet<String>) -> io::Result<()> {
    let mut empty = true;
    for entry in fs::read_dir(old.join(inside))? {
        empty = false;
        let place = inside.join(entry?.file_name());
        let (from, to) = (old.join(&place), new.join(&place));
        if from.is_dir() && !from.is_symlink() {
            take_over(old, new, &place, written)?;
            continue;
        }
        let name = place.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        if written.contains(&name) || to.symlink_metadata().is_ok() {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop))?;
    }
    if empty { fs::create_dir_all(new.join(inside)) } else { Ok(()) }
}

/// Two folders change places: in one step where the system can, else in two.
fn exchange(folder: &Path, new: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, folder, CWD, new, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    let aside = new.with_extension("old");
    fs::rename(folder, &aside)?;
    if let Err(e) = fs::rename(new, folder) {
        fs::rename(&aside, folder)?;
        return Err(e);
    }
    fs::rename(&aside, new)
}
