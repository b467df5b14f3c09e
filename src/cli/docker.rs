//! `docker` and `dockside docker`: chooses the engine, and starts the default one in the background when nothing answers there.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::docker::Found;
use crate::engine::{default_socket, home};

/// Arguments for the docker client, as they are.
#[derive(clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

/// Runs the docker client; `args` do not hold the program's name. Exits as Docker's client does.
pub fn main(args: &[OsString]) -> ExitCode {
    let args: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    ExitCode::from(crate::docker::main(&args, Box::new(default_host)))
}

/// How long an engine may take until it answers.
const PATIENCE: Duration = Duration::from_secs(15);

/// The default engine; starts it if nothing answers there.
fn default_host() -> Result<Found, String> {
    let socket = default_socket();
    let address = format!("unix://{}", socket.display());
    let connection = match UnixStream::connect(&socket) {
        Ok(connection) => connection,
        Err(_) => start(&socket)?,
    };
    Ok(Found { address, connection })
}

/// Starts `dockside engine serve` apart from this process and waits until it answers. Of several that try at once one holds the lock and
/// starts; the others wait for it. Gives a connection to it.
fn start(socket: &Path) -> Result<UnixStream, String> {
    let cannot = |what: String| move |e: std::io::Error| format!("cannot start the engine: {what}: {e}");
    let folder = socket.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(cannot(folder.display().to_string()))?;
    let home = home();
    std::fs::create_dir_all(&home).map_err(cannot(home.display().to_string()))?;
    let lock_path = folder.join("engine.lock");
    let lock = std::fs::File::create(&lock_path).map_err(cannot(lock_path.display().to_string()))?;
    lock.lock().map_err(cannot(lock_path.display().to_string()))?;
    if let Ok(connection) = UnixStream::connect(socket) {
        return Ok(connection);
    }
    let log_path = home.join("engine.log");
    let log = std::fs::File::create(&log_path).map_err(cannot(log_path.display().to_string()))?;
    let log_too = log.try_clone().map_err(cannot(log_path.display().to_string()))?;
    let program = std::env::current_exe().map_err(cannot("this program".to_owned()))?;
    let mut engine = Command::new(program);
    engine
        .arg0("dockside")
        .args(["engine", "serve", "--socket"])
        .arg(socket)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(log_too))
        .process_group(0);
    let mut child = engine.spawn().map_err(cannot("this program".to_owned()))?;
    wait_for(socket, &mut child).map_err(|why| {
        let said = std::fs::read_to_string(&log_path).unwrap_or_default();
        let said: Vec<&str> = said.lines().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect();
        let said = if said.is_empty() { String::new() } else { format!("\n  {}", said.join("\n  ")) };
        format!("cannot start the engine: {why}; its log {}:{said}", log_path.display())
    })
}

/// Connects again and again, after 1, 2, 4 … 32 ms.
fn wait_for(socket: &Path, child: &mut Child) -> Result<UnixStream, String> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(1);
    while begin.elapsed() < PATIENCE {
        if let Ok(connection) = UnixStream::connect(socket) {
            return Ok(connection);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended with {status}"));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(32));
    }
    Err(format!("it does not answer at {} after {} s", socket.display(), PATIENCE.as_secs()))
}
