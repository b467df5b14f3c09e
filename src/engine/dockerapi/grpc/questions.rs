//! What can be asked about a Dockerfile without building it (BuildKit's subrequests). The answer has a form for programs, and one for
//! people.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::Engine;
use crate::base64;
use crate::build::{BuildError, BuildRequest, Checked, Context, Needed, Outline, Report, Target, check, outline, targets};
use crate::buildkit::status::{self, Status};
use crate::trace::{Warning, lint};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What its author should know.
    Lint,
    /// What a target takes.
    Outline,
    /// Which targets there are.
    Targets,
    /// What can be asked.
    Describe,
}

impl Question {
    /// The question of this name.
    pub fn of(name: &str) -> Result<Question, Status> {
        match name {
            "frontend.lint" => Ok(Question::Lint),
            "frontend.outline" => Ok(Question::Outline),
            "frontend.targets" => Ok(Question::Targets),
            "frontend.subrequests.describe" => Ok(Question::Describe),
            other => Err(Status::new(status::UNIMPLEMENTED, format!("unsupported request {other}"))),
        }
    }

    /// The answer, as the fields of a result.
    pub fn answer(
        self,
        engine: &Arc<Engine>,
        request: &BuildRequest,
        context: &Context,
        report: Report<'_>,
    ) -> Result<HashMap<String, Vec<u8>>, BuildError> {
        let pretty = |json: &Json| serde_json::to_vec_pretty(json).unwrap_or_default();
        let (json, text, failed) = match self {
            Question::Lint => {
                let checked = check(engine, request, context, report)?;
                let failed = !checked.warnings.is_empty() || checked.error.is_some();
                (found(&checked), warned(&checked.warnings), failed)
            }
            Question::Outline => {
                let (outline, source) = outline(request, context, report)?;
                (pretty(&outlined(&outline, &source)), outline_for_people(&outline), false)
            }
            Question::Describe => (pretty(&described()), described_for_people(), false),
            Question::Targets => {
                let (targets, source) = targets(request, context, report)?;
                (pretty(&listed(&targets, &source)), targets_for_people(&targets), false)
            }
        };
        let mut fields = vec![("result.json", json), ("result.txt", text.into_bytes()), ("version", b"1.0.0".to_vec())];
        if self == Question::Lint {
            fields.push(("result.statuscode", if failed { b"1".to_vec() } else { b"0".to_vec() }));
        }
        Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// An object of those fields that say something, with a place.
fn object(fields: &[(&str, &str)], lines: (usize, usize)) -> Map<String, Json> {
    let mut object: Map<String, Json> =
        fields.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let place = json!({ "ranges": [{ "start": { "line": lines.0 }, "end": { "line": lines.1 } }] });
    object.insert("location".to_owned(), place);
    object
}

fn listed(targets: &[Target], source: &str) -> Json {
    let of = |target: &Target| {
        let Target { name, description, base, platform, .. } = target;
        let mut object = object(&[("name", name), ("description", description), ("base", base), ("platform", platform)], target.lines);
        if target.default {
            object.insert("default".to_owned(), true.into());
        }
        Json::Object(object)
    };
    json!({ "targets": targets.iter().map(of).collect::<Vec<_>>(), "sources": [base64::encode(source.as_bytes())] })
}

fn outlined(outline: &Outline, source: &str) -> Json {
    let arguments = outline.arguments.iter().map(|argument| {
        let fields = [("name", &argument.name), ("description", &argument.description), ("value", &argument.value)];
        Json::Object(object(&fields.map(|(name, value)| (name, value.as_str())), argument.lines))
    });
    let needed = |needed: &Needed| {
        let mut object = object(&[("name", &needed.name)], needed.lines);
        if needed.required {
            object.insert("required".to_owned(), true.into());
        }
        Json::Object(object)
    };
    let mut all = Map::new();
    for (name, value) in [("name", &outline.name), ("description", &outline.description)] {
        if !value.is_empty() {
            all.insert(name.to_owned(), value.as_str().into());
        }
    }
    let lists = [
        ("args", arguments.collect::<Vec<_>>()),
        ("secrets", outline.secrets.iter().map(needed).collect()),
        ("ssh", outline.agents.iter().map(needed).collect()),
        ("sources", vec![base64::encode(source.as_bytes()).into()]),
    ];
    all.extend(lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name.to_owned(), list.into())));
    Json::Object(all)
}

