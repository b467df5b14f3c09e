//! A repository of a registry as a source of images, and as the place they are pushed to.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};

use super::Credentials;
use super::client::{Answer, Payload, ProtocolError, RegistryClient};
use crate::image::{BlobDescriptor, BlobStore, Digest, Fetched, ImageError, Progress, Reference, Reporter, Source};

/// As often as a transfer is reported.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// One repository of a registry.
pub struct RegistrySource<'a> {
    blobs: &'a BlobStore,
    client: RegistryClient,
    repository: Reference,
}

impl<'a> RegistrySource<'a> {
    /// Reaches the registry of `reference`.
    pub fn open(blobs: &'a BlobStore, reference: &Reference, credentials: Option<Credentials>) -> Result<Self, ImageError> {
        let client = RegistryClient::connect(reference.domain(), credentials)?;
        Ok(RegistrySource { blobs, client, repository: reference.name_only() })
    }

    fn target(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository.path())
    }

    /// Whether the repository has the blob.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool, ImageError> {
        let answer = self.client.send(Method::HEAD, &self.target(&format!("blobs/{digest}")), &[], Payload::Nothing)?;
        Ok(answer.status == StatusCode::OK)
    }

    /// Lets the registry take a blob over from another of its repositories; says whether it did.
    pub fn mount_blob(&self, digest: &Digest, from: &str) -> Result<bool, ImageError> {
        let target = self.target(&format!("blobs/uploads/?mount={digest}&from={from}"));
        let answer = self.client.send(Method::POST, &target, &[], Payload::Nothing)?;
        Ok(answer.status == StatusCode::CREATED)
    }

    /// Uploads a blob of the store.
    pub fn push_blob(&self, digest: &Digest) -> Result<(), ImageError> {
        let begun = self.client.send(Method::POST, &self.target("blobs/uploads/"), &[], Payload::Nothing)?;
        if begun.status != StatusCode::ACCEPTED {
            return Err(refused(begun));
        }
        let location =
            begun.header("location").ok_or_else(|| ImageError::Registry("the registry gave no place for the upload".to_owned()))?;
        let path = self.local_target(location)?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let size = self.blobs.size(digest).ok_or_else(|| ImageError::MissingBlob(digest.clone()))?;
        let payload = Payload::Stream(size, Box::new(self.blobs.open_blob(digest)?));
        let done = self.client.send(Method::PUT, &format!("{path}{separator}digest={digest}"), &[], payload)?;
        if done.status == StatusCode::CREATED { Ok(()) } else { Err(refused(done)) }
    }

    /// Puts a manifest under a tag.
    pub fn push_manifest(&self, tag: &str, media_type: &'static str, manifest: Vec<u8>) -> Result<(), ImageError> {
        let done = self.client.send(Method::PUT, &self.target(&format!("manifests/{tag}")), &[], Payload::Bytes(media_type, manifest))?;
        if done.status == StatusCode::CREATED { Ok(()) } else { Err(refused(done)) }
    }

    /// The path of a location that the registry gave, which may not be on another host.
    fn local_target(&self, location: &str) -> Result<String, ImageError> {
        if location.starts_with('/') {
            return Ok(location.to_owned());
        }
        let rest = location.strip_prefix("https://").or_else(|| location.strip_prefix("http://"));
        match rest.and_then(|rest| rest.split_once('/')) {
            Some((host, path)) if host == self.repository.domain() => Ok(format!("/{path}")),
            _ => Err(ImageError::Registry(format!("the registry sends the upload elsewhere, to {location}"))),
        }
    }

    fn translate(&self, error: &ProtocolError, reference: &Reference) -> ImageError {
        match error.code.as_str() {
            "DENIED" | "UNAUTHORIZED" => ImageError::Denied(format!(
                "pull access denied for {}, repository does not exist or may require 'docker login': {}",
                reference.familiar_name(),
                error.text()
            )),
            "MANIFEST_UNKNOWN" => ImageError::NotFound(format!("manifest for {} not found: {}", reference.familiar(), error.text())),
            "NAME_UNKNOWN" => ImageError::NotFound(format!("repository {} not found: {}", reference.familiar_name(), error.text())),
            _ if error.status == StatusCode::NOT_FOUND => {
                ImageError::NotFound(format!("manifest for {} not found: manifest unknown: manifest unknown", reference.familiar()))
            }
            _ => ImageError::Registry(error.text()),
        }
    }
}

