//! `dockside lint`: What would go wrong in front of a class, by file and line.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::browser::{self, BrowserArgs};
use super::output::{complain, wants_color, written};
use super::{CliError, exit, readable};
use crate::course::Course;
use crate::deck::export::{Browser, measure, single};
use crate::deck::{Builder, Options};
use crate::diag::{self, Diagnostic, Severity, SourceFile};
use crate::lint::{self, rules};

#[derive(clap::Args)]
#[command(after_help = format!("{RULES}\n\n{}", exit::status(STATUS)))]
pub struct Args {
    /// A course.yml, a manifest, a Markdown deck, or a folder with a course.yml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// How to say it: text, json, or GitHub's annotations
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Fail on these too
    #[arg(long, value_enum, value_name = "LEVEL")]
    deny: Option<Deny>,
    /// List the rules and their levels
    #[arg(long)]
    rules: bool,
    /// Look at what this audience is shown: a name under `variants:` in the manifest
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Do not measure the slides in Chromium
    #[arg(long)]
    no_browser: bool,
    #[command(flatten)]
    browser: BrowserArgs,
}

const RULES: &str = "\
A rule is set in the manifest (`lint: {overflow: error, dead-link: off}`, or `{level: warning, except: [\"old/*.md\"]}`) and \
silenced for one slide by a comment on it: <!-- dockside: allow RULE -->";

const STATUS: &[(u8, &str)] = &[
    (exit::OK, "nothing found, or only notes and warnings"),
    (exit::ERROR, "nothing could be looked at: there is no such course, or it cannot be read"),
    (exit::FINDINGS, "errors; with --deny, what it names too"),
];

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Github,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    Warnings,
    Notes,
}

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    if args.rules {
        written(list_rules(&mut std::io::stdout().lock()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = Vec::new();
    let mut decks = 0;
    let (browser, mut skipped) = match args.no_browser {
        true => (None, None),
        false => match args.browser.find() {
            Ok(browser) => (Some(browser), None),
            Err(e) => (None, Some(browser::error(e))),
        },
    };
    for path in courses(&args.path)? {
        let (course, loaded) = Course::load_variant(&path, args.variant.as_deref());
        decks += course.decks.len();
        let measured = match &browser {
            Some(browser) => match overflows(&course, browser) {
                Ok(measured) => measured,
                Err(e) => {
                    skipped = Some(e);
                    Vec::new()
                }
            },
            None => Vec::new(),
        };
        found.extend(lint::check(&course, loaded, measured));
    }
    lint::tidy(&mut found);
    written(print(&found, decks, args.format, &mut std::io::stdout().lock()))?;
    if let Some(why) = skipped {
        complain(format_args!("dockside: slides were not measured, so none can be found too tall: {}", why.message));
        for hint in why.hints {
            complain(format_args!("  hint: {hint}; --no-browser does without"));
        }
    }
    let least = match args.deny {
        None => Severity::Error,
        Some(Deny::Warnings) => Severity::Warning,
        Some(Deny::Notes) => Severity::Note,
    };
    let failed = found.iter().any(|finding| finding.severity >= least);
    Ok(if failed { ExitCode::from(exit::FINDINGS) } else { ExitCode::SUCCESS })
}

fn list_rules(out: &mut impl Write) -> std::io::Result<()> {
    for rule in rules::RULES {
        writeln!(out, "{:20} {:8} {}", rule.name, rule.level.as_str(), rule.about)?;
    }
    out.flush()
}

fn print(found: &[Diagnostic], decks: usize, format: Format, out: &mut (impl Write + IsTerminal)) -> std::io::Result<()> {
    match format {
        Format::Text => {
            let color = wants_color(out);
            for finding in found {
                writeln!(out, "{}\n", diag::render(finding, color))?;
            }
            writeln!(out, "{}", summary(decks, found))?;
        }
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&json(found))?)?,
        Format::Github => {
            for finding in found {
                writeln!(out, "{}", annotation(finding))?;
            }
        }
    }
    out.flush()
}

/// The slides of a course that are taller than the page.
fn overflows(course: &Course, browser: &Browser) -> Result<Vec<Diagnostic>, CliError> {
    let mut found = Vec::new();
    for deck in &course.decks {
        let one = Course { decks: vec![deck.clone()], labs: Vec::new(), ..course.clone() };
        let site = Builder::default().build(&one, &Options { highlight: false, ..Options::default() })?;
        let html = single::page(&site, "index.html")?;
        let tall = measure::tall(browser, &html).map_err(browser::error)?;
        found.extend(lint::overflow::findings(deck, &tall));
    }
    Ok(found)
}

/// The manifests or decks that `path` means: itself, its `course.yml`, or else every manifest in the folder.
fn courses(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !path.is_dir() || path.join("course.yml").exists() {
        readable(path)?;
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| CliError::new(format!("cannot read {}: {}", path.display(), diag::reason(&e))))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_manifest(path)).collect();
    found.sort();
    if found.is_empty() {
        readable(path)?;
    }
    Ok(found)
}

/// Whether a file is a course's manifest rather than any other YAML.
fn is_manifest(path: &Path) -> bool {
    let yaml = matches!(path.extension().and_then(|e| e.to_str()), Some("yml" | "yaml"));
    yaml && SourceFile::read(path).is_ok_and(|file| file.text().lines().any(|l| l.starts_with("content:") || l.starts_with("decks:")))
}

fn summary(decks: usize, found: &[Diagnostic]) -> String {
    let count = |severity| found.iter().filter(|d| d.severity == severity).count();
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counts: Vec<_> = counts.into_iter().map(|(s, what)| (count(s), what)).filter(|(n, _)| *n > 0).map(|(n, w)| plural(n, w)).collect();
    let decks = plural(decks, "deck");
    if counts.is_empty() { format!("{decks}: nothing to complain of") } else { format!("{decks}: {}", counts.join(", ")) }
}

fn json(found: &[Diagnostic]) -> serde_json::Value {
    let finding = |d: &Diagnostic| {
        json!({
            "rule": d.code,
            "level": d.severity.as_str(),
            "message": d.message,
            "file": d.file.display().to_string(),
            "line": (d.line > 0).then_some(d.line),
            "column": (d.column > 0).then_some(d.column),
            "excerpt": d.excerpt.as_ref().map(|excerpt| &excerpt.line),
            "hint": d.hint,
        })
    };
    json!({ "version": 1, "findings": found.iter().map(finding).collect::<Vec<_>>() })
}

/// A finding as a workflow command of GitHub's: `::warning file=…,line=…,col=…,title=…::message`.
fn annotation(finding: &Diagnostic) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut place = format!("file={}", property(&finding.file.display().to_string()));
    if finding.line > 0 {
        place.push_str(&format!(",line={},col={}", finding.line, finding.column.max(1)));
    }
    let mut message = finding.message.clone();
    if let Some(hint) = &finding.hint {
        message.push_str(&format!("\n{hint}"));
    }
    format!("::{command} {place},title={}::{}", property(finding.code), data(&message))
}
