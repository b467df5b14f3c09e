//! `netstat`: the sockets and the routes of the network namespace, from `/proc/net`.

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::ExitCode,
};

use super::applets::Args;
use super::options::Options;
use super::proc::processes;

const USAGE: &str = "Usage: netstat [-ral] [-tuwx] [-enWp]

Display networking information

\t-r\tRouting table
\t-a\tAll sockets
\t-l\tListening sockets
\t\tElse: connected sockets
\t-t\tTCP sockets
\t-u\tUDP sockets
\t-w\tRaw sockets
\t-x\tUnix sockets
\t\tElse: all socket types
\t-e\tOther/more information
\t-n\tDon't resolve names
\t-W\tWide display
\t-p\tShow PID/program name for sockets";

const STATES: [&str; 12] = [
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];
const ESTABLISHED: usize = 1;
const CLOSE: usize = 7;
const LISTEN: usize = 10;

/// `netstat [-ral] [-tuwx] [-enWp]`.
pub fn main(args: Args) -> ExitCode {
    let options = match Options::read(args, "raltuwxenWp", &[], USAGE) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if options.has('r') {
        return routes(options.has('n'));
    }
    let every = !['t', 'u', 'w', 'x'].iter().any(|kind| options.has(*kind));
    let wants = |kind| every || options.has(kind);
    let which = match (options.has('a'), options.has('l')) {
        (true, _) => "(servers and established)",
        (_, true) => "(only servers)",
        _ => "(w/o servers)",
    };
    let programs = if options.has('p') { programs() } else { HashMap::new() };
    let netstat = Netstat { options: &options, programs, names: if options.has('n') { HashMap::new() } else { host_names() } };
    if wants('t') || wants('u') || wants('w') {
        println!("Active Internet connections {which}");
        let program = if options.has('p') { "PID/Program name    " } else { "" };
        let width = netstat.width();
        println!("Proto Recv-Q Send-Q {:<width$} {:<width$} State       {program}", "Local Address", "Foreign Address");
        for (kind, protocol) in [('t', "tcp"), ('u', "udp"), ('w', "raw")] {
            if wants(kind) {
                netstat.sockets(protocol);
                netstat.sockets(&format!("{protocol}6"));
            }
        }
    }
    if wants('x') {
        println!("Active UNIX domain sockets {which}");
        let program = if options.has('p') { "PID/Program name    " } else { "" };
        println!("Proto RefCnt Flags       Type       State         I-Node {program}Path");
        netstat.unix();
    }
    ExitCode::SUCCESS
}

struct Netstat<'a> {
    options: &'a Options,
    /// The process that holds a socket, by the socket's number.
    programs: HashMap<u64, String>,
    names: HashMap<IpAddr, String>,
}

impl Netstat<'_> {
    fn width(&self) -> usize {
        if self.options.has('W') { 51 } else { 23 }
    }

    /// The sockets of one of `/proc/net`'s tables; a protocol that the kernel has not has none.
    fn sockets(&self, protocol: &str) {
        for line in fs::read_to_string(format!("/proc/net/{protocol}")).unwrap_or_default().lines().skip(1) {
            if let Some(socket) = Socket::read(line)
                && self.shows(protocol, &socket)
            {
                self.socket(protocol.trim_end_matches('6'), &socket);
            }
        }
    }

    fn shows(&self, protocol: &str, socket: &Socket) -> bool {
        // Only TCP has servers that listen; what has no other end serves, in the others.
        let serves =
            if protocol.starts_with("tcp") { socket.state == LISTEN } else { socket.remote.1 == 0 && socket.remote.0.is_unspecified() };
        self.options.has('a') || serves == self.options.has('l')
    }

    fn socket(&self, protocol: &str, socket: &Socket) {
        let width = self.width();
        let state = match (protocol, socket.state) {
            ("udp", CLOSE) => "",
            ("udp", ESTABLISHED) => STATES[ESTABLISHED],
            ("udp", _) => "",
            ("raw", number) => &number.to_string(),
            (_, number) => STATES.get(number).copied().unwrap_or_default(),
        };
        let (local, remote) = (self.end(socket.local), self.end(socket.remote));
        let program = self.program(socket.inode);
        println!("{protocol}   {:>6} {:>6} {local:<width$} {remote:<width$} {state:<12}{program}", socket.receiving, socket.sending);
    }

    fn end(&self, (address, port): (IpAddr, u16)) -> String {
        let address = match self.names.get(&address) {
            Some(name) => name.clone(),
            None => address.to_string(),
        };
        let port = if port == 0 { "*".to_owned() } else { port.to_string() };
        // The port is what matters and stays whole.
        let room = if self.options.has('W') { usize::MAX } else { self.width() - 1 - port.len() };
        format!("{}:{port}", address.chars().take(room).collect::<String>())
    }

    fn program(&self, inode: u64) -> String {
        if !self.options.has('p') {
            return String::new();
        }
        let program = self.programs.get(&inode).map_or("-", String::as_str);
        format!("{:<20}", program.chars().take(19).collect::<String>())
    }

    fn unix(&self) {
        for line in fs::read_to_string("/proc/net/unix").unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, references, _, flags, kind, state, inode, ..] = fields.as_slice() else { continue };
            let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
            let (references, accepts) = (number(references), number(flags) & 0x10000 != 0);
            let (state, listens) = match (number(state), accepts) {
                (1, true) => ("LISTENING", true),
                (1, false) => ("", false),
                (2, _) => ("CONNECTING", false),
                (3, _) => ("CONNECTED", false),
                (4, _) => ("DISCONNECTING", false),
                _ => ("FREE", false),
            };
            if !self.options.has('a') && (self.options.has('l') != listens || !listens && state != "CONNECTED") {
                continue;
            }
            let kind = match number(kind) {
                1 => "STREAM",
                2 => "DGRAM",
                3 => "RAW",
                4 => "RDM",
                5 => "SEQPACKET",
                _ => "UNKNOWN",
            };
            let flags = if accepts { "[ ACC ]" } else { "[ ]" };
            let program = self.program(inode.parse().unwrap_or(0));
            let path = fields.get(7).copied().unwrap_or_default();
            println!("unix  {references:<6} {flags:<11} {kind:<10} {state:<13} {inode:>6} {program}{path}");
        }
    }
}

