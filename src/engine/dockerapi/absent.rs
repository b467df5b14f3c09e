//! What this engine does not have, refused in the words that Docker has for it: clients go on from there.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{any, get};

use super::ApiError;
use super::json::Json;
use crate::Engine;
use crate::units::quote;

const NO_SWARM: &str =
    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";

/// What may be done to a plugin, behind its name.
const PLUGIN_DEEDS: [(&str, Method); 7] = [
    ("/json", Method::GET),
    ("/enable", Method::POST),
    ("/disable", Method::POST),
    ("/push", Method::POST),
    ("/set", Method::POST),
    ("/upgrade", Method::POST),
    ("", Method::DELETE),
];

/// Swarm, plugins.
pub fn router() -> Router<Arc<Engine>> {
    let mut router = Router::new().route("/plugins", get(async || Json(serde_json::json!([])))).route("/plugins/{*rest}", any(no_plugin));
    for room in ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"] {
        router = router.route(room, any(no_swarm)).route(&format!("{room}/{{*rest}}"), any(no_swarm));
    }
    router
}

/// There is none of any name, and none can come.
async fn no_plugin(method: Method, Path(rest): Path<String>, _sent: Bytes) -> ApiError {
    if matches!((&method, &rest[..]), (&Method::GET, "privileges") | (&Method::POST, "pull" | "create")) {
        return ApiError::new(StatusCode::NOT_IMPLEMENTED, "this engine has no plugins: volumes are local, networks are bridges");
    }
    // Names may have slashes in them.
    let named = PLUGIN_DEEDS.iter().filter(|(_, deed)| *deed == method).find_map(|(end, _)| rest.strip_suffix(end));
    match named {
        Some(name) if !name.is_empty() => ApiError::not_found(format!("plugin {} not found", quote(name))),
        _ => ApiError::not_found("page not found"),
    }
}

/// What was sent is read, for a client that is still sending would hear of a broken pipe and of nothing else.
async fn no_swarm(_sent: Bytes) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, NO_SWARM)
}
