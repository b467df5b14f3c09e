//! Starting, stopping, killing, pausing, renaming, removing and waiting.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Query, flag};
use crate::Engine;
use crate::container::{Condition, ContainerError, HostConfig};
use crate::dockerapi::ApiError;
use crate::dockerapi::headers::AskedVersion;
use crate::dockerapi::json::{self, Json};
use crate::dockerapi::params::Filters;
use crate::dockerapi::sent::Sent;

type Answer = Result<StatusCode, ApiError>;
type Target = (State<Arc<Engine>>, Path<String>);

pub async fn start((State(engine), Path(id)): Target, headers: HeaderMap) -> Answer {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // An object with anything in it has more letters than these.
    if length.is_some_and(|length| length > 7) || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(ApiError::invalid(
            "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
        ));
    }
    let container = engine.containers.get(&id)?;
    engine.containers.start(&container).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn seconds(query: &Query) -> Result<Option<i64>, ApiError> {
    match query.get("t").filter(|t| !t.is_empty()) {
        None => Ok(None),
        Some(t) => t.parse().map(Some).map_err(|_| ApiError::invalid(format!("strconv.Atoi: parsing \"{t}\": invalid syntax"))),
    }
}

pub async fn stop((State(engine), Path(id)): Target, query: Query) -> Answer {
    let container = engine.containers.get(&id)?;
    engine.containers.stop(&container, seconds(&query)?, query.get("signal").map(String::as_str)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn restart((State(engine), Path(id)): Target, query: Query) -> Answer {
    let container = engine.containers.get(&id)?;
    engine.containers.restart(&container, seconds(&query)?, query.get("signal").map(String::as_str)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn kill((State(engine), Path(id)): Target, query: Query) -> Answer {
    let container = engine.containers.get(&id)?;
    engine.containers.kill(&container, &id, query.get("signal").map_or("", String::as_str)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn pause((State(engine), Path(id)): Target) -> Answer {
    engine.containers.pause(&engine.containers.get(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn unpause((State(engine), Path(id)): Target) -> Answer {
    engine.containers.resume(&engine.containers.get(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn rename((State(engine), Path(id)): Target, query: Query) -> Answer {
    let container = engine.containers.get(&id)?;
    engine.containers.rename(&container, query.get("name").map_or("", String::as_str))?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn remove((State(engine), Path(id)): Target, query: Query) -> Answer {
    let container = engine.containers.get(&id)?;
    engine.containers.remove(&container, flag(&query, "force"), flag(&query, "v")).await?;
    // Its image may have gone before it, by force.
    tokio::task::spawn_blocking(move || engine.images.collect_pending());
    Ok(StatusCode::NO_CONTENT)
}

/// A container's other name in one that it was linked to, as `NAME/ALIAS`: it is the name alone that can be removed.
pub async fn remove_link(
    State(engine): State<Arc<Engine>>,
    Path((id, alias)): Path<(String, String)>,
    query: Query,
) -> Result<StatusCode, ApiError> {
    let container = engine.containers.get(&id)?;
    if !flag(&query, "link") {
        return Err(ContainerError::no_such_container(&format!("{id}/{alias}")).into());
    }
    engine.containers.unlink(&container, &alias)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers at once with headers, so that a client can start the container knowing that it is waited for; the body comes with the end.
pub async fn wait((State(engine), Path(id)): Target, query: Query) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    let condition = match query.get("condition").map_or("", String::as_str) {
        "" | "not-running" => Condition::NotRunning,
        "next-exit" => Condition::NextExit,
        "removed" => Condition::Removed,
        other => return Err(ApiError::invalid(format!("invalid condition: \"{other}\""))),
    };
    let ended = engine.containers.wait(&container, condition);
    let body = futures_util::stream::once(async move { json::to_vec(&json!({ "StatusCode": ended.await })) });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response())
}

pub async fn resize((State(engine), Path(id)): Target, query: Query) -> Answer {
    let container = engine.containers.get(&id)?;
    let (rows, columns) = size(&query)?;
    engine.containers.resize(&container, rows, columns).await?;
    engine.containers.tell(&container, "resize", &[("height", rows.to_string()), ("width", columns.to_string())]);
    Ok(StatusCode::OK)
}

/// The size of a terminal in a URL.
pub(super) fn size(query: &Query) -> Result<(u16, u16), ApiError> {
    let number = |name: &str| {
        let text = query.get(name).map_or("", String::as_str);
        text.parse().map_err(|_| ApiError::invalid(format!("strconv.Atoi: parsing \"{text}\": invalid syntax")))
    };
    Ok((number("h")?, number("w")?))
}

pub async fn update(
    (State(engine), Path(id)): Target,
    Extension(version): Extension<AskedVersion>,
    sent: Sent,
) -> Result<Response, ApiError> {
    let mut change: HostConfig = sent.json("UpdateConfig")?;
    if version.before("1.40") {
        change.pids_limit = None;
    }
    let container = engine.containers.get(&id)?;
    let warnings = engine.containers.update_limits(&container, change)?;
    Ok(Json(json!({ "Warnings": warnings })).into_response())
}

pub async fn prune(State(engine): State<Arc<Engine>>, query: Query) -> Result<Response, ApiError> {
    let filters = Filters::read(query.get("filters").map(String::as_str), &["until", "label", "label!"])?;
    let until = filters.until()?;
    let (ids, bytes) = engine
        .containers
        .prune(|record| filters.labels_match(record.config.labels.as_ref()) && until.is_none_or(|until| record.created < until))
        .await;
    engine.events.pruned("container", bytes);
    let ids = if ids.is_empty() { None } else { Some(ids) };
    Ok(Json(json!({ "ContainersDeleted": ids, "SpaceReclaimed": bytes })).into_response())
}
