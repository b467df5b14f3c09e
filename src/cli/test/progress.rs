//! Verdicts as they come, whole chapters at a time, and a line that moves on a terminal.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::CliError;
use crate::cli::output::say;
use crate::lab::plan::{Chapter, Plan, Step};
use crate::lab::report::{self, Paint};
use crate::lab::run::{ChapterReport, Observer, RunOptions, StepReport, Verdict, selection};

/// Prints as the run goes on.
pub struct Progress {
    bar: ProgressBar,
    paint: Paint,
    pretty: bool,
    failed: Mutex<usize>,
    unprinted: Mutex<Option<CliError>>,
}

impl Progress {
    /// Nothing is printed on standard output unless `pretty`.
    pub fn new(plan: &Plan, options: &RunOptions, pretty: bool, paint: Paint) -> Progress {
        let chosen = plan.chapters.iter().filter_map(|c| selection(c, options.filter.as_deref()));
        let total: usize = chosen.map(|s| s.into_iter().filter(|s| *s).count()).sum();
        // Nothing moves where nobody watches.
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar, paint, pretty, failed: Mutex::default(), unprinted: Mutex::default() }
    }

    /// Clears the line that moves, and gives the first thing that kept verdicts from being printed.
    pub fn finish(&self) -> Result<(), CliError> {
        self.bar.finish_and_clear();
        self.unprinted.lock().ok().and_then(|mut error| error.take()).map_or(Ok(()), Err)
    }
}

impl Observer for Progress {
    fn step_starts(&self, _: &Chapter, step: &Step) {
        self.bar.set_message(format!(
            "{}:{} {}",
            step.spot.file.display(),
            step.spot.line,
            step.command.lines().next().unwrap_or_default()
        ));
    }

    fn step_done(&self, _: &Chapter, _: &Step, report: &StepReport) {
        self.bar.inc(1);
        if matches!(report.verdict, Verdict::Failed(_))
            && let Ok(mut failed) = self.failed.lock()
        {
            *failed += 1;
            self.bar.set_prefix(format!("{failed} failed"));
        }
    }

    fn chapter_done(&self, chapter: &Chapter, report: &ChapterReport) {
        if !self.pretty {
            return;
        }
        // Chapters run side by side, so a chapter's verdicts come together.
        let mut lines = vec![report::heading(chapter, self.paint)];
        for step in &report.steps {
            lines.push(report::verdict_line(&chapter.steps[step.step], step, self.paint));
        }
        for step in report.steps.iter().filter(|s| matches!(s.verdict, Verdict::Failed(_))) {
            lines.push(String::new());
            lines.push(report::failure(&chapter.steps[step.step], step, self.paint));
        }
        lines.push(String::new());
        if let Err(e) = self.bar.suspend(|| say(lines.join("\n")))
            && let Ok(mut error) = self.unprinted.lock()
        {
            error.get_or_insert(e);
        }
    }
}
