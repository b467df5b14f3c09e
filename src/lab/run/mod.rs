//! Running a plan: chapters side by side, each in a lab of its own, a verdict for every step. Prints nothing; an observer hears of it.

mod place;
mod react;
mod verdict;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::engine::EngineProvider;
use super::extract::is_bare_prompt;
use super::matching::{Bindings, Comparison, compare, is_elision};
use super::plan::{Chapter, Plan, Step};
use super::session::{End, Outcome, Request, SessionError};
use place::Place;
use react::Reactor;
pub use verdict::{Failure, StepReport, Verdict};

/// How to run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// For steps that name none.
    pub timeout: Duration,
    /// Chapters at a time.
    pub jobs: usize,
    /// Only steps whose command, slide, chapter or file contains this; what stands before them in their chapter runs unreported.
    pub filter: Option<String>,
    /// Where each chapter gets its folder.
    pub folder: PathBuf,
    pub bash: PathBuf,
    /// Set to end everything.
    pub cancelled: Arc<AtomicBool>,
}

/// The reports of one chapter, in the order of its steps.
#[derive(Clone, Debug)]
pub struct ChapterReport {
    /// Of the plan.
    pub chapter: usize,
    pub steps: Vec<StepReport>,
    pub elapsed: Duration,
}

/// Hears what happens, from several threads.
pub trait Observer: Sync {
    fn step_starts(&self, _chapter: &Chapter, _step: &Step) {}
    fn step_done(&self, _chapter: &Chapter, _step: &Step, _report: &StepReport) {}
    fn chapter_done(&self, _chapter: &Chapter, _report: &ChapterReport) {}
}

/// Runs every chapter of a plan and gives the reports in the plan's order.
pub fn run(plan: &Plan, options: &RunOptions, engines: &dyn EngineProvider, observer: &dyn Observer) -> Vec<ChapterReport> {
    let next = AtomicUsize::new(0);
    let reports: Mutex<Vec<ChapterReport>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(chapter) = plan.chapters.get(index) else { return };
            let Some(selected) = selection(chapter, options.filter.as_deref()) else { continue };
            let report = run_chapter(chapter, index, &selected, options, engines, observer);
            observer.chapter_done(chapter, &report);
            if let Ok(mut reports) = reports.lock() {
                reports.push(report);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, plan.chapters.len().max(1)) {
            scope.spawn(work);
        }
    });
    let mut reports = reports.into_inner().unwrap_or_default();
    reports.sort_by_key(|r| r.chapter);
    reports
}

/// Which steps of a chapter are asked for; none when no step is.
pub fn selection(chapter: &Chapter, filter: Option<&str>) -> Option<Vec<bool>> {
    let wanted = |step: &Step| {
        filter.is_none_or(|f| {
            let slide = step.slide.as_ref().map_or("", |s| s.heading.as_str());
            let place = format!("{}:{}", step.spot.file.display(), step.spot.line);
            [step.command.as_str(), slide, &chapter.name, &chapter.title, &place].iter().any(|text| text.contains(f))
        })
    };
    let selected: Vec<bool> = chapter.steps.iter().map(wanted).collect();
    selected.contains(&true).then_some(selected)
}

fn run_chapter(
    chapter: &Chapter,
    index: usize,
    selected: &[bool],
    options: &RunOptions,
    engines: &dyn EngineProvider,
    observer: &dyn Observer,
) -> ChapterReport {
    let started = Instant::now();
    let last = selected.iter().rposition(|s| *s).map_or(0, |i| i + 1);
    let mut runner = Runner { chapter, options, engines, place: None, broken: None, bindings: Bindings::default() };
    for (name, value) in &chapter.values {
        runner.bindings.set(name, value);
    }
    let mut steps = Vec::new();
    for (i, step) in chapter.steps.iter().enumerate().take(last) {
        observer.step_starts(chapter, step);
        let report = runner.step(i, step);
        if selected[i] {
            observer.step_done(chapter, step, &report);
            steps.push(report);
        }
    }
    ChapterReport { chapter: index, steps, elapsed: started.elapsed() }
}

struct Runner<'a> {
    chapter: &'a Chapter,
    options: &'a RunOptions,
    engines: &'a dyn EngineProvider,
    place: Option<Place>,
    /// Why nothing more can run here.
    broken: Option<String>,
    bindings: Bindings,
}

