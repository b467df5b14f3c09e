//! `GET /images/get`, `POST /images/load` and `POST /images/NAME/push`.

use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::blocking;
use crate::Engine;
use crate::dockerapi::ApiError;
use crate::dockerapi::auth::credentials;
use crate::dockerapi::bodies::{self, BodyReader};
use crate::dockerapi::params::Params;
use crate::dockerapi::progress::stream_operation;
use crate::image::Reference;

/// `GET /images/get?names=…`
pub async fn save_named(State(engine): State<Arc<Engine>>, params: Params) -> Result<Response, ApiError> {
    let names: Vec<String> = params.all("names").map(str::to_owned).collect();
    save(engine, names).await
}

/// Streams a tar of the images; whatever is wrong with a name is an error status.
pub async fn save(engine: Arc<Engine>, names: Vec<String>) -> Result<Response, ApiError> {
    let plan = blocking(&engine, move |engine| engine.images.save_plan(&names)).await?;
    let (mut writer, body) = bodies::channel();
    tokio::task::spawn_blocking(move || match engine.images.save(&plan, &mut writer) {
        // An error here means that the client is gone.
        Ok(()) => drop(writer.flush()),
        Err(error) => writer.fail(error),
    });
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    Ok(response)
}

/// `POST /images/load`
pub async fn load(State(engine): State<Arc<Engine>>, params: Params, request: Request) -> Result<Response, ApiError> {
    let quiet = params.flag("quiet");
    let mut reader = BodyReader::new(request.into_body());
    stream_operation(engine, true, move |engine, report| {
        let done = engine.images.load(&mut reader, quiet, report);
        // The client sends to the end whatever became of it here.
        let _ = io::copy(&mut reader, &mut io::sink());
        done
    })
    .await
}

/// `POST /images/NAME/push`
pub async fn push(engine: Arc<Engine>, name: String, params: Params, request: Request) -> Result<Response, ApiError> {
    let reference = Reference::parse_normalized(&name)?;
    let reference = match params.get("tag") {
        Some(tag) if Reference::is_tag(tag) => reference.with_tag(tag),
        Some(_) => return Err(ApiError::invalid("invalid tag format")),
        None => reference,
    };
    let credentials = credentials(request.headers());
    stream_operation(engine, false, move |engine, report| engine.images.push(&reference, credentials, report)).await
}
