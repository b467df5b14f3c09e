//! What this engine does not have, refused in the words that Docker has for it: clients go on from there.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{any, get};

use super::ApiError;
use super::json::Json;
use crate::Engine;

const NO_SWARM: &str =
    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";

/// Swarm, plugins.
pub fn router() -> Router<Arc<Engine>> {
    let mut router = Router::new()
        .route("/plugins", get(async || Json(serde_json::json!([]))))
        .route("/plugins/{name}/json", get(async |Path(name): Path<String>| ApiError::not_found(format!("plugin \"{name}\" not found"))));
    for room in ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"] {
        router = router.route(room, any(no_swarm)).route(&format!("{room}/{{*rest}}"), any(no_swarm));
    }
    router
}

/// What was sent is read, for a client that is still sending would hear of a broken pipe and of nothing else.
async fn no_swarm(_sent: Bytes) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, NO_SWARM)
}
