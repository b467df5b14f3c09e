//! What a request goes over: a socket, TCP with or without TLS, or the pipes of a program that knows the way.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context as TaskContext, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

/// A connection to the engine.
pub enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Piped(Piped),
}

/// A program whose input and output are the two directions.
pub struct Piped {
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// Gives what the program's end means for who still reads: nothing where it ended well.
    end: Option<JoinHandle<Option<String>>>,
}

impl Piped {
    /// Starts `program`, which signals of the terminal do not reach and which ends with this process.
    pub fn start(program: &'static str, args: &[String]) -> io::Result<Piped> {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output), Some(mut errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other(format!("{program} has no pipes")));
        };
        let line = format!("{program} {}", args.join(" "));
        let end = tokio::spawn(async move {
            let mut said = String::new();
            let _ = errors.read_to_string(&mut said).await;
            let status = child.wait().await.ok()?;
            (!status.success()).then(|| {
                let status = status.code().map_or_else(|| "signal".to_owned(), |code| format!("exit status {code}"));
                format!(
                    "command [{line}] has exited with {status}, make sure the URL is valid, and Docker 18.09 or later is installed on the \
                     remote host: stderr={said}"
                )
            })
        });
        Ok(Piped { input: Some(input), output, end: Some(end) })
    }
}

impl AsyncRead for Piped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.output).poll_read(cx, buf);
        let ended = matches!(read, Poll::Ready(Ok(()))) && buf.filled().len() == before && buf.remaining() > 0;
        let Some(end) = this.end.as_mut().filter(|_| ended) else { return read };
        // The end of its output is that of the program, which may have had a reason.
        let Poll::Ready(end) = Pin::new(end).poll(cx) else { return Poll::Pending };
        this.end = None;
        match end {
            Ok(Some(why)) => Poll::Ready(Err(io::Error::other(why))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Piped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().input {
            Some(input) => Pin::new(input).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.get_mut().input = None;
        Poll::Ready(Ok(()))
    }
}

/// Does the same with whichever connection it is.
macro_rules! each {
    ($stream:expr, $s:ident => $do:expr) => {
        match $stream.get_mut() {
            Stream::Unix($s) => $do,
            Stream::Tcp($s) => $do,
            Stream::Tls($s) => $do,
            Stream::Piped($s) => $do,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, s => Pin::new(s).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, s => Pin::new(s).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        each!(self, s => Pin::new(s).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        each!(self, s => Pin::new(s).poll_shutdown(cx))
    }
}

/// The server that is asked for names, as Go's messages tell it; nothing where none is known.
pub fn asked_server() -> String {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let server = text.lines().find_map(|line| line.strip_prefix("nameserver")).map(str::trim);
    server.map_or_else(String::new, |server| format!(" on {server}:53"))
}
