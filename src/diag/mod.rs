//! Positions, excerpts and the rendering of diagnostics. Knows no dialect and never prints.

use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

/// One message about an author's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, kebab-case, to be named in a manifest: `swallowed-property`.
    pub code: &'static str,
    pub message: String,
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What to do about it.
    pub hint: Option<String>,
}
