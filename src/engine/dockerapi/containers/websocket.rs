//! `GET /containers/{id}/attach/ws`: a container's streams in a WebSocket's messages, for pages and programs that cannot take a
//! connection over. Output goes out as binary messages, never multiplexed; what comes in is the container's input.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::stream::{ContainerInput, Escape, Hijacked, Input, attached, next};
use super::{Query, flag};
use crate::Engine;
use crate::dockerapi::ApiError;
use crate::dockerapi::headers::AskedVersion;

/// What RFC 6455 puts behind a client's key.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// No message of a person or a program at a container's input needs more at once.
const LONGEST: u64 = 16 << 20;

/// When one side has ended, the other has so long to end, too (RFC 6455, 7.1.1).
const LINGER: Duration = Duration::from_secs(2);

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

pub async fn attach(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<String>,
    Extension(version): Extension<AskedVersion>,
    query: Query,
    mut request: Request,
) -> Result<Response, ApiError> {
    // Clients were not asked which streams they want before there was a choice.
    let wants = |stream: &str| version.before("1.42") || flag(&query, stream);
    let wanted = [wants("stdin"), wants("stdout"), wants("stderr")];
    let (hijacked, input) = attached(&engine, &id, &query, wanted, true)?;
    let accept = match accept(request.headers()) {
        Ok(accept) => accept,
        Err(why) => return Ok(refusal(why)),
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else { return Ok(refusal("not websocket protocol")) };
    let kind = if version.before("1.28") { TEXT } else { BINARY };
    tokio::spawn(async move {
        let Ok(connection) = upgrade.await else { return };
        // All connections are unix sockets: `server` accepts no others.
        let Ok(parts) = connection.downcast::<TokioIo<UnixStream>>() else { return };
        carry(parts.io.into_inner(), parts.read_buf, hijacked, input, kind).await;
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// What a client's key is answered with, or why it cannot be.
fn accept(headers: &HeaderMap) -> Result<HeaderValue, &'static str> {
    let says = |name, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    if !says(header::UPGRADE, "websocket") || !says(header::CONNECTION, "upgrade") {
        return Err("not websocket protocol");
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err("missing or bad WebSocket Version");
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY) else { return Err("mismatch challenge/response") };
    let mut hasher = Sha1::new();
    hasher.update(key.as_bytes());
    hasher.update(MAGIC);
    HeaderValue::from_str(&crate::base64::encode(&hasher.finalize())).map_err(|_| "mismatch challenge/response")
}

fn refusal(why: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, [(header::SEC_WEBSOCKET_VERSION, "13")], why).into_response()
}

/// Carries the streams; `early` is what the client has sent already.
async fn carry(mut stream: UnixStream, early: Bytes, mut hijacked: Hijacked, input: Option<ContainerInput>, kind: u8) {
    let keys = std::mem::take(&mut hijacked.keys);
    let (read, mut write) = stream.split();
    let mut read = AsyncReadExt::chain(&*early, read);
    // What the incoming side has to say: one side alone writes.
    let (reply, mut replies) = mpsc::channel::<(u8, Bytes)>(4);
    let outgoing = async move {
        loop {
            let (kind, bytes) = tokio::select! {
                piece = next(&mut hijacked) => piece.map_or((CLOSE, Bytes::from_static(&[0x03, 0xe8])), |piece| (kind, piece)),
                Some(reply) = replies.recv() => reply,
            };
            if write.write_all(&message(kind, &bytes)).await.is_err() || kind == CLOSE {
                break;
            }
        }
        let _ = write.shutdown().await;
    };
    let incoming = async move {
        let mut escape = Escape::new(keys);
        let mut pending = BytesMut::new();
        'open: loop {
            while let Some((kind, bytes)) = match take(&mut pending) {
                Ok(taken) => taken,
                // What is no WebSocket's is not listened to any more.
                Err(()) => Some((CLOSE, Bytes::from_static(&[0x03, 0xea]))),
            } {
                match kind {
                    CLOSE => {
                        if let Some(input) = &input {
                            input.close().await;
                        }
                        let _ = reply.send((CLOSE, bytes)).await;
                        break 'open;
                    }
                    PING => drop(reply.send((PONG, bytes)).await),
                    PONG => {}
                    _ => {
                        let (bytes, detached) = escape.pass(&bytes);
                        if let Some(input) = &input {
                            let _ = input.write(&bytes).await;
                        }
                        if detached {
                            let _ = reply.send((CLOSE, Bytes::from_static(&[0x03, 0xe8]))).await;
                            break 'open;
                        }
                    }
                }
            }
            match read.read_buf(&mut pending).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        // Whoever has said that it is over waits for the other to hang up: what a client says last must find somebody.
        while !matches!(read.read_buf(&mut pending).await, Ok(0) | Err(_)) {
            pending.clear();
        }
    };
    tokio::pin!(outgoing, incoming);
    tokio::select! {
        () = &mut outgoing => drop(tokio::time::timeout(LINGER, incoming).await),
        () = &mut incoming => drop(tokio::time::timeout(LINGER, outgoing).await),
    }
}

/// One message as a server sends it: whole and unmasked.
fn message(kind: u8, bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(10 + bytes.len());
    out.put_u8(0x80 | kind);
    match bytes.len() {
        length @ 0..=125 => out.put_u8(length as u8),
        length @ 126..=0xffff => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        length => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
    out.extend_from_slice(bytes);
    out.freeze()
}

/// The next frame of a client's, when all of it is there: what it is and what it holds. A message in several frames is taken frame by
/// frame, for a stream has no messages. An error for what a client must not send.
fn take(pending: &mut BytesMut) -> Result<Option<(u8, Bytes)>, ()> {
    let [first, second, ..] = pending[..] else { return Ok(None) };
    // Extensions were not agreed on, and what a client sends is masked.
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(());
    }
    let (extra, short) = match second & 0x7f {
        126 => (2, 0),
        127 => (8, 0),
        length => (0, u64::from(length)),
    };
    let head = 2 + extra + 4;
    if pending.len() < head {
        return Ok(None);
    }
    let length = if extra == 0 { short } else { (&pending[2..]).get_uint(extra) };
    let control = first & 8 != 0;
    if length > LONGEST || control && (length > 125 || first & 0x80 == 0) {
        return Err(());
    }
    if ((pending.len() - head) as u64) < length {
        return Ok(None);
    }
    let mask: [u8; 4] = pending[head - 4..head].try_into().unwrap_or_default();
    pending.advance(head);
    let mut payload = pending.split_to(length as usize);
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok(Some((first & 0x0f, payload.freeze())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_when_they_are_whole() {
        // RFC 6455, 5.7: "Hello", masked.
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let mut pending = BytesMut::new();
        for byte in &hello[..10] {
            pending.put_u8(*byte);
            assert_eq!(take(&mut pending), Ok(None));
        }
        pending.extend_from_slice(&[hello[10], 0x89]);
        assert_eq!(take(&mut pending), Ok(Some((TEXT, Bytes::from_static(b"Hello")))));
        assert_eq!(pending[..], [0x89]);
    }

    #[test]
    fn what_a_client_must_not_send_is_an_error() {
        for wrong in
            [&[0x81, 0x05][..], &[0xc1, 0x80], &[0x89, 0xfe, 0, 126, 0, 0, 0, 0], &[0x82, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
        {
            assert_eq!(take(&mut BytesMut::from(wrong)), Err(()), "{wrong:?}");
        }
    }

    #[test]
    fn lengths_are_written_in_one_three_or_nine_bytes() {
        assert_eq!(message(BINARY, b"hi")[..], *b"\x82\x02hi");
        assert_eq!(message(BINARY, &[0; 126])[..4], *b"\x82\x7e\x00\x7e");
        assert_eq!(message(BINARY, &[0; 65536])[..10], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
    }

    #[test]
    fn a_key_is_answered_as_the_standard_says() {
        let mut headers = HeaderMap::new();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
