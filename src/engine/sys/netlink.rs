//! Interfaces, addresses, routes and rules by netlink: six kinds of message, put together by hand and sent in one batch.
//!
//! A [`Socket`] talks to the network namespace in which it was opened, whoever uses it later. Never reads tables of the kernel.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with};

const NEWLINK: u16 = 16;
const DELLINK: u16 = 17;
const NEWADDR: u16 = 20;
const NEWROUTE: u16 = 24;
const DELROUTE: u16 = 25;
const NEWRULE: u16 = 32;

const REQUEST: u16 = 1;
const ACK: u16 = 4;
const REPLACE: u16 = 0x100;
const EXCL: u16 = 0x200;
const CREATE: u16 = 0x400;

const UP: u32 = 1;

// Families of addresses.
const INET: u8 = 2;
const INET6: u8 = 10;

// Attributes of a link.
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_PID: u16 = 19;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
// Of an address.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
// Of a route.
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
// Of a rule.
const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;

const NESTED: u16 = 0x8000;

/// A connection to the kernel about the links of one network namespace.
pub struct Socket(OwnedFd);

/// One end of a pair of interfaces that goes to another namespace.
pub struct Peer<'a> {
    pub name: &'a str,
    pub mac: [u8; 6],
    /// A process there, by its number in the namespace of whoever sends.
    pub process: u32,
}

impl Socket {
    /// Opens one to the network namespace of the calling thread.
    pub fn open() -> io::Result<Socket> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Socket(socket))
    }

    /// Does everything in the batch, in order, and gives what became of each message.
    pub fn send(&self, batch: &Batch) -> io::Result<Vec<io::Result<()>>> {
        let mut results = Vec::new();
        if batch.count == 0 {
            return Ok(results);
        }
        let sent = send(&self.0, &batch.bytes, SendFlags::empty())?;
        if sent != batch.bytes.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut buffer = vec![0_u8; 16 << 10];
        while results.len() < batch.count {
            let (filled, _) = match recv(&self.0, &mut buffer[..], RecvFlags::empty()) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let mut rest = &buffer[..filled];
            while rest.len() >= 16 {
                let length = usize::try_from(u32_at(rest, 0)).unwrap_or(0);
                if length < 16 || length > rest.len() {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                // NLMSG_ERROR, which with the number 0 is an acknowledgement.
                if u16::from_ne_bytes([rest[4], rest[5]]) == 2 && length >= 20 {
                    let number = u32_at(rest, 16).cast_signed();
                    results.push(if number == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-number)) });
                }
                rest = &rest[((length + 3) & !3).min(rest.len())..];
            }
        }
        Ok(results)
    }

    /// Does everything in the batch; the first failure is the answer.
    pub fn run(&self, batch: &Batch) -> io::Result<()> {
        self.send(batch)?.into_iter().collect()
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
}

/// The number of an interface in the calling thread's network namespace.
pub fn index_of(name: &str) -> io::Result<u32> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    Ok(rustix::net::netdevice::name_to_index(&socket, name)?)
}

/// Messages to be sent together.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    count: usize,
}

impl Batch {
    /// Makes a bridge, if there is none of that name, and switches it on.
    pub fn bridge(&mut self, name: &str, mac: [u8; 6], mtu: Option<u32>) {
        self.message(NEWLINK, CREATE | EXCL, |m| {
            m.link(0, UP);
            m.text(IFLA_IFNAME, name);
            m.attribute(IFLA_ADDRESS, &mac);
            if let Some(mtu) = mtu {
                m.attribute(IFLA_MTU, &mtu.to_ne_bytes());
            }
            m.nested(IFLA_LINKINFO, |m| m.text(IFLA_INFO_KIND, "bridge"));
        });
    }

    /// Makes a pair of interfaces: `name` here, part of the bridge `master`, and `peer`, which is still to be
    /// switched on, in another namespace.
    pub fn pair(&mut self, name: &str, master: u32, mtu: Option<u32>, peer: &Peer<'_>) {
        self.message(NEWLINK, CREATE | EXCL, |m| {
            m.link(0, UP);
            m.text(IFLA_IFNAME, name);
            if master != 0 {
                m.attribute(IFLA_MASTER, &master.to_ne_bytes());
            }
            if let Some(mtu) = mtu {
                m.attribute(IFLA_MTU, &mtu.to_ne_bytes());
            }
            m.nested(IFLA_LINKINFO, |m| {
                m.text(IFLA_INFO_KIND, "veth");
                m.nested(IFLA_INFO_DATA, |m| {
                    m.nested(VETH_INFO_PEER, |m| {
                        // While the pair is being made the kernel refuses to switch this end on.
                        m.link(0, 0);
                        m.text(IFLA_IFNAME, peer.name);
                        m.attribute(IFLA_ADDRESS, &peer.mac);
                        m.attribute(IFLA_NET_NS_PID, &peer.process.to_ne_bytes());
                        if let Some(mtu) = mtu {
                            m.attribute(IFLA_MTU, &mtu.to_ne_bytes());
                        }
                    });
                });
            });
        });
    }

    /// Switches an interface on.
    pub fn up(&mut self, index: u32) {
        self.message(NEWLINK, 0, |m| m.link(index, UP));
    }

