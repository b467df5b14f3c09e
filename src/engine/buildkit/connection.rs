//! The connection under the calls, and what may be on its way on it.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use super::caller::Caller;
use super::status::Status;

/// A connection that has stopped being HTTP/1.
pub type Connection = TokioIo<Upgraded>;

/// As much as may be on its way without having been read.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// What h2 lets small pieces cost before it takes the other side for an attacker: with a message for each file there are many, and the
/// windows bound them already.
const SMALL_PIECES: usize = 64 << 20;
/// As long as all headers of a call may be together, and as many calls as may be open at once.
const HEADERS_MAX: u32 = 1 << 20;
const CALLS_MAX: u32 = 256;

/// The limits, which both sides have.
macro_rules! limited {
    ($builder:expr) => {{
        let mut builder = $builder;
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .data_frame_budget(SMALL_PIECES)
            .max_header_list_size(HEADERS_MAX)
            .max_concurrent_streams(CALLS_MAX);
        builder
    }};
}

/// The side that is called.
pub async fn called(connection: Connection) -> Result<h2::server::Connection<Connection, Bytes>, Status> {
    Ok(limited!(h2::server::Builder::new()).handshake(connection).await?)
}

/// The side that calls. The future is the connection: it must be driven, and ends with it.
pub async fn calling(connection: Connection) -> Result<(Caller, impl Future<Output = ()> + Send), Status> {
    let mut builder = limited!(h2::client::Builder::new());
    let (requests, connection) = builder.enable_push(false).handshake::<_, Bytes>(connection).await?;
    // However it ends, it is over.
    Ok((Caller::new(requests), async { drop(connection.await) }))
}
