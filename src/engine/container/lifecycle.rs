//! Stopping, killing, restarting, pausing, renaming, removing and waiting: Docker's rules and words.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::cgroup::Group;
use super::fanout::Output;
use super::health::HealthStatus;
use super::record::{Record, Status};
use super::spec::Command;
use super::store::{Container, Containers};
use super::{ContainerError, root, volumes};
use crate::sys::{signal, tree};

/// What someone waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    NotRunning,
    NextExit,
    Removed,
}

/// How long a container that is asked to stop may take.
const GRACE: i64 = 10;

impl Containers {
    /// Sends a signal to a container's first process; a deadly one waits for the end.
    pub async fn kill(&self, container: &Arc<Container>, name: &str, signal_name: &str) -> Result<(), ContainerError> {
        let number = if signal_name.is_empty() { Some(libc::SIGKILL) } else { signal::parse(signal_name) };
        let Some(number) = number else { return Err(ContainerError::Invalid(format!("Invalid signal: {signal_name}"))) };
        // Whatever the signal, there is no process that could get it.
        if self.stop_restarting(container)? {
            return Ok(());
        }
        let Some(live) = container.live().filter(|_| container.lock().state.status.is_running()) else {
            return Err(ContainerError::Conflict(format!("cannot kill container: {name}: container {} is not running", container.id)));
        };
        // Where no signal was named as the one to stop by, Docker takes any for it.
        let any = container.lock().config.stop_signal.as_deref().is_none_or(str::is_empty);
        if any || number == libc::SIGKILL || number == self.stop_signal(container) {
            container.lock().state.stopped_by_hand = true;
        }
        let _ = live.command(Command::Signal(number)).await;
        self.tell(container, "kill", &[("signal", number.to_string())]);
        if number == libc::SIGKILL {
            self.ended_within(container, None).await;
        } else if number == libc::SIGCONT || container.lock().state.status == Status::Paused {
            // A stopped process takes a signal when it goes on.
        }
        Ok(())
    }

    fn stop_signal(&self, container: &Container) -> i32 {
        let record = container.lock();
        record.config.stop_signal.as_deref().and_then(signal::parse).unwrap_or(libc::SIGTERM)
    }

    /// Waits until the container does not run; `false` when `limit` passed before.
    async fn ended_within(&self, container: &Container, limit: Option<Duration>) -> bool {
        let mut phase = container.phase.subscribe();
        let ended = async move { drop(phase.wait_for(|p| !p.running || p.removed).await) };
        match limit {
            None => {
                ended.await;
                true
            }
            Some(limit) => tokio::time::timeout(limit, ended).await.is_ok(),
        }
    }

    /// Asks a container to stop, and ends it after `timeout` seconds (negative: never; `None`: its own).
    pub async fn stop(&self, container: &Arc<Container>, timeout: Option<i64>, signal_name: Option<&str>) -> Result<(), ContainerError> {
        let _held = container.operation.lock().await;
        if self.stop_restarting(container)? {
            self.tell(container, "stop", &[]);
            return Ok(());
        }
        if !container.lock().state.status.is_running() {
            return Err(ContainerError::NotModified(String::new()));
        }
        self.stop_held(container, timeout, signal_name).await
    }

    async fn stop_held(&self, container: &Arc<Container>, timeout: Option<i64>, signal_name: Option<&str>) -> Result<(), ContainerError> {
        let number = match signal_name.filter(|s| !s.is_empty()) {
            None => self.stop_signal(container),
            Some(name) => signal::parse(name).ok_or_else(|| ContainerError::Invalid(format!("Invalid signal: {name}")))?,
        };
        let timeout = timeout.or(container.lock().config.stop_timeout).unwrap_or(GRACE);
        let paused = {
            let mut record = container.lock();
            record.state.stopped_by_hand = true;
            record.state.status == Status::Paused
        };
        let Some(live) = container.live() else { return Ok(()) };
        let _ = live.command(Command::Signal(number)).await;
        if paused {
            let _ = live.ask(Command::Resume).await;
        }
        self.tell(container, "kill", &[("signal", number.to_string())]);
        let limit = u64::try_from(timeout).ok().map(Duration::from_secs);
        if !self.ended_within(container, limit).await {
            let _ = live.command(Command::Signal(libc::SIGKILL)).await;
            self.tell(container, "kill", &[("signal", "9".to_owned())]);
            self.ended_within(container, None).await;
        }
        self.tell(container, "stop", &[]);
        Ok(())
    }

    /// Stops a container if it runs, and starts it.
    pub async fn restart(&self, container: &Arc<Container>, timeout: Option<i64>, signal_name: Option<&str>) -> Result<(), ContainerError> {
        let _held = container.operation.lock().await;
        // `--rm` is for the end of the container, which this is not.
        let auto_remove = std::mem::take(&mut container.lock().host.auto_remove);
        let stopped =
            if container.lock().state.status.is_running() { self.stop_held(container, timeout, signal_name).await } else { Ok(()) };
        container.lock().host.auto_remove = auto_remove;
        stopped?;
        self.start_by_hand(container).await?;
        self.tell(container, "restart", &[]);
        Ok(())
    }

