//! Reports of a run as text, JSON and JUnit. Gives strings; printing them is the command line's.

mod diff;
mod json;
mod junit;
mod pretty;

pub use diff::{Paint, diff};
pub use json::json;
pub use junit::junit;
pub use pretty::{failure, heading, list, summary, verdict_line};

use super::run::{ChapterReport, Verdict};

/// How many exercises came to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    /// Of the failed: could not be judged.
    pub errors: usize,
    pub skipped: usize,
}

impl Counts {
    pub fn of(reports: &[ChapterReport]) -> Counts {
        let mut counts = Counts::default();
        for step in reports.iter().flat_map(|r| &r.steps) {
            match &step.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Skipped(_) => counts.skipped += 1,
                Verdict::Failed(failures) => {
                    counts.failed += 1;
                    counts.errors += usize::from(failures.iter().all(|f| f.is_error()));
                }
            }
        }
        counts
    }

    pub fn total(&self) -> usize {
        self.passed + self.failed + self.skipped
    }
}
