//! The sessions that clients hold open: connections on which the engine calls the client.

use std::collections::HashSet;
use std::sync::Arc;

use axum::http::HeaderMap;

use super::awaited::Awaited;
use crate::buildkit::connection::{Connection, calling};
use crate::buildkit::{Caller, Status};
use crate::dockerapi::ApiError;

/// What a client says of the session that it opens.
pub struct Offer {
    id: String,
    key: String,
    methods: HashSet<String>,
}

impl Offer {
    pub fn read(headers: &HeaderMap) -> Result<Offer, ApiError> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let id = text("x-docker-expose-session-uuid");
        if id.is_empty() {
            return Err(ApiError::invalid("the session has no id (X-Docker-Expose-Session-Uuid)"));
        }
        let methods = headers.get_all("x-docker-expose-session-grpc-method").iter();
        let methods = methods.filter_map(|value| Some(value.to_str().ok()?.to_ascii_lowercase())).collect();
        Ok(Offer { id, key: text("x-docker-expose-session-sharedkey"), methods })
    }
}

/// The sessions that are open.
#[derive(Default)]
pub struct Sessions(Awaited<Session>);

impl Sessions {
    /// Keeps a session as long as its connection lasts.
    pub async fn hold(&self, offer: Offer, connection: Connection) {
        let Ok((caller, driven)) = calling(connection).await else { return };
        let session = Arc::new(Session { offer, caller });
        self.0.put(session.id(), Arc::clone(&session));
        driven.await;
        self.0.remove(session.id(), &session);
    }

    /// The session `id`, which may be about to be opened.
    pub async fn get(&self, id: &str) -> Result<Arc<Session>, Status> {
        self.0.get(id).await.ok_or_else(|| Status::unknown(format!("no active session for {id}: context deadline exceeded")))
    }
}

/// A client that can be called.
pub struct Session {
    offer: Offer,
    pub caller: Caller,
}

impl Session {
    pub fn id(&self) -> &str {
        &self.offer.id
    }

    /// What builds of the same folder have in common; empty where the client does not say.
    pub fn shared_key(&self) -> &str {
        &self.offer.key
    }

    /// Whether the client has a method.
    pub fn offers(&self, method: &str) -> bool {
        self.offer.methods.contains(&method.to_ascii_lowercase())
    }
}
