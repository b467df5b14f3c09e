//! What a registry has under a name, without bringing the image in.

use super::manifest::{DOCKER_INDEX, DOCKER_MANIFEST, Manifest, OCI_INDEX, OCI_MANIFEST};
use super::platform::Platform;
use super::store::parse_document;
use super::{Digest, ImageError, ImageStore, Reference};
use crate::registry::{Credentials, RegistrySource};

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
        let _content = self.hold_content()?;
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

    /// Puts a manifest or an index under the tag or digest of `reference`; gives its digest.
    pub fn put_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        document: Vec<u8>,
        credentials: Option<Credentials>,
    ) -> Result<Digest, ImageError> {
        let known = [DOCKER_MANIFEST, DOCKER_INDEX, OCI_MANIFEST, OCI_INDEX].into_iter().find(|known| *known == media_type);
        let known = known.ok_or_else(|| ImageError::Invalid(format!("{media_type:?} is no manifest's media type")))?;
        Manifest::parse(&document)?;
        let digest = Digest::of(&document);
        if reference.digest().is_some_and(|expected| *expected != digest) {
            return Err(ImageError::Corrupt(format!("the manifest for {reference} has the digest {digest}")));
        }
        let name = reference.digest().map_or(reference.tag().unwrap_or("latest"), Digest::as_str);
        RegistrySource::open(&self.blobs, reference, credentials)?.push_manifest(name, known, document)?;
        Ok(digest)
    }

    /// Has the registry take a blob over from its repository `from` into that of `reference`; says whether it did.
    pub fn mount_blob(
        &self,
        reference: &Reference,
        digest: &Digest,
        from: &str,
        credentials: Option<Credentials>,
    ) -> Result<bool, ImageError> {
        let target = RegistrySource::open(&self.blobs, reference, credentials)?;
        Ok(target.mount_blob(digest, from)? || target.has_blob(digest)?)
    }
}
