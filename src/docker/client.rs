//! The HTTP client of the Engine API: one connection kept for plain requests, others for streams, the API's version settled by the first
//! request. It knows no command and prints nothing.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OnceCell;
use tokio::sync::mpsc;

use super::connection::{self, Stream};
use super::failure::{Failure, Kind};
use super::host::{Host, Place, path_escape, query};
use crate::tls::ClientConfig;
use crate::units::go_words;

/// The newest API that this client speaks.
pub const NEWEST: &str = "1.50";

/// Who asks: requests look like those of the Docker client that this one follows.
const USER_AGENT: &str = "Docker-Client/28.2.2 (linux)";

/// What a request carries.
pub enum Outgoing {
    Nothing,
    Whole(Bytes),
    /// Chunks as they come; the engine sees a chunked body.
    Chunks(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Outgoing::Nothing => Poll::Ready(None),
            whole @ Outgoing::Whole(_) => match std::mem::replace(whole, Outgoing::Nothing) {
                Outgoing::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Outgoing::Chunks(chunks) => chunks.poll_recv(cx).map(|next| next.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Outgoing::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Nothing => SizeHint::with_exact(0),
            Outgoing::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outgoing::Chunks(_) => SizeHint::default(),
        }
    }
}

/// One request, put together step by step.
pub struct Request<'a> {
    method: &'static str,
    path: String,
    query: Vec<(&'a str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Outgoing,
    upgrade: bool,
}

impl<'a> Request<'a> {
    pub fn new(method: &'static str, path: impl Into<String>) -> Request<'a> {
        Request { method, path: path.into(), query: Vec::new(), headers: Vec::new(), body: Outgoing::Nothing, upgrade: false }
    }

    pub fn get(path: impl Into<String>) -> Request<'a> {
        Request::new("GET", path)
    }

    pub fn post(path: impl Into<String>) -> Request<'a> {
        Request::new("POST", path)
    }

    pub fn delete(path: impl Into<String>) -> Request<'a> {
        Request::new("DELETE", path)
    }

    pub fn query(mut self, key: &'a str, value: impl Into<String>) -> Request<'a> {
        self.query.push((key, value.into()));
        self
    }

    /// Adds the pair only where `on`.
    pub fn query_if(self, on: bool, key: &'a str, value: impl Into<String>) -> Request<'a> {
        if on { self.query(key, value) } else { self }
    }

    pub fn header(mut self, key: &'static str, value: impl Into<String>) -> Request<'a> {
        self.headers.push((key, value.into()));
        self
    }

    pub fn json(mut self, json: &Json) -> Request<'a> {
        let mut text = super::template::json_text(json, true);
        text.push('\n');
        self.body = Outgoing::Whole(Bytes::from(text));
        self.header("Content-Type", "application/json")
    }

    pub fn body(mut self, body: Outgoing) -> Request<'a> {
        self.body = body;
        self
    }

    fn upgrade(mut self, protocol: &str) -> Request<'a> {
        self.upgrade = true;
        self.header("Connection", "Upgrade").header("Upgrade", protocol)
    }
}

/// An answer whose status was good.
pub struct Answer {
    pub headers: hyper::HeaderMap,
    pub body: Incoming,
}

impl Answer {
    /// The whole body.
    pub async fn bytes(self) -> Result<Bytes, Failure> {
        self.body.collect().await.map(|c| c.to_bytes()).map_err(|e| Failure::new(format!("error during read: {e}")))
    }

