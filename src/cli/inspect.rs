//! `dockside inspect`: Print the slide model of a deck or course, as JSON or as an outline.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{CliError, exit};
use crate::course::{Course, Deck};
use crate::deck::markdown;
use crate::diag::{self, Diagnostic};
use crate::slides::remark::Engine;
use crate::slides::{Content, Dialect, Slide, SlideDeck};

#[derive(clap::Args)]
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

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    let (course, mut diagnostics) = Course::load(&args.path);
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
    let single = decks.len() == 1;
    let mut failed = diagnostics.iter().any(Diagnostic::is_error);
    let mut out = String::new();
    if args.json {
        let mut objects: Vec<Value> = decks.iter().map(|(deck, slides)| deck_json(deck, slides, !single)).collect();
        let value = match objects.pop() {
            Some(mut deck) if single => {
                let all: Vec<Value> =
                    diagnostics.iter().map(diagnostic_json).chain(deck["diagnostics"].as_array().cloned().unwrap_or_default()).collect();
                deck["diagnostics"] = Value::Array(all);
                deck
            }
            last => {
                objects.extend(last);
                json!({"title": course.title, "decks": objects, "diagnostics": diagnostics.iter().map(diagnostic_json).collect::<Vec<_>>()})
            }
        };
        out = serde_json::to_string_pretty(&value)? + "\n";
    } else {
        for (deck, slides) in &decks {
            if !single {
                out.push_str(&format!("{} ({})\n", deck.title, deck.name));
            }
            outline(slides, &mut out);
        }
    }
    print(&out)?;
    diagnostics.extend(decks.iter().flat_map(|(_, slides)| slides.diagnostics.iter().cloned()));
    failed |= diagnostics.iter().any(Diagnostic::is_error);
    if !args.json || failed {
        let color = std::io::stderr().is_terminal();
        for diagnostic in diagnostics.iter().filter(|d| !args.json || d.is_error()) {
            eprintln!("{}", diag::render(diagnostic, color));
        }
    }
    Ok(ExitCode::from(if failed { exit::ERROR } else { exit::OK }))
}

/// Writes to standard output; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), CliError> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

fn deck_json(deck: &Deck, slides: &SlideDeck, named: bool) -> Value {
    let list: Vec<Value> = slides.slides.iter().map(|slide| slide_json(slide, slides)).collect();
    let diagnostics: Vec<Value> = slides.diagnostics.iter().map(diagnostic_json).collect();
    let dialect = slides.dialect.as_str();
    if named {
        json!({"name": deck.name, "title": deck.title, "dialect": dialect, "slides": list, "diagnostics": diagnostics})
    } else {
        json!({"dialect": dialect, "slides": list, "diagnostics": diagnostics})
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

/// A line a slide: number, heading or first words, and what is on it.
fn outline(deck: &SlideDeck, out: &mut String) {
    let notes = deck.slides.iter().filter(|s| s.notes.is_some()).count();
    let plural = if deck.slides.len() == 1 { "" } else { "s" };
    out.push_str(&format!("{} slide{plural} ({}), {notes} with notes\n", deck.slides.len(), deck.dialect.as_str()));
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
        out.push_str(&format!(
            "{:>width$}  {indent}{title}  {}{}{place}\n",
            slide.number,
            short(marks.join(" ")),
            if marks.is_empty() { "" } else { "  " }
        ));
    }
}
