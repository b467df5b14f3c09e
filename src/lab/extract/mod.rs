//! Exercises out of Markdown: which blocks are consoles, what was typed in them, what they show. Reads no files and runs nothing.
//!
//! Every command and every expected line keeps the place it was written at.

mod blocks;
mod console;
mod directive;
mod labfile;
mod shell;
mod yaml_places;

use std::ops::Range;
use std::path::Path;

use crate::diag::{Diagnostic, Severity, SourceText};
use crate::slides::{Dialect, Slide, SlideDeck};

use super::plan::{Chapter, ExpectedLine, SlideRef, Spot, Step};
use blocks::Piece;
pub use console::{ConsoleStep, Line, Shells};
use directive::Directive;

/// Parses the lines of one console block. `shells` remembers across the blocks of a chapter whether a container's shell is open.
pub fn console(lines: &[Line], shells: &mut Shells) -> Vec<ConsoleStep> {
    console::parse(lines, shells)
}

/// Reads a `labs/*.yml` file as one chapter; `name` is unique in the course.
pub fn lab(path: &Path, name: &str) -> (Option<Chapter>, Vec<Diagnostic>) {
    labfile::read(path, name)
}

/// Whether a line shows a prompt inside a container at which nothing was typed: `root@04c0bb0a6c07:/#`.
pub fn is_bare_prompt(line: &str) -> bool {
    console::is_bare_prompt(line)
}

/// The console blocks of a Markdown text, in order: each the lines of one block with their places in `text`.
pub fn console_blocks(text: &str) -> Vec<Vec<Line>> {
    blocks::pieces(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Block(block) if block.is_console() => Some(block.lines),
            _ => None,
        })
        .collect()
}

/// The chapters of a deck. `name` is the deck's.
pub fn deck(name: &str, title: &str, source: &SourceText, deck: &SlideDeck) -> (Vec<Chapter>, Vec<Diagnostic>) {
    let mut chapters = Collector::new(name, title, source);
    let mut done: Vec<Range<usize>> = Vec::new();
    for slide in &deck.slides {
        // Increments and layouts can show a stretch of the source twice; it is run once.
        if done.last().is_some_and(|d| slide.range.start < d.end && d.start <= slide.range.start) {
            continue;
        }
        done.push(slide.range.clone());
        chapters.slide(slide, deck.dialect);
    }
    chapters.finish()
}

struct Collector<'a> {
    name: &'a str,
    title: &'a str,
    source: &'a SourceText,
    chapters: Vec<Chapter>,
    shells: Shells,
    diagnostics: Vec<Diagnostic>,
    heading: String,
}

impl<'a> Collector<'a> {
    fn new(name: &'a str, title: &'a str, source: &'a SourceText) -> Self {
        Collector { name, title, source, chapters: Vec::new(), shells: Shells::default(), diagnostics: Vec::new(), heading: String::new() }
    }

    fn slide(&mut self, slide: &Slide, dialect: Dialect) {
        let whole = self.source.text();
        let Some(before) = whole.get(..slide.range.start) else { return };
        // The blanks that make a slide's first line a code block are part of it.
        let base = before.trim_end_matches([' ', '\t']).len();
        let base = if base == 0 || before[..base].ends_with('\n') { base } else { slide.range.start };
        let Some(text) = whole.get(base..slide.range.end) else { return };
        let text = &text[..notes_start(text, dialect)];
        let pieces = blocks::pieces(text);
        let heading = pieces.iter().find_map(|p| if let Piece::Heading(h) = p { Some(h.clone()) } else { None });
        match heading {
            Some(heading) => self.heading = heading,
            None if !slide.continued => self.heading.clear(),
            None => {}
        }
        let shown = SlideRef { number: slide.number.clone(), heading: self.heading.clone() };
        let mut pending = Directive::default();
        for piece in pieces {
            match piece {
                Piece::Heading(_) => {}
                Piece::Comment { content, offset, content_offset } => {
                    let (directive, problems) = Directive::parse(&content, content_offset);
                    for problem in problems {
                        self.problem(base + problem.offset, problem.length, problem.message, problem.hint);
                    }
                    self.chapter_wide(&directive, base + offset);
                    if directive.hidden && !directive.console.is_empty() {
                        let steps = console::parse(&directive.console, &mut self.shells);
                        self.steps(steps, base, &directive, &shown);
                    } else {
                        pending.merge(directive);
                    }
                }
                Piece::Block(block) => {
                    let mut directive = std::mem::take(&mut pending);
                    if !block.is_console() {
                        continue;
                    }
                    let (attributes, problems) = Directive::parse_info(&block.info, block.info_offset);
                    for problem in problems {
                        self.problem(base + problem.offset, problem.length, problem.message, problem.hint);
                    }
                    directive.merge(attributes);
                    self.enter_file(base + block.offset);
                    let steps = console::parse(&block.lines, &mut self.shells);
                    self.steps(steps, base, &directive, &shown);
                }
            }
        }
    }

