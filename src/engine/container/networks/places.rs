//! What a start takes of networks, addresses and names, and gives back at the end.

use std::net::{IpAddr, Ipv4Addr};

use super::super::new_id;
use super::super::record::Record;
use super::super::spec::{Interface, NetSpec};
use super::super::store::{Container, Containers};
use super::ports::port_specs;
use super::{Plan, Refused};
use crate::network::{self, Attachment, HOST, Lease, NONE, Network, NetworkError, Place6, mac_of, mac_text, porter};

impl Containers {
    /// Takes what a start needs: addresses, names. What is taken stands in the container's record, until [`Containers::leave`].
    pub(in crate::container) fn enter(&self, container: &Container) -> Result<Plan, Refused> {
        let record = container.record();
        let planned = self.plan(container, &record);
        if planned.is_err() {
            self.leave(container, false);
        }
        planned
    }

    fn plan(&self, container: &Container, record: &Record) -> Result<Plan, Refused> {
        let engine = |e: NetworkError| match e {
            NetworkError::Invalid(text) => (text, 125),
            other => (other.to_string(), 128),
        };
        let mode = record.host.network_mode.as_str();
        if let Some(name) = mode.strip_prefix("container:") {
            return self.join(container, name);
        }
        if let Some(clash) = self.clash(container, record) {
            return Err((clash, 128));
        }
        let mut plan = Plan::default();
        let hub = if [HOST, NONE].contains(&mode) { None } else { self.networks().hub().ok() };
        let mut places = record.networks.clone();
        if places.is_empty() {
            // Of an engine that had no networks.
            places.push(Attachment { network: mode.to_owned(), ..Attachment::default() });
        }
        container.lock().networks.clone_from(&places);
        let mut joined = Vec::new();
        for (i, place) in places.iter_mut().enumerate() {
            let network =
                self.networks().get(if place.network_id.is_empty() { &place.network } else { &place.network_id }).map_err(engine)?;
            place.network_id.clone_from(&network.id);
            let lease = match (&hub, network.driver.as_str()) {
                (Some(hub), "bridge") => {
                    hub.bridge(&network).map_err(|e| (format!("cannot make the bridge of network {}: {e}", network.name), 128))?;
                    self.lease(&network, place, i).map_err(engine)?
                }
                _ => Lease { endpoint: new_id(), ..Lease::default() },
            };
            place.lease = Some(lease);
            joined.push(network);
            // What is taken must be known, so that it can be given back.
            container.lock().networks[i].clone_from(place);
        }
        for network in joined.iter().filter(|n| n.has_names()) {
            self.write_names(network).map_err(engine)?;
        }
        if let Some(hub) = hub {
            let mut net = NetSpec { networks: places.clone(), ..NetSpec::default() };
            let gateway = gateway_of(&places, &joined);
            for (i, (place, network)) in places.iter().zip(&joined).enumerate() {
                net.interfaces.extend(interface(place, network, gateway == Some(i)));
            }
            net.target = target(&places, gateway);
            net.ports = port_specs(record).map_err(|e| (e.to_string(), 125))?;
            net.porter = !net.ports.is_empty() && porter::connection().is_some();
            net.resolver = self.resolver(&places, &joined);
            (plan.net, plan.hub) = (Some(net), Some(hub));
        }
        self.link(record, &mut plan)?;
        Ok(plan)
    }

    pub(super) fn lease(&self, network: &Network, place: &Attachment, number: usize) -> Result<Lease, NetworkError> {
        let Some(four) = network.four() else {
            return Err(NetworkError::Failed(format!("network {} has no addresses to give", network.name)));
        };
        let address = self.networks().take(network, &four, place.address)?;
        let mac = network::parse_mac(&place.mac).unwrap_or_else(|| mac_of(address));
        let six = network.six.as_ref().map(|six| {
            let address = self.networks().take(network, six, place.address6)?;
            Ok(Place6 { address, bits: six.subnet.bits(), gateway: (!network.internal).then_some(six.gateway) })
        });
        let six = six.transpose().inspect_err(|_: &NetworkError| self.networks().give_back(&network.id, address))?;
        Ok(Lease {
            endpoint: new_id(),
            interface: format!("eth{number}"),
            address: Some(address),
            bits: four.subnet.bits(),
            gateway: (!network.internal).then_some(four.gateway),
            six,
            mac: mac_text(mac),
        })
    }

    pub(super) fn give_back(&self, network: &str, lease: &Lease) {
        if let Some(address) = lease.address {
            self.networks().give_back(network, address);
        }
        if let Some(six) = &lease.six {
            self.networks().give_back(network, six.address);
        }
    }

