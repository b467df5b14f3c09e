//! Slides taller than the page, out of what a browser measured.

use std::collections::HashMap;

use super::rules;
use crate::course::Deck;
use crate::deck::export::measure::Tall;
use crate::diag::Diagnostic;

/// Text this much smaller is still the same slide to a class; below, it is worth a word.
const UNNOTICED: f64 = 0.9;

/// Findings for the slides of `deck` in `tall`, which is in the order of its slides.
pub fn findings(deck: &Deck, tall: &[Tall]) -> Vec<Diagnostic> {
    let parsed = deck.parse();
    let measured: HashMap<usize, &Tall> = tall.iter().map(|tall| (tall.slide, tall)).collect();
    let worth = |tall: &Tall| tall.cut > 0 || tall.scale < UNNOTICED - 1e-6;
    let mut found = Vec::new();
    for tall in tall.iter().filter(|tall| worth(tall)) {
        let Some(slide) = parsed.slides.get(tall.slide) else { continue };
        // Of a slide and its increments the last one tells it, which has all the text.
        if parsed.slides.get(tall.slide + 1).is_some_and(|next| next.continued) && measured.contains_key(&(tall.slide + 1)) {
            continue;
        }
        let own = deck.source.text().get(slide.range.clone()).unwrap_or_default();
        let heading = own.lines().find(|line| line.starts_with('#')).and_then(|line| own.find(line));
        let at = heading.unwrap_or(own.len() - own.trim_start().len());
        let Some(place) = deck.source.locate(slide.range.start + at) else { continue };
        // Without its number, which is another in each deck that shows it.
        let size = format!("this slide is {} pixels taller than the page", tall.pixels);
        let percent = (tall.scale * 100.0).round();
        let message = match tall.cut {
            0 => format!("{size}: it is shown at {percent} % of its size"),
            cut => format!("{size}: {cut} pixels are out of sight even at {percent} % of its size"),
        };
        let length = place.file.line_span(place.line).len();
        let hint = "make two slides of it, or shorten its code";
        found.push(Diagnostic::at(rules::level("overflow"), "overflow", message, place.file, place.offset, length).hint(hint));
    }
    found
}
