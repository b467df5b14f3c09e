//! What steps are called: `[build 2/3] RUN make`, and the lines of history that they leave.

use super::compile::Origin;
use crate::build::expand::Variables;
use crate::build::instruction::{Copy, Instruction, Plan, Step};

/// Numbers the steps of one stage.
pub struct Namer {
    stage: String,
    total: usize,
    next: usize,
    /// Whether the next step is a trigger's.
    pub triggered: bool,
}

impl Namer {
    /// For the stage `at`, which begins with `base` and has these steps, triggers included. All names begin with `prefix`.
    pub fn of(plan: &Plan, at: usize, base: Origin, steps: &[Step], prefix: &str) -> Namer {
        let counted = |step: &&Step| {
            matches!(step.instruction, Instruction::Run(_) | Instruction::Copy(_) | Instruction::Add(_) | Instruction::Workdir(_))
        };
        let image = usize::from(matches!(base, Origin::Image(_)));
        let stage = match plan.stages[at].name.as_str() {
            _ if !plan.several => prefix.to_owned(),
            "" => format!("{prefix}stage-{at} "),
            name => format!("{prefix}{name} "),
        };
        Namer { stage, total: image + steps.iter().filter(counted).count(), next: 0, triggered: false }
    }

    /// The name of the next step.
    pub fn next(&mut self, text: &str) -> String {
        self.next += 1;
        let width = self.total.to_string().len();
        let text = if self.triggered { format!("ONBUILD {text}") } else { text.to_owned() };
        format!("[{}{:>width$}/{}] {text}", self.stage, self.next, self.total)
    }
}

/// An instruction as it is shown: its name in capitals, and the variables that are set replaced.
pub fn shown(code: &str, variables: &Variables) -> String {
    let (name, rest) = code.split_once(char::is_whitespace).unwrap_or((code, ""));
    let mut out = name.to_uppercase();
    if !rest.is_empty() {
        out.push(' ');
        replace(rest.trim_start(), variables, &mut out);
    }
    out
}

/// Copies `text`, with `$NAME` and `${NAME}` replaced where they are set and no single quotes stand around them.
fn replace(text: &str, variables: &Variables, out: &mut String) {
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => {
                let escaped = after.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..1 + escaped]);
                rest = &after[escaped..];
                continue;
            }
            '$' if !quoted => {
                let braces = after.starts_with('{');
                let name = &after[usize::from(braces)..];
                let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
                let behind = &name[length..];
                let whole = !braces || behind.starts_with('}');
                if let (true, Some(value)) = (whole, variables.get(&name[..length])) {
                    out.push_str(value);
                    rest = if braces { &behind[1..] } else { behind };
                    continue;
                }
            }
            _ => {}
        }
        out.push(c);
        rest = after;
    }
}

/// ` (first line...)` for a command that is a here-document.
pub fn heredoc(text: &str) -> String {
    let text = text.trim();
    match text.split_once('\n') {
        Some((first, _)) => format!(" ({}...)", first.trim_end_matches('\r')),
        None => format!(" ({text})"),
    }
}

/// The history of a `COPY` or `ADD`.
pub fn copied(word: &str, copy: &Copy) -> String {
    let mut text = word.to_owned();
    if copy.parents {
        text.push_str(" --parents");
    }
    for (flag, value) in [("chown", &copy.chown), ("chmod", &copy.chmod)] {
        if !value.is_empty() {
            text.push_str(&format!(" --{flag}={value}"));
        }
    }
    for source in &copy.sources {
        text.push_str(&format!(" {source}"));
    }
    for file in &copy.files {
        text.push_str(&format!(" <<{}", file.name));
    }
    format!("{text} {} # buildkit", copy.destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_shown_where_they_are_set() {
        let variables = Variables::from([("A".to_owned(), "1".to_owned())]);
        let shown = |code| shown(code, &variables);
        assert_eq!(shown("run echo \"$A ${A}${B} $B\" '$A' \\$A"), "RUN echo \"1 1${B} $B\" '$A' \\$A");
        assert_eq!(shown("COPY ${A:-x} $"), "COPY ${A:-x} $");
        assert_eq!(shown("workdir"), "WORKDIR");
    }

    #[test]
    fn heredocs_are_cut() {
        assert_eq!(heredoc("echo one\necho two\n"), " (echo one...)");
        assert_eq!(heredoc("\necho\n"), " (echo)");
    }
}
