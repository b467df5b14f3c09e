//! Between the blocking engine and streamed bodies: a request's body as a reader, a writer as an answer's body.

use std::io::{self, Read, Write};

use axum::body::{Body, BodyDataStream};
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// As many pieces as wait for a slow client.
const PIECES: usize = 16;
const PIECE: usize = 64 << 10;

/// A request's body, to be read on a blocking thread.
pub struct BodyReader {
    stream: BodyDataStream,
    chunk: Bytes,
    handle: Handle,
}

impl BodyReader {
    /// Must be made on the runtime.
    pub fn new(body: Body) -> Self {
        BodyReader { stream: body.into_data_stream(), chunk: Bytes::new(), handle: Handle::current() }
    }
}

/// Reads a body to its end, for a client that sends all of it before it looks at the answer.
pub async fn drain(body: Body) {
    let mut body = body.into_data_stream();
    while let Some(Ok(_)) = body.next().await {}
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.handle.block_on(self.stream.next()) {
                None => return Ok(0),
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(e)) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, e)),
            }
        }
        let n = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}

/// Writes on a blocking thread what a client reads; fails once the client is gone.
pub struct BodyWriter {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// A body and its writer.
pub fn channel() -> (BodyWriter, Body) {
    let (sender, receiver) = mpsc::channel(PIECES);
    let body = Body::from_stream(stream::unfold(receiver, |mut receiver| async move {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        Some((piece, receiver))
    }));
    (BodyWriter { sender, buffer: Vec::with_capacity(PIECE) }, body)
}

impl BodyWriter {
    /// Breaks the answer off, so that the client sees that it is not whole.
    pub fn fail(self, error: impl std::fmt::Display) {
        // A client that is gone needs no telling.
        let _ = self.sender.blocking_send(Err(io::Error::other(error.to_string())));
    }
}

impl Write for BodyWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
