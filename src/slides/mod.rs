//! The slide dialects (remark, reveal) into one model with positions. Writes no HTML, does no I/O.

pub mod model;

pub use model::{Content, Dialect, Notes, Position, Slide, SlideDeck};
