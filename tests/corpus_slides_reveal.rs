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
        let heading = dockside::deck::markdown::render(&slide.content, &deck.links, &Default::default()).heading;
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
