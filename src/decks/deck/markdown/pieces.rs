//! A slide between Markdown and HTML: a flat list of tags and texts, in which attributes can still be set.

use std::borrow::Cow;

use super::{Counts, Rendered};
use crate::deck::escape::push_escaped;
use crate::slides::reveal::{Directive, directive};

/// A tag, a text, or what lies between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'h> {
    Open {
        name: Cow<'h, str>,
        attributes: Cow<'h, str>,
    },
    Close(Cow<'h, str>),
    /// An element without content, such as `img`.
    Void {
        name: Cow<'h, str>,
        attributes: Cow<'h, str>,
    },
    /// Text as it is read, not yet escaped.
    Text(Cow<'h, str>),
    /// A block of code: its HTML, and its text.
    Code {
        html: String,
        text: String,
    },
    /// A line end between elements that counts as text.
    Space,
    /// The inside of a comment.
    Comment(Cow<'h, str>),
    /// HTML that must stay as it is (script, style), and the text that a browser takes it for.
    Raw {
        html: String,
        text: String,
    },
}

impl Piece<'_> {
    pub fn open(name: &'static str) -> Self {
        Piece::Open { name: Cow::Borrowed(name), attributes: Cow::Borrowed("") }
    }

    pub fn close(name: &'static str) -> Self {
        Piece::Close(Cow::Borrowed(name))
    }

    pub fn void(name: &'static str) -> Self {
        Piece::Void { name: Cow::Borrowed(name), attributes: Cow::Borrowed("") }
    }

    /// The same, on its own.
    pub fn into_owned(self) -> Piece<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Piece::Open { name, attributes } => Piece::Open { name: own(name), attributes: own(attributes) },
            Piece::Close(name) => Piece::Close(own(name)),
            Piece::Void { name, attributes } => Piece::Void { name: own(name), attributes: own(attributes) },
            Piece::Text(text) => Piece::Text(own(text)),
            Piece::Code { html, text } => Piece::Code { html, text },
            Piece::Space => Piece::Space,
            Piece::Comment(text) => Piece::Comment(own(text)),
            Piece::Raw { html, text } => Piece::Raw { html, text },
        }
    }

    fn is_blank(&self) -> bool {
        match self {
            Piece::Text(text) => text.trim().is_empty(),
            Piece::Space | Piece::Comment(_) => true,
            _ => false,
        }
    }
}

/// Adds an attribute; a second class joins the first, anything else replaces what was there.
pub fn set_attribute(attributes: &mut Cow<'_, str>, name: &str, value: &str) {
    let escaped = |value: &str| {
        let mut out = String::new();
        push_escaped(&mut out, value);
        out
    };
    if let Some(start) = attributes.find(&format!(" {name}=\"")) {
        let from = start + name.len() + 3;
        let to = attributes[from..].find('"').map_or(attributes.len(), |n| from + n);
        let value = if name == "class" { format!("{} {}", &attributes[from..to], escaped(value)) } else { escaped(value) };
        attributes.to_mut().replace_range(from..to, &value);
    } else {
        attributes.to_mut().push_str(&format!(" {name}=\"{}\"", escaped(value)));
    }
}

/// Carries out `<!-- .element: … -->`: the attributes go to the element before the comment beside it, else to the one it stands
/// in. Comments are taken out.
pub fn apply_attributes(pieces: &mut Vec<Piece<'_>>) {
    if !pieces.iter().any(|p| matches!(p, Piece::Comment(_))) {
        return;
    }
    // Of each open element: its piece, and the last child element that is closed.
    let mut open: Vec<(usize, Option<usize>)> = vec![(usize::MAX, None)];
    for i in 0..pieces.len() {
        match &pieces[i] {
            Piece::Open { .. } => open.push((i, None)),
            Piece::Close(name) => {
                // An author's tags may not pair: only what closes its element counts.
                let opened = open.last().and_then(|(at, _)| pieces.get(*at));
                if matches!(opened, Some(Piece::Open { name: opened, .. }) if opened == name)
                    && let Some((at, _)) = open.pop()
                    && let Some(parent) = open.last_mut()
                {
                    parent.1 = Some(at);
                }
            }
            Piece::Void { name, .. } if name != "br" => {
                if let Some(parent) = open.last_mut() {
                    parent.1 = Some(i);
                }
            }
            Piece::Comment(text) => {
                if let Some(Directive::Element(attributes)) = directive(text) {
                    let target = open.last().and_then(|(parent, child)| child.or((*parent != usize::MAX).then_some(*parent)));
                    if let Some(Piece::Open { attributes: on, .. } | Piece::Void { attributes: on, .. }) = target.map(|t| &mut pieces[t]) {
                        attributes.iter().for_each(|(name, value)| set_attribute(on, name, value));
                    }
                }
            }
            _ => {}
        }
    }
    pieces.retain(|p| !matches!(p, Piece::Comment(_)));
}

