//! `dockside build`: Write the slides as HTML.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::CliError;
use crate::course::Course;
use crate::deck::{Body, Builder, Options};
use crate::diag::{self, Diagnostic, Severity};

#[derive(clap::Args)]
pub struct Args {
    /// A course.yml, a manifest, a Markdown deck, or a folder with a course.yml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = "site")]
    output: PathBuf,
    /// Show code in one colour
    #[arg(long)]
    no_highlight: bool,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
    /// Show every warning, not only the first of each kind
    #[arg(short, long)]
    verbose: bool,
}

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    let (course, mut diagnostics) = Course::load(&args.path);
    if let Some(e) = holds(&args.output, &course.base) {
        return Err(e);
    }
    let mut site = Builder::default().build(&course, &Options { highlight: !args.no_highlight, ..Options::default() })?;
    diagnostics.append(&mut site.diagnostics);
    report(&diagnostics, args.verbose);
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors > 0 || (args.strict && warnings > 0) {
        let what = if errors > 0 { plural(errors, "error") } else { plural(warnings, "warning") };
        return Err(CliError::new(format!("nothing was written because of {what}")));
    }
    if site.slides == 0 {
        return Err(CliError::new(format!("there are no slides in {}", args.path.display()))
            .hint("name a Markdown deck, or a folder with a course.yml"));
    }
    site.write(&args.output).map_err(|e| {
        let hint = matches!(e, crate::deck::SiteError::InTheWay { .. });
        let error = CliError::from(e);
        if hint { error.hint("choose another folder with -o, or move the file away") } else { error }
    })?;
    let files = site.files.values().filter(|body| matches!(body, Body::File(_))).count();
    let mut said = format!("{}, {}", plural(site.decks, "deck"), plural(site.slides, "slide"));
    if files > 0 {
        said.push_str(&format!(", {}", plural(files, "other file")));
    }
    println!("{said}: {}", args.output.join("index.html").display());
    Ok(ExitCode::SUCCESS)
}

/// Refuses a folder that the course itself is in.
fn holds(output: &Path, base: &Path) -> Option<CliError> {
    let whole = |path: &Path| if path.as_os_str().is_empty() { Path::new(".").canonicalize() } else { path.canonicalize() };
    let (output_path, base) = (whole(output).ok()?, whole(base).ok()?);
    base.starts_with(&output_path).then(|| {
        CliError::new(format!("{} holds the course itself", output.display())).hint("write to a folder of its own, such as `-o site`")
    })
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How many of one kind are shown before they are only counted.
const SHOWN: usize = 5;

/// Prints diagnostics on standard error, each with its line; many of one kind are cut short unless `all` are wanted.
pub(super) fn report(diagnostics: &[Diagnostic], all: bool) {
    let mut err = std::io::stderr().lock();
    let color = err.is_terminal();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in diagnostics {
        let count = counts.entry(diagnostic.code).or_default();
        *count += 1;
        if all || diagnostic.is_error() || *count <= SHOWN {
            // Whoever does not read this any more does not want it.
            let _ = writeln!(err, "{}\n", diag::render(diagnostic, color));
        }
    }
    if !all {
        for (code, count) in counts.into_iter().filter(|(_, count)| *count > SHOWN) {
            let errors = diagnostics.iter().filter(|d| d.code == code && d.is_error()).count();
            if errors < count {
                let _ = writeln!(err, "… and {} more of {code} (--verbose shows all)\n", count - SHOWN.max(errors));
            }
        }
    }
}
