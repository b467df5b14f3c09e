//! The ways in for text and bytes that nobody has looked at yet: used by the property tests and by the fuzz targets (`fuzz/`).

pub mod chance;
#[cfg(target_os = "linux")]
pub mod engine;

use dockside::course::Course;
use dockside::deck::markdown;
use dockside::diag::SourceText;
use dockside::slides::remark::Engine;
use dockside::slides::{Dialect, Options, SlideDeck};

/// Reads and renders a text as a remark deck, by both engines.
pub fn remark(text: &str) {
    for engine in [Engine::ContainerTraining, Engine::Upstream] {
        let mut options =
            Options { dialect: Some(Dialect::Remark), remark: engine, join_increments: text.len().is_multiple_of(2), ..Options::default() };
        options.macros.define("twice", "![:twice](${object}${object}) ![:twice](x)").unwrap();
        show(&dockside::slides::parse(&SourceText::from_str("deck.md", text), &options));
    }
}

/// Reads and renders a text as a reveal deck.
pub fn reveal(text: &str) {
    let options = Options { dialect: Some(Dialect::Reveal), ..Options::default() };
    show(&dockside::slides::parse(&SourceText::from_str("deck.md", text), &options));
}

/// Loads a text as a manifest, and as a deck with front matter and other programs' habits.
pub fn manifest(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), text).unwrap();
    let habits = [
        "marp: true\n",
        "marp: true\nheadingDivider: 2\n",
        "layout: a\n",
        "output: xaringan::moon_reader\n",
        "title: T\nformat: revealjs\n---\n",
    ];
    let decks = habits.iter().map(|settings| ("deck.md", format!("---\n{settings}{text}")));
    for (name, text) in std::iter::once(("course.yml", text.to_owned())).chain(decks) {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let (course, diagnostics) = Course::load(&path);
        for diagnostic in &diagnostics {
            dockside::diag::render(diagnostic, false);
        }
        for deck in &course.decks {
            let mut deck = deck.clone();
            deck.settings.math = true;
            let parsed = deck.parse();
            dockside::deck::sections(&course, &deck, &parsed);
            show(&parsed);
        }
    }
}

fn show(deck: &SlideDeck) {
    for slide in &deck.slides {
        markdown::render(&slide.content, &deck.links, &markdown::Options::of(deck));
    }
}
