//! Contexts: engines that a user has given names. They are kept as Docker's client keeps them, below `contexts/` in the folder of the
//! configuration (`meta/DIGEST/meta.json` and `tls/DIGEST/ENDPOINT/FILE`), so that both clients have the same ones. This reads and
//! writes; which context is in use is `context`'s concern.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use super::units::quote;
use crate::units::go_words;

/// The context that `-H`, `DOCKER_HOST` or nothing at all means.
pub const DEFAULT: &str = "default";

/// Where an engine is that a context says nothing of.
pub const NOWHERE: &str = "unix:///var/run/docker.sock";

/// The endpoint that this client uses of a context.
pub const DOCKER: &str = "docker";

/// What the default context says of itself.
pub const DEFAULT_DESCRIPTION: &str = "Current DOCKER_HOST based configuration";

/// What names look like, as messages show it.
const PATTERN: &str = "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$";

/// What is known of a context, but for its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    pub name: String,
    /// Its description, and what other programs keep there.
    pub metadata: Json,
    /// `{"docker": {"Host": …, "SkipTLSVerify": …}}`
    pub endpoints: Json,
}

impl Meta {
    /// A context with an endpoint of Docker's.
    pub fn new(name: &str, host: &str, skip_verify: bool) -> Meta {
        Meta { name: name.to_owned(), metadata: json!({}), endpoints: json!({ DOCKER: endpoint(host, skip_verify) }) }
    }

    /// Where the engine is; nothing where the context does not say.
    pub fn host(&self) -> &str {
        self.endpoints.get(DOCKER).and_then(|e| e.get("Host")).and_then(Json::as_str).unwrap_or_default()
    }

    /// Whether nobody has to vouch for the engine.
    pub fn skips_verification(&self) -> bool {
        self.endpoints.get(DOCKER).and_then(|e| e.get("SkipTLSVerify")).and_then(Json::as_bool) == Some(true)
    }

    pub fn description(&self) -> &str {
        if self.name == DEFAULT {
            return DEFAULT_DESCRIPTION;
        }
        self.metadata.get("Description").and_then(Json::as_str).unwrap_or_default()
    }

    /// Changes the description, unless there is nothing to say.
    pub fn describe(&mut self, description: &str) {
        if description.is_empty() {
            return;
        }
        // Docker's client writes the description in front of what others keep.
        let mut metadata = Map::from_iter([("Description".to_owned(), Json::from(description))]);
        let others = self.metadata.as_object().into_iter().flatten().filter(|(key, _)| *key != "Description");
        metadata.extend(others.map(|(key, value)| (key.clone(), value.clone())));
        self.metadata = Json::Object(metadata);
    }

    /// As it stands in `meta.json` and is shown.
    pub fn to_json(&self) -> Json {
        json!({ "Name": self.name, "Metadata": self.metadata, "Endpoints": self.endpoints })
    }

    /// Reads `meta.json`.
    pub fn parse(bytes: &[u8]) -> Result<Meta, Failure> {
        let json: Json = serde_json::from_slice(bytes).map_err(|e| Failure::new(e.to_string()))?;
        let object = |key: &str| json.get(key).filter(|v| v.is_object()).cloned().unwrap_or_else(|| json!({}));
        let name = json.get("Name").and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok(Meta { name, metadata: object("Metadata"), endpoints: object("Endpoints") })
    }
}

/// An endpoint as `meta.json` has it: a host that is not known is left out.
pub fn endpoint(host: &str, skip_verify: bool) -> Json {
    if host.is_empty() { json!({ "SkipTLSVerify": skip_verify }) } else { json!({ "Host": host, "SkipTLSVerify": skip_verify }) }
}

/// Refuses what cannot be a context's name.
pub fn check_name(name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return Err(Failure::new("context name cannot be empty"));
    }
    if name == DEFAULT {
        return Err(Failure::new("\"default\" is a reserved context name"));
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || b"_.+-".contains(&b);
    if name.len() < 2 || !name.as_bytes()[0].is_ascii_alphanumeric() || !name.bytes().all(good) {
        return Err(Failure::new(format!(
            "context name {} is invalid, names are validated against regexp {}",
            quote(name),
            quote(PATTERN)
        )));
    }
    Ok(())
}

