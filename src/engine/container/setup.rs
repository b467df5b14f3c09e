//! A container's file system and names, made inside its new namespaces before its program runs. Leaves no mount outside them.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::mount::{UnmountFlags, unmount};

use super::child::StartError;
use super::interfaces::{self, Resolver, Uplink};
use super::root;
use super::spec::{Bind, ContainerSpec, MountSpec};
use crate::sys::{mount, userns};

use mount::Attr;

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Makes the container's root file system and everything in it, and moves the process there. Gives the sockets at which names are to
/// be answered, if any are. `shared` is another container's shared memory.
pub fn enter(spec: &ContainerSpec, uplink: Option<&Uplink>, shared: Option<OwnedFd>) -> Result<Option<Resolver>, StartError> {
    join_groups(&spec.process.group_doors)?;
    // What is mounted here must not show in the engine's namespace, nor what the engine mounts here.
    let root = root::mount(&spec.root).map_err(StartError::doing("mount the root file system"))?;
    // Its own upper folder is as good a place as one made for it: only in this namespace is it covered.
    let point = rustix::fs::open(&spec.root.upper, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(io::Error::from);
    let point = point.map_err(StartError::doing("open the mount point of the root file system"))?;
    mount::attach(root.as_fd(), point.as_fd()).map_err(StartError::doing("attach the root file system"))?;
    let root = root.as_fd();

    system_mounts(spec, root, shared)?;
    for entry in &spec.mounts {
        one_mount(entry, root)?;
    }
    make_cwd(&spec.process.cwd, root)?;

    rustix::process::fchdir(root).map_err(|e| StartError::doing("enter the root file system")(e.into()))?;
    rustix::process::pivot_root(".", ".").map_err(|e| StartError::doing("pivot_root")(e.into()))?;
    unmount(".", UnmountFlags::DETACH).map_err(|e| StartError::doing("leave the old root")(e.into()))?;
    rustix::process::chdir("/").map_err(|e| StartError::doing("enter the new root")(e.into()))?;

    names(spec)?;
    let resolver = if spec.own_net { interfaces::furnish(spec.net.as_ref(), uplink)? } else { None };
    for (key, value) in &spec.sysctls {
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        fs::write(&path, value).map_err(StartError::doing(format_args!("write sysctl key {key}: open {path}")))?;
    }
    restrict(spec)?;
    Ok(resolver)
}

/// Puts the calling process into control groups, by paths of the engine's.
pub fn join_groups(doors: &[PathBuf]) -> Result<(), StartError> {
    // 0 stands for who writes it.
    doors.iter().try_for_each(|door| fs::write(door, "0").map_err(StartError::doing("join the container's control group")))
}

/// Makes the program's working folder, as Docker does.
pub fn make_cwd(cwd: &str, root: BorrowedFd<'_>) -> Result<(), StartError> {
    if cwd.is_empty() || cwd == "/" {
        return Ok(());
    }
    match root::make_folders(root, Path::new(cwd)) {
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Err(StartError::new(format!("Cannot mkdir: {cwd} is not a directory"))),
        // A read-only root: entering it will tell.
        _ => Ok(()),
    }
}

fn system_mounts(spec: &ContainerSpec, root: BorrowedFd<'_>, shared: Option<OwnedFd>) -> Result<(), StartError> {
    let safe = Attr::MOUNT_ATTR_NOSUID | Attr::MOUNT_ATTR_NODEV | Attr::MOUNT_ATTR_NOEXEC;
    // The machine's processes are shown by its own mount, which hides what the machine hides.
    let proc = if spec.own_pid || spec.join.pid.is_some() {
        mount::filesystem("proc", "proc", &[], safe)
    } else {
        mount::copy_of(Path::new("/proc"), true)
    };
    attach_at(proc, root, "/proc")?;

    let dev = mount::filesystem("tmpfs", "tmpfs", &[("mode", "755"), ("size", "65536k")], Attr::MOUNT_ATTR_NOSUID)
        .map_err(StartError::doing("mount /dev"))?;
    attach_at(Ok(dev), root, "/dev")?;
    // Only what is attached can have something mounted on it.
    let dev = mount::open_in(root, "/dev", OFlags::PATH | OFlags::DIRECTORY).map_err(StartError::doing("open /dev"))?;
    fill_dev(spec, dev.as_fd()).map_err(StartError::doing("fill /dev"))?;
    // The terminal group has to exist in the namespace.
    let mut options = vec![("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620")];
    if userns::has_gid(5) {
        options.push(("gid", "5"));
    }
    attach_at(mount::filesystem("devpts", "devpts", &options, Attr::MOUNT_ATTR_NOSUID | Attr::MOUNT_ATTR_NOEXEC), root, "/dev/pts")?;
    match (shared, spec.shm_size) {
        (Some(shared), _) => attach_at(Ok(shared), root, "/dev/shm")?,
        (None, _) if !spec.own_ipc => attach_at(mount::copy_of(Path::new("/dev/shm"), true), root, "/dev/shm")?,
        (None, Some(size)) => {
            attach_at(mount::filesystem("tmpfs", "shm", &[("mode", "1777"), ("size", &size.to_string())], safe), root, "/dev/shm")?;
        }
        (None, None) => {}
    }
    if spec.own_ipc || spec.join.ipc.is_some() {
        attach_at(mount::filesystem("mqueue", "mqueue", &[], safe), root, "/dev/mqueue")?;
    }

    let sys = mount::filesystem("sysfs", "sysfs", &[], safe | Attr::MOUNT_ATTR_RDONLY).or_else(|_| {
        // A network namespace of someone else, or a /sys that is covered in part: then the engine's own, read-only.
        let copy = mount::copy_of(Path::new("/sys"), true)?;
        mount::set_attributes(copy.as_fd(), safe | Attr::MOUNT_ATTR_RDONLY, true)?;
        Ok(copy)
    });
    attach_at(sys, root, "/sys")?;
    show_groups(&spec.group_views, root)
}

/// Shows a container its own control groups, to be read.
fn show_groups(views: &[(String, PathBuf)], root: BorrowedFd<'_>) -> Result<(), StartError> {
    const PLACE: &str = "/sys/fs/cgroup";
    let safe = Attr::MOUNT_ATTR_NOSUID | Attr::MOUNT_ATTR_NODEV | Attr::MOUNT_ATTR_NOEXEC;
    let view = |folder: &Path| -> io::Result<OwnedFd> {
        let copy = mount::copy_of(folder, false)?;
        mount::set_attributes(copy.as_fd(), safe | Attr::MOUNT_ATTR_RDONLY, false)?;
        Ok(copy)
    };
    match views {
        [] => Ok(()),
        [(name, folder)] if name.is_empty() => attach_at(view(folder), root, PLACE),
        trees => {
            attach_at(mount::filesystem("tmpfs", "tmpfs", &[("mode", "755")], safe), root, PLACE)?;
            trees.iter().try_for_each(|(name, folder)| attach_at(view(folder), root, &format!("{PLACE}/{name}")))
        }
    }
}

fn attach_at(mount: io::Result<OwnedFd>, root: BorrowedFd<'_>, target: &str) -> Result<(), StartError> {
    let done = mount.and_then(|mount| {
        root::make_folders(root, Path::new(target))?;
        let target = mount::open_in(root, target, OFlags::PATH | OFlags::DIRECTORY)?;
        mount::attach(mount.as_fd(), target.as_fd())
    });
    done.map_err(StartError::doing(format_args!("error mounting {target:?} to rootfs")))
}

/// Device nodes cannot be made in a user namespace, so those of the machine are shown.
fn fill_dev(spec: &ContainerSpec, dev: BorrowedFd<'_>) -> io::Result<()> {
    for folder in ["pts", "shm", "mqueue"] {
        rustix::fs::mkdirat(dev, folder, Mode::from_raw_mode(0o755))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        rustix::fs::symlinkat(target, dev, name)?;
    }
    let show = |name: &str| -> io::Result<()> {
        let copy = mount::copy_of(&Path::new("/dev").join(name), false)?;
        let node =
            rustix::fs::openat(dev, name, OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC, Mode::from_raw_mode(0o666))?;
        mount::attach(copy.as_fd(), node.as_fd())
    };
    for name in DEVICES {
        show(name)?;
    }
    if spec.process.tty {
        // Becomes the terminal itself once that is open.
        rustix::fs::openat(dev, "console", OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::from_raw_mode(0o620))?;
    }
    if spec.all_devices {
        for entry in fs::read_dir("/dev")?.flatten() {
            use std::os::unix::fs::FileTypeExt;
            let device = entry.file_type().is_ok_and(|t| t.is_char_device() || t.is_block_device());
            if let (true, Some(name)) = (device, entry.file_name().to_str())
                && !DEVICES.contains(&name)
                && !["console", "ptmx"].contains(&name)
            {
                // What the engine may not open is no loss.
                let _ = show(name);
            }
        }
    }
    Ok(())
}

fn one_mount(entry: &MountSpec, root: BorrowedFd<'_>) -> Result<(), StartError> {
    match entry {
        MountSpec::Bind(bind) => {
            let doing = format!("error mounting \"{}\" to rootfs at \"{}\"", bind.source.display(), bind.target);
            one_bind(bind, root).map_err(StartError::doing(doing))
        }
        MountSpec::Tmpfs { target, options } => {
            let mut attributes = Attr::MOUNT_ATTR_NOSUID | Attr::MOUNT_ATTR_NODEV | Attr::MOUNT_ATTR_NOEXEC;
            let mut pairs = Vec::new();
            for option in options.split(',').filter(|o| !o.is_empty()) {
                match option {
                    "exec" => attributes.remove(Attr::MOUNT_ATTR_NOEXEC),
                    "dev" => attributes.remove(Attr::MOUNT_ATTR_NODEV),
                    "suid" => attributes.remove(Attr::MOUNT_ATTR_NOSUID),
                    "ro" => attributes.insert(Attr::MOUNT_ATTR_RDONLY),
                    "noatime" => attributes.insert(Attr::MOUNT_ATTR_NOATIME),
                    "nodiratime" => attributes.insert(Attr::MOUNT_ATTR_NODIRATIME),
                    // The other words for all mounts change nothing in memory.
                    other => pairs.extend(other.split_once('=')),
                }
            }
            attach_at(mount::filesystem("tmpfs", "tmpfs", &pairs, attributes), root, target)
        }
    }
}

fn one_bind(bind: &Bind, root: BorrowedFd<'_>) -> io::Result<()> {
    let (copy, folder) = if bind.subpath.is_empty() {
        (mount::copy_of(&bind.source, bind.recursive)?, bind.source.is_dir())
    } else {
        // Held open, it is what is mounted, whatever a container does to the names meanwhile.
        let part = mount::open_below(&bind.source, &bind.subpath)?;
        let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&part)?.st_mode);
        (mount::copy_of_fd(part.as_fd())?, kind == rustix::fs::FileType::Directory)
    };
    if bind.read_only {
        mount::set_attributes(copy.as_fd(), Attr::MOUNT_ATTR_RDONLY, bind.recursively_read_only)?;
    }
    let target = if folder {
        root::make_folders(root, Path::new(&bind.target))?;
        mount::open_in(root, &bind.target, OFlags::PATH | OFlags::DIRECTORY)?
    } else {
        root::make_file(root, Path::new(&bind.target))?
    };
    mount::attach(copy.as_fd(), target.as_fd())
}

