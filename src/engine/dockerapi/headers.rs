//! What every answer of Docker's carries, and the API version in the path.

use axum::extract::{Extension, Request};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use super::version::{API_VERSION, ENGINE_VERSION, MIN_API_VERSION};

/// Adds Docker's headers to every answer.
pub async fn identify(request: Request, next: Next) -> Response {
    identified(next.run(request).await)
}

/// The answer with Docker's headers.
pub fn identified(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [("api-version", API_VERSION), ("docker-experimental", "false"), ("ostype", "linux")] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(server) = HeaderValue::from_str(&format!("Docker/{ENGINE_VERSION} (linux)")) {
        headers.insert(header::SERVER, server);
    }
    response
}

/// Takes `/v1.NN` off the path.
pub fn strip_version(mut request: Request) -> Result<Request, ApiError> {
    let Some((version, rest)) = versioned(request.uri().path()) else {
        request.extensions_mut().insert(AskedVersion(API_VERSION.to_owned()));
        return Ok(request);
    };
    let asked = AskedVersion(version.to_owned());
    let target = match request.uri().query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    match target.parse::<Uri>() {
        Ok(uri) => {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(asked);
            Ok(request)
        }
        Err(_) => Err(ApiError::not_found("page not found")),
    }
}

/// Refuses the versions that are not spoken here, of what is asked for at an address that there is.
pub async fn refuse_versions(Extension(AskedVersion(version)): Extension<AskedVersion>, request: Request, next: Next) -> Response {
    let refused = if older(&version, MIN_API_VERSION) {
        format!(
            "client version {version} is too old. Minimum supported API version is {MIN_API_VERSION}, please upgrade your client to a newer version"
        )
    } else if older(API_VERSION, &version) {
        format!("client version {version} is too new. Maximum supported API version is {API_VERSION}")
    } else {
        return next.run(request).await;
    };
    ApiError::invalid(refused).into_response()
}

/// The version of the API that a request speaks: an extension of every request.
#[derive(Clone, Debug)]
pub struct AskedVersion(String);

impl AskedVersion {
    /// Whether it is from before `version`.
    pub fn before(&self, version: &str) -> bool {
        older(&self.0, version)
    }
}

/// Splits `/v1.45/info` into `1.45` and `/info`.
fn versioned(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/v")?;
    let slash = rest.find('/')?;
    let version = &rest[..slash];
    let numeric = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    numeric.then_some((version, &rest[slash..]))
}

fn older(a: &str, b: &str) -> bool {
    let numbers = |v: &str| v.split('.').map(|part| part.parse::<u64>().unwrap_or(u64::MAX)).collect::<Vec<_>>();
    numbers(a) < numbers(b)
}
