//! Listing images, and the filters that choose among them.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::filter::{ImageFilters, matches_reference};
use super::layers::chain_ids;
use super::store::names;
use super::{Digest, ImageDocument, ImageError, ImageStore, Reference};

/// One line of `docker images`, as far as it does not depend on the tag.
#[derive(Clone, Debug)]
pub struct ImageSummary {
    pub id: Digest,
    pub parent: Option<Digest>,
    /// Seconds since 1970.
    pub created: i64,
    pub labels: Option<BTreeMap<String, String>>,
    pub tags: Vec<String>,
    pub digests: Vec<String>,
    pub size: u64,
    /// The bytes of layers that other images have too.
    pub shared_size: u64,
}

/// The images and the bytes of all their layers together.
#[derive(Clone, Debug)]
pub struct DiskUsage {
    pub images: Vec<ImageSummary>,
    pub layers_size: u64,
}

impl ImageStore {
    /// The images that pass the filters, newest first; `all` shows intermediate ones too.
    pub fn list(&self, all: bool, filters: &ImageFilters) -> Result<Vec<ImageSummary>, ImageError> {
        let repositories = self.repositories.read()?;
        let bound = |name: &Option<String>| match name {
            Some(name) => self.created_of(name).map(Some),
            None => Ok(None),
        };
        let (before, since) = (bound(&filters.before)?, bound(&filters.since)?);
        let mut names_of: HashMap<&Digest, Vec<Reference>> = HashMap::new();
        for (reference, id) in repositories.references() {
            names_of.entry(id).or_default().push(reference);
        }
        let parents: HashSet<&Digest> = repositories.images().values().filter_map(|record| record.parent.as_ref()).collect();
        let mut summaries = Vec::with_capacity(repositories.images().len());
        for (id, record) in repositories.images() {
            let document = self.document(id)?;
            let created = created(&document);
            if before.is_some_and(|bound| created >= bound)
                || since.is_some_and(|bound| created <= bound)
                || filters.until.is_some_and(|bound| created > bound)
                || !filters.accept_labels(document.config.labels.as_ref())
            {
                continue;
            }
            let references = names_of.remove(id).unwrap_or_default();
            let nameless = references.is_empty();
            let chosen: Vec<Reference> = match filters.references.is_empty() {
                true => references,
                false => references.into_iter().filter(|r| filters.references.iter().any(|p| matches_reference(p, r))).collect(),
            };
            let (tags, digests) = names(&chosen);
            if tags.is_empty() && digests.is_empty() {
                let hidden = !nameless || !filters.references.is_empty() || filters.dangling == Some(false);
                if hidden || (!all && parents.contains(id)) || (filters.dangling == Some(true) && parents.contains(id)) {
                    continue;
                }
            } else if filters.dangling == Some(true) && !tags.is_empty() {
                continue;
            }
            summaries.push(ImageSummary {
                id: id.clone(),
                parent: record.parent.clone(),
                created: created.as_second(),
                labels: document.config.labels.clone(),
                tags,
                digests,
                size: self.image_size(&document),
                shared_size: 0,
            });
        }
        summaries.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        Ok(summaries)
    }

    /// All images with what they share, and the bytes of all layers.
    pub fn disk_usage(&self) -> Result<DiskUsage, ImageError> {
        let mut images = self.list(false, &ImageFilters::default())?;
        let repositories = self.repositories.read()?;
        let mut uses: HashMap<Digest, u32> = HashMap::new();
        for id in repositories.images().keys() {
            for chain in chain_ids(&self.document(id)?.rootfs.diff_ids) {
                *uses.entry(chain).or_default() += 1;
            }
        }
        for image in &mut images {
            let chains = chain_ids(&self.document(&image.id)?.rootfs.diff_ids);
            image.shared_size = chains.iter().filter(|chain| uses.get(chain).is_some_and(|n| *n > 1)).map(|c| self.layer_size(c)).sum();
        }
        Ok(DiskUsage { layers_size: uses.keys().map(|chain| self.layer_size(chain)).sum(), images })
    }

    fn created_of(&self, name: &str) -> Result<Timestamp, ImageError> {
        Ok(created(&*self.document(&self.id_of(name)?)?))
    }
}

/// When the image was made; the beginning of time where it does not say.
pub(super) fn created(document: &ImageDocument) -> Timestamp {
    document.created.as_deref().and_then(|text| text.parse().ok()).unwrap_or(ZERO)
}

/// Go's zero time, which stands for "never".
pub(super) const ZERO: Timestamp = Timestamp::constant(-62_135_596_800, 0);
