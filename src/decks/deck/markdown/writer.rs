//! reveal's Markdown, and that of other programs, into pieces, by pulldown-cmark's events.

use std::borrow::Cow;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::dialect::GUARD;
use super::pieces::{Piece, set_attribute};
use super::{Options, code, raw};
use crate::slides::{Content, Dialect, Links};

/// Deepest nesting of elements that is written; what is deeper is written flat.
const MAX_DEPTH: usize = 400;

/// The pieces of `content`.
pub fn write(content: &[Content], links: &Links, options: &Options<'_>) -> Vec<Piece<'static>> {
    let mut text = String::new();
    source(content, options.dialect == Dialect::Remark, &mut text);
    let mut writer = Writer {
        options,
        out: Vec::new(),
        text: String::new(),
        depth: 0,
        in_link: 0,
        alt: None,
        html: None,
        code: None,
        head: false,
        alignments: Vec::new(),
        column: 0,
    };
    // Blanks at the start of a line of its own may make it code; those behind a separator do not.
    let ink = text.len() - text.trim_start().len();
    let text = &text[text[..ink].rfind('\n').map_or(ink, |feed| feed + 1)..];
    // Other programs' Markdown is CommonMark as it stands.
    let text = if options.dialect == Dialect::Remark { Cow::Borrowed(text) } else { super::dialect::normalise(text) };
    let mut resolve = |link: pulldown_cmark::BrokenLink<'_>| {
        let (url, title) = links.get(link.reference.to_lowercase().as_str())?;
        Some((CowStr::from(url.clone()), CowStr::from(title.clone().unwrap_or_default())))
    };
    let extensions =
        pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_STRIKETHROUGH | pulldown_cmark::Options::ENABLE_TASKLISTS;
    for event in Parser::new_with_broken_link_callback(&text, extensions, Some(&mut resolve)) {
        writer.event(event);
    }
    writer.flush();
    super::dom::code_blocks(writer.out, options)
}

/// A block of code while it is read.
#[derive(Default)]
struct Code {
    language: String,
    code: String,
}

struct Writer<'a> {
    options: &'a Options<'a>,
    out: Vec<Piece<'static>>,
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
                (_, Some(code)) => code.code.push_str(&text),
                _ => self.text.push_str(&text),
            },
            Event::Code(code) if self.alt.is_none() => {
                self.flush();
                self.out.push(Piece::open("code"));
                self.out.push(Piece::Text(code.into_string().into()));
                self.out.push(Piece::close("code"));
            }
            Event::Code(code) => self.text.push_str(&code),
            Event::Html(html) | Event::InlineHtml(html) => match &mut self.html {
                Some(block) => block.push_str(&html),
                None => {
                    self.flush();
                    self.html(&html);
                }
            },
            Event::SoftBreak => self.text.push('\n'),
            Event::HardBreak => {
                self.flush();
                self.out.push(Piece::void("br"));
            }
            Event::Rule => {
                self.out.push(Piece::void("hr"));
                self.out.push(Piece::Space);
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            // Extensions that are not asked for.
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text.push_str(&text),
            Event::TaskListMarker(done) => {
                self.flush();
                let checked = if done { " checked" } else { "" };
                self.html(&format!("<input type=\"checkbox\" disabled{checked}> "));
            }
            Event::FootnoteReference(_) => {}
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
                    CodeBlockKind::Fenced(info) => code::of_reveal(&info),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some(Code { language, ..Code::default() });
            }
            Tag::HtmlBlock => self.html = Some(String::new()),
            Tag::List(None) => {
                self.open("ul");
                self.out.push(Piece::Space);
            }
            Tag::List(Some(start)) => {
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
                let url = if email { format!("mailto:{dest_url}") } else { dest_url.into_string() };
                self.link_attributes("href", &url, &title);
            }
            Tag::Image { dest_url, title, .. } => {
                self.out.push(Piece::void("img"));
                let url = dest_url.into_string();
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
                let alt = self.alt.take().unwrap_or_default() + &text;
                if let Some(Piece::Void { attributes, .. }) =
                    self.out.iter_mut().rev().find(|p| matches!(p, Piece::Void { name, .. } if name == "img"))
                {
                    set_attribute(attributes, "alt", &alt);
                }
                return;
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.code_block(&code);
                return;
            }
            TagEnd::HtmlBlock => {
                let html = self.html.take().unwrap_or_default();
                self.html(&html);
                return;
            }
            _ => self.flush(),
        }
        match tag {
            TagEnd::Paragraph => self.close("p", true),
            TagEnd::Heading(level) => self.close(heading(level), true),
            TagEnd::BlockQuote(_) => self.close("blockquote", true),
            TagEnd::List(ordered) => {
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

    fn html(&mut self, html: &str) {
        let mut pieces = Vec::new();
        raw::push(html, &mut pieces);
        self.out.extend(pieces.into_iter().map(Piece::into_owned));
    }

    fn code_block(&mut self, code: &Code) {
        let (html, text) = code::block(&code.language, &code.code, self.options);
        self.out.push(Piece::open("pre"));
        self.out.push(Piece::open("code"));
        let language = code::language(&code.language);
        if !language.is_empty() {
            self.attribute("class", &format!("language-{language}"));
        }
        self.out.push(Piece::Code { html, text });
        self.out.push(Piece::close("code"));
        self.out.push(Piece::close("pre"));
        self.out.push(Piece::Space);
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
        self.plain(&text);
    }

    /// Plain text; bare addresses in it are links.
    fn plain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.in_link > 0 || !text.contains("://") {
            self.out.push(Piece::Text(text.to_owned().into()));
            return;
        }
        let mut done = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find("http").map(|n| at + n) {
            let length = address(&text[found..]);
            if length > 0 {
                if found > done {
                    self.out.push(Piece::Text(text[done..found].to_owned().into()));
                }
                let url = &text[found..found + length];
                self.out.push(Piece::open("a"));
                self.attribute("href", &safe_url(url));
                self.out.push(Piece::Text(url.to_owned().into()));
                self.out.push(Piece::close("a"));
                done = found + length;
            }
            at = found + length.max(4);
        }
        if done < text.len() {
            self.out.push(Piece::Text(text[done..].to_owned().into()));
        }
    }
}

/// Content as its author wrote it, without what the guards are made of.
fn source(content: &[Content], classes_are_html: bool, out: &mut String) {
    for piece in content {
        match piece {
            Content::Markdown(text) if text.contains(GUARD) => out.extend(text.chars().filter(|c| *c != GUARD)),
            Content::Markdown(text) => out.push_str(text),
            Content::Class { classes, block, content } if classes_are_html => {
                let (tag, gap) = if *block { ("div", "\n\n") } else { ("span", "") };
                out.push_str(&format!("{gap}<{tag} class=\"{}\">{gap}", classes.join(" ")));
                source(content, classes_are_html, out);
                out.push_str(&format!("{gap}</{tag}>{gap}"));
            }
            Content::Class { classes, content, .. } => {
                out.push('.');
                out.push_str(&classes.join("."));
                out.push('[');
                source(content, classes_are_html, out);
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
