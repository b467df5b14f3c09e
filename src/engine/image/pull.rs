//! `pull`: manifest, config and layers of an image come into the store; the engine's references change last, in one step.

use std::collections::HashSet;

use super::layers::{Unpacked, chain_ids};
use super::manifest::{Descriptor, Manifest, choose};
use super::platform::Platform;
use super::progress::{Progress, Reporter, message, update};
use super::repositories::{ImageRecord, LayerBlob};
use super::source::{CatalogSource, Fetched, Source};
use super::store::parse_document;
use super::tag::point;
use super::{Digest, ImageDocument, ImageError, ImageStore, Reference};
use crate::registry::{Credentials, RegistrySource};

/// As many layers as come in at a time; the others wait.
const AT_ONCE: usize = 3;

/// What shall be pulled.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// With tag or digest; with neither, all tags of the repository.
    pub reference: Reference,
    /// `os/arch[/variant]`, if it shall not be this machine's.
    pub platform: Option<String>,
    pub credentials: Option<Credentials>,
}

impl ImageStore {
    /// Pulls an image (or all tags of a repository) and reports on the way.
    pub fn pull(&self, request: &PullRequest, report: Reporter<'_>) -> Result<(), ImageError> {
        let platform = request.platform.as_deref().filter(|text| !text.is_empty()).map(str::parse::<Platform>).transpose()?;
        let _content = self.hold_content()?;
        let wanted = platform.clone().unwrap_or_else(Platform::host);
        let source = self.source(&request.reference, wanted.clone(), request.credentials.clone())?;
        let references = if request.reference.is_name_only() {
            source.tags()?.iter().map(|tag| request.reference.with_tag(tag)).collect()
        } else {
            vec![request.reference.clone()]
        };
        let mut newer = false;
        for reference in &references {
            newer |= self.pull_one(&*source, reference, &wanted, report)?;
        }
        let what = request.reference.familiar();
        if let Some(platform) = &platform {
            self.warn_of_other_platform(&request.reference, platform, report);
        }
        report(message(match newer {
            true => format!("Status: Downloaded newer image for {what}"),
            false => format!("Status: Image is up to date for {what}"),
        }));
        self.event("pull", &what, &request.reference.familiar_name(), self.id_of(&what).ok().as_ref());
        Ok(())
    }

