//! `src:`, which puts the slides of another file in a slide's place. What the importing slide says about them counts for more than
//! what they say themselves.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::parts::{self, Part};
use crate::course::files::{Files, Named};
use crate::course::front_matter;
use crate::course::place::Places;
use crate::course::rulers;
use crate::diag::{Diagnostic, SourceFile, SourceText};
use crate::yaml::{self, Mapping};

/// Slides that a deck may have once all are taken in: files can name one another many times over.
const MOST: usize = 20_000;
/// Bytes of them.
const LONGEST: usize = 64 << 20;
/// Files in files.
const DEEPEST: usize = 32;

/// A slide with what is said about it, wherever it came from.
struct Taken {
    settings: Mapping,
    text: SourceText,
    /// The place of its separator.
    file: Arc<SourceFile>,
    offset: usize,
}

struct Importer<'a> {
    files: &'a Files,
    diagnostics: &'a mut Vec<Diagnostic>,
    out: Vec<Taken>,
    bytes: usize,
    /// The files that are being read, the outermost first.
    open: Vec<PathBuf>,
}

/// The deck with the slides of other files in it and all settings where `habits` looks for them, and the settings of its first
/// slide; `None` where there is nothing to do.
pub fn take_in(
    source: &SourceText,
    head: Option<&Mapping>,
    file: &Arc<SourceFile>,
    files: &Files,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(SourceText, Mapping)> {
    let parts = parts::cut(source.text(), head);
    if !parts.iter().any(|part| part.block || part.settings.contains_key("src")) {
        return None;
    }
    let open = file.path().canonicalize().into_iter().collect();
    let mut importer = Importer { files, diagnostics, out: Vec::new(), bytes: 0, open };
    importer.slides(source, &parts, None, &Mapping::new(), head.map(|_| file));
    let mut joined = SourceText::new();
    let mut first = Mapping::new();
    for (index, taken) in importer.out.into_iter().enumerate() {
        let mut lead = String::new();
        if index == 0 {
            first = taken.settings;
        } else {
            if !joined.text().ends_with('\n') {
                lead.push('\n');
            }
            lead.push_str("---\n");
            let settings = yaml::write(&taken.settings);
            let block = format!("---\n{settings}---\n");
            if !taken.settings.is_empty() && front_matter::block(&block, 0).is_some() {
                lead.push_str(&block[4..]);
            }
            // Else its first lines could be taken for settings.
            if !taken.text.text().starts_with('\n') {
                lead.push('\n');
            }
        }
        joined.push_generated(&lead, &taken.file, taken.offset);
        joined.push_source(&taken.text, 0..taken.text.text().len());
    }
    if joined.files().is_empty() {
        joined.push_generated("", file, 0);
    }
    Some((joined, first))
}

impl Importer<'_> {
    /// Takes the slides of one text, those alone that `pages` names. `above` is said about all of them. `outside`: the file that
    /// the first one's settings stand in, where they are not in the text.
    fn slides(&mut self, source: &SourceText, parts: &[Part], pages: Option<&str>, above: &Mapping, outside: Option<&Arc<SourceFile>>) {
        let wanted = pages.map(|pages| range(pages, parts.len()));
        for (index, part) in parts.iter().enumerate() {
            if wanted.as_ref().is_some_and(|wanted| !wanted.contains(&(index + 1))) {
                continue;
            }
            let Some(place) = source.locate(part.start) else { continue };
            let mut settings = part.settings.clone();
            let name = settings.remove("src").and_then(|name| name.as_str().map(str::to_owned));
            for (key, value) in above {
                settings.insert(key.clone(), value.clone());
            }
            match name.filter(|_| !part.is_hidden()) {
                None => {
                    let mut text = SourceText::new();
                    text.push_source(source, part.body.clone());
                    self.bytes += part.body.len();
                    self.out.push(Taken { settings, text, file: place.file.clone(), offset: place.offset });
                }
                Some(name) => {
                    let outside = outside.filter(|_| index == 0);
                    let (file, offset) = match outside {
                        Some(file) => (file.clone(), Places::new(file).find(&name)),
                        None => {
                            let before = &source.text()[part.start..part.body.start];
                            let at = before.find(&name).unwrap_or(0);
                            source.locate(part.start + at).map_or((place.file.clone(), place.offset), |p| (p.file.clone(), p.offset))
                        }
                    };
                    self.import(&Named { file: &file, offset, name: &name }, &settings);
                }
            }
        }
    }

    fn import(&mut self, named: &Named<'_>, above: &Mapping) {
        let (path, pages) = named.name.split_once('#').map_or((named.name, None), |(path, pages)| (path, Some(pages)));
        let target = Named { file: named.file, offset: named.offset, name: path.trim() };
        let Some((file, real)) = self.files.open(&target, self.diagnostics) else { return };
        let problem = if self.open.contains(&real) {
            Some(format!("{path} takes itself in"))
        } else if self.open.len() >= DEEPEST || self.out.len() >= MOST || self.bytes >= LONGEST {
            Some(format!("{path} is not taken in: the deck has grown beyond all reason"))
        } else {
            None
        };
        if let Some(message) = problem {
            return self.files.tell("bad-import", message, None, &target, self.diagnostics);
        }
        let mut source = SourceText::new();
        source.push_file(&file, 0..file.text().len());
        let rules = rulers::of_slidev(source.text());
        if !rules.is_empty() {
            source = source.edited(&rules);
        }
        let mut parts = parts::cut(source.text(), None);
        // Nothing stands before a separator at the start of a file.
        if parts.len() > 1 && parts[0].settings.is_empty() && parts[0].body.is_empty() {
            parts.remove(0);
        }
        self.open.push(real);
        self.slides(&source, &parts, pages, above, None);
        self.open.pop();
    }
}

/// The numbers that `2,5-7`, `3-` or `*` mean, of `total` slides.
fn range(pages: &str, total: usize) -> BTreeSet<usize> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let mut wanted = BTreeSet::new();
    for one in pages.split([',', ';']).map(str::trim) {
        match one.split_once('-') {
            _ if matches!(one, "" | "all" | "*") => wanted.extend(1..=total),
            Some((from, to)) => wanted.extend(number(from).unwrap_or(1).max(1)..=number(to).unwrap_or(total).min(total)),
            None => wanted.extend(number(one)),
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_name_slides() {
        for (pages, expected) in
            [("2,5-7", vec![2, 5, 6, 7]), ("8-", vec![8, 9]), ("*", (1..=9).collect()), ("none", vec![]), ("99-1", vec![])]
        {
            assert_eq!(range(pages, 9).into_iter().collect::<Vec<_>>(), expected, "{pages}");
        }
    }
}
