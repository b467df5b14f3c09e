//! A deck of one dialect written in the other, or another program's in remark's.
//!
//! Each slide is written as its author wrote it, and read back: only where the other dialect shows something else is it written as
//! HTML, which both read alike. What neither can say is told. Writes no file.

mod comments;
mod plain;

use super::escape::push_escaped;
use super::markdown::{self, Options, Rendered};
use crate::course::Deck;
use crate::diag::{Diagnostic, Severity, SourceText};
use crate::slides::{self, Content, Dialect, Highlight, Slide, SlideDeck};
pub use plain::is_made;

/// The deck in the other dialect.
pub struct Converted {
    pub text: String,
    pub diagnostics: Vec<Diagnostic>,
}

/// Writes the slides of `parsed`, which was read from `deck`, in the dialect `to`.
pub fn convert(deck: &Deck, parsed: &SlideDeck, to: Dialect) -> Converted {
    if to == Dialect::Remark && parsed.dialect == to {
        return plain::write(deck, parsed);
    }
    let mut converter = Converter { deck, parsed, to, spans: true, diagnostics: Vec::new() };
    let mut slides: Vec<Option<(String, Form)>> = parsed.slides.iter().map(|slide| converter.slide(slide)).collect();
    if to == Dialect::Remark && slides.iter().any(Option::is_none) {
        // Backticks in code are marks in a remark deck, unless it says otherwise.
        converter.spans = false;
        slides = parsed.slides.iter().map(|slide| converter.slide(slide)).collect();
    }
    let mut text = if converter.spans { String::new() } else { "---\nhighlightSpans: false\n---\n".to_owned() };
    let mut forms = Vec::with_capacity(slides.len());
    for (i, (written, slide)) in slides.into_iter().zip(&parsed.slides).enumerate() {
        if i > 0 {
            text.push_str(converter.separator());
        }
        let (written, form) = written.unwrap_or_else(|| {
            converter.tell(Severity::Warning, slide, "differs", DIFFERS.into());
            // As HTML it can at least not run on into the next one.
            let notes = slide.notes.as_ref().map(|notes| converter.html(&notes.content));
            (converter.written(slide, &converter.html(&slide.content), notes.as_deref()), Form::Html)
        });
        text.push_str(&written);
        forms.push(form);
    }
    converter.losses();
    converter.forms(&forms);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    converter.verify(&text);
    Converted { text, diagnostics: converter.diagnostics }
}

const DIFFERS: &str = "this slide does not read the same in the deck that is written";

/// What a slide shows, apart from its place in the deck.
#[derive(PartialEq)]
struct Model {
    body: Rendered,
    notes: Option<String>,
    classes: Vec<String>,
    name: Option<String>,
    continued: bool,
}

impl Model {
    fn of(slide: &Slide, deck: &SlideDeck) -> Model {
        let options = Options::of(deck);
        let notes = slide.notes.as_ref().map(|notes| markdown::render(&notes.content, &deck.links, &options).text);
        let body = Rendered { html: String::new(), ..markdown::render(&slide.content, &deck.links, &options) };
        Model { body, notes, classes: slide.classes.clone(), name: slide.name.clone(), continued: slide.continued }
    }
}

/// How a slide was written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// As its author wrote it.
    Own,
    /// As HTML.
    Html,
}

struct Converter<'a> {
    deck: &'a Deck,
    parsed: &'a SlideDeck,
    to: Dialect,
    /// Whether backticks in code mark it, in the deck that is written.
    spans: bool,
    diagnostics: Vec<Diagnostic>,
}

/// Stands around a slide that is tried: an open mark in the slide would run on into it.
const AFTER: &str = "[z]: z\n\nz `z` [z]\n\n```\nz\n```\n\n~~~\nz\n~~~\n\n<!-- z -->\n\nz\n";

