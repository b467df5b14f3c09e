//! Published ports: what comes to a port of the machine is carried to the container, and back.
//!
//! All in the monitor's one thread, with at most [`MOST`] connections at a time; more wait to be accepted. A side that does not read
//! stops the other. Never listens where it was not told to.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, connect, listen, shutdown, socket_with, sockopt};

use crate::container::spec::PortSpec;
use crate::network::{Protocol, Published, porter};

/// As many connections are carried at a time.
pub const MOST: usize = 400;
/// As much waits on the way in each direction.
const BUFFER: usize = 64 << 10;
/// A conversation by UDP is over when nothing has been said for so long.
const SILENCE: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug)]
pub enum Token {
    Listener(usize),
    Outer(usize),
    Inner(usize),
    Reply(usize),
}

/// The published ports of one container and what goes on at them.
pub struct Proxy {
    target: Option<Ipv4Addr>,
    doors: Vec<Door>,
    flows: Vec<Flow>,
    talks: Vec<Talk>,
}

/// A port that somebody may come to.
struct Door {
    published: Published,
    /// In the engine's namespace, for containers that go by the gateway: nobody else needs to know.
    inside: bool,
    listener: Listener,
}

enum Listener {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// A connection that is carried.
struct Flow {
    outer: OwnedFd,
    inner: OwnedFd,
    connecting: bool,
    inward: Pipe,
    outward: Pipe,
    gone: bool,
}

/// A conversation by UDP.
struct Talk {
    door: usize,
    client: SocketAddr,
    inner: UdpSocket,
    last: Instant,
}

impl Proxy {
    /// Opens the ports in the network namespace of the calling process, those that it may not with the help of the porter. The error is
    /// in Docker's words.
    pub fn listen(specs: &[PortSpec], target: Option<Ipv4Addr>, porter: Option<BorrowedFd<'_>>) -> Result<Proxy, String> {
        let mut doors = Vec::new();
        for spec in specs {
            doors.extend(open(spec, porter)?);
        }
        Ok(Proxy { target, doors, flows: Vec::new(), talks: Vec::new() })
    }

    /// Opens the ports that are published everywhere also here, where containers reach them at their gateway.
    pub fn listen_inside(&mut self) {
        let everywhere: Vec<Published> = self.doors.iter().map(|d| d.published).filter(|p| p.host == Ipv4Addr::UNSPECIFIED).collect();
        for published in everywhere {
            // A second container's port of the same number cannot be: the machine would have refused it.
            if let Ok(listener) = open_one(published.protocol, published.host, published.port, None) {
                self.doors.push(Door { published, inside: true, listener });
            }
        }
    }

    pub fn published(&self) -> Vec<Published> {
        self.doors.iter().filter(|d| !d.inside).map(|d| d.published).collect()
    }

    /// Carries new connections to another address of the container; to none when it has none left.
    pub fn lead_to(&mut self, target: Option<Ipv4Addr>) {
        self.target = target;
    }

    pub fn watch<'a>(&'a self, mut add: impl FnMut(Token, PollFd<'a>)) {
        for (i, door) in self.doors.iter().enumerate() {
            match &door.listener {
                Listener::Tcp(listener) if self.flows.len() < MOST => add(Token::Listener(i), PollFd::new(listener, PollFlags::IN)),
                Listener::Tcp(_) => {}
                Listener::Udp(socket) => add(Token::Listener(i), PollFd::new(socket, PollFlags::IN)),
            }
        }
        for (i, flow) in self.flows.iter().enumerate() {
            let [outer, inner] = flow.wishes();
            // Without a wish even a broken connection is not looked at: it would only wake us again and again.
            if !outer.is_empty() {
                add(Token::Outer(i), PollFd::new(&flow.outer, outer));
            }
            if !inner.is_empty() {
                add(Token::Inner(i), PollFd::new(&flow.inner, inner));
            }
        }
        for (i, talk) in self.talks.iter().enumerate() {
            add(Token::Reply(i), PollFd::new(&talk.inner, PollFlags::IN));
        }
    }

