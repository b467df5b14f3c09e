//! `save`: images as one tar in Docker's combined layout, which Docker, Podman and OCI tools all load.
//!
//! `blobs/sha256/…` and `index.json` are an OCI layout; `manifest.json` and `repositories` are for older Dockers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use serde_json::{Map, Value, json};
use tar::{Builder, EntryType, Header};

use super::compression::decompress;
use super::layers::chain_ids;
use super::manifest::{OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST};
use super::store::{find, is_id_prefix};
use super::{AnyReference, Digest, ImageDocument, ImageError, ImageStore, Reference};

/// A file below `blobs/sha256`.
enum Content {
    Bytes(Vec<u8>),
    /// A layer, uncompressed: its chain id and what is read for it.
    Layer {
        chain: Digest,
        size: u64,
    },
}

struct Plan {
    /// Each image once, with the names under which it was asked for.
    images: Vec<(Digest, BTreeSet<Reference>)>,
    blobs: BTreeMap<String, (Content, u64)>,
    newest: u64,
}

impl ImageStore {
    /// Finds out what a tar of these images holds; what is not there is an error before the first byte is written.
    pub fn save_plan(&self, names: &[String]) -> Result<SavePlan, ImageError> {
        let repositories = self.repositories.read()?;
        let mut plan = Plan { images: Vec::new(), blobs: BTreeMap::new(), newest: 0 };
        for name in names {
            let named = match AnyReference::parse(name) {
                Ok(AnyReference::Named(reference)) => Some(reference),
                _ => None,
            };
            // A bare repository name stands for all its tags, whichever those are.
            if let Some(reference) = named.as_ref().filter(|reference| reference.is_name_only()) {
                let all = repositories.references().filter(|(r, _)| r.name() == reference.name() && r.digest().is_none());
                let all: Vec<_> = all.map(|(r, image)| (r, image.clone())).collect();
                if !all.is_empty() {
                    all.into_iter().for_each(|(tag, image)| plan.add(image, [tag]));
                    continue;
                }
            }
            let id = find(&repositories, name)?;
            let mut wanted: Vec<Reference> = Vec::new();
            if !is_id_prefix(&id, name)
                && let AnyReference::Named(reference) = AnyReference::parse(name)?
            {
                wanted.extend(reference.tag().is_some().then(|| Reference::with_tag(&reference, reference.tag().unwrap_or_default())));
            }
            plan.add(id, wanted);
        }
        let mut index = Vec::new();
        let mut manifests = Vec::new();
        let mut legacy: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (id, names) in plan.images.clone() {
            let saved = self.plan_image(&mut plan, &id)?;
            let descriptor = |annotations: Option<Value>| {
                let mut out = json!({ "mediaType": OCI_MANIFEST, "digest": saved.manifest, "size": saved.manifest_size });
                if let Some(annotations) = annotations {
                    out["annotations"] = annotations;
                }
                out
            };
            if names.is_empty() {
                index.push(descriptor(None));
            }
            for name in &names {
                let tag = name.tag().unwrap_or_default();
                index.push(descriptor(Some(
                    json!({ "io.containerd.image.name": name.to_string(), "org.opencontainers.image.ref.name": tag }),
                )));
                if let Some(top) = saved.document.rootfs.diff_ids.last() {
                    legacy.entry(name.familiar_name()).or_default().insert(tag.to_owned(), top.hex().to_owned());
                }
            }
            let tags: Option<Vec<String>> = (!names.is_empty()).then(|| names.iter().map(Reference::familiar).collect());
            manifests.push(json!({
                "Config": blob_path(&id), "RepoTags": tags, "Layers": saved.document.rootfs.diff_ids.iter().map(blob_path).collect::<Vec<_>>(),
                "LayerSources": saved.sources,
            }));
            self.event("save", id.as_str(), id.as_str(), Some(&id));
        }
        let files = vec![
            ("index.json", json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": index })),
            ("manifest.json", Value::Array(manifests)),
            ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })),
        ];
        // Docker ends all of them with a newline but the index.
        let ending = |name: &str| if name == "index.json" { "" } else { "\n" };
        let mut files: Vec<(&str, Vec<u8>)> =
            files.into_iter().map(|(name, value)| (name, format!("{value}{}", ending(name)).into_bytes())).collect();
        if !legacy.is_empty() {
            files.push(("repositories", format!("{}\n", json!(legacy)).into_bytes()));
        }
        Ok(SavePlan { plan, files })
    }

    fn plan_image(&self, plan: &mut Plan, id: &Digest) -> Result<SavedImage, ImageError> {
        let document = ImageDocument::clone(&*self.document(id)?);
        let created = document.created.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(0, |time| time.as_second());
        let created = u64::try_from(created).unwrap_or(0);
        plan.newest = plan.newest.max(created);
        let config = self.blobs.read(id)?;
        let config_size = config.len();
        let mut layers = Vec::new();
        let mut sources = Map::new();
        let chain = chain_ids(&document.rootfs.diff_ids);
        for (diff_id, chain) in document.rootfs.diff_ids.iter().zip(&chain) {
            let info = self.layers.info(chain).ok_or_else(|| ImageError::Corrupt(format!("layer {chain} of image {id} is missing")))?;
            layers.push(json!({ "mediaType": OCI_LAYER, "digest": diff_id, "size": info.tar_size }));
            sources.insert(diff_id.to_string(), json!({ "mediaType": OCI_LAYER, "size": info.tar_size, "digest": diff_id }));
            let content = Content::Layer { chain: chain.clone(), size: info.tar_size };
            plan.blobs.entry(diff_id.hex().to_owned()).or_insert((content, created));
        }
        for legacy in legacy_documents(&config, &document, &chain) {
            plan.blobs.insert(Digest::of(&legacy).hex().to_owned(), (Content::Bytes(legacy), created));
        }
        plan.blobs.insert(id.hex().to_owned(), (Content::Bytes(config), created));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": { "mediaType": OCI_CONFIG, "digest": id, "size": config_size },
            "layers": layers,
        })
        .to_string()
        .into_bytes();
        let digest = Digest::of(&manifest);
        let manifest_size = manifest.len();
        plan.blobs.insert(digest.hex().to_owned(), (Content::Bytes(manifest), 0));
        Ok(SavedImage { document, manifest: digest, manifest_size, sources })
    }

    /// Writes the tar.
    pub fn save(&self, plan: &SavePlan, out: &mut dyn Write) -> Result<(), ImageError> {
        let failed = |source| ImageError::Io { what: "cannot write the archive of", path: "images".into(), source };
        let _content = self.hold_content()?;
        let mut tar = Builder::new(out);
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
        for (name, time) in [("blobs/", plan.plan.newest), ("blobs/sha256/", now)] {
            let mut header = header(EntryType::Directory, 0o755, 0, time);
            tar.append_data(&mut header, name, io::empty()).map_err(failed)?;
        }
        for (hex, (content, time)) in &plan.plan.blobs {
            let path = format!("blobs/sha256/{hex}");
            match content {
                Content::Bytes(bytes) => {
                    let mut header = header(EntryType::Regular, 0o644, bytes.len() as u64, *time);
                    tar.append_data(&mut header, path, bytes.as_slice()).map_err(failed)?;
                }
                Content::Layer { chain, size } => {
                    let mut header = header(EntryType::Regular, 0o644, *size, *time);
                    tar.append_data(&mut header, path, self.open_layer(chain)?.take(*size)).map_err(failed)?;
                }
            }
        }
        for (name, bytes) in &plan.files {
            let time = if *name == "index.json" { now } else { 0 };
            let mut header = header(EntryType::Regular, 0o644, bytes.len() as u64, time);
            tar.append_data(&mut header, name, bytes.as_slice()).map_err(failed)?;
        }
        tar.finish().map_err(failed)
    }

    /// The uncompressed tar of a layer, out of whichever blob is there.
    pub(super) fn open_layer(&self, chain: &Digest) -> Result<Box<dyn Read>, ImageError> {
        let info = self.layers.info(chain).ok_or_else(|| ImageError::Corrupt(format!("layer {chain} is missing")))?;
        if self.blobs.has(&info.diff_id) {
            return Ok(Box::new(self.blobs.open_blob(&info.diff_id)?));
        }
        let blob = info.blob.ok_or_else(|| ImageError::MissingBlob(info.diff_id.clone()))?;
        let path = self.blobs.path(&blob);
        decompress(self.blobs.open_blob(&blob)?).map_err(ImageError::io("cannot read", &path))
    }
}

