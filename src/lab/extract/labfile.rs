//! `labs/*.yml`: title, objectives, images, steps with instructions, commands and expected output. Runs nothing.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::console::{self, Line, Shells};
use super::spot_in;
use super::yaml_places::{self, Key};
use crate::diag::{Diagnostic, Severity, SourceText};
use crate::lab::plan::{Chapter, ExitRule, ExpectedLine, Mode, SlideRef, Spot, Step, StepOptions};
use crate::yaml::{self, Value};

/// A lab as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabFile {
    title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "students see them; the runner has no use for them")]
    objectives: Vec<String>,
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    set: std::collections::BTreeMap<String, String>,
    steps: Vec<LabStep>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabStep {
    #[serde(default)]
    title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "students see them; the runner has no use for them")]
    instructions: String,
    #[serde(default)]
    commands: Vec<LabCommand>,
    /// A console block, as on a slide.
    console: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabCommand {
    run: String,
    output: Option<String>,
    /// `/ # ` and the like for a command typed in a container.
    prompt: Option<String>,
    #[serde(alias = "exit")]
    status: Option<Value>,
    timeout: Option<f64>,
    #[serde(rename = "match")]
    mode: Option<String>,
    skip: Option<String>,
    #[serde(default)]
    silent: bool,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    interrupt: bool,
    #[serde(default)]
    fresh: bool,
}

/// Reads a lab as one chapter. `name` is unique in the course.
pub fn read(path: &Path, name: &str) -> (Option<Chapter>, Vec<Diagnostic>) {
    let (file, lab) = match yaml::read::<LabFile>(path) {
        Ok(read) => read,
        Err(diagnostic) => return (None, vec![*diagnostic]),
    };
    let source = SourceText::from_file(file);
    let mut reader =
        Reader { keys: yaml_places::keys(source.text()), source: &source, next: 0, shells: Shells::default(), diagnostics: Vec::new() };
    let mut chapter = Chapter { name: name.to_owned(), title: lab.title, file: path.to_owned(), images: lab.images, ..Chapter::default() };
    chapter.values = lab.set.into_iter().collect();
    for step in lab.steps {
        let slide = SlideRef { number: String::new(), heading: step.title };
        // The order in which a mapping's keys stand is the author's.
        for (i, command) in step.commands.into_iter().enumerate() {
            let step = reader.command(command, &slide, i == 0);
            chapter.steps.push(step);
        }
        if let Some(console) = step.console {
            reader.console(&console, &slide, &mut chapter.steps);
        }
    }
    (Some(chapter), reader.diagnostics)
}

