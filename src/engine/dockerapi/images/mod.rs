//! The routes of images: Docker's JSON over `engine::image`.

mod archive;
mod create;
mod distribution;
mod list;
mod one;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};

use super::ApiError;
use super::headers::AskedVersion;
use super::params::Params;
use crate::Engine;
use crate::image::ImageError;

pub use list::summary;

/// `/images`. Names hold slashes, so what is done to one image is found at the path's end.
pub fn router() -> Router<Arc<Engine>> {
    Router::new()
        .route("/images/json", get(list::list))
        .route("/images/search", get(search::search))
        .route("/images/create", post(create::create))
        .route("/images/get", get(archive::save_named))
        .route("/images/load", post(archive::load))
        .route("/images/prune", post(list::prune))
        .route("/images/", delete(async || one::nameless()))
        .route("/images/{*rest}", any(one_image))
        .route("/distribution/{*rest}", get(distribution::find).put(distribution::put).post(distribution::mount))
}

async fn one_image(
    State(engine): State<Arc<Engine>>,
    Path(rest): Path<String>,
    Extension(version): Extension<AskedVersion>,
    params: Params,
    request: Request,
) -> Result<Response, ApiError> {
    let method = request.method().clone();
    let (name, action) = rest.rsplit_once('/').unwrap_or(("", &rest));
    let name = name.to_owned();
    match (method, action) {
        (Method::DELETE, _) => one::remove(engine, rest, params).await,
        (_, _) if name.is_empty() => Err(ApiError::not_found("page not found")),
        (Method::GET, "json") => one::inspect(engine, name, &version).await,
        (Method::GET, "history") => one::history(engine, name).await,
        (Method::GET, "get") => archive::save(engine, vec![name]).await,
        (Method::POST, "push") => archive::push(engine, name, params, request).await,
        (Method::POST, "tag") => one::tag(engine, name, params).await,
        _ => Err(ApiError::not_found("page not found")),
    }
}

/// Runs blocking work of the engine.
pub async fn blocking<T: Send + 'static>(
    engine: &Arc<Engine>,
    work: impl FnOnce(&Engine) -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ApiError> {
    let engine = engine.clone();
    let done = tokio::task::spawn_blocking(move || work(&engine)).await.map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(done?)
}

/// 201 and no body.
fn created() -> Response {
    StatusCode::CREATED.into_response()
}
