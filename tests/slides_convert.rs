//! Whatever deck is converted, what is read from the result is what was read from the source, or a diagnostic says what is lost.

use std::path::Path;

use dockside::course::Course;
use dockside::deck::{convert, markdown};
use dockside::diag::Diagnostic;
use dockside::slides::{self, Dialect, Slide, SlideDeck};
use proptest::prelude::*;

/// What a class sees of a slide and a presenter of its notes.
#[derive(Debug, PartialEq)]
struct Seen {
    text: String,
    heading: Option<(u8, String)>,
    counts: String,
    notes: Option<String>,
    classes: Vec<String>,
    name: Option<String>,
}

fn seen(slide: &Slide, deck: &SlideDeck) -> Seen {
    let options = markdown::Options::of(deck);
    let body = markdown::render(&slide.content, &deck.links, &options);
    let notes = slide.notes.as_ref().map(|notes| markdown::render(&notes.content, &deck.links, &options).text);
    Seen {
        text: body.text,
        heading: body.heading,
        counts: format!("{:?}", body.counts),
        notes: notes.filter(|notes| !notes.is_empty()),
        classes: slide.classes.clone(),
        name: slide.name.clone(),
    }
}

/// Reads a deck as every command does: from a file.
fn read(path: &Path, dialect: Option<Dialect>) -> Option<(dockside::course::Deck, SlideDeck)> {
    let mut decks = Course::load(path).0.decks;
    let deck = (decks.len() == 1).then(|| decks.remove(0))?;
    let options = slides::Options { dialect: dialect.or(deck.options().dialect), ..deck.options() };
    let parsed = slides::parse(&deck.source, &options);
    Some((deck, parsed))
}

/// What nobody is told of, where a deck of `from` is converted.
fn untold(text: &str, from: Dialect) -> Result<(), String> {
    let to = if from == Dialect::Remark { Dialect::Reveal } else { Dialect::Remark };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (source, result) = (folder.path().join("a.md"), folder.path().join("b.md"));
    std::fs::write(&source, text).map_err(|e| e.to_string())?;
    let Some((deck, parsed)) = read(&source, Some(from)) else { return Ok(()) };
    let converted = convert::convert(&deck, &parsed, to);
    std::fs::write(&result, &converted.text).map_err(|e| e.to_string())?;
    let (_, again) = read(&result, Some(to)).ok_or("the result is no deck")?;
    let told = |slide: Option<&Slide>| {
        let is_there = |d: &&Diagnostic| slide.is_none_or(|s| (s.source.line..=s.source.end_line).contains(&d.line));
        converted.diagnostics.iter().filter(is_there).any(|d| ["differs", "no-equivalent", "no-slides"].contains(&d.code))
    };
    let (before, after) = (parsed.slides.len(), again.slides.len());
    if before != after {
        let error = format!("{after} slides instead of {before}\n{}", converted.text);
        return if told(None) { Ok(()) } else { Err(error) };
    }
    for (slide, other) in parsed.slides.iter().zip(&again.slides) {
        let (one, two) = (seen(slide, &parsed), seen(other, &again));
        if one != two && !told(Some(slide)) {
            return Err(format!("slide {}: {one:?}\n   became {two:?}\n{}", slide.index, converted.text));
        }
    }
    Ok(())
}

