//! Markdown into pieces: pulldown-cmark's events, with content classes in their places.

use std::borrow::Cow;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::dialect::GUARD;
use super::pieces::{Piece, set_attribute};
use super::{Options, code, raw};
use crate::slides::{Content, Links};

/// Stand around the number of a content class in the Markdown; no text has them (they are no characters).
const MARK: (char, char) = ('\u{fdd0}', '\u{fdd1}');

/// Left out of what authors write: the placeholders and guards are made of them.
const RESERVED: [char; 3] = [MARK.0, MARK.1, GUARD];

/// Deepest nesting of elements that is written; what is deeper is written flat.
const MAX_DEPTH: usize = 400;

/// The pieces of `content`.
pub fn write(content: &[Content], links: &Links, options: &Options<'_>) -> Vec<Piece> {
    let mut children = Vec::new();
    let mut source = String::new();
    for piece in content {
        match piece {
            Content::Markdown(text) if text.contains(RESERVED) => source.extend(text.chars().filter(|c| !RESERVED.contains(c))),
            Content::Markdown(text) => source.push_str(text),
            Content::Class { classes, block, content } => {
                source.push_str(&format!("{}{}{}", MARK.0, children.len(), MARK.1));
                children.push(Child { block: *block, pieces: class(classes, *block, content, links, options), content: piece });
            }
        }
    }
    let mut writer = Writer {
        options,
        children,
        out: Vec::new(),
        text: String::new(),
        depth: 0,
        in_link: 0,
        alt: None,
        html: None,
        code: None,
        source: "",
        at: 0,
        lists: 0,
        head: false,
        alignments: Vec::new(),
        column: 0,
    };
    let source = super::dialect::normalise(source.trim_start(), options.dialect);
    let source = source.as_ref();
    writer.source = source;
    let mut resolve = |link: pulldown_cmark::BrokenLink<'_>| {
        let (url, title) = links.get(link.reference.to_lowercase().as_str())?;
        Some((CowStr::from(url.clone()), CowStr::from(title.clone().unwrap_or_default())))
    };
    let extensions = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_with_broken_link_callback(source, extensions, Some(&mut resolve)).into_offset_iter() {
        writer.at = range.start;
        writer.event(event);
    }
    writer.flush();
    writer.out
}

/// The pieces of a content class with its element.
fn class(classes: &[String], block: bool, content: &[Content], links: &Links, options: &Options<'_>) -> Vec<Piece> {
    let mut inner = write(content, links, options);
    if !block {
        unwrap_paragraph(&mut inner);
    }
    let name = if block { "div" } else { "span" };
    let mut attributes = String::new();
    set_attribute(&mut attributes, "class", &classes.join(" "));
    let mut out = vec![Piece::Open { name: Cow::Borrowed(name), attributes }];
    out.append(&mut inner);
    out.push(Piece::close(name));
    out
}

/// Takes the paragraph away where it is all there is.
fn unwrap_paragraph(pieces: &mut Vec<Piece>) {
    let is_p = |piece: &Piece, open: bool| match piece {
        Piece::Open { name, .. } => open && name == "p",
        Piece::Close(name) => !open && name == "p",
        _ => false,
    };
    let last = pieces.iter().rposition(|p| *p != Piece::Space);
    let Some(last) = last else { return };
    if is_p(&pieces[0], true) && is_p(&pieces[last], false) && !pieces[1..last].iter().any(|p| is_p(p, true)) {
        pieces.truncate(last);
        pieces.remove(0);
    }
}

/// A content class that is rendered and waits for its place.
struct Child<'a> {
    block: bool,
    pieces: Vec<Piece>,
    content: &'a Content,
}

/// A block of code while it is read.
#[derive(Default)]
struct Code {
    language: String,
    code: String,
    /// The code as remark's text has it: each list around it takes up to four blanks off every line.
    outdented: String,
}

impl Code {
    fn push(&mut self, text: &str, source: &str, at: usize, lists: usize) {
        self.code.push_str(text);
        if lists == 0 {
            return;
        }
        let blanks = |bytes: &mut dyn Iterator<Item = u8>| bytes.take_while(|b| *b == b' ').count();
        for (i, line) in text.split_inclusive('\n').enumerate() {
            if i == 0 && !(self.outdented.is_empty() || self.outdented.ends_with('\n')) {
                self.outdented.push_str(line);
                continue;
            }
            // Only the first line of an event has an indent before it that the parser took away.
            let taken = if i == 0 { blanks(&mut source.as_bytes()[..at.min(source.len())].iter().rev().copied()) } else { 0 };
            let own = blanks(&mut line.bytes());
            let kept = (taken + own).saturating_sub(4 * lists);
            self.outdented.extend(std::iter::repeat_n(' ', kept));
            self.outdented.push_str(&line[own..]);
        }
    }
}

