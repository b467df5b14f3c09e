//! Shows a build's trace as BuildKit's clients do: lines for logs and pipes, a picture that moves for terminals, JSON for programs.
//!
//! All of it goes to standard error. Knows the trace alone, not where it comes from or what a build is.

mod check;
mod excerpt;
mod model;
mod plain;
mod rawjson;
mod tty;

use std::time::{Duration, Instant};

pub use check::report;
pub use excerpt::excerpt;

use crate::trace::{News, Warning};

/// How a build is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Tty,
    Quiet,
    RawJson,
}

/// No display moves more often than this.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a display is brought up to date when there are no news.
pub const TICK: Duration = Duration::from_millis(150);

enum Kind {
    Plain(plain::Plain),
    Tty(tty::Tty),
    RawJson,
    Quiet,
}

/// One build on show.
pub struct Display {
    kind: Kind,
    trace: model::Trace,
    shown: Option<Instant>,
    /// What the author of the Dockerfile should know.
    pub warnings: Vec<Warning>,
    /// Whether the warnings are shown at the end.
    pub warns: bool,
}

impl Display {
    pub fn new(mode: Mode) -> Display {
        let kind = match mode {
            Mode::Plain => Kind::Plain(plain::Plain::default()),
            Mode::Tty => Kind::Tty(tty::Tty::default()),
            Mode::RawJson => Kind::RawJson,
            Mode::Quiet => Kind::Quiet,
        };
        let trace = model::Trace { keeps_lines: mode == Mode::Plain, ..model::Trace::default() };
        Display { kind, trace, shown: None, warnings: Vec::new(), warns: true }
    }

    /// Takes in news; gives what is to be written now.
    pub fn update(&mut self, mut news: News) -> String {
        if matches!(self.kind, Kind::RawJson) {
            return rawjson::line(&news);
        }
        self.warnings.append(&mut news.warnings);
        self.trace.update(news);
        if self.shown.is_some_and(|at| at.elapsed() < PAUSE) {
            return String::new();
        }
        self.shown = Some(Instant::now());
        self.refresh()
    }

    /// Brings the display up to date.
    pub fn refresh(&mut self) -> String {
        match &mut self.kind {
            Kind::Plain(plain) => plain.print(&mut self.trace),
            Kind::Tty(tty) => tty.print(&self.trace, false),
            Kind::RawJson | Kind::Quiet => String::new(),
        }
    }

    /// The end of the build: the rest, the last words of the steps that failed, and the warnings.
    pub fn done(&mut self) -> String {
        let mut out = match &mut self.kind {
            Kind::Plain(plain) => plain.print(&mut self.trace),
            Kind::Tty(tty) => tty.print(&self.trace, true),
            Kind::RawJson | Kind::Quiet => return String::new(),
        };
        out.push_str(&self.trace.errors());
        if self.warns && !self.warnings.is_empty() {
            let coloured = matches!(self.kind, Kind::Tty(_));
            let count = self.warnings.len();
            let title = match count {
                1 => "1 warning found (use docker --debug to expand):".to_owned(),
                _ => format!("{count} warnings found (use docker --debug to expand):"),
            };
            out.push_str(&if coloured { format!("\n \x1b[33m{title}\n\x1b[0m") } else { format!("\n {title}\n") });
            for warning in &self.warnings {
                out.push_str(&format!(" - {}\n", warning.short));
            }
        }
        out
    }
}
