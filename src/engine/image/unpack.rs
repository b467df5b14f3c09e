//! Unpacks one layer's tar into a folder in overlay form: whiteouts become 0:0 character devices and `user.overlay.opaque` marks.
//!
//! Nothing that a tar says leads out of the folder: every parent is opened with the folder as its root, the last name is never
//! followed, devices are left out, and marks that overlayfs would obey are not taken from the tar.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, XattrFlags, chownat, fchmod, fchown, fsetxattr, futimens,
    linkat, mkdirat, mknodat, open, openat, openat2, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use tar::EntryType;

use super::targuard::TarGuard;

/// As much as one layer may unpack to.
const LAYER_MAX: u64 = 64 << 30;
/// As many entries as one layer may have.
const ENTRIES_MAX: u64 = 8_000_000;
/// Up to so many files are synced one by one.
const SYNCED_ALONE: u32 = 128;
const WHITEOUT: &[u8] = b".wh.";
const WHITEOUT_OPAQUE: &[u8] = b".wh..wh..opq";
const WHITEOUT_META: &[u8] = b".wh..wh.";

/// What a directory shall be like once all is in it.
struct Deferred {
    uid: u32,
    gid: u32,
    mode: u32,
    mtime: i64,
}

/// What a tar is unpacked as.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Whiteouts are marks, as in layers, and no files.
    pub layer: bool,
    /// As many bytes as it may give.
    pub limit: u64,
    /// What is said to have failed.
    pub what: &'static str,
}

/// A layer of an image.
pub const LAYER: Manner = Manner { layer: true, limit: LAYER_MAX, what: "failed to register layer" };

struct Unpacker {
    root: OwnedFd,
    layer: bool,
    /// The parent that was opened last: entries come folder by folder.
    parent: Option<(PathBuf, OwnedFd)>,
    directories: BTreeMap<PathBuf, Deferred>,
    buffer: Vec<u8>,
}

/// Unpacks the (uncompressed) tar into the existing folder `target`; gives the sum of the sizes of what is in it.
///
/// Reads the stream to its very end, so that its digest can be taken on the way.
pub fn unpack(tar: &mut dyn Read, target: &Path) -> io::Result<u64> {
    unpack_as(tar, target, LAYER)
}

/// [`unpack`] for what need not be a layer.
pub fn unpack_as(tar: &mut dyn Read, target: &Path, manner: Manner) -> io::Result<u64> {
    let root = open(target, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut unpacker = Unpacker { root, layer: manner.layer, parent: None, directories: BTreeMap::new(), buffer: vec![0; 256 << 10] };
    let mut archive = tar::Archive::new(TarGuard::new(&mut *tar, manner.limit));
    let mut size = 0u64;
    let mut count = 0u64;
    for entry in archive.entries()? {
        let mut entry = entry?;
        count += 1;
        if count > ENTRIES_MAX {
            return Err(invalid(format!("the archive has more than {ENTRIES_MAX} entries")));
        }
        let name = entry.path_bytes().into_owned();
        size += unpacker.apply(&mut entry, &name).map_err(|e| located(manner.what, &name, e))?;
    }
    unpacker.finish_directories()?;
    io::copy(tar, &mut io::sink())?;
    Ok(size)
}

fn located(what: &str, name: &[u8], error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {}: {error}", String::from_utf8_lossy(name)))
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// The permissions that a header gives; none where its writer left the field empty, as Go reads it.
pub fn mode(header: &tar::Header) -> io::Result<u32> {
    let field = &header.as_old().mode;
    let empty = field.iter().all(|byte| matches!(byte, 0 | b' '));
    if empty { Ok(0) } else { header.mode().map(|mode| mode & 0o7777) }
}

/// The path below the root, lexically cleaned; `None` where it leads out.
fn clean(name: &[u8]) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in name.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                if !path.pop() {
                    return None;
                }
            }
            part => path.push(OsStr::from_bytes(part)),
        }
    }
    Some(path)
}

