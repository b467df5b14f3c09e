//! How a command ends when it does not end well: a text for standard error and an exit status.

use crate::units::go_words;
use std::fmt;

/// A command's end: its exit status, or why it failed.
pub type Outcome = Result<u8, Failure>;

/// What went wrong, as Docker's client tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// The text for standard error; empty when all has been said.
    pub text: String,
    /// Whether the engine said so (and not this client).
    pub kind: Kind,
}

/// Who failed; some commands go on or change the status by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The client itself: arguments, files, terminal.
    Client,
    /// No engine could be reached.
    Connection,
    /// The engine's answer, with its HTTP status.
    Engine(u16),
}

impl Failure {
    /// A failure of the client with exit status 1.
    pub fn new(text: impl Into<String>) -> Failure {
        Failure { status: 1, text: text.into(), kind: Kind::Client }
    }

    /// `stdout` or `stderr` could not be written.
    pub fn unwritten(stream: &str, error: &std::io::Error) -> Failure {
        Failure::new(format!("write /dev/{stream}: {}", go_words(error)))
    }

    /// Ends with `status` and says no more.
    pub fn silent(status: u8) -> Failure {
        Failure { status, text: String::new(), kind: Kind::Client }
    }

    /// The same failure with another exit status.
    pub fn status(mut self, status: u8) -> Failure {
        self.status = status;
        self
    }

    /// `docker: TEXT` with a pointer to the help of `command`, as `run` and the argument checks have it.
    pub fn with_help(mut self, command: &str) -> Failure {
        self.text = format!("docker: {}\n\nRun 'docker {command} --help' for more information", self.text);
        self
    }

    /// Whether the engine answered "not found".
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::Engine(404)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::new(go_words(&error))
    }
}
