//! What Slidev decks take from elsewhere: slides and code out of other files, and the values that Vue would put in.
//!
//! Runs before `habits`, which then sees one deck in one text. Reads only files in the course's folder and below it.

mod expressions;
mod imports;
mod parts;
mod snippets;

use std::sync::Arc;

use super::files::Files;
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};
use crate::yaml::Mapping;

/// The deck with all that it takes in, and the settings of its first slide, which are the deck's. Without `files` nothing is read.
pub fn prepare(
    source: SourceText,
    head: Option<Mapping>,
    file: &Arc<SourceFile>,
    files: Option<&Files>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (SourceText, Option<Mapping>) {
    let mut source = source;
    let mut head = head;
    if let Some(files) = files
        && let Some((joined, settings)) = imports::take_in(&source, head.as_ref(), file, files, diagnostics)
    {
        source = joined;
        head = Some(settings).filter(|settings| !settings.is_empty());
    }
    if let Some(files) = files {
        let edits = snippets::edits(&source, files, diagnostics);
        if !edits.is_empty() {
            source = source.edited(&edits);
        }
    }
    let found = expressions::find(source.text(), &head.clone().unwrap_or_default());
    if let Some(place) = found.unanswered.first().and_then(|at| source.locate(*at)) {
        let message = match found.unanswered.len() {
            1 => "what is between these braces is for Vue to work out: it stands on the slide as it is".to_owned(),
            n => format!("what is between these braces, and {} more, is for Vue to work out: it stands on the slides as it is", n - 1),
        };
        let hint = "page numbers, `$frontmatter` and `$slidev.configs` are known here; write all else out";
        diagnostics.push(Diagnostic::at(Severity::Note, "no-equivalent", message, place.file, place.offset, 2).hint(hint));
    }
    if !found.edits.is_empty() {
        source = source.edited(&found.edits);
    }
    (source, head)
}
