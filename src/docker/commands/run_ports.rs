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
        let (ports, protocol) = with_protocol(text);
        let (first, last) = range(ports).map_err(|why| Failure::new(format!("invalid range format for --expose: {text}, error: {why}")))?;
        for port in first..=last {
            exposed.insert(format!("{port}/{protocol}"), json!({}));
        }
    }
    Ok(Ports {
        exposed: exposed.into_iter().collect(),
        bindings: bindings.into_iter().map(|(port, list)| (port, Json::from(list))).collect(),
    })
}

/// `target=80,published=8080,protocol=tcp` as the short form.
fn long_form(text: &str) -> Result<String, Failure> {
    let (mut target, mut published, mut protocol) = ("", "", "tcp");
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("target", value)) => target = value,
            Some(("published", value)) => published = value,
            Some(("protocol", value)) => protocol = value,
            // Others mean nothing, and are taken.
            Some((name, _)) if !name.is_empty() => {}
            _ => return Err(Failure::new(format!("invalid publish opts format (should be name=value but got '{field}')"))),
        }
    }
    Ok(format!("{published}:{target}/{protocol}"))
}

/// One `[ip:][host:]container[/protocol]`, ranges spread out: (port with protocol, address, host port).
fn published(text: &str) -> Result<Vec<(String, String, String)>, Failure> {
    let (rest, container) = text.rsplit_once(':').unwrap_or(("", text));
    let (address, host) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (container, given_protocol) = with_protocol(container);
    let address = unbracketed(address)?;
    if !address.is_empty() && address.parse::<std::net::IpAddr>().is_err() {
        return Err(Failure::new(format!("invalid IP address: {address}")));
    }
    if container.is_empty() {
        return Err(Failure::new(format!("no port specified: {text}<empty>")));
    }
    let (first, last) = range(container).map_err(|_| Failure::new(format!("invalid containerPort: {container}")))?;
    let host_range = match host {
        "" => None,
        host => Some(range(host).map_err(|_| Failure::new(format!("invalid hostPort: {host}")))?),
    };
    if let Some((low, high)) = host_range
        && high - low != last - first
        && first != last
    {
        return Err(Failure::new(format!("invalid ranges specified for container and host Ports: {container} and {host}")));
    }
    let protocol = given_protocol.to_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(Failure::new(format!("invalid proto: {given_protocol}")));
    }
    Ok((first..=last)
        .map(|port| {
            let host = match host_range {
                None => String::new(),
                // One port may take any of a range.
                Some((low, high)) if first == last && low != high => format!("{low}-{high}"),
                Some((low, _)) => (u32::from(low) + u32::from(port - first)).to_string(),
            };
            (format!("{port}/{protocol}"), address.to_owned(), host)
        })
        .collect())
}

/// An address without the brackets of IPv6.
fn unbracketed(address: &str) -> Result<&str, Failure> {
    let Some(inner) = address.strip_prefix('[') else { return Ok(address) };
    let wrong = |why: &str| Err(Failure::new(format!("invalid IP address {address}: address {address}:: {why}")));
    match inner.split_once(']') {
        None => wrong("missing ']' in address"),
        Some((_, rest)) if !rest.is_empty() => wrong("missing port in address"),
        Some((inner, _)) => Ok(inner),
    }
}

/// Ports and their protocol; neither where there are no ports.
fn with_protocol(text: &str) -> (&str, &str) {
    let mut parts = text.split('/');
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("", _) => ("", ""),
        (ports, None | Some("")) => (ports, "tcp"),
        (ports, Some(protocol)) => (ports, protocol),
    }
}

/// A port, or the first and the last of several.
fn range(text: &str) -> Result<(u16, u16), String> {
    if text.is_empty() {
        return Err("empty string specified for ports".to_owned());
    }
    let port = |digits: &str| match digits.parse::<u16>() {
        Ok(port) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(format!("strconv.ParseUint: parsing {}: {}", units::quote(digits), units::number_problem(digits))),
    };
    let mut ends = text.split('-');
    let first = port(ends.next().unwrap_or_default())?;
    let last = ends.next().map_or(Ok(first), port)?;
    if last < first { Err(format!("invalid range specified for port: {text}")) } else { Ok((first, last)) }
}
