//! Whom to trust among registries: the machine's authorities and those that Docker keeps for one registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::tls::connect;
use crate::tls::{self, ClientConfig, RootCertStore};

/// How to speak to `host[:port]`. Whom nobody vouches for is let in only where `anyone` says so.
pub fn config(host: &str, anyone: bool) -> Result<Arc<ClientConfig>, String> {
    tls::trusting((!anyone).then(|| authorities(host)), None)
}

fn authorities(host: &str) -> RootCertStore {
    let mut store = RootCertStore::empty();
    let own = docker_folders(host).into_iter().flat_map(|folder| {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
        files.filter(|p| p.extension().is_some_and(|e| e == "crt")).collect::<Vec<_>>()
    });
    for file in tls::bundle().into_iter().chain(own) {
        tls::add_authorities(&mut store, &std::fs::read(file).unwrap_or_default());
    }
    store
}

/// Docker's folders for the authorities of one registry, the machine's and the user's.
fn docker_folders(host: &str) -> Vec<PathBuf> {
    if host.contains('/') || host.starts_with('.') {
        return Vec::new();
    }
    let home = std::env::var_os("HOME").map(|h| Path::new(&h).join(".config/docker/certs.d").join(host));
    [Some(Path::new("/etc/docker/certs.d").join(host)), home].into_iter().flatten().collect()
}
