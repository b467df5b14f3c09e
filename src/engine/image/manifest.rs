//! Manifests and indexes, Docker's and OCI's, as far as the engine reads them; and Docker's manifest as the engine writes it.

use serde::{Deserialize, Serialize};

use super::platform::Platform;
use super::{Digest, ImageError};

pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A reference to a blob by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    #[serde(rename = "mediaType", default)]
    pub media_type: String,
    pub size: u64,
    pub digest: Digest,
    #[serde(default, skip_serializing)]
    pub platform: Option<DescriptorPlatform>,
}

/// The platform in an index's entry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DescriptorPlatform {
    pub architecture: String,
    pub os: String,
    #[serde(default)]
    pub variant: String,
}

/// What a registry gives for a tag or digest.
#[derive(Clone, Debug)]
pub enum Manifest {
    Image { config: Descriptor, layers: Vec<Descriptor> },
    Index(Vec<Descriptor>),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "schemaVersion", default)]
    schema_version: u64,
    #[serde(rename = "mediaType", default)]
    media_type: String,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// Docker's manifest, with its fields in Docker's order.
#[derive(Serialize)]
struct DockerManifest<'a> {
    #[serde(rename = "schemaVersion")]
    schema_version: u64,
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
}

impl Manifest {
    /// Reads a manifest or index, whatever its media type says.
    pub fn parse(text: &[u8]) -> Result<Manifest, ImageError> {
        let raw: Raw = serde_json::from_slice(text).map_err(|e| ImageError::Corrupt(format!("the manifest cannot be read: {e}")))?;
        match raw {
            Raw { manifests: Some(manifests), config: None, .. } => Ok(Manifest::Index(manifests)),
            Raw { config: Some(config), layers: Some(layers), .. } => Ok(Manifest::Image { config, layers }),
            Raw { schema_version: 1, .. } => Err(ImageError::Registry(
                "not implemented: media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported since containerd v2.0, please rebuild the image as \"application/vnd.docker.distribution.manifest.v2+json\" or \"application/vnd.oci.image.manifest.v1+json\"".to_owned(),
            )),
            Raw { media_type, .. } => Err(ImageError::Corrupt(format!("unsupported manifest media type {media_type:?}"))),
        }
    }

    /// The bytes of Docker's manifest over these blobs.
    pub fn docker(config: &Descriptor, layers: &[Descriptor]) -> Result<Vec<u8>, ImageError> {
        let manifest = DockerManifest { schema_version: 2, media_type: DOCKER_MANIFEST, config, layers };
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"   ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        manifest.serialize(&mut serializer).map_err(|e| ImageError::Corrupt(e.to_string()))?;
        Ok(out)
    }
}

/// The entry of an index that fits `wanted` best.
pub fn choose<'a>(entries: &'a [Descriptor], wanted: &Platform) -> Option<&'a Descriptor> {
    let rank = |entry: &Descriptor| {
        let platform = entry.platform.as_ref()?;
        wanted.rank(&Platform::normal(&platform.os, &platform.architecture, &platform.variant))
    };
    entries.iter().filter_map(|entry| Some((rank(entry)?, entry))).min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
}
