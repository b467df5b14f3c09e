//! A build as lines: steps by their numbers, one at a time, another one when the first has nothing to say for a while.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::model::{Step, Trace, seconds_between, size};

/// A step with less to say than others is left after this.
const FAIR: f64 = 5.0;
/// A step that has news is shown after this at the latest.
const HIDDEN_MAX: Duration = Duration::from_secs(10);
/// A part that is not done is shown again after as many seconds, or after this share of it.
const PART_SECONDS: f64 = 5.0;
const PART_SHARE: f64 = 0.05;

/// What has been printed.
#[derive(Default)]
pub struct Plain {
    /// The step that is being shown.
    current: Option<String>,
    began: bool,
    parts: HashMap<String, (i64, Timestamp)>,
    numbers: usize,
}

impl Plain {
    /// Prints what is new.
    pub fn print(&mut self, trace: &mut Trace) -> String {
        let mut out = String::new();
        if !self.began {
            self.began = true;
            out.push_str("#0 building with \"default\" instance using docker driver\n\n");
        }
        let (mut completed, mut rest): (Vec<String>, Vec<String>) =
            trace.updates.iter().cloned().partition(|digest| trace.steps.get(digest).is_some_and(Step::is_completed));
        let current = self.current.clone();
        let was_completed = current.as_ref().is_some_and(|c| completed.contains(c));
        completed.sort_by_key(|digest| (Some(digest) != current.as_ref(), trace.steps.get(digest).and_then(|step| step.vertex.completed)));
        for digest in &completed {
            self.step(trace, digest, &mut out);
        }
        if rest.is_empty() {
            // Some step that is at work is the one to be shown.
            let open = |digest: &&String| trace.steps.get(*digest).is_some_and(|step| !step.is_completed());
            let still = self.current.as_ref().is_some_and(|c| open(&c));
            let next = trace.order.iter().find(open).cloned();
            if let (false, Some(next)) = (still, next) {
                self.step(trace, &next, &mut out);
            }
            return out;
        }
        if let Some(current) = current.as_ref().filter(|c| rest.contains(c)) {
            self.step(trace, current, &mut out);
        }
        rest.extend(current.clone().filter(|c| !rest.contains(c)));
        let speeds: Vec<(f64, Duration, &String)> = rest
            .iter()
            .filter_map(|digest| {
                let step = trace.steps.get(digest)?;
                let time = step.since.map_or(Duration::ZERO, |since| since.elapsed());
                Some((step.count as f64 / time.as_secs_f64().max(1e-9), time, digest))
            })
            .collect();
        let busiest = speeds.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, _, digest)| (*digest).clone());
        let Some(busiest) = busiest else { return out };
        let hidden = speeds.iter().find(|(_, time, digest)| *time > HIDDEN_MAX && Some(*digest) != current.as_ref());
        let next = match &current {
            Some(current) if !was_completed => {
                let sum: f64 = speeds.iter().map(|(speed, _, _)| speed).sum();
                let own = speeds.iter().find(|(_, _, digest)| *digest == current);
                let unfair = own.is_some_and(|(speed, time, _)| FAIR / (1.0 - speed / sum) < time.as_secs_f64());
                hidden.map(|(_, _, digest)| (*digest).clone()).or_else(|| unfair.then_some(busiest))
            }
            _ => Some(busiest),
        };
        if let Some(next) = next {
            self.step(trace, &next, &mut out);
        }
        out
    }

    fn step(&mut self, trace: &mut Trace, digest: &str, out: &mut String) {
        trace.updates.retain(|d| d != digest);
        if self.current.as_deref() != Some(digest) {
            if let Some(old) = self.current.take().and_then(|old| trace.steps.get_mut(&old)) {
                if old.partial && !old.lines.is_empty() {
                    out.push('\n');
                }
                (old.offset, old.count) = (0, 0);
                let _ = writeln!(out, "#{} ...", old.number);
            }
            if self.numbers > 0 {
                out.push('\n');
            }
        }
        let Some(step) = trace.steps.get_mut(digest) else { return };
        if step.number == 0 {
            self.numbers += 1;
            step.number = self.numbers;
        }
        let number = step.number;
        if self.current.as_deref() != Some(digest) {
            let _ = writeln!(out, "#{number} {}", step.vertex.name);
        }
        self.parts(step, out);
        lines(step, out);
        self.current = Some(digest.to_owned());
        if step.is_completed() {
            self.current = None;
            step.count = 0;
            if step.partial && !step.lines.is_empty() {
                out.push('\n');
            }
            let vertex = &step.vertex;
            let _ = match (vertex.error.as_str(), vertex.cached) {
                (_, _) if vertex.is_cancelled() => writeln!(out, "#{number} CANCELED"),
                ("", true) => writeln!(out, "#{number} CACHED"),
                ("", false) => {
                    let times = vertex.started.zip(vertex.completed);
                    writeln!(out, "#{number} DONE {:.1}s", times.map_or(0.0, |(from, to)| seconds_between(from, to)))
                }
                (error, _) => writeln!(out, "#{number} ERROR: {error}"),
            };
        }
    }

    fn parts(&mut self, step: &mut Step, out: &mut String) {
        let updated = std::mem::take(&mut step.updated);
        for part in step.parts.iter().filter(|part| updated.contains(&part.id)) {
            let time = part.timestamp.unwrap_or_default();
            if let (Some((current, before)), None) = (self.parts.get(&part.id), part.completed) {
                let share = if part.total > 0 { (part.current - current) as f64 / part.total as f64 } else { 0.0 };
                if share < PART_SHARE && seconds_between(*before, time) < PART_SECONDS {
                    continue;
                }
            }
            self.parts.insert(part.id.clone(), (part.current, time));
            let _ = write!(out, "#{} {}", step.number, part.id);
            if part.total != 0 {
                let _ = write!(out, " {} / {}", size(part.current), size(part.total));
            } else if part.current != 0 {
                let _ = write!(out, " {}", size(part.current));
            }
            if let Some(started) = part.started {
                let seconds = seconds_between(started, part.completed.unwrap_or(time));
                if seconds > 0.01 {
                    let _ = write!(out, " {seconds:.1}s");
                }
            }
            out.push_str(if part.completed.is_some() { " done\n" } else { "\n" });
        }
    }
}

/// What a step has printed; the beginning of a line that has not ended is printed once.
fn lines(step: &mut Step, out: &mut String) {
    let count = step.lines.len();
    for (at, line) in step.lines.iter().enumerate() {
        let offset = if at == 0 { step.offset.min(line.len()) } else { 0 };
        if offset == 0 {
            let _ = write!(out, "#{} ", step.number);
        }
        out.push_str(line.get(offset..).unwrap_or_default());
        if at + 1 != count || !step.partial {
            out.push('\n');
        }
    }
    match step.lines.pop() {
        Some(last) if step.partial => {
            step.offset = last.len();
            step.lines = vec![last];
        }
        _ => {
            step.offset = 0;
            step.lines.clear();
        }
    }
}
