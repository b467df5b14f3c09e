//! The teaching images, described by data and made of the userland; search answers from the same data.
//!
//! Writes only through a [`BlobSink`]; never touches the disk or the network by itself. Same data and binary, same bytes.

mod data;
mod distributions;
mod hello;
mod hub;
mod image;
mod layer;
mod nginx;
mod redis;
mod registry;
mod services;

use std::{
    collections::HashMap,
    io::{self, Read},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use oci_spec::image::Descriptor;

pub use data::{COMMANDS, OF_ONE_IMAGE};
pub use hub::{SearchResult, search};

/// Where an image's blobs go: the engine's content store.
pub trait BlobSink {
    /// Takes in a blob whole and gives its descriptor. Putting what is there already is cheap and no error.
    fn put(&self, media_type: &str, data: &mut dyn Read) -> io::Result<Descriptor>;

    /// Whether the blob `sha256:…` is there already.
    fn has(&self, digest: &str) -> bool;
}

/// A repository of the catalogue: its tags, and the image under each.
struct Repository {
    /// The full name: `library/ubuntu`.
    name: &'static str,
    /// Images by the tags that name them.
    images: Vec<(&'static [&'static str], image::Description)>,
}

/// An image (or index of images) of the catalogue under one tag.
pub struct CatalogImage {
    key: (&'static str, &'static str),
    description: &'static image::Description,
}

/// The image `repository:tag` (`library/ubuntu`, `latest`), if the catalogue has it.
pub fn resolve(repository: &str, tag: &str) -> Option<CatalogImage> {
    let repository = repositories().iter().find(|r| r.name == repository)?;
    let (tags, description) = repository.images.iter().find(|(tags, _)| tags.contains(&tag))?;
    Some(CatalogImage { key: (repository.name, tags[0]), description })
}

/// The tags of a repository (`library/ubuntu`), sorted; empty where it is unknown.
pub fn tags(repository: &str) -> Vec<String> {
    let images = repositories().iter().filter(|r| r.name == repository).flat_map(|r| &r.images);
    let mut tags: Vec<String> = images.flat_map(|(tags, _)| *tags).map(|tag| (*tag).to_owned()).collect();
    tags.sort();
    tags
}

fn repositories() -> &'static [Repository] {
    static ALL: OnceLock<Vec<Repository>> = OnceLock::new();
    ALL.get_or_init(|| {
        let all = distributions::repositories().into_iter().chain(services::repositories());
        all.chain([nginx::repository(), redis::repository(), registry::repository()]).collect()
    })
}

impl CatalogImage {
    /// Writes the image into `sink` and gives the descriptor of its manifest or index.
    ///
    /// Of an index all manifests and configs are written; layers only of the platforms for which `wanted` (`os/arch[/variant]`) says yes.
    pub fn write(&self, sink: &dyn BlobSink, wanted: &dyn Fn(&str) -> bool) -> io::Result<Descriptor> {
        self.prepared()?.write(sink, wanted)
    }

    /// The image's blobs: made once a process, since every lab asks for the same few.
    fn prepared(&self) -> io::Result<Arc<image::Prepared>> {
        type Cache = Mutex<HashMap<(&'static str, &'static str), Arc<image::Prepared>>>;
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let cache = CACHE.get_or_init(Cache::default);
        let lock = || cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = lock().get(&self.key) {
            return Ok(prepared.clone());
        }
        let prepared = Arc::new(self.description.prepare()?);
        lock().insert(self.key, prepared.clone());
        Ok(prepared)
    }
}

#[cfg(test)]
mod tests;
