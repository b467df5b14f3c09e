//! From a request to its answer: where it leads, whether it may, what comes back, and what the log says of it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use serde_json::json;
use tokio::task::block_in_place;
use tower_http::services::ServeFile;

use super::auth::Access;
use super::layout::Layout;
use super::log::{self, Level, Log};
use super::refusal::{Code, Refusal};
use super::route::{Astray, Route, Target, is_repository};
use super::settings::Settings;
use super::uploads::{Upload, Uploads};
use super::{listing, manifests};
use crate::engine::image::Digest;

/// A registry at work.
pub struct Registry {
    pub settings: Settings,
    pub layout: Layout,
    pub uploads: Uploads,
    pub access: Option<Access>,
    pub log: Log,
}

/// What stands after the question mark of an address.
pub struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: Option<&str>) -> Query {
        let decoded = |text: &str| crate::deck::percent_decoded(&text.replace('+', " ")).into_owned();
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Query(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decoded(name), decoded(value))).collect())
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// How a request came: what places in answers are named by.
struct Asked<'a> {
    headers: &'a HeaderMap,
    /// Whether the connection is encrypted.
    safe: bool,
}

impl Registry {
    /// Answers a request that came from `peer`.
    pub async fn answer(&self, request: Request<Incoming>, peer: Option<SocketAddr>, safe: bool) -> Response<Body> {
        let start = Instant::now();
        let line = format!("{} {} {:?}", request.method(), request.uri(), request.version());
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let mut user = None;
        let route = uri.path().strip_prefix(self.settings.prefix.as_str()).ok_or(Astray::Nowhere).and_then(Route::of);
        let within = !matches!(route, Ok(Route::Health));
        let result = match route {
            Ok(route) if !route.allows(&method) => Ok(not_allowed(route.methods().unwrap_or_default())),
            Ok(Route::Health) => Ok(health()),
            Ok(route) => self.admitted(&route, request, &mut user, safe).await,
            Err(Astray::Nowhere) => Ok(not_found()),
            Err(Astray::Elsewhere(place)) => Ok(moved(&format!("{}{place}", self.settings.prefix))),
            Err(Astray::Refused(refusal)) => Err(refusal),
        };
        let (mut response, refusal) = match result {
            Ok(response) => (response, None),
            Err(refusal) => (refusal.response(), Some(refusal)),
        };
        if within {
            response.headers_mut().insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
            for (name, value) in &self.settings.headers {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
        }
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let from = peer.map_or_else(|| "@".to_owned(), |peer| peer.ip().to_string());
        let status = response.status().as_u16();
        let written = response.body().size_hint().exact().unwrap_or_default();
        let mut fields = vec![
            ("http.request.method", method.to_string()),
            ("http.request.uri", uri.to_string()),
            ("http.request.host", text(header::HOST).to_owned()),
            ("http.request.remoteaddr", peer.map_or_else(|| "@".to_owned(), |peer| peer.to_string())),
            ("http.request.useragent", text(header::USER_AGENT).to_owned()),
            ("http.response.status", status.to_string()),
            ("http.response.written", written.to_string()),
            ("http.response.duration", format!("{:?}", start.elapsed())),
        ];
        match &refusal {
            None if within => self.log.say(Level::Info, "response completed", &fields),
            None => {}
            Some(refusal) => {
                let (code, message) = refusal.told();
                fields.extend([("err.code", code), ("err.message", message.to_owned())]);
                fields.extend(refusal.is_own().then(|| ("err.detail", format!("{refusal:?}"))));
                self.log.say(Level::Error, "response completed with error", &fields);
            }
        }
        let (referer, agent) = (text(header::REFERER), text(header::USER_AGENT));
        self.log.access(&log::Request { from: &from, user: user.as_deref(), line: &line, status, written, referer, agent });
        response
    }

    /// Does what a request wants, if whoever sent it may.
    async fn admitted(
        &self,
        route: &Route,
        request: Request<Incoming>,
        user: &mut Option<String>,
        safe: bool,
    ) -> Result<Response<Body>, Refusal> {
        let query = Query::of(request.uri().query());
        let method = request.method().clone();
        if let Some(access) = &self.access {
            *user = Some(access.check(request.headers(), &method, route, query.get("from"))?);
        }
        let reads = method == Method::GET || method == Method::HEAD;
        if self.settings.read_only && !reads && *route != Route::Base {
            return Err(Refusal::new(Code::Unsupported));
        }
        if method == Method::DELETE && !self.settings.delete && matches!(route, Route::Manifest(..) | Route::Blob(..)) {
            return Err(Refusal::new(Code::Unsupported));
        }
        let path = request.uri().path().to_owned();
        match route {
            Route::Health | Route::Base => Ok(plain("application/json; charset=utf-8", "{}")),
            Route::Catalog => block_in_place(|| listing::catalog(&self.layout, self.settings.catalog, &path, &query)),
            Route::Tags(name) => block_in_place(|| listing::tags(&self.layout, name, &path, &query)),
            Route::Manifest(name, target) => self.manifest(name, target, request, safe).await,
            Route::Blob(name, digest) if reads => self.blob(name, digest, request).await,
            Route::Blob(name, digest) => {
                let was_there = block_in_place(|| self.layout.unlink_blob(name, digest))?;
                if was_there { Ok(accepted()) } else { Err(Refusal::new(Code::BlobUnknown)) }
            }
            Route::Uploads(name) => {
                let (parts, body) = request.into_parts();
                self.begin(name, &query, &Asked { headers: &parts.headers, safe }, body).await
            }
            Route::Upload(name, id) => self.go_on(name, id, request, &query, safe).await,
        }
    }

    async fn manifest(&self, name: &str, target: &Target, request: Request<Incoming>, safe: bool) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        match parts.method {
            Method::PUT => {
                use http_body_util::{BodyExt, LengthLimitError, Limited};
                let content = Limited::new(body, manifests::LONGEST).collect().await.map_err(|e| {
                    let why = if e.is::<LengthLimitError>() { "http: request body too large".to_owned() } else { e.to_string() };
                    Refusal::about(Code::ManifestInvalid, why)
                })?;
                let content = content.to_bytes();
                let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let digest = block_in_place(|| manifests::put(&self.layout, name, target, kind, &content))?;
                Ok(self.created(&format!("{name}/manifests/{digest}"), &digest, &Asked { headers, safe }))
            }
            Method::DELETE => {
                let was_there = match target {
                    Target::Digest(digest) => block_in_place(|| self.layout.remove_manifest(name, digest))?,
                    Target::Tag(tag) => block_in_place(|| self.layout.remove_tag(name, tag))?,
                };
                if was_there { Ok(accepted()) } else { Err(Refusal::new(Code::ManifestUnknown)) }
            }
            _ => {
                let found = block_in_place(|| manifests::find(&self.layout, name, target, headers))?;
                let known = manifests::is_known(headers, &found.digest);
                let mut response = Response::new(if known { Body::empty() } else { Body::from(found.content) });
                manifests::labelled(response.headers_mut(), &found.digest);
                if known {
                    *response.status_mut() = StatusCode::NOT_MODIFIED;
                } else {
                    let kind = HeaderValue::from_str(&found.media_type);
                    response.headers_mut().extend(kind.ok().map(|kind| (header::CONTENT_TYPE, kind)));
                }
                Ok(response)
            }
        }
    }

