//! The `dockside` command line: one file a subcommand, errors with hints, exit codes.

mod browser;
pub mod build;
pub mod convert;
pub mod docker;
pub mod doctor;
pub mod engine;
mod environment;
mod error;
pub mod exit;
pub mod inspect;
pub mod lint;
mod output;
pub mod serve;
pub mod test;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use error::CliError;
use output::written;

use crate::course::Course;
use crate::diag;

/// Present a container course, run its labs on an embedded image engine, and prove that every command still prints what the slide says.
#[derive(Parser)]
#[command(name = "dockside", version, after_help = format!("{START_HERE}\n\n{}", exit::status(STATUS)),
    after_long_help = format!(
        "{START_HERE}\n\n{}\n\n{}",
        exit::status(STATUS),
        environment::help(&[environment::ENGINE, environment::OTHERS].concat())
    ))]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const START_HERE: &str = "\
Start here:
  dockside test            run every exercise of the course in this folder
  dockside lint            look for what would go wrong in front of a class
  dockside serve           show its slides on localhost
  dockside build -o site   write its slides as HTML
  dockside docker --help   the docker client over the embedded engine
  dockside doctor          what this machine lacks for the engine";

/// The codes of all commands; each command's own help has those that it uses.
const STATUS: &[(u8, &str)] = &[
    (exit::OK, "all went well"),
    (exit::ERROR, "something could not be done"),
    (exit::MISMATCH, "an exercise did not do what its slide says"),
    (exit::FINDINGS, "lint found errors"),
    (exit::INTERRUPTED, "interrupted with ^C"),
];

#[derive(Subcommand)]
enum Command {
    /// Run the exercises of the course and compare their output with the slides
    Test(test::Args),
    /// Show the slides on localhost and reload them on change
    Serve(serve::Args),
    /// Write the slides as HTML that works offline, or as a PDF
    Build(build::Args),
    /// Look for what would go wrong in front of a class
    Lint(lint::Args),
    /// Print the slide model of a deck or course
    Inspect(inspect::Args),
    /// Write a deck of one dialect in the other
    Convert(convert::Args),
    /// Run the image engine on a socket, or end it
    Engine(engine::Args),
    /// Find out what this machine lacks for the engine, and what mends it
    Doctor(doctor::Args),
    /// The docker client
    #[command(disable_help_flag = true)]
    Docker(docker::Args),
}

/// Refuses a path at which no course can be read, before anything else is done.
fn readable(path: &Path) -> Result<(), CliError> {
    let file = Course::file_of(path);
    // Only asked for: opening a pipe and closing it again would end who writes into it.
    rustix::fs::access(&file, rustix::fs::Access::READ_OK)
        .map_err(|e| CliError::new(format!("cannot read {}: {}", file.display(), diag::reason(&e.into()))).hint(Course::WANTED))
}

/// Runs `dockside` with `args` (the program's name first) and gives its exit code.
pub fn main(args: &[OsString]) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            let printed = e.print();
            return match (e.use_stderr(), written(printed)) {
                (true, _) => ExitCode::from(exit::USAGE),
                (false, Ok(())) => ExitCode::from(exit::OK),
                (false, Err(e)) => e.report(),
            };
        }
    };
    let result = match cli.command {
        None => written(Cli::command().print_help()).map(|()| ExitCode::SUCCESS),
        Some(Command::Test(args)) => test::run(args),
        Some(Command::Serve(args)) => serve::run(args),
        Some(Command::Build(args)) => build::run(args),
        Some(Command::Lint(args)) => lint::run(args),
        Some(Command::Inspect(args)) => inspect::run(args),
        Some(Command::Convert(args)) => convert::run(args),
        Some(Command::Engine(args)) => engine::run(args),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Docker(args)) => return docker::main(&args.args),
    };
    result.unwrap_or_else(|e| e.report())
}
