//! Changing the limits of a container that exists, running or not.

use super::ContainerError;
use super::cgroup::Group;
use super::host::HostConfig;
use super::store::{Container, Containers};

impl Containers {
    /// Lays what is `wanted` in a host config over the container's own; gives what its user should know.
    pub fn update_limits(&self, container: &Container, wanted: HostConfig) -> Result<Vec<String>, ContainerError> {
        let refuse = |text: &str| Err(ContainerError::Conflict(format!("Cannot update container {}: {text}", container.id())));
        super::check::resources(&wanted, true)?;
        wanted.restart_policy.check()?;
        let current = container.record().host;
        if wanted.memory > 0 && wanted.memory_swap == 0 && current.memory_swap > 0 && wanted.memory > current.memory_swap {
            return refuse("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
        }
        if !wanted.restart_policy.name.is_empty() && wanted.restart_policy.name != "no" && current.auto_remove {
            return refuse("Restart policy cannot be updated because AutoRemove is enabled for the container");
        }
        container.update(|record| {
            let host = &mut record.host;
            let number = |to: &mut i64, from: i64| {
                if from != 0 {
                    *to = from;
                }
            };
            number(&mut host.memory, wanted.memory);
            number(&mut host.memory_swap, wanted.memory_swap);
            number(&mut host.memory_reservation, wanted.memory_reservation);
            number(&mut host.cpu_shares, wanted.cpu_shares);
            number(&mut host.cpu_period, wanted.cpu_period);
            number(&mut host.cpu_quota, wanted.cpu_quota);
            number(&mut host.nano_cpus, wanted.nano_cpus);
            // No limit at all is 0 or less, and shown as 0.
            host.pids_limit = wanted.pids_limit.map(|p| p.max(0)).or(host.pids_limit);
            for (to, from) in [(&mut host.cpuset_cpus, wanted.cpuset_cpus), (&mut host.cpuset_mems, wanted.cpuset_mems)] {
                if !from.is_empty() {
                    *to = from;
                }
            }
            if !wanted.restart_policy.name.is_empty() {
                host.restart_policy = wanted.restart_policy;
            }
        })?;
        let record = container.record();
        if record.state.status.is_running() {
            self.limit_now(container, &record.host)
                .map_err(|e| ContainerError::failed(format_args!("Cannot update container {}", container.id()), e))?;
        }
        self.tell(container, "update", &[]);
        Ok(super::create::warnings(&record.host))
    }

    /// Sets the limits of a running container, in groups that it may not have had so far.
    fn limit_now(&self, container: &Container, host: &HostConfig) -> std::io::Result<()> {
        if let Some(group) = Group::of(container.id()) {
            return group.limit(host);
        }
        let Some(group) = Group::make(container.id(), host)? else { return Ok(()) };
        for process in self.processes(container).unwrap_or_default() {
            // One that has ended meanwhile needs no limit.
            let _ = group.take(process.pid);
        }
        Ok(())
    }
}
