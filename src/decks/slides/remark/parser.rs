//! Puts tokens together into raw slides: content, properties, notes, link definitions. Inheritance comes after.

use std::ops::Range;

use super::lexer::{Kind, lex};
use super::properties::extract;
use crate::slides::{Content, Links, Options};

/// Macros within macros: how deep, and how many bytes they may add to a deck, and to a deck for each of its own.
const MACRO_DEPTH: usize = 16;
const MACRO_GROWTH: (usize, usize) = (1 << 20, 8);

/// A slide as it stands in the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawSlide {
    pub content: Vec<Content>,
    /// In the order of their first appearance; `continued` is always there and first.
    pub properties: Vec<(String, String)>,
    pub links: Links,
    pub notes: Option<Vec<Content>>,
    /// Bytes of the text, separators left out.
    pub span: Range<usize>,
    /// Bytes of the first piece of content, where properties stand.
    pub head: Range<usize>,
    /// Macros that nothing defines: name and place.
    pub unknown_macros: Vec<(String, usize)>,
}

impl RawSlide {
    fn new(start: usize, continued: bool) -> Self {
        RawSlide {
            properties: vec![("continued".into(), continued.to_string())],
            span: start..start,
            head: start..start,
            ..RawSlide::default()
        }
    }

    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Sets a property; the last value wins, the first place stays.
    pub fn set(&mut self, name: &str, value: String) {
        match self.properties.iter_mut().find(|(n, _)| n == name) {
            Some(property) => property.1 = value,
            None => self.properties.push((name.to_owned(), value)),
        }
    }
}

/// Splits `text` into slides; those with `exclude: true` are left out.
pub fn split(text: &str, options: &Options) -> Vec<RawSlide> {
    let mut budget = MACRO_GROWTH.0 + MACRO_GROWTH.1 * text.len();
    let mut slides = read(text, options, MACRO_DEPTH, &mut budget);
    slides.retain(|s| !s.property("exclude").is_some_and(|v| v.eq_ignore_ascii_case("true")));
    slides
}

fn read(text: &str, options: &Options, depth: usize, budget: &mut usize) -> Vec<RawSlide> {
    let mut slides = Vec::new();
    let mut slide = RawSlide::new(0, false);
    let mut open: Open = Vec::new();
    for token in lex(text, options.remark) {
        match token.kind {
            Kind::Text | Kind::Code | Kind::Fences => append(&mut slide, &mut open, &text[token.span.clone()]),
            Kind::Definition { id, href, title } => {
                slide.links.insert(id, (href, title));
            }
            Kind::Macro { name, args, object } => {
                let value = options.macros.expand(&name, &args, object.as_deref());
                match value.filter(|value| depth > 0 && value.len() <= *budget) {
                    Some(value) => {
                        *budget -= value.len();
                        expand(&value, &mut slide, &mut open, &mut slides, &token.outer, options, depth - 1, budget);
                    }
                    None => {
                        append(&mut slide, &mut open, &text[token.span.clone()]);
                        slide.unknown_macros.push((name, token.span.start));
                    }
                }
            }
            Kind::ContentStart { classes, block } => open.push((classes, block, Vec::new())),
            Kind::ContentEnd { .. } => {
                if let Some((classes, block, content)) = open.pop() {
                    let class = Content::Class { classes, block, content };
                    match open.last_mut() {
                        Some((_, _, outer)) => outer.push(class),
                        None => slide.notes.as_mut().unwrap_or(&mut slide.content).push(class),
                    }
                }
            }
            // 0.15's `disableIncrementalSlides`: the slide goes on, and the notes before the mark are lost.
            Kind::Separator if token.span.len() == 2 && options.joins_increments() => slide.notes = None,
            Kind::Separator => {
                slide.span.end = token.outer.start.max(slide.span.start);
                slides.push(std::mem::take(&mut slide));
                slide = RawSlide::new(token.outer.end, token.span.len() == 2);
            }
            Kind::NotesSeparator => slide.notes = Some(Vec::new()),
        }
        if let [Content::Markdown(_)] = slide.content.as_slice()
            && slide.notes.is_none()
            && open.is_empty()
        {
            slide.head.end = token.outer.end.max(slide.head.start);
        }
    }
    slide.span.end = text.len();
    slides.push(slide);
    for slide in &mut slides {
        let source = match slide.content.first_mut() {
            Some(Content::Markdown(source)) => std::mem::take(source),
            Some(Content::Class { .. }) => continue,
            None => {
                slide.content.push(Content::Markdown(String::new()));
                continue;
            }
        };
        let (rest, properties) = extract(&source);
        slide.content[0] = Content::Markdown(rest);
        for (name, value) in properties {
            slide.set(&name, value);
        }
    }
    slides
}

type Open = Vec<(Vec<String>, bool, Vec<Content>)>;

/// Puts what a macro stands for in its place; slides in it are slides of the deck.
#[expect(clippy::too_many_arguments, reason = "one call site")]
fn expand(
    value: &str,
    slide: &mut RawSlide,
    open: &mut Open,
    slides: &mut Vec<RawSlide>,
    place: &Range<usize>,
    options: &Options,
    depth: usize,
    budget: &mut usize,
) {
    for (i, part) in read(value, options, depth, budget).into_iter().enumerate() {
        if i > 0 && open.is_empty() {
            slide.span.end = place.start.max(slide.span.start);
            slides.push(std::mem::replace(slide, RawSlide::new(place.end, part.property("continued") == Some("true"))));
        }
        for (name, value) in part.properties.into_iter().filter(|(name, _)| i > 0 && name != "continued") {
            slide.set(&name, value);
        }
        slide.links.extend(part.links);
        slide.unknown_macros.extend(part.unknown_macros.into_iter().map(|(name, _)| (name, place.start)));
        for piece in part.content {
            match piece {
                Content::Markdown(text) => append(slide, open, &text),
                class => target(slide, open).push(class),
            }
        }
    }
}

fn append(slide: &mut RawSlide, open: &mut [(Vec<String>, bool, Vec<Content>)], text: &str) {
    let target = target(slide, open);
    match target.last_mut() {
        Some(Content::Markdown(last)) => last.push_str(text),
        _ => target.push(Content::Markdown(text.to_owned())),
    }
}

/// Where content goes: the innermost open class, the notes, or the slide.
fn target<'s>(slide: &'s mut RawSlide, open: &'s mut [(Vec<String>, bool, Vec<Content>)]) -> &'s mut Vec<Content> {
    match open.last_mut() {
        Some((_, _, content)) => content,
        None => slide.notes.as_mut().unwrap_or(&mut slide.content),
    }
}
