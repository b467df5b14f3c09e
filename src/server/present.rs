//! The presenter's address, the followers', and the moves of the one that the others hear of.
//!
//! The presenter's address leaves its secret in the browser's tab and goes on to the slides, so that nothing in the address bar
//! gives it away on a screen that a class sees. A move has to carry it in a header that no other site can send: no cookie says
//! who someone is, so nobody's browser can be made to move a class.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::class::Move;
use super::http::{Show, text};

/// `/present/SECRET`.
pub async fn enter(State(show): State<Show>, Path(secret): Path<String>) -> Response {
    if !show.class.is_secret(&secret) {
        let why = "This is not the presenter's address. The one that dockside serve printed is.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    text(
        "present.html",
        doorway("Presenter", &format!("t.setItem(\"dockside-secret\",\"{secret}\");t.setItem(\"dockside-role\",\"arriving\")")),
    )
}

/// `/join`: to where the class is, and on with it.
pub async fn join(State(_): State<Show>) -> Response {
    text("join.html", doorway("Follow the class", "t.removeItem(\"dockside-secret\");t.setItem(\"dockside-role\",\"following\")"))
}

/// A page that notes something in its tab and goes on to the slides.
fn doorway(title: &str, note: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><noscript><p>This needs scripts. <a href=\"/\">The slides</a> can be read without.</p></noscript>\n\
         <script>try{{const t=sessionStorage;{note}}}catch{{}}location.replace(\"/\")</script></body></html>\n"
    )
}

/// A move of the presenter's. Others cannot.
pub async fn go(State(show): State<Show>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_presenter(&show, &headers) {
        return (StatusCode::FORBIDDEN, "Only the presenter moves the class.\n").into_response();
    }
    match serde_json::from_slice::<Move>(&body) {
        Ok(step) => match show.class.go(step) {
            true => StatusCode::NO_CONTENT.into_response(),
            false => (StatusCode::BAD_REQUEST, "There is no such place.\n").into_response(),
        },
        Err(e) => (StatusCode::BAD_REQUEST, format!("This is no move: {e}\n")).into_response(),
    }
}

/// How many follow; for the presenter.
pub async fn listeners(State(show): State<Show>, headers: HeaderMap) -> Response {
    if !is_presenter(&show, &headers) {
        return (StatusCode::FORBIDDEN, "Only the presenter is told.\n").into_response();
    }
    text("listeners.json", format!("{{\"listeners\":{}}}", show.class.listeners()))
}

fn is_presenter(show: &Show, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    given.is_some_and(|secret| show.class.is_secret(secret))
}
