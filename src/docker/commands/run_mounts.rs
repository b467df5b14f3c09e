//! `-v`, `--mount`, `--tmpfs` and `--device`.

use serde_json::{Map, Value as Json, json};

use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;
use crate::docker::units;

/// What is mounted.
pub struct Mounts {
    /// `host:container[:mode]` and `volume:container[:mode]`.
    pub binds: Vec<String>,
    /// Anonymous volumes.
    pub volumes: Map<String, Json>,
    pub tmpfs: Map<String, Json>,
    pub mounts: Vec<Json>,
}

/// Reads the flags.
pub fn read(m: &Matches) -> Result<Mounts, Failure> {
    let mut out = Mounts { binds: Vec::new(), volumes: Map::new(), tmpfs: Map::new(), mounts: Vec::new() };
    let mut volumes: Vec<&str> = m.all("volume").collect();
    volumes.dedup();
    for text in volumes {
        volume(text, &mut out)?;
    }
    let mut tmpfs: Vec<(&str, &str)> = m.all("tmpfs").map(|t| t.split_once(':').unwrap_or((t, ""))).collect();
    tmpfs.sort_unstable();
    for (path, options) in tmpfs {
        out.tmpfs.insert(path.to_owned(), Json::from(options));
    }
    for text in m.all("mount") {
        out.mounts.push(mount(text)?);
    }
    Ok(out)
}

fn volume(text: &str, out: &mut Mounts) -> Result<(), Failure> {
    if text.is_empty() {
        return Err(Failure::new(format!("invalid spec: {text}: empty section between colons")));
    }
    let parts: Vec<&str> = text.split(':').collect();
    if parts.iter().any(|p| p.is_empty()) {
        return Err(Failure::new(format!("invalid spec: {text}: empty section between colons")));
    }
    // A single letter in front of a colon is a drive of Windows to Docker's client: all of this is one path.
    if parts.len() == 2 && parts[0].chars().count() == 1 && parts[0].chars().all(char::is_alphabetic) {
        out.volumes.insert(text.to_owned(), json!({}));
        return Ok(());
    }
    let [host, rest @ ..] = parts.as_slice() else { return Ok(()) };
    if rest.is_empty() {
        out.volumes.insert(clean(host), json!({}));
        return Ok(());
    }
    let bind = if host.starts_with('.') || host.starts_with('~') {
        let here = std::env::current_dir()?;
        let whole = if let Some(below) = host.strip_prefix('~') {
            std::env::var("HOME").unwrap_or_default() + below
        } else {
            here.join(host).to_string_lossy().into_owned()
        };
        format!("{}:{}", clean(&whole), rest.join(":"))
    } else {
        text.to_owned()
    };
    out.binds.push(bind);
    Ok(())
}

