//! `--push`: once an image is built the engine pushes it, and the build's trace tells of that too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::solve::write;
use crate::docker::client::Request;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::Failure;
use crate::docker::progressui::Display;
use crate::docker::reference::Reference;
use crate::trace::{News, Status, Vertex};

/// Pushes the image `name`.
pub async fn push(c: &Context, name: &str, display: &mut Display) -> Result<(), Failure> {
    let mut step = Vertex {
        // It stands among those of the engine, whose names are digests.
        digest: format!("push:{name}"),
        name: format!("pushing {name} with docker"),
        started: Some(Timestamp::now()),
        ..Vertex::default()
    };
    write(&display.update(News { vertexes: vec![step.clone()], ..News::default() }));
    let mut layers = BTreeMap::new();
    let pushed = layers_of(c, name, &step.digest, &mut layers, display).await;
    let now = Some(Timestamp::now());
    for layer in layers.values_mut().filter(|layer| layer.completed.is_none()) {
        layer.completed = now;
    }
    step.completed = now;
    step.error = pushed.as_ref().err().map(|failure| failure.text.clone()).unwrap_or_default();
    write(&display.update(News { vertexes: vec![step], statuses: layers.into_values().collect(), ..News::default() }));
    pushed
}

async fn layers_of(
    c: &Context,
    name: &str,
    step: &str,
    layers: &mut BTreeMap<String, Status>,
    display: &mut Display,
) -> Result<(), Failure> {
    let mut reference = Reference::parse(name)?;
    reference.default_tag();
    let mut request = Request::post(format!("/images/{}/push", reference.full_name()))
        .header("X-Registry-Auth", config::registry_auth(&c.config, &reference.domain));
    if let Some(tag) = &reference.tag {
        request = request.query("tag", tag.clone());
    }
    let mut answer = c.client()?.send(request).await?;
    let (mut buffer, mut failed) = (Vec::new(), None);
    while let Some(bytes) = answer.chunk().await? {
        buffer.extend_from_slice(&bytes);
        // Messages are lines.
        let Some(end) = buffer.iter().rposition(|b| *b == b'\n') else { continue };
        let lines: Vec<u8> = buffer.drain(..=end).collect();
        let mut statuses = Vec::new();
        for message in lines.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Json>(line).ok()) {
            if let Some(error) = message.get("error").and_then(Json::as_str) {
                failed = Some(Failure::new(error));
            }
            statuses.extend(layer(&message, step, layers));
        }
        write(&display.update(News { statuses, ..News::default() }));
    }
    failed.map_or(Ok(()), Err)
}

/// How far a layer is, by one message.
fn layer(message: &Json, step: &str, layers: &mut BTreeMap<String, Status>) -> Option<Status> {
    let id = format!("pushing layer {}", message.get("id")?.as_str()?);
    let progress = message.get("progressDetail").filter(|detail| detail.get("total").is_some() || detail.get("current").is_some());
    let done = message.get("status").and_then(Json::as_str) == Some("Pushed");
    let now = Some(Timestamp::now());
    if !layers.contains_key(&id) && progress.is_none() && !done {
        return None;
    }
    let begun = || Status { id: id.clone(), vertex: step.to_owned(), started: now, ..Status::default() };
    let status = layers.entry(id.clone()).or_insert_with(begun);
    status.timestamp = now;
    if let Some(progress) = progress {
        let number = |key: &str| progress.get(key).and_then(Json::as_i64).unwrap_or(0);
        (status.current, status.total) = (number("current"), number("total"));
    }
    if done {
        (status.current, status.completed) = (status.total, now);
    }
    Some(status.clone())
}
