//! A build on a terminal: a line for each step, drawn anew in place, with the last that the busy ones print below them.

use std::fmt::Write as _;
use std::os::fd::AsFd;

use jiff::Timestamp;

use super::model::{Step, Trace, seconds_between, size};
use crate::docker::terminal;

const BLUE: &str = "\x1b[34m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const FAINT: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// As many lines of output are shown below a step that prints.
const OUTPUT_LINES: usize = 6;

/// What has been drawn.
#[derive(Default)]
pub struct Tty {
    lines: usize,
    drawn: bool,
}

/// A line of the picture.
struct Row {
    name: String,
    status: String,
    seconds: f64,
    completed: bool,
    colour: &'static str,
    output: Vec<String>,
}

impl Tty {
    /// Draws the build; `all` once it is over.
    pub fn print(&mut self, trace: &Trace, all: bool) -> String {
        let (height, width) = match terminal::size(std::io::stderr().as_fd()) {
            Some((rows, columns)) if rows > 0 && columns > 0 => (usize::from(rows), usize::from(columns)),
            _ => (10, 80),
        };
        let mut out = "\x1b[1A".repeat(self.lines + 1);
        if !self.drawn {
            out.push_str("\x1b[1B");
        }
        self.drawn = true;
        out.push_str("\x1b[0G\x1b[?25l");
        let now = trace.now();
        let completed = trace.order.iter().filter(|d| trace.steps.get(*d).is_some_and(Step::is_completed)).count();
        let finished = all && completed > 0 && completed == trace.order.len();
        let seconds = trace.started.map_or(0.0, |started| seconds_between(started, now));
        let status = if finished { "FINISHED" } else { "" };
        let head = format!("[+] Building {seconds:.1}s ({completed}/{}) {status}", trace.order.len());
        let head = aligned(&head, "docker:default", width - 1);
        let _ = writeln!(out, "{}", cut(&head, width));
        let mut lines = 0;
        for row in rows(trace, now, height, all) {
            let timer = format!(" {:3.1}s\n", if row.seconds < 0.05 { 0.0 } else { row.seconds });
            let Some(mut left) = width.checked_sub(" => ".len() + timer.len() + 1).filter(|left| *left >= 12) else { continue };
            let mut status = String::new();
            if !row.status.is_empty() && left + row.status.len() > 20 && left > row.status.len() + 1 {
                status = format!(" {}", row.status);
                left -= row.status.len() + 1;
            }
            let line = aligned(&format!(" => {}{status}", cut(&row.name, left)), &timer, width);
            let _ = if row.completed { write!(out, "{}{line}{RESET}", row.colour) } else { write!(out, "{line}") };
            lines += 1;
            for text in &row.output {
                let _ = writeln!(out, "{FAINT} => => # {}{RESET}", cut(text, width.saturating_sub(10)));
                lines += 1;
            }
        }
        // What was there before and is not any more.
        if let Some(gone) = self.lines.checked_sub(lines).filter(|gone| *gone > 0) {
            out.push_str(&format!("{}\n", " ".repeat(width)).repeat(gone));
            let _ = write!(out, "\x1b[{gone}A\x1b[0G");
        }
        self.lines = lines;
        out.push_str("\x1b[?25h");
        out
    }
}

fn rows(trace: &Trace, now: Timestamp, height: usize, all: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for step in trace.order.iter().filter_map(|digest| trace.steps.get(digest)) {
        let vertex = &step.vertex;
        let (mark, colour) = match vertex.error.as_str() {
            "" if vertex.cached => ("CACHED ", BLUE),
            "" => ("", BLUE),
            _ if vertex.is_cancelled() => ("CANCELED ", YELLOW),
            _ => ("ERROR ", RED),
        };
        let output = match step.is_completed() {
            true => Vec::new(),
            false => {
                let last = step.last_lines.iter().rev().take(OUTPUT_LINES).rev();
                last.map(|line| shown(line.split_once(' ').map_or(line, |(_, text)| text))).collect()
            }
        };
        rows.push(Row {
            name: format!("{mark}{}", shown(&vertex.name)),
            status: String::new(),
            seconds: step.seconds(now),
            completed: step.is_completed(),
            colour,
            output,
        });
        for part in &step.parts {
            let status = match (part.current, part.total) {
                (0, 0) => String::new(),
                (current, 0) => size(current),
                (current, total) => format!("{} / {}", size(current), size(total)),
            };
            let started = part.started.unwrap_or(now);
            rows.push(Row {
                name: format!("=> {}", part.id),
                status,
                seconds: seconds_between(started, part.completed.unwrap_or(now)),
                completed: part.completed.is_some(),
                colour: BLUE,
                output: Vec::new(),
            });
        }
    }
    if !all {
        fit(&mut rows, height.saturating_sub(2));
    }
    rows
}

/// Cuts a picture to so many lines: first what steps print, then the oldest steps that are done.
fn fit(rows: &mut Vec<Row>, height: usize) {
    let lines = |rows: &[Row]| rows.iter().map(|row| 1 + row.output.len()).sum::<usize>();
    for at in 0..rows.len() {
        if lines(rows) <= height {
            return;
        }
        rows[at].output.clear();
    }
    while rows.len() > height {
        let oldest = rows.iter().position(|row| row.completed).unwrap_or(0);
        rows.remove(oldest);
    }
}

/// Text that moves no cursor.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|c| !c.is_control()).collect()
}

/// At most so many characters.
fn cut(text: &str, length: usize) -> &str {
    text.char_indices().nth(length).map_or(text, |(at, _)| &text[..at])
}

/// `left` and `right` at the ends of a line.
fn aligned(left: &str, right: &str, width: usize) -> String {
    format!("{left:<room$} {right}", room = width.saturating_sub(right.len() + 1))
}
