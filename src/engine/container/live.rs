//! The engine's end of a monitor's connection: commands go out, output and news come in.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command as Program, Stdio};
use std::sync::{OnceLock, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};

use super::fanout::Fanout;
use super::frame::{self, HEADER, Kind};
use super::monitor;
use super::spec::{Command, Reply, Request};
use crate::sys::{mount, socket};

/// A running process: what can be said to it.
pub(super) struct Live {
    commands: Mutex<OwnedWriteHalf>,
    stdin: Mutex<Option<UnixStream>>,
    /// Answers to pause and resume.
    answers: Mutex<mpsc::UnboundedReceiver<Result<(), String>>>,
}

/// What can be heard from it.
pub(super) struct News {
    stream: OwnedReadHalf,
    answers: mpsc::UnboundedSender<Result<(), String>>,
    monitor: Option<Child>,
}

/// Takes a fresh monitor and tells it what to run; `net` are the descriptors that a container with networks needs.
pub(super) fn spawn(request: &Request, stdin: bool, net: &[BorrowedFd<'_>]) -> io::Result<(Live, News)> {
    let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let first = spare.map(|(connection, child)| (open(connection, request, stdin, net), child));
    // A spare one may have been killed while it waited.
    let (opened, child) = match first {
        Some((Ok(opened), child)) => (opened, child),
        _ => {
            let (connection, child) = fresh()?;
            (open(connection, request, stdin, net)?, child)
        }
    };
    let (live, mut news) = opened;
    news.monitor = Some(child);
    Ok((live, news))
}

/// A monitor that waits for its first request: starting the binary takes longer than making a container.
static SPARE: std::sync::Mutex<Option<(StdStream, Child)>> = std::sync::Mutex::new(None);

/// Sees to it that there is a spare monitor. It ends by itself with the engine, whose end closes its connection.
pub(super) fn keep_spare() {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    if spare.is_none() {
        *spare = fresh().ok();
    }
}

fn fresh() -> io::Result<(StdStream, Child)> {
    let (ours, theirs) = StdStream::pair()?;
    let child = Program::new(program())
        .arg0(monitor::NAME)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((ours, child))
}

/// Connects to the monitor of a running container.
pub(super) fn connect(dir: &Path, request: &Request, stdin: bool) -> io::Result<(Live, News)> {
    open(socket::connect(dir, monitor::SOCKET)?, request, stdin, &[])
}

/// The binary, seen through a read-only mount: what runs inside a container for a moment can be reached from there as /proc/PID/exe and
/// must not be writable, even for an ordinary user whose own file it is.
fn program() -> std::path::PathBuf {
    static SEALED: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let sealed = SEALED.get_or_init(|| {
        let copy = mount::copy_of(&std::env::current_exe().ok()?, false).ok()?;
        mount::set_attributes(copy.as_fd(), mount::Attr::MOUNT_ATTR_RDONLY, false).ok()?;
        Some(copy)
    });
    match sealed {
        Some(fd) => mount::path_of(fd.as_fd()),
        None => "/proc/self/exe".into(),
    }
}

fn open(connection: StdStream, request: &Request, stdin: bool, net: &[BorrowedFd<'_>]) -> io::Result<(Live, News)> {
    let message = frame::json(Kind::Request, request)?;
    let input = if stdin {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        Some((UnixStream::from_std(ours)?, theirs))
    } else {
        None
    };
    let mut passed: Vec<_> = input.iter().map(|(_, theirs)| theirs.as_fd()).chain(net.iter().copied()).collect();
    let mut rest = &message[..];
    while !rest.is_empty() {
        let count = socket::send(&connection, rest, &std::mem::take(&mut passed))?;
        rest = &rest[count..];
    }
    connection.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(connection)?.into_split();
    let (sender, answers) = mpsc::unbounded_channel();
    let live = Live { commands: Mutex::new(write), stdin: Mutex::new(input.map(|(ours, _)| ours)), answers: Mutex::new(answers) };
    Ok((live, News { stream: read, answers: sender, monitor: None }))
}

impl Live {
    pub async fn command(&self, command: Command) -> io::Result<()> {
        let bytes = frame::json(Kind::Command, &command)?;
        self.commands.lock().await.write_all(&bytes).await
    }

    /// Commands and waits for the answer.
    pub async fn ask(&self, command: Command) -> io::Result<Result<(), String>> {
        let mut answers = self.answers.lock().await;
        self.command(command).await?;
        answers.recv().await.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Writes to standard input; errors mean that nobody reads it any more.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self.stdin.lock().await.as_mut() {
            Some(stdin) => stdin.write_all(bytes).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Ends standard input.
    pub async fn close_stdin(&self) {
        *self.stdin.lock().await = None;
    }
}

impl News {
    /// The next thing that the monitor says, output apart: that goes to `fanout`. `None` when the monitor is gone.
    pub async fn next(&mut self, fanout: &Fanout, mut heard: impl FnMut()) -> Option<Reply> {
        loop {
            let mut header = [0; HEADER];
            self.stream.read_exact(&mut header).await.ok()?;
            let (kind, length) = frame::parse_header(header).ok()?;
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.ok()?;
            match kind {
                Kind::Stdout | Kind::Stderr => {
                    heard();
                    fanout.send(kind, Bytes::from(body)).await;
                }
                Kind::Reply => match frame::from_json(&body).ok()? {
                    Reply::Done(answer) => drop(self.answers.send(answer)),
                    reply => return Some(reply),
                },
                Kind::Request | Kind::Command => return None,
            }
        }
    }

    /// Lets the monitor's process go, once it has nothing more to say.
    pub fn finish(mut self) {
        if let Some(mut child) = self.monitor.take() {
            tokio::task::spawn_blocking(move || child.wait());
        }
    }
}