struct Reader<'a> {
    source: &'a SourceText,
    keys: Vec<Key>,
    /// The first key that has not been used.
    next: usize,
    shells: Shells,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The next key `name`, not further than the next `run` after the present one.
    fn key(&mut self, name: &str) -> Option<Key> {
        let at = (self.next..self.keys.len()).find(|&i| self.keys[i].name == name)?;
        self.next = at + 1;
        Some(self.keys[at].clone())
    }

    fn command(&mut self, command: LabCommand, slide: &SlideRef, starts_block: bool) -> Step {
        let run = self.key("run");
        let lines = self.lines(run.as_ref(), command.run.trim_end());
        let output = command.output.as_ref().and_then(|output| {
            // It may stand before `run` in the same item, or after it and before the next.
            let from = run.as_ref().map_or(0, |r| r.item);
            let key = self.keys.iter().find(|k| k.name == "output" && k.item == from).cloned();
            Some(self.lines(Some(&key?), output.trim_end_matches('\n')))
        });
        let fallback = || vec![Line { text: String::new(), offset: run.as_ref().map_or(0, |r| r.offset) }];
        let lines = lines.filter(|l| !l.is_empty()).unwrap_or_else(fallback);
        let expected = match (&command.output, output.flatten()) {
            (None, _) => Vec::new(),
            (Some(_), Some(lines)) => lines.iter().map(|l| ExpectedLine { text: l.text.clone(), spot: self.spot(l) }).collect(),
            // Folded or quoted: the text is known, its place only roughly.
            (Some(text), None) => {
                let spot = Spot { span: 0..0, ..self.spot(&lines[0]) };
                text.lines().map(|l| ExpectedLine { text: l.to_owned(), spot: spot.clone() }).collect()
            }
        };
        let prompt = command.prompt.as_deref().map_or("$", str::trim).to_owned();
        self.shells.typed(&prompt, &command.run);
        let mut options = StepOptions {
            silent: command.silent,
            fresh: command.fresh,
            interrupt: command.interrupt,
            input: command.input,
            ..Default::default()
        };
        options.skip = command.skip;
        let place = self.spot(&lines[0]);
        options.exit = match &command.status {
            None => None,
            Some(Value::Number(n)) => n.as_i64().and_then(|n| i32::try_from(n).ok()).map(ExitRule::Code),
            Some(Value::String(s)) if s == "any" => Some(ExitRule::Any),
            Some(_) => {
                self.problem(&lines[0], "`status` is a number from 0 to 255, or `any`");
                None
            }
        };
        options.timeout = command.timeout.and_then(|s| Duration::try_from_secs_f64(s).ok()).filter(|d| !d.is_zero());
        options.mode = match command.mode.as_deref() {
            None | Some("meaning") => Mode::Meaning,
            Some("exact") => Mode::Exact,
            Some("glob") => Mode::Glob,
            Some("regex") => Mode::Regex,
            Some(_) => {
                self.problem(&lines[0], "`match` is one of meaning, exact, glob and regex");
                Mode::Meaning
            }
        };
        Step {
            prompt,
            command: command.run.trim_end().to_owned(),
            spot: place,
            last_line: self.spot(&lines[lines.len() - 1]),
            expected,
            options,
            slide: Some(slide.clone()),
            starts_block,
        }
    }

    fn console(&mut self, text: &str, slide: &SlideRef, steps: &mut Vec<Step>) {
        let key = self.key("console");
        let lines = self.lines(key.as_ref(), text.trim_end_matches('\n'));
        let offset = key.map_or(0, |k| k.offset);
        let lines = lines.unwrap_or_else(|| text.lines().map(|l| Line { text: l.to_owned(), offset }).collect());
        for (i, step) in console::parse(&lines, &mut self.shells).into_iter().enumerate() {
            steps.push(Step {
                spot: self.spot(&step.first),
                last_line: self.spot(&step.last),
                expected: step.expected.iter().map(|l| ExpectedLine { text: l.text.clone(), spot: self.spot(l) }).collect(),
                prompt: step.prompt,
                command: step.command,
                options: StepOptions::default(),
                slide: Some(slide.clone()),
                starts_block: i == 0,
            });
        }
    }

    /// The lines of a key's value with their places; none when the text there is not the value as it was parsed.
    fn lines(&self, key: Option<&Key>, value: &str) -> Option<Vec<Line>> {
        let lines: Vec<Line> =
            key?.lines.iter().map(|r| Line { text: self.source.text()[r.clone()].to_owned(), offset: r.start }).collect();
        let kept = lines.len() - lines.iter().rev().take_while(|l| l.text.trim().is_empty()).count();
        let lines = &lines[..kept];
        let same = lines.iter().map(|l| l.text.as_str()).eq(value.trim_end().split('\n').filter(|_| !value.trim().is_empty()));
        same.then(|| lines.to_vec())
    }

    fn spot(&self, line: &Line) -> Spot {
        spot_in(self.source, line.offset, line.text.len())
    }

    fn problem(&mut self, line: &Line, message: &str) {
        if let Some(place) = self.source.locate(line.offset) {
            self.diagnostics.push(Diagnostic::at(Severity::Error, "bad-lab", message, place.file, place.offset, line.text.len()));
        }
    }
}
