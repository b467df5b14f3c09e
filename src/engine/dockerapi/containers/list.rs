//! `GET /containers/json`: what `docker ps` shows.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::inspect::{mounts, networks, ports};
use super::text::command;
use super::{Query, flag};
use crate::Engine;
use crate::container::{Container, Health, HealthStatus, Record, Status};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::Filters;
use crate::units;

const KNOWN: [&str; 17] = [
    "ancestor",
    "before",
    "exited",
    "expose",
    "health",
    "id",
    "is-task",
    "isolation",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
    "label!",
    "driver",
];

pub async fn list(State(engine): State<Arc<Engine>>, query: Query) -> Result<Response, ApiError> {
    let filters = Filters::read(query.get("filters").map(String::as_str), &KNOWN)?;
    let limit = match query.get("limit").map_or("", String::as_str) {
        "" => 0,
        // A fault of its own, says Docker.
        text => text.parse().map_err(|_| ApiError::internal(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?,
    };
    let all = flag(&query, "all") || limit > 0 || !filters.get("status").is_empty() || !filters.get("exited").is_empty();
    let size = flag(&query, "size");
    let listed = tokio::task::spawn_blocking(move || collect(&engine, &filters, all, limit, size));
    Ok(Json(listed.await.map_err(|e| ApiError::internal(e.to_string()))??).into_response())
}

/// All containers with their sizes, for `docker system df`.
pub fn all_with_sizes(engine: &Engine) -> Result<Vec<Value>, ApiError> {
    collect(engine, &Filters::default(), true, 0, true)
}

fn collect(engine: &Engine, filters: &Filters, all: bool, limit: i64, size: bool) -> Result<Vec<Value>, ApiError> {
    for status in filters.get("status") {
        let known = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];
        if !known.contains(&status.as_str()) {
            return Err(ApiError::invalid(format!("invalid filter 'status={status}'")));
        }
    }
    for health in filters.get("health") {
        if !["starting", "healthy", "unhealthy", "none"].contains(&health.as_str()) {
            return Err(ApiError::invalid(format!("Unrecognised filter value for health: {health}")));
        }
    }
    for code in filters.get("exited") {
        if code.parse::<i64>().is_err() {
            return Err(ApiError::internal(format!("strconv.Atoi: parsing {code:?}: invalid syntax")));
        }
    }
    let only_tasks = filters.boolean("is-task")? == Some(true);
    let (published, exposed) = (port_filter(filters, "publish")?, port_filter(filters, "expose")?);
    let bound = |key: &str| -> Result<Option<Timestamp>, ApiError> {
        let name = filters.get(key).first();
        name.map(|name| Ok(engine.containers.get(name)?.record().created)).transpose()
    };
    let (before, since) = (bound("before")?, bound("since")?);
    let ancestors: Vec<String> = filters
        .get("ancestor")
        .iter()
        .map(|name| engine.images.resolve(name, None).map_or_else(|_| name.clone(), |image| image.id.to_string()))
        .collect();
    let mut listed = Vec::new();
    let containers = engine.containers.list();
    let linked = linked(engine, &containers);
    for container in containers {
        let record = container.record();
        let shown = !only_tasks
            && (all || record.state.status.is_running() || record.state.status == Status::Restarting)
            && record.state.status != Status::Removing
            && before.is_none_or(|b| record.created < b)
            && since.is_none_or(|s| record.created > s)
            && (ancestors.is_empty() || ancestors.contains(&record.image))
            && matches(filters, &record)
            && ports_match(&published, &exposed, &record);
        if shown {
            let mut entry = entry(engine, &container, &record, size);
            let names = linked.iter().filter(|(id, _)| *id == record.id).map(|(_, name)| name.clone());
            entry["Names"] = std::iter::once(format!("/{}", record.name)).chain(names).collect();
            listed.push(entry);
        }
        if limit > 0 && i64::try_from(listed.len()).is_ok_and(|n| n >= limit) {
            break;
        }
    }
    Ok(listed)
}

/// What containers are called by those that are linked to them: the id of the one, and the path of names.
fn linked(engine: &Engine, containers: &[Arc<Container>]) -> Vec<(String, String)> {
    let of = |container: &Arc<Container>| {
        let record = container.record();
        let links = engine.containers.links(&record).into_iter();
        links.map(move |(other, alias)| (other.id().to_owned(), format!("/{}/{alias}", record.name))).collect::<Vec<_>>()
    };
    containers.iter().flat_map(of).collect()
}

fn matches(filters: &Filters, record: &Record) -> bool {
    let regex = |pattern: &str, text: &str| regex::Regex::new(pattern).map_or_else(|_| text.contains(pattern), |r| r.is_match(text));
    filters.labels_match(record.config.labels.as_ref())
        && filters.any("id", |id| record.id.starts_with(id) || regex(id, &record.id))
        && filters.any("name", |name| regex(name, &format!("/{}", record.name)) || regex(name, &record.name))
        && filters.any("status", |status| status == record.state.status.as_str())
        && filters.any("exited", |code| record.state.status == Status::Exited && code.parse() == Ok(record.state.exit_code))
        && filters.any("network", |network| record.networks.iter().any(|p| p.network == network || p.network_id == network))
        && filters.any("volume", |volume| {
            record.mounts.iter().any(|m| {
                let name = if m.name.is_empty() { m.source.as_os_str() } else { m.name.as_ref() };
                m.target == volume || name == volume
            })
        })
        && filters.any("health", |health| health == record.state.health.as_ref().map_or("none", |h| h.status.as_str()))
}

/// The ports that `key` asks for: from, to, and the protocol.
fn port_filter(filters: &Filters, key: &str) -> Result<Vec<(u16, u16, String)>, ApiError> {
    let read = |value: &String| {
        if value.contains(':') {
            return Err(ApiError::internal(format!("filter for '{key}' should not contain ':': {value}")));
        }
        let (range, protocol) = value.split_once('/').unwrap_or((value, "tcp"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| {
            let why = |_| {
                ApiError::internal(format!("error while looking up for {key} {value}: strconv.ParseUint: parsing {text:?}: invalid syntax"))
            };
            text.parse().map_err(why)
        };
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(ApiError::internal(format!("error while looking up for {key} {value}: invalid range specified for port: {range}")));
        }
        Ok((first, last, protocol.to_owned()))
    };
    filters.get(key).iter().map(read).collect()
}

/// Whether one of a container's ports is published or exposed as was asked for; the machine's ports are those that are published.
fn ports_match(published: &[(u16, u16, String)], exposed: &[(u16, u16, String)], record: &Record) -> bool {
    if published.is_empty() && exposed.is_empty() {
        return true;
    }
    let shown = ports(record).1;
    shown.as_array().into_iter().flatten().any(|port| {
        let is_in = |wanted: &[(u16, u16, String)], key: &str| {
            let number = port[key].as_u64().unwrap_or(0);
            wanted.iter().any(|(first, last, protocol)| {
                (u64::from(*first)..=u64::from(*last)).contains(&number) && port["Type"].as_str() == Some(protocol)
            })
        };
        is_in(published, "PublicPort") || is_in(exposed, "PrivatePort")
    })
}

fn entry(engine: &Engine, container: &Container, record: &Record, size: bool) -> Value {
    // A name that means another image by now is no name of this one's.
    let named = engine.images.resolve(&record.config.image, None).is_ok_and(|i| i.id.to_string() == record.image);
    let mut entry = json!({
        "Id": record.id,
        "Names": [],
        "Image": if named { &record.config.image } else { &record.image },
        "ImageID": record.image,
        "Command": command(&record.path, &record.args),
        "Created": record.created.as_second(),
        "Ports": ports(record).1,
    });
    if let (true, Some(fields)) = (size, entry.as_object_mut()) {
        let own = container.size();
        fields.insert("SizeRw".to_owned(), own.into());
        fields.insert("SizeRootFs".to_owned(), (own + container.image_size()).into());
    }
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("Labels".to_owned(), json!(record.config.labels.clone().unwrap_or_default()));
        fields.insert("State".to_owned(), record.state.status.as_str().into());
        fields.insert("Status".to_owned(), status(record).into());
        fields.insert("HostConfig".to_owned(), json!({ "NetworkMode": record.host.network_mode }));
        fields.insert("NetworkSettings".to_owned(), json!({ "Networks": networks(record) }));
        fields.insert("Mounts".to_owned(), mounts(record));
    }
    entry
}

fn health(health: Option<&Health>) -> String {
    match health.map(|h| h.status) {
        None => String::new(),
        Some(HealthStatus::Starting) => " (health: starting)".to_owned(),
        Some(status) => format!(" ({})", status.as_str()),
    }
}

/// The column STATUS.
pub(super) fn status(record: &Record) -> String {
    let state = &record.state;
    let since = |at: Option<Timestamp>| units::human_duration(at.map_or(0.0, |t| Timestamp::now().duration_since(t).as_secs_f64()));
    match state.status {
        Status::Running => format!("Up {}{}", since(state.started_at), health(state.health.as_ref())),
        Status::Paused => format!("Up {} (Paused)", since(state.started_at)),
        Status::Restarting => format!("Restarting ({}) {} ago", state.exit_code, since(state.finished_at)),
        Status::Removing => "Removal In Progress".to_owned(),
        Status::Dead => "Dead".to_owned(),
        Status::Created => "Created".to_owned(),
        Status::Exited => format!("Exited ({}) {} ago", state.exit_code, since(state.finished_at)),
    }
}
