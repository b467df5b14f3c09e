//! Long operations as Docker streams them: one JSON message a line, an error status only before the first of them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ApiError;
use super::json::to_stream_line;
use crate::Engine;
use crate::image::{ImageError, Progress, Reporter};
use crate::units::human_size;

/// Runs a blocking operation and streams what it reports. If it fails before it has reported anything, the answer is the error,
/// unless `always_stream` says that errors too are messages.
pub async fn stream_operation(
    engine: Arc<Engine>,
    always_stream: bool,
    operation: impl FnOnce(&Engine, Reporter<'_>) -> Result<(), ImageError> + Send + 'static,
) -> Result<Response, ApiError> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Result<Bytes, ImageError>>();
    tokio::task::spawn_blocking(move || {
        let send = |line: Value| {
            // Whoever hung up misses the news; the operation goes on.
            let _ = to_stream_line(&line).map(|line| sender.send(Ok(line.into())));
        };
        let report = |progress: Progress| send(line(&progress));
        if let Err(error) = operation(&engine, &report) {
            let _ = sender.send(Err(error));
        }
    });
    let first = receiver.recv().await;
    if let Some(Err(error)) = first {
        if !always_stream {
            return Err(error.into());
        }
        return Ok(respond(Body::from(error_line(&error))));
    }
    let rest = stream::unfold((first, receiver), |(next, mut receiver)| async move {
        let item = next?;
        let bytes = item.unwrap_or_else(|error| error_line(&error));
        let next = receiver.recv().await;
        Some((Ok::<_, Infallible>(bytes), (next, receiver)))
    });
    Ok(respond(Body::from_stream(rest)))
}

fn respond(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn error_line(error: &ImageError) -> Bytes {
    let message = error.to_string();
    to_stream_line(&json!({ "errorDetail": { "message": message }, "error": message })).unwrap_or_default().into()
}

/// One message in Docker's form.
pub fn line(progress: &Progress) -> Value {
    match progress {
        Progress::Message { id: None, text } => json!({ "status": text }),
        Progress::Message { id: Some(id), text } => json!({ "status": text, "id": id }),
        Progress::Update { id, text, current: 0, total: 0 } => json!({ "status": text, "progressDetail": {}, "id": id }),
        Progress::Update { id, text, current, total } => json!({
            "status": text,
            "progressDetail": { "current": current, "total": total },
            "progress": bar(*current, *total),
            "id": id,
        }),
        Progress::Pushed { tag, digest, size } => {
            json!({ "progressDetail": {}, "aux": { "Tag": tag, "Digest": digest, "Size": size } })
        }
        Progress::Stream(text) => json!({ "stream": text }),
    }
}

/// `[=====>     ]  1.5MB/6MB`
fn bar(current: u64, total: u64) -> String {
    let (current_size, total_size) = (human_size(current as f64, 4), human_size(total as f64, 4));
    if total == 0 {
        return format!("{current_size:>8}");
    }
    let filled = usize::try_from(current.saturating_mul(50) / total).unwrap_or(50).min(50);
    let numbers = if current > total { format!("{current_size:>8}") } else { format!("{current_size:>8}/{total_size}") };
    format!("[{}>{}] {numbers}", "=".repeat(filled), " ".repeat(50 - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_dockers() {
        assert_eq!(bar(66_048, 6_000_000), "[>                                                  ]  66.05kB/6MB");
        assert_eq!(bar(1_573_376, 6_000_000), "[=============>                                     ]  1.573MB/6MB");
        assert_eq!(bar(6_001_664, 6_000_000), "[==================================================>]  6.002MB");
        assert_eq!(bar(2_129_920, 1_984_213), "[==================================================>]   2.13MB");
    }
}
