//! `docker network create`, `ls`, `rm`, `connect`, `disconnect`.

use serde_json::{Map, Value as Json, json};

use super::run_config::pairs;
use super::run_network::connect_endpoint;
use super::shared::{filters, labels_text, named, shown_id, text};
use super::volume::natural;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};

static NETWORK: RowKind = RowKind {
    type_name: "*network.networkContext",
    fields: &[
        ("ID", "NETWORK ID"),
        ("Name", "NAME"),
        ("Driver", "DRIVER"),
        ("Scope", "SCOPE"),
        ("IPv4", "IPV4"),
        ("IPv6", "IPV6"),
        ("Internal", "INTERNAL"),
        ("Labels", "LABELS"),
        ("CreatedAt", "CREATED AT"),
    ],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
};

/// `docker network ls`.
pub async fn list(c: &Context, m: &Matches) -> Outcome {
    let mut request = Request::get("/networks");
    if let Some(filters) = filters(m.all("filter"))? {
        request = request.query("filters", filters);
    }
    let answer = c.client()?.send(request).await?.json().await?;
    let format = Format::new(
        &NETWORK,
        &c.format(m, "networksFormat"),
        "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        m.on("quiet").then_some("{{.ID}}"),
    )?;
    let mut networks: Vec<&Json> = answer.as_array().into_iter().flatten().collect();
    networks.sort_by_cached_key(|n| natural(text(n, "Name")));
    let on = |network: &Json, key: &str| json!((network.get(key).and_then(Json::as_bool) == Some(true)).to_string());
    let rows = networks.into_iter().map(|network| Row {
        kind: &NETWORK,
        labels: Some(network.get("Labels").cloned().unwrap_or(Json::Null)),
        json: None,
        created: None,
        values: vec![
            ("ID", json!(shown_id(text(network, "Id"), m.on("no-trunc")))),
            ("Name", json!(text(network, "Name"))),
            ("Driver", json!(text(network, "Driver"))),
            ("Scope", json!(text(network, "Scope"))),
            ("IPv4", on(network, "EnableIPv4")),
            ("IPv6", on(network, "EnableIPv6")),
            ("Internal", on(network, "Internal")),
            ("Labels", json!(labels_text(network.get("Labels")))),
            ("CreatedAt", json!(created_at(text(network, "Created")))),
        ],
    });
    c.print(format.render(rows)?);
    Ok(0)
}

fn created_at(stamp: &str) -> String {
    match stamp.parse::<jiff::Timestamp>() {
        Ok(stamp) => {
            let zoned = stamp.to_zoned(crate::docker::zone::local());
            let fraction = format!("{:09}", stamp.subsec_nanosecond());
            let fraction = fraction.trim_end_matches('0');
            let dot = if fraction.is_empty() { "" } else { "." };
            format!("{}{dot}{fraction}{}", zoned.strftime("%Y-%m-%d %H:%M:%S"), zoned.strftime(" %z %Z"))
        }
        Err(_) => stamp.to_owned(),
    }
}

/// `docker network create`.
pub async fn create(c: &Context, m: &Matches) -> Outcome {
    let mut body = Map::new();
    let mut set = |key: &str, value: Json| body.insert(key.to_owned(), value);
    set("Driver", json!(m.get("driver").unwrap_or("bridge")));
    set("Scope", json!(m.text("scope")));
    if m.given("ipv4") {
        set("EnableIPv4", json!(m.on("ipv4")));
    }
    if m.given("ipv6") {
        set("EnableIPv6", json!(m.on("ipv6")));
    }
    set(
        "IPAM",
        json!({
            "Driver": m.get("ipam-driver").unwrap_or("default"),
            "Options": pairs(m.all("ipam-opt")),
            "Config": ipam(m)?,
        }),
    );
    set("Internal", json!(m.on("internal")));
    set("Attachable", json!(m.on("attachable")));
    set("Ingress", json!(m.on("ingress")));
    set("ConfigOnly", json!(m.on("config-only")));
    set(
        "ConfigFrom",
        match m.text("config-from") {
            "" => Json::Null,
            from => json!({"Network": from}),
        },
    );
    set("Options", pairs(m.all("opt")));
    set("Labels", pairs(m.all("label")));
    set("Name", json!(m.args[0]));
    let made = c.client()?.send(Request::post("/networks/create").json(&Json::Object(body))).await?.json().await?;
    c.line(text(&made, "Id"));
    Ok(0)
}

