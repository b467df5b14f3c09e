//! What a waiting program looks like: prompts of shells and of other programs. Decides by text alone.

use std::sync::LazyLock;

use regex::Regex;

use super::End;

/// A shell or program that was opened within the lab's shell.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Of the step that opened it: its mark says that the level is left.
    pub nonce: String,
    pub prompt: String,
    pub kind: Kind,
    /// Opened on this machine, not in a container.
    pub local: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It takes shell commands.
    Shell,
    /// Something else: `irb`, `redis-cli`, `psql`.
    Program,
}

static SHELL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\([\w.-]+\) )?(?:\[?[\w.-]+@[\w.-]+.{0,120}|[~/][^\s]{0,120} |(?:bash|sh|ash|dash)-[\d.]+|)[#$] $")
        .expect("a constant pattern")
});

static PROGRAM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[\w.:@/\[\]()~*-]{0,60}(?:[=*\w]?[>#]|>{2,3}) $").expect("a constant pattern"));

/// Whether an unfinished line is the prompt of a program that waits.
pub(super) fn prompt_kind(line: &str) -> Option<Kind> {
    if SHELL.is_match(line) {
        Some(Kind::Shell)
    } else if PROGRAM.is_match(line) {
        Some(Kind::Program)
    } else {
        None
    }
}

/// Whether two prompts are those of one program: digits count up (`irb(main):002:0> `), nothing else changes.
pub(super) fn same_program(a: &str, b: &str) -> bool {
    let letters = |s: &str| s.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    letters(a) == letters(b)
}

/// Whether a command opens its prompt in a container or on another machine, where `$ ` on a slide cannot mean it.
pub(super) fn enters_container(command: &str) -> bool {
    command.split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "docker" | "podman" | "kubectl" | "nerdctl" | "ssh" | "telnet"))
}

/// Output of a program without the echo of the line that was typed and without the prompt after it.
pub(super) fn without_echo(output: &str, command: &str, end: &End) -> String {
    let mut text = output;
    let first = command.lines().next().unwrap_or_default();
    if let Some(rest) = text.strip_prefix(first) {
        text = rest.strip_prefix('\n').unwrap_or(rest);
    }
    if *end == End::Answered {
        text = &text[..text.rfind('\n').map_or(0, |i| i + 1)];
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts() {
        for prompt in
            ["root@04c0bb0a6c07:/# ", "/ # ", "~ $ ", "# ", "$ ", "[root@0ecc /]# ", "bash-5.2# ", "ada@node1:~/src$ ", "/opt/x # "]
        {
            assert_eq!(prompt_kind(prompt), Some(Kind::Shell), "{prompt:?}");
        }
        for prompt in ["irb(main):001:0> ", ">>> ", "127.0.0.1:6379> ", "postgres=# ", "mysql> ", "> "] {
            assert_eq!(prompt_kind(prompt), Some(Kind::Program), "{prompt:?}");
        }
        for other in ["", "Are you sure? [y/N] ", "Password: ", "hello", "a line that ends in a word > ", "50% ", "root@04c0bb0a6c07:/#"] {
            assert_eq!(prompt_kind(other), None, "{other:?}");
        }
        assert!(same_program("irb(main):001:0> ", "irb(main):012:0> "));
        assert!(!same_program("irb(main):001:0> ", ">>> "));
    }
}
