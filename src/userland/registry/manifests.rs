//! Manifests and indexes: what may be put into a repository, and in which form one is given out.

use axum::http::header;
use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::layout::Layout;
use super::refusal::{Code, Refusal};
use super::route::Target;
use crate::engine::image::Digest;

/// A manifest may be so long.
pub const LONGEST: usize = 4 << 20;

const IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Layers that may be elsewhere than in a registry.
const FOREIGN: [&str; 4] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
];

/// A manifest as it is given out.
pub struct Found {
    pub content: Vec<u8>,
    pub media_type: String,
    pub digest: Digest,
}

/// The manifest that `target` names, in a form that the request's `Accept` takes.
pub fn find(layout: &Layout, name: &str, target: &Target, headers: &HeaderMap) -> Result<Found, Refusal> {
    let digest = match target {
        Target::Digest(digest) => digest.clone(),
        Target::Tag(tag) => layout.resolve(name, tag)?.ok_or_else(|| Refusal::about(Code::ManifestUnknown, json!({ "Tag": tag })))?,
    };
    let found = read(layout, name, digest)?;
    let accepts = |kind: &str| accepted(headers).any(|one| one == kind);
    let lacking = |what: &str| {
        let message = format!("{what} found, but accept header does not support {what}");
        Refusal::saying(Code::ManifestUnknown, &(message + if what.ends_with('x') { "es" } else { "s" }))
    };
    match found.media_type.as_str() {
        OCI_IMAGE if !accepts(OCI_IMAGE) => Err(lacking("OCI manifest")),
        OCI_INDEX if !accepts(OCI_INDEX) => Err(lacking("OCI index")),
        // Whoever asked for a tag and knows no lists meant the image that it was before there were any.
        LIST if !accepts(LIST) && matches!(target, Target::Tag(_)) => {
            let list: Value = serde_json::from_slice(&found.content).unwrap_or_default();
            let usual = list["manifests"].as_array().into_iter().flatten().find(|entry| {
                let platform = &entry["platform"];
                platform["architecture"] == "amd64" && platform["os"] == "linux"
            });
            let digest = usual.and_then(|entry| entry["digest"].as_str()).and_then(|text| text.parse().ok());
            read(layout, name, digest.ok_or_else(|| Refusal::new(Code::ManifestUnknown))?)
        }
        _ => Ok(found),
    }
}

fn read(layout: &Layout, name: &str, digest: Digest) -> Result<Found, Refusal> {
    let Some(content) = layout.find_manifest(name, &digest)? else {
        let detail = json!({ "Name": name, "Revision": digest.as_str() });
        return Err(Refusal::about(Code::ManifestUnknown, detail));
    };
    let media_type = media_type(&content).unwrap_or_else(|| OCI_IMAGE.to_owned());
    Ok(Found { content, media_type, digest })
}

/// What a document says that it is; one that does not is told by what it has.
fn media_type(content: &[u8]) -> Option<String> {
    let document: Value = serde_json::from_slice(content).ok()?;
    match document["mediaType"].as_str() {
        Some(said) if !said.is_empty() => Some(said.to_owned()),
        _ => Some(if document["manifests"].is_array() { OCI_INDEX } else { OCI_IMAGE }.to_owned()),
    }
}

/// The media types of all headers `Accept`, without parameters.
fn accepted(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|one| one.split(';').next().unwrap_or_default().trim())
}

