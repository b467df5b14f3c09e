//! The teaching images, described by data and made of the userland; search answers from the same data.
//!
//! Writes only through a [`BlobSink`]; never touches the disk or the network by itself. Same data, same bytes.

use std::io::{self, Read};

use oci_spec::image::Descriptor;

/// Where an image's blobs go: the engine's content store.
pub trait BlobSink {
    /// Takes in a blob whole and gives its descriptor. Putting what is there already is cheap and no error.
    fn put(&self, media_type: &str, data: &mut dyn Read) -> io::Result<Descriptor>;

    /// Whether the blob `sha256:…` is there already.
    fn has(&self, digest: &str) -> bool;
}

/// An image (or index of images) of the catalogue under one tag.
pub struct CatalogImage {}

/// A line of `docker search`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchResult {
    /// The familiar name: `ubuntu`, `jpetazzo/clock`.
    pub name: String,
    pub description: String,
    pub stars: u64,
    pub official: bool,
    pub automated: bool,
}

/// The image `repository:tag` (`library/ubuntu`, `latest`), if the catalogue has it.
pub fn resolve(repository: &str, tag: &str) -> Option<CatalogImage> {
    let _ = (repository, tag);
    None
}

/// The tags of a repository (`library/ubuntu`), sorted; empty where it is unknown.
pub fn tags(repository: &str) -> Vec<String> {
    let _ = repository;
    Vec::new()
}

/// What a search for `term` finds, best first.
pub fn search(term: &str) -> Vec<SearchResult> {
    let _ = term;
    Vec::new()
}

impl CatalogImage {
    /// Writes the image into `sink` and gives the descriptor of its manifest or index.
    ///
    /// Of an index all manifests and configs are written; layers only of the platforms for which `wanted` (`os/arch[/variant]`) says yes.
    pub fn write(&self, sink: &dyn BlobSink, wanted: &dyn Fn(&str) -> bool) -> io::Result<Descriptor> {
        let _ = (sink, wanted);
        Err(io::ErrorKind::NotFound.into())
    }
}
