//! `mount` and `umount`: list what is mounted, and do what a container may that is privileged. Know no fstab and no loop devices.

use std::ffi::CString;
use std::path::Path;
use std::process::ExitCode;

use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount_bind, mount_bind_recursive, mount_change, mount_move, mount_remount, unmount,
};

use super::applets::Args;

/// What busybox ends with when the kernel refuses a mount.
const REFUSED: u8 = 255;

/// What is to be mounted, as the arguments say it.
struct Wish {
    kind: Option<String>,
    flags: MountFlags,
    /// What the file system itself is told.
    data: Vec<String>,
    bind: bool,
    recursive: bool,
    remount: bool,
    shift: bool,
    propagation: Option<MountPropagationFlags>,
    operands: Vec<String>,
}

/// `mount [-t TYPE] [-o OPTIONS] [-r] [--bind …] [SOURCE] TARGET`; without a target the lines of `/proc/self/mounts` in mount's own words.
pub fn main(args: Args) -> ExitCode {
    let mut wish = Wish::new();
    let mut args = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned());
    while let Some(arg) = args.next() {
        let value = |args: &mut dyn Iterator<Item = String>| if arg.len() > 2 { Some(arg[2..].to_owned()) } else { args.next() };
        match arg.as_str() {
            "-l" | "-n" | "-v" | "-i" | "-w" => {}
            "-r" => wish.flags |= MountFlags::RDONLY,
            "-B" => wish.option("bind"),
            "-R" => wish.option("rbind"),
            "-M" => wish.option("move"),
            long if long.starts_with("--") && long.len() > 2 => wish.option(&long[2..]),
            short if short.starts_with("-t") => wish.kind = value(&mut args),
            short if short.starts_with("-o") => {
                for option in value(&mut args).unwrap_or_default().split(',') {
                    wish.option(option);
                }
            }
            short if short.starts_with('-') && short.len() > 1 => {
                eprintln!("mount: unrecognized option: {}", &short[1..]);
                return ExitCode::FAILURE;
            }
            _ => wish.operands.push(arg),
        }
    }
    let (source, target) = match wish.operands.as_slice() {
        [] => return list(wish.kind.as_deref()),
        [target] if wish.remount || wish.propagation.is_some() => ("none", target.as_str()),
        [source, target] => (source.as_str(), target.as_str()),
        [target] => {
            eprintln!("mount: can't find {target} in /etc/fstab");
            return ExitCode::FAILURE;
        }
        _ => {
            eprintln!("mount: too many arguments");
            return ExitCode::FAILURE;
        }
    };
    match wish.carry_out(source, target) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Errno::PERM) => {
            eprintln!("mount: permission denied (are you root?)");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("mount: mounting {source} on {target} failed: {}", words(error));
            ExitCode::from(REFUSED)
        }
    }
}

