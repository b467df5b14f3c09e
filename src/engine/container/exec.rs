//! Further processes in a running container. They end with it, and are forgotten with the engine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::cgroup::Group;
use super::fanout::{Fanout, Output};
use super::lifecycle::not_running;
use super::live::{self, Live};
use super::record::Status;
use super::spec::{Calls, Command, ProcessSpec, Reply, Request};
use super::start::{override_env, process_spec};
use super::store::{Container, Containers};
use super::{ContainerError, names};
use crate::sys::caps;

/// What shall be run.
#[derive(Clone, Debug, Default)]
pub struct ExecRequest {
    pub args: Vec<String>,
    pub env: Vec<String>,
    pub user: String,
    pub working_dir: String,
    pub tty: bool,
    pub attach_stdin: bool,
    pub attach_stdout: bool,
    pub attach_stderr: bool,
    pub privileged: bool,
    pub detach_keys: String,
    pub console_size: (u16, u16),
}

impl ExecRequest {
    /// What the engine's listeners are told: the action with the command, as Docker puts them together.
    fn action(&self, action: &str) -> String {
        let (program, args) = self.args.split_first().map_or(("", &[][..]), |(program, args)| (program.as_str(), args));
        format!("{action}: {program} {}", args.join(" "))
    }
}

/// One process that was asked for.
pub struct Exec {
    pub id: String,
    pub container: Arc<Container>,
    pub request: ExecRequest,
    state: Mutex<ExecState>,
    fanout: Arc<Fanout>,
    live: Mutex<Option<Arc<Live>>>,
    done: watch::Sender<bool>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExecState {
    pub started: bool,
    pub running: bool,
    pub exit_code: Option<i32>,
    pub pid: i32,
}

impl Containers {
    /// Prepares a process; [`Containers::exec_start`] runs it.
    pub fn exec_create(&self, container: &Arc<Container>, request: ExecRequest) -> Result<String, ContainerError> {
        match container.lock().state.status {
            Status::Running => {}
            Status::Paused => {
                return Err(ContainerError::Conflict(format!("Container {} is paused, unpause the container before exec", container.id)));
            }
            Status::Restarting => {
                return Err(ContainerError::Conflict(format!(
                    "Container {} is restarting, wait until the container is running",
                    container.id
                )));
            }
            _ => return Err(not_running(container)),
        }
        if request.args.is_empty() {
            return Err(ContainerError::Invalid("No exec command specified".to_owned()));
        }
        let id = names::id();
        let exec = Exec {
            id: id.clone(),
            container: Arc::clone(container),
            request,
            state: Mutex::default(),
            fanout: Arc::default(),
            live: Mutex::default(),
            done: watch::Sender::new(false),
        };
        self.tell(container, &exec.request.action("exec_create"), &[("execID", id.clone())]);
        self.execs().insert(id.clone(), Arc::new(exec));
        Ok(id)
    }

    fn execs(&self) -> MutexGuard<'_, std::collections::HashMap<String, Arc<Exec>>> {
        self.inner.execs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a process by its id.
    pub fn exec(&self, id: &str) -> Result<Arc<Exec>, ContainerError> {
        self.execs().get(id).cloned().ok_or_else(|| ContainerError::NotFound(format!("No such exec instance: {id}")))
    }

    /// The processes of a container that still run, by id.
    pub fn exec_ids(&self, container: &Container) -> Vec<String> {
        self.execs().values().filter(|e| e.container.id == container.id && e.state().running).map(|e| e.id.clone()).collect()
    }

    pub(super) fn forget_exec(&self, id: &str) {
        self.execs().remove(id);
    }

    pub(super) fn forget_execs(&self, container: &str) {
        self.execs().retain(|_, e| e.container.id != container);
    }

    /// Whether the process may be started now.
    pub fn exec_check(&self, exec: &Exec) -> Result<(), ContainerError> {
        if exec.state().started {
            return Err(ContainerError::Conflict(format!("Error: Exec command {} is already running", exec.id)));
        }
        match exec.container.lock().state.status {
            Status::Running => Ok(()),
            Status::Paused => {
                Err(ContainerError::Conflict(format!("Container {} is paused, unpause the container before exec", exec.container.id)))
            }
            _ => Err(not_running(&exec.container)),
        }
    }

