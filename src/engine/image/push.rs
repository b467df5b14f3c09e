//! `push`: an image goes to a registry, layer by layer, then its manifest under a tag.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::layers::chain_ids;
use super::layout::{Package, Packing, Top};
use super::manifest::{DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Descriptor, Manifest};
use super::progress::{Progress, Reporter, message, update};
use super::repositories::{ImageRecord, LayerBlob};
use super::{Digest, ImageError, ImageStore, Reference};
use crate::registry::{Credentials, RegistrySource};

impl ImageStore {
    /// Pushes the tag (or with a name alone, all tags of the repository) and reports on the way.
    pub fn push(&self, reference: &Reference, credentials: Option<Credentials>, report: Reporter<'_>) -> Result<(), ImageError> {
        report(message(format!("The push refers to repository [{}]", reference.name())));
        let _content = self.hold_content()?;
        let repositories = self.repositories.read()?;
        let wanted: Vec<(Reference, Digest)> = repositories
            .references()
            .filter(|(known, _)| known.digest().is_none() && known.name() == reference.name())
            .filter(|(known, _)| reference.is_name_only() || known == reference)
            .map(|(known, id)| (known, id.clone()))
            .collect();
        if wanted.is_empty() {
            return Err(ImageError::NotFound(format!("An image does not exist locally with the tag: {}", reference.familiar_name())));
        }
        for (reference, id) in &wanted {
            self.push_one(reference, id, credentials.clone(), report)?;
        }
        self.event("push", &reference.familiar(), &reference.familiar_name(), None);
        Ok(())
    }

    fn push_one(
        &self,
        reference: &Reference,
        id: &Digest,
        credentials: Option<Credentials>,
        report: Reporter<'_>,
    ) -> Result<(), ImageError> {
        let document = self.document(id)?;
        for diff_id in document.rootfs.diff_ids.iter().rev() {
            report(update(diff_id.short(), "Preparing"));
        }
        if reference.is_hub() {
            // The catalogue is nobody's to push to, as Docker Hub is to who has not logged in.
            return Err(ImageError::Denied("denied: requested access to the resource is denied".to_owned()));
        }
        let target = RegistrySource::open(&self.blobs, reference, credentials).map_err(without_request)?;
        let layers = self.layer_blobs(id)?;
        for (layer, diff_id) in layers.iter().zip(&document.rootfs.diff_ids).rev() {
            let name = diff_id.short();
            if target.has_blob(&layer.digest).map_err(without_request)? {
                report(update(name, "Layer already exists"));
            } else if let Some(from) = self.mounted_from(&target, reference, layer)? {
                report(Progress::Message { id: Some(name.to_owned()), text: format!("Mounted from {from}") });
            } else {
                report(Progress::Update { id: name.to_owned(), text: "Pushing", current: 0, total: layer.size });
                target.push_blob(&layer.digest)?;
                report(Progress::Update { id: name.to_owned(), text: "Pushing", current: layer.size, total: layer.size });
                report(update(name, "Pushed"));
            }
        }
        if !target.has_blob(id)? {
            target.push_blob(id)?;
        }
        let config = Descriptor {
            media_type: DOCKER_CONFIG.to_owned(),
            size: self.blobs.size(id).ok_or_else(|| ImageError::MissingBlob(id.clone()))?,
            digest: id.clone(),
            platform: None,
        };
        let layers: Vec<Descriptor> = layers
            .into_iter()
            .map(|layer| Descriptor { media_type: DOCKER_LAYER.to_owned(), size: layer.size, digest: layer.digest, platform: None })
            .collect();
        let manifest = Manifest::docker(&config, &layers)?;
        let (digest, size) = (Digest::of(&manifest), manifest.len() as u64);
        let tag = reference.tag().unwrap_or("latest");
        self.blobs.put_bytes(&manifest)?;
        target.push_manifest(tag, DOCKER_MANIFEST, manifest)?;
        self.repositories.update(|repositories| {
            repositories.set(&reference.with_digest(&digest), id);
            Ok(())
        })?;
        report(message(format!("{tag}: digest: {digest} size: {size}")));
        report(Progress::Pushed { tag: tag.to_owned(), digest: digest.to_string(), size });
        Ok(())
    }

    /// Pushes a package under a tag, and tells of what is being done.
    pub fn push_package(
        &self,
        package: &Package,
        reference: &Reference,
        credentials: Option<Credentials>,
        tell: &dyn Fn(&str),
    ) -> Result<(), ImageError> {
        if reference.is_hub() {
            return Err(ImageError::Denied("push access denied, repository does not exist or may require authorization".to_owned()));
        }
        let target = RegistrySource::open(&self.blobs, reference, credentials).map_err(without_request)?;
        tell("pushing layers");
        for image in &package.manifests {
            for blob in image.layers.iter().chain([&image.config]) {
                if !target.has_blob(blob).map_err(without_request)? {
                    target.push_blob(blob)?;
                }
            }
        }
        tell(&format!("pushing manifest for {reference}@{}", package.top.digest));
        let document =
            |digest: &Digest| package.document(digest).map(<[u8]>::to_vec).ok_or_else(|| ImageError::MissingBlob(digest.clone()));
        for Top { media_type, digest, .. } in package.manifests.iter().map(|image| &image.top) {
            target.push_manifest(digest.as_str(), media_type, document(digest)?)?;
        }
        target.push_manifest(reference.tag().unwrap_or("latest"), package.top.media_type, document(&package.top.digest)?)
    }