impl Unpacker {
    /// Applies one entry and gives what it adds to the layer's size.
    fn apply<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, name: &[u8]) -> io::Result<u64> {
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() || name.contains(&0) {
            return Ok(0);
        }
        let path = clean(name).ok_or_else(|| invalid(format!("{:?} is outside of it", String::from_utf8_lossy(name))))?;
        let header = entry.header();
        // Fields that some writers leave empty.
        let attributes = Deferred {
            uid: header.uid().ok().and_then(|uid| u32::try_from(uid).ok()).unwrap_or(0),
            gid: header.gid().ok().and_then(|gid| u32::try_from(gid).ok()).unwrap_or(0),
            mode: mode(header)?,
            mtime: header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0),
        };
        let Some(file_name) = path.file_name() else {
            // The layer's root itself.
            if kind.is_dir() {
                self.directories.insert(PathBuf::new(), attributes);
            }
            return Ok(0);
        };
        let base = file_name.as_bytes();
        let parent_path = path.parent().unwrap_or(Path::new("")).to_owned();
        if self.layer && base.starts_with(WHITEOUT) {
            return self.whiteout(&parent_path, base).map(|()| 0);
        }
        self.enter(&parent_path)?;
        self.make_room(file_name, kind.is_dir())?;
        match kind {
            EntryType::Directory => {
                self.make_directory(file_name)?;
                self.directories.insert(path, attributes);
                Ok(0)
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.file(entry, file_name, &attributes),
            EntryType::Symlink => {
                let target = entry.link_name_bytes().ok_or_else(|| invalid("a symbolic link to nowhere"))?.into_owned();
                let parent = self.parent()?;
                symlinkat(OsStr::from_bytes(&target), parent, file_name)?;
                lenient(chownat(parent, file_name, uid(&attributes), gid(&attributes), AtFlags::SYMLINK_NOFOLLOW))?;
                utimensat(parent, file_name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
                Ok(0)
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().ok_or_else(|| invalid("a hard link to nowhere"))?.into_owned();
                self.hard_link(&target, file_name)?;
                Ok(0)
            }
            EntryType::Fifo => {
                let parent = self.parent()?;
                mknodat(parent, file_name, FileType::Fifo, Mode::from_raw_mode(attributes.mode & 0o777), 0)?;
                lenient(chownat(parent, file_name, uid(&attributes), gid(&attributes), AtFlags::SYMLINK_NOFOLLOW))?;
                Ok(0)
            }
            // Devices: no container gets them from its image; /dev is made by the runtime. Anything else is unknown.
            _ => Ok(0),
        }
    }

    fn parent(&self) -> io::Result<&OwnedFd> {
        self.parent.as_ref().map(|(_, fd)| fd).ok_or_else(|| invalid("no parent"))
    }

    /// Opens the folder `path` (with the layer as root for every symbolic link on the way), made where it is missing.
    fn enter(&mut self, path: &Path) -> io::Result<()> {
        if self.parent.as_ref().is_some_and(|(held, _)| held == path) {
            return Ok(());
        }
        let fd = match self.open_in_root(path) {
            Err(Errno::NOENT) => {
                let above = path.parent().unwrap_or(Path::new(""));
                self.enter(above)?;
                if let Some(name) = path.file_name() {
                    self.make_directory(name)?;
                }
                self.open_in_root(path)?
            }
            other => other?,
        };
        self.parent = Some((path.to_owned(), fd));
        Ok(())
    }

    fn open_in_root(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
    }

    /// Removes what stands in the way of a new entry, except a folder in the way of a folder.
    fn make_room(&mut self, name: &OsStr, directory: bool) -> io::Result<()> {
        let parent = self.parent()?;
        match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e.into()),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                if directory {
                    return Ok(());
                }
                let above = self.parent.as_ref().map(|(path, _)| path.join(name)).unwrap_or_default();
                self.directories.retain(|path, _| !path.starts_with(&above));
                remove_below(self.parent()?.as_fd(), name)
            }
            Ok(_) => Ok(unlinkat(parent, name, AtFlags::empty())?),
        }
    }

    fn make_directory(&self, name: &OsStr) -> io::Result<()> {
        match mkdirat(self.parent()?, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn file<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, name: &OsStr, attributes: &Deferred) -> io::Result<u64> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(self.parent()?, name, flags, Mode::from_raw_mode(0o600))?);
        let mut size = 0u64;
        loop {
            match entry.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(n) => {
                    file.write_all(&self.buffer[..n])?;
                    size += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        if size < entry.size() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "unexpected EOF"));
        }
        let owned = lenient(fchown(&file, uid(attributes), gid(attributes)))?;
        fchmod(&file, Mode::from_raw_mode(permitted(attributes.mode, owned || (attributes.uid, attributes.gid) == (0, 0))))?;
        set_xattrs(entry, &file)?;
        futimens(&file, &times(attributes.mtime))?;
        Ok(size)
    }

    fn hard_link(&mut self, target: &[u8], name: &OsStr) -> io::Result<()> {
        let outside = || invalid(format!("invalid hardlink {:?}", String::from_utf8_lossy(target)));
        let target = clean(target).ok_or_else(outside)?;
        let target_name = target.file_name().ok_or_else(outside)?;
        let folder = self.open_in_root(target.parent().unwrap_or(Path::new("")))?;
        // Whatever the last name is, it is linked itself: a symbolic link is not followed.
        Ok(linkat(&folder, target_name, self.parent()?, name, AtFlags::empty())?)
    }

    fn whiteout(&mut self, parent: &Path, base: &[u8]) -> io::Result<()> {
        if base == WHITEOUT_OPAQUE {
            self.enter(parent)?;
            fsetxattr(self.parent()?, "user.overlay.opaque", b"y", XattrFlags::empty())?;
            return Ok(());
        }
        if base.starts_with(WHITEOUT_META) {
            return Ok(());
        }
        let name = OsStr::from_bytes(&base[WHITEOUT.len()..]);
        if matches!(name.as_bytes(), b"" | b"." | b"..") {
            return Err(invalid("a whiteout of nothing"));
        }
        self.enter(parent)?;
        self.make_room(name, false)?;
        Ok(mknodat(self.parent()?, name, FileType::CharacterDevice, Mode::empty(), 0)?)
    }

    /// Gives folders their owners, modes and times, the deepest first: entries inside would have changed them.
    fn finish_directories(&mut self) -> io::Result<()> {
        for (path, attributes) in std::mem::take(&mut self.directories).iter().rev() {
            let fd = match self.open_in_root(path) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                other => other?,
            };
            lenient(fchown(&fd, uid(attributes), gid(attributes)))?;
            fchmod(&fd, Mode::from_raw_mode(attributes.mode))?;
            futimens(&fd, &times(attributes.mtime))?;
        }
        Ok(())
    }
}