impl Runner<'_> {
    fn step(&mut self, index: usize, step: &Step) -> StepReport {
        let started = Instant::now();
        let mut report = StepReport { step: index, typed: step.command.clone(), ..StepReport::default() };
        if let Some(why) = &step.options.skip {
            report.verdict = Verdict::Skipped(why.clone());
            return report;
        }
        if let Some(why) = &self.broken {
            report.verdict = Verdict::Skipped(why.clone());
            return report;
        }
        if self.options.cancelled.load(Ordering::Relaxed) {
            report.verdict = Verdict::Skipped("the run was interrupted".into());
            return report;
        }
        if let Err(failure) = self.run(index, step, &mut report) {
            report.verdict = Verdict::Failed(vec![failure]);
        }
        report.elapsed = started.elapsed();
        report
    }

    fn run(&mut self, index: usize, step: &Step, report: &mut StepReport) -> Result<(), Failure> {
        if step.options.fresh {
            self.place = None;
        }
        if self.place.is_none() {
            let opened = Place::open(self.chapter, self.options, self.engines);
            self.place =
                Some(opened.inspect_err(|e| self.broken = Some(format!("its chapter could not start ({e})"))).map_err(Failure::Setup)?);
        }
        let Some(place) = self.place.as_mut() else { return Err(Failure::Setup("there is no lab".into())) };
        if place.restart_if_dead().map_err(|e| Failure::Setup(e.to_string()))? {
            report.notes.push("a new shell was started: the one before had ended".into());
        }
        self.enter(step)?;
        let Some(place) = self.place.as_mut() else { return Err(Failure::Setup("there is no lab".into())) };
        if let Some(prompt) = place.session.inner_prompt().filter(|_| !step.at_host()) {
            // The prompt may name a container for the first time.
            compare(&[step.prompt.as_str()], prompt, Default::default(), &mut self.bindings);
        }
        let resolver = place.resolver();
        let (typed, unknown) = self.bindings.substitute(&step.command, &mut |name| resolver.resolve(name));
        if let Some(unknown) = unknown.first() {
            return Err(Failure::Placeholder(unknown.clone()));
        }
        let mut reactor = Reactor::new(step);
        let timeout = step.options.timeout.unwrap_or(self.options.timeout);
        let mut request = Request { command: &typed, timeout, react: &mut |snapshot| reactor.react(snapshot) };
        let outcome = place.session.run(&mut request);
        report.typed = typed;
        let outcome = outcome.map_err(|e: SessionError| Failure::Setup(e.to_string()))?;
        let interrupted = reactor.interrupted();
        let consulted = self.chapter.steps.get(index + 1).is_some_and(|next| next.command.contains("$?"));
        let inner = self.place.as_ref().and_then(|p| p.session.inner_prompt()).map(str::to_owned);
        let comparison = compare_output(step, &outcome, inner.as_deref(), &mut self.bindings);
        report.output.clone_from(&outcome.output);
        report.left_out = outcome.left_out;
        let failures = verdict::failures(step, &outcome, comparison.as_ref(), interrupted, consulted, timeout, report);
        report.comparison = comparison;
        report.end = Some(outcome.end);
        report.verdict = if failures.is_empty() { Verdict::Passed } else { Verdict::Failed(failures) };
        Ok(())
    }

    /// Goes to the shell that the step's prompt stands for.
    fn enter(&mut self, step: &Step) -> Result<(), Failure> {
        let Some(place) = self.place.as_mut() else { return Ok(()) };
        let inside = place.session.inner_prompt().is_some();
        if step.at_host() && inside && !place.session.inner_takes_host_prompt() {
            place.session.leave().map_err(|e| Failure::Setup(e.to_string()))?;
            place.restart_if_dead().map_err(|e| Failure::Setup(e.to_string()))?;
        }
        if !step.at_host() && !inside {
            return Err(Failure::NoInnerShell(step.prompt.clone()));
        }
        Ok(())
    }
}

/// Compares what a step printed with what its slide shows; none when the slide shows nothing.
fn compare_output(step: &Step, outcome: &Outcome, inner_prompt: Option<&str>, bindings: &mut Bindings) -> Option<Comparison> {
    if step.expected.is_empty() && !step.options.silent {
        return None;
    }
    let mut output = outcome.output.clone();
    // The prompt that follows is shown on some slides, and is no output on others.
    if step.expected.last().is_some_and(|l| is_bare_prompt(&l.text))
        && let Some(prompt) = inner_prompt
    {
        if !output.is_empty() && !output.ends_with('\n') {
            output.push('\n');
        }
        output.push_str(prompt);
    }
    // A terminal shows ^C where it was pressed; in line mode ours does not.
    let lines: Vec<&str> = step
        .expected
        .iter()
        .map(|l| match l.text.strip_prefix("^C") {
            Some(rest) if rest.trim().is_empty() => "...",
            Some(rest) => rest,
            None => l.text.as_str(),
        })
        .collect();
    if output.contains("^C") {
        output = output.lines().map(|l| l.strip_prefix("^C").unwrap_or(l)).fold(String::new(), |text, line| text + line + "\n");
    }
    // Ending what shows `...` at its end cuts a line anywhere.
    if matches!(outcome.end, End::TimedOut { .. }) && lines.last().is_some_and(|l| is_elision(l)) && !output.ends_with('\n') {
        output.truncate(output.rfind('\n').map_or(0, |i| i + 1));
    }
    Some(compare(&lines, &output, step.options.mode, bindings))
}
