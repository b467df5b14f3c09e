//! Whose deck it is, by its marks alone, where no front matter says it.
//!
//! What remark itself reads counts for more: a deck with notes, increments, content classes or properties is remark's, and stays as
//! remark shows it. A knitr chunk is no sign against that, for those who write them have remark show what comes out.

use super::super::habits::Habit;
use super::lines::Lines;
use super::{fence, slot};

/// The habit that the marks tell of.
pub fn habit(text: &str) -> Habit {
    if !may_have_signs(text) {
        return Habit::Other;
    }
    let lines = Lines::of(text);
    let infos = || lines.fences.iter().map(|fence| fence.info(text));
    if infos().any(fence::is_chunk) {
        return Habit::Knit;
    }
    let plain = || lines.iter().filter(|line| !line.code).map(|line| &text[line.start..line.end]);
    let slidev = infos().any(fence::is_slidev) || plain().any(|line| matches!(slot(line), Some("left" | "right" | "default")));
    let pandoc = || plain().any(|line| super::div(line).is_some_and(|attributes| !attributes.classes.is_empty()) || has_attributes(line));
    if !slidev && !pandoc() || is_remark(text, &lines) {
        return Habit::Other;
    }
    if slidev { Habit::Slidev } else { Habit::Pandoc }
}

/// Whether there is what the signs have: colons at the start of a line, or a brace on one that is a fence or a heading. Most decks have
/// neither, and are spared the reading.
fn may_have_signs(text: &str) -> bool {
    let bytes = text.as_bytes();
    let before = |at: usize| text[memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1)..at].trim_start();
    let is_mark = |at: usize| bytes.get(at + 2).is_some_and(|b| *b == b':' || b.is_ascii_alphabetic()) && before(at).is_empty();
    memchr::memmem::find_iter(bytes, b"::").any(is_mark)
        || memchr::memchr_iter(b'{', bytes).any(|at| before(at).starts_with(['`', '~', '#']))
}

/// Whether it is a heading with attributes behind it.
fn has_attributes(line: &str) -> bool {
    super::heading(line).is_some() && super::trailing(line).is_some_and(|(_, found)| found.id.is_some() || !found.classes.is_empty())
}

/// Whether something in it has a meaning in remark, and in no other program.
fn is_remark(text: &str, lines: &Lines) -> bool {
    let mut head = true;
    for line in lines.iter().filter(|line| !line.code) {
        let line = text[line.start..line.end].trim_end();
        if matches!(line, "--" | "???") || has_class(line) {
            return true;
        }
        let property = line.split_once(':').is_some_and(|(name, _)| {
            matches!(name, "name" | "class" | "template" | "count" | "exclude") || name.starts_with("background-")
        });
        if head && property {
            return true;
        }
        head = line == "---" || head && line.is_empty();
    }
    false
}

/// `.class[`
fn has_class(line: &str) -> bool {
    line.match_indices('[').any(|(at, _)| {
        let before = &line[..at];
        let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        name.len() < before.len() && name.ends_with('.') && before[name.len()..].starts_with(|c: char| !c.is_ascii_digit())
    })
}

/// Whether a deck with front matter is cut at its headings: it has several, and no separators.
pub fn is_cut_at_headings(text: &str) -> bool {
    let lines = Lines::of(text);
    let mut headings = 0;
    for line in lines.iter().filter(|line| !line.code) {
        let line = text[line.start..line.end].trim_end();
        if matches!(line, "--" | "---" | "???") || has_class(line) {
            return false;
        }
        headings += usize::from(super::heading(line).is_some_and(|level| level <= 2));
    }
    headings >= 3
}