    /// The whole body as JSON.
    pub async fn json(self) -> Result<Json, Failure> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|e| Failure::new(format!("the engine's answer is not JSON: {e}")))
    }

    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(_)) => return Err(Failure::new("unexpected EOF")),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                    _ => {}
                },
            }
        }
    }

    /// A header as text.
    pub fn text(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// An upgraded connection: the stream, and what came behind the answer's head.
pub struct Hijacked {
    pub stream: Stream,
    pub read_ahead: Bytes,
    /// Whether the engine said that the stream is raw or multiplexed; `None` where it did not say.
    pub multiplexed: Option<bool>,
}

/// So long a connection that nobody has used is as good as a new one.
const FRESH: Duration = Duration::from_secs(1);

/// The client of one engine.
pub struct Client {
    pub host: Host,
    version: RefCell<Option<String>>,
    fixed: bool,
    idle: RefCell<Option<SendRequest<Outgoing>>>,
    /// A connection that nobody has used, and when it was made: an engine does not wait for ever.
    first: Cell<Option<(std::os::unix::net::UnixStream, Instant)>>,
    /// What the engine said about itself: its system.
    pub os: RefCell<String>,
    pinged: OnceCell<()>,
    reached: Cell<bool>,
    experimental: Cell<bool>,
    tls: Option<Arc<ClientConfig>>,
    /// What the user wants said in every request.
    extra_headers: Vec<(String, String)>,
}

/// The version of the API that the user wants to be spoken, if there is one.
pub fn asked_version() -> Option<String> {
    let version = std::env::var("DOCKER_API_VERSION").ok()?;
    Some(version.trim_start_matches('v').to_owned()).filter(|version| !version.is_empty())
}

impl Client {
    /// A client of the engine at `host`; `version` fixes the API's version, `tls` is for an engine that is reached over TCP, and
    /// `connection` is one to it already.
    pub fn new(
        host: Host,
        version: Option<String>,
        tls: Option<Arc<ClientConfig>>,
        extra_headers: Vec<(String, String)>,
        connection: Option<std::os::unix::net::UnixStream>,
    ) -> Client {
        Client {
            host,
            fixed: version.is_some(),
            version: RefCell::new(version),
            idle: RefCell::new(None),
            first: Cell::new(connection.map(|connection| (connection, Instant::now()))),
            os: RefCell::new(String::new()),
            pinged: OnceCell::new(),
            reached: Cell::new(false),
            experimental: Cell::new(false),
            tls,
            extra_headers,
        }
    }

    /// Whether the engine answered when it was asked who it is.
    pub fn reached(&self) -> bool {
        self.reached.get()
    }

    /// Whether the engine has features that are tried out.
    pub fn experimental(&self) -> bool {
        self.experimental.get()
    }

    /// The version of the API that requests use; the newest until the engine was asked.
    pub fn version(&self) -> String {
        self.version.borrow().clone().unwrap_or_else(|| NEWEST.to_owned())
    }

    async fn connect(&self) -> io::Result<Stream> {
        if let Some((first, made)) = self.first.take()
            && made.elapsed() < FRESH
        {
            first.set_nonblocking(true)?;
            return Ok(Stream::Unix(UnixStream::from_std(first)?));
        }
        Ok(match &self.host.place {
            Place::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
            Place::Tcp(address, _) => {
                let stream = TcpStream::connect(address).await?;
                match &self.tls {
                    None => Stream::Tcp(stream),
                    Some(config) => {
                        let safe = crate::tls::connect(Arc::clone(config), address, stream).await;
                        Stream::Tls(Box::new(safe.map_err(io::Error::other)?))
                    }
                }
            }
            Place::Ssh(args) => Stream::Piped(connection::Piped::start("ssh", args)?),
        })
    }

    /// A connection that nothing has been said over.
    pub async fn raw(&self) -> Result<Stream, Failure> {
        self.connect()
            .await
            .map_err(|e| Failure::new(format!("failed to open the raw stream connection: {}: connect: {}", self.dial(), go_words(&e))))
    }

    fn dial(&self) -> String {
        match &self.host.place {
            Place::Unix(path) => format!("dial unix {path}"),
            Place::Tcp(address, _) => format!("dial tcp {address}"),
            Place::Ssh(_) => "ssh".to_owned(),
        }
    }

    async fn sender(&self) -> io::Result<SendRequest<Outgoing>> {
        let idle = self.idle.borrow_mut().take();
        if let Some(sender) = idle {
            // The connection's task learns that a body has been read only when it runs.
            for _ in 0..3 {
                if sender.is_ready() && !sender.is_closed() {
                    return Ok(sender);
                }
                tokio::task::yield_now().await;
            }
        }
        let stream = self.connect().await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    /// Asks the engine who it is, once, and settles the API's version; requests that go side by side all wait for that.
    pub async fn ping(&self) {
        self.pinged.get_or_init(async || self.settle().await).await;
    }

    async fn settle(&self) {
        let Ok(mut sender) = self.sender().await else { return };
        let Ok(request) = self.build(&Request::new("HEAD", "/_ping"), "/_ping", Outgoing::Nothing) else { return };
        let Ok(answer) = sender.send_request(request).await else { return };
        let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let theirs = header("api-version");
        *self.os.borrow_mut() = header("ostype");
        self.reached.set(true);
        self.experimental.set(header("docker-experimental") == "true");
        if !self.fixed {
            let theirs = if theirs.is_empty() { "1.24".to_owned() } else { theirs };
            *self.version.borrow_mut() = Some(if older(&theirs, NEWEST) { theirs } else { NEWEST.to_owned() });
        }
        let _ = answer.into_body().collect().await;
        if sender.ready().await.is_ok() {
            *self.idle.borrow_mut() = Some(sender);
        }
    }

    fn build(&self, request: &Request<'_>, target: &str, body: Outgoing) -> Result<hyper::Request<Outgoing>, Failure> {
        let base = match &self.host.place {
            Place::Tcp(_, base) if !base.is_empty() => format!("/{base}"),
            _ => String::new(),
        };
        let mut builder = hyper::Request::builder()
            .method(request.method)
            .uri(format!("{base}{target}"))
            .header("Host", self.host.header())
            .header("User-Agent", USER_AGENT);
        for (key, value) in &self.extra_headers {
            builder = builder.header(key, value);
        }
        for (key, value) in &request.headers {
            builder = builder.header(*key, value);
        }
        if matches!(body, Outgoing::Nothing) && request.method == "POST" {
            builder = builder.header("Content-Length", "0");
        }
        builder.body(body).map_err(|e| Failure::new(format!("cannot ask {target}: {e}")))
    }

    /// Sends a request and gives the answer; an error status becomes the engine's message.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let (response, sender) = self.exchange(request).await?;
        let (head, body) = response.into_parts();
        // The connection serves again once the body has been read; `is_ready` says so when it is asked for.
        *self.idle.borrow_mut() = Some(sender);
        Ok(Answer { headers: head.headers, body })
    }

    async fn exchange(&self, mut request: Request<'_>) -> Result<(hyper::Response<Incoming>, SendRequest<Outgoing>), Failure> {
        self.ping().await;
        let target = format!("/v{}{}{}", self.version(), path_escape(&request.path), query(&request.query));
        let body = std::mem::replace(&mut request.body, Outgoing::Nothing);
        let mut sender = self.sender().await.map_err(|e| self.unreachable(&request, &target, &e))?;
        let wire = self.build(&request, &target, body)?;
        let answer = sender.send_request(wire).await.map_err(|e| self.broken(&request, &target, &e))?;
        let status = answer.status().as_u16();
        if status >= 400 {
            let (head, body) = answer.into_parts();
            let is_json = head.headers.get("content-type").is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
            let bytes = body.collect().await.map(|c| c.to_bytes()).unwrap_or_default();
            if sender.ready().await.is_ok() {
                *self.idle.borrow_mut() = Some(sender);
            }
            return Err(self.refused(&target, status, &bytes, is_json));
        }
        Ok((answer, sender))
    }

    /// Sends a request that turns its connection into a stream.
    pub async fn hijack(&self, request: Request<'_>) -> Result<Hijacked, Failure> {
        let (response, _sender) = self.exchange(request.upgrade("tcp")).await.map_err(|failure| match failure.kind {
            Kind::Engine(status) if status != 409 => Failure { text: format!("unable to upgrade to tcp, received {status}"), ..failure },
            _ => failure,
        })?;
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let multiplexed = match kind {
            "application/vnd.docker.multiplexed-stream" => Some(true),
            "application/vnd.docker.raw-stream" => Some(false),
            _ => None,
        };
        let status = response.status().as_u16();
        if status != 101 {
            return Err(Failure::new(format!("unable to upgrade to tcp, received {status}")));
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(|e| Failure::new(format!("unable to upgrade to tcp: {e}")))?;
        let parts = upgraded.downcast::<TokioIo<Stream>>().map_err(|_| Failure::new("unable to upgrade to tcp"))?;
        Ok(Hijacked { stream: parts.io.into_inner(), read_ahead: parts.read_buf, multiplexed })
    }

    /// Sends a request whose connection goes on with another protocol.
    pub async fn upgrade(&self, request: Request<'_>, protocol: &str) -> Result<TokioIo<Upgraded>, Failure> {
        let (response, _sender) = self.exchange(request.upgrade(protocol)).await?;
        let status = response.status().as_u16();
        if status != 101 {
            return Err(Failure::new(format!("unable to upgrade to {protocol}, received {status}")));
        }
        let upgraded = hyper::upgrade::on(response).await;
        upgraded.map(TokioIo::new).map_err(|e| Failure::new(format!("unable to upgrade to {protocol}: {e}")))
    }

    fn url(&self, target: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{target}", self.host.in_url())
    }

    /// Why no connection came about, in Docker's words.
    fn unreachable(&self, request: &Request<'_>, target: &str, error: &io::Error) -> Failure {
        let host = &self.host.text;
        let asked = request.method[..1].to_owned() + &request.method[1..].to_lowercase();
        let dial = self.dial();
        let text = match (error.kind(), &self.host.place) {
            (io::ErrorKind::PermissionDenied, _) => format!(
                "permission denied while trying to connect to the Docker daemon socket at {host}: {asked} \"{}\": {dial}: connect: {}",
                self.url(target),
                go_words(error)
            ),
            (io::ErrorKind::NotFound, Place::Ssh(_)) => {
                format!("error during connect: {asked} \"{}\": exec: \"ssh\": executable file not found in $PATH", self.url(target))
            }
            (io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory, _) => {
                format!("Cannot connect to the Docker daemon at {host}. Is the docker daemon running?")
            }
            (_, Place::Tcp(address, _)) if error.to_string().contains("lookup address") => {
                let name = address.rsplit_once(':').map_or(address.as_str(), |(name, _)| name).trim_matches(['[', ']']);
                // Nobody is asked for what can be no name.
                let server = if name.contains(':') { String::new() } else { connection::asked_server() };
                format!("error during connect: {asked} \"{}\": dial tcp: lookup {name}{server}: no such host", self.url(target))
            }
            (io::ErrorKind::InvalidInput, Place::Tcp(address, _)) if error.to_string().contains("port") => {
                let port = address.rsplit_once(':').map_or("", |(_, port)| port);
                format!("error during connect: {asked} \"{}\": dial tcp: address {port}: invalid port", self.url(target))
            }
            // What TLS says stands for itself.
            (io::ErrorKind::Other, _) => format!("error during connect: {asked} \"{}\": {error}", self.url(target)),
            _ => format!("error during connect: {asked} \"{}\": {dial}: {}", self.url(target), go_words(error)),
        };
        Failure { status: 1, text, kind: Kind::Connection }
    }

    fn broken(&self, request: &Request<'_>, target: &str, error: &hyper::Error) -> Failure {
        let asked = request.method[..1].to_owned() + &request.method[1..].to_lowercase();
        let why = match std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(source) if source.kind() == io::ErrorKind::Other => source.to_string(),
            Some(source) if source.kind() == io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
            Some(source) if source.kind() == io::ErrorKind::ConnectionReset => {
                format!("{}: {}", self.dial().replace("dial", "read"), go_words(source))
            }
            Some(source) if crate::tls::refusal(source).is_some() => crate::tls::refusal(source).unwrap_or_default(),
            _ if error.is_incomplete_message() || error.is_closed() => "EOF".to_owned(),
            _ => error.to_string(),
        };
        Failure { status: 1, text: format!("error during connect: {asked} \"{}\": {why}", self.url(target)), kind: Kind::Connection }
    }

    fn refused(&self, target: &str, status: u16, bytes: &[u8], is_json: bool) -> Failure {
        let said = if is_json {
            serde_json::from_slice::<Json>(bytes).ok().and_then(|j| j.get("message").and_then(Json::as_str).map(str::to_owned))
        } else {
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        let text = match said.as_deref().map(str::trim) {
            Some(said) if !said.is_empty() => format!("Error response from daemon: {said}"),
            _ => {
                let reason = hyper::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default();
                format!(
                    "request returned {status} {reason} for API route and version {}, check if the server supports the requested API version",
                    self.url(target)
                )
            }
        };
        Failure { status: 1, text, kind: Kind::Engine(status) }
    }
}

/// Whether version `a` is older than `b`.
pub fn older(a: &str, b: &str) -> bool {
    let parts = |v: &str| v.split('.').map(|p| p.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>();
    parts(a) < parts(b)
}
