//! A file tree that a build reads from or writes to: the context, or an image's file system. Whatever links it holds, no path leads out.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use sha2::{Digest as _, Sha256};

use super::modes::Mode;
use crate::sys::mount;

/// Where a file's capabilities are.
const CAPABILITY: &str = "security.capability";

/// As much as the names, or one value, of a file's extended attributes are.
const ATTRIBUTES_MAX: usize = 64 << 10;

/// As deep as folders may be nested.
const DEPTH_MAX: usize = 1024;

/// As many links may lead to one another.
const LINKS_MAX: usize = 40;

/// The tree's root; a mount lasts as long as this.
pub struct Tree {
    root: OwnedFd,
}

/// Who owns what is copied, and its mode.
#[derive(Clone, Debug, Default)]
pub struct Ownership {
    /// User and group; `None` keeps the source's.
    pub owner: Option<(u32, u32)>,
    pub mode: Option<Mode>,
    /// The time that folders which are made seem to be of.
    pub time: Option<jiff::Timestamp>,
}

impl Ownership {
    fn mode(&self, mode: u32, folder: bool) -> fs::Permissions {
        fs::Permissions::from_mode(self.mode.as_ref().map_or(mode & 0o7777, |change| change.of(mode, folder)))
    }
}

impl Tree {
    /// A folder.
    pub fn folder(path: &Path) -> io::Result<Tree> {
        Ok(Tree { root: rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, rustix::fs::Mode::empty())? })
    }

    /// What layers (lowest first, at least one) make together.
    pub fn layers(layers: &[PathBuf]) -> io::Result<Tree> {
        // One layer cannot be laid over itself.
        if let [one] = layers {
            return Tree::folder(one);
        }
        Ok(Tree { root: mount::overlay(layers, None)? })
    }

    /// The same, with `upper` to take what is written and `work` for the kernel.
    pub fn writable(layers: &[PathBuf], upper: &Path, work: &Path) -> io::Result<Tree> {
        if layers.is_empty() { Tree::folder(upper) } else { Ok(Tree { root: mount::overlay(layers, Some((upper, work)))? }) }
    }

    /// A path outside for one inside, links followed.
    pub fn find(&self, path: &str) -> io::Result<(OwnedFd, PathBuf)> {
        let fd = mount::open_in(self.root.as_fd(), Path::new("/").join(path.trim_start_matches('/')), OFlags::PATH)?;
        let outside = mount::path_of(fd.as_fd());
        Ok((fd, outside))
    }

    /// What is at `path`, links followed.
    pub fn metadata(&self, path: &str) -> io::Result<Metadata> {
        let (fd, _) = self.find(path)?;
        File::from(fd).metadata()
    }

    /// The content of a small file.
    pub fn read(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let (_fd, outside) = self.find(path)?;
        let file = File::open(outside)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut content = Vec::new();
        file.take(limit + 1).read_to_end(&mut content)?;
        if content.len() as u64 > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
        }
        Ok(content)
    }

    /// All paths in the tree in order, without a leading slash, links not followed.
    pub fn walk(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        walk(&mount::path_of(self.root.as_fd()), "", 0, &mut found)?;
        Ok(found)
    }

    /// A digest over what is at `path`: `file:…` or `dir:…`, over names, kinds, modes, owners and contents, not times.
    ///
    /// It is Docker's: the TarSum (version 1) of a file, for a folder the digest of the TarSums of all that is in it.
    pub fn hash(&self, path: &str, skipped: &dyn Fn(&str) -> bool) -> io::Result<String> {
        let (_fd, outside) = self.find(path)?;
        let metadata = fs::metadata(&outside)?;
        if !metadata.is_dir() {
            return Ok(format!("file:{}", tar_sum(&outside, path, &metadata)?));
        }
        let mut sums = Vec::new();
        if !path.is_empty() {
            sums.push(tar_sum(&outside, path, &metadata)?);
        }
        hash_folder(&outside, path, "", 0, &mut sums, skipped)?;
        sums.sort_unstable();
        Ok(format!("dir:{}", hex(&Sha256::digest(sums.join(",")))))
    }

    /// Makes a folder and those above it that are missing; those get the owner.
    pub fn make_folders(&self, path: &str, ownership: &Ownership) -> io::Result<OwnedFd> {
        self.folders_behind(path, ownership, 0)
    }

    /// The same at the end of that many links.
    fn folders_behind(&self, path: &str, ownership: &Ownership, links: usize) -> io::Result<OwnedFd> {
        let mut at = String::from("/");
        let mut made_here = Vec::new();
        let mut here = mount::open_in(self.root.as_fd(), "/", OFlags::PATH | OFlags::DIRECTORY)?;
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let above = here;
            at = format!("{}/{part}", at.trim_end_matches('/'));
            here = match mount::open_in(self.root.as_fd(), &at, OFlags::PATH | OFlags::DIRECTORY) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    match rustix::fs::mkdirat(&above, part, rustix::fs::Mode::from_raw_mode(0o755)) {
                        // A link to nowhere is in the way: what it points to is made.
                        Err(rustix::io::Errno::EXIST) => {
                            let target = behind(&above, &at)?.filter(|_| links < LINKS_MAX);
                            here = self.folders_behind(&target.ok_or(rustix::io::Errno::LOOP)?, ownership, links + 1)?;
                            continue;
                        }
                        other => other?,
                    }
                    let made = mount::open_in(self.root.as_fd(), &at, OFlags::PATH | OFlags::DIRECTORY)?;
                    let place = mount::path_of(above.as_fd()).join(part);
                    own(&place, ownership.owner);
                    if let Some(Mode::Octal(mode)) = ownership.mode {
                        fs::set_permissions(&place, fs::Permissions::from_mode(mode))?;
                    }
                    made_here.push((above, part));
                    made
                }
                other => other.map_err(|e| io::Error::new(e.kind(), format!("cannot open {at}: {e}")))?,
            };
        }
        if let Some(time) = ownership.time {
            // From below: what is made in a folder changes its time.
            for (above, part) in made_here.iter().rev() {
                let time = Timespec { tv_sec: time.as_second(), tv_nsec: 0 };
                let times = Timestamps { last_access: time, last_modification: time };
                rustix::fs::utimensat(above, *part, &times, AtFlags::SYMLINK_NOFOLLOW)?;
            }
        }
        Ok(here)
    }

    /// Copies a file out of `source` to the place `to`; folders above are made.
    pub fn copy_file(&self, source: &Path, to: &str, ownership: &Ownership) -> io::Result<()> {
        let (folder, name) = self.place(to, ownership)?;
        copy_entry(source, &mount::path_of(folder.as_fd()).join(name), ownership)
    }

    /// Where a file goes that is written to `to`: a folder, made where it is missing, and the file's name in it. A link there stays, and
    /// what it points to is written.
    fn place(&self, to: &str, ownership: &Ownership) -> io::Result<(OwnedFd, String)> {
        let mut to = to.to_owned();
        for _ in 0..LINKS_MAX {
            let (above, name) = to.rsplit_once('/').unwrap_or(("", &to));
            let folder = self.make_folders(above, ownership)?;
            match behind(&folder, &to)? {
                Some(target) if !name.is_empty() => to = target,
                _ => return Ok((folder, name.to_owned())),
            }
        }
        Err(rustix::io::Errno::LOOP.into())
    }

    /// Copies what is in the folder `source` into the folder `to`, made where it is missing.
    pub fn copy_folder(&self, source: &Path, to: &str, ownership: &Ownership, skipped: &dyn Fn(&str) -> bool) -> io::Result<()> {
        let missing = self.metadata(to).is_err();
        let folder = self.make_folders(to, ownership)?;
        let target = mount::path_of(folder.as_fd());
        if missing {
            let metadata = fs::metadata(source)?;
            let _ = fs::set_permissions(&target, ownership.mode(metadata.mode(), true));
            // Unless an owner is asked for, it is the builder's like every folder that is made on the way.
            own(&target, Some(ownership.owner.unwrap_or((0, 0))));
            copy_attributes(source, &target);
        }
        Copying { ownership, skipped, links: HashMap::new() }.contents(source, &target, "", 0)
    }

    /// Writes a file with the content that is given.
    pub fn write_file(&self, content: &[u8], to: &str, ownership: &Ownership) -> io::Result<()> {
        let (folder, name) = self.place(to, ownership)?;
        let target = mount::path_of(folder.as_fd()).join(name);
        make_room(&target, false)?;
        let mut file = File::create_new(&target)?;
        file.write_all(content)?;
        own(&target, ownership.owner);
        fs::set_permissions(&target, ownership.mode(0o644, false))
    }
}

