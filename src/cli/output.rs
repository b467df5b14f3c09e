//! What `dockside` says to people. On standard output a reader that has seen enough (`| head`) is no error, and a disk that is full is
//! one. On standard error there is nobody left to tell. Neither ever panics.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};

use super::CliError;
use crate::diag;

/// Prints a line on standard output, at once.
pub fn say(line: impl Display) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    written(writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// What became of writing to standard output.
pub fn written(result: std::io::Result<()>) -> Result<(), CliError> {
    match result {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(CliError::new(format!("cannot write to standard output: {}", diag::reason(&e)))),
        _ => Ok(()),
    }
}

/// Whether people read `stream` who want colours.
pub fn wants_color(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Prints a line on standard error.
pub fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
