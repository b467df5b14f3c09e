//! Mounts as file descriptors: made detached, so that nothing is left behind when a process dies, and moved into place once.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string,
    fsmount, fsopen, move_mount, open_tree,
};

pub use rustix::mount::MountAttrFlags as Attr;

/// A new file system of `kind` with `options` (an empty value is a flag), not yet attached anywhere.
pub fn filesystem(kind: &str, source: &str, options: &[(&str, &str)], attributes: MountAttrFlags) -> io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    if !source.is_empty() {
        fsconfig_set_string(context.as_fd(), "source", source)?;
    }
    for (key, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(context.as_fd(), *key)?;
        } else {
            fsconfig_set_string(context.as_fd(), *key, *value)?;
        }
    }
    fsconfig_create(context.as_fd())?;
    Ok(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// An overlay of `lowers` (lowest first), not yet attached; with `upper` its upper and work folder, without it read-only.
///
/// It is volatile: its end does not wait until the disk has everything (which can take a second, and counts for what others wrote too).
/// The work folder must be fresh.
pub fn overlay(lowers: &[PathBuf], upper: Option<(&Path, &Path)>) -> io::Result<OwnedFd> {
    // Names by descriptor are short: the kernel takes at most 255 bytes a value.
    let mut held = Vec::new();
    let mut name = |path: &Path| -> io::Result<String> {
        let text = path.to_str().filter(|t| t.len() < 200 && !t.contains([':', ',', '\\', '"']));
        if let Some(text) = text {
            return Ok(text.to_owned());
        }
        let fd = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())?;
        let short = format!("/proc/self/fd/{}", fd.as_raw_fd());
        held.push(fd);
        Ok(short)
    };
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let context = context.as_fd();
    fsconfig_set_string(context, "source", "overlay")?;
    let mut layers = lowers.iter().rev().map(|l| name(l)).collect::<io::Result<Vec<_>>>()?;
    // A read-only overlay needs two layers.
    if upper.is_none() && layers.len() == 1 {
        layers.push(layers[0].clone());
    }
    let joined = layers.join(":");
    if joined.len() < 250 {
        fsconfig_set_string(context, "lowerdir", &joined)?;
    } else {
        for layer in &layers {
            fsconfig_set_string(context, "lowerdir+", layer)?;
        }
    }
    if let Some((upper, work)) = upper {
        fsconfig_set_string(context, "upperdir", name(upper)?)?;
        fsconfig_set_string(context, "workdir", name(work)?)?;
        fsconfig_set_flag(context, "volatile")?;
    }
    fsconfig_set_flag(context, "userxattr")?;
    fsconfig_create(context)?;
    Ok(fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}

/// A detached copy of what is mounted at `path` (everything below it too when `recursive`).
pub fn copy_of(path: &Path, recursive: bool) -> io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    Ok(open_tree(CWD, path, flags)?)
}

/// A detached copy of the mount that holds the file behind `fd`.
pub fn copy_of_fd(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(open_tree(fd, c"", OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH)?)
}

/// Puts a detached mount onto the file or folder behind `target`.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_mount(mount, c"", target, c"", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)?)
}

/// Sets attributes (read-only, nosuid …) of a mount, of all mounts below it too when `recursive`.
pub fn set_attributes(mount: BorrowedFd<'_>, attributes: MountAttrFlags, recursive: bool) -> io::Result<()> {
    #[repr(C)]
    struct MountAttr {
        set: u64,
        clear: u64,
        propagation: u64,
        userns: u64,
    }
    let attr = MountAttr { set: u64::from(attributes.bits()), clear: 0, propagation: 0, userns: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let empty: &CStr = c"";
    // SAFETY: the pointers are to a C string and a struct of the size that is passed, both alive during the call.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), empty.as_ptr(), flags, &raw const attr, std::mem::size_of::<MountAttr>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Opens `path` with `root` as the file system's root: no link and no `..` leads out of it.
pub fn open_in(root: BorrowedFd<'_>, path: impl AsRef<Path>, flags: OFlags) -> io::Result<OwnedFd> {
    let path = path.as_ref();
    let path = if path.as_os_str().is_empty() { Path::new("/") } else { path };
    loop {
        match rustix::fs::openat2(
            root,
            path,
            flags | OFlags::CLOEXEC,
            Mode::from_raw_mode(if flags.contains(OFlags::CREATE) { 0o644 } else { 0 }),
            ResolveFlags::IN_ROOT,
        ) {
            // A rename raced with the look-up; the kernel asks for another try.
            Err(rustix::io::Errno::AGAIN) => {}
            result => return Ok(result?),
        }
    }
}

/// Opens `path` below `folder` without reading it. Links lead no further than `folder`.
pub fn open_below(folder: &Path, path: &str) -> io::Result<OwnedFd> {
    let base = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    open_in(base.as_fd(), path, OFlags::PATH)
}

/// The magic path of a descriptor, for calls that take only paths.
pub fn path_of(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}
