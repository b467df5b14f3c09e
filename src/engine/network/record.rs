//! What the engine knows of a network, and of a container's place on it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Address, Block, Subnet};
use crate::container::nullable;

/// The option that says how long a network's packets may be.
pub(super) const MTU: &str = "com.docker.network.driver.mtu";

/// One network, as it stands in `networks.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Network {
    pub name: String,
    pub id: String,
    pub created: Timestamp,
    /// `bridge`, `host` or `null`.
    pub driver: String,
    pub internal: bool,
    pub attachable: bool,
    pub ipam_driver: String,
    pub ipam_options: Option<BTreeMap<String, String>>,
    /// The pools as they are shown: what was asked for, or what the engine chose.
    pub pools: Vec<Pool>,
    /// Whether its user gave the subnet.
    pub subnet_given: bool,
    pub subnet: Option<Subnet<Ipv4Addr>>,
    /// The part of the subnet that addresses are given from.
    pub range: Option<Subnet<Ipv4Addr>>,
    pub gateway: Option<Ipv4Addr>,
    /// What it has of IPv6, if it has.
    #[serde(default)]
    pub six: Option<Block<Ipv6Addr>>,
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

/// A pool of addresses in the words of who asked for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "IPAMConfig", rename_all = "PascalCase", default)]
pub struct Pool {
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub subnet: String,
    #[serde(rename = "IPRange", deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub range: String,
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub gateway: String,
    #[serde(rename = "AuxiliaryAddresses", alias = "AuxAddress", skip_serializing_if = "Option::is_none")]
    pub others: Option<BTreeMap<String, String>>,
}

impl Network {
    /// The interface of the engine's namespace that joins its containers.
    pub fn bridge(&self) -> String {
        if self.name == super::BRIDGE { "docker0".to_owned() } else { format!("br-{}", &self.id[..12.min(self.id.len())]) }
    }

    /// Whether containers on it find one another by name.
    pub fn has_names(&self) -> bool {
        self.driver == "bridge" && self.name != super::BRIDGE
    }

    /// What it has of IPv4.
    pub fn four(&self) -> Option<Block<Ipv4Addr>> {
        Some(Block { subnet: self.subnet?, range: self.range, gateway: self.gateway? })
    }

    /// The subnets that its user gave it: those of IPv6 too where it has none, for Docker lets containers ask for an address of those.
    pub fn given<A: Address>(&self) -> impl Iterator<Item = Subnet<A>> {
        let subnets = self.pools.iter().filter_map(|pool| pool.subnet.parse().ok());
        subnets.filter(|_| self.subnet_given || A::FAMILY == Ipv6Addr::FAMILY)
    }

    /// The size of its packets, where it was set.
    pub fn mtu(&self) -> Option<u32> {
        self.options.get(MTU).and_then(|mtu| mtu.parse().ok()).filter(|mtu| ![0, 1500].contains(mtu))
    }
}

/// A container's wish to be on a network, and what it has there while it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// The network by the name that was used, and by its id once the container has been on it.
    pub network: String,
    pub network_id: String,
    /// A fixed address.
    pub address: Option<Ipv4Addr>,
    pub address6: Option<Ipv6Addr>,
    /// The address wish in Docker's form, as it is shown.
    pub ipam: Option<serde_json::Value>,
    pub links: Option<Vec<String>>,
    pub aliases: Option<Vec<String>>,
    /// A fixed interface address; empty for one made of the IP address.
    pub mac: String,
    pub driver_options: Option<BTreeMap<String, String>>,
    /// While the container runs.
    pub lease: Option<Lease>,
}

/// A container's place on a network while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub endpoint: String,
    /// The interface inside the container.
    pub interface: String,
    /// None on the machine's network and on none.
    pub address: Option<Ipv4Addr>,
    pub bits: u8,
    pub gateway: Option<Ipv4Addr>,
    #[serde(default)]
    pub six: Option<Place6>,
    pub mac: String,
}

/// What a running container has of IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place6 {
    pub address: Ipv6Addr,
    pub bits: u8,
    /// Where the network leads elsewhere.
    pub gateway: Option<Ipv6Addr>,
}

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// A port of the machine that leads to one of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub container: u16,
    pub protocol: Protocol,
    pub host: IpAddr,
    pub port: u16,
}
