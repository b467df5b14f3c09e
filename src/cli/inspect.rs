//! `dockside inspect`: Print the slide model.

use std::process::ExitCode;

use super::CliError;

#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args) -> Result<ExitCode, CliError> {
    Err(CliError::new("unfinished"))
}
