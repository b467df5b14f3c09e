//! Messages on one HTTP/2 stream: a byte that says whether it is compressed, four with the length, the message.

use std::future::poll_fn;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use hyper::HeaderMap;
use prost::Message;

use super::status::{self, Status};

/// As long as a message may be.
const MESSAGE_MAX: usize = 16 << 20;
const HEAD: usize = 5;

/// The messages of the other side.
pub struct Incoming {
    body: RecvStream,
    buffer: BytesMut,
}

impl Incoming {
    pub fn new(body: RecvStream) -> Incoming {
        Incoming { body, buffer: BytesMut::new() }
    }

    /// The next message, without reading what it says; `None` at the end.
    pub async fn bytes(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if self.buffer.len() >= HEAD {
                let length = (&self.buffer[1..HEAD]).get_u32() as usize;
                if self.buffer[0] != 0 {
                    return Err(Status::new(status::UNIMPLEMENTED, "compressed messages are not taken here"));
                }
                if length > MESSAGE_MAX {
                    let message = format!("grpc: received message larger than max ({length} vs. {MESSAGE_MAX})");
                    return Err(Status::new(status::EXHAUSTED, message));
                }
                if self.buffer.len() >= HEAD + length {
                    self.buffer.advance(HEAD);
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
            }
            match self.body.data().await {
                Some(piece) => {
                    let piece = piece?;
                    self.body.flow_control().release_capacity(piece.len())?;
                    self.buffer.extend_from_slice(&piece);
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Status::new(status::INTERNAL, "the stream ended within a message")),
            }
        }
    }

    /// The next message; `None` at the end.
    pub async fn message<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        let Some(bytes) = self.bytes().await? else { return Ok(None) };
        read(bytes).map(Some)
    }

    /// What stands behind the messages.
    pub async fn trailers(&mut self) -> Result<Option<HeaderMap>, Status> {
        Ok(self.body.trailers().await?)
    }
}

/// Reads a message.
pub fn read<M: Message + Default>(bytes: Bytes) -> Result<M, Status> {
    M::decode(bytes).map_err(|e| Status::new(status::INTERNAL, format!("grpc: error unmarshalling request: {e}")))
}

/// Messages to the other side.
pub struct Outgoing(SendStream<Bytes>);

impl Outgoing {
    pub fn new(stream: SendStream<Bytes>) -> Outgoing {
        Outgoing(stream)
    }

    /// Sends a message; waits where the other side is slow.
    pub async fn message(&mut self, message: &impl Message) -> Result<(), Status> {
        self.bytes(&message.encode_to_vec()).await
    }

    /// Sends a message that is bytes already.
    pub async fn bytes(&mut self, message: &[u8]) -> Result<(), Status> {
        let mut framed = BytesMut::with_capacity(HEAD + message.len());
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).map_err(|_| Status::new(status::EXHAUSTED, "a message is too long"))?);
        framed.extend_from_slice(message);
        let mut rest = framed.freeze();
        while !rest.is_empty() {
            self.0.reserve_capacity(rest.len());
            let room = poll_fn(|cx| self.0.poll_capacity(cx)).await;
            let room = room.ok_or_else(|| Status::new(status::UNAVAILABLE, "the stream is closed"))??;
            self.0.send_data(rest.split_to(room.min(rest.len())), false)?;
        }
        Ok(())
    }

    /// No more messages follow.
    pub fn end(&mut self) -> Result<(), Status> {
        Ok(self.0.send_data(Bytes::new(), true)?)
    }

    /// The end of an answer.
    pub fn trailers(&mut self, trailers: HeaderMap) -> Result<(), Status> {
        Ok(self.0.send_trailers(trailers)?)
    }

    /// Waits until the other side wants no more.
    pub async fn reset(&mut self) {
        let _ = poll_fn(|cx| self.0.poll_reset(cx)).await;
    }
}
