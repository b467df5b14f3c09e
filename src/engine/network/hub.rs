//! The engine's own network namespace, in which the bridges are.
//!
//! Nobody keeps it alive but those who are in it or hold it: the engine and its containers' monitors. When the last of them ends the
//! kernel takes everything back, bridges and all. The machine's interfaces are not in it, so nothing leads out of it.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use super::{Network, mac_of};
use crate::sys::netlink::{self, Batch, Peer, Socket};
use crate::sys::netns;

/// The namespace, and which bridges are in it.
pub struct Hub {
    namespace: OwnedFd,
    bridges: Mutex<HashSet<String>>,
}

impl Hub {
    /// Makes the namespace, and proves that bridges and pairs of interfaces can be made in it.
    pub fn create() -> io::Result<Hub> {
        let (namespace, ()) = netns::create(|| {
            let socket = Socket::open()?;
            let mut batch = Batch::default();
            batch.up(1);
            batch.bridge("probe", [0x02, 0x42, 0, 0, 0, 1], None);
            // The other end of the pair is in this namespace, too.
            let process = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
            batch.pair("probe0", 0, None, &Peer { name: "probe1", mac: [0x02, 0x42, 0, 0, 0, 2], process });
            socket.run(&batch)?;
            refuse_to_forward(&socket);
            Ok(())
        })?;
        let probed = namespace.try_clone()?;
        // Taking an interface away can take the kernel longer than making it: nobody has to wait.
        std::thread::spawn(move || {
            let _ = netns::within(probed.as_fd(), || {
                let mut batch = Batch::default();
                batch.remove("probe0");
                batch.remove("probe");
                Socket::open()?.run(&batch)
            });
        });
        Ok(Hub { namespace, bridges: Mutex::default() })
    }

    /// The namespace of an earlier engine, which monitors have kept.
    pub fn adopt(namespace: OwnedFd) -> Hub {
        Hub { namespace, bridges: Mutex::default() }
    }

    /// The namespace, to be entered by a monitor.
    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// Sees to it that a network's bridge is there.
    pub fn bridge(&self, network: &Network) -> io::Result<()> {
        let name = network.bridge();
        let mut bridges = self.bridges.lock().unwrap_or_else(PoisonError::into_inner);
        if bridges.contains(&name) {
            return Ok(());
        }
        let gateway = network.gateway.zip(network.subnet);
        let six = network.six.as_ref().map(|six| (six.gateway, six.subnet.bits()));
        netns::within(self.namespace(), || make_bridge(&name, gateway.map(|(a, s)| (a, s.bits())), six, network.mtu()))?;
        bridges.insert(name);
        Ok(())
    }

    /// Takes a network's bridge away.
    pub fn remove_bridge(&self, network: &Network) {
        let name = network.bridge();
        self.bridges.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        // One that was never made is no failure.
        let _ = netns::within(self.namespace(), || {
            let mut batch = Batch::default();
            batch.remove(&name);
            Socket::open()?.run(&batch)
        });
    }
}

/// Between networks nothing is forwarded, and nothing leads out: whoever tries is told at once rather than left to wait. A kernel
/// that has no rules of routing drops it all.
fn refuse_to_forward(socket: &Socket) {
    let set = |name: &str, value: &str| std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value);
    let mut batch = Batch::default();
    batch.no_way_through();
    if socket.run(&batch).is_ok() {
        // Every try is answered, not a few a second.
        let _ = set("icmp_ratelimit", "0");
        let _ = set("ip_forward", "1");
    } else {
        let _ = set("ip_forward", "0");
    }
}

fn make_bridge(name: &str, gateway: Option<(Ipv4Addr, u8)>, six: Option<(Ipv6Addr, u8)>, mtu: Option<u32>) -> io::Result<()> {
    let socket = Socket::open()?;
    let mut batch = Batch::default();
    batch.bridge(name, mac_of(gateway.map_or(Ipv4Addr::UNSPECIFIED, |(address, _)| address)), mtu);
    match socket.run(&batch) {
        // Of an earlier engine.
        Err(e) if e.raw_os_error() == Some(libc::EEXIST) => {}
        other => other?,
    }
    let index = netlink::index_of(name)?;
    let mut batch = Batch::default();
    if let Some((address, bits)) = gateway {
        batch.address(index, address, bits);
    }
    if let Some((address, bits)) = six {
        batch.address6(index, address, bits);
    }
    socket.run(&batch)
}
