//! From names to addresses for the network applets: /etc/hosts and the servers of /etc/resolv.conf, asked by UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);
const TRIES: usize = 2;

/// The kinds of record that are asked for.
pub const A: u16 = 1;
pub const PTR: u16 = 12;
pub const AAAA: u16 = 28;

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Addresses(Vec<std::net::IpAddr>),
    Names(Vec<String>),
    /// A code other than success, by its name.
    Refused(String),
}

/// The servers to ask, at least one.
pub fn servers() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let words = text.lines().filter_map(|l| l.trim().strip_prefix("nameserver"));
    let mut all: Vec<SocketAddr> = words.filter_map(|w| w.trim().parse().ok()).map(|a: std::net::IpAddr| (a, 53).into()).collect();
    if all.is_empty() {
        all.push((Ipv4Addr::LOCALHOST, 53).into());
    }
    all
}

/// The first address of a host, or busybox's words for none.
pub fn resolve(host: &str) -> Result<Ipv4Addr, String> {
    look_up(host, A, |address| if let IpAddr::V4(address) = address { Some(address) } else { None })
}

/// The first IPv6 address of a host.
pub fn resolve6(host: &str) -> Result<Ipv6Addr, String> {
    look_up(host, AAAA, |address| if let IpAddr::V6(address) = address { Some(address) } else { None })
}

fn look_up<T>(host: &str, kind: u16, of_kind: impl Fn(IpAddr) -> Option<T>) -> Result<T, String> {
    if let Some(address) = host.parse().ok().and_then(&of_kind) {
        return Ok(address);
    }
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    for line in hosts.lines().map(|l| l.split('#').next().unwrap_or_default()) {
        let mut words = line.split_whitespace();
        let address = words.next().and_then(|a| of_kind(a.parse().ok()?));
        if let (Some(address), true) = (address, words.any(|w| w.eq_ignore_ascii_case(host))) {
            return Ok(address);
        }
    }
    let bad = || format!("bad address '{host}'");
    for server in servers() {
        match ask(server, host, kind) {
            Ok(Answer::Addresses(all)) => {
                if let Some(address) = all.iter().find_map(|a| of_kind(*a)) {
                    return Ok(address);
                }
            }
            Ok(_) => return Err(bad()),
            // The next one may be there.
            Err(_) => {}
        }
    }
    Err(bad())
}

/// Asks one server one question.
pub fn ask(server: SocketAddr, name: &str, kind: u16) -> std::io::Result<Answer> {
    let local: SocketAddr = if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (std::net::Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let id = u16::try_from(std::process::id() & 0xffff).unwrap_or(1);
    let question = question(id, name, kind).ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut last = std::io::Error::from(std::io::ErrorKind::TimedOut);
    for _ in 0..TRIES {
        socket.send(&question)?;
        let mut reply = [0; 4096];
        match socket.recv(&mut reply) {
            Ok(length) => {
                if let Some(answer) = read(&reply[..length], id, kind) {
                    return Ok(answer);
                }
            }
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|n| (1..=63).contains(n))?;
        out.push(length);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    Some(out)
}

/// Reads a reply; `None` for one that is not ours or makes no sense.
fn read(reply: &[u8], id: u16, kind: u16) -> Option<Answer> {
    let number = |at: usize| Some(u16::from_be_bytes([*reply.get(at)?, *reply.get(at + 1)?]));
    if number(0)? != id || number(2)? & 0x8000 == 0 {
        return None;
    }
    match number(2)? & 15 {
        0 => {}
        1 => return Some(Answer::Refused("FORMERR".to_owned())),
        2 => return Some(Answer::Refused("SERVFAIL".to_owned())),
        3 => return Some(Answer::Refused("NXDOMAIN".to_owned())),
        4 => return Some(Answer::Refused("NOTIMP".to_owned())),
        5 => return Some(Answer::Refused("REFUSED".to_owned())),
        other => return Some(Answer::Refused(format!("code {other}"))),
    }
    let mut at = 12;
    for _ in 0..number(4)? {
        at = name_at(reply, at)?.1 + 4;
    }
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    for _ in 0..number(6)? {
        at = name_at(reply, at)?.1;
        let (own, length) = (number(at)?, usize::from(number(at + 8)?));
        let data = reply.get(at + 10..at + 10 + length)?;
        match own {
            A => addresses.push(<[u8; 4]>::try_from(data).ok()?.into()),
            AAAA => addresses.push(<[u8; 16]>::try_from(data).ok()?.into()),
            PTR => names.push(name_at(reply, at + 10)?.0),
            _ => {}
        }
        at += 10 + length;
    }
    Some(if kind == PTR { Answer::Names(names) } else { Answer::Addresses(addresses) })
}

/// The name at a place, and where what follows it begins.
fn name_at(reply: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut at, mut end, mut jumps) = (String::new(), start, None, 0);
    loop {
        let length = usize::from(*reply.get(at)?);
        match length {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&String::from_utf8_lossy(reply.get(at + 1..at + 1 + length)?));
                at += 1 + length;
            }
            0xc0.. => {
                end.get_or_insert(at + 2);
                at = (length & 0x3f) << 8 | usize::from(*reply.get(at + 1)?);
                jumps += 1;
                // A name that leads around in circles is none.
                if jumps > 16 {
                    return None;
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_and_nonsense_is_not() {
        let mut reply = question(7, "srv", A).unwrap();
        (reply[2], reply[7]) = (0x81, 1);
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, 10, 99, 0, 2]);
        assert_eq!(read(&reply, 7, A), Some(Answer::Addresses(vec![Ipv4Addr::new(10, 99, 0, 2).into()])));
        assert_eq!(read(&reply, 8, A), None);
        for cut in 0..reply.len() {
            let _ = read(&reply[..cut], 7, A);
        }
        // A name that points at itself.
        let mut circle = reply.clone();
        let at = reply.len() - 16;
        (circle[at], circle[at + 1]) = (0xc0, u8::try_from(at).unwrap());
        assert_eq!(read(&circle, 7, A), None);
        reply[3] = 3;
        assert_eq!(read(&reply, 7, A), Some(Answer::Refused("NXDOMAIN".to_owned())));
    }
}
