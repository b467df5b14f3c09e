//! TLS to engines at `tcp://` addresses: the keys of `--tls…`, of `DOCKER_CERT_PATH` and of contexts.

use std::path::Path;
use std::sync::Arc;

use super::cmdline::Matches;
use super::config;
use super::failure::Failure;
use crate::tls::{ClientConfig, Identity, RootCertStore, add_authorities, bundle, trusting};
use crate::units::go_words;

/// How to speak to an engine: trusting `ca` alone where there is one, else the machine's authorities, and as who the certificate says.
pub fn config(ca: Option<&[u8]>, certificate: Option<&[u8]>, key: Option<&[u8]>, anyone: bool) -> Result<Arc<ClientConfig>, String> {
    let mut store = RootCertStore::empty();
    match ca {
        Some(pem) if add_authorities(&mut store, pem) == 0 => return Err("ca.pem seems invalid".to_owned()),
        Some(_) => {}
        None => drop(add_authorities(&mut store, &bundle().and_then(|file| std::fs::read(file).ok()).unwrap_or_default())),
    }
    let identity = certificate.zip(key).map(|(certificate, key)| Identity { certificate, key });
    trusting((!anyone).then_some(store), identity)
}

/// What the flags in front of a command and the environment ask for; `None` where nobody speaks of TLS.
pub fn asked(global: &Matches) -> Result<Option<Arc<ClientConfig>>, Failure> {
    let set = |name: &str| std::env::var(name).is_ok_and(|v| !v.is_empty());
    let verify = if global.given("tlsverify") { global.on("tlsverify") } else { set("DOCKER_TLS_VERIFY") };
    if !verify && !global.on("tls") && !set("DOCKER_TLS") {
        return Ok(None);
    }
    let folder = std::env::var("DOCKER_CERT_PATH").ok().filter(|f| !f.is_empty()).unwrap_or_else(config::folder);
    let read = |flag: &str, file: &str| {
        let path = global.get(flag).map_or_else(|| Path::new(&folder).join(file), std::path::PathBuf::from);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            // A certificate of one's own is needed only where it is named.
            Err(_) if file != "ca.pem" && !global.given(flag) && !path.exists() => Ok(None),
            Err(e) => Err(Failure::new(format!(
                "Failed to initialize: unable to resolve docker endpoint: open {}: {}",
                path.display(),
                go_words(&e)
            ))),
        }
    };
    let (ca, certificate, key) = (read("tlscacert", "ca.pem")?, read("tlscert", "cert.pem")?, read("tlskey", "key.pem")?);
    config(ca.as_deref(), certificate.as_deref(), key.as_deref(), !verify)
        .map(Some)
        .map_err(|e| Failure::new(format!("Failed to initialize: failed to retrieve context tls info: {e}")))
}
