//! `dockside inspect`: Print the slide model of a deck or course, as JSON or as an outline.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::output::{complain, wants_color, written};
use super::{CliError, exit, readable};
use crate::course::{Course, Deck};
use crate::deck::markdown;
use crate::diag::{self, Diagnostic};
use crate::slides::remark::Engine;
use crate::slides::{Content, Dialect, Slide, SlideDeck};

#[derive(clap::Args)]
#[command(after_help = exit::status(STATUS))]
pub struct Args {
    /// A deck (Markdown), a manifest, or a folder with a course.yml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print the model as one JSON object
    #[arg(long)]
    json: bool,
    /// Read decks as this dialect instead of recognising it (remark, reveal)
    #[arg(long)]
    dialect: Option<Dialect>,
    /// Read remark decks as this version does: container.training (the default) or 0.15
    #[arg(long, value_name = "VERSION")]
    remark: Option<Engine>,
    /// Leave out slides of this class (can be given several times)
    #[arg(long, value_name = "CLASS")]
    exclude: Vec<String>,
}

const STATUS: &[(u8, &str)] = &[
    (exit::OK, "the model is printed"),
    (exit::ERROR, "the deck or course has errors, or cannot be read; what is printed lacks something"),
];

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    readable(&args.path)?;
    let (course, found) = Course::load(&args.path);
    let decks: Vec<(&Deck, SlideDeck)> = course
        .decks
        .iter()
        .map(|deck| {
            let mut options = deck.options();
            options.dialect = args.dialect.or(options.dialect);
            options.remark = args.remark.unwrap_or(options.remark);
            options.exclude.extend(args.exclude.iter().cloned());
            (deck, crate::slides::parse(&deck.source, &options))
        })
        .collect();
    // Slides are written one by one as they are rendered: the text of a whole course is many times as large as the course.
    let mut out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let result = if args.json { write_json(&course, &decks, &found, &mut out) } else { write_outline(&decks, &mut out) };
    written(result.and_then(|()| out.flush()))?;
    let all = || found.iter().chain(decks.iter().flat_map(|(_, slides)| &slides.diagnostics));
    let failed = all().any(Diagnostic::is_error);
    if !args.json || failed {
        let color = wants_color(&std::io::stderr());
        for diagnostic in all().filter(|d| !args.json || d.is_error()) {
            complain(diag::render(diagnostic, color));
        }
    }
    Ok(ExitCode::from(if failed { exit::ERROR } else { exit::OK }))
}

/// Writes the model: the deck where there is one, else the course with its decks.
fn write_json(course: &Course, decks: &[(&Deck, SlideDeck)], found: &[Diagnostic], out: &mut impl Write) -> std::io::Result<()> {
    match decks {
        [(_, slides)] => serde_json::to_writer_pretty(&mut *out, &DeckJson { named: None, slides, found })?,
        decks => {
            let list = List(|| decks.iter().map(|(deck, slides)| DeckJson { named: Some(deck), slides, found: &[] }));
            let diagnostics = List(|| found.iter().map(diagnostic_json));
            serde_json::to_writer_pretty(&mut *out, &CourseJson { title: &course.title, decks: list, diagnostics })?;
        }
    }
    writeln!(out)
}

/// Something that is made item by item while it is written.
struct List<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for List<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

#[derive(Serialize)]
struct CourseJson<'a, D, F> {
    title: &'a str,
    decks: D,
    diagnostics: F,
}

struct DeckJson<'a> {
    /// A deck that is one of several has a name.
    named: Option<&'a Deck>,
    slides: &'a SlideDeck,
    /// What was found before the slides were looked at.
    found: &'a [Diagnostic],
}

