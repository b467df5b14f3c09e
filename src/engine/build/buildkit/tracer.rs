//! Tells what the steps of a build do, as they do it. Does nothing of it itself.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::build::report::{Note, Report};
use crate::container::Stream;
use crate::image::{Digest, Progress};
use crate::trace::{CANCELLED, Log, News, Status, Vertex, Warning};

/// Where the news of one build come together.
pub struct Tracer<'a> {
    report: Report<'a>,
    /// What tells this build's own steps from those of others that a client shows beside it.
    salt: &'a str,
}

impl<'a> Tracer<'a> {
    pub fn new(report: Report<'a>, salt: &'a str) -> Tracer<'a> {
        Tracer { report, salt }
    }

    /// The digest of a step that is this build's alone.
    pub fn own(&self, name: &str) -> String {
        if self.salt.is_empty() { digest(name) } else { digest(&format!("{} {name}", self.salt)) }
    }

    fn tell(&self, news: News) {
        (self.report)(Note::Trace(Box::new(news)));
    }

    /// A step begins now.
    pub fn start(&self, name: &str, inputs: Vec<String>) -> Step<'_> {
        self.start_as(&digest(name), name, inputs)
    }

    /// A step begins that no other build has.
    pub fn start_own(&self, name: &str, inputs: Vec<String>) -> Step<'_> {
        self.start_as(&self.own(name), name, inputs)
    }

    /// A step begins that has a digest of its own.
    pub fn start_as(&self, digest: &str, name: &str, inputs: Vec<String>) -> Step<'_> {
        let started = Some(Timestamp::now());
        let vertex = Vertex { digest: digest.to_owned(), inputs, name: name.to_owned(), started, ..Vertex::default() };
        self.tell(News { vertexes: vec![vertex.clone()], ..News::default() });
        Step { tracer: self, vertex, parts: Mutex::default() }
    }

    /// A step of this build's that began earlier.
    pub fn start_since(&self, started: Timestamp, name: &str) -> Step<'_> {
        let vertex = Vertex { digest: self.own(name), name: name.to_owned(), started: Some(started), ..Vertex::default() };
        self.tell(News { vertexes: vec![vertex.clone()], ..News::default() });
        Step { tracer: self, vertex, parts: Mutex::default() }
    }

    /// Tells the author of what should be different.
    pub fn warn(&self, warnings: Vec<Warning>) {
        if !warnings.is_empty() {
            self.tell(News { warnings, ..News::default() });
        }
    }
}

/// Lets news through from time to time only: a transfer has more of them than anybody wants to see.
pub struct Throttle(Cell<Instant>);

/// As long as nothing is told.
const QUIET: Duration = Duration::from_millis(200);

impl Throttle {
    pub fn new() -> Throttle {
        Throttle(Cell::new(Instant::now()))
    }

    /// Whether it is time to tell something.
    pub fn passes(&self) -> bool {
        let passes = self.0.get().elapsed() > QUIET;
        if passes {
            self.0.set(Instant::now());
        }
        passes
    }
}

/// The digest of a step that is known by its name.
pub fn digest(name: &str) -> String {
    Digest::of(name.as_bytes()).to_string()
}

/// A step that has begun.
pub struct Step<'a> {
    tracer: &'a Tracer<'a>,
    vertex: Vertex,
    /// The parts that have begun.
    parts: Mutex<Vec<Status>>,
}

impl Step<'_> {
    pub fn digest(&self) -> &str {
        &self.vertex.digest
    }

    /// A part begins, or goes on.
    pub fn part(&self, id: &str, current: u64, total: u64) {
        self.update(id, current, total, false);
    }

    /// A part is done.
    pub fn part_done(&self, id: &str, current: u64, total: u64) {
        self.update(id, current, total, true);
    }

    fn update(&self, id: &str, current: u64, total: u64, done: bool) {
        let now = Some(Timestamp::now());
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let at = parts.iter().position(|part| part.id == id).unwrap_or_else(|| {
            parts.push(Status { id: id.to_owned(), vertex: self.vertex.digest.clone(), started: now, ..Status::default() });
            parts.len() - 1
        });
        let part = &mut parts[at];
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        (part.current, part.total, part.timestamp) = (number(current), number(total), now);
        part.completed = if done { now } else { None };
        self.tracer.tell(News { statuses: vec![part.clone()], ..News::default() });
    }

    /// An image that comes in: a part for each of its layers.
    pub fn pull(&self, progress: &Progress) {
        match progress {
            Progress::Update { id, text, current, total } => match *text {
                "Pull complete" | "Already exists" => self.part_done(&format!("{id} done"), 0, 0),
                "Downloading" => self.part(id, *current, *total),
                "Download complete" => self.part_done(id, *current, *total),
                "Extracting" => self.part(&format!("extracting {id}"), *current, *total),
                _ => {}
            },
            Progress::Message { text, .. } if text.starts_with("Digest: ") => self.part_done(&text["Digest: ".len()..], 0, 0),
            _ => {}
        }
    }

    /// What the step's command wrote.
    pub fn log(&self, stream: Stream, data: Vec<u8>) {
        let stream = if stream == Stream::Stderr { 2 } else { 1 };
        let log = Log { vertex: self.vertex.digest.clone(), timestamp: Some(Timestamp::now()), stream, data };
        self.tracer.tell(News { logs: vec![log], ..News::default() });
    }

    fn end(self, cached: bool, error: &str) {
        self.tell_end(cached, error);
    }

    fn tell_end(&self, cached: bool, error: &str) {
        let vertex = Vertex { completed: Some(Timestamp::now()), cached, error: error.to_owned(), ..self.vertex.clone() };
        self.tracer.tell(News { vertexes: vec![vertex], ..News::default() });
    }

    pub fn done(self) {
        self.end(false, "");
    }

    /// Nothing had to be done.
    pub fn cached(self) {
        self.end(true, "");
    }

    pub fn failed(self, why: &str) {
        self.report(why);
    }

    /// Tells why the step has failed.
    pub fn report(&self, why: &str) {
        self.tell_end(false, why);
    }

    /// Another step failed, or nobody wants the build any more.
    pub fn cancelled(self) {
        self.end(false, CANCELLED);
    }
}
