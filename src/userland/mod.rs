//! The shell and commands of the teaching images, chosen by the name they are called under.

use std::{ffi::OsString, process::ExitCode};

/// Whether `name` is a command that the teaching images carry.
pub fn is_applet(_name: &str) -> bool {
    false
}

/// Runs the applet named by `args[0]`.
pub fn main(_args: Vec<OsString>) -> ExitCode {
    ExitCode::from(127)
}
