//! A deck's text out of the files and inline Markdown that a manifest lists.

use std::path::Path;
use std::sync::Arc;

use super::files::Files;
use super::habits::{self, Habit};
use super::language;
use super::place::Places;
use super::{front_matter, lines, literal, marks, rulers, settings, shortcodes, slidev};
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};
use crate::slides::{Dialect, Options, is_language};
use crate::yaml::{self, Value};

/// An entry of `content:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    File(String),
    /// Markdown in the manifest itself: a text of several lines.
    Inline(String),
    /// A nested list: a part of the course.
    Part(Vec<Item>),
    /// What is neither.
    Invalid(String),
}

/// Deepest nesting of parts that is looked into.
const MAX_DEPTH: usize = 64;

/// Reads a `content:` tree.
pub fn items(content: &Value) -> Vec<Item> {
    fn item(value: &Value, depth: usize) -> Item {
        match value {
            Value::String(text) if text.contains('\n') => Item::Inline(text.clone()),
            Value::String(text) => Item::File(text.clone()),
            Value::Sequence(list) if depth < MAX_DEPTH => Item::Part(list.iter().map(|v| item(v, depth + 1)).collect()),
            other => Item::Invalid(serde_json::to_string(other).unwrap_or_default()),
        }
    }
    match item(content, 0) {
        Item::Part(items) => items,
        one => vec![one],
    }
}

/// Where the files of a course are read from.
#[derive(Clone, Copy)]
pub struct From<'a> {
    pub base: &'a Path,
    /// A translation into this language is read in place of its original.
    pub language: Option<&'a str>,
}

/// Reads the file of an entry; where it is missing, the diagnostic points at its name in the manifest.
pub fn open(name: &str, from: &From<'_>, at: usize, manifest: &SourceFile, diagnostics: &mut Vec<Diagnostic>) -> Option<Arc<SourceFile>> {
    let original = from.base.join(name);
    let translated = from.language.and_then(|language| language::translation(&original, language)).filter(|path| path.is_file());
    match SourceFile::read(&translated.unwrap_or(original)) {
        Ok(file) => Some(Arc::new(file)),
        Err(e) => {
            let why = yaml::unreadable(Path::new(name), &e);
            diagnostics.push(Diagnostic::at(Severity::Error, why.code, why.message, manifest, at, name.len()));
            None
        }
    }
}

/// A deck's text, and what it says about itself.
pub struct Read {
    pub source: SourceText,
    pub title: Option<String>,
    /// The language that it says it is written in.
    pub language: Option<String>,
}

