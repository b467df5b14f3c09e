//! The routes of networks: Docker's JSON over `engine::network` and the containers on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ApiError;
use super::json::Json;
use super::params::Params;
use super::sent::Sent;
use crate::Engine;
use crate::container::{Connection, nullable};
use crate::network::{BRIDGE, HOST, NONE, Network, NetworkError, NetworkRequest, Pool};

/// The routes under /networks, without the version in front.
pub fn router() -> Router<Arc<Engine>> {
    Router::new()
        .route("/networks", get(list))
        .route("/networks/", get(list))
        .route("/networks/create", post(create))
        .route("/networks/prune", post(prune))
        .route("/networks/{id}", get(inspect).delete(remove))
        .route("/networks/{id}/connect", post(connect))
        .route("/networks/{id}/disconnect", post(disconnect))
}

impl From<NetworkError> for ApiError {
    fn from(error: NetworkError) -> Self {
        let status = match &error {
            NetworkError::NotFound(_) => StatusCode::NOT_FOUND,
            NetworkError::Forbidden(_) => StatusCode::FORBIDDEN,
            NetworkError::Conflict(_) => StatusCode::CONFLICT,
            NetworkError::Invalid(_) => StatusCode::BAD_REQUEST,
            NetworkError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, error.to_string())
    }
}

/// A container's wishes for one network, as clients send them.
#[derive(Default, Deserialize)]
#[serde(rename = "EndpointSettings", rename_all = "PascalCase", default)]
pub(super) struct Endpoint {
    #[serde(rename = "IPAMConfig")]
    ipam: Option<Value>,
    links: Option<Vec<String>>,
    aliases: Option<Vec<String>>,
    mac_address: Option<String>,
    driver_opts: Option<BTreeMap<String, String>>,
}

