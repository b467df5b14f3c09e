//! A registry in memory, on a free port of the loopback interface, open or with a login: as much of the distribution protocol as clients
//! use to push and pull. It serves until the test's process ends.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;

/// `student:secret`
const LOGIN: &str = "Basic c3R1ZGVudDpzZWNyZXQ=";

#[derive(Default)]
struct Content {
    /// Of each repository, by tag and by digest: media type and bytes.
    manifests: HashMap<(String, String), (String, Bytes)>,
    /// Of each repository, by digest.
    blobs: HashMap<(String, String), Bytes>,
    /// What has come so far of a blob, by the upload's number.
    uploads: HashMap<String, Vec<u8>>,
}

pub struct Registry {
    pub port: u16,
    login: bool,
    content: Mutex<Content>,
}

impl Registry {
    pub fn start(login: bool) -> Arc<Registry> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let registry = Arc::new(Registry { port, login, content: Mutex::default() });
        let served = Arc::clone(&registry);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    let registry = Arc::clone(&served);
                    let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
                        let registry = Arc::clone(&registry);
                        async move {
                            let (head, body) = request.into_parts();
                            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                            Ok::<_, Infallible>(registry.answer(&head, body))
                        }
                    });
                    tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
                }
            });
        });
        registry
    }

    fn answer(&self, head: &hyper::http::request::Parts, body: Bytes) -> Response<Full<Bytes>> {
        let said = head.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        if self.login && said != Some(LOGIN) {
            let mut answer = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, "Basic realm=\"lab\"".parse().expect("a value"));
            return answer;
        }
        let path = head.uri.path();
        let Some(rest) = path.strip_prefix("/v2/") else { return error(StatusCode::NOT_FOUND, "NOT_FOUND", "no such page") };
        let query: HashMap<String, String> = head
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/")))
            .collect();
        let mut content = self.content.lock().expect("the content");
        if rest.is_empty() {
            return with(StatusCode::OK, &[], Bytes::from_static(b"{}"));
        }
        if let Some((repository, reference)) = rest.split_once("/manifests/") {
            let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            return content.manifest(&head.method, repository, reference, media_type, body);
        }
        if let Some((repository, upload)) = rest.split_once("/blobs/uploads/") {
            return content.upload(&head.method, repository, upload, &query, &body);
        }
        if let Some((repository, digest)) = rest.split_once("/blobs/") {
            return match content.blobs.get(&(repository.to_owned(), digest.to_owned())) {
                Some(blob) => with(StatusCode::OK, &[("docker-content-digest", digest)], blob.clone()),
                None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry"),
            };
        }
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            let mut tags: Vec<&String> =
                content.manifests.keys().filter(|(of, tag)| of == repository && !tag.contains(':')).map(|(_, tag)| tag).collect();
            tags.sort();
            let list = serde_json::json!({ "name": repository, "tags": tags });
            return with(StatusCode::OK, &[("content-type", "application/json")], Bytes::from(list.to_string()));
        }
        error(StatusCode::NOT_FOUND, "NOT_FOUND", "no such page")
    }
}

impl Content {
    fn manifest(&mut self, method: &Method, repository: &str, reference: &str, media_type: &str, body: Bytes) -> Response<Full<Bytes>> {
        let key = |reference: &str| (repository.to_owned(), reference.to_owned());
        if method == Method::PUT {
            let digest = dockside::engine::image::Digest::of(&body).to_string();
            for name in [reference, &digest] {
                self.manifests.insert(key(name), (media_type.to_owned(), body.clone()));
            }
            return with(StatusCode::CREATED, &[("docker-content-digest", &digest)], Bytes::new());
        }
        match self.manifests.get(&key(reference)) {
            Some((media_type, body)) => {
                let digest = dockside::engine::image::Digest::of(body).to_string();
                with(StatusCode::OK, &[("content-type", media_type), ("docker-content-digest", &digest)], body.clone())
            }
            None => error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }

    fn upload(
        &mut self,
        method: &Method,
        repository: &str,
        upload: &str,
        query: &HashMap<String, String>,
        body: &[u8],
    ) -> Response<Full<Bytes>> {
        if method == Method::POST {
            if let (Some(digest), Some(from)) = (query.get("mount"), query.get("from"))
                && let Some(blob) = self.blobs.get(&(from.clone(), digest.clone())).cloned()
            {
                self.blobs.insert((repository.to_owned(), digest.clone()), blob);
                return with(StatusCode::CREATED, &[("location", &format!("/v2/{repository}/blobs/{digest}"))], Bytes::new());
            }
            let number = (self.uploads.len() + 1).to_string();
            self.uploads.insert(number.clone(), Vec::new());
            return with(StatusCode::ACCEPTED, &[("location", &format!("/v2/{repository}/blobs/uploads/{number}"))], Bytes::new());
        }
        let Some(so_far) = self.uploads.get_mut(upload) else {
            return error(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
        };
        so_far.extend(body);
        let here = format!("/v2/{repository}/blobs/uploads/{upload}");
        match query.get("digest").filter(|_| method == Method::PUT) {
            None => with(StatusCode::ACCEPTED, &[("location", &here), ("range", &format!("0-{}", so_far.len().max(1) - 1))], Bytes::new()),
            Some(digest) => {
                let blob = Bytes::from(std::mem::take(so_far));
                if dockside::engine::image::Digest::of(&blob).to_string() != *digest {
                    return error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", "provided digest did not match uploaded content");
                }
                self.blobs.insert((repository.to_owned(), digest.clone()), blob);
                with(StatusCode::CREATED, &[("docker-content-digest", digest)], Bytes::new())
            }
        }
    }
}

fn with(status: StatusCode, headers: &[(&str, &str)], body: Bytes) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("docker-distribution-api-version", "registry/2.0");
    headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value)).body(Full::new(body)).expect("an answer")
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message, "detail": null }] });
    with(status, &[("content-type", "application/json")], Bytes::from(body.to_string()))
}
