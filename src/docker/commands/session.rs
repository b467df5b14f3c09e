//! What goes on beside an attached stream: waiting for the container's end, passing signals on, following the terminal's size.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use serde_json::Value as Json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::run::wait_status;
use crate::docker::client::{Answer, Client, Request};
use crate::docker::failure::Failure;
use crate::docker::terminal;

/// A container's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub i64);

impl Exit {
    /// As the exit status of this program.
    pub fn status(self) -> u8 {
        self.0 as u8
    }
}

/// A wait that the engine has begun.
pub struct Waiting {
    answer: Answer,
}

/// Begins to wait; it has begun when this returns, so that a start behind it misses nothing.
pub async fn wait(client: &Client, id: &str, condition: &str) -> Result<Waiting, Failure> {
    let mut request = Request::post(format!("/containers/{id}/wait"));
    if !condition.is_empty() {
        request = request.query("condition", condition);
    }
    Ok(Waiting { answer: client.send(request).await? })
}

impl Waiting {
    /// The container's exit status, once it has ended.
    pub async fn exit(self) -> Result<Exit, Failure> {
        let answer: Json = self.answer.json().await.map_err(|e| Failure::new(format!("error waiting for container: {e}")).status(125))?;
        wait_status(&answer)
    }
}

/// Something that runs beside and never ends by itself.
pub type Beside<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs `main` with the others beside it.
pub async fn beside<T>(a: Option<Beside<'_>>, b: Option<Beside<'_>>, main: impl Future<Output = T>) -> T {
    let mut main = std::pin::pin!(main);
    let mut sides: Vec<Beside<'_>> = a.into_iter().chain(b).collect();
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(done) = main.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        sides.retain_mut(|side| side.as_mut().poll(cx).is_pending());
        Poll::Pending
    })
    .await
}

/// Signals that concern this program alone: its children, its connections, and what comes on them out of band.
const OWN: &[SignalKind] = &[SignalKind::child(), SignalKind::pipe(), SignalKind::from_raw(libc::SIGURG)];

/// The highest number of a signal.
const LAST: i32 = 64;

/// The request that attaches to a container: to its input, output and errors as `streams` says.
pub fn attach(container: &str, streams: [bool; 3], detach_keys: &str) -> Request<'static> {
    let request = Request::post(format!("/containers/{container}/attach")).header("Content-Type", "text/plain").query("stream", "1");
    let names = ["stdin", "stdout", "stderr"].into_iter().zip(streams);
    let request = names.fold(request, |request, (name, on)| request.query_if(on, name, "1"));
    request.query_if(!detach_keys.is_empty(), "detachKeys", detach_keys)
}

/// Those that end this program, where it is not to pass them on.
pub const ENDING: &[SignalKind] = &[SignalKind::interrupt(), SignalKind::terminate()];

/// Passes this program's signals on to the container, from now on: all that a program can catch but its own and `but`.
pub fn proxy_signals<'a>(client: &'a Client, id: &str, but: &[SignalKind]) -> Beside<'a> {
    let kinds = (1..=LAST).map(SignalKind::from_raw).filter(|kind| !OWN.contains(kind) && !but.contains(kind));
    let mut caught: Vec<(Signal, i32)> = kinds.filter_map(|kind| Some((signal(kind).ok()?, kind.as_raw_value()))).collect();
    let path = format!("/containers/{id}/kill");
    Box::pin(async move {
        loop {
            let number = std::future::poll_fn(|cx| {
                for (signal, number) in &mut caught {
                    if signal.poll_recv(cx).is_ready() {
                        return Poll::Ready(*number);
                    }
                }
                Poll::Pending
            })
            .await;
            let _ = client.send(Request::post(path.clone()).query("signal", number.to_string())).await;
        }
    })
}

/// Sends the terminal's size now and whenever it changes; tries again for a while, because the process may not be there yet.
pub fn follow_size<'a>(client: &'a Client, path: String) -> Beside<'a> {
    let changed = signal(SignalKind::window_change());
    Box::pin(async move {
        for attempt in 0..5u64 {
            if resize(client, &path).await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10 * (attempt + 1))).await;
        }
        let Ok(mut changed) = changed else { return };
        while changed.recv().await.is_some() {
            resize(client, &path).await;
        }
    })
}

async fn resize(client: &Client, path: &str) -> bool {
    let (rows, columns) = terminal::output_size();
    if rows == 0 && columns == 0 {
        return true;
    }
    let request = Request::post(path.to_owned()).query("h", rows.to_string()).query("w", columns.to_string());
    client.send(request).await.is_ok()
}