/// What a tar of images will hold.
pub struct SavePlan {
    plan: Plan,
    files: Vec<(&'static str, Vec<u8>)>,
}

struct SavedImage {
    document: ImageDocument,
    manifest: Digest,
    manifest_size: usize,
    sources: Map<String, Value>,
}

impl Plan {
    fn add(&mut self, id: Digest, names: impl IntoIterator<Item = Reference>) {
        match self.images.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => known.extend(names),
            None => self.images.push((id, names.into_iter().collect())),
        }
    }
}

fn header(kind: EntryType, mode: u32, size: u64, time: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// One document a layer, as Dockers before 1.10 knew images: the top one carries the config.
fn legacy_documents(config: &[u8], document: &ImageDocument, chain: &[Digest]) -> Vec<Vec<u8>> {
    let mut parent: Option<String> = None;
    let mut documents = Vec::with_capacity(chain.len());
    for (at, layer) in chain.iter().enumerate() {
        let id = Digest::of(format!("{layer} {}", parent.as_deref().unwrap_or_default()).as_bytes()).hex().to_owned();
        let mut fields: BTreeMap<String, Value> = BTreeMap::new();
        if at + 1 == chain.len() {
            fields = serde_json::from_slice(config).unwrap_or_default();
            fields.remove("rootfs");
            fields.remove("history");
        } else {
            fields.insert("created".to_owned(), "1970-01-01T00:00:00Z".into());
            fields.insert("container_config".to_owned(), json!(super::RunConfig::default()));
            fields.insert("os".to_owned(), document.os.clone().into());
        }
        fields.insert("id".to_owned(), id.clone().into());
        if let Some(parent) = parent.replace(id) {
            fields.insert("parent".to_owned(), parent.into());
        }
        documents.push(json!(fields).to_string().into_bytes());
    }
    documents
}