impl From<Endpoint> for Connection {
    fn from(endpoint: Endpoint) -> Connection {
        let Endpoint { ipam, links, aliases, mac_address, driver_opts } = endpoint;
        Connection { ipam, links, aliases, mac: mac_address.unwrap_or_default(), driver_options: driver_opts }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Create {
    #[serde(deserialize_with = "nullable")]
    name: String,
    driver: Option<String>,
    scope: Option<String>,
    internal: Option<bool>,
    attachable: Option<bool>,
    ingress: Option<bool>,
    config_only: Option<bool>,
    config_from: Option<Value>,
    #[serde(rename = "EnableIPv6")]
    ipv6: Option<bool>,
    #[serde(rename = "IPAM")]
    ipam: Option<Ipam>,
    options: Option<BTreeMap<String, String>>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename = "IPAM", rename_all = "PascalCase", default)]
struct Ipam {
    driver: Option<String>,
    options: Option<BTreeMap<String, String>>,
    config: Option<Vec<Pool>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Connect {
    container: String,
    endpoint_config: Option<Endpoint>,
    force: Option<bool>,
}

async fn create(State(engine): State<Arc<Engine>>, sent: Sent) -> Result<Response, ApiError> {
    let body: Create = sent.json("NetworkCreateRequest")?;
    let swarm = body.ingress == Some(true) || body.config_only == Some(true);
    if swarm || body.config_from.is_some_and(|c| c.get("Network").and_then(Value::as_str).is_some_and(|n| !n.is_empty())) {
        return Err(ApiError::invalid("ingress networks and configurations of networks are Swarm's, which this engine is not"));
    }
    let ipam = body.ipam.unwrap_or_default();
    let request = NetworkRequest {
        name: body.name,
        // What spans a swarm is not made here, by whichever name it is asked for.
        driver: if body.scope.as_deref() == Some("swarm") { "overlay".to_owned() } else { body.driver.unwrap_or_default() },
        internal: body.internal == Some(true),
        attachable: body.attachable == Some(true),
        ipv6: body.ipv6 == Some(true),
        ipam_driver: ipam.driver.unwrap_or_default(),
        ipam_options: ipam.options,
        pools: ipam.config.unwrap_or_default(),
        options: body.options.unwrap_or_default(),
        labels: body.labels.unwrap_or_default(),
    };
    let network = engine.containers.networks().create(request)?;
    Ok((StatusCode::CREATED, Json(json!({ "Id": network.id, "Warning": "" }))).into_response())
}

async fn list(State(engine): State<Arc<Engine>>, params: Params) -> Result<Json<Value>, ApiError> {
    let filters = params.filters(&["dangling", "driver", "id", "label", "name", "scope", "type"])?;
    if let Some(other) = filters.get("type").iter().find(|k| !["builtin", "custom"].contains(&k.as_str())) {
        return Err(ApiError::invalid(format!("invalid filter: 'type'='{other}'")));
    }
    let dangling = filters.boolean("dangling")?;
    let chosen = engine.containers.networks().list().into_iter().filter(|n| {
        filters.any("driver", |v| n.driver == v)
            && filters.any("id", |v| n.id.starts_with(v))
            && filters.any("name", |v| n.name.contains(v))
            && filters.any("scope", |v| v == "local")
            && filters.any("type", |v| (v == "builtin") == is_predefined(n))
            && dangling.is_none_or(|d| d == (!is_predefined(n) && !is_used(&engine, n)))
            && filters.labels_match(Some(&n.labels))
    });
    Ok(Json(Value::Array(chosen.map(|n| shown(&n, json!({}))).collect())))
}

async fn inspect(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let network = engine.containers.networks().get(&id)?;
    Ok(Json(shown(&network, members(&engine, &network))))
}

async fn remove(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    blocking(move || engine.containers.networks().remove(&id).map(drop)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn prune(State(engine): State<Arc<Engine>>, params: Params) -> Result<Json<Value>, ApiError> {
    let filters = params.filters(&["label", "label!", "until"])?;
    let until = filters.until()?;
    let chosen =
        move |n: &Network| !is_predefined(n) && until.is_none_or(|u: Timestamp| n.created < u) && filters.labels_match(Some(&n.labels));
    let events = engine.events.clone();
    let deleted = blocking(move || Ok(engine.containers.networks().prune(chosen))).await?;
    events.pruned("network", 0);
    Ok(Json(json!({ "NetworksDeleted": if deleted.is_empty() { Value::Null } else { json!(deleted) } })))
}

async fn connect(State(engine): State<Arc<Engine>>, Path(id): Path<String>, sent: Sent) -> Result<StatusCode, ApiError> {
    let Connect { container, endpoint_config, .. } = sent.json("NetworkConnect")?;
    // Docker looks for the network first.
    engine.containers.networks().get(&id)?;
    let container = engine.containers.get(&container)?;
    engine.containers.connect_network(&id, &container, endpoint_config.unwrap_or_default().into()).await?;
    Ok(StatusCode::OK)
}

async fn disconnect(State(engine): State<Arc<Engine>>, Path(id): Path<String>, sent: Sent) -> Result<StatusCode, ApiError> {
    let Connect { container, force, .. } = sent.json("NetworkDisconnect")?;
    engine.containers.networks().get(&id)?;
    let container = match engine.containers.get(&container) {
        // Who is gone is on no network.
        Err(_) if force == Some(true) => return Ok(StatusCode::OK),
        other => other?,
    };
    engine.containers.disconnect_network(&id, &container).await?;
    Ok(StatusCode::OK)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, NetworkError> + Send + 'static) -> Result<T, ApiError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|e| ApiError::internal(e.to_string()))??)
}

fn is_predefined(network: &Network) -> bool {
    [BRIDGE, HOST, NONE].contains(&network.name.as_str())
}

fn is_used(engine: &Engine, network: &Network) -> bool {
    engine.containers.list().iter().any(|c| c.record().networks.iter().any(|p| p.network_id == network.id && p.lease.is_some()))
}

/// The running containers on a network.
fn members(engine: &Engine, network: &Network) -> Value {
    let mut all = Map::new();
    for container in engine.containers.list() {
        let record = container.record();
        let lease = record.networks.iter().find(|p| p.network_id == network.id).and_then(|p| p.lease.clone());
        let Some(lease) = lease.filter(|_| record.state.status.is_running()) else { continue };
        let address = lease.address.map(|a| format!("{a}/{}", lease.bits)).unwrap_or_default();
        let entry = json!({
            "Name": record.name,
            "EndpointID": lease.endpoint,
            "MacAddress": lease.mac,
            "IPv4Address": address,
            "IPv6Address": lease.six.map(|six| format!("{}/{}", six.address, six.bits)).unwrap_or_default(),
        });
        all.insert(record.id, entry);
    }
    Value::Object(all)
}

/// A network in Docker's form.
fn shown(network: &Network, containers: Value) -> Value {
    let pools = if network.driver == "bridge" { json!(network.pools) } else { Value::Null };
    json!({
        "Name": network.name,
        "Id": network.id,
        "Created": network.created,
        "Scope": "local",
        "Driver": network.driver,
        "EnableIPv6": network.six.is_some(),
        "IPAM": { "Driver": network.ipam_driver, "Options": network.ipam_options, "Config": pools },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": false,
        "ConfigFrom": { "Network": "" },
        "ConfigOnly": false,
        "Containers": containers,
        "Options": network.options,
        "Labels": network.labels,
    })
}
