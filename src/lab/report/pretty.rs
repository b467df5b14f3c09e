//! Verdicts as text for people.

use std::time::Duration;

use super::{Counts, Paint, diff};
use crate::lab::plan::{Chapter, Plan, Step};
use crate::lab::run::{Failure, StepReport, Verdict};

/// The line above a chapter's exercises.
pub fn heading(chapter: &Chapter, paint: Paint) -> String {
    let title = if chapter.title.is_empty() { chapter.name.clone() } else { format!("{} ({})", chapter.title, chapter.name) };
    paint.bold(&title)
}

/// One line for an exercise: its verdict, where it stands, its command.
pub fn verdict_line(step: &Step, report: &StepReport, paint: Paint) -> String {
    let place = format!("{}:{}", step.spot.file.display(), step.spot.line);
    let command = first_line(&step.command);
    match &report.verdict {
        Verdict::Passed => format!("  {} {} {}", paint.green("✓"), paint.dim(&place), command),
        Verdict::Skipped(why) => {
            format!("  {} {} {} {}", paint.yellow("-"), paint.dim(&place), command, paint.dim(&format!("(skipped: {why})")))
        }
        Verdict::Failed(_) => format!("  {} {} {}", paint.red("✗"), place, paint.bold(&command)),
    }
}

fn first_line(command: &str) -> String {
    match command.split_once('\n') {
        Some((first, _)) => format!("{first} …"),
        None => command.to_owned(),
    }
}

/// All about an exercise that failed.
pub fn failure(step: &Step, report: &StepReport, paint: Paint) -> String {
    let Verdict::Failed(failures) = &report.verdict else { return String::new() };
    let spot = &step.spot;
    let slide = step.slide.as_ref().map(|s| match (s.number.as_str(), s.heading.as_str()) {
        ("", "") => String::new(),
        ("", heading) => format!(", “{heading}”"),
        (number, "") => format!(", slide {number}"),
        (number, heading) => format!(", slide {number} “{heading}”"),
    });
    let mut lines = vec![format!("{} {}:{}:{}{}", paint.red("✗"), spot.file.display(), spot.line, spot.column, slide.unwrap_or_default())];
    let mut prompt = format!("{} ", step.prompt);
    for line in step.command.lines() {
        lines.push(format!("    {}{}", paint.dim(&prompt), paint.bold(line)));
        prompt = "> ".into();
    }
    if report.typed != step.command {
        lines.push(paint.dim(&format!("    (typed here: {})", first_line(&report.typed))));
    }
    for failure in failures {
        lines.push(format!("    {}", paint.red(&failure.to_string())));
    }
    match &report.comparison {
        Some(comparison) if !comparison.matched() => {
            // The first line that is wrong may stand far below the command.
            let wrong = comparison.entries.iter().find(|e| !e.kind.is_fine());
            if let Some(line) = wrong.and_then(|e| step.expected.get(e.expected.start)) {
                lines.push(paint.dim(&format!("    from {}:{} on:", line.spot.file.display(), line.spot.line)));
            }
            lines.extend(diff(&step.expected, comparison, paint).lines().map(|l| format!("    {l}")));
        }
        _ => lines.extend(tail(&report.output).into_iter().map(|l| format!("    {}", paint.green(&format!("+ {l}"))))),
    }
    if report.left_out > 0 {
        lines.push(paint.dim(&format!("    ({} bytes of output were left out)", report.left_out)));
    }
    lines.extend(report.notes.iter().map(|n| paint.dim(&format!("    note: {n}"))));
    let hints = failures.iter().filter_map(Failure::hint).chain(absent_image(step, report));
    lines.extend(hints.map(|h| format!("    {} {h}", paint.yellow("hint:"))));
    lines.join("\n")
}

/// An image that had to be pulled where the slide shows no pull.
fn absent_image(step: &Step, report: &StepReport) -> Option<String> {
    const LINE: &str = "Unable to find image '";
    if step.expected.is_empty() || step.expected.iter().any(|l| l.text.contains(LINE)) {
        return None;
    }
    let image = report.output.split_once(LINE)?.1.split_once('\'')?.0;
    Some(format!("if {image} is on the host already, say so at the start of the chapter: <!-- dockside: images: {image} -->"))
}

/// The last lines of an output that nothing was expected of.
fn tail(output: &str) -> Vec<&str> {
    let lines: Vec<&str> = output.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].to_vec()
}

/// The last line of a run.
pub fn summary(counts: Counts, chapters: usize, elapsed: Duration, paint: Paint) -> String {
    let mut parts = vec![format!("{} passed", counts.passed)];
    if counts.failed > 0 {
        parts.push(paint.red(&format!("{} failed", counts.failed)));
    }
    if counts.skipped > 0 {
        parts.push(paint.yellow(&format!("{} skipped", counts.skipped)));
    }
    let total = counts.total();
    let exercises = if total == 1 { "exercise" } else { "exercises" };
    let parts = parts.join(", ");
    let chapters = format!("{chapters} chapter{}", if chapters == 1 { "" } else { "s" });
    format!("{total} {exercises} in {chapters}: {parts} ({:.1} s)", elapsed.as_secs_f64())
}

/// What would be run.
pub fn list(plan: &Plan, selected: &dyn Fn(&Chapter) -> Option<Vec<bool>>, paint: Paint) -> String {
    let mut lines = Vec::new();
    for chapter in &plan.chapters {
        let Some(chosen) = selected(chapter) else { continue };
        let images = if chapter.images.is_empty() { String::new() } else { format!(" [{}]", chapter.images.join(", ")) };
        lines.push(format!("{}{}", heading(chapter, paint), paint.dim(&images)));
        for (step, _) in chapter.steps.iter().zip(chosen).filter(|(_, chosen)| *chosen) {
            let place = format!("{}:{}", step.spot.file.display(), step.spot.line);
            let skip = step.options.skip.as_ref().map_or(String::new(), |why| paint.dim(&format!(" (skipped: {why})")));
            let shown = match step.expected.len() {
                0 => String::new(),
                1 => paint.dim(" (1 line)"),
                n => paint.dim(&format!(" ({n} lines)")),
            };
            lines.push(format!("  {} {} {}{shown}{skip}", paint.dim(&place), step.prompt, first_line(&step.command)));
        }
    }
    lines.join("\n")
}