fn names(spec: &ContainerSpec) -> Result<(), StartError> {
    if !spec.own_uts {
        return Ok(());
    }
    rustix::system::sethostname(spec.hostname.as_bytes()).map_err(|e| StartError::doing("sethostname")(e.into()))?;
    if !spec.domainname.is_empty() {
        rustix::system::setdomainname(spec.domainname.as_bytes()).map_err(|e| StartError::doing("setdomainname")(e.into()))?;
    }
    Ok(())
}

/// Hides and locks what a container must not see or change. From inside `/` is the container's root.
fn restrict(spec: &ContainerSpec) -> Result<(), StartError> {
    for path in &spec.read_only_paths {
        let Ok(copy) = mount::copy_of(Path::new(path), true) else { continue };
        let done = mount::set_attributes(copy.as_fd(), Attr::MOUNT_ATTR_RDONLY, true).and_then(|()| attach_here(copy, path));
        done.map_err(StartError::doing(format_args!("make {path} read-only")))?;
    }
    for path in &spec.masked {
        let Ok(metadata) = fs::symlink_metadata(path) else { continue };
        let cover = if metadata.is_dir() {
            mount::filesystem("tmpfs", "tmpfs", &[("size", "0"), ("nr_inodes", "2")], Attr::MOUNT_ATTR_RDONLY)
        } else {
            mount::copy_of(Path::new("/dev/null"), false)
        };
        cover.and_then(|cover| attach_here(cover, path)).map_err(StartError::doing(format_args!("mask {path}")))?;
    }
    if spec.read_only_root {
        let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(io::Error::from);
        root.and_then(|root| mount::set_attributes(root.as_fd(), Attr::MOUNT_ATTR_RDONLY, false))
            .map_err(StartError::doing("make the root file system read-only"))?;
    }
    Ok(())
}

fn attach_here(mount: OwnedFd, path: &str) -> io::Result<()> {
    let target = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
    mount::attach(mount.as_fd(), target.as_fd())
}

/// Shows the terminal as /dev/console too.
pub fn console(terminal: BorrowedFd<'_>) -> io::Result<()> {
    let copy = mount::copy_of_fd(terminal)?;
    attach_here(copy, "/dev/console")
}
