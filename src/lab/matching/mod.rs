//! Expected output against actual output, by what their values mean. Runs nothing and prints nothing.

mod align;
mod bindings;
mod line;
mod table;
mod token;

pub use align::{Comparison, Entry, EntryKind, compare, is_elision};
pub use bindings::{Bindings, Check};
pub use token::{Class, Token};
