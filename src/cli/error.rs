//! The one error of the command line: what failed, how to go on, and the exit code it stands for.

use std::process::ExitCode;

/// Exit codes, documented in `--help` and README.
pub mod exit {
    pub const OK: u8 = 0;
    /// Something could not be done.
    pub const ERROR: u8 = 1;
    /// The command line was wrong.
    pub const USAGE: u8 = 2;
    /// An exercise did not do what its slide says.
    pub const MISMATCH: u8 = 50;
    /// `lint` found what must not stay.
    pub const FINDINGS: u8 = 51;
}

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

    /// Prints the error on standard error and gives its exit code.
    pub fn report(self) -> ExitCode {
        eprintln!("dockside: {}", self.message);
        for hint in &self.hints {
            eprintln!("  hint: {hint}");
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
            let text = cause.to_string();
            if !message.ends_with(&text) {
                message.push_str(&format!(": {text}"));
            }
            source = cause.source();
        }
        CliError::new(message)
    }
}