    /// Conversations have to be looked after even if nobody speaks.
    pub fn patience(&self) -> Option<Timespec> {
        (!self.talks.is_empty()).then_some(Timespec { tv_sec: 10, tv_nsec: 0 })
    }

    pub fn ready(&mut self, token: Token, _flags: PollFlags) {
        match token {
            Token::Listener(i) => self.receive(i),
            Token::Outer(i) | Token::Inner(i) => {
                if let Some(flow) = self.flows.get_mut(i) {
                    flow.gone = flow.carry().is_err();
                }
            }
            Token::Reply(i) => self.reply(i),
        }
    }

    pub fn sweep(&mut self) {
        self.flows.retain(|f| !f.gone && !f.is_over());
        self.talks.retain(|t| t.last.elapsed() < SILENCE);
    }

    /// Carries outwards what the container has said before its end, as far as it is taken at once.
    pub fn finish(&mut self) {
        for flow in &mut self.flows {
            while !flow.connecting && !flow.outward.closed && flow.outward.carry(&flow.inner, &flow.outer).unwrap_or(false) {}
        }
    }

    fn receive(&mut self, index: usize) {
        let Some(door) = self.doors.get(index) else { return };
        let to = self.target.map(|address| SocketAddr::from((address, door.published.container)));
        match &door.listener {
            Listener::Tcp(listener) => {
                let Ok((outer, _)) = listener.accept() else { return };
                let flow = to.ok_or(ErrorKind::HostUnreachable.into()).and_then(|to| Flow::start(outer, to));
                // What cannot be carried is hung up on.
                self.flows.extend(flow);
            }
            Listener::Udp(socket) => {
                let mut datagram = [0; 64 << 10];
                let (Ok((length, client)), Some(to)) = (socket.recv_from(&mut datagram), to) else { return };
                let known = self.talks.iter_mut().position(|t| t.door == index && t.client == client);
                let talk = match known {
                    Some(at) => self.talks.get_mut(at),
                    None => {
                        if self.talks.len() >= MOST {
                            // The one that has been silent longest makes room.
                            let oldest = (0..self.talks.len()).min_by_key(|i| self.talks[*i].last);
                            oldest.map(|i| self.talks.remove(i));
                        }
                        self.talks.extend(Talk::start(index, client, to));
                        self.talks.last_mut()
                    }
                };
                if let Some(talk) = talk.filter(|t| t.client == client) {
                    talk.last = Instant::now();
                    let _ = talk.inner.send(&datagram[..length]);
                }
            }
        }
    }

    fn reply(&mut self, index: usize) {
        let Some(talk) = self.talks.get_mut(index) else { return };
        let mut datagram = [0; 64 << 10];
        // An error says that nobody listens in the container: the client is told nothing, as nobody told it.
        let Ok(length) = talk.inner.recv(&mut datagram) else { return };
        talk.last = Instant::now();
        if let Some(Door { listener: Listener::Udp(socket), .. }) = self.doors.get(talk.door) {
            let _ = socket.send_to(&datagram[..length], talk.client);
        }
    }
}

/// Opens one port at all its addresses: the first number of its range at which that works.
fn open(spec: &PortSpec, porter: Option<BorrowedFd<'_>>) -> Result<Vec<Door>, String> {
    let PortSpec { container, protocol, first, last, .. } = *spec;
    let mut failure = String::from("no port is given");
    for port in first..=last {
        let mut doors = Vec::new();
        let mut failed = false;
        for host in &spec.hosts {
            match open_one(protocol, *host, port, porter) {
                Ok(listener) => {
                    doors.push(Door { published: Published { container, protocol, host: *host, port }, inside: false, listener })
                }
                // Without IPv6 nobody misses it where all addresses were meant.
                Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) if spec.hosts.len() > 1 && host.is_ipv6() => {}
                Err(e) => {
                    let (family, at) = (if host.is_ipv6() { 6 } else { 4 }, SocketAddr::new(*host, port));
                    let text = crate::units::c_words(&e.into()).to_lowercase();
                    failure = format!("Error starting userland proxy: listen {}{family} {at}: bind: {text}", protocol.as_str());
                    if e == Errno::ACCESS && port < 1024 {
                        failure.push_str(&format!(
                            "; ports below net.ipv4.ip_unprivileged_port_start are the administrator's: publish a higher one, such as {}",
                            port + 8000
                        ));
                    }
                    failed = true;
                    break;
                }
            }
        }
        if !failed {
            return Ok(doors);
        }
    }
    Err(failure)
}

