//! What the author wants to hear: levels and exceptions from the manifest, and `<!-- dockside: allow RULE -->` on a slide.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::rules;
use crate::course::{Course, RuleSetting};
use crate::diag::{Diagnostic, SourceFile};

/// The settings of a course.
pub struct Settings {
    rules: HashMap<String, (RuleSetting, GlobSet)>,
}

impl Settings {
    /// Reads them; what names no rule or is no pattern becomes a finding itself.
    pub fn read(course: &Course, found: &mut Vec<Diagnostic>) -> Self {
        let manifest = (!course.lint.is_empty()).then(|| SourceFile::read(&course.path).ok()).flatten();
        let mut rules = HashMap::new();
        for setting in &course.lint {
            let mut problem = |message: String, hint: String| {
                if let Some(file) = &manifest {
                    let level = rules::level("unknown-rule");
                    let length = setting.rule.len();
                    found.push(Diagnostic::at(level, "unknown-rule", message, file, setting.offset, length).hint(hint));
                }
            };
            if !rules::names().any(|name| name == setting.rule) {
                problem(format!("there is no rule {:?}", setting.rule), known());
                continue;
            }
            let mut except = GlobSetBuilder::new();
            for pattern in &setting.except {
                match GlobBuilder::new(pattern).literal_separator(true).build() {
                    Ok(glob) => drop(except.add(glob)),
                    Err(e) => problem(format!("{pattern:?} is no file pattern: {e}"), "write it like \"slides/old/*.md\"".into()),
                }
            }
            let except = except.build().unwrap_or_else(|_| GlobSet::empty());
            rules.insert(setting.rule.clone(), (setting.clone(), except));
        }
        Settings { rules }
    }

    /// Gives each finding its level, and takes away those that nobody wants to hear.
    pub fn apply(&self, course: &Course, found: &mut Vec<Diagnostic>) {
        let mut allowed = Allowed::read(course, found);
        found.retain_mut(|finding| {
            if let Some((setting, except)) = self.rules.get(finding.code) {
                let inside = finding.file.strip_prefix(&course.base).unwrap_or(&finding.file);
                match setting.level {
                    _ if except.is_match(inside) => return false,
                    Some(None) => return false,
                    Some(Some(level)) => finding.severity = level,
                    None => {}
                }
            }
            !allowed.covers(finding)
        });
    }
}

fn known() -> String {
    format!("the rules are {}", rules::names().collect::<Vec<_>>().join(", "))
}

/// Lines on which a comment allows a rule.
struct Allowed {
    /// By file: first line, last line, rule.
    places: HashMap<PathBuf, Vec<(usize, usize, String)>>,
}

impl Allowed {
    /// Reads the comments of all files of the course. A comment is about the slide that it is on.
    fn read(course: &Course, found: &mut Vec<Diagnostic>) -> Self {
        let mut places: HashMap<PathBuf, Vec<(usize, usize, String)>> = HashMap::new();
        let files = course.decks.iter().flat_map(|deck| deck.source.files());
        for file in files {
            if !file.text().contains("dockside:") || places.contains_key(file.path()) {
                continue;
            }
            places.insert(file.path().to_owned(), comments(file, found));
        }
        Allowed { places }
    }

    fn covers(&mut self, finding: &Diagnostic) -> bool {
        let file: &Path = &finding.file;
        self.places
            .get(file)
            .is_some_and(|places| places.iter().any(|(first, last, rule)| (*first..=*last).contains(&finding.line) && rule == finding.code))
    }
}

fn comments(file: &Arc<SourceFile>, found: &mut Vec<Diagnostic>) -> Vec<(usize, usize, String)> {
    let text = file.text();
    // The first line of every slide: its separator, or the start of the file.
    let separates = |line: &str| {
        let line = line.trim_end();
        matches!(line, "---" | "--") || line.starts_with("!SLIDE") || line.starts_with("!SUB")
    };
    let starts: Vec<usize> = [1].into_iter().chain(text.lines().enumerate().filter(|(_, l)| separates(l)).map(|(i, _)| i + 1)).collect();
    let mut allowed = Vec::new();
    for (at, _) in text.match_indices("<!--") {
        let rest = text[at + 4..].trim_start();
        let Some(rest) = rest.strip_prefix("dockside:") else { continue };
        let Some((comment, _)) = rest.split_once("-->") else { continue };
        let line = file.line(at);
        let next = starts.partition_point(|start| *start <= line);
        let first = starts.get(next.saturating_sub(1)).copied().unwrap_or(1);
        let last = starts.get(next).map_or(usize::MAX, |start| start - 1);
        for item in comment.split([';', '\n']) {
            let item = item.trim();
            let Some(words) = item.strip_prefix("allow").filter(|rest| rest.starts_with([' ', ':', '='])) else { continue };
            for rule in words.split([' ', ',', ':', '=']).filter(|word| !word.is_empty()) {
                if rules::names().any(|name| name == rule) {
                    allowed.push((first, last, rule.to_owned()));
                } else {
                    let offset = text[at..].find(rule).map_or(at, |n| at + n);
                    let message = format!("there is no rule {rule:?}");
                    let level = rules::level("unknown-rule");
                    found.push(Diagnostic::at(level, "unknown-rule", message, file, offset, rule.len()).hint(known()));
                }
            }
        }
    }
    allowed
}
