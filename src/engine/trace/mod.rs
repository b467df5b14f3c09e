//! What a build tells of itself while it goes on: steps (vertices), how far their parts are, what they print, and warnings.
//!
//! The model is BuildKit's, and `wire` has its protobuf messages. The engine makes these, its API sends them, the client reads them;
//! nothing here knows how a build is done or shown.

pub mod lint;
pub mod wire;

use jiff::Timestamp;

/// News of a build, in the order in which they came about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    pub vertexes: Vec<Vertex>,
    pub statuses: Vec<Status>,
    pub logs: Vec<Log>,
    pub warnings: Vec<Warning>,
}

impl News {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.vertexes.is_empty() && self.statuses.is_empty() && self.logs.is_empty() && self.warnings.is_empty()
    }
}

/// A step of the build as it stands; a later one of the same digest replaces it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vertex {
    pub digest: String,
    /// The digests of the steps that this one needs.
    pub inputs: Vec<String>,
    pub name: String,
    pub cached: bool,
    pub started: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    /// Why it failed; empty if it did not.
    pub error: String,
}

impl Vertex {
    /// Whether it failed only because the build was ended.
    pub fn is_cancelled(&self) -> bool {
        self.error.ends_with(CANCELLED)
    }
}

/// The error of a step that was ended because another one failed, or because nobody wants the build any more.
pub const CANCELLED: &str = "context canceled";

/// How far one part of a step is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    pub id: String,
    /// The digest of its step.
    pub vertex: String,
    pub name: String,
    pub current: i64,
    /// 0 where nobody knows.
    pub total: i64,
    pub timestamp: Option<Timestamp>,
    pub started: Option<Timestamp>,
    pub completed: Option<Timestamp>,
}

/// What the command of a step wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    pub vertex: String,
    pub timestamp: Option<Timestamp>,
    /// 1 for standard output, 2 for standard error.
    pub stream: i64,
    pub data: Vec<u8>,
}

/// What the author of a Dockerfile should know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warning {
    pub vertex: String,
    pub level: i64,
    /// One line, with the rule's name and the line's number.
    pub short: String,
    pub detail: Vec<String>,
    pub url: String,
    pub source: Option<Source>,
}

/// A place in a Dockerfile, with all its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub filename: String,
    pub text: String,
    /// The first and last line, counted from 1.
    pub first: usize,
    pub last: usize,
}
