//! The registry's configuration: the file that the reference registry reads (`version: 0.1`), and `REGISTRY_…` in the environment over it.
//!
//! What decides who may do what and where things are kept is obeyed or refused, never passed over in silence; sections about caches,
//! health and debugging have no meaning here and are left alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::diag::SourceFile;
use crate::units;
use crate::yaml::{self, Mapping, Value};

/// What the configuration says.
#[derive(Debug)]
pub struct Settings {
    /// The folder of all that is kept.
    pub root: PathBuf,
    /// Whether manifests and blobs may be deleted.
    pub delete: bool,
    pub read_only: bool,
    /// `HOST:PORT`, `:PORT`, or a socket's path.
    pub address: String,
    pub unix: bool,
    /// What comes before `/v2/`, without a slash at its end.
    pub prefix: String,
    /// The address that clients see, where it is not the one that they ask by.
    pub host: Option<String>,
    /// Whether answers name places without a host.
    pub relative: bool,
    /// Headers of every answer.
    pub headers: Vec<(String, String)>,
    /// Certificate and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Realm and file of `htpasswd`.
    pub htpasswd: Option<(String, PathBuf)>,
    pub log: Log,
    /// A page of the catalogue has no more entries.
    pub catalog: usize,
}

/// What is told of, and how.
#[derive(Debug, Default)]
pub struct Log {
    pub json: bool,
    /// Error 0, warning 1, info 2, debug 3.
    pub level: u8,
    /// Whether every request gets a line as web servers write it.
    pub access: bool,
    /// Added to every line, in order.
    pub fields: Vec<(String, String)>,
}

