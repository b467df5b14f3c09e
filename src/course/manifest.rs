//! `Course::load`: finds out what a path is, and reads it.

use std::path::{Path, PathBuf};

use super::{Course, Deck};
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};

impl Course {
    /// Loads a course from a manifest (`course.yml`, container.training's), a Markdown file, or a folder with a `course.yml`.
    ///
    /// Always gives a course; what could not be read is missing from it and named in the diagnostics.
    pub fn load(path: &Path) -> (Course, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let path = if path.is_dir() { path.join("course.yml") } else { path.to_owned() };
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut course = Course { path: path.clone(), base: base.clone(), ..Course::default() };
        match SourceFile::read(&path) {
            Ok(file) => {
                let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
                course.title = name.clone();
                course.decks.push(Deck { title: name.clone(), name, source: SourceText::from_file(file), base, ..Deck::default() });
            }
            Err(e) => diagnostics.push(Diagnostic::about_file(Severity::Error, "unreadable-file", e.to_string(), &path)),
        }
        let _: &PathBuf = &course.base;
        (course, diagnostics)
    }
}