    /// Runs the process and gives its output. It runs on whether anyone listens or not.
    pub async fn exec_start(&self, exec: &Arc<Exec>, size: Option<(u16, u16)>) -> Result<Output, ContainerError> {
        self.exec_check(exec)?;
        exec.lock().started = true;
        let request = &exec.request;
        let output = exec.fanout.subscribe(request.attach_stdout || request.tty, request.attach_stderr);
        let spec = self.exec_spec(exec, size)?;
        let connected = live::connect(&exec.container.dir, &Request::Exec(Box::new(spec)), request.attach_stdin);
        let (live, mut news) = connected.map_err(|e| ContainerError::failed("cannot reach the container's monitor", e))?;
        match news.next(&exec.fanout, || ()).await {
            Some(Reply::Started { pid, .. }) => {
                *exec.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(live));
                {
                    let mut state = exec.lock();
                    (state.running, state.pid) = (true, pid);
                }
                self.tell(&exec.container, &request.action("exec_start"), &[("execID", exec.id.clone())]);
                let (containers, exec) = (self.clone(), Arc::clone(exec));
                tokio::spawn(async move {
                    let code = loop {
                        match news.next(&exec.fanout, || ()).await {
                            Some(Reply::Exited { code }) => break code,
                            Some(_) => {}
                            // Its monitor is gone with the container's.
                            None => break 137,
                        }
                    };
                    exec.finish(code);
                    news.finish();
                    containers.tell(&exec.container, "exec_die", &[("execID", exec.id.clone()), ("exitCode", code.to_string())]);
                });
                Ok(output)
            }
            Some(Reply::Failed { message, .. }) => {
                // Docker's status for an exec that never ran, whatever the reason.
                exec.finish(126);
                let message = if message.starts_with("unable to start container process") {
                    format!("OCI runtime exec failed: exec failed: {message}: unknown")
                } else {
                    message
                };
                Err(ContainerError::Invalid(message))
            }
            _ => {
                exec.finish(137);
                Err(not_running(&exec.container))
            }
        }
    }

    fn exec_spec(&self, exec: &Exec, size: Option<(u16, u16)>) -> Result<ProcessSpec, ContainerError> {
        let record = exec.container.lock();
        let request = &exec.request;
        let mut config = record.config.clone();
        config.tty = request.tty;
        config.open_stdin = request.attach_stdin;
        if !request.user.is_empty() {
            config.user.clone_from(&request.user);
        }
        if !request.working_dir.is_empty() {
            config.working_dir.clone_from(&request.working_dir);
        }
        let mut spec = process_spec(&config, &record.host).map_err(ContainerError::Invalid)?;
        spec.args.clone_from(&request.args);
        override_env(&mut spec.env, &request.env);
        spec.group_doors = Group::of(&exec.container.id).map(|g| g.doors()).unwrap_or_default();
        spec.size = size.filter(|s| *s != (0, 0)).unwrap_or(request.console_size);
        if request.privileged {
            spec.capabilities = caps::bits(&caps::NAMES);
            spec.calls = Calls::Any;
        }
        Ok(spec)
    }
}

impl Exec {
    /// How far the process has come.
    pub fn state(&self) -> ExecState {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, ExecState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn finish(&self, code: i32) {
        {
            let mut state = self.lock();
            state.running = false;
            state.exit_code = Some(code);
        }
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.fanout.close();
        self.done.send_replace(true);
    }

    /// Waits for the end; the answer is the exit status.
    pub(super) async fn ended(&self) -> i32 {
        let _ = self.done.subscribe().wait_for(|done| *done).await;
        self.state().exit_code.unwrap_or(-1)
    }

    /// Ends the process the hard way.
    pub(super) async fn kill(&self) {
        if let Some(live) = self.live() {
            let _ = live.command(Command::Signal(libc::SIGKILL)).await;
        }
    }

    /// Writes to standard input; errors mean that nobody reads it any more.
    pub async fn write_stdin(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.live().ok_or(std::io::ErrorKind::BrokenPipe)?.write(bytes).await
    }

    /// Ends standard input.
    pub async fn close_stdin(&self) {
        if let Some(live) = self.live() {
            live.close_stdin().await;
        }
    }

    /// Tells the process's terminal its size.
    pub async fn resize(&self, rows: u16, columns: u16) {
        if let Some(live) = self.live() {
            let _ = live.command(Command::Resize { rows, columns }).await;
        }
    }
}
