//! `dockside build`: Write the slides as HTML, in a folder or in one file, or as a PDF.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::browser::{self, BrowserArgs};
use super::output::{complain, say, wants_color};
use super::{CliError, exit, readable};
use crate::course::{Course, Deck};
use crate::deck::export::{self, Browser, handout, pdf, single};
use crate::deck::{Body, Builder, Options, Site, SiteError};
use crate::diag::{self, Diagnostic, Severity};

#[derive(clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit::status(STATUS)))]
pub struct Args {
    /// A course.yml, a manifest, a Markdown deck, or a folder with a course.yml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The folder to write to; with --single the file, or a folder if the course has several decks
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Write each deck as one HTML file that needs nothing else
    #[arg(long, conflicts_with = "pdf")]
    single: bool,
    /// Print a deck to this file, with Chromium
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pdf: Option<PathBuf>,
    /// Put each slide on paper once, with all its increments, and the notes below it
    #[arg(long, requires = "pdf")]
    handout: bool,
    /// Take this deck of the course only, by its name
    #[arg(long, value_name = "NAME")]
    deck: Option<String>,
    /// Build for this audience: a name under `variants:` in the manifest
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Show code in one colour
    #[arg(long)]
    no_highlight: bool,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
    /// Show every warning, not only the first of each kind
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    browser: BrowserArgs,
}

const EXAMPLES: &str = "\
Examples:
  dockside build -o site              a folder that works offline, for a web server or a stick
  dockside build --single -o x.html   one file with its pictures in it
  dockside build --pdf x.pdf          one page a slide, printed by an installed Chromium
  dockside build --pdf x.pdf --handout  slides with all their increments, notes below them";

