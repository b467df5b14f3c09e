//! Console blocks: prompt, command and output told apart, so that the page can show them apart.
//!
//! This is for the eye alone: what an exercise is, the `lab` room decides.

use super::escape::push_escaped;

/// Gives the HTML of a console block, or `None` if `code` is none.
///
/// A block is one if it is fenced as a console, a shell or nothing at all and one of its lines starts with a prompt: `$ `, a `#`
/// of root's, `user@host:path$ ` or `user@host:path# `, `[user@host path]$ `.
pub fn mark_up(language: &str, code: &str) -> Option<String> {
    let kind = kind_of(language)?;
    if !code.lines().any(|line| prompt(line, kind) > 0) {
        return None;
    }
    let mut html = String::with_capacity(code.len() + code.len() / 2);
    let mut state = State::Output;
    for piece in code.split_inclusive('\n') {
        let (line, end) = piece.strip_suffix('\n').map_or((piece, ""), |line| (line, "\n"));
        let at = prompt(line, kind);
        match std::mem::replace(&mut state, State::Output) {
            State::Heredoc(word) if !is_end(line, &word) => {
                span(&mut html, "cmd", line);
                state = State::Heredoc(word);
            }
            State::Heredoc(_) => span(&mut html, "cmd", line),
            State::Continued if at == 0 => {
                // The shell's own second prompt is a prompt too.
                let second = if line.starts_with("> ") { 2 } else { 0 };
                span(&mut html, "ps", &line[..second]);
                span(&mut html, "cmd", &line[second..]);
                state = after(line);
            }
            _ if at > 0 => {
                span(&mut html, "ps", &line[..at]);
                span(&mut html, "cmd", &line[at..]);
                state = after(&line[at..]);
            }
            _ => span(&mut html, "out", line),
        }
        html.push_str(end);
    }
    Some(html)
}

/// What the line before says about this one.
enum State {
    Output,
    Continued,
    Heredoc(String),
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// `#` starts a comment.
    Shell,
    /// `#` is root's prompt.
    Console,
}

fn kind_of(language: &str) -> Option<Kind> {
    match language.to_ascii_lowercase().as_str() {
        "" | "bash" | "sh" | "shell" | "zsh" => Some(Kind::Shell),
        "console" | "shell-session" | "shellsession" | "terminal" | "term" => Some(Kind::Console),
        _ => None,
    }
}

/// The bytes of the prompt at the start of a line, the blank after it counted; 0 if there is none.
fn prompt(line: &str, kind: Kind) -> usize {
    let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
    let rest = &line[indent..];
    if rest == "$" || rest.starts_with("$ ") {
        return indent + rest.len().min(2);
    }
    if rest.starts_with("/ # ") || rest.starts_with("~ # ") {
        return indent + 4;
    }
    if kind == Kind::Console && (rest == "#" || rest.starts_with("# ")) {
        return indent + rest.len().min(2);
    }
    // user@host:/path# command
    let Some(end) = rest.find(['#', '$']) else { return 0 };
    let after = &rest[end + 1..];
    if end == 0 || !(after.is_empty() || after.starts_with(' ')) {
        return 0;
    }
    let head = &rest[..end];
    let inner = head.trim_end().trim_start_matches('[').trim_end_matches(']');
    let is_host = inner.split_once('@').is_some_and(|(user, host)| {
        let name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !user.is_empty() && user.chars().all(name) && host.chars().all(|c| name(c) || ":/~ ".contains(c)) && host.starts_with(name)
    });
    if is_host { indent + end + 1 + usize::from(!after.is_empty()) } else { 0 }
}

fn after(command: &str) -> State {
    if let Some(word) = heredoc_word(command) {
        return State::Heredoc(word);
    }
    if command.ends_with('\\') && !command.ends_with("\\\\") { State::Continued } else { State::Output }
}

fn heredoc_word(command: &str) -> Option<String> {
    let (_, after) = command.split_once("<<")?;
    let after = after.strip_prefix('-').unwrap_or(after).trim_start();
    let word: String = after.trim_start_matches(['"', '\'', '\\']).chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty() && !after.starts_with('<')).then_some(word)
}

fn is_end(line: &str, word: &str) -> bool {
    line.trim().trim_start_matches("> ") == word
}

fn span(html: &mut String, class: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    html.push_str("<span class=");
    html.push_str(class);
    html.push('>');
    push_escaped(html, text);
    html.push_str("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `p` prompt, `c` command, `o` output: the kinds of the pieces of each line.
    fn kinds(language: &str, code: &str) -> Vec<String> {
        let html = mark_up(language, code).unwrap_or_default();
        html.lines()
            .map(|line| {
                line.match_indices("<span class=").map(|(at, tag)| line[at + tag.len()..].chars().next().expect("a class")).collect()
            })
            .collect()
    }

    #[test]
    fn tells_prompt_command_and_output_apart() {
        assert_eq!(kinds("", "$ docker ps\nCONTAINER ID\n\n$ ls\na"), ["pc", "o", "", "pc", "o"]);
        assert_eq!(kinds("bash", "$ docker run -it ubuntu\nroot@04c0bb0a6c07:/# exit\nexit"), ["pc", "pc", "o"]);
        assert_eq!(kinds("console", "# id\nuid=0"), ["pc", "o"]);
        assert_eq!(kinds("sh", "[root@host ~]# id\n$ id\n"), ["pc", "pc"]);
        assert_eq!(kinds("bash", "/ # ls\nbin"), ["pc", "o"]);
    }

    #[test]
    fn a_command_goes_on_over_lines() {
        assert_eq!(kinds("", "$ docker run \\\n  ubuntu\nout"), ["pc", "c", "o"]);
        assert_eq!(kinds("", "$ docker run \\\n> ubuntu \\\n> id\nout"), ["pc", "pc", "pc", "o"]);
        assert_eq!(kinds("", "$ cat <<EOF\n$ a\nEOF\nout"), ["pc", "c", "c", "o"]);
    }

    #[test]
    fn what_is_no_console_is_left() {
        for (language, code) in [
            ("bash", "# a comment\ndocker ps"),
            ("yaml", "$ x"),
            ("", "mail bob@example.com # not a prompt"),
            ("", "echo a@b$c"),
            ("", "price: 5$ each"),
            ("bash", "docker ps"),
            ("", ""),
        ] {
            assert_eq!(mark_up(language, code), None, "{language}: {code}");
        }
    }

    #[test]
    fn output_is_escaped() {
        let html = mark_up("", "$ echo '<b>'\n<b>&").expect("a console block");
        assert_eq!(html, "<span class=ps>$ </span><span class=cmd>echo '&lt;b&gt;'</span>\n<span class=out>&lt;b&gt;&amp;</span>");
    }
}
