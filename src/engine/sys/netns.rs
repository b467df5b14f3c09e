//! Network namespaces: made, named by a descriptor, entered. What is in them is made by `netlink`.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// Makes a network namespace, lets `furnish` fill it from inside, and gives it. The calling thread stays where it is: another one does
/// it. The namespace lives as long as somebody holds the descriptor or is inside.
pub fn create<T: Send>(furnish: impl FnOnce() -> io::Result<T> + Send) -> io::Result<(OwnedFd, T)> {
    in_thread(|| {
        // SAFETY: only the network namespace of this thread is left; file descriptors stay shared.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
        let namespace = OwnedFd::from(File::open("/proc/thread-self/ns/net")?);
        Ok((namespace, furnish()?))
    })
}

/// Runs `work` in a network namespace, in a thread of its own.
pub fn within<T: Send>(namespace: BorrowedFd<'_>, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    in_thread(|| {
        enter(namespace)?;
        work()
    })
}

/// Moves the calling thread into a network namespace. An engine without root finds no way back to the machine's.
pub fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// The network namespace of a process, if it is not the caller's own.
pub fn other_than_ours(pid: i32) -> Option<OwnedFd> {
    let path = format!("/proc/{pid}/ns/net");
    if std::fs::read_link(&path).ok()? == std::fs::read_link("/proc/self/ns/net").ok()? {
        return None;
    }
    File::open(path).ok().map(OwnedFd::from)
}

fn in_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the network namespace panicked")))
    })
}
