//! Unpacked layers by chain id: `layers/<chain id>/diff`, shared by engines and processes, made once per store.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::blobs::{BlobStore, write_atomically};
use super::compression::decompress;
use super::unpack::{sync_tree, unpack};
use super::{Digest, ImageError};
use crate::sys::tree;

/// `layers/` of a store.
pub struct LayerStore {
    root: PathBuf,
}

/// What is known of an unpacked layer; `layer.json` beside `diff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerInfo {
    pub diff_id: Digest,
    /// The sum of the sizes of its files.
    pub size: u64,
    /// The bytes of its uncompressed tar.
    pub tar_size: u64,
    /// The blob it was unpacked out of, where that is not the uncompressed tar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<Digest>,
}

/// A layer that is unpacked but not yet in its place.
pub struct Unpacked {
    folder: PathBuf,
    pub chain: Digest,
    pub info: LayerInfo,
}

/// The chain ids of layers, lowest first.
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.clone(),
            Some(below) => Digest::of(format!("{below} {diff_id}").as_bytes()),
        };
        chain.push(next);
    }
    chain
}

impl LayerStore {
    /// The layers in `root`; the folder is made when it is missing.
    pub fn open(root: PathBuf) -> Result<LayerStore, ImageError> {
        fs::create_dir_all(&root).map_err(ImageError::io("cannot make", &root))?;
        Ok(LayerStore { root })
    }

    /// The folder of the layer's files.
    pub fn diff(&self, chain: &Digest) -> PathBuf {
        self.folder(chain).join("diff")
    }

    /// The folder of the layer, which holds `diff`.
    pub fn folder(&self, chain: &Digest) -> PathBuf {
        self.root.join(chain.hex())
    }

    /// What is known of a layer; `None` where it is not unpacked.
    pub fn info(&self, chain: &Digest) -> Option<LayerInfo> {
        serde_json::from_slice(&fs::read(self.folder(chain).join("layer.json")).ok()?).ok()
    }

    /// The layer's gzip blob, if one was made here.
    pub fn gzip(&self, chain: &Digest) -> Option<Digest> {
        fs::read_to_string(self.folder(chain).join("gzip")).ok()?.parse().ok()
    }

    /// Remembers the layer's gzip blob.
    pub fn set_gzip(&self, chain: &Digest, gzip: &Digest, blobs: &BlobStore) -> Result<(), ImageError> {
        write_atomically(&self.folder(chain).join("gzip"), &blobs.workspace.path()?, gzip.as_str().as_bytes())
    }

    /// Unpacks a layer's blob for the place `chain`. Another uncompressed content than `diff_id` is refused.
    pub fn unpack_blob(&self, blobs: &BlobStore, chain: &Digest, blob: &Digest, diff_id: &Digest) -> Result<Unpacked, ImageError> {
        self.unpack(blobs, Some((chain, blob, diff_id)), blobs.open_blob(blob)?)
    }

    /// Unpacks `tar` (compressed or not) for the place that is given, with its blob and its diff id, or without one as a lowest layer.
    pub fn unpack(&self, blobs: &BlobStore, place: Option<(&Digest, &Digest, &Digest)>, tar: impl Read) -> Result<Unpacked, ImageError> {
        let folder = blobs.workspace.path()?;
        let result = self.unpack_into(&folder, place, tar);
        if result.is_err() {
            let _ = tree::remove(&folder);
        }
        result
    }

    fn unpack_into(&self, folder: &Path, place: Option<(&Digest, &Digest, &Digest)>, tar: impl Read) -> Result<Unpacked, ImageError> {
        use std::os::unix::fs::PermissionsExt;
        let diff = folder.join("diff");
        fs::create_dir_all(&diff).map_err(ImageError::io("cannot make", &diff))?;
        // The root of a container's file system is for all its users.
        fs::set_permissions(&diff, fs::Permissions::from_mode(0o755)).map_err(ImageError::io("cannot change", &diff))?;
        let broken = |e: io::Error| match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem => {
                ImageError::Io { what: "cannot unpack a layer into", path: folder.to_owned(), source: e }
            }
            _ => ImageError::Corrupt(e.to_string()),
        };
        let mut hashed = Hashed { inner: decompress(tar).map_err(broken)?, hasher: Sha256::new(), count: 0 };
        let size = unpack(&mut hashed, &diff).map_err(broken)?;
        let diff_id = Digest::from_hash(hashed.hasher.finalize().as_slice());
        if let Some((_, _, expected)) = place
            && expected != &diff_id
        {
            return Err(ImageError::Corrupt(format!("layer {expected} has the content of {diff_id}")));
        }
        let chain = place.map_or(&diff_id, |(chain, ..)| chain).clone();
        let blob = place.map(|(_, blob, _)| blob).filter(|blob| *blob != &diff_id).cloned();
        let info = LayerInfo { diff_id, size, tar_size: hashed.count, blob };
        let text = serde_json::to_vec(&info).map_err(|e| ImageError::Corrupt(e.to_string()))?;
        let path = folder.join("layer.json");
        fs::write(&path, text).map_err(ImageError::io("cannot write", &path))?;
        Ok(Unpacked { folder: folder.to_owned(), chain, info })
    }

    /// Moves unpacked layers to their places, all synced before the first is visible.
    pub fn adopt(&self, layers: &[Unpacked]) -> Result<(), ImageError> {
        if layers.is_empty() {
            return Ok(());
        }
        for layer in layers {
            sync_tree(&layer.folder).map_err(ImageError::io("cannot sync", &layer.folder))?;
        }
        for layer in layers {
            let target = self.folder(&layer.chain);
            match fs::rename(&layer.folder, &target) {
                Ok(()) => {}
                // Another process was faster; its layer is as good.
                Err(e) if matches!(e.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                    let _ = tree::remove(&layer.folder);
                }
                Err(source) => return Err(ImageError::Io { what: "cannot move a layer to", path: target, source }),
            }
        }
        Ok(())
    }
}

/// Takes the digest and the length of all that passes.
struct Hashed<R> {
    inner: R,
    hasher: Sha256,
    count: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.count += n as u64;
        Ok(n)
    }
}
