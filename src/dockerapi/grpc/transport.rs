//! Connections that stop being HTTP/1 and carry HTTP/2, and the calls that come in on them.

use std::future::{Future, poll_fn};

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use h2::server::SendResponse;
use hyper::HeaderMap;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::status::{self, Status};
use super::stream::{Incoming, Outgoing};
use super::{Desk, control, gateway};
use crate::dockerapi::ApiError;

/// A connection, once the client has its answer.
pub type Connection = TokioIo<Upgraded>;

/// As much as may be on its way without having been read.
pub const STREAM_WINDOW: u32 = 1 << 20;
pub const CONNECTION_WINDOW: u32 = 8 << 20;
/// What h2 lets small pieces cost before it takes a client for an attacker: with a message for each file there are many, and the windows
/// bound them already.
pub const SMALL_PIECES: usize = 64 << 20;
/// As long as all headers of a call may be together, and as many calls as may be open at once.
const HEADERS_MAX: u32 = 1 << 20;
const CALLS_MAX: u32 = 256;

/// A connection to be.
pub struct Waiting(OnUpgrade);

impl Waiting {
    pub async fn wait(self) -> Option<Connection> {
        self.0.await.ok().map(TokioIo::new)
    }
}

/// Answers a request that wants to go on with HTTP/2.
pub fn upgrade(request: &mut Request) -> Result<(Waiting, Response), ApiError> {
    let wanted = request.headers().get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"h2c"));
    let upgrade = if wanted { request.extensions_mut().remove::<OnUpgrade>() } else { None };
    let upgrade = upgrade.ok_or_else(|| ApiError::invalid("no upgrade proto in request"))?;
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("h2c"));
    Ok((Waiting(upgrade), response))
}

/// Takes calls until the client hangs up; what they have begun ends with it.
pub async fn serve(connection: Connection, desk: Desk) {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(SMALL_PIECES)
        .max_header_list_size(HEADERS_MAX)
        .max_concurrent_streams(CALLS_MAX);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(connection).await else { return };
    let mut calls = JoinSet::new();
    while let Some(Ok((request, answer))) = connection.accept().await {
        let (head, body) = request.into_parts();
        let desk = desk.clone();
        calls.spawn(
            async move { Call { headers: head.headers, incoming: Incoming::new(body), answer, desk }.answer(head.uri.path()).await },
        );
        // Those that are done are forgotten.
        while calls.try_join_next().is_some() {}
    }
}

/// A call of a client's.
pub struct Call {
    pub headers: HeaderMap,
    pub incoming: Incoming,
    pub desk: Desk,
    answer: SendResponse<Bytes>,
}

impl Call {
    async fn answer(mut self, path: &str) {
        let path = path.to_owned();
        let done = match path.split_once("moby.buildkit.v1.").filter(|(front, _)| *front == "/").map(|(_, method)| method) {
            Some("Control/Status") => control::status(&mut self).await,
            Some("Control/Prune") => control::prune(&mut self).await,
            Some("Control/ListenBuildHistory") => control::history(&mut self).await,
            Some(method) => match method.split_once('/') {
                Some(("Control", method)) => control::answer(&mut self, method).await,
                Some(("frontend.LLBBridge", method)) => gateway::answer(&mut self, method).await,
                _ => Err(unknown(&path)),
            },
            None => Err(unknown(&path)),
        };
        if let Err(status) = done {
            let mut response = hyper::Response::new(());
            *response.headers_mut() = status.trailers();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            // A client that is gone needs no answer.
            let _ = self.answer.send_response(response, true);
        }
    }

    /// The only message of a call.
    pub async fn message<M: prost::Message + Default>(&mut self) -> Result<M, Status> {
        self.incoming.message().await?.ok_or_else(|| Status::new(status::INTERNAL, "the call says nothing"))
    }

    /// Waits for `work`, and drops it where the client wants no answer any more.
    pub async fn wanted<T>(&mut self, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        tokio::select! {
            done = work => done,
            _ = poll_fn(|cx| self.answer.poll_reset(cx)) => Err(Status::new(status::CANCELLED, crate::trace::CANCELLED)),
        }
    }

    /// Begins an answer.
    pub fn begin(&mut self) -> Result<Outgoing, Status> {
        let mut response = hyper::Response::new(());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        Ok(Outgoing::new(self.answer.send_response(response, false)?))
    }

    /// An answer of one message.
    pub async fn reply(&mut self, message: &impl prost::Message) -> Result<(), Status> {
        let mut out = self.begin()?;
        // What fails from here on cannot be told any more.
        if out.message(message).await.is_ok() {
            let _ = out.trailers(well());
        }
        Ok(())
    }
}

/// The end of an answer with which all is well.
pub fn well() -> HeaderMap {
    Status::new(0, "").trailers()
}

/// What is called that is not there.
pub fn unknown(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    Status::new(status::UNIMPLEMENTED, format!("unknown method {method} for service {service}"))
}
