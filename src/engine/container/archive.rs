//! Files out of a container and into it, as tar archives (`cp`, `export`). Whatever links a container holds, nothing outside is touched.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use tar::{Builder, EntryType, Header};

use super::ContainerError;
use super::record::MountKind;
use super::root;
use super::store::Container;
use crate::image;
use crate::sys::{mount, tree};

/// What a path in a container is.
#[derive(Clone, Debug)]
pub struct PathStat {
    pub name: String,
    pub size: u64,
    /// Type and permissions as `stat` has them.
    pub mode: u32,
    pub modified: Timestamp,
    pub link_target: String,
}

/// A path of a container's as seen from a folder: the container's root, or, while nothing is mounted in it, what would be there.
struct View {
    root: OwnedFd,
    path: String,
    /// Whether this is the container's own root, which links lead on from.
    whole: bool,
}

impl Container {
    fn root(&self) -> Result<OwnedFd, ContainerError> {
        root::open(&self.dir, &self.record()).map_err(|e| ContainerError::failed("cannot open the container's file system", e))
    }

    /// Where `path` leads. The volumes of a container that does not run are not mounted, so paths in them are looked up there; `inside` is
    /// for what is put into a folder.
    fn view(&self, path: &str, inside: bool) -> Result<View, ContainerError> {
        let record = self.record();
        let clean = lexically(&Path::new("/").join(path));
        let nearest = record.mounts.iter().filter(|m| m.kind != MountKind::Tmpfs && clean.starts_with(&m.target));
        let mounted = nearest.max_by_key(|m| m.target.len()).filter(|_| !record.state.status.is_running());
        let outside = mounted.and_then(|m| Some((m.place().canonicalize().ok()?, clean.strip_prefix(&m.target).ok()?)));
        let Some((source, rest)) = outside else { return Ok(View { root: self.root()?, path: path.to_owned(), whole: true }) };
        let open = |folder: &Path| {
            let opened = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
            opened.map_err(|e| ContainerError::failed(format_args!("cannot open {}", folder.display()), io::Error::from(e)))
        };
        let end = if path.ends_with("/.") {
            "/."
        } else if path.ends_with('/') {
            "/"
        } else {
            ""
        };
        if source.is_dir() && (inside || !rest.as_os_str().is_empty()) {
            // Links in it lead no further than the volume.
            return Ok(View { root: open(&source)?, path: format!("/{}{end}", rest.display()), whole: false });
        }
        // The volume itself, a folder or a file, is a name in the folder that holds it: nothing is followed from there.
        let (Some(parent), Some(file)) = (source.parent(), source.file_name()) else {
            return Ok(View { root: self.root()?, path: path.to_owned(), whole: true });
        };
        Ok(View { root: open(parent)?, path: format!("/{}{end}", file.to_string_lossy()), whole: false })
    }

    /// Why nothing was found at `path`.
    fn missing(path: &str, name: &str, error: &io::Error) -> ContainerError {
        match error.kind() {
            io::ErrorKind::NotADirectory => ContainerError::Invalid(format!("stat {path}: not a directory")),
            _ => ContainerError::NotFound(format!("Could not find the file {path} in container {name}")),
        }
    }

    /// What is at `path`; `name` is what the user calls the container.
    pub fn stat(&self, path: &str, name: &str) -> Result<PathStat, ContainerError> {
        let view = self.view(path, false)?;
        let place = Place::find(view.root.as_fd(), &view.path).map_err(|e| Self::missing(path, name, &e))?;
        let mut stat = place.stat().map_err(|e| Self::missing(path, name, &e))?;
        stat.name = called(path).to_string_lossy().into_owned();
        if view.whole && !stat.link_target.is_empty() {
            let end = follow(view.root.as_fd(), &lexically(&Path::new("/").join(path)));
            stat.link_target = end.to_string_lossy().into_owned();
        }
        Ok(stat)
    }