    /// A new chapter where the text goes on in another file of a stitched deck.
    fn enter_file(&mut self, offset: usize) {
        let Some(place) = self.source.locate(offset) else { return };
        let file = place.file.path();
        if self.chapters.last().is_none_or(|c| c.file != file) {
            let title = if self.source.files().len() > 1 {
                file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
            } else {
                self.title.to_owned()
            };
            self.new_chapter(title, offset);
        }
    }

    fn new_chapter(&mut self, title: String, offset: usize) {
        let number = self.chapters.len() + 1;
        let name = if number == 1 { self.name.to_owned() } else { format!("{}#{number}", self.name) };
        let file = self.source.locate(offset).map(|l| l.file.path().to_owned()).unwrap_or_default();
        self.chapters.push(Chapter { name, title, file, ..Chapter::default() });
        self.shells = Shells::default();
    }

    fn chapter_wide(&mut self, directive: &Directive, offset: usize) {
        if directive.images.is_empty() && directive.values.is_empty() && directive.chapter.is_none() && !directive.hidden {
            return;
        }
        match &directive.chapter {
            // A chapter that has no step yet takes the name instead of standing empty.
            Some(title) if self.chapters.last().is_some_and(|c| c.steps.is_empty()) => {
                if let Some(chapter) = self.chapters.last_mut() {
                    chapter.title.clone_from(title);
                }
            }
            Some(title) => self.new_chapter(title.clone(), offset),
            None => self.enter_file(offset),
        }
        if let Some(chapter) = self.chapters.last_mut() {
            chapter.images.extend(directive.images.iter().cloned());
            chapter.values.extend(directive.values.iter().cloned());
        }
    }

    fn steps(&mut self, steps: Vec<ConsoleStep>, base: usize, directive: &Directive, shown: &SlideRef) {
        let count = steps.len();
        let spot = |line: &Line| self.spot(base, line);
        let made: Vec<Step> = steps
            .into_iter()
            .enumerate()
            .map(|(i, step)| Step {
                prompt: step.prompt,
                command: step.command,
                spot: spot(&step.first),
                last_line: spot(&step.last),
                expected: step.expected.iter().map(|l| ExpectedLine { text: l.text.clone(), spot: spot(l) }).collect(),
                options: directive.options(i, count),
                slide: Some(shown.clone()),
                starts_block: i == 0,
            })
            .collect();
        if let Some(chapter) = self.chapters.last_mut() {
            chapter.steps.extend(made);
        }
    }

    fn spot(&self, base: usize, line: &Line) -> Spot {
        spot_in(self.source, base + line.offset, line.text.len())
    }

    fn problem(&mut self, offset: usize, length: usize, message: String, hint: Option<String>) {
        let Some(place) = self.source.locate(offset) else { return };
        let mut diagnostic = Diagnostic::at(Severity::Error, "bad-directive", message, place.file, place.offset, length);
        diagnostic.hint = hint;
        self.diagnostics.push(diagnostic);
    }

    fn finish(mut self) -> (Vec<Chapter>, Vec<Diagnostic>) {
        self.chapters.retain(|c| !c.steps.is_empty());
        (self.chapters, self.diagnostics)
    }
}

/// The place on disk of `length` bytes at `offset` of a stitched text.
pub fn spot_in(source: &SourceText, offset: usize, length: usize) -> Spot {
    match source.locate(offset) {
        Some(at) => Spot { file: at.file.path().to_owned(), line: at.line, column: at.column, span: at.offset..at.offset + length },
        None => Spot::default(),
    }
}

/// Speaker notes are no slide: commands in them are not run.
fn notes_start(text: &str, dialect: Dialect) -> usize {
    let mut offset = 0;
    let mut fence: Option<(u8, usize)> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        fence = blocks::fence_after(fence, bare);
        let note = match dialect {
            Dialect::Remark => bare == "???",
            Dialect::Reveal => ["Note:", "Notes:", "note:", "notes:"].iter().any(|n| bare.starts_with(n)) || bare.starts_with("!NOTE"),
        };
        if note && fence.is_none() {
            return offset;
        }
        offset += line.len();
    }
    text.len()
}