/// `umount [-l] [-f] TARGET…`
pub fn unmount_main(args: Args) -> ExitCode {
    let mut flags = UnmountFlags::empty();
    let mut code = ExitCode::SUCCESS;
    let mut targets = Vec::new();
    for arg in args.into_iter().skip(1) {
        match arg.to_str() {
            Some("-l") => flags |= UnmountFlags::DETACH,
            Some("-f") => flags |= UnmountFlags::FORCE,
            Some("-n" | "-r" | "-v") => {}
            Some(other) if other.starts_with('-') => {
                eprintln!("umount: unrecognized option: {}", other.trim_start_matches('-'));
                return ExitCode::FAILURE;
            }
            _ => targets.push(arg),
        }
    }
    if targets.is_empty() {
        eprintln!("Usage: umount [-l] [-f] TARGET...");
        return ExitCode::FAILURE;
    }
    for target in targets {
        if let Err(error) = unmount(Path::new(&target), flags) {
            eprintln!("umount: can't unmount {}: {}", target.to_string_lossy(), words(error));
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// What the kernel says, as BusyBox prints it.
pub(super) fn words(error: Errno) -> String {
    crate::units::c_words(&error.into())
}

impl Wish {
    fn new() -> Self {
        Wish {
            kind: None,
            flags: MountFlags::empty(),
            data: Vec::new(),
            bind: false,
            recursive: false,
            remount: false,
            shift: false,
            propagation: None,
            operands: Vec::new(),
        }
    }

    fn option(&mut self, option: &str) {
        match option {
            "" | "defaults" | "rw" | "suid" | "dev" | "exec" | "async" | "atime" | "loud" => {}
            "ro" => self.flags |= MountFlags::RDONLY,
            "nosuid" => self.flags |= MountFlags::NOSUID,
            "nodev" => self.flags |= MountFlags::NODEV,
            "noexec" => self.flags |= MountFlags::NOEXEC,
            "noatime" => self.flags |= MountFlags::NOATIME,
            "nodiratime" => self.flags |= MountFlags::NODIRATIME,
            "relatime" => self.flags |= MountFlags::RELATIME,
            "strictatime" => self.flags |= MountFlags::STRICTATIME,
            "sync" => self.flags |= MountFlags::SYNCHRONOUS,
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive) = (true, true),
            "remount" => self.remount = true,
            "move" => self.shift = true,
            "private" | "make-private" => self.propagation = Some(MountPropagationFlags::PRIVATE),
            "rprivate" | "make-rprivate" => self.propagation = Some(MountPropagationFlags::PRIVATE | MountPropagationFlags::REC),
            "shared" | "make-shared" => self.propagation = Some(MountPropagationFlags::SHARED),
            "rshared" | "make-rshared" => self.propagation = Some(MountPropagationFlags::SHARED | MountPropagationFlags::REC),
            "slave" | "make-slave" => self.propagation = Some(MountPropagationFlags::DOWNSTREAM),
            "rslave" | "make-rslave" => self.propagation = Some(MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC),
            other => self.data.push(other.to_owned()),
        }
    }

    fn carry_out(&self, source: &str, target: &str) -> Result<(), Errno> {
        let data = CString::new(self.data.join(",")).map_err(|_| Errno::INVAL)?;
        if let Some(propagation) = self.propagation {
            return mount_change(target, propagation);
        }
        if self.shift {
            return mount_move(source, target);
        }
        if self.bind && !self.remount {
            if self.recursive {
                mount_bind_recursive(source, target)?
            } else {
                mount_bind(source, target)?
            }
            // The kernel takes flags only for what is mounted already.
            return if self.flags.is_empty() { Ok(()) } else { mount_remount(target, MountFlags::BIND | self.flags, c"") };
        }
        if self.remount {
            let bind = if self.bind { MountFlags::BIND } else { MountFlags::empty() };
            return mount_remount(target, bind | self.flags, &*data);
        }
        let kind = self.kind.clone().or_else(|| guess(source)).ok_or(Errno::INVAL)?;
        rustix::mount::mount(source, target, kind, self.flags, &*data)
    }
}

/// The type of what is mounted by the name of its type, as many write it: `mount none /x` has none.
fn guess(source: &str) -> Option<String> {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    known.lines().filter_map(|line| line.strip_prefix("nodev\t")).find(|kind| *kind == source).map(str::to_owned)
}

fn list(kind: Option<&str>) -> ExitCode {
    let mounts = match std::fs::read_to_string("/proc/self/mounts") {
        Ok(mounts) => mounts,
        Err(error) => {
            eprintln!("mount: /proc/self/mounts: {error}");
            return ExitCode::FAILURE;
        }
    };
    for line in mounts.lines() {
        let fields: Vec<String> = line.split(' ').map(|f| f.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")).collect();
        if let [device, target, filesystem, options, ..] = fields.as_slice()
            && kind.is_none_or(|k| k == filesystem)
        {
            println!("{device} on {target} type {filesystem} ({options})");
        }
    }
    ExitCode::SUCCESS
}