/// All questions: their names, and what they are for.
const ALL: [(&str, &str); 4] = [
    ("frontend.outline", "List all parameters current build target supports"),
    ("frontend.targets", "List all targets current build supports"),
    ("frontend.lint", "Lint source configurations"),
    ("frontend.subrequests.describe", "List available subrequest types"),
];

fn described() -> Json {
    let of = |(name, description): &(&str, &str)| {
        let fields = json!([{ "name": "result.json" }, { "name": "result.txt" }]);
        let mut object = json!({ "name": name, "version": "1.0.0", "type": "rpc", "description": description, "metadata": fields });
        if *name == "frontend.outline" {
            object["opts"] = json!([{ "name": "target", "description": "Target build stage" }]);
        }
        object
    };
    ALL.iter().map(of).collect()
}

fn described_for_people() -> String {
    let mut rows = vec![["NAME", "VERSION", "DESCRIPTION"].map(str::to_owned)];
    rows.extend(ALL.map(|(name, description)| [name.trim_start_matches("frontend."), "1.0.0", description].map(str::to_owned)));
    table(&rows, 1)
}

/// Warnings for programs, with the failure of the check.
fn found(checked: &Checked) -> Vec<u8> {
    let failure =
        checked.error.as_ref().map(|error| lint::Failure { message: error.message.clone(), source: error.place.as_deref().cloned() });
    lint::encode(&checked.warnings, failure.as_ref())
}

/// Warnings for people.
fn warned(warnings: &[Warning]) -> String {
    let mut text = String::new();
    for warning in warnings {
        let (rule, message) = lint::parts(warning);
        let place = warning.source.as_ref().map_or_else(String::new, |source| format!("{}:{}\n", source.filename, source.first));
        let address = if warning.url.is_empty() { String::new() } else { format!(" - {}", warning.url) };
        let _ = writeln!(text, "{rule}{address}\n{message}\n{place}");
    }
    text
}

fn targets_for_people(targets: &[Target]) -> String {
    let mut rows = vec![["TARGET".to_owned(), "DESCRIPTION".to_owned()]];
    for target in targets {
        let name = match (target.name.as_str(), target.default) {
            ("", true) => "(default)".to_owned(),
            (name, true) => format!("{name} (default)"),
            (name, false) => name.to_owned(),
        };
        rows.push([name, target.description.clone()]);
    }
    table(&rows, 1)
}

fn outline_for_people(outline: &Outline) -> String {
    let mut text = String::new();
    let mut part = |rows: String| {
        text.push_str(&rows);
        text.push('\n');
    };
    if !outline.name.is_empty() || !outline.description.is_empty() {
        let name = if outline.name.is_empty() { "(default)" } else { &outline.name };
        let mut rows = vec![["TARGET:".to_owned(), name.to_owned()]];
        if !outline.description.is_empty() {
            rows.push(["DESCRIPTION:".to_owned(), outline.description.clone()]);
        }
        part(table(&rows, 1));
    }
    if !outline.arguments.is_empty() {
        let mut rows = vec![["BUILD ARG", "VALUE", "DESCRIPTION"].map(str::to_owned)];
        rows.extend(outline.arguments.iter().map(|a| [a.name.clone(), a.value.clone(), a.description.clone()]));
        part(table(&rows, 3));
    }
    for (title, needed) in [("SECRET", &outline.secrets), ("SSH", &outline.agents)] {
        if !needed.is_empty() {
            let mut rows = vec![[title.to_owned(), "REQUIRED".to_owned()]];
            rows.extend(needed.iter().map(|n| [n.name.clone(), if n.required { "true".to_owned() } else { String::new() }]));
            part(table(&rows, 3));
        }
    }
    text
}

/// Rows whose columns stand below one another, `gap` apart.
fn table<const N: usize>(rows: &[[String; N]], gap: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + gap;
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = if column + 1 < N { width(column) } else { 0 };
            let _ = write!(text, "{cell:width$}");
        }
        text.push('\n');
    }
    text
}
