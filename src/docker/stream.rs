//! Moves bytes between a hijacked connection and the standard streams: raw or multiplexed output, typed input with the detach keys.

use std::io::{Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::client::{Answer, Hijacked};
use super::failure::Failure;
use super::terminal::EscapeFilter;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The engine closed it.
    Closed,
    /// The detach keys were typed.
    Detached,
}

/// What of the standard streams takes part.
pub struct Plan {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// Frames tell standard output from standard error.
    pub multiplexed: bool,
    /// The keys that detach; none where input is no terminal.
    pub detach: Option<Vec<u8>>,
}

/// Runs a hijacked stream until its output ends or the detach keys are typed.
pub async fn run(hijacked: Hijacked, plan: Plan) -> Result<End, Failure> {
    let Hijacked { stream, read_ahead, multiplexed } = hijacked;
    let (mut reading, mut writing) = tokio::io::split(stream);
    let frames = plan.multiplexed && multiplexed != Some(false);
    let mut output = std::pin::pin!(async move {
        let mut source = Source { ahead: read_ahead, rest: &mut reading };
        if frames { demultiplex(&mut source, plan.stdout, plan.stderr).await } else { copy_raw(&mut source).await }
    });
    if !plan.stdin {
        output.await?;
        return Ok(End::Closed);
    }
    let mut typed = read_stdin();
    let mut filter = plan.detach.map(EscapeFilter::new);
    loop {
        tokio::select! {
            biased;
            ended = &mut output => {
                ended?;
                return Ok(End::Closed);
            }
            chunk = typed.recv() => match chunk {
                Some(bytes) => {
                    let sent = match &mut filter {
                        None => writing.write_all(&bytes).await,
                        Some(filter) => {
                            let mut out = Vec::with_capacity(bytes.len());
                            let detach = filter.pass(&bytes, &mut out);
                            let sent = writing.write_all(&out).await;
                            if detach {
                                return Ok(End::Detached);
                            }
                            sent
                        }
                    };
                    if sent.is_err() {
                        break;
                    }
                }
                None => {
                    let _ = writing.shutdown().await;
                    break;
                }
            }
        }
    }
    output.await?;
    Ok(End::Closed)
}

/// Reads standard input on a thread of its own, which may be left behind in its `read` when the program ends.
pub fn read_stdin() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(8);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0u8; 32 * 1024];
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    if sender.blocking_send(Bytes::copy_from_slice(&buffer[..n])).is_err() {
                        break;
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    });
    receiver
}

/// Bytes in order: those that came with the head, then the connection's.
struct Source<'a, R> {
    ahead: Bytes,
    rest: &'a mut R,
}

impl<R: AsyncRead + Unpin> Source<'_, R> {
    async fn more(&mut self, buffer: &mut BytesMut) -> std::io::Result<usize> {
        if !self.ahead.is_empty() {
            let n = self.ahead.len();
            buffer.extend_from_slice(&self.ahead);
            self.ahead = Bytes::new();
            return Ok(n);
        }
        buffer.reserve(16 * 1024);
        match self.rest.read_buf(buffer).await {
            // A connection that is reset has ended: the engine's process may be gone.
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => Ok(0),
            other => other,
        }
    }
}

async fn copy_raw<R: AsyncRead + Unpin>(source: &mut Source<'_, R>) -> Result<(), Failure> {
    let mut buffer = BytesMut::new();
    while source.more(&mut buffer).await? > 0 {
        write(1, &buffer)?;
        buffer.clear();
    }
    Ok(())
}

async fn demultiplex<R: AsyncRead + Unpin>(source: &mut Source<'_, R>, stdout: bool, stderr: bool) -> Result<(), Failure> {
    let mut frames = Frames::new(stdout, stderr);
    loop {
        let n = source.more(&mut frames.buffer).await?;
        frames.drain()?;
        if n == 0 {
            return Ok(());
        }
    }
}

/// Takes multiplexed bytes apart: 8 bytes of head (stream, three zeros, length), then the payload.
pub struct Frames {
    pub buffer: BytesMut,
    stdout: bool,
    stderr: bool,
    /// The stream and how many bytes of its frame are still to come.
    open: Option<(u8, usize)>,
    error: Option<Vec<u8>>,
}

impl Frames {
    pub fn new(stdout: bool, stderr: bool) -> Frames {
        Frames { buffer: BytesMut::new(), stdout, stderr, open: None, error: None }
    }

    /// Writes out what has come so far.
    pub fn drain(&mut self) -> Result<(), Failure> {
        loop {
            match self.open {
                None => {
                    if self.buffer.len() < 8 {
                        return Ok(());
                    }
                    let stream = self.buffer[0];
                    let length = u32::from_be_bytes([self.buffer[4], self.buffer[5], self.buffer[6], self.buffer[7]]) as usize;
                    if stream > 3 {
                        return Err(Failure::new(format!("Unrecognized input header: {stream}")));
                    }
                    self.buffer.advance(8);
                    self.open = Some((stream, length));
                }
                Some((stream, left)) => {
                    let take = left.min(self.buffer.len());
                    if take == 0 && left > 0 {
                        return Ok(());
                    }
                    let payload = self.buffer.split_to(take);
                    match stream {
                        1 | 0 if self.stdout => write(1, &payload)?,
                        2 if self.stderr => write(2, &payload)?,
                        3 => self.error.get_or_insert_default().extend_from_slice(&payload),
                        _ => {}
                    }
                    self.open = if left == take { None } else { Some((stream, left - take)) };
                    if self.open.is_none()
                        && let Some(text) = self.error.take()
                    {
                        return Err(Failure::new(format!("error from daemon in stream: {}", String::from_utf8_lossy(&text))));
                    }
                }
            }
        }
    }
}

fn write(stream: u8, bytes: &[u8]) -> Result<(), Failure> {
    let (name, done) = if stream == 1 {
        let mut out = std::io::stdout().lock();
        ("stdout", out.write_all(bytes).and_then(|()| out.flush()))
    } else {
        ("stderr", std::io::stderr().lock().write_all(bytes))
    };
    done.map_err(|e| if e.kind() == std::io::ErrorKind::BrokenPipe { Failure::silent(141) } else { Failure::unwritten(name, &e) })
}

/// Writes the body of a plain answer (logs), multiplexed or raw.
pub async fn copy_answer(mut answer: Answer, multiplexed: bool) -> Result<(), Failure> {
    let mut frames = Frames::new(true, true);
    while let Some(bytes) = answer.chunk().await? {
        if multiplexed {
            frames.buffer.extend_from_slice(&bytes);
            frames.drain()?;
        } else {
            write(1, &bytes)?;
        }
    }
    Ok(())
}
