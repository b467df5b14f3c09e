//! The files that a deck may take from: those in its course's folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diag::{Diagnostic, Severity, SourceFile};
use crate::yaml;

/// Where a deck's files are looked for.
pub struct Files {
    /// The deck's folder, for addresses that begin with a slash.
    root: PathBuf,
    /// The course's folder without links, which nothing leads out of.
    limit: PathBuf,
}

/// A place that names a file: the text it is in, and where.
pub struct Named<'a> {
    pub file: &'a Arc<SourceFile>,
    pub offset: usize,
    pub name: &'a str,
}

fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

impl Files {
    pub fn new(deck: &Path, base: &Path) -> Files {
        let root = deck.parent().unwrap_or(Path::new("")).to_owned();
        let limit = or_here(base).canonicalize().unwrap_or_else(|_| base.to_owned());
        Files { root, limit }
    }

    /// The file that is named, with its path without links; what keeps it from being read is told.
    pub fn open(&self, named: &Named<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<(Arc<SourceFile>, PathBuf)> {
        let name = named.name.strip_prefix("@/").or(named.name.strip_prefix('/'));
        let path = match name {
            Some(name) => self.root.join(name),
            None => named.file.path().parent().unwrap_or(Path::new("")).join(named.name),
        };
        let real = path.canonicalize();
        if let Ok(real) = &real
            && !real.starts_with(&self.limit)
        {
            let message = format!("{} is not in the folder of the course, and is not taken in", named.name);
            let hint = format!("only files in {} and below it are read: copy it there", or_here(&self.root).display());
            self.tell("bad-import", message, Some(hint), named, diagnostics);
            return None;
        }
        match SourceFile::read(&path) {
            Ok(file) => Some((Arc::new(file), real.unwrap_or(path))),
            Err(e) => {
                let why = yaml::unreadable(Path::new(named.name), &e);
                self.tell(why.code, why.message, None, named, diagnostics);
                None
            }
        }
    }

    pub fn tell(&self, code: &'static str, message: String, hint: Option<String>, named: &Named<'_>, diagnostics: &mut Vec<Diagnostic>) {
        let mut told = Diagnostic::at(Severity::Error, code, message, named.file, named.offset, named.name.len());
        told.hint = hint;
        diagnostics.push(told);
    }
}
