//! The server: what it holds, and the loop in which it hears, answers and does what is due.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io;
use std::net::{SocketAddr, SocketAddrV6, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::{
    Bytes,
    aof::Aof,
    client::{Answers, Client},
    commands,
    config::Config,
    log::{self, Level},
    rdb::Saving,
    reply::Reply,
    request::Limits,
    start,
    value::Database,
};

/// Events of listeners have the highest numbers, in their order; then that of signals.
const LISTENERS: u64 = u64::MAX - 64;
const SIGNALS: u64 = u64::MAX - 65;
/// It may listen to so many addresses.
const ADDRESSES: usize = 16;

/// What is counted.
#[derive(Debug, Default)]
pub struct Stats {
    pub connections: u64,
    pub commands: u64,
    pub read: u64,
    pub written: u64,
    pub rejected: u64,
    pub expired: u64,
    pub hits: u64,
    pub misses: u64,
    pub errors: BTreeMap<String, u64>,
    pub calls: BTreeMap<&'static str, Calls>,
    /// When how many commands had been done, for the last second and a half.
    samples: VecDeque<(Instant, u64)>,
}

/// What is counted of one command.
#[derive(Debug, Default)]
pub struct Calls {
    pub calls: u64,
    pub microseconds: u64,
    /// Refused before anything was done.
    pub rejected: u64,
    pub failed: u64,
}

impl Stats {
    fn sample(&mut self) {
        self.samples.push_back((Instant::now(), self.commands));
        if self.samples.len() > 16 {
            self.samples.pop_front();
        }
    }

    /// Commands a second, of late.
    pub fn rate(&self) -> u64 {
        let Some((first, last)) = self.samples.front().zip(self.samples.back()) else { return 0 };
        let milliseconds = u64::try_from((last.0 - first.0).as_millis()).unwrap_or(u64::MAX);
        ((last.1 - first.1) * 1000).checked_div(milliseconds).unwrap_or(0)
    }
}

/// All that the server is.
pub struct Server {
    pub version: String,
    pub number: (u32, u32),
    pub run: String,
    pub started: Instant,
    pub config: Config,
    pub databases: Vec<Database>,
    pub clients: BTreeMap<u64, Client>,
    next: u64,
    pub channels: BTreeMap<Bytes, BTreeSet<u64>>,
    pub patterns: BTreeMap<Bytes, BTreeSet<u64>>,
    pub watchers: HashMap<(usize, Bytes), BTreeSet<u64>>,
    /// Who waits for a key, in the order in which they came.
    pub waiting: HashMap<(usize, Bytes), VecDeque<u64>>,
    /// Keys that somebody waits for and that have come.
    pub ready: VecDeque<(usize, Bytes)>,
    pub stats: Stats,
    pub saving: Saving,
    pub aof: Option<Aof>,
    /// Milliseconds since 1970, as of this command.
    pub now: i64,
    /// The server is to end, after saving where `Some(true)`; none: as the settings say.
    pub ending: Option<Option<bool>>,
    /// Files are being read: nothing ends, nothing is written down.
    pub loading: bool,
    random: u64,
    epoll: OwnedFd,
    listeners: Vec<TcpListener>,
    signal: Arc<AtomicI32>,
    bell: UnixStream,
    /// Who has been said something.
    pub spoken: HashSet<u64>,
    /// Who waits no longer and may have said more.
    pub woken: VecDeque<u64>,
    /// Commands that took long, as `SLOWLOG` shows them, the last first.
    pub slow: VecDeque<Reply>,
    pub slow_count: i64,
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Server {
    /// A server that listens to nobody yet. `signal` is set and `bell` readable when the process is told to end.
    pub fn new(version: &str, config: Config, signal: Arc<AtomicI32>, bell: UnixStream) -> io::Result<Self> {
        let mut seed = [0; 28];
        let _ = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty());
        let random = u64::from_le_bytes(seed[..8].try_into().unwrap_or([1; 8])) | 1;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        bell.set_nonblocking(true)?;
        epoll::add(&epoll, &bell, EventData::new_u64(SIGNALS), EventFlags::IN)?;
        let databases = (0..config.number("databases")).map(|_| Database::default()).collect();
        Ok(Server {
            version: version.to_owned(),
            number: start::number(version),
            run: seed[8..].iter().map(|byte| format!("{byte:02x}")).collect(),
            started: Instant::now(),
            config,
            databases,
            clients: BTreeMap::new(),
            next: 1,
            channels: BTreeMap::new(),
            patterns: BTreeMap::new(),
            watchers: HashMap::new(),
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            stats: Stats::default(),
            saving: Saving::default(),
            aof: None,
            now: now(),
            ending: None,
            loading: false,
            random,
            epoll,
            listeners: vec![],
            signal,
            bell,
            spoken: HashSet::new(),
            woken: VecDeque::new(),
            slow: VecDeque::new(),
            slow_count: 0,
        })
    }

    pub fn log(&self, level: Level, text: &str) {
        if level >= self.config.level() {
            log::line(self.config.text("logfile"), 'M', level, text);
        }
    }

    /// A number below `end`, by chance.
    pub fn chance(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 11).unwrap_or(0) % end.max(1)
    }

    pub fn listen(&mut self, address: SocketAddr) -> io::Result<()> {
        if self.listeners.len() == ADDRESSES {
            return Err(io::Error::other("Too many bind addresses specified."));
        }
        let listener = match address {
            SocketAddr::V4(_) => TcpListener::bind(address)?,
            SocketAddr::V6(address) => listener6(address)?,
        };
        listener.set_nonblocking(true)?;
        epoll::add(&self.epoll, &listener, EventData::new_u64(LISTENERS + self.listeners.len() as u64), EventFlags::IN)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Serves until it is told to end; false where it ends because it cannot go on.
    pub fn run(&mut self) -> bool {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
        let mut due = Instant::now();
        loop {
            events.clear();
            let rest = self.patience().min(due.saturating_duration_since(Instant::now()));
            let timeout =
                rustix::event::Timespec { tv_sec: i64::try_from(rest.as_secs()).unwrap_or(1), tv_nsec: rest.subsec_nanos().into() };
            let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout));
            for event in &events {
                let flags = event.flags;
                match event.data.u64() {
                    SIGNALS => self.signalled(),
                    listener @ LISTENERS.. => self.accept(usize::try_from(listener - LISTENERS).unwrap_or(0)),
                    client if flags.contains(EventFlags::OUT) => drop(self.spoken.insert(client)),
                    client => self.hear(client),
                }
            }
            self.time_out();
            while let Some(id) = self.woken.pop_front() {
                self.answer_all(id);
            }
            if Instant::now() >= due {
                due = Instant::now() + Duration::from_millis(100);
                self.do_what_is_due();
            }
            if !self.flush_aof() {
                return false;
            }
            self.flush();
            if let Some(save) = self.ending
                && self.end(save)
            {
                return true;
            }
        }
    }

    /// How long nothing can be due.
    fn patience(&self) -> Duration {
        if !self.spoken.is_empty() || !self.woken.is_empty() {
            return Duration::ZERO;
        }
        let times = self.clients.values().filter_map(|client| client.wait.as_ref()?.until);
        let rest = times.min().map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        rest.min(Duration::from_millis(100))
    }

    fn accept(&mut self, listener: usize) {
        while let Some(Ok((stream, from))) = self.listeners.get(listener).map(TcpListener::accept) {
            self.stats.connections += 1;
            let most = usize::try_from(self.config.number("maxclients")).unwrap_or(usize::MAX);
            let refusal = if self.clients.len() >= most {
                Some("-ERR max number of clients reached\r\n")
            } else if self.is_protected() && !from.ip().is_loopback() && !from.ip().to_canonical().is_loopback() {
                Some(PROTECTED)
            } else {
                None
            };
            if let Some(words) = refusal {
                self.stats.rejected += 1;
                let _ = stream.set_nonblocking(true);
                let _ = io::Write::write_all(&mut &stream, words.as_bytes());
                continue;
            }
            let id = self.next;
            let _ = stream.set_nodelay(true);
            if stream.set_nonblocking(true).is_err() || epoll::add(&self.epoll, &stream, EventData::new_u64(id), EventFlags::IN).is_err() {
                continue;
            }
            self.next += 1;
            self.clients.insert(id, Client::new(id, Some(stream), self.config.text("requirepass").is_empty()));
        }
    }

    /// Protected: nobody has said who may come, so nobody from elsewhere may.
    fn is_protected(&self) -> bool {
        self.config.yes("protected-mode") && self.config.text("requirepass").is_empty() && !self.config.is_bound()
    }

    /// Whether a client may do what a setting (`yes`, `no`, `local`) says who may. Before version 7 everybody might.
    pub fn allows(&self, setting: &str, id: u64) -> bool {
        match self.config.text(setting) {
            _ if self.number < (7, 0) => true,
            "yes" => true,
            "local" => {
                self.clients.get(&id).is_some_and(|client| client.address.starts_with("127.") || client.address.starts_with("[::1]"))
            }
            _ => false,
        }
    }

    fn hear(&mut self, id: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match client.read() {
            Ok(count) => {
                self.stats.read += count as u64;
                self.answer_all(id);
            }
            Err(_) => {
                client.gone = true;
                self.spoken.insert(id);
            }
        }
    }

    /// Answers whatever has come from a client.
    pub fn answer_all(&mut self, id: u64) {
        let word = usize::try_from(self.config.number("proto-max-bulk-len")).unwrap_or(usize::MAX);
        self.spoken.insert(id);
        while let Some(client) = self.clients.get_mut(&id)
            && client.wait.is_none()
            && client.listens()
        {
            match client.requests.next(Limits { word, known: client.known }) {
                Ok(Some(words)) => commands::execute(self, id, words),
                Ok(None) => return,
                Err(wrong) => {
                    client.say(&Reply::Error(format!("ERR {wrong}")), true);
                    client.leaving = true;
                    return;
                }
            }
        }
    }

    /// Says something to a client.
    pub fn say(&mut self, id: u64, reply: &Reply) {
        let short = self.number >= (7, 2);
        if let Some(client) = self.clients.get_mut(&id) {
            client.say(reply, short);
            self.spoken.insert(id);
        }
    }

    /// Says what a command has answered, if its client wants to know.
    pub fn reply(&mut self, id: u64, reply: &Reply) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        match client.answers {
            Answers::On => self.say(id, reply),
            Answers::Off => {}
            Answers::Skip => client.answers = Answers::On,
        }
    }

    /// Writes what has been said, and lets go who is gone.
    fn flush(&mut self) {
        for id in std::mem::take(&mut self.spoken) {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            let was_busy = !client.interest.0;
            match client.flush() {
                Ok(count) => self.stats.written += count as u64,
                Err(_) => client.gone = true,
            }
            if client.gone || client.leaving && client.unread() == 0 {
                self.forget(id);
                continue;
            }
            let interest = (client.listens(), client.unread() > 0);
            if interest != client.interest
                && let Some(stream) = &client.stream
            {
                let mut flags = EventFlags::empty();
                flags.set(EventFlags::IN, interest.0);
                flags.set(EventFlags::OUT, interest.1);
                let _ = epoll::modify(&self.epoll, stream, EventData::new_u64(id), flags);
                client.interest = interest;
            }
            // What it had sent before it was too busy to read answers is still to be done.
            if was_busy && interest.0 {
                self.answer_all(id);
            }
        }
    }

    /// Lets a client go.
    pub fn forget(&mut self, id: u64) {
        let Some(client) = self.clients.remove(&id) else { return };
        if let Some(stream) = &client.stream {
            let _ = epoll::delete(&self.epoll, stream);
        }
        for channel in &client.channels {
            leave(&mut self.channels, channel, id);
        }
        for pattern in &client.patterns {
            leave(&mut self.patterns, pattern, id);
        }
        for watched in &client.watched {
            if let Some(who) = self.watchers.get_mut(watched) {
                who.remove(&id);
                if who.is_empty() {
                    self.watchers.remove(watched);
                }
            }
        }
        if let Some(wait) = client.wait {
            self.no_longer_waits(id, &wait);
        }
    }

    fn signalled(&mut self) {
        let mut bytes = [0; 16];
        let _ = io::Read::read(&mut self.bell, &mut bytes);
        let name = match self.signal.swap(0, Ordering::SeqCst) {
            0 => return,
            libc::SIGINT => "SIGINT",
            _ => "SIGTERM",
        };
        log::signal(self.config.text("logfile"), &format!("Received {name} scheduling shutdown..."));
        self.ending = Some(None);
    }

    /// What is done ten times a second.
    fn do_what_is_due(&mut self) {
        self.now = now();
        self.stats.sample();
        self.sweep();
        self.save_when_due();
        self.rewrite_when_due();
        let limit = Duration::from_secs(self.config.number("timeout").try_into().unwrap_or(0));
        if !limit.is_zero() {
            let idle = |client: &Client| client.wait.is_none() && client.subscriptions() == 0 && client.heard.elapsed() > limit;
            let all: Vec<u64> = self.clients.values().filter(|client| idle(client)).map(|client| client.id).collect();
            all.into_iter().for_each(|id| self.forget(id));
        }
    }

    /// Takes away keys that have ended and that nobody has asked for: looks at a few, and goes on where many of them had ended.
    fn sweep(&mut self) {
        let deadline = Instant::now() + Duration::from_millis(10);
        for db in 0..self.databases.len() {
            loop {
                let count = self.databases[db].expires.len();
                let mut over = vec![];
                for _ in 0..count.min(20) {
                    let place = self.chance(count);
                    if let Some((key, end)) = self.databases[db].expires.get_index(place)
                        && *end <= self.now
                    {
                        over.push(key.clone());
                    }
                }
                over.iter().for_each(|key| self.expire(db, key));
                if over.len() <= 5 || Instant::now() > deadline {
                    break;
                }
            }
        }
    }

    /// Takes a key away that has ended.
    pub fn expire(&mut self, db: usize, key: &[u8]) {
        if self.loading || !self.databases[db].is_over(key, self.now) {
            return;
        }
        self.databases[db].remove(key);
        self.stats.expired += 1;
        self.touch(db, key);
        self.write_down(db, &[b"DEL".to_vec(), key.to_vec()]);
    }

    /// Tells those who watch a key that it has changed.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.watchers.is_empty() {
            return;
        }
        for id in self.watchers.get(&(db, key.to_vec())).into_iter().flatten() {
            if let Some(client) = self.clients.get_mut(id) {
                client.touched = true;
            }
        }
    }

    /// Adds a command to the append-only file, where there is one.
    pub fn write_down(&mut self, db: usize, words: &[Bytes]) {
        if !self.loading
            && let Some(aof) = &mut self.aof
        {
            aof.append(db, words);
        }
    }
}

/// A listener for the newer protocol alone: the older has one of its own.
fn listener6(address: SocketAddrV6) -> io::Result<TcpListener> {
    use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
    let socket = net::socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_ipv6_v6only(&socket, true)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, 511)?;
    Ok(socket.into())
}

/// Takes a client out of those who listen to a name.
pub fn leave(names: &mut BTreeMap<Bytes, BTreeSet<u64>>, name: &Bytes, id: u64) {
    if let Some(who) = names.get_mut(name) {
        who.remove(&id);
        if who.is_empty() {
            names.remove(name);
        }
    }
}

const PROTECTED: &str = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default \
    user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis \
    you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the \
    loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible \
    from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode \
    by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you \
    started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for \
    the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the \
    outside.\r\n";
