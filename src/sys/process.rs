//! Processes: forking where it is sound, telling a process from a later one of the same number. Knows nothing of containers.

use std::fs;
use std::io;

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
