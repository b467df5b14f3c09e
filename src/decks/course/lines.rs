//! A remark deck that lost its line breaks, as copying out of a web page or a table does it: all of it stands on a line or two.
//!
//! The marks are still there (` --- `, ` ## `, ` * `, ` ``` `), and what they can start is put on a line again. What no mark
//! tells, such as the lines inside a block of code, cannot be known; the end of a heading is taken to be where a sentence starts.

use std::ops::Range;

use crate::diag::{Diagnostic, Severity, SourceText};

/// A line this long, and this many separators in one line.
const LONG: usize = 600;
const SEPARATORS: usize = 2;

/// The deck with its lines, and one warning; `None` for a deck that has its lines.
pub fn restore(source: &SourceText) -> Option<(SourceText, Diagnostic)> {
    let text = source.text();
    let lost = |line: &str| line.len() >= LONG && line.split_whitespace().filter(|w| *w == "---").count() >= SEPARATORS;
    let mut start = 0;
    let mut lines =
        memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]).map(|end| &text[std::mem::replace(&mut start, end + 1)..end]);
    if !lines.any(lost)
        || text.lines().filter(|l| !l.trim().is_empty()).count() > 2 + text.len() / LONG
        || text.lines().any(|l| l.trim_end() == "---")
    {
        return None;
    }
    let place = source.locate(0)?;
    let message = "this deck has lost its line breaks; they are put back where its marks tell them";
    let warning = Diagnostic::at(Severity::Warning, "no-line-breaks", message, place.file, place.offset, 1)
        .hint("lines inside blocks of code cannot be known: take the deck from where it still has its lines");
    Some((source.edited(&edits(text)), warning))
}

/// First words of sentences, with which no heading goes on.
const STARTERS: [&str; 36] = [
    "In", "Each", "There", "The", "This", "These", "Those", "If", "We", "It", "You", "They", "Let", "Here", "When", "To", "For", "Don",
    "Do", "Our", "Your", "Some", "Most", "Many", "By", "On", "At", "As", "Now", "So", "But", "All", "Before", "After", "Since", "Once",
];

/// Properties of a slide that may stand before its heading.
const PROPERTIES: [&str; 8] = ["class:", "name:", "layout:", "template:", "count:", "exclude:", "background-image:", "background-color:"];

struct Word<'t> {
    text: &'t str,
    /// The blanks before it.
    gap: Range<usize>,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut end = 0;
    for word in text.split_whitespace() {
        let start = end + text[end..].find(word).unwrap_or(0);
        words.push(Word { text: word, gap: end..start });
        end = start + word.len();
    }
    words
}

/// What the text so far is a part of.
#[derive(Clone, Copy, PartialEq)]
enum In {
    /// Only properties so far.
    Start,
    Heading {
        words: usize,
    },
    Text,
    List {
        mark: char,
        nested: bool,
    },
    Code,
    Notes,
}

