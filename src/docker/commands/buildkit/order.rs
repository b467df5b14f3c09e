//! What the engine is told of a build, out of the command line.

use std::collections::HashMap;

use serde_json::json;

use super::csv::fields;
use crate::docker::cmdline::Matches;
use crate::docker::commands::run_network::extra_host;
use crate::docker::failure::Failure;
use crate::docker::units::quote;

/// The attributes of the frontend, but for those of its files.
pub fn attributes(m: &Matches) -> Result<HashMap<String, String>, Failure> {
    let mut all: HashMap<String, String> = HashMap::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            all.insert(key.to_owned(), value);
        }
    };
    put("target", m.text("target").to_owned());
    put("cgroup-parent", m.text("cgroup-parent").to_owned());
    put("image-resolve-mode", if m.on("pull") { "pull" } else { "local" }.to_owned());
    if m.text("platform").contains(',') {
        return Err(super::not_supported("Multi-platform build", "build-multi-platform"));
    }
    put("platform", m.text("platform").to_lowercase());
    match m.text("network") {
        "" | "default" => {}
        mode @ ("host" | "none") => put("force-network-mode", mode.to_owned()),
        other => {
            return Err(Failure::new(format!(
                "network mode {} not supported by buildkit - you can define a custom network for your builder using the network driver-opt \
                 in buildx create",
                quote(other)
            )));
        }
    }
    let hosts: Vec<String> = m.all("add-host").map(|host| extra_host(host).replacen(':', "=", 1)).collect();
    put("add-hosts", hosts.join(","));
    put("shm-size", m.bytes("shm-size").filter(|bytes| *bytes > 0).map_or_else(String::new, |bytes| bytes.to_string()));
    let limits: Vec<String> = m
        .all("ulimit")
        .map(|text| {
            let (name, limits) = text.split_once('=').unwrap_or((text, ""));
            let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
            format!("{name}={soft}:{hard}")
        })
        .collect();
    put("ulimit", limits.join(","));
    put("no-cache", m.all("no-cache-filter").collect::<Vec<_>>().join(","));
    if m.on("no-cache") {
        all.insert("no-cache".to_owned(), String::new());
    }
    let imports: Vec<_> = m.all("cache-from").filter(|text| !text.is_empty()).map(import).collect::<Result<_, _>>()?;
    if !imports.is_empty() {
        all.insert("cache-imports".to_owned(), json!(imports).to_string());
    }
    for text in m.all("build-arg") {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            // One without a value has that of this machine, or none.
            None => match std::env::var(text) {
                Ok(value) => (text, value),
                Err(_) => continue,
            },
        };
        all.insert(format!("build-arg:{name}"), value);
    }
    for text in m.all("label") {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        all.insert(format!("label:{name}"), value.to_owned());
    }
    Ok(all)
}

/// What the build may do beyond the usual.
pub fn allowed(m: &Matches) -> Result<Vec<String>, Failure> {
    const KNOWN: [&str; 2] = ["network.host", "security.insecure"];
    let mut all: Vec<String> = Vec::new();
    for name in m.all("allow") {
        if !KNOWN.contains(&name) {
            return Err(Failure::new(format!("invalid entitlement: {name}")));
        }
        all.push(name.to_owned());
    }
    if m.text("network") == "host" {
        all.push(KNOWN[0].to_owned());
    }
    Ok(all)
}

/// One `--cache-from`: an image, or a type with its attributes.
fn import(text: &str) -> Result<serde_json::Value, Failure> {
    let all = fields(text);
    let (mut kind, mut attributes) = (String::new(), serde_json::Map::new());
    if all.iter().all(|field| !field.contains('=')) {
        "registry".clone_into(&mut kind);
        attributes.insert("ref".to_owned(), text.into());
    } else {
        for field in &all {
            let (key, value) = field.split_once('=').ok_or_else(|| Failure::new(format!("invalid value {field}")))?;
            match key.trim().to_lowercase().as_str() {
                "type" => value.clone_into(&mut kind),
                key => drop(attributes.insert(key.to_owned(), value.into())),
            }
        }
    }
    if kind.is_empty() {
        return Err(Failure::new(format!("type required form> {}", quote(text))));
    }
    Ok(json!({ "Type": kind, "Attrs": attributes }))
}
