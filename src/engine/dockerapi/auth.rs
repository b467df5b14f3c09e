//! Logins: `/auth`, and the `X-Registry-Auth` header of pulls and pushes.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::ApiError;
use super::json::Json;
use super::sent::Sent;
use crate::base64;
use crate::registry::{Credentials, Refusal, RegistryClient};

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthConfig {
    username: String,
    password: String,
    serveraddress: String,
}

/// The credentials that came with a request; a header that cannot be read counts as none, as it does for Docker.
pub fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let text = headers.get("x-registry-auth")?.to_str().ok()?;
    let config: AuthConfig = serde_json::from_slice(&base64::decode(text)?).ok()?;
    (!config.username.is_empty()).then_some(Credentials { username: config.username, password: config.password })
}

/// The credentials for several registries that come with a build, by host.
pub fn all_credentials(headers: &HeaderMap) -> BTreeMap<String, Credentials> {
    let all: Option<BTreeMap<String, AuthConfig>> = headers
        .get("x-registry-config")
        .and_then(|text| base64::decode(text.to_str().ok()?))
        .and_then(|json| serde_json::from_slice(&json).ok());
    let with_name = all.unwrap_or_default().into_iter().filter(|(_, config)| !config.username.is_empty());
    with_name.map(|(host, config)| (host, Credentials { username: config.username, password: config.password })).collect()
}

/// The secrets that come with a build, by id: `X-Dockside-Build-Secrets`, base64 of a JSON object of base64 strings.
pub fn secrets(headers: &HeaderMap) -> BTreeMap<String, Vec<u8>> {
    let all: Option<BTreeMap<String, String>> = headers
        .get("x-dockside-build-secrets")
        .and_then(|text| base64::decode(text.to_str().ok()?))
        .and_then(|json| serde_json::from_slice(&json).ok());
    all.unwrap_or_default().into_iter().filter_map(|(id, secret)| Some((id, base64::decode(&secret)?))).collect()
}

/// `POST /auth`: tries the login at its registry.
pub async fn login(sent: Sent) -> Result<impl IntoResponse, ApiError> {
    // Docker blames itself for what it cannot read here.
    let read: Result<Option<AuthConfig>, ApiError> = sent.optional("AuthConfig");
    let read = read.map_err(|e| ApiError::internal(e.message.trim_start_matches("invalid JSON: ")))?;
    let config = read.ok_or_else(|| ApiError::internal("EOF"))?;
    let host = config.serveraddress.trim_start_matches("http://").trim_start_matches("https://");
    let host = host.split('/').next().unwrap_or_default().to_owned();
    if host.is_empty() || host.ends_with("docker.io") {
        return Err(ApiError::internal("this engine is its own Docker Hub: all of the catalogue's images can be pulled without a login"));
    }
    let credentials = Credentials { username: config.username, password: config.password };
    let status = tokio::task::spawn_blocking(move || RegistryClient::try_login(&host, credentials))
        .await
        .map_err(|e| ApiError::internal(e.to_string()))??;
    if let Some(Refusal { url, why }) = status {
        return Err(ApiError::internal(format!("login attempt to {url} failed with status: {why}")));
    }
    Ok(Json(json!({ "IdentityToken": "", "Status": "Login Succeeded" })))
}
