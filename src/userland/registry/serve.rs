//! Listens, over TCP or on a unix socket, plainly or with TLS, and hands each connection to the registry.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::auth::Access;
use super::layout::Layout;
use super::log::{Level, Log};
use super::server::Registry;
use super::settings::Settings;
use super::uploads::Uploads;
use crate::units::{c_words, go_words};
use crate::userland::ending::{Meaning, on_signals};

/// The status of a Go program that a signal ends as a container's first process, which is what `docker ps -a` shows of a registry.
const SIGNALLED: i32 = 2;

/// Where no descriptors are left, those that are there come to an end meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// To agree on a key nobody needs longer.
const GREETING: Duration = Duration::from_secs(30);

/// Serves until a signal ends it.
pub fn run(mut settings: Settings) -> Result<(), String> {
    on_signals(|number| match number {
        libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT => Meaning::End(SIGNALLED),
        _ => Meaning::Nothing,
    });
    let log = Log::new(std::mem::take(&mut settings.log));
    let access = settings
        .htpasswd
        .take()
        .map(|(realm, path)| Access::new(&realm, path.clone()).map_err(|e| format!("htpasswd: open {}: {}", path.display(), c_words(&e))));
    let access = access.transpose()?;
    let acceptor = settings.tls.as_ref().map(|(certificate, key)| acceptor(certificate, key)).transpose()?;
    let layout = Layout::new(&settings.root);
    layout.prepare().map_err(|e| format!("filesystem: {}: {}", settings.root.display(), c_words(&e)))?;
    let registry = Arc::new(Registry { layout, uploads: Uploads::default(), access, log, settings });
    if let Err(error) = registry.uploads.purge(&registry.layout) {
        registry.log.say(Level::Warning, &format!("uploads that were given up are still there: {}", c_words(&error)), &[]);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().map_err(|e| e.to_string())?;
    runtime.block_on(listen(registry, acceptor))
}

async fn listen(registry: Arc<Registry>, acceptor: Option<TlsAcceptor>) -> Result<(), String> {
    let address = registry.settings.address.clone();
    let net = if registry.settings.unix { "unix" } else { "tcp" };
    let cannot = |e: std::io::Error| format!("listen {net} {address}: bind: {}", go_words(&e));
    let safe = if acceptor.is_some() { ", tls" } else { "" };
    if registry.settings.unix {
        let _ = fs::remove_file(&address);
        let listener = UnixListener::bind(&address).map_err(cannot)?;
        registry.log.say(Level::Info, &format!("listening on {address}{safe}"), &[]);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(guest(Arc::clone(&registry), stream, None, acceptor.clone()))),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
    // A port alone is one of all addresses.
    let all = address.strip_prefix(':').map(|port| [format!("[::]:{port}"), format!("0.0.0.0:{port}")]);
    let listener = match &all {
        None => TcpListener::bind(&address).await,
        Some([six, four]) => match TcpListener::bind(six).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(four).await,
        },
    };
    let listener = listener.map_err(cannot)?;
    let bound = listener.local_addr().map_or(address, |at| at.to_string());
    registry.log.say(Level::Info, &format!("listening on {bound}{safe}"), &[]);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(guest(Arc::clone(&registry), stream, Some(peer), acceptor.clone()));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn guest(
    registry: Arc<Registry>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<SocketAddr>,
    acceptor: Option<TlsAcceptor>,
) {
    match acceptor {
        None => converse(registry, stream, peer, false).await,
        // Whoever fails to shake hands knows why.
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(GREETING, acceptor.accept(stream)).await {
                converse(registry, stream, peer, true).await;
            }
        }
    }
}

async fn converse(
    registry: Arc<Registry>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<SocketAddr>,
    safe: bool,
) {
    let service = service_fn(move |request| {
        let registry = Arc::clone(&registry);
        async move { Ok::<_, Infallible>(registry.answer(request, peer, safe).await) }
    });
    // A client that hangs up in the middle has been told all that it will be.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let read = |path: &Path| fs::read(path).map_err(|e| format!("open {}: {}", path.display(), c_words(&e)));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?).flatten().collect();
    let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| "tls: failed to find any PEM data in key input".to_owned())?;
    if chain.is_empty() {
        return Err("tls: failed to find any PEM data in certificate input".to_owned());
    }
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| format!("tls: {e}"))?.with_no_client_auth();
    let config = builder.with_single_cert(chain, key).map_err(|e| format!("tls: {e}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