/// A path without `.`, `..` and doubled slashes.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// Reads one `--mount`.
pub fn mount(text: &str) -> Result<Json, Failure> {
    let fields = super::fields(text);
    let (mut kind, mut source, mut target) = ("volume".to_owned(), String::new(), String::new());
    let mut read_only = None;
    let mut consistency = String::new();
    let mut bind = Map::new();
    let mut volume = Map::new();
    let mut tmpfs = Map::new();
    let mut labels = Vec::new();
    let mut driver = Map::new();
    for field in &fields {
        let field = field.as_str();
        let (key, value) = field.split_once('=').map_or((field, None), |(k, v)| (k, Some(v)));
        let flag = |value: Option<&str>| match value {
            None => Ok(true),
            Some(v) => units::parse_bool(v).ok_or_else(|| Failure::new(format!("invalid value for {key}: {v}"))),
        };
        let key_lower = key.to_lowercase();
        match (key_lower.as_str(), value) {
            ("readonly" | "ro", v) => read_only = Some(flag(v)?),
            ("volume-nocopy", v) => {
                volume.insert("NoCopy".to_owned(), Json::from(flag(v)?));
            }
            ("bind-nonrecursive", v) => {
                bind.insert("NonRecursive".to_owned(), Json::from(flag(v)?));
            }
            ("bind-recursive", Some("disabled")) => {
                bind.insert("NonRecursive".to_owned(), Json::from(true));
            }
            (_, None) => return Err(Failure::new(format!("invalid field '{field}' must be a key=value pair"))),
            ("type", Some(v)) => kind = v.to_lowercase(),
            ("source" | "src", Some(v)) => {
                source = v.to_owned();
                if v == "." || v.starts_with("./") || v.starts_with("../") {
                    source = clean(&std::env::current_dir()?.join(v).to_string_lossy());
                }
            }
            ("target" | "dst" | "destination", Some(v)) => target = v.to_owned(),
            ("consistency", Some(v)) => consistency = v.to_lowercase(),
            ("bind-propagation", Some(v)) => {
                bind.insert("Propagation".to_owned(), Json::from(v.to_lowercase()));
            }
            ("bind-recursive", Some(_)) => {}
            ("volume-subpath", Some(v)) => {
                volume.insert("Subpath".to_owned(), Json::from(v));
            }
            ("volume-label", Some(v)) => labels.push(v),
            ("volume-driver", Some(v)) => {
                driver.insert("Name".to_owned(), Json::from(v));
            }
            ("volume-opt", Some(v)) => {
                let (name, value) = v.split_once('=').unwrap_or((v, ""));
                let options = driver.entry("Options").or_insert_with(|| json!({}));
                options[name] = Json::from(value);
            }
            ("tmpfs-size", Some(v)) => {
                let size = units::parse_bytes(v).ok_or_else(|| Failure::new(format!("invalid value for {key}: {v}")))?;
                tmpfs.insert("SizeBytes".to_owned(), Json::from(size));
            }
            ("tmpfs-mode", Some(v)) => {
                let mode = u32::from_str_radix(v, 8).map_err(|_| Failure::new(format!("invalid value for {key}: {v}")))?;
                tmpfs.insert("Mode".to_owned(), Json::from(mode));
            }
            (_, Some(_)) => return Err(Failure::new(format!("unexpected key '{key}' in '{field}'"))),
        }
    }
    if target.is_empty() {
        return Err(Failure::new("target is required".to_owned()));
    }
    for (options, own) in [(&volume, "volume"), (&bind, "bind"), (&tmpfs, "tmpfs")] {
        if !options.is_empty() && kind != own {
            return Err(Failure::new(format!("cannot mix '{own}-*' options with mount type '{kind}'")));
        }
    }
    if !labels.is_empty() {
        volume.insert("Labels".to_owned(), super::run_config::pairs(labels.into_iter()));
    }
    if !driver.is_empty() || !volume.is_empty() {
        volume.insert("DriverConfig".to_owned(), Json::Object(driver));
    }
    let mut out = Map::new();
    out.insert("Type".to_owned(), Json::from(kind));
    if !source.is_empty() {
        out.insert("Source".to_owned(), Json::from(source));
    }
    out.insert("Target".to_owned(), Json::from(target));
    if read_only == Some(true) {
        out.insert("ReadOnly".to_owned(), Json::from(true));
    }
    if !consistency.is_empty() {
        out.insert("Consistency".to_owned(), Json::from(consistency));
    }
    for (key, options) in [("BindOptions", bind), ("VolumeOptions", volume), ("TmpfsOptions", tmpfs)] {
        if !options.is_empty() {
            out.insert(key.to_owned(), Json::Object(options));
        }
    }
    Ok(Json::Object(out))
}

/// One `--device`: `host[:container][:rwm]`.
pub fn device(text: &str) -> Result<Json, Failure> {
    let is_mode = |mode: &str| !mode.is_empty() && mode.bytes().all(|b| b"rwm".contains(&b));
    let parts: Vec<&str> = text.split(':').collect();
    let (host, container, mode) = match parts.as_slice() {
        [host] => (*host, *host, "rwm"),
        [host, mode] if is_mode(mode) => (*host, *host, *mode),
        [host, container] => (*host, *container, "rwm"),
        [host, container, mode] => (*host, *container, *mode),
        _ => return Err(Failure::new(format!("bad format for path: {text}"))),
    };
    if !is_mode(mode) {
        return Err(Failure::new(format!("bad mode specified: {mode}")));
    }
    if !container.starts_with('/') {
        return Err(Failure::new(format!("{container} is not an absolute path")));
    }
    Ok(json!({"PathOnHost": host, "PathInContainer": container, "CgroupPermissions": mode}))
}
