//! `dockside engine`: Run the image engine on a socket, end it, or run a pool of engines for labs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::{CliError, environment, exit};

#[derive(clap::Args)]
#[command(after_help = format!("{}\n\n{}", environment::help(environment::ENGINE), exit::status(STATUS)))]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve one engine on a unix socket, for the docker client and all that speak Docker's API
    Serve(ServeArgs),
    /// End the engine on a socket; its containers go on, and the next engine finds them
    Stop(StopArgs),
    /// Serve engines for labs, opened and closed by JSON lines on standard input
    #[command(hide = true)]
    Pool(PoolArgs),
}

const STATUS: &[(u8, &str)] = &[(exit::OK, "all went well"), (exit::ERROR, "something could not be done")];

const SERVE_STATUS: &[(u8, &str)] = &[
    (exit::OK, "^C, SIGTERM or `dockside engine stop` has ended it; its containers go on"),
    (exit::ERROR, "it cannot serve: its socket is taken or was removed, its state is taken, or the machine lacks something"),
];

const STOP_STATUS: &[(u8, &str)] = &[
    (exit::OK, "the engine has ended, or none was running"),
    (exit::ERROR, "it has not ended, or what answers there is none of Dockside's"),
];

#[derive(clap::Args)]
#[command(after_help = exit::status(SERVE_STATUS))]
struct ServeArgs {
    /// The unix socket to listen on [default: $XDG_RUNTIME_DIR/dockside/engine.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The folder of image content, which engines share [default: ~/.local/share/dockside/store]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The folder of this engine's references and containers [default: ~/.local/share/dockside/engine]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// As much as builds may keep, such as 10GB; what was used longest ago goes first [default: a tenth of the disk]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    build_cache: Option<u64>,
}

#[derive(clap::Args)]
#[command(after_help = exit::status(STOP_STATUS))]
struct StopArgs {
    /// The unix socket that the engine listens on [default: $XDG_RUNTIME_DIR/dockside/engine.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// `10GB`, `512m` or bytes.
fn size(text: &str) -> Result<u64, String> {
    let bytes = crate::engine::units::parse_bytes(text).and_then(|bytes| u64::try_from(bytes).ok());
    bytes.ok_or_else(|| "a size is a number with a unit behind it, such as 10GB".to_owned())
}

#[derive(clap::Args)]
struct PoolArgs {
    /// The folder of image content, which engines share [default: ~/.local/share/dockside/store]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[cfg(not(target_os = "linux"))]
pub fn run(_args: Args) -> Result<ExitCode, CliError> {
    Err(CliError::new("the engine runs on Linux only").hint("Set DOCKER_HOST to a Docker that is there."))
}

#[cfg(target_os = "linux")]
pub fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command {
        Command::Serve(args) => serve::run(args),
        Command::Stop(args) => stop::run(args),
        Command::Pool(args) => pool::run(args),
    }
}

/// A line on standard output, at once.
fn say(line: &str) {
    // Whoever does not listen any more is no reason to end.
    let _ = super::output::say(line);
}

/// The path seen from anywhere.
#[cfg(target_os = "linux")]
fn absolute(path: PathBuf) -> Result<PathBuf, CliError> {
    std::path::absolute(&path).map_err(|e| CliError::new(format!("{}: {e}", path.display())))
}

#[cfg(target_os = "linux")]
mod pool;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod stop;
