//! Images as they leave the engine by themselves: the manifest of one, or the index of one for each of several platforms, with the blobs
//! that they name. Written as an archive or a folder in OCI's layout, which `docker load` takes as well, or pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::layers::chain_ids;
use super::manifest::{DOCKER_CONFIG, DOCKER_INDEX, DOCKER_LAYER, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST};
use super::{Digest, ImageDocument, ImageError, ImageStore, Platform, Reference};

/// How the tars of layers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Uncompressed,
    Gzip,
    Zstd,
}

impl Packing {
    /// A layer's media type, in OCI's words or Docker's; zstd is known to OCI's alone.
    fn media_type(self, oci: bool) -> String {
        match (self, oci) {
            (Packing::Uncompressed, true) => OCI_LAYER.to_owned(),
            (Packing::Uncompressed, false) => DOCKER_LAYER.trim_end_matches(".gzip").to_owned(),
            (Packing::Gzip, true) => format!("{OCI_LAYER}+gzip"),
            (Packing::Gzip, false) => DOCKER_LAYER.to_owned(),
            (Packing::Zstd, _) => format!("{OCI_LAYER}+zstd"),
        }
    }
}

/// How images leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Whether the documents are OCI's; Docker's otherwise.
    pub oci: bool,
    /// Whether an index stands on top, for a single image too.
    pub index: bool,
    /// How layers are packed.
    pub packing: Packing,
    /// Whether layers that came packed in another way are packed anew; without, zstd is for those alone that were made here.
    pub repack: bool,
    /// What the manifests say of themselves.
    pub annotations: BTreeMap<String, String>,
}

/// What a document on top says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    pub media_type: &'static str,
    pub digest: Digest,
    pub size: u64,
}

/// Images with all that they consist of.
#[derive(Clone, Debug)]
pub struct Package {
    pub top: Top,
    /// The manifests below an index; the top alone where there is none.
    pub manifests: Vec<Manifested>,
    /// The documents that are made for this: manifests and the index.
    documents: BTreeMap<Digest, Vec<u8>>,
    form: Form,
}

/// One image of a package.
#[derive(Clone, Debug)]
pub struct Manifested {
    pub top: Top,
    pub config: Digest,
    /// Its layers' blobs, lowest first.
    pub layers: Vec<Digest>,
}

impl Package {
    /// A document of it by its digest.
    pub fn document(&self, digest: &Digest) -> Option<&[u8]> {
        self.documents.get(digest).map(Vec::as_slice)
    }
}

impl ImageStore {
    /// Keeps a config as content, without an image of this engine's.
    pub fn put_document(&self, document: &ImageDocument) -> Result<Digest, ImageError> {
        let text = serde_json::to_vec(document).map_err(|e| ImageError::Invalid(e.to_string()))?;
        self.blobs.put_bytes(&text)
    }