/// Reads the deck that a file is: without its front matter, with its line breaks, other programs' habits said in remark's way.
/// Settings in the front matter go into `settings`. What it takes out of other files is looked for in `base` and below, and left out
/// where there is none.
pub fn read(
    file: &Arc<SourceFile>,
    base: Option<&Path>,
    dialect: Option<Dialect>,
    settings: &mut Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Read {
    let front = front_matter::read(file.text());
    let start = front.as_ref().map_or(0, |(_, end)| *end);
    let map = front.as_ref().map(|(map, _)| map);
    let mut source = SourceText::new();
    source.push_file(file, start..file.text().len());
    if let Some(map) = map {
        let mut own = settings.clone();
        for (key, message) in settings::read(map, &mut own) {
            let at = Places::new(file).find(&key);
            diagnostics.push(Diagnostic::at(Severity::Warning, "bad-setting", message, file, at, key.len()));
        }
        for (key, message) in habits::of_remark(map).map_or_else(Vec::new, |nature| settings::read(nature, &mut own)) {
            let at = Places::new(file).find(&key);
            diagnostics.push(Diagnostic::at(Severity::Warning, "bad-setting", message, file, at, key.len()));
        }
        // The deck itself knows best.
        *settings = own;
    }
    let title = map.and_then(|map| front_matter::text(map, "title"));
    let language = map.and_then(|map| front_matter::text(map, "lang").or_else(|| front_matter::text(map, "language")));
    let language = language.filter(|language| is_language(language));
    let dialect = dialect.or(settings.separators.as_ref().map(|_| Dialect::Reveal));
    if dialect.unwrap_or_else(|| crate::slides::recognise(source.text())) == Dialect::Reveal {
        return Read { source, title, language };
    }
    if let Some((restored, warning)) = lines::restore(&source) {
        diagnostics.push(warning);
        source = restored;
    }
    let habit = Habit::of(map, source.text());
    if habit != Habit::Other {
        // In their code backticks are backticks, and they draw formulas unasked.
        settings.highlight.spans &= map.is_some_and(says_spans);
        settings.math |= !map.is_some_and(|map| map.contains_key("math"));
        settings.commonmark = habit != Habit::Knit;
        if settings.commonmark {
            // To the older engine two backticks on two slides are code, with all that is between them.
            settings.remark = crate::slides::remark::Engine::Upstream;
        }
    }
    let mut own = map.cloned();
    let files = base.map(|base| Files::new(file.path(), base));
    if habit == Habit::Slidev {
        let rules = rulers::of_slidev(source.text());
        if !rules.is_empty() {
            source = source.edited(&rules);
        }
        (source, own) = slidev::prepare(source, own, file, files.as_ref(), diagnostics);
    }
    if habit == Habit::Pandoc {
        source = shortcodes::prepare(source, map, files.as_ref(), diagnostics);
    }
    let rules = if habit == Habit::Marp { rulers::of_marp(source.text()) } else { Vec::new() };
    if !rules.is_empty() {
        source = source.edited(&rules);
    }
    let words = if settings.commonmark { literal::edits(source.text()) } else { Vec::new() };
    if !words.is_empty() {
        source = source.edited(&words);
    }
    let map = own.as_ref();
    let (translated, unused) = habits::translate(&source, habit, map);
    if let Some((_, place)) = unused.first_key_value() {
        let names: Vec<String> = unused.keys().map(|name| format!("`{name}`")).collect();
        // A setting of the whole deck stands before its text.
        let found = source.locate(*place).filter(|_| *place > 0);
        let at = found.map_or_else(|| Places::new(file).find(unused.keys().next().map_or("", String::as_str)), |place| place.offset);
        let message = format!("what {} say has no equivalent here and is left out", names.join(", "));
        diagnostics.push(Diagnostic::at(Severity::Note, "no-equivalent", message, file, at, 1));
    }
    let mut source = translated.unwrap_or(source);
    source = marks::translate(&source, habit, habit.level(map, source.text())).unwrap_or(source);
    if let Some(slide) = map.and_then(|map| habits::title_slide(habit, map)) {
        source = source.edited(&[(0..0, slide)]);
    }
    Read { source, title, language }
}

/// Whether the settings say what backticks in code are.
fn says_spans(map: &yaml::Mapping) -> bool {
    map.contains_key("highlightSpans") || habits::of_remark(map).is_some_and(|nature| nature.contains_key("highlightSpans"))
}

/// Joins the entries with slide separators, nothing added.
pub fn join(
    manifest: &Arc<SourceFile>,
    places: &mut Places<'_>,
    items: Vec<Item>,
    from: &From<'_>,
    dialect: Option<Dialect>,
    settings: &mut Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Read {
    let mut source = SourceText::new();
    let mut title = None;
    let mut language = None;
    let mut rest: Vec<Item> = items.into_iter().rev().collect();
    while let Some(item) = rest.pop() {
        let (file, part, at) = match item {
            Item::Part(items) => {
                rest.extend(items.into_iter().rev());
                continue;
            }
            Item::Invalid(value) => {
                let message = format!("{value} is neither a file name nor Markdown");
                let at = places.find("content");
                diagnostics.push(Diagnostic::at(Severity::Error, "invalid-content", message, manifest, at, 7));
                continue;
            }
            Item::File(name) => {
                let at = places.pass(&name);
                let Some(file) = open(&name, from, at, manifest, diagnostics) else { continue };
                let read = read(&file, Some(from.base), dialect, settings, diagnostics);
                title = title.or(read.title);
                language = language.or(read.language);
                (file, read.source, 0)
            }
            Item::Inline(text) => {
                let at = places.pass(text.trim_start());
                let mut inline = SourceText::new();
                inline.push_generated(&text, manifest, at);
                (manifest.clone(), inline, at)
            }
        };
        if !source.text().is_empty() {
            // Between two files the separator is that of the deck, as far as its dialect is known yet.
            let reveal = dialect.unwrap_or_else(|| crate::slides::recognise(part.text())) == Dialect::Reveal;
            let own = settings.separators.is_some();
            source.push_generated(if reveal && !own { "\n\n!SLIDE\n" } else { "\n---\n" }, &file, at);
        }
        source.push_source(&part, 0..part.text().len());
    }
    Read { source, title, language }
}
