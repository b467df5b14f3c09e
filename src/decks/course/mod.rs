//! Course manifests (course.yml, container.training's own) into ordered sources, parts and variants. Reads no Markdown.

mod files;
mod front_matter;
mod habits;
pub mod language;
mod lines;
mod literal;
mod manifest;
mod markmaker;
pub(crate) mod marks;
mod place;
mod rulers;
mod rules;
mod settings;
mod shortcodes;
mod slidev;
mod stitch;
mod variant;

use std::path::PathBuf;
use std::sync::Arc;

use crate::diag::{SourceFile, SourceText};
use crate::slides::Dialect;
pub(crate) use markmaker::PICTURES;
pub use rules::RuleSetting;
pub use variant::Variant;

/// A course: its decks in order, and its labs.
#[derive(Clone, Debug, Default)]
pub struct Course {
    pub title: String,
    /// The file it was read from: a manifest or a single deck.
    pub path: PathBuf,
    /// The folder that paths in it are relative to.
    pub base: PathBuf,
    pub decks: Vec<Deck>,
    /// Existing files, in the order of the manifest; a pattern's matches by name.
    pub labs: Vec<PathBuf>,
    /// What the manifest says about the rules of `dockside lint`, in its order.
    pub lint: Vec<RuleSetting>,
    /// The one language that it was loaded in, where a variant has one.
    pub language: Option<String>,
}

/// One deck of a course, its text put together.
#[derive(Clone, Debug, Default)]
pub struct Deck {
    /// For file names and addresses: letters, digits, `-`, `_` and `.`; unique in the course.
    pub name: String,
    pub title: String,
    /// Recognised from the text where the manifest does not say.
    pub dialect: Option<Dialect>,
    pub source: SourceText,
    /// Slides with one of these classes are left out.
    pub exclude: Vec<String>,
    /// Container images that are on the host before the deck's first exercise.
    pub images: Vec<String>,
    /// The folder that pictures are relative to.
    pub base: PathBuf,
    /// Goes in front of every slide number (markmaker's `slidenumberprefix`).
    pub number_prefix: String,
    /// All else that the manifest or the deck's front matter says about how to read it.
    pub settings: crate::slides::Options,
    /// The language that it is written in, if someone said.
    pub written_in: Option<String>,
    /// The same deck in other languages, as far as files beside its own have them; none where the course was loaded in one language.
    pub translations: Vec<Translated>,
    /// How long its parts are to take, in their order; empty if nobody said.
    pub plan: Vec<PlannedPart>,
    /// What a deck with a plan was translated from, where the course was loaded in one language: the plan calls parts by headings of it.
    pub original: Option<SourceText>,
}

/// A deck in another language: files that have no translation stand in it as they are.
#[derive(Clone, Debug)]
pub struct Translated {
    pub language: String,
    pub source: SourceText,
}

/// A part of a deck and the time that is planned for it.
#[derive(Clone, Debug)]
pub struct PlannedPart {
    /// The name or the heading of the slide that it begins with; empty for a deck as a whole.
    pub part: String,
    pub minutes: f64,
    /// Where the manifest says so.
    pub file: Arc<SourceFile>,
    pub offset: usize,
}

impl Deck {
    /// The deck that `text` is where it stands in a file of its own.
    pub fn from_text(text: &str, dialect: Dialect) -> Deck {
        let file = Arc::new(SourceFile::new("deck.md", text));
        let mut settings = crate::slides::Options::default();
        let source = stitch::read(&file, None, Some(dialect), &mut settings, &mut Vec::new()).source;
        Deck { dialect: Some(dialect), source, settings, ..Deck::default() }
    }

    /// The language that it is written in; English if nobody said.
    pub fn language(&self) -> &str {
        self.written_in.as_deref().unwrap_or("en")
    }

    /// How `slides::parse` is to read it.
    pub fn options(&self) -> crate::slides::Options {
        crate::slides::Options { dialect: self.dialect, exclude: self.exclude.clone(), ..self.settings.clone() }
    }

    /// Reads its slides.
    pub fn parse(&self) -> crate::slides::SlideDeck {
        crate::slides::parse(&self.source, &self.options())
    }
}
