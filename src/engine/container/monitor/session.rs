//! A monitor's one loop: the process's streams, its end, the engines that listen, the log.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use rustix::termios::Winsize;

use super::client::{Client, ENOUGH};
use super::log::Log;
use super::net::{Net, Token};
use super::start::{self, Started};
use crate::container::child::StartError;
use crate::container::disk;
use crate::container::frame::Kind;
use crate::container::spec::{Command, ContainerSpec, ExitRecord, LogSpec, NetSpec, ProcessSpec, Reply, Request, RunRecord};
use crate::network::Published;
use crate::sys::process::{self, Fork, Namespaces};
use crate::sys::{signal, socket};

/// As long as nobody takes anything of the last words, they are waited for; they stand in files, too.
const LAST_WORDS: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// What a monitor does next.
pub enum Next {
    End,
    Run(Box<Session>),
    /// This is a child now, for a process of its own.
    Exec(Box<ExecOrder>),
    Refused(Client, StartError),
}

/// A further process to be run in a container.
pub struct ExecOrder {
    spec: ProcessSpec,
    client: Client,
    init: OwnedFd,
    namespaces: Namespaces,
}

/// What only the monitor of a container has.
struct Home {
    dir: PathBuf,
    listener: UnixListener,
    log: Log,
}

pub struct Session {
    home: Option<Home>,
    pid: Pid,
    pidfd: OwnedFd,
    namespaces: Namespaces,
    sources: Vec<(OwnedFd, Kind)>,
    stdin: Option<OwnedFd>,
    stdin_once: bool,
    terminal: Option<OwnedFd>,
    _mounts: Option<OwnedFd>,
    /// Input that the process has not taken yet.
    pending: Vec<u8>,
    clients: Vec<Client>,
    helpers: Vec<(Pid, OwnedFd)>,
    net: Option<Net>,
    /// Its processes are in a namespace with no others.
    alone: bool,
    exited: Option<i32>,
}

/// What a descriptor in the poll set is.
#[derive(Clone, Copy)]
enum What {
    Process,
    Listener,
    Source(usize),
    Input,
    Client(usize),
    ClientInput(usize),
    Helper(usize),
    Net(Token),
}

impl Session {
    /// Makes a container and starts its process; `client` is the engine that asked for it, `hub` the namespace of its bridges,
    /// `porter` the way to ports that are the administrator's.
    pub fn start(spec: ContainerSpec, mut client: Client, hub: Option<OwnedFd>, porter: Option<OwnedFd>) -> Next {
        let home = match Home::open(&spec.dir, spec.log) {
            Ok(home) => home,
            Err(e) => return Next::Refused(client, StartError::doing("open the container's folder")(e)),
        };
        let mut net = match Net::open(spec.net.as_ref(), hub, porter) {
            Ok(net) => net,
            Err(e) => return Next::Refused(client, e),
        };
        match start::container(&spec, net.as_ref().map(Net::uplink)) {
            Err(e) => Next::Refused(client, e),
            Ok(mut started) => {
                let namespaces = Namespaces {
                    mount: true,
                    pid: spec.own_pid || spec.join.pid.is_some(),
                    net: spec.own_net || spec.join.net.is_some(),
                    ipc: spec.own_ipc || spec.join.ipc.is_some(),
                    uts: spec.own_uts,
                };
                let ports = net.as_ref().map(Net::published).unwrap_or_default();
                home.record_start(started.pid, spec.net.as_ref(), &ports);
                if let Some(net) = &mut net {
                    net.answer_names(started.resolver.take());
                }
                client.reply(&Reply::Started { pid: started.pid.as_raw_nonzero().get(), ports });
                let mut session = Session::new(Some(home), started, namespaces, spec.stdin_once, client);
                session.net = net;
                session.alone = spec.own_pid;
                Next::Run(Box::new(session))
            }
        }
    }

    /// Starts a further process.
    pub fn exec(order: ExecOrder) -> Next {
        let ExecOrder { spec, mut client, init, namespaces } = order;
        let _ = rustix::process::setsid();
        match start::exec(&spec, init.as_fd(), namespaces) {
            Err(e) => Next::Refused(client, e),
            Ok(started) => {
                client.reply(&Reply::Started { pid: started.pid.as_raw_nonzero().get(), ports: Vec::new() });
                Next::Run(Box::new(Session::new(None, started, namespaces, true, client)))
            }
        }
    }

