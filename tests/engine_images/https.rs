//! A registry as they are on the network: HTTPS, tokens from a server of their own, blobs kept elsewhere.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dockside::engine::image::{Digest, PullRequest, Reference, native_architecture};
use dockside::engine::registry::{Credentials, Login, RegistryClient};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{Tar, engine_in, folder};

const PEM: &[u8] = include_bytes!("registry-test.pem");
/// `student:secret`
const LOGIN: &str = "Basic c3R1ZGVudDpzZWNyZXQ=";

struct Registry {
    port: u16,
    /// Manifests and blobs by their last word in a path.
    content: Mutex<HashMap<String, (String, Bytes)>>,
    /// Requests that came, `GET /v2/…`, and whether they said who asked.
    seen: Mutex<Vec<(String, bool)>>,
}

impl Registry {
    /// Serves until the test's process ends.
    fn start() -> Arc<Registry> {
        let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let registry =
            Arc::new(Registry { port: listener.local_addr().unwrap().port(), content: Mutex::default(), seen: Mutex::default() });
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(PEM).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(PEM).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let served = Arc::clone(&registry);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, registry) = (acceptor.clone(), Arc::clone(&served));
                    tokio::spawn(async move {
                        // Who speaks plain HTTP is not understood, and hears nothing.
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
                            let registry = Arc::clone(&registry);
                            async move {
                                let (head, body) = request.into_parts();
                                let form = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                                Ok::<_, Infallible>(registry.answer(&Request::from_parts(head, form)))
                            }
                        });
                        let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                    });
                }
            });
        });
        registry
    }

    fn put(&self, name: &str, media_type: &str, content: impl Into<Bytes>) {
        self.content.lock().unwrap().insert(name.to_owned(), (media_type.to_owned(), content.into()));
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Full<Bytes>> {
        let authorization = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let path = request.uri().path().to_owned();
        self.seen.lock().unwrap().push((format!("{} {path}", request.method()), !authorization.is_empty()));
        let plain =
            |status: StatusCode, body: &str| Response::builder().status(status).body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        if path == "/token" {
            let query = request.uri().query().unwrap_or_default();
            // Without a scope it is a login; with one the repository is asked for.
            let known = query.contains("service=registry.test") && authorization == LOGIN;
            let form = String::from_utf8_lossy(request.body());
            let kept = request.method() == Method::POST
                && ["grant_type=refresh_token", "refresh_token=kept%2Btoken", "service=registry.test"]
                    .iter()
                    .all(|field| form.contains(field));
            return if kept {
                plain(StatusCode::OK, r#"{"access_token":"pass","expires_in":300}"#)
            } else if known && query.contains("offline_token=true") {
                plain(StatusCode::OK, r#"{"token":"pass","refresh_token":"kept+token","expires_in":300}"#)
            } else if known {
                plain(StatusCode::OK, r#"{"token":"pass","expires_in":300}"#)
            } else {
                plain(StatusCode::UNAUTHORIZED, r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#)
            };
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        if !path.starts_with("/elsewhere/") && authorization != "Bearer pass" {
            let challenge =
                format!("Bearer realm=\"https://localhost:{}/token\",service=\"registry.test\",scope=\"repository:a/b:pull\"", self.port);
            return Response::builder()
                .status(StatusCode::UNAUTHORIZED)
                .header(header::WWW_AUTHENTICATE, challenge)
                .body(Full::default())
                .unwrap();
        }
        if path == "/v2/" {
            return plain(StatusCode::OK, "{}");
        }
        if path.contains("/blobs/") {
            // By another name, this is another server.
            let there = format!("https://127.0.0.1:{}/elsewhere/{last}", self.port);
            return Response::builder()
                .status(StatusCode::TEMPORARY_REDIRECT)
                .header(header::LOCATION, there)
                .body(Full::default())
                .unwrap();
        }
        match self.content.lock().unwrap().get(last) {
            Some((media_type, content)) => Response::builder()
                .header(header::CONTENT_TYPE, media_type)
                .header("docker-content-digest", Digest::of(content).to_string())
                .body(Full::new(content.clone()))
                .unwrap(),
            None => plain(StatusCode::NOT_FOUND, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
        }
    }
}

/// Puts an image of one file under the tag `1`.
fn fill(registry: &Registry) {
    let layer = Tar::new().file("hello", "from afar").end();
    let diff_id = Digest::of(&layer);
    let config = serde_json::json!({
        "architecture": native_architecture(), "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    let config = config.to_string();
    let [config_type, layer_type, manifest_type] =
        ["config.v1+json", "layer.v1.tar", "manifest.v1+json"].map(|t| format!("application/vnd.oci.image.{t}"));
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": manifest_type,
        "config": { "mediaType": config_type, "size": config.len(), "digest": Digest::of(config.as_bytes()) },
        "layers": [{ "mediaType": layer_type, "size": layer.len(), "digest": diff_id }],
    });
    let manifest = manifest.to_string();
    registry.put(&Digest::of(config.as_bytes()).to_string(), "application/octet-stream", config);
    registry.put(&diff_id.to_string(), "application/octet-stream", layer);
    registry.put("1", &manifest_type, manifest.clone());
    registry.put(&Digest::of(manifest.as_bytes()).to_string(), &manifest_type, manifest);
}

fn student(password: &str) -> Option<Credentials> {
    Some(Credentials::Password { username: "student".to_owned(), password: password.to_owned() })
}

#[test]
fn an_image_comes_over_https_with_a_token_from_another_place() {
    let registry = Registry::start();
    fill(&registry);
    let folder = folder();
    let engine = engine_in(folder.path(), "state");
    let name = format!("localhost:{}/a/b:1", registry.port);
    let pull = |credentials| {
        let request = PullRequest { reference: Reference::parse_normalized(&name).unwrap(), platform: None, credentials };
        engine.images.pull(&request, &|_| {})
    };
    for wrong in [None, student("guess"), Some(Credentials::Identity("forgotten".to_owned()))] {
        let error = pull(wrong).unwrap_err().to_string();
        assert!(error.contains("https://localhost") && error.contains("incorrect username or password"), "{error}");
    }
    pull(student("secret")).unwrap();
    let image = engine.images.resolve(&name, None).unwrap();
    assert_eq!(std::fs::read_to_string(image.layers[0].join("hello")).unwrap(), "from afar");
    let seen = registry.seen.lock().unwrap().clone();
    let elsewhere: Vec<_> = seen.iter().filter(|(what, _)| what.contains("/elsewhere/")).collect();
    assert!(elsewhere.len() == 2 && elsewhere.iter().all(|(_, said)| !said), "the token is for the registry alone: {elsewhere:?}");
    let known = Reference::parse_normalized(&name).unwrap();
    let found = engine.images.distribution(&known, student("secret")).unwrap();
    assert_eq!((found.media_type.as_str(), found.platforms.len()), ("application/vnd.oci.image.manifest.v1+json", 1));
    let missing = engine.images.distribution(&known.with_tag("2"), student("secret")).unwrap_err().to_string();
    assert!(missing.contains("manifest unknown"), "{missing}");
}

#[test]
fn a_login_is_tried_at_the_token_server() {
    let registry = Registry::start();
    let host = format!("localhost:{}", registry.port);
    let login = |credentials| RegistryClient::try_login(&host, credentials).unwrap();
    let identity = match login(student("secret").unwrap()) {
        Login::Welcome { identity } => identity.expect("the token server hands one out"),
        Login::Refused { why, .. } => panic!("{why}"),
    };
    assert_eq!(identity, "kept+token");
    assert!(matches!(login(Credentials::Identity(identity)), Login::Welcome { identity: None }));
    assert!(matches!(login(Credentials::Token("pass".to_owned())), Login::Welcome { identity: None }));
    for wrong in [student("guess").unwrap(), Credentials::Identity("kept".to_owned())] {
        let Login::Refused { url, why } = login(wrong) else { panic!("it let a stranger in") };
        assert!(url.starts_with("https://localhost") && why.contains("incorrect username or password"), "{why}");
    }
    assert!(matches!(login(Credentials::Token("guess".to_owned())), Login::Refused { .. }));
}

#[test]
fn tokens_take_the_place_of_a_password() {
    let registry = Registry::start();
    fill(&registry);
    let folder = folder();
    let name = format!("localhost:{}/a/b:1", registry.port);
    for (state, token) in [("one", Credentials::Identity("kept+token".to_owned())), ("two", Credentials::Token("pass".to_owned()))] {
        let engine = engine_in(folder.path(), state);
        let request = PullRequest { reference: Reference::parse_normalized(&name).unwrap(), platform: None, credentials: Some(token) };
        engine.images.pull(&request, &|_| {}).unwrap();
    }
}
