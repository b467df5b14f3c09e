//! Making a process: its streams, its fork into the container, and the word whether its program runs.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::fs::{Gid, OFlags, Uid};
use rustix::process::Pid;
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use rustix::thread::{LinkNameSpaceType, ThreadNameSpaceType as Type, move_into_thread_name_spaces};
use serde::{Deserialize, Serialize};

use crate::container::accounts::Identity;
use crate::container::child::{self, StartError};
use crate::container::frame::Kind;
use crate::container::interfaces::{Resolver, Uplink};
use crate::container::setup;
use crate::container::spec::{ContainerSpec, ProcessSpec};
use crate::sys::process::{self, Fork, Namespaces};
use crate::sys::{mount, socket};

/// A running process as its monitor sees it.
pub struct Started {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    /// Where output comes from.
    pub sources: Vec<(OwnedFd, Kind)>,
    /// Where input goes to.
    pub stdin: Option<OwnedFd>,
    /// The terminal, to be resized.
    pub terminal: Option<OwnedFd>,
    /// The container's mount namespace. Held, its undoing does not delay the news of the end: it goes with the monitor.
    pub mounts: Option<OwnedFd>,
    /// Where the container asks for names.
    pub resolver: Option<Resolver>,
}

/// What a child says before its program runs; silence is success.
#[derive(Serialize, Deserialize)]
struct Word {
    message: String,
    code: i32,
}

/// The child's ends of the streams.
struct ChildEnds {
    tty: bool,
    stdin: Option<PipeReader>,
    stdout: Option<PipeWriter>,
    stderr: Option<PipeWriter>,
    word: UnixStream,
}

/// Makes the container and runs its process.
pub fn container(spec: &ContainerSpec, uplink: Option<&Uplink>) -> Result<Started, StartError> {
    let namespaces = Namespaces { mount: true, pid: spec.own_pid, net: spec.own_net, ipc: spec.own_ipc, uts: spec.own_uts };
    // Found by their numbers out here: inside, numbers are others.
    let find = |pid: Option<i32>, what: &'static str| pid.map(open_process).transpose().map_err(StartError::doing(what));
    let net = find(spec.join.net, "find the container whose network is joined")?;
    let ipc = find(spec.join.ipc, "find the container whose IPC namespace is joined")?;
    let pid = find(spec.join.pid, "find the container whose processes are joined")?;
    // A process stays in its pid namespace; its children are born in the one that it joins. There is no way back: that namespace is the
    // machine's. So the monitors of further processes are seen in there, too.
    if let Some(other) = &pid {
        join(other.as_fd(), Type::PROCESS_ID).map_err(StartError::doing("join the other container's processes"))?;
    }
    start(&spec.process, namespaces, |ends| {
        if let Some(other) = &net
            && let Err(e) = join(other.as_fd(), Type::NETWORK)
        {
            return StartError::doing("join the other container's network")(e);
        }
        let shared =
            ipc.as_ref().map(|other| join(other.as_fd(), Type::INTER_PROCESS_COMMUNICATION).and_then(|()| shared_memory(other.as_fd())));
        let shared = match shared.transpose() {
            Ok(shared) => shared,
            Err(e) => return StartError::doing("join the other container's IPC namespace")(e),
        };
        match setup::enter(spec, uplink, shared) {
            Err(e) => return e,
            Ok(Some(resolver)) => {
                if let Err(e) = socket::send(&ends.word, &[RESOLVER], &[resolver.udp.as_fd(), resolver.tcp.as_fd()]) {
                    return StartError::doing("pass the resolver's sockets")(e);
                }
            }
            Ok(None) => {}
        }
        if let Err(e) = ends.connect(&spec.process, true) {
            return e;
        }
        ends.run(&spec.process)
    })
}

fn open_process(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?)
}

fn join(process: BorrowedFd<'_>, kind: Type) -> io::Result<()> {
    Ok(move_into_thread_name_spaces(process, kind)?)
}

/// A copy of the mount with another container's shared memory: only from within its mount namespace can it be taken.
fn shared_memory(other: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let home = std::fs::File::open("/proc/self/ns/mnt")?;
    join(other, Type::MOUNT)?;
    let copy = mount::copy_of(std::path::Path::new("/dev/shm"), false);
    rustix::thread::move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Mount))?;
    copy
}

/// Runs a further process in the container whose first process is behind `pidfd`.
pub fn exec(spec: &ProcessSpec, pidfd: BorrowedFd<'_>, own: Namespaces) -> Result<Started, StartError> {
    let enter = |kinds: Type| if kinds.is_empty() { Ok(()) } else { move_into_thread_name_spaces(pidfd, kinds) };
    // A process stays in its pid namespace; its children are born in the one that it joins.
    if own.pid {
        enter(Type::PROCESS_ID).map_err(|e| StartError::doing("join the container's processes")(e.into()))?;
    }
    start(spec, Namespaces::default(), |ends| {
        let mut kinds = Type::empty();
        kinds.set(Type::MOUNT, own.mount);
        kinds.set(Type::NETWORK, own.net);
        kinds.set(Type::INTER_PROCESS_COMMUNICATION, own.ipc);
        kinds.set(Type::HOST_NAME_AND_NIS_DOMAIN_NAME, own.uts);
        if let Err(e) = setup::join_groups(&spec.group_doors) {
            return e;
        }
        if let Err(e) = enter(kinds) {
            return StartError::doing("join the container")(e.into());
        }
        let _ = rustix::process::chdir("/");
        if let Err(e) = ends.connect(spec, false) {
            return e;
        }
        ends.run(spec)
    })
}