/// Puts `content`, sent as `media_type`, into the repository under `target`. Gives its digest.
pub fn put(layout: &Layout, name: &str, target: &Target, media_type: Option<&str>, content: &[u8]) -> Result<Digest, Refusal> {
    let wrong = |why: &str| Refusal::about(Code::ManifestInvalid, why);
    let document: Value = serde_json::from_slice(content).map_err(|e| wrong(&e.to_string()))?;
    if !document.is_object() {
        return Err(wrong("a manifest is an object"));
    }
    let sent = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let said = document["mediaType"].as_str().unwrap_or_default();
    // The types of Docker have to be in the document, those of OCI may be.
    let fits = match sent {
        IMAGE | LIST => said == sent,
        OCI_IMAGE | OCI_INDEX => said.is_empty() || said == sent,
        _ => return Err(wrong(&format!("{sent:?} is no type of manifest that is kept here"))),
    };
    if !fits {
        return Err(wrong(&format!("sent as {sent}, it says that it is {said:?}")));
    }
    if document["schemaVersion"] != 2 {
        return Err(wrong("schemaVersion is not 2"));
    }
    let digest = Digest::of(content);
    if matches!(target, Target::Digest(wanted) if *wanted != digest) {
        return Err(Refusal::new(Code::DigestInvalid));
    }
    let mut lacking = Vec::new();
    if matches!(sent, LIST | OCI_INDEX) {
        if document["config"].is_object() || document["layers"].is_array() {
            return Err(wrong("an index has no config and no layers"));
        }
        for entry in document["manifests"].as_array().into_iter().flatten() {
            check(entry, &mut lacking, |digest| layout.has_manifest(name, digest))?;
        }
    } else {
        if document["manifests"].is_array() {
            return Err(wrong("an image's manifest has no manifests"));
        }
        let layers = document["layers"].as_array().ok_or_else(|| wrong("it has no layers"))?;
        let has = |digest: &Digest| Ok(layout.find_blob(name, digest)?.is_some());
        check(&document["config"], &mut lacking, has)?;
        let foreign = |layer: &Value| layer["mediaType"].as_str().is_some_and(|kind| FOREIGN.contains(&kind));
        for layer in layers.iter().filter(|layer| !foreign(layer)) {
            check(layer, &mut lacking, has)?;
        }
    }
    Refusal::all(lacking)?;
    layout.add_manifest(name, content)?;
    if let Target::Tag(tag) = target {
        layout.set_tag(name, tag, &digest)?;
    }
    Ok(digest)
}

/// Notes what a descriptor names and the repository has not.
fn check(descriptor: &Value, lacking: &mut Vec<Refusal>, has: impl Fn(&Digest) -> std::io::Result<bool>) -> Result<(), Refusal> {
    let text = descriptor["digest"].as_str().unwrap_or_default();
    match text.parse() {
        Ok(digest) if has(&digest)? => {}
        Ok(_) => lacking.push(Refusal::about(Code::ManifestBlobUnknown, text)),
        Err(_) => {
            lacking.push(Refusal::new(Code::DigestInvalid));
            lacking.push(Refusal::about(Code::ManifestBlobUnknown, text));
        }
    }
    Ok(())
}

/// The digests that a manifest names: of blobs, and of manifests.
pub fn names(content: &[u8]) -> (Vec<Digest>, Vec<Digest>) {
    let document: Value = serde_json::from_slice(content).unwrap_or_default();
    let digests = |list: &Value| -> Vec<Digest> {
        let entries = list.as_array().into_iter().flatten();
        entries.filter_map(|entry| entry["digest"].as_str()?.parse().ok()).collect()
    };
    let mut blobs = digests(&document["layers"]);
    blobs.extend(document["config"]["digest"].as_str().and_then(|text| text.parse().ok()));
    (blobs, digests(&document["manifests"]))
}

/// Whether a request has already what it asks for.
pub fn is_known(headers: &HeaderMap, digest: &Digest) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().trim_start_matches("W/").trim_matches('"') == digest.as_str())
}

/// Adds the headers that an answer about a content carries.
pub fn labelled(headers: &mut HeaderMap, digest: &Digest) {
    let value = |text: &str| HeaderValue::from_str(text).expect("a digest is plain text");
    headers.insert("docker-content-digest", value(digest.as_str()));
    headers.insert(header::ETAG, value(&format!("\"{digest}\"")));
}
