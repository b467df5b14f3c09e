//! A course into its site, in memory. Reads no slide's bytes from disk (the course has them) and writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::assets::Assets;
use super::bodies::{Body as Rendering, Renderer};
use super::highlight::Highlighter;
use super::page::{self, Translation};
use super::rendered::Rendered;
use super::templates::{DeckEntry, DeckPage, TemplateError, Templates};
use super::{export, languages};
use crate::course::{Course, Deck};
use crate::diag::Diagnostic;
use crate::slides::SlideDeck;

/// How to build.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Show code in colours.
    pub highlight: bool,
    /// HTML at the end of every page: how `serve` has the page reload.
    pub scripts: &'a str,
    /// Each slide once, with all of its increments, for paper that is read.
    pub handout: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { highlight: true, scripts: "", handout: false }
    }
}

/// A file of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Text(String),
    /// To be copied from there.
    File(PathBuf),
}

/// All that is to be seen of a course.
#[derive(Debug, Default)]
pub struct Site {
    /// By their place in the site, with slashes.
    pub files: BTreeMap<String, Body>,
    /// What the parsers and the build have to say, deck by deck.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that it was made from or that it misses: when one of them changes, so may the site.
    pub sources: BTreeSet<PathBuf>,
    pub decks: usize,
    pub slides: usize,
}

impl Site {
    /// The pages and their HTML.
    pub fn pages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(place, body)| match body {
            Body::Text(html) if place.ends_with(".html") => Some((place.as_str(), html.as_str())),
            _ => None,
        })
    }
}

/// Builds sites; keeps what it highlighted.
#[derive(Default)]
pub struct Builder {
    highlighter: Highlighter,
    memory: Option<Memory>,
}

/// What one build leaves to the next.
#[derive(Default)]
struct Memory {
    rendered: Rendered<Rendering>,
    templates: Mutex<Option<Arc<Templates>>>,
}

impl Builder {
    /// One that keeps the slides that it rendered too, so that the next build of much the same course renders those that are new.
    pub fn remembering() -> Self {
        Builder { memory: Some(Memory::default()), highlighter: Highlighter::remembering() }
    }

    fn templates(&self, folder: &Path) -> Result<Arc<Templates>, TemplateError> {
        let Some(memory) = &self.memory else { return Ok(Arc::new(Templates::load(folder)?)) };
        let mut last = memory.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let templates = match last.as_ref() {
            Some(last) if last.is_current(folder)? => last.clone(),
            _ => Arc::new(Templates::load(folder)?),
        };
        *last = Some(templates.clone());
        Ok(templates)
    }

    /// Builds the site of `course`: `index.html` is its only deck, or the list of its decks, each under its name.
    pub fn build(&self, course: &Course, options: &Options<'_>) -> Result<Site, TemplateError> {
        let folder = if course.base.as_os_str().is_empty() { Path::new(".") } else { &course.base };
        let templates = self.templates(folder)?;
        if let Some(memory) = &self.memory {
            memory.rendered.begin();
        }
        let mut site = Site { decks: course.decks.len(), ..Site::default() };
        site.sources.insert(course.path.clone());
        site.sources.extend(templates.sources().iter().cloned());
        let mut entries = Vec::new();
        let mut taken = HashSet::from(["index.html".to_owned()]);
        let several = course.decks.len() > 1;
        for deck in &course.decks {
            let mut parsed = deck.parse();
            site.diagnostics.append(&mut parsed.diagnostics);
            if options.handout {
                export::handout::collapse(&mut parsed);
            }
            if let Some(language) = &course.language {
                for slide in &mut parsed.slides {
                    languages::only(&mut slide.content, language);
                    slide.notes.iter_mut().for_each(|notes| languages::only(&mut notes.content, language));
                }
            }
            let translations = translations(deck, options, &mut site.diagnostics);
            let mut assets = Assets::new(folder, &deck.base);
            let renderer = Renderer {
                highlighter: options.highlight.then_some(&self.highlighter),
                rendered: self.memory.as_ref().map(|memory| &memory.rendered),
                math: deck.settings.math,
                ..Renderer::default()
            };
            let slides = page::write(deck, &parsed, &translations, &renderer, &mut assets);
            site.diagnostics.extend(slides.diagnostics);
            let sources = translations.iter().map(|translation| translation.source).chain([&deck.source]);
            site.sources.extend(sources.flat_map(|source| source.files()).map(|file| file.path().to_owned()));
            site.sources.extend(assets.missing().map(Path::to_owned));
            site.slides += parsed.slides.len();
            let address = if several { address_of(&deck.name, &mut taken) } else { "index.html".to_owned() };
            let title = if deck.title.is_empty() { &course.title } else { &deck.title };
            let html = templates.deck(&DeckPage {
                title,
                dialect: parsed.dialect.as_str(),
                slides: &slides.html,
                language: course.language.as_deref().unwrap_or(deck.language()),
                home: several.then_some("index.html"),
                scripts: options.scripts,
            })?;
            site.files.extend(assets.into_files().into_iter().map(|(place, file)| (place, Body::File(file))));
            entries.push((address, html, DeckEntry { title: title.clone(), address: String::new(), slides: parsed.slides.len() }));
        }
        // Pages come after assets: where both want one place, the page has it.
        let mut list = Vec::new();
        for (address, html, entry) in entries {
            list.push(DeckEntry { address: address.clone(), ..entry });
            site.files.insert(address, Body::Text(html));
        }
        if list.len() != 1 {
            site.files.insert("index.html".to_owned(), Body::Text(templates.site(&course.title, &list, options.scripts)?));
        }
        site.files.insert("dockside/dockside.css".to_owned(), Body::Text(templates.style().to_owned()));
        site.files.insert("dockside/dockside.js".to_owned(), Body::Text(templates.script().to_owned()));
        Ok(site)
    }
}

/// The translations of a deck, read. What is wrong with a file that they share with the deck has been said.
fn translations<'d>(deck: &'d Deck, options: &Options<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Translation<'d>> {
    let read = |translated: &'d crate::course::Translated| {
        let mut parsed = crate::slides::parse(&translated.source, &deck.options());
        let is_own = |d: &Diagnostic| deck.source.files().iter().all(|file| file.path() != d.file);
        diagnostics.extend(parsed.diagnostics.drain(..).filter(is_own));
        if options.handout {
            export::handout::collapse(&mut parsed);
        }
        Translation { language: &translated.language, source: &translated.source, parsed }
    };
    deck.translations.iter().map(read).collect()
}

/// The sections of a deck's slides, in order, and what is to be said about their pictures and links; code is not highlighted.
pub fn sections(course: &Course, deck: &Deck, parsed: &SlideDeck) -> (String, Vec<Diagnostic>) {
    let folder = if course.base.as_os_str().is_empty() { Path::new(".") } else { &course.base };
    let renderer = Renderer { math: deck.settings.math, ..Renderer::default() };
    let slides = page::write(deck, parsed, &[], &renderer, &mut Assets::new(folder, &deck.base));
    (slides.html, slides.diagnostics)
}

/// The file of a deck's page.
fn address_of(name: &str, taken: &mut HashSet<String>) -> String {
    let mut address = format!("{name}.html");
    let mut count = 1;
    while !taken.insert(address.clone()) {
        count += 1;
        address = format!("{name}-{count}.html");
    }
    address
}
