//! Holds the reveal dialect to the splits that reveal.js makes (`../shared/corpus/reveal-sub`).

mod known;

use std::path::{Path, PathBuf};

use dockside::diag::{SourceFile, SourceText};
use dockside::slides::{Content, Dialect, Options, Slide, SlideDeck};
use serde_json::{Value, json};

fn corpus(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/reveal-sub").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is missing", path.display());
        return None;
    }
    Some(path)
}

fn load(path: &str) -> Option<Value> {
    Some(serde_json::from_slice(&std::fs::read(corpus(path)?).unwrap()).unwrap())
}

fn parse(source: &SourceText) -> SlideDeck {
    dockside::slides::parse(source, &Options { dialect: Some(Dialect::Reveal), ..Options::default() })
}

fn markdown(slide: &Slide) -> &str {
    match slide.content.as_slice() {
        [Content::Markdown(text)] => text,
        other => panic!("{other:?}"),
    }
}

fn notes(slide: &Slide) -> Option<&str> {
    slide.notes.as_ref().map(|notes| match notes.content.as_slice() {
        [Content::Markdown(text)] => text.as_str(),
        other => panic!("{other:?}"),
    })
}

/// The columns of a deck: one slide alone as itself, a stack as a list.
fn columns(deck: &SlideDeck, show: impl Fn(&Slide) -> Value) -> Vec<Vec<Value>> {
    let mut out: Vec<Vec<Value>> = Vec::new();
    for slide in &deck.slides {
        let (column, row) = slide.stack;
        assert_eq!(row, if column < out.len() { out[column].len() } else { 0 });
        out.resize(column + 1, Vec::new());
        out[column].push(show(slide));
    }
    out
}

#[test]
fn edge_cases() {
    let Some(file) = load("edge-cases.json") else { return };
    let mut results = known::Results::new("reveal-sub/edge-cases");
    for case in file["cases"].as_array().unwrap() {
        let deck = parse(&SourceText::from_str("case.md", case["input"].as_str().unwrap()));
        let show = |slide: &Slide| {
            let aside = notes(slide).map_or(String::new(), |n| format!("<aside class=\"notes\"><p>{n}</p>\n</aside>"));
            json!(format!("{}{aside}", markdown(slide)))
        };
        let ours: Value = columns(&deck, show).into_iter().map(|mut c| if c.len() == 1 { c.remove(0) } else { json!(c) }).collect();
        let result = if ours == case["v5"] { Ok(()) } else { Err(format!("{ours} instead of {}", case["v5"])) };
        results.add(case["id"].as_str().unwrap(), result);
    }
    results.judge();
}

#[test]
fn decks() {
    let Some(file) = load("decks.json") else { return };
    let mut results = known::Results::new("reveal-sub/decks");
    for case in file.as_array().unwrap() {
        let local = case["local"].as_str().unwrap();
        let source = SourceText::from_file(SourceFile::read(&corpus(local).unwrap()).unwrap());
        results.add(local, compare(&parse(&source), case, &source));
    }
    results.judge();
}

fn compare(deck: &SlideDeck, case: &Value, source: &SourceText) -> Result<(), String> {
    let slides: Vec<Vec<&Value>> = case["slides"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["vertical"].as_array().map_or_else(|| vec![s], |stack| stack.iter().collect()))
        .collect();
    let ours = columns(deck, |slide| json!(slide.index));
    if ours.iter().map(Vec::len).ne(slides.iter().map(Vec::len)) {
        return Err(format!("columns of {:?}", ours.iter().map(Vec::len).collect::<Vec<_>>()));
    }
    // The one deck that writes its notes as `Note:` was recorded with the other marker.
    let default_notes = case["n_notes_default_sep"] != 0;
    for (slide, expected) in deck.slides.iter().zip(slides.into_iter().flatten()) {
        if !(default_notes && slide.notes.is_some()) {
            if slide.notes.is_some() != (expected["notes"] == true) {
                return Err(format!("slide {}: notes", slide.index));
            }
            let hash = known::sha256(markdown(slide));
            if expected["content_sha256"] != hash.as_str() {
                return Err(format!("slide {}: content {:?}", slide.index, markdown(slide)));
            }
        }
        if let (Some(notes), Some(hash)) = (notes(slide), expected["notes_sha256"].as_str())
            && known::sha256(notes) != hash
        {
            return Err(format!("slide {}: notes {notes:?}", slide.index));
        }
        for directive in expected["directives"].as_array().unwrap() {
            let Some(attributes) = directive.as_str().unwrap().strip_prefix(".slide:") else { continue };
            for (name, value) in &slide.attributes {
                if !attributes.contains(&format!("{name}=\"{value}\"")) {
                    return Err(format!("slide {}: {name} is {value:?}, not of {directive}", slide.index));
                }
            }
            if attributes.matches('=').count() > slide.attributes.len() {
                return Err(format!("slide {}: {:?} instead of {directive}", slide.index, slide.attributes));
            }
        }
        // The record has the first line that looks like a heading, as it is written.
        let heading = dockside::deck::markdown::render(&slide.content, &deck.links, &dockside::deck::markdown::Options::of(deck)).heading;
        let heading = heading.map_or(Value::Null, |(level, text)| json!({"level": level, "text": text}));
        let marked = expected["first_heading"]["text"].as_str().is_some_and(|t| t.contains(['`', '*', '[', '<', '!']));
        if heading != expected["first_heading"] && !marked {
            return Err(format!("slide {}: heading {heading} instead of {}", slide.index, expected["first_heading"]));
        }
        if &source.text()[slide.range.start..slide.range.start + markdown(slide).len()] != markdown(slide) {
            return Err(format!("slide {}: range", slide.index));
        }
    }
    Ok(())
}