/// Where the link at `path` leads, as a path of the tree; `folder` is the one that it lies in. `None` for what is no link.
fn behind(folder: &OwnedFd, path: &str) -> io::Result<Option<String>> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    match rustix::fs::readlinkat(folder, name, Vec::new()) {
        Ok(target) => {
            let target = target.into_string().map_err(|_| rustix::io::Errno::ILSEQ)?;
            Ok(Some(if target.starts_with('/') { target } else { format!("{above}/{target}") }))
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn deep() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("folders are nested deeper than {DEPTH_MAX}"))
}

fn sorted(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}

fn below(path: &str, entry: &fs::DirEntry) -> String {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") }
}

fn walk(folder: &Path, path: &str, depth: usize, found: &mut Vec<String>) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(deep());
    }
    for entry in sorted(folder)? {
        let inside = below(path, &entry);
        found.push(inside.clone());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &inside, depth + 1, found)?;
        }
    }
    Ok(())
}

fn hash_folder(
    folder: &Path,
    prefix: &str,
    path: &str,
    depth: usize,
    sums: &mut Vec<String>,
    skipped: &dyn Fn(&str) -> bool,
) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(deep());
    }
    for entry in sorted(folder)? {
        let inside = below(path, &entry);
        let metadata = entry.metadata()?;
        if !skipped(&inside) {
            let name = if prefix.is_empty() { inside.clone() } else { format!("{prefix}/{inside}") };
            sums.push(tar_sum(&entry.path(), &name, &metadata)?);
        }
        if metadata.is_dir() {
            hash_folder(&entry.path(), prefix, &inside, depth + 1, sums, skipped)?;
        }
    }
    Ok(())
}