    /// Stops all processes of a container where they are.
    pub async fn pause(&self, container: &Arc<Container>) -> Result<(), ContainerError> {
        let _held = container.operation.lock().await;
        match container.lock().state.status {
            Status::Running => {}
            Status::Paused => return Err(ContainerError::Conflict(format!("container {} is already paused", container.id))),
            Status::Restarting => {
                return Err(ContainerError::Conflict(format!(
                    "Container {} is restarting, wait until the container is running",
                    container.id
                )));
            }
            _ => return Err(not_running(container)),
        }
        self.freeze(container, Command::Pause, Status::Paused).await?;
        self.tell(container, "pause", &[]);
        Ok(())
    }

    /// Lets the processes of a paused container go on.
    pub async fn resume(&self, container: &Arc<Container>) -> Result<(), ContainerError> {
        let _held = container.operation.lock().await;
        if container.lock().state.status != Status::Paused {
            // No conflict, for Docker.
            return Err(ContainerError::Failed(format!("Container {} is not paused", container.id)));
        }
        self.freeze(container, Command::Resume, Status::Running).await?;
        self.tell(container, "unpause", &[]);
        Ok(())
    }

    async fn freeze(&self, container: &Container, command: Command, status: Status) -> Result<(), ContainerError> {
        let live = container.live().ok_or_else(|| not_running(container))?;
        let failed = |e: &dyn std::fmt::Display| ContainerError::failed(format_args!("cannot pause container {}", container.id), e);
        live.ask(command).await.map_err(|e| failed(&e))?.map_err(|e| failed(&e))?;
        container.update(|r| {
            if r.state.status.is_running() {
                r.state.status = status;
            }
            // Nobody asks one that could not answer; the first answer afterwards counts again.
            if let (Status::Paused, Some(health)) = (status, &mut r.state.health) {
                health.status = HealthStatus::Unhealthy;
            }
        })
    }

    /// Gives the engine a moment to hear of an end that its container's monitor has said already.
    pub async fn wait_if_ending(&self, container: &Container) {
        self.ended_within(container, Some(Duration::from_millis(500))).await;
    }

    /// Takes a name for another container away from a container that was given it by `--link`.
    pub fn unlink(&self, container: &Container, alias: &str) -> Result<(), ContainerError> {
        let is_it = |link: &String| link.rsplit_once(':').map_or(link.as_str(), |(_, alias)| alias).trim_start_matches('/') == alias;
        if !container.lock().host.links.iter().flatten().any(is_it) {
            return Err(ContainerError::NotFound(format!("Cannot get link {alias} of container {}", container.id)));
        }
        container.update(|r| {
            if let Some(links) = &mut r.host.links {
                links.retain(|link| !is_it(link));
            }
        })
    }

    /// Gives a container another name.
    pub fn rename(&self, container: &Container, name: &str) -> Result<(), ContainerError> {
        if name.is_empty() {
            return Err(ContainerError::Invalid("Neither old nor new names may be empty".to_owned()));
        }
        let old = container.lock().name.clone();
        if name.strip_prefix('/').unwrap_or(name) == old {
            return Err(ContainerError::Invalid("Renaming a container with the same name as its current name".to_owned()));
        }
        let name = self.reserve(name, &container.id).map_err(|e| match e {
            ContainerError::Conflict(text) => ContainerError::Conflict(format!("Error when allocating new name: {text}")),
            ContainerError::Invalid(text) => ContainerError::Invalid(format!("Error when allocating new name: {text}")),
            other => other,
        })?;
        container.update(|r| r.name.clone_from(&name))?;
        self.release(&old);
        self.renamed(container);
        self.tell(container, "rename", &[("oldName", format!("/{old}"))]);
        Ok(())
    }

    /// Removes a container; a running one only by `force`.
    pub async fn remove(&self, container: &Arc<Container>, force: bool, with_volumes: bool) -> Result<(), ContainerError> {
        let _held = container.operation.lock().await;
        let record = container.record();
        if container.phase.borrow().removed {
            return Err(ContainerError::no_such_container(&container.id));
        }
        if record.state.status.is_running() || record.state.status == Status::Restarting {
            if !force {
                let why = match record.state.status {
                    Status::Paused => "paused and must be unpaused first",
                    Status::Restarting => "restarting: stop the container before removing or force remove",
                    _ => "running: stop the container before removing or force remove",
                };
                return Err(ContainerError::Conflict(format!("cannot remove container \"/{}\": container is {why}", record.name)));
            }
            {
                let mut record = container.lock();
                record.state.stopped_by_hand = true;
                // This removal does what `--rm` would.
                record.host.auto_remove = false;
            }
            if let Some(live) = container.live() {
                let _ = live.command(Command::Signal(libc::SIGKILL)).await;
                self.tell(container, "kill", &[("signal", "9".to_owned())]);
                self.ended_within(container, None).await;
            }
        }
        self.remove_held(container, with_volumes).await
    }

