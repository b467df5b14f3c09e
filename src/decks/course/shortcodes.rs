//! Quarto's `{{< name … >}}`: other files are taken in, films are linked, settings are looked up. The rest is named, not shown.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::files::{Files, Named};
use super::front_matter;
use super::marks::lines::Lines;
use crate::diag::{Diagnostic, Severity, SourceText};
use crate::yaml::Mapping;

/// Files in files, and the bytes of a deck with all of them.
const DEEPEST: usize = 16;
const LONGEST: usize = 64 << 20;

/// The deck without them.
pub fn prepare(source: SourceText, settings: Option<&Mapping>, files: Option<&Files>, diagnostics: &mut Vec<Diagnostic>) -> SourceText {
    if !source.text().contains("{{<") {
        return source;
    }
    let open = source.files().first().and_then(|file| file.path().canonicalize().ok()).into_iter().collect();
    let mut reader = Reader { settings, files, diagnostics, open, unknown: BTreeSet::new(), place: None };
    let mut out = SourceText::new();
    reader.read(&source, &mut out);
    if let Some((file, offset)) = reader.place.take() {
        let names: Vec<String> = reader.unknown.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("what {} say has no equivalent here and is left out", names.join(", "));
        reader.diagnostics.push(Diagnostic::at(Severity::Note, "no-equivalent", message, &file, offset, 3));
    }
    out
}

struct Reader<'a> {
    settings: Option<&'a Mapping>,
    files: Option<&'a Files>,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The files that are being read, the outermost first.
    open: Vec<PathBuf>,
    /// Names that mean nothing here, and where the first of them stands.
    unknown: BTreeSet<String>,
    place: Option<(std::sync::Arc<crate::diag::SourceFile>, usize)>,
}

impl Reader<'_> {
    fn read(&mut self, source: &SourceText, out: &mut SourceText) {
        let text = source.text();
        let lines = Lines::of(text);
        let mut done = 0;
        for line in lines.iter().filter(|line| !line.code) {
            let mut at = line.start;
            while let Some(start) = text[at..line.end].find("{{<").map(|n| at + n) {
                let Some(end) = text[start..line.end].find(">}}").map(|n| start + n + 3) else { break };
                at = end;
                // In code of the line it is shown as it is.
                if text[line.start..start].bytes().filter(|b| *b == b'`').count() % 2 == 1 {
                    continue;
                }
                out.push_source(source, done..start);
                done = end;
                self.one(source, start, text[start + 3..end - 3].trim(), out);
            }
        }
        out.push_source(source, done..text.len());
    }

    /// What stands in place of one.
    fn one(&mut self, source: &SourceText, start: usize, inner: &str, out: &mut SourceText) {
        let mut words = inner.split_whitespace();
        let (name, first) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim_matches(['"', '\'']));
        let Some(place) = source.locate(start) else { return };
        match name {
            "include" if !first.is_empty() && self.files.is_some() => self.include(source, start, first, out),
            "video" if !first.is_empty() => out.push_generated(&format!("[{first}]({first})"), place.file, place.offset),
            "meta" => {
                let value = self.settings.and_then(|settings| front_matter::text(settings, first)).unwrap_or_default();
                out.push_generated(&value, place.file, place.offset);
            }
            _ => {
                self.place.get_or_insert_with(|| (place.file.clone(), place.offset));
                self.unknown.insert(name.to_owned());
            }
        }
    }

    fn include(&mut self, source: &SourceText, start: usize, name: &str, out: &mut SourceText) {
        let at = start + source.text()[start..].find(name).unwrap_or(0);
        let (Some(files), Some(place)) = (self.files, source.locate(at)) else { return };
        let named = Named { file: place.file, offset: place.offset, name };
        let Some((file, real)) = files.open(&named, self.diagnostics) else { return };
        let problem = match () {
            () if self.open.contains(&real) => Some(format!("{name} takes itself in")),
            () if self.open.len() >= DEEPEST || out.text().len() >= LONGEST => {
                Some(format!("{name} is not taken in: the deck has grown beyond all reason"))
            }
            () => None,
        };
        if let Some(message) = problem {
            return files.tell("bad-import", message, None, &named, self.diagnostics);
        }
        let mut inner = SourceText::new();
        inner.push_file(&file, front_matter::read(file.text()).map_or(0, |(_, end)| end)..file.text().len());
        self.open.push(real);
        self.read(&inner, out);
        self.open.pop();
    }
}
