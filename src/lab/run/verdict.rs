//! What a step's outcome means: passed, failed and why, or skipped. Formats nothing for terminals.

use std::time::Duration;

use crate::lab::matching::{Comparison, is_elision};
use crate::lab::plan::{ExitRule, Step};
use crate::lab::session::{End, EndedBy, Outcome};
use crate::pty::Exit;

/// The verdict on a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed(Vec<Failure>),
    Skipped(String),
}

impl Default for Verdict {
    fn default() -> Self {
        Verdict::Skipped("it was not run".into())
    }
}

/// One reason why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The report's comparison shows it.
    Output,
    Status {
        expected: i32,
        actual: i32,
    },
    TimedOut {
        after: Duration,
        by: EndedBy,
    },
    ShellExited(Exit),
    /// The prompt is one inside a container, and no container's shell is open.
    NoInnerShell(String),
    /// A placeholder that stands for nothing that was printed.
    Placeholder(String),
    /// The lab itself could not be set up.
    Setup(String),
    Cancelled,
}

impl Failure {
    /// A stable word for reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Failure::Output => "output",
            Failure::Status { .. } => "status",
            Failure::TimedOut { .. } => "timeout",
            Failure::ShellExited(_) => "shell-exited",
            Failure::NoInnerShell(_) => "no-inner-shell",
            Failure::Placeholder(_) => "placeholder",
            Failure::Setup(_) => "setup",
            Failure::Cancelled => "cancelled",
        }
    }

    /// Whether the exercise could not be judged, rather than went wrong.
    pub fn is_error(&self) -> bool {
        matches!(self, Failure::Setup(_) | Failure::Cancelled)
    }

    /// What to do about it, where that is not plain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Failure::Status { actual, .. } => {
                Some(format!("if that is what the slide teaches, write <!-- dockside: exit: {actual} --> above the block"))
            }
            Failure::TimedOut { .. } => Some(
                "give it more time with <!-- dockside: timeout: 120 -->, or end the output with a line ^C to have it interrupted".into(),
            ),
            Failure::NoInnerShell(_) => Some("open one in a command before it, such as `docker run -it ubuntu`".into()),
            Failure::Placeholder(name) => {
                let name = name.trim_matches(['<', '>']);
                Some(format!("give it a value with <!-- dockside: set: {name}=VALUE -->, or show it in the output of a command before"))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Failure::Output => write!(f, "it printed something else"),
            Failure::Status { expected, actual } => write!(f, "it exited with {actual}, not with {expected}"),
            Failure::TimedOut { after, by } => {
                let how = match by {
                    EndedBy::Interrupt => "was ended with ^C",
                    EndedBy::Kill => "had to be killed",
                    EndedBy::KilledShell => "had to be killed with its shell",
                };
                write!(f, "it did not end within {} s and {how}", seconds(*after))
            }
            Failure::ShellExited(Exit::Code(code)) => write!(f, "the shell exited {code}"),
            Failure::ShellExited(Exit::Signal(signal)) => write!(f, "the shell was ended by signal {signal}"),
            Failure::NoInnerShell(prompt) => write!(f, "no container's shell is open for the prompt {prompt}"),
            Failure::Placeholder(name) => write!(f, "{name} stands for nothing that was printed before"),
            Failure::Setup(why) => write!(f, "{why}"),
            Failure::Cancelled => write!(f, "the run was interrupted"),
        }
    }
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds:.0}") } else { format!("{seconds:.1}") }
}

/// What became of a step.
#[derive(Clone, Debug, Default)]
pub struct StepReport {
    /// Of the chapter.
    pub step: usize,
    pub verdict: Verdict,
    /// The command with what placeholders and ids stand for in this run.
    pub typed: String,
    pub output: String,
    /// Bytes of output that were not kept.
    pub left_out: u64,
    pub end: Option<End>,
    pub comparison: Option<Comparison>,
    pub elapsed: Duration,
    pub notes: Vec<String>,
}

/// Why a step that was run did not do what its slide says.
///
/// Output that is shown is the proof; its status counts only if the author names one. Without any output the status must be 0, unless
/// the next command asks for it with `$?`.
pub(super) fn failures(
    step: &Step,
    outcome: &Outcome,
    comparison: Option<&Comparison>,
    interrupted: bool,
    consulted: bool,
    timeout: Duration,
    report: &mut StepReport,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let matched = comparison.is_none_or(Comparison::matched);
    if !matched {
        failures.push(Failure::Output);
    }
    let status = match outcome.end {
        End::Status(status) | End::Left(status) => Some(status),
        End::ShellExited(Exit::Code(status)) => Some(status),
        _ => None,
    };
    match &outcome.end {
        End::TimedOut { by } => {
            let endless = matched && step.expected.last().is_some_and(|l| is_elision(&l.text));
            if endless {
                report.notes.push(format!("it went on after what the slide shows and was ended after {} s", seconds(timeout)));
            } else {
                failures.push(Failure::TimedOut { after: timeout, by: *by });
            }
        }
        // `exit` on a slide is meant, if its status is.
        End::ShellExited(exit) if !leaves(&step.command) || *exit != Exit::Code(0) && step.options.exit.is_none() => {
            failures.push(Failure::ShellExited(*exit));
        }
        End::Cancelled => failures.push(Failure::Cancelled),
        _ => {}
    }
    let wanted = match step.options.exit {
        Some(ExitRule::Any) => None,
        Some(ExitRule::Code(code)) => Some(code),
        None if interrupted || consulted || matches!(outcome.end, End::Left(_)) => None,
        None if step.expected.is_empty() => Some(0),
        None => None,
    };
    if let (Some(expected), Some(actual)) = (wanted, status)
        && expected != actual
        && !failures.iter().any(|f| matches!(f, Failure::ShellExited(_)))
    {
        failures.push(Failure::Status { expected, actual });
    }
    failures
}

/// Whether a command ends its shell on purpose.
fn leaves(command: &str) -> bool {
    let first = command.split_whitespace().next().unwrap_or_default();
    matches!(first, "exit" | "logout")
}