    async fn blob(&self, name: &str, digest: &Digest, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let unknown = || Refusal::about(Code::BlobUnknown, digest.as_str());
        let (path, _) = block_in_place(|| self.layout.find_blob(name, digest))?.ok_or_else(unknown)?;
        let mut response = if manifests::is_known(request.headers(), digest) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            send(&path, request).await?
        };
        let headers = response.headers_mut();
        manifests::labelled(headers, digest);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000"));
        Ok(response)
    }

    /// `POST …/blobs/uploads/`: a blob that another repository has, one that comes whole, or the beginning of an upload.
    async fn begin(&self, name: &str, query: &Query, asked: &Asked<'_>, body: Incoming) -> Result<Response<Body>, Refusal> {
        let mount = query.get("mount").and_then(|text| text.parse::<Digest>().ok());
        if let (Some(digest), Some(from)) = (mount, query.get("from").filter(|from| is_repository(from)))
            && block_in_place(|| self.layout.find_blob(from, &digest))?.is_some()
        {
            block_in_place(|| self.layout.link_blob(name, &digest))?;
            return Ok(self.created(&format!("{name}/blobs/{digest}"), &digest, asked));
        }
        let digest = query.get("digest").map(str::parse::<Digest>).transpose();
        let digest = digest.map_err(|_| Refusal::about(Code::DigestInvalid, "digest parsing failed"))?;
        let id = block_in_place(|| self.uploads.begin(&self.layout, name))?;
        let upload = block_in_place(|| self.uploads.find(&self.layout, name, &id))?;
        let mut upload = upload.lock().await;
        if let Some(digest) = digest {
            if let Err(refusal) = upload.append(body).await {
                // Nobody knows its id, so nobody can go on with it.
                block_in_place(|| self.uploads.cancel(name, &id, &upload))?;
                return Err(refusal);
            }
            block_in_place(|| self.uploads.finish(&self.layout, name, &id, &upload, &digest))?;
            return Ok(self.created(&format!("{name}/blobs/{digest}"), &digest, asked));
        }
        Ok(self.under_way(name, &id, &upload, StatusCode::ACCEPTED, asked))
    }

    /// Asks for an upload, sends more of it, ends it, or gives it up.
    async fn go_on(&self, name: &str, id: &str, request: Request<Incoming>, query: &Query, safe: bool) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        let asked = Asked { headers: &parts.headers, safe };
        let upload = block_in_place(|| self.uploads.find(&self.layout, name, id))?;
        let mut upload = upload.lock().await;
        match parts.method {
            Method::PATCH => {
                in_order(&upload, &parts.headers)?;
                upload.append(body).await?;
                Ok(self.under_way(name, id, &upload, StatusCode::ACCEPTED, &asked))
            }
            Method::PUT => {
                let digest = query.get("digest").ok_or_else(|| Refusal::about(Code::DigestInvalid, "digest missing"))?;
                let digest = digest.parse().map_err(|_| Refusal::about(Code::DigestInvalid, "digest parsing failed"))?;
                in_order(&upload, &parts.headers)?;
                upload.append(body).await?;
                block_in_place(|| self.uploads.finish(&self.layout, name, id, &upload, &digest))?;
                Ok(self.created(&format!("{name}/blobs/{digest}"), &digest, &asked))
            }
            Method::DELETE => {
                block_in_place(|| self.uploads.cancel(name, id, &upload))?;
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                label(&mut response, id);
                Ok(response)
            }
            _ => Ok(self.under_way(name, id, &upload, StatusCode::NO_CONTENT, &asked)),
        }
    }

    fn under_way(&self, name: &str, id: &str, upload: &Upload, status: StatusCode, asked: &Asked<'_>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        label(&mut response, id);
        let headers = response.headers_mut();
        headers.extend(HeaderValue::from_str(&upload.range()).ok().map(|range| (header::RANGE, range)));
        headers.extend(self.place(&format!("{name}/blobs/uploads/{id}"), asked));
        if status == StatusCode::ACCEPTED {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        response
    }

    fn created(&self, place: &str, digest: &Digest, asked: &Asked<'_>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::CREATED;
        let headers = response.headers_mut();
        headers.extend(self.place(place, asked));
        headers.extend(HeaderValue::from_str(digest.as_str()).ok().map(|digest| (CONTENT_DIGEST, digest)));
        response
    }

    /// The header `Location` for something below `/v2/`, as those who asked can reach it.
    fn place(&self, place: &str, asked: &Asked<'_>) -> Option<(HeaderName, HeaderValue)> {
        let path = format!("{}/v2/{place}", self.settings.prefix);
        let text = |name: &str| asked.headers.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.split(',').next()).map(str::trim);
        let whole = match (&self.settings.host, text("x-forwarded-host").or_else(|| text("host"))) {
            (Some(host), _) => format!("{host}{path}"),
            (None, Some(host)) if !self.settings.relative => {
                let scheme = text("x-forwarded-proto").unwrap_or(if asked.safe { "https" } else { "http" });
                format!("{scheme}://{host}{path}")
            }
            _ => path,
        };
        Some((header::LOCATION, HeaderValue::from_str(&whole).ok()?))
    }
}

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Refuses a piece that does not follow what has come.
fn in_order(upload: &Upload, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(range) = headers.get(header::CONTENT_RANGE) else { return Ok(()) };
    let start =
        range.to_str().ok().and_then(|text| text.trim_start_matches("bytes ").split_once('-')).and_then(|(start, _)| start.parse().ok());
    if start == Some(upload.length) { Ok(()) } else { Err(Refusal::about(Code::RangeInvalid, json!({ "expected": upload.length }))) }
}

fn label(response: &mut Response<Body>, id: &str) {
    response.headers_mut().extend(HeaderValue::from_str(id).ok().map(|id| (HeaderName::from_static("docker-upload-uuid"), id)));
}

/// A file, whole or the part that is asked for.
async fn send(path: &Path, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    let sent = ServeFile::new(path).try_call(request).await?;
    let mut response = sent.map(Body::new);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().remove(header::LAST_MODIFIED);
    Ok(response)
}

fn plain(kind: &'static str, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn health() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn told(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = plain("text/plain; charset=utf-8", text);
    *response.status_mut() = status;
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn not_found() -> Response<Body> {
    told(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut response = told(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed\n");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

fn moved(place: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().extend(HeaderValue::from_str(place).ok().map(|place| (header::LOCATION, place)));
    response
}