struct Writer<'a> {
    options: &'a Options<'a>,
    children: Vec<Child<'a>>,
    out: Vec<Piece>,
    /// Text that is not yet written: links may be in it.
    text: String,
    depth: usize,
    in_link: usize,
    /// The description of the image that is being read.
    alt: Option<String>,
    /// The block of HTML that is being read.
    html: Option<String>,
    /// The block of code that is being read.
    code: Option<Code>,
    source: &'a str,
    /// Where the event stands in the source.
    at: usize,
    /// How many lists are open.
    lists: usize,
    /// In the head of a table.
    head: bool,
    alignments: Vec<Alignment>,
    column: usize,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        // The guards have done their work.
        let clean = |text: CowStr<'_>| if text.contains(GUARD) { text.replace(GUARD, "") } else { text.into_string() };
        let event = match event {
            Event::Text(text) if text.contains(GUARD) => Event::Text(clean(text).into()),
            Event::Code(text) if text.contains(GUARD) => Event::Code(clean(text).into()),
            Event::Html(text) if text.contains(GUARD) => Event::Html(clean(text).into()),
            Event::InlineHtml(text) if text.contains(GUARD) => Event::InlineHtml(clean(text).into()),
            other => other,
        };
        match event {
            Event::Text(text) => match (&mut self.html, &mut self.code) {
                (Some(html), _) => html.push_str(&text),
                (_, Some(code)) => code.push(&text, self.source, self.at, self.lists),
                _ => self.text.push_str(&text),
            },
            Event::Code(code) if self.alt.is_none() => {
                self.flush();
                self.out.push(Piece::open("code"));
                let code = self.literal(&code);
                self.out.push(Piece::Text(code));
                self.out.push(Piece::close("code"));
            }
            Event::Code(code) => self.text.push_str(&code),
            Event::Html(html) | Event::InlineHtml(html) => match &mut self.html {
                Some(block) => block.push_str(&html),
                None => {
                    self.flush();
                    self.html_block(&html);
                }
            },
            Event::SoftBreak => self.text.push('\n'),
            Event::HardBreak => {
                self.flush();
                self.out.push(Piece::void("br"));
                self.out.push(Piece::Break);
            }
            Event::Rule => {
                self.out.push(Piece::void("hr"));
                self.out.push(Piece::Space);
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            // Extensions that are not asked for.
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text.push_str(&text),
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        self.flush();
        match tag {
            Tag::Paragraph => self.open("p"),
            Tag::Heading { level, .. } => self.open(heading(level)),
            Tag::BlockQuote(_) => {
                self.open("blockquote");
                self.out.push(Piece::Space);
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some(Code { language, ..Code::default() });
            }
            Tag::HtmlBlock => self.html = Some(String::new()),
            Tag::List(None) => {
                self.lists += 1;
                self.open("ul");
                self.out.push(Piece::Space);
            }
            Tag::List(Some(start)) => {
                self.lists += 1;
                self.open("ol");
                if start != 1 {
                    self.attribute("start", &start.to_string());
                }
                self.out.push(Piece::Space);
            }
            Tag::Item => self.open("li"),
            Tag::Table(alignments) => {
                self.open("table");
                self.out.push(Piece::Space);
                self.alignments.clone_from(&alignments);
            }
            Tag::TableHead => {
                self.head = true;
                self.open("thead");
                self.out.push(Piece::Space);
                self.open("tr");
                self.out.push(Piece::Space);
                self.column = 0;
            }
            Tag::TableRow => {
                self.open("tr");
                self.out.push(Piece::Space);
                self.column = 0;
            }
            Tag::TableCell => {
                self.open(if self.head { "th" } else { "td" });
                let side = match self.alignments.get(self.column) {
                    Some(Alignment::Left) => "left",
                    Some(Alignment::Center) => "center",
                    Some(Alignment::Right) => "right",
                    _ => "",
                };
                if !side.is_empty() {
                    self.attribute("style", &format!("text-align: {side}"));
                }
                self.column += 1;
            }
            Tag::Emphasis => self.open("em"),
            Tag::Strong => self.open("strong"),
            Tag::Strikethrough => self.open("del"),
            Tag::Link { link_type, dest_url, title, .. } => {
                self.in_link += 1;
                self.open("a");
                let email = link_type == pulldown_cmark::LinkType::Email;
                let url = if email { format!("mailto:{dest_url}") } else { self.literal(&dest_url) };
                self.link_attributes("href", &url, &title);
            }
            Tag::Image { dest_url, title, .. } => {
                self.out.push(Piece::void("img"));
                let url = self.literal(&dest_url);
                self.link_attributes("src", &url, &title);
                self.alt.get_or_insert_default();
            }
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Image => {
                let text = std::mem::take(&mut self.text);
                let alt = self.alt.take().unwrap_or_default() + &self.literal(&text);
                if let Some(Piece::Void { attributes, .. }) =
                    self.out.iter_mut().rev().find(|p| matches!(p, Piece::Void { name, .. } if name == "img"))
                {
                    set_attribute(attributes, "alt", &alt);
                }
                return;
            }
            TagEnd::CodeBlock => {
                let mut code = self.code.take().unwrap_or_default();
                code.code = self.literal(&code.code);
                self.code_block(&code);
                return;
            }
            TagEnd::HtmlBlock => {
                let html = self.html.take().unwrap_or_default();
                self.html_block(&html);
                return;
            }
            _ => self.flush(),
        }
        match tag {
            TagEnd::Paragraph => self.close("p", true),
            TagEnd::Heading(level) => self.close(heading(level), true),
            TagEnd::BlockQuote(_) => self.close("blockquote", true),
            TagEnd::List(ordered) => {
                self.lists = self.lists.saturating_sub(1);
                self.close(if ordered { "ol" } else { "ul" }, true);
            }
            TagEnd::Item => self.close("li", true),
            TagEnd::Table => {
                self.close("tbody", true);
                self.close("table", true);
            }
            TagEnd::TableHead => {
                self.head = false;
                self.close("tr", true);
                self.close("thead", true);
                self.open("tbody");
                self.out.push(Piece::Space);
            }
            TagEnd::TableRow => self.close("tr", true),
            TagEnd::TableCell => self.close(if self.head { "th" } else { "td" }, true),
            TagEnd::Emphasis => self.close("em", false),
            TagEnd::Strong => self.close("strong", false),
            TagEnd::Strikethrough => self.close("del", false),
            TagEnd::Link => {
                self.in_link = self.in_link.saturating_sub(1);
                self.close("a", false);
            }
            _ => {}
        }
    }

    fn open(&mut self, name: &'static str) {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            self.out.push(Piece::open(name));
        }
    }

    fn close(&mut self, name: &'static str, space: bool) {
        if self.depth <= MAX_DEPTH {
            self.out.push(Piece::close(name));
        }
        self.depth = self.depth.saturating_sub(1);
        if space {
            self.out.push(Piece::Space);
        }
    }

    /// Sets an attribute of the element that was opened last.
    fn attribute(&mut self, name: &str, value: &str) {
        if let Some(Piece::Open { attributes, .. } | Piece::Void { attributes, .. }) = self.out.last_mut() {
            set_attribute(attributes, name, value);
        }
    }

    fn link_attributes(&mut self, name: &str, url: &str, title: &str) {
        self.attribute(name, &safe_url(url));
        if !title.is_empty() {
            self.attribute("title", title);
        }
    }

    fn code_block(&mut self, code: &Code) {
        let (html, text) = code::block(&code.language, &code.code, self.options);
        let text = if self.lists > 0 { code::text(&code.outdented, self.options) } else { text };
        self.out.push(Piece::open("pre"));
        self.out.push(Piece::open("code"));
        if !code.language.is_empty() {
            self.attribute("class", &format!("language-{}", code.language));
        }
        self.out.push(Piece::Code { html, text });
        self.out.push(Piece::close("code"));
        self.out.push(Piece::close("pre"));
        // remark puts a line end after a block with a language only, and its text is ours.
        self.out.push(if code.language.is_empty() { Piece::Break } else { Piece::Space });
    }

    /// Writes the text that has been read: content classes go in their places, addresses become links.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        if let Some(alt) = &mut self.alt {
            alt.push_str(&text);
            return;
        }
        let mut rest = text.as_str();
        while let Some((before, child, after)) = placeholder(rest) {
            self.plain(before);
            self.child(child);
            rest = after;
        }
        self.plain(rest);
    }

    fn child(&mut self, index: usize) {
        let Some(child) = self.children.get_mut(index) else { return };
        let pieces = std::mem::take(&mut child.pieces);
        // A block ends the paragraph that it stands in; what follows it is a paragraph of its own.
        let splits = child.block && self.out.iter().rev().find_map(in_paragraph).unwrap_or(false);
        if splits {
            self.out.push(Piece::close("p"));
        }
        self.out.extend(pieces);
        if splits {
            self.out.push(Piece::open("p"));
        }
    }

    /// Plain text; bare addresses in it are links.
    fn plain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.in_link > 0 || !text.contains("://") {
            self.out.push(Piece::Text(text.to_owned()));
            return;
        }
        let mut done = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find("http").map(|n| at + n) {
            let length = address(&text[found..]);
            if length > 0 {
                if found > done {
                    self.out.push(Piece::Text(text[done..found].to_owned()));
                }
                let url = &text[found..found + length];
                self.out.push(Piece::open("a"));
                self.attribute("href", &safe_url(url));
                self.out.push(Piece::Text(url.to_owned()));
                self.out.push(Piece::close("a"));
                done = found + length;
            }
            at = found + length.max(4);
        }
        if done < text.len() {
            self.out.push(Piece::Text(text[done..].to_owned()));
        }
    }

    fn html_block(&mut self, html: &str) {
        let start = self.out.len();
        raw::push(html, &mut self.out);
        if self.children.is_empty() {
            return;
        }
        // Content classes in its text get their elements; in tags they are what the author wrote, in comments nothing.
        for mut piece in self.out.split_off(start) {
            match &mut piece {
                Piece::Text(text) if text.contains(MARK.0) => {
                    let mut rest = text.as_str();
                    while let Some((before, child, after)) = placeholder(rest) {
                        self.out.push(Piece::Text(before.to_owned()));
                        if let Some(child) = self.children.get_mut(child) {
                            self.out.append(&mut child.pieces);
                        }
                        rest = after;
                    }
                    self.out.push(Piece::Text(rest.to_owned()));
                    continue;
                }
                Piece::Open { attributes, .. } | Piece::Void { attributes, .. } if attributes.contains(MARK.0) => {
                    *attributes = self.literal(attributes)
                }
                Piece::Raw { html, .. } if html.contains(MARK.0) => *html = self.literal(html),
                _ => {}
            }
            self.out.push(piece);
        }
    }

    /// The text as the author wrote it, where no element can stand (code, addresses).
    fn literal(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, child, after)) = placeholder(rest) {
            out.push_str(before);
            if let Some(child) = self.children.get(child) {
                source(std::slice::from_ref(child.content), &mut out);
            }
            rest = after;
        }
        out + rest
    }
}

