//! Requests to one registry, blocking: each on a connection of its own, with a limit to every wait. HTTPS, but for registries on this
//! machine, which may speak plain HTTP.

use std::future::Future;
use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::rustls::ClientConfig;

use super::credentials::Credentials;
use super::tls;
use super::token::{self, Challenge, Token};
use crate::image::ImageError;
use crate::units::go_words;

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// As much of an answer as is read into memory.
const ANSWER_MAX: u64 = 8 << 20;
/// As often as a request is sent on to another place.
const REDIRECTS: usize = 5;
/// A token that is to last for a transfer lives at least so long.
const TOKEN_LEFT: Duration = Duration::from_secs(30);

/// A client of the registry `host[:port]`.
pub struct RegistryClient {
    registry: Place,
    credentials: Option<Credentials>,
    bearer: Mutex<Option<Bearer>>,
    runtime: Arc<Runtime>,
}

/// A server and how it is spoken to.
#[derive(Clone)]
struct Place {
    host: String,
    tls: Option<Arc<ClientConfig>>,
}

/// A token, and what it was handed out for.
struct Bearer {
    challenge: Challenge,
    token: Token,
}

/// What has become of a login.
pub enum Login {
    /// The token server may have handed out a token to be kept instead of the password.
    Welcome { identity: Option<String> },
    /// The address, and what it answered.
    Refused { url: String, why: String },
}

/// A connection to a server, safe or plain.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// What is sent with a request.
pub enum Payload {
    Nothing,
    Bytes(&'static str, Vec<u8>),
    /// So many bytes out of a reader.
    Stream(u64, Box<dyn Read + Send + Sync>),
}

/// An answer whose body is still to be read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: hyper::HeaderMap,
    body: Body,
}

/// The body of an answer, as a reader.
pub struct Body {
    runtime: Arc<Runtime>,
    incoming: Incoming,
    chunk: Bytes,
}

/// An error of the distribution protocol.
#[derive(Clone, Debug)]
pub struct ProtocolError {
    pub status: StatusCode,
    /// `MANIFEST_UNKNOWN`, `DENIED` …
    pub code: String,
    pub message: String,
}

