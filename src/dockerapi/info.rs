//! `/info`: the machine and the engine as `docker info` shows them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use super::json::Json;
use super::version::{ENGINE_VERSION, kernel_release};
use crate::engine::Engine;

/// `GET /info`.
pub async fn info(State(engine): State<Arc<Engine>>) -> impl IntoResponse {
    Json(json!({
        "ServerVersion": ENGINE_VERSION, "OSType": "linux", "KernelVersion": kernel_release(),
        "DockerRootDir": engine.store_dir(), "NEventsListener": engine.events.listeners(),
    }))
}
