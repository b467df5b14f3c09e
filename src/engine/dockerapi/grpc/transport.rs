//! Connections that stop being HTTP/1, and whose calls they are.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::{Desk, control, gateway};
use crate::buildkit::connection::Connection;
use crate::buildkit::{Call, Status, calls};
use crate::dockerapi::ApiError;

/// A connection to be, once the client has its answer.
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

/// Takes a client's calls until it hangs up; what they have begun ends with it.
pub async fn serve(connection: Connection, desk: Desk) {
    calls::serve(connection, move |path, mut call| {
        let desk = desk.clone();
        async move {
            if let Err(status) = answer(&mut call, &path, &desk).await {
                call.refuse(&status);
            }
        }
    })
    .await;
}

async fn answer(call: &mut Call, path: &str, desk: &Desk) -> Result<(), Status> {
    match path.strip_prefix("/moby.buildkit.v1.").and_then(|method| method.split_once('/')) {
        Some(("Control", "Status")) => control::status(call, desk).await,
        Some(("Control", "Prune")) => control::prune(call, desk).await,
        Some(("Control", "ListenBuildHistory")) => control::history(call).await,
        Some(("Control", method)) => control::answer(call, desk, method).await,
        Some(("frontend.LLBBridge", method)) => gateway::answer(call, desk, method).await,
        _ => Err(calls::unknown(path)),
    }
}
