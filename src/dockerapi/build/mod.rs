//! `POST /build` and `POST /build/prune`: Docker's parameters and streams over `engine::build`.

mod request;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};

use super::ApiError;
use super::bodies::BodyReader;
use super::json::Json;
use super::params::Params;
use super::server::Peer;
use crate::engine::Engine;
use crate::engine::build::{Cancel, Context, build_classic};

/// `/build`, without the version in front.
pub fn router() -> Router<Arc<Engine>> {
    Router::new().route("/build", post(build)).route("/build/prune", post(prune))
}

async fn build(State(engine): State<Arc<Engine>>, params: Params, request: Request) -> Result<Response, ApiError> {
    let order = request::read(&params, request.headers())?;
    let quiet = params.flag("q");
    let cancel = Cancel::default();
    let peer = request.extensions().get::<Peer>().cloned();
    let mut body = BodyReader::new(request.into_body());
    let (sender, answer) = stream::channel(quiet);
    let gone = sender.clone();
    let ends = cancel.clone();
    let (building, built) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        // A client that is gone wants no image.
        tokio::select! {
            _ = built => return,
            () = gone.closed() => {}
            () = async { match peer { Some(peer) => peer.gone().await, None => std::future::pending().await } } => {}
        }
        ends.cancel();
    });
    tokio::task::spawn_blocking(move || {
        let done = Context::receive(&engine.images, &mut body)
            .and_then(|context| build_classic(&engine, &order, &context, &|note| sender.note(&note), &cancel));
        sender.finish(done);
        drop(building);
    });
    answer.respond().await
}

async fn prune(State(engine): State<Arc<Engine>>) -> Result<Json<Value>, ApiError> {
    let removed = tokio::task::spawn_blocking(move || crate::engine::build::prune(&engine)).await;
    let (ids, bytes) = removed.map_err(|e| ApiError::internal(e.to_string()))?;
    let ids = if ids.is_empty() { Value::Null } else { json!(ids) };
    Ok(Json(json!({ "CachesDeleted": ids, "SpaceReclaimed": bytes })))
}
