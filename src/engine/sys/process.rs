//! Processes: forking where it is sound, telling a process from a later one of the same number. Knows nothing of containers.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::process::Pid;

/// Which side of a fork this is.
pub enum Fork {
    Child,
    Parent(Pid),
}

/// Forks a process that has a single thread.
///
/// With other threads a child could find a lock held by a thread that it does not have, so the call refuses that.
pub fn fork() -> io::Result<Fork> {
    require_single_thread()?;
    // SAFETY: there is no other thread, so the child's copy of every lock and of the allocator is consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Pid::from_raw(pid).map_or(Fork::Child, Fork::Parent)),
    }
}

/// The namespaces of a new container.
#[derive(Clone, Copy, Debug, Default)]
pub struct Namespaces {
    pub mount: bool,
    pub pid: bool,
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
}

/// Forks a process that has a single thread into new namespaces. The child's pidfd comes with its number.
pub fn fork_into(namespaces: Namespaces) -> io::Result<(Fork, Option<OwnedFd>)> {
    require_single_thread()?;
    let Namespaces { mount, pid, net, ipc, uts } = namespaces;
    let flag = |on: bool, flag: libc::c_int| if on { flag.cast_unsigned().into() } else { 0 };
    let mut pidfd: libc::c_int = -1;
    // SAFETY: `clone_args` is plain data, for which all zeroes are a value.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flag(true, libc::CLONE_PIDFD)
        | flag(mount, libc::CLONE_NEWNS)
        | flag(pid, libc::CLONE_NEWPID)
        | flag(net, libc::CLONE_NEWNET)
        | flag(ipc, libc::CLONE_NEWIPC)
        | flag(uts, libc::CLONE_NEWUTS);
    args.exit_signal = libc::SIGCHLD.cast_unsigned().into();
    args.pidfd = (&raw mut pidfd) as u64;
    // SAFETY: without CLONE_VM this is a fork: the child has its own copy of the memory. There is no other thread, so the copy is
    // consistent. The arguments outlive the call.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, std::mem::size_of::<libc::clone_args>()) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok((Fork::Child, None)),
        pid => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("clone3 gave no process"))?;
            // SAFETY: the kernel has just opened this descriptor for us.
            Ok((Fork::Parent(pid), Some(unsafe { OwnedFd::from_raw_fd(pidfd) })))
        }
    }
}

/// Leaves the user namespace for one below it in which the process is user `uid` and group `gid`, who are the present ones outside.
pub fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    let (outer_uid, outer_gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    require_single_thread()?;
    // SAFETY: file descriptors stay shared; only the user namespace is left.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER) }?;
    fs::write("/proc/self/uid_map", format!("{uid} {outer_uid} 1\n"))?;
    fs::write("/proc/self/setgroups", "deny").or_else(|e| if e.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(e) })?;
    fs::write("/proc/self/gid_map", format!("{gid} {outer_gid} 1\n"))
}

/// Replaces the process by a program; comes back only with the error.
pub fn execute(program: &CStr, args: &[CString], env: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>();
    let (args, env) = (pointers(args), pointers(env));
    // SAFETY: both arrays end in a null pointer and point to C strings that live until the call is over.
    unsafe { libc::execve(program.as_ptr(), args.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Makes every descriptor from `first` on close when a program is executed.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: the call only sets flags on descriptors.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Closes every descriptor from `first` on. Only for a forked child that owns no descriptor above it.
pub fn close_from(first: u32) {
    // SAFETY: the caller owns nothing above `first`, so no owner is left with a closed descriptor.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Puts `fd` at the number `at` (0, 1 or 2), to be inherited by programs.
pub fn install(fd: BorrowedFd<'_>, at: i32) -> io::Result<()> {
    debug_assert!((0..=2).contains(&at), "standard streams only");
    // SAFETY: the standard streams have no owner that closes them, and `fd` stays with its owner.
    if unsafe { libc::dup2(fd.as_raw_fd(), at) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Fails unless the calling process has exactly one thread.
pub(super) fn require_single_thread() -> io::Result<()> {
    let threads = fs::read_dir("/proc/self/task")?.take(2).count();
    if threads > 1 { Err(io::Error::other("a process with several threads cannot be forked safely")) } else { Ok(()) }
}

/// Ends the process at once, without running destructors or exit handlers: what a forked child must do.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(status) }
}

/// When a process started, in clock ticks since boot: with its number it names the process for good. `None` when it is gone or a zombie.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name stands in parentheses and may hold anything, so fields are counted from the last one.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_has_a_start_time_and_a_missing_one_has_none() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert_eq!(start_time(me), start_time(me));
        assert!(start_time(me).is_some());
        assert_eq!(start_time(i32::MAX), None);
    }

    #[test]
    fn a_process_with_threads_is_not_forked() {
        let (send, receive) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || receive.recv());
        assert!(fork().is_err());
        drop(send);
        let _ = thread.join();
    }
}