fn piece(marks: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let common = vec![
        "\n",
        "\n\n",
        "# T\n",
        "## Two words\n\n",
        "text",
        " ",
        "*em* ",
        "**b** ",
        "`code` ",
        "`a\\`b` ",
        "- a\n- b\n",
        "1. one\n2. two\n",
        "* a\n  * b\n",
        "```\ncode\n```\n",
        "```bash\n$ ls [x]\n```\n",
        "~~~\nx\n~~~\n",
        "```\n",
        "~~~\n",
        "    indented\n",
        "> quote\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "a | b\n--- | ---\n1 | 2\n",
        "<div class=\"x\">\n",
        "</div>\n",
        "<div>\n\n**b**\n\n</div>\n\n",
        "<br>",
        "<!-- c -->",
        "<!--",
        "-->",
        "<!-->",
        "[l](u) ",
        "![i](u.png) ",
        "[l][x] ",
        "[x]\n",
        "[x]: u \"t\"\n",
        "[",
        "]",
        "{{x}}",
        "\\",
        "&amp; ",
        "<b>b</b> ",
        "http://a.b/c ",
        "é ☃\n",
        "\t",
        "\u{feff}",
        "---\n",
        "\n---\n",
        "$x$ ",
        "***\n",
        "~~s~~ ",
        ":EN:- a\n:FR:- b\n",
        "Note: n\n",
        "http://a.b:8\n",
        "a: b\n",
        "$a: b\n",
        "{",
        "<table><tr><td>1</td></tr></table>\n",
        "<pre>\na\n  b\n</pre>\n",
        "<video src=v.mp4></video>\n",
        "<details><summary>s</summary>\n\nx\n\n</details>\n",
    ];
    proptest::sample::select(common.into_iter().chain(marks.iter().copied()).collect::<Vec<_>>()).prop_map(str::to_owned)
}

fn deck(marks: &[&'static str], separators: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let separators = proptest::sample::select(separators.to_vec());
    let slide = proptest::collection::vec(piece(marks), 0..7).prop_map(|parts| parts.concat());
    proptest::collection::vec((slide, separators), 1..5)
        .prop_map(|slides| slides.into_iter().map(|(slide, separator)| slide + separator).collect())
}

const REMARK: [&str; 31] = [
    "name: n\n",
    "class: a, b\n",
    "layout: true\n",
    "layout: false\n",
    "template: n\n",
    "count: false\n",
    "exclude: true\n",
    "background-image: url(b.png)\n",
    "x: y\n",
    ".red[r] ",
    ".a.b[\n- x\n]\n",
    ".a[",
    "{{content}}",
    "![:img](u) ",
    "![:hello w](o)",
    "<!-- name: m -->\n",
    "class: a\nname: o\n\n",
    "!SUB\n",
    "\n\n!SLIDE\n",
    "\n\n!NOTE\n",
    "<!-- .element: class=\"q\" -->\n",
    "<!-- .slide: class=\"q\" -->\n",
    "Notes: n\n",
    ".a[.b[c] d] ",
    "\\.a[b] ",
    "*line\n",
    "class:\n",
    "name:\n",
    "layout: true\nclass: c\n\n{{content}}!\n",
    "\n???\n",
    "\n???\n\nn\n",
];
const REVEAL: [&str; 16] = [
    "<!-- .slide: class=\"a b\" -->\n",
    "<!-- .slide: id=\"n\" -->\n",
    "<!-- .slide: data-background=\"b.png\" -->\n",
    "<!-- .slide: data-background=\"#fff\" -->\n",
    "<!-- .element: class=\"q\" -->",
    "x <!-- .element: class=\"fragment\" -->\n",
    "\n--\n",
    "\n---\n",
    "\n???\n",
    ".red[r] ",
    "name: n\n",
    "class: c\n",
    "{{content}}",
    "![:m](u)",
    "\n\nNotes: n\n",
    "\n\nNote:\nn\n",
];
const BETWEEN: [&str; 6] = ["\n---\n", "\n---\n\n", "\n--\n", "\n???\nn\n---\n", "\n???\n```\n---\n", "\n\n---\n"];
const BELOW: [&str; 5] = ["\n\n!SLIDE\n", "\n\n!SUB\n", "\n\n!SUB\n\n", "\n\n!NOTE\nn\n\n!SUB\n", "\n\n!NOTE\n```\n\n!SLIDE\n"];

/// A thousand on request; each deck is read four times and more.
fn cases() -> u32 {
    std::env::var("CONVERT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_remark_deck_is_the_same_in_reveal_or_it_is_told(text in deck(&REMARK, &BETWEEN)) {
        untold(&text, Dialect::Remark).map_err(|e| TestCaseError::fail(format!("{e}\nof {text:?}")))?;
    }

    #[test]
    fn a_reveal_deck_is_the_same_in_remark_or_it_is_told(text in deck(&REVEAL, &BELOW)) {
        untold(&text, Dialect::Reveal).map_err(|e| TestCaseError::fail(format!("{e}\nof {text:?}")))?;
    }
}