    /// The repository that serves a reference.
    pub(super) fn source(
        &self,
        reference: &Reference,
        platform: Platform,
        credentials: Option<Credentials>,
    ) -> Result<Box<dyn Source + '_>, ImageError> {
        if reference.is_hub() {
            return Ok(Box::new(CatalogSource { blobs: &self.blobs, repository: reference.name_only(), platform }));
        }
        Ok(Box::new(RegistrySource::open(&self.blobs, reference, credentials)?))
    }

    /// A single-platform image comes whatever platform was asked for; then the user is told.
    fn warn_of_other_platform(&self, reference: &Reference, platform: &Platform, report: Reporter<'_>) {
        if let Err(error @ ImageError::NotFound(_)) = self.resolve(&reference.familiar(), Some(&platform.to_string())) {
            report(message(format!("WARNING: {error}")));
        }
    }

    /// Pulls one tag or digest; says whether anything is new.
    fn pull_one(&self, source: &dyn Source, reference: &Reference, platform: &Platform, report: Reporter<'_>) -> Result<bool, ImageError> {
        let fetched = source.manifest(reference)?;
        let label = match reference.digest() {
            Some(_) => reference.to_string(),
            None => reference.tag().unwrap_or_default().to_owned(),
        };
        report(Progress::Message { id: Some(label), text: format!("Pulling from {}", reference.path()) });
        let (config, layers) = self.select(source, reference, &fetched, platform)?;
        let id = config.digest.clone();
        let mut record = ImageRecord::default();
        if !self.has_image(&id) {
            source.fetch(&config, "", &|_| {})?;
            let document = parse_document(&id, &self.blobs.read(&id)?)?;
            self.bring_layers(source, &document, &layers, report)?;
            record.layer_blobs =
                layers.iter().map(|l| LayerBlob { media_type: l.media_type.clone(), digest: l.digest.clone(), size: l.size }).collect();
        }
        report(message(format!("Digest: {}", fetched.digest)));
        self.repositories.update(|repositories| {
            let known = repositories.get(reference) == Some(&id);
            repositories.add_image(&id, record);
            repositories.set(&reference.with_digest(&fetched.digest), &id);
            if !known && reference.digest().is_none() {
                point(repositories, reference, &id);
            }
            Ok(!known)
        })
    }

    /// The config and layers for the platform, out of a manifest or index.
    pub(super) fn select(
        &self,
        source: &dyn Source,
        reference: &Reference,
        fetched: &Fetched,
        platform: &Platform,
    ) -> Result<(Descriptor, Vec<Descriptor>), ImageError> {
        let manifest = match Manifest::parse(&fetched.bytes)? {
            Manifest::Index(entries) => {
                let entry = choose(&entries, platform)
                    .ok_or_else(|| ImageError::NotFound(format!("no matching manifest for {platform} in the manifest list entries")))?;
                let inner = source.manifest(&reference.with_digest(&entry.digest))?;
                Manifest::parse(&inner.bytes)?
            }
            image => image,
        };
        match manifest {
            Manifest::Image { config, layers } => Ok((config, layers)),
            Manifest::Index(_) => Err(ImageError::Corrupt("an index inside an index is not understood".to_owned())),
        }
    }

    /// Brings the layers that are missing into the store and unpacks them.
    pub(super) fn bring_layers(
        &self,
        source: &dyn Source,
        document: &ImageDocument,
        layers: &[Descriptor],
        report: Reporter<'_>,
    ) -> Result<(), ImageError> {
        let diff_ids = &document.rootfs.diff_ids;
        if diff_ids.len() != layers.len() {
            let message = format!("the image has {} layers, but its config speaks of {}", layers.len(), diff_ids.len());
            return Err(ImageError::Corrupt(message));
        }
        if !document.os.is_empty() && document.os != "linux" {
            return Err(ImageError::Invalid(format!("image operating system {:?} cannot be used on this platform", document.os)));
        }
        let chain = chain_ids(diff_ids);
        let mine = self.my_chains()?;
        let missing = chain.iter().filter(|chain| !mine.contains(*chain)).count();
        for (layer, chain) in layers.iter().zip(&chain) {
            report(update(layer.digest.short(), if mine.contains(chain) { "Already exists" } else { "Pulling fs layer" }));
        }
        for layer in layers.iter().skip(layers.len() - missing + AT_ONCE.min(missing)) {
            report(update(layer.digest.short(), "Waiting"));
        }
        let mut unpacked: Vec<Unpacked> = Vec::new();
        for ((layer, chain), diff_id) in layers.iter().zip(&chain).zip(diff_ids) {
            if self.blobs.has(&layer.digest) && self.layers.info(chain).is_some() {
                continue;
            }
            let id = layer.digest.short();
            source.fetch(layer, id, report)?;
            if self.layers.info(chain).is_none() {
                unpacked.push(self.layers.unpack_blob(&self.blobs, chain, &layer.digest, diff_id)?);
            }
        }
        self.layers.adopt(&unpacked)?;
        for (layer, _) in layers.iter().zip(&chain).filter(|(_, chain)| !mine.contains(*chain)) {
            let id = layer.digest.short();
            report(update(id, "Download complete"));
            report(Progress::Update { id: id.to_owned(), text: "Extracting", current: layer.size, total: layer.size });
            report(update(id, "Pull complete"));
        }
        Ok(())
    }

    /// The layers that this engine's images have.
    pub(super) fn my_chains(&self) -> Result<HashSet<Digest>, ImageError> {
        let repositories = self.repositories.read()?;
        let mut chains = HashSet::new();
        for id in repositories.images().keys() {
            chains.extend(chain_ids(&self.document(id)?.rootfs.diff_ids));
        }
        Ok(chains)
    }
}