    /// Switches an interface off: nothing comes to it or from it any more. Much quicker than to remove it.
    pub fn down(&mut self, name: &str) {
        self.message(NEWLINK, 0, |m| {
            m.link_as(0, UP, 0);
            m.text(IFLA_IFNAME, name);
        });
    }

    /// Removes an interface, and its other end with it.
    pub fn remove(&mut self, name: &str) {
        self.message(DELLINK, 0, |m| {
            m.link(0, 0);
            m.text(IFLA_IFNAME, name);
        });
    }

    /// Gives an interface an address in a network of `bits` width.
    pub fn address(&mut self, index: u32, address: Ipv4Addr, bits: u8) {
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        let broadcast = Ipv4Addr::from(u32::from(address) | !mask);
        self.message(NEWADDR, CREATE | REPLACE, |m| {
            m.raw(&[INET, bits, 0, 0]);
            m.raw(&index.to_ne_bytes());
            m.attribute(IFA_LOCAL, &address.octets());
            m.attribute(IFA_ADDRESS, &address.octets());
            m.attribute(IFA_BROADCAST, &broadcast.octets());
        });
    }

    /// Gives an interface an IPv6 address. Nobody else has it, so that the kernel need not ask around before it is used.
    pub fn address6(&mut self, index: u32, address: Ipv6Addr, bits: u8) {
        const NO_DUPLICATES: u8 = 2;
        self.message(NEWADDR, CREATE | REPLACE, |m| {
            m.raw(&[INET6, bits, NO_DUPLICATES, 0]);
            m.raw(&index.to_ne_bytes());
            m.attribute(IFA_LOCAL, &address.octets());
            m.attribute(IFA_ADDRESS, &address.octets());
        });
    }

    /// Sends what is for nowhere else to `gateway`, in place of another default route of its family.
    pub fn default_route(&mut self, index: u32, gateway: IpAddr) {
        self.message(NEWROUTE, CREATE | REPLACE, |m| {
            match gateway {
                IpAddr::V4(gateway) => {
                    m.route(INET, 3);
                    m.attribute(RTA_GATEWAY, &gateway.octets());
                }
                IpAddr::V6(gateway) => {
                    m.route(INET6, 3);
                    m.attribute(RTA_GATEWAY, &gateway.octets());
                }
            }
            m.attribute(RTA_OIF, &index.to_ne_bytes());
        });
    }

    /// Takes the default route away.
    pub fn no_default_route(&mut self) {
        self.message(DELROUTE, 0, |m| m.route(INET, 0));
    }

    /// Lets nothing through from one interface to another: what comes in and is not for an address of this namespace is answered
    /// with "prohibited", which datagrams hear of too, as they do not of "unreachable". It is answered once the namespace forwards;
    /// before that such packets vanish without a word.
    pub fn no_way_through(&mut self) {
        // What starts here goes by the main table, all else nowhere.
        self.rule(1, Some("lo"), 254, 1);
        self.rule(2, None, 0, 8);
    }

    /// `struct fib_rule_hdr`: of what comes in by `from`, or all, by a table or to an end.
    fn rule(&mut self, priority: u32, from: Option<&str>, table: u8, action: u8) {
        self.message(NEWRULE, CREATE | EXCL, |m| {
            m.raw(&[2, 0, 0, 0, table, 0, 0, action, 0, 0, 0, 0]);
            m.attribute(FRA_PRIORITY, &priority.to_ne_bytes());
            if let Some(name) = from {
                m.text(FRA_IIFNAME, name);
            }
        });
    }

    fn message(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Message<'_>)) {
        let start = self.bytes.len();
        self.count += 1;
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((REQUEST | ACK | flags).to_ne_bytes());
        self.bytes.extend([0; 8]);
        fill(&mut Message(&mut self.bytes));
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(0);
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    }
}

struct Message<'a>(&'a mut Vec<u8>);

impl Message<'_> {
    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// `struct ifinfomsg` that sets these flags.
    fn link(&mut self, index: u32, flags: u32) {
        self.link_as(index, flags, flags);
    }

    /// `struct ifinfomsg` that makes of the flags in `changed` what they are in `flags`.
    fn link_as(&mut self, index: u32, changed: u32, flags: u32) {
        self.raw(&[0; 4]);
        self.raw(&index.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
        self.raw(&changed.to_ne_bytes());
    }

    /// `struct rtmsg` for everything, in the main table, by static decision; `protocol` 0 matches any.
    fn route(&mut self, family: u8, protocol: u8) {
        let (table, universe, unicast) = (254, 0, 1);
        self.raw(&[family, 0, 0, 0, table, protocol, universe, if protocol == 0 { 0 } else { unicast }, 0, 0, 0, 0]);
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).unwrap_or(4);
        self.raw(&length.to_ne_bytes());
        self.raw(&kind.to_ne_bytes());
        self.raw(value);
        self.0.resize((self.0.len() + 3) & !3, 0);
    }

    fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Message<'_>)) {
        let start = self.0.len();
        self.attribute(kind | NESTED, &[]);
        fill(&mut Message(self.0));
        let length = u16::try_from(self.0.len() - start).unwrap_or(4);
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}
