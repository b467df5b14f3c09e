//! A container's place on networks: worked out when it is created, taken when it starts, given back when it ends.

mod change;
mod links;
mod names;
mod places;
mod ports;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde_json::Value;

use super::ContainerError;
use super::host::HostConfig;
use super::spec::NetSpec;
use super::store::{Container, Containers};
use crate::image::RunConfig;
use crate::network::{self, Address, Attachment, BRIDGE, HOST, Hub, NONE, Network, Networks};

pub use names::dns_names;
pub(super) use places::addresses;
pub(super) use ports::{check_ports, not_published};

/// How a container wants to be on a network.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub ipam: Option<Value>,
    pub links: Option<Vec<String>>,
    pub aliases: Option<Vec<String>>,
    pub mac: String,
    pub driver_options: Option<BTreeMap<String, String>>,
}

/// What a start needs to know about networks.
#[derive(Default)]
pub(super) struct Plan {
    /// The process and the folder of the container whose network is joined.
    pub join: Option<(i32, Arc<Container>)>,
    pub net: Option<NetSpec>,
    pub hub: Option<Arc<Hub>>,
    /// Lines for /etc/hosts and variables, for legacy links.
    pub hosts: Vec<String>,
    pub env: Vec<String>,
}

type Refused = (String, i32);

impl Connection {
    /// Where it is to be, by the network's name.
    fn attach(self, network: &str) -> Result<Attachment, String> {
        let text = |key: &str| self.ipam.as_ref().and_then(|i| i.get(key)).and_then(Value::as_str).filter(|t| !t.is_empty());
        let address6 = match text("IPv6Address") {
            None => None,
            Some(text) => Some(text.parse::<Ipv6Addr>().map_err(|_| format!("invalid IPv6 address: {text}"))?),
        };
        let address = match text("IPv4Address") {
            None => None,
            Some(text) => Some(text.parse::<Ipv4Addr>().map_err(|_| format!("invalid IPv4 address: {text}"))?),
        };
        if !self.mac.is_empty() && network::parse_mac(&self.mac).is_none() {
            return Err(format!("invalid MAC address: {}", self.mac));
        }
        let Connection { ipam, links, aliases, mac, driver_options } = self;
        Ok(Attachment {
            network: network.to_owned(),
            address,
            address6,
            ipam,
            links,
            aliases,
            mac,
            driver_options,
            ..Attachment::default()
        })
    }
}

/// The networks of a container to be: that of its mode first.
pub(super) fn attachments(
    networks: &Networks,
    config: &RunConfig,
    host: &HostConfig,
    wanted: Vec<(String, Connection)>,
) -> Result<Vec<Attachment>, ContainerError> {
    let invalid = |text: &str| Err(ContainerError::Invalid(text.to_owned()));
    let mode = host.network_mode.as_str();
    if let Some(other) = mode.strip_prefix("container:") {
        if other.is_empty() {
            return invalid("Invalid network mode: invalid container format container:<name|id>");
        }
        let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        let refused = [
            (!config.hostname.is_empty(), "hostname and the network mode"),
            (some(&host.links), "container type network can't be used with links. This would result in undefined behavior"),
            (!host.dns.is_empty(), "dns and the network mode"),
            (some(&host.extra_hosts), "custom host-to-IP mapping and the network mode"),
            (!config.mac_address.is_empty(), "mac-address and the network mode"),
            (!host.port_bindings.is_empty() || host.publish_all_ports, "port publishing and the container type network mode"),
            (config.exposed_ports.as_ref().is_some_and(|p| !p.is_empty()), "port exposing and the container type network mode"),
        ];
        return match refused.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => invalid(&format!("conflicting options: {what}")),
            None => Ok(Vec::new()),
        };
    }
    if mode == HOST && host.links.as_ref().is_some_and(|l| !l.is_empty()) {
        return invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior");
    }
    let mut all = Vec::new();
    for (name, connection) in wanted {
        let name = if name == "default" { BRIDGE.to_owned() } else { name };
        let place = connection.attach(&name).map_err(ContainerError::Invalid)?;
        check(networks, &place)
            .map_err(|text| ContainerError::Invalid(format!("invalid config for network {name}: invalid endpoint settings:\n{text}")))?;
        let is_mode = name == mode || networks.get(&name).is_ok_and(|n| n.name == mode || n.id == mode);
        if is_mode { all.insert(0, place) } else { all.push(place) }
    }
    let same = |place: &Attachment| place.network == mode || networks.get(&place.network).is_ok_and(|n| n.name == mode || n.id == mode);
    if !all.first().is_some_and(same) {
        all.insert(0, Attachment { network: mode.to_owned(), ..Attachment::default() });
    }
    // Everybody speaks of a network by its name.
    for place in &mut all {
        if let Ok(network) = networks.get(&place.network) {
            place.network = network.name;
        }
    }
    if let (Some(first), true) = (all.first_mut(), network::parse_mac(&config.mac_address).is_some())
        && first.mac.is_empty()
    {
        first.mac.clone_from(&config.mac_address);
    }
    Ok(all)
}

/// What makes no sense on a network that is there, in Docker's words.
fn check(networks: &Networks, place: &Attachment) -> Result<(), String> {
    let Ok(network) = networks.get(&place.network) else { return Ok(()) };
    if (place.address.is_some() || place.address6.is_some()) && !network.has_names() {
        return Err("user specified IP address is supported on user defined networks only".to_owned());
    }
    check_address(&network, place.address)?;
    check_address(&network, place.address6)?;
    if place.aliases.as_ref().is_some_and(|a| !a.is_empty()) && !network.has_names() {
        return Err("network-scoped aliases are only supported for user-defined networks".to_owned());
    }
    Ok(())
}

/// Refuses an address that is in no subnet which the network's user gave it.
fn check_address<A: Address>(network: &Network, wanted: Option<A>) -> Result<(), String> {
    let Some(address) = wanted else { return Ok(()) };
    let mut given = network.given::<A>().peekable();
    if given.peek().is_none() {
        return Err("user specified IP address is supported only when connecting to networks with user configured subnets".to_owned());
    }
    if given.any(|subnet| subnet.contains(address)) { Ok(()) } else { Err(network::outside(address)) }
}

impl Containers {
    /// The networks of this engine.
    pub fn networks(&self) -> &Networks {
        &self.inner.networks
    }

    /// What a container with this host config will lack on this machine.
    pub(super) fn network_warning(&self, host: &HostConfig) -> Option<String> {
        let mode = host.network_mode.as_str();
        if mode == HOST && !host.port_bindings.is_empty() {
            return Some("Published ports are discarded when using host network mode".to_owned());
        }
        if [HOST, NONE].contains(&mode) || mode.starts_with("container:") {
            return None;
        }
        let why = self.networks().hub().err()?;
        Some(format!(
            "This machine lets the engine make no networks ({why}). The container has a loopback interface only; its ports are not published."
        ))
    }
}
