//! `/_ping` and `/version`: what this engine says that it is.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::json::Json;

/// The newest API that is spoken here.
pub const API_VERSION: &str = "1.45";
/// The oldest.
pub const MIN_API_VERSION: &str = "1.24";
/// The Docker engine whose behaviour this one has.
pub const ENGINE_VERSION: &str = crate::image::DOCKER_VERSION;

/// `GET` and `HEAD /_ping`.
pub async fn ping(method: Method) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("builder-version", HeaderValue::from_static("2"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert("swarm", HeaderValue::from_static("inactive"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if method == Method::HEAD {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        return (headers, ()).into_response();
    }
    (headers, "OK").into_response()
}

/// `GET /version`.
pub async fn version() -> impl IntoResponse {
    let kernel = kernel_release();
    let build_time = "2026-11-22T00:00:00.000000000+00:00";
    let engine = json!({
        "Name": "Engine", "Version": ENGINE_VERSION,
        "Details": {
            "ApiVersion": API_VERSION, "Arch": arch(), "BuildTime": build_time, "Experimental": "false", "GitCommit": env!("CARGO_PKG_VERSION"),
            "GoVersion": "none", "KernelVersion": kernel, "MinAPIVersion": MIN_API_VERSION, "Os": "linux",
        },
    });
    Json(json!({
        "Platform": { "Name": format!("Dockside {}", env!("CARGO_PKG_VERSION")) },
        "Components": [engine],
        "Version": ENGINE_VERSION, "ApiVersion": API_VERSION, "MinAPIVersion": MIN_API_VERSION, "GitCommit": env!("CARGO_PKG_VERSION"),
        "GoVersion": "none", "Os": "linux", "Arch": arch(), "KernelVersion": kernel, "BuildTime": build_time,
    }))
}

/// The kernel's release.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// The architecture in Go's words.
pub fn arch() -> &'static str {
    crate::image::native_architecture()
}