fn open_one(protocol: Protocol, host: IpAddr, port: u16, porter: Option<BorrowedFd<'_>>) -> Result<Listener, Errno> {
    let socket = match (porter::open(protocol, host, port), porter) {
        (Err(Errno::ACCESS), Some(porter)) => {
            porter::ask(porter, protocol, host, port).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::ACCESS))?
        }
        (opened, _) => opened?,
    };
    Ok(match protocol {
        Protocol::Tcp => {
            listen(&socket, 128)?;
            Listener::Tcp(socket.into())
        }
        Protocol::Udp => Listener::Udp(socket.into()),
    })
}

impl Talk {
    fn start(door: usize, client: SocketAddr, to: SocketAddr) -> io::Result<Talk> {
        let inner = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        inner.set_nonblocking(true)?;
        inner.connect(to)?;
        Ok(Talk { door, client, inner, last: Instant::now() })
    }
}

impl Flow {
    fn start(outer: TcpStream, to: SocketAddr) -> io::Result<Flow> {
        outer.set_nonblocking(true)?;
        let _ = outer.set_nodelay(true);
        let inner = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
        let _ = sockopt::set_tcp_nodelay(&inner, true);
        match connect(&inner, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(Flow { outer: outer.into(), inner, connecting: true, inward: Pipe::default(), outward: Pipe::default(), gone: false })
    }

    /// What the outer and the inner end are watched for.
    fn wishes(&self) -> [PollFlags; 2] {
        if self.connecting {
            return [PollFlags::empty(), PollFlags::OUT];
        }
        let wish = |incoming: &Pipe, outgoing: &Pipe| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, incoming.has_room());
            flags.set(PollFlags::OUT, outgoing.is_waiting());
            flags
        };
        [wish(&self.inward, &self.outward), wish(&self.outward, &self.inward)]
    }

    /// Moves what can be moved; an error ends the connection.
    fn carry(&mut self) -> io::Result<()> {
        if self.connecting {
            sockopt::socket_error(&self.inner)??;
            self.connecting = false;
        }
        self.inward.carry(&self.outer, &self.inner)?;
        self.outward.carry(&self.inner, &self.outer)?;
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.inward.closed && self.outward.closed
    }
}

/// One direction of a connection.
#[derive(Default)]
struct Pipe {
    bytes: Vec<u8>,
    sent: usize,
    /// Nothing more comes.
    ended: bool,
    /// The other end has been told so.
    closed: bool,
}

impl Pipe {
    fn has_room(&self) -> bool {
        !self.ended && self.bytes.len() < BUFFER
    }

    fn is_waiting(&self) -> bool {
        self.sent < self.bytes.len()
    }

    /// Reads once and writes once; says whether either moved anything.
    fn carry(&mut self, from: &OwnedFd, to: &OwnedFd) -> io::Result<bool> {
        let mut moved = false;
        if self.has_room() {
            let start = self.bytes.len();
            self.bytes.resize(BUFFER, 0);
            let read = rustix::io::read(from, &mut self.bytes[start..]);
            self.bytes.truncate(start + read.unwrap_or(0));
            match read {
                Ok(0) => self.ended = true,
                Ok(_) => moved = true,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        if self.is_waiting() {
            match rustix::net::send(to, &self.bytes[self.sent..], rustix::net::SendFlags::NOSIGNAL) {
                Ok(count) => {
                    self.sent += count;
                    moved = true;
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            if !self.is_waiting() {
                self.bytes.clear();
                self.sent = 0;
            }
        }
        if self.ended && !self.is_waiting() && !self.closed {
            self.closed = true;
            match shutdown(to, Shutdown::Write) {
                Ok(()) | Err(Errno::NOTCONN) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(moved)
    }
}
