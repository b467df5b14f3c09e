//! Putting a container on a network and taking it off, while it runs or not.

use std::sync::Arc;

use super::super::netfiles;
use super::super::record::{Record, Status};
use super::super::spec::{Change, Command};
use super::super::store::{Container, Containers};
use super::places::{addresses, free_interface, gateway_of, interface, outside, target};
use super::{Connection, check};
use crate::network::{Attachment, HOST, NONE, Network, NetworkError};

impl Containers {
    /// Puts a container on one more network; at once if it runs.
    pub async fn connect_network(&self, network: &str, container: &Arc<Container>, wish: Connection) -> Result<(), NetworkError> {
        let _held = container.operation.lock().await;
        let network = self.networks().get(network)?;
        let record = container.record();
        self.refuse_change(&network, &record)?;
        if record.networks.iter().any(|p| p.network_id == network.id || p.network == network.name) {
            return Err(NetworkError::Forbidden(format!("endpoint with name {} already exists in network {}", record.name, network.name)));
        }
        let mut place = wish.attach(&network.name).map_err(NetworkError::Invalid)?;
        check(self.networks(), &place).map_err(|text| NetworkError::Invalid(format!("invalid endpoint settings:\n{text}")))?;
        place.network_id.clone_from(&network.id);
        if record.state.status.is_running() {
            let hub =
                self.networks().hub().map_err(|e| NetworkError::Failed(format!("this machine lets the engine make no networks: {e}")))?;
            hub.bridge(&network).map_err(|e| NetworkError::Failed(format!("cannot make the bridge of network {}: {e}", network.name)))?;
            let lease = self.lease(&network, &place, free_interface(&record))?;
            place.lease = Some(lease.clone());
            let places: Vec<_> = record.networks.iter().chain([&place]).cloned().collect();
            let mut change = self.change(&places);
            change.new = interface(&place, &network, false);
            let done = match container.live() {
                Some(live) => live.ask(Command::Connect(Box::new(change))).await.map_err(|e| e.to_string()).and_then(|d| d),
                None => Err("it does not run any more".to_owned()),
            };
            if let Err(e) = done {
                self.give_back(&network.id, &lease);
                return Err(NetworkError::Failed(format!("cannot connect container {} to network {}: {e}", record.name, network.name)));
            }
        }
        // Its end waits for nobody, and gives back all leases that it finds in the record.
        let mut late = None;
        let saved = container.update(|r| {
            if !r.state.status.is_running() {
                late = place.lease.take();
            }
            r.networks.push(place.clone());
        });
        if let Some(lease) = late {
            self.give_back(&network.id, &lease);
        }
        saved.map_err(|e| NetworkError::Failed(e.to_string()))?;
        if network.has_names() {
            self.write_names(&network)?;
        }
        for address in place.lease.iter().flat_map(addresses) {
            netfiles::add_address(&container.dir, &record, address);
        }
        netfiles::fit_resolver(&container.dir, &record, network.has_names());
        self.networks().tell_about("connect", &network, Some(&container.id));
        Ok(())
    }

    /// Takes a container off a network; at once if it runs.
    pub async fn disconnect_network(&self, network: &str, container: &Arc<Container>) -> Result<(), NetworkError> {
        let _held = container.operation.lock().await;
        let network = self.networks().get(network)?;
        let record = container.record();
        if record.host.network_mode == HOST || network.name == HOST {
            return Err(NetworkError::Invalid(
                "container cannot be disconnected from host network or connected to host network".to_owned(),
            ));
        }
        let at = record.networks.iter().position(|p| p.network_id == network.id || p.network == network.name);
        let Some(at) = at else {
            return Err(NetworkError::Forbidden(format!("container {} is not connected to network {}", container.id, network.name)));
        };
        let mut places = record.networks.clone();
        let place = places.remove(at);
        if let (true, Some(lease), Some(live)) = (record.state.status.is_running(), &place.lease, container.live())
            && lease.address.is_some()
        {
            let command = Command::Disconnect { interface: outside(lease), change: Box::new(self.change(&places)) };
            let done = live.ask(command).await.map_err(|e| e.to_string()).and_then(|d| d);
            done.map_err(|e| {
                NetworkError::Failed(format!("cannot disconnect container {} from network {}: {e}", record.name, network.name))
            })?;
        }
        // What its end has given back meanwhile is somebody else's already.
        let mut lease = None;
        let saved = container.update(|r| {
            if let Some(at) = r.networks.iter().position(|p| p.network_id == place.network_id && p.network == place.network) {
                lease = r.networks.remove(at).lease;
            }
        });
        if let Some(lease) = lease {
            self.give_back(&network.id, &lease);
        }
        saved.map_err(|e| NetworkError::Failed(e.to_string()))?;
        if network.has_names() {
            self.write_names(&network)?;
        }
        for address in place.lease.iter().flat_map(addresses) {
            netfiles::remove_address(&container.dir, address);
        }
        self.networks().tell_about("disconnect", &network, Some(&container.id));
        Ok(())
    }

    fn refuse_change(&self, network: &Network, record: &Record) -> Result<(), NetworkError> {
        let refuse = |text: &str| Err(NetworkError::Invalid(text.to_owned()));
        if record.state.status == Status::Removing || record.state.status == Status::Dead {
            return refuse("container is marked for removal and cannot be connected or disconnected to the network");
        }
        let mode = record.host.network_mode.as_str();
        if mode.starts_with("container:") {
            return refuse("container sharing network namespace with another container or host cannot be connected to any other network");
        }
        if mode == HOST || network.name == HOST {
            return refuse("container cannot be disconnected from host network or connected to host network");
        }
        if mode == NONE && record.networks.iter().any(|p| p.network == NONE) || network.name == NONE {
            return refuse("container cannot be connected to multiple networks with one of the networks in private (none) mode");
        }
        Ok(())
    }

    /// What becomes of a running container that is to be in these places.
    fn change(&self, places: &[Attachment]) -> Change {
        let networks: Vec<_> = places.iter().map(|p| self.networks().get(&p.network_id)).collect::<Result<_, _>>().unwrap_or_default();
        let gateway = gateway_of(places, &networks);
        let lease = gateway.and_then(|i| places.get(i)?.lease.as_ref());
        Change {
            new: None,
            gateway: lease.and_then(|l| Some((l.interface.clone(), l.gateway?))),
            gateway6: lease.and_then(|l| Some((l.interface.clone(), l.six.as_ref()?.gateway?))),
            target: target(places, gateway),
            resolver: self.resolver(places, &networks),
        }
    }
}
