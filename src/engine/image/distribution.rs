//! What a registry has under a name, without bringing the image in.

use super::manifest::Manifest;
use super::platform::Platform;
use super::store::parse_document;
use super::{Digest, ImageError, ImageStore, Reference};
use crate::registry::Credentials;

/// A manifest or index in a registry, and the platforms that it is for.
#[derive(Clone, Debug)]
pub struct Distribution {
    pub media_type: String,
    pub digest: Digest,
    /// The document itself.
    pub bytes: Vec<u8>,
    pub platforms: Vec<Platform>,
}

impl ImageStore {
    /// Looks `reference` up where it would be pulled from.
    pub fn distribution(&self, reference: &Reference, credentials: Option<Credentials>) -> Result<Distribution, ImageError> {
        let _content = self.tenancy.hold()?;
        let source = self.source(reference, Platform::host(), credentials)?;
        let fetched = source.manifest(reference)?;
        let platforms = match Manifest::parse(&fetched.bytes)? {
            Manifest::Index(entries) => {
                let named = entries.into_iter().filter_map(|e| e.platform);
                named.map(|p| Platform { os: p.os, architecture: p.architecture, variant: p.variant }).collect()
            }
            Manifest::Image { config, .. } => {
                source.fetch(&config, "", &|_| {})?;
                vec![Platform::of(&parse_document(&config.digest, &self.blobs.read(&config.digest)?)?)]
            }
        };
        let media_type = serde_json::from_slice::<serde_json::Value>(&fetched.bytes).ok();
        let media_type = media_type.and_then(|m| Some(m.get("mediaType")?.as_str()?.to_owned())).unwrap_or_default();
        Ok(Distribution { media_type, digest: fetched.digest, bytes: fetched.bytes, platforms })
    }
}
