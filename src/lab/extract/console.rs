//! The lines of a console block into commands and their output. Knows no Markdown and decides nothing about matching.

use std::sync::LazyLock;

use regex::Regex;

use super::shell;

/// A line of a block and where its content starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    /// Byte in the text that the block was found in.
    pub offset: usize,
}

/// A command with the output below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsoleStep {
    pub prompt: String,
    pub command: String,
    /// The command's first line, from the command on (the prompt is not in it).
    pub first: Line,
    /// Its last line; the same line, prompt included, where it has only one.
    pub last: Line,
    pub expected: Vec<Line>,
}

/// Whether a shell inside a container (or another root shell) is open at this point of a chapter: only then is `# ` a prompt.
#[derive(Clone, Debug, Default)]
pub struct Shells {
    inside: bool,
}

static INNER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:",
        r"\[?[A-Za-z_][\w.-]*@[\w.<>-]+(?:[: ][^\]#$%\s]*)?(?: [^\]#$%\s]+)?\]?[#$]", // root@04c0:/#  [root@04c0 /]#  ada@node1:~$
        r"|[~/][\w./~-]* [#$]",                                                       // / #
        r"|(?:bash|sh|ash|dash)-[\d.]+[#$]",                                          // bash-5.2#
        r")(?: |$)"
    ))
    .expect("a constant pattern")
});

static OPENS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\bdocker\b.*\s(?:-[a-z]*(?:it|ti)[a-z]*|-i\s+-t|-t\s+-i|--interactive|--tty)\b|\bdocker\s+(?:container\s+)?attach\b",
        r"|\b(?:unshare|nsenter|chroot)\b|\bsudo\s+(?:-i|-s|su|bash|sh)\b|^\s*(?:su|bash|sh)\b(?:\s+-)?\s*$"
    ))
    .expect("a constant pattern")
});

/// Whether a line is typed at the lab's own prompt, `$ `.
pub(super) fn is_host_prompt(line: &str) -> bool {
    unmark(line).starts_with("$ ")
}

/// Whether a line is typed at a prompt that only a container's shell has.
pub(super) fn is_inner_prompt(line: &str) -> bool {
    split_prompt(line, false).is_some_and(|(_, at)| at < line.trim_end().len())
}

/// Whether a line is such a prompt and nothing else.
pub(super) fn is_bare_prompt(line: &str) -> bool {
    let line = line.trim_end();
    INNER.find(line).is_some_and(|found| found.end() == line.len())
}

/// remark marks a line of code with a `*` in front.
fn unmark(line: &str) -> &str {
    let bare = line.strip_prefix('*').map(|rest| rest.trim_start_matches(' '));
    match bare {
        Some(rest) if rest.starts_with("$ ") || INNER.is_match(rest) => rest,
        _ => line,
    }
}

/// Splits a line into its prompt and the byte at which the command starts. `root` allows `# `.
fn split_prompt(line: &str, root: bool) -> Option<(String, usize)> {
    let bare = unmark(line);
    let skipped = line.len() - bare.len();
    let prompt = if bare == "$" || bare.starts_with("$ ") {
        "$"
    } else if root && (bare == "#" || bare.starts_with("# ")) {
        "#"
    } else {
        INNER.find(bare)?.as_str().trim_end()
    };
    let command = bare[prompt.len()..].len() - bare[prompt.len()..].trim_start_matches(' ').len();
    Some((prompt.to_owned(), skipped + prompt.len() + command))
}

/// Parses the lines of a block.
pub(super) fn parse(lines: &[Line], shells: &mut Shells) -> Vec<ConsoleStep> {
    let mut steps: Vec<ConsoleStep> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        at += 1;
        let prompt = split_prompt(&line.text, shells.inside).filter(|(_, start)| *start < line.text.trim_end().len());
        let Some((prompt, start)) = prompt else {
            // What stands before the first prompt belongs to no command; a bare `$` at the end is a prompt that waits.
            if let Some(step) = steps.last_mut().filter(|_| line.text.trim_end() != "$") {
                step.expected.push(line.clone());
            }
            continue;
        };
        let first = Line { text: line.text[start..].to_owned(), offset: line.offset + start };
        let mut command = vec![first.text.trim_end().to_owned()];
        let mut last = line.clone();
        if !shell::is_complete(&command[0]) {
            let taken = continuation(&command[0], &lines[at..]);
            command.extend(taken.iter().cloned());
            at += taken.len();
            if !taken.is_empty() {
                last = lines[at - 1].clone();
            }
        }
        let command = command.join("\n");
        shells.typed(&prompt, &command);
        steps.push(ConsoleStep { prompt, command, first, last, expected: Vec::new() });
    }
    for step in &mut steps {
        let blank = |l: &Line| l.text.trim().is_empty();
        step.expected.truncate(step.expected.iter().rposition(|l| !blank(l)).map_or(0, |i| i + 1));
    }
    steps
}

/// The lines that complete `command`, without `> ` in front where all of them have it; none when no number of lines completes it.
fn continuation(command: &str, rest: &[Line]) -> Vec<String> {
    // A here-document can be long; a lone quote in a comment must not swallow a deck.
    const MAX: usize = 400;
    let mut command = command.to_owned();
    let mut lines = Vec::new();
    for line in rest.iter().take(MAX) {
        let prompted = line.text == ">" || line.text.starts_with("> ");
        if !prompted && split_prompt(&line.text, false).is_some() && !shell::in_here_document(&command) {
            break;
        }
        let text = if prompted { line.text[1..].strip_prefix(' ').unwrap_or(&line.text[1..]) } else { line.text.as_str() };
        command.push('\n');
        command.push_str(text);
        lines.push(text.to_owned());
        if shell::is_complete(&command) {
            return lines;
        }
    }
    Vec::new()
}

impl Shells {
    /// Follows a command that is typed at `prompt`.
    pub(super) fn typed(&mut self, prompt: &str, command: &str) {
        let leaves = matches!(command.trim(), "exit" | "logout") || command.trim().starts_with("exit ");
        self.inside = match prompt {
            "$" => OPENS.is_match(command),
            _ => !leaves || OPENS.is_match(command),
        };
    }
}
