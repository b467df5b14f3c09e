//! What this engine says that it can do. A client leaves alone what is not named here.

use std::collections::HashMap;

use super::Desk;
use crate::buildkit::messages::control::{Platform, Version, Worker};
use crate::buildkit::messages::gateway::{Capability, Pong};
use crate::image::{Digest, native_architecture};

/// What can be asked of a build by parts.
const FRONTEND: [&str; 5] = ["frontend.caps", "gateway.solve.evaluate", "proto.refarray", "return", "solve.base"];

/// What steps can be. They are never taken as such: Dockerfiles are, and these are what they come to here.
const GRAPH: [&str; 19] = [
    "exec.meta.base",
    "exec.meta.cgroup.parent",
    "exec.meta.network",
    "exec.meta.sethostname",
    "exec.meta.ulimit",
    "exec.mount.bind",
    "exec.mount.cache",
    "exec.mount.cache.sharing",
    "exec.mount.secret",
    "exec.mount.ssh",
    "exec.mount.tmpfs",
    "exec.mount.tmpfs.size",
    "exporter.multiple",
    "file.base",
    "platform",
    "source.image",
    "source.local",
    "source.local.excludepatterns",
    "source.local.followpaths",
];

/// The answer to a ping.
pub fn pong(desk: &Desk) -> Pong {
    let enabled = |ids: &[&str]| ids.iter().map(|id| Capability { id: (*id).to_owned(), enabled: true, ..Capability::default() }).collect();
    Pong { frontend: enabled(&FRONTEND), graph: enabled(&GRAPH), workers: vec![worker(desk)] }
}

/// The one place where builds run: this engine.
pub fn worker(desk: &Desk) -> Worker {
    let digest = Digest::of(desk.engine.state_dir().as_os_str().as_encoded_bytes());
    let id = digest.hex();
    let platform = Platform { architecture: native_architecture().to_owned(), os: "linux".to_owned(), variant: String::new() };
    Worker {
        id: format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]),
        labels: HashMap::from([("org.mobyproject.buildkit.worker.moby.host-gateway-ip".to_owned(), "172.17.0.1".to_owned())]),
        platforms: vec![platform],
        version: Some(version()),
    }
}

pub fn version() -> Version {
    Version {
        package: "github.com/moby/buildkit".to_owned(),
        version: "v0.0.0+unknown-moby".to_owned(),
        revision: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
