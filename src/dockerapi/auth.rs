//! Logins: `/auth`, and the `X-Registry-Auth` header of pulls and pushes.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::ApiError;
use super::json::Json;
use crate::base64;
use crate::engine::registry::{Credentials, Refusal, RegistryClient};

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

/// `POST /auth`: tries the login at its registry.
pub async fn login(body: Bytes) -> Result<impl IntoResponse, ApiError> {
    let config: AuthConfig = serde_json::from_slice(&body).map_err(|e| ApiError::invalid(e.to_string()))?;
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
