//! The author's words about an exercise: `<!-- dockside: exit: 127; timeout: 60 -->` above a block, or `bash exit=127` on its fence.
//!
//! The vocabulary is described in docs/labs.md. An unknown word is a diagnostic, never ignored.

use std::time::Duration;

use super::console::Line;
use crate::lab::plan::{ExitRule, Mode, StepOptions};

/// What one comment or info string says.
#[derive(Debug, Default)]
pub(super) struct Directive {
    pub images: Vec<String>,
    pub values: Vec<(String, String)>,
    pub chapter: Option<String>,
    pub hidden: bool,
    /// The lines of a comment below its first: commands that students do not see.
    pub console: Vec<Line>,
    skip: Option<String>,
    exit: Vec<ExitRule>,
    timeout: Option<Duration>,
    mode: Option<Mode>,
    fresh: bool,
    silent: bool,
    input: Vec<String>,
    interrupt: bool,
}

/// Something in a directive that is not understood, with its place.
#[derive(Debug)]
pub(super) struct Problem {
    pub message: String,
    pub hint: Option<String>,
    pub offset: usize,
    pub length: usize,
}

const WORDS: &str = "skip, exit, timeout, match, input, interrupt, silent, fresh, hidden, images, chapter, set, allow";

impl Directive {
    /// Parses what stands after `dockside:` in a comment; `offset` is its place.
    pub fn parse(content: &str, offset: usize) -> (Directive, Vec<Problem>) {
        let mut directive = Directive::default();
        let mut problems = Vec::new();
        let (head, body) = content.split_once('\n').unwrap_or((content, ""));
        let mut at = offset;
        for item in head.split(';') {
            directive.item(item, at, &mut problems);
            at += item.len() + 1;
        }
        let mut at = offset + head.len() + 1;
        for line in body.split_inclusive('\n') {
            let text = line.trim_end_matches(['\n', '\r']);
            if directive.hidden {
                // The comment's own indentation is no part of a command.
                let bare = text.trim_start_matches([' ', '\t']);
                directive.console.push(Line { text: bare.to_owned(), offset: at + text.len() - bare.len() });
            } else {
                directive.item(text, at, &mut problems);
            }
            at += line.len();
        }
        (directive, problems)
    }

    /// Parses a fence's info string: `bash skip exit=1`, the words in braces or not.
    pub fn parse_info(info: &str, offset: usize) -> (Directive, Vec<Problem>) {
        let mut directive = Directive::default();
        let mut problems = Vec::new();
        let attributes = info.split_once([' ', '\t', '{', ',']).map_or("", |(_, rest)| rest);
        for word in attributes.split([' ', '\t', '{', '}', ',']).filter(|w| !w.is_empty()) {
            // Other tools' attributes may stand there too, so only words of ours are read.
            let name = word.split(['=', ':']).next().unwrap_or_default();
            if ["skip", "exit", "timeout", "match", "fresh", "silent", "interrupt"].contains(&name) {
                let at = offset + info.find(word).unwrap_or(0);
                directive.item(word, at, &mut problems);
            }
        }
        (directive, problems)
    }

    fn item(&mut self, item: &str, offset: usize, problems: &mut Vec<Problem>) {
        let trimmed = item.trim();
        if trimmed.is_empty() {
            return;
        }
        let offset = offset + item.len() - item.trim_start().len();
        let (name, value) = match trimmed.find([':', '=', ' ']) {
            Some(i) => (&trimmed[..i], trimmed[i + 1..].trim()),
            None => (trimmed, ""),
        };
        let mut problem = |message: String, hint: Option<String>| {
            problems.push(Problem { message, hint, offset, length: trimmed.len() });
        };
        match name {
            "skip" => self.skip = Some(if value.is_empty() { "the author says so".into() } else { value.to_owned() }),
            // For `dockside lint`, which reads it by itself.
            "allow" => {}
            "hidden" => self.hidden = true,
            "fresh" => self.fresh = true,
            "silent" => self.silent = true,
            "interrupt" => self.interrupt = true,
            "chapter" => self.chapter = Some(value.to_owned()),
            "images" => self.images.extend(value.split([',', ' ']).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned)),
            "input" => self.input.push(value.trim_matches('"').to_owned()),
            "set" => match value.split_once('=') {
                Some((name, value)) => self.values.push((name.trim().to_owned(), value.trim().to_owned())),
                None => problem("`set` needs a name and a value".into(), Some("write `set: dockerhubUsername=ada`".into())),
            },
            "exit" => {
                for code in value.split([',', ' ']).filter(|v| !v.is_empty()) {
                    match code.parse() {
                        Ok(code) => self.exit.push(ExitRule::Code(code)),
                        Err(_) if code == "any" => self.exit.push(ExitRule::Any),
                        Err(_) => problem(format!("{code:?} is no exit status"), Some("write a number from 0 to 255, or `any`".into())),
                    }
                }
            }
            "timeout" => match value.trim_end_matches('s').trim().parse::<f64>() {
                Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => self.timeout = Some(Duration::from_secs_f64(seconds)),
                _ => problem(format!("{value:?} is no time-out"), Some("write seconds: `timeout: 60`".into())),
            },
            "match" => match value {
                "meaning" => self.mode = Some(Mode::Meaning),
                "exact" => self.mode = Some(Mode::Exact),
                "glob" => self.mode = Some(Mode::Glob),
                "regex" => self.mode = Some(Mode::Regex),
                _ => problem(format!("{value:?} is no way to match"), Some("there are meaning, exact, glob and regex".into())),
            },
            _ => problem(format!("{name:?} means nothing to dockside"), Some(format!("it knows: {WORDS}"))),
        }
    }

    /// Adds what a later directive about the same block says.
    pub fn merge(&mut self, other: Directive) {
        self.skip = other.skip.or(self.skip.take());
        self.timeout = other.timeout.or(self.timeout);
        self.mode = other.mode.or(self.mode);
        self.fresh |= other.fresh;
        self.silent |= other.silent;
        self.interrupt |= other.interrupt;
        self.input.extend(other.input);
        if !other.exit.is_empty() {
            self.exit = other.exit;
        }
    }

    /// What it says about command `index` of the `count` in its block. One exit status is that of the last command, several go
    /// command by command; typed input and ^C go to the last.
    pub fn options(&self, index: usize, count: usize) -> StepOptions {
        let last = index + 1 == count;
        let exit = match self.exit.as_slice() {
            [one] if last => Some(*one),
            [_] => None,
            several => several.get(index).copied(),
        };
        StepOptions {
            skip: self.skip.clone(),
            exit,
            timeout: self.timeout,
            mode: self.mode.unwrap_or_default(),
            fresh: self.fresh && index == 0,
            hidden: self.hidden,
            silent: self.silent,
            input: if last { self.input.clone() } else { Vec::new() },
            interrupt: self.interrupt && last,
        }
    }
}
