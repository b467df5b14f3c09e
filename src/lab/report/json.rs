//! A run as JSON. Field names are an interface: they are added to, not renamed.

use serde_json::{Value, json as object};

use super::Counts;
use crate::lab::matching::EntryKind;
use crate::lab::plan::{Plan, Step};
use crate::lab::run::{ChapterReport, StepReport, Verdict};
use crate::lab::session::End;
use crate::pty::Exit;

/// `{"title", "summary": {…}, "chapters": [{"name", …, "exercises": [{"file", "line", "verdict", …}]}]}`.
pub fn json(plan: &Plan, reports: &[ChapterReport]) -> Value {
    let counts = Counts::of(reports);
    let chapters: Vec<Value> = reports
        .iter()
        .map(|report| {
            let chapter = &plan.chapters[report.chapter];
            let exercises: Vec<Value> = report.steps.iter().map(|s| exercise(&chapter.steps[s.step], s)).collect();
            object!({
                "name": chapter.name,
                "title": chapter.title,
                "file": chapter.file,
                "images": chapter.images,
                "seconds": report.elapsed.as_secs_f64(),
                "exercises": exercises,
            })
        })
        .collect();
    object!({
        "title": plan.title,
        "summary": {"total": counts.total(), "passed": counts.passed, "failed": counts.failed, "errors": counts.errors, "skipped": counts.skipped},
        "chapters": chapters,
    })
}

fn exercise(step: &Step, report: &StepReport) -> Value {
    let (verdict, reason, failures) = match &report.verdict {
        Verdict::Passed => ("passed", None, Vec::new()),
        Verdict::Skipped(why) => ("skipped", Some(why.clone()), Vec::new()),
        Verdict::Failed(failures) => (
            "failed",
            failures.first().map(ToString::to_string),
            failures.iter().map(|f| object!({"kind": f.kind(), "message": f.to_string(), "hint": f.hint()})).collect(),
        ),
    };
    let status = match report.end {
        Some(End::Status(status) | End::Left(status) | End::ShellExited(Exit::Code(status))) => Some(status),
        _ => None,
    };
    let diff: Option<Vec<Value>> = report.comparison.as_ref().map(|comparison| {
        let entries = comparison.entries.iter();
        entries
            .map(|entry| {
                let expected: Vec<&str> = entry.expected.clone().filter_map(|i| step.expected.get(i)).map(|l| l.text.as_str()).collect();
                let line = entry.expected.clone().find_map(|i| step.expected.get(i)).map(|l| l.spot.line);
                let (kind, why) = match &entry.kind {
                    EntryKind::Same => ("same", None),
                    EntryKind::Volatile => ("volatile", None),
                    EntryKind::Elided => ("elided", None),
                    EntryKind::Progress => ("progress", None),
                    EntryKind::WrongValue(why) => ("wrong-value", Some(why)),
                    EntryKind::Drift(why) => ("drift", Some(why)),
                    EntryKind::Wrong => ("wrong", None),
                    EntryKind::Missing => ("missing", None),
                    EntryKind::Extra => ("extra", None),
                };
                object!({"kind": kind, "why": why, "line": line, "expected": expected, "actual": &comparison.actual[entry.actual.clone()]})
            })
            .collect()
    });
    object!({
        "file": step.spot.file,
        "line": step.spot.line,
        "column": step.spot.column,
        "slide": step.slide.as_ref().map(|s| object!({"number": s.number, "heading": s.heading})),
        "prompt": step.prompt,
        "command": step.command,
        "typed": report.typed,
        "verdict": verdict,
        "reason": reason,
        "failures": failures,
        "status": status,
        "seconds": report.elapsed.as_secs_f64(),
        "output": report.output,
        "left_out": report.left_out,
        "expected": step.expected.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(),
        "diff": diff,
        "notes": report.notes,
    })
}
