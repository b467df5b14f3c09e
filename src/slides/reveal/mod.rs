//! The reveal dialect: `!SLIDE`, `!SUB` and `!NOTE` as reveal.js reads them.

use super::{Dialect, Options, SlideDeck};
use crate::diag::SourceText;

pub fn parse(source: &SourceText, options: &Options) -> SlideDeck {
    SlideDeck { dialect: Dialect::Reveal, ..super::remark::parse(source, options) }
}
