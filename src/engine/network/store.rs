//! The networks of one engine: kept in `networks.json`, with the addresses that are taken in memory.
//!
//! An address belongs to a running container, so after a crash the containers that still run say which ones are taken: none is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::hub::Hub;
use super::names::{Named, Names};
use super::record::{Network, Pool};
use super::{NetworkError, Six, Subnet, Subnet6};
use crate::engine::Events;
use crate::engine::container::{disk, new_id};
use crate::sys::netns;

/// The network of whoever asks for none.
pub const BRIDGE: &str = "bridge";
/// The machine's.
pub const HOST: &str = "host";
/// A loopback interface and nothing else.
pub const NONE: &str = "none";

const FILE: &str = "networks.json";
const FOLDER: &str = "networks";

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

/// All networks of one engine.
pub struct Networks {
    state: PathBuf,
    events: Events,
    table: Mutex<Table>,
    /// The namespace of the bridges, or why there is none; made when a container first needs it.
    hub: Mutex<Option<Result<Arc<Hub>, String>>>,
}

#[derive(Default)]
struct Table {
    all: Vec<Network>,
    /// Addresses that are somebody's, by network.
    taken: HashMap<String, BTreeSet<u32>>,
    taken6: HashMap<String, BTreeSet<Ipv6Addr>>,
}

