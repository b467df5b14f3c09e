//! What a build tells while it goes on, how it fails, and how it is ended from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::container::ContainerError;
use crate::image::{Digest, ImageError, Progress};
use crate::trace::{News, Source};

/// News of a build.
#[derive(Clone, Debug)]
pub enum Note {
    /// The builder's own words, or what a command wrote to standard output.
    Out(String),
    /// Warnings, and what a command wrote to standard error.
    Error(String),
    /// A base image comes in.
    Pull(Progress),
    /// A stage is done.
    Stage(Digest),
    /// What BuildKit's steps do.
    Trace(Box<News>),
}

/// Where news go.
pub type Report<'a> = &'a (dyn Fn(Note) + Sync);

/// Why a build failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    pub message: String,
    /// The status of a command that failed.
    pub code: Option<i32>,
    /// The Dockerfile or the request makes no sense.
    pub invalid: bool,
    /// The first and last line of the Dockerfile that it is about.
    pub lines: Option<(usize, usize)>,
    /// The Dockerfile with these lines.
    pub place: Option<Box<Source>>,
}

impl BuildError {
    pub fn new(message: impl Into<String>) -> BuildError {
        BuildError { message: message.into(), code: None, invalid: false, lines: None, place: None }
    }

    pub fn invalid(message: impl Into<String>) -> BuildError {
        BuildError { invalid: true, ..BuildError::new(message) }
    }

    /// The same, with the lines that it is about.
    pub fn at(mut self, lines: (usize, usize)) -> BuildError {
        self.lines.get_or_insert(lines);
        self
    }

    /// The same, with the Dockerfile that its lines are in.
    pub fn with_source(mut self, filename: &str, text: &str) -> BuildError {
        if let (None, Some((first, last))) = (&self.place, self.lines.filter(|lines| lines.0 > 0)) {
            self.place = Some(Box::new(Source { filename: filename.to_owned(), text: text.to_owned(), first, last }));
        }
        self
    }
}

impl From<ImageError> for BuildError {
    fn from(error: ImageError) -> Self {
        let invalid = matches!(error, ImageError::Invalid(_) | ImageError::Reference(_));
        BuildError { invalid, ..BuildError::new(error.to_string()) }
    }
}

impl From<ContainerError> for BuildError {
    fn from(error: ContainerError) -> Self {
        BuildError::new(error.to_string())
    }
}

impl From<String> for BuildError {
    fn from(message: String) -> Self {
        BuildError::new(message)
    }
}

/// Ends a build from outside; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<(AtomicBool, Notify)>);

impl Cancel {
    /// Ends the build at the next chance; a command that runs is killed.
    pub fn cancel(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Waits until the build shall end.
    pub async fn cancelled(&self) {
        loop {
            let notified = self.0.1.notified();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }

    /// An error once the build shall end.
    pub fn check(&self) -> Result<(), BuildError> {
        if self.is_cancelled() { Err(BuildError::new("Build cancelled")) } else { Ok(()) }
    }
}