    /// Writes an archive of what is at `path`: a file, or a folder with all that is in it.
    pub fn read_archive(&self, path: &str, name: &str, to: impl Write) -> Result<(), ContainerError> {
        let view = self.view(path, false)?;
        let place = Place::find(view.root.as_fd(), &view.path).map_err(|e| Self::missing(path, name, &e))?;
        let failed = |e| ContainerError::failed(format_args!("cannot read {path}"), e);
        let mut tar = Packer::new(to);
        tar.add(place.parent.as_fd(), &place.name, called(path).as_bytes()).and_then(|()| tar.finish()).map_err(failed)
    }

    /// Unpacks an archive into the folder at `path`. With `keep_kinds` no folder is replaced by a file, nor a file by a folder.
    pub fn write_archive(&self, path: &str, name: &str, keep_kinds: bool, from: impl Read) -> Result<(), ContainerError> {
        let record = self.record();
        let View { root, path: inside, .. } = self.view(path, true)?;
        let folder = mount::open_in(root.as_fd(), &inside, OFlags::PATH).map_err(|e| Self::missing(path, name, &e))?;
        let kind = rustix::fs::fstat(&folder).map(|s| FileType::from_raw_mode(s.st_mode));
        if kind != Ok(FileType::Directory) {
            return Err(ContainerError::Invalid("extraction point is not a directory".to_owned()));
        }
        let clean = lexically(&Path::new("/").join(path));
        let mounted = record.mounts.iter().filter(|m| clean.starts_with(&m.target)).max_by_key(|m| m.target.len());
        if mounted.is_some_and(|m| !m.writable) {
            return Err(ContainerError::Invalid("mounted volume is marked read-only".to_owned()));
        }
        if record.host.readonly_rootfs && mounted.is_none() {
            return Err(ContainerError::Invalid("container rootfs is marked read-only".to_owned()));
        }
        let from = image::decompress(from).map_err(|e| ContainerError::failed("cannot read the archive", e))?;
        put_in(root.as_fd(), Path::new(&inside), keep_kinds, from)
    }

    /// Writes an archive of the whole file system, without what is mounted in it.
    pub fn export(&self, to: impl Write) -> Result<(), ContainerError> {
        let failed = |e| ContainerError::failed("cannot export the container", e);
        let record = self.record();
        // Of a running container too this is a mount of its own, so what is mounted inside does not show.
        let root = if record.copied {
            mount::copy_of(&self.dir.join("diff"), false)
        } else {
            let mut layers = record.layers.clone();
            layers.push(self.dir.join("diff"));
            mount::overlay(&layers, None)
        };
        let root = root.map_err(failed)?;
        let mut tar = Packer::new(to);
        tar.add_contents(root.as_fd(), b"").and_then(|()| tar.finish()).map_err(failed)
    }

    /// The bytes of the image's files.
    pub fn image_size(&self) -> u64 {
        self.record().layers.iter().map(|l| root::size_of(l)).sum()
    }
}

/// A path in a container: the folder that holds it, and its name there; `.` for the folder itself.
struct Place {
    parent: OwnedFd,
    name: OsString,
}

impl Place {
    fn find(root: BorrowedFd<'_>, path: &str) -> io::Result<Place> {
        let clean = lexically(&Path::new("/").join(path));
        let Some(name) = clean.file_name().filter(|_| !is_inside(path)) else {
            // A final link is followed, as the path says "what is in it".
            let folder = mount::open_in(root, &clean, OFlags::PATH | OFlags::DIRECTORY)?;
            return Ok(Place { parent: folder, name: OsString::from(".") });
        };
        let parent = mount::open_in(root, clean.parent().unwrap_or(Path::new("/")), OFlags::PATH | OFlags::DIRECTORY)?;
        rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Place { parent, name: name.to_owned() })
    }

    fn stat(&self) -> io::Result<PathStat> {
        let stat = rustix::fs::statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        let link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        let link_target =
            if link { rustix::fs::readlinkat(&self.parent, &self.name, Vec::new())?.to_string_lossy().into_owned() } else { String::new() };
        let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        Ok(PathStat {
            name: self.name.to_string_lossy().into_owned(),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode,
            modified: Timestamp::new(stat.st_mtime, nanoseconds).unwrap_or_default(),
            link_target,
        })
    }
}

