//! What a builder needs of the store: places to work in, layers as folders, and the images that were made of others.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compression::decompress;
use super::layers::chain_ids;
use super::unpack::{Manner, unpack_as};
use super::{Digest, ImageDocument, ImageError, ImageStore, Reference};

/// As much as a build context or an archive of `ADD` may unpack to.
const CONTEXT_MAX: u64 = 16 << 30;

/// Fills the last block of a tar with zeros: Docker's client ends its stream with the content where it put in a Dockerfile by itself.
struct WholeBlocks<R> {
    inner: R,
    passed: usize,
    /// Zeros still to give.
    over: usize,
}

impl<R: Read> Read for WholeBlocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over == 0 {
            let n = self.inner.read(buffer)?;
            self.passed = (self.passed + n) % 512;
            if n > 0 || buffer.is_empty() || self.passed == 0 {
                return Ok(n);
            }
            self.over = 512 - self.passed;
            self.passed = 0;
        }
        let n = self.over.min(buffer.len());
        buffer[..n].fill(0);
        self.over -= n;
        Ok(n)
    }
}

impl ImageStore {
    /// A new folder for work in progress. Whoever asked removes it; after a crash it is swept.
    pub fn scratch(&self) -> Result<PathBuf, ImageError> {
        let folder = self.blobs.workspace.path()?;
        fs::create_dir(&folder).map_err(ImageError::io("cannot make", &folder))?;
        Ok(folder)
    }

    /// Unpacks an archive (compressed or not) of files into `target`. Nothing of it leads out of there.
    pub fn unpack_archive(&self, archive: impl Read, target: &Path, what: &'static str) -> io::Result<u64> {
        let mut tar = WholeBlocks { inner: decompress(archive)?, passed: 0, over: 0 };
        unpack_as(&mut tar, target, Manner { layer: false, limit: CONTEXT_MAX, what })
    }

    /// Puts a layer that was made on nothing on top of the layers `below`.
    pub fn place_layer(&self, diff_id: &Digest, below: &[Digest]) -> Result<Digest, ImageError> {
        let mut diff_ids = below.to_vec();
        diff_ids.push(diff_id.clone());
        self.unpack_top(&diff_ids)?;
        Ok(diff_id.clone())
    }

    /// Puts a layer without files on top of the layers `below`.
    pub fn add_empty_layer(&self, below: &[Digest]) -> Result<Digest, ImageError> {
        // Two blocks of zeros are a tar of nothing.
        let diff_id = self.blobs.put_bytes(&[0; 1024])?;
        self.place_layer(&diff_id, below)
    }

    /// The size of the files of the last of these layers.
    pub fn top_size(&self, diff_ids: &[Digest]) -> u64 {
        chain_ids(diff_ids).last().map_or(0, |chain| self.layer_size(chain))
    }

    /// The folders of unpacked layers, lowest first.
    pub fn layer_folders(&self, diff_ids: &[Digest]) -> Vec<PathBuf> {
        chain_ids(diff_ids).iter().map(|chain| self.layers.diff(chain)).collect()
    }

    /// Whether all of these layers are there.
    pub fn has_layers(&self, diff_ids: &[Digest]) -> bool {
        chain_ids(diff_ids).iter().all(|chain| self.layers.info(chain).is_some())
    }

    /// The same, where those `below` are known to be there and may be the lowest of them.
    pub fn has_layers_on(&self, diff_ids: &[Digest], below: &[Digest]) -> bool {
        let known = if diff_ids.starts_with(below) { below.len() } else { 0 };
        chain_ids(diff_ids).iter().skip(known).all(|chain| self.layers.info(chain).is_some())
    }

    /// The config document of an image of this store.
    pub fn document_of(&self, id: &Digest) -> Result<Arc<ImageDocument>, ImageError> {
        self.document(id)
    }

    /// The images of this engine that were made of `parent`; without one, those that were made of none.
    pub fn made_of(&self, parent: Option<&Digest>) -> Result<Vec<(Digest, Arc<ImageDocument>)>, ImageError> {
        let repositories = self.repositories.read()?;
        let children = repositories.images().iter().filter(|(_, record)| record.parent.as_ref() == parent);
        Ok(children.filter_map(|(id, _)| Some((id.clone(), self.document(id).ok()?))).collect())
    }

    /// What an image was made of on this engine, nearest first.
    pub fn ancestors(&self, id: &Digest) -> Vec<Digest> {
        let Ok(repositories) = self.repositories.read() else { return Vec::new() };
        let parent = |id: &Digest| repositories.images().get(id).and_then(|record| record.parent.clone());
        std::iter::successors(parent(id), |id| parent(id)).take(1000).collect()
    }

    /// Points a reference to an image.
    pub fn name_image(&self, id: &Digest, reference: &Reference) -> Result<(), ImageError> {
        self.tag(id.as_str(), &reference.familiar_name(), reference.tag())
    }
}
