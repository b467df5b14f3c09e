//! Which slide comes after which: increments without a slide, increments on the wrong one, names given twice.

use std::collections::{HashMap, HashSet};

use super::Out;
use super::raw::Deck;
use crate::slides::SlideDeck;

/// Looks for increments whose slide is not the one that is shown before them.
pub fn check(deck: &Deck<'_>, parsed: &SlideDeck, out: &mut Out<'_>) {
    let shown: HashSet<usize> = parsed.slides.iter().map(|slide| slide.range.start).collect();
    for (i, slide) in deck.slides.iter().enumerate().filter(|(_, slide)| slide.continued) {
        if !shown.contains(&deck.original(slide.range.start)) {
            continue;
        }
        let (at, length) = (deck.original(slide.separator.start), slide.separator.len());
        let before = &deck.slides[i.saturating_sub(1)];
        let text = &deck.text()[before.range.clone()];
        if i == 1 && text.trim().is_empty() {
            let hint = "start the deck with its first slide, or write --- here";
            out.add("orphaned-increment", at, length, "this -- starts an increment, and no slide is before it", hint);
            continue;
        }
        if shown.contains(&deck.original(before.range.start)) {
            continue;
        }
        // The slide that it belongs to: back over the increments of the same slide.
        let whole = deck.slides[..i].iter().rev().find(|slide| !slide.continued).unwrap_or(before);
        let start = whole.range.start + deck.text()[whole.range.clone()].len() - deck.text()[whole.range.clone()].trim_start().len();
        let place = out.place(deck.original(start));
        if text.lines().any(|line| line.trim() == "layout: true") {
            let hint = format!("write --- here: {place} is a layout, which is shown nowhere");
            out.add("orphaned-increment", at, length, "this increment follows a layout, so it adds to the slide before that", hint);
        } else {
            let message = format!("this increment adds to another slide than its own: {place} is left out");
            let hint = "leave the increment out too, by the same class or `exclude: true`, or write --- here";
            out.add("wrong-parent", at, length, message, hint);
        }
    }
}

/// Looks for slides that share a name.
pub fn names(parsed: &SlideDeck, out: &mut Out<'_>) {
    let text = out.source.text();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for slide in &parsed.slides {
        let Some(name) = slide.name.as_deref() else { continue };
        let own = text.get(slide.range.clone()).unwrap_or_default();
        // Behind the word itself: a slide may be named "a".
        let value = ["name:", "id="].iter().find_map(|word| own.find(word).map(|from| from + word.len()));
        let at = value.and_then(|from| own[from..].find(name).map(|n| from + n));
        let at = slide.range.start + at.unwrap_or(0);
        match first.get(name) {
            None => {
                first.insert(name, at);
            }
            Some(&before) => {
                let message = format!("another slide is named {name:?} already: links lead there");
                let hint = format!("give one of them another name; the first is at {}", out.place(before));
                out.add("duplicate-name", at, name.len(), message, hint);
            }
        }
    }
}