/// Whether a path ends so that it must be a folder's.
fn is_inside(path: &str) -> bool {
    path.ends_with('/') || is_contents(path)
}

/// Whether a path means what is in a folder, not the folder.
fn is_contents(path: &str) -> bool {
    let bare = path.trim_end_matches('/');
    bare == "." || bare.ends_with("/.")
}

/// What Docker calls the thing at a path, in its stat and as the first part of names in an archive.
fn called(path: &str) -> OsString {
    if is_contents(path) {
        return OsString::from(".");
    }
    lexically(&Path::new("/").join(path)).file_name().map_or_else(|| OsString::from("/"), OsStr::to_owned)
}

/// Where the links at and on the way to `path` lead in the end, as far as they lead anywhere.
fn follow(root: BorrowedFd<'_>, path: &Path) -> PathBuf {
    const MOST: usize = 255;
    let mut rest: Vec<OsString> = path.iter().rev().map(OsStr::to_owned).collect();
    let (mut end, mut links) = (PathBuf::from("/"), 0);
    while let Some(part) = rest.pop() {
        if part == ".." {
            end.pop();
            continue;
        }
        let folder = mount::open_in(root, &end, OFlags::PATH | OFlags::DIRECTORY);
        match folder.ok().and_then(|folder| rustix::fs::readlinkat(folder, &part, Vec::new()).ok()) {
            Some(target) if links < MOST => {
                links += 1;
                let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
                rest.extend(target.iter().rev().map(OsStr::to_owned));
            }
            // An absolute path begins anew.
            _ => end.push(part),
        }
    }
    end
}

/// A path without `.`, and `..` taken by the text: nothing is above the root.
fn lexically(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            _ => {}
        }
    }
    clean
}

/// Writes files into an archive as they are: owners, times, links.
struct Packer<W: Write> {
    tar: Builder<W>,
    /// Files with several names, by device and number: the first name in the archive.
    linked: std::collections::HashMap<(u64, u64), Vec<u8>>,
}

impl<W: Write> Packer<W> {
    fn new(to: W) -> Self {
        Packer { tar: Builder::new(to), linked: std::collections::HashMap::new() }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tar.finish()?;
        self.tar.get_mut().flush()
    }

    /// Adds `name` in `folder` under the name `as_name`, with all that is in it.
    fn add(&mut self, folder: BorrowedFd<'_>, name: &OsStr, as_name: &[u8]) -> io::Result<()> {
        let fd = rustix::fs::openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let metadata = File::from(fd.try_clone()?).metadata()?;
        let kind = metadata.file_type();
        let mut header = Header::new_gnu();
        header.set_metadata_in_mode(&metadata, tar::HeaderMode::Complete);
        // A type in the mode is not for archives.
        header.set_mode(metadata.permissions().mode() & 0o7777);
        header.set_size(0);
        if kind.is_dir() {
            self.put(header, &below(as_name, b""), &[], io::empty())?;
            return self.add_contents(fd.as_fd(), as_name);
        }
        if kind.is_symlink() {
            let target = rustix::fs::readlinkat(folder, name, Vec::new())?;
            header.set_entry_type(EntryType::Symlink);
            return self.put(header, as_name, target.as_bytes(), io::empty());
        }
        if metadata.nlink() > 1 {
            if let Some(first) = self.linked.get(&(metadata.dev(), metadata.ino())).cloned() {
                header.set_entry_type(EntryType::Link);
                return self.put(header, as_name, &first, io::empty());
            }
            self.linked.insert((metadata.dev(), metadata.ino()), as_name.to_owned());
        }
        if kind.is_file() {
            let file = File::open(mount::path_of(fd.as_fd()))?;
            // A file that grows or shrinks meanwhile must not break the archive.
            let size = metadata.len();
            header.set_size(size);
            return self.put(header, as_name, &[], file.take(size).chain(io::repeat(0)).take(size));
        }
        if kind.is_socket() {
            return Ok(());
        }
        header.set_entry_type(match () {
            () if kind.is_fifo() => EntryType::Fifo,
            () if kind.is_block_device() => EntryType::Block,
            () => EntryType::Char,
        });
        if !kind.is_fifo() {
            header.set_device_major(rustix::fs::major(metadata.rdev()))?;
            header.set_device_minor(rustix::fs::minor(metadata.rdev()))?;
        }
        self.put(header, as_name, &[], io::empty())
    }

