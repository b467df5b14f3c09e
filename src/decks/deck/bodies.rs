//! The slides of a deck rendered, each by itself: their text and their notes as HTML. Knows neither page nor file.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use super::assets::{Assets, Found, Problem};
use super::highlight::{Block, Highlighter};
use super::math::{self, Fault};
use super::rendered::Rendered;
use super::rewrite::rewrite;
use super::{console, diagrams, languages, markdown, plan};
use crate::slides::{Content, Links, Slide, SlideDeck};

/// A slide's Markdown rendered, fit for the page.
pub struct Body {
    pub html: String,
    /// What is more than blanks.
    pub notes: Option<String>,
    /// As a plan calls it, where one is wanted.
    pub heading: String,
    /// Its heading is all there is on it.
    pub lead: bool,
    /// Addresses that the author should know about.
    pub problems: Vec<Problem>,
    /// Formulas that could not be read.
    pub faults: Vec<Fault>,
    /// What its addresses were found to mean.
    answers: Vec<(String, Found)>,
}

/// How slides are rendered.
#[derive(Clone, Copy, Default)]
pub struct Renderer<'a> {
    /// Without one code is shown plain, consoles as consoles.
    pub highlighter: Option<&'a Highlighter>,
    /// What was rendered before need not be rendered again.
    pub rendered: Option<&'a Rendered<Body>>,
    /// Formulas are read.
    pub math: bool,
    /// The headings are wanted; whoever writes a page knows.
    pub planned: bool,
}

/// Slides rendered as far as that goes without a grammar.
struct Pass {
    bodies: Vec<Arc<Body>>,
    /// The indexes of those whose code a grammar has to read.
    waiting: Vec<usize>,
    /// That code.
    later: Vec<Block>,
}

impl Pass {
    /// Takes in the slides that follow.
    fn join(&mut self, next: Pass) {
        let before = self.bodies.len();
        self.bodies.extend(next.bodies);
        self.waiting.extend(next.waiting.into_iter().map(|at| before + at));
        self.later.extend(next.later);
    }
}

/// Fewer slides than this are not worth a thread.
const WORTH_A_THREAD: usize = 100;

