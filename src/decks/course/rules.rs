//! `lint:` of a manifest: how loud each rule is, and where it is silent. Which rules there are, the `lint` room knows.

use super::place::Places;
use crate::diag::{Diagnostic, Severity, SourceFile};
use crate::yaml::{Mapping, Value};

/// What a manifest says about one rule of `dockside lint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSetting {
    pub rule: String,
    /// `None` turns the rule off; not given at all, it keeps its own level.
    pub level: Option<Option<Severity>>,
    /// File patterns, relative to the course's folder, in which the rule is off.
    pub except: Vec<String>,
    /// Where the rule stands in the manifest.
    pub offset: usize,
}

/// Reads `lint:`, a mapping from rules to `error`, `warning`, `note` or `off`, or to `{level: …, except: [patterns]}`.
pub fn read(values: &Mapping, file: &SourceFile, diagnostics: &mut Vec<Diagnostic>) -> Vec<RuleSetting> {
    let mut places = Places::new(file);
    let mut problem = |offset: usize, length: usize, message: String| {
        let hint = "write `rule: off`, or `rule: {level: warning, except: [\"old/*.md\"]}`";
        diagnostics.push(Diagnostic::at(Severity::Error, "bad-manifest", message, file, offset, length).hint(hint));
    };
    let rules = match values.get("lint") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Mapping(rules)) => rules,
        Some(_) => {
            problem(places.find("lint"), 4, "`lint` is a mapping from rules to levels".into());
            return Vec::new();
        }
    };
    places.pass("lint");
    let mut settings = Vec::new();
    for (rule, value) in rules {
        let Some(rule) = rule.as_str() else { continue };
        let offset = places.find(rule);
        let mut setting = RuleSetting { rule: rule.to_owned(), level: None, except: Vec::new(), offset };
        let level = match value {
            Value::Mapping(map) => {
                for key in map.keys().filter_map(Value::as_str).filter(|key| !["level", "except"].contains(key)) {
                    problem(offset, rule.len(), format!("a rule has a `level` and an `except`, but no {key:?}"));
                }
                match map.get("except") {
                    Some(Value::Sequence(list)) => setting.except = list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
                    Some(Value::String(pattern)) => setting.except = vec![pattern.clone()],
                    None | Some(Value::Null) => {}
                    Some(_) => problem(offset, rule.len(), "`except` is a list of file patterns".into()),
                }
                map.get("level")
            }
            other => Some(other),
        };
        match level.map(level_of) {
            Some(None) => problem(offset, rule.len(), format!("the level of {rule} is none of error, warning, note and off")),
            Some(level) => setting.level = level,
            None => {}
        }
        settings.push(setting);
    }
    settings
}

/// `off` may come as the word or, from an older YAML, as `false`.
fn level_of(value: &Value) -> Option<Option<Severity>> {
    match value {
        Value::Bool(false) => Some(None),
        Value::String(level) => match level.as_str() {
            "off" => Some(None),
            "note" => Some(Some(Severity::Note)),
            "warning" => Some(Some(Severity::Warning)),
            "error" => Some(Some(Severity::Error)),
            _ => None,
        },
        _ => None,
    }
}
