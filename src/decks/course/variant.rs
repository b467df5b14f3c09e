//! Variants of a course: what another audience is shown, by the name that the manifest gives it.

use super::place::Places;
use crate::diag::{Diagnostic, Severity, SourceFile};
use crate::slides::is_language;
use crate::yaml::{Mapping, Value};

/// What differs for an audience.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Classes of slides that are left out besides.
    pub exclude: Vec<String>,
    /// Classes that are shown although the course or the deck leaves them out.
    pub include: Vec<String>,
    /// Files that have a translation into it beside them are read from there.
    pub language: Option<String>,
    pub title: Option<String>,
}

impl Variant {
    /// The classes that are left out of a deck which by itself leaves out `exclude`.
    pub fn excluded(&self, exclude: &[String]) -> Vec<String> {
        let mut all: Vec<String> = exclude.iter().filter(|class| !self.include.contains(class)).cloned().collect();
        all.extend(self.exclude.iter().filter(|class| !exclude.contains(class)).cloned());
        all
    }
}

/// Reads the variant called `name` out of `variants:`; where there is none of this name, a diagnostic tells those that are there.
pub fn read(name: &str, values: &Mapping, file: &SourceFile, diagnostics: &mut Vec<Diagnostic>) -> Variant {
    let mut places = Places::new(file);
    let all = values.get("variants").and_then(Value::as_mapping);
    let Some(map) = all.and_then(|all| all.get(name)) else {
        let known: Vec<&str> = all.into_iter().flat_map(|all| all.keys()).filter_map(Value::as_str).collect();
        let hint = match known.is_empty() {
            true => format!("describe it under `variants:`, such as `{name}: {{exclude: [extra-details]}}`"),
            false => format!("there are {}", known.join(", ")),
        };
        let at = if all.is_some() { places.find("variants") } else { 0 };
        let message = format!("this course has no variant called {name:?}");
        diagnostics.push(Diagnostic::at(Severity::Error, "unknown-variant", message, file, at, 1).hint(hint));
        return Variant::default();
    };
    places.pass("variants");
    let at = places.pass(name);
    let mut problem = |message: String| {
        let hint = "a variant has `exclude` and `include` (lists of classes), `language` and `title`";
        diagnostics.push(Diagnostic::at(Severity::Error, "bad-manifest", message, file, at, name.len()).hint(hint));
    };
    let map = match map {
        Value::Mapping(map) => map,
        Value::Null => return Variant::default(),
        _ => {
            problem(format!("the variant {name:?} is no mapping"));
            return Variant::default();
        }
    };
    let mut variant = Variant::default();
    for (key, value) in map {
        let words = || -> Option<Vec<String>> { value.as_sequence()?.iter().map(|v| v.as_str().map(str::to_owned)).collect() };
        match (key.as_str().unwrap_or_default(), value) {
            ("exclude", _) if words().is_some() => variant.exclude = words().unwrap_or_default(),
            ("include", _) if words().is_some() => variant.include = words().unwrap_or_default(),
            ("language", Value::String(language)) if is_language(language) => variant.language = Some(language.clone()),
            ("language", _) => problem("a language is two letters, such as `fr`, or with a country, such as `pt-BR`".into()),
            ("title", Value::String(title)) => variant.title = Some(super::manifest::one_line(title)),
            (key @ ("exclude" | "include"), _) => problem(format!("`{key}` is a list of classes")),
            (key, _) => problem(format!("a variant has no {key:?}")),
        }
    }
    variant
}
