//! What every dialect is parsed into: a list of slides, each with the place it came from.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use crate::diag::Diagnostic;

/// The Markdown dialect of a deck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// remark.js, as container.training patched it (0.14.1).
    #[default]
    Remark,
    /// reveal.js with `!SLIDE`, `!SUB` and `!NOTE`.
    Reveal,
}

impl Dialect {
    /// `remark` or `reveal`.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Remark => "remark",
            Dialect::Reveal => "reveal",
        }
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "remark" => Ok(Dialect::Remark),
            "reveal" => Ok(Dialect::Reveal),
            other => Err(format!("unknown dialect {other:?}; the dialects are remark and reveal")),
        }
    }
}

/// Where a slide stands in its author's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub file: PathBuf,
    /// First line, from 1.
    pub line: usize,
    /// Last line, from 1, inclusive.
    pub end_line: usize,
    /// Bytes of the slide in the file as it is on disk (CRLF and byte-order mark counted).
    pub span: Range<usize>,
}

/// A piece of a slide's content, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Markdown as it goes to the Markdown parser, variables expanded.
    Markdown(String),
    /// remark's `.class[…]`: a `div` when its body has a line break (`block`), else a `span`.
    Class { classes: Vec<String>, block: bool, content: Vec<Content> },
}

/// Speaker notes, still Markdown. Lines that start with `:EN:` or `:FR:` belong to that language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    pub content: Vec<Content>,
}

/// One slide, after inheritance, exclusion and expansion.
#[derive(Clone, Debug, Default)]
pub struct Slide {
    /// From 0, over all slides shown.
    pub index: usize,
    /// As the presenter numbers it: `6/419`.
    pub number: String,
    /// The element id (`slide-NAME` in remark), if the slide has a name.
    pub id: Option<String>,
    pub name: Option<String>,
    /// In the order of the source; `class`, `name`, `layout`, `continued` … as the dialect leaves them.
    pub properties: Vec<(String, String)>,
    pub classes: Vec<String>,
    pub content: Vec<Content>,
    pub notes: Option<Notes>,
    /// Column (horizontal) and row (vertical), both from 0. remark decks: `(index, 0)`.
    pub stack: (usize, usize),
    /// An increment of the slide before it.
    pub continued: bool,
    /// Attributes of the slide's element (reveal's `.slide:`), in order.
    pub attributes: Vec<(String, String)>,
    /// Where the slide's own text stands on disk: what it inherits is not in it. For an exact map through stitched files, use
    /// `range` with `SourceText::locate`.
    pub source: Position,
    /// The slide's own text (properties, content and notes, without separators), as bytes of the deck's `SourceText`.
    pub range: Range<usize>,
}

impl Slide {
    /// The value of a property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What marks a part of a block of code in a remark deck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// A leading `*` marks its line (remark's `highlightLines`).
    pub lines: bool,
    /// Backticks inside a line mark a span (remark's `highlightSpans`).
    pub spans: bool,
}

impl Default for Highlight {
    /// As container.training's decks are presented.
    fn default() -> Self {
        Highlight { lines: false, spans: true }
    }
}

/// Link definitions by lower-cased id: URL and title.
pub type Links = HashMap<String, (String, Option<String>)>;

/// A parsed deck. Parsing never fails: what was not understood is in `diagnostics`.
#[derive(Clone, Debug, Default)]
pub struct SlideDeck {
    pub dialect: Dialect,
    /// In remark's dialect, which of its engines the deck was read as.
    pub engine: super::remark::Engine,
    pub highlight: Highlight,
    /// Its Markdown is CommonMark, though it is a remark deck.
    pub commonmark: bool,
    pub slides: Vec<Slide>,
    /// Deck-wide link definitions.
    pub links: Links,
    pub diagnostics: Vec<Diagnostic>,
}
