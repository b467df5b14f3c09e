//! A run as JUnit XML: a suite a chapter, a case an exercise, with file and line.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::pretty::failure;
use super::{Paint, diff};
use crate::lab::plan::{Plan, Step};
use crate::lab::run::{ChapterReport, StepReport, Verdict};

/// The XML text.
///
/// # Errors
/// When the text cannot be written as XML.
pub fn junit(plan: &Plan, reports: &[ChapterReport]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new(if plan.title.is_empty() { "dockside" } else { plan.title.as_str() });
    report.set_time(reports.iter().map(|r| r.elapsed).sum());
    for chapter_report in reports {
        let chapter = &plan.chapters[chapter_report.chapter];
        let mut suite = TestSuite::new(chapter.name.as_str());
        suite.set_time(chapter_report.elapsed);
        for step in &chapter_report.steps {
            suite.add_test_case(case(&chapter.name, &chapter.steps[step.step], step));
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn case(suite: &str, step: &Step, report: &StepReport) -> TestCase {
    let status = match &report.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Skipped(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why.as_str());
            status
        }
        Verdict::Failed(failures) => {
            let error = failures.iter().all(|f| f.is_error());
            let mut status = TestCaseStatus::non_success(if error { NonSuccessKind::Error } else { NonSuccessKind::Failure });
            let message: Vec<String> = failures.iter().map(ToString::to_string).collect();
            status.set_message(message.join("; "));
            status.set_type(failures.first().map_or("failure", |f| f.kind()));
            let mut text = failure(step, report, Paint::default());
            if let Some(comparison) = report.comparison.as_ref().filter(|c| c.matched()) {
                text.push('\n');
                text.push_str(&diff(&step.expected, comparison, Paint::default()));
            }
            status.set_description(text);
            status
        }
    };
    let command = step.command.lines().next().unwrap_or_default();
    let mut case = TestCase::new(format!("{}:{} {command}", step.spot.file.display(), step.spot.line), status);
    case.set_classname(suite);
    case.set_time(report.elapsed);
    case.extra.insert("file".into(), step.spot.file.to_string_lossy().into_owned().into());
    case.extra.insert("line".into(), step.spot.line.to_string().into());
    if !report.output.is_empty() {
        case.set_system_out(report.output.as_str());
    }
    case
}
