//! One engine's images: its references over the shared content. Each operation has a file of its own beside this one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Events;

use super::blobs::BlobStore;
use super::collect::Tenancy;
use super::layers::{LayerStore, chain_ids};
use super::platform::Platform;
use super::repositories::{Repositories, RepositoryFile};
use super::{AnyReference, Digest, ImageDocument, ImageError, Reference};

/// The images that one engine has. Blocking; several processes may use the same store and state.
pub struct ImageStore {
    pub(super) blobs: BlobStore,
    pub(super) layers: LayerStore,
    pub(super) repositories: RepositoryFile,
    pub(super) tenancy: Tenancy,
    pub(super) events: Events,
    /// Whether content goes with the last image that needs it.
    pub(super) collects: AtomicBool,
    documents: Mutex<HashMap<Digest, Arc<ImageDocument>>>,
    /// Sizes of layers by chain id; they never change.
    sizes: Mutex<HashMap<Digest, u64>>,
}

/// An image ready to run.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    /// The digest of its config document.
    pub id: Digest,
    pub config: ImageDocument,
    /// The unpacked layers in overlay form (`user.overlay.*` marks, 0:0 character devices), lowest first.
    pub layers: Vec<PathBuf>,
}

impl ImageStore {
    /// Opens the store (OCI layout) and the engine's own state, and makes what is missing.
    pub fn open(store: &Path, state: &Path, events: Events) -> Result<ImageStore, ImageError> {
        let images = ImageStore {
            blobs: BlobStore::open(store)?,
            layers: LayerStore::open(store.join("layers"))?,
            repositories: RepositoryFile::open(state)?,
            tenancy: Tenancy::open(store, state)?,
            events,
            collects: AtomicBool::new(true),
            documents: Mutex::default(),
            sizes: Mutex::default(),
        };
        images.collect_pending();
        Ok(images)
    }

    /// Finds the image that `name` means (reference, id, or unique prefix of an id).
    ///
    /// `platform` (`os/arch[/variant]`) refuses an image of another platform, as Docker does.
    pub fn resolve(&self, name: &str, platform: Option<&str>) -> Result<ResolvedImage, ImageError> {
        let repositories = self.repositories.read()?;
        let id = find(&repositories, name)?;
        let document = self.document(&id)?;
        if let Some(platform) = platform {
            let wanted: Platform = platform.parse()?;
            let actual = Platform::of(&document);
            if !wanted.accepts(&actual) {
                return Err(ImageError::NotFound(format!(
                    "image with reference {name} was found but its platform ({actual}) does not match the specified platform ({wanted})"
                )));
            }
        }
        let chain = chain_ids(&document.rootfs.diff_ids);
        let layers = chain.iter().map(|chain| self.layers.diff(chain)).collect();
        Ok(ResolvedImage { id, config: ImageDocument::clone(&document), layers })
    }

    /// The id of the image that `name` means.
    pub fn id_of(&self, name: &str) -> Result<Digest, ImageError> {
        find(&*self.repositories.read()?, name)
    }

    /// Whether this engine has the image.
    pub fn has_image(&self, id: &Digest) -> bool {
        self.repositories.read().is_ok_and(|repositories| repositories.image(id).is_some())
    }

    /// For an engine of passing worth, a lab's: its references are written but not synced, and content that it had stays for the next,
    /// as long as that is one of the same build.
    pub fn be_temporary(&self) {
        self.repositories.forgo_sync();
        self.collects.store(false, Ordering::Relaxed);
        self.collect_after_change();
    }

    /// How many images this engine has.
    pub fn count(&self) -> usize {
        self.repositories.read().map_or(0, |repositories| repositories.images().len())
    }

    /// The config document of an image.
    pub(super) fn document(&self, id: &Digest) -> Result<Arc<ImageDocument>, ImageError> {
        if let Some(known) = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(known.clone());
        }
        let document = Arc::new(parse_document(id, &self.blobs.read(id)?)?);
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), document.clone());
        Ok(document)
    }

    /// The size of one layer's files.
    pub(super) fn layer_size(&self, chain: &Digest) -> u64 {
        if let Some(size) = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(chain) {
            return *size;
        }
        let Some(info) = self.layers.info(chain) else { return 0 };
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(chain.clone(), info.size);
        info.size
    }

    /// The sizes of all layers' files together.
    pub(super) fn image_size(&self, document: &ImageDocument) -> u64 {
        chain_ids(&document.rootfs.diff_ids).iter().map(|chain| self.layer_size(chain)).sum()
    }

    /// Tells the listeners that `action` happened to an image.
    pub(super) fn event(&self, action: &str, actor: &str, name: &str, labels_of: Option<&Digest>) {
        let mut attributes = BTreeMap::new();
        if let Some(labels) = labels_of.and_then(|id| self.document(id).ok()).and_then(|document| document.config.labels.clone()) {
            attributes.extend(labels);
        }
        attributes.insert("name".to_owned(), name.to_owned());
        self.events.emit("image", action, actor, attributes);
    }
}

/// Reads a config document; refuses what is none.
pub(super) fn parse_document(id: &Digest, text: &[u8]) -> Result<ImageDocument, ImageError> {
    serde_json::from_slice(text).map_err(|e| ImageError::Corrupt(format!("the config of image {id} cannot be read: {e}")))
}

/// The image that `name` means in `repositories`: as a reference first, as (the beginning of) an id second.
pub(super) fn find(repositories: &Repositories, name: &str) -> Result<Digest, ImageError> {
    let missing = |reference: &AnyReference| match reference {
        AnyReference::Named(named) => ImageError::NoSuchImage(named.clone().or_latest().familiar()),
        AnyReference::Digest(digest) => ImageError::NoSuchImage(digest.to_string()),
    };
    let reference = AnyReference::parse(name)?;
    match &reference {
        AnyReference::Digest(digest) => match repositories.image(digest) {
            Some(_) => Ok(digest.clone()),
            None => Err(missing(&reference)),
        },
        AnyReference::Named(named) => match repositories.get(named) {
            Some(id) => Ok(id.clone()),
            None => by_prefix(repositories, name).ok_or_else(|| missing(&reference)),
        },
    }
}

/// The one image whose id begins with `text`.
fn by_prefix(repositories: &Repositories, text: &str) -> Option<Digest> {
    let prefix = text.strip_prefix("sha256:").unwrap_or(text);
    if prefix.is_empty() || !prefix.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut found = repositories.images().keys().filter(|id| id.hex().starts_with(prefix));
    let first = found.next()?;
    found.next().is_none().then(|| first.clone())
}

/// Whether `name` is (the beginning of) the id itself, not a reference.
pub(super) fn is_id_prefix(id: &Digest, name: &str) -> bool {
    id.as_str().starts_with(name) || id.hex().starts_with(name)
}

/// The familiar forms of an image's tags and digests, each in lexical order of their full forms.
pub(super) fn names(references: &[Reference]) -> (Vec<String>, Vec<String>) {
    let tags = references.iter().filter(|r| r.tag().is_some() && r.digest().is_none()).map(Reference::familiar).collect();
    let digests = references.iter().filter(|r| r.digest().is_some()).map(Reference::familiar).collect();
    (tags, digests)
}
