//! The monitor: the small process beside each container that holds its streams, so that the container outlives the engine.

use std::process::ExitCode;

/// The name (argv[0]) under which the binary is a monitor.
pub const NAME: &str = "dockside-monitor";

/// Runs a monitor; its control socket is its standard input.
pub fn main() -> ExitCode {
    ExitCode::FAILURE
}
