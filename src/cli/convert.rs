//! `dockside convert`: Write a deck of one dialect in the other, or another program's as a remark deck.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::build::write;
use super::output::{complain, wants_color, written};
use super::{CliError, exit, readable};
use crate::course::Course;
use crate::deck::convert::{convert, is_made};
use crate::diag::{self, Diagnostic};
use crate::slides::Dialect;

#[derive(clap::Args)]
#[command(after_help = exit::status(STATUS))]
pub struct Args {
    /// A Markdown deck (of remark, reveal, Marp, Slidev, xaringan, Pandoc or Quarto), or a manifest with one deck
    path: PathBuf,
    /// The dialect to write (remark, reveal)
    #[arg(long)]
    to: Dialect,
    /// Read the deck as this dialect instead of recognising it
    #[arg(long)]
    dialect: Option<Dialect>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const STATUS: &[(u8, &str)] = &[
    (exit::OK, "the deck is converted; notes and warnings tell what could not be said in the other dialect"),
    (exit::ERROR, "it is not, or it has errors"),
];

pub fn run(args: Args) -> Result<ExitCode, CliError> {
    readable(&args.path)?;
    let (course, mut diagnostics) = Course::load(&args.path);
    let color = wants_color(&std::io::stderr());
    let tell = |diagnostics: &[Diagnostic]| diagnostics.iter().for_each(|d| complain(diag::render(d, color)));
    let [deck] = course.decks.as_slice() else {
        tell(&diagnostics);
        if course.decks.is_empty() && diagnostics.iter().any(Diagnostic::is_error) {
            return Ok(ExitCode::from(exit::ERROR));
        }
        let names: Vec<&str> = course.decks.iter().map(|deck| deck.name.as_str()).collect();
        let message = format!("{} has {} decks; one at a time can be converted", args.path.display(), names.len());
        return Err(CliError::new(message).hint("name the deck's Markdown file"));
    };
    let mut options = deck.options();
    options.dialect = args.dialect.or(options.dialect);
    let parsed = crate::slides::parse(&deck.source, &options);
    // Another program's deck reads as remark, and is none as it stands.
    let made = args.to == Dialect::Remark && is_made(deck);
    if parsed.dialect == args.to && !made {
        let message = format!("{} is a {} deck already", args.path.display(), args.to.as_str());
        return Err(CliError::new(message).hint("if that is not so, say what it is with --dialect"));
    }
    let converted = convert(deck, &parsed, args.to);
    match &args.output {
        Some(path) => {
            let same = |a: &PathBuf, b: &PathBuf| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
            if deck.source.files().iter().any(|file| same(&file.path().to_owned(), path)) || same(&args.path, path) {
                return Err(CliError::new(format!("{} is the deck itself", path.display())).hint("name another file with -o"));
            }
            write(path, converted.text.as_bytes())?;
        }
        None => {
            let mut out = std::io::stdout().lock();
            written(out.write_all(converted.text.as_bytes()).and_then(|()| out.flush()))?;
        }
    }
    diagnostics.extend(converted.diagnostics);
    tell(&diagnostics);
    let failed = diagnostics.iter().any(Diagnostic::is_error);
    Ok(ExitCode::from(if failed { exit::ERROR } else { exit::OK }))
}