    /// Puts images together, by the digests of their configs. Whoever asks holds content in place.
    pub fn package(&self, images: &[Digest], form: Form) -> Result<Package, ImageError> {
        let mut package = Package {
            top: Top { media_type: "", digest: Digest::of(b""), size: 0 },
            manifests: Vec::new(),
            documents: BTreeMap::new(),
            form,
        };
        let mut entries = Vec::new();
        for id in images {
            let document = self.document(id)?;
            let manifested = self.manifested(&mut package, id, &document)?;
            let Platform { os, architecture, variant } = Platform::of(&document);
            let mut platform = json!({ "os": os, "architecture": architecture });
            if !variant.is_empty() {
                platform["variant"] = variant.into();
            }
            let Top { media_type, digest, size } = &manifested.top;
            entries.push(json!({ "mediaType": media_type, "digest": digest, "size": size, "platform": platform }));
            package.manifests.push(manifested);
        }
        package.top = match package.manifests.as_slice() {
            [one] if !package.form.index => one.top.clone(),
            _ => {
                let media_type = if package.form.oci { OCI_INDEX } else { DOCKER_INDEX };
                package.add(media_type, &json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries }))
            }
        };
        Ok(package)
    }

    fn manifested(&self, package: &mut Package, id: &Digest, document: &ImageDocument) -> Result<Manifested, ImageError> {
        let Form { oci, packing, repack, .. } = package.form;
        let (mut layers, mut described) = (Vec::new(), Vec::new());
        for (chain, diff_id) in chain_ids(&document.rootfs.diff_ids).iter().zip(&document.rootfs.diff_ids) {
            let (blob, packing) = match packing {
                Packing::Uncompressed => (self.uncompressed(chain, diff_id)?, packing),
                Packing::Gzip => (self.compressed(chain)?, packing),
                Packing::Zstd => self.zstd(chain, repack)?,
            };
            let size = self.blobs.size(&blob).ok_or_else(|| ImageError::MissingBlob(blob.clone()))?;
            described.push(json!({ "mediaType": packing.media_type(oci), "digest": blob, "size": size }));
            layers.push(blob);
        }
        let size = self.blobs.size(id).ok_or_else(|| ImageError::MissingBlob(id.clone()))?;
        let (media_type, config) = if oci { (OCI_MANIFEST, OCI_CONFIG) } else { (DOCKER_MANIFEST, DOCKER_CONFIG) };
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": media_type,
            "config": { "mediaType": config, "digest": id, "size": size },
            "layers": described,
        });
        if oci && !package.form.annotations.is_empty() {
            manifest["annotations"] = json!(package.form.annotations);
        }
        Ok(Manifested { top: package.add(media_type, &manifest), config: id.clone(), layers })
    }

    /// The uncompressed blob of a layer, made where only another is there.
    fn uncompressed(&self, chain: &Digest, diff_id: &Digest) -> Result<Digest, ImageError> {
        if !self.blobs.has(diff_id) {
            let mut tar = self.open_layer(chain)?;
            self.blobs.put_reader(&mut tar, Some(diff_id))?;
        }
        Ok(diff_id.clone())
    }

    /// Writes a package as one tar.
    pub fn write_archive(&self, package: &Package, names: &[Reference], out: &mut dyn Write) -> Result<(), ImageError> {
        let failed = |source| ImageError::Io { what: "cannot write the archive of", path: "images".into(), source };
        let mut tar = Builder::new(out);
        for folder in ["blobs/", "blobs/sha256/"] {
            tar.append_data(&mut header(EntryType::Directory, 0o755, 0), folder, io::empty()).map_err(failed)?;
        }
        for digest in package.blobs() {
            let (size, mut content) = self.content(package, digest)?;
            let path = format!("blobs/{}/{}", digest.algorithm(), digest.hex());
            tar.append_data(&mut header(EntryType::Regular, 0o644, size), path, (&mut content).take(size)).map_err(failed)?;
        }
        for (name, text) in self.files(package, names)? {
            tar.append_data(&mut header(EntryType::Regular, 0o644, text.len() as u64), name, text.as_slice()).map_err(failed)?;
        }
        tar.finish().map_err(failed)
    }

    /// Writes a package into a folder.
    pub fn write_folder(&self, package: &Package, names: &[Reference], to: &Path) -> Result<(), ImageError> {
        let write = |path: &Path, content: &mut dyn Read| -> io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(to))?;
            io::copy(content, &mut fs::File::create(path)?).map(drop)
        };
        for digest in package.blobs() {
            let path = to.join("blobs").join(digest.algorithm()).join(digest.hex());
            write(&path, &mut self.content(package, digest)?.1).map_err(ImageError::io("cannot write", &path))?;
        }
        for (name, text) in self.files(package, names)? {
            let path = to.join(name);
            write(&path, &mut text.as_slice()).map_err(ImageError::io("cannot write", &path))?;
        }
        Ok(())
    }

    fn content<'a>(&self, package: &'a Package, digest: &Digest) -> Result<(u64, Box<dyn Read + 'a>), ImageError> {
        if let Some(document) = package.documents.get(digest) {
            return Ok((document.len() as u64, Box::new(document.as_slice())));
        }
        let size = self.blobs.size(digest).ok_or_else(|| ImageError::MissingBlob(digest.clone()))?;
        Ok((size, Box::new(self.blobs.open_blob(digest)?)))
    }

    /// What stands beside the blobs.
    fn files(&self, package: &Package, names: &[Reference]) -> Result<Vec<(&'static str, Vec<u8>)>, ImageError> {
        let Top { media_type, digest, size } = &package.top;
        let created =
            self.document(&package.manifests.first().ok_or_else(|| ImageError::Invalid("there is no image".to_owned()))?.config)?;
        let created = created.created.clone().unwrap_or_default();
        let descriptor = |name: Option<&Reference>| {
            let mut annotations = json!({ "org.opencontainers.image.created": created });
            if let Some(name) = name {
                annotations["io.containerd.image.name"] = name.to_string().into();
                annotations["org.opencontainers.image.ref.name"] = name.tag().unwrap_or_default().into();
            }
            json!({ "mediaType": media_type, "digest": digest, "size": size, "annotations": annotations })
        };
        let entries: Vec<Value> = match names {
            [] => vec![descriptor(None)],
            names => names.iter().map(|name| descriptor(Some(name))).collect(),
        };
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
        let mut files = vec![
            ("index.json", index.to_string().into_bytes()),
            ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string().into_bytes()),
        ];
        if let ([one], false) = (package.manifests.as_slice(), package.form.oci) {
            // What Docker itself loads by.
            let path = |digest: &Digest| format!("blobs/{}/{}", digest.algorithm(), digest.hex());
            let tags: Vec<String> = names.iter().map(Reference::familiar).collect();
            let layers: Vec<String> = one.layers.iter().map(path).collect();
            files.push((
                "manifest.json",
                json!([{ "Config": path(&one.config), "RepoTags": tags, "Layers": layers }]).to_string().into_bytes(),
            ));
        }
        Ok(files)
    }
}

impl Package {
    fn add(&mut self, media_type: &'static str, document: &Value) -> Top {
        let text = document.to_string().into_bytes();
        let top = Top { media_type, digest: Digest::of(&text), size: text.len() as u64 };
        self.documents.insert(top.digest.clone(), text);
        top
    }

    /// All that it consists of.
    fn blobs(&self) -> BTreeSet<&Digest> {
        let inside = self.manifests.iter().flat_map(|one| one.layers.iter().chain([&one.config]));
        inside.chain(self.documents.keys()).collect()
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    // The same images are the same archive.
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
