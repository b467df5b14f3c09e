//! The slide dialects (remark, reveal) into one model with positions. Writes no HTML, does no I/O.
//!
//! `parse` never fails and never panics, whatever the bytes; what it did not understand is in the deck's diagnostics. Its time is
//! linear in the length of the text.

pub mod entity;
pub mod model;
mod recognise;
pub mod remark;
pub mod reveal;

use crate::diag::SourceText;
pub use model::{Content, Dialect, Links, Notes, Position, Slide, SlideDeck};
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
}

/// Reads a deck into its slides.
pub fn parse(source: &SourceText, options: &Options) -> SlideDeck {
    match options.dialect.unwrap_or_else(|| recognise(source.text())) {
        Dialect::Remark => remark::parse(source, options),
        Dialect::Reveal => reveal::parse(source, options),
    }
}
