//! `dockside engine pool`: many engines in one process, opened in milliseconds, for labs side by side.
//!
//! Reads JSON lines: `{"open": {"id", "state", "socket", "images": […]}}` and `{"close": {"id"}}`; answers each with
//! `{"id", "ok": true}` or `{"id", "error"}`. At the end of the input all engines are closed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::{PoolArgs, say};
use crate::cli::CliError;
use crate::dockerapi::{Socket, serve};
use crate::engine::image::{PullRequest, Reference};
use crate::engine::{Engine, EngineOptions, container, default_options};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    Open(Open),
    Close { id: String },
}

#[derive(Deserialize)]
struct Open {
    id: String,
    state: PathBuf,
    socket: PathBuf,
    #[serde(default)]
    images: Vec<String>,
}

/// An engine that is being served.
struct Served {
    engine: Arc<Engine>,
    task: JoinHandle<()>,
    _socket: Socket,
}

struct Pool {
    store: PathBuf,
    served: Mutex<HashMap<String, Served>>,
    /// Images are made ready one after another, so that what two labs want is made once.
    preparing: Mutex<()>,
}

pub fn run(args: PoolArgs) -> Result<ExitCode, CliError> {
    let store = args.store.unwrap_or_else(|| default_options().store);
    container::enter_namespace(None)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let pool = Arc::new(Pool { store, served: Mutex::default(), preparing: Mutex::default() });
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            () = pool.clone().read_requests() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        pool.close_all().await;
        Ok(ExitCode::SUCCESS)
    });
    runtime.shutdown_background();
    result
}

impl Pool {
    async fn read_requests(self: Arc<Self>) {
        let mut lines = input();
        let mut running = tokio::task::JoinSet::new();
        while let Some(line) = lines.recv().await {
            if line.trim().is_empty() {
                continue;
            }
            let pool = self.clone();
            match serde_json::from_str(&line) {
                Ok(Request::Open(open)) => {
                    running.spawn(async move { answer(&open.id.clone(), pool.open(open).await) });
                }
                Ok(Request::Close { id }) => {
                    running.spawn(async move { answer(&id, pool.close(&id).await) });
                }
                Err(e) => say(&json!({ "error": format!("the request {line:?} cannot be read: {e}") }).to_string()),
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn open(&self, request: Open) -> Result<(), CliError> {
        if self.served.lock().await.contains_key(&request.id) {
            return Err(CliError::new(format!("an engine {:?} is open already", request.id)));
        }
        let engine = Engine::open(EngineOptions { store: self.store.clone(), state: request.state, build_cache: None })?;
        engine.images.be_temporary();
        if !request.images.is_empty() {
            let _one = self.preparing.lock().await;
            let engine = engine.clone();
            tokio::task::spawn_blocking(move || prepare(&engine, &request.images)).await??;
        }
        let (listener, socket) = Socket::listen(&request.socket)?;
        let serving = engine.clone();
        let task = tokio::spawn(async move {
            // It ends when the engine is closed; an error means that nobody can connect any more, which clients see.
            let _ = serve(serving, listener).await;
        });
        self.served.lock().await.insert(request.id, Served { engine, task, _socket: socket });
        Ok(())
    }

    async fn close(&self, id: &str) -> Result<(), CliError> {
        let served = self.served.lock().await.remove(id);
        let Some(served) = served else { return Err(CliError::new(format!("no engine {id:?} is open"))) };
        served.task.abort();
        served.engine.containers.remove_all().await;
        let state = served.engine.state_dir().to_owned();
        match std::fs::remove_dir_all(&state) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CliError::new(format!("cannot remove {}: {e}", state.display()))),
            _ => Ok(()),
        }
    }

    async fn close_all(&self) {
        let ids: Vec<String> = self.served.lock().await.keys().cloned().collect();
        for id in ids {
            // Nobody is left to be told.
            let _ = self.close(&id).await;
        }
    }
}

/// The lines of standard input, read by a thread of its own that nobody waits for.
fn input() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Brings the images that a lab begins with into its engine.
fn prepare(engine: &Engine, images: &[String]) -> Result<(), CliError> {
    for image in images {
        let reference = Reference::parse_normalized(image).map_err(|e| CliError::new(format!("{image}: {e}")))?.or_latest();
        if engine.images.id_of(&reference.familiar()).is_ok() {
            continue;
        }
        let request = PullRequest { reference, platform: None, credentials: None };
        engine.images.pull(&request, &|_| {}).map_err(|e| CliError::new(format!("{image}: {e}")))?;
    }
    Ok(())
}

fn answer(id: &str, result: Result<(), CliError>) {
    say(&match result {
        Ok(()) => json!({ "id": id, "ok": true }),
        Err(error) => json!({ "id": id, "error": error.message }),
    }
    .to_string());
}
