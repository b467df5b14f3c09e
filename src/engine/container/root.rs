//! A container's root file system: image layers under a layer of its own, and safe ways to walk in it.
//!
//! Whatever the image holds, a path is resolved as if the container's root were `/`: no link leads out.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::record::Record;
use super::spec::RootSpec;
use crate::sys::{mount, tree};

/// Mounts the root file system, not yet attached anywhere; gives the descriptor of its root.
pub fn mount(spec: &RootSpec) -> io::Result<OwnedFd> {
    if spec.copied {
        return mount::copy_of(&spec.upper, false);
    }
    // A volatile overlay leaves a mark in its work folder against a second use after a power failure, and what it protects is not kept
    // for longer than that anyway.
    match tree::remove(&spec.work.join("work")) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    mount::overlay(&spec.lowers, Some((&spec.upper, &spec.work)))
}

/// The root file system of a container as a folder: that of its running process, else mounted for the occasion.
pub fn open(dir: &Path, record: &Record) -> io::Result<OwnedFd> {
    if record.state.status.is_running() {
        let path = format!("/proc/{}/root", record.state.pid);
        if let Ok(fd) = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            return Ok(fd);
        }
    }
    mount(&spec_of(dir, record))
}

/// Where the parts of a container's root file system lie.
pub fn spec_of(dir: &Path, record: &Record) -> RootSpec {
    RootSpec { lowers: record.layers.clone(), upper: dir.join("diff"), work: dir.join("work"), copied: record.copied }
}