fn start(spec: &ProcessSpec, namespaces: Namespaces, body: impl FnOnce(ChildEnds) -> StartError) -> Result<Started, StartError> {
    let doing = |what: &'static str| StartError::doing(what);
    let (listen, word) = UnixStream::pair().map_err(doing("make a socket pair"))?;
    let (mut stdin, mut sources) = (None, Vec::new());
    let mut ends = ChildEnds { tty: spec.tty, stdin: None, stdout: None, stderr: None, word };
    if !spec.tty {
        if spec.stdin {
            let (read, write) = io::pipe().map_err(doing("make a pipe"))?;
            ends.stdin = Some(read);
            stdin = Some(OwnedFd::from(write));
        }
        for (end, kind) in [(&mut ends.stdout, Kind::Stdout), (&mut ends.stderr, Kind::Stderr)] {
            let (read, write) = io::pipe().map_err(doing("make a pipe"))?;
            *end = Some(write);
            sources.push((OwnedFd::from(read), kind));
        }
    }
    let (side, pidfd) = process::fork_into(namespaces).map_err(doing("clone"))?;
    let pid = match side {
        Fork::Child => {
            drop((listen, stdin, sources));
            let said = ends.word.try_clone();
            let error = body(ends);
            if let (Ok(said), Ok(word)) = (said, serde_json::to_vec(&Word { message: error.message, code: error.code })) {
                let _ = socket::send(&said, &word, &[]);
            }
            process::exit_now(255)
        }
        Fork::Parent(pid) => pid,
    };
    drop(ends);
    let (words, terminal, resolver) = hear(&listen).map_err(doing("hear from the container's process"))?;
    if !words.is_empty() {
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
        let word: Word =
            serde_json::from_slice(&words).unwrap_or(Word { message: "the container's process ended too early".into(), code: 128 });
        return Err(StartError { message: word.message, code: word.code });
    }
    let Some(pidfd) = pidfd else { return Err(StartError::new("the kernel gave no pidfd")) };
    if let Some(terminal) = &terminal {
        stdin = terminal.try_clone().ok();
        sources.extend(terminal.try_clone().ok().map(|t| (t, Kind::Stdout)));
    }
    for fd in sources.iter().map(|(fd, _)| fd).chain(&stdin) {
        let flags = rustix::fs::fcntl_getfl(fd).map_err(|e| StartError::doing("read the flags of a stream")(e.into()))?;
        rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK).map_err(|e| StartError::doing("set the flags of a stream")(e.into()))?;
    }
    let mounts =
        if namespaces.mount { std::fs::File::open(format!("/proc/{}/ns/mnt", pid.as_raw_nonzero())).ok().map(OwnedFd::from) } else { None };
    Ok(Started { pid, pidfd, sources, stdin, terminal, mounts, resolver })
}

// What comes with descriptors.
const TERMINAL: u8 = 0;
const RESOLVER: u8 = 1;

/// Collects what the child says until its end of the socket closes: a terminal, the resolver's sockets, or why it failed.
fn hear(listen: &UnixStream) -> io::Result<(Vec<u8>, Option<OwnedFd>, Option<Resolver>)> {
    let (mut words, mut terminal, mut resolver) = (Vec::new(), None, None);
    let mut buffer = [0; 4096];
    loop {
        match socket::receive(listen, &mut buffer) {
            Ok((0, _)) => return Ok((words, terminal, resolver)),
            Ok((count, mut fds)) => match (fds.pop(), fds.pop()) {
                (None, _) => words.extend(&buffer[..count]),
                // A descriptor comes with one byte that says what it is.
                (Some(tcp), Some(udp)) if buffer[0] == RESOLVER => resolver = Some(Resolver { udp: udp.into(), tcp: tcp.into() }),
                (Some(fd), _) => terminal = Some(fd),
            },
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

impl ChildEnds {
    /// Makes the standard streams those of the container, in a session of its own.
    fn connect(&self, spec: &ProcessSpec, console: bool) -> Result<(), StartError> {
        let _ = rustix::process::setsid();
        let done = if self.tty { self.terminal(spec, console) } else { self.pipes() };
        done.map_err(StartError::doing("connect the standard streams"))
    }

    fn pipes(&self) -> io::Result<()> {
        match &self.stdin {
            Some(pipe) => process::install(pipe.as_fd(), 0)?,
            None => process::install(std::fs::File::open("/dev/null")?.as_fd(), 0)?,
        }
        for (pipe, at) in [(&self.stdout, 1), (&self.stderr, 2)] {
            if let Some(pipe) = pipe {
                process::install(pipe.as_fd(), at)?;
            }
        }
        Ok(())
    }

    /// Opens a terminal in the container's own /dev/pts, so that its name means something there.
    fn terminal(&self, spec: &ProcessSpec, console: bool) -> io::Result<()> {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::unlockpt(&master)?;
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        let (rows, columns) = spec.size;
        if (rows, columns) != (0, 0) {
            rustix::termios::tcsetwinsize(&slave, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
        }
        if console {
            setup::console(slave.as_fd())?;
        }
        for at in 0..=2 {
            process::install(slave.as_fd(), at)?;
        }
        rustix::process::ioctl_tiocsctty(&slave)?;
        socket::send(&self.word, &[TERMINAL], &[master.as_fd()])?;
        Ok(())
    }

    fn run(&self, spec: &ProcessSpec) -> StartError {
        let own_streams = |who: &Identity| {
            // So that a user may open /dev/stdout; a stream that cannot change hands stays usable all the same.
            for fd in [std::io::stdin().as_fd(), std::io::stdout().as_fd(), std::io::stderr().as_fd()] {
                let _ = rustix::fs::fchown(fd, Some(Uid::from_raw(who.uid)), if self.tty { None } else { Some(Gid::from_raw(who.gid)) });
            }
        };
        child::run(spec, own_streams, || {
            let _ = self.word.shutdown(std::net::Shutdown::Both);
        })
    }
}
