//! The slides of one deck into the HTML of its page. Knows no template; asks the disk only through `Assets`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::assets::{Assets, Problem, ProblemKind};
use super::escape::push_escaped;
use super::highlight::Highlighter;
use super::rewrite::rewrite;
use super::{console, diagrams, languages, markdown, plan};
use crate::course::Deck;
use crate::diag::{Diagnostic, Severity};
use crate::slides::{Slide, SlideDeck};

/// The sections of a page, one a slide.
pub struct Slides {
    pub html: String,
    pub diagnostics: Vec<Diagnostic>,
}

/// Writes the slides of `parsed`, which was read from `deck`. Without a highlighter code is shown plain, consoles as consoles.
pub fn write(deck: &Deck, parsed: &SlideDeck, highlighter: Option<&Highlighter>, assets: &mut Assets) -> Slides {
    let mut page = Page {
        html: String::with_capacity(deck.source.text().len() * 2),
        ids: HashMap::new(),
        deck,
        assets,
        problems: Vec::new(),
        parts: HashMap::new(),
    };
    let mut reports = Reports { deck, seen: HashSet::new(), elsewhere: HashMap::new(), diagnostics: Vec::new() };
    let mut bodies = render_all(parsed, highlighter, !deck.plan.is_empty(), page.assets);
    let headings: Vec<_> = bodies.iter_mut().map(|body| std::mem::take(&mut body.heading)).collect();
    let plan = plan::starts(deck, parsed, &headings);
    reports.diagnostics.extend(plan.diagnostics);
    page.parts = plan.starts;
    for (i, (slide, body)) in parsed.slides.iter().zip(bodies).enumerate() {
        // A heading that the next increment adds to is no slide of its own.
        let goes_on = parsed.slides.get(i + 1).is_some_and(|next| next.continued);
        page.open(i, slide, body.lead && !goes_on && !slide.continued);
        page.problems.extend(body.problems);
        page.html.extend(["<div class=\"body\">", &body.html, "</div>\n"]);
        if let Some(notes) = &body.notes {
            page.html.extend(["<aside class=\"notes\">", notes, "</aside>\n"]);
        }
        page.html.push_str("</section>\n");
        for problem in page.problems.drain(..) {
            reports.add(problem, slide);
        }
    }
    Slides { html: page.html, diagnostics: reports.diagnostics }
}

/// A slide's Markdown rendered, fit for the page.
struct Body {
    html: String,
    /// What is more than blanks.
    notes: Option<String>,
    /// As a plan calls it, where there is one.
    heading: String,
    /// Its heading is all there is on it.
    lead: bool,
    problems: Vec<Problem>,
}

/// Fewer slides than this are not worth a thread.
const WORTH_A_THREAD: usize = 100;

/// Renders every slide: each by itself, so a big deck is shared out among the processors. `planned`: the headings are wanted.
fn render_all(parsed: &SlideDeck, highlighter: Option<&Highlighter>, planned: bool, assets: &mut Assets) -> Vec<Body> {
    let slides = parsed.slides.as_slice();
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(8).min(slides.len() / WORTH_A_THREAD + 1);
    if threads == 1 {
        return render(slides, parsed, highlighter, planned, assets);
    }
    let (first, others) = slides.split_at(slides.len().div_ceil(threads));
    std::thread::scope(|scope| {
        let start = |chunk| {
            let mut own = assets.another();
            (chunk, scope.spawn(move || (render(chunk, parsed, highlighter, planned, &mut own), own)))
        };
        let others: Vec<_> = others.chunks(first.len()).map(start).collect();
        let mut bodies = render(first, parsed, highlighter, planned, assets);
        for (chunk, thread) in others {
            match thread.join() {
                Ok((rendered, own)) => {
                    bodies.extend(rendered);
                    assets.join(own);
                }
                // Rendering does not panic; if it ever does, it does so here as it would have without threads.
                Err(_) => bodies.extend(render(chunk, parsed, highlighter, planned, assets)),
            }
        }
        bodies
    })
}

