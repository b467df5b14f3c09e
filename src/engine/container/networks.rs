//! A container's place on networks: worked out when it is created, taken when it starts, given back when it ends.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde_json::Value;

use super::host::HostConfig;
use super::record::{Record, Status};
use super::spec::{Change, Command, Interface, NetSpec, PortSpec, ResolverSpec};
use super::store::{Container, Containers};
use super::{ContainerError, new_id};
use crate::image::RunConfig;
use crate::network::{
    self, Address, Attachment, BRIDGE, HOST, Hub, Lease, NONE, Named, Network, NetworkError, Networks, Place6, Protocol, mac_of, mac_text,
    porter,
};

/// The ports that are given where none is asked for.
const FREE_PORTS: (u16, u16) = (32768, 60999);

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

/// Refuses port wishes that cannot be read.
pub(super) fn check_ports(host: &HostConfig) -> Result<(), ContainerError> {
    for (port, bindings) in &host.port_bindings {
        parse_port(port)?;
        for binding in bindings.iter().flatten() {
            host_ports(&binding.host_port)?;
            if !binding.host_ip.is_empty() && binding.host_ip.parse::<IpAddr>().is_err() {
                return Err(ContainerError::Invalid(format!("invalid host IP address: {}", binding.host_ip)));
            }
        }
    }
    Ok(())
}

/// `80/tcp`, `53/udp` or `80`.
fn parse_port(text: &str) -> Result<(u16, Protocol), ContainerError> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number =
        number.parse().ok().filter(|n| *n != 0).ok_or_else(|| ContainerError::Invalid(format!("invalid port specification: {text:?}")))?;
    match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Ok((number, Protocol::Tcp)),
        "udp" => Ok((number, Protocol::Udp)),
        other => {
            Err(ContainerError::Invalid(format!("invalid port specification: {text:?}: this engine publishes tcp and udp, not {other}")))
        }
    }
}

/// A port of the machine, a range of which one is taken, or any.
fn host_ports(text: &str) -> Result<(u16, u16), ContainerError> {
    let bad = || ContainerError::Invalid(format!("invalid port specification: {text:?}"));
    let port = |t: &str| t.parse::<u16>().map_err(|_| bad());
    match text.split_once('-') {
        _ if matches!(text, "" | "0") => Ok(FREE_PORTS),
        None => port(text).map(|p| (p, p)),
        Some((first, last)) => Ok((port(first)?, port(last)?)),
    }
}

