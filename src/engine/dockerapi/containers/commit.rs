//! `POST /commit`: an image out of a container.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Query;
use crate::Engine;
use crate::container::Status;
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;
use crate::dockerapi::params::Params;
use crate::dockerapi::sent::Sent;
use crate::image::{CommitRequest, Digest, RunConfig, tag_reference};

pub async fn commit(State(engine): State<Arc<Engine>>, query: Query, params: Params, sent: Sent) -> Result<Response, ApiError> {
    sent.check_kind()?;
    let over: Option<RunConfig> = sent.optional("ContainerConfigWrapper")?;
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let container = engine.containers.get(&text("container"))?;
    let record = container.record();
    let mut config = record.config.clone();
    // The changes that a client makes by JSON are laid over the container's config.
    if let Some(over) = over {
        lay_over(&mut config, over);
    }
    // `changes` stands once for every `-c`.
    let changes: Vec<&str> = params.all("changes").collect();
    crate::image::apply_changes(&mut config, &changes)?;
    let (repo, tag) = (text("repo"), text("tag"));
    let reference = match (repo.is_empty(), tag.is_empty()) {
        (true, _) => None,
        (false, true) => Some(repo),
        (false, false) => Some(format!("{repo}:{tag}")),
    };
    let called = match &reference {
        Some(_) => tag_reference(&text("repo"), query.get("tag").map(String::as_str))?.familiar(),
        None => String::new(),
    };
    let message = text("comment");
    // Stopped meanwhile, so that the files fit together, unless the client wants it otherwise.
    let mut pause = record.state.status == Status::Running && !matches!(query.get("pause").map(String::as_str), Some("0" | "false"));
    if pause && let Err(error) = engine.containers.pause(&container).await {
        // One that has ended meanwhile changes no more.
        pause = false;
        engine.containers.wait_if_ending(&container).await;
        if container.record().state.status.is_running() {
            return Err(error.into());
        }
    }
    let work = {
        let (engine, container) = (Arc::clone(&engine), Arc::clone(&container));
        tokio::task::spawn_blocking(move || {
            let upper = container.dir().join("diff");
            engine.images.commit(CommitRequest {
                parent: record.image.parse::<Digest>().ok(),
                upper: &upper,
                config,
                container: record.id.clone(),
                container_config: Some(record.config.clone()),
                author: text_of(&query, "author"),
                message: text_of(&query, "comment"),
                reference,
            })
        })
    };
    let done = work.await;
    if let Ok(Ok(id)) = &done {
        engine.containers.tell(&container, "commit", &[("comment", message), ("imageID", id.to_string()), ("imageRef", called)]);
    }
    if pause {
        let _ = engine.containers.resume(&container).await;
    }
    let id = done.map_err(|e| ApiError::internal(e.to_string()))??;
    Ok((StatusCode::CREATED, Json(json!({ "Id": id.to_string() }))).into_response())
}

fn text_of(query: &Query, name: &str) -> String {
    query.get(name).cloned().unwrap_or_default()
}

fn lay_over(config: &mut RunConfig, over: RunConfig) {
    if over.cmd.is_some() {
        config.cmd = over.cmd;
    }
    if over.entrypoint.is_some() {
        config.entrypoint = over.entrypoint;
    }
    // What the container has and the client does not name stays.
    if let Some(mut env) = over.env {
        let name = |entry: &String| entry.split('=').next().unwrap_or_default().to_owned();
        let named: Vec<String> = env.iter().map(name).collect();
        env.extend(config.env.take().into_iter().flatten().filter(|entry| !named.contains(&name(entry))));
        config.env = Some(env);
    }
    if let Some(labels) = over.labels {
        config.labels.get_or_insert_default().extend(labels);
    }
    for (to, from) in [(&mut config.volumes, over.volumes), (&mut config.exposed_ports, over.exposed_ports)] {
        if let Some(from) = from {
            to.get_or_insert_default().extend(from);
        }
    }
    if over.healthcheck.is_some() {
        config.healthcheck = over.healthcheck;
    }
    if over.stop_signal.is_some() {
        config.stop_signal = over.stop_signal;
    }
    config.on_build = over.on_build.or(config.on_build.take());
    config.shell = over.shell.or(config.shell.take());
    for (to, from) in [(&mut config.user, over.user), (&mut config.working_dir, over.working_dir)] {
        if !from.is_empty() {
            *to = from;
        }
    }
}
