//! The images that `FROM` and `--from` name: those that the engine has, and those that are pulled.

use std::io::Read;

use super::BuildRequest;
use super::client::Client;
use super::context::Context;
use super::report::BuildError;
use crate::Engine;
use crate::image::{BlobDescriptor, Digest, Fetched, ImageError, Place, Platform, PullRequest, Reference, Reporter, Source};

/// As much of a document as is taken.
const DOCUMENT_MAX: u64 = 8 << 20;

/// What stands before the name of an image in a layout of the client's: the name of the layout, a tag and a digest follow.
pub const LAYOUT: &str = "oci-layout://";

/// Finds the image `name`; pulls it where it is missing or the request wants all images anew.
pub fn find(
    engine: &Engine,
    request: &BuildRequest,
    context: &Context,
    name: &str,
    platform: &str,
    report: Reporter<'_>,
) -> Result<Digest, BuildError> {
    let images = &engine.images;
    if let Some(store) = name.strip_prefix(LAYOUT) {
        return layout(engine, request, context, store, platform, report);
    }
    let platform = if platform.is_empty() { &request.platform } else { platform };
    let wanted = (!platform.is_empty()).then_some(platform);
    let known = images.resolve(name, wanted);
    let reference = match &known {
        Ok(image) if !request.pull => return Ok(image.id.clone()),
        Ok(_) | Err(ImageError::NoSuchImage(_) | ImageError::NotFound(_)) => Reference::parse_normalized(name),
        Err(_) => return Ok(known?.id),
    };
    let Ok(reference) = reference else { return Ok(known?.id) };
    let reference = reference.or_latest();
    let credentials = request.credentials.get(reference.domain()).cloned().or_else(|| context.login(reference.domain()));
    if let Some(foreign) = wanted.and_then(|platform| platform.parse::<Platform>().ok()).filter(|p| !Platform::host().accepts(p)) {
        // Its name stays with the image that runs here.
        let place = Place { reference, platform: Some(foreign), credentials };
        let offer = images.look_up(&place)?;
        images.bring(&place, &offer, usize::MAX, report)?;
        return Ok(offer.id);
    }
    let pull = PullRequest { reference, platform: wanted.map(str::to_owned), credentials };
    images.pull(&pull, report)?;
    Ok(images.resolve(name, wanted)?.id)
}

/// Takes an image out of a layout of the client's.
fn layout(
    engine: &Engine,
    request: &BuildRequest,
    context: &Context,
    place: &str,
    platform: &str,
    report: Reporter<'_>,
) -> Result<Digest, BuildError> {
    let wrong = || BuildError::invalid(format!("invalid oci-layout reference {place}: it needs a digest"));
    let (store, digest) = place.split_once('@').ok_or_else(wrong)?;
    let store = store.split([':', '/']).next().unwrap_or_default();
    let digest: Digest = digest.parse().map_err(|_| wrong())?;
    let client = context.client().ok_or_else(|| BuildError::new("there is no client with an OCI layout"))?;
    let reference = Reference::parse_normalized("layout").map_err(|e| BuildError::new(e.to_string()))?.with_digest(&digest);
    let platform = if platform.is_empty() { &request.platform } else { platform };
    let place = Place { reference, platform: platform.parse().ok(), credentials: None };
    let source = Layout { engine, client, store };
    let offer = engine.images.offered(&source, &place)?;
    engine.images.take(&source, &offer, usize::MAX, report)?;
    Ok(offer.id)
}

/// A layout on a client's machine.
struct Layout<'a> {
    engine: &'a Engine,
    client: &'a dyn Client,
    store: &'a str,
}

impl Layout<'_> {
    fn bring(&self, digest: &Digest, size: u64) -> Result<(), ImageError> {
        let content = self.client.content(self.store, digest).map_err(|e| ImageError::NotFound(e.message))?;
        self.engine.images.put_content(&mut content.take(size), digest)
    }
}

impl Source for Layout<'_> {
    fn manifest(&self, reference: &Reference) -> Result<Fetched, ImageError> {
        let digest = reference.digest().ok_or_else(|| ImageError::NotFound("a layout is asked by digests".to_owned()))?.clone();
        self.bring(&digest, DOCUMENT_MAX)?;
        Ok(Fetched { bytes: self.engine.images.read_content(&digest)?, digest })
    }

    fn fetch(&self, blob: &BlobDescriptor, _id: &str, _report: Reporter<'_>) -> Result<(), ImageError> {
        self.bring(&blob.digest, blob.size.saturating_add(1))
    }

    fn tags(&self) -> Result<Vec<String>, ImageError> {
        Ok(Vec::new())
    }
}
