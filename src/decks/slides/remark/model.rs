//! Templates, layouts and increments: what a slide inherits, which slides are shown, and how they are numbered.

use std::collections::HashMap;

use super::parser::RawSlide;
use super::variables::{Budget, expand, insert_content};
use super::{Engine, Engine::ContainerTraining};
use crate::slides::{Content, Options};

/// Deepest nesting that templates within templates may make.
const MAX_NESTING: usize = 250;

/// A slide after inheritance.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub raw: RawSlide,
    /// As in the presenter: `(6, 419)` for `6/419`.
    pub number: (usize, usize),
}

/// What came of the raw slides: those that are shown, and whether inheriting was cut short.
pub struct Outcome {
    pub slides: Vec<Resolved>,
    /// Place of the first slide that would have made the deck too big.
    pub overflow: Option<usize>,
}

/// Resolves parents, leaves out layouts and excluded slides, expands variables.
pub fn resolve(raw: Vec<RawSlide>, options: &Options) -> Outcome {
    let engine = options.remark;
    let mut budget = Budget::new(raw.last().map_or(0, |slide| slide.span.end));
    let mut shown: Vec<RawSlide> = Vec::new();
    // Slides that may be a parent by name; a shown slide is kept twice only if it has a name.
    let mut named: HashMap<String, RawSlide> = HashMap::new();
    let mut layout: Option<RawSlide> = None;
    for (i, mut slide) in raw.into_iter().enumerate() {
        if options.skip_increments && slide.property("continued") == Some("true") && slide.property("count").is_none() {
            slide.set("count", "false".into());
        }
        let is_layout = slide.property("layout") == Some("true");
        let continued = slide.property("continued") == Some("true") && i > 0;
        // 0.15 looks at the slide's own classes, container.training at the inherited ones too.
        let own_excluded = engine == Engine::Upstream && excluded(&slide, options);
        let template = slide.property("template").and_then(|name| named.get(name));
        let parent = if continued {
            shown.last()
        } else if template.is_some() {
            template
        } else if slide.property("layout") == Some("false") {
            layout = None;
            None
        } else if !is_layout {
            layout.as_ref()
        } else {
            None
        };
        if let Some(parent) = parent {
            inherit(&mut slide, parent, options, &mut budget);
        }
        let hidden = is_layout || own_excluded || engine == ContainerTraining && excluded(&slide, options);
        if is_layout {
            layout = Some(slide.clone());
        }
        if let Some(name) = slide.property("name").filter(|n| !n.is_empty()) {
            named.insert(name.to_owned(), slide.clone());
        }
        if !hidden {
            shown.push(slide);
        }
    }
    for slide in &mut shown {
        let properties = std::mem::take(&mut slide.properties);
        expand(&mut slide.content, &properties, slide.span.start, &mut budget);
        slide.properties = properties;
    }
    Outcome { slides: number(shown, options), overflow: budget.overflow }
}

fn excluded(slide: &RawSlide, options: &Options) -> bool {
    let class = slide.property("class").unwrap_or_default();
    let is = |name: &str| options.exclude.iter().any(|e| e == name);
    match options.remark {
        ContainerTraining => class.split(", ").any(is),
        Engine::Upstream => class.split([',', ' ']).any(is),
    }
}

fn inherit(slide: &mut RawSlide, parent: &RawSlide, options: &Options, budget: &mut Budget) {
    for (name, value) in &parent.properties {
        match name.as_str() {
            "name" | "layout" | "count" => {}
            "class" => {
                let value = match slide.property("class").filter(|own| !own.is_empty()) {
                    Some(own) => format!("{value}, {own}"),
                    None => value.clone(),
                };
                if budget.spend(value.len(), slide.span.start) {
                    slide.set("class", value);
                }
            }
            _ if slide.property(name).is_some() => {}
            _ => slide.properties.push((name.clone(), value.clone())),
        }
    }
    let nested = depth(&parent.content) + depth(&slide.content) > MAX_NESTING;
    if nested {
        budget.overflow.get_or_insert(slide.span.start);
        return;
    }
    if !budget.spend(size(&parent.content), slide.span.start) {
        return;
    }
    let own = std::mem::replace(&mut slide.content, parent.content.clone());
    if !insert_content(&mut slide.content, &own, slide.span.start, budget) {
        for piece in own {
            append(&mut slide.content, piece);
        }
    }
    let inherits = options.remark == ContainerTraining || options.inherit_notes;
    if let Some(notes) = parent.notes.as_ref().filter(|_| inherits)
        && budget.spend(size(notes), slide.span.start)
    {
        let own = slide.notes.take().unwrap_or_default();
        let mut all = notes.clone();
        append(&mut all, Content::Markdown("\n\n".into()));
        for piece in own {
            append(&mut all, piece);
        }
        slide.notes = Some(all);
    }
}

/// Adds a piece; Markdown after Markdown is one piece.
pub fn append(content: &mut Vec<Content>, piece: Content) {
    match (content.last_mut(), piece) {
        (Some(Content::Markdown(last)), Content::Markdown(text)) => last.push_str(&text),
        (_, piece) => content.push(piece),
    }
}

/// How deep content classes nest.
fn depth(content: &[Content]) -> usize {
    let piece = |piece: &Content| match piece {
        Content::Markdown(_) => 0,
        Content::Class { content, .. } => 1 + depth(content),
    };
    content.iter().map(piece).max().unwrap_or(0)
}

/// Bytes of text in the content.
pub fn size(content: &[Content]) -> usize {
    let piece = |piece: &Content| match piece {
        Content::Markdown(text) => text.len() + 32,
        Content::Class { content, .. } => size(content) + 64,
    };
    content.iter().map(piece).sum()
}

fn number(slides: Vec<RawSlide>, options: &Options) -> Vec<Resolved> {
    let mut count = 0;
    let numbers: Vec<usize> = slides
        .iter()
        .map(|slide| {
            count += usize::from(slide.property("count") != Some("false"));
            // 0.14 starts at one even where the first slides do not count.
            if options.remark == ContainerTraining { count.max(1) } else { count }
        })
        .collect();
    let total = numbers.last().copied().unwrap_or(0);
    slides.into_iter().zip(numbers).map(|(raw, n)| Resolved { raw, number: (n, total) }).collect()
}
