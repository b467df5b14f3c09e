//! Serves the API on a listening unix socket until told to end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;

use super::router::{dispatch, router};
use crate::engine::Engine;

/// Serves `engine` to all who connect to `listener`. Ends only when its task is dropped, or accepting fails for good.
pub async fn serve(engine: Arc<Engine>, listener: UnixListener) -> io::Result<()> {
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
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let router = router.clone();
                async move { Ok::<_, Infallible>(dispatch(router, request.map(axum::body::Body::new)).await) }
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
