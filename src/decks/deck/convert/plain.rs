//! What is remark already, and stands in no file as it is shown: another program's deck, which was said in remark's way when it was
//! read, or one that a manifest puts together. Its text is written, and read back.

use super::Converted;
use crate::course::Deck;
use crate::course::marks::lines::Lines;
use crate::deck::markdown::{self, Options, Rendered};
use crate::diag::{Diagnostic, Severity};
use crate::slides::{Dialect, Slide, SlideDeck};

/// Whether a deck's text is not that of its file.
pub fn is_made(deck: &Deck) -> bool {
    match deck.source.files() {
        [file] => !file.text().replace("\r\n", "\n").ends_with(deck.source.text()),
        _ => true,
    }
}

/// The deck as one text.
pub(super) fn write(deck: &Deck, parsed: &SlideDeck) -> Converted {
    let mut diagnostics = Vec::new();
    let (text, stars) = stars(deck.source.text(), parsed.highlight.lines);
    let text = text.trim_start_matches('\n').to_owned() + if text.ends_with('\n') { "" } else { "\n" };
    let mut highlight = parsed.highlight;
    highlight.lines |= stars;
    let usual = crate::slides::Highlight::default();
    let mut written = text.clone();
    // Only as much of it as changes what is shown: remark takes its settings where it is started, not from the deck.
    let plain = differs(&written, parsed);
    if stars || !plain.is_empty() {
        let mut settings = String::new();
        if highlight.lines != usual.lines {
            settings.push_str(&format!("highlightLines: {}\n", highlight.lines));
        }
        if highlight.spans != usual.spans {
            settings.push_str(&format!("highlightSpans: {}\n", highlight.spans));
        }
        for (key, is) in [
            ("countIncrementalSlides: false\n", deck.settings.skip_increments),
            ("disableIncrementalSlides: true\n", deck.settings.join_increments),
            ("inheritPresenterNotes: true\n", deck.settings.inherit_notes),
            ("math: true\n", deck.settings.math && text.contains('$')),
            ("remark: \"0.15\"\n", parsed.engine == crate::slides::remark::Engine::Upstream && !parsed.commonmark),
        ] {
            settings.push_str(if is { key } else { "" });
        }
        if !settings.is_empty() {
            written = format!("---\n{settings}---\n{text}");
            let names: Vec<&str> = settings.lines().collect();
            let message = format!("remark itself takes {} from the call that starts it, and shows them here as a slide", names.join(", "));
            diagnostics.extend(tell(deck, Severity::Note, 0, "no-equivalent", message));
        }
    }
    let changed = differs(&written, parsed);
    if written != text && !stars && changed == plain {
        // The settings change nothing.
        written = text;
        diagnostics.clear();
    }
    for slide in &changed {
        let at = parsed.slides.get(*slide).or(parsed.slides.last()).map_or(0, |slide| slide.range.start);
        diagnostics.extend(tell(deck, Severity::Warning, at, "differs", super::DIFFERS.to_owned()));
    }
    let numbered = Lines::of(&written).fences.iter().any(|fence| !markdown::fence_parts(fence.info(&written)).1.is_empty());
    if numbered {
        let message = "numbers of lines behind a language mark them in Dockside alone: remark marks lines that begin with `*`".to_owned();
        diagnostics.extend(tell(deck, Severity::Note, 0, "no-equivalent", message));
    }
    if deck.settings.math && written.contains('$') {
        let message = "remark shows formulas only in a page that has a program to draw them".to_owned();
        diagnostics.extend(tell(deck, Severity::Note, 0, "no-equivalent", message));
    }
    Converted { text: written, diagnostics }
}

fn tell(deck: &Deck, severity: Severity, at: usize, code: &'static str, message: String) -> Option<Diagnostic> {
    let place = deck.source.locate(at)?;
    Some(Diagnostic::at(severity, code, message, place.file, place.offset, 1))
}

/// All that a class and a presenter see of a slide.
#[derive(PartialEq)]
struct Seen {
    body: Rendered,
    /// Marked stretches of code.
    marks: usize,
    notes: Option<String>,
    number: String,
    properties: Vec<(String, String)>,
}

fn seen(slide: &Slide, deck: &SlideDeck) -> Seen {
    let options = Options::of(deck);
    let mut body = markdown::render(&slide.content, &deck.links, &options);
    let marks = std::mem::take(&mut body.html).matches("<mark").count();
    let notes = slide.notes.as_ref().map(|notes| markdown::render(&notes.content, &deck.links, &options).text);
    Seen { body, marks, notes, number: slide.number.clone(), properties: slide.properties.clone() }
}

/// The slides that are other ones when the text is read again; from the first on where their number changes.
fn differs(text: &str, parsed: &SlideDeck) -> Vec<usize> {
    let again = Deck::from_text(text, Dialect::Remark).parse();
    let changed = |(a, b): (&Slide, &Slide)| seen(a, parsed) != seen(b, &again);
    let pairs = parsed.slides.iter().zip(&again.slides);
    if parsed.slides.len() != again.slides.len() {
        let first = pairs.into_iter().position(changed);
        return vec![first.unwrap_or(parsed.slides.len().min(again.slides.len()))];
    }
    pairs.enumerate().filter(|(_, pair)| changed(*pair)).map(|(index, _)| index).collect()
}

/// Lines that are marked by their numbers, marked by `*`; and whether there are some. Where a line of other code begins with `*`
/// that would mark it, so the numbers stay.
fn stars(text: &str, on: bool) -> (String, bool) {
    let lines = Lines::of(text);
    let body = |index: usize| &text[lines[index].start..lines[index].end];
    let mut inserts: Vec<(usize, usize, &str)> = Vec::new();
    for fence in &lines.fences {
        let info = fence.info(text);
        let (language, numbers) = markdown::fence_parts(info);
        let inner = fence.lines.start + 1..fence.lines.end - 1;
        // Within a list code loses blanks that this would have to count.
        let indented = body(fence.lines.start).starts_with([' ', '\t']);
        let starred = !on && inner.clone().any(|index| body(index).starts_with('*'));
        if starred || indented && !numbers.is_empty() {
            return (text.to_owned(), false);
        }
        if numbers.is_empty() {
            continue;
        }
        inserts.push((fence.info.start, fence.info.end, language));
        for index in inner.clone().filter(|index| markdown::fence_has(numbers, index - inner.start + 1) && !body(*index).trim().is_empty())
        {
            let start = lines[index].start;
            inserts.push((start, start + usize::from(body(index).starts_with(' ')), "*"));
        }
    }
    let mut out = String::with_capacity(text.len() + inserts.len());
    let mut done = 0;
    for (start, end, put) in &inserts {
        out.push_str(&text[done..*start]);
        out.push_str(put);
        done = *end;
    }
    out.push_str(&text[done..]);
    (out, !inserts.is_empty())
}
