//! The slides of one deck into the HTML of its page. Knows no template; asks the disk only through `Assets`.

use std::collections::HashMap;
use std::sync::Arc;

use super::assets::{Assets, Problem};
use super::bodies::{Body, Renderer};
use super::escape::push_escaped;
use super::plan;
use super::reports::{self, Reports};
use crate::course::Deck;
use crate::diag::{Diagnostic, SourceText};
use crate::slides::{Slide, SlideDeck, pairs};

/// The sections of a page, one a slide.
pub struct Slides {
    pub html: String,
    pub diagnostics: Vec<Diagnostic>,
}

/// A deck in another language.
pub struct Translation<'a> {
    pub language: &'a str,
    pub source: &'a SourceText,
    pub parsed: SlideDeck,
}

/// Writes the slides of `parsed`, which was read from `deck`, with what `translations` have in their place.
pub fn write(deck: &Deck, parsed: &SlideDeck, translations: &[Translation<'_>], renderer: &Renderer<'_>, assets: &mut Assets) -> Slides {
    let mut page = Page {
        html: String::with_capacity(deck.source.text().len() * 2),
        ids: HashMap::new(),
        deck,
        assets,
        problems: Vec::new(),
        parts: HashMap::new(),
    };
    // What is to be said about the deck itself, and about each translation.
    let sources = std::iter::once(&deck.source).chain(translations.iter().map(|translation| translation.source));
    let mut reports: Vec<Reports<'_>> = sources.map(Reports::new).collect();
    let renderer = &Renderer { planned: !deck.plan.is_empty(), ..*renderer };
    let bodies = renderer.all(parsed, page.assets);
    let plan = plan::starts(deck, parsed, &bodies.iter().map(|body| body.heading.as_str()).collect::<Vec<_>>());
    reports[0].diagnostics.extend(plan.diagnostics);
    page.parts = plan.starts;
    let others: Vec<Other<'_>> =
        translations.iter().map(|translation| Other::new(translation, deck, parsed, renderer, page.assets)).collect();
    for (i, (slide, body)) in parsed.slides.iter().zip(&bodies).enumerate() {
        // A heading that the next increment adds to is no slide of its own.
        let goes_on = parsed.slides.get(i + 1).is_some_and(|next| next.continued);
        page.open(i, slide, body.lead && !goes_on && !slide.continued);
        page.problems.drain(..).for_each(|problem| reports[0].problem(&problem, slide));
        let mut versions = vec![Version { n: 0, language: deck.language(), slide, body }];
        versions.extend(others.iter().enumerate().filter_map(|(n, other)| other.version(n + 1, i)));
        for version in &versions {
            let reports = &mut reports[version.n];
            version.body.problems.iter().for_each(|problem| reports.problem(problem, version.slide));
            version.body.faults.iter().for_each(|fault| reports.fault(fault, version.slide));
        }
        // What is the same in both was not translated.
        let texts: Vec<_> = versions.iter().filter(|version| version.n == 0 || version.body.html != body.html).collect();
        texts.iter().for_each(|version| page.body(version, texts.len() > 1));
        let notes = |version: &&Version<'_>| version.body.notes.is_some() && (version.n == 0 || version.body.notes != body.notes);
        let notes: Vec<_> = versions.iter().filter(notes).collect();
        if !notes.is_empty() {
            page.html.push_str("<aside class=\"notes\">");
            notes.iter().for_each(|version| page.said(version, version.n > 0 || notes.len() > 1));
            page.html.push_str("</aside>\n");
        }
        page.html.push_str("</section>\n");
    }
    let mut diagnostics: Vec<Diagnostic> = reports.into_iter().flat_map(|reports| reports.diagnostics).collect();
    reports::listed(deck, &mut diagnostics);
    Slides { html: page.html, diagnostics }
}

/// A translated deck, rendered, and which of its slides stands for which of the original.
struct Other<'a> {
    language: &'a str,
    parsed: &'a SlideDeck,
    bodies: Vec<Arc<Body>>,
    partners: HashMap<usize, usize>,
}

impl<'a> Other<'a> {
    fn new(translation: &'a Translation<'_>, deck: &Deck, original: &SlideDeck, renderer: &Renderer<'_>, assets: &mut Assets) -> Self {
        let pairs = pairs::of(original, &deck.source, &translation.parsed, translation.source);
        let partners = pairs.into_iter().filter_map(|pair| Some((pair.original?, pair.translated?))).collect();
        let bodies = renderer.all(&translation.parsed, assets);
        Other { language: translation.language, parsed: &translation.parsed, bodies, partners }
    }

    fn version(&self, n: usize, original: usize) -> Option<Version<'_>> {
        let at = *self.partners.get(&original)?;
        Some(Version { n, language: self.language, slide: self.parsed.slides.get(at)?, body: self.bodies.get(at)? })
    }
}

/// A slide in one of its languages; 0 is the deck's own.
struct Version<'a> {
    n: usize,
    language: &'a str,
    slide: &'a Slide,
    body: &'a Body,
}

