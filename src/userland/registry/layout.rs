//! What the registry keeps, in the folders of the reference registry, so that either can take over the other's volume: content under its
//! digest, and for each repository links to what of it belongs there. A link is a small file that holds a digest.
//!
//! Names, tags and digests have been checked before they come here. What is written is written beside, synced and renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::engine::image::{Digest, Reference};

/// A link's file is no longer.
const LINK: u64 = 256;

/// The storage below one folder.
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The storage in the folder that the configuration names `rootdirectory`.
    pub fn new(directory: &Path) -> Layout {
        Layout { root: directory.join("docker/registry/v2") }
    }

    /// Makes the folders, so that one that cannot be written to is known of at once.
    pub fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(self.root.join("repositories"))
    }

    /// The file of a content.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("blobs").join(digest.algorithm()).join(&hex[..2]).join(hex).join("data")
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.root.join("repositories").join(name)
    }

    /// The folder of an upload.
    pub fn upload(&self, name: &str, id: &str) -> PathBuf {
        self.repository(name).join("_uploads").join(id)
    }

    fn layer_link(&self, name: &str, digest: &Digest) -> PathBuf {
        linked(self.repository(name).join("_layers"), digest)
    }

    fn revision_link(&self, name: &str, digest: &Digest) -> PathBuf {
        linked(self.repository(name).join("_manifests/revisions"), digest)
    }

    fn tag(&self, name: &str, tag: &str) -> PathBuf {
        self.repository(name).join("_manifests/tags").join(tag)
    }

    /// The file of a blob that belongs to a repository, and its size.
    pub fn find_blob(&self, name: &str, digest: &Digest) -> io::Result<Option<(PathBuf, u64)>> {
        if read_link(&self.layer_link(name, digest))?.is_none() {
            return Ok(None);
        }
        let path = self.blob(digest);
        Ok(found(fs::metadata(&path))?.map(|metadata| (path, metadata.len())))
    }

    /// Makes a content part of a repository.
    pub fn link_blob(&self, name: &str, digest: &Digest) -> io::Result<()> {
        write_link(&self.layer_link(name, digest), digest)
    }

    /// Takes a blob out of a repository; says whether it was there.
    pub fn unlink_blob(&self, name: &str, digest: &Digest) -> io::Result<bool> {
        Ok(found(fs::remove_file(self.layer_link(name, digest)))?.is_some())
    }

    /// Takes the file `data` in as the content of `digest`, which it has been found to have.
    pub fn take_in(&self, data: &Path, digest: &Digest) -> io::Result<()> {
        let place = self.blob(digest);
        if place.exists() {
            return Ok(());
        }
        File::open(data)?.sync_all()?;
        let folder = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        fs::rename(data, &place)?;
        File::open(folder)?.sync_all()
    }

    /// The manifest of a repository with this digest.
    pub fn find_manifest(&self, name: &str, digest: &Digest) -> io::Result<Option<Vec<u8>>> {
        if read_link(&self.revision_link(name, digest))?.is_none() {
            return Ok(None);
        }
        found(fs::read(self.blob(digest)))
    }

    /// Whether a repository has the manifest.
    pub fn has_manifest(&self, name: &str, digest: &Digest) -> io::Result<bool> {
        Ok(read_link(&self.revision_link(name, digest))?.is_some() && self.blob(digest).exists())
    }

    /// Adds a manifest to a repository; gives its digest.
    pub fn add_manifest(&self, name: &str, content: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(content);
        let place = self.blob(&digest);
        if !place.exists() {
            write(&place, content)?;
        }
        write_link(&self.revision_link(name, &digest), &digest)?;
        Ok(digest)
    }

    /// Takes a manifest out of a repository, with the tags that lead to it; says whether it was there.
    pub fn remove_manifest(&self, name: &str, digest: &Digest) -> io::Result<bool> {
        if found(fs::remove_file(self.revision_link(name, digest)))?.is_none() {
            return Ok(false);
        }
        for tag in self.tags(name)?.unwrap_or_default() {
            if self.resolve(name, &tag)?.as_ref() == Some(digest) {
                self.remove_tag(name, &tag)?;
            }
        }
        Ok(true)
    }

    /// What a tag leads to.
    pub fn resolve(&self, name: &str, tag: &str) -> io::Result<Option<Digest>> {
        read_link(&self.tag(name, tag).join("current/link"))
    }

    /// Leads a tag to a manifest.
    pub fn set_tag(&self, name: &str, tag: &str, digest: &Digest) -> io::Result<()> {
        let tag = self.tag(name, tag);
        write_link(&linked(tag.join("index"), digest), digest)?;
        write_link(&tag.join("current/link"), digest)
    }

    /// Removes a tag; says whether it was there.
    pub fn remove_tag(&self, name: &str, tag: &str) -> io::Result<bool> {
        Ok(found(fs::remove_dir_all(self.tag(name, tag)))?.is_some())
    }

    /// A repository's tags in order; `None` where it has never had one.
    pub fn tags(&self, name: &str) -> io::Result<Option<Vec<String>>> {
        let Some(entries) = found(fs::read_dir(self.repository(name).join("_manifests/tags")))? else { return Ok(None) };
        let mut tags: Vec<String> = names(entries)?.into_iter().filter(|tag| Reference::is_tag(tag)).collect();
        tags.sort();
        Ok(Some(tags))
    }

    /// The digests of a repository's manifests.
    pub fn manifests(&self, name: &str) -> io::Result<Vec<Digest>> {
        let Some(entries) = found(fs::read_dir(self.repository(name).join("_manifests/revisions/sha256")))? else { return Ok(Vec::new()) };
        let all = names(entries)?.into_iter().filter_map(|hex| Digest::from_hex(&hex).ok());
        // What a removed manifest leaves is an empty folder.
        let mut kept: Vec<Digest> = all.filter(|digest| self.revision_link(name, digest).exists()).collect();
        kept.sort();
        Ok(kept)
    }

    /// The digests of all content.
    pub fn contents(&self) -> io::Result<Vec<Digest>> {
        let mut all = Vec::new();
        let Some(entries) = found(fs::read_dir(self.root.join("blobs/sha256")))? else { return Ok(all) };
        for two in names(entries)? {
            let Some(inner) = found(fs::read_dir(self.root.join("blobs/sha256").join(two)))? else { continue };
            all.extend(names(inner)?.into_iter().filter_map(|hex| Digest::from_hex(&hex).ok()));
        }
        all.sort();
        Ok(all)
    }

    /// Deletes a content.
    pub fn delete(&self, digest: &Digest) -> io::Result<()> {
        let place = self.blob(digest);
        found(fs::remove_dir_all(place.parent().unwrap_or(&place))).map(drop)
    }

    /// The names of the repositories, in order: the folders that have blobs. Links lead nowhere.
    pub fn repositories(&self) -> io::Result<Vec<String>> {
        let mut found_all = Vec::new();
        let mut waiting = vec![String::new()];
        while let Some(name) = waiting.pop() {
            let Some(entries) = found(fs::read_dir(self.repository(&name)))? else { continue };
            for entry in entries {
                let entry = entry?;
                if !entry.file_type()?.is_dir() {
                    continue;
                }
                match entry.file_name().into_string() {
                    Ok(inner) if inner == "_layers" => found_all.push(name.clone()),
                    Ok(inner) if !inner.starts_with('_') => {
                        waiting.push(if name.is_empty() { inner } else { format!("{name}/{inner}") });
                    }
                    _ => {}
                }
            }
        }
        found_all.sort();
        Ok(found_all)
    }

    /// The folders of a repository's uploads.
    pub fn uploads(&self, name: &str) -> io::Result<Vec<PathBuf>> {
        let folder = self.repository(name).join("_uploads");
        let Some(entries) = found(fs::read_dir(&folder))? else { return Ok(Vec::new()) };
        Ok(names(entries)?.into_iter().map(|id| folder.join(id)).collect())
    }
}

fn linked(folder: PathBuf, digest: &Digest) -> PathBuf {
    folder.join(digest.algorithm()).join(digest.hex()).join("link")
}

fn names(entries: fs::ReadDir) -> io::Result<Vec<String>> {
    let names: Result<Vec<_>, _> = entries.map(|entry| entry.map(|e| e.file_name().into_string().ok())).collect();
    Ok(names?.into_iter().flatten().collect())
}

/// What is not there as `None`.
pub fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The digest in a link; a file that holds none is no link.
fn read_link(path: &Path) -> io::Result<Option<Digest>> {
    use io::Read;
    let Some(file) = found(File::open(path))? else { return Ok(None) };
    let mut text = String::new();
    match file.take(LINK).read_to_string(&mut text) {
        Ok(_) => Ok(text.trim().parse().ok()),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(e) => Err(e),
    }
}

fn write_link(path: &Path, digest: &Digest) -> io::Result<()> {
    write(path, digest.as_str().as_bytes())
}

/// Writes a file whole or not at all.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let permissions = fs::Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}