impl Networks {
    /// Opens the networks kept under `state`; makes those that every engine has.
    pub(crate) fn open(state: &Path, events: Events) -> Result<Networks, NetworkError> {
        let failed = |e: std::io::Error| NetworkError::Failed(format!("cannot write the networks in {}: {e}", state.display()));
        std::fs::create_dir_all(state).map_err(failed)?;
        let all = match disk::read_json::<Vec<Network>>(&state.join(FILE)) {
            Some(all) => all,
            None => {
                let all = vec![predefined(NONE, "null"), predefined(HOST, "host"), default_bridge()];
                disk::write_json(&state.join(FILE), &all).map_err(failed)?;
                all
            }
        };
        let table = Mutex::new(Table { all, ..Table::default() });
        Ok(Networks { state: state.to_owned(), events, table, hub: Mutex::default() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, table: &Table) -> Result<(), NetworkError> {
        disk::write_json(&self.state.join(FILE), &table.all)
            .map_err(|e| NetworkError::Failed(format!("cannot write the networks in {}: {e}", self.state.display())))
    }

    /// All networks, oldest first.
    pub fn list(&self) -> Vec<Network> {
        self.table().all.clone()
    }

    /// Finds a network by its id, its name or the beginning of its id.
    pub fn get(&self, name: &str) -> Result<Network, NetworkError> {
        let table = self.table();
        let exact = table.all.iter().find(|n| n.id == name).or_else(|| table.all.iter().find(|n| n.name == name));
        if let Some(network) = exact {
            return Ok(network.clone());
        }
        let mut beginning = table.all.iter().filter(|n| !name.is_empty() && n.id.starts_with(name));
        match (beginning.next(), beginning.next()) {
            (Some(network), None) => Ok(network.clone()),
            (Some(_), Some(_)) => Err(NetworkError::Invalid(format!("network {name} is ambiguous (2 matches found based on ID prefix)"))),
            (None, _) => Err(NetworkError::no_such_network(name)),
        }
    }

    /// Makes a network.
    pub fn create(&self, request: NetworkRequest) -> Result<Network, NetworkError> {
        let mut table = self.table();
        let network = plan(request, &table.all)?;
        table.all.push(network.clone());
        if let Err(e) = self.save(&table) {
            table.all.pop();
            return Err(e);
        }
        drop(table);
        self.tell("create", &network);
        Ok(network)
    }

    /// Removes a network that no running container is on.
    pub fn remove(&self, name: &str) -> Result<Network, NetworkError> {
        let network = self.get(name)?;
        if [BRIDGE, HOST, NONE].contains(&network.name.as_str()) {
            return Err(NetworkError::Forbidden(format!("{} is a pre-defined network and cannot be removed", network.name)));
        }
        let mut table = self.table();
        if table.taken.get(&network.id).is_some_and(|taken| !taken.is_empty()) {
            return Err(NetworkError::Forbidden(format!(
                "error while removing network: network {} id {} has active endpoints",
                network.name, network.id
            )));
        }
        let Some(at) = table.all.iter().position(|n| n.id == network.id) else { return Err(NetworkError::no_such_network(name)) };
        let removed = table.all.remove(at);
        if let Err(e) = self.save(&table) {
            table.all.insert(at, removed);
            return Err(e);
        }
        table.taken.remove(&network.id);
        table.taken6.remove(&network.id);
        drop(table);
        let _ = std::fs::remove_file(self.names_file(&network.id));
        if let Some(Ok(hub)) = &*self.hub.lock().unwrap_or_else(PoisonError::into_inner) {
            hub.remove_bridge(&network);
        }
        self.tell("destroy", &network);
        Ok(network)
    }

    /// Removes the networks that no running container is on and that `chosen` accepts; gives their names.
    pub fn prune(&self, chosen: impl Fn(&Network) -> bool) -> Vec<String> {
        let candidates = self.list().into_iter().filter(|n| chosen(n));
        candidates.filter_map(|n| self.remove(&n.id).ok()).map(|n| n.name).collect()
    }

    /// Takes an address of a network: `wanted`, or the lowest that is free.
    pub(crate) fn take(&self, network: &Network, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, NetworkError> {
        let Some(subnet) = network.subnet else {
            return Err(NetworkError::Failed(format!("network {} has no addresses to give", network.name)));
        };
        let mut table = self.table();
        if !table.all.iter().any(|n| n.id == network.id) {
            return Err(NetworkError::no_such_network(&network.id));
        }
        let taken = table.taken.entry(network.id.clone()).or_default();
        let mut reserved: BTreeSet<u32> =
            network.pools.iter().flat_map(|p| p.others.iter().flatten()).filter_map(|(_, a)| address(a)).collect();
        reserved.extend(network.gateway.map(u32::from));
        let chosen = match wanted {
            Some(address) if !subnet.contains(address) => {
                return Err(NetworkError::Invalid(format!("no configured subnet contains IP address {address}")));
            }
            Some(address) if taken.contains(&address.into()) || reserved.contains(&address.into()) => {
                return Err(NetworkError::Forbidden("Address already in use".to_owned()));
            }
            Some(address) => Some(u32::from(address)),
            None => {
                let (first, last) = subnet.hosts();
                let (low, high) = network.range.map_or((first, last), |range| {
                    let (low, high) = range.hosts();
                    // A range is no network of its own: its ends can be given, unless they are the network's.
                    let ends = (low.saturating_sub(u32::from(range.bits() < 31)), high.saturating_add(u32::from(range.bits() < 31)));
                    (ends.0.max(first), ends.1.min(last))
                });
                (low..=high).find(|a| !taken.contains(a) && !reserved.contains(a))
            }
        };
        let Some(chosen) = chosen else {
            return Err(NetworkError::Failed(format!(
                "no available IPv4 addresses on this network's address pools: {} ({})",
                network.name, network.id
            )));
        };
        taken.insert(chosen);
        Ok(chosen.into())
    }

    /// Takes an IPv6 address of a network that has some.
    pub(crate) fn take6(&self, network: &Network, six: &Six, wanted: Option<Ipv6Addr>) -> Result<Ipv6Addr, NetworkError> {
        let mut table = self.table();
        let taken = table.taken6.entry(network.id.clone()).or_default();
        let mut busy = taken.clone();
        busy.insert(six.gateway);
        busy.extend(network.pools.iter().flat_map(|p| p.others.iter().flatten()).filter_map(|(_, a)| a.parse::<Ipv6Addr>().ok()));
        let chosen = match wanted {
            Some(address) if !six.subnet.contains(address) => {
                return Err(NetworkError::Invalid(format!("no configured subnet contains IP address {address}")));
            }
            Some(address) if busy.contains(&address) => return Err(NetworkError::Forbidden("Address already in use".to_owned())),
            Some(address) => Some(address),
            None => six.subnet.free(&busy),
        };
        let none = || {
            let (name, id) = (&network.name, &network.id);
            NetworkError::Failed(format!("no available IPv6 addresses on this network's address pools: {name} ({id})"))
        };
        let chosen = chosen.ok_or_else(none)?;
        taken.insert(chosen);
        Ok(chosen)
    }

    /// Takes the IPv6 address that a container of an earlier engine has already.
    pub(crate) fn retake6(&self, network: &str, address: Ipv6Addr) {
        self.table().taken6.entry(network.to_owned()).or_default().insert(address);
    }

    /// Gives an IPv6 address back.
    pub(crate) fn give_back6(&self, network: &str, address: Ipv6Addr) {
        if let Some(taken) = self.table().taken6.get_mut(network) {
            taken.remove(&address);
        }
    }

    /// Takes the address that a container of an earlier engine has already.
    pub(crate) fn retake(&self, network: &str, address: Ipv4Addr) {
        self.table().taken.entry(network.to_owned()).or_default().insert(address.into());
    }

    /// Gives an address back.
    pub(crate) fn give_back(&self, network: &str, address: Ipv4Addr) {
        if let Some(taken) = self.table().taken.get_mut(network) {
            taken.remove(&address.into());
        }
    }

    /// The file of the names on a network.
    pub(crate) fn names_file(&self, id: &str) -> PathBuf {
        self.state.join(FOLDER).join(format!("{id}.json"))
    }

    /// Writes down who is called what on a network.
    pub(crate) fn write_names(&self, network: &Network, all: Vec<Named>) -> Result<(), NetworkError> {
        let file = self.names_file(&network.id);
        let written =
            std::fs::create_dir_all(self.state.join(FOLDER)).and_then(|()| Names { network: network.name.clone(), all }.write(&file));
        written.map_err(|e| NetworkError::Failed(format!("cannot write the names on network {}: {e}", network.name)))
    }

    /// The namespace of the bridges, made now if it is not there; the error says why this machine has none.
    pub(crate) fn hub(&self) -> Result<Arc<Hub>, String> {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        hub.get_or_insert_with(|| Hub::create().map(Arc::new).map_err(|e| e.to_string())).clone()
    }

    /// Takes over the namespace in which the monitor of a container of an earlier engine is.
    pub(crate) fn adopt_hub(&self, monitor: i32) {
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        if hub.is_none()
            && let Some(namespace) = netns::other_than_ours(monitor)
        {
            *hub = Some(Ok(Arc::new(Hub::adopt(namespace))));
        }
    }

    /// Tells the engine's listeners what happened to a network.
    pub(crate) fn tell(&self, action: &str, network: &Network) {
        self.tell_about(action, network, None);
    }

    /// Tells the engine's listeners that a container came or went.
    pub(crate) fn tell_about(&self, action: &str, network: &Network, container: Option<&str>) {
        let mut attributes: BTreeMap<String, String> = container.map(|id| ("container".to_owned(), id.to_owned())).into_iter().collect();
        attributes.insert("name".to_owned(), network.name.clone());
        attributes.insert("type".to_owned(), network.driver.clone());
        self.events.emit("network", action, network.id.clone(), attributes);
    }
}

fn address(text: &str) -> Option<u32> {
    text.parse::<Ipv4Addr>().ok().map(u32::from)
}

fn predefined(name: &str, driver: &str) -> Network {
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

fn default_bridge() -> Network {
    let mut network = predefined(BRIDGE, "bridge");
    give_subnet(&mut network, Subnet::new(Ipv4Addr::new(172, 17, 0, 0), 16));
    let options = [
        ("default_bridge", "true"),
        ("enable_icc", "true"),
        ("enable_ip_masquerade", "true"),
        ("host_binding_ipv4", "0.0.0.0"),
        ("name", "docker0"),
    ];
    network.options = options.iter().map(|(key, value)| (format!("com.docker.network.bridge.{key}"), (*value).to_owned())).collect();
    network.options.insert("com.docker.network.driver.mtu".to_owned(), "1500".to_owned());
    network
}

/// A subnet of the engine's choice, whose first address is the gateway.
fn give_subnet(network: &mut Network, subnet: Option<Subnet>) {
    let Some(subnet) = subnet else { return };
    let gateway = Ipv4Addr::from(subnet.hosts().0);
    network.pools = vec![Pool { subnet: subnet.to_string(), gateway: gateway.to_string(), ..Pool::default() }];
    (network.subnet, network.gateway) = (Some(subnet), Some(gateway));
}

/// The subnets that Docker gives to networks that ask for none.
fn default_pools() -> impl Iterator<Item = Subnet> {
    let wide = (17..=31).filter_map(|b| Subnet::new(Ipv4Addr::new(172, b, 0, 0), 16));
    wide.chain((0..=15).filter_map(|n| Subnet::new(Ipv4Addr::new(192, 168, n * 16, 0), 20)))
}

/// Works out a network that fits beside the others.
fn plan(request: NetworkRequest, others: &[Network]) -> Result<Network, NetworkError> {
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
    let (pools6, pools): (Vec<Pool>, Vec<Pool>) = pools.into_iter().partition(|p| p.subnet.contains(':'));
    let six = if ipv6 { Some(plan6(&pools6, others)?) } else { None };
    if pools.len() > 1 {
        return Err(NetworkError::Forbidden("bridge driver doesn't support multiple subnets".to_owned()));
    }
    let mut network = predefined(&name, "bridge");
    (network.internal, network.attachable, network.ipam_options) = (internal, attachable, ipam_options);
    (network.options, network.labels) = (options, labels);
    if !ipam_driver.is_empty() {
        network.ipam_driver = ipam_driver;
    }
    let overlapping = |subnet: Subnet| others.iter().filter_map(|n| n.subnet).any(|s| s.overlaps(subnet));
    match pools.into_iter().next() {
        Some(pool) if !pool.subnet.is_empty() => {
            let subnet: Subnet = pool.subnet.parse().map_err(NetworkError::Invalid)?;
            if subnet.bits() > 30 {
                return invalid(format!("invalid subnet {subnet}: it has no room for a gateway and a container"));
            }
            if overlapping(subnet) {
                return Err(NetworkError::Forbidden("Pool overlaps with other one on this address space".to_owned()));
            }
            let within = |what: &str, text: &str| -> Result<Ipv4Addr, NetworkError> {
                let address = text.split('/').next().and_then(|a| a.parse().ok());
                address.filter(|a| subnet.contains(*a)).ok_or_else(|| {
                    NetworkError::Invalid(format!("invalid network config:\ninvalid {what} {text}: parent subnet is {subnet}"))
                })
            };
            network.gateway = Some(if pool.gateway.is_empty() { subnet.hosts().0.into() } else { within("gateway", &pool.gateway)? });
            if !pool.range.is_empty() {
                within("ip-range", &pool.range)?;
                let range: Subnet = pool.range.parse().map_err(NetworkError::Invalid)?;
                if range.bits() < subnet.bits() {
                    return invalid(format!(
                        "invalid network config:\ninvalid ip-range {range}: it is bigger than its associated subnet {subnet}"
                    ));
                }
                network.range = Some(range);
            }
            for other in pool.others.iter().flatten().map(|(_, address)| address) {
                within("auxiliary address", other)?;
            }
            network.subnet = Some(subnet);
            network.subnet_given = true;
            network.pools = vec![pool];
        }
        other => {
            if other.is_some_and(|pool| !pool.gateway.is_empty() || !pool.range.is_empty()) {
                return invalid("invalid network config:\na gateway or an ip-range needs a subnet".to_owned());
            }
            let free = default_pools().find(|s| !overlapping(*s));
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

/// Works out what a network has of IPv6.
fn plan6(pools: &[Pool], others: &[Network]) -> Result<Six, NetworkError> {
    let invalid = NetworkError::Invalid;
    let pool = match pools {
        [] => {
            let text = "could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network";
            return Err(invalid(text.to_owned()));
        }
        [pool] => pool,
        _ => return Err(NetworkError::Forbidden("bridge driver doesn't support multiple subnets".to_owned())),
    };
    let subnet: Subnet6 = pool.subnet.parse().map_err(NetworkError::Invalid)?;
    if subnet.bits() > 126 {
        return Err(invalid(format!("invalid subnet {subnet}: it has no room for a gateway and a container")));
    }
    if others.iter().filter_map(|n| n.six.as_ref()).any(|other| other.subnet.overlaps(subnet)) {
        return Err(NetworkError::Forbidden("Pool overlaps with other one on this address space".to_owned()));
    }
    let gateway = match pool.gateway.split('/').next().unwrap_or_default() {
        "" => subnet.first(),
        text => text
            .parse()
            .ok()
            .filter(|a| subnet.contains(*a))
            .ok_or_else(|| invalid(format!("invalid network config:\ninvalid gateway {}: parent subnet is {subnet}", pool.gateway)))?,
    };
    Ok(Six { subnet, gateway })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Networks {
        Networks::open(folder, Events::new()).unwrap()
    }

    fn request(name: &str, subnet: &str, range: &str) -> NetworkRequest {
        let pool = Pool { subnet: subnet.to_owned(), range: range.to_owned(), ..Pool::default() };
        NetworkRequest { name: name.to_owned(), pools: vec![pool], ..NetworkRequest::default() }
    }

    #[test]
    fn addresses_are_given_lowest_first_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let networks = open(folder.path());
        let lab = networks.create(request("lab", "10.99.0.0/29", "")).unwrap();
        let ip = |last| Ipv4Addr::new(10, 99, 0, last);
        assert_eq!(lab.gateway, Some(ip(1)));
        let given: Vec<_> = std::iter::from_fn(|| networks.take(&lab, None).ok()).collect();
        assert_eq!(given, [2, 3, 4, 5, 6].map(ip));
        assert!(networks.take(&lab, None).unwrap_err().to_string().contains("no available IPv4 addresses"));
        networks.give_back(&lab.id, ip(4));
        assert_eq!(networks.take(&lab, Some(ip(4))).unwrap(), ip(4));
        assert!(networks.take(&lab, Some(ip(4))).is_err() && networks.take(&lab, Some(ip(1))).is_err());
        assert!(networks.remove("lab").unwrap_err().to_string().ends_with("has active endpoints"));
    }

    #[test]
    fn a_range_gives_its_first_and_last_address() {
        let folder = tempfile::tempdir().unwrap();
        let networks = open(folder.path());
        let lab = networks.create(request("lab", "10.99.0.0/24", "10.99.0.128/30")).unwrap();
        let given: Vec<_> = std::iter::from_fn(|| networks.take(&lab, None).ok()).map(|a| a.octets()[3]).collect();
        assert_eq!(given, [128, 129, 130, 131]);
    }

    #[test]
    fn networks_are_found_again_and_do_not_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let networks = open(folder.path());
        // A name that no identifier begins with: those are hexadecimal, and a beginning finds them too.
        let first = networks.create(NetworkRequest { name: "lab".to_owned(), ..NetworkRequest::default() }).unwrap();
        assert_eq!(first.subnet.unwrap().to_string(), "172.18.0.0/16");
        assert!(networks.create(request("b", "172.18.3.0/24", "")).unwrap_err().to_string().starts_with("Pool overlaps"));
        assert!(matches!(networks.create(request("lab", "", "")), Err(NetworkError::Conflict(_))));
        let again = open(folder.path());
        assert_eq!(again.list(), networks.list());
        assert_eq!(again.get(&first.id[..8]).unwrap(), first);
        again.remove("lab").unwrap();
        assert!(matches!(again.get("lab"), Err(NetworkError::NotFound(_))));
        assert!(matches!(again.remove("bridge"), Err(NetworkError::Forbidden(_))));
    }
}
