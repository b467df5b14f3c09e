//! The remark dialect: as container.training's patched 0.14.1 reads it, or as upstream's 0.15.

use super::{Content, Dialect, Options, Slide, SlideDeck};
use crate::diag::SourceText;

/// Which remark.js to read a deck as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// remark 0.14.1 with container.training's `excludedClasses`.
    #[default]
    ContainerTraining,
    /// Upstream's last, 0.15.
    Upstream,
}

pub fn parse(source: &SourceText, _options: &Options) -> SlideDeck {
    let mut slides = Vec::new();
    let mut start = 0;
    for part in source.text().split("\n---\n") {
        let range = start..start + part.len();
        let index = slides.len();
        slides.push(Slide {
            index,
            number: format!("{}", index + 1),
            properties: vec![("continued".into(), "false".into())],
            content: vec![Content::Markdown(part.to_owned())],
            stack: (index, 0),
            source: source.position(range.clone()),
            range,
            ..Slide::default()
        });
        start += part.len() + 5;
    }
    SlideDeck { dialect: Dialect::Remark, slides, ..SlideDeck::default() }
}
