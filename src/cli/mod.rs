//! The `dockside` command line: one file a subcommand, errors with hints, exit codes.

mod browser;
pub mod build;
pub mod convert;
pub mod docker;
pub mod doctor;
pub mod engine;
mod error;
pub mod inspect;
pub mod lint;
pub mod serve;
pub mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use error::{CliError, exit};

/// Present a container course, run its labs on an embedded image engine, and prove that every command still prints what the slide says.
#[derive(Parser)]
#[command(name = "dockside", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Start here:
  dockside test            run every exercise of the course in this folder
  dockside lint            look for what would go wrong in front of a class
  dockside serve           show its slides on localhost
  dockside build -o site   write its slides as HTML
  dockside docker --help   the docker client over the embedded engine
  dockside doctor          what this machine lacks for the engine

Exit status:
  0  all went well        1  something could not be done
  2  usage error         50  an exercise did not do what its slide says
                         51  lint found errors";

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
    /// Run the image engine on a socket
    Engine(engine::Args),
    /// Find out what this machine lacks for the engine, and what mends it
    Doctor(doctor::Args),
    /// The docker client
    #[command(disable_help_flag = true)]
    Docker(docker::Args),
}

/// Runs `dockside` with `args` (the program's name first) and gives its exit code.
pub fn main(args: &[OsString]) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    let result = match cli.command {
        None => {
            let _ = Cli::command().print_help();
            return ExitCode::SUCCESS;
        }
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