impl RegistryClient {
    /// Reaches out for the registry, and finds out whether it is one and lets us in.
    pub fn connect(host: &str, credentials: Option<Credentials>) -> Result<RegistryClient, ImageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| ImageError::Registry(format!("cannot start a client of {host}: {e}")))?;
        let plain = Place { host: host.to_owned(), tls: None };
        let registry = if is_loopback(host) { plain } else { plain.secured(false)? };
        let mut client = RegistryClient { registry, credentials, bearer: Mutex::default(), runtime: Arc::new(runtime) };
        let mut answer = client.send(Method::GET, "/v2/", &[], Payload::Nothing);
        // A registry on this machine may speak HTTPS all the same, which shows in its not understanding us.
        let misunderstood = match &answer {
            Ok(answer) => answer.status == StatusCode::BAD_REQUEST,
            Err(e) => !e.to_string().contains("dial tcp"),
        };
        if client.registry.tls.is_none() && misunderstood {
            let secured = client.registry.secured(true)?;
            let plain = std::mem::replace(&mut client.registry, secured);
            match client.send(Method::GET, "/v2/", &[], Payload::Nothing) {
                Ok(better) => answer = Ok(better),
                Err(_) => client.registry = plain,
            }
        }
        match answer?.status {
            StatusCode::OK | StatusCode::UNAUTHORIZED => Ok(client),
            StatusCode::NOT_FOUND => Err(ImageError::Registry(format!("error: {host} is no registry: it answers 404 to /v2/"))),
            other => Err(ImageError::Registry(format!("received unexpected HTTP status: {other}"))),
        }
    }

    /// Tries to log in at `host`.
    pub fn try_login(host: &str, credentials: Credentials) -> Result<Login, ImageError> {
        let client = RegistryClient::connect(host, Some(credentials))?;
        let answer = client.send(Method::GET, "/v2/", &[], Payload::Nothing)?;
        let url = client.registry.url("/v2/");
        if answer.status == StatusCode::OK {
            return Ok(Login::Welcome { identity: None });
        }
        let challenge = answer.challenge();
        if let (Challenge::Bearer { .. }, StatusCode::UNAUTHORIZED) = (&challenge, answer.status) {
            return Ok(match client.new_token(&challenge, true) {
                Ok(token) => Login::Welcome { identity: token.identity },
                Err(why) => Login::Refused { url, why },
            });
        }
        Ok(Login::Refused { url, why: answer.status.to_string() })
    }

    /// Sends a request and gives the answer, whatever its status.
    pub fn send(&self, method: Method, target: &str, headers: &[(&str, &str)], payload: Payload) -> Result<Answer, ImageError> {
        let name = match method {
            Method::GET => "Get",
            Method::HEAD => "Head",
            Method::POST => "Post",
            Method::PUT => "Put",
            Method::PATCH => "Patch",
            _ => "Delete",
        };
        let failed = |why: String| ImageError::Registry(format!("{name} \"{}\": {why}", self.registry.url(target)));
        // What is read from a stream cannot be sent twice, so the token must last.
        let once = matches!(payload, Payload::Stream(..));
        if once {
            self.renew().map_err(failed)?;
        }
        let again = match &payload {
            Payload::Nothing => Some(Payload::Nothing),
            Payload::Bytes(media_type, bytes) => Some(Payload::Bytes(media_type, bytes.clone())),
            Payload::Stream(..) => None,
        };
        let answer = self.follow(&method, target, headers, payload).map_err(failed)?;
        if answer.status != StatusCode::UNAUTHORIZED || target == "/v2/" {
            return Ok(answer);
        }
        let challenge = answer.challenge();
        match (&challenge, again) {
            (Challenge::Bearer { .. }, Some(payload)) => {
                let token = self.new_token(&challenge, false).map_err(failed)?;
                *self.bearer() = Some(Bearer { challenge, token });
                self.follow(&method, target, headers, payload).map_err(failed)
            }
            (Challenge::Basic, _) if self.credentials.as_ref().and_then(Credentials::basic).is_none() => {
                Err(failed("no basic auth credentials".to_owned()))
            }
            _ => Err(failed("unauthorized: authentication required".to_owned())),
        }
    }

    /// Sends a request to where it belongs, and on to where the answers point.
    fn follow(&self, method: &Method, target: &str, headers: &[(&str, &str)], payload: Payload) -> Result<Answer, String> {
        let (mut place, mut target, mut payload) = (self.registry.clone(), target.to_owned(), Some(payload));
        for _ in 0..=REDIRECTS {
            // Nobody but the registry gets to see who we are.
            let authorization = if place.host == self.registry.host { self.authorization() } else { None };
            let sent = payload.take().unwrap_or(Payload::Nothing);
            let answer = self.one(&place, method, &target, headers, authorization, sent)?;
            let moved = answer.status.is_redirection() && [Method::GET, Method::HEAD].contains(method);
            let Some(location) = answer.header("location").filter(|_| moved) else { return Ok(answer) };
            (place, target) = place.resolve(location)?;
        }
        Err(format!("stopped after {REDIRECTS} redirects"))
    }

    fn one(
        &self,
        place: &Place,
        method: &Method,
        target: &str,
        headers: &[(&str, &str)],
        authorization: Option<String>,
        payload: Payload,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method.clone()).uri(target).header(header::HOST, &place.host);
        request = request.header(header::USER_AGENT, concat!("dockside/", env!("CARGO_PKG_VERSION")));
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let (request, body): (_, BoxBody<Bytes, io::Error>) = match payload {
            Payload::Nothing => (request.header(header::CONTENT_LENGTH, 0), full(Vec::new())),
            Payload::Bytes(media_type, bytes) => {
                (request.header(header::CONTENT_TYPE, media_type).header(header::CONTENT_LENGTH, bytes.len()), full(bytes))
            }
            Payload::Stream(size, reader) => {
                let chunks = futures_util::stream::iter(Chunks(reader)).map(|chunk| chunk.map(Frame::data));
                let request = request.header(header::CONTENT_TYPE, "application/octet-stream").header(header::CONTENT_LENGTH, size);
                (request, BodyExt::boxed(StreamBody::new(chunks)))
            }
        };
        let request = request.body(body).map_err(|e| e.to_string())?;
        let response = self.runtime.block_on(exchange(place, request))?;
        let (parts, incoming) = response.into_parts();
        let body = Body { runtime: self.runtime.clone(), incoming, chunk: Bytes::new() };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    fn bearer(&self) -> std::sync::MutexGuard<'_, Option<Bearer>> {
        self.bearer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn authorization(&self) -> Option<String> {
        self.bearer().as_ref().map(|b| format!("Bearer {}", b.token.text)).or_else(|| self.credentials.as_ref()?.authorization())
    }

    /// Sees to it that the token, if there is one, lasts for a transfer.
    fn renew(&self) -> Result<(), String> {
        let old = self.bearer().as_ref().filter(|b| b.token.until < Instant::now() + TOKEN_LEFT).map(|b| b.challenge.clone());
        if let Some(challenge) = old {
            let token = self.new_token(&challenge, false)?;
            *self.bearer() = Some(Bearer { challenge, token });
        }
        Ok(())
    }

    /// Asks the token server that the challenge names; `offline` for a token, too, that may be kept instead of a password.
    fn new_token(&self, challenge: &Challenge, offline: bool) -> Result<Token, String> {
        let Challenge::Bearer { realm, service, scope } = challenge else { return Err("no token server is named".to_owned()) };
        let answer = match &self.credentials {
            Some(Credentials::Token(_)) => return Err("unauthorized: authentication required".to_owned()),
            Some(Credentials::Identity(identity)) => {
                let (place, target) = self.registry.resolve(realm)?;
                let form = token::refreshing(identity, service, scope).into_bytes();
                self.one(&place, &Method::POST, &target, &[], None, Payload::Bytes("application/x-www-form-urlencoded", form))?
            }
            password => {
                let account = password.as_ref().and_then(Credentials::username);
                let (place, target) = self.registry.resolve(&token::url(realm, service, scope, account, offline))?;
                self.one(&place, &Method::GET, &target, &[], password.as_ref().and_then(Credentials::basic), Payload::Nothing)?
            }
        };
        if answer.status != StatusCode::OK {
            let error = answer.error();
            return Err(if error.code.is_empty() { format!("unauthorized: {}", error.message) } else { error.text() });
        }
        let body = answer.bytes().map_err(|e| e.to_string())?;
        token::read(&body).ok_or_else(|| "authorization server did not include a token in the response".to_owned())
    }
}

