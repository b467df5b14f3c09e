//! Positions, excerpts and the rendering of diagnostics. Knows no dialect and never prints.

mod render;
mod source;

use std::path::{Path, PathBuf};

pub use render::render;
pub use source::{Location, ReadError, SourceFile, SourceText, reason};

/// How bad it is: an error keeps a program from doing what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One message about an author's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, kebab-case, to be named in a manifest: `swallowed-property`.
    pub code: &'static str,
    pub message: String,
    pub file: PathBuf,
    /// From 1; 0 where the message is about the whole file.
    pub line: usize,
    /// From 1, in characters; 0 where the message is about the whole file.
    pub column: usize,
    /// The line itself, without its end, cut around the column when it is very long.
    pub excerpt: Option<Excerpt>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The line a diagnostic is about, and the bytes in it that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    pub line: String,
    pub span: std::ops::Range<usize>,
}

impl Diagnostic {
    /// About a file as a whole: it cannot be read, it is no text.
    pub fn about_file(severity: Severity, code: &'static str, message: impl Into<String>, file: &Path) -> Self {
        Diagnostic { severity, code, message: message.into(), file: file.to_owned(), line: 0, column: 0, excerpt: None, hint: None }
    }

    /// About `length` bytes at byte `offset` of `file` as it is on disk.
    pub fn at(severity: Severity, code: &'static str, message: impl Into<String>, file: &SourceFile, offset: usize, length: usize) -> Self {
        let (line, column) = file.line_column(offset);
        let excerpt = Some(file.excerpt(offset, length));
        Diagnostic { severity, code, message: message.into(), file: file.path().to_owned(), line, column, excerpt, hint: None }
    }

    /// The same with a sentence that says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
