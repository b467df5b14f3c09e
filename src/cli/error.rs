//! The one error of the command line: what failed, how to go on, and the exit code it stands for.

use std::process::ExitCode;

use super::exit;
use super::output::complain;
use crate::diag;

/// An error for a person: `message` reads on after "dockside: ", each hint is a sentence that says what to do.
#[derive(Debug)]
pub struct CliError {
    pub code: u8,
    pub message: String,
    pub hints: Vec<String>,
}

impl CliError {
    pub fn new(message: impl Into<String>) -> Self {
        CliError { code: exit::ERROR, message: message.into(), hints: Vec::new() }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with another exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Prints the error on standard error and gives its exit code.
    pub fn report(self) -> ExitCode {
        complain(format_args!("dockside: {}", self.message));
        for hint in &self.hints {
            complain(format_args!("  hint: {hint}"));
        }
        ExitCode::from(self.code)
    }
}

impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Some errors speak of their cause themselves.
            if !message.ends_with(&cause.to_string()) {
                let text = cause.downcast_ref().map_or_else(|| cause.to_string(), diag::reason);
                message.push_str(&format!(": {text}"));
            }
            source = cause.source();
        }
        CliError::new(message)
    }
}
