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
    continued: bool,
    image: Option<String>,
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
        continued: slide.continued,
        image: image(slide),
    }
}

/// The address of the picture behind a slide, as either dialect has it.
fn image(slide: &Slide) -> Option<String> {
    let remark = || slide.property("background-image")?.strip_prefix("url(")?.strip_suffix(')');
    let reveal = || slide.property("data-background-image").or(slide.property("data-background").filter(|value| value.contains(".png")));
    remark().or_else(reveal).map(|address| address.trim_matches(['"', '\'', ' ']).to_owned()).filter(|address| !address.is_empty())
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
        // What is lost in many slides is told once; a slide that differs is told by itself.
        let codes: &[&str] = if slide.is_some() { &["differs"] } else { &["differs", "no-equivalent"] };
        converted.diagnostics.iter().filter(is_there).any(|d| codes.contains(&d.code))
    };
    let increments_told = converted.diagnostics.iter().any(|d| d.code == "no-equivalent" && d.message.contains("increments"));
    let (before, after) = (parsed.slides.len(), again.slides.len());
    if before != after {
        let error = format!("{after} slides instead of {before}\n{}", converted.text);
        return if told(None) { Ok(()) } else { Err(error) };
    }
    for (slide, other) in parsed.slides.iter().zip(&again.slides) {
        let (mut one, two) = (seen(slide, &parsed), seen(other, &again));
        if to == Dialect::Remark && increments_told {
            one.continued = false;
        }
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

/// A deck of another program, and what it is called with.
fn rewritten(text: &str) -> (Vec<String>, Vec<&'static str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, result) = (folder.path().join("a.md"), folder.path().join("b.md"));
    std::fs::write(&source, text).expect("written");
    let (deck, parsed) = read(&source, None).expect("a deck");
    assert!(convert::is_made(&deck), "{text}");
    let converted = convert::convert(&deck, &parsed, Dialect::Remark);
    std::fs::write(&result, &converted.text).expect("written");
    let (_, again) = read(&result, None).expect("a deck");
    let all = |deck: &SlideDeck| -> Vec<String> {
        deck.slides.iter().map(|slide| format!("{} {:?} {:?}", slide.number, slide.properties, seen(slide, deck))).collect()
    };
    assert_eq!(all(&parsed), all(&again), "{}", converted.text);
    let lines: Vec<String> = converted.text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    (lines, converted.diagnostics.iter().map(|d| d.code).collect())
}

#[test]
fn other_programs_decks_are_written_as_remark() {
    let (lines, told) =
        rewritten("---\nmarp: true\nclass: lead\n---\n\n# A\n\n---\n\n![bg](b.png)\n\n<!-- say -->\n\nNote: this is text\n");
    assert_eq!(
        lines,
        ["class: lead", "# A", "---", "class: lead", "background-image: url(b.png)", "<!-- -->", "Note: this is text", "???", "say"]
    );
    assert!(told.is_empty(), "{told:?}");
    let (lines, told) =
        rewritten("---\ntheme: x\nlayout: a\n---\n\n# A\n\n```ts {2-3}\na\n  b\n\n```\n\n---\n\n::left::\n\nL\n\n::right::\n\n`R`\n");
    assert_eq!(
        lines,
        [
            "---",
            "highlightLines: true",
            "highlightSpans: false",
            "---",
            "class: a",
            "# A",
            "```ts",
            "a",
            "* b",
            "```",
            "---",
            ".columns[",
            ".column[",
            "L",
            "]",
            ".column[",
            "`R`",
            "]",
            "]"
        ]
    );
    assert_eq!(told, ["no-equivalent"]);
    // Where a star is code it stays, and so do the numbers.
    let (lines, told) = rewritten("---\ntheme: x\n---\n\n```ts {1}\n* a\nb\n```\n");
    assert_eq!(
        (lines.as_slice(), told.as_slice()),
        (["```ts{1}", "* a", "b", "```"].map(str::to_owned).as_slice(), ["no-equivalent"].as_slice())
    );
    let (lines, told) = rewritten(
        "---\ntitle: T\nformat: revealjs\n---\n\n## A\n\na\n\n. . .\n\nb\n\n::: {.notes}\nn\n:::\n\n## B {.c}\n\n```{r}\nx <- `y`\n```\n",
    );
    assert_eq!(lines.iter().filter(|line| matches!(line.as_str(), "---" | "--" | "???")).count(), 6, "{lines:?}");
    assert_eq!(told, ["no-equivalent"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.md");
    std::fs::write(&path, "---\nhighlightLines: true\n---\n# A\n\n--\n\nb\n").expect("written");
    assert!(!convert::is_made(&read(&path, None).expect("a deck").0));
}

/// `text`, a deck of `from`, in the other dialect.
fn other(text: &str, from: Dialect) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.md");
    std::fs::write(&path, text).expect("written");
    let (deck, parsed) = read(&path, Some(from)).expect("a deck");
    convert::convert(&deck, &parsed, if from == Dialect::Remark { Dialect::Reveal } else { Dialect::Remark }).text
}

#[test]
fn what_is_said_about_exercises_stays_where_it_stood() {
    let exercise = "Look:\n\n<!-- dockside: exit: 1 -->\n\n```bash\n$ false\n```\n\n<!-- dockside: silent -->\n\n    $ date";
    for (from, deck) in [
        (Dialect::Remark, format!("class: a\n\n# T\n\n<!-- dockside: images: alpine -->\n\n---\n\n# U\n\n{exercise}\n")),
        (
            Dialect::Reveal,
            format!(
                "<!-- .slide: class=\"a\" -->\n# T\n\n![x](x.png) <!-- .element: class=\"b\" -->\n\n<!-- dockside: images: alpine -->\n\n!SUB\n\n# U\n\n{exercise}\n"
            ),
        ),
    ] {
        let there = other(&deck, from);
        let lines: Vec<&str> = there.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let wanted: Vec<&str> = exercise.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(lines.windows(wanted.len()).any(|lines| lines == wanted), "{there}");
        let title = lines.iter().position(|line| line.starts_with("# T")).expect("a title");
        let images = lines.iter().position(|line| *line == "<!-- dockside: images: alpine -->").expect("what the slide says");
        let second = lines.iter().position(|line| *line == "# U").expect("a second title");
        assert!(title < images && images < second, "{there}");
        assert!(!there.contains("<pre>"), "{there}");
    }
}