    fn new(home: Option<Home>, started: Started, namespaces: Namespaces, stdin_once: bool, client: Client) -> Session {
        let Started { pid, pidfd, sources, stdin, terminal, mounts, resolver: _ } = started;
        Session {
            home,
            pid,
            pidfd,
            namespaces,
            sources,
            stdin,
            stdin_once,
            terminal,
            _mounts: mounts,
            pending: Vec::new(),
            clients: vec![client],
            helpers: Vec::new(),
            net: None,
            alone: false,
            exited: None,
        }
    }

    /// Runs until the process has ended and everything has been said about it.
    pub fn run(mut self) -> Next {
        loop {
            if self.exited.is_some() && self.sources.is_empty() {
                return self.close();
            }
            let ready = self.wait();
            for (what, flags) in ready {
                match what {
                    What::Process => self.reap(),
                    What::Source(i) => self.read_source(i),
                    What::Input => self.write_input(),
                    What::Helper(i) => {
                        if let Some((pid, _)) = self.helpers.get(i) {
                            let _ = waitpid(Some(*pid), WaitOptions::NOHANG);
                        }
                    }
                    What::Net(token) => {
                        if let Some(net) = &mut self.net {
                            net.ready(token, flags);
                        }
                    }
                    What::Listener => self.accept(),
                    What::ClientInput(i) => self.read_input(i),
                    What::Client(i) => {
                        if flags.contains(PollFlags::OUT)
                            && let Some(client) = self.clients.get_mut(i)
                        {
                            client.flush();
                        }
                        if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR)
                            && let Some(order) = self.hear(i)
                        {
                            return Next::Exec(order);
                        }
                    }
                }
            }
            self.helpers.retain(|(pid, _)| process::start_time(pid.as_raw_nonzero().get()).is_some());
            self.clients.retain(|c| !c.gone);
            if let Some(net) = &mut self.net {
                net.sweep();
            }
            // What was written before the end is in the pipes already.
            if self.exited.is_some() {
                self.drain();
            }
        }
    }

    fn full(&self) -> bool {
        self.clients.iter().any(|c| c.waiting() > ENOUGH)
    }

    /// Waits until something can be done, and says what.
    fn wait(&self) -> Vec<(What, PollFlags)> {
        let mut set: Vec<(What, PollFd<'_>)> = Vec::new();
        if self.exited.is_none() {
            set.push((What::Process, PollFd::new(&self.pidfd, PollFlags::IN)));
        }
        if let Some(home) = &self.home {
            set.push((What::Listener, PollFd::new(&home.listener, PollFlags::IN)));
        }
        if !self.full() {
            set.extend(self.sources.iter().enumerate().map(|(i, (fd, _))| (What::Source(i), PollFd::new(fd, PollFlags::IN))));
        }
        if let (Some(stdin), false) = (&self.stdin, self.pending.is_empty()) {
            set.push((What::Input, PollFd::new(stdin, PollFlags::OUT)));
        }
        for (i, client) in self.clients.iter().enumerate() {
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, client.waiting() > 0);
            set.push((What::Client(i), PollFd::new(&client.stream, flags)));
            if let (Some(stdin), true) = (&client.stdin, self.pending.is_empty()) {
                set.push((What::ClientInput(i), PollFd::new(stdin, PollFlags::IN)));
            }
        }
        set.extend(self.helpers.iter().enumerate().map(|(i, (_, fd))| (What::Helper(i), PollFd::new(fd, PollFlags::IN))));
        let mut limit = None;
        if let Some(net) = &self.net {
            net.watch(|token, fd| set.push((What::Net(token), fd)));
            limit = net.patience();
        }
        let (whats, mut fds): (Vec<_>, Vec<_>) = set.into_iter().unzip();
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) => whats.into_iter().zip(&fds).map(|(what, fd)| (what, fd.revents())).filter(|(_, flags)| !flags.is_empty()).collect(),
            // Disturbed: the next round will tell.
            Err(_) => Vec::new(),
        }
    }

    /// Takes the status of the process that has ended.
    fn reap(&mut self) {
        if let Ok(Some((_, status))) = waitpid(Some(self.pid), WaitOptions::NOHANG) {
            let code = status.exit_status().or_else(|| status.terminating_signal().map(|s| 128 + s)).unwrap_or(255);
            self.exited = Some(code);
            if let Some(net) = self.net.take() {
                net.close();
            }
            if let Some(home) = &self.home {
                home.record_exit(code);
            }
        }
    }

    fn read_source(&mut self, index: usize) {
        let Some((fd, kind)) = self.sources.get(index) else { return };
        let kind = *kind;
        let mut buffer = [0; 32 << 10];
        match rustix::io::read(fd, &mut buffer) {
            // A terminal whose last user is gone answers EIO.
            Ok(0) | Err(rustix::io::Errno::IO) => self.end_source(index),
            Ok(count) => self.output(kind, &buffer[..count]),
            Err(rustix::io::Errno::AGAIN) if self.exited.is_some() => self.end_source(index),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => self.end_source(index),
        }
    }

    /// Sources are few and their numbers are used in one round of the loop only, so the place is kept by order of removal.
    fn end_source(&mut self, index: usize) {
        self.sources.remove(index);
    }

    fn output(&mut self, kind: Kind, bytes: &[u8]) {
        if let Some(home) = &mut self.home {
            home.log.add(kind, bytes);
        }
        for client in self.clients.iter_mut().filter(|c| c.greeted) {
            client.output(kind, bytes);
        }
    }

    /// After the end: reads until nothing is left, unless an engine has too much to take already.
    fn drain(&mut self) {
        while !self.full() && !self.sources.is_empty() {
            self.read_source(0);
        }
    }

    fn write_input(&mut self) {
        let Some(stdin) = &self.stdin else { return self.pending.clear() };
        match rustix::io::write(stdin, &self.pending) {
            Ok(count) => drop(self.pending.drain(..count)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => {
                self.pending.clear();
                self.stdin = None;
            }
        }
    }

    fn read_input(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let Some(stdin) = &client.stdin else { return };
        let mut buffer = [0; 16 << 10];
        match rustix::io::read(stdin, &mut buffer) {
            Ok(0) | Err(rustix::io::Errno::CONNRESET) => {
                client.stdin = None;
                // A terminal stays open; a pipe ends with its writer, if the container was asked to see that.
                if self.stdin_once && self.terminal.is_none() {
                    self.stdin = None;
                }
            }
            Ok(count) => {
                self.pending.extend(&buffer[..count]);
                self.write_input();
            }
            Err(_) => {}
        }
    }

    fn accept(&mut self) {
        if let Some(home) = &self.home
            && let Ok((stream, _)) = home.listener.accept()
            && stream.set_nonblocking(true).is_ok()
        {
            self.clients.push(Client::new(stream));
        }
    }

    /// Does what a client asks. The answer is for a child that is to become the monitor of a further process.
    fn hear(&mut self, index: usize) -> Option<Box<ExecOrder>> {
        let client = self.clients.get_mut(index)?;
        if !client.read().unwrap_or(false) {
            client.gone = true;
            return None;
        }
        if !client.greeted {
            match client.next_request() {
                Ok(Some((Request::Attach, mut passed))) => {
                    client.stdin = passed.pop();
                    let ports = self.net.as_ref().map(Net::published).unwrap_or_default();
                    client.reply(&Reply::Started { pid: self.pid.as_raw_nonzero().get(), ports });
                }
                Ok(Some((Request::Exec(spec), mut passed))) => return self.fork_exec(index, *spec, passed.pop()),
                Ok(None) => return None,
                Ok(Some((Request::Start(_), _))) | Err(_) => {
                    client.gone = true;
                    return None;
                }
            }
        }
        while let Some(client) = self.clients.get_mut(index) {
            match client.next_command() {
                Ok(Some(command)) => self.obey(index, command),
                Ok(None) => break,
                Err(_) => {
                    client.gone = true;
                    break;
                }
            }
        }
        None
    }

    fn fork_exec(&mut self, index: usize, spec: ProcessSpec, stdin: Option<OwnedFd>) -> Option<Box<ExecOrder>> {
        // The others keep their places until the round is over.
        let mut client = self.clients.get_mut(index)?.hand_over().ok()?;
        client.stdin = stdin;
        let init = self.pidfd.try_clone();
        match (process::fork(), init) {
            (Ok(Fork::Child), Ok(init)) => Some(Box::new(ExecOrder { spec, client, init, namespaces: self.namespaces })),
            (Ok(Fork::Child), Err(_)) => process::exit_now(1),
            (Ok(Fork::Parent(pid)), _) => {
                if let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) {
                    self.helpers.push((pid, fd));
                }
                None
            }
            (Err(e), _) => {
                let error = StartError::doing("fork")(e);
                client.reply(&Reply::Failed { message: error.message, code: error.code });
                client.flush_all();
                None
            }
        }
    }

    fn obey(&mut self, index: usize, command: Command) {
        let pid = self.pid.as_raw_nonzero().get();
        match command {
            Command::Signal(number) => {
                if self.exited.is_none() {
                    let _ = signal::send(pid, number);
                }
            }
            Command::Resize { rows, columns } => {
                if let Some(terminal) = &self.terminal {
                    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
                    let _ = rustix::termios::tcsetwinsize(terminal, size);
                }
            }
            Command::Pause | Command::Resume => {
                let number = if matches!(command, Command::Pause) { libc::SIGSTOP } else { libc::SIGCONT };
                let done = self.signal_all(number).map_err(|e| e.to_string());
                self.reply_done(index, done);
            }
            Command::Connect(change) => {
                let done = self.change_networks(|net, init| net.connect(*change, pid, init));
                self.reply_done(index, done);
            }
            Command::Disconnect { interface, change } => {
                let done = self.change_networks(|net, init| net.disconnect(&interface, *change, init));
                self.reply_done(index, done);
            }
        }
    }

    fn reply_done(&mut self, index: usize, done: Result<(), String>) {
        if let Some(client) = self.clients.get_mut(index) {
            client.reply(&Reply::Done(done));
        }
    }

    fn change_networks(&mut self, change: impl FnOnce(&mut Net, BorrowedFd<'_>) -> io::Result<()>) -> Result<(), String> {
        let net = self.net.as_mut().ok_or("the container was started without a network")?;
        change(net, self.pidfd.as_fd()).map_err(|e| e.to_string())
    }

    /// Signals every process of the container.
    fn signal_all(&self, number: i32) -> io::Result<()> {
        signal::send(self.pid.as_raw_nonzero().get(), number)?;
        if !self.alone {
            return Ok(());
        }
        // "Every process" is a word of the container's own pid namespace, so a child is born there to say it.
        use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
        match process::fork()? {
            Fork::Child => {
                let joined = move_into_thread_name_spaces(self.pidfd.as_fd(), ThreadNameSpaceType::PROCESS_ID);
                if joined.is_ok()
                    && let Ok(side) = process::fork()
                {
                    match side {
                        Fork::Child => {
                            let _ = signal::send_to_all(number);
                        }
                        Fork::Parent(child) => {
                            let _ = waitpid(Some(child), WaitOptions::empty());
                        }
                    }
                }
                process::exit_now(0)
            }
            Fork::Parent(child) => {
                let _ = waitpid(Some(child), WaitOptions::empty());
                Ok(())
            }
        }
    }

    /// Says the last words.
    fn close(mut self) -> Next {
        let code = self.exited.unwrap_or(255);
        if let Some(home) = &mut self.home {
            home.log.finish();
        }
        for client in self.clients.iter_mut().filter(|c| c.greeted) {
            client.reply(&Reply::Exited { code });
        }
        // All clients at once: one that does not listen keeps no other waiting.
        self.clients.retain(|c| c.greeted && !c.gone && c.waiting() > 0);
        while !self.clients.is_empty() {
            let mut fds: Vec<_> = self.clients.iter().map(|c| PollFd::new(&c.stream, PollFlags::OUT)).collect();
            match poll(&mut fds, Some(&LAST_WORDS)) {
                Ok(0) => break,
                Err(e) if e != rustix::io::Errno::INTR => break,
                _ => {}
            }
            self.clients.iter_mut().for_each(Client::flush);
            self.clients.retain(|c| !c.gone && c.waiting() > 0);
        }
        if let Some(home) = &self.home {
            let _ = std::fs::remove_file(home.dir.join(super::SOCKET));
        }
        Next::End
    }
}

