//! `load`: images out of a tar that `save` made, here or in Docker, or out of an OCI layout.

use std::collections::HashMap;
use std::io::{self, Read};

use serde::Deserialize;

use super::blobs::DOCUMENT_MAX;
use super::compression::decompress;
use super::layers::chain_ids;
use super::manifest::{Descriptor, Manifest, choose};
use super::platform::Platform;
use super::progress::{Progress, Reporter};
use super::repositories::ImageRecord;
use super::store::parse_document;
use super::tag::point;
use super::targuard::TarGuard;
use super::{Digest, ImageError, ImageStore, Reference};

/// As much as an archive of images may hold.
const ARCHIVE_MAX: u64 = 1 << 40;
/// As many files as are looked at in it.
const FILES_MAX: usize = 100_000;
/// As many documents as are followed from index to index.
const DEPTH_MAX: usize = 4;

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Annotated>,
}

#[derive(Deserialize)]
struct Annotated {
    #[serde(flatten)]
    descriptor: Descriptor,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

/// The archive's files: in the store by their digests, and the small ones also at hand.
#[derive(Default)]
struct Files {
    blobs: HashMap<String, Digest>,
    documents: HashMap<String, Vec<u8>>,
    links: HashMap<String, String>,
}

impl ImageStore {
    /// Loads all images of the archive and reports their names.
    pub fn load(&self, tar: &mut dyn Read, quiet: bool, report: Reporter<'_>) -> Result<(), ImageError> {
        let _content = self.hold_content()?;
        let files = self.take_in(tar)?;
        if let Some(text) = files.documents.get("manifest.json") {
            let listed: Vec<Listed> =
                serde_json::from_slice(text).map_err(|e| ImageError::Corrupt(format!("manifest.json cannot be read: {e}")))?;
            for image in &listed {
                let config = files.find(&image.config)?;
                let layers = image.layers.iter().map(|path| files.find(path)).collect::<Result<Vec<_>, _>>()?;
                self.load_image(&config, &layers, image.repo_tags.as_deref().unwrap_or_default(), quiet, report)?;
            }
            return Ok(());
        }
        let text = files
            .documents
            .get("index.json")
            .ok_or_else(|| ImageError::Invalid("the archive holds no images: neither manifest.json nor index.json is in it".to_owned()))?;
        let index: Index = serde_json::from_slice(text).map_err(|e| ImageError::Corrupt(format!("index.json cannot be read: {e}")))?;
        for entry in &index.manifests {
            let name =
                entry.annotations.get("io.containerd.image.name").or_else(|| entry.annotations.get("org.opencontainers.image.ref.name"));
            let names: Vec<String> = name.filter(|name| Reference::parse_normalized(name).is_ok()).cloned().into_iter().collect();
            let (config, layers) = self.follow(&entry.descriptor.digest, DEPTH_MAX)?;
            self.load_image(&config, &layers, &names, quiet, report)?;
        }
        Ok(())
    }

    /// The config and layers of a manifest, or of the one in an index that fits this machine.
    fn follow(&self, digest: &Digest, depth: usize) -> Result<(Digest, Vec<Digest>), ImageError> {
        match Manifest::parse(&self.blobs.read(digest)?)? {
            Manifest::Image { config, layers } => Ok((config.digest, layers.into_iter().map(|layer| layer.digest).collect())),
            Manifest::Index(entries) if depth > 0 => {
                let platform = Platform::host();
                let chosen = choose(&entries, &platform).or(if entries.len() == 1 { entries.first() } else { None });
                let entry = chosen.ok_or_else(|| ImageError::NotFound(format!("the archive has no image for {platform}")))?;
                self.follow(&entry.digest, depth - 1)
            }
            Manifest::Index(_) => Err(ImageError::Corrupt("the archive's indexes lead nowhere".to_owned())),
        }
    }

