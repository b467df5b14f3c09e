//! Where images are pulled from: the catalogue, which stands for Docker Hub, or a registry.

use super::blobs::BlobStore;
use super::manifest::{Descriptor, Manifest, choose};
use super::platform::Platform;
use super::progress::Reporter;
use super::{Digest, ImageError, Reference};
use crate::catalog;

/// A manifest or index with its digest.
pub struct Fetched {
    pub digest: Digest,
    pub bytes: Vec<u8>,
}

/// One repository of a registry.
pub trait Source {
    /// The manifest or index that the reference's tag or digest names.
    fn manifest(&self, reference: &Reference) -> Result<Fetched, ImageError>;

    /// Brings a blob into the store, verified, and reports on the way as `id`.
    fn fetch(&self, blob: &Descriptor, id: &str, report: Reporter<'_>) -> Result<(), ImageError>;

    /// All tags of the repository.
    fn tags(&self) -> Result<Vec<String>, ImageError>;
}

/// A repository of the catalogue. Its blobs are made as they are asked for.
pub struct CatalogSource<'a> {
    pub blobs: &'a BlobStore,
    pub repository: Reference,
    pub platform: Platform,
}

impl CatalogSource<'_> {
    fn write(&self, image: &catalog::CatalogImage) -> Result<Fetched, ImageError> {
        self.write_for(image, &|platform| platform.parse::<Platform>().is_ok_and(|platform| self.platform.accepts(&platform)))
    }

    /// Writes it with the layers of the platforms that are `wanted`.
    fn write_for(&self, image: &catalog::CatalogImage, wanted: &dyn Fn(&str) -> bool) -> Result<Fetched, ImageError> {
        let descriptor = image
            .write(self.blobs, wanted)
            .map_err(|e| ImageError::Registry(format!("cannot make {} of the catalogue: {e}", self.repository.familiar_name())))?;
        let digest: Digest = descriptor.digest().to_string().parse()?;
        Ok(Fetched { bytes: self.blobs.read(&digest)?, digest })
    }

    fn unknown(&self, reference: &Reference) -> ImageError {
        if catalog::tags(self.repository.path()).is_empty() {
            ImageError::Denied(format!(
                "pull access denied for {}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                reference.familiar_name()
            ))
        } else {
            ImageError::NotFound(format!("manifest for {} not found: manifest unknown: manifest unknown", reference.familiar()))
        }
    }

    /// Finds the image whose manifest or index has the digest, among all tags.
    fn by_digest(&self, digest: &Digest) -> Result<Option<Fetched>, ImageError> {
        for tag in catalog::tags(self.repository.path()) {
            let Some(image) = catalog::resolve(self.repository.path(), &tag) else { continue };
            let fetched = self.write(&image)?;
            if &fetched.digest == digest {
                return Ok(Some(fetched));
            }
            if let Manifest::Index(entries) = Manifest::parse(&fetched.bytes)?
                && entries.iter().any(|entry| &entry.digest == digest)
            {
                // Only the platform that fits has all its blobs so far.
                if choose(&entries, &self.platform).is_none_or(|entry| &entry.digest != digest) {
                    self.write_for(&image, &|_| true)?;
                }
                return Ok(Some(Fetched { bytes: self.blobs.read(digest)?, digest: digest.clone() }));
            }
        }
        Ok(None)
    }
}

impl Source for CatalogSource<'_> {
    fn manifest(&self, reference: &Reference) -> Result<Fetched, ImageError> {
        if let Some(digest) = reference.digest() {
            return self.by_digest(digest)?.ok_or_else(|| self.unknown(reference));
        }
        match catalog::resolve(self.repository.path(), reference.tag().unwrap_or("latest")) {
            Some(image) => self.write(&image),
            None => Err(self.unknown(reference)),
        }
    }

    fn fetch(&self, blob: &Descriptor, _id: &str, _report: Reporter<'_>) -> Result<(), ImageError> {
        // Written together with the manifest.
        if self.blobs.has(&blob.digest) { Ok(()) } else { Err(ImageError::MissingBlob(blob.digest.clone())) }
    }

    fn tags(&self) -> Result<Vec<String>, ImageError> {
        let tags = catalog::tags(self.repository.path());
        if tags.is_empty() { Err(self.unknown(&self.repository)) } else { Ok(tags) }
    }
}
