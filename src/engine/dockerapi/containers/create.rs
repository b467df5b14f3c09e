//! `POST /containers/create`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Query;
use crate::Engine;
use crate::container::{CreateRequest, HostConfig};
use crate::dockerapi::ApiError;
use crate::dockerapi::headers::AskedVersion;
use crate::dockerapi::json::Json;
use crate::dockerapi::networks::Endpoint;
use crate::dockerapi::sent::Sent;
use crate::image::RunConfig;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    #[serde(default)]
    host_config: Option<HostConfig>,
    #[serde(default)]
    networking_config: Option<NetworkingConfig>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkingConfig {
    #[serde(default)]
    endpoints_config: Option<BTreeMap<String, Option<Endpoint>>>,
}

pub async fn create(
    State(engine): State<Arc<Engine>>,
    Extension(version): Extension<AskedVersion>,
    query: Query,
    sent: Sent,
) -> Result<Response, ApiError> {
    let config: RunConfig = sent.required("ContainerConfigWrapper")?;
    let Body { host_config, networking_config } = sent.required("ContainerConfigWrapper")?;
    if config == RunConfig::default() {
        return Err(ApiError::invalid("config cannot be empty in order to create a container"));
    }
    let mut host = host_config.unwrap_or_default();
    if config.image.is_empty() {
        // Without an image's, a command is what Docker asks for first.
        if config.cmd.iter().flatten().next().is_none() && config.entrypoint.iter().flatten().next().is_none() {
            return Err(ApiError::invalid("no command specified"));
        }
        return Err(ApiError::invalid("no image specified"));
    }
    let endpoints = networking_config.and_then(|n| n.endpoints_config).unwrap_or_default();
    if version.before("1.44") && endpoints.len() > 1 {
        let names: Vec<&str> = endpoints.keys().map(String::as_str).collect();
        return Err(ApiError::invalid(format!("Container cannot be created with multiple network endpoints: {}", names.join(", "))));
    }
    // What was the rule when these clients were made.
    if version.before("1.40") && host.ipc_mode.is_empty() {
        "shareable".clone_into(&mut host.ipc_mode);
    }
    if version.before("1.41") && host.cgroupns_mode.is_empty() {
        "host".clone_into(&mut host.cgroupns_mode);
    }
    let binds = host.mounts.iter().flatten().filter(|mount| mount.kind == "bind");
    let set = |options: Option<&serde_json::Value>, name: &str| options.and_then(|o| o.get(name)?.as_bool()) == Some(true);
    if version.before("1.44") && binds.clone().any(|mount| set(mount.bind_options.as_ref(), "ReadOnlyForceRecursive")) {
        return Err(ApiError::invalid("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer"));
    }
    let read_only_itself = version.before("1.44");
    let networks = endpoints.into_iter().map(|(name, endpoint)| (name, endpoint.unwrap_or_default().into())).collect();
    let platform = query.get("platform").filter(|p| !p.is_empty()).cloned();
    let name = query.get("name").cloned().unwrap_or_default();
    let created = tokio::task::spawn_blocking(move || {
        let image = engine.images.resolve(&config.image, platform.as_deref())?;
        Ok::<_, ApiError>(engine.containers.create(CreateRequest { name, config, host, image, networks, read_only_itself })?)
    });
    let (container, warnings) = created.await.map_err(|e| ApiError::internal(e.to_string()))??;
    Ok((StatusCode::CREATED, Json(json!({ "Id": container.id(), "Warnings": warnings }))).into_response())
}