impl Renderer<'_> {
    /// Renders every slide: each by itself, so a big deck is shared out among the processors. Slides with code that needs a grammar
    /// are rendered once more when the grammars have read it.
    pub fn all(&self, parsed: &SlideDeck, assets: &mut Assets) -> Vec<Arc<Body>> {
        let slides = parsed.slides.as_slice();
        let setup = self.rendered.map_or(0, |rendered| self.setup(parsed, assets, rendered));
        let mut pass = self.shared_out(slides, parsed, setup, assets);
        if let (Some(highlighter), false) = (self.highlighter, pass.later.is_empty()) {
            highlighter.learn(std::mem::take(&mut pass.later));
            for at in pass.waiting {
                pass.bodies[at] = self.some(&slides[at..=at], parsed, setup, assets).bodies.swap_remove(0);
            }
        }
        pass.bodies
    }

    fn shared_out(&self, slides: &[Slide], parsed: &SlideDeck, setup: u64, assets: &mut Assets) -> Pass {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(8).min(slides.len() / WORTH_A_THREAD + 1);
        if threads == 1 {
            return self.some(slides, parsed, setup, assets);
        }
        let (first, others) = slides.split_at(slides.len().div_ceil(threads));
        std::thread::scope(|scope| {
            let start = |chunk| {
                let mut own = assets.another();
                (chunk, scope.spawn(move || (self.some(chunk, parsed, setup, &mut own), own)))
            };
            let others: Vec<_> = others.chunks(first.len()).map(start).collect();
            let mut pass = self.some(first, parsed, setup, assets);
            for (chunk, thread) in others {
                match thread.join() {
                    Ok((next, own)) => {
                        pass.join(next);
                        assets.join(own);
                    }
                    // Rendering does not panic; if it ever does, it does so here as it would have without threads.
                    Err(_) => pass.join(self.some(chunk, parsed, setup, assets)),
                }
            }
            pass
        })
    }

    /// All but a slide's own text that its HTML depends on.
    fn setup(&self, parsed: &SlideDeck, assets: &Assets, rendered: &Rendered<Body>) -> u64 {
        let mut links: Vec<_> = parsed.links.iter().collect();
        links.sort();
        let upstream = parsed.engine == crate::slides::remark::Engine::Upstream;
        let marks =
            (parsed.highlight.lines, parsed.highlight.spans, parsed.commonmark, self.highlighter.is_some(), self.math, self.planned);
        rendered.digest((links, parsed.dialect.as_str(), upstream, marks, assets.folders()))
    }

    fn some(&self, slides: &[Slide], parsed: &SlideDeck, setup: u64, assets: &mut Assets) -> Pass {
        let later = RefCell::new(Vec::new());
        let mark_up = |language: &str, code: &str| {
            console::mark_up(language, code)
                .or_else(|| self.highlighter.and_then(|highlighter| highlighter.highlight(language, code, &mut later.borrow_mut())))
        };
        let options = markdown::Options { highlight: Some(&mark_up), html_only: true, ..markdown::Options::of(parsed) };
        let mut pass = Pass { bodies: Vec::with_capacity(slides.len()), waiting: Vec::new(), later: Vec::new() };
        for (at, slide) in slides.iter().enumerate() {
            let key = self.rendered.map(|rendered| {
                let key = rendered.digest((setup, &slide.content, slide.notes.as_ref().map(|notes| &notes.content)));
                (rendered, key)
            });
            let known = key.and_then(|(rendered, key)| rendered.get(key)).filter(|known| assets.still_answers(&known.answers));
            pass.bodies.push(known.unwrap_or_else(|| {
                let put_off = later.borrow().len();
                let body = self.one(slide, &parsed.links, &options, assets);
                match key {
                    _ if later.borrow().len() > put_off => {
                        pass.waiting.push(at);
                        Arc::new(body)
                    }
                    Some((rendered, key)) => rendered.put(key, body),
                    None => Arc::new(body),
                }
            }));
        }
        pass.later = later.into_inner();
        pass
    }

    fn one(&self, slide: &Slide, links: &Links, options: &markdown::Options<'_>, assets: &mut Assets) -> Body {
        let (mut faults, mut problems) = (Vec::new(), Vec::new());
        let html = diagrams::captioned(self.text(&slide.content, links, options, &mut faults));
        let notes = slide.notes.as_ref().map(|notes| self.text(&notes.content, links, options, &mut faults));
        // It waits for the other slides, so it keeps no room to grow.
        let mut fit = |html: String| {
            let mut html = rewrite(html, assets, &mut problems);
            html.shrink_to_fit();
            html
        };
        Body {
            heading: if self.planned { plan::heading(&html) } else { String::new() },
            lead: is_lone_heading(&html),
            html: fit(html),
            notes: notes.filter(|notes| !notes.trim().is_empty()).map(fit),
            problems,
            faults,
            answers: assets.answers(),
        }
    }

    fn text(&self, content: &[Content], links: &Links, options: &markdown::Options<'_>, faults: &mut Vec<Fault>) -> String {
        if !self.math || !math::is_in(content) {
            return languages::render(content, links, options);
        }
        let (content, formulas) = math::take(content);
        formulas.put(languages::render(&content, links, options), faults)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceText;
    use crate::slides::{Options, parse};

    #[test]
    fn an_edit_renders_one_slide() {
        let folder = tempfile::tempdir().expect("a folder");
        let rendered = Rendered::default();
        let renderer = Renderer { rendered: Some(&rendered), ..Renderer::default() };
        let render = |middle: &str| {
            let slides: Vec<String> = (0..300).map(|n| format!("# {}\n\n![x](x.png)\n", if n == 150 { middle } else { "Same" })).collect();
            // Slides of one text are one value, so each has a number.
            let numbered: Vec<String> = slides.iter().enumerate().map(|(n, slide)| format!("{slide}\n{n}\n")).collect();
            let source = SourceText::from_str("deck.md", numbered.join("\n---\n"));
            rendered.begin();
            renderer.all(&parse(&source, &Options::default()), &mut Assets::new(folder.path(), folder.path()))
        };
        let changed = |before: &[Arc<Body>], after: &[Arc<Body>]| before.iter().zip(after).filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
        let (first, second) = (render("One"), render("Two"));
        assert_eq!((second.len(), changed(&first, &second)), (300, 1));
        // A picture that is there now is another picture on every slide.
        std::fs::write(folder.path().join("x.png"), "x").expect("written");
        assert_eq!(changed(&second, &render("Two")), 300);
    }
}
