//! A deck's text out of the files and inline Markdown that a manifest lists.

use std::path::Path;
use std::sync::Arc;

use super::language;
use super::place::Places;
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};
use crate::slides::Dialect;
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

/// Joins the entries with slide separators, nothing added.
pub fn join(
    manifest: &Arc<SourceFile>,
    places: &mut Places<'_>,
    items: Vec<Item>,
    from: &From<'_>,
    dialect: Option<Dialect>,
    diagnostics: &mut Vec<Diagnostic>,
) -> SourceText {
    let mut source = SourceText::new();
    let mut rest: Vec<Item> = items.into_iter().rev().collect();
    while let Some(item) = rest.pop() {
        let (file, range, inline) = match item {
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
                let all = 0..file.text().len();
                (file, all, None)
            }
            Item::Inline(text) => (manifest.clone(), 0..0, Some((places.pass(text.trim_start()), text))),
        };
        if !source.text().is_empty() {
            // Between two files the separator is that of the deck, as far as its dialect is known yet.
            let reveal = dialect.unwrap_or_else(|| crate::slides::recognise(file.text())) == Dialect::Reveal;
            source.push_generated(if reveal { "\n\n!SLIDE\n" } else { "\n---\n" }, &file, range.start);
        }
        match inline {
            Some((at, text)) => source.push_generated(&text, &file, at),
            None => source.push_file(&file, range),
        }
    }
    source
}
