//! The client's configuration, `~/.docker/config.json`: credentials of registries, formats, keys, proxies. Written beside and
//! renamed.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::credentials;
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

/// A text in the configuration; nothing where it is not there or empty.
pub fn text(folder: &str, key: &str) -> Option<String> {
    load(folder).get(key).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What is wrong with the configuration file, for one that cannot be read is passed over.
pub fn problem(folder: &str) -> Option<String> {
    let path = Path::new(folder).join("config.json");
    let why = match std::fs::read(&path) {
        Ok(bytes) => {
            let why = match serde_json::from_slice(&bytes) {
                Ok(config) => misfit(&config)?,
                Err(error) if error.is_eof() => "unexpected EOF".to_owned(),
                Err(error) => error.to_string(),
            };
            return Some(format!("WARNING: Error parsing config file ({}): {why}", path.display()));
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound || e.kind() == std::io::ErrorKind::NotADirectory => return None,
        Err(e) => crate::units::go_words(&e),
    };
    Some(format!("WARNING: Error loading config file: open {}: {why}", path.display()))
}

/// Fields that have names in them, and what Go's type of them is.
const ROOMS: &[(&str, &str, &str)] = &[
    ("auths", "map[string]types.AuthConfig", "types.AuthConfig"),
    ("credHelpers", "map[string]string", "string"),
    ("HttpHeaders", "map[string]string", "string"),
];

/// Fields that are texts.
const TEXTS: &[&str] = &[
    "configFormat",
    "credsStore",
    "currentContext",
    "detachKeys",
    "imagesFormat",
    "networksFormat",
    "nodesFormat",
    "pluginsFormat",
    "psFormat",
    "secretFormat",
    "serviceInspectFormat",
    "servicesFormat",
    "statsFormat",
    "tasksFormat",
    "volumesFormat",
];

/// What Go says of the first value that is of another type than its field.
fn misfit(config: &Json) -> Option<String> {
    let cannot = |value: &Json, place: &str, kind: &str| {
        let found = match value {
            Json::Null => return None,
            Json::Bool(_) => "bool",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        };
        Some(format!("json: cannot unmarshal {found} into Go {place} of type {kind}"))
    };
    let Json::Object(fields) = config else { return cannot(config, "value", "configfile.ConfigFile") };
    fields.iter().find_map(|(name, value)| {
        let place = format!("struct field ConfigFile.{name}");
        if TEXTS.contains(&name.as_str()) && !value.is_string() {
            return cannot(value, &place, "string");
        }
        let (_, kind, entry) = ROOMS.iter().find(|(room, ..)| room == name)?;
        let Json::Object(entries) = value else { return cannot(value, &place, kind) };
        let fits = |value: &Json| if *entry == "string" { value.is_string() } else { value.is_object() };
        entries.values().filter(|value| !fits(value)).find_map(|value| cannot(value, &place, entry))
    })
}

/// Where a file is that may be a link, which may lead to where nothing is yet.
fn behind_links(path: PathBuf) -> std::io::Result<PathBuf> {
    let mut path = path;
    for _ in 0..LINKS {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // It is no link, or it is not there.
            Err(_) => return Ok(path),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// How many links are followed, as the kernel does.
const LINKS: u32 = 40;

/// Writes the configuration; a link stays one, and the file's mode and owner stay its own.
pub fn save(folder: &str, config: &Json) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, indent);
    serde::Serialize::serialize(config, &mut serializer).map_err(|e| Failure::new(e.to_string()))?;
    let path = behind_links(Path::new(folder).join("config.json"))?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    if let Ok(before) = path.metadata() {
        let _ = file.as_file().set_permissions(before.permissions());
        // Only root may give a file away; another's own file is theirs already.
        let _ = std::os::unix::fs::fchown(file.as_file(), Some(before.uid()), Some(before.gid()));
    }
    file.write_all(&text)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| Failure::from(e.error))?;
    Ok(())
}

/// The name under which a registry's credentials are kept.
pub fn registry_key(domain: &str) -> &str {
    match domain {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        other => other,
    }
}

/// The user and the password for a registry; a token that takes their place goes without a user.
pub fn login(folder: &str, domain: &str) -> Option<(String, String)> {
    let login = credentials::get(folder, registry_key(domain))?;
    Some(if login.identity.is_empty() { (login.user, login.password) } else { (String::new(), login.identity) })
}

/// The `X-Registry-Auth` header for a registry: its credentials, or an empty object.
pub fn registry_auth(folder: &str, domain: &str) -> String {
    let server = registry_key(domain);
    let json = credentials::get(folder, server).map_or_else(|| Json::Object(Map::new()), |login| credentials::to_json(&login, server));
    base64_url(json.to_string().as_bytes())
}

/// All credentials, as `POST /build` wants them.
pub fn all_auths(folder: &str) -> String {
    let all = credentials::servers(folder).into_iter();
    let all =
        all.filter_map(|server| credentials::get(folder, &server).map(|login| (server.clone(), credentials::to_json(&login, &server))));
    base64_url(Json::Object(all.collect::<Map<_, _>>()).to_string().as_bytes())
}

/// The variables that give containers and builds the proxies that the configuration has for the engine at `host`.
pub fn proxies(folder: &str, host: &str) -> Vec<(String, String)> {
    let config = load(folder);
    let Some(all) = config.get("proxies") else { return Vec::new() };
    let Some(here) = all.get(host).or_else(|| all.get("default")) else { return Vec::new() };
    let names = [
        ("allProxy", "ALL_PROXY"),
        ("ftpProxy", "FTP_PROXY"),
        ("httpProxy", "HTTP_PROXY"),
        ("httpsProxy", "HTTPS_PROXY"),
        ("noProxy", "NO_PROXY"),
    ];
    let set = names.iter().filter_map(|(key, name)| Some((*name, here.get(key)?.as_str().filter(|v| !v.is_empty())?)));
    set.flat_map(|(name, value)| [(name.to_owned(), value.to_owned()), (name.to_lowercase(), value.to_owned())]).collect()
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
