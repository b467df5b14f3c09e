//! The routes of execs: further processes in a running container.

use std::sync::Arc;

use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Query;
use super::lifecycle::size;
use super::stream::{Hijacked, Input, escape_keys, hijack};
use crate::Engine;
use crate::container::{Exec, ExecRequest, Stream};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;
use crate::dockerapi::sent::Sent;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct CreateBody {
    user: Option<String>,
    privileged: Option<bool>,
    tty: Option<bool>,
    attach_stdin: Option<bool>,
    attach_stderr: Option<bool>,
    attach_stdout: Option<bool>,
    detach_keys: Option<String>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    cmd: Option<Vec<String>>,
    console_size: Option<[u16; 2]>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StartBody {
    detach: Option<bool>,
    tty: Option<bool>,
    console_size: Option<[u16; 2]>,
}

pub async fn create(State(engine): State<Arc<Engine>>, Path(id): Path<String>, sent: Sent) -> Result<Response, ApiError> {
    let body: CreateBody = sent.json("ExecConfig")?;
    if body.cmd.as_ref().is_none_or(Vec::is_empty) {
        return Err(ApiError::invalid("No exec command specified"));
    }
    let container = engine.containers.get(&id)?;
    let size = body.console_size.unwrap_or_default();
    let request = ExecRequest {
        args: body.cmd.unwrap_or_default(),
        env: body.env.unwrap_or_default(),
        user: body.user.unwrap_or_default(),
        working_dir: body.working_dir.unwrap_or_default(),
        tty: body.tty.unwrap_or_default(),
        attach_stdin: body.attach_stdin.unwrap_or_default(),
        attach_stdout: body.attach_stdout.unwrap_or_default(),
        attach_stderr: body.attach_stderr.unwrap_or_default(),
        privileged: body.privileged.unwrap_or_default(),
        detach_keys: body.detach_keys.unwrap_or_default(),
        console_size: (size[0], size[1]),
    };
    let id = engine.containers.exec_create(&container, request)?;
    Ok((StatusCode::CREATED, Json(json!({ "Id": id }))).into_response())
}

struct ExecInput(Arc<Exec>);

impl Input for ExecInput {
    async fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_stdin(bytes).await
    }

    async fn close(&self) {
        self.0.close_stdin().await;
    }
}

pub async fn start(State(engine): State<Arc<Engine>>, Path(id): Path<String>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let mut bare = Request::new(body);
    bare.headers_mut().clone_from(&parts.headers);
    let body: StartBody = Sent::from_request(bare, &()).await?.json("ExecStartCheck")?;
    let mut request = Request::from_parts(parts, axum::body::Body::empty());
    let exec = engine.containers.exec(&id)?;
    engine.containers.exec_check(&exec)?;
    let console = body.console_size.map(|[rows, columns]| (rows, columns));
    if body.detach == Some(true) {
        engine.containers.exec_start(&exec, console).await?;
        return Ok(StatusCode::OK.into_response());
    }
    // Whether there is a terminal was said before; whether the answer comes in frames is said now, and may be otherwise.
    let tty = body.tty == Some(true);
    let keys = escape_keys(&exec.request.detach_keys, exec.request.tty)?;
    let output = match engine.containers.exec_start(&exec, console).await {
        Ok(output) => output,
        // The answer is a stream already when the program turns out to be missing, so Docker says so in the stream.
        Err(error) => {
            let (sender, receiver) = tokio::sync::mpsc::channel(1);
            let _ = sender.send((Stream::Stdout, bytes::Bytes::from(format!("{error}\r\n")))).await;
            receiver
        }
    };
    let input = exec.request.attach_stdin.then(|| ExecInput(Arc::clone(&exec)));
    Ok(hijack(&mut request, Hijacked { tty, past: None, output, keys }, input).await)
}

pub async fn resize(State(engine): State<Arc<Engine>>, Path(id): Path<String>, query: Query) -> Result<StatusCode, ApiError> {
    let (rows, columns) = size(&query)?;
    engine.containers.exec(&id)?.resize(rows, columns).await;
    Ok(StatusCode::OK)
}

pub async fn inspect(State(engine): State<Arc<Engine>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let exec = engine.containers.exec(&id)?;
    let (request, state) = (&exec.request, exec.state());
    let mut config = json!({
        "tty": request.tty,
        "entrypoint": request.args.first(),
        "arguments": request.args.get(1..).unwrap_or_default(),
        "privileged": request.privileged,
    });
    if let (false, Some(fields)) = (request.user.is_empty(), config.as_object_mut()) {
        fields.insert("user".to_owned(), request.user.clone().into());
    }
    Ok(Json(json!({
        "ID": exec.id,
        "Running": state.running,
        "ExitCode": state.exit_code,
        "ProcessConfig": config,
        "OpenStdin": request.attach_stdin,
        "OpenStderr": request.attach_stderr,
        "OpenStdout": request.attach_stdout,
        "CanRemove": false,
        "ContainerID": exec.container.id(),
        "DetachKeys": request.detach_keys,
        "Pid": state.pid,
    }))
    .into_response())
}
