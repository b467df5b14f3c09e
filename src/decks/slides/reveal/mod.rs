//! The reveal dialect: `!SLIDE`, `!SUB` and `!NOTE` after an empty line, as reveal.js splits them, and `Note:`.
//!
//! Markers count at column 0, in any place (fences do not protect), with the case as written. What follows a marker on its line
//! belongs to the slide it starts.

mod attributes;
mod separators;

use std::ops::Range;

use super::{Content, Dialect, Notes, Options, Slide, SlideDeck};
use crate::diag::{Diagnostic, Severity, SourceText};
pub use attributes::{Directive, directive};
pub use separators::Separators;

/// Most warnings of one kind that a deck gets.
const MAX: usize = 100;

/// Reads a reveal deck.
pub fn parse(source: &SourceText, options: &Options) -> SlideDeck {
    let text = source.text();
    let own = options.separators.as_ref();
    let parts = own.map_or_else(|| split(source), |separators| split_at(text, separators.marks(text)));
    let has_note_markers = parts.iter().any(|part| !note_markers(source, &part.range).is_empty());
    let mut slides: Vec<Slide> = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let marked = own.and_then(|separators| separators.notes(&text[part.range.clone()]));
        let (content, notes) = match marked.as_deref() {
            Some([mark]) => {
                let (start, end) = (part.range.start + mark.start, part.range.start + mark.end);
                (part.range.start..start, Some(text[end..part.range.end].trim().to_owned()))
            }
            Some(_) => (part.range.clone(), None),
            None => notes(source, &part.range, has_note_markers),
        };
        let attributes = attributes::of_slide(&text[content.clone()]);
        let find = |name: &str| attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let classes: Vec<String> = find("class").iter().flat_map(|c| c.split_whitespace()).map(str::to_owned).collect();
        if classes.iter().any(|class| options.exclude.contains(class)) {
            continue;
        }
        let (column, row) = part.stack;
        let lone = row == 0 && parts.get(i + 1).is_none_or(|next| next.stack.0 != column);
        slides.push(Slide {
            index: slides.len(),
            number: if lone { format!("{}", column + 1) } else { format!("{}.{}", column + 1, row + 1) },
            id: find("id"),
            name: find("id"),
            properties: attributes.clone(),
            classes,
            content: vec![Content::Markdown(text[content].to_owned())],
            notes: notes.map(|text| Notes { content: vec![Content::Markdown(text)] }),
            stack: part.stack,
            // What converting a remark deck leaves of its increments; reveal.js does not look at it.
            continued: attributes.iter().any(|(n, _)| n == "data-continued"),
            attributes,
            source: source.position(part.range.clone()),
            range: part.range.clone(),
        });
    }
    SlideDeck {
        dialect: Dialect::Reveal,
        slides,
        diagnostics: if own.is_some() { Vec::new() } else { check(source, &parts, has_note_markers) },
        ..SlideDeck::default()
    }
}

/// A slide's text and its place: column and row.
struct Part {
    range: Range<usize>,
    stack: (usize, usize),
}

/// Cuts the text at its markers.
fn split(source: &SourceText) -> Vec<Part> {
    let text = source.text();
    let mut parts = Vec::new();
    let (mut start, mut column, mut row) = (0, 0, 0);
    let mut push = |range, stack| parts.push(Part { range, stack });
    for feed in marks(text) {
        let mark = if text[feed + 1..].starts_with("!SLIDE") {
            "!SLIDE"
        } else if text[feed + 1..].starts_with("!SUB") {
            "!SUB"
        } else {
            continue;
        };
        if feed < start || !after_empty_line(source, feed, 0) {
            continue;
        }
        push(start..feed + usize::from(is_crlf(source, feed)), (column, row));
        (column, row) = if mark == "!SUB" { (column, row + 1) } else { (column + 1, 0) };
        start = feed + 1 + mark.len();
    }
    push(start..text.len(), (column, row));
    parts
}

/// Cuts the text at an author's own separators.
fn split_at(text: &str, marks: impl Iterator<Item = (Range<usize>, bool)>) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut start, mut column, mut row) = (0, 0, 0);
    for (mark, right) in marks {
        parts.push(Part { range: start..mark.start, stack: (column, row) });
        (column, row) = if right { (column + 1, 0) } else { (column, row + 1) };
        start = mark.end;
    }
    parts.push(Part { range: start..text.len(), stack: (column, row) });
    parts
}

