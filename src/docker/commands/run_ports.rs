//! `-p` and `--expose`: port specifications as Docker reads them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;
use crate::docker::units;

/// What is exposed and what is published.
pub struct Ports {
    /// `{"80/tcp":{}}`
    pub exposed: Map<String, Json>,
    /// `{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}`
    pub bindings: Map<String, Json>,
}

/// Reads both flags.
pub fn read(m: &Matches) -> Result<Ports, Failure> {
    let mut bindings: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    let mut exposed: BTreeMap<String, Json> = BTreeMap::new();
    for text in m.all("publish") {
        let text = if text.contains('=') { long_form(text)? } else { text.to_owned() };
        for (port, ip, host) in published(&text)? {
            exposed.insert(port.clone(), json!({}));
            bindings.entry(port).or_default().push(json!({"HostIp": ip, "HostPort": host}));
        }
    }
    for text in m.all("expose") {
        if text.contains(':') {
            return Err(Failure::new(format!("invalid port format for --expose: {text}")));
        }
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (first, last) = range(ports)
            .ok_or_else(|| Failure::new(format!("invalid range format for --expose: {text}, error: {}", range_problem(ports))))?;
        for port in first..=last {
            exposed.insert(format!("{port}/{}", protocol.to_lowercase()), json!({}));
        }
    }
    Ok(Ports {
        exposed: exposed.into_iter().collect(),
        bindings: bindings.into_iter().map(|(port, list)| (port, Json::from(list))).collect(),
    })
}

/// Why `text` is no range of ports.
fn range_problem(text: &str) -> String {
    let parts = text.split('-');
    match parts.clone().find(|part| part.parse::<u16>().is_err()) {
        _ if text.is_empty() => "empty string specified for ports".to_owned(),
        Some(wrong) => format!("strconv.ParseUint: parsing {}: {}", units::quote(wrong), units::number_problem(wrong)),
        None => format!("invalid range specified for port: {text}"),
    }
}

/// `target=80,published=8080,protocol=tcp` as the short form.
fn long_form(text: &str) -> Result<String, Failure> {
    let (mut target, mut published, mut protocol) = ("", "", "tcp");
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("target", value)) => target = value,
            Some(("published", value)) => published = value,
            Some(("protocol", value)) => protocol = value,
            Some(("mode", _)) => {}
            _ => return Err(Failure::new(format!("invalid field {field}"))),
        }
    }
    if target.is_empty() {
        return Err(Failure::new(format!("missing mandatory field {}", crate::docker::units::quote("target"))));
    }
    Ok(format!("{published}:{target}/{protocol}"))
}

/// One `[ip:][host:]container[/protocol]`, ranges spread out: (port with protocol, address, host port).
fn published(text: &str) -> Result<Vec<(String, String, String)>, Failure> {
    let (address, host, container, protocol) = split(text);
    if container.is_empty() {
        return Err(Failure::new(format!("no port specified: {text}<empty>")));
    }
    let address = address.trim_start_matches('[').trim_end_matches(']');
    if !address.is_empty() && address.parse::<std::net::IpAddr>().is_err() {
        return Err(Failure::new(format!("invalid IP address: {address}")));
    }
    let (first, last) = range(container).ok_or_else(|| Failure::new(format!("invalid containerPort: {container}")))?;
    let host_range = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| Failure::new(format!("invalid hostPort: {host}")))?),
    };
    let protocol = protocol.to_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(Failure::new(format!("invalid proto: {protocol}")));
    }
    if let Some((low, high)) = host_range
        && high - low != last - first
        && first != last
    {
        return Err(Failure::new(format!("invalid ranges specified for container and host Ports: {container} and {host}")));
    }
    Ok((first..=last)
        .map(|port| {
            let host = match host_range {
                None => String::new(),
                // One port may take any of a range.
                Some((low, high)) if first == last && low != high => format!("{low}-{high}"),
                Some((low, _)) => (low + (port - first)).to_string(),
            };
            (format!("{port}/{protocol}"), address.to_owned(), host)
        })
        .collect())
}

fn split(text: &str) -> (&str, &str, &str, &str) {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, "")) => (rest, "tcp"),
        Some((rest, protocol)) => (rest, protocol),
        None => (text, "tcp"),
    };
    let Some((rest, container)) = rest.rsplit_once(':') else { return ("", "", rest, protocol) };
    match rest.rsplit_once(':') {
        Some((address, host)) => (address, host, container, protocol),
        None => ("", rest, container, protocol),
    }
}

fn range(text: &str) -> Option<(u32, u32)> {
    let port = |t: &str| t.parse::<u32>().ok().filter(|n| *n <= 65535 && t.bytes().all(|b| b.is_ascii_digit()));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    (first <= last).then_some((first, last))
}
