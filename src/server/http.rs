//! The routes: the files of the site, the script that follows edits, and the events it listens to.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream};
use tokio::net::TcpListener;

use super::live::Live;
use crate::deck::{Body, media_type};

const LIVE: &str = include_str!("../../templates/live.js");

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Browsers on this machine that asked for this machine: a page elsewhere cannot read the slides by a name that points here.
    Loopback,
    Everyone,
}

/// Answers requests on `listener` until `stop` is done.
pub async fn serve(live: Arc<Live>, listener: TcpListener, access: Access, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    let mut router = Router::new()
        .route("/dockside/live.js", get(|| async { text("live.js", LIVE.to_owned()) }))
        .route("/dockside/events", get(events))
        .fallback(get(file))
        .with_state(live);
    if access == Access::Loopback {
        router = router.layer(middleware::from_fn(from_here));
    }
    tokio::select! {
        result = axum::serve(listener, router).into_future() => result,
        () = stop => Ok(()),
    }
}

async fn from_here(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "This server answers to localhost only.\n").into_response()
}

/// A file of the site as it is now.
async fn file(State(live): State<Arc<Live>>, uri: Uri) -> Response {
    let site = live.site();
    let place = crate::deck::percent_decoded(uri.path().trim_start_matches('/')).into_owned();
    let place = if place.is_empty() { "index.html".to_owned() } else { place };
    match site.files.get(&place) {
        Some(Body::Text(page)) => {
            let version = live.news().borrow().version.clone();
            let page = page.replacen("<html ", &format!("<html data-version=\"{version}\" "), 1);
            text(&place, page)
        }
        Some(Body::File(path)) => match tokio::fs::read(path).await {
            Ok(bytes) => answer(&place, HttpBody::from(bytes)),
            Err(_) => not_found(),
        },
        None => not_found(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is no such page in this course.\n").into_response()
}

fn text(place: &str, text: String) -> Response {
    answer(place, HttpBody::from(text))
}

fn answer(place: &str, body: HttpBody) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(place)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What has changed, now and from now on.
async fn events(State(live): State<Arc<Live>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let news = live.news();
    let stream = stream::unfold((news, true), |(mut news, first)| async move {
        if !first {
            news.changed().await.ok()?;
        }
        let data = serde_json::to_string(&*news.borrow_and_update()).ok()?;
        Some((Ok(Event::default().data(data).retry(Duration::from_millis(300))), (news, false)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
