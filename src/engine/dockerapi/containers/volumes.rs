//! The routes under /volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Query, flag};
use crate::Engine;
use crate::container::{ANONYMOUS, Volume};
use crate::dockerapi::ApiError;
use crate::dockerapi::headers::AskedVersion;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::Filters;
use crate::dockerapi::sent::Sent;

type Labels = BTreeMap<String, String>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    name: Option<String>,
    driver: Option<String>,
    driver_opts: Option<Labels>,
    labels: Option<Labels>,
}

fn entry(volume: &Volume) -> Value {
    json!({
        "CreatedAt": jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%SZ", volume.created).unwrap_or_default(),
        "Driver": "local",
        "Labels": volume.labels,
        "Mountpoint": volume.folder,
        "Name": volume.name,
        "Options": volume.options,
        "Scope": "local",
    })
}

/// All volumes with what they take and how many containers have them.
pub fn used(engine: &Engine) -> Vec<Value> {
    let with_usage = |volume: Volume| {
        let mut shown = entry(&volume);
        shown["UsageData"] = json!({ "RefCount": engine.containers.volume_users(&volume.name).len(), "Size": volume.size() });
        shown
    };
    engine.containers.volumes().into_iter().map(with_usage).collect()
}

pub async fn list(State(engine): State<Arc<Engine>>, query: Query) -> Result<Response, ApiError> {
    let filters = Filters::read(query.get("filters").map(String::as_str), &["dangling", "driver", "label", "label!", "name"])?;
    let dangling = filters.boolean("dangling")?;
    let wanted = |volume: &Volume| {
        filters.labels_match(volume.labels.as_ref())
            && filters.any("name", |name| volume.name.contains(name))
            && filters.any("driver", |driver| driver == "local")
            && dangling.is_none_or(|yes| engine.containers.volume_users(&volume.name).is_empty() == yes)
    };
    let all: Vec<_> = engine.containers.volumes().iter().filter(|v| wanted(v)).map(entry).collect();
    Ok(Json(json!({ "Volumes": all, "Warnings": null })).into_response())
}

pub async fn create(State(engine): State<Arc<Engine>>, sent: Sent) -> Result<Response, ApiError> {
    let body: Body = sent.json("CreateOptions")?;
    if let Some(driver) = body.driver.filter(|d| !d.is_empty() && d != "local") {
        return Err(ApiError::not_found(format!("error looking up volume plugin {driver}: plugin \"{driver}\" not found")));
    }
    let name = body.name.unwrap_or_default();
    let mut labels = body.labels;
    if name.is_empty() {
        labels.get_or_insert_default().insert(ANONYMOUS.to_owned(), String::new());
    }
    let volume = engine.containers.create_volume(&name, labels, body.driver_opts.filter(|o| !o.is_empty()))?;
    Ok((StatusCode::CREATED, Json(entry(&volume))).into_response())
}

pub async fn inspect(State(engine): State<Arc<Engine>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    Ok(Json(entry(&engine.containers.volume(&name)?)).into_response())
}

pub async fn remove(State(engine): State<Arc<Engine>>, Path(name): Path<String>, query: Query) -> Result<StatusCode, ApiError> {
    engine.containers.remove_volume(&name, flag(&query, "force"))?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn prune(
    State(engine): State<Arc<Engine>>,
    Extension(version): Extension<AskedVersion>,
    query: Query,
) -> Result<Response, ApiError> {
    let filters = Filters::read(query.get("filters").map(String::as_str), &["all", "label", "label!"])?;
    // Older clients mean all of them.
    let all = filters.boolean("all")?.unwrap_or(version.before("1.42"));
    let (mut gone, mut bytes) = (Vec::new(), 0);
    for volume in engine.containers.volumes() {
        let anonymous = volume.labels.as_ref().is_some_and(|l| l.contains_key(ANONYMOUS));
        if !(all || anonymous) || !filters.labels_match(volume.labels.as_ref()) {
            continue;
        }
        let size = volume.size();
        if engine.containers.remove_volume(&volume.name, false).is_ok() {
            gone.push(volume.name);
            bytes += size;
        }
    }
    engine.events.pruned("volume", bytes);
    Ok(Json(json!({ "VolumesDeleted": gone, "SpaceReclaimed": bytes })).into_response())
}