/// Line feeds before a `!` at column 0.
fn marks(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices("\n!").map(|(at, _)| at)
}

/// Whether the line feed at `feed` ends an empty line: it is the first of the text from `start`, comes after another, or is the
/// second half of CRLF, which reveal.js takes for two line ends.
fn after_empty_line(source: &SourceText, feed: usize, start: usize) -> bool {
    feed == start || source.text().as_bytes()[feed - 1] == b'\n' || is_crlf(source, feed)
}

/// Whether the line end at `feed` is CRLF on disk. The carriage return then ends the line before it, and stays with that text.
fn is_crlf(source: &SourceText, feed: usize) -> bool {
    source.locate(feed).is_some_and(|l| {
        let disk = l.file.text().as_bytes();
        !l.generated && l.offset > 0 && disk.get(l.offset) == Some(&b'\n') && disk[l.offset - 1] == b'\r'
    })
}

/// The `!NOTE` markers of a slide, in any case: each from its line feed to the marker's end.
fn note_markers(source: &SourceText, range: &Range<usize>) -> Vec<Range<usize>> {
    let text = &source.text()[range.clone()];
    let is_note = |at: &usize| text.get(at + 1..at + 6).is_some_and(|m| m.eq_ignore_ascii_case("!NOTE"));
    let feeds = marks(text).filter(is_note).map(|at| at + range.start);
    feeds.filter(|feed| after_empty_line(source, *feed, range.start)).map(|feed| feed..feed + 6).collect()
}

/// Lines that start with `Note:` or `Notes:`, in any case: each from the line's start to the colon.
fn note_lines(source: &SourceText, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = range.start;
    for line in source.text()[range.clone()].split_inclusive('\n') {
        // reveal.js means `\s*` in front, but its pattern has lost the backslash: any number of the letter s.
        let rest = line.trim_start_matches(['s', 'S']);
        let word = ["notes:", "note:"].into_iter().find(|w| rest.get(..w.len()).is_some_and(|r| r.eq_ignore_ascii_case(w)));
        if let Some(word) = word {
            found.push(start..start + line.len() - rest.len() + word.len());
        }
        start += line.len();
    }
    found
}

/// The slide's content and its notes. A marker that stands twice is no marker: all of it stays on the slide.
fn notes(source: &SourceText, range: &Range<usize>, markers: bool) -> (Range<usize>, Option<String>) {
    let found = if markers { note_markers(source, range) } else { note_lines(source, range) };
    match found.as_slice() {
        [mark] => (
            range.start..mark.start + usize::from(markers && is_crlf(source, mark.start)),
            Some(source.text()[mark.end..range.end].trim().to_owned()),
        ),
        _ => (range.clone(), None),
    }
}

/// Markers that do not count although they look like it. `markers`: this deck's notes begin with them.
fn check(source: &SourceText, parts: &[Part], markers: bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let text = source.text();
    let mut warn = |at: usize, length: usize, code, message: &str, hint: &str| {
        if let Some(l) = source.locate(at).filter(|_| found.len() < MAX) {
            found.push(Diagnostic::at(Severity::Warning, code, message, l.file, l.offset, length).hint(hint));
        }
    };
    if let Some(mark) = ["!SLIDE", "!SUB"].into_iter().find(|mark| text.starts_with(mark)) {
        warn(
            0,
            mark.len(),
            "literal-marker",
            "a marker on the first line is shown as text",
            "leave it out: the first slide starts by itself",
        );
    }
    for feed in marks(text).filter(|feed| !after_empty_line(source, *feed, 0)) {
        let line = text[feed + 1..].lines().next().unwrap_or_default().trim_end();
        let disabled = text[..feed].ends_with("<!--");
        if matches!(line, "!SLIDE" | "!SUB") && !disabled {
            warn(
                feed + 1,
                line.len(),
                "literal-marker",
                "a marker without an empty line before it is shown as text",
                "put an empty line before it",
            );
        }
    }
    for part in parts {
        let (found, from, marker) = if markers {
            (note_markers(source, &part.range), 1, "!NOTE markers")
        } else {
            (note_lines(source, &part.range), 0, "lines that begin with Note:")
        };
        if let [_, second, ..] = found.as_slice() {
            warn(
                second.start + from,
                second.len() - from,
                "repeated-note",
                &format!("a slide with two {marker} shows its notes to everybody"),
                "keep one of them for each slide",
            );
        }
    }
    found
}