/// Docker's TarSum (version 1) of one file: the fields of its tar header by name, without the time, its capabilities, then its content.
fn tar_sum(outside: &Path, name: &str, metadata: &Metadata) -> io::Result<String> {
    let kind = metadata.file_type();
    let (flag, slash) = match () {
        () if kind.is_dir() => ('5', "/"),
        () if kind.is_symlink() => ('2', ""),
        () if kind.is_fifo() => ('6', ""),
        () => ('0', ""),
    };
    let link = if kind.is_symlink() { fs::read_link(outside)?.to_string_lossy().into_owned() } else { String::new() };
    let size = if kind.is_file() { metadata.len() } else { 0 };
    let mut hasher = Sha256::new();
    hasher.update(format!(
        "name{name}{slash}mode{}uid{}gid{}size{size}typeflag{flag}linkname{link}unamegnamedevmajor0devminor0",
        metadata.mode() & 0o7777,
        metadata.uid(),
        metadata.gid()
    ));
    if kind.is_file() {
        let mut value = vec![0; ATTRIBUTES_MAX];
        if let Ok(length) = rustix::fs::getxattr(outside, CAPABILITY, &mut value) {
            hasher.update(CAPABILITY);
            hasher.update(&value[..length]);
        }
        let mut file = File::open(outside)?;
        let mut buffer = vec![0; 128 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                n => hasher.update(&buffer[..n]),
            }
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Owners that this machine does not have stay as they are.
fn own(path: &Path, owner: Option<(u32, u32)>) {
    if let Some((uid, gid)) = owner {
        let _ = rustix::fs::chownat(rustix::fs::CWD, path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW);
    }
}

/// Removes what a new file would replace; a folder is not replaced by a file.
fn make_room(target: &Path, folder: bool) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
        Ok(there) if folder && there.is_dir() => Ok(()),
        Ok(_) if folder => Err(io::Error::new(io::ErrorKind::NotADirectory, format!("cannot copy to non-directory: {}", name_of(target)))),
        Ok(there) if there.is_dir() => {
            Err(io::Error::new(io::ErrorKind::IsADirectory, format!("cannot replace to directory {} with file", name_of(target))))
        }
        Ok(_) => fs::remove_file(target),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn copy_entry(source: &Path, target: &Path, ownership: &Ownership) -> io::Result<()> {
    // The source's last link is followed: `/proc/self/fd/N` is one, and what a Dockerfile names is meant itself.
    let metadata = fs::metadata(source)?;
    make_room(target, false)?;
    copy_one(source, target, &metadata, ownership)
}

fn copy_one(source: &Path, target: &Path, metadata: &Metadata, ownership: &Ownership) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(source)?, target)?;
    } else if kind.is_fifo() {
        rustix::fs::mknodat(rustix::fs::CWD, target, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o644), 0)?;
    } else if kind.is_file() {
        let mut from = File::open(source)?;
        let mut to = File::create_new(target)?;
        io::copy(&mut from, &mut to)?;
    } else {
        // Devices and sockets have no place in an image.
        return Ok(());
    }
    dress(source, target, metadata, ownership)
}