impl Settings {
    /// Reads the file at `path`, and the environment.
    pub fn read(path: &Path) -> Result<Settings, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("open {}: {}", path.display(), units::go_words(&e)))?;
        let file = SourceFile::new(path, text);
        let parsed: Value = yaml::parse(&file).map_err(|e| format!("error parsing {}: {}", path.display(), e.message))?;
        let settings = Settings::from(parsed, env::vars().filter(|(name, _)| name.starts_with("REGISTRY_")));
        settings.map_err(|e| format!("error parsing {}: {e}", path.display()))
    }

    fn from(mut tree: Value, environment: impl Iterator<Item = (String, String)>) -> Result<Settings, String> {
        let mut variables: Vec<(String, String)> = environment.collect();
        variables.sort();
        for (name, value) in variables {
            let steps: Vec<String> = name["REGISTRY_".len()..].split('_').map(str::to_ascii_lowercase).collect();
            overlay(&mut tree, &steps, &value);
        }
        let tree = Tree(&tree);
        match tree.text(&["version"]).as_deref() {
            Some("0.1") => {}
            Some(other) => return Err(format!("unsupported version: {other:?}")),
            None => return Err("unsupported version: \"\"".to_owned()),
        }
        let drivers: Vec<String> = tree.keys(&["storage"]).into_iter().filter(|key| !NO_DRIVERS.contains(&key.as_str())).collect();
        match drivers.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => return Err("no storage configuration provided".to_owned()),
            ["filesystem"] => {}
            [one] => return Err(format!("StorageDriver not registered: {one}: this registry keeps things in a folder (filesystem)")),
            _ => return Err(format!("multiple storage drivers specified in configuration or environment: {}", drivers.join(", "))),
        }
        for (section, why) in REFUSED {
            if !tree.keys(&[section]).is_empty() {
                return Err(format!("{section}: {why}"));
            }
        }
        for key in tree.keys(&["auth"]) {
            if key != "htpasswd" {
                return Err(format!("unable to configure authorization ({key}): no access controller registered with name: {key}"));
            }
        }
        if tree.get(&["http", "tls", "letsencrypt", "email"]).is_some() || !tree.keys(&["http", "tls", "clientcas"]).is_empty() {
            return Err("http.tls: a certificate and a key are all that this registry knows of TLS".to_owned());
        }
        let path = |steps: &[&str]| tree.text(steps).filter(|text| !text.is_empty()).map(PathBuf::from);
        let tls = match (path(&["http", "tls", "certificate"]), path(&["http", "tls", "key"])) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("http.tls: certificate and key go together".to_owned()),
        };
        // Whoever wants passwords asked for and says not which is told so: nothing stays open by mistake.
        let htpasswd = if tree.keys(&["auth"]).is_empty() {
            None
        } else {
            let set = |what: &str| format!("\"{what}\" must be set for htpasswd access controller");
            let realm = tree.text(&["auth", "htpasswd", "realm"]).filter(|realm| !realm.is_empty()).ok_or_else(|| set("realm"))?;
            Some((realm, path(&["auth", "htpasswd", "path"]).ok_or_else(|| set("path"))?))
        };
        let headers = tree.keys(&["http", "headers"]).into_iter().flat_map(|name| {
            let values = tree.texts(&["http", "headers", &name]);
            values.into_iter().map(move |value| (name.clone(), value))
        });
        Ok(Settings {
            root: path(&["storage", "filesystem", "rootdirectory"]).unwrap_or_else(|| "/var/lib/registry".into()),
            delete: tree.on(&["storage", "delete", "enabled"])?,
            read_only: tree.on(&["storage", "maintenance", "readonly", "enabled"])?,
            address: tree.text(&["http", "addr"]).unwrap_or_else(|| ":5000".to_owned()),
            unix: tree.text(&["http", "net"]).is_some_and(|net| net == "unix"),
            prefix: tree.text(&["http", "prefix"]).unwrap_or_default().trim_end_matches('/').to_owned(),
            host: tree.text(&["http", "host"]).filter(|host| !host.is_empty()).map(|host| host.trim_end_matches('/').to_owned()),
            relative: tree.on(&["http", "relativeurls"])?,
            headers: headers.collect(),
            tls,
            htpasswd,
            log: Log {
                json: tree.text(&["log", "formatter"]).is_some_and(|form| form == "json" || form == "logstash"),
                level: match tree.text(&["log", "level"]).or_else(|| tree.text(&["loglevel"])).as_deref() {
                    Some("error") => 0,
                    Some("warn" | "warning") => 1,
                    Some("debug") => 3,
                    _ => 2,
                },
                access: !tree.on(&["log", "accesslog", "disabled"])?,
                fields: tree
                    .keys(&["log", "fields"])
                    .into_iter()
                    .filter_map(|k| tree.text(&["log", "fields", &k]).map(|v| (k, v)))
                    .collect(),
            },
            catalog: tree.text(&["catalog", "maxentries"]).and_then(|n| n.parse().ok()).unwrap_or(1000),
        })
    }
}

/// Parts of the section `storage` that are no place to keep things in.
const NO_DRIVERS: [&str; 6] = ["cache", "delete", "maintenance", "redirect", "tag", "uploadpurging"];

/// Sections that nobody should believe to be obeyed.
const REFUSED: [(&str, &str); 3] = [
    ("proxy", "this registry keeps what is pushed to it, and fetches nothing from others"),
    ("middleware", "this registry has none"),
    ("notifications", "this registry notifies nobody"),
];

/// Puts a variable's value where its name leads: `REGISTRY_HTTP_ADDR` to `addr` in `http`. A word on the way, such as `htpasswd` in
/// `auth: htpasswd`, is a section of that name.
fn overlay(node: &mut Value, steps: &[String], value: &str) {
    let Some((first, rest)) = steps.split_first() else {
        let scalar = SourceFile::new(Path::new("the environment"), value.to_owned());
        *node = yaml::parse(&scalar).unwrap_or_else(|_| Value::String(value.to_owned()));
        return;
    };
    if let Value::String(word) = node {
        let mut section = Mapping::new();
        section.insert(Value::String(std::mem::take(word)), Value::Mapping(Mapping::new()));
        *node = Value::Mapping(section);
    }
    if !node.is_mapping() {
        *node = Value::Mapping(Mapping::new());
    }
    let Some(map) = node.as_mapping_mut() else { return };
    let key = map.keys().find(|key| key.as_str().is_some_and(|k| k.eq_ignore_ascii_case(first))).cloned();
    let key = key.unwrap_or_else(|| Value::String(first.clone()));
    overlay(map.entry(key).or_insert(Value::Null), rest, value);
}

