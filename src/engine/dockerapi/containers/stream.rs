//! Hijacked streams: a connection that stops being HTTP and carries a process's streams, framed or raw.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::{Query, flag, logs};
use crate::Engine;
use crate::container::{Container, LogOptions, Output, Stream};
use crate::dockerapi::ApiError;
use crate::dockerapi::server::{Answered, Peer};
use crate::sys::socket;

/// As long as the body of a request may be that is read for nothing.
const BODY_MAX: usize = 1 << 20;
/// How a stream begins for who has asked for no other protocol.
const PLAIN_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";

/// The content type of a process's output.
pub fn content_type(tty: bool) -> HeaderValue {
    HeaderValue::from_static(if tty { "application/vnd.docker.raw-stream" } else { "application/vnd.docker.multiplexed-stream" })
}

/// One piece of output as it goes over the wire.
pub fn frame(tty: bool, stream: Stream, bytes: &Bytes) -> Bytes {
    if tty {
        return bytes.clone();
    }
    let mut framed = BytesMut::with_capacity(8 + bytes.len());
    framed.put_u32(if stream == Stream::Stderr { 2 << 24 } else { 1 << 24 });
    framed.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(bytes);
    framed.freeze()
}

pub async fn attach(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    query: Query,
    mut request: Request,
) -> Result<Response, ApiError> {
    let wanted = ["stdin", "stdout", "stderr"].map(|stream| flag(&query, stream));
    let (hijacked, input) = attached(&engine, &id, &query, wanted, false)?;
    Ok(hijack(&mut request, hijacked, input).await)
}

/// A container's streams, of which `wanted` says which (input, output, errors), and its input when it has one; `raw`: without frames,
/// as a terminal's are.
pub fn attached(
    engine: &Arc<Engine>,
    id: &str,
    query: &Query,
    wanted: [bool; 3],
    raw: bool,
) -> Result<(Hijacked, Option<ContainerInput>), ApiError> {
    let container = engine.containers.get(id)?;
    let record = container.record();
    if record.state.status == crate::container::Status::Paused {
        return Err(ApiError::conflict(format!("container {} is paused, unpause the container before attach", record.id)));
    }
    let tty = record.config.tty;
    let [stdin, stdout, stderr] = wanted;
    let keys = escape_keys(query.get("detachKeys").map_or("", String::as_str), tty)?;
    let tty = tty || raw;
    let past = if flag(query, "logs") {
        let options = LogOptions { stdout, stderr, follow: false, tail: None, since: None, until: None };
        Some(logs::frames(engine, &container, options, tty, false))
    } else {
        None
    };
    // Subscribed before the answer: what the container says after it is not missed.
    let output = if flag(query, "stream") { engine.containers.attach(&container, stdout, stderr) } else { mpsc::channel(1).1 };
    let input = stdin && record.config.open_stdin;
    Ok((Hijacked { tty, past, output, keys }, input.then_some(ContainerInput(container))))
}

/// Somewhere for a client's input.
pub trait Input: Send + Sync + 'static {
    fn write(&self, bytes: &[u8]) -> impl Future<Output = std::io::Result<()>> + Send;
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The input of a container.
pub struct ContainerInput(Arc<Container>);

impl Input for ContainerInput {
    async fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_stdin(bytes).await
    }

    async fn close(&self) {
        self.0.close_stdin().await;
    }
}

/// A process's streams to be carried.
pub struct Hijacked {
    pub tty: bool,
    /// What is sent before the output: the log.
    pub past: Option<mpsc::Receiver<Bytes>>,
    pub output: Output,
    /// The keys that end the connection; empty for none.
    pub keys: Vec<u8>,
}

/// Answers a request and takes its connection over. Without an `Upgrade` from the client it is taken over all the same where there is
/// input to come behind the request (dockerode's way); otherwise the output is the body of a plain answer.
pub async fn hijack<I: Input>(request: &mut Request, hijacked: Hijacked, input: Option<I>) -> Response {
    let tty = hijacked.tty;
    let upgrade = request.headers().contains_key(header::UPGRADE).then(|| request.extensions_mut().remove::<OnUpgrade>()).flatten();
    let Some(upgrade) = upgrade else {
        // Where the body has no end that is known beforehand, the input would be within it.
        let bounded = request.headers().contains_key(header::CONTENT_LENGTH);
        let connection = request.extensions().get::<Peer>().filter(|_| bounded).and_then(|peer| peer.connection().ok());
        if let (Some(connection), true) = (connection, input.is_some()) {
            let body = std::mem::take(request.body_mut());
            // What it says stands in the address, too.
            let _ = axum::body::to_bytes(body, BODY_MAX).await;
            return take_over(connection, hijacked, input).await;
        }
        // Docker says nothing of frames here.
        return ([(header::CONTENT_TYPE, content_type(true))], Body::from_stream(pieces(hijacked))).into_response();
    };
    tokio::spawn(async move {
        let Ok(connection) = upgrade.await else { return };
        // All connections are unix sockets: `server` accepts no others.
        let Ok(parts) = connection.downcast::<TokioIo<UnixStream>>() else { return };
        let stream = parts.io.into_inner();
        answer_was_read(&stream).await;
        carry(stream, parts.read_buf, hijacked, input).await;
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(tty));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("tcp"));
    response.extensions_mut().insert(hyper::ext::ReasonPhrase::from_static(b"UPGRADED"));
    response
}