/// Gives a copy the owner, the mode, the attributes and the time of what it was copied from, as far as nothing else is asked for.
fn dress(source: &Path, target: &Path, metadata: &Metadata, ownership: &Ownership) -> io::Result<()> {
    own(target, Some(ownership.owner.unwrap_or((metadata.uid(), metadata.gid()))));
    if !metadata.is_symlink() {
        // A change of the owner takes capabilities away, and without the right to write nothing can be set.
        copy_attributes(source, target);
        fs::set_permissions(target, ownership.mode(metadata.mode(), metadata.is_dir()))?;
    }
    let time = Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(rustix::fs::utimensat(rustix::fs::CWD, target, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Copies a file's own extended attributes. Those that may not be set here stay behind, as they do where layers are unpacked.
fn copy_attributes(source: &Path, target: &Path) {
    let mut names = vec![0; ATTRIBUTES_MAX];
    let Ok(length) = rustix::fs::listxattr(source, &mut names) else { return };
    for name in names[..length].split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok()) {
        if name != CAPABILITY && (!name.starts_with("user.") || name.starts_with("user.overlay.")) {
            continue;
        }
        let mut value = vec![0; ATTRIBUTES_MAX];
        if let Ok(length) = rustix::fs::getxattr(source, name, &mut value) {
            let _ = rustix::fs::setxattr(target, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// A folder being copied.
struct Copying<'a> {
    ownership: &'a Ownership,
    /// Says of a path below the folder whether it is left out.
    skipped: &'a dyn Fn(&str) -> bool,
    /// Where the first name of a file with several went, by its device and inode.
    links: HashMap<(u64, u64), PathBuf>,
}

impl Copying<'_> {
    fn contents(&mut self, source: &Path, target: &Path, path: &str, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(deep());
        }
        for entry in sorted(source)? {
            let inside = below(path, &entry);
            let (from, to) = (entry.path(), target.join(entry.file_name()));
            let metadata = entry.metadata()?;
            if (self.skipped)(&inside) {
                continue;
            }
            if metadata.is_dir() {
                make_room(&to, true)?;
                match fs::create_dir(&to) {
                    Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                    _ => {}
                }
                self.contents(&from, &to, &inside, depth + 1)?;
                dress(&from, &to, &metadata, self.ownership)?;
                continue;
            }
            make_room(&to, false)?;
            if metadata.is_file() && metadata.nlink() > 1 {
                let id = (metadata.dev(), metadata.ino());
                if let Some(first) = self.links.get(&id) {
                    fs::hard_link(first, &to)?;
                    continue;
                }
                self.links.insert(id, to.clone());
            }
            copy_one(&from, &to, &metadata, self.ownership)?;
        }
        Ok(())
    }
}
