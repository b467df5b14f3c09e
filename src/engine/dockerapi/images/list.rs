//! `GET /images/json` and `POST /images/prune`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::blocking;
use super::one::removed;
use crate::Engine;
use crate::dockerapi::ApiError;
use crate::dockerapi::headers::AskedVersion;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::{Filters, Params};
use crate::image::{ImageFilters, ImageSummary};

/// `GET /images/json`
pub async fn list(
    State(engine): State<Arc<Engine>>,
    Extension(version): Extension<AskedVersion>,
    params: Params,
) -> Result<impl IntoResponse, ApiError> {
    let asked = params.filters(&["before", "dangling", "label", "label!", "reference", "since", "until"])?;
    let mut filters = image_filters(&asked, asked.earliest_until()?)?;
    if let Some(old) = params.get("filter") {
        filters.references.push(old.to_owned());
    }
    let (all, shared) = (params.flag("all"), params.flag("shared-size"));
    let images = blocking(&engine, move |engine| {
        let mut images = engine.images.list(all, &filters)?;
        if shared {
            let usage = engine.images.disk_usage()?;
            for image in &mut images {
                image.shared_size = usage.images.iter().find(|other| other.id == image.id).map_or(0, |other| other.shared_size);
            }
        }
        Ok(images)
    })
    .await?;
    let lines: Vec<Value> = images
        .iter()
        .map(|image| {
            let mut line = summary(image);
            if shared {
                line["SharedSize"] = image.shared_size.into();
            }
            // What clients of their time knew.
            if version.before("1.44") {
                line["VirtualSize"] = image.size.into();
            }
            if version.before("1.43") && image.tags.is_empty() && image.digests.is_empty() {
                line["RepoTags"] = json!(["<none>:<none>"]);
                line["RepoDigests"] = json!(["<none>@<none>"]);
            }
            line
        })
        .collect();
    Ok(Json(lines))
}

/// `POST /images/prune`
pub async fn prune(State(engine): State<Arc<Engine>>, params: Params) -> Result<impl IntoResponse, ApiError> {
    let asked = params.filters(&["dangling", "label", "label!", "until"])?;
    let filters = image_filters(&asked, asked.until()?)?;
    let (lines, reclaimed) = blocking(&engine, move |engine| engine.images.prune(&filters, &engine.containers)).await?;
    let lines: Option<Vec<Value>> = (!lines.is_empty()).then(|| lines.iter().map(removed).collect());
    Ok(Json(json!({ "ImagesDeleted": lines, "SpaceReclaimed": reclaimed })))
}

/// An image in a list, what was not asked for as -1.
pub fn summary(image: &ImageSummary) -> Value {
    json!({
        "Containers": -1, "Created": image.created, "Id": image.id, "Labels": image.labels,
        "ParentId": image.parent.as_ref().map_or("", |parent| parent.as_str()),
        "RepoDigests": image.digests, "RepoTags": image.tags, "SharedSize": -1, "Size": image.size,
    })
}

fn image_filters(filters: &Filters, until: Option<jiff::Timestamp>) -> Result<ImageFilters, ApiError> {
    Ok(ImageFilters {
        dangling: filters.boolean("dangling")?,
        labels: filters.get("label").to_vec(),
        without_labels: filters.get("label!").to_vec(),
        references: filters.get("reference").to_vec(),
        before: filters.one("before").map(str::to_owned),
        since: filters.one("since").map(str::to_owned),
        until,
    })
}
