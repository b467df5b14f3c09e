//! The plan of a deck put on its slides: which slide each planned part begins with. Keeps no time; the presenter's view does.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashMap;

use super::markdown;
use crate::course::Deck;
use crate::diag::{Diagnostic, Severity};
use crate::slides::{self, SlideDeck, pairs};

/// The parts by the index of their first slide, title and minutes, and what could not be found.
#[derive(Default)]
pub struct Plan {
    pub starts: HashMap<usize, (String, f64)>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Finds the first slide of each part by its name, else by its heading in `headings`, one a slide, else by the heading of the slide
/// that it is a translation of. Parts come in their order, so a heading that is there twice is looked for behind the part before.
pub fn starts(deck: &Deck, parsed: &SlideDeck, headings: &[&str]) -> Plan {
    let mut plan = Plan::default();
    if deck.plan.is_empty() {
        return plan;
    }
    let headings: Vec<String> = headings.iter().map(|heading| normal(heading)).collect();
    let originals = LazyCell::new(|| originals(deck, parsed));
    let mut from = 0;
    for part in &deck.plan {
        if part.part.is_empty() {
            plan.starts.insert(0, (deck.title.clone(), part.minutes));
            continue;
        }
        let wanted = normal(&part.part);
        let is = |i: &usize| parsed.slides[*i].name.as_deref() == Some(part.part.as_str()) || headings[*i] == wanted;
        let was = |i: &usize| originals.get(*i).is_some_and(|heading| *heading == wanted);
        let all = || (from..headings.len()).chain(0..from.min(headings.len()));
        let found = all().find(is).or_else(|| all().find(was));
        match found {
            Some(at) => {
                plan.starts.insert(at, (part.part.clone(), part.minutes));
                from = at + 1;
            }
            None => {
                let message = format!("no slide is named {:?} or has it for a heading", part.part);
                let problem = Diagnostic::at(Severity::Warning, "unknown-part", message, &part.file, part.offset, part.part.len());
                plan.diagnostics.push(problem.hint("a part of the plan is called by the name or the heading of its first slide"));
            }
        }
    }
    plan
}

/// The headings of the slides that those of a translation stand for, one a slide of it; none if it is no translation.
fn originals(deck: &Deck, parsed: &SlideDeck) -> Vec<String> {
    let Some(source) = &deck.original else { return Vec::new() };
    let original = slides::parse(source, &deck.options());
    let mut headings = vec![String::new(); parsed.slides.len()];
    for pair in pairs::of(&original, source, parsed, &deck.source) {
        if let (Some(old), Some(new)) = (pair.original, pair.translated) {
            let shown = markdown::render(&original.slides[old].content, &original.links, &markdown::Options::of(&original));
            headings[new] = shown.heading.map_or_else(String::new, |(_, text)| normal(&text));
        }
    }
    headings
}

/// The text of a slide's first heading, entities as they are.
pub fn heading(html: &str) -> String {
    let start = html.match_indices("<h").find(|(at, _)| html.as_bytes().get(at + 2).is_some_and(|b| (b'1'..=b'6').contains(b)));
    let Some((start, _)) = start else { return String::new() };
    let rest = &html[start..];
    let mut text = String::new();
    let mut inside = false;
    for c in rest[..rest.find("</h").unwrap_or(rest.len())].chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

/// As headings are compared: small letters, single blanks, characters as themselves.
fn normal(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        if text.contains(entity) {
            text = text.replace(entity, character).into();
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_its_text() {
        assert_eq!(normal(&heading("<p>x</p><h2 id=\"a\">Tags &amp;\n <code>ids</code></h2><h1>no</h1>")), "tags & ids");
        assert_eq!(heading("<p>none</p>"), "");
    }
}
