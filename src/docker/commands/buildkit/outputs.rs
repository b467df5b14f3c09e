//! `--output`, `--load` and `--push`: what becomes of a build.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::csv::fields;
use super::session::Keep;
use crate::buildkit::messages::control::Exporter;
use crate::docker::cmdline::Matches;
use crate::docker::failure::Failure;

/// What becomes of a build.
#[derive(Default)]
pub struct Outputs {
    /// What the engine is asked for, in order.
    pub exporters: Vec<Exporter>,
    /// Where it goes, by the numbers of the exporters.
    pub keep: BTreeMap<String, Keep>,
    /// The names by which this client has the engine push the image afterwards.
    pub pushed: Vec<String>,
}

/// Reads the flags. Without any it is an image.
pub fn read(m: &Matches) -> Result<Outputs, Failure> {
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
    if all.is_empty() {
        all.push(Entry::of("image"));
    }
    let mut outputs = Outputs::default();
    for entry in all {
        entry.add(m, &mut outputs)?;
    }
    if outputs.keep.values().filter(|keep| matches!(keep, Keep::Stdout)).count() > 1 {
        return Err(Failure::new("multiple outputs configured to write to stdout"));
    }
    Ok(outputs)
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
    /// Adds it to what the engine is asked for.
    fn add(mut self, m: &Matches, outputs: &mut Outputs) -> Result<(), Failure> {
        let on = |value: &String| crate::docker::units::parse_bool(value) == Some(true);
        let off = |value: &String| crate::docker::units::parse_bool(value) == Some(false);
        let several = m.text("platform").contains(',');
        if ["oci", "docker", "image", "registry"].contains(&self.kind.as_str()) {
            self.annotate(m)?;
            let tags: Vec<&str> = m.all("tag").collect();
            if !tags.is_empty() {
                self.attributes.insert("name".to_owned(), tags.join(","));
            }
        }
        let mut keep = None;
        let kind = match self.kind.as_str() {
            "cacheonly" => return Ok(()),
            "local" => {
                keep = Some(Keep::Folder(folder(&self.place, "local")?));
                "local"
            }
            "tar" => {
                keep = Some(file(&self.place, "tar")?);
                "tar"
            }
            kind @ ("oci" | "docker") if kind == "oci" || !self.place.is_empty() => {
                if kind == "docker" && several {
                    return Err(Failure::new("docker exporter does not support exporting manifest lists, use the oci exporter instead"));
                }
                let is_folder = self.attributes.get("tar").is_some_and(off);
                keep = Some(if is_folder { Keep::Folder(folder(&self.place, kind)?) } else { file(&self.place, kind)? });
                if kind == "oci" { "oci" } else { "docker" }
            }
            "docker" | "image" | "registry" => {
                let pushed = self.kind == "registry" || self.attributes.get("push").is_some_and(on);
                if pushed && self.attributes.get("push-by-digest").is_some_and(on) {
                    return Err(Failure::new(
                        "push-by-digest is currently not implemented for docker driver, please create a new builder instance",
                    ));
                }
                let names = self.attributes.get("name").cloned().unwrap_or_default();
                if pushed && names.is_empty() {
                    return Err(Failure::new("tag is needed when pushing to registry"));
                }
                if several && !pushed {
                    return Err(Failure::new(
                        "docker exporter does not currently support exporting manifest lists: an engine's image is for one platform\n\
                         Push it (--push), or write it to a file (--output type=oci,dest=FILE)",
                    ));
                }
                if several {
                    // The engine keeps no image of several platforms that could be pushed afterwards.
                    self.attributes.insert("push".to_owned(), "true".to_owned());
                    "image"
                } else {
                    if pushed {
                        // This client pushes, as Docker's does where the engine has Docker's own store.
                        outputs.pushed.extend(names.split(',').map(str::to_owned));
                    }
                    self.attributes.remove("push");
                    "moby"
                }
            }
            other => return Err(Failure::new(format!("exporter {} could not be found", crate::docker::units::quote(other)))),
        };
        if let Some(keep) = keep {
            outputs.keep.insert(outputs.exporters.len().to_string(), keep);
        }
        outputs.exporters.push(Exporter { kind: kind.to_owned(), attributes: self.attributes.into_iter().collect() });
        Ok(())
    }

    /// What `--annotation` says of the image: `[TYPE:]KEY=VALUE`.
    fn annotate(&mut self, m: &Matches) -> Result<(), Failure> {
        for text in m.all("annotation") {
            let (name, value) =
                text.split_once('=').ok_or_else(|| Failure::new(format!("invalid annotation {text}: expected key=value")))?;
            let (kinds, name) = match name.split_once(':') {
                Some((kinds, name)) if kinds.split(',').all(|kind| ANNOTATED.iter().any(|known| kind.starts_with(known))) => (kinds, name),
                _ => ("manifest", name),
            };
            for kind in kinds.split(',') {
                if !kind.starts_with("manifest") && !m.text("platform").contains(',') {
                    return Err(Failure::new("index annotations not supported for single platform export"));
                }
                self.attributes.insert(format!("annotation-{kind}.{name}"), value.to_owned());
            }
        }
        Ok(())
    }
}

/// What can be annotated; a platform in brackets may follow.
const ANNOTATED: [&str; 2] = ["manifest", "index"];

fn folder(place: &str, kind: &str) -> Result<PathBuf, Failure> {
    match place {
        "" => Err(Failure::new(format!("dest is required for {kind} exporter"))),
        "-" => Err(Failure::new(format!("dest cannot be stdout for {kind} exporter"))),
        place if Path::new(place).exists() && !Path::new(place).is_dir() => {
            Err(Failure::new(format!("destination directory {place} is a file")))
        }
        place => Ok(std::path::absolute(place)?),
    }
}

fn file(place: &str, kind: &str) -> Result<Keep, Failure> {
    match place {
        "" | "-" if std::io::stdout().is_terminal() => {
            Err(Failure::new(format!("dest file is required for {kind} exporter. refusing to write to console")))
        }
        "" | "-" => Ok(Keep::Stdout),
        place if Path::new(place).is_dir() => Err(Failure::new(format!("destination file {place} is a directory"))),
        place => Ok(Keep::File(std::path::absolute(place)?)),
    }
}
