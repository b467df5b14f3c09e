//! The remark dialect: as container.training's patched 0.14.1 reads it, or as upstream's 0.15.
//!
//! Text → tokens (`lexer`) → raw slides (`parser`) → slides with what they inherit (`model`). Where the engines lose something
//! without a word, the deck gets a warning.

mod check;
pub mod indent;
pub(crate) mod index;
pub mod lexer;
pub mod macros;
mod model;
pub mod parser;
mod properties;
mod variables;

pub use properties::PROPERTIES;

use super::{Dialect, Links, Notes, Options, Slide, SlideDeck};
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

impl std::str::FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "container.training" | "0.14" | "0.14.1" => Ok(Engine::ContainerTraining),
            "0.15" | "0.15.0" => Ok(Engine::Upstream),
            other => Err(format!("there is no remark {other:?}; there are container.training (the default) and 0.15")),
        }
    }
}

/// The text that the lexer sees: without the indent that all lines share.
pub fn outdented(source: &SourceText) -> String {
    indent::outdent(source.text()).text.into_owned()
}

/// Reads a remark deck.
pub fn parse(source: &SourceText, options: &Options) -> SlideDeck {
    let outdented = indent::outdent(source.text());
    let raw = parser::split(&outdented.text, options);
    let mut links = Links::new();
    for slide in &raw {
        links.extend(slide.links.iter().map(|(id, link)| (id.clone(), link.clone())));
    }
    let mut diagnostics = check::check(&outdented, &raw, source);
    let outcome = model::resolve(raw, options);
    diagnostics.extend(outcome.overflow.and_then(|place| check::overflow(&outdented, place, source)));
    let slides = outcome.slides.into_iter().enumerate().map(|(index, resolved)| {
        let raw = resolved.raw;
        let range = outdented.original(raw.span.start)..outdented.original(raw.span.end);
        let name = raw.property("name").filter(|n| !n.is_empty()).map(str::to_owned);
        let class = raw.property("class").unwrap_or_default();
        let classes = class.split([',', ' ']).filter(|c| !c.is_empty()).map(str::to_owned).collect();
        let (number, total) = resolved.number;
        Slide {
            index,
            number: format!("{number}/{total}"),
            id: name.as_ref().map(|n| format!("slide-{n}")),
            name,
            classes,
            continued: raw.property("continued") == Some("true"),
            content: raw.content,
            notes: raw.notes.map(|content| Notes { content }),
            properties: raw.properties,
            stack: (index, 0),
            attributes: Vec::new(),
            source: source.position(range.clone()),
            range,
        }
    });
    SlideDeck {
        dialect: Dialect::Remark,
        engine: options.remark,
        highlight: options.highlight,
        commonmark: options.commonmark,
        slides: slides.collect(),
        links,
        diagnostics,
    }
}
