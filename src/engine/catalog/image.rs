//! From an image's description to its blobs: configuration, manifest and, for several platforms, an index.

use std::io;

use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use super::{
    BlobSink,
    layer::{Entry, Layer, userland},
};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A platform an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `amd64`, `arm64`, …
    pub architecture: &'static str,
    /// `v7` for 32-bit Arm.
    pub variant: Option<&'static str>,
}

impl Platform {
    /// `linux/ARCHITECTURE[/VARIANT]`.
    pub fn name(&self) -> String {
        let variant = self.variant.map(|v| format!("/{v}")).unwrap_or_default();
        format!("linux/{}{variant}", self.architecture)
    }

    /// The platform that this binary runs on.
    pub fn native() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "aarch64" => ("arm64", None),
            "arm" => ("arm", Some("v7")),
            "riscv64" => ("riscv64", None),
            other => (other, None),
        };
        Self { architecture, variant }
    }
}

/// The platforms of our multi-arch images.
pub const EVERYWHERE: &[Platform] = &[
    Platform { architecture: "amd64", variant: None },
    Platform { architecture: "arm", variant: Some("v7") },
    Platform { architecture: "arm64", variant: None },
];

/// What a step of an image's history puts on top.
#[derive(Clone)]
pub enum Content {
    /// The userland, the same in every image.
    Userland,
    /// Files of this step's own.
    Files(Vec<Entry>),
    /// A file that differs from platform to platform.
    Native(&'static str, fn(Platform) -> Vec<u8>),
    /// Metadata only.
    Nothing,
}

/// A step of an image's history.
#[derive(Clone)]
pub struct Step {
    /// What made it, as `docker history` shows it.
    pub created_by: String,
    /// What it added.
    pub content: Content,
}

/// An image, described.
#[derive(Clone)]
pub struct Description {
    /// When it was made, RFC 3339.
    pub created: &'static str,
    /// Who made it.
    pub author: Option<&'static str>,
    /// The platforms; none for one image of the native platform, without an index.
    pub platforms: &'static [Platform],
    /// What the configuration says beyond the defaults: `Cmd`, `Env`, `ExposedPorts` …
    pub config: Value,
    /// The steps that made it, first to last.
    pub steps: Vec<Step>,
}

/// An image (or index of images) with all its small blobs made.
#[derive(Debug)]
pub struct Prepared {
    manifests: Vec<Manifest>,
    index: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Manifest {
    platform: Platform,
    config: Vec<u8>,
    manifest: Vec<u8>,
    layers: Vec<Layer>,
}

impl Description {
    /// Makes the blobs. The layers' digests are computed, their bytes not kept.
    pub fn prepare(&self) -> io::Result<Prepared> {
        let native = [Platform::native()];
        let platforms = if self.platforms.is_empty() { &native[..] } else { self.platforms };
        let manifests: Vec<Manifest> = platforms.iter().map(|p| self.manifest(*p)).collect::<io::Result<_>>()?;
        let index = (!self.platforms.is_empty()).then(|| {
            let entries: Vec<Value> = manifests
                .iter()
                .map(|m| {
                    let mut platform = json!({ "architecture": m.platform.architecture, "os": "linux" });
                    if let Some(variant) = m.platform.variant {
                        platform["variant"] = variant.into();
                    }
                    json!({ "mediaType": MANIFEST, "digest": digest(&m.manifest), "size": m.manifest.len(), "platform": platform })
                })
                .collect();
            let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
            index.to_string().into_bytes()
        });
        Ok(Prepared { manifests, index })
    }

    fn manifest(&self, platform: Platform) -> io::Result<Manifest> {
        let mtime = self.created.parse::<jiff::Timestamp>().map_err(io::Error::other)?.as_second() as u64;
        let mut layers: Vec<Layer> = vec![];
        let mut history = vec![];
        for step in &self.steps {
            let layer = match &step.content {
                Content::Userland => Some(userland()?),
                Content::Files(entries) => Some(Layer::new(entries, mtime)?),
                Content::Native(path, make) => Some(Layer::new(&[Entry::File(path, 0o755, make(platform))], mtime)?),
                Content::Nothing => None,
            };
            let mut entry = json!({ "created": self.created, "created_by": step.created_by });
            if layer.is_none() {
                entry["empty_layer"] = true.into();
            }
            history.push(entry);
            layers.extend(layer);
        }
        let mut config = json!({ "architecture": platform.architecture });
        if let Some(variant) = platform.variant {
            config["variant"] = variant.into();
        }
        if let Some(author) = self.author {
            config["author"] = author.into();
        }
        config["os"] = "linux".into();
        config["created"] = self.created.into();
        config["config"] = self.config.clone();
        config["history"] = history.into();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": layers.iter().map(|l| &l.digest).collect::<Vec<_>>() });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": digest(&config), "size": config.len() },
            "layers": layers.iter().map(|l| json!({ "mediaType": LAYER, "digest": l.digest, "size": l.size })).collect::<Vec<_>>(),
        });
        Ok(Manifest { platform, config, manifest: manifest.to_string().into_bytes(), layers })
    }
}

impl Prepared {
    /// Writes everything into `sink`: layers first, what refers to them after, so that nothing ever points at what is not there.
    pub fn write(&self, sink: &dyn BlobSink, wanted: &dyn Fn(&str) -> bool) -> io::Result<Descriptor> {
        let mut written = None;
        for manifest in &self.manifests {
            if self.index.is_none() || wanted(&manifest.platform.name()) {
                for layer in manifest.layers.iter().filter(|l| !sink.has(&l.digest)) {
                    sink.put(LAYER, &mut layer.open()?)?;
                }
            }
            sink.put(CONFIG, &mut manifest.config.as_slice())?;
            written = Some(sink.put(MANIFEST, &mut manifest.manifest.as_slice())?);
        }
        match &self.index {
            Some(index) => sink.put(INDEX, &mut index.as_slice()),
            None => written.ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest;
    format!("sha256:{}", super::layer::hex(&sha2::Sha256::digest(bytes)))
}
