//! The inside of a container's network: its interfaces, addresses and routes, made by its first process before it becomes its program,
//! or later by a helper that joins it. Knows of no engine.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};

use super::child::StartError;
use super::spec::{Interface, NetSpec};
use crate::sys::netlink::{self, Batch, Peer, Socket};

/// The way to the bridges: a connection to the kernel about the engine's network namespace, used from wherever.
pub struct Uplink {
    socket: Socket,
    /// The bridges' numbers, which only a process inside can find.
    bridges: Vec<(String, u32)>,
}

/// Where a container asks for names: 127.0.0.11, as in Docker.
pub struct Resolver {
    pub udp: UdpSocket,
    pub tcp: TcpListener,
}

/// The address of the resolver in every container.
const RESOLVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 11), 53);

impl Uplink {
    /// To be called inside the engine's network namespace.
    pub fn open() -> io::Result<Uplink> {
        Ok(Uplink { socket: Socket::open()?, bridges: Vec::new() })
    }

    /// Finds the bridge of an interface. To be called inside, before the interface is plugged.
    pub fn learn(&mut self, interface: &Interface) -> io::Result<()> {
        self.bridges.push((interface.bridge.clone(), netlink::index_of(&interface.bridge)?));
        Ok(())
    }

    /// Makes an interface in the network of `process` and joins its other end to its bridge.
    pub fn plug(&self, interface: &Interface, process: u32) -> io::Result<()> {
        let (_, master) = self.bridges.iter().rfind(|(name, _)| *name == interface.bridge).ok_or(io::ErrorKind::NotFound)?;
        let mut batch = Batch::default();
        let peer = Peer { name: &interface.name, mac: interface.mac, process };
        batch.pair(&interface.outside, *master, interface.mtu, &peer);
        self.socket.run(&batch)
    }

    /// Takes an interface away again, by the name of its outer end.
    pub fn unplug(&self, outside: &str) -> io::Result<()> {
        let mut batch = Batch::default();
        batch.remove(outside);
        self.socket.run(&batch)
    }

    /// Switches interfaces off, by the names of their outer ends. One that is gone needs it no more.
    pub fn switch_off(&self, outsides: &[String]) {
        let mut batch = Batch::default();
        outsides.iter().for_each(|outside| batch.down(outside));
        let _ = self.socket.send(&batch);
    }
}

/// Furnishes the new network namespace of the calling process, whose `/proc` is there.
pub fn furnish(net: Option<&NetSpec>, uplink: Option<&Uplink>) -> Result<Option<Resolver>, StartError> {
    let mut batch = Batch::default();
    batch.up(1);
    let own = Socket::open().map_err(StartError::doing("open a connection to the kernel's networks"))?;
    let (Some(net), Some(uplink)) = (net, uplink) else {
        return own.run(&batch).map(|()| None).map_err(StartError::doing("bring up the loopback interface"));
    };
    // An interface has no IPv6 address of its own making; the loopback interface keeps its own.
    let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    let process = rustix::process::getpid().as_raw_nonzero().get().cast_unsigned();
    for interface in &net.interfaces {
        uplink.plug(interface, process).map_err(StartError::doing(format_args!("make the interface {}", interface.name)))?;
        address(&mut batch, interface).map_err(StartError::doing(format_args!("prepare the interface {}", interface.name)))?;
    }
    own.run(&batch).map_err(StartError::doing("give the interfaces their addresses"))?;
    open_up();
    if net.resolver.is_none() {
        return Ok(None);
    }
    resolver().map(Some).map_err(StartError::doing("listen for questions for names"))
}

/// What Docker allows everybody in a container: to ping and to take any port. Where the kernel does not, nothing else is lost.
fn open_up() {
    let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    if fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").is_err() {
        // Only groups that exist here can be named.
        let _ = fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0");
    }
}

/// Adds an interface's switching on, address and, if it is to have one, its route to the batch.
pub fn address(batch: &mut Batch, interface: &Interface) -> io::Result<()> {
    let index = netlink::index_of(&interface.name)?;
    if interface.six.is_some() {
        fs::write(format!("/proc/sys/net/ipv6/conf/{}/disable_ipv6", interface.name), "0")?;
    }
    batch.up(index);
    batch.address(index, interface.address, interface.bits);
    if let Some(gateway) = interface.gateway {
        batch.default_route(index, gateway.into());
    }
    if let Some(six) = &interface.six {
        batch.address6(index, six.address, six.bits);
        if let Some(gateway) = six.gateway {
            batch.default_route(index, gateway.into());
        }
    }
    Ok(())
}

/// Opens the resolver's sockets in the network of the calling process.
pub fn resolver() -> io::Result<Resolver> {
    let (udp, tcp) = (UdpSocket::bind(RESOLVER)?, TcpListener::bind(RESOLVER)?);
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    Ok(Resolver { udp, tcp })
}
