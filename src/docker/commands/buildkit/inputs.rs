//! Where a build's files are: its context, its Dockerfile, and contexts with names of their own.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::content;
use super::session::Folder;
use crate::buildkit::methods::UPLOADED;
use crate::docker::cmdline::Matches;
use crate::docker::commands::build_context::{Stdin, is_elsewhere, stdin};
use crate::docker::failure::Failure;
use crate::docker::units::quote;
use crate::units::go_words;

/// The files of a build.
#[derive(Default)]
pub struct Inputs {
    pub folders: BTreeMap<String, Folder>,
    pub upload: Option<Box<dyn Read + Send>>,
    /// Folders in OCI's layout, by the names that the engine has for them.
    pub layouts: BTreeMap<String, PathBuf>,
    /// What the engine is told of them.
    pub attributes: BTreeMap<String, String>,
    /// The context's name: builds with the same have most files in common.
    pub key: String,
}

/// Refuses a context that cannot be one, without reading anything.
pub fn check(m: &Matches) -> Result<(), Failure> {
    let place = m.args[0].as_str();
    if place == "-" && m.text("file") == "-" {
        return Err(Failure::new("invalid argument: can't use stdin for both build context and dockerfile"));
    }
    if place != "-" && !is_elsewhere(place) && !Path::new(place).is_dir() {
        return Err(Failure::new(format!("unable to prepare context: path {} not found", quote(place))));
    }
    Ok(())
}

/// Finds them as the command line says; reads standard input where a Dockerfile comes from there.
pub fn find(m: &Matches) -> Result<Inputs, Failure> {
    let (place, file) = (m.args[0].as_str(), m.text("file"));
    let mut inputs = Inputs::default();
    let mut name = "Dockerfile".to_owned();
    if is_elsewhere(place) {
        inputs.attributes.insert("context".to_owned(), place.to_owned());
        let path = Path::new(file);
        if file == "-" {
            let text = inputs.dockerfile_from_stdin()?;
            inputs.folders.insert("dockerfile".to_owned(), text);
        } else if path.is_absolute() {
            // It is this machine's, and no part of what is elsewhere.
            let folder = path.parent().unwrap_or(path).to_owned();
            check_folder(&folder)?;
            name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            inputs.attributes.insert("dockerfilekey".to_owned(), "dockerfile".to_owned());
            inputs.folders.insert("dockerfile".to_owned(), Folder::Disk(folder));
        } else if !file.is_empty() {
            file.clone_into(&mut name);
        }
    } else if place == "-" {
        inputs.take_stdin(file, &mut name)?;
    } else {
        let root = std::path::absolute(place)?;
        inputs.key = root.display().to_string();
        let definition = match file {
            "-" => inputs.dockerfile_from_stdin()?,
            "" => Folder::Disk(root.clone()),
            file => {
                let path = std::path::absolute(file)?;
                name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                Folder::Disk(path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned))
            }
        };
        if let Folder::Disk(folder) = &definition {
            check_folder(folder)?;
            // Some spell it so, where the file system does not care.
            if name == "Dockerfile" && !folder.join(&name).exists() && folder.join("dockerfile").exists() {
                "dockerfile".clone_into(&mut name);
            }
        }
        inputs.folders.insert("context".to_owned(), Folder::Disk(root));
        inputs.folders.insert("dockerfile".to_owned(), definition);
    }
    inputs.attributes.insert("filename".to_owned(), name);
    for text in m.all("build-context") {
        inputs.named(text)?;
    }
    Ok(inputs)
}

impl Inputs {
    fn dockerfile_from_stdin(&mut self) -> Result<Folder, Failure> {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        self.attributes.insert("dockerfilekey".to_owned(), "dockerfile".to_owned());
        Ok(Folder::Dockerfile(Bytes::from(text)))
    }

    fn take_stdin(&mut self, file: &str, name: &mut String) -> Result<(), Failure> {
        match stdin()? {
            Stdin::Archive(archive) => {
                self.attributes.insert("context".to_owned(), format!("{UPLOADED}{}", super::random()));
                self.upload = Some(archive);
                if !file.is_empty() {
                    file.clone_into(name);
                }
            }
            Stdin::Text(_) if !file.is_empty() => {
                return Err(Failure::new("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles"));
            }
            Stdin::Text(text) => {
                self.attributes.insert("dockerfilekey".to_owned(), "dockerfile".to_owned());
                self.folders.insert("context".to_owned(), Folder::Empty);
                self.folders.insert("dockerfile".to_owned(), Folder::Dockerfile(Bytes::from(text)));
            }
        }
        Ok(())
    }

    /// `NAME=PATH`, `NAME=docker-image://IMAGE` or `NAME=oci-layout://PATH`.
    fn named(&mut self, text: &str) -> Result<(), Failure> {
        let (name, place) =
            text.split_once('=').ok_or_else(|| Failure::new(format!("invalid context value: {text}, expected key=value")))?;
        let name = name.to_lowercase();
        self.attributes.insert("frontend.caps".to_owned(), "moby.buildkit.frontend.contexts+forward".to_owned());
        // What is no folder is the engine's to take or to refuse.
        let elsewhere = ["docker-image://", "target:", "http://", "https://", "git://", "github.com/", "git@"];
        if elsewhere.iter().any(|scheme| place.starts_with(scheme)) {
            self.attributes.insert(format!("context:{name}"), place.to_owned());
            return Ok(());
        }
        if place.starts_with("oci-layout://") {
            let layout = content::find(place)?;
            let store = super::random();
            self.attributes.insert(format!("context:{name}"), format!("oci-layout://{store}:{}@{}", layout.tag, layout.digest));
            self.layouts.insert(store, layout.folder);
            return Ok(());
        }
        let metadata = std::fs::metadata(place)
            .map_err(|e| Failure::new(format!("failed to get build context {name}: stat {place}: {}", go_words(&e))))?;
        if !metadata.is_dir() {
            return Err(Failure::new(format!("failed to get build context path {place}: not a directory")));
        }
        let local = if ["context", "dockerfile"].contains(&name.as_str()) { format!("_{name}") } else { name.clone() };
        self.attributes.insert(format!("context:{name}"), format!("local:{local}"));
        self.folders.insert(local, Folder::Disk(std::path::absolute(place)?));
        Ok(())
    }
}

/// A Dockerfile's folder must be there; the Dockerfile is missed by the engine.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Failure::new(format!("failed to read dockerfile path {}: not a directory", folder.display()))),
        Err(e) => Err(Failure::new(format!("resolve : lstat {}: {}", folder.display(), go_words(&e)))),
    }
}