impl Converter<'_> {
    /// The slide in the first form that reads as it did.
    fn slide(&self, slide: &Slide) -> Option<(String, Form)> {
        let mut wanted = Model::of(slide, self.parsed);
        if self.to == Dialect::Remark {
            wanted.continued = false;
        }
        let definitions = self.definitions(&slide.content);
        let own = |apart| {
            let text = verbatim(&slide.content, self.to, apart) + &definitions;
            // What these say has become properties.
            if self.to == Dialect::Remark { comments::without(&text, ".slide:") } else { text }
        };
        let mut authored = vec![own(false), own(true)];
        if self.to == Dialect::Remark {
            authored.push(comments::aired(&authored[0]));
            // In front of some of them remark takes all from the comment before for one comment.
            authored.push(comments::without(&authored[0], ".element:"));
        }
        let said = comments::of(&self.deck.source.text()[slide.range.clone()]);
        let authored: Vec<String> = authored.iter().map(|body| comments::put(body, &said)).collect();
        let html = [comments::put(&self.html(&slide.content), &said)];
        let notes = match &slide.notes {
            Some(notes) => vec![Some(self.notes(&notes.content)), Some(self.html(&notes.content))],
            None => vec![None],
        };
        for (bodies, form) in [(&authored[..], Form::Own), (&html, Form::Html)] {
            let ways = notes.iter().flat_map(|notes| bodies.iter().map(move |body| (body, notes.as_deref())));
            let written = ways.map(|(body, notes)| self.written(slide, body, notes)).find(|text| self.reads(text, &wanted));
            if let Some(written) = written {
                return Some((written, form));
            }
        }
        None
    }

    /// Whether a slide, between others, reads as it shall.
    fn reads(&self, written: &str, wanted: &Model) -> bool {
        let trial = format!("z{}{written}{}{AFTER}", self.separator(), self.separator());
        let options = slides::Options {
            dialect: Some(self.to),
            highlight: Highlight { spans: self.spans, ..Highlight::default() },
            ..slides::Options::default()
        };
        let read = slides::parse(&SourceText::from_str("trial", trial), &options);
        let [_, middle, last] = read.slides.as_slice() else { return false };
        let whole = Model::of(last, &read).body.counts.pre == 2;
        whole && Model::of(middle, &read) == *wanted
    }

    fn separator(&self) -> &'static str {
        match self.to {
            Dialect::Remark => "\n\n---\n",
            Dialect::Reveal => "\n\n!SLIDE\n",
        }
    }

    /// A slide with its class, name, background and notes.
    fn written(&self, slide: &Slide, body: &str, notes: Option<&str>) -> String {
        let body = body.trim_matches('\n');
        let image = slide
            .property("background-image")
            .or_else(|| slide.property("data-background-image"))
            .or_else(|| slide.property("data-background").filter(|value| value.contains(['.', '/']) && !value.contains('(')));
        let image = image.map(|value| value.trim_start_matches("url(").trim_end_matches(')').trim_matches(['"', '\'']));
        let mut out = String::new();
        match self.to {
            Dialect::Remark => {
                let mut put = |name: &str, value: String| out.push_str(&format!("{name}: {value}\n"));
                if let Some(name) = &slide.name {
                    put("name", name.clone());
                }
                if !slide.classes.is_empty() {
                    put("class", slide.classes.join(", "));
                }
                if let Some(image) = image {
                    put("background-image", format!("url({image})"));
                }
                out.push('\n');
                out.push_str(body);
                if let Some(notes) = notes {
                    out.push_str("\n\n???\n\n");
                    out.push_str(notes);
                }
            }
            Dialect::Reveal => {
                let mut put = |name: &str, value: &str| out.push_str(&format!(" {name}=\"{}\"", value.replace('"', "'")));
                if let Some(name) = &slide.name {
                    put("id", name);
                }
                if !slide.classes.is_empty() {
                    put("class", &slide.classes.join(" "));
                }
                if let Some(image) = image {
                    put("data-background-image", image);
                }
                if slide.property("count") == Some("false") {
                    put("data-visibility", "uncounted");
                }
                if slide.continued {
                    out.push_str(" data-continued");
                }
                if !out.is_empty() {
                    out = format!("<!-- .slide:{out} -->\n\n");
                }
                out.push_str(body);
                if let Some(notes) = notes {
                    out.push_str("\n\n!NOTE\n");
                    out.push_str(notes);
                }
            }
        }
        out
    }

    /// Notes as their author wrote them.
    fn notes(&self, content: &[Content]) -> String {
        (verbatim(content, self.to, false) + &self.definitions(content)).trim().to_owned()
    }

    /// The link definitions that the content may use, which reveal keeps slide by slide.
    fn definitions(&self, content: &[Content]) -> String {
        let mut out = String::new();
        if self.parsed.links.is_empty() {
            return out;
        }
        let text = verbatim(content, Dialect::Reveal, false).to_lowercase();
        let mut used: Vec<_> = self.parsed.links.iter().filter(|(id, _)| text.contains(&format!("[{id}]"))).collect();
        used.sort();
        for (id, (href, title)) in used {
            let title = title.as_ref().map_or_else(String::new, |title| format!(" \"{title}\""));
            out.push_str(&format!("{}[{id}]: {href}{title}", if out.is_empty() { "\n\n" } else { "\n" }));
        }
        out
    }

    /// The content as HTML on one line, in which neither dialect finds marks of its own.
    fn html(&self, content: &[Content]) -> String {
        let html = markdown::render(content, &self.parsed.links, &Options::of(self.parsed)).html;
        let mut out = String::with_capacity(html.len() + 64);
        out.push_str("<div>");
        let mut rest = html.as_str();
        while let Some((before, after)) = rest.split_once("<pre") {
            let (code, after) = after.split_once("</pre>").unwrap_or((after, ""));
            self.push_line(before, " ", &mut out);
            out.push_str("<pre");
            // The marks of code are its author's; they do not survive as tags.
            let code = code.replace("<mark class=\"line\">", "").replace("<mark>", "").replace("</mark>", "");
            self.push_line(&code, "&#10;", &mut out);
            out.push_str("</pre>");
            rest = after;
        }
        self.push_line(rest, " ", &mut out);
        out + "</div>"
    }

    fn push_line(&self, html: &str, feed: &str, out: &mut String) {
        for c in html.chars() {
            match c {
                '\n' => out.push_str(feed),
                '[' | '`' | '{' | '\\' if self.to == Dialect::Remark => out.push_str(&format!("&#{};", c as u32)),
                c => out.push(c),
            }
        }
    }

    /// Reads the whole deck back as every command would, and tells of each slide that has become another.
    fn verify(&mut self, text: &str) {
        let parsed = self.parsed;
        if slides::recognise(text) != self.to {
            let name = self.to.as_str();
            let message =
                format!("nothing in the other deck shows that it is {name}: read it with --dialect {name}, or say so in a manifest");
            self.tell_at(Severity::Note, 0, "no-equivalent", message);
        }
        let read = Deck::from_text(text, self.to).parse();
        let (before, after) = (parsed.slides.len(), read.slides.len());
        if before == 0 {
            let message = "no slide of this deck is shown, and a deck without slides cannot be written: this one has an empty slide".into();
            self.tell_at(Severity::Warning, 0, "no-equivalent", message);
            return;
        }
        let same = |a: &Slide, b: &Slide| {
            let continued = a.continued && self.to == Dialect::Reveal;
            Model { continued, ..Model::of(a, parsed) } == Model::of(b, &read)
        };
        let pairs = || parsed.slides.iter().zip(&read.slides);
        if before != after {
            let first = pairs().find(|(a, b)| !same(a, b)).map_or(&parsed.slides[before.min(after).min(before - 1)], |(slide, _)| slide);
            let message = format!("from here on the slides of the other deck are not the same: it has {after} of them instead of {before}");
            self.tell(Severity::Warning, first, "differs", message);
            return;
        }
        let told = |slide: &Slide| {
            self.diagnostics.iter().any(|d| d.code == "differs" && (slide.source.line..=slide.source.end_line).contains(&d.line))
        };
        let others: Vec<&Slide> = pairs().filter(|(a, b)| !told(a) && !same(a, b)).map(|(slide, _)| slide).collect();
        for slide in others {
            self.tell(Severity::Warning, slide, "differs", DIFFERS.into());
        }
    }

    /// What the slides have that the other dialect has not.
    fn losses(&mut self) {
        let parsed = self.parsed;
        let first = |wanted: &dyn Fn(&Slide) -> bool| parsed.slides.iter().find(|slide| wanted(slide));
        let count = |wanted: &dyn Fn(&Slide) -> bool| parsed.slides.iter().filter(|slide| wanted(slide)).count();
        let is_below = |slide: &Slide| slide.stack.1 > 0;
        let mut told = Vec::new();
        if self.to == Dialect::Remark {
            if let Some(slide) = first(&is_below) {
                told.push((slide, format!("remark has no stacks: {} slides that stood below another follow it", count(&is_below))));
            }
            let increments = |slide: &Slide| slide.continued;
            if let Some(slide) = first(&increments) {
                told.push((slide, format!("{} increments are slides of their own", count(&increments))));
            }
            let known = ["class", "id", "data-background", "data-background-image", "data-continued"];
            let mut names: Vec<(&str, &Slide)> = Vec::new();
            for slide in &parsed.slides {
                for (name, value) in &slide.attributes {
                    let colour = name == "data-background" && (value.contains('(') || !value.contains(['.', '/']));
                    if (!known.contains(&name.as_str()) || colour) && !names.iter().any(|(n, _)| n == name) {
                        names.push((name, slide));
                    }
                }
            }
            told.extend(names.into_iter().map(|(name, slide)| (slide, format!("remark has nothing like the slide's attribute `{name}`"))));
            let element = |slide: &Slide| slide.content.iter().any(|c| matches!(c, Content::Markdown(text) if text.contains(".element")));
            if let Some(slide) = first(&element) {
                told.push((slide, format!("remark has no `.element` comments; on {} slides they do nothing now", count(&element))));
            }
        } else {
            let increments = |slide: &Slide| slide.continued;
            if let Some(slide) = first(&increments) {
                let message = format!("reveal has no increments: {} of them are slides that repeat the one before", count(&increments));
                told.push((slide, message));
            }
            let known = ["class", "name", "continued", "layout", "template", "count", "exclude", "background-image", "dockside"];
            let mut names: Vec<(&str, &Slide)> = Vec::new();
            for slide in &parsed.slides {
                for (name, _) in &slide.properties {
                    if !known.contains(&name.as_str()) && !names.iter().any(|(n, _)| n == name) {
                        names.push((name, slide));
                    }
                }
            }
            told.extend(names.into_iter().take(20).map(|(name, slide)| (slide, format!("reveal has nothing like the property `{name}`"))));
        }
        for (slide, message) in told {
            self.tell(Severity::Note, slide, "no-equivalent", message);
        }
    }

    /// What the forms of the slides, one for each, mean for their author.
    fn forms(&mut self, forms: &[Form]) {
        let other = self.to.as_str();
        let parsed = self.parsed;
        let slides = |wanted: Form| forms.iter().zip(&parsed.slides).filter(move |(form, _)| **form == wanted).map(|(_, slide)| slide);
        let code = |slide: &&Slide| Model::of(slide, parsed).body.counts.pre > 0;
        let lost = slides(Form::Html).filter(code).count();
        if let Some(slide) = slides(Form::Html).find(code) {
            let message =
                format!("{lost} slides with code are HTML, for {other} would show their Markdown otherwise: exercises on them are not run");
            self.tell(Severity::Note, slide, "no-equivalent", message);
        }
    }

    fn tell(&mut self, severity: Severity, slide: &Slide, code: &'static str, message: String) {
        // An increment's text begins behind its mark.
        let text = self.deck.source.text();
        let own = text.get(slide.range.clone()).unwrap_or_default();
        let empty = own.len() - own.trim_start().len();
        let at = if empty < own.len() { slide.range.start + empty } else { slide.range.start };
        self.tell_at(severity, at, code, message);
    }

    fn tell_at(&mut self, severity: Severity, at: usize, code: &'static str, message: String) {
        if let Some(place) = self.deck.source.locate(at) {
            self.diagnostics.push(Diagnostic::at(severity, code, message, place.file, place.offset, 1));
        }
    }
}

/// Content as an author of the dialect would write it. `apart`: with empty lines around Markdown in HTML, where CommonMark wants
/// them.
fn verbatim(content: &[Content], to: Dialect, apart: bool) -> String {
    let mut out = String::new();
    for piece in content {
        match (piece, to) {
            (Content::Markdown(text), _) => out.push_str(text),
            (Content::Class { classes, content, .. }, Dialect::Remark) => {
                out.push_str(&format!(".{}[{}]", classes.join("."), verbatim(content, to, apart)));
            }
            (Content::Class { classes, block, content }, Dialect::Reveal) => {
                let tag = if *block { "div" } else { "span" };
                let gap = if *block && apart { "\n\n" } else { "" };
                let mut names = String::new();
                push_escaped(&mut names, &classes.join(" "));
                let inner = verbatim(content, to, apart);
                let inner = if gap.is_empty() { inner.as_str() } else { inner.trim_matches('\n') };
                out.push_str(&format!("<{tag} class=\"{names}\">{gap}{inner}{gap}</{tag}>"));
            }
        }
    }
    out
}