/// The contexts of one configuration.
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Those kept in `config`, the folder of the configuration.
    pub fn new(config: &str) -> Store {
        Store { root: Path::new(config).join("contexts") }
    }

    /// Where a context is described.
    pub fn meta_folder(&self, name: &str) -> PathBuf {
        self.root.join("meta").join(digest(name))
    }

    /// Where a context's keys are.
    pub fn tls_folder(&self, name: &str) -> PathBuf {
        self.root.join("tls").join(digest(name))
    }

    /// A context by its name.
    pub fn get(&self, name: &str) -> Result<Meta, Failure> {
        let path = self.meta_folder(name).join("meta.json");
        let said = |text: String| Failure::new(format!("context {}: {text}", quote(name)));
        let bytes = std::fs::read(&path).map_err(|e| {
            let gone = if e.kind() == std::io::ErrorKind::NotFound { "context not found: " } else { "" };
            said(format!("{gone}open {}: {}", path.display(), go_words(&e)))
        })?;
        Meta::parse(&bytes).map_err(|e| said(format!("parsing {}: {}", path.display(), e.text)))
    }

    /// All contexts but the default one.
    pub fn list(&self) -> Result<Vec<Meta>, Failure> {
        let Ok(folders) = std::fs::read_dir(self.root.join("meta")) else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for folder in folders.flatten() {
            let path = folder.path().join("meta.json");
            if let Ok(bytes) = std::fs::read(&path) {
                all.push(Meta::parse(&bytes).map_err(|e| Failure::new(format!("parsing {}: {}", path.display(), e.text)))?);
            }
        }
        Ok(all)
    }

    /// Keeps a context's description.
    pub fn put(&self, meta: &Meta) -> Result<(), Failure> {
        let folder = self.meta_folder(&meta.name);
        std::fs::create_dir_all(&folder)?;
        write(&folder, "meta.json", meta.to_json().to_string().as_bytes(), 0o644)
    }

    /// Forgets a context.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        for folder in [self.meta_folder(name), self.tls_folder(name)] {
            match std::fs::remove_dir_all(&folder) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::new(format!("failed to remove context {name}: {}", go_words(&e))));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The names of a context's keys, for each endpoint that has any.
    pub fn tls_files(&self, name: &str) -> Vec<(String, Vec<String>)> {
        let names = |folder: &Path| {
            let mut names: Vec<String> = std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort_unstable();
            names
        };
        let folder = self.tls_folder(name);
        let endpoints = names(&folder).into_iter();
        endpoints.map(|endpoint| (endpoint.clone(), names(&folder.join(&endpoint)))).filter(|(_, files)| !files.is_empty()).collect()
    }

    /// One of a context's keys.
    pub fn tls(&self, name: &str, endpoint: &str, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.tls_folder(name).join(endpoint).join(file)).ok()
    }

    /// Puts these keys in the place of those that an endpoint had.
    pub fn set_tls(&self, name: &str, endpoint: &str, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
        let folder = self.tls_folder(name).join(endpoint);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Failure::from(e)),
            _ => {}
        }
        if files.is_empty() {
            return Ok(());
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        files.iter().try_for_each(|(file, bytes)| write(&folder, file, bytes, 0o600))
    }
}

/// The folder's name of a context.
fn digest(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes beside and renames, for another client may read at any time.
fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.persist(folder.join(name)).map_err(|e| Failure::from(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_comes_back_as_it_was_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(&folder.path().to_string_lossy());
        let mut meta = Meta::new("box", "tcp://h:1", true);
        meta.describe("far away");
        store.put(&meta).expect("a folder to write to");
        assert_eq!(store.get("box").ok().as_ref(), Some(&meta));
        assert_eq!((meta.host(), meta.description(), meta.skips_verification()), ("tcp://h:1", "far away", true));
        store.set_tls("box", DOCKER, &[("ca.pem".to_owned(), b"x".to_vec())]).expect("a folder to write to");
        assert_eq!(store.tls_files("box"), [("docker".to_owned(), vec!["ca.pem".to_owned()])]);
        store.remove("box").expect("a folder to write to");
        assert!(store.get("box").is_err() && store.tls_files("box").is_empty());
    }

    #[test]
    fn names_are_checked() {
        assert!(check_name("a.b+c-d_1").is_ok());
        for wrong in ["", "a", "default", "-a", "a/b", "a b", "../x"] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }
}