/// Makes tags pair: what nothing opened goes, what nothing closes is closed. A paragraph without content goes too.
pub fn balance(pieces: &mut Vec<Piece<'_>>) {
    if is_balanced(pieces) {
        return;
    }
    let mut out: Vec<Piece<'_>> = Vec::with_capacity(pieces.len());
    let mut open: Vec<Cow<'_, str>> = Vec::new();
    for piece in pieces.drain(..) {
        match piece {
            Piece::Open { name, attributes } => {
                open.push(name.clone());
                out.push(Piece::Open { name, attributes });
            }
            Piece::Close(name) => {
                if let Some(at) = open.iter().rev().take(256).position(|n| *n == name).map(|n| open.len() - 1 - n) {
                    for name in open.drain(at..).rev() {
                        close(&mut out, name);
                    }
                } else if name == "br" {
                    out.push(Piece::void("br"));
                }
            }
            piece => out.push(piece),
        }
    }
    for name in open.drain(..).rev() {
        close(&mut out, name);
    }
    *pieces = out;
}

/// Whether there is nothing to mend, as in nearly all that Markdown alone makes.
fn is_balanced(pieces: &[Piece<'_>]) -> bool {
    let mut open: Vec<&str> = Vec::new();
    // A paragraph was opened, and nothing but blanks has come since.
    let mut blank = false;
    for piece in pieces {
        match piece {
            Piece::Open { name, attributes } => {
                open.push(name);
                blank = name == "p" && attributes.is_empty();
            }
            Piece::Close(name) => {
                if open.pop() != Some(name.as_ref()) || blank && name == "p" {
                    return false;
                }
                blank = false;
            }
            piece => blank = blank && piece.is_blank(),
        }
    }
    open.is_empty()
}

fn close<'h>(out: &mut Vec<Piece<'h>>, name: Cow<'h, str>) {
    if name == "p" {
        let blank = out.iter().rev().take_while(|p| p.is_blank()).count();
        let start = out.len() - blank;
        if start > 0 && matches!(&out[start - 1], Piece::Open { name, attributes } if name == "p" && attributes.is_empty()) {
            // A line end that was in it still parts what stands around it.
            let space = out.len() > start;
            out.truncate(start - 1);
            if space {
                out.push(Piece::Space);
            }
            return;
        }
    }
    out.push(Piece::Close(name));
}

/// Writes the HTML; takes its measures (text, heading, counts) where they are wanted.
pub fn render(pieces: &[Piece<'_>], id_prefix: &str, measure: bool) -> Rendered {
    let mut html = String::with_capacity(pieces.len() * 24);
    let mut text = Collapsed { off: !measure, ..Collapsed::default() };
    let mut counts = Counts::default();
    let mut heading: Option<(u8, String)> = None;
    for (i, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Open { name, attributes } | Piece::Void { name, attributes } => {
                html.push('<');
                html.push_str(name);
                match name.as_ref() {
                    "pre" => counts.pre += 1,
                    "img" => counts.img += 1,
                    "li" => counts.li += 1,
                    "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if measure && heading.is_none() || !id_prefix.is_empty() => {
                        let title = text_until(&pieces[i + 1..], name);
                        if !id_prefix.is_empty() && !attributes.contains(" id=") {
                            html.push_str(&format!(" id=\"{id_prefix}{}\"", slug(&title)));
                        }
                        if heading.is_none() {
                            heading = Some((name.as_bytes()[1] - b'0', title));
                        }
                    }
                    _ => {}
                }
                html.push_str(attributes);
                html.push('>');
            }
            Piece::Close(name) => {
                html.push_str("</");
                html.push_str(name);
                html.push('>');
            }
            Piece::Text(plain) => {
                push_escaped(&mut html, plain);
                text.push(plain);
            }
            Piece::Code { html: code, text: plain } | Piece::Raw { html: code, text: plain } => {
                html.push_str(code);
                text.push(plain);
            }
            Piece::Space => {
                html.push('\n');
                text.push("\n");
            }
            Piece::Comment(_) => {}
        }
    }
    Rendered { html, heading, counts, text: text.text }
}

/// The text of an element whose start tag stands before `pieces`.
fn text_until(pieces: &[Piece<'_>], name: &str) -> String {
    let mut text = Collapsed::default();
    // No title has more tags; an open one would run on to the slide's end.
    for piece in pieces.iter().take(500) {
        match piece {
            Piece::Close(closed) if closed == name => break,
            Piece::Text(plain) => text.push(plain),
            Piece::Code { text: plain, .. } | Piece::Raw { text: plain, .. } => text.push(plain),
            Piece::Space => text.push("\n"),
            _ => {}
        }
    }
    text.text
}

/// A heading as an id: letters and digits, small, the rest hyphens.
fn slug(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    if out.is_empty() { "section".into() } else { out }
}

/// Text with each run of white space as one blank, none at the ends.
#[derive(Default)]
struct Collapsed {
    text: String,
    pending: bool,
    /// Takes nothing.
    off: bool,
}

impl Collapsed {
    fn push(&mut self, text: &str) {
        if self.off {
            return;
        }
        for part in text.split_inclusive(|c: char| c.is_whitespace() || c == '\u{feff}') {
            let word = part.trim_end_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            if !word.is_empty() {
                if self.pending && !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push_str(word);
                self.pending = false;
            }
            self.pending |= word.len() < part.len();
        }
    }
}
