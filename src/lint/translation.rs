//! Translations that have fallen behind. What does not depend on the language must be the same in both: slides, their names, code,
//! pictures and how many points a list has.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::rules;
use crate::course::{Course, Deck, language};
use crate::diag::{Diagnostic, SourceFile, SourceText};
use crate::slides::{Content, Options, Slide, SlideDeck};

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

/// What a slide has in any language.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Shape {
    name: Option<String>,
    continued: bool,
    code: Vec<String>,
    pictures: Vec<String>,
    points: usize,
    headings: usize,
}

fn compare(deck: &Deck, original: &Arc<SourceFile>, translated: &Arc<SourceFile>, language: &str, found: &mut Vec<Diagnostic>) {
    let read = |file: &Arc<SourceFile>| {
        let mut source = SourceText::new();
        source.push_file(file, 0..file.text().len());
        let options = Options { exclude: Vec::new(), ..deck.options() };
        (crate::slides::parse(&source, &options), source)
    };
    let ((old, old_source), (new, new_source)) = (read(original), read(translated));
    let shapes = |deck: &SlideDeck, source: &SourceText| -> Vec<Shape> { deck.slides.iter().map(|slide| shape(slide, source)).collect() };
    let (old_shapes, new_shapes) = (shapes(&old, &old_source), shapes(&new, &new_source));
    let mut add = |slide: Option<&Slide>, message: String| {
        let slide = slide.or(new.slides.last());
        let at = slide.map_or(0, |slide| {
            let own = new_source.text().get(slide.range.clone()).unwrap_or_default();
            slide.range.start + own.len() - own.trim_start().len()
        });
        let Some(place) = new_source.locate(at) else { return };
        let length = place.file.line_span(place.line).len();
        let level = rules::level("stale-translation");
        let hint = format!("bring the {language} text up to date with {}", original.path().display());
        found.push(Diagnostic::at(level, "stale-translation", message, place.file, place.offset, length).hint(hint));
    };
    let line = |slide: &Slide| format!("{}:{}", original.path().display(), first_line(slide, &old_source));
    for op in capture_diff_slices(Algorithm::Myers, &old_shapes, &new_shapes) {
        match op {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete { old_index, old_len, new_index } => {
                for slide in &old.slides[old_index..old_index + old_len] {
                    add(new.slides.get(new_index), format!("a slide is missing before this one: {}", line(slide)));
                }
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                for slide in &new.slides[new_index..new_index + new_len] {
                    add(Some(slide), format!("this slide is not in {}", original.path().display()));
                }
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                for i in 0..old_len.max(new_len) {
                    match (old.slides[old_index..old_index + old_len].get(i), new.slides[new_index..new_index + new_len].get(i)) {
                        (Some(before), Some(after)) => {
                            let what = difference(&old_shapes[old_index + i], &new_shapes[new_index + i]);
                            add(Some(after), format!("{what} than the original at {}", line(before)));
                        }
                        (Some(before), None) => {
                            add(new.slides.get(new_index + new_len), format!("a slide is missing before this one: {}", line(before)));
                        }
                        (None, after) => add(after, format!("this slide is not in {}", original.path().display())),
                    }
                }
            }
        }
    }
}

fn first_line(slide: &Slide, source: &SourceText) -> usize {
    let own = source.text().get(slide.range.clone()).unwrap_or_default();
    source.locate(slide.range.start + own.len() - own.trim_start().len()).map_or(slide.source.line, |l| l.line)
}

fn difference(old: &Shape, new: &Shape) -> &'static str {
    match () {
        _ if old.name != new.name => "this slide has another name",
        _ if old.code != new.code => "this slide has other code",
        _ if old.pictures != new.pictures => "this slide has other pictures",
        _ if old.headings != new.headings => "this slide has more or fewer headings",
        _ if old.points != new.points => "this slide has more or fewer points",
        _ => "this slide stands elsewhere",
    }
}

fn shape(slide: &Slide, source: &SourceText) -> Shape {
    let own = source.text().get(slide.range.clone()).unwrap_or_default();
    let mut shape =
        Shape { name: slide.name.clone(), continued: slide.continued, code: Vec::new(), pictures: Vec::new(), points: 0, headings: 0 };
    let mut fence: Option<&str> = None;
    for line in own.lines() {
        let bare = line.trim();
        // Notes are the speaker's own.
        if matches!(bare, "???" | "!NOTE")
            || ["note:", "notes:"].iter().any(|w| bare.get(..w.len()).is_some_and(|b| b.eq_ignore_ascii_case(w)))
        {
            break;
        }
        if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark)) {
            fence = if fence == Some(mark) { None } else { fence.or(Some(mark)) };
        } else if fence.is_some() {
            // Comments are translated too.
            let code = bare.split(" #").next().unwrap_or_default().split(" //").next().unwrap_or_default().trim_end();
            if !code.is_empty() && !code.starts_with('#') && !code.starts_with("//") {
                shape.code.push(code.to_owned());
            }
        } else {
            let point = bare.starts_with(['-', '*', '+']) && bare[1..].starts_with(' ');
            shape.points += usize::from(point || bare.split_once(". ").is_some_and(|(n, _)| n.len() < 4 && n.parse::<u32>().is_ok()));
            shape.headings += usize::from(bare.starts_with('#') && bare.trim_start_matches('#').starts_with(' '));
            let mut rest = bare;
            while let Some((_, after)) = rest.split_once("](") {
                let picture = rest[..rest.len() - after.len() - 2].contains("![");
                let end = after.find([')', ' ']).unwrap_or(after.len());
                if picture {
                    shape.pictures.push(language_free(&after[..end]));
                }
                rest = &after[end..];
            }
        }
    }
    shape
}

/// `img/a.fr.svg` is the same picture as `img/a.svg`.
fn language_free(address: &str) -> String {
    let path = Path::new(address);
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    match (stem.rsplit_once('.'), path.extension().and_then(|e| e.to_str())) {
        (Some((name, suffix)), Some(extension)) if language::is_language(suffix) => {
            path.with_file_name(format!("{name}.{extension}")).display().to_string()
        }
        _ => address.to_owned(),
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
