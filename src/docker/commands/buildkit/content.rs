//! Folders in OCI's layout that a build may take images out of: the engine reads their blobs by digest, and nothing else of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value as Json;

use crate::buildkit::messages::session::{ContentInfo, ContentInfoRequest, ContentInfoResponse, ContentPiece, ContentRequest};
use crate::buildkit::methods::STORE_ID;
use crate::buildkit::transfer::{Exchange, PIECE};
use crate::buildkit::{Call, Status, status};
use crate::docker::failure::Failure;
use crate::units::go_words;

/// Where an image is in a layout: `PATH[:TAG][@DIGEST]`.
pub struct Layout {
    pub folder: PathBuf,
    pub tag: String,
    pub digest: String,
}

/// Finds the image that `oci-layout://…` means.
pub fn find(text: &str) -> Result<Layout, Failure> {
    let place = text.trim_start_matches("oci-layout://");
    let (place, digest) = match place.rsplit_once('@') {
        Some((place, digest)) if is_digest(digest) => (place, digest.to_owned()),
        _ => (place, String::new()),
    };
    let (place, tag) = match place.rsplit_once(':') {
        Some((place, tag)) if !tag.contains('/') && !tag.is_empty() => (place, tag),
        _ => (place, "latest"),
    };
    let folder = std::path::absolute(place)?;
    let digest = if digest.is_empty() {
        let failed = |why: String| Failure::new(format!("oci-layout reference {text:?} could not be resolved: {why}"));
        resolved(&folder, tag).map_err(failed)?
    } else {
        digest
    };
    Ok(Layout { folder, tag: tag.to_owned(), digest })
}

/// What the index of a layout has under a tag, or its only entry.
fn resolved(folder: &Path, tag: &str) -> Result<String, String> {
    let path = folder.join("index.json");
    let text = std::fs::read(&path).map_err(|e| format!("open {}: {}", path.display(), go_words(&e)))?;
    let index: Json = serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let entries = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = entries.iter().find(|entry| {
        let name = |key: &str| entry["annotations"][key].as_str();
        name("org.opencontainers.image.ref.name") == Some(tag)
            || name("io.containerd.image.name").is_some_and(|name| name == tag || name.ends_with(&format!(":{tag}")))
    });
    let entry = named.or(if let [one] = entries { Some(one) } else { None });
    let digest = entry.and_then(|entry| entry["digest"].as_str()).filter(|digest| is_digest(digest));
    digest.map(str::to_owned).ok_or_else(|| format!("{} has no entry {tag}", path.display()))
}

fn is_digest(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.split_once(':').is_some_and(|(algorithm, hex)| plain(algorithm) && plain(hex) && hex.len() >= 32)
}

/// The blob that is asked for.
fn open(layouts: &BTreeMap<String, PathBuf>, asked: &hyper::HeaderMap, digest: &str) -> Result<File, Status> {
    let store = asked.get(STORE_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let missing = |what: &str| Status::new(status::NOT_FOUND, format!("{what}: not found"));
    let folder = layouts.get(store).ok_or_else(|| missing(&format!("unknown store {store}")))?;
    let (algorithm, hex) = digest.split_once(':').filter(|_| is_digest(digest)).ok_or_else(|| missing(digest))?;
    File::open(folder.join("blobs").join(algorithm).join(hex)).map_err(|_| missing(&format!("content {digest}")))
}

/// Sends a blob, or a part of it.
pub fn read(
    layouts: &BTreeMap<String, PathBuf>,
    asked: &hyper::HeaderMap,
    request: &ContentRequest,
    exchange: Exchange<'_>,
) -> Result<(), Status> {
    let failed = |e: std::io::Error| Status::unknown(format!("content {}: {}", request.digest, go_words(&e)));
    let mut file = open(layouts, asked, &request.digest)?;
    let mut offset = request.offset.max(0);
    file.seek(SeekFrom::Start(offset.unsigned_abs())).map_err(failed)?;
    let mut rest = file.take(if request.size > 0 { request.size.unsigned_abs() } else { u64::MAX });
    let mut buffer = vec![0; PIECE];
    loop {
        match rest.read(&mut buffer).map_err(failed)? {
            0 => return Ok(()),
            count => {
                let data = Bytes::copy_from_slice(&buffer[..count]);
                exchange.waiter.wait(exchange.out.message(&ContentPiece { offset, data }))?;
                offset = offset.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
}

/// Says how long a blob is.
pub async fn info(layouts: &BTreeMap<String, PathBuf>, call: &mut Call) -> Result<(), Status> {
    let request: ContentInfoRequest = call.message().await?;
    let file = open(layouts, &call.headers, &request.digest)?;
    let length = file.metadata().map_err(|e| Status::unknown(go_words(&e)))?.len();
    let info = ContentInfo { digest: request.digest, size: i64::try_from(length).unwrap_or(i64::MAX) };
    call.reply(&ContentInfoResponse { info: Some(info) }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_found_by_tag_and_digest() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = dir.path().display();
        let digest = format!("sha256:{}", "a".repeat(64));
        let entry =
            |tag: &str, digest: &str| format!(r#"{{"digest":"{digest}","annotations":{{"org.opencontainers.image.ref.name":"{tag}"}}}}"#);
        let write = |entries: &[String]| {
            std::fs::write(dir.path().join("index.json"), format!(r#"{{"manifests":[{}]}}"#, entries.join(","))).expect("an index");
        };
        let found = |text: String| find(&text).map(|layout| (layout.tag, layout.digest)).map_err(|e| e.text);
        write(&[entry("v1", &digest)]);
        assert_eq!(found(format!("oci-layout://{place}")), Ok(("latest".to_owned(), digest.clone())), "the only one");
        write(&[entry("v0", &digest.replace('a', "b")), entry("v1", &digest)]);
        assert_eq!(found(format!("oci-layout://{place}:v1")), Ok(("v1".to_owned(), digest.clone())));
        assert_eq!(found(format!("oci-layout://{place}@{digest}")), Ok(("latest".to_owned(), digest)));
        assert!(found(format!("oci-layout://{place}:v2")).expect_err("no such tag").contains("has no entry v2"));
    }
}
