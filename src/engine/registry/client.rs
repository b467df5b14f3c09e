//! Requests to one registry over plain HTTP, blocking: each on a connection of its own, with a limit to every wait.

use std::future::Future;
use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::base64;
use crate::engine::image::ImageError;

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// As much of an answer as is read into memory.
const ANSWER_MAX: u64 = 8 << 20;

/// What a user logs in with.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

/// A client of the registry `host[:port]`.
pub struct RegistryClient {
    host: String,
    credentials: Option<Credentials>,
    runtime: Arc<Runtime>,
}

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
        if !is_loopback(host) {
            return Err(ImageError::Registry(format!(
                "Get \"https://{host}/v2/\": registries on other machines need HTTPS, which this engine does not speak yet; \
                 it reaches those on localhost and 127.0.0.0/8 over HTTP"
            )));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| ImageError::Registry(format!("cannot start a client of {host}: {e}")))?;
        let client = RegistryClient { host: host.to_owned(), credentials, runtime: Arc::new(runtime) };
        let answer = client.send(Method::GET, "/v2/", &[], Payload::Nothing)?;
        match answer.status {
            StatusCode::OK | StatusCode::UNAUTHORIZED => Ok(client),
            StatusCode::NOT_FOUND => Err(ImageError::Registry(format!("error: {host} is no registry: it answers 404 to /v2/"))),
            other => Err(ImageError::Registry(format!("received unexpected HTTP status: {other}"))),
        }
    }

    /// Tries to log in at `host`; gives the host and the status that it refused with, if it did.
    pub fn try_login(host: &str, credentials: Credentials) -> Result<Option<(String, StatusCode)>, ImageError> {
        let client = RegistryClient::connect(host, Some(credentials))?;
        let answer = client.send(Method::GET, "/v2/", &[], Payload::Nothing)?;
        Ok((answer.status != StatusCode::OK).then(|| (host.to_owned(), answer.status)))
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
        let failed = |why: String| ImageError::Registry(format!("{name} \"http://{}{target}\": {why}", self.host));
        let mut request = Request::builder().method(method).uri(target).header(header::HOST, &self.host);
        request = request.header(header::USER_AGENT, concat!("dockside/", env!("CARGO_PKG_VERSION")));
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        if let Some(credentials) = &self.credentials {
            let token = base64::encode(format!("{}:{}", credentials.username, credentials.password).as_bytes());
            request = request.header(header::AUTHORIZATION, format!("Basic {token}"));
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
        let request = request.body(body).map_err(|e| failed(e.to_string()))?;
        let response = self.runtime.block_on(self.exchange(request)).map_err(failed)?;
        let (parts, incoming) = response.into_parts();
        let body = Body { runtime: self.runtime.clone(), incoming, chunk: Bytes::new() };
        if parts.status == StatusCode::UNAUTHORIZED && target != "/v2/" {
            let challenge = parts.headers.get(header::WWW_AUTHENTICATE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_lowercase();
            return Err(match (challenge.starts_with("basic"), self.credentials.is_some()) {
                (true, false) => failed("no basic auth credentials".to_owned()),
                (true, true) => failed("unauthorized: authentication required".to_owned()),
                _ => failed("this registry hands out tokens, which this engine does not ask for yet".to_owned()),
            });
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn exchange(&self, request: Request<BoxBody<Bytes, io::Error>>) -> Result<Response<Incoming>, String> {
        let stream = dial(&self.host).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        tokio::spawn(connection);
        match limited(sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err("no answer within a minute".to_owned()),
        }
    }
}

impl Answer {
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
async fn dial(host: &str) -> Result<TcpStream, String> {
    let target = if has_port(host) { host.to_owned() } else { format!("{host}:80") };
    let addresses: Vec<SocketAddr> = target.to_socket_addrs().map_err(|e| format!("dial tcp: lookup {host}: {e}"))?.collect();
    let mut first = None;
    for address in addresses {
        let error = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(e)) => plain(&e),
            Err(_) => "i/o timeout".to_owned(),
        };
        first.get_or_insert(format!("dial tcp {address}: connect: {error}"));
    }
    Err(first.unwrap_or_else(|| format!("dial tcp: lookup {host}: no such host")))
}

/// An error of the system without Rust's "(os error 111)", in lower case as Go has it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
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
