//! What a registry has, and what it is given. Docker's client speaks to the registry by itself; this one has the engine do it.

use serde_json::Value as Json;

use crate::base64;
use crate::docker::client::{Outgoing, Request};
use crate::docker::commands::shared::text;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::Failure;
use crate::docker::reference::Reference;

/// A manifest or a list of them.
pub struct Found {
    pub bytes: Vec<u8>,
    pub document: Json,
    pub descriptor: Json,
    pub platform: Option<Json>,
}

fn beyond(c: &Context, what: &str) -> Failure {
    let host = c.client().map(|client| client.host.text.clone()).unwrap_or_default();
    Failure::new(format!("the engine at {host} does not {what}: use Docker's own client for 'docker manifest'"))
}

fn auth(c: &Context, reference: &Reference) -> String {
    config::registry_auth(&c.config, &reference.domain)
}

/// Has the engine ask the registry of `reference` for `name`. `plain` is how a registry without TLS says that there is no such thing.
pub async fn find(c: &Context, reference: &Reference, name: &str, plain: bool) -> Result<Found, Failure> {
    let request = Request::get(format!("/distribution/{name}/json")).query("manifest", "1").header("X-Registry-Auth", auth(c, reference));
    let answer = c.client()?.send(request).await.map_err(|failure| match failure.is_not_found() {
        true if plain => Failure::new("manifest unknown"),
        true => Failure::new(format!("no such manifest: {name}")),
        false => failure,
    });
    let answer = answer?.json().await?;
    let bytes = answer.get("Manifest").and_then(Json::as_str).and_then(base64::decode).ok_or_else(|| beyond(c, "hand manifests on"))?;
    let document = serde_json::from_slice(&bytes).map_err(|e| Failure::new(format!("the manifest of {name} is no JSON: {e}")))?;
    let descriptor = answer.get("Descriptor").cloned().unwrap_or_default();
    let platform = answer.get("Platforms").and_then(|all| all.get(0)).cloned();
    Ok(Found { bytes, document, descriptor, platform })
}

/// Puts a manifest under the tag or digest of `target`; gives its digest.
pub async fn put(c: &Context, target: &Reference, media_type: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    let request = Request::new("PUT", format!("/distribution/{}/json", target.full()))
        .header("X-Registry-Auth", auth(c, target))
        .header("Content-Type", media_type)
        .body(Outgoing::Whole(bytes.into()));
    let answer = c.client()?.send(request).await.map_err(|failure| match failure.is_not_found() {
        true => beyond(c, "put manifests into registries"),
        false => Failure { text: format!("failed to put manifest {}: {}", target.full(), failure.text), ..failure },
    });
    Ok(text(&answer?.json().await?, "Digest").to_owned())
}

/// Has the registry take a blob over from the repository `from` into that of `target`; says whether it did.
pub async fn mount(c: &Context, target: &Reference, digest: &str, from: &str) -> Result<bool, Failure> {
    let request = Request::post(format!("/distribution/{}/json", target.full()))
        .query("mount", digest)
        .query("from", from)
        .header("X-Registry-Auth", auth(c, target));
    let answer = c.client()?.send(request).await.map_err(|failure| match failure.is_not_found() {
        true => beyond(c, "mount blobs in registries"),
        false => failure,
    });
    Ok(answer?.json().await?.get("Mounted").and_then(Json::as_bool) == Some(true))
}
