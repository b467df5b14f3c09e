//! BuildKit's own protocol, which clients with the buildx plugin speak: gRPC over HTTP/2 on a connection that began as an HTTP/1
//! request. On `/grpc` the client asks (`control`, `gateway`); on `/session` it is asked, for the files, secrets and logins of its
//! machine (`session`, `offers`). What a build is and does is the engine's; here is only how it is asked for and told of.
//!
//! How that is spoken is `crate::buildkit`'s; `transport` has the connections, `failure` how a build's failure is said, `job` the builds
//! that are under way with those who follow them. No bytes of a client end in a panic, and one that goes away ends what it asked for.

mod agents;
mod awaited;
mod capabilities;
mod control;
mod failure;
mod gateway;
mod job;
mod offers;
mod questions;
mod request;
mod session;
mod transport;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};

use super::ApiError;
use crate::Engine;
use job::Jobs;
pub use offers::Machine;
pub use request::export;
pub use session::Sessions;

/// What all calls see: the engine, the sessions that are open, the builds that are under way.
#[derive(Clone)]
struct Desk {
    engine: Arc<Engine>,
    sessions: Arc<Sessions>,
    jobs: Arc<Jobs>,
}

/// `/grpc` and `/session`.
pub fn router(sessions: Arc<Sessions>) -> Router<Arc<Engine>> {
    let jobs = Arc::<Jobs>::default();
    Router::new().route("/grpc", post(ask)).route("/session", post(session)).layer(Extension(sessions)).layer(Extension(jobs))
}

async fn ask(
    State(engine): State<Arc<Engine>>,
    Extension(sessions): Extension<Arc<Sessions>>,
    Extension(jobs): Extension<Arc<Jobs>>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let (upgraded, response) = transport::upgrade(&mut request)?;
    let desk = Desk { engine, sessions, jobs };
    tokio::spawn(async move {
        if let Some(connection) = upgraded.wait().await {
            transport::serve(connection, desk).await;
        }
    });
    Ok(response)
}

async fn session(Extension(sessions): Extension<Arc<Sessions>>, mut request: Request) -> Result<Response, ApiError> {
    let offer = session::Offer::read(request.headers())?;
    let (upgraded, response) = transport::upgrade(&mut request)?;
    tokio::spawn(async move {
        if let Some(connection) = upgraded.wait().await {
            sessions.hold(offer, connection).await;
        }
    });
    Ok(response)
}
