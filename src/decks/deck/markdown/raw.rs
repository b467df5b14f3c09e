//! HTML that an author wrote into Markdown, taken apart into pieces.

use std::borrow::Cow;

use super::pieces::Piece;
use crate::deck::tags;
use crate::slides::entity;

/// So many tags without an end, each sought to the end of the text, and the rest is taken for text.
const MAX_OPEN: usize = 64;

/// Appends the pieces of `html`.
pub fn push<'h>(html: &'h str, out: &mut Vec<Piece<'h>>) {
    let mut rest = html;
    let mut open = 0;
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        push_text(&rest[..at], out);
        rest = &rest[at..];
        let length = if open < MAX_OPEN { tag(rest, out) } else { 0 };
        open += usize::from(length == 0);
        if length == 0 {
            push_text("<", out);
            rest = &rest[1..];
        } else {
            rest = &rest[length..];
        }
    }
    push_text(rest, out);
}

fn push_text<'h>(text: &'h str, out: &mut Vec<Piece<'h>>) {
    if !text.is_empty() {
        out.push(Piece::Text(entity::decode_all(text)));
    }
}

/// Reads the tag or comment that `html` starts with; gives its length, 0 where it is none.
fn tag<'h>(html: &'h str, out: &mut Vec<Piece<'h>>) -> usize {
    if let Some(rest) = html.strip_prefix("<!--") {
        // An open comment takes the rest of the slide, as in a browser.
        let (text, length) = tags::comment(html).unwrap_or((rest, html.len()));
        out.push(Piece::Comment(text.into()));
        return length;
    }
    if html.starts_with("<!") || html.starts_with("<?") {
        return html.find('>').map_or(html.len(), |end| end + 1);
    }
    let closing = html.starts_with("</");
    let start = 1 + usize::from(closing);
    let name = &html[start..];
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return 0;
    }
    let name = &name[..name.find(|c: char| matches!(c, '>' | '/' | '<') || c.is_whitespace()).unwrap_or(name.len())];
    let small = !name.bytes().any(|b| b.is_ascii_uppercase());
    let name = if small { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) };
    let Some(end) = end_of_tag(html) else { return 0 };
    let attributes = &html[start + name.len()..end];
    if closing {
        out.push(Piece::Close(name));
        return end + 1;
    }
    let closed = attributes.ends_with('/');
    let attributes = apart(attributes.trim_end_matches('/'));
    if is_void(&name) {
        out.push(Piece::Void { name, attributes });
        return end + 1;
    }
    if is_opaque(&name) {
        let body = &html[end + 1..];
        let close = find_ignoring_case(body, &format!("</{name}"));
        let (body, length) = match close {
            Some(at) => (&body[..at], end + 1 + at + body[at..].find('>').map_or(body.len() - at, |n| n + 1)),
            None => (body, html.len()),
        };
        out.push(Piece::Raw { html: format!("<{name}{attributes}>{body}</{name}>"), text: body.into() });
        return length;
    }
    // HTML knows no self-closing element; one that is written so in a slide is meant to be empty.
    let empty = closed && !attributes.is_empty();
    out.push(Piece::Open { name: name.clone(), attributes });
    if empty {
        out.push(Piece::Close(name));
    }
    end + 1
}

/// Whether it is an element that has no end tag.
fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area" | "base" | "br" | "col" | "embed" | "hr" | "img" | "input" | "link" | "meta" | "param" | "source" | "track" | "wbr"
    )
}

/// Whether it is an element whose content is no HTML.
fn is_opaque(name: &str) -> bool {
    matches!(name, "script" | "style" | "textarea" | "title")
}

/// Attributes with one blank before them.
fn apart(attributes: &str) -> Cow<'_, str> {
    let trimmed = attributes.trim();
    match attributes.len() - attributes.trim_start().len() {
        _ if trimmed.is_empty() => Cow::Borrowed(""),
        1 if attributes.starts_with(' ') => Cow::Borrowed(attributes.trim_end()),
        _ => Cow::Owned(format!(" {trimmed}")),
    }
}

/// The `>` that ends a tag, quoted values passed over.
fn end_of_tag(html: &str) -> Option<usize> {
    let mut quote = None;
    for (i, byte) in html.bytes().enumerate().skip(1) {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(i),
            (Some(q), _) if q == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    text.as_bytes().windows(word.len()).position(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}
