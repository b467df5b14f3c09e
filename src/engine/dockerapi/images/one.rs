//! What is done to one image: inspect, history, tag, remove.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{blocking, created};
use crate::Engine;
use crate::dockerapi::ApiError;
use crate::dockerapi::headers::AskedVersion;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::Params;
use crate::image::{HistoryLine, ImageDetail, Removed};

/// Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// `GET /images/NAME/json`
pub async fn inspect(engine: Arc<Engine>, name: String, version: &AskedVersion) -> Result<Response, ApiError> {
    let detail = blocking(&engine, move |engine| engine.images.inspect(&name)).await?;
    let mut shown = detail_json(&detail);
    // What clients of their time knew.
    if version.before("1.45") {
        shown["Container"] = json!(detail.document.container);
        shown["ContainerConfig"] = json!(detail.document.container_config);
    }
    if version.before("1.44") {
        shown["VirtualSize"] = json!(detail.size);
    }
    Ok(Json(shown).into_response())
}

fn detail_json(image: &ImageDetail) -> Value {
    let document = &image.document;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    put("Id", json!(image.id));
    put("RepoTags", json!(image.tags));
    put("RepoDigests", json!(image.digests));
    put("Parent", json!(image.parent.as_ref().map_or("", |parent| parent.as_str())));
    put("Comment", json!(comment(image)));
    put("Created", json!(document.created.as_deref().unwrap_or(NEVER)));
    put("DockerVersion", json!(document.docker_version));
    put("Author", json!(document.author));
    put("Config", json!(document.config));
    put("Architecture", json!(document.architecture));
    if !document.variant.is_empty() {
        put("Variant", json!(document.variant));
    }
    put("Os", json!(document.os));
    if !document.os_version.is_empty() {
        put("OsVersion", json!(document.os_version));
    }
    put("Size", json!(image.size));
    put("GraphDriver", graph_driver(image));
    put("RootFS", json!({ "Type": "layers", "Layers": document.rootfs.diff_ids }));
    put("Metadata", json!({ "LastTagTime": image.last_tag.as_deref().unwrap_or(NEVER) }));
    Value::Object(out)
}

/// The image's comment, or its last step's.
fn comment(image: &ImageDetail) -> &str {
    match image.document.comment.as_str() {
        "" => image.document.history.last().map_or("", |step| step.comment.as_str()),
        comment => comment,
    }
}

fn graph_driver(image: &ImageDetail) -> Value {
    let Some((top, below)) = image.layers.split_last() else { return json!({ "Data": null, "Name": "overlay2" }) };
    let mut data = Map::new();
    if !below.is_empty() {
        let lower: Vec<String> = below.iter().rev().map(|layer| layer.join("diff").display().to_string()).collect();
        data.insert("LowerDir".to_owned(), lower.join(":").into());
    }
    for (key, folder) in [("MergedDir", "merged"), ("UpperDir", "diff"), ("WorkDir", "work")] {
        data.insert(key.to_owned(), top.join(folder).display().to_string().into());
    }
    json!({ "Data": data, "Name": "overlay2" })
}

/// `GET /images/NAME/history`
pub async fn history(engine: Arc<Engine>, name: String) -> Result<Response, ApiError> {
    let lines = blocking(&engine, move |engine| engine.images.history(&name)).await?;
    let lines: Vec<Value> = lines.iter().map(history_json).collect();
    Ok(Json(lines).into_response())
}

fn history_json(line: &HistoryLine) -> Value {
    json!({
        "Comment": line.comment, "Created": line.created, "CreatedBy": line.created_by,
        "Id": line.id.as_ref().map_or("<missing>", |id| id.as_str()),
        "Size": line.size,
        "Tags": (!line.tags.is_empty()).then_some(&line.tags),
    })
}

/// `POST /images/NAME/tag`
pub async fn tag(engine: Arc<Engine>, name: String, params: Params) -> Result<Response, ApiError> {
    blocking(&engine, move |engine| engine.images.tag(&name, params.get("repo").unwrap_or_default(), params.get("tag"))).await?;
    Ok(created())
}

/// `DELETE /images/NAME`
pub async fn remove(engine: Arc<Engine>, name: String, params: Params) -> Result<Response, ApiError> {
    if name.trim().is_empty() {
        return Err(nameless());
    }
    let lines =
        blocking(&engine, move |engine| engine.images.remove(&name, params.flag("force"), !params.flag("noprune"), &engine.containers))
            .await?;
    Ok(Json(lines.iter().map(removed).collect::<Vec<_>>()).into_response())
}

/// The refusal of an image without a name.
pub fn nameless() -> ApiError {
    ApiError::invalid("image name cannot be blank")
}

/// A line of what went away.
pub fn removed(line: &Removed) -> Value {
    match line {
        Removed::Untagged(reference) => json!({ "Untagged": reference }),
        Removed::Deleted(digest) => json!({ "Deleted": digest }),
    }
}
