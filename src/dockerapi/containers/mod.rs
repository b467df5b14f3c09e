//! The routes of containers and execs: Docker's JSON and streams over `engine::container`.

use axum::Router;

/// The routes under /containers and /exec, without the version in front.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
}
