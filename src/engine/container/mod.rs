//! Containers: their records on disk, their processes, their life cycle. Knows nothing of HTTP.

mod accounts;
mod archive;
pub mod cgroup;
mod changes;
mod check;
mod child;
mod create;
pub(crate) mod disk;
mod error;
mod exec;
mod fanout;
mod frame;
mod health;
mod host;
pub mod init;
mod interfaces;
mod lifecycle;
mod live;
mod logging;
mod logs;
pub mod monitor;
mod mounts;
mod names;
mod netfiles;
mod networks;
mod profile;
mod record;
mod restart;
mod root;
mod setup;
mod sharing;
mod spec;
mod start;
mod stats;
mod store;
mod top;
mod update;
mod volumes;
mod wishes;

pub use archive::PathStat;
pub use changes::Change;
pub use create::CreateRequest;
pub use error::ContainerError;
pub use exec::{Exec, ExecRequest, ExecState};
pub use fanout::{Output, Stream};
pub use health::{Health, HealthStatus, Probe};
pub(crate) use host::nullable;
pub use host::{Device, HostConfig, LogConfig, MountRequest, PortBinding, RestartPolicy, Ulimit};
pub use lifecycle::Condition;
pub use logging::DRIVERS as LOG_DRIVERS;
pub use logs::{LogEntry, LogOptions};
pub(crate) use names::id as new_id;
pub use networks::{Connection, dns_names};
pub use record::{MountKind, MountPoint, Record, State, Status};
pub use root::size_of;
pub use stats::{Interface, Usage};
pub use store::{Container, Containers, ImageUse};
pub use top::ProcessInfo;
pub use volumes::{ANONYMOUS, Volume};

use crate::network::porter;
use crate::sys::userns::{self, UsernsError};
use std::path::Path;

/// The numbers of `user[:group]` by the `passwd` and `group` in the folder `etc`; the error is Docker's text.
pub fn resolve_user(user: &str, etc: &Path) -> Result<(u32, u32), String> {
    accounts::resolve(user, &[], etc).map(|identity| (identity.uid, identity.gid))
}

/// Enters the user namespace in which an engine with this state folder runs its containers: that of its containers which outlived
/// an earlier engine, else a new one; always a new one for a process of several engines. What root alone may do on the machine is left to
/// a process outside. To be called before the process starts a thread; does nothing when it is inside already.
pub fn enter_namespace(state: Option<&Path>) -> Result<(), UsernsError> {
    porter::start();
    userns::enter(state.and_then(store::surviving_process))
}
