//! The routes, and those that need no module of their own: the files of the site and the script that follows edits.

use std::future::IntoFuture;
use std::sync::Arc;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tower_http::services::ServeFile;

use super::access::Access;
use super::class::Class;
use super::live::Live;
use super::packed::{self, Pages};
use super::{events, join, present};
use crate::deck::{Body, media_type};

const SCRIPT: &str = concat!(include_str!("../../templates/server/live.js"), include_str!("../../templates/server/class.js"));

/// A course on show.
#[derive(Clone)]
pub struct Show {
    pub live: Arc<Live>,
    pub class: Arc<Class>,
    /// The address at which others follow.
    pub join: Arc<str>,
    /// What has been sent of the site.
    pub pages: Arc<Pages>,
}

/// Answers requests on `listener` until `stop` is done.
pub async fn serve(show: Show, listener: TcpListener, access: Access, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let keep = tokio::spawn(show.class.clone().keep());
    let class = show.class.clone();
    let router = Router::new()
        .route("/dockside/live.js", get(|| async { text("live.js", SCRIPT.to_owned()) }))
        .route("/dockside/events", get(events::events))
        .route("/dockside/patch", get(patch))
        .route("/dockside/join.svg", get(code))
        .route("/dockside/class", get(present::listeners).post(present::go))
        .route("/present/{secret}", get(present::enter))
        .route("/join", get(present::join))
        .fallback(get(file))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .with_state(show)
        .layer(middleware::from_fn_with_state(Arc::new(access), from_known_names));
    // A move is a small message, and the next one may be long in coming.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let result = tokio::select! {
        result = axum::serve(listener, router).into_future() => result,
        () = stop => Ok(()),
    };
    keep.abort();
    // It has been saved after the last move; should that have failed, it fails now as well.
    let _ = class.save();
    result
}

async fn from_known_names(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if access.allows(host) {
        let origin = request.headers().get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
        if !request.method().is_safe() && !access.allows_change(origin, host) {
            let from = origin.unwrap_or_default();
            let why = format!("A page from {from:?} changes nothing here. Behind a proxy, start the server with --url.\n");
            return (StatusCode::FORBIDDEN, why).into_response();
        }
        return next.run(request).await;
    }
    let why = format!("This server does not answer to the name {host:?}. Start it with --url to give it one.\n");
    (StatusCode::FORBIDDEN, why).into_response()
}

/// A file of the site as it is now. Pages are packed for those who take them so; of others a part can be had, which videos need.
async fn file(State(show): State<Show>, request: Request) -> Response {
    let (site, version) = show.live.shown();
    let place = crate::deck::percent_decoded(request.uri().path().trim_start_matches('/')).into_owned();
    let place = if place.is_empty() { "index.html".to_owned() } else { place };
    match site.files.get(&place) {
        Some(Body::Text(_)) => {
            let packed = packed::accepted(request.headers());
            let wire = tokio::task::spawn_blocking({
                let place = place.clone();
                move || show.pages.get(&site, &version, &place, &show.join, packed)
            });
            let Ok(Some(bytes)) = wire.await else { return not_found() };
            let mut response = answer(&place, HttpBody::from(bytes));
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            if packed {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
        Some(Body::File(path)) => match ServeFile::new(path).try_call(request).await {
            Ok(found) if found.status() != StatusCode::NOT_FOUND => dressed(&place, found.map(HttpBody::new)),
            _ => not_found(),
        },
        None => not_found(),
    }
}

pub(super) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is no such page in this course.\n").into_response()
}

pub(super) fn text(place: &str, text: String) -> Response {
    answer(place, HttpBody::from(text))
}

fn answer(place: &str, body: HttpBody) -> Response {
    dressed(place, Response::new(body))
}

/// With the headers that all answers have.
fn dressed(place: &str, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(place)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The QR code of the address at which others follow.
async fn code(State(show): State<Show>) -> Response {
    text("join.svg", join::svg(&show.join))
}

#[derive(serde::Deserialize)]
struct Wanted {
    page: String,
    from: String,
}

/// What the last edit changed on a page.
async fn patch(State(show): State<Show>, Query(wanted): Query<Wanted>) -> Response {
    let patches = show.live.patches();
    let found = Some(&patches).filter(|patches| patches.from == wanted.from).and_then(|patches| patches.page(&wanted.page));
    match found.map(|patch| serde_json::to_string(&serde_json::json!({ "to": patches.to, "patch": patch }))) {
        Some(Ok(json)) => text("patch.json", json),
        _ => not_found(),
    }
}
