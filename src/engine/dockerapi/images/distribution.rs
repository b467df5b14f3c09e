//! `/distribution/NAME/json`: what a registry has under a name, as Docker has it; and what is none of Docker's, for `docker manifest`: the
//! document itself, putting one there, and having the registry take over a blob.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::blocking;
use crate::Engine;
use crate::base64;
use crate::dockerapi::ApiError;
use crate::dockerapi::auth::credentials;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::Params;
use crate::image::{Digest, Reference};

/// The name in a path.
fn named(rest: &str) -> Result<Reference, ApiError> {
    let Some(name) = rest.strip_suffix("/json") else { return Err(ApiError::not_found("page not found")) };
    let reference = Reference::parse_normalized(name)?;
    Ok(if reference.is_name_only() { reference.with_tag("latest") } else { reference })
}

/// `GET`: what the registry has under a name; with `manifest=1` the document, too.
pub async fn find(
    State(engine): State<Arc<Engine>>,
    Path(rest): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (reference, credentials) = (named(&rest)?, credentials(&headers));
    let found = blocking(&engine, move |engine| engine.images.distribution(&reference, credentials)).await?;
    let platforms = found.platforms.iter().map(|p| {
        let mut platform = json!({ "architecture": p.architecture, "os": p.os });
        if !p.variant.is_empty() {
            platform["variant"] = p.variant.as_str().into();
        }
        platform
    });
    let descriptor = json!({ "mediaType": found.media_type, "digest": found.digest, "size": found.bytes.len() });
    let mut answer = json!({ "Descriptor": descriptor, "Platforms": platforms.collect::<Vec<_>>() });
    if params.flag("manifest") {
        answer["Manifest"] = base64::encode(&found.bytes).into();
    }
    Ok(Json(answer).into_response())
}

/// `PUT`: puts the manifest or index in the body under the name's tag or digest.
pub async fn put(
    State(engine): State<Arc<Engine>>,
    Path(rest): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let (reference, credentials) = (named(&rest)?, credentials(&headers));
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let digest = blocking(&engine, move |engine| engine.images.put_manifest(&reference, &media_type, body.to_vec(), credentials)).await?;
    Ok(Json(json!({ "Digest": digest })).into_response())
}

/// `POST ?mount=DIGEST&from=REPOSITORY`: has the registry take a blob over from another of its repositories.
pub async fn mount(
    State(engine): State<Arc<Engine>>,
    Path(rest): Path<String>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (reference, credentials) = (named(&rest)?, credentials(&headers));
    let digest: Digest = params.get("mount").unwrap_or_default().parse().map_err(crate::image::ImageError::from)?;
    let from = params.get("from").unwrap_or_default().to_owned();
    let mounted = blocking(&engine, move |engine| engine.images.mount_blob(&reference, &digest, &from, credentials)).await?;
    Ok(Json(json!({ "Mounted": mounted })).into_response())
}
