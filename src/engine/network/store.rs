//! The networks of one engine: kept in `networks.json`, with the addresses that are taken in memory.
//!
//! An address belongs to a running container, so after a crash the containers that still run say which ones are taken: none is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Hub;
use super::names::{Named, Names};
use super::plan::{NetworkRequest, default_bridge, plan, predefined};
use super::record::Network;
use super::{Address, Block, NetworkError};
use crate::Events;
use crate::container::disk;
use crate::sys::netns;

/// The network of whoever asks for none.
pub const BRIDGE: &str = "bridge";
/// The machine's.
pub const HOST: &str = "host";
/// A loopback interface and nothing else.
pub const NONE: &str = "none";

const FILE: &str = "networks.json";
const FOLDER: &str = "networks";

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
    taken: HashMap<String, BTreeSet<IpAddr>>,
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
    pub(crate) fn take<A: Address>(&self, network: &Network, block: &Block<A>, wanted: Option<A>) -> Result<A, NetworkError> {
        let mut table = self.table();
        if !table.all.iter().any(|n| n.id == network.id) {
            return Err(NetworkError::no_such_network(&network.id));
        }
        let taken = table.taken.entry(network.id.clone()).or_default();
        let chosen = block.choose(network, taken, wanted)?;
        taken.insert(chosen.into());
        Ok(chosen)
    }

    /// Takes the address that a container of an earlier engine has already.
    pub(crate) fn retake(&self, network: &str, address: impl Address) {
        self.table().taken.entry(network.to_owned()).or_default().insert(address.into());
    }

    /// Gives an address back.
    pub(crate) fn give_back(&self, network: &str, address: impl Address) {
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::network::Pool;

    fn open(folder: &Path) -> Networks {
        Networks::open(folder, Events::new()).unwrap()
    }

    fn request(name: &str, subnet: &str, range: &str) -> NetworkRequest {
        let pool = Pool { subnet: subnet.to_owned(), range: range.to_owned(), ..Pool::default() };
        NetworkRequest { name: name.to_owned(), pools: vec![pool], ..NetworkRequest::default() }
    }

    fn take(networks: &Networks, network: &Network, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, NetworkError> {
        networks.take(network, &network.four().unwrap(), wanted)
    }

    #[test]
    fn addresses_are_given_lowest_first_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let networks = open(folder.path());
        let lab = networks.create(request("lab", "10.99.0.0/29", "")).unwrap();
        let ip = |last| Ipv4Addr::new(10, 99, 0, last);
        assert_eq!(lab.gateway, Some(ip(1)));
        let given: Vec<_> = std::iter::from_fn(|| take(&networks, &lab, None).ok()).collect();
        assert_eq!(given, [2, 3, 4, 5, 6].map(ip));
        assert!(take(&networks, &lab, None).unwrap_err().to_string().contains("no available IPv4 addresses"));
        networks.give_back(&lab.id, ip(4));
        assert_eq!(take(&networks, &lab, Some(ip(4))).unwrap(), ip(4));
        assert!(take(&networks, &lab, Some(ip(4))).is_err() && take(&networks, &lab, Some(ip(1))).is_err());
        assert!(networks.remove("lab").unwrap_err().to_string().ends_with("has active endpoints"));
    }

    #[test]
    fn a_range_gives_its_first_and_last_address() {
        let folder = tempfile::tempdir().unwrap();
        let networks = open(folder.path());
        let lab = networks.create(request("lab", "10.99.0.0/24", "10.99.0.128/30")).unwrap();
        let given: Vec<_> = std::iter::from_fn(|| take(&networks, &lab, None).ok()).map(|a| a.octets()[3]).collect();
        assert_eq!(given, [128, 129, 130, 131]);
        let six = NetworkRequest { ipv6: true, ..request("six", "fd00:7::/64", "fd00:7::40/126") };
        let six = networks.create(six).unwrap();
        let block = six.six.unwrap();
        let given: Vec<_> = std::iter::from_fn(|| networks.take(&six, &block, None).ok()).map(|a: Ipv6Addr| a.segments()[7]).collect();
        assert_eq!(given, [0x40, 0x41, 0x42, 0x43]);
        assert_eq!(networks.take(&six, &block, Some("fd00:7::9".parse().unwrap())).unwrap().segments()[7], 9);
        let outside = NetworkRequest { ipv6: true, ..request("seven", "fd00:8::/64", "fd00:9::/80") };
        assert!(
            networks
                .create(outside)
                .unwrap_err()
                .to_string()
                .contains("invalid ip-range fd00:9::/80: parent subnet fd00:8::/64 doesn't contain")
        );
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
