//! A plan out of paths: courses, manifests, decks, labs. Prints nothing; what is wrong is in the plan's diagnostics.

use std::path::{Path, PathBuf};

use super::extract;
use super::plan::Plan;
use crate::course::Course;
use crate::diag::{Diagnostic, Severity};

/// Reads what is to be run out of `paths`: folders with a `course.yml`, manifests, Markdown decks, `labs/*.yml`.
/// Courses are read for the audience that `variant` names, where it is given.
pub fn load(paths: &[PathBuf], variant: Option<&str>) -> Plan {
    let mut plan = Plan::default();
    for path in paths {
        if is_lab(path) {
            add_lab(&mut plan, path);
        } else {
            add_course(&mut plan, path, variant);
        }
    }
    name_apart(&mut plan);
    plan
}

fn add_course(plan: &mut Plan, path: &Path, variant: Option<&str>) {
    let (course, diagnostics) = Course::load_variant(path, variant);
    plan.diagnostics.extend(diagnostics);
    if plan.title.is_empty() {
        plan.title.clone_from(&course.title);
    }
    for deck in &course.decks {
        let slides = deck.parse();
        plan.diagnostics.extend(slides.diagnostics.iter().filter(|d| d.is_error()).cloned());
        let (mut chapters, diagnostics) = extract::deck(&deck.name, &deck.title, &deck.source, &slides);
        plan.diagnostics.extend(diagnostics);
        // Every chapter of the deck has them, unless it begins with a list of its own.
        for (i, chapter) in chapters.iter_mut().enumerate() {
            if i == 0 || chapter.images.is_empty() {
                chapter.images.splice(0..0, deck.images.iter().cloned());
            }
        }
        plan.chapters.extend(chapters);
    }
    for lab in &course.labs {
        add_lab(plan, lab);
    }
}

fn add_lab(plan: &mut Plan, path: &Path) {
    let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let (chapter, diagnostics) = extract::lab(path, &name);
    plan.diagnostics.extend(diagnostics);
    match chapter {
        Some(chapter) if chapter.steps.is_empty() => {
            plan.diagnostics.push(Diagnostic::about_file(Severity::Warning, "empty-lab", "this lab has no commands", path));
        }
        Some(chapter) => {
            if plan.title.is_empty() {
                plan.title.clone_from(&chapter.title);
            }
            plan.chapters.push(chapter);
        }
        None => {}
    }
}

/// A YAML file with steps is a lab, any other a manifest.
fn is_lab(path: &Path) -> bool {
    if !path.extension().is_some_and(|e| e == "yml" || e == "yaml") {
        return false;
    }
    let Ok(text) = crate::diag::SourceFile::read(path) else { return false };
    text.text().lines().any(|line| line.trim_end() == "steps:" || line.starts_with("steps: "))
}

/// Two chapters of one name (two decks called `index`) get a number.
fn name_apart(plan: &mut Plan) {
    for i in 1..plan.chapters.len() {
        let name = plan.chapters[i].name.clone();
        let mut n = 2;
        let mut candidate = name.clone();
        while plan.chapters[..i].iter().any(|c| c.name == candidate) {
            candidate = format!("{name}({n})");
            n += 1;
        }
        plan.chapters[i].name = candidate;
    }
}
