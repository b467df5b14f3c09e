//! The content store: blobs by digest in an OCI image layout, shared by engines and processes.
//!
//! A blob is verified while it comes in and visible only when it is whole: written beside, synced, renamed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use oci_spec::image::{Descriptor, MediaType};
use sha2::{Digest as _, Sha256};

use super::workspace::Workspace;
use super::{Digest, ImageError};
use crate::catalog::BlobSink;

/// As much of a manifest or config as is ever read.
pub const DOCUMENT_MAX: u64 = 8 << 20;

/// What is smaller is taken into memory on its way in.
const SMALL: u64 = 64 << 10;

/// `blobs/` of an OCI image layout.
pub struct BlobStore {
    root: PathBuf,
    pub(super) workspace: Workspace,
}

impl BlobStore {
    /// Opens the layout in `root` and makes what is missing of it.
    pub fn open(root: &Path) -> Result<BlobStore, ImageError> {
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(ImageError::io("cannot make", &blobs))?;
        let workspace = Workspace::open(root.join("tmp"))?;
        let store = BlobStore { root: root.to_owned(), workspace };
        store.write_once("oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}")?;
        store.write_once(
            "index.json",
            b"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}",
        )?;
        Ok(store)
    }

    fn write_once(&self, name: &str, content: &[u8]) -> Result<(), ImageError> {
        let path = self.root.join(name);
        if path.exists() { Ok(()) } else { write_atomically(&path, &self.workspace.path()?, content) }
    }

    /// Where the blob lies or would lie.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.algorithm()).join(digest.hex())
    }

    /// Whether the blob is there.
    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    /// How many bytes the blob has, if it is there.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        fs::metadata(self.path(digest)).ok().map(|m| m.len())
    }

    /// Opens a blob for reading.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, ImageError> {
        let path = self.path(digest);
        match File::open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(ImageError::MissingBlob(digest.clone())),
            other => other.map_err(ImageError::io("cannot open", &path)),
        }
    }

    /// Reads a document (manifest, index, config) whole; refuses what is too big to be one.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, ImageError> {
        let mut file = self.open_blob(digest)?.take(DOCUMENT_MAX + 1);
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(ImageError::io("cannot read", &self.path(digest)))?;
        if content.len() as u64 > DOCUMENT_MAX {
            return Err(ImageError::Corrupt(format!("{digest} is too big for a manifest or config")));
        }
        Ok(content)
    }

    /// Takes in a document and gives its digest.
    pub fn put_bytes(&self, content: &[u8]) -> Result<Digest, ImageError> {
        let digest = Digest::of(content);
        if !self.has(&digest) {
            self.put_reader(&mut &content[..], Some(&digest))?;
        }
        Ok(digest)
    }

    /// Takes in all that `reader` gives; with `expected`, what has another digest is refused and leaves nothing behind.
    pub fn put_reader(&self, reader: &mut dyn Read, expected: Option<&Digest>) -> Result<(Digest, u64), ImageError> {
        let mut incoming = self.incoming()?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return incoming.finish(expected),
                Ok(n) => incoming.write_all(&buffer[..n]).map_err(ImageError::io("cannot write", &incoming.path))?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ImageError::Io { what: "cannot read what shall go to", path: incoming.path.clone(), source }),
            }
        }
    }

    /// A blob to write piece by piece.
    pub fn incoming(&self) -> Result<Incoming<'_>, ImageError> {
        let path = self.workspace.path()?;
        let file = File::create_new(&path).map_err(ImageError::io("cannot make", &path))?;
        Ok(Incoming { store: self, path, file, hasher: Sha256::new(), size: 0 })
    }
}

/// A blob on its way in; dropped before [`Incoming::finish`], it leaves nothing behind.
pub struct Incoming<'a> {
    store: &'a BlobStore,
    path: PathBuf,
    file: File,
    hasher: Sha256,
    size: u64,
}

impl Write for Incoming<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let n = self.file.write(data)?;
        self.hasher.update(&data[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Incoming<'_> {
    /// Moves the blob to its place, if its digest is the one that was expected, and gives digest and size.
    pub fn finish(mut self, expected: Option<&Digest>) -> Result<(Digest, u64), ImageError> {
        let digest = Digest::from_hash(std::mem::take(&mut self.hasher).finalize().as_slice());
        // Digests by other algorithms are recomputed over what was written.
        if let Some(expected) = expected
            && expected != &digest
        {
            return Err(ImageError::Corrupt(format!("content has digest {digest}, not {expected}")));
        }
        let target = self.store.path(&digest);
        if !target.exists() {
            self.file.sync_data().map_err(ImageError::io("cannot sync", &self.path))?;
            fs::rename(&self.path, &target).map_err(ImageError::io("cannot move a blob to", &target))?;
        }
        Ok((digest, self.size))
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        // Gone already where it was moved into place.
        let _ = fs::remove_file(&self.path);
    }
}

impl BlobSink for BlobStore {
    fn put(&self, media_type: &str, data: &mut dyn Read) -> io::Result<Descriptor> {
        // Manifests and configs are small and mostly there already: no file is made for those.
        let mut start = Vec::new();
        data.take(SMALL).read_to_end(&mut start)?;
        let (digest, size) = if (start.len() as u64) < SMALL {
            (self.put_bytes(&start).map_err(io::Error::other)?, start.len() as u64)
        } else {
            self.put_reader(&mut start.as_slice().chain(data), None).map_err(io::Error::other)?
        };
        let digest: oci_spec::image::Sha256Digest = digest.hex().parse().map_err(io::Error::other)?;
        Ok(Descriptor::new(MediaType::from(media_type), size, digest))
    }

    fn has(&self, digest: &str) -> bool {
        digest.parse().is_ok_and(|digest| BlobStore::has(self, &digest))
    }
}

/// Replaces the file `path` by `content` in one step, over the temporary file `beside` on the same file system.
pub fn write_atomically(path: &Path, beside: &Path, content: &[u8]) -> Result<(), ImageError> {
    let write = || -> io::Result<()> {
        let mut file = File::create(beside)?;
        file.write_all(content)?;
        file.sync_data()?;
        fs::rename(beside, path)
    };
    write().map_err(ImageError::io("cannot write", path))
}
