//! What is to be said to the author about the slides of a deck, once each, with the place in the Markdown. Prints nothing.

use std::collections::{HashMap, HashSet};

use super::assets::{Problem, ProblemKind};
use super::math::Fault;
use crate::course::{Deck, PICTURES};
use crate::diag::{Diagnostic, Severity, SourceFile, SourceText};
use crate::slides::Slide;

/// Collects diagnostics about slides that were read from one source.
pub struct Reports<'a> {
    source: &'a SourceText,
    seen: HashSet<(&'static str, usize, String)>,
    /// Where texts stand that slides inherit.
    elsewhere: HashMap<String, Option<usize>>,
    pub diagnostics: Vec<Diagnostic>,
}

impl<'a> Reports<'a> {
    pub fn new(source: &'a SourceText) -> Self {
        Reports { source, seen: HashSet::new(), elsewhere: HashMap::new(), diagnostics: Vec::new() }
    }

    /// An address that `slide` has.
    pub fn problem(&mut self, problem: &Problem, slide: &Slide) {
        let url = problem.url.as_str();
        let file = problem.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        let put = format!("put the file at {file}, or correct the address");
        let (severity, code, message, hint) = match problem.kind {
            ProblemKind::Missing => (Severity::Warning, "missing-image", format!("there is no {url}"), put),
            ProblemKind::DeadLink => (Severity::Note, "dead-link", format!("the link to {url} leads nowhere"), put),
            ProblemKind::Remote => (
                Severity::Warning,
                "remote-image",
                format!("{url} is not part of the course; the page shows a link in its place"),
                "keep a copy beside the deck, so that the slides work without a network".to_owned(),
            ),
        };
        self.add(slide, url, severity, code, message, &hint);
    }

    /// A formula of `slide`.
    pub fn fault(&mut self, fault: &Fault, slide: &Slide) {
        let message = format!("this formula cannot be read: {}", fault.why);
        self.add(
            slide,
            &fault.formula,
            Severity::Warning,
            "bad-formula",
            message,
            "the slide shows its source; a `$` that is none is written `\\$`",
        );
    }

    /// About `text`, which the slide has.
    fn add(&mut self, slide: &Slide, text: &str, severity: Severity, code: &'static str, message: String, hint: &str) {
        let all = self.source.text();
        // What a slide inherits stands elsewhere in the deck.
        let own = all.get(slide.range.clone()).and_then(|own| own.find(text)).map(|at| slide.range.start + at);
        let mut elsewhere = || *self.elsewhere.entry(text.to_owned()).or_insert_with(|| all.find(text));
        let offset = own.or_else(&mut elsewhere).unwrap_or(slide.range.start);
        let Some(place) = self.source.locate(offset) else { return };
        if self.seen.insert((code, offset, text.to_owned())) {
            // A formula may go over several lines; the first says where it is.
            let length = text.lines().next().unwrap_or_default().len().max(1);
            self.diagnostics.push(Diagnostic::at(severity, code, message, place.file, place.offset, length).hint(hint));
        }
    }
}

/// The pictures of generated title slides stand in a file of their own beside the manifest: what is wrong with one is told there.
pub fn listed(deck: &Deck, found: &mut [Diagnostic]) {
    let is_picture = |d: &&mut Diagnostic| matches!(d.code, "remote-image" | "missing-image");
    let mut pictures = found.iter_mut().filter(is_picture).peekable();
    if pictures.peek().is_none() {
        return;
    }
    let Ok(list) = SourceFile::read(&deck.base.join(PICTURES)) else { return };
    for finding in pictures {
        let here = finding.excerpt.as_ref().map_or("", |excerpt| &excerpt.line[excerpt.span.start..]);
        let mut urls = list.text().split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line.trim()))
        });
        let listed = urls.find(|(_, url)| !url.is_empty() && !here.starts_with(url) && finding.message.split(' ').any(|word| word == *url));
        if let Some((at, url)) = listed {
            let (severity, message) = (finding.severity, std::mem::take(&mut finding.message));
            let hint = finding.hint.take();
            *finding = Diagnostic { hint, ..Diagnostic::at(severity, finding.code, message, &list, at, url.len()) };
        }
    }
}