    fn join(&self, container: &Container, name: &str) -> Result<Plan, Refused> {
        let other = self.get(name).map_err(|e| (e.to_string(), 128))?;
        if other.id == container.id {
            return Err(("cannot join own network".to_owned(), 128));
        }
        let state = other.record().state;
        if !state.status.is_running() {
            return Err((format!("cannot join network of a non running container: {}", other.id), 128));
        }
        Ok(Plan { join: Some((state.pid, other)), ..Plan::default() })
    }

    /// Gives back what [`Containers::enter`] took; `told` where the engine's listeners know of it.
    pub(in crate::container) fn leave(&self, container: &Container, told: bool) {
        let networks = {
            let mut record = container.lock();
            record.ports.clear();
            record.networks.iter_mut().filter_map(|p| Some((p.network_id.clone(), p.lease.take()?))).collect::<Vec<_>>()
        };
        for (id, lease) in networks {
            self.give_back(&id, &lease);
            let Ok(network) = self.networks().get(&id) else { continue };
            if network.has_names() {
                let _ = self.write_names(&network);
            }
            if told && self.inner.told {
                self.networks().tell_about("disconnect", &network, Some(&container.id));
            }
        }
    }

    /// Tells the engine's listeners where a container is.
    pub(in crate::container) fn tell_networks(&self, container: &Container) {
        if !self.inner.told {
            return;
        }
        let ids: Vec<_> = container.lock().networks.iter().filter(|p| p.lease.is_some()).map(|p| p.network_id.clone()).collect();
        for network in ids.iter().filter_map(|id| self.networks().get(id).ok()) {
            self.networks().tell_about("connect", &network, Some(&container.id));
        }
    }

    /// Takes over the places of a container that an earlier engine has started; `monitor` is its monitor's process.
    pub(in crate::container) fn resume_networks(&self, container: &Container, monitor: i32) {
        let record = container.lock();
        let mut has = false;
        for (place, lease, address) in record.networks.iter().filter_map(|p| Some((p, p.lease.as_ref()?, p.lease.as_ref()?.address?))) {
            self.networks().retake(&place.network_id, address);
            if let Some(six) = &lease.six {
                self.networks().retake(&place.network_id, six.address);
            }
            has = true;
        }
        drop(record);
        if has {
            self.networks().adopt_hub(monitor);
        }
    }
}

/// Docker's order of who leads to everywhere else: not an internal network, and the first by name.
pub(super) fn gateway_of(places: &[Attachment], networks: &[Network]) -> Option<usize> {
    let leads = |i: &usize| places[*i].lease.as_ref().is_some_and(|l| l.gateway.is_some());
    (0..places.len().min(networks.len())).filter(leads).min_by_key(|i| &networks[*i].name)
}

/// The address at which the container is reached from outside.
pub(super) fn target(places: &[Attachment], gateway: Option<usize>) -> Option<Ipv4Addr> {
    let of = |i: usize| places.get(i)?.lease.as_ref()?.address;
    gateway.and_then(of).or_else(|| (0..places.len()).find_map(of))
}

pub(super) fn interface(place: &Attachment, network: &Network, leads: bool) -> Option<Interface> {
    let lease = place.lease.as_ref()?;
    Some(Interface {
        name: lease.interface.clone(),
        outside: outside(lease),
        bridge: network.bridge(),
        mac: network::parse_mac(&lease.mac)?,
        mtu: network.mtu(),
        address: lease.address?,
        bits: lease.bits,
        gateway: lease.gateway.filter(|_| leads),
        six: lease.six.clone().map(|six| Place6 { gateway: six.gateway.filter(|_| leads), ..six }),
    })
}

/// All that a container is reached at on a network.
pub(in crate::container) fn addresses(lease: &Lease) -> Vec<IpAddr> {
    let six = lease.six.as_ref().map(|six| IpAddr::V6(six.address));
    lease.address.map(IpAddr::V4).into_iter().chain(six).collect()
}

pub(super) fn outside(lease: &Lease) -> String {
    format!("veth{}", &lease.endpoint[..7.min(lease.endpoint.len())])
}

/// A number that none of the container's interfaces has.
pub(super) fn free_interface(record: &Record) -> usize {
    let taken = |n: &usize| record.networks.iter().filter_map(|p| p.lease.as_ref()).any(|l| l.interface == format!("eth{n}"));
    (0..).find(|n| !taken(n)).unwrap_or_default()
}