/// A line of `/proc/net/tcp` and its like.
struct Socket {
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
    state: usize,
    sending: u64,
    receiving: u64,
    inode: u64,
}

impl Socket {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (sending, receiving) = fields.get(4)?.split_once(':')?;
        Some(Self {
            local: end(fields[1])?,
            remote: end(fields[2])?,
            state: usize::from_str_radix(fields[3], 16).ok()?,
            sending: u64::from_str_radix(sending, 16).ok()?,
            receiving: u64::from_str_radix(receiving, 16).ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    }
}

/// An address and port as the kernel writes them: words of four bytes in the machine's order.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes);
    if address.len() == 8 {
        return Some((Ipv4Addr::from(word(address)?).into(), port));
    }
    let mut bytes = [0; 16];
    for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
        part.copy_from_slice(&word(address.get(at * 8..at * 8 + 8)?)?);
    }
    Some((Ipv6Addr::from(bytes).into(), port))
}

/// Which process holds which socket, as far as this user may know.
fn programs() -> HashMap<u64, String> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("netstat: showing only processes with your user ID");
    }
    let mut found = HashMap::new();
    for process in processes() {
        let program = process.args.split(' ').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        for descriptor in fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten().flatten() {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            let inode = target.to_str().and_then(|t| t.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode {
                found.insert(inode, format!("{}/{program}", process.pid));
            }
        }
    }
    found
}

/// The names of `/etc/hosts`, by address.
fn host_names() -> HashMap<IpAddr, String> {
    let mut names = HashMap::new();
    for line in fs::read_to_string("/etc/hosts").unwrap_or_default().lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        if let (Some(Ok(address)), Some(name)) = (words.next().map(str::parse), words.next()) {
            names.entry(address).or_insert_with(|| name.to_owned());
        }
    }
    names
}

fn routes(numbers: bool) -> ExitCode {
    println!("Kernel IP routing table");
    println!("Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface");
    for line in fs::read_to_string("/proc/net/route").unwrap_or_default().lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [device, destination, gateway, flags, _, _, _, mask, mss, window, irtt] = fields.as_slice() else { continue };
        let address = |text: &str| u32::from_str_radix(text, 16).map_or(Ipv4Addr::UNSPECIFIED, |word| word.to_ne_bytes().into());
        let named =
            |address: Ipv4Addr, name: &str| if address.is_unspecified() && !numbers { name.to_owned() } else { address.to_string() };
        let (destination, mask) = (address(destination), address(mask));
        let target = named(destination, "default");
        let bits = u32::from_str_radix(flags, 16).unwrap_or(0);
        let letters = ['U', 'G', 'H', 'R', 'D', 'M'].into_iter().zip([1, 2, 4, 8, 16, 32]);
        let flags: String = letters.filter(|(_, bit)| bits & bit != 0).map(|(letter, _)| letter).collect();
        let gateway = named(address(gateway), "*");
        println!("{target:<15} {gateway:<15} {mask:<15} {flags:<6}{mss:>5} {window:<5} {irtt:>6} {device}", mask = mask.to_string());
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_read_as_the_kernel_writes_them() {
        assert_eq!(end("0100007F:1F90"), Some((Ipv4Addr::LOCALHOST.into(), 8080)));
        assert_eq!(end("00000000000000000000000001000000:0016"), Some((Ipv6Addr::LOCALHOST.into(), 22)));
        assert_eq!(end("0000:1"), None);
    }
}