impl Home {
    fn open(dir: &Path, log: LogSpec) -> io::Result<Home> {
        let listener = match socket::listen(dir, super::SOCKET) {
            // Of a monitor that was killed.
            Err(e) if e.kind() == ErrorKind::AddrInUse => {
                std::fs::remove_file(dir.join(super::SOCKET))?;
                socket::listen(dir, super::SOCKET)?
            }
            other => other?,
        };
        listener.set_nonblocking(true)?;
        Ok(Home { dir: dir.to_owned(), listener, log: Log::open(dir, log)? })
    }

    fn record_start(&self, init: Pid, net: Option<&NetSpec>, ports: &[Published]) {
        let me = rustix::process::getpid().as_raw_nonzero().get();
        let init = init.as_raw_nonzero().get();
        let at = jiff::Timestamp::now();
        let stamp = |pid| (pid, process::start_time(pid).unwrap_or(0));
        let networks = net.map(|n| n.networks.clone()).unwrap_or_default();
        let record = RunRecord { monitor: stamp(me), init: stamp(init), at, networks, ports: ports.to_vec() };
        let _ = disk::write_json(&self.dir.join(disk::RUN), &record);
    }

    fn record_exit(&self, code: i32) {
        let _ = disk::write_json(&self.dir.join(disk::EXIT), &ExitRecord { code, at: jiff::Timestamp::now() });
    }
}
