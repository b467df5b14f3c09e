//! Legacy links: containers of the default network that know others by name.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::super::ContainerError;
use super::super::host::HostConfig;
use super::super::record::{Record, Status};
use super::super::store::{Container, Containers};
use super::ports::parse_port;
use super::{Plan, Refused};
use crate::network::{BRIDGE, HOST};

impl Containers {
    /// Puts ids in the place of the names in legacy links: one who is renamed stays linked. On a network with names they mean nothing.
    pub(in crate::container) fn settle_links(&self, host: &mut HostConfig) -> Result<(), ContainerError> {
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
            let mut seen = HashSet::new();
            while let Some(name) = host_of(&other) {
                if !seen.insert(other.id.clone()) {
                    return Err(ContainerError::Invalid(format!("cannot link to {target}: its network is that of containers in a circle")));
                }
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
    pub(super) fn link(&self, record: &Record, plan: &mut Plan) -> Result<(), Refused> {
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
