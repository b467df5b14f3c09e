//! The client's configuration, `~/.docker/config.json`: credentials of registries and the detach keys. Written beside and renamed.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value as Json};

use super::failure::Failure;
use crate::base64;

/// The folder of the configuration: `DOCKER_CONFIG` or `~/.docker`.
pub fn folder() -> String {
    match std::env::var("DOCKER_CONFIG") {
        Ok(folder) if !folder.is_empty() => folder,
        _ => format!("{}/.docker", std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned())),
    }
}

/// The configuration file's content; an empty object where there is none.
pub fn load(folder: &str) -> Json {
    let text = std::fs::read(Path::new(folder).join("config.json")).unwrap_or_default();
    serde_json::from_slice(&text).ok().filter(Json::is_object).unwrap_or_else(|| Json::Object(Map::new()))
}

/// Writes the configuration.
pub fn save(folder: &str, config: &Json) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
    serde::Serialize::serialize(config, &mut serializer).map_err(|e| Failure::new(e.to_string()))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&text)?;
    file.as_file().sync_all()?;
    file.persist(Path::new(folder).join("config.json")).map_err(|e| Failure::from(e.error))?;
    Ok(())
}

/// The name under which a registry's credentials are kept.
pub fn registry_key(domain: &str) -> &str {
    match domain {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        other => other,
    }
}

/// The user and password for a registry.
pub fn login(folder: &str, domain: &str) -> Option<(String, String)> {
    let config = load(folder);
    let auth = config.get("auths")?.get(registry_key(domain))?.get("auth")?.as_str().and_then(base64::decode)?;
    let (user, password) = std::str::from_utf8(&auth).ok()?.split_once(':')?;
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// The `X-Registry-Auth` header for a registry: its credentials, or an empty object.
pub fn registry_auth(folder: &str, domain: &str) -> String {
    let json = match login(folder, domain) {
        Some((user, password)) => serde_json::json!({"username": user, "password": password, "serveraddress": registry_key(domain)}),
        None => Json::Object(Map::new()),
    };
    base64_url(json.to_string().as_bytes())
}

/// All credentials, as `POST /build` wants them.
pub fn all_auths(folder: &str) -> String {
    let config = load(folder);
    let mut all = Map::new();
    for (key, entry) in config.get("auths").and_then(Json::as_object).into_iter().flatten() {
        let pair = entry.get("auth").and_then(Json::as_str).and_then(base64::decode).and_then(|b| String::from_utf8(b).ok());
        if let Some((user, password)) = pair.as_deref().and_then(|p| p.split_once(':')) {
            all.insert(key.clone(), serde_json::json!({"username": user, "password": password, "serveraddress": key}));
        }
    }
    base64_url(Json::Object(all).to_string().as_bytes())
}

/// Base64 in the URL's alphabet, as headers have it.
fn base64_url(bytes: &[u8]) -> String {
    base64::encode(bytes).replace('+', "-").replace('/', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_both_ways() {
        assert_eq!(base64_url(b"{}"), "e30=");
        assert_eq!(base64::decode(&base64_url(b"\xff\xef")).as_deref(), Some(&b"\xff\xef"[..]));
    }
}
