//! A slide's content to semantic HTML, slide by slide, with pulldown-cmark. Knows no template and no file.
//!
//! remark: Markdown → HTML by remark's own rules (`marked`) → pieces (`dom`). reveal, and what was written for other programs: Markdown → events → pieces (`writer`). Then
//! pieces → HTML, text and counts (`pieces`). Whatever an author leaves open (a tag, a fence) ends with its slide.

mod code;
mod dialect;
mod dom;
mod marked;
mod pieces;
mod raw;
mod writer;

pub(super) use code::{has as fence_has, parts as fence_parts};

use crate::slides::remark::Engine;
use crate::slides::{Content, Dialect, Links, SlideDeck};

/// Takes the language and the code of a block; gives its HTML (line ends kept), or `None` to show it as it is.
pub type Highlight<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// How to render.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Whose Markdown it is: the presenters differ from CommonMark in a few places.
    pub dialect: Dialect,
    /// In remark's dialect, CommonMark and none of remark's own.
    pub commonmark: bool,
    /// In remark's dialect, whose Markdown of the two.
    pub engine: Engine,
    /// Colours code blocks, if at all.
    pub highlight: Option<Highlight<'a>>,
    /// A leading `*` marks a line of code (remark).
    pub highlight_lines: bool,
    /// Backticks inside a line of code mark a span (remark's `highlightSpans`).
    pub highlight_spans: bool,
    /// Leave the text, the heading and the counts empty: a page needs none of them.
    pub html_only: bool,
    /// Goes in front of the ids of headings, so that they are unique in a page of many slides; empty for no ids.
    pub id_prefix: &'a str,
}

impl Options<'_> {
    /// As `deck` was read.
    pub fn of(deck: &SlideDeck) -> Self {
        let remark = deck.dialect == Dialect::Remark;
        Options {
            dialect: deck.dialect,
            commonmark: deck.commonmark,
            engine: deck.engine,
            highlight_lines: remark && deck.highlight.lines,
            highlight_spans: remark && deck.highlight.spans,
            ..Options::default()
        }
    }
}

/// A slide as HTML, and what `inspect` tells about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    pub html: String,
    /// Level and text of the first heading.
    pub heading: Option<(u8, String)>,
    pub counts: Counts,
    /// The text without tags, white space collapsed. As in remark's page, where each line of code is an element of its own, lines
    /// of code join without a blank.
    pub text: String,
}

/// Elements of a rendered slide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub pre: usize,
    pub img: usize,
    pub li: usize,
}

/// Renders `content`; `links` are the deck's link definitions.
pub fn render(content: &[Content], links: &Links, options: &Options<'_>) -> Rendered {
    let html;
    let mut pieces = match options.dialect {
        Dialect::Remark if !options.commonmark => {
            html = marked::html(content, links, options.engine);
            dom::pieces(&html, options)
        }
        _ => writer::write(content, links, options),
    };
    pieces::apply_attributes(&mut pieces);
    pieces::balance(&mut pieces);
    pieces::render(&pieces, options.id_prefix, !options.html_only)
}
