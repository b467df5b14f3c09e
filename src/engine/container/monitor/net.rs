//! What a monitor does for its container's networks: holds its published ports, answers its questions for names, changes its interfaces.
//!
//! The listeners of published ports are opened in the machine's network namespace; then the monitor moves into the engine's, from where
//! it reaches the container. So ports and names live exactly as long as the container, whatever becomes of the engine.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use super::proxy::{self, Proxy};
use super::resolver;
use crate::container::child::StartError;
use crate::container::interfaces::{self, Resolver, Uplink};
use crate::container::spec::{Change, NetSpec, ResolverSpec};
use crate::network::Published;
use crate::sys::netlink::{self, Batch};
use crate::sys::process::{self, Fork};
use crate::sys::{netns, socket};

/// What a descriptor is for.
#[derive(Clone, Copy, Debug)]
pub enum Token {
    Proxy(proxy::Token),
    Names(resolver::Token),
}

/// A container's networks as its monitor has them.
pub struct Net {
    uplink: Uplink,
    /// The outer ends of the container's interfaces.
    outsides: Vec<String>,
    proxy: Proxy,
    names: Option<resolver::Server>,
    questions: Option<ResolverSpec>,
}

impl Net {
    /// Opens the published ports and moves the process into the engine's network namespace; nothing for a container without networks.
    pub fn open(spec: Option<&NetSpec>, hub: Option<OwnedFd>, porter: Option<OwnedFd>) -> Result<Option<Net>, StartError> {
        let (Some(spec), Some(hub)) = (spec, hub) else { return Ok(None) };
        let mut proxy = Proxy::listen(&spec.ports, spec.target, porter.as_ref().map(AsFd::as_fd)).map_err(StartError::new)?;
        netns::enter(hub.as_fd()).map_err(StartError::doing("enter the engine's networks"))?;
        proxy.listen_inside();
        let found = Uplink::open().and_then(|mut uplink| {
            spec.interfaces.iter().try_for_each(|interface| uplink.learn(interface))?;
            Ok(uplink)
        });
        let uplink = found.map_err(StartError::doing("find the network's bridge"))?;
        let outsides = spec.interfaces.iter().map(|interface| interface.outside.clone()).collect();
        Ok(Some(Net { uplink, outsides, proxy, names: None, questions: spec.resolver.clone() }))
    }

    pub fn uplink(&self) -> &Uplink {
        &self.uplink
    }

    /// The ports that are published, with their numbers.
    pub fn published(&self) -> Vec<Published> {
        self.proxy.published()
    }

    /// Answers at these sockets from now on.
    pub fn answer_names(&mut self, sockets: Option<Resolver>) {
        if let (Some(sockets), Some(spec)) = (sockets, self.questions.take()) {
            self.names = Some(resolver::Server::new(sockets, spec));
        }
    }

    /// Says what has to be watched.
    pub fn watch<'a>(&'a self, mut add: impl FnMut(Token, PollFd<'a>)) {
        self.proxy.watch(|token, fd| add(Token::Proxy(token), fd));
        if let Some(names) = &self.names {
            names.watch(|token, fd| add(Token::Names(token), fd));
        }
    }

    /// As long as the monitor may wait for news.
    pub fn patience(&self) -> Option<Timespec> {
        self.proxy.patience()
    }

    /// Does what can be done at a descriptor.
    pub fn ready(&mut self, token: Token, flags: PollFlags) {
        match (token, &mut self.names) {
            (Token::Proxy(token), _) => self.proxy.ready(token, flags),
            (Token::Names(token), Some(names)) => names.ready(token),
            (Token::Names(_), None) => {}
        }
    }

    /// Lets go what has ended. Descriptors keep their places between two calls.
    pub fn sweep(&mut self) {
        self.proxy.sweep();
        if let Some(names) = &mut self.names {
            names.sweep();
        }
    }

