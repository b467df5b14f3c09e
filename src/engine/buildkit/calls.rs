//! Calls that come in.

use std::future::poll_fn;

use bytes::Bytes;
use h2::server::SendResponse;
use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};
use prost::Message;
use tokio::task::JoinSet;

use super::caller::Inbound;
use super::connection::{self, Connection};
use super::status::{self, Status};
use super::stream::{Incoming, Outgoing};

/// Takes calls until the other side hangs up; what they have begun ends with it. `handle` is given each with its path.
pub async fn serve<F>(connection: Connection, handle: impl Fn(String, Call) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(mut connection) = connection::called(connection).await else { return };
    let mut calls = JoinSet::new();
    while let Some(Ok((request, answer))) = connection.accept().await {
        let (head, body) = request.into_parts();
        let call = Call { headers: head.headers, incoming: Incoming::new(body), answer };
        calls.spawn(handle(head.uri.path().to_owned(), call));
        // Those that are done are forgotten.
        while calls.try_join_next().is_some() {}
    }
}

/// A call that came in.
pub struct Call {
    pub headers: HeaderMap,
    pub incoming: Incoming,
    answer: SendResponse<Bytes>,
}

impl Call {
    /// The only message of a call.
    pub async fn message<M: Message + Default>(&mut self) -> Result<M, Status> {
        self.incoming.message().await?.ok_or_else(|| Status::new(status::INTERNAL, "the call says nothing"))
    }

    /// Waits for `work`, and drops it where the caller wants no answer any more.
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

    /// A call with streams both ways: its headers, the answer to be, what comes in.
    pub fn stream(mut self) -> Result<(HeaderMap, Outgoing, Inbound), Status> {
        let out = self.begin()?;
        Ok((self.headers, out, Inbound::Asked(self.incoming)))
    }

    /// An answer of one message.
    pub async fn reply(&mut self, message: &impl Message) -> Result<(), Status> {
        let mut out = self.begin()?;
        // What fails from here on cannot be told any more.
        if out.message(message).await.is_ok() {
            let _ = out.trailers(Status::well());
        }
        Ok(())
    }

    /// An answer that is an error alone. Nothing may have been answered before.
    pub fn refuse(&mut self, status: &Status) {
        let mut response = hyper::Response::new(());
        *response.headers_mut() = status.trailers();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        // A caller that is gone needs no answer.
        let _ = self.answer.send_response(response, true);
    }
}

/// What is called that is not there.
pub fn unknown(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    Status::new(status::UNIMPLEMENTED, format!("unknown method {method} for service {service}"))
}
