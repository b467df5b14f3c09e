//! Translations that have fallen behind. What does not depend on the language must be the same in both: slides, their names, code,
//! pictures and how many points a list has.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::rules;
use crate::course::{Course, Deck, language};
use crate::diag::{Diagnostic, SourceFile, SourceText};
use crate::slides::{Content, Options, Slide, pairs};

/// Compares every file that has translations beside it, and the languages of notes.
pub fn check(course: &Course, found: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for deck in &course.decks {
        notes(deck, found);
        for file in deck.source.files() {
            if Some(file.path()) == Some(&course.path) && course.decks.len() > 1 || !seen.insert(file.path().to_owned()) {
                continue;
            }
            for (language, path) in language::translations(file.path()) {
                // One that cannot be read is told where it is used.
                if let Ok(translated) = SourceFile::read(&path) {
                    compare(deck, file, &Arc::new(translated), &language, found);
                }
            }
        }
    }
}

fn compare(deck: &Deck, original: &Arc<SourceFile>, translated: &Arc<SourceFile>, language: &str, found: &mut Vec<Diagnostic>) {
    let read = |file: &Arc<SourceFile>| {
        let mut source = SourceText::new();
        source.push_file(file, 0..file.text().len());
        let options = Options { exclude: Vec::new(), ..deck.options() };
        (crate::slides::parse(&source, &options), source)
    };
    let ((old, old_source), (new, new_source)) = (read(original), read(translated));
    let mut add = |slide: Option<&Slide>, message: String| {
        let at = slide.or(new.slides.last()).map_or(0, |slide| pairs::own_text(slide, &new_source).1);
        let Some(place) = new_source.locate(at) else { return };
        let length = place.file.line_span(place.line).len();
        let level = rules::level("stale-translation");
        let hint = format!("bring the {language} text up to date with {}", original.path().display());
        found.push(Diagnostic::at(level, "stale-translation", message, place.file, place.offset, length).hint(hint));
    };
    let line = |slide: &Slide| {
        let line = old_source.locate(pairs::own_text(slide, &old_source).1).map_or(slide.source.line, |place| place.line);
        format!("{}:{line}", original.path().display())
    };
    let pairs = pairs::of(&old, &old_source, &new, &new_source);
    for (i, pair) in pairs.iter().enumerate() {
        let after = pair.translated.map(|n| &new.slides[n]);
        match (pair.original.map(|n| &old.slides[n]), after, pair.difference) {
            (Some(before), Some(_), Some(what)) => add(after, format!("{what} than the original at {}", line(before))),
            (Some(before), None, _) => {
                let next = pairs[i..].iter().find_map(|pair| pair.translated).map(|n| &new.slides[n]);
                let place = if next.is_some() { "before" } else { "after" };
                add(next, format!("a slide is missing {place} this one: {}", line(before)));
            }
            (None, Some(_), _) => add(after, format!("this slide is not in {}", original.path().display())),
            _ => {}
        }
    }
}

/// Notes in several languages (`:EN:`, `:FR:`): a slide that has one has all that the deck has.
fn notes(deck: &Deck, found: &mut Vec<Diagnostic>) {
    let parsed = deck.parse();
    let languages = |slide: &Slide| -> BTreeSet<String> {
        let content = slide.notes.iter().flat_map(|notes| &notes.content).chain(&slide.content);
        let texts = content.filter_map(|c| if let Content::Markdown(text) = c { Some(text) } else { None });
        texts
            .flat_map(|text| text.lines())
            .filter_map(|line| Some(line.strip_prefix(':')?.get(..3)?.strip_suffix(':')?.to_owned()))
            .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase()))
            .collect()
    };
    let all: Vec<_> = parsed.slides.iter().map(languages).collect();
    let known: BTreeSet<&String> = all.iter().flatten().collect();
    if known.len() < 2 {
        return;
    }
    for (slide, here) in parsed.slides.iter().zip(&all).filter(|(_, here)| !here.is_empty()) {
        for missing in known.iter().filter(|language| !here.contains(**language)) {
            let own = deck.source.text().get(slide.range.clone()).unwrap_or_default();
            let mark = here.iter().next().map(|name| format!(":{name}:")).unwrap_or_default();
            // An increment has the notes of the slide before it.
            let Some(at) = own.find(&mark) else { continue };
            let Some(place) = deck.source.locate(slide.range.start + at) else { continue };
            let message = format!(
                "this slide has notes in {}, but none in {missing}",
                here.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            );
            let level = rules::level("missing-translation");
            let hint = format!("add lines that start with :{missing}:");
            found.push(Diagnostic::at(level, "missing-translation", message, place.file, place.offset, 4).hint(hint));
        }
    }
}