    /// Adds an interface to the container, whose first process is `process`.
    pub fn connect(&mut self, change: Change, process: i32, init: BorrowedFd<'_>) -> io::Result<()> {
        if let Some(interface) = &change.new {
            self.uplink.learn(interface)?;
            self.uplink.plug(interface, process.cast_unsigned())?;
        }
        let done = self.settle(&change, init);
        match (&done, change.new) {
            (Ok(()), Some(interface)) => self.outsides.push(interface.outside),
            (Err(_), Some(interface)) => drop(self.uplink.unplug(&interface.outside)),
            (_, None) => {}
        }
        done
    }

    /// Takes away the container's interface with this outer end.
    pub fn disconnect(&mut self, outside: &str, change: Change, init: BorrowedFd<'_>) -> io::Result<()> {
        self.uplink.unplug(outside)?;
        self.outsides.retain(|other| other != outside);
        self.settle(&change, init)
    }

    /// The container has ended: carries on what it has said last, and gives its ports and addresses back.
    ///
    /// The kernel takes its time to throw a network namespace away, and until then it answers, with a refusal, at an address that the
    /// next container has already. So the interfaces are switched off before anybody hears of the end.
    pub fn close(mut self) {
        self.proxy.finish();
        self.uplink.switch_off(&self.outsides);
    }

    /// Makes the container's inside, the ports and the names fit the change.
    fn settle(&mut self, change: &Change, init: BorrowedFd<'_>) -> io::Result<()> {
        let listen = change.resolver.is_some() && self.names.is_none();
        let sockets = inside(init, listen, || {
            let mut batch = Batch::default();
            if let Some(interface) = &change.new {
                interfaces::address(&mut batch, interface)?;
            }
            if let Some((name, gateway)) = &change.gateway {
                batch.default_route(netlink::index_of(name)?, (*gateway).into());
            }
            if let Some((name, gateway)) = &change.gateway6 {
                batch.default_route(netlink::index_of(name)?, (*gateway).into());
            }
            netlink::Socket::open()?.run(&batch)
        })?;
        match (&mut self.names, &change.resolver) {
            (Some(names), spec) => names.set(spec.clone().unwrap_or_default()),
            (None, spec) => {
                self.questions.clone_from(spec);
                self.answer_names(sockets);
            }
        }
        self.proxy.lead_to(change.target);
        Ok(())
    }
}

/// Runs `work` in the container's network, in a child: this process would not find its way back. Opens the resolver's sockets there if
/// they are wanted.
fn inside(init: BorrowedFd<'_>, listen: bool, work: impl FnOnce() -> io::Result<()>) -> io::Result<Option<Resolver>> {
    let (ours, theirs) = UnixStream::pair()?;
    match process::fork()? {
        Fork::Child => {
            let done = move_into_thread_name_spaces(init, ThreadNameSpaceType::NETWORK).map_err(io::Error::from).and_then(|()| work());
            let sockets = done.and_then(|()| if listen { interfaces::resolver().map(Some) } else { Ok(None) });
            let _ = match &sockets {
                Ok(Some(sockets)) => socket::send(&theirs, &0_i32.to_ne_bytes(), &[sockets.udp.as_fd(), sockets.tcp.as_fd()]),
                Ok(None) => socket::send(&theirs, &0_i32.to_ne_bytes(), &[]),
                Err(e) => socket::send(&theirs, &e.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes(), &[]),
            };
            process::exit_now(0)
        }
        Fork::Parent(child) => {
            drop(theirs);
            let mut answer = [0; 4];
            let heard = socket::receive(&ours, &mut answer);
            let _ = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
            let (count, mut fds) = heard?;
            match i32::from_ne_bytes(answer) {
                _ if count != 4 => Err(io::ErrorKind::UnexpectedEof.into()),
                0 => Ok(fds.pop().zip(fds.pop()).map(|(tcp, udp)| Resolver { udp: udp.into(), tcp: tcp.into() })),
                number => Err(io::Error::from_raw_os_error(number)),
            }
        }
    }
}