/// The address pools: ranges and gateways belong to the subnet that holds them.
fn ipam(m: &Matches) -> Result<Vec<Json>, Failure> {
    let subnets: Vec<&str> = m.all("subnet").collect();
    if subnets.len() < m.all("ip-range").count().max(m.all("gateway").count()) {
        return Err(Failure::new("every ip-range or gateway must have a corresponding subnet"));
    }
    let mut pools: Vec<Map<String, Json>> = Vec::new();
    for (i, subnet) in subnets.iter().enumerate() {
        for before in &subnets[..i] {
            if holds(subnet, before)? || holds(before, subnet)? {
                return Err(Failure::new("multiple overlapping subnet configuration is not supported"));
            }
        }
        pools.push(Map::from_iter([("Subnet".to_owned(), json!(subnet))]));
    }
    let mut place = |value: &str, key: &str, what: &str, whose: &str| -> Result<(), Failure> {
        let mut found = false;
        for (subnet, pool) in subnets.iter().zip(&mut pools) {
            if !holds(subnet, value)? {
                continue;
            }
            if let Some(before) = pool.get(key).and_then(Json::as_str) {
                return Err(Failure::new(format!(
                    "cannot configure multiple {what}s ({value}, {before}) {whose} the same subnet ({subnet})"
                )));
            }
            pool.insert(key.to_owned(), json!(value));
            found = true;
        }
        if found { Ok(()) } else { Err(Failure::new(format!("no matching subnet for {what} {value}"))) }
    };
    for range in m.all("ip-range") {
        place(range, "IPRange", "range", "on")?;
    }
    for gateway in m.all("gateway") {
        place(gateway, "Gateway", "gateway", "for")?;
    }
    for text in m.all("aux-address") {
        let (name, address) = text.split_once('=').unwrap_or((text, ""));
        let mut found = false;
        for (subnet, pool) in subnets.iter().zip(&mut pools) {
            if holds(subnet, address)? {
                pool.entry("AuxiliaryAddresses").or_insert_with(|| json!({}))[name] = json!(address);
                found = true;
            }
        }
        if !found {
            return Err(Failure::new(format!("no matching subnet for aux-address {address}")));
        }
    }
    Ok(pools.into_iter().map(Json::Object).collect())
}

fn network_of(cidr: &str) -> Option<(std::net::IpAddr, u32)> {
    let (address, bits) = cidr.split_once('/')?;
    let address: std::net::IpAddr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
}

/// Whether a subnet holds an address, or the address of another subnet. An address that is none is held by no subnet.
fn holds(cidr: &str, address: &str) -> Result<bool, Failure> {
    use std::net::IpAddr;
    let (net, bits) = network_of(cidr).ok_or_else(|| Failure::new(format!("invalid subnet: invalid CIDR address: {cidr}")))?;
    let address = if address.contains('/') {
        network_of(address).ok_or_else(|| Failure::new(format!("invalid CIDR address: {address}")))?.0
    } else {
        match address.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => return Ok(false),
        }
    };
    Ok(match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            net.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(net), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            net.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    })
}

/// `docker network rm`: goes on after a failure, and ends with 1 then.
pub async fn remove(c: &Context, m: &Matches) -> Outcome {
    let mut status = 0;
    for name in &m.args {
        let done = async { c.client()?.send(Request::delete(format!("/networks/{}", named("network", name)?))).await.map(drop) };
        match done.await {
            Ok(()) => c.line(name),
            Err(failure) if m.on("force") && failure.is_not_found() => {}
            Err(failure) => {
                c.warn_line(&failure.text);
                status = 1;
            }
        }
    }
    if status == 0 { Ok(0) } else { Err(Failure::new("exit status 1")) }
}

/// `docker network connect NETWORK CONTAINER`.
pub async fn connect(c: &Context, m: &Matches) -> Outcome {
    let body = json!({"Container": named("container", &m.args[1])?, "EndpointConfig": connect_endpoint(m)});
    c.client()?.send(Request::post(format!("/networks/{}/connect", named("network", &m.args[0])?)).json(&body)).await?;
    Ok(0)
}

/// `docker network disconnect NETWORK CONTAINER`.
pub async fn disconnect(c: &Context, m: &Matches) -> Outcome {
    let body = json!({"Container": named("container", &m.args[1])?, "Force": m.on("force")});
    c.client()?.send(Request::post(format!("/networks/{}/disconnect", named("network", &m.args[0])?)).json(&body)).await?;
    Ok(0)
}