    /// Takes all files of the archive into the store.
    fn take_in(&self, tar: &mut dyn Read) -> Result<Files, ImageError> {
        let plain = decompress(tar).map_err(broken)?;
        let mut archive = tar::Archive::new(TarGuard::new(plain, ARCHIVE_MAX));
        let mut files = Files::default();
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
            if files.blobs.len() + files.links.len() > FILES_MAX {
                return Err(ImageError::Invalid("the archive has too many files for one of images".to_owned()));
            }
            let kind = entry.header().entry_type();
            if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
                files.links.insert(path, target);
                continue;
            }
            if !kind.is_file() {
                continue;
            }
            let expected = path.strip_prefix("blobs/sha256/").and_then(|hex| Digest::from_hex(hex).ok());
            let small = entry.size() <= DOCUMENT_MAX && !path.contains('/') && expected.is_none();
            let digest = if small {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(broken)?;
                let kept = matches!(path.as_str(), "manifest.json" | "index.json" | "oci-layout" | "repositories" | "version");
                let digest = if kept { Digest::of(&bytes) } else { self.blobs.put_bytes(&bytes)? };
                files.documents.insert(path.clone(), bytes);
                digest
            } else {
                let size = entry.size();
                let (digest, got) = self.blobs.put_reader(&mut entry, expected.as_ref()).map_err(unexpected_end)?;
                if got != size {
                    return Err(ImageError::Corrupt("unexpected EOF".to_owned()));
                }
                digest
            };
            files.blobs.insert(path, digest);
        }
        Ok(files)
    }

    fn load_image(
        &self,
        config: &Digest,
        layers: &[Digest],
        names: &[String],
        quiet: bool,
        report: Reporter<'_>,
    ) -> Result<(), ImageError> {
        let document = parse_document(config, &self.blobs.read(config)?)?;
        let diff_ids = &document.rootfs.diff_ids;
        if diff_ids.len() != layers.len() {
            let message = format!("invalid manifest, layers length mismatch: expected {}, got {}", diff_ids.len(), layers.len());
            return Err(ImageError::Corrupt(message));
        }
        if !document.os.is_empty() && document.os != "linux" {
            return Err(ImageError::Invalid(format!("cannot load {} image on linux", document.os)));
        }
        let mine = self.my_chains()?;
        let mut unpacked = Vec::new();
        for ((chain, diff_id), blob) in chain_ids(diff_ids).iter().zip(diff_ids).zip(layers) {
            let total = self.blobs.size(blob).unwrap_or(0);
            let progress = |current| report(Progress::Update { id: diff_id.short().to_owned(), text: "Loading layer", current, total });
            if self.layers.info(chain).is_none() {
                unpacked.push(self.layers.unpack_blob(&self.blobs, chain, blob, diff_id)?);
            }
            if !quiet && !mine.contains(chain) {
                progress(total.min(64 << 10));
                progress(total);
            }
        }
        self.layers.adopt(&unpacked)?;
        let references =
            names.iter().map(|name| Reference::parse_normalized(name).map(Reference::or_latest)).collect::<Result<Vec<_>, _>>()?;
        let renamed = self.repositories.update(|repositories| {
            repositories.add_image(config, ImageRecord::default());
            let mut renamed = Vec::new();
            for reference in &references {
                if let Some(old) = repositories.get(reference)
                    && old != config
                {
                    renamed.push((reference.familiar(), old.clone()));
                }
                point(repositories, reference, config);
            }
            Ok(renamed)
        })?;
        for (name, old) in renamed {
            report(Progress::Stream(format!("The image {name} already exists, renaming the old one with ID {old} to empty string\n")));
        }
        for reference in &references {
            report(Progress::Stream(format!("Loaded image: {}\n", reference.familiar())));
        }
        if references.is_empty() {
            report(Progress::Stream(format!("Loaded image ID: {config}\n")));
        }
        self.event("load", config.as_str(), config.as_str(), Some(config));
        Ok(())
    }
}

impl Files {
    /// The blob of a file, behind the links that old archives have (`../ID/layer.tar`).
    fn find(&self, path: &str) -> Result<Digest, ImageError> {
        let mut path = path.to_owned();
        for _ in 0..8 {
            if let Some(digest) = self.blobs.get(&path) {
                return Ok(digest.clone());
            }
            let Some(target) = self.links.get(&path) else { break };
            let mut parts: Vec<&str> = path.split('/').collect();
            parts.pop();
            for part in target.split('/') {
                match part {
                    ".." => {
                        parts.pop();
                    }
                    "." | "" => {}
                    part => parts.push(part),
                }
            }
            path = parts.join("/");
        }
        Err(ImageError::Corrupt(format!("invalid archive: {path} is missing")))
    }
}

/// What the tar reader says of a stream that ends early or is no tar, in Go's words.
fn broken(error: io::Error) -> ImageError {
    let early = error.kind() == io::ErrorKind::UnexpectedEof || error.to_string().contains("failed to read entire block");
    if early {
        return ImageError::Invalid("unexpected EOF".to_owned());
    }
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::Other => ImageError::Invalid(if error.to_string().starts_with("archive/tar") {
            error.to_string()
        } else {
            "archive/tar: invalid tar header".to_owned()
        }),
        _ => ImageError::Invalid(error.to_string()),
    }
}

fn unexpected_end(error: ImageError) -> ImageError {
    match error {
        ImageError::Io { source, .. } if source.kind() == io::ErrorKind::UnexpectedEof => ImageError::Invalid("unexpected EOF".to_owned()),
        other => other,
    }
}
