//! `ping`: asks a host for an echo, once a second.

use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recv, sendto, socket_with};

use super::applets::Args;
use super::dns;

/// As much is sent, as by other pings.
const SIZE: usize = 56;

struct Options {
    count: Option<u64>,
    interval: Duration,
    wait: Duration,
    quiet: bool,
    /// By IPv6.
    six: bool,
    host: String,
}

/// `ping [-4] [-6] [-c COUNT] [-i SECONDS] [-W SECONDS] [-q] HOST`.
pub fn main(args: Args) -> ExitCode {
    let words: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let options = match parse(&words) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("ping: {message}\nUsage: ping [-4] [-6] [-c COUNT] [-i SECONDS] [-W SECONDS] [-q] HOST");
            return ExitCode::FAILURE;
        }
    };
    let to = if options.six { dns::resolve6(&options.host).map(IpAddr::V6) } else { dns::resolve(&options.host).map(IpAddr::V4) };
    match to.and_then(|to| Pinger::open(to).map(|pinger| pinger.run(&options))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("ping: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[String]) -> Result<Options, String> {
    let (second, host) = (Duration::from_secs(1), String::new());
    let mut options = Options { count: None, interval: second, wait: second * 10, quiet: false, six: false, host };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-').filter(|f| !f.is_empty()) else {
            options.host.clone_from(word);
            continue;
        };
        let (letter, rest) = flag.split_at(flag.chars().next().map_or(0, char::len_utf8));
        if matches!(letter, "q" | "4" | "6") {
            options.quiet |= letter == "q";
            options.six = letter == "6" || options.six && letter != "4";
            continue;
        }
        let value = if rest.is_empty() { words.next().map(String::as_str).unwrap_or_default() } else { rest };
        let seconds = || value.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()).ok_or(format!("invalid number '{value}'"));
        match letter {
            "c" => options.count = Some(value.parse().map_err(|_| format!("invalid number '{value}'"))?),
            "i" => options.interval = seconds()?,
            "W" | "w" => options.wait = seconds()?,
            // The size changes nothing that is shown here.
            _ => return Err(format!("invalid option -- '{letter}'")),
        }
    }
    options.six |= options.host.parse::<Ipv6Addr>().is_ok();
    if options.host.is_empty() { Err("no host is given".to_owned()) } else { Ok(options) }
}

struct Pinger {
    socket: OwnedFd,
    /// The socket gives the packet's own header, too.
    raw: bool,
    to: IpAddr,
    id: u16,
}

impl Pinger {
    fn open(to: IpAddr) -> Result<Pinger, String> {
        let (family, protocol) = match to {
            IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
            IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let open = |kind| socket_with(family, kind, SocketFlags::CLOEXEC, Some(protocol));
        let id = u16::try_from(std::process::id() & 0xffff).unwrap_or(1);
        match open(SocketType::RAW).map(|socket| (socket, true)).or_else(|_| open(SocketType::DGRAM).map(|socket| (socket, false))) {
            Ok((socket, raw)) => Ok(Pinger { socket, raw, to, id }),
            Err(Errno::PERM | Errno::ACCESS) => Err("permission denied (are you root?)".to_owned()),
            Err(e) => Err(format!("can't create a socket: {e}")),
        }
    }

    /// Whether an echo came.
    fn run(&self, options: &Options) -> bool {
        println!("PING {} ({}): {SIZE} data bytes", options.host, self.to);
        let (mut sent, mut times) = (0_u64, Vec::new());
        while options.count.is_none_or(|count| sent < count) {
            let begin = Instant::now();
            if let Err(e) = self.send(sent) {
                eprintln!("ping: sendto: {}", crate::units::c_words(&e.into()));
                return false;
            }
            sent += 1;
            let last = options.count == Some(sent);
            let until = begin + if last { options.wait } else { options.interval };
            if let Some((sequence, ttl)) = self.receive(until, sent - 1) {
                let took = begin.elapsed().as_secs_f64() * 1e3;
                times.push(took);
                if !options.quiet {
                    let ttl = ttl.map(|t| format!(" ttl={t}")).unwrap_or_default();
                    println!("{} bytes from {}: seq={sequence}{ttl} time={took:.3} ms", SIZE + 8, self.to);
                }
            }
            if !last {
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
        }
        let received = u64::try_from(times.len()).unwrap_or(sent);
        let lost = (sent - received.min(sent)) * 100 / sent.max(1);
        println!("\n--- {} ping statistics ---", options.host);
        println!("{sent} packets transmitted, {received} packets received, {lost}% packet loss");
        if !times.is_empty() {
            let (low, high) = times.iter().fold((f64::MAX, 0.0_f64), |(low, high), t| (low.min(*t), high.max(*t)));
            let mean = times.iter().sum::<f64>() / times.len() as f64;
            println!("round-trip min/avg/max = {low:.3}/{mean:.3}/{high:.3} ms");
        }
        !times.is_empty()
    }

    fn send(&self, sequence: u64) -> Result<(), Errno> {
        let mut packet = vec![if self.to.is_ipv4() { 8 } else { 128 }, 0, 0, 0];
        packet.extend(self.id.to_be_bytes());
        packet.extend(u16::try_from(sequence & 0xffff).unwrap_or(0).to_be_bytes());
        packet.extend([0; SIZE]);
        // By IPv6 the kernel does the sum, for it knows the addresses.
        let sum = if self.to.is_ipv4() { checksum(&packet) } else { 0 };
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        sendto(&self.socket, &packet, SendFlags::empty(), &SocketAddr::new(self.to, 0)).map(drop)
    }

    /// The echo of a packet, with its time to live where that can be seen.
    fn receive(&self, until: Instant, sequence: u64) -> Option<(u64, Option<u8>)> {
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            let limit = Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
            if poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&limit)).unwrap_or(0) == 0 {
                continue;
            }
            let mut buffer = [MaybeUninit::uninit(); 2048];
            let Ok(((packet, _), _)) = recv(&self.socket, &mut buffer, RecvFlags::empty()) else { continue };
            // By IPv6 no socket gives it.
            let headed = self.raw && self.to.is_ipv4();
            let header = if headed { usize::from(packet.first()? & 15) * 4 } else { 0 };
            let (header, packet) = packet.split_at_checked(header)?;
            let ours = |p: &[u8]| !self.raw || p[4..6] == self.id.to_be_bytes();
            // An echo has a type of its own; others, and those of other pings, come by here too.
            if packet.len() >= 8
                && packet[0] == if self.to.is_ipv4() { 0 } else { 129 }
                && ours(packet)
                && u64::from(u16::from_be_bytes([packet[6], packet[7]])) == sequence & 0xffff
            {
                return Some((sequence, header.get(8).copied()));
            }
        }
    }
}

/// The internet's checksum.
fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}
