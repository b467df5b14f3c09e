//! A comparison as a diff that people read: what is wrong, what is missing, what is too much, and, more quietly, what may differ.

use similar::{ChangeTag, TextDiff};

use crate::lab::matching::{Comparison, Entry, EntryKind};
use crate::lab::plan::ExpectedLine;

/// Colours for a terminal, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    pub color: bool,
}

impl Paint {
    fn style(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn red(self, text: &str) -> String {
        self.style("31", text)
    }

    pub fn green(self, text: &str) -> String {
        self.style("32", text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.style("33", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    pub fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    fn strong(self, code: &str, text: &str) -> String {
        self.style(&format!("1;4;{code}"), text)
    }
}

/// Lines that are all right and far from what is wrong are not shown.
const CONTEXT: usize = 3;
/// More lines than this of one kind are cut.
const MAX_RUN: usize = 12;

/// The diff, a line each, without a final line end.
///
/// The first column says what a line is: ` ` as on the slide, `~` other values of the same meaning (the slide's line), `-` on the slide and
/// wrong or missing, `+` printed instead or too much, `.` stands for lines that are not shown.
pub fn diff(expected: &[ExpectedLine], comparison: &Comparison, paint: Paint) -> String {
    let entries = &comparison.entries;
    let near = |i: usize| {
        let from = i.saturating_sub(CONTEXT);
        entries[from..(i + CONTEXT + 1).min(entries.len())].iter().any(|e| !e.kind.is_fine())
    };
    let mut lines = Vec::new();
    let mut hidden = 0;
    for (i, entry) in entries.iter().enumerate() {
        if entry.kind.is_fine() && !near(i) {
            hidden += entry.expected.len().max(entry.actual.len());
            continue;
        }
        flush(&mut lines, &mut hidden, paint);
        show(entry, expected, &comparison.actual, paint, &mut lines);
    }
    flush(&mut lines, &mut hidden, paint);
    cut(lines, paint).join("\n")
}

fn flush(lines: &mut Vec<String>, hidden: &mut usize, paint: Paint) {
    if *hidden > 0 {
        lines.push(paint.dim(&format!(". {hidden} line{} as on the slide", if *hidden == 1 { "" } else { "s" })));
        *hidden = 0;
    }
}

/// Long runs of missing or extra lines keep their ends.
fn cut(lines: Vec<String>, paint: Paint) -> Vec<String> {
    let mark = |line: &str| {
        line.trim_start_matches(|c: char| c == '\x1b' || c == '[' || c == 'm' || c == ';' || c.is_ascii_digit()).chars().next()
    };
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let kind = mark(&lines[at]);
        let end = (at..lines.len()).find(|&i| mark(&lines[i]) != kind).unwrap_or(lines.len());
        if end - at > MAX_RUN && matches!(kind, Some('-' | '+')) {
            out.extend(lines[at..at + MAX_RUN - 4].iter().cloned());
            out.push(paint.dim(&format!(". {} more lines", end - at - MAX_RUN + 6)));
            out.extend(lines[end - 2..end].iter().cloned());
        } else {
            out.extend(lines[at..end].iter().cloned());
        }
        at = end;
    }
    out
}

fn show(entry: &Entry, expected: &[ExpectedLine], actual: &[String], paint: Paint, lines: &mut Vec<String>) {
    let wanted = entry.expected.clone().filter_map(|i| expected.get(i)).map(|l| l.text.as_str());
    let got = entry.actual.clone().filter_map(|i| actual.get(i)).map(String::as_str);
    match &entry.kind {
        EntryKind::Same => lines.extend(wanted.map(|l| format!("  {l}"))),
        EntryKind::Volatile | EntryKind::Progress => lines.extend(wanted.map(|l| paint.dim(&format!("~ {l}")))),
        EntryKind::Elided => lines.extend(wanted.map(|l| paint.dim(&format!("  {l}")))),
        EntryKind::Missing => lines.extend(wanted.map(|l| paint.red(&format!("- {l}{}", note(paint, "missing"))))),
        EntryKind::Extra => lines.extend(got.map(|l| paint.green(&format!("+ {l}{}", note(paint, "not on the slide"))))),
        EntryKind::Wrong => pair(wanted.collect(), got.collect(), "", paint, lines),
        EntryKind::WrongValue(why) | EntryKind::Drift(why) => pair(wanted.collect(), got.collect(), why, paint, lines),
    }
}

/// Words for those who see no colours.
fn note(paint: Paint, text: &str) -> String {
    if paint.color { String::new() } else { format!("    ← {text}") }
}

/// Two lines in each other's place, their differing words marked.
fn pair(wanted: Vec<&str>, got: Vec<&str>, why: &str, paint: Paint, lines: &mut Vec<String>) {
    let ([old], [new]) = (wanted.as_slice(), got.as_slice()) else {
        lines.extend(wanted.iter().map(|l| paint.red(&format!("- {l}"))));
        lines.extend(got.iter().map(|l| paint.green(&format!("+ {l}"))));
        return;
    };
    let diff = TextDiff::from_words(*old, *new);
    let (mut minus, mut plus) = (paint.red("- "), paint.green("+ "));
    for change in diff.iter_all_changes() {
        let text = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                minus.push_str(&paint.red(text));
                plus.push_str(&paint.green(text));
            }
            ChangeTag::Delete => minus.push_str(&paint.strong("31", text)),
            ChangeTag::Insert => plus.push_str(&paint.strong("32", text)),
        }
    }
    lines.push(minus);
    lines.push(plus);
    if !why.is_empty() {
        lines.push(paint.yellow(&format!("  ↑ {why}")));
    }
}