fn render(slides: &[Slide], parsed: &SlideDeck, highlighter: Option<&Highlighter>, planned: bool, assets: &mut Assets) -> Vec<Body> {
    let mark_up = |language: &str, code: &str| {
        console::mark_up(language, code).or_else(|| highlighter.and_then(|highlighter| highlighter.highlight(language, code)))
    };
    let options = markdown::Options { highlight: Some(&mark_up), html_only: true, ..markdown::Options::of(parsed) };
    let body = |slide: &Slide| {
        let html = diagrams::captioned(languages::render(&slide.content, &parsed.links, &options));
        let notes = slide.notes.as_ref().map(|notes| languages::render(&notes.content, &parsed.links, &options));
        let mut problems = Vec::new();
        Body {
            heading: if planned { plan::heading(&html) } else { String::new() },
            lead: is_lone_heading(&html),
            html: rewrite(html, assets, &mut problems),
            notes: notes.filter(|notes| !notes.trim().is_empty()).map(|notes| rewrite(notes, assets, &mut problems)),
            problems,
        }
    };
    slides.iter().map(body).collect()
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

    fn attribute(&mut self, name: &str, value: &str) {
        self.html.push(' ');
        self.html.push_str(name);
        self.html.push_str("=\"");
        push_escaped(&mut self.html, value);
        self.html.push('"');
    }

    /// `wanted`, with a number behind it if it is taken.
    fn new_id(&mut self, wanted: String) -> String {
        let mut count = *self.ids.get(&wanted).unwrap_or(&0);
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

/// Collects what is to be said about addresses, once each.
struct Reports<'a> {
    deck: &'a Deck,
    seen: HashSet<(ProblemKind, usize, String)>,
    /// Where addresses stand that slides inherit.
    elsewhere: HashMap<String, Option<usize>>,
    diagnostics: Vec<Diagnostic>,
}

impl Reports<'_> {
    fn add(&mut self, problem: Problem, slide: &Slide) {
        let text = self.deck.source.text();
        let url = problem.url.as_str();
        // What a slide inherits stands elsewhere in the deck.
        let own = text.get(slide.range.clone()).and_then(|own| own.find(url)).map(|at| slide.range.start + at);
        let mut elsewhere = || *self.elsewhere.entry(problem.url.clone()).or_insert_with(|| text.find(url));
        let offset = own.or_else(&mut elsewhere).unwrap_or(slide.range.start);
        let Some(place) = self.deck.source.locate(offset) else { return };
        if !self.seen.insert((problem.kind, offset, problem.url.clone())) {
            return;
        }
        let file = problem.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        let put = format!("put the file at {file}, or correct the address");
        let (severity, code, message, hint) = match problem.kind {
            ProblemKind::Missing => (Severity::Warning, "missing-image", format!("there is no {url}"), put),
            ProblemKind::DeadLink => (Severity::Note, "dead-link", format!("the link to {url} leads nowhere"), put),
            ProblemKind::Remote => (
                Severity::Warning,
                "remote-image",
                format!("{url} is not part of the course; the page shows a link in its place"),
                "keep a copy beside the deck, so that the slides work without a network".to_owned(),
            ),
        };
        self.diagnostics.push(Diagnostic::at(severity, code, message, place.file, place.offset, url.len()).hint(hint));
    }
}

/// A file's address rather than a colour or gradient.
fn is_file(value: &str) -> bool {
    let path = value.split(['?', '#']).next().unwrap_or_default();
    !value.contains('(') && (value.starts_with("http") || path.rsplit_once('.').is_some_and(|(_, end)| (2..=5).contains(&end.len())))
}

/// One heading and nothing else but container.training's line about the source.
fn is_lone_heading(html: &str) -> bool {
    let html = html.trim();
    let level = match html.get(..3) {
        Some("<h1") => "</h1>",
        Some("<h2") => "</h2>",
        _ => return false,
    };
    let Some((_, rest)) = html.split_once(level) else { return false };
    let rest = rest.trim_start();
    rest.is_empty() || is_debug(rest)
}

fn is_debug(html: &str) -> bool {
    let rest = html.strip_prefix("<p>").unwrap_or(html);
    rest.split_once('>').is_some_and(|(tag, _)| (tag.starts_with("<div") || tag.starts_with("<span")) && tag.contains("debug"))
        && Cow::Borrowed(rest).matches("class=\"debug\"").count() == 1
        && !rest.contains("</div>\n<")
}
