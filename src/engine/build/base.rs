//! The images that `FROM` and `--from` name: those that the engine has, and those that are pulled.

use super::BuildRequest;
use super::context::Context;
use super::report::BuildError;
use crate::Engine;
use crate::image::{Digest, ImageError, PullRequest, Reference, Reporter};

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
    let pull = PullRequest { reference, platform: wanted.map(str::to_owned), credentials };
    images.pull(&pull, report)?;
    Ok(images.resolve(name, wanted)?.id)
}
