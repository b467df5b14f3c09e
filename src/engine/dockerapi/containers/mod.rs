//! The routes of containers and execs: Docker's JSON and streams over `engine::container`.

mod archive;
mod commit;
mod create;
mod exec;
mod inspect;
mod lifecycle;
pub(super) mod list;
mod logs;
mod stats;
mod stream;
mod text;
mod top;
pub(super) mod volumes;
mod websocket;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};

use super::ApiError;
use crate::Engine;
use crate::container::ContainerError;
use axum::http::StatusCode;

/// The routes under /containers, /exec and /volumes, without the version in front, and /commit.
pub fn router() -> Router<Arc<Engine>> {
    Router::new()
        .route("/containers/json", get(list::list))
        .route("/containers/create", post(create::create))
        .route("/containers/prune", post(lifecycle::prune))
        .route("/containers/{id}", delete(lifecycle::remove))
        .route("/containers/{id}/{alias}", delete(lifecycle::remove_link))
        .route("/containers/{id}/json", get(inspect::inspect))
        .route("/containers/{id}/start", post(lifecycle::start))
        .route("/containers/{id}/stop", post(lifecycle::stop))
        .route("/containers/{id}/restart", post(lifecycle::restart))
        .route("/containers/{id}/kill", post(lifecycle::kill))
        .route("/containers/{id}/pause", post(lifecycle::pause))
        .route("/containers/{id}/unpause", post(lifecycle::unpause))
        .route("/containers/{id}/rename", post(lifecycle::rename))
        .route("/containers/{id}/wait", post(lifecycle::wait))
        .route("/containers/{id}/resize", post(lifecycle::resize))
        .route("/containers/{id}/update", post(lifecycle::update))
        .route("/containers/{id}/attach", post(stream::attach))
        .route("/containers/{id}/attach/ws", get(websocket::attach))
        .route("/containers/{id}/logs", get(logs::logs))
        .route("/containers/{id}/stats", get(stats::stats))
        .route("/containers/{id}/top", get(top::top))
        .route("/containers/{id}/changes", get(archive::changes))
        .route("/containers/{id}/export", get(archive::export))
        .route("/containers/{id}/archive", get(archive::get).head(archive::head).put(archive::put))
        .route("/containers/{id}/exec", post(exec::create))
        .route("/exec/{id}/start", post(exec::start))
        .route("/exec/{id}/resize", post(exec::resize))
        .route("/exec/{id}/json", get(exec::inspect))
        .route("/commit", post(commit::commit))
        .route("/volumes", get(volumes::list))
        .route("/volumes/create", post(volumes::create))
        .route("/volumes/prune", post(volumes::prune))
        .route("/volumes/{name}", get(volumes::inspect).delete(volumes::remove))
}

impl From<ContainerError> for ApiError {
    fn from(error: ContainerError) -> Self {
        let status = match &error {
            ContainerError::NotFound(_) => StatusCode::NOT_FOUND,
            ContainerError::Conflict(_) => StatusCode::CONFLICT,
            ContainerError::Invalid(_) => StatusCode::BAD_REQUEST,
            ContainerError::NotModified(_) => StatusCode::NOT_MODIFIED,
            ContainerError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, error.to_string())
    }
}

/// The parameters in a URL.
pub(crate) type Query = axum::extract::Query<std::collections::HashMap<String, String>>;

/// Docker's reading of a flag in a URL: everything but these words is yes.
pub(crate) fn flag(query: &Query, name: &str) -> bool {
    query.get(name).is_some_and(|v| !matches!(v.trim().to_ascii_lowercase().as_str(), "" | "0" | "no" | "false" | "none"))
}
