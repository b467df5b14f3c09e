//! `POST /images/create`: pull and import.

use std::io;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use crate::Engine;
use crate::dockerapi::ApiError;
use crate::dockerapi::auth::credentials;
use crate::dockerapi::bodies::{BodyReader, drain};
use crate::dockerapi::params::Params;
use crate::dockerapi::progress::stream_operation;
use crate::image::{Digest, ImportRequest, PullRequest, Reference, tag_reference};

/// `POST /images/create`
pub async fn create(State(engine): State<Arc<Engine>>, params: Params, request: Request) -> Result<Response, ApiError> {
    let Some(image) = params.get("fromImage") else {
        return import(engine, params, request).await;
    };
    let pull = PullRequest {
        reference: pull_reference(image, params.get("tag"))?,
        platform: params.get("platform").map(str::to_owned),
        credentials: credentials(request.headers()),
    };
    stream_operation(engine, false, move |engine, report| engine.images.pull(&pull, report)).await
}

async fn import(engine: Arc<Engine>, params: Params, request: Request) -> Result<Response, ApiError> {
    let import = match import_request(&params) {
        Ok(import) => import,
        Err(refused) => {
            drain(request.into_body()).await;
            return Err(refused);
        }
    };
    let mut reader = BodyReader::new(request.into_body());
    stream_operation(engine, false, move |engine, report| {
        let done = engine.images.import(&import, &mut reader, report);
        // The client sends to the end whatever became of it here.
        let _ = io::copy(&mut reader, &mut io::sink());
        done
    })
    .await
}

fn import_request(params: &Params) -> Result<ImportRequest, ApiError> {
    match params.get("fromSrc") {
        Some("-") => {}
        Some(source) => {
            return Err(ApiError::internal(format!(
                "cannot import {source}: this engine fetches nothing from the network; download it and import the file"
            )));
        }
        None => return Err(ApiError::invalid("neither fromImage nor fromSrc says what shall be created")),
    }
    let reference = params.get("repo").map(|repository| tag_reference(repository, params.get("tag"))).transpose()?;
    Ok(ImportRequest {
        reference,
        message: params.get("message").unwrap_or_default().to_owned(),
        changes: params.all("changes").map(str::to_owned).collect(),
        platform: params.get("platform").map(str::to_owned),
    })
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
