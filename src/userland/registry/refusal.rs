//! What a request is refused with: the codes of the distribution specification ("Error Codes") with their messages and statuses, as
//! the reference registry words them.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

/// A code of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    RangeInvalid,
    Unauthorized,
    Unknown,
    Unsupported,
}

impl Code {
    /// The name on the wire, the message and the status.
    fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Code::BlobUnknown => ("BLOB_UNKNOWN", "blob unknown to registry", StatusCode::NOT_FOUND),
            Code::BlobUploadInvalid => ("BLOB_UPLOAD_INVALID", "blob upload invalid", StatusCode::NOT_FOUND),
            Code::BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", StatusCode::NOT_FOUND),
            Code::DigestInvalid => ("DIGEST_INVALID", "provided digest did not match uploaded content", StatusCode::BAD_REQUEST),
            Code::ManifestBlobUnknown => ("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", StatusCode::BAD_REQUEST),
            Code::ManifestInvalid => ("MANIFEST_INVALID", "manifest invalid", StatusCode::BAD_REQUEST),
            Code::ManifestUnknown => ("MANIFEST_UNKNOWN", "manifest unknown", StatusCode::NOT_FOUND),
            Code::NameInvalid => ("NAME_INVALID", "invalid repository name", StatusCode::BAD_REQUEST),
            Code::NameUnknown => ("NAME_UNKNOWN", "repository name not known to registry", StatusCode::NOT_FOUND),
            Code::PaginationNumberInvalid => ("PAGINATION_NUMBER_INVALID", "invalid number of results requested", StatusCode::BAD_REQUEST),
            Code::RangeInvalid => ("RANGE_INVALID", "invalid content range", StatusCode::RANGE_NOT_SATISFIABLE),
            Code::Unauthorized => ("UNAUTHORIZED", "authentication required", StatusCode::UNAUTHORIZED),
            Code::Unknown => ("UNKNOWN", "unknown error", StatusCode::INTERNAL_SERVER_ERROR),
            Code::Unsupported => ("UNSUPPORTED", "The operation is unsupported.", StatusCode::METHOD_NOT_ALLOWED),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct Fault {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

/// An answer that says no.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    faults: Vec<Fault>,
    /// How one may identify oneself: the header `WWW-Authenticate`.
    pub challenge: Option<String>,
}

impl Refusal {
    /// A refusal without further detail.
    pub fn new(code: Code) -> Refusal {
        let (name, message, status) = code.parts();
        Refusal { status, faults: vec![Fault { code: name, message: message.to_owned(), detail: None }], challenge: None }
    }

    /// With what the code is about.
    pub fn about(code: Code, detail: impl Into<Value>) -> Refusal {
        let mut refusal = Refusal::new(code);
        refusal.faults[0].detail = Some(detail.into());
        refusal
    }

    /// With another message than the code's own.
    pub fn saying(code: Code, message: &str) -> Refusal {
        let mut refusal = Refusal::new(code);
        message.clone_into(&mut refusal.faults[0].message);
        refusal
    }

    /// Several faults of a request as one answer; nothing where there is none. The first one gives the status.
    pub fn all(refusals: Vec<Refusal>) -> Result<(), Refusal> {
        let mut refusals = refusals.into_iter();
        let Some(mut first) = refusals.next() else { return Ok(()) };
        first.faults.extend(refusals.flat_map(|r| r.faults));
        Err(first)
    }

    /// What the log says of it: the first code and message.
    pub fn told(&self) -> (String, &str) {
        let fault = &self.faults[0];
        (fault.code.to_lowercase().replace('_', " "), &fault.message)
    }

    /// Whether the registry itself is at fault.
    pub fn is_own(&self) -> bool {
        self.status.is_server_error()
    }

    /// The answer on the wire.
    pub fn response(&self) -> Response<Body> {
        #[derive(Serialize)]
        struct Errors<'a> {
            errors: &'a [Fault],
        }
        let mut body = serde_json::to_string(&Errors { errors: &self.faults }).unwrap_or_default();
        body.push('\n');
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(challenge) = self.challenge.as_deref().and_then(|c| HeaderValue::from_str(c).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Refusal {
        Refusal::about(Code::Unknown, crate::units::c_words(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_are_told_in_its_own_words() {
        let refusal = Refusal::from(std::io::Error::from_raw_os_error(libc::ENOSPC));
        assert_eq!(refusal.faults[0].detail, Some("No space left on device".into()));
        assert!(refusal.is_own());
    }
}
