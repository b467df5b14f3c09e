//! `GET /containers/{id}/logs`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::stream::{content_type, frame};
use super::text::{log_time, moment};
use super::{Query, flag};
use crate::Engine;
use crate::container::{Container, LogOptions};
use crate::dockerapi::ApiError;

pub async fn logs(State(engine): State<Arc<Engine>>, Path(id): Path<String>, query: Query) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    let (stdout, stderr) = (flag(&query, "stdout"), flag(&query, "stderr"));
    if !stdout && !stderr {
        return Err(ApiError::invalid("Bad parameters: you must choose at least one stream"));
    }
    if container.record().host.log_config.kind == "none" {
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, "configured logging driver does not support reading"));
    }
    let time = |name: &str| match query.get(name).map_or("", String::as_str) {
        "" | "0" => Ok(None),
        text => moment(text).map(Some).ok_or_else(|| ApiError::invalid(format!("invalid value for \"{name}\": {text}"))),
    };
    let options = LogOptions {
        stdout,
        stderr,
        follow: flag(&query, "follow"),
        // Docker takes what is no number for "all".
        tail: query.get("tail").and_then(|t| t.parse().ok()),
        since: time("since")?,
        until: time("until")?,
    };
    let tty = container.record().config.tty;
    let pieces = frames(&engine, &container, options, tty, flag(&query, "timestamps"));
    let body = futures_util::stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), pieces))
    });
    Ok(([(header::CONTENT_TYPE, content_type(tty))], Body::from_stream(body)).into_response())
}

/// The log in the frames of the wire.
pub(super) fn frames(
    engine: &Engine,
    container: &Arc<Container>,
    options: LogOptions,
    tty: bool,
    timestamps: bool,
) -> mpsc::Receiver<Bytes> {
    let mut entries = engine.containers.logs(container, options);
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(entry) = entries.recv().await {
            let text = if timestamps { format!("{} {}", log_time(entry.time), entry.text) } else { entry.text };
            if sender.send(frame(tty, entry.stream, &Bytes::from(text))).await.is_err() {
                return;
            }
        }
    });
    receiver
}