/// What is to be published.
fn port_specs(record: &Record) -> Result<Vec<PortSpec>, ContainerError> {
    let everywhere = || vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let mut specs = Vec::new();
    for (port, bindings) in &record.host.port_bindings {
        let (container, protocol) = parse_port(port)?;
        for binding in bindings.iter().flatten() {
            let (first, last) = host_ports(&binding.host_port)?;
            let hosts = if binding.host_ip.is_empty() { everywhere() } else { binding.host_ip.parse().into_iter().collect() };
            specs.push(PortSpec { container, protocol, hosts, first, last });
        }
    }
    if record.host.publish_all_ports {
        for port in record.config.exposed_ports.iter().flatten().map(|(port, _)| port) {
            let bound = record.host.port_bindings.get(port).is_some_and(|b| b.as_ref().is_some_and(|b| !b.is_empty()));
            if let (Ok((container, protocol)), false) = (parse_port(port), bound) {
                specs.push(PortSpec { container, protocol, hosts: everywhere(), first: FREE_PORTS.0, last: FREE_PORTS.1 });
            }
        }
    }
    Ok(specs)
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

    /// Takes what a start needs: addresses, names. What is taken stands in the container's record, until [`Containers::leave`].
    pub(super) fn enter(&self, container: &Container) -> Result<Plan, Refused> {
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
            return self.join(name);
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

    fn lease(&self, network: &Network, place: &Attachment, number: usize) -> Result<Lease, NetworkError> {
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

    fn give_back(&self, network: &str, lease: &Lease) {
        if let Some(address) = lease.address {
            self.networks().give_back(network, address);
        }
        if let Some(six) = &lease.six {
            self.networks().give_back(network, six.address);
        }
    }

    fn join(&self, name: &str) -> Result<Plan, Refused> {
        let other = self.get(name).map_err(|e| (e.to_string(), 128))?;
        let state = other.record().state;
        if !state.status.is_running() {
            return Err((format!("cannot join network of a non running container: {}", other.id), 128));
        }
        Ok(Plan { join: Some((state.pid, other)), ..Plan::default() })
    }

    /// Another container of this engine that has a port which this one wants.
    fn clash(&self, container: &Container, record: &Record) -> Option<String> {
        let specs = port_specs(record).ok()?;
        if specs.is_empty() {
            return None;
        }
        let taken: Vec<_> = self.list().into_iter().filter(|c| c.id != container.id).flat_map(|c| c.lock().ports.clone()).collect();
        for spec in specs.iter().filter(|s| s.first == s.last) {
            let meets = |host: IpAddr| {
                taken.iter().any(|t| {
                    (t.port, t.protocol) == (spec.first, spec.protocol)
                        && t.host.is_ipv4() == host.is_ipv4()
                        && (t.host == host || t.host.is_unspecified() || host.is_unspecified())
                })
            };
            if let Some(host) = spec.hosts.iter().find(|h| meets(**h)) {
                let at = std::net::SocketAddr::new(*host, spec.first);
                let text = format!("Bind for {at} failed: port is already allocated");
                return Some(not_published(record, &new_id(), &text));
            }
        }
        None
    }

    /// Gives back what [`Containers::enter`] took; `told` where the engine's listeners know of it.
    pub(super) fn leave(&self, container: &Container, told: bool) {
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
    pub(super) fn tell_networks(&self, container: &Container) {
        if !self.inner.told {
            return;
        }
        let ids: Vec<_> = container.lock().networks.iter().filter(|p| p.lease.is_some()).map(|p| p.network_id.clone()).collect();
        for network in ids.iter().filter_map(|id| self.networks().get(id).ok()) {
            self.networks().tell_about("connect", &network, Some(&container.id));
        }
    }

    /// Takes over the places of a container that an earlier engine has started; `monitor` is its monitor's process.
    pub(super) fn resume_networks(&self, container: &Container, monitor: i32) {
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

    /// Writes all names again: containers may have ended while no engine ran.
    pub(super) fn refresh_names(&self) {
        for network in self.networks().list().into_iter().filter(|n| n.has_names() && self.networks().names_file(&n.id).exists()) {
            let _ = self.write_names(&network);
        }
    }

    /// Writes the names again on a container's networks, whose own has changed.
    pub(super) fn renamed(&self, container: &Container) {
        let ids: Vec<_> = container.lock().networks.iter().filter(|p| p.lease.is_some()).map(|p| p.network_id.clone()).collect();
        for network in ids.iter().filter_map(|id| self.networks().get(id).ok()).filter(Network::has_names) {
            let _ = self.write_names(&network);
        }
    }

    fn write_names(&self, network: &Network) -> Result<(), NetworkError> {
        // One at a time, so that an older state never follows a newer one.
        let _one = self.inner.naming.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all = Vec::new();
        for container in self.list() {
            let record = container.lock();
            for place in record.networks.iter().filter(|p| p.network_id == network.id) {
                let Some(lease) = &place.lease else { continue };
                if let Some(address) = lease.address {
                    let address6 = lease.six.as_ref().map(|six| six.address);
                    all.push(Named { address, address6, names: dns_names(&record, place) });
                }
            }
        }
        self.networks().write_names(network, all)
    }

    /// Who answers this container's questions for names, if it is on a network that has names.
    fn resolver(&self, places: &[Attachment], networks: &[Network]) -> Option<ResolverSpec> {
        let named: Vec<_> = places.iter().zip(networks).filter(|(_, n)| n.has_names()).collect();
        if named.is_empty() {
            return None;
        }
        let files = named.iter().map(|(_, n)| self.networks().names_file(&n.id)).collect();
        let links = named.iter().flat_map(|(p, _)| p.links.iter().flatten()).map(|link| {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            (alias.to_owned(), target.to_owned())
        });
        Some(ResolverSpec { files, links: links.collect() })
    }

    /// Puts ids in the place of the names in legacy links: one who is renamed stays linked. On a network with names they mean nothing.
    pub(super) fn settle_links(&self, host: &mut HostConfig) -> Result<(), ContainerError> {
        if !matches!(host.network_mode.as_str(), "" | "default" | BRIDGE) {
            return Ok(());
        }
        for link in host.links.iter_mut().flatten() {
            if link.is_empty() {
                return Err(ContainerError::Invalid("empty string specified for links".to_owned()));
            }
            if link.matches(':').count() > 1 {
                return Err(ContainerError::Invalid(format!("invalid format for links: {link}")));
            }
            let (target, alias) = split_link(link);
            // A client that reads "not found" would look for the image.
            let find = |name: &str| self.get(name).map_err(|e| ContainerError::Invalid(format!("could not get container for {name}: {e}")));
            // One that joined another's network is where that one is.
            let mut other = find(&target)?;
            let host_of = |container: &Container| container.lock().host.network_mode.strip_prefix("container:").map(str::to_owned);
            while let Some(name) = host_of(&other) {
                other = find(&name)?;
            }
            if other.lock().host.network_mode == HOST {
                return Err(ContainerError::Invalid(
                    "conflicting options: host type networking can't be used with links. This would result in undefined behavior"
                        .to_owned(),
                ));
            }
            *link = format!("{}:{alias}", other.id);
        }
        Ok(())
    }

    /// The legacy links of a container that lead somewhere: the other one, and what it is called here.
    pub fn links(&self, record: &Record) -> Vec<(Arc<Container>, String)> {
        let links = record.host.links.iter().flatten().map(|link| split_link(link));
        links.filter_map(|(target, alias)| Some((self.get(&target).ok()?, alias))).collect()
    }

    /// Legacy links, on the default network: lines of /etc/hosts and variables.
    fn link(&self, record: &Record, plan: &mut Plan) -> Result<(), Refused> {
        for link in record.host.links.iter().flatten() {
            let (target, alias) = split_link(link);
            // A link goes with the container that it leads to.
            let Ok(other) = self.get(&target).map(|other| other.record()) else { continue };
            if other.state.status != Status::Running {
                return Err((format!("Cannot link to a non running container: /{} AS /{}/{alias}", other.name, record.name), 128));
            }
            let place = other.networks.iter().find(|p| p.network == BRIDGE).and_then(|p| p.lease.as_ref());
            let Some(address) = place.and_then(|l| l.address) else { continue };
            let mut names = vec![alias.clone()];
            for name in [&other.id[..12], &other.name] {
                if !names.iter().any(|n| n == name) {
                    names.push(name.to_owned());
                }
            }
            plan.hosts.push(format!("{address}\t{}", names.join(" ")));
            plan.env.extend(link_variables(record, &other, &alias, address));
        }
        Ok(())
    }

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
        let mut places = record.networks.clone();
        if record.state.status.is_running() {
            let hub =
                self.networks().hub().map_err(|e| NetworkError::Failed(format!("this machine lets the engine make no networks: {e}")))?;
            hub.bridge(&network).map_err(|e| NetworkError::Failed(format!("cannot make the bridge of network {}: {e}", network.name)))?;
            let lease = self.lease(&network, &place, free_interface(&record))?;
            place.lease = Some(lease.clone());
            places.push(place.clone());
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
        } else {
            places.push(place);
        }
        let saved = container.update(|r| r.networks.clone_from(&places));
        saved.map_err(|e| NetworkError::Failed(e.to_string()))?;
        if network.has_names() {
            self.write_names(&network)?;
        }
        for address in places.last().and_then(|p| p.lease.as_ref()).into_iter().flat_map(addresses) {
            super::netfiles::add_address(&container.dir, &record, address);
        }
        super::netfiles::fit_resolver(&container.dir, &record, network.has_names());
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
            self.give_back(&network.id, lease);
        }
        let saved = container.update(|r| r.networks.clone_from(&places));
        saved.map_err(|e| NetworkError::Failed(e.to_string()))?;
        if network.has_names() {
            self.write_names(&network)?;
        }
        for address in place.lease.iter().flat_map(addresses) {
            super::netfiles::remove_address(&container.dir, address);
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

/// The words around a port that cannot be published.
pub(super) fn not_published(record: &Record, endpoint: &str, text: &str) -> String {
    format!("driver failed programming external connectivity on endpoint {} ({endpoint}): {text}", record.name)
}

/// Docker's order of who leads to everywhere else: not an internal network, and the first by name.
fn gateway_of(places: &[Attachment], networks: &[Network]) -> Option<usize> {
    let leads = |i: &usize| places[*i].lease.as_ref().is_some_and(|l| l.gateway.is_some());
    (0..places.len().min(networks.len())).filter(leads).min_by_key(|i| &networks[*i].name)
}

/// The address at which the container is reached from outside.
fn target(places: &[Attachment], gateway: Option<usize>) -> Option<Ipv4Addr> {
    let of = |i: usize| places.get(i)?.lease.as_ref()?.address;
    gateway.and_then(of).or_else(|| (0..places.len()).find_map(of))
}

fn interface(place: &Attachment, network: &Network, leads: bool) -> Option<Interface> {
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
pub(super) fn addresses(lease: &Lease) -> Vec<IpAddr> {
    let six = lease.six.as_ref().map(|six| IpAddr::V6(six.address));
    lease.address.map(IpAddr::V4).into_iter().chain(six).collect()
}

fn outside(lease: &Lease) -> String {
    format!("veth{}", &lease.endpoint[..7.min(lease.endpoint.len())])
}

/// A number that none of the container's interfaces has.
fn free_interface(record: &Record) -> usize {
    let taken = |n: &usize| record.networks.iter().filter_map(|p| p.lease.as_ref()).any(|l| l.interface == format!("eth{n}"));
    (0..).find(|n| !taken(n)).unwrap_or_default()
}

/// The names of a container on a network, as Docker lists them.
pub fn dns_names(record: &Record, place: &Attachment) -> Vec<String> {
    let short = record.id.get(..12).unwrap_or_default().to_owned();
    let mut names = vec![record.name.clone()];
    names.extend(place.aliases.iter().flatten().cloned());
    names.extend([short, record.config.hostname.clone()]);
    let mut seen = std::collections::HashSet::new();
    names.retain(|n| !n.is_empty() && seen.insert(n.clone()));
    names
}

/// `srv`, `srv:alias` or, as the engine keeps it, `/srv:/web/alias`.
fn split_link(link: &str) -> (String, String) {
    let (target, alias) = link.split_once(':').unwrap_or((link, link));
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    (target.trim_start_matches('/').to_owned(), last(alias))
}

/// The variables of a legacy link: where the other container's ports are, and its own variables.
fn link_variables(record: &Record, other: &Record, alias: &str, address: Ipv4Addr) -> Vec<String> {
    let prefix = alias.replace('-', "_").to_uppercase();
    let mut variables = Vec::new();
    let mut ports: Vec<_> = other.config.exposed_ports.iter().flatten().filter_map(|(port, _)| parse_port(port).ok()).collect();
    ports.sort_unstable();
    if let Some((port, protocol)) = ports.first() {
        variables.push(format!("{prefix}_PORT={p}://{address}:{port}", p = protocol.as_str()));
    }
    for (port, protocol) in ports {
        let protocol = protocol.as_str();
        let name = format!("{prefix}_PORT_{port}_{}", protocol.to_uppercase());
        variables.push(format!("{name}={protocol}://{address}:{port}"));
        variables.push(format!("{name}_ADDR={address}"));
        variables.push(format!("{name}_PORT={port}"));
        variables.push(format!("{name}_PROTO={protocol}"));
    }
    variables.push(format!("{prefix}_NAME=/{}/{alias}", record.name));
    let own = other.config.env.iter().flatten().filter(|e| !e.starts_with("HOME=") && !e.starts_with("PATH=") && e.contains('='));
    variables.extend(own.map(|entry| format!("{prefix}_ENV_{entry}")));
    variables
}
