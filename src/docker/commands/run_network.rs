//! `--network` and its companions, and extra hosts.

use serde_json::{Map, Value as Json, json};

use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;

/// The container's networks.
pub struct Networks {
    pub mode: String,
    pub endpoints: Json,
}

/// One network with its options.
#[derive(Default)]
struct Attachment {
    target: String,
    aliases: Vec<String>,
    ip: String,
    ip6: String,
    mac: String,
    link_local: Vec<String>,
    links: Vec<String>,
    driver_opts: Map<String, Json>,
    priority: i64,
}

impl Attachment {
    /// Whether nothing is said but the network's name.
    fn is_plain(&self) -> bool {
        let texts = [&self.ip, &self.ip6, &self.mac];
        let lists = [&self.aliases, &self.link_local, &self.links];
        texts.iter().all(|t| t.is_empty()) && lists.iter().all(|l| l.is_empty()) && self.driver_opts.is_empty() && self.priority == 0
    }
}

/// Reads the flags.
pub fn read(m: &Matches) -> Result<Networks, Failure> {
    let mut all: Vec<Attachment> = m.all("network").map(parse).collect::<Result<_, _>>()?;
    if all.is_empty() {
        all.push(Attachment { target: "default".to_owned(), ..Attachment::default() });
    }
    let texts = |name: &'static str| m.all(name).map(str::to_owned).collect::<Vec<_>>();
    let first = &mut all[0];
    for (name, taken) in [("network-alias", !first.aliases.is_empty()), ("ip", !first.ip.is_empty()), ("ip6", !first.ip6.is_empty())] {
        if taken && m.given(name) {
            let what = if name == "network-alias" { "network-alias" } else { name };
            return Err(Failure::new(format!(
                "conflicting options: cannot specify both --{what} and per-network {}",
                what.trim_start_matches("network-")
            )));
        }
    }
    if m.given("network-alias") {
        first.aliases = texts("network-alias");
    }
    if m.given("ip") {
        first.ip = m.text("ip").to_owned();
    }
    if m.given("ip6") {
        first.ip6 = m.text("ip6").to_owned();
    }
    if m.given("mac-address") {
        first.mac = m.text("mac-address").to_owned();
        if !is_mac(&first.mac) {
            return Err(Failure::new(format!("{} is not a valid mac address", first.mac)));
        }
    }
    if m.given("link-local-ip") {
        first.link_local = texts("link-local-ip");
    }
    if m.given("network") && first.target.is_empty() {
        return Err(Failure::new("no name set for network"));
    }
    let mode = first.target.clone();
    let user_defined = !matches!(mode.as_str(), "" | "default" | "bridge" | "host" | "none") && !mode.starts_with("container:");
    if user_defined {
        first.links = texts("link");
    } else if !first.aliases.is_empty() {
        return Err(Failure::new("network-scoped aliases are only supported for user-defined networks"));
    }
    let mut endpoints = Map::new();
    let user_defined = |one: &Attachment| {
        !matches!(one.target.as_str(), "" | "default" | "bridge" | "host" | "none") && !one.target.starts_with("container:")
    };
    if all.len() > 1 && all.iter().any(user_defined) && !all.iter().all(user_defined) {
        return Err(Failure::new("conflicting options: cannot attach both user-defined and non-user-defined network-modes"));
    }
    // One network without options of its own is the engine's to fill in.
    let bare = m.given("network") && all.len() == 1;
    for one in &all {
        if bare && one.is_plain() {
            continue;
        }
        if endpoints.contains_key(&one.target) {
            return Err(Failure::new(format!("network {} is specified multiple times", crate::docker::units::quote(&one.target))));
        }
        endpoints.insert(one.target.clone(), endpoint(one));
    }
    Ok(Networks { mode, endpoints: Json::Object(endpoints) })
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    parts.len() == 6 && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Refuses a value of `--network` that does not hang together.
pub fn check(text: &str) -> Result<(), String> {
    parse(text).map(drop).map_err(|failure| failure.text)
}

fn parse(text: &str) -> Result<Attachment, Failure> {
    let mut one = Attachment::default();
    if !text.contains('=') {
        one.target = text.to_owned();
        return Ok(one);
    }
    for field in text.split(',') {
        let (key, value) = field.split_once('=').ok_or_else(|| Failure::new(format!("invalid field {field}")))?;
        let value = value.trim();
        match key.trim().to_lowercase().as_str() {
            "name" => one.target = value.to_owned(),
            "alias" => one.aliases.push(value.to_owned()),
            "ip" => one.ip = value.to_owned(),
            "ip6" => one.ip6 = value.to_owned(),
            "mac-address" => one.mac = value.to_owned(),
            "link-local-ip" => one.link_local.push(value.to_owned()),
            "gw-priority" => {
                one.priority = value.parse().map_err(|_| Failure::new(format!("invalid gw-priority ({value}): invalid syntax")))?;
            }
            "driver-opt" => {
                let (name, value) = value.split_once('=').ok_or_else(|| Failure::new("invalid key value pair format in driver options"))?;
                one.driver_opts.insert(name.to_owned(), Json::from(value));
            }
            other => return Err(Failure::new(format!("invalid field key {other}"))),
        }
    }
    if one.target.is_empty() {
        return Err(Failure::new("network name/id is not specified"));
    }
    Ok(one)
}

fn endpoint(one: &Attachment) -> Json {
    let or_null = |list: &[String]| if list.is_empty() { Json::Null } else { Json::from(list.to_vec()) };
    let ipam = if one.ip.is_empty() && one.ip6.is_empty() && one.link_local.is_empty() {
        Json::Null
    } else {
        let mut map = Map::new();
        for (key, value) in [("IPv4Address", &one.ip), ("IPv6Address", &one.ip6)] {
            if !value.is_empty() {
                map.insert(key.to_owned(), Json::from(value.as_str()));
            }
        }
        if !one.link_local.is_empty() {
            map.insert("LinkLocalIPs".to_owned(), Json::from(one.link_local.clone()));
        }
        Json::Object(map)
    };
    let driver_opts = if one.driver_opts.is_empty() { Json::Null } else { Json::Object(one.driver_opts.clone()) };
    json!({
        "IPAMConfig": ipam,
        "Links": or_null(&one.links),
        "Aliases": or_null(&one.aliases),
        "MacAddress": one.mac,
        "DriverOpts": driver_opts,
        "GwPriority": one.priority,
        "NetworkID": "",
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": null,
    })
}

/// The settings of one endpoint, as `network connect` sends them.
pub fn connect_endpoint(m: &Matches) -> Json {
    let texts = |name: &'static str| m.all(name).map(str::to_owned).collect::<Vec<_>>();
    let driver_opts = match super::run_config::pairs(m.all("driver-opt")) {
        Json::Object(map) => map,
        _ => Map::new(),
    };
    let mut whole = endpoint(&Attachment {
        target: String::new(),
        aliases: texts("alias"),
        ip: m.text("ip").to_owned(),
        ip6: m.text("ip6").to_owned(),
        mac: String::new(),
        link_local: texts("link-local-ip"),
        links: texts("link"),
        driver_opts,
        priority: m.int("gw-priority").unwrap_or(0),
    });
    // Here Docker's client sends what is empty as empty and not as nothing.
    for (key, empty) in [("IPAMConfig", json!({})), ("Aliases", json!([])), ("DriverOpts", json!({}))] {
        if whole[key].is_null() {
            whole[key] = empty;
        }
    }
    whole
}

/// `--add-host` in the engine's form: `host:address`.
pub fn extra_host(text: &str) -> String {
    let (host, address) = text.split_once(['=', ':']).unwrap_or((text, ""));
    let address = match address.strip_prefix('[').and_then(|a| a.strip_suffix(']')) {
        Some(inner) => inner,
        None => address,
    };
    format!("{host}:{address}")
}