    /// Removes a container that does not run, by who holds its operation lock.
    pub(super) async fn remove_held(&self, container: &Arc<Container>, with_volumes: bool) -> Result<(), ContainerError> {
        if container.phase.borrow().removed {
            return Ok(());
        }
        // From here on a crash leaves a folder that the next engine sweeps.
        container.update(|r| r.state.status = Status::Removing)?;
        let record = container.record();
        if with_volumes {
            volumes::remove_anonymous(&record);
        }
        if let Some(group) = Group::of(&container.id) {
            group.remove();
        }
        let dir = container.dir.clone();
        let removed = tokio::task::spawn_blocking(move || remove_folder(&dir)).await;
        let removed = removed.unwrap_or_else(|e| Err(std::io::Error::other(e)));
        self.forget(&container.id);
        container.fanout.close();
        container.phase.send_modify(|p| p.removed = true);
        container.logged.send_modify(|n| *n += 1);
        self.forget_execs(&container.id);
        self.tell(container, "destroy", &[]);
        removed.map_err(|e| ContainerError::failed(format_args!("cannot remove the files of container {}", container.id), e))
    }

    /// Ends every container and forgets it, files and all: for an engine that goes away for good.
    pub async fn remove_all(&self) {
        let removals = self.list().into_iter().map(|c| async move { self.remove(&c, true, true).await });
        futures_util::future::join_all(removals).await;
    }

    /// Removes the containers that do not run and that `chosen` accepts; gives their ids and the bytes that they took.
    pub async fn prune(&self, chosen: impl Fn(&Record) -> bool) -> (Vec<String>, u64) {
        let (mut ids, mut bytes) = (Vec::new(), 0);
        for container in self.list() {
            let record = container.record();
            if record.state.status.is_running() || record.state.status == Status::Restarting || !chosen(&record) {
                continue;
            }
            let size = container.size();
            if self.remove(&container, false, false).await.is_ok() {
                ids.push(record.id);
                bytes += size;
            }
        }
        (ids, bytes)
    }

    /// Waits for a container; the answer is its exit status. The wait begins with the call, not when it is first polled.
    pub fn wait(&self, container: &Arc<Container>, condition: Condition) -> impl Future<Output = i32> + Send + use<> {
        let mut phase = container.phase.subscribe();
        let seen = *phase.borrow_and_update();
        async move {
            let done = phase.wait_for(|p| match condition {
                Condition::NotRunning => !p.running || p.removed,
                Condition::NextExit => p.exits > seen.exits || p.removed,
                Condition::Removed => p.removed,
            });
            match done.await {
                Ok(phase) => phase.exit_code,
                Err(_) => seen.exit_code,
            }
        }
    }

    /// Tells a container's terminal its size.
    pub async fn resize(&self, container: &Container, rows: u16, columns: u16) -> Result<(), ContainerError> {
        let live = container.live().ok_or_else(|| not_running(container))?;
        let _ = live.command(Command::Resize { rows, columns }).await;
        Ok(())
    }

    /// A container's output from now on; a container that does not run yet gives that of its next run.
    pub fn attach(&self, container: &Container, stdout: bool, stderr: bool) -> Output {
        self.tell(container, "attach", &[]);
        container.fanout.subscribe(stdout, stderr)
    }
}

impl Container {
    /// Writes to standard input, once the container runs; errors mean that nobody reads it any more.
    pub async fn write_stdin(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.run_live().await.ok_or(std::io::ErrorKind::BrokenPipe)?.write(bytes).await
    }

    /// Tells the container that its standard input has ended, where it was created to see that.
    pub async fn close_stdin(&self) {
        if self.lock().config.stdin_once
            && let Some(live) = self.run_live().await
        {
            live.close_stdin().await;
        }
    }

    /// The running process, waiting for the start that follows an early attach.
    async fn run_live(&self) -> Option<Arc<super::live::Live>> {
        let mut phase = self.phase.subscribe();
        let seen = *phase.borrow_and_update();
        if self.live().is_none() {
            let _ = phase.wait_for(|p| p.running || p.removed || p.exits > seen.exits).await;
        }
        self.live()
    }

    /// The bytes that the container's own layer takes.
    pub fn size(&self) -> u64 {
        root::size_of(&self.dir.join("diff"))
    }

    /// Since when the container runs.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.lock().state.started_at
    }
}

pub(super) fn not_running(container: &Container) -> ContainerError {
    ContainerError::Conflict(format!("container {} is not running", container.id))
}

fn remove_folder(dir: &std::path::Path) -> std::io::Result<()> {
    match tree::remove(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
