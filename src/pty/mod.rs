//! Pseudo-terminals: spawning a program as the leader of a session of its own, reading its bytes as they come, resizing, ending
//! everything that it started. Never interprets what it reads and never prints.

mod procfs;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, Signal, WaitStatus};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, Termios, Winsize};

/// Why a terminal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    #[error("failed to start {program} on a pseudo-terminal: {reason}")]
    Spawn { program: String, reason: String },
    #[error("failed to use the pseudo-terminal: {0}")]
    Io(#[from] io::Error),
}

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Size { columns: 80, rows: 24 }
    }
}

/// What one attempt to read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes are in the buffer.
    Bytes(usize),
    /// Nothing came within the time given.
    Quiet,
    /// No process holds the terminal any more.
    Closed,
}

/// How the session's leader ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// A program on a pseudo-terminal. Dropping it ends the program and everything that it started.
pub struct Pty {
    process: PtyProcess,
    master: File,
    leader: i32,
    tag: String,
    exit: Option<Exit>,
}

/// Environment variable that marks every process of a session, so that those which left it can be found and ended.
const TAG: &str = "DOCKSIDE_SESSION";

impl Pty {
    /// Starts `command` with a terminal of `size` as its standard streams and no other file descriptor. The environment is the command's.
    /// `tag` must be unique on the machine: it marks the processes of this session.
    pub fn spawn(mut command: Command, size: Size, tag: &str) -> Result<Pty, PtyError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |reason: String| PtyError::Spawn { program: program.clone(), reason };
        command.env(TAG, tag);
        let (mut pid_reader, pid_writer) = pipe()?;
        let writer = pid_writer.as_raw_fd();
        // SAFETY: the closure runs between fork and exec and makes only async-signal-safe system calls on memory of its own.
        unsafe {
            command.pre_exec(move || {
                let pid = libc::getpid().to_ne_bytes();
                if libc::write(writer, pid.as_ptr().cast(), pid.len()) != pid.len() as isize {
                    return Err(io::Error::last_os_error());
                }
                // Masters of other sessions and sockets of ours must not live on in a student's shell.
                libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let ours = std::process::id();
        let process = PtyProcess::new(command);
        if std::process::id() != ours {
            // rexpect returns in the child as well when exec fails there.
            // SAFETY: _exit takes no memory and never returns; nothing of this copy of the process may run on.
            unsafe { libc::_exit(127) };
        }
        let mut process = process.map_err(|e| failed(e.to_string()))?;
        drop(pid_writer);
        let mut pid = [0; 4];
        if pid_reader.read_exact(&mut pid).is_err() {
            let _ = process.signal(Signal::SIGKILL);
            let _ = process.wait();
            return Err(failed("the program ended before it ran".into()));
        }
        process.set_kill_timeout(Some(100));
        let master = process.get_file_handle().map_err(|e| failed(e.to_string()))?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).map_err(io::Error::from)?;
        let pty = Pty { process, master, leader: i32::from_ne_bytes(pid), tag: tag.to_owned(), exit: None };
        pty.resize(size)?;
        Ok(pty)
    }

    /// Sets the size of the window; the program gets SIGWINCH.
    pub fn resize(&self, size: Size) -> Result<(), PtyError> {
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.master, size).map_err(io::Error::from)?;
        Ok(())
    }

    /// Reads what is there, waiting at most `wait` for the first byte.
    pub fn read(&mut self, buffer: &mut [u8], wait: Duration) -> Result<Got, PtyError> {
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut fds = [PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Ok(Got::Quiet),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Got::Quiet),
            Err(e) => return Err(io::Error::from(e).into()),
        }
        match self.master.read(buffer) {
            Ok(0) => Ok(Got::Closed),
            Ok(n) => Ok(Got::Bytes(n)),
            // Linux says EIO when the last process has closed the other side.
            Err(e) if e.raw_os_error() == Some(libc::EIO) => Ok(Got::Closed),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Got::Quiet),
            Err(e) => Err(e.into()),
        }
    }

    /// Types `bytes`. Gives up after two seconds without progress: a program that does not read must not stop us.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PtyError> {
        let mut rest = bytes;
        let timeout = Timespec { tv_sec: 2, tv_nsec: 0 };
        while !rest.is_empty() {
            let mut fds = [PollFd::from_borrowed_fd(self.master.as_fd(), PollFlags::OUT)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the program does not read its terminal").into()),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(e) => return Err(io::Error::from(e).into()),
            }
            // Small pieces: the line discipline takes at most 4 KiB a time, and a larger write would block.
            let n = self.master.write(&rest[..rest.len().min(1024)])?;
            rest = &rest[n..];
        }
        Ok(())
    }

    /// The process group that the terminal's keys speak to.
    pub fn foreground(&self) -> Option<i32> {
        rustix::termios::tcgetpgrp(&self.master).ok().map(|pid| pid.as_raw_nonzero().get())
    }

    /// The session's leader: the program that was spawned.
    pub fn leader(&self) -> i32 {
        self.leader
    }

    /// Whether the program reads key by key (an editor, or a client attached to a container), not line by line.
    pub fn is_raw(&self) -> bool {
        rustix::termios::tcgetattr(&self.master).is_ok_and(|t| !t.local_modes.contains(LocalModes::ICANON))
    }

    /// How the terminal is set: whether it echoes, which keys mean what.
    pub fn settings(&self) -> Result<Termios, PtyError> {
        Ok(rustix::termios::tcgetattr(&self.master).map_err(io::Error::from)?)
    }

    /// Whether the program in the foreground waits for what is typed, as far as can be told.
    pub fn awaits_input(&self) -> bool {
        self.is_raw() || self.foreground().and_then(procfs::reads_input).unwrap_or(true)
    }

    /// How the leader ended, waiting for at most `wait`; none while it lives.
    pub fn exit(&mut self, wait: Duration) -> Option<Exit> {
        let until = Instant::now() + wait;
        loop {
            if self.exit.is_some() {
                return self.exit;
            }
            self.exit = match self.process.status() {
                Some(WaitStatus::Exited(_, code)) => Some(Exit::Code(code)),
                Some(WaitStatus::Signaled(_, signal, _)) => Some(Exit::Signal(signal as i32)),
                None => Some(Exit::Code(-1)),
                Some(_) => None,
            };
            if self.exit.is_none() {
                if Instant::now() >= until {
                    return None;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// Kills the process group in the foreground unless that is the leader's own. Says whether there was one.
    pub fn kill_foreground(&mut self) -> bool {
        match self.foreground() {
            Some(group) if group != self.leader => {
                if let Some(pid) = rustix::process::Pid::from_raw(group) {
                    let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
                }
                true
            }
            _ => false,
        }
    }

    /// Ends the leader and every process that it started, those which left the session included.
    pub fn kill_all(&mut self) {
        if self.exit.is_none() {
            let _ = self.process.signal(Signal::SIGKILL);
            self.exit(Duration::from_secs(5));
        }
        // Twice: a process may fork while the list is read.
        for _ in 0..2 {
            for pid in procfs::of_session(self.leader, &format!("{TAG}={}", self.tag)) {
                if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.kill_all();
    }
}

fn pipe() -> Result<(File, OwnedFd), PtyError> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(io::Error::from)?;
    Ok((File::from(reader), writer))
}
