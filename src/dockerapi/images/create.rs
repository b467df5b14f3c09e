//! `POST /images/create`: pull and import.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use crate::dockerapi::ApiError;
use crate::dockerapi::auth::credentials;
use crate::dockerapi::params::Params;
use crate::dockerapi::progress::stream_operation;
use crate::engine::Engine;
use crate::engine::image::{Digest, PullRequest, Reference};

/// `POST /images/create`
pub async fn create(State(engine): State<Arc<Engine>>, params: Params, request: Request) -> Result<Response, ApiError> {
    let Some(image) = params.get("fromImage") else {
        return Err(ApiError::invalid("no image to pull was named"));
    };
    let pull = PullRequest {
        reference: pull_reference(image, params.get("tag"))?,
        platform: params.get("platform").map(str::to_owned),
        credentials: credentials(request.headers()),
    };
    stream_operation(engine, false, move |engine, report| engine.images.pull(&pull, report)).await
}

/// `fromImage` and `tag` (a tag or a digest) in one; without either, all tags are meant.
fn pull_reference(image: &str, tag: Option<&str>) -> Result<Reference, ApiError> {
    let reference = Reference::parse_normalized(image)?;
    match tag {
        None => Ok(reference),
        Some(tag) => match tag.parse::<Digest>() {
            Ok(digest) => Ok(reference.with_digest(&digest)),
            Err(_) if Reference::is_tag(tag) => Ok(reference.with_tag(tag)),
            Err(_) => Err(ApiError::invalid("invalid reference format")),
        },
    }
}
