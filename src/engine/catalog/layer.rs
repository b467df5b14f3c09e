//! Layers of catalogue images: lists of files, made into tar archives of always the same bytes.
//!
//! The userland layer carries the running binary once, under the names of all applets. It is streamed, never held in
//! memory whole, and its digest is computed once a process.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    sync::{Arc, OnceLock},
};

use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

/// What a layer puts at a path. Paths are relative to the root, without a leading slash.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A directory with its mode.
    Dir(&'static str, u32),
    /// A directory with its mode, and the number of the user and the group that it belongs to.
    OwnDir(&'static str, u32, u64),
    /// A file with its mode and content.
    File(&'static str, u32, Vec<u8>),
    /// A symbolic link and what it points to.
    Link(String, &'static str),
    /// The running binary.
    Binary(&'static str),
}

/// A layer of known digest whose bytes can be read as often as needed.
#[derive(Clone, Debug)]
pub struct Layer {
    /// `sha256:…` of the uncompressed archive: the diff id, and the blob's digest too, as the blob is not compressed.
    pub digest: String,
    /// The archive's size in bytes.
    pub size: u64,
    parts: Arc<Vec<Part>>,
}

/// A stretch of an archive.
#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// The running binary's first so many bytes.
    Binary(u64),
}

impl Layer {
    /// Makes a layer of `entries`, owned by root where they do not say otherwise, and dated `mtime` (seconds since 1970).
    pub fn new(entries: &[Entry], mtime: u64) -> io::Result<Self> {
        let mut parts = vec![];
        let mut bytes = vec![];
        for entry in entries {
            match entry {
                Entry::Dir(path, mode) => head(&mut bytes, &format!("{path}/"), EntryType::Directory, *mode, 0, None, mtime)?,
                Entry::OwnDir(path, mode, owner) => {
                    let from = bytes.len();
                    head(&mut bytes, &format!("{path}/"), EntryType::Directory, *mode, 0, None, mtime)?;
                    let mut header = Header::from_byte_slice(&bytes[from..]).clone();
                    header.set_uid(*owner);
                    header.set_gid(*owner);
                    header.set_cksum();
                    bytes[from..].copy_from_slice(header.as_bytes());
                }
                Entry::Link(path, target) => head(&mut bytes, path, EntryType::Symlink, 0o777, 0, Some(target), mtime)?,
                Entry::File(path, mode, content) => {
                    head(&mut bytes, path, EntryType::Regular, *mode, content.len() as u64, None, mtime)?;
                    bytes.extend(content);
                    pad(&mut bytes, content.len() as u64);
                }
                Entry::Binary(path) => {
                    let size = binary()?.metadata()?.len();
                    head(&mut bytes, path, EntryType::Regular, 0o755, size, None, mtime)?;
                    parts.push(Part::Bytes(std::mem::take(&mut bytes)));
                    parts.push(Part::Binary(size));
                    pad(&mut bytes, size);
                }
            }
        }
        bytes.extend([0; 1024]);
        parts.push(Part::Bytes(bytes));
        let layer = Self { digest: String::new(), size: 0, parts: Arc::new(parts) };
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut reader = layer.open()?;
        let mut size = 0;
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                n => {
                    hasher.update(&buffer[..n]);
                    size += n as u64;
                }
            }
        }
        drop(reader);
        Ok(Self { digest: format!("sha256:{}", hex(&hasher.finalize())), size, ..layer })
    }

    /// The archive from its start.
    pub fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let mut whole: Box<dyn Read + '_> = Box::new(io::empty());
        for part in self.parts.iter() {
            whole = match part {
                Part::Bytes(bytes) => Box::new(whole.chain(Cursor::new(bytes))),
                Part::Binary(size) => Box::new(whole.chain(binary()?.take(*size))),
            };
        }
        Ok(whole)
    }
}

/// The running binary, even when another has taken its place on disk since.
fn binary() -> io::Result<File> {
    File::open("/proc/self/exe")
}

fn head(out: &mut Vec<u8>, path: &str, kind: EntryType, mode: u32, size: u64, link: Option<&str>, mtime: u64) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    if let Some(target) = link {
        header.set_link_name(target)?;
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_mtime(mtime);
    header.set_cksum();
    out.extend(header.as_bytes());
    Ok(())
}

fn pad(out: &mut Vec<u8>, size: u64) {
    out.extend(vec![0; (512 - size % 512) as usize % 512]);
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The layer under all distributions: BusyBox's tree with the userland in it.
pub fn userland() -> io::Result<Layer> {
    static LAYER: OnceLock<Layer> = OnceLock::new();
    if let Some(layer) = LAYER.get() {
        return Ok(layer.clone());
    }
    let layer = Layer::new(&userland_entries(), super::data::USERLAND_TIME)?;
    Ok(LAYER.get_or_init(|| layer).clone())
}

fn userland_entries() -> Vec<Entry> {
    let mut entries = vec![Entry::Dir("bin", 0o755), Entry::Binary("bin/busybox")];
    // bash is what tells a distribution from BusyBox; the distributions' own layers bring it.
    for name in super::data::COMMANDS.iter().filter(|name| !matches!(**name, "busybox" | "bash")) {
        entries.push(Entry::Link(format!("bin/{name}"), "busybox"));
    }
    for (dir, mode) in [("dev", 0o755), ("etc", 0o755)] {
        entries.push(Entry::Dir(dir, mode));
    }
    for (path, text) in super::data::BUSYBOX_ETC {
        entries.push(Entry::File(path, 0o644, text.as_bytes().to_vec()));
    }
    for (dir, mode) in [
        ("home", 0o755),
        ("proc", 0o755),
        ("root", 0o700),
        ("sys", 0o755),
        ("tmp", 0o1777),
        ("usr", 0o755),
        ("usr/bin", 0o755),
        ("usr/sbin", 0o755),
        ("var", 0o755),
        ("var/spool", 0o755),
        ("var/www", 0o755),
    ] {
        entries.push(Entry::Dir(dir, mode));
    }
    entries.push(Entry::Link("usr/bin/env".into(), "../../bin/busybox"));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vec<Entry> {
        vec![Entry::Dir("a", 0o755), Entry::File("a/b", 0o644, b"hello\n".to_vec()), Entry::Link("a/c".into(), "b")]
    }

    #[test]
    fn the_archive_is_one_that_tar_reads_and_always_the_same() {
        let layer = Layer::new(&small(), 7).unwrap();
        assert_eq!(layer.digest, Layer::new(&small(), 7).unwrap().digest);
        let mut archive = tar::Archive::new(layer.open().unwrap());
        let names: Vec<String> = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["a/", "a/b", "a/c"]);
        let mut bytes = vec![];
        layer.open().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, layer.size);
        assert_eq!(layer.digest, format!("sha256:{}", hex(&Sha256::digest(&bytes))));
    }

    #[test]
    fn the_userland_layer_holds_the_binary_once_and_a_link_a_name() {
        let layer = userland().unwrap();
        let mut archive = tar::Archive::new(layer.open().unwrap());
        let mut links = 0;
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            assert_ne!(path, "bin/bash");
            if path == "bin/busybox" {
                assert_eq!(entry.size(), std::fs::metadata("/proc/self/exe").unwrap().len());
            }
            links += usize::from(entry.link_name().unwrap().is_some_and(|l| l.ends_with("busybox")));
        }
        assert!(links > 50, "{links} links");
    }
}
