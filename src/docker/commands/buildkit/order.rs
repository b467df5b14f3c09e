//! What the engine is told of a build, out of the command line.

use std::collections::HashMap;

use serde_json::json;

use super::csv::fields;
use crate::docker::cmdline::Matches;
use crate::docker::commands::run_network::extra_host;
use crate::docker::failure::Failure;
use crate::docker::units::quote;

/// The argument that says of what time an image shall seem to be; the environment gives it, too.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

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
    let imports = caches(m.all("cache-from").filter(|text| !text.is_empty()))?;
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
    if let Some(epoch) = std::env::var(EPOCH).ok().filter(|epoch| !epoch.is_empty()) {
        all.entry(format!("build-arg:{EPOCH}")).or_insert(epoch);
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

/// All of `--cache-from`: images, and types with their attributes. The command line has taken both apart at commas: what has a name that
/// the one before it has not belongs to that one.
fn caches<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<serde_json::Value>, Failure> {
    let mut all: Vec<serde_json::Map<String, serde_json::Value>> = Vec::new();
    let mut open = false;
    for field in texts.flat_map(fields) {
        let Some((key, value)) = field.split_once('=') else {
            let attributes = [("type".to_owned(), "registry".into()), ("ref".to_owned(), field.into())];
            all.push(attributes.into_iter().collect());
            open = false;
            continue;
        };
        let key = key.trim().to_lowercase();
        match all.last_mut().filter(|last| open && !last.contains_key(&key)) {
            Some(last) => drop(last.insert(key, value.into())),
            None => all.push([(key, value.into())].into_iter().collect()),
        }
        open = true;
    }
    let told = |mut attributes: serde_json::Map<String, serde_json::Value>| match attributes.remove("type") {
        Some(kind) => Ok(json!({ "Type": kind, "Attrs": attributes })),
        None => {
            let said: Vec<String> = attributes.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
            Err(Failure::new(format!("type required form> {}", quote(&said.join(",")))))
        }
    };
    all.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_are_put_together_again() {
        let read = |texts: &[&str]| caches(texts.iter().copied()).map_err(|e| e.text);
        let registry = |name: &str| json!({ "Type": "registry", "Attrs": { "ref": name } });
        assert_eq!(read(&["a", "b:1"]), Ok(vec![registry("a"), registry("b:1")]));
        assert_eq!(read(&["type=registry", "ref=a", "ref=b", "type=registry", "c"]), Ok(vec![registry("a"), registry("b"), registry("c")]));
        assert_eq!(read(&["type=registry,ref=a"]), Ok(vec![registry("a")]));
        assert_eq!(read(&["ref=a"]), Err("type required form> \"ref=a\"".to_owned()));
    }
}