struct Page<'a> {
    html: String,
    /// Those given so far, and how often each was wanted: no two elements of a page share one.
    ids: HashMap<String, usize>,
    deck: &'a Deck,
    assets: &'a mut Assets,
    problems: Vec<Problem>,
    /// The parts that are planned, by the slide that they begin with: title and minutes.
    parts: HashMap<usize, (String, f64)>,
}

impl Page<'_> {
    /// The start tag of a slide's section. `lead`: its heading is all there is on it.
    fn open(&mut self, index: usize, slide: &Slide, lead: bool) {
        let mut classes = "slide".to_owned();
        for class in slide.classes.iter().map(String::as_str).chain(lead.then_some("lead")) {
            classes.push(' ');
            classes.push_str(class);
        }
        self.html.push_str("<section");
        self.attribute("class", &classes);
        let number = self.deck.number_prefix.clone() + &slide.number;
        let id = match &slide.name {
            Some(name) => self.new_id(format!("slide-{name}")),
            None => self.new_id(slide.number.split('/').next().unwrap_or_default().to_owned()),
        };
        self.attribute("id", &id);
        if let Some(name) = &slide.name {
            self.attribute("data-name", name);
        }
        self.attribute("data-number", &number);
        self.attribute("data-h", &slide.stack.0.to_string());
        self.attribute("data-v", &slide.stack.1.to_string());
        if let Some((part, minutes)) = self.parts.remove(&index) {
            self.attribute("data-part", &part);
            self.attribute("data-minutes", &minutes.to_string());
        }
        if slide.continued {
            self.html.push_str(" data-continued");
        }
        self.own_attributes(slide);
        self.html.push('>');
        // The address #NAME works without scripts too.
        if let Some(name) = slide.name.as_ref().filter(|name| !self.ids.contains_key(*name)) {
            self.ids.insert(name.clone(), 1);
            self.html.push_str("<a");
            self.attribute("id", name);
            self.html.push_str("></a>");
        }
    }

    /// What the author set on the slide itself: attributes, and a background by either dialect's means.
    fn own_attributes(&mut self, slide: &Slide) {
        let mut style = String::new();
        if let Some(image) = slide.property("background-image") {
            let css = self.assets.rewrite_css(image, &mut self.problems);
            style.push_str(&format!("background-image:{};", css.as_deref().unwrap_or(image)));
        }
        for (name, value) in &slide.attributes {
            match name.as_str() {
                "style" => style.push_str(&self.assets.rewrite_css(value, &mut self.problems).unwrap_or_else(|| value.clone())),
                "data-background" | "data-background-image" if is_file(value) => {
                    if let Some(address) = self.assets.load(value, &mut self.problems) {
                        style.push_str(&format!("background-image:url(\"{}\");", address.replace('"', "%22")));
                    }
                }
                "data-background" | "data-background-color" => style.push_str(&format!("background-color:{value};")),
                "data-background-size" => style.push_str(&format!("background-size:{value};")),
                "class" | "id" | "src" | "href" => {}
                name if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !name.starts_with("data-background") => {
                    self.attribute(name, value);
                }
                _ => {}
            }
        }
        if !style.is_empty() {
            self.attribute("style", &style);
        }
    }

    /// The text of a slide; where there are `several`, that of the deck's own language is shown first.
    fn body(&mut self, version: &Version<'_>, several: bool) {
        self.html.push_str("<div class=\"body\"");
        self.language(version, several);
        self.html.push_str(&version.body.html);
        self.html.push_str("</div>\n");
    }

    /// Notes, within their element.
    fn said(&mut self, version: &Version<'_>, several: bool) {
        if several {
            self.html.push_str("<div");
            self.language(version, true);
        }
        self.html.push_str(version.body.notes.as_deref().unwrap_or_default());
        if several {
            self.html.push_str("</div>\n");
        }
    }

    /// The end of a start tag.
    fn language(&mut self, version: &Version<'_>, several: bool) {
        if several {
            self.attribute("lang", version.language);
            self.attribute("data-language", version.language);
            // Without scripts nobody chooses.
            self.html.push_str(if version.n == 0 { " data-original" } else { " hidden" });
        }
        self.html.push('>');
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.html.push(' ');
        self.html.push_str(name);
        self.html.push_str("=\"");
        push_escaped(&mut self.html, value);
        self.html.push('"');
    }

    /// `wanted`, with a number behind it if it is taken.
    fn new_id(&mut self, wanted: String) -> String {
        let Some(&(mut count)) = self.ids.get(&wanted) else {
            self.ids.insert(wanted.clone(), 1);
            return wanted;
        };
        let mut id = wanted.clone();
        while self.ids.contains_key(&id) {
            count += 1;
            id = format!("{wanted}.{count}");
        }
        self.ids.insert(wanted, count.max(1));
        self.ids.entry(id.clone()).or_insert(1);
        id
    }
}

/// A file's address rather than a colour or gradient.
fn is_file(value: &str) -> bool {
    let path = value.split(['?', '#']).next().unwrap_or_default();
    !value.contains('(') && (value.starts_with("http") || path.rsplit_once('.').is_some_and(|(_, end)| (2..=5).contains(&end.len())))
}
