//! Ports that are the administrator's, for an engine that root has started.
//!
//! An engine leaves the machine's user namespace, and with it root's right to ports below 1024. A small process stays behind and keeps
//! that one right: it opens the port that it is asked for and hands the socket over. It ends with the engine; what it has handed over
//! is the container's monitor's. An ordinary user's engine has no such process, for its user has no such right.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, socketpair, sockopt};
use serde::{Deserialize, Serialize};

use super::Protocol;
use crate::sys::{caps, socket, userns};

/// The name (`argv[0]`) under which the binary is that process.
pub const NAME: &str = "dockside-porter";

static PORTER: OnceLock<OwnedFd> = OnceLock::new();

/// Leaves the process behind; nothing where this one has no such right. To be called before the user namespace is entered.
pub fn start() {
    if !rustix::process::geteuid().is_root() || userns::is_inside() {
        return;
    }
    // Without it ports below 1024 are refused, as an ordinary user's are.
    if let Ok(ours) = spawn() {
        let _ = PORTER.set(ours);
    }
}

fn spawn() -> io::Result<OwnedFd> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let mut program = Command::new("/proc/self/exe");
    program.arg0(NAME).current_dir("/").stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    program.spawn()?;
    Ok(ours)
}

/// The way to the process, if there is one.
pub fn connection() -> Option<BorrowedFd<'static>> {
    PORTER.get().map(AsFd::as_fd)
}

#[derive(Debug, Serialize, Deserialize)]
struct Wish {
    protocol: Protocol,
    host: IpAddr,
    port: u16,
}

/// Opens a port with the right of the process behind `porter`. Several may ask at a time: each is answered on a socket of its own.
pub fn ask(porter: BorrowedFd<'_>, protocol: Protocol, host: IpAddr, port: u16) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    let wish = serde_json::to_vec(&Wish { protocol, host, port })?;
    socket::send(porter, &wish, &[theirs.as_fd()])?;
    drop(theirs);
    let mut answer = [0; 4];
    match (socket::receive(&ours, &mut answer)?, i32::from_ne_bytes(answer)) {
        ((4, mut fds), _) if !fds.is_empty() => fds.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        ((4, _), number) if number != 0 => Err(io::Error::from_raw_os_error(number)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The process: answers what comes on its standard input, until nobody can ask any more.
pub fn main() -> ExitCode {
    // The engine's terminal and signals to its group are none of its business.
    let _ = rustix::process::setsid();
    let right = caps::bits(&["NET_BIND_SERVICE"]);
    if caps::bound(right).and_then(|()| caps::limit(right)).is_err() {
        return ExitCode::FAILURE;
    }
    let stdin = io::stdin();
    let mut buffer = [0; 512];
    loop {
        match socket::receive(&stdin, &mut buffer) {
            Ok((0, _)) => return ExitCode::SUCCESS,
            Ok((count, fds)) => {
                let wish = serde_json::from_slice::<Wish>(&buffer[..count]);
                let (Some(answer), Ok(Wish { protocol, host, port })) = (fds.first(), wish) else { continue };
                // Whoever has gone meanwhile needs no answer.
                let _ = match open(protocol, host, port) {
                    Ok(opened) => socket::send(answer, &0_i32.to_ne_bytes(), &[opened.as_fd()]),
                    Err(e) => socket::send(answer, &e.raw_os_error().to_ne_bytes(), &[]),
                };
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

/// Opens a port in the network namespace of the calling process.
pub fn open(protocol: Protocol, host: IpAddr, port: u16) -> Result<OwnedFd, Errno> {
    let family = if host.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let kind = if protocol == Protocol::Tcp { SocketType::STREAM } else { SocketType::DGRAM };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if host.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if protocol == Protocol::Tcp {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &SocketAddr::new(host, port))?;
    Ok(socket)
}