/// Changing owners fails where the user namespace does not have them; then files are the engine's own. Says whether it was done.
fn lenient(result: rustix::io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::PERM | Errno::INVAL | Errno::OVERFLOW) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Set-user-id means the owner: without the right owner the bit goes.
fn permitted(mode: u32, owned: bool) -> u32 {
    if owned { mode } else { mode & 0o1777 }
}

fn uid(attributes: &Deferred) -> Option<rustix::fs::Uid> {
    (attributes.uid != u32::MAX).then(|| rustix::fs::Uid::from_raw(attributes.uid))
}

fn gid(attributes: &Deferred) -> Option<rustix::fs::Gid> {
    (attributes.gid != u32::MAX).then(|| rustix::fs::Gid::from_raw(attributes.gid))
}

fn times(seconds: i64) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

/// File capabilities and users' own attributes; nothing that overlayfs or the host's security would obey.
fn set_xattrs<R: Read>(entry: &mut tar::Entry<'_, R>, file: &File) -> io::Result<()> {
    let Some(records) = entry.pax_extensions()? else { return Ok(()) };
    for record in records.flatten() {
        let Some(name) = record.key().ok().and_then(|key| key.strip_prefix("SCHILY.xattr.")) else { continue };
        let wanted = name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."));
        if !wanted {
            continue;
        }
        match fsetxattr(file, name, record.value_bytes(), XattrFlags::empty()) {
            Ok(()) | Err(Errno::PERM | Errno::NOTSUP | Errno::INVAL | Errno::ACCESS) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Removes the folder `name` in `parent` with all that is in it; follows no link.
fn remove_below(parent: impl AsFd, name: &OsStr) -> io::Result<()> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = openat(&parent, name, flags, Mode::empty())?;
    for entry in rustix::fs::Dir::read_from(&fd)? {
        let entry = entry?;
        let child = OsStr::from_bytes(entry.file_name().to_bytes());
        if matches!(child.as_bytes(), b"." | b"..") {
            continue;
        }
        match unlinkat(&fd, child, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::ISDIR | Errno::PERM) => remove_below(&fd, child)?,
            Err(e) => return Err(e.into()),
        }
    }
    Ok(unlinkat(&parent, name, AtFlags::REMOVEDIR)?)
}

/// Brings all that is below the folder to the disk: file by file, or where there are many, with the whole file system.
pub fn sync_tree(path: &Path) -> io::Result<()> {
    let fd = rustix::fs::openat(CWD, path, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut left = SYNCED_ALONE;
    sync_files(&fd, &mut left)?;
    // Flushing the file system takes other programs' data along, which may be long.
    if left == 0 { Ok(rustix::fs::syncfs(fd)?) } else { Ok(rustix::fs::fsync(fd)?) }
}

fn sync_files(folder: &OwnedFd, left: &mut u32) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if *left == 0 || matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let flags = OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        match entry.file_type() {
            FileType::Directory => match openat(folder, name, flags | OFlags::DIRECTORY, Mode::empty()) {
                Ok(inner) => sync_files(&inner, left)?,
                Err(Errno::ACCESS) => *left = 0,
                Err(e) => return Err(e.into()),
            },
            FileType::RegularFile => match openat(folder, name, flags, Mode::empty()) {
                Ok(file) => {
                    *left -= 1;
                    rustix::fs::fdatasync(file)?;
                }
                // An ordinary user may not read its own file of mode 0: let the file system see to it.
                Err(Errno::ACCESS) => *left = 0,
                Err(e) => return Err(e.into()),
            },
            _ => {}
        }
    }
    Ok(())
}
