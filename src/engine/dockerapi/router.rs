//! All routes, with and without the API version in front.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::headers::{identified, identify, strip_version};
use super::{ApiError, absent, auth, build, containers, events, grpc, images, info, networks, system, version};
use crate::Engine;

/// The whole API over one engine. Call it through `dispatch`, which knows about versions in the path.
pub fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/_ping", get(version::ping).head(version::ping))
        .route("/version", get(version::version))
        .route("/info", get(info::info))
        .route("/auth", post(auth::login))
        .route("/events", get(events::events))
        .route("/system/df", get(system::disk_usage))
        .merge(images::router())
        .merge(absent::router())
        .merge(build::router())
        .merge(grpc::router())
        .merge(containers::router())
        .merge(networks::router())
        .fallback(async || ApiError::not_found("page not found"))
        .method_not_allowed_fallback(async || ApiError::not_found("page not found"))
        .layer(middleware::from_fn(identify))
        .with_state(engine)
}

/// Answers one request.
pub async fn dispatch(router: Router, request: Request) -> Response {
    use tower::ServiceExt;
    match strip_version(request) {
        Ok(request) => router.oneshot(request).await.into_response(),
        Err(refused) => identified(refused.into_response()),
    }
}