/// Whether a piece tells that what follows stands in a paragraph.
fn in_paragraph(piece: &Piece) -> Option<bool> {
    match piece {
        Piece::Open { name, .. } if name == "p" => Some(true),
        Piece::Close(name) if name == "p" => Some(false),
        Piece::Open { name, .. } if matches!(name.as_ref(), "li" | "div" | "blockquote" | "td" | "th") => Some(false),
        _ => None,
    }
}

/// The first content class in `text`: what is before it, its number, what is after it.
fn placeholder(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once(MARK.0)?;
    let (number, after) = rest.split_once(MARK.1)?;
    Some((before, number.parse().ok()?, after))
}

/// Content as its author wrote it.
fn source(content: &[Content], out: &mut String) {
    for piece in content {
        match piece {
            Content::Markdown(text) => out.extend(text.chars().filter(|c| !RESERVED.contains(c))),
            Content::Class { classes, content, .. } => {
                out.push('.');
                out.push_str(&classes.join("."));
                out.push('[');
                source(content, out);
                out.push(']');
            }
        }
    }
}

/// The length of the web address that `text` starts with; 0 for none. Punctuation at its end is not part of it.
fn address(text: &str) -> usize {
    let Some(scheme) = ["https://", "http://"].into_iter().find(|s| text.starts_with(s)) else { return 0 };
    let end = text.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(text.len());
    let end = text[..end].trim_end_matches(['.', ',', ':', ';', '"', '\'', ')', ']']).len();
    if end > scheme.len() { end } else { 0 }
}

/// An address without blanks and quotes that would end it.
fn safe_url(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            ' ' => out.push_str("%20"),
            '"' => out.push_str("%22"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "h1",
        HeadingLevel::H2 => "h2",
        HeadingLevel::H3 => "h3",
        HeadingLevel::H4 => "h4",
        HeadingLevel::H5 => "h5",
        HeadingLevel::H6 => "h6",
    }
}