/// Asks for what is at an address, whoever serves it.
pub fn get(url: &str, headers: &[(&str, &str)]) -> Result<Answer, ImageError> {
    let failed = |why: String| ImageError::Registry(format!("Get {url:?}: {why}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(e.to_string()))?;
    let nowhere = Place { host: String::new(), tls: None };
    let (registry, target) = nowhere.resolve(url).map_err(failed)?;
    let client = RegistryClient { registry, credentials: None, bearer: Mutex::default(), runtime: Arc::new(runtime) };
    client.follow(&Method::GET, &target, headers, Payload::Nothing).map_err(failed)
}

impl Place {
    /// The same server over TLS.
    fn secured(&self, anyone: bool) -> Result<Place, ImageError> {
        let tls = tls::config(&self.host, anyone).map_err(ImageError::Registry)?;
        Ok(Place { host: self.host.clone(), tls: Some(tls) })
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    fn url(&self, target: &str) -> String {
        format!("{}://{}{target}", self.scheme(), self.host)
    }

    /// Where a location in an answer of this server's leads. What came over TLS leads nowhere without.
    fn resolve(&self, location: &str) -> Result<(Place, String), String> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok((self.clone(), location.to_owned()));
        }
        let (scheme, rest) = location.split_once("://").ok_or_else(|| format!("cannot go on to {location:?}"))?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or_default();
        let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if host.is_empty() || host.contains('@') {
            return Err(format!("cannot go on to {location:?}"));
        }
        let plain = Place { host: host.to_owned(), tls: None };
        match scheme {
            "https" if host == self.host && self.tls.is_some() => Ok((self.clone(), target)),
            "https" => plain.secured(is_loopback(host)).map(|place| (place, target)).map_err(|e| e.to_string()),
            "http" if self.tls.is_none() || is_loopback(host) => Ok((plain, target)),
            _ => Err(format!("cannot go on to {location:?}")),
        }
    }
}

async fn exchange(place: &Place, request: Request<BoxBody<Bytes, io::Error>>) -> Result<Response<Incoming>, String> {
    let stream = dial(&place.host, if place.tls.is_some() { 443 } else { 80 }).await?;
    let stream: Box<dyn Connection> = match &place.tls {
        None => Box::new(stream),
        Some(config) => match limited(tls::connect(Arc::clone(config), &place.host, stream)).await {
            Ok(connected) => Box::new(connected?),
            Err(_) => return Err("net/http: TLS handshake timeout".to_owned()),
        },
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    match limited(sender.send_request(request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err("no answer within a minute".to_owned()),
    }
}

impl Answer {
    fn challenge(&self) -> Challenge {
        self.header("www-authenticate").map_or(Challenge::Other, Challenge::parse)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer's body as it comes.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The answer's body whole, if it is of a decent size.
    pub fn bytes(mut self) -> Result<Vec<u8>, ImageError> {
        let mut content = Vec::new();
        (&mut self.body)
            .take(ANSWER_MAX)
            .read_to_end(&mut content)
            .map_err(|e| ImageError::Registry(format!("the registry's answer broke off: {e}")))?;
        Ok(content)
    }

    /// The error that a refusing answer speaks of.
    pub fn error(self) -> ProtocolError {
        #[derive(serde::Deserialize)]
        struct Errors {
            errors: Vec<One>,
        }
        #[derive(serde::Deserialize)]
        struct One {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        let status = self.status;
        let text = self.bytes().unwrap_or_default();
        match serde_json::from_slice::<Errors>(&text).ok().and_then(|errors| errors.errors.into_iter().next()) {
            Some(One { code, message }) => ProtocolError { status, code, message },
            None => ProtocolError { status, code: String::new(), message: format!("received unexpected HTTP status: {status}") },
        }
    }
}

impl ProtocolError {
    /// `manifest unknown: manifest unknown`
    pub fn text(&self) -> String {
        match self.code.as_str() {
            "" => self.message.clone(),
            code => format!("{}: {}", code.to_lowercase().replace('_', " "), self.message),
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let frame = self.runtime.block_on(limited(self.incoming.frame()));
            match frame.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the registry fell silent for a minute"))? {
                None => return Ok(0),
                Some(Err(e)) => return Err(io::Error::other(e)),
                Some(Ok(frame)) => self.chunk = frame.into_data().unwrap_or_default(),
            }
        }
        let n = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}

/// A reader in pieces.
struct Chunks(Box<dyn Read + Send + Sync>);

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut buffer = vec![0; 128 << 10];
        loop {
            return match self.0.read(&mut buffer) {
                Ok(0) => None,
                Ok(n) => {
                    buffer.truncate(n);
                    Some(Ok(buffer.into()))
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => Some(Err(e)),
            };
        }
    }
}

fn full(bytes: Vec<u8>) -> BoxBody<Bytes, io::Error> {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed()
}

async fn limited<F: Future>(future: F) -> Result<F::Output, tokio::time::error::Elapsed> {
    tokio::time::timeout(SILENCE, future).await
}

/// Connects to the first address of `host` that answers; the error is the first address's.
async fn dial(host: &str, port: u16) -> Result<TcpStream, String> {
    let target = if has_port(host) { host.to_owned() } else { format!("{host}:{port}") };
    let addresses: Vec<SocketAddr> = target.to_socket_addrs().map_err(|e| format!("dial tcp: lookup {host}: {e}"))?.collect();
    let mut first = None;
    for address in addresses {
        let error = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(e)) => go_words(&e),
            Err(_) => "i/o timeout".to_owned(),
        };
        first.get_or_insert(format!("dial tcp {address}: connect: {error}"));
    }
    Err(first.unwrap_or_else(|| format!("dial tcp: lookup {host}: no such host")))
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether the host is this machine, which Docker too speaks plain HTTP to.
fn is_loopback(host: &str) -> bool {
    let name = match has_port(host) {
        true => host.rsplit_once(':').map_or(host, |(name, _)| name),
        false => host,
    };
    name == "localhost" || name == "[::1]" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_over_http() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.9.1", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["quay.io", "localhost.evil.org:5000", "10.0.0.1:5000", "registry:5000"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
