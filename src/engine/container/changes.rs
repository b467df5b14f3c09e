//! What a container has changed against its image (`docker diff`): found by walking the container's own layer alone.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::record::Record;
use super::root;
use super::store::Container;

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Modified,
    Added,
    Deleted,
}

impl Container {
    /// The changed paths, as they are seen inside the container.
    pub fn changes(&self) -> std::io::Result<Vec<(Change, String)>> {
        let record = self.record();
        let mut changes = Vec::new();
        if record.copied {
            compare_copies(&record.layers, &self.dir().join("diff"), Path::new("/"), &mut changes)?;
        } else {
            walk(&record, &self.dir().join("diff"), Path::new("/"), &mut changes)?;
        }
        Ok(changes)
    }
}

fn walk(record: &Record, folder: &Path, inside: &Path, changes: &mut Vec<(Change, String)>) -> std::io::Result<()> {
    for entry in sorted(folder)? {
        let path = inside.join(entry.file_name());
        let metadata = entry.metadata()?;
        let text = path.to_string_lossy().into_owned();
        let below = lookup(&record.layers, &path);
        if metadata.file_type().is_char_device() && metadata.rdev() == 0 {
            if below.is_some() {
                changes.push((Change::Deleted, text));
            }
            continue;
        }
        let opaque = metadata.is_dir() && root::has_opaque_mark(&entry.path());
        match &below {
            None => changes.push((Change::Added, text)),
            Some(old) => {
                // A folder stands here if only something in it changed; alone it is no change unless itself is another.
                let same = metadata.is_dir() && old.is_dir() && !opaque && same_attributes(old, &metadata);
                let at = changes.len();
                if metadata.is_dir() {
                    walk(record, &entry.path(), &path, changes)?;
                }
                if opaque {
                    hidden(record, &entry.path(), &path, changes);
                }
                if !same || changes.len() > at {
                    changes.insert(at, (Change::Modified, text));
                }
                continue;
            }
        }
        if metadata.is_dir() {
            walk(record, &entry.path(), &path, changes)?;
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

fn same_attributes(old: &fs::Metadata, new: &fs::Metadata) -> bool {
    old.mode() == new.mode()
        && old.uid() == new.uid()
        && old.gid() == new.gid()
        && old.mtime() == new.mtime()
        && old.mtime_nsec() == new.mtime_nsec()
}

/// What an opaque folder hides of the layers below is deleted, unless it is there anew.
fn hidden(record: &Record, folder: &Path, inside: &Path, changes: &mut Vec<(Change, String)>) {
    for layer in &record.layers {
        let Some(below) = plain(layer, inside) else { continue };
        for entry in fs::read_dir(below).into_iter().flatten().flatten() {
            let path = inside.join(entry.file_name());
            let text = path.to_string_lossy().into_owned();
            let again = fs::symlink_metadata(folder.join(entry.file_name())).is_ok();
            if !again && lookup(&record.layers, &path).is_some() && !changes.contains(&(Change::Deleted, text.clone())) {
                changes.push((Change::Deleted, text));
            }
        }
    }
}

fn plain(layer: &Path, inside: &Path) -> Option<PathBuf> {
    inside.strip_prefix("/").ok().map(|p| layer.join(p))
}

/// The file at `path` in the image, as its layers make it.
fn lookup(layers: &[PathBuf], path: &Path) -> Option<fs::Metadata> {
    for layer in layers.iter().rev() {
        let mut here = layer.clone();
        let mut parts = path.strip_prefix("/").ok()?.components().peekable();
        while let Some(part) = parts.next() {
            here.push(part);
            let Ok(metadata) = fs::symlink_metadata(&here) else {
                // Not in this layer; in one below, unless a folder on the way hides it.
                break;
            };
            if metadata.file_type().is_char_device() && metadata.rdev() == 0 {
                return None;
            }
            if parts.peek().is_none() {
                return Some(metadata);
            }
            if !metadata.is_dir() {
                return None;
            }
            if root::has_opaque_mark(&here) && fs::symlink_metadata(plain(layer, path)?).is_err() {
                return None;
            }
        }
    }
    None
}

/// Without an overlay there is no layer of the container's own, so everything is compared.
fn compare_copies(layers: &[PathBuf], folder: &Path, inside: &Path, changes: &mut Vec<(Change, String)>) -> std::io::Result<()> {
    for entry in sorted(folder)? {
        let path = inside.join(entry.file_name());
        let metadata = entry.metadata()?;
        let at = changes.len();
        let old = lookup(layers, &path);
        if metadata.is_dir() {
            compare_copies(layers, &entry.path(), &path, changes)?;
        }
        let text = path.to_string_lossy().into_owned();
        match old {
            None if !is_engines(&path) => changes.insert(at, (Change::Added, text)),
            Some(old) if changes.len() > at || !same_file(&old, &metadata) => changes.insert(at, (Change::Modified, text)),
            _ => {}
        }
    }
    let mut gone: Vec<String> = Vec::new();
    for layer in layers {
        let Some(below) = plain(layer, inside) else { continue };
        for entry in fs::read_dir(below).into_iter().flatten().flatten() {
            let path = inside.join(entry.file_name());
            let text = path.to_string_lossy().into_owned();
            if fs::symlink_metadata(folder.join(entry.file_name())).is_err() && lookup(layers, &path).is_some() && !gone.contains(&text) {
                gone.push(text);
            }
        }
    }
    changes.extend(gone.into_iter().map(|text| (Change::Deleted, text)));
    Ok(())
}

fn same_file(old: &fs::Metadata, new: &fs::Metadata) -> bool {
    let basics = old.mode() == new.mode() && old.uid() == new.uid() && old.gid() == new.gid();
    // A copy has times of its own; a change leaves another size or a later time than the copy's making.
    basics && (old.is_dir() || old.len() == new.len())
}

fn is_engines(path: &Path) -> bool {
    root::is_engines(path.strip_prefix("/").unwrap_or(path))
}