/// Looks into the configuration by the names of sections.
struct Tree<'a>(&'a Value);

impl Tree<'_> {
    fn get(&self, steps: &[&str]) -> Option<&Value> {
        steps.iter().try_fold(self.0, |node, step| node.get(*step))
    }

    /// A value as text, whatever it is.
    fn text(&self, steps: &[&str]) -> Option<String> {
        scalar(self.get(steps)?)
    }

    fn texts(&self, steps: &[&str]) -> Vec<String> {
        match self.get(steps) {
            Some(Value::Sequence(items)) => items.iter().filter_map(scalar).collect(),
            Some(one) => scalar(one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn on(&self, steps: &[&str]) -> Result<bool, String> {
        match self.text(steps).as_deref() {
            None | Some("false" | "") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(format!("{} is {other:?}, neither true nor false", steps.join("."))),
        }
    }

    /// The names in a section; of a lone word, that word.
    fn keys(&self, steps: &[&str]) -> Vec<String> {
        match self.get(steps) {
            Some(Value::Mapping(map)) => map.keys().filter_map(scalar).collect(),
            Some(Value::Sequence(items)) => items.iter().filter_map(scalar).collect(),
            Some(Value::String(word)) if !word.is_empty() => vec![word.clone()],
            _ => Vec::new(),
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(on) => Some(on.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /r\nhttp:\n  addr: :5000\n";

    fn settings(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let tree = yaml::parse(&SourceFile::new(Path::new("config.yml"), text.to_owned())).unwrap();
        Settings::from(tree, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let usual = settings(USUAL, &[]).unwrap();
        assert_eq!((usual.root.to_str(), usual.delete, usual.address.as_str()), (Some("/r"), false, ":5000"));
        let other = settings(
            USUAL,
            &[
                ("REGISTRY_HTTP_ADDR", "0.0.0.0:5001"),
                ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
                ("REGISTRY_AUTH", "htpasswd"),
                ("REGISTRY_AUTH_HTPASSWD_REALM", "Realm"),
                ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
            ],
        );
        let other = other.unwrap();
        assert_eq!((other.address.as_str(), other.delete), ("0.0.0.0:5001", true));
        assert_eq!(other.htpasswd, Some(("Realm".to_owned(), "/auth/htpasswd".into())));
    }

    #[test]
    fn what_cannot_be_obeyed_is_refused() {
        for (text, environment, why) in [
            ("version: 0.2", ("REGISTRY_X", ""), "unsupported version: \"0.2\""),
            ("version: 0.1", ("REGISTRY_X", ""), "no storage configuration provided"),
            (USUAL, ("REGISTRY_STORAGE_S3_BUCKET", "x"), "multiple storage drivers"),
            (USUAL, ("REGISTRY_PROXY_REMOTEURL", "https://x"), "proxy: "),
            (USUAL, ("REGISTRY_AUTH", "token"), "no access controller registered with name: token"),
            (USUAL, ("REGISTRY_AUTH", "htpasswd"), "\"realm\" must be set"),
            (USUAL, ("REGISTRY_AUTH_HTPASSWD_REALM", "x"), "\"path\" must be set"),
            (USUAL, ("REGISTRY_HTTP_TLS_KEY", "/k"), "go together"),
            (USUAL, ("REGISTRY_STORAGE_DELETE_ENABLED", "maybe"), "neither true nor false"),
        ] {
            let told = settings(text, &[environment]).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
