//! `--output`, `--load` and `--push`: what becomes of a build.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::csv::fields;
use super::session::Keep;
use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;

/// What becomes of a build.
pub struct Output {
    /// What the engine calls it; empty where nothing shall become of it.
    pub exporter: &'static str,
    pub attributes: BTreeMap<String, String>,
    pub keep: Keep,
    /// Whether the image is to be pushed, by these names with commas between them.
    pub pushed: bool,
    pub names: String,
}

/// Reads the flags. Without any it is an image.
pub fn read(m: &Matches) -> Result<Output, Failure> {
    let mut all = Vec::new();
    for text in m.all("output").filter(|text| !text.is_empty()) {
        all.push(parse(text)?);
    }
    if m.on("push") {
        all.push(Entry::of("registry"));
    }
    if m.on("load") {
        all.push(Entry::of("docker"));
    }
    match all.len() {
        0 => Entry::of("image").output(m),
        1 => all.swap_remove(0).output(m),
        _ => Err(Failure::new(
            "multiple outputs currently unsupported by the current BuildKit daemon, please upgrade to version v0.13+ or use a single output",
        )),
    }
}

/// One output as it is written.
struct Entry {
    kind: String,
    place: String,
    attributes: BTreeMap<String, String>,
}

impl Entry {
    fn of(kind: &str) -> Entry {
        Entry { kind: kind.to_owned(), place: String::new(), attributes: BTreeMap::new() }
    }
}

fn parse(text: &str) -> Result<Entry, Failure> {
    let all = fields(text);
    if all.len() == 1 && all[0] == text && !text.starts_with("type=") {
        let kind = if text == "-" { "tar" } else { "local" };
        return Ok(Entry { place: text.to_owned(), ..Entry::of(kind) });
    }
    let mut entry = Entry::of("");
    for field in &all {
        let (key, value) = field.split_once('=').ok_or_else(|| Failure::new(format!("invalid value {field}")))?;
        match key.trim().to_lowercase().as_str() {
            "type" => value.clone_into(&mut entry.kind),
            "dest" => value.clone_into(&mut entry.place),
            key => drop(entry.attributes.insert(key.to_owned(), value.to_owned())),
        }
    }
    if entry.kind.is_empty() {
        return Err(Failure::new("type is required for output"));
    }
    Ok(entry)
}

impl Entry {
    fn output(mut self, m: &Matches) -> Result<Output, Failure> {
        let driver = |what: &str| Err(super::not_supported(what, "build-exporters"));
        match self.kind.as_str() {
            "local" => {
                let keep = Keep::Folder(folder(&self.place)?);
                Ok(Output { exporter: "local", attributes: self.attributes, keep, pushed: false, names: String::new() })
            }
            "tar" => {
                let keep = file(&self.place)?;
                Ok(Output { exporter: "tar", attributes: self.attributes, keep, pushed: false, names: String::new() })
            }
            "cacheonly" => {
                Ok(Output { exporter: "", attributes: BTreeMap::new(), keep: Keep::Nothing, pushed: false, names: String::new() })
            }
            "oci" => driver("OCI exporter"),
            "docker" if !self.place.is_empty() => driver("Docker exporter"),
            "docker" | "image" | "registry" => {
                let on = |value: &String| crate::docker::units::parse_bool(value) == Some(true);
                let pushed = self.kind == "registry" || self.attributes.get("push").is_some_and(on);
                if pushed && self.attributes.get("push-by-digest").is_some_and(on) {
                    return Err(Failure::new(
                        "push-by-digest is currently not implemented for docker driver, please create a new builder instance",
                    ));
                }
                let tags: Vec<&str> = m.all("tag").collect();
                if !tags.is_empty() {
                    self.attributes.insert("name".to_owned(), tags.join(","));
                }
                if pushed && self.attributes.get("name").is_none_or(String::is_empty) {
                    return Err(Failure::new("tag is needed when pushing to registry"));
                }
                // This client pushes, as Docker's does where the engine has Docker's own store.
                self.attributes.remove("push");
                let names = self.attributes.get("name").cloned().unwrap_or_default();
                Ok(Output { exporter: "moby", attributes: self.attributes, keep: Keep::Nothing, pushed, names })
            }
            other => Err(Failure::new(format!("exporter {} could not be found", crate::docker::units::quote(other)))),
        }
    }
}

fn folder(place: &str) -> Result<PathBuf, Failure> {
    match place {
        "" => Err(Failure::new("dest is required for local exporter")),
        "-" => Err(Failure::new("dest cannot be stdout for local exporter")),
        place if Path::new(place).exists() && !Path::new(place).is_dir() => {
            Err(Failure::new(format!("destination directory {place} is a file")))
        }
        place => Ok(std::path::absolute(place)?),
    }
}

fn file(place: &str) -> Result<Keep, Failure> {
    match place {
        "" | "-" if std::io::stdout().is_terminal() => {
            Err(Failure::new("dest file is required for tar exporter. refusing to write to console"))
        }
        "" | "-" => Ok(Keep::Stdout),
        place if Path::new(place).is_dir() => Err(Failure::new(format!("destination file {place} is a directory"))),
        place => Ok(Keep::File(std::path::absolute(place)?)),
    }
}