const STATUS: &[(u8, &str)] = &[
    (exit::OK, "the slides are written"),
    (exit::ERROR, "nothing is: the course has errors (with --strict, warnings), or a file is in the way"),
];

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    crate::sys::heap::keep_freed();
    readable(&args.path)?;
    // What can fail at once does so before the work.
    let browser = args.pdf.as_ref().map(|_| args.browser.find().map_err(browser::error)).transpose()?;
    let (mut course, mut diagnostics) = Course::load_variant(&args.path, args.variant.as_deref());
    if let Some(name) = &args.deck {
        let known = course.decks.iter().map(|deck| deck.name.as_str()).collect::<Vec<_>>().join(", ");
        course.decks.retain(|deck| deck.name == *name);
        if course.decks.is_empty() && !known.is_empty() {
            return Err(CliError::new(format!("there is no deck called {name:?}")).hint(format!("there are {known}")));
        }
    }
    if args.pdf.is_some() && course.decks.len() > 1 {
        let known = course.decks.iter().map(|deck| deck.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(
            CliError::new("a PDF is made of one deck, and this course has several").hint(format!("choose one with --deck: {known}"))
        );
    }
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from("site"));
    if !args.single
        && args.pdf.is_none()
        && let Some(e) = holds(&output, &course.base)
    {
        return Err(e);
    }
    let scripts = if args.handout { handout::SCRIPTS } else { "" };
    let options = Options { highlight: !args.no_highlight, scripts, handout: args.handout };
    // A file by itself has no list of decks to go back to.
    let alone = |deck: &Deck| Course { decks: vec![deck.clone()], ..course.clone() };
    let courses = if args.single { course.decks.iter().map(alone).collect() } else { vec![course.clone()] };
    let builder = Builder::default();
    let mut sites = courses.iter().map(|course| builder.build(course, &options)).collect::<Result<Vec<Site>, _>>()?;
    sites.iter_mut().for_each(|site| diagnostics.append(&mut site.diagnostics));
    report(&diagnostics, args.verbose);
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors > 0 || (args.strict && warnings > 0) {
        let what = if errors > 0 { plural(errors, "error") } else { plural(warnings, "warning") };
        return Err(CliError::new(format!("nothing was written because of {what}")));
    }
    if sites.iter().all(|site| site.slides == 0) {
        return Err(CliError::new(format!("there are no slides in {}", args.path.display()))
            .hint("name a Markdown deck, or a folder with a course.yml"));
    }
    for (site, deck) in sites.iter().zip(&course.decks) {
        match (&args.pdf, &browser) {
            (Some(to), Some(browser)) => print(site, browser, to)?,
            _ if args.single => single(site, deck, &file_of(deck, args.output.as_deref(), sites.len() > 1))?,
            _ => folder(site, &output)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the site to a folder.
fn folder(site: &Site, output: &Path) -> Result<(), CliError> {
    site.write(output).map_err(|e| {
        let hint = matches!(e, SiteError::InTheWay { .. });
        let error = CliError::from(e);
        if hint { error.hint("choose another folder with -o, or move the file away") } else { error }
    })?;
    let files = site.files.values().filter(|body| matches!(body, Body::File(_))).count();
    let mut said = format!("{}, {}", plural(site.decks, "deck"), plural(site.slides, "slide"));
    if files > 0 {
        said.push_str(&format!(", {}", plural(files, "other file")));
    }
    say(format_args!("{said}: {}", output.join("index.html").display()))
}

/// Where a deck goes as one file: to `output`, or into it where that is a folder or has to be one.
fn file_of(deck: &Deck, output: Option<&Path>, several: bool) -> PathBuf {
    let name = format!("{}.html", deck.name);
    match output {
        None => PathBuf::from(name),
        Some(folder) if several || folder.is_dir() => folder.join(name),
        Some(file) => file.to_owned(),
    }
}

/// Writes the deck of a site as one file with all that it needs.
fn single(site: &Site, deck: &Deck, to: &Path) -> Result<(), CliError> {
    let whole = |path: &Path| path.canonicalize().ok();
    if whole(to).is_some_and(|to| deck.source.files().iter().any(|file| whole(file.path()).is_some_and(|file| file == to))) {
        return Err(CliError::new(format!("{} is the deck itself", to.display())).hint("write to another file with -o"));
    }
    let html = single::page(site, "index.html")?;
    write(to, html.as_bytes())?;
    say(format_args!("{}, {}, {}: {}", deck.title, plural(site.slides, "slide"), size(html.len()), to.display()))
}

/// Prints the only deck.
fn print(site: &Site, browser: &Browser, to: &Path) -> Result<(), CliError> {
    let html = single::page(site, "index.html")?;
    let pages = pdf::print(browser, &html, to).map_err(|e| match e {
        pdf::PdfError::Browser(e) => browser::error(e),
        other => CliError::from(other),
    })?;
    say(format_args!("{}, {}: {}", plural(site.slides, "slide"), plural(pages, "page"), to.display()))
}

/// Writes a file whole or not at all.
pub(super) fn write(to: &Path, bytes: &[u8]) -> Result<(), CliError> {
    export::write_whole(to, bytes).map_err(|e| CliError::new(format!("cannot write {}: {}", to.display(), diag::reason(&e))))
}

fn size(bytes: usize) -> String {
    if bytes < 1_000_000 { format!("{} kB", bytes.div_ceil(1000)) } else { format!("{:.1} MB", bytes as f64 / 1e6) }
}

/// Refuses a folder that the course itself is in.
fn holds(output: &Path, base: &Path) -> Option<CliError> {
    let whole = |path: &Path| if path.as_os_str().is_empty() { Path::new(".").canonicalize() } else { path.canonicalize() };
    let (output_path, base) = (whole(output).ok()?, whole(base).ok()?);
    base.starts_with(&output_path).then(|| {
        CliError::new(format!("{} holds the course itself", output.display())).hint("write to a folder of its own, such as `-o site`")
    })
}

pub(super) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How many of one kind are shown before they are only counted.
const SHOWN: usize = 5;

/// Prints diagnostics on standard error, each with its line; many of one kind are cut short unless `all` are wanted.
pub(super) fn report(diagnostics: &[Diagnostic], all: bool) {
    let color = wants_color(&std::io::stderr());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in diagnostics {
        let count = counts.entry(diagnostic.code).or_default();
        *count += 1;
        if all || diagnostic.is_error() || *count <= SHOWN {
            complain(format_args!("{}\n", diag::render(diagnostic, color)));
        }
    }
    if !all {
        for (code, count) in counts.into_iter().filter(|(_, count)| *count > SHOWN) {
            let errors = diagnostics.iter().filter(|d| d.code == code && d.is_error()).count();
            if errors < count {
                complain(format_args!("… and {} more of {code} (--verbose shows all)\n", count - SHOWN.max(errors)));
            }
        }
    }
}
