//! Calls to the other side.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Version};
use prost::Message;

use super::status::{self, Status};
use super::stream::{Incoming, Outgoing, read};

/// Calls what is at the other end of a connection; clones call the same.
#[derive(Clone)]
pub struct Caller(SendRequest<Bytes>);

impl Caller {
    pub fn new(requests: SendRequest<Bytes>) -> Caller {
        Caller(requests)
    }

    /// Begins a call.
    pub async fn open(&self, method: &str, headers: &[(&str, &str)]) -> Result<(Outgoing, Inbound), Status> {
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
        let mut requests = self.0.clone().ready().await?;
        let (response, stream) = requests.send_request(request, false)?;
        Ok((Outgoing::new(stream), Inbound::Coming(response)))
    }

    /// Begins a call that asks with one message.
    pub async fn ask(&self, method: &str, headers: &[(&str, &str)], message: &impl Message) -> Result<Inbound, Status> {
        let (mut out, inbound) = self.open(method, headers).await?;
        // Where sending fails the answer says why.
        if out.message(message).await.is_ok() {
            let _ = out.end();
        }
        Ok(inbound)
    }

    /// Calls with one message for one.
    pub async fn call<M: Message + Default>(&self, method: &str, headers: &[(&str, &str)], message: &impl Message) -> Result<M, Status> {
        let mut inbound = self.ask(method, headers, message).await?;
        let bytes = inbound.bytes().await?.ok_or_else(|| Status::new(status::INTERNAL, format!("{method} says nothing")))?;
        read(bytes)
    }
}

/// The messages that come in on a call, on either side of it.
pub enum Inbound {
    /// An answer that has not begun.
    Coming(ResponseFuture),
    /// An answer.
    There(Incoming),
    /// What the caller says: it has no status at its end.
    Asked(Incoming),
    Over,
}

impl Inbound {
    /// Whether it answers what this side has asked.
    pub fn is_answer(&self) -> bool {
        matches!(self, Inbound::Coming(_) | Inbound::There(_))
    }

    /// The next message; `None` at the end, where all went well.
    pub async fn bytes(&mut self) -> Result<Option<Bytes>, Status> {
        if let Inbound::Coming(response) = self {
            let (head, body) = response.await?.into_parts();
            // An answer may be its end alone.
            if head.headers.contains_key("grpc-status") {
                *self = Inbound::Over;
                return Status::read(&head.headers).map_or(Ok(None), Err);
            }
            *self = Inbound::There(Incoming::new(body));
        }
        let (Inbound::There(incoming) | Inbound::Asked(incoming)) = self else { return Ok(None) };
        if let Some(bytes) = incoming.bytes().await? {
            return Ok(Some(bytes));
        }
        let trailers = match self {
            Inbound::There(incoming) => Some(incoming.trailers().await?.unwrap_or_default()),
            _ => None,
        };
        *self = Inbound::Over;
        trailers.and_then(|trailers| Status::read(&trailers)).map_or(Ok(None), Err)
    }
}
