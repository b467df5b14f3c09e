//! Engines for labs: out of one `dockside engine pool` that is started when the first chapter asks, or a real one that is there.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{CliError, exit};
use crate::lab::engine::{EngineProvider, LabEngine};

/// How long an engine may take to open with its images.
const OPEN: Duration = Duration::from_secs(120);
/// How long it may take to end its containers.
const CLOSE: Duration = Duration::from_secs(20);

/// Askers by the id that they asked about.
type Waiting = HashMap<String, Sender<Result<(), String>>>;

/// The embedded engines.
pub struct Pool {
    process: Arc<Mutex<Option<Process>>>,
}

struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    /// Who waits for the answer to which id.
    waiting: Arc<Mutex<Waiting>>,
    /// The pool's last words on standard error.
    complaints: Arc<Mutex<String>>,
    opened: usize,
}

impl Pool {
    pub fn new() -> Pool {
        Pool { process: Arc::default() }
    }
}

impl Process {
    fn start() -> Result<Process, String> {
        let failed = |e: std::io::Error| format!("failed to start the image engine: {e}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["engine", "pool"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // ^C at our terminal is for us: we close the engines in order.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        let complaints: Arc<Mutex<String>> = Arc::default();
        if let Some(stderr) = child.stderr.take() {
            let complaints = complaints.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    *lock(&complaints) = line;
                }
            });
        }
        if let Some(stdout) = child.stdout.take() {
            let (waiting, complaints) = (waiting.clone(), complaints.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
                    let Some(asker) = answer["id"].as_str().and_then(|id| lock(&waiting).remove(id)) else { continue };
                    let _ = asker.send(answer["error"].as_str().map_or(Ok(()), |e| Err(e.to_owned())));
                }
                // It is gone: nobody waits in vain. Its last words take a moment to come.
                std::thread::sleep(Duration::from_millis(50));
                let last = lock(&complaints).clone();
                for (_, asker) in lock(&waiting).drain() {
                    let _ = asker.send(Err(if last.is_empty() { "the image engine ended".to_owned() } else { last.clone() }));
                }
            });
        }
        let requests = child.stdin.take();
        Ok(Process { child, requests, waiting, complaints, opened: 0 })
    }

    fn ask(&mut self, id: &str, request: &Value) -> Result<Receiver<Result<(), String>>, String> {
        let (sender, receiver) = channel();
        lock(&self.waiting).insert(id.to_owned(), sender);
        let line = format!("{request}\n");
        let sent = self.requests.as_mut().map(|pipe| pipe.write_all(line.as_bytes()).and_then(|()| pipe.flush()));
        match sent {
            Some(Ok(())) => Ok(receiver),
            _ => {
                std::thread::sleep(Duration::from_millis(100));
                let last = lock(&self.complaints).clone();
                Err(if last.is_empty() { "the image engine ended".into() } else { last })
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input is its sign to close everything.
        drop(self.requests.take());
        for _ in 0..CLOSE.as_millis() / 10 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl EngineProvider for Pool {
    fn open(&self, folder: &Path, images: &[String]) -> Result<Box<dyn LabEngine>, String> {
        let socket = folder.join("s");
        let (id, answer) = {
            let mut process = lock(&self.process);
            let running = match process.as_mut() {
                Some(running) => running,
                None => process.insert(Process::start()?),
            };
            running.opened += 1;
            let id = format!("lab{}", running.opened);
            let request = json!({"open": {"id": id, "state": folder.join("state"), "socket": socket, "images": images}});
            let answer = running.ask(&id, &request)?;
            (id, answer)
        };
        match answer.recv_timeout(OPEN) {
            Ok(Ok(())) => Ok(Box::new(Pooled { process: self.process.clone(), id, socket })),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(format!("the image engine did not open within {} s", OPEN.as_secs())),
        }
    }

    fn docker(&self) -> Option<PathBuf> {
        std::env::current_exe().ok()
    }
}

struct Pooled {
    process: Arc<Mutex<Option<Process>>>,
    id: String,
    socket: PathBuf,
}

impl LabEngine for Pooled {
    fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let answer = lock(&self.process).as_mut().and_then(|p| p.ask(&self.id, &json!({"close": {"id": self.id}})).ok());
        if let Some(answer) = answer {
            let _ = answer.recv_timeout(CLOSE);
        }
    }
}

/// A Docker or Podman that is there. Its images and containers are everybody's: chapters are not kept apart.
pub struct RealEngine {
    host: String,
}

impl RealEngine {
    /// `docker` for the one of `DOCKER_HOST`, else of this machine; an address for any other.
    pub fn new(name: &str) -> Result<RealEngine, CliError> {
        let host = match name {
            "docker" => std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty()).unwrap_or_else(|| "unix:///var/run/docker.sock".into()),
            address if address.contains("://") => address.to_owned(),
            other => {
                return Err(CliError::new(format!("{other:?} is no engine"))
                    .code(exit::USAGE)
                    .hint("Write embedded, docker, or an address such as unix:///run/podman/podman.sock."));
            }
        };
        Ok(RealEngine { host })
    }
}

impl EngineProvider for RealEngine {
    fn open(&self, _: &Path, images: &[String]) -> Result<Box<dyn LabEngine>, String> {
        let program = self.docker().ok_or("the docker client cannot be found")?;
        for image in images {
            let mut pull = Command::new(&program);
            pull.args(["docker", "pull", "--quiet", image]).env("DOCKER_HOST", &self.host).stdin(Stdio::null());
            let output = pull.output().map_err(|e| format!("failed to pull {image}: {e}"))?;
            if !output.status.success() {
                return Err(format!("failed to pull {image} on {}: {}", self.host, String::from_utf8_lossy(&output.stderr).trim()));
            }
        }
        Ok(Box::new(Real { host: self.host.clone() }))
    }

    fn docker(&self) -> Option<PathBuf> {
        std::env::current_exe().ok()
    }
}

struct Real {
    host: String,
}

impl LabEngine for Real {
    fn host(&self) -> String {
        self.host.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