/// What every container finds besides its image: mount points and files that the engine fills. Laid over the image's layers as one more
/// layer, so that it is no change of the container's.
const FOLDERS: [&str; 7] = ["dev", "dev/pts", "dev/shm", "etc", "proc", "sys", "dev/mqueue"];
const FILES: [&str; 5] = [".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// Whether a path (without the leading slash) is one that the engine puts into every container.
pub fn is_engines(path: &Path) -> bool {
    path == Path::new("etc/mtab") || FOLDERS.iter().chain(&FILES).any(|p| Path::new(p) == path)
}

/// Makes the engine's layer for images with these `layers` in `folder`, unless it is there.
pub fn init_layer(layers: &[PathBuf], folder: &Path) -> io::Result<PathBuf> {
    let done = folder.join("diff");
    if done.is_dir() {
        return Ok(done);
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new().prefix(".new").tempdir_in(parent)?;
    let (diff, work) = (fresh.path().join("diff"), fresh.path().join("work"));
    fs::create_dir(&diff)?;
    fs::create_dir(&work)?;
    fs::set_permissions(&diff, fs::Permissions::from_mode(ROOT_MODE))?;
    match mount::overlay(layers, Some((&diff, &work))) {
        Ok(root) => fill(root.as_fd())?,
        // No overlay: whoever copies the layers fills the copy.
        Err(_) => return Err(io::ErrorKind::Unsupported.into()),
    }
    let _ = tree::remove(&work);
    match fs::rename(fresh.path(), folder) {
        Ok(()) => {
            let _ = fresh.keep();
        }
        // Another start was faster.
        Err(_) if done.is_dir() => {}
        Err(e) => return Err(e),
    }
    Ok(done)
}

/// The mode of a container's root folder, whatever an image says.
pub const ROOT_MODE: u32 = 0o755;

/// Puts the engine's own files and folders where the image has none.
pub fn fill(root: BorrowedFd<'_>) -> io::Result<()> {
    for folder in FOLDERS {
        make_folders(root, Path::new(folder))?;
    }
    for file in FILES {
        let _ = make_file(root, Path::new(file))?;
    }
    if let Ok(etc) = mount::open_in(root, "etc", OFlags::PATH | OFlags::DIRECTORY) {
        match rustix::fs::symlinkat("/proc/mounts", &etc, "mtab") {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Makes a folder and those above it where they are missing, as a process with `root` as its `/` would.
pub fn make_folders(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let mut at = PathBuf::from("/");
    let mut here = mount::open_in(root, "/", OFlags::PATH | OFlags::DIRECTORY)?;
    for part in path.components() {
        match part {
            Component::Normal(name) => {
                at.push(name);
                here = match mount::open_in(root, &at, OFlags::PATH | OFlags::DIRECTORY) {
                    Ok(next) => next,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {
                        match rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o755)) {
                            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                            Err(e) => return Err(e.into()),
                        }
                        mount::open_in(root, &at, OFlags::PATH | OFlags::DIRECTORY)?
                    }
                    Err(e) => return Err(e),
                };
            }
            Component::ParentDir => {
                at.pop();
                here = mount::open_in(root, &at, OFlags::PATH | OFlags::DIRECTORY)?;
            }
            _ => {}
        }
    }
    Ok(here)
}

/// Opens (as a place) the file at `path`, made empty where it is missing, with the folders above it.
pub fn make_file(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    if let Ok(there) = mount::open_in(root, path, OFlags::PATH) {
        return Ok(there);
    }
    let parent = make_folders(root, path.parent().unwrap_or(Path::new("/")))?;
    if let Some(name) = path.file_name() {
        // A link to nowhere stays: nothing can be mounted on it, and following it is the container's business alone.
        match rustix::fs::openat(
            &parent,
            name,
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::from_raw_mode(0o755),
        ) {
            Ok(_) | Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
        return Ok(rustix::fs::openat(&parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?);
    }
    Err(io::ErrorKind::InvalidInput.into())
}

/// Copies the merged contents of `layers` (lowest first) to `to`: for machines without overlay.
pub fn copy_layers(layers: &[PathBuf], to: &Path) -> io::Result<()> {
    let to = rustix::fs::open(to, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty())?;
    layers.iter().try_for_each(|layer| copy_layer(layer, to.as_fd()))
}

/// Copies a folder's contents, mode and owner.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let to = rustix::fs::open(to, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty())?;
    copy_layer(from, to.as_fd())?;
    let (metadata, to) = (fs::metadata(from)?, mount::path_of(to.as_fd()));
    let _ = std::os::unix::fs::chown(&to, Some(metadata.uid()), Some(metadata.gid()));
    fs::set_permissions(to, metadata.permissions())
}

/// A folder to work in, itself and not what a link leads to.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Follows no link in `to`: a container that has the volume already may make some meanwhile.
fn copy_layer(from: &Path, to: BorrowedFd<'_>) -> io::Result<()> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, name) = (entry.path(), entry.file_name());
        let metadata = entry.metadata()?;
        let kind = metadata.file_type();
        let there = rustix::fs::statat(to, &name, AtFlags::SYMLINK_NOFOLLOW).ok();
        let there = there.map(|stat| FileType::from_raw_mode(stat.st_mode));
        let remove = || tree::remove(&mount::path_of(to).join(&name));
        if kind.is_char_device() && metadata.rdev() == 0 {
            // A whiteout.
            if there.is_some() {
                remove()?;
            }
            continue;
        }
        let opaque = kind.is_dir() && has_opaque_mark(&source);
        if there.is_some_and(|there| there != FileType::Directory || !kind.is_dir() || opaque) {
            remove()?;
        }
        if kind.is_dir() {
            match rustix::fs::mkdirat(to, &name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(e.into()),
            }
            copy_layer(&source, rustix::fs::openat(to, &name, FOLDER, Mode::empty())?.as_fd())?;
        } else if kind.is_symlink() {
            rustix::fs::symlinkat(fs::read_link(&source)?, to, &name)?;
        } else if kind.is_file() {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            let mut target = fs::File::from(rustix::fs::openat(to, &name, flags, Mode::from_raw_mode(0o600))?);
            io::copy(&mut fs::File::open(&source)?, &mut target)?;
        } else if kind.is_fifo() {
            rustix::fs::mknodat(to, &name, FileType::Fifo, Mode::from_raw_mode(0o644), 0)?;
        } else {
            continue;
        }
        let (uid, gid) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
        let _ = rustix::fs::chownat(to, &name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
        if !kind.is_symlink() {
            set_mode(to, &name, Mode::from_raw_mode(metadata.mode() & 0o7777))?;
        }
    }
    Ok(())
}

/// Changes a mode, of no link: what runs in a container may put one anywhere meanwhile, and a link's mode is that of what it leads to.
pub fn set_mode(parent: BorrowedFd<'_>, name: &OsStr, mode: Mode) -> io::Result<()> {
    let there = rustix::fs::openat(parent, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&there)?.st_mode) == FileType::Symlink {
        return Ok(());
    }
    Ok(rustix::fs::chmod(mount::path_of(there.as_fd()), mode)?)
}

/// Whether a folder of a layer hides what the layers below have in it.
pub fn has_opaque_mark(folder: &Path) -> bool {
    let mut value = [0u8; 8];
    let read = rustix::fs::lgetxattr(folder, "user.overlay.opaque", &mut value[..]);
    matches!(read, Ok(1)) && value[0] == b'y'
}

/// The bytes of the files in a folder and below.
pub fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|e| {
        let metadata = e.metadata().ok()?;
        Some(if metadata.is_dir() {
            size_of(&e.path())
        } else if metadata.is_file() {
            metadata.len()
        } else {
            0
        })
    });
    sizes.sum()
}
