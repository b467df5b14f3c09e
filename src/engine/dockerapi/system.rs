//! `/system/df`: what the engine's data takes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use super::ApiError;
use super::containers::list::all_with_sizes;
use super::containers::volumes::used;
use super::images::{blocking, summary};
use super::json::Json;
use crate::Engine;

/// `GET /system/df`
pub async fn disk_usage(State(engine): State<Arc<Engine>>) -> Result<impl IntoResponse, ApiError> {
    let (usage, users, containers, volumes, cache) = blocking(&engine, |engine| {
        let usage = engine.images.disk_usage()?;
        let users: Vec<usize> = usage.images.iter().map(|image| engine.containers.using_image(&image.id).len()).collect();
        Ok((usage, users, all_with_sizes(engine), used(engine), super::build::cache(engine)))
    })
    .await?;
    let mut containers = containers?;
    for container in &mut containers {
        // Docker leaves out what is nothing.
        if let Some(fields) = container.as_object_mut() {
            fields.retain(|key, value| key != "SizeRw" || *value != 0);
        }
    }
    let images: Vec<_> = usage
        .images
        .iter()
        .zip(users)
        .map(|(image, users)| {
            let mut line = summary(image);
            line["Containers"] = users.into();
            line["SharedSize"] = image.shared_size.into();
            if image.digests.is_empty() {
                line["RepoDigests"] = serde_json::Value::Null;
            }
            line
        })
        .collect();
    Ok(Json(json!({
        "LayersSize": usage.layers_size, "Images": images, "Containers": containers, "Volumes": volumes, "BuildCache": cache,
    })))
}
