//! Everything about one image: `inspect` and `history`.

use std::path::PathBuf;
use std::sync::Arc;

use super::layers::chain_ids;
use super::list::created;
use super::store::{find, names};
use super::{Digest, ImageDocument, ImageError, ImageStore};

/// What `docker image inspect` shows.
#[derive(Clone, Debug)]
pub struct ImageDetail {
    pub id: Digest,
    pub parent: Option<Digest>,
    pub tags: Vec<String>,
    pub digests: Vec<String>,
    pub document: Arc<ImageDocument>,
    pub size: u64,
    /// The folders of the unpacked layers (each with `diff` in it), lowest first.
    pub layers: Vec<PathBuf>,
    /// RFC 3339.
    pub last_tag: Option<String>,
}

/// A line of `docker history`.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// The image that the step ended in, where this engine has it.
    pub id: Option<Digest>,
    pub created: i64,
    pub created_by: String,
    pub comment: String,
    pub tags: Vec<String>,
    pub size: u64,
}

impl ImageStore {
    /// All about the image that `name` means.
    pub fn inspect(&self, name: &str) -> Result<ImageDetail, ImageError> {
        let repositories = self.repositories.read()?;
        let id = find(&repositories, name)?;
        let document = self.document(&id)?;
        let (tags, digests) = names(&repositories.references_of(&id));
        let record = repositories.image(&id).cloned().unwrap_or_default();
        let layers = chain_ids(&document.rootfs.diff_ids).iter().map(|chain| self.layers.folder(chain)).collect();
        let size = self.image_size(&document);
        Ok(ImageDetail { id, parent: record.parent, tags, digests, document, size, layers, last_tag: record.last_tag })
    }

    /// The steps that made the image, the last first.
    pub fn history(&self, name: &str) -> Result<Vec<HistoryLine>, ImageError> {
        let repositories = self.repositories.read()?;
        let id = find(&repositories, name)?;
        let document = self.document(&id)?;
        let mut chain = chain_ids(&document.rootfs.diff_ids).into_iter();
        let mut lines = Vec::with_capacity(document.history.len());
        for step in &document.history {
            let size = match step.empty_layer {
                true => 0,
                false => match chain.next() {
                    Some(chain) => self.layer_size(&chain),
                    None => return Err(ImageError::Corrupt("too many non-empty layers in History section".to_owned())),
                },
            };
            lines.push(HistoryLine {
                id: None,
                created: step.created.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(0, |t| t.as_second()),
                created_by: step.created_by.clone(),
                comment: step.comment.clone(),
                tags: Vec::new(),
                size,
            });
        }
        lines.reverse();
        let mut at = Some(id);
        for line in &mut lines {
            let Some(image) = at else { break };
            let Some(record) = repositories.image(&image) else { break };
            line.tags = names(&repositories.references_of(&image)).0;
            at = record.parent.clone();
            line.id = Some(image);
        }
        Ok(lines)
    }
}

impl ImageDetail {
    /// When the image was made.
    pub fn created(&self) -> jiff::Timestamp {
        created(&self.document)
    }
}
