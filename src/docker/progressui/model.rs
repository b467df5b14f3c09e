//! What is known of a build so far: its steps in the order in which they began, their parts, and what they printed.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::trace::{Log, News, Status, Vertex};

/// As many of a step's last lines are kept for its failure.
const LAST_LINES: usize = 10;

/// No line is longer; what goes on after that is another one.
const LINE_MAX: usize = 256 << 10;

/// A step as it is shown.
#[derive(Default)]
pub struct Step {
    pub vertex: Vertex,
    pub parts: Vec<Status>,
    /// The parts with news that have not been shown.
    pub updated: HashSet<String>,
    /// What was printed and has not been shown, in lines with their times.
    pub lines: Vec<String>,
    /// Whether the last line has not ended.
    pub partial: bool,
    /// How much of an unfinished line has been shown.
    pub offset: usize,
    pub last_lines: VecDeque<String>,
    /// The number under which it is shown; 0 before.
    pub number: usize,
    /// How many news there were since it was shown.
    pub count: usize,
    pub since: Option<Instant>,
    /// When it was at work, by the beginning.
    intervals: BTreeMap<Timestamp, Option<Timestamp>>,
    pub bytes: usize,
}

impl Step {
    fn touch(&mut self) {
        if self.count == 0 {
            self.since = Some(Instant::now());
        }
        self.count += 1;
    }

    pub fn is_completed(&self) -> bool {
        self.vertex.completed.is_some()
    }

    /// The seconds that it has been at work, while it is until `now`.
    pub fn seconds(&self, now: Timestamp) -> f64 {
        self.intervals.iter().map(|(start, stop)| seconds_between(*start, stop.unwrap_or(now))).sum()
    }

    fn log(&mut self, log: &Log, keeps_lines: bool) {
        self.touch();
        self.bytes += log.data.len();
        let text = String::from_utf8_lossy(&log.data);
        let since = log.timestamp.unwrap_or_default();
        let started = self.intervals.last_key_value().map_or(since, |(start, _)| *start);
        let time = log_time(seconds_between(started, since));
        let mut pieces = text.split('\n').peekable();
        let mut continues = self.partial;
        while let Some(piece) = pieces.next() {
            let ends = pieces.peek().is_some();
            if !ends && piece.is_empty() {
                self.partial = false;
                break;
            }
            match (continues, self.lines.last_mut(), self.last_lines.back_mut()) {
                (true, line, last) if line.as_ref().or(last.as_ref()).is_some_and(|line| line.len() < LINE_MAX) => {
                    line.into_iter().chain(last).for_each(|line| line.push_str(piece));
                }
                _ => {
                    let line = format!("{time} {piece}");
                    if self.last_lines.len() == LAST_LINES {
                        self.last_lines.pop_front();
                    }
                    self.last_lines.push_back(line.clone());
                    if keeps_lines {
                        self.lines.push(line);
                    }
                }
            }
            continues = false;
            self.partial = !ends;
        }
    }
}

/// Seconds with as many digits as there is room for.
fn log_time(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.3}"),
        s if s < 100.0 => format!("{s:.2}"),
        s => format!("{s:.1}"),
    }
}

/// The seconds from one time to the other.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_duration() - from.as_duration()).as_secs_f64()
}

/// A build as it stands.
#[derive(Default)]
pub struct Trace {
    pub steps: HashMap<String, Step>,
    /// Steps in the order in which they began.
    pub order: Vec<String>,
    /// Whether somebody shows all that steps print, and not only the last of it.
    pub keeps_lines: bool,
    /// Steps with news that have not been shown.
    pub updates: Vec<String>,
    pub started: Option<Timestamp>,
    /// How far the engine's clock is behind this machine's.
    pub lag: Duration,
}

impl Trace {
    /// Takes in news.
    pub fn update(&mut self, news: News) {
        for vertex in news.vertexes {
            self.vertex(vertex);
        }
        for status in news.statuses {
            let Some(step) = self.steps.get_mut(&status.vertex) else { continue };
            step.touch();
            step.updated.insert(status.id.clone());
            let digest = status.vertex.clone();
            match step.parts.iter_mut().find(|part| part.id == status.id) {
                Some(part) => *part = status,
                None => step.parts.push(status),
            }
            self.mark(&digest);
        }
        for log in news.logs {
            let Some(step) = self.steps.get_mut(&log.vertex) else { continue };
            step.log(&log, self.keeps_lines);
            self.mark(&log.vertex);
        }
    }

    fn vertex(&mut self, vertex: Vertex) {
        let digest = vertex.digest.clone();
        let Some(started) = vertex.started else { return };
        if self.started.is_none() {
            self.started = Some(started);
            self.lag = Duration::from_secs_f64(seconds_between(started, Timestamp::now()).max(0.0));
        }
        let known = self.steps.contains_key(&digest);
        let step = self.steps.entry(digest.clone()).or_default();
        if !known {
            self.order.push(digest.clone());
        }
        step.intervals.insert(started, vertex.completed);
        if step.vertex != vertex {
            step.vertex = vertex;
            step.touch();
            self.mark(&digest);
        }
    }

    fn mark(&mut self, digest: &str) {
        if !self.updates.iter().any(|d| d == digest) {
            self.updates.push(digest.to_owned());
        }
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().checked_sub(self.lag).unwrap_or_default()
    }

    /// The steps that failed by themselves, with the last that they printed.
    pub fn errors(&self) -> String {
        let mut out = String::new();
        let failed = self.order.iter().filter_map(|digest| self.steps.get(digest));
        for step in failed.filter(|step| !step.vertex.error.is_empty() && !step.vertex.is_cancelled()) {
            out.push_str(&format!("------\n > {}:\n", step.vertex.name));
            for line in &step.last_lines {
                out.push_str(line);
                out.push('\n');
            }
            out.push_str("------\n");
        }
        out
    }
}

/// A size with two digits behind the point, as BuildKit has it.
pub fn size(bytes: i64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value.abs() < 1000.0 || unit == "TB" {
            return if unit == "B" { format!("{bytes}B") } else { format!("{value:.2}{unit}") };
        }
        value /= 1000.0;
    }
    String::new()
}
