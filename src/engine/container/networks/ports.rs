//! The ports of a container that the machine shall have: what is asked for, and whether another container has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::host::HostConfig;
use super::super::record::Record;
use super::super::spec::PortSpec;
use super::super::store::{Container, Containers};
use super::super::{ContainerError, new_id};
use crate::network::Protocol;

/// The ports that are given where none is asked for.
const FREE_PORTS: (u16, u16) = (32768, 60999);

/// Refuses port wishes that cannot be read.
pub(in crate::container) fn check_ports(host: &HostConfig) -> Result<(), ContainerError> {
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
pub(super) fn parse_port(text: &str) -> Result<(u16, Protocol), ContainerError> {
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
        Some((first, last)) => Some((port(first)?, port(last)?)).filter(|(first, last)| first <= last).ok_or_else(bad),
    }
}

/// What is to be published.
pub(super) fn port_specs(record: &Record) -> Result<Vec<PortSpec>, ContainerError> {
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
    /// Another container of this engine that has a port which this one wants.
    pub(super) fn clash(&self, container: &Container, record: &Record) -> Option<String> {
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
}

/// The words around a port that cannot be published.
pub(in crate::container) fn not_published(record: &Record, endpoint: &str, text: &str) -> String {
    format!("driver failed programming external connectivity on endpoint {} ({endpoint}): {text}", record.name)
}
