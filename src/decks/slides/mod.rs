//! The slide dialects (remark, reveal) into one model with positions. Writes no HTML, does no I/O.
//!
//! `parse` never fails and never panics, whatever the bytes; what it did not understand is in the deck's diagnostics. Its time is
//! linear in the length of the text.

pub mod entity;
mod language;
pub mod model;
pub mod pairs;
mod recognise;
pub mod remark;
pub mod reveal;

use crate::diag::SourceText;
pub use language::is_language;
pub use model::{Content, Dialect, Highlight, Links, Notes, Position, Slide, SlideDeck};
pub use recognise::recognise;

/// How to read a deck.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Recognised from the text where not given.
    pub dialect: Option<Dialect>,
    /// Slides with one of these classes are left out (remark's `excludedClasses`).
    pub exclude: Vec<String>,
    pub remark: remark::Engine,
    /// 0.15's `inheritPresenterNotes`: notes go from a template to its slides; container.training's engine always does so.
    pub inherit_notes: bool,
    /// remark's `countIncrementalSlides: false`: increments keep the number of the slide before.
    pub skip_increments: bool,
    /// 0.15's `disableIncrementalSlides`: an increment goes on the slide before it. container.training's engine does not know it.
    pub join_increments: bool,
    /// What `![:name …](…)` stands for in a remark deck.
    pub macros: remark::macros::Macros,
    pub highlight: Highlight,
    /// The Markdown of a remark deck is CommonMark: it was written for another program.
    pub commonmark: bool,
    /// `$…$` and `$$…$$` are formulas.
    pub math: bool,
    /// Where slides part in a reveal deck, if not at `!SLIDE` and `!SUB`.
    pub separators: Option<reveal::Separators>,
}

impl Options {
    /// Whether increments are joined to the slide before them.
    pub fn joins_increments(&self) -> bool {
        self.join_increments && self.remark == remark::Engine::Upstream
    }
}

/// Reads a deck into its slides.
pub fn parse(source: &SourceText, options: &Options) -> SlideDeck {
    let own = options.separators.as_ref().map(|_| Dialect::Reveal);
    match options.dialect.or(own).unwrap_or_else(|| recognise(source.text())) {
        Dialect::Remark => remark::parse(source, options),
        Dialect::Reveal => reveal::parse(source, options),
    }
}
