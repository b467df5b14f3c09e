//! `dockside engine serve`

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::{ServeArgs, absolute, say};
use crate::cli::CliError;
use crate::diag;
use crate::dockerapi::{Socket, serve};
use crate::engine::{Engine, container, default_options, default_socket};

/// As long as an engine that is just ending is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

pub fn run(args: ServeArgs) -> Result<ExitCode, CliError> {
    let mut options = default_options();
    if let Some(store) = args.store {
        options.store = absolute(store)?;
    }
    if let Some(state) = args.state {
        options.state = absolute(state)?;
    }
    options.build_cache = args.build_cache.or(options.build_cache);
    let socket = absolute(args.socket.unwrap_or_else(default_socket))?;
    std::fs::create_dir_all(&options.state)
        .map_err(|e| CliError::new(format!("cannot make {}: {}", options.state.display(), diag::reason(&e))))?;
    let _lock = claim(&options.state)?;
    container::enter_namespace(Some(&options.state))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        let engine = Engine::open(options)?;
        let (listener, held) = Socket::listen(&socket)?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        say(&format!("dockside: engine on {}; point docker at it with: export DOCKER_HOST=unix://{}", socket.display(), socket.display()));
        tokio::select! {
            served = serve(engine, listener) => Ok(served?),
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
            () = held.gone() => {
                let message = format!("{} was removed: nobody can reach this engine any more, and it ends", socket.display());
                Err(CliError::new(message).hint("Its containers go on while their folder is there; the next engine over it finds them."))
            }
        }
    });
    // Open connections and operations under way are not waited for: what they write is atomic.
    runtime.shutdown_background();
    result.map(|()| ExitCode::SUCCESS)
}

/// Takes the state for this process alone: two engines over the same containers would fight.
fn claim(state: &Path) -> Result<File, CliError> {
    let path = state.join("engine.lock");
    let failed = |e: std::io::Error| CliError::new(format!("cannot lock {}: {e}", path.display()));
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    let patience = Instant::now() + PATIENCE;
    let locked = loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < patience => std::thread::sleep(PATIENCE / 20),
            other => break other,
        }
    };
    match locked {
        Ok(()) => {}
        Err(TryLockError::Error(e)) => return Err(failed(e)),
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let message = format!("the engine in {} is being served already, by process {}", state.display(), pid.trim());
            return Err(CliError::new(message).hint("Use that one, or give this one a --state and a --socket of its own."));
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(file)
}
