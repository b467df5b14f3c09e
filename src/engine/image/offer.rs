//! Images that come in without a name: a builder takes what it needs of them, and no user of the engine sees them.

use std::io::Read;

use super::manifest::Descriptor;
use super::platform::Platform;
use super::progress::Reporter;
use super::source::Source;
use super::store::parse_document;
use super::{Digest, ImageDocument, ImageError, ImageStore, Reference};
use crate::registry::Credentials;

/// Where an image is that is not here.
#[derive(Clone, Debug)]
pub struct Place {
    pub reference: Reference,
    pub platform: Option<Platform>,
    pub credentials: Option<Credentials>,
}

/// An image elsewhere: its config is here, its layers may not be.
#[derive(Clone, Debug)]
pub struct Offer {
    pub id: Digest,
    pub document: ImageDocument,
    layers: Vec<Descriptor>,
}

impl ImageStore {
    /// Looks up an image where it would be pulled from. Whoever asks holds content in place.
    pub fn look_up(&self, place: &Place) -> Result<Offer, ImageError> {
        self.offered(&*self.reach(place)?, place)
    }

    /// Brings the lowest `count` layers of an image.
    pub fn bring(&self, place: &Place, offer: &Offer, count: usize, report: Reporter<'_>) -> Result<(), ImageError> {
        self.take(&*self.reach(place)?, offer, count, report)
    }

    fn reach(&self, place: &Place) -> Result<Box<dyn Source + '_>, ImageError> {
        let platform = place.platform.clone().unwrap_or_else(Platform::host);
        self.source(&place.reference, platform, place.credentials.clone())
    }

    /// The image that a source has for a place.
    pub fn offered(&self, source: &dyn Source, place: &Place) -> Result<Offer, ImageError> {
        let platform = place.platform.clone().unwrap_or_else(Platform::host);
        let fetched = source.manifest(&place.reference)?;
        let (config, layers) = self.select(source, &place.reference, &fetched, &platform)?;
        source.fetch(&config, "", &|_| {})?;
        let document = parse_document(&config.digest, &self.blobs.read(&config.digest)?)?;
        Ok(Offer { id: config.digest, document, layers })
    }

    /// Takes the lowest `count` layers out of a source.
    pub fn take(&self, source: &dyn Source, offer: &Offer, count: usize, report: Reporter<'_>) -> Result<(), ImageError> {
        let mut document = offer.document.clone();
        if document.rootfs.diff_ids.len() == offer.layers.len() {
            document.rootfs.diff_ids.truncate(count);
        }
        self.bring_layers(source, &document, &offer.layers[..count.min(offer.layers.len())], report)
    }

    /// Takes content that must have this digest.
    pub fn put_content(&self, content: &mut dyn Read, digest: &Digest) -> Result<(), ImageError> {
        if self.blobs.has(digest) { Ok(()) } else { self.blobs.put_reader(content, Some(digest)).map(drop) }
    }

    /// A document that is here.
    pub fn read_content(&self, digest: &Digest) -> Result<Vec<u8>, ImageError> {
        self.blobs.read(digest)
    }
}
