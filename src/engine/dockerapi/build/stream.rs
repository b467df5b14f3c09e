//! A build's news as Docker streams them: one JSON message a line; an error before the first of them is the answer itself.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::base64;
use crate::build::{BuildError, Note};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::to_stream_line;
use crate::dockerapi::progress;
use crate::image::Digest;
use crate::trace;

/// Where a build's news go. Whoever hung up misses them.
#[derive(Clone)]
pub struct Sender {
    messages: mpsc::UnboundedSender<Result<Bytes, BuildError>>,
    /// What is held back: a quiet build shows it only when it fails.
    held: Option<Arc<Mutex<Vec<u8>>>>,
}

/// The answer to be.
pub struct Answer(mpsc::UnboundedReceiver<Result<Bytes, BuildError>>);

pub fn channel(quiet: bool) -> (Sender, Answer) {
    let (messages, receiver) = mpsc::unbounded_channel();
    (Sender { messages, held: quiet.then(Arc::default) }, Answer(receiver))
}

impl Sender {
    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.messages.closed().await;
    }

    pub fn note(&self, note: &Note) {
        let line = match note {
            Note::Out(text) => json!({ "stream": text }),
            // Docker's builder colours what goes to standard error.
            Note::Error(text) => json!({ "stream": format!("\x1b[91m{text}\x1b[0m") }),
            Note::Pull(news) => progress::line(news),
            Note::Trace(news) => json!({ "id": "moby.buildkit.trace", "aux": base64::encode(&trace::wire::encode(news)) }),
            Note::Stage(id) => json!({ "aux": { "ID": id.to_string() } }),
        };
        match &self.held {
            Some(held) => held.lock().unwrap_or_else(PoisonError::into_inner).extend(to_stream_line(&line).unwrap_or_default()),
            None => self.send(&line),
        }
    }

    fn send(&self, line: &Value) {
        let _ = to_stream_line(line).map(|line| self.messages.send(Ok(line.into())));
    }

    /// The end of the build.
    pub fn finish(self, done: Result<Digest, BuildError>) {
        match (done, &self.held) {
            (Ok(id), Some(_)) => self.send(&json!({ "stream": format!("{id}\n") })),
            (Ok(_), None) => {}
            (Err(error), _) => self.fail(error),
        }
    }

    /// The end of a build in BuildKit's way, which may have made no image.
    pub fn finish_buildkit(self, done: Result<Option<Digest>, BuildError>) {
        match (done, &self.held) {
            (Ok(id), Some(_)) => {
                let id = id.map_or_else(String::new, |id| id.to_string());
                self.send(&json!({ "stream": format!("{id}\n") }));
            }
            (Ok(Some(id)), None) => self.send(&json!({ "id": "moby.image.id", "aux": { "ID": id.to_string() } })),
            (Ok(None), None) => {}
            (Err(error), _) => self.fail(error),
        }
    }

    fn fail(self, error: BuildError) {
        if let Some(held) = &self.held {
            let text = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
            if !text.is_empty() {
                let _ = self.messages.send(Ok(text.into()));
            }
        }
        let _ = self.messages.send(Err(error));
    }
}

impl Answer {
    /// Waits for the first message, which decides on the status.
    pub async fn respond(self) -> Result<Response, ApiError> {
        let Answer(mut receiver) = self;
        let first = receiver.recv().await;
        if let Some(Err(error)) = &first {
            let status = if error.invalid { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
            return Err(ApiError::new(status, error.message.clone()));
        }
        let Some(first) = first else { return Err(ApiError::internal("the build ended without a word")) };
        let rest = stream::unfold((Some(first), receiver), |(first, mut receiver)| async move {
            let next = match first {
                Some(first) => first,
                None => receiver.recv().await?,
            };
            Some((Ok::<_, Infallible>(next.unwrap_or_else(|error| error_line(&error))), (None, receiver)))
        });
        let mut response = Response::new(Body::from_stream(rest));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

fn error_line(error: &BuildError) -> Bytes {
    let detail = match error.code {
        Some(code) => json!({ "code": code, "message": error.message }),
        None => json!({ "message": error.message }),
    };
    to_stream_line(&json!({ "errorDetail": detail, "error": error.message })).unwrap_or_default().into()
}
