//! Lists of manifests that are still being put together, kept as Docker's client keeps them: below `manifests/` in the folder of the
//! configuration, a folder for each list and in it a file for each manifest.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::docker::context::Context;
use crate::docker::failure::Failure;
use crate::units::go_words;

/// The name of the file or folder of a reference.
fn file_name(reference: &str) -> String {
    reference.replace(':', "-").replace('/', "_")
}

fn folder(c: &Context, list: &str) -> PathBuf {
    Path::new(&c.config).join("manifests").join(file_name(list))
}

fn missing(reference: &str) -> Failure {
    Failure::new(format!("No such manifest: {reference}"))
}

fn read(path: &Path) -> Result<Option<Json>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(json) if is_manifest(&json) => Ok(Some(json)),
            Ok(_) => Err(Failure::new(format!("{} is no manifest", path.display()))),
            Err(e) => Err(Failure::new(format!("{} is no manifest: {e}", path.display()))),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::new(format!("open {}: {}", path.display(), go_words(&e)))),
    }
}

/// Whether JSON is what is kept here: an object, and so is what it says of the manifest.
fn is_manifest(json: &Json) -> bool {
    json.is_object() && json.get("Descriptor").is_none_or(|descriptor| descriptor.is_object() || descriptor.is_null())
}

/// One manifest of a list, if it is there.
pub fn find(c: &Context, list: &str, manifest: &str) -> Result<Option<Json>, Failure> {
    read(&folder(c, list).join(file_name(manifest)))
}

/// One manifest of a list.
pub fn get(c: &Context, list: &str, manifest: &str) -> Result<Json, Failure> {
    find(c, list, manifest)?.ok_or_else(|| missing(manifest))
}

/// Whether there is a list of this name.
pub fn has(c: &Context, list: &str) -> bool {
    folder(c, list).is_dir()
}

/// All manifests of a list, by the names of their files.
pub fn all(c: &Context, list: &str) -> Result<Vec<Json>, Failure> {
    let folder = folder(c, list);
    let entries = std::fs::read_dir(&folder).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => missing(list),
        _ => Failure::new(format!("open {}: {}", folder.display(), go_words(&e))),
    })?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Keeps a manifest in a list.
pub fn save(c: &Context, list: &str, manifest: &str, json: &Json) -> Result<(), Failure> {
    let folder = folder(c, list);
    std::fs::create_dir_all(&folder).map_err(|e| Failure::new(format!("mkdir {}: {}", folder.display(), go_words(&e))))?;
    let path = folder.join(file_name(manifest));
    std::fs::write(&path, json.to_string()).map_err(|e| Failure::new(format!("open {}: {}", path.display(), go_words(&e))))
}

/// Forgets a list.
pub fn remove(c: &Context, list: &str) -> Result<(), Failure> {
    if !has(c, list) {
        return Err(missing(list));
    }
    Ok(std::fs::remove_dir_all(folder(c, list))?)
}
