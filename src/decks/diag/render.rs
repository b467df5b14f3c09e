//! A diagnostic as text for a terminal: the message, file:line:column, the line with a caret, the hint.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};

/// Gives `diagnostic` as several lines without a final line end; `color` decides on escape sequences.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let file = diagnostic.file.to_string_lossy();
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    let excerpt = diagnostic.excerpt.as_ref().filter(|_| diagnostic.line > 0);
    if let Some(excerpt) = excerpt {
        let snippet = Snippet::source(excerpt.line.as_str())
            .line_start(diagnostic.line)
            .path(file.as_ref())
            .annotation(AnnotationKind::Primary.span(excerpt.span.clone()));
        group = group.element(snippet);
    } else {
        group = group.element(annotate_snippets::Origin::path(file.as_ref()));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}
