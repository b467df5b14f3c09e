//! `dockside docker`, and the binary called as `docker`: hands over to the client.

use std::ffi::OsString;
use std::process::ExitCode;

#[derive(clap::Args)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

/// Runs the docker client with `args` (without the program's name).
pub fn main(_args: &[OsString]) -> ExitCode {
    ExitCode::from(1)
}