impl Serialize for DeckJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let deck = self.slides;
        let mut map = serializer.serialize_map(None)?;
        if let Some(named) = self.named {
            map.serialize_entry("name", &named.name)?;
            map.serialize_entry("title", &named.title)?;
        }
        map.serialize_entry("dialect", deck.dialect.as_str())?;
        map.serialize_entry("slides", &List(|| deck.slides.iter().map(|slide| slide_json(slide, deck))))?;
        map.serialize_entry("diagnostics", &List(|| self.found.iter().chain(&deck.diagnostics).map(diagnostic_json)))?;
        map.end()
    }
}

fn slide_json(slide: &Slide, deck: &SlideDeck) -> Value {
    let options = markdown::Options::of(deck);
    let rendered = markdown::render(&slide.content, &deck.links, &options);
    let properties: serde_json::Map<String, Value> = slide.properties.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
    json!({
        "index": slide.index,
        "number": slide.number,
        "id": slide.id,
        "properties": properties,
        "classes": slide.classes,
        "notes": slide.notes.as_ref().map(|notes| match deck.dialect {
            // As remark shows them; reveal's are kept as they are written.
            Dialect::Remark => markdown::render(&notes.content, &deck.links, &options).text,
            Dialect::Reveal => source(&notes.content).trim().to_owned(),
        }),
        "heading": rendered.heading.map(|(level, text)| json!({"level": level, "text": text})),
        "counts": {"pre": rendered.counts.pre, "img": rendered.counts.img, "li": rendered.counts.li},
        "text": rendered.text,
        "stack": [slide.stack.0, slide.stack.1],
        "source": {"file": slide.source.file.display().to_string(), "line": slide.source.line, "end_line": slide.source.end_line},
    })
}

/// Content as its author wrote it.
fn source(content: &[Content]) -> String {
    let mut out = String::new();
    for piece in content {
        match piece {
            Content::Markdown(text) => out.push_str(text),
            Content::Class { classes, content, .. } => out.push_str(&format!(".{}[{}]", classes.join("."), source(content))),
        }
    }
    out
}

fn diagnostic_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": diagnostic.file.display().to_string(),
        "line": diagnostic.line,
        "column": diagnostic.column,
    })
}

fn write_outline(decks: &[(&Deck, SlideDeck)], out: &mut impl Write) -> std::io::Result<()> {
    for (deck, slides) in decks {
        if decks.len() > 1 {
            writeln!(out, "{} ({})", deck.title, deck.name)?;
        }
        outline(slides, out)?;
    }
    Ok(())
}

/// A line a slide: number, heading or first words, and what is on it.
fn outline(deck: &SlideDeck, out: &mut impl Write) -> std::io::Result<()> {
    let notes = deck.slides.iter().filter(|s| s.notes.is_some()).count();
    let plural = if deck.slides.len() == 1 { "" } else { "s" };
    writeln!(out, "{} slide{plural} ({}), {notes} with notes", deck.slides.len(), deck.dialect.as_str())?;
    let width = deck.slides.iter().map(|s| s.number.len()).max().unwrap_or(0);
    for slide in &deck.slides {
        let rendered = markdown::render(&slide.content, &deck.links, &markdown::Options::of(deck));
        let title = match rendered.heading {
            Some((_, text)) => text,
            None if rendered.text.is_empty() => "(empty)".into(),
            None => rendered.text,
        };
        let short = |text: String| if text.chars().count() > 60 { text.chars().take(59).chain(['…']).collect() } else { text };
        let title = short(title);
        let indent = if slide.continued || slide.stack.1 > 0 { "  " } else { "" };
        let mut marks: Vec<String> = slide.classes.iter().map(|c| format!(".{c}")).collect();
        marks.extend(slide.name.iter().map(|name| format!("#{name}")));
        let place = format!("{}:{}", slide.source.file.display(), slide.source.line);
        let gap = if marks.is_empty() { "" } else { "  " };
        writeln!(out, "{:>width$}  {indent}{title}  {}{gap}{place}", slide.number, short(marks.join(" ")))?;
    }
    Ok(())
}
