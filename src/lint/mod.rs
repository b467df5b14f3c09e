//! `dockside lint`: what an author would want to know about a course before a class does. Prints nothing and runs no browser.
//!
//! The parsers and the build say what they lose on their way; this room adds what only a second look finds, gives each message
//! the level that the manifest wants, and leaves out what a comment allows.

mod flow;
mod marks;
pub mod overflow;
mod page;
mod raw;
mod reveal;
pub mod rules;
mod settings;
mod translation;

use std::collections::HashSet;

use crate::course::{Course, Deck};
use crate::diag::{Diagnostic, SourceText};
use crate::slides::{Dialect, SlideDeck};
use settings::Settings;

/// Looks at the decks of `course`; `loaded` is what loading it said. `more` are findings from elsewhere (a browser's), which
/// obey the same settings.
///
/// Gives the findings in the order of files and lines, each once.
pub fn check(course: &Course, loaded: Vec<Diagnostic>, more: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut found = loaded;
    for deck in &course.decks {
        let translated =
            deck.translations.iter().map(|other| Deck { source: other.source.clone(), translations: Vec::new(), ..deck.clone() });
        for deck in std::iter::once(deck.clone()).chain(translated) {
            let mut parsed = deck.parse();
            found.append(&mut parsed.diagnostics);
            look(course, &deck, &parsed, &mut found);
        }
    }
    translation::check(course, &mut found);
    found.extend(more);
    let settings = Settings::read(course, &mut found);
    settings.apply(course, &mut found);
    tidy(&mut found);
    found
}

/// Each finding once, in the order of files and lines: decks share files.
pub fn tidy(found: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    found.retain(|d| seen.insert((d.code, d.file.clone(), d.line, d.column, d.message.clone())));
    found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
}

fn look(course: &Course, deck: &Deck, parsed: &SlideDeck, found: &mut Vec<Diagnostic>) {
    let mut out = Out { source: &deck.source, found: Vec::new() };
    match parsed.dialect {
        Dialect::Remark => {
            let raw = raw::Deck::read(&deck.source);
            marks::check(&raw, &mut out);
            flow::check(&raw, parsed, &mut out);
        }
        Dialect::Reveal => reveal::check(&mut out),
    }
    flow::names(parsed, &mut out);
    page::check(course, deck, parsed, &mut out);
    found.append(&mut out.found);
}

/// Findings about one deck.
struct Out<'a> {
    source: &'a SourceText,
    found: Vec<Diagnostic>,
}

impl Out<'_> {
    /// Adds a finding about `length` bytes at byte `offset` of the deck's text.
    fn add(&mut self, rule: &'static str, offset: usize, length: usize, message: impl Into<String>, hint: impl Into<String>) {
        let Some(place) = self.source.locate(offset) else { return };
        let length = if place.generated { 1 } else { length };
        let diagnostic = Diagnostic::at(rules::level(rule), rule, message, place.file, place.offset, length);
        self.found.push(diagnostic.hint(hint));
    }

    /// `file:line` of byte `offset`, for a message about another place.
    fn place(&self, offset: usize) -> String {
        self.source.locate(offset).map_or_else(String::new, |l| format!("{}:{}", l.file.path().display(), l.line))
    }
}
