//! Warnings where remark.js loses an author's text without a word.

use super::indent::Outdented;
use super::parser::RawSlide;
use super::properties::PROPERTIES;
use crate::diag::{Diagnostic, Severity, SourceText};

/// Most messages of one kind that a deck gets: the rest says nothing new.
const MAX: usize = 100;

/// Looks at the slides as they stand in the source.
pub fn check(outdented: &Outdented<'_>, slides: &[RawSlide], source: &SourceText) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for slide in slides {
        found.extend(swallowed(outdented, slide, source));
        for (name, place) in &slide.unknown_macros {
            let message = format!("there is no macro {name:?}; the text stays as it is");
            found.extend(at(outdented, source, *place, name.len() + 3, "unknown-macro", message));
        }
        if found.len() >= MAX {
            break;
        }
    }
    found
}

/// The deck grew beyond measure by increments, templates or variables.
pub fn overflow(outdented: &Outdented<'_>, place: usize, source: &SourceText) -> Option<Diagnostic> {
    let message = "increments, templates and variables make this deck too big; from here on they are left out";
    at(outdented, source, place, 1, "deck-too-big", message.into())
        .map(|d| Diagnostic { severity: Severity::Error, ..d }.hint("start a new slide with --- here and there instead of --"))
}

/// A first line like `Note: …` or a bare URL that became a property and is shown nowhere.
fn swallowed(outdented: &Outdented<'_>, slide: &RawSlide, source: &SourceText) -> Option<Diagnostic> {
    let head = &outdented.text[slide.head.clone()];
    let mut start = slide.head.start + head.len() - head.trim_start_matches('\n').len();
    // Nobody writes more properties than this at the head of a slide.
    for _ in 0..32 {
        let line = outdented.text[start..slide.head.end].split('\n').next().unwrap_or_default();
        let (name, value) = line.split_once(':')?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return None;
        }
        let url = value.starts_with("//");
        let used = || outdented.text[slide.span.clone()].contains(&format!("{{{{{name}}}}}"));
        // One small word behind a small name is a setting of the author's own; `Note: later` is a sentence.
        let prose = value.trim().contains(' ') || name.starts_with(|c: char| c.is_ascii_uppercase());
        if url || !is_known(name) && prose && !used() {
            let message = if url {
                format!("the address {:?} is taken as a property of the slide and not shown", line.trim())
            } else {
                format!("{:?} is taken as a property of the slide and not shown", line.trim())
            };
            return at(outdented, source, start, line.len(), "swallowed-property", message)
                .map(|d| d.hint("start the slide with another line, such as its title"));
        }
        start += line.len() + 1;
        if start >= slide.head.end {
            return None;
        }
    }
    None
}

/// Properties that mean something, and one that decks have for their own use.
fn is_known(name: &str) -> bool {
    PROPERTIES.contains(&name) || name == "title"
}

fn at(
    outdented: &Outdented<'_>,
    source: &SourceText,
    place: usize,
    length: usize,
    code: &'static str,
    message: String,
) -> Option<Diagnostic> {
    let location = source.locate(outdented.original(place))?;
    Some(Diagnostic::at(Severity::Warning, code, message, location.file, location.offset, length))
}