/// Answers on the connection itself and carries the streams to their end; after that there is no connection to answer on.
async fn take_over<I: Input>(mut connection: UnixStream, hijacked: Hijacked, input: Option<I>) -> Response {
    if connection.write_all(PLAIN_HEAD).await.is_ok() {
        answer_was_read(&connection).await;
        carry(connection, Bytes::new(), hijacked, input).await;
    }
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(Answered);
    response
}

/// Waits until the client has taken the answer's head, for a moment at most. Clients that read it through a buffer (docker-py's) lose
/// what of the stream arrives with it.
async fn answer_was_read(stream: &UnixStream) {
    for _ in 0..100 {
        if !socket::unread(stream).is_ok_and(|bytes| bytes > 0) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_micros(500)).await;
    }
}

/// The output as the pieces of a body.
fn pieces(hijacked: Hijacked) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    futures_util::stream::unfold(hijacked, |mut h| async move {
        let piece = next(&mut h).await?;
        Some((Ok(piece), h))
    })
}

/// The next piece that goes to the client.
pub async fn next(hijacked: &mut Hijacked) -> Option<Bytes> {
    if let Some(past) = &mut hijacked.past {
        match past.recv().await {
            Some(piece) => return Some(piece),
            None => hijacked.past = None,
        }
    }
    let (stream, bytes) = hijacked.output.recv().await?;
    Some(frame(hijacked.tty, stream, &bytes))
}

/// Carries the streams; `early` is what the client has sent already.
async fn carry<I: Input>(mut stream: UnixStream, early: Bytes, mut hijacked: Hijacked, input: Option<I>) {
    let keys = std::mem::take(&mut hijacked.keys);
    let (read, mut write) = stream.split();
    let mut read = early.chain(read);
    let outgoing = async move {
        while let Some(piece) = next(&mut hijacked).await {
            if write.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = write.shutdown().await;
    };
    let incoming = async move {
        let mut escape = Escape::new(keys);
        let mut buffer = vec![0; 16 << 10];
        loop {
            match read.read(&mut buffer).await {
                Ok(0) => {
                    if let Some(input) = &input {
                        input.close().await;
                    }
                    // The client has no more to say but still listens.
                    return std::future::pending().await;
                }
                Ok(count) => {
                    let (bytes, detached) = escape.pass(&buffer[..count]);
                    if let Some(input) = &input
                        && input.write(&bytes).await.is_err()
                    {
                        return std::future::pending().await;
                    }
                    if detached {
                        return;
                    }
                }
                // The client is gone.
                Err(_) => return,
            }
        }
    };
    tokio::select! {
        () = outgoing => {}
        () = incoming => {}
    }
}

/// Finds the keys that detach in what is typed. Keys that turn out not to be them are passed on.
pub struct Escape {
    keys: Vec<u8>,
    matched: usize,
}

impl Escape {
    pub fn new(keys: Vec<u8>) -> Escape {
        Escape { keys, matched: 0 }
    }

    /// What goes on to the process, and whether the keys were typed.
    pub fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        if self.keys.is_empty() {
            return (typed.to_vec(), false);
        }
        let mut out = Vec::with_capacity(typed.len());
        for &byte in typed {
            if byte == self.keys[self.matched] {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return (out, true);
                }
                continue;
            }
            out.extend(&self.keys[..self.matched]);
            self.matched = usize::from(byte == self.keys[0]);
            if self.matched == 0 {
                out.push(byte);
            }
        }
        (out, false)
    }
}

/// Reads `ctrl-p,ctrl-q` and the like; only a terminal has such keys.
pub fn escape_keys(text: &str, tty: bool) -> Result<Vec<u8>, ApiError> {
    if !tty {
        return Ok(Vec::new());
    }
    let text = if text.is_empty() { "ctrl-p,ctrl-q" } else { text };
    let wrong = |key: &str| ApiError::invalid(format!("Invalid detach keys ({text}) provided: Unknown character: '{key}'"));
    text.split(',')
        .map(|key| {
            let control = key.strip_prefix("ctrl-").map(str::as_bytes);
            match (control, key.as_bytes()) {
                (Some([letter]), _) if letter.is_ascii_alphabetic() => Ok(letter.to_ascii_lowercase() - b'a' + 1),
                (Some(b"@"), _) => Ok(0),
                (Some(b"["), _) => Ok(27),
                (Some(b"\\"), _) => Ok(28),
                (Some(b"]"), _) => Ok(29),
                (Some(b"^"), _) => Ok(30),
                (Some(b"_"), _) => Ok(31),
                (None, [single]) => Ok(*single),
                _ => Err(wrong(key)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys_are_found_and_others_passed_on() {
        let mut escape = Escape::new(escape_keys("", true).unwrap());
        assert_eq!(escape.pass(b"ab\x10c"), (b"ab\x10c".to_vec(), false));
        assert_eq!(escape.pass(b"\x10"), (b"".to_vec(), false));
        assert_eq!(escape.pass(b"\x10\x11x"), (b"\x10".to_vec(), true));
        assert_eq!(escape_keys("ctrl-a,d", true).unwrap(), b"\x01d");
        assert!(escape_keys("ctrl-", true).is_err());
        assert!(escape_keys("", false).unwrap().is_empty());
    }

    #[test]
    fn frames_say_stream_and_length() {
        let bytes = Bytes::from_static(b"hi");
        assert_eq!(frame(false, Stream::Stderr, &bytes)[..], *b"\x02\0\0\0\0\0\0\x02hi");
        assert_eq!(frame(true, Stream::Stdout, &bytes)[..], *b"hi");
    }
}
