//! Working out a network that fits beside the others.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use super::check::check;
use super::record::{MTU, Network, Pool};
use super::{BRIDGE, Block, HOST, NONE, NetworkError, Subnet};
use crate::container::new_id;

/// A network to be.
#[derive(Clone, Debug, Default)]
pub struct NetworkRequest {
    pub name: String,
    /// Empty for `bridge`.
    pub driver: String,
    pub internal: bool,
    pub attachable: bool,
    pub ipv6: bool,
    pub ipam_driver: String,
    pub ipam_options: Option<BTreeMap<String, String>>,
    pub pools: Vec<Pool>,
    pub options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
}

pub(super) fn predefined(name: &str, driver: &str) -> Network {
    Network {
        name: name.to_owned(),
        id: new_id(),
        created: Timestamp::now(),
        driver: driver.to_owned(),
        internal: false,
        attachable: false,
        ipam_driver: "default".to_owned(),
        ipam_options: None,
        pools: Vec::new(),
        subnet_given: false,
        subnet: None,
        range: None,
        gateway: None,
        six: None,
        options: BTreeMap::new(),
        labels: BTreeMap::new(),
    }
}

pub(super) fn default_bridge() -> Network {
    let mut network = predefined(BRIDGE, "bridge");
    give_subnet(&mut network, default_pools().next());
    let options = [
        ("default_bridge", "true"),
        ("enable_icc", "true"),
        ("enable_ip_masquerade", "true"),
        ("host_binding_ipv4", "0.0.0.0"),
        ("name", "docker0"),
    ];
    network.options = options.iter().map(|(key, value)| (format!("com.docker.network.bridge.{key}"), (*value).to_owned())).collect();
    network.options.insert(MTU.to_owned(), "1500".to_owned());
    network
}

/// A subnet of the engine's choice.
fn give_subnet(network: &mut Network, subnet: Option<Subnet<Ipv4Addr>>) {
    let Some(Block { subnet, gateway, .. }) = subnet.map(Block::new) else { return };
    network.pools = vec![Pool { subnet: subnet.to_string(), gateway: gateway.to_string(), ..Pool::default() }];
    (network.subnet, network.gateway) = (Some(subnet), Some(gateway));
}

/// The subnets that Docker gives to networks that ask for none; the first is the default network's.
fn default_pools() -> impl Iterator<Item = Subnet<Ipv4Addr>> {
    let wide = (17..=31).filter_map(|b| Subnet::new(Ipv4Addr::new(172, b, 0, 0), 16));
    wide.chain((0..=15).filter_map(|n| Subnet::new(Ipv4Addr::new(192, 168, n * 16, 0), 20)))
}

/// The size of packets, in the words of Docker's drivers when it is none.
fn check_mtu(options: &BTreeMap<String, String>) -> Result<(), NetworkError> {
    let Some(text) = options.get(MTU) else { return Ok(()) };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = |what: &str| NetworkError::Invalid(format!("failed to parse {MTU} value: {text} (strconv.Atoi: parsing {text:?}: {what})"));
    match text.parse::<i64>() {
        Ok(mtu) if mtu < 0 => Err(NetworkError::Invalid(format!("invalid MTU number: {mtu}"))),
        Ok(_) => Ok(()),
        Err(_) if is_number => Err(wrong("value out of range")),
        Err(_) => Err(wrong("invalid syntax")),
    }
}

/// Works out a network that fits beside the others.
pub(super) fn plan(request: NetworkRequest, others: &[Network]) -> Result<Network, NetworkError> {
    let NetworkRequest { name, driver, internal, attachable, ipv6, ipam_driver, ipam_options, pools, options, labels } = request;
    let invalid = |text: String| Err(NetworkError::Invalid(text));
    if name.trim().is_empty() {
        return invalid("invalid name: name is empty".to_owned());
    }
    if name.contains(['/', '\\']) || name.starts_with("container:") || name.chars().any(char::is_control) {
        return invalid(format!("{name} includes invalid characters for a network name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed"));
    }
    if [BRIDGE, HOST, NONE, "default"].contains(&name.as_str()) {
        return Err(NetworkError::Forbidden(format!("operation is not permitted on predefined {name} network ")));
    }
    if others.iter().any(|n| n.name == name) {
        return Err(NetworkError::Conflict(format!("network with name {name} already exists")));
    }
    match driver.as_str() {
        "" | "bridge" => {}
        "host" | "null" => return Err(NetworkError::Forbidden(format!("only one instance of \"{driver}\" network is allowed"))),
        "overlay" => {
            return Err(NetworkError::Forbidden(
                "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again."
                    .to_owned(),
            ));
        }
        _ => return Err(NetworkError::NotFound(format!("could not find plugin {driver} in v1 plugin registry: plugin not found"))),
    }
    check_mtu(&options)?;
    check(&pools, ipv6)?;
    let (pools6, pools): (Vec<Pool>, Vec<Pool>) = pools.into_iter().partition(|p| p.subnet.contains(':'));
    if pools.len() > 1 || pools6.len() > 1 {
        return Err(NetworkError::Forbidden("bridge driver doesn't support multiple subnets".to_owned()));
    }
    let six = match pools6.first() {
        Some(pool) if ipv6 => Some(Block::of(pool, others.iter().filter_map(|n| Some(n.six.as_ref()?.subnet)))?),
        // It is shown, and containers may ask for an address of it, which they do not get.
        Some(pool) => pool.subnet.parse::<Subnet<Ipv6Addr>>().map(|_| None).map_err(NetworkError::Invalid)?,
        None if ipv6 => {
            let text = "could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network";
            return invalid(text.to_owned());
        }
        None => None,
    };
    let mut network = predefined(&name, "bridge");
    (network.internal, network.attachable, network.ipam_options) = (internal, attachable, ipam_options);
    (network.options, network.labels) = (options, labels);
    if !ipam_driver.is_empty() {
        network.ipam_driver = ipam_driver;
    }
    let taken = others.iter().filter_map(|n| n.subnet);
    match pools.into_iter().next() {
        Some(pool) if !pool.subnet.is_empty() => {
            let Block { subnet, range, gateway } = Block::of(&pool, taken)?;
            (network.subnet, network.range, network.gateway) = (Some(subnet), range, Some(gateway));
            network.subnet_given = true;
            network.pools = vec![pool];
        }
        other => {
            if other.is_some_and(|pool| !pool.gateway.is_empty() || !pool.range.is_empty()) {
                return invalid("invalid network config:\na gateway or an ip-range needs a subnet".to_owned());
            }
            let free = default_pools().find(|s| !taken.clone().any(|other| other.overlaps(*s)));
            if free.is_none() {
                return Err(NetworkError::Invalid("all predefined address pools have been fully subnetted".to_owned()));
            }
            give_subnet(&mut network, free);
        }
    }
    network.six = six;
    // As Docker shows them: what was asked for first.
    let at = if network.subnet_given { network.pools.len() } else { 0 };
    network.pools.splice(at..at, pools6);
    Ok(network)
}