    /// Writes one entry. Names stand as they are, `./` or `/` in front included, which the library would take off.
    fn put(&mut self, mut header: Header, name: &[u8], link: &[u8], data: impl Read) -> io::Result<()> {
        let fields = header.as_old_mut();
        let mut long = Vec::new();
        for (key, text, field) in [("path", name, &mut fields.name), ("linkpath", link, &mut fields.linkname)] {
            if text.len() > field.len() {
                long.push((key, text));
            }
            let kept = text.len().min(field.len());
            field.fill(0);
            field[..kept].copy_from_slice(&text[..kept]);
        }
        if !long.is_empty() {
            self.tar.append_pax_extensions(long)?;
        }
        header.set_cksum();
        self.tar.append(&header, data)
    }

    fn add_contents(&mut self, folder: BorrowedFd<'_>, as_name: &[u8]) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(mount::path_of(folder))? {
            names.push(entry?.file_name());
        }
        names.sort();
        for name in names {
            match self.add(folder, &name, &below(as_name, name.as_bytes())) {
                // Gone since it was listed.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }
}

/// The name of something in a folder of an archive; the folder of no name is the archive itself.
fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if folder.is_empty() || folder.ends_with(b"/") { b"" } else { b"/" };
    [folder, slash, name].concat()
}

fn put_in(root: BorrowedFd<'_>, to: &Path, keep_kinds: bool, from: impl Read) -> Result<(), ContainerError> {
    let mut archive = tar::Archive::new(from);
    let entries = archive.entries().map_err(|e| ContainerError::failed("cannot read the archive", e))?;
    let mut times = Vec::new();
    for entry in entries {
        let mut entry = entry.map_err(|e| ContainerError::failed("cannot read the archive", e))?;
        let name = entry.path().map_err(|e| ContainerError::failed("cannot read the archive", e))?.into_owned();
        let failed = |e: io::Error| ContainerError::failed(format_args!("cannot write {}", name.display()), e);
        let inside = lexically(&Path::new("/").join(&name));
        let inside = inside.strip_prefix("/").unwrap_or(&inside);
        let Some(file) = inside.file_name() else { continue };
        let parent_path = to.join(inside.parent().unwrap_or(Path::new("")));
        let parent = root::make_folders(root, &parent_path).map_err(failed)?;
        let there = rustix::fs::statat(&parent, file, AtFlags::SYMLINK_NOFOLLOW).ok().map(|s| FileType::from_raw_mode(s.st_mode));
        let folder = entry.header().entry_type() == EntryType::Directory;
        if keep_kinds && there.is_some_and(|t| (t == FileType::Directory) != folder) {
            let (old, new) = if folder { ("non-directory", "directory") } else { ("directory", "non-directory") };
            return Err(ContainerError::Invalid(format!(
                "cannot overwrite {old} \"{}\" with {new} \"{}\" in \"/\"",
                to.join(inside).display(),
                name.display()
            )));
        }
        write_entry(root, to, parent.as_fd(), file, there, &mut entry).map_err(failed)?;
        let header = entry.header();
        if let (Ok(seconds), true) = (header.mtime(), folder) {
            times.push((to.join(inside), seconds));
        }
    }
    // Folders last: what was put into them has changed their times.
    for (path, seconds) in times.iter().rev() {
        if let Ok(parent) = mount::open_in(root, path.parent().unwrap_or(Path::new("/")), OFlags::PATH | OFlags::DIRECTORY)
            && let Some(name) = path.file_name()
        {
            set_time(parent.as_fd(), name, *seconds);
        }
    }
    Ok(())
}

fn write_entry<R: Read>(
    root: BorrowedFd<'_>,
    to: &Path,
    parent: BorrowedFd<'_>,
    name: &OsStr,
    there: Option<FileType>,
    entry: &mut tar::Entry<'_, R>,
) -> io::Result<()> {
    let kind = entry.header().entry_type();
    let mode = Mode::from_raw_mode(image::mode(entry.header())?);
    if there.is_some_and(|t| t != FileType::Directory || kind != EntryType::Directory) {
        let place = mount::path_of(parent).join(name);
        tree::remove(&place)?;
    }
    match kind {
        EntryType::Directory => match rustix::fs::mkdirat(parent, name, mode) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        },
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            rustix::fs::symlinkat(OsStr::from_bytes(&target), parent, name)?;
        }
        EntryType::Link => {
            let target = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?.into_owned();
            let target = lexically(&Path::new("/").join(target));
            let target = to.join(target.strip_prefix("/").unwrap_or(&target));
            let folder = mount::open_in(root, target.parent().unwrap_or(Path::new("/")), OFlags::PATH | OFlags::DIRECTORY)?;
            rustix::fs::linkat(&folder, target.file_name().unwrap_or_default(), parent, name, AtFlags::empty())?;
            return Ok(());
        }
        EntryType::Fifo => rustix::fs::mknodat(parent, name, FileType::Fifo, mode, 0)?,
        kind if kind.is_file() => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(rustix::fs::openat(parent, name, flags, mode)?);
            io::copy(entry, &mut file)?;
        }
        // Devices cannot be made here, and other entries are no files.
        _ => return Ok(()),
    }
    let (uid, gid) = (entry.header().uid().unwrap_or(0), entry.header().gid().unwrap_or(0));
    if let (Ok(uid), Ok(gid)) = (u32::try_from(uid), u32::try_from(gid)) {
        // An owner who does not exist here is root.
        let _ = rustix::fs::chownat(parent, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW);
    }
    if kind != EntryType::Symlink {
        root::set_mode(parent, name, mode)?;
    }
    if let Ok(seconds) = entry.header().mtime() {
        set_time(parent, name, seconds);
    }
    Ok(())
}

fn set_time(parent: BorrowedFd<'_>, name: &OsStr, seconds: u64) {
    let time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or(0), tv_nsec: 0 };
    let _ = rustix::fs::utimensat(parent, name, &Timestamps { last_access: time, last_modification: time }, AtFlags::SYMLINK_NOFOLLOW);
}

#[cfg(test)]
mod tests {
    use super::{called, lexically};
    use std::path::Path;

    #[test]
    fn things_are_called_by_the_end_of_their_path() {
        for (path, name) in
            [("/etc/hosts", "hosts"), ("etc/", "etc"), ("/etc/.", "."), (".", "."), ("/./", "."), ("/", "/"), ("/a/..", "/")]
        {
            assert_eq!(called(path), name, "{path}");
        }
    }

    #[test]
    fn no_path_leads_above_the_root() {
        for (path, clean) in [("/a/../../b", "/b"), ("../../etc/passwd", "/etc/passwd"), ("/a/./b/", "/a/b"), ("..", "/")] {
            assert_eq!(lexically(Path::new(path)), Path::new(clean));
        }
    }
}
