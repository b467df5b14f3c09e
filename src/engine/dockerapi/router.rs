//! All routes, with and without the API version in front.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::headers::{identified, identify, refuse_versions, strip_version};
use super::{ApiError, absent, auth, build, containers, events, grpc, images, info, networks, system, version};
use crate::Engine;

/// The whole API over one engine. Call it through `dispatch`, which knows about versions in the path.
pub fn router(engine: Arc<Engine>) -> Router {
    let sessions = Arc::<grpc::Sessions>::default();
    Router::new()
        .route("/_ping", get(version::ping).head(version::ping))
        .route("/version", get(version::version))
        .route("/info", get(info::info))
        .route("/auth", post(auth::login))
        .route("/events", get(events::events))
        .route("/system/df", get(system::disk_usage))
        .merge(images::router())
        .merge(absent::router())
        .merge(build::router(Arc::clone(&sessions)))
        .merge(grpc::router(sessions))
        .merge(containers::router())
        .merge(networks::router())
        .route_layer(middleware::from_fn(refuse_versions))
        .fallback(async || ApiError::not_found("page not found"))
        .method_not_allowed_fallback(async || ApiError::not_found("page not found"))
        .layer(middleware::from_fn(identify))
        .with_state(engine)
}

/// Docker answers HEAD at these two addresses alone; ours would, wherever it answers GET.
fn is_strange_head(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::HEAD && path != "/_ping" && !(path.starts_with("/containers/") && path.ends_with("/archive"))
}

/// Answers one request.
pub async fn dispatch(router: Router, request: Request) -> Response {
    use tower::ServiceExt;
    match strip_version(request) {
        Ok(request) if request.method() == Method::OPTIONS => identified(StatusCode::OK.into_response()),
        Ok(request) if is_strange_head(&request) => identified(ApiError::not_found("page not found").into_response()),
        Ok(request) => router.oneshot(request).await.into_response(),
        Err(refused) => identified(refused.into_response()),
    }
}
