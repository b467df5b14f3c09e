//! Namespaces that containers share (`--pid container:…`, `--ipc container:…`): who may, with whom, and which process stands for them.

use std::sync::Arc;

use super::host::HostConfig;
use super::record::Status;
use super::spec::Joined;
use super::store::{Container, Containers};
use super::{ContainerError, lifecycle::not_running};

const OTHER: &str = "container:";

/// Whether an IPC mode is one (Docker's `IpcMode.Valid`).
pub(super) fn is_ipc_mode(mode: &str) -> bool {
    matches!(mode, "" | "none" | "private" | "shareable" | "host") || names_container(mode)
}

/// Whether a mode for processes is one.
pub(super) fn is_pid_mode(mode: &str) -> bool {
    matches!(mode, "" | "host") || names_container(mode)
}

fn names_container(mode: &str) -> bool {
    mode.strip_prefix(OTHER).is_some_and(|name| !name.is_empty())
}

impl Containers {
    /// Puts ids in the place of names: a container that is renamed is still the one that was meant.
    pub(super) fn settle_sharing(&self, host: &mut HostConfig) -> Result<(), ContainerError> {
        if let Some(name) = host.pid_mode.strip_prefix(OTHER) {
            // A client that reads "not found" would look for the image.
            let other = self.get(name).map_err(|e| ContainerError::Invalid(e.to_string()))?;
            host.pid_mode = format!("{OTHER}{}", other.id);
        }
        if let Some(other) = host.ipc_mode.strip_prefix(OTHER).and_then(|name| self.get(name).ok()) {
            host.ipc_mode = format!("{OTHER}{}", other.id);
        }
        Ok(())
    }

    /// The processes whose namespaces a container joins that is started now; the error is Docker's text.
    pub(super) fn joined(&self, host: &HostConfig) -> Result<Joined, String> {
        let failed = |what: &str, e: ContainerError| format!("failed to join {what} namespace: {e}");
        let pid = host.pid_mode.strip_prefix(OTHER).map(|name| Ok(self.running(name)?.lock().state.pid));
        let ipc = host.ipc_mode.strip_prefix(OTHER).map(|name| {
            let other = self.running(name)?;
            let record = other.lock();
            // One that joined another is as shareable as that was; what the machine shares is everybody's.
            if matches!(record.host.ipc_mode.as_str(), "private" | "none") {
                let hint = "non-shareable IPC (hint: use IpcMode:shareable for the donor container)";
                return Err(ContainerError::Invalid(format!("container {name}: {hint}")));
            }
            Ok(record.state.pid)
        });
        Ok(Joined { net: None, pid: pid.transpose().map_err(|e| failed("PID", e))?, ipc: ipc.transpose().map_err(|e| failed("IPC", e))? })
    }

    fn running(&self, name: &str) -> Result<Arc<Container>, ContainerError> {
        let other = self.get(name)?;
        match other.lock().state.status {
            Status::Restarting => {
                return Err(ContainerError::Conflict(format!("Container {name} is restarting, wait until the container is running")));
            }
            status if !status.is_running() => return Err(not_running(&other)),
            _ => {}
        }
        Ok(other)
    }
}
