//! A socket in a build at which the agent of keys on the client's machine answers: bytes go through the client's session both ways.

use std::os::unix::net::UnixListener;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::session::Session;
use crate::build::Forwarding;
use crate::buildkit::messages::session::Piece;
use crate::buildkit::methods::{AGENT_FORWARD, AGENT_ID};
use crate::buildkit::status::{INTERNAL, Status};
use crate::buildkit::stream::read;
use crate::buildkit::transfer::PIECE;

/// Takes connections to the socket until what is given is dropped. Must be called within a runtime.
pub fn forward(session: Arc<Session>, id: &str, socket: UnixListener) -> Result<Forwarding, Status> {
    let failed = |e: std::io::Error| Status::new(INTERNAL, format!("cannot listen for the agent {id}: {e}"));
    socket.set_nonblocking(true).map_err(failed)?;
    let socket = tokio::net::UnixListener::from_std(socket).map_err(failed)?;
    let id = id.to_owned();
    let task = tokio::spawn(async move {
        // They end with this task.
        let mut connections = JoinSet::new();
        while let Ok((connection, _)) = socket.accept().await {
            let (session, id) = (Arc::clone(&session), id.clone());
            connections.spawn(async move {
                // Whoever asks sees that the connection ends.
                let _ = connect(&session, &id, connection).await;
            });
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Forwarding(task.abort_handle()))
}

/// One connection, until either side has no more to say.
async fn connect(session: &Session, id: &str, connection: UnixStream) -> Result<(), Status> {
    let lost = |e: std::io::Error| Status::new(INTERNAL, e.to_string());
    let (mut out, mut inbound) = session.caller.open(AGENT_FORWARD, &[(AGENT_ID, id)]).await?;
    let (mut asked, mut answers) = connection.into_split();
    let up = async {
        let mut buffer = vec![0; PIECE];
        loop {
            match asked.read(&mut buffer).await.map_err(lost)? {
                0 => return out.end(),
                count => out.message(&Piece { data: Bytes::copy_from_slice(&buffer[..count]) }).await?,
            }
        }
    };
    let down = async {
        while let Some(bytes) = inbound.bytes().await? {
            answers.write_all(&read::<Piece>(bytes)?.data).await.map_err(lost)?;
        }
        answers.shutdown().await.map_err(lost)
    };
    tokio::try_join!(up, down).map(drop)
}
