//! What is wrong in the rendered slides: links to slides that are not there, pictures without words.

use std::collections::HashSet;
use std::ops::Range;

use super::Out;
use super::raw::lines;
use crate::course::{Course, Deck};
use crate::deck::tags::{self, Attribute, Tag};
use crate::diag::SourceText;
use crate::slides::SlideDeck;

/// A link or a picture on a slide.
struct Use {
    slide: usize,
    /// As the author sees it: references resolved.
    address: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Anchor,
    /// Without the attribute `alt`.
    NoAlt,
    /// With an empty one: on purpose in HTML, forgotten in Markdown.
    EmptyAlt,
}

/// Looks at the slides of `parsed` as the page will have them.
pub fn check(course: &Course, deck: &Deck, parsed: &SlideDeck, out: &mut Out<'_>) {
    let (html, diagnostics) = crate::deck::sections(course, deck, parsed);
    out.found.extend(diagnostics);
    let (ids, uses) = read(&html);
    let last = parsed.slides.last().and_then(|slide| slide.number.split(['/', '.']).next()?.parse::<usize>().ok()).unwrap_or(0);
    let leads = |anchor: &str| {
        let anchor = crate::deck::percent_decoded(anchor);
        let plain = anchor.strip_prefix('/').unwrap_or(&anchor);
        let place = plain.split('/').next().and_then(|n| n.parse::<usize>().ok());
        plain.is_empty() || ids.contains(plain) || place.is_some_and(|n| n <= last.max(parsed.slides.len()))
    };
    for found in uses {
        let Some(slide) = parsed.slides.get(found.slide) else { continue };
        let own = slide.range.clone();
        match found.kind {
            Kind::Anchor if leads(&found.address[1..]) => {}
            Kind::Anchor => {
                let at = place(out.source.text(), own.clone(), "", &found.address).unwrap_or(own.start);
                let message = format!("no slide is called {}", found.address);
                let generated = out.source.locate(at).is_some_and(|l| l.generated);
                match title_behind(out.source, at).filter(|_| generated) {
                    Some((title, length)) => {
                        let hint = "the link is on the generated title slide of this title, which has no neighbour on that side";
                        out.add("dead-anchor", title, length, message, hint);
                    }
                    None => {
                        let hint =
                            format!("name the slide with `name: {}`, or correct the link", found.address.trim_start_matches(['#', '/']));
                        out.add("dead-anchor", at, found.address.len(), message, hint);
                    }
                }
            }
            Kind::NoAlt | Kind::EmptyAlt => {
                let markdown = ["![](", "![ ]("].iter().find_map(|lead| place(out.source.text(), own.clone(), lead, &found.address));
                let at = match found.kind {
                    Kind::NoAlt => markdown.or_else(|| place(out.source.text(), own.clone(), "", &found.address)),
                    _ => markdown,
                };
                let Some(at) = at else { continue };
                let hint = match markdown {
                    Some(_) => "say between the brackets what it shows: ![a diagram of …](…)",
                    None => "say what it shows: alt=\"a diagram of …\"; for a mere ornament, alt=\"\"",
                };
                out.add("image-without-alt", at, found.address.len(), "this picture has no words for those who do not see it", hint);
            }
        }
    }
}

/// The next title that an author wrote behind `at`, and its length: what is generated there was made for it.
fn title_behind(source: &SourceText, at: usize) -> Option<(usize, usize)> {
    let titles = lines(source.text(), at..source.text().len()).filter_map(|(at, line)| Some((at + 2, line.strip_prefix("# ")?.len())));
    titles.into_iter().find(|(at, _)| source.locate(*at).is_some_and(|l| !l.generated))
}

/// All ids of the page, and what its slides refer to.
fn read(html: &str) -> (HashSet<String>, Vec<Use>) {
    let (mut ids, mut uses) = (HashSet::new(), Vec::new());
    let (mut depth, mut slides, mut at) = (0usize, 0usize, 0);
    while let Some(tag) = tags::next_tag(html, at) {
        at = tag.range.end;
        if tag.is("section") {
            slides += usize::from(!tag.end && depth == 0);
            depth = if tag.end { depth.saturating_sub(1) } else { depth + 1 };
        }
        if tag.end || tag.is_bare() && !tag.is("img") {
            continue;
        }
        let attributes = tag.attributes(html);
        let find = |name: &str| {
            attributes.iter().find(|a: &&Attribute<'_>| a.name.eq_ignore_ascii_case(name)).map(|a| crate::deck::unescaped(a.value))
        };
        ids.extend(find("id"));
        if tag.is("a") {
            ids.extend(find("name"));
        }
        ids.extend(find("data-name"));
        let Some((kind, address)) = use_of(&tag, &find) else { continue };
        uses.push(Use { slide: slides.saturating_sub(1), address, kind });
    }
    (ids, uses)
}

fn use_of(tag: &Tag<'_>, find: &dyn Fn(&str) -> Option<String>) -> Option<(Kind, String)> {
    if tag.is("a") {
        let address = find("href").filter(|href| href.starts_with('#') && href.len() > 1)?;
        return Some((Kind::Anchor, address));
    }
    if !tag.is("img")
        || find("aria-hidden").is_some_and(|v| v == "true")
        || find("role").is_some_and(|v| v == "presentation" || v == "none")
    {
        return None;
    }
    let kind = match find("alt") {
        None if find("aria-label").is_none() => Kind::NoAlt,
        Some(alt) if alt.trim().is_empty() => Kind::EmptyAlt,
        _ => return None,
    };
    Some((kind, find("src")?))
}

/// Where `address` stands, behind `lead` and as a whole: in the slide's own text, or else where it inherits from.
fn place(text: &str, own: Range<usize>, lead: &str, address: &str) -> Option<usize> {
    let wanted = format!("{lead}{address}");
    let whole = |from: usize, text: &str| {
        let found = text.match_indices(&wanted).find(|(at, _)| {
            let next = text[at + wanted.len()..].chars().next();
            next.is_none_or(|c| !(c.is_alphanumeric() || "-_/.%".contains(c)))
        });
        found.map(|(at, _)| from + at + lead.len())
    };
    whole(own.start, text.get(own)?).or_else(|| whole(0, text))
}