fn refused(answer: Answer) -> ImageError {
    let error = answer.error();
    match error.code.as_str() {
        "DENIED" => ImageError::Denied(error.text()),
        _ => ImageError::Registry(error.text()),
    }
}

impl Source for RegistrySource<'_> {
    fn manifest(&self, reference: &Reference) -> Result<Fetched, ImageError> {
        let name = reference.digest().map_or(reference.tag().unwrap_or("latest"), Digest::as_str);
        if let Some(digest) = reference.digest()
            && self.blobs.has(digest)
        {
            // Its content cannot be another; but whether the repository has it, only the registry knows.
            let head = self.client.send(Method::HEAD, &self.target(&format!("manifests/{digest}")), &[ACCEPT], Payload::Nothing)?;
            if head.status == StatusCode::OK {
                return Ok(Fetched { digest: digest.clone(), bytes: self.blobs.read(digest)? });
            }
        }
        let target = self.target(&format!("manifests/{name}"));
        if reference.digest().is_none() {
            // Docker asks what the tag means first, which registries do not count as a pull.
            let head = self.client.send(Method::HEAD, &target, &[ACCEPT], Payload::Nothing)?;
            let known = head.header("docker-content-digest").and_then(|d| d.parse::<Digest>().ok()).filter(|d| self.blobs.has(d));
            if let (StatusCode::OK, Some(digest)) = (head.status, known) {
                return Ok(Fetched { bytes: self.blobs.read(&digest)?, digest });
            }
        }
        let answer = self.client.send(Method::GET, &target, &[ACCEPT], Payload::Nothing)?;
        if answer.status != StatusCode::OK {
            return Err(self.translate(&answer.error(), reference));
        }
        let bytes = answer.bytes()?;
        let digest = Digest::of(&bytes);
        if let Some(expected) = reference.digest()
            && expected != &digest
        {
            return Err(ImageError::Corrupt(format!("manifest verification failed for digest {expected}")));
        }
        self.blobs.put_bytes(&bytes)?;
        Ok(Fetched { digest, bytes })
    }

    fn fetch(&self, blob: &BlobDescriptor, id: &str, report: Reporter<'_>) -> Result<(), ImageError> {
        if self.blobs.has(&blob.digest) {
            return Ok(());
        }
        let answer = self.client.send(Method::GET, &self.target(&format!("blobs/{}", blob.digest)), &[], Payload::Nothing)?;
        if answer.status != StatusCode::OK {
            return Err(refused(answer));
        }
        // One byte more than there should be is enough to know.
        let limited = answer.into_body().take(blob.size.saturating_add(1));
        let mut reported = Reported { inner: limited, id, report, current: 0, total: blob.size, last: Instant::now() };
        reported.tell();
        self.blobs.put_reader(&mut reported, Some(&blob.digest)).map_err(|e| match e {
            ImageError::Corrupt(_) => ImageError::Corrupt(format!("filesystem layer verification failed for digest {}", blob.digest)),
            other => other,
        })?;
        report(Progress::Update { id: id.to_owned(), text: "Verifying Checksum", current: 0, total: 0 });
        Ok(())
    }

    fn tags(&self) -> Result<Vec<String>, ImageError> {
        #[derive(serde::Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let answer = self.client.send(Method::GET, &self.target("tags/list"), &[], Payload::Nothing)?;
        if answer.status != StatusCode::OK {
            return Err(self.translate(&answer.error(), &self.repository));
        }
        let tags: Tags = serde_json::from_slice(&answer.bytes()?)
            .map_err(|e| ImageError::Registry(format!("the registry's list of tags cannot be read: {e}")))?;
        let tags = tags.tags.unwrap_or_default();
        Ok(tags.into_iter().filter(|tag| Reference::is_tag(tag)).collect())
    }
}

/// The media types that are understood.
const ACCEPT: (&str, &str) = (
    "accept",
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
);

/// A reader that reports how far it is.
struct Reported<'a, R> {
    inner: R,
    id: &'a str,
    report: Reporter<'a>,
    current: u64,
    total: u64,
    last: Instant,
}

impl<R> Reported<'_, R> {
    fn tell(&mut self) {
        if !self.id.is_empty() {
            (self.report)(Progress::Update { id: self.id.to_owned(), text: "Downloading", current: self.current, total: self.total });
        }
        self.last = Instant::now();
    }
}

impl<R: Read> Read for Reported<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.current += n as u64;
        if n > 0 && self.last.elapsed() >= REPORT_EVERY {
            self.tell();
        }
        Ok(n)
    }
}
