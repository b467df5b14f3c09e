//! The body of a request that Docker reads as JSON: whether it says that it is, whether it is there, and what is in it. One of more than
//! two megabytes, axum's bound, is no request that a client makes.

use std::error::Error;

use axum::RequestExt;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use serde::de::DeserializeOwned;

use super::{ApiError, gojson};

/// What a client sent along.
pub struct Sent {
    kind: String,
    announced: bool,
    /// Or why it broke off, in Go's words.
    body: Result<Bytes, &'static str>,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .map_or_else(String::new, |kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
        let body = request.into_limited_body();
        let announced = !body.is_end_stream();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).map_err(|e| broken(&e));
        Ok(Sent { kind, announced, body })
    }
}

impl Sent {
    /// The body read as what Go calls `name`; where there is none, nothing was asked for.
    pub fn json<T: DeserializeOwned + Default>(&self, name: &'static str) -> Result<T, ApiError> {
        self.check_kind()?;
        if self.announced { self.required(name) } else { Ok(T::default()) }
    }

    /// The body, which must be there.
    pub fn required<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, ApiError> {
        self.check_kind()?;
        self.optional(name)?.ok_or_else(|| ApiError::invalid("invalid JSON: got EOF while reading request body"))
    }

    /// The body, which may be missing.
    pub fn optional<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        let body = self.body.as_ref().map_err(|words| ApiError::invalid(format!("invalid JSON: {words}")))?;
        gojson::read(body, name).map_err(ApiError::invalid)
    }

    /// Refuses a body that does not say that it is JSON.
    pub fn check_kind(&self) -> Result<(), ApiError> {
        if self.kind.is_empty() && !self.announced {
            return Ok(());
        }
        match media_type(&self.kind) {
            Ok(kind) if kind == "application/json" => Ok(()),
            Ok(_) => Err(ApiError::invalid(format!("unsupported Content-Type header ({}): must be 'application/json'", self.kind))),
            Err(why) => Err(ApiError::invalid(format!("malformed Content-Type header ({}): mime: {why}", self.kind))),
        }
    }
}

/// Why a body broke off, as Go's server says it.
fn broken(error: &axum::Error) -> &'static str {
    let causes = || std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    let says = |word: &str| causes().any(|cause| cause.to_string().to_lowercase().contains(word));
    if says("length limit") {
        "http: request body too large"
    } else if says("chunk") {
        "invalid byte in chunk length"
    } else {
        "unexpected EOF"
    }
}

/// The type in a Content-Type header; the error is Go's.
fn media_type(header: &str) -> Result<String, &'static str> {
    let token = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c)).len();
    let (kind, mut rest) = header.split_at(header.find(';').unwrap_or(header.len()));
    let kind = kind.trim().to_ascii_lowercase();
    let (first, behind) = kind.split_at(token(&kind));
    if first.is_empty() {
        return Err("no media type");
    }
    if let Some(second) = behind.strip_prefix('/') {
        match token(second) {
            0 => return Err("expected token after slash"),
            length if length < second.len() => return Err("unexpected content after media subtype"),
            _ => {}
        }
    } else if !behind.is_empty() {
        return Err("expected slash after first token");
    }
    let mut seen = Vec::new();
    while !rest.trim().is_empty() && rest.trim() != ";" {
        let parameter = || {
            let text = rest.trim_start().strip_prefix(';')?.trim_start();
            let (name, text) = text.split_at(token(text));
            let text = text.trim_start().strip_prefix('=')?.trim_start();
            let length = match text.strip_prefix('"') {
                Some(quoted) => quoted.find('"')? + 2,
                None => token(text),
            };
            (!name.is_empty() && length > 0).then(|| (name.to_ascii_lowercase(), &text[length..]))
        };
        let (name, behind) = parameter().ok_or("invalid media parameter")?;
        if seen.contains(&name) {
            return Err("duplicate parameter name");
        }
        seen.push(name);
        rest = behind;
    }
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::media_type;

    #[test]
    fn content_types_are_read_by_gos_rules() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json;", "application/json; a=\"b;c\""] {
            assert_eq!(media_type(good).as_deref(), Ok("application/json"), "{good}");
        }
        for (wrong, words) in [
            ("", "no media type"),
            ("foo;;;bar", "invalid media parameter"),
            ("application/", "expected token after slash"),
            ("application/json x", "unexpected content after media subtype"),
            ("a b", "expected slash after first token"),
            ("application/json; a=1; a=2", "duplicate parameter name"),
        ] {
            assert_eq!(media_type(wrong), Err(words), "{wrong}");
        }
    }
}