    /// Another repository of the same registry that has the layer, once the registry has taken it over from there.
    fn mounted_from(&self, target: &RegistrySource<'_>, reference: &Reference, layer: &LayerBlob) -> Result<Option<String>, ImageError> {
        let repositories = self.repositories.read()?;
        let mut tried: Vec<String> = Vec::new();
        for (other, id) in repositories.references() {
            let candidate = other.digest().is_some() && other.domain() == reference.domain() && other.path() != reference.path();
            let has = |record: &ImageRecord| record.layer_blobs.iter().any(|blob| blob.digest == layer.digest);
            if !candidate || tried.contains(&other.path().to_owned()) || !repositories.image(id).is_some_and(has) {
                continue;
            }
            if target.mount_blob(&layer.digest, other.path())? {
                return Ok(Some(other.path().to_owned()));
            }
            tried.push(other.path().to_owned());
        }
        Ok(None)
    }

    /// The compressed blobs of an image's layers; made and remembered where there are none.
    fn layer_blobs(&self, id: &Digest) -> Result<Vec<LayerBlob>, ImageError> {
        let document = self.document(id)?;
        let known = self.repositories.read()?.image(id).map(|record| record.layer_blobs.clone()).unwrap_or_default();
        if known.len() == document.rootfs.diff_ids.len()
            && known.iter().all(|b| b.media_type.ends_with("gzip") && self.blobs.has(&b.digest))
        {
            return Ok(known);
        }
        let mut blobs = Vec::new();
        for chain in &chain_ids(&document.rootfs.diff_ids) {
            let digest = self.compressed(chain)?;
            let size = self.blobs.size(&digest).ok_or_else(|| ImageError::MissingBlob(digest.clone()))?;
            blobs.push(LayerBlob { media_type: DOCKER_LAYER.to_owned(), digest, size });
        }
        self.repositories.update(|repositories| {
            if repositories.image(id).is_some() {
                repositories.add_image(id, ImageRecord { layer_blobs: blobs.clone(), ..ImageRecord::default() });
            }
            Ok(())
        })?;
        Ok(blobs)
    }

    /// The gzip blob of a layer, made where there is none yet.
    pub(super) fn compressed(&self, chain: &Digest) -> Result<Digest, ImageError> {
        if let Some(gzip) = self.layers.gzip(chain)
            && self.blobs.has(&gzip)
        {
            return Ok(gzip);
        }
        // As it came from a registry, that registry has it already.
        if let Some(blob) = self.layers.info(chain).and_then(|info| info.blob)
            && let Ok(mut file) = self.blobs.open_blob(&blob)
            && is_gzip(&mut file)
        {
            return Ok(blob);
        }
        let mut tar = self.open_layer(chain)?;
        let mut incoming = self.blobs.incoming()?;
        let mut encoder = GzEncoder::new(&mut incoming as &mut dyn Write, Compression::fast());
        let compressed = io::copy(&mut tar, &mut encoder).and_then(|_| encoder.finish().map(drop));
        compressed.map_err(|source| ImageError::Io { what: "cannot compress", path: self.layers.folder(chain), source })?;
        let (digest, _) = incoming.finish(None)?;
        self.layers.set_gzip(chain, &digest, &self.blobs)?;
        Ok(digest)
    }

    /// The blob of a layer in zstd's packing, or as it came in gzip's unless it is to be packed anew.
    pub(super) fn zstd(&self, chain: &Digest, repack: bool) -> Result<(Digest, Packing), ImageError> {
        if let Some(blob) = self.layers.info(chain).and_then(|info| info.blob)
            && let Ok(mut file) = self.blobs.open_blob(&blob)
        {
            match magic(&mut file) {
                [0x28, 0xb5, 0x2f, 0xfd] => return Ok((blob, Packing::Zstd)),
                [0x1f, 0x8b, ..] if !repack => return Ok((blob, Packing::Gzip)),
                _ => {}
            }
        }
        let mut tar = self.open_layer(chain)?;
        let mut incoming = self.blobs.incoming()?;
        super::compression::zstd(&mut tar, &mut incoming).map_err(|source| ImageError::Io {
            what: "cannot compress",
            path: self.layers.folder(chain),
            source,
        })?;
        Ok((incoming.finish(None)?.0, Packing::Zstd))
    }
}

fn is_gzip(file: &mut impl Read) -> bool {
    magic(file).starts_with(&[0x1f, 0x8b])
}

/// The first bytes, which tell how the rest is packed; zeros where there are none.
fn magic(file: &mut impl Read) -> [u8; 4] {
    let mut start = [0; 4];
    let _ = file.read_exact(&mut start);
    start
}

/// Docker tells of missing credentials without saying where they were missed.
fn without_request(error: ImageError) -> ImageError {
    match error {
        ImageError::Registry(text) if text.ends_with("no basic auth credentials") => {
            ImageError::Registry("no basic auth credentials".to_owned())
        }
        other => other,
    }
}
