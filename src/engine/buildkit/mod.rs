//! BuildKit's own protocol as both sides speak it: gRPC over HTTP/2, on a connection that began as an HTTP/1 request. On `/grpc` the
//! client asks; on `/session` it is asked, for the files, secrets and logins of its machine.
//!
//! `connection` begins it, `caller` calls, `calls` are taken, `stream` has messages on a call, `messages` what they say, `status` how a
//! call fails, `transfer` whole folders. Nothing here knows what a build is, or whose side it is on.

pub mod caller;
pub mod calls;
pub mod connection;
pub mod headers;
pub mod messages;
pub mod methods;
pub mod status;
pub mod stream;
pub mod transfer;

pub use caller::{Caller, Inbound};
pub use calls::{Call, serve};
pub use status::Status;
pub use stream::Outgoing;
