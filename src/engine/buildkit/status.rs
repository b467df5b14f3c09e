//! How a call fails: a code, words, and where it is known the lines of the Dockerfile, as BuildKit's clients read them.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use prost::Message;
use serde_json::{Value as Json, json};

use super::messages::control::{Detail, RpcStatus};
use crate::base64;
use crate::trace::Source;

/// gRPC's codes, as far as they are used.
pub const CANCELLED: i32 = 1;
pub const UNKNOWN: i32 = 2;
pub const INVALID: i32 = 3;
pub const NOT_FOUND: i32 = 5;
pub const EXHAUSTED: i32 = 8;
pub const UNIMPLEMENTED: i32 = 12;
pub const INTERNAL: i32 = 13;
pub const UNAVAILABLE: i32 = 14;

/// The type of a place in a Dockerfile among an error's details.
const SOURCE: &str = "github.com/moby/buildkit/errdefs.Source+json";

/// What may stand in front of a type.
const TYPES: &str = "type.googleapis.com/";

/// Headers longer than this are not sent; the details go before the words do.
const DETAILS_MAX: usize = 48 << 10;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Status(pub RpcStatus);

impl Status {
    pub fn new(code: i32, message: impl Into<String>) -> Status {
        Status(RpcStatus { code, message: message.into(), details: Vec::new() })
    }

    /// An error in words alone.
    pub fn unknown(message: impl Into<String>) -> Status {
        Status::new(UNKNOWN, message)
    }

    /// The end of an answer with which all is well.
    pub fn well() -> HeaderMap {
        Status::new(0, "").trailers()
    }

    /// The same, with the lines of a Dockerfile that it is about.
    pub fn about(mut self, place: &Source) -> Status {
        let line = |number: usize| json!({ "line": number });
        let value = json!({
            "info": { "filename": place.filename, "data": base64::encode(place.text.as_bytes()), "language": "Dockerfile" },
            "ranges": [{ "start": line(place.first), "end": line(place.last) }],
        });
        self.0.details.push(Detail { kind: SOURCE.to_owned(), value: value.to_string().into_bytes() });
        self
    }

    /// The lines of a Dockerfile that it is about; the last that were told of are the nearest.
    pub fn source(&self) -> Option<Source> {
        let detail = self.0.details.iter().rfind(|detail| detail.kind.trim_start_matches(TYPES) == SOURCE)?;
        let value: Json = serde_json::from_slice(&detail.value).ok()?;
        let line = |range: &Json, end: &str| Some(usize::try_from(range.get(end)?.get("line")?.as_u64()?).unwrap_or(usize::MAX));
        let ranges = value.get("ranges")?.as_array()?;
        let info = value.get("info")?;
        Some(Source {
            filename: info.get("filename")?.as_str()?.to_owned(),
            text: String::from_utf8(base64::decode(info.get("data")?.as_str()?)?).ok()?,
            first: ranges.iter().filter_map(|range| line(range, "start")).min()?,
            last: ranges.iter().filter_map(|range| line(range, "end")).max()?,
        })
    }

    /// As the end of an answer.
    pub fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(self.0.code));
        if let Ok(message) = HeaderValue::from_str(&escape(&self.0.message)) {
            trailers.insert("grpc-message", message);
        }
        if !self.0.details.is_empty() {
            let details = base64::encode(&self.0.encode_to_vec());
            if let (true, Ok(details)) = (details.len() < DETAILS_MAX, HeaderValue::from_str(details.trim_end_matches('='))) {
                trailers.insert("grpc-status-details-bin", details);
            }
        }
        trailers
    }

    /// Reads the end of an answer; `None` where all went well.
    pub fn read(trailers: &HeaderMap) -> Option<Status> {
        let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
        let code = text("grpc-status").and_then(|code| code.parse().ok()).unwrap_or(UNKNOWN);
        if code == 0 {
            return None;
        }
        let mut status = Status::new(code, unescape(text("grpc-message").unwrap_or_default()));
        let details = text("grpc-status-details-bin").and_then(base64::decode);
        if let Some(full) = details.and_then(|bytes| RpcStatus::decode(&bytes[..]).ok()) {
            status.0.details = full.details;
        }
        Some(status)
    }
}

impl From<h2::Error> for Status {
    fn from(error: h2::Error) -> Status {
        Status::new(UNAVAILABLE, format!("the connection failed: {error}"))
    }
}

/// Words in a header: what is no plain ASCII as `%XX`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_header() {
        for text in ["plain", "50% done\nnext", "größer → \"x\"", "%zz%4", ""] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(unescape("%é%41"), "%éA");
    }

    #[test]
    fn the_lines_survive_too() {
        let place = Source { filename: "Dockerfile".into(), text: "FROM a\nRUN ä\n".into(), first: 2, last: 2 };
        let status = Status::read(&Status::unknown("no").about(&place).trailers()).expect("a failure");
        assert_eq!((status.source(), status.0.message.as_str()), (Some(place), "no"));
        assert_eq!(Status::read(&Status::well()).map(|status| status.0.code), None);
    }
}
