//! What is to be run: chapters of steps, each with the place it was written at. Data only.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::diag::Diagnostic;

/// Everything that one run of `dockside test` may run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub title: String,
    pub chapters: Vec<Chapter>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Steps that share one engine, one shell and one working folder. Chapters know nothing of each other.
#[derive(Clone, Debug, Default)]
pub struct Chapter {
    /// Unique in the plan: a deck's or lab's name, with `#2`, `#3` … for further chapters of the same deck.
    pub name: String,
    pub title: String,
    /// The file it starts in.
    pub file: PathBuf,
    /// Images that the engine holds at the start.
    pub images: Vec<String>,
    /// Values of placeholders, given by the author: `<dockerhubUsername>`.
    pub values: Vec<(String, String)>,
    pub steps: Vec<Step>,
}

impl Chapter {
    /// Whether its steps can need an image engine: it names images, or a command says `docker`.
    pub fn needs_engine(&self) -> bool {
        !self.images.is_empty() || self.steps.iter().any(|s| s.options.skip.is_none() && s.command.contains("docker"))
    }
}

/// A place in an author's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Bytes of the text on disk, without its indentation and line end.
    pub span: Range<usize>,
}

/// One command, and what the slide says that it prints.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// As on the slide: `$`, `root@04c0bb0a6c07:/#`, `/ #`.
    pub prompt: String,
    /// All lines of the command, continuation prompts removed.
    pub command: String,
    pub spot: Spot,
    /// Where the last line of the command stands: expected output that is new goes below it.
    pub last_line: Spot,
    pub expected: Vec<ExpectedLine>,
    pub options: StepOptions,
    pub slide: Option<SlideRef>,
    /// The first command of its block.
    pub starts_block: bool,
}

impl Step {
    /// Whether the command is typed at the lab's own shell and not at a prompt inside a container.
    pub fn at_host(&self) -> bool {
        self.prompt == "$"
    }
}

/// A line of expected output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedLine {
    pub text: String,
    pub spot: Spot,
}

/// The slide or lab step that a command stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlideRef {
    /// As the presenter numbers it; empty in a lab.
    pub number: String,
    pub heading: String,
}

/// How expected lines are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By what values mean: ids, ages, sizes … may differ; tables go by cells; `...` stands for anything.
    #[default]
    Meaning,
    /// Every character, trailing blanks and escapes apart.
    Exact,
    /// `*` and `?` within lines, `...` for lines.
    Glob,
    /// Each line is a regular expression for a whole line, `...` for lines.
    Regex,
}

/// Which exit status a step must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitRule {
    Any,
    Code(i32),
}

/// What an author can say about a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// Not run, and why.
    pub skip: Option<String>,
    pub exit: Option<ExitRule>,
    pub timeout: Option<Duration>,
    pub mode: Mode,
    /// A new shell and a new engine before it.
    pub fresh: bool,
    /// Not shown to students: it stands in a comment.
    pub hidden: bool,
    /// No expected output means that nothing may be printed.
    pub silent: bool,
    /// Typed when the command waits, a piece each time, with keys as `^C`.
    pub input: Vec<String>,
    /// ^C once the expected output has come.
    pub interrupt: bool,
}
