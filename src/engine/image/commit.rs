//! `commit`: a container's changes become a layer, its config a new image.

use std::path::Path;

use super::layers::chain_ids;
use super::pack::pack;
use super::repositories::ImageRecord;
use super::tag::{point, tag_reference};
use super::{Digest, HistoryEntry, ImageDocument, ImageError, ImageStore, Reference, RunConfig, native_architecture};

/// A new image out of a container.
#[derive(Debug)]
pub struct CommitRequest<'a> {
    /// The image that the container came from.
    pub parent: Option<Digest>,
    /// The container's overlay upper directory.
    pub upper: &'a Path,
    /// The new image's run config, changes applied.
    pub config: RunConfig,
    /// The container's id and its own config, recorded in the image.
    pub container: String,
    pub container_config: Option<RunConfig>,
    pub author: String,
    pub message: String,
    /// `name[:tag]`, if it shall have one.
    pub reference: Option<String>,
}

impl ImageStore {
    /// Makes an image out of a container's changes and gives its id.
    pub fn commit(&self, request: CommitRequest<'_>) -> Result<Digest, ImageError> {
        let reference = match &request.reference {
            Some(text) => Some(commit_reference(text)?),
            None => None,
        };
        let base = match &request.parent {
            Some(parent) => ImageDocument::clone(&*self.document(parent)?),
            None => ImageDocument::default(),
        };
        let mut diff_ids = base.rootfs.diff_ids.clone();
        let _content = self.hold_content()?;
        let layer = self.add_layer(request.upper, &diff_ids)?;
        let empty_layer = layer.is_none();
        diff_ids.extend(layer);
        let now = jiff::Timestamp::now().to_string();
        let created_by =
            request.container_config.as_ref().and_then(|config| config.cmd.as_ref()).map_or_else(String::new, |cmd| cmd.join(" "));
        let mut history = base.history;
        history.push(HistoryEntry {
            created: Some(now.clone()),
            author: request.author.clone(),
            created_by,
            comment: request.message.clone(),
            empty_layer,
        });
        let document = ImageDocument {
            inline_cache: None,
            architecture: if base.architecture.is_empty() { native_architecture().to_owned() } else { base.architecture },
            author: request.author,
            comment: request.message,
            config: request.config,
            container: request.container,
            container_config: request.container_config,
            created: Some(now),
            docker_version: super::DOCKER_VERSION.to_owned(),
            history,
            os: "linux".to_owned(),
            os_version: base.os_version,
            rootfs: super::RootFs { kind: "layers".to_owned(), diff_ids },
            variant: base.variant,
        };
        self.adopt_image(&document, request.parent, reference.as_ref())
    }

    /// Makes a layer of an overlay's upper directory, on top of the layers `below`; `None` where nothing is in it.
    pub fn add_layer(&self, upper: &Path, below: &[Digest]) -> Result<Option<Digest>, ImageError> {
        let mut incoming = self.blobs.incoming()?;
        if pack(upper, &mut incoming).map_err(ImageError::io("cannot pack", upper))? == 0 {
            return Ok(None);
        }
        let (diff_id, _) = incoming.finish(None)?;
        let mut diff_ids = below.to_vec();
        diff_ids.push(diff_id.clone());
        self.unpack_top(&diff_ids)?;
        Ok(Some(diff_id))
    }

    /// Unpacks the last of the layers out of its blob.
    pub(super) fn unpack_top(&self, diff_ids: &[Digest]) -> Result<(), ImageError> {
        let (Some(chain), Some(diff_id)) = (chain_ids(diff_ids).pop(), diff_ids.last()) else { return Ok(()) };
        if self.layers.info(&chain).is_some() {
            return Ok(());
        }
        let unpacked = self.layers.unpack_blob(&self.blobs, &chain, diff_id, diff_id)?;
        self.layers.adopt(&[unpacked])
    }

    /// Writes the config of an image whose layers are there, and makes it this engine's.
    pub fn adopt_image(
        &self,
        document: &ImageDocument,
        parent: Option<Digest>,
        reference: Option<&Reference>,
    ) -> Result<Digest, ImageError> {
        let text = serde_json::to_vec(document).map_err(|e| ImageError::Invalid(e.to_string()))?;
        let id = self.blobs.put_bytes(&text)?;
        self.repositories.update(|repositories| {
            repositories.add_image(&id, ImageRecord { parent, ..ImageRecord::default() });
            if let Some(reference) = reference {
                point(repositories, reference, &id);
            }
            Ok(())
        })?;
        if let Some(reference) = reference {
            self.event("tag", id.as_str(), &reference.familiar(), Some(&id));
        }
        Ok(id)
    }
}

/// The name that a commit gives: `name[:tag]`.
fn commit_reference(text: &str) -> Result<Reference, ImageError> {
    tag_reference(text, None)
}
