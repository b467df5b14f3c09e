//! `--call` and `--check`: what is asked of a Dockerfile instead of a build, and how the answer is shown.

use super::csv::fields;
use super::solve::Made;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::progressui::{excerpt, report};
use crate::docker::units::{parse_bool, quote};
use crate::trace::lint;

/// A question to the engine.
pub struct Question {
    /// What the engine calls it.
    pub name: String,
    json: bool,
    /// Whether the answer says nothing about the exit status.
    lenient: bool,
}

/// Reads the flags; none where it is to be built.
pub fn read(m: &Matches) -> Result<Option<Question>, Failure> {
    let text = m.text("call");
    if m.on("check") {
        if !["", "build", "check", "lint"].contains(&text) {
            return Err(Failure::new(format!("--check and --call={text} cannot be used together")));
        }
        return Ok(Some(Question { name: "frontend.lint".to_owned(), json: false, lenient: false }));
    }
    let (mut name, mut json, mut lenient) = (String::new(), false, false);
    for field in fields(text) {
        match field.split_once('=') {
            None => name = field,
            Some(("format", "json")) => json = true,
            Some(("format", "text")) => {}
            Some(("format", other)) => return Err(Failure::new(format!("invalid format {}: there are text and json", quote(other)))),
            Some(("ignorestatus", value)) => lenient = parse_bool(value) == Some(true),
            Some(_) => return Err(Failure::new(format!("invalid call value: {text}"))),
        }
    }
    let name = match name.as_str() {
        "" | "build" => return Ok(None),
        "check" => "lint".to_owned(),
        _ => name,
    };
    Ok(Some(Question { name: format!("frontend.{name}"), json, lenient }))
}

impl Question {
    /// Shows the answer.
    pub fn show(&self, c: &Context, made: &Made) -> Outcome {
        let said = |field: &str| made.answer.get(field).map(Vec::as_slice).unwrap_or_default();
        let failed = said("result.statuscode");
        let status = if self.lenient || [&b""[..], b"0"].contains(&failed) { 0 } else { 1 };
        if self.json {
            c.print(said("result.json"));
            c.print("\n");
        } else if self.name == "frontend.lint" {
            let found = lint::decode(said("result.json"));
            let (mut warnings, failure) = found.ok_or_else(|| Failure::new("the engine's answer to the check makes no sense"))?;
            warnings.sort_by_key(|warning| warning.source.as_ref().map_or(0, |source| source.first));
            c.print(report(&warnings, failure.is_some()));
            if let Some(lint::Failure { message, source }) = failure {
                let lines = source.as_ref().map_or_else(String::new, excerpt);
                c.print(if warnings.is_empty() { "" } else { "\n" });
                return Err(Failure::new(format!("ERROR: {message}\n{}", lines.trim_end())));
            }
        } else {
            c.print(said("result.txt"));
        }
        Ok(status)
    }
}