fn edits(text: &str) -> Vec<(Range<usize>, String)> {
    let words = words(text);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut state = In::Start;
    // What the word before asks for between it and this one.
    let mut wanted: Option<&str> = None;
    let mut i = 0;
    while i < words.len() {
        let word = words[i].text;
        let next = words.get(i + 1).map(|w| w.text);
        let before = i.checked_sub(1).map_or("", |n| words[n].text);
        let mut gap = wanted.take();
        match (state, word) {
            (In::Code, _) if word.starts_with("```") => {
                gap = Some("\n");
                (state, wanted) = (In::Text, Some("\n\n"));
            }
            (In::Code, "$") => gap = gap.or(Some("\n")),
            (In::Code, _) => {}
            (_, "---") => {
                gap = Some("\n\n");
                (state, wanted) = (In::Start, Some("\n\n"));
            }
            (_, "???") => {
                gap = Some("\n\n");
                (state, wanted) = (In::Notes, Some("\n"));
            }
            (In::Notes, _) => {
                let language = word.strip_prefix(':').and_then(|w| w.get(..3)).is_some_and(|w| w.ends_with(':'));
                gap = gap.or(language.then_some("\n"));
            }
            (In::Start, _) if PROPERTIES.contains(&word) => {
                // The value: one word, or as many as commas join.
                while words.get(i + 1).is_some() {
                    push(&mut edits, &words[i], gap.take());
                    i += 1;
                    if !words[i].text.ends_with(',') {
                        break;
                    }
                }
                gap = None;
                wanted = Some("\n");
            }
            _ if word.starts_with("```") && !word[3..].contains('`') => {
                gap = Some("\n\n");
                (state, wanted) = (In::Code, Some("\n"));
            }
            _ if is_heading(word) && next.is_some() => {
                gap = Some("\n\n");
                state = In::Heading { words: 0 };
            }
            _ if next.is_some() && is_bullet(word, state, before, &words[i..]) => {
                let mark = word.chars().next().unwrap_or('*');
                let lower = |word: &str| word.starts_with(|c: char| c.is_lowercase() || c == '`' || c == '*');
                let nested = match state {
                    In::List { nested, .. } => next.is_some_and(lower) && (nested || before.ends_with(':')),
                    _ => false,
                };
                gap = Some(match state {
                    In::List { .. } if nested => "\n    ",
                    In::List { .. } => "\n",
                    _ => "\n\n",
                });
                state = In::List { mark, nested };
            }
            _ if word.starts_with("![") => {
                gap = Some("\n\n");
                while !words[i].text.contains(')') && i + 1 < words.len() {
                    push(&mut edits, &words[i], gap.take());
                    i += 1;
                }
                (state, wanted) = (In::Text, Some("\n\n"));
            }
            (In::Heading { words: count }, _) => {
                let stem = word.split(['\'', '’']).next().unwrap_or_default();
                let ended = before.ends_with(['?', '!']) || before.ends_with("...");
                let code = word.starts_with('`') && words[i..].iter().take(8).any(|w| w.text == "*") && !before.ends_with(',');
                if count > 0 && (STARTERS.contains(&stem) || ended || code) {
                    gap = Some("\n\n");
                    state = In::Text;
                } else {
                    state = In::Heading { words: count + 1 };
                }
            }
            (In::List { .. }, _) if starts_paragraph(before, &words[i..]) => {
                gap = Some("\n\n");
                state = In::Text;
            }
            (In::Start, _) => state = In::Text,
            _ => {}
        }
        push(&mut edits, &words[i], gap);
        i += 1;
    }
    edits
}

fn push(edits: &mut Vec<(Range<usize>, String)>, word: &Word<'_>, gap: Option<&str>) {
    if let Some(gap) = gap.filter(|_| word.gap.start > 0) {
        edits.push((word.gap.clone(), gap.to_owned()));
    }
}

fn is_heading(word: &str) -> bool {
    (1..=6).contains(&word.len()) && word.bytes().all(|b| b == b'#')
}

/// Whether the mark starts an item; a hyphen may as well be a dash.
fn is_bullet(word: &str, state: In, before: &str, rest: &[Word<'_>]) -> bool {
    let ends = before.ends_with([':', '.', '?', '!', ')']);
    match word {
        "*" => true,
        "-" | "+" => match state {
            In::Heading { words } => words > 0,
            In::List { mark, .. } => word.starts_with(mark),
            _ => ends,
        },
        _ => {
            let number = word.strip_suffix('.').and_then(|n| n.parse::<u32>().ok());
            let next = rest.get(1).is_some_and(|w| w.text.starts_with(|c: char| c.is_uppercase() || c == '`' || c == '*'));
            number.is_some_and(|n| n > 0 && n < 100) && next && (ends || matches!(state, In::Heading { .. }))
        }
    }
}

/// After a sentence in an item: a sentence that ends in a colon before the next list, or before code.
fn starts_paragraph(before: &str, rest: &[Word<'_>]) -> bool {
    if !before.ends_with(['.', '!', '?']) || !rest[0].text.starts_with(char::is_uppercase) {
        return false;
    }
    for (i, word) in rest.iter().enumerate().take(40) {
        if word.text.ends_with(':') {
            return rest.get(i + 1).is_some_and(|w| matches!(w.text, "*" | "-") || w.text.starts_with("```"));
        }
        if word.text.ends_with(['.', '!', '?']) || matches!(word.text, "*" | "---" | "???") {
            return false;
        }
    }
    false
}
