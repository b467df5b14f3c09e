//! Logins: `/auth`, and the `X-Registry-Auth` header of pulls and pushes.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::json::Json;
use super::sent::Sent;
use super::{ApiError, gojson};
use crate::base64;
use crate::registry::{Credentials, Login, RegistryClient};

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthConfig {
    username: String,
    password: String,
    serveraddress: String,
    identitytoken: String,
    registrytoken: String,
}

impl AuthConfig {
    fn credentials(self) -> Option<Credentials> {
        Credentials::of(self.username, self.password, self.identitytoken, self.registrytoken)
    }
}

/// What a header says in base64 of JSON; one that cannot be read counts as none, as it does for Docker.
fn told<T: DeserializeOwned>(headers: &HeaderMap, header: &str, name: &'static str) -> Option<T> {
    let text = headers.get(header)?.to_str().ok()?;
    gojson::read(&base64::decode(text)?, name).ok()?
}

/// The credentials that came with a request.
pub fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    told::<AuthConfig>(headers, "x-registry-auth", "AuthConfig")?.credentials()
}

/// The credentials for several registries that come with a build, by host.
pub fn all_credentials(headers: &HeaderMap) -> BTreeMap<String, Credentials> {
    let all: BTreeMap<String, AuthConfig> = told(headers, "x-registry-config", "AuthConfig").unwrap_or_default();
    all.into_iter().filter_map(|(host, config)| Some((host, config.credentials()?))).collect()
}

/// The secrets that come with a build, by id: `X-Dockside-Build-Secrets`, base64 of a JSON object of base64 strings.
pub fn secrets(headers: &HeaderMap) -> BTreeMap<String, Vec<u8>> {
    let all: Option<BTreeMap<String, String>> = told(headers, "x-dockside-build-secrets", "secrets");
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
    let kept = config.identitytoken.clone();
    // Without a name and a token the registry is asked all the same, as Docker does.
    let credentials = config.credentials().unwrap_or_else(|| Credentials::Password { username: String::new(), password: String::new() });
    let login = tokio::task::spawn_blocking(move || RegistryClient::try_login(&host, credentials))
        .await
        .map_err(|e| ApiError::internal(e.to_string()))??;
    match login {
        Login::Welcome { identity } => Ok(Json(json!({ "IdentityToken": identity.unwrap_or(kept), "Status": "Login Succeeded" }))),
        Login::Refused { url, why } => Err(ApiError::internal(format!("login attempt to {url} failed with status: {why}"))),
    }
}
