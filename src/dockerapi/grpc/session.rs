//! The sessions that clients hold open: connections on which the engine calls the client.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Version};
use prost::Message;
use tokio::sync::Notify;

use super::status::{self, Status};
use super::stream::{Incoming, Outgoing, read};
use super::transport::{CONNECTION_WINDOW, Connection, SMALL_PIECES, STREAM_WINDOW};
use crate::dockerapi::ApiError;

/// How long a call waits for a session that is to come: clients open it beside the call that names it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a client says of the session that it opens.
pub struct Offer {
    id: String,
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
        Ok(Offer { id, methods })
    }
}

/// The sessions that are open.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<HashMap<String, Arc<Caller>>>,
    changed: Notify,
}

impl Sessions {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<Caller>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a session as long as its connection lasts.
    pub async fn hold(&self, offer: Offer, connection: Connection) {
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .data_frame_budget(SMALL_PIECES)
            .enable_push(false);
        let Ok((requests, connection)) = builder.handshake::<_, Bytes>(connection).await else { return };
        let id = offer.id.clone();
        let caller = Arc::new(Caller { offer, requests });
        self.open().insert(id.clone(), Arc::clone(&caller));
        self.changed.notify_waiters();
        // However it ends, it is over.
        let _ = connection.await;
        let mut open = self.open();
        if open.get(&id).is_some_and(|held| Arc::ptr_eq(held, &caller)) {
            open.remove(&id);
        }
    }

    /// The session `id`, which may be about to be opened.
    pub async fn get(&self, id: &str) -> Result<Arc<Caller>, Status> {
        let found = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(caller) = self.open().get(id).cloned() {
                    return caller;
                }
                changed.await;
            }
        };
        let missing = |_| Status::unknown(format!("no active session for {id}: context deadline exceeded"));
        tokio::time::timeout(PATIENCE, found).await.map_err(missing)
    }
}

/// A client that can be called.
pub struct Caller {
    offer: Offer,
    requests: SendRequest<Bytes>,
}

impl Caller {
    pub fn id(&self) -> &str {
        &self.offer.id
    }

    /// Whether the client has a method.
    pub fn offers(&self, method: &str) -> bool {
        self.offer.methods.contains(&method.to_ascii_lowercase())
    }

    /// Begins a call.
    pub async fn open(&self, method: &str, headers: &[(&str, &str)]) -> Result<(Outgoing, Answer), Status> {
        let wrong = |e: String| Status::new(status::INTERNAL, format!("{method} cannot be called: {e}"));
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = format!("http://localhost{method}").parse().map_err(|e| wrong(format!("{e}")))?;
        let of = request.headers_mut();
        of.insert("content-type", HeaderValue::from_static("application/grpc"));
        of.insert("te", HeaderValue::from_static("trailers"));
        for (name, value) in headers {
            let name = name.parse::<HeaderName>().map_err(|e| wrong(e.to_string()))?;
            of.append(name, HeaderValue::from_str(value).map_err(|e| wrong(e.to_string()))?);
        }
        let mut requests = self.requests.clone().ready().await?;
        let (response, stream) = requests.send_request(request, false)?;
        Ok((Outgoing::new(stream), Answer::Coming(response)))
    }

    /// Calls with one message for one.
    pub async fn call<M: Message + Default>(&self, method: &str, message: &impl Message) -> Result<M, Status> {
        let (mut out, mut answer) = self.open(method, &[]).await?;
        // Where sending fails the answer says why.
        if out.message(message).await.is_ok() {
            let _ = out.end();
        }
        let bytes = answer.bytes().await?.ok_or_else(|| Status::new(status::INTERNAL, format!("{method} says nothing")))?;
        read(bytes)
    }
}

/// What a client answers to a call.
pub enum Answer {
    Coming(ResponseFuture),
    There(Incoming),
    Over,
}

impl Answer {
    /// The next message; `None` at the end, where all went well.
    pub async fn bytes(&mut self) -> Result<Option<Bytes>, Status> {
        if let Answer::Coming(response) = self {
            let (head, body) = response.await?.into_parts();
            // An answer may be its end alone.
            if head.headers.contains_key("grpc-status") {
                *self = Answer::Over;
                return Status::read(&head.headers).map_or(Ok(None), Err);
            }
            *self = Answer::There(Incoming::new(body));
        }
        let Answer::There(incoming) = self else { return Ok(None) };
        if let Some(bytes) = incoming.bytes().await? {
            return Ok(Some(bytes));
        }
        let trailers = incoming.trailers().await?.unwrap_or_default();
        *self = Answer::Over;
        Status::read(&trailers).map_or(Ok(None), Err)
    }
}
