//! `POST /build` and `POST /build/prune`: Docker's parameters and streams over `engine::build`.

pub mod request;
mod stream;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use serde_json::{Value, json};

use super::ApiError;
use super::bodies::BodyReader;
use super::grpc::{Machine, Sessions};
use super::json::Json;
use super::params::Params;
use super::server::Peer;
use crate::Engine;
use crate::build::{BuildError, Cancel, Client, Context, Going, Kept, build_buildkit, build_classic, fetch_context};

/// A context that stays on the client's machine, whose session gives what is needed of it.
const ON_CLIENT: &str = "client-session";

/// `/build`, without the version in front. A client that builds in BuildKit's way may have opened one of the `sessions` for it.
pub fn router(sessions: Arc<Sessions>) -> Router<Arc<Engine>> {
    Router::new().route("/build", post(build).layer(Extension(sessions))).route("/build/prune", post(prune))
}

async fn build(
    State(engine): State<Arc<Engine>>,
    Extension(sessions): Extension<Arc<Sessions>>,
    params: Params,
    request: Request,
) -> Result<Response, ApiError> {
    let order = request::read(&params, request.headers())?;
    let remote = params.get("remote").filter(|remote| !["", ON_CLIENT].contains(remote)).map(str::to_owned);
    let buildkit = params.get("version") == Some("2");
    let quiet = params.flag("q");
    let output = request::output(&params, &order)?;
    let cancel = Cancel::default();
    let on_client = buildkit && params.get("remote") == Some(ON_CLIENT);
    let machine = match params.get("session").filter(|id| buildkit && !id.is_empty()) {
        Some(id) => match sessions.get(id).await {
            Ok(session) => Some(Arc::new(Machine::new(session, &cancel)) as Arc<dyn Client>),
            Err(error) if on_client => return Err(ApiError::internal(error.0.message)),
            // What came with the request may do without.
            Err(_) => None,
        },
        None if on_client => return Err(ApiError::internal("no active sessions")),
        None => None,
    };
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
        let report = |note| sender.note(&note);
        let context = match &remote {
            Some(address) if buildkit => fetch_context(&engine, machine, address, &report, &cancel),
            // The classic builder's clients know nothing of BuildKit's steps, and an error before all news is the answer's status.
            Some(address) => fetch_context(&engine, None, address, &|_| {}, &cancel)
                .map_err(|e| BuildError { message: format!("error downloading remote context {address}: {}", e.message), ..e }),
            None => match machine {
                Some(machine) if on_client => Context::of_client(&engine, machine, "context", "dockerfile"),
                machine => Context::receive(&engine.images, &mut body).map(|context| context.with_client(machine)),
            },
        };
        let context = context.and_then(|context| request::check_platform(&order).map(|()| context));
        if buildkit {
            let outputs = || Ok(output.iter().cloned().collect());
            let done = context.and_then(|context| build_buildkit(&engine, &order, &context, &report, &cancel, &outputs));
            sender.finish_buildkit(done.map(|made| made.image));
        } else {
            let done = context.and_then(|context| build_classic(&engine, &order, &context, &report, &cancel));
            sender.finish(done);
        }
        drop(building);
    });
    answer.respond().await
}

async fn prune(State(engine): State<Arc<Engine>>, params: Params) -> Result<Json<Value>, ApiError> {
    let filters = params.filters(&["until", "id", "parent", "type", "description", "inuse", "shared", "private", "label", "label!"])?;
    let until = filters.until()?;
    let keep = match params.get("keep-storage").filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => {
            text.parse::<i64>().map_err(|_| ApiError::invalid(format!("keep-storage is in bytes and expects an integer, got {text}")))?
        }
    };
    let list = |name: &str| filters.get(name).to_vec();
    let shared = match filters.boolean("shared")? {
        None => filters.boolean("private")?.map(|private| !private),
        shared => shared,
    };
    let keep = u64::try_from(keep).ok().filter(|keep| *keep > 0);
    let going = Going { all: params.flag("all"), keep, until, kinds: list("type"), ids: list("id"), shared };
    let events = engine.events.clone();
    let removed = tokio::task::spawn_blocking(move || crate::build::prune(&engine, &going)).await;
    let (ids, bytes) = removed.map_err(|e| ApiError::internal(e.to_string()))?;
    events.pruned("builder", bytes);
    let ids = if ids.is_empty() { Value::Null } else { json!(ids) };
    Ok(Json(json!({ "CachesDeleted": ids, "SpaceReclaimed": bytes })))
}

/// What builds have kept, as `/system/df` has it.
pub fn cache(engine: &Engine) -> Value {
    let line = |item: Kept| {
        let parents = if item.parent.is_empty() { Value::Null } else { json!([item.parent]) };
        json!({
            "ID": item.id, "Parents": parents, "Type": item.kind, "Description": item.description, "InUse": false,
            "Shared": item.shared, "Size": item.size, "CreatedAt": item.created.to_string(), "LastUsedAt": item.last_used.to_string(),
            "UsageCount": 1,
        })
    };
    crate::build::kept(engine).into_iter().map(line).collect()
}
