//! Serves the API on a listening unix socket until told to end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::{UnixListener, UnixStream};

use super::router::{dispatch, router};
use crate::Engine;

/// Who sent a request; for those who must know that it is not waited for any more.
#[derive(Clone)]
pub struct Peer(Arc<OwnedFd>);

/// Says of a response that its request was answered on the connection itself, which is of no more use.
#[derive(Clone, Copy)]
pub struct Answered;

/// Why a connection that was taken over is not served any more.
#[derive(Debug, thiserror::Error)]
#[error("the connection was taken over")]
struct TakenOver;

impl Peer {
    /// The connection, for who takes it over without HTTP's ways of doing so. While a request is not answered nobody reads from it but
    /// who has this; what has come along with the request is lost.
    pub fn connection(&self) -> io::Result<UnixStream> {
        UnixStream::from_std(std::os::unix::net::UnixStream::from(self.0.try_clone()?))
    }

    /// Waits until the client has closed its connection for good. A client that only sends no more is still there.
    pub async fn gone(&self) {
        loop {
            let mut place = [PollFd::new(&*self.0, PollFlags::empty())];
            if poll(&mut place, Some(&Timespec::default())).is_ok() && place[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// Serves `engine` to all who connect to `listener`. Ends only when its task is dropped, or accepting fails for good.
pub async fn serve(engine: Arc<Engine>, listener: UnixListener) -> io::Result<()> {
    let swept = Arc::clone(&engine);
    tokio::task::spawn_blocking(move || crate::build::buildkit::sweep(&swept));
    let router = router(engine);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of descriptors, or the client is gone already: others may still be served.
            Err(e) if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ECONNABORTED | libc::EINTR)) => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            }
            Err(e) => return Err(e),
        };
        let router = router.clone();
        let peer = stream.as_fd().try_clone_to_owned().ok().map(|fd| Peer(Arc::new(fd)));
        tokio::spawn(async move {
            let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
                let router = router.clone();
                if let Some(peer) = &peer {
                    request.extensions_mut().insert(peer.clone());
                }
                async move {
                    let response = dispatch(router, request.map(axum::body::Body::new)).await;
                    if response.extensions().get::<Answered>().is_some() { Err(TakenOver) } else { Ok(response) }
                }
            });
            // A client that goes away in the middle is no error of ours.
            let _ = http1::Builder::new()
                .half_close(true)
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}