/// What a slide shows, and where it stands as far as both dialects can say it.
fn model(slide: &Slide, deck: &SlideDeck) -> Value {
    let options = dockside::deck::markdown::Options::of(deck);
    let body = dockside::deck::markdown::render(&slide.content, &deck.links, &options);
    let notes = slide.notes.as_ref().map(|notes| dockside::deck::markdown::render(&notes.content, &deck.links, &options).text);
    json!({
        "heading": body.heading, "pre": body.counts.pre, "img": body.counts.img, "li": body.counts.li, "text": body.text,
        "notes": notes, "classes": slide.classes, "name": slide.name,
    })
}

/// Converts the deck at `path` and holds the slides of the result to those of the source.
fn convert(path: &Path, to: Dialect) {
    let (course, _) = dockside::course::Course::load(path);
    let deck = &course.decks[0];
    let mut options = deck.options();
    options.dialect = Some(if to == Dialect::Remark { Dialect::Reveal } else { Dialect::Remark });
    let parsed = dockside::slides::parse(&deck.source, &options);
    let converted = dockside::deck::convert::convert(deck, &parsed, to);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("converted.md");
    std::fs::write(&file, &converted.text).unwrap();
    let (course, diagnostics) = dockside::course::Course::load(&file);
    assert!(diagnostics.is_empty(), "{}: {diagnostics:?}", path.display());
    let mut options = course.decks[0].options();
    options.dialect = Some(to);
    let again = dockside::slides::parse(&course.decks[0].source, &options);
    let told: Vec<usize> = converted.diagnostics.iter().filter(|d| d.code == "differs").map(|d| d.line).collect();
    assert_eq!(again.slides.len(), parsed.slides.len(), "{}", path.display());
    for (ours, theirs) in again.slides.iter().zip(&parsed.slides) {
        if !told.contains(&theirs.source.line) {
            assert_eq!(model(ours, &again), model(theirs, &parsed), "{}: slide {}", path.display(), theirs.index + 1);
        }
        // Increments go over to reveal as such.
        assert!(to == Dialect::Remark || ours.continued == theirs.continued);
    }
    assert!(told.len() <= 1 + parsed.slides.len() / 500, "{}: {} of {} slides differ", path.display(), told.len(), parsed.slides.len());
}

#[test]
fn a_converted_deck_shows_the_same() {
    let Some(file) = load("decks.json") else { return };
    for case in file.as_array().unwrap() {
        convert(&corpus(case["local"].as_str().unwrap()).unwrap(), Dialect::Remark);
    }
    for name in ["intro-fullday", "intro-selfpaced", "mlops"] {
        convert(&corpus(&format!("../remark/decks/{name}.md")).unwrap(), Dialect::Reveal);
    }
}

#[test]
fn separators_of_ones_own_are_reveals() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("course.yml");
    std::fs::write(folder.path().join("a.md"), "# A\n---\n# B\n\nNOTES: said\n--\n# C\n").unwrap();
    let text = "decks:\n  - file: a.md\n    separator: '\\r?\\n---\\r?\\n'\n    verticalSeparator: '\\r?\\n--\\r?\\n'\n    notesSeparator: '^NOTES:'\n";
    std::fs::write(&manifest, text).unwrap();
    let (course, diagnostics) = dockside::course::Course::load(&manifest);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let deck = course.decks[0].parse();
    assert_eq!(deck.slides.iter().map(|s| s.stack).collect::<Vec<_>>(), [(0, 0), (1, 0), (1, 1)]);
    assert_eq!(notes(&deck.slides[1]), Some("said"));
    std::fs::write(&manifest, text.replace("'^NOTES:'", "'(?!x)'")).unwrap();
    let (_, diagnostics) = dockside::course::Course::load(&manifest);
    assert_eq!((diagnostics[0].code, diagnostics[0].line), ("bad-setting", 5));
}

#[test]
fn task_lists_code_and_lines_to_mark_are_reveals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.md");
    let text = "# A\n\n- [ ] a\n- [x] b\n\n!SUB\n\n```html\n<!-- .slide: class=\"no\" -->\n```\n\n`<!-- .slide: id=\"no\" -->`\n\n!SUB\n\n<!-- .slide: class=\"yes\" -->\n\n```yaml [2|4-5]\na: 1\nb: 2\nc: 3\nd: 4\ne: 5\n```\n\n!SLIDE\n\n    code\n\n!SLIDE     text\n";
    std::fs::write(&path, text).unwrap();
    let deck = dockside::course::Course::load(&path).0.decks[0].parse();
    use dockside::deck::markdown as md;
    let render = |i: usize| md::render(&deck.slides[i].content, &deck.links, &md::Options::of(&deck));
    assert_eq!(render(0).text, "A a b");
    assert_eq!(render(0).html.matches("type=\"checkbox\"").count(), 2);
    assert_eq!(render(0).html.matches("checked").count(), 1);
    assert_eq!(deck.slides.iter().map(|s| s.classes.join(" ")).collect::<Vec<_>>(), ["", "", "yes", "", ""]);
    assert_eq!((render(3).counts.pre, render(4).counts.pre), (1, 0));
    assert_eq!(deck.slides[1].id, None);
    assert!(render(2).html.contains("language-yaml") && render(2).html.matches("<mark class=\"line\">").count() >= 3, "{}", render(2).html);
}
