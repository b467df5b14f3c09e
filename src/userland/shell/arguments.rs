//! The shell's own command line.
//!
//! Read by hand: a parser library would cost more than the scripts that `sh -c` mostly runs.

use std::io::IsTerminal;

/// Where the shell's commands come from.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// `-c TEXT`.
    Command(String),
    /// A script file.
    Script(String),
    /// Standard input.
    Input,
}

/// A shell's command line, understood.
#[derive(Debug)]
pub struct Invocation {
    /// Where commands come from.
    pub source: Source,
    /// `$0` when `-c` gives one.
    pub name: Option<String>,
    /// `$1` and so on.
    pub arguments: Vec<String>,
    /// Whether a person types.
    pub interactive: bool,
    /// Whether to read the profile.
    pub login: bool,
    /// Whether `--posix` was given.
    pub posix: bool,
    /// Whether `--norc` was given.
    pub no_rc: bool,
    /// Options to set, by their long names.
    pub enable: Vec<String>,
    /// Options to unset, by their long names.
    pub disable: Vec<String>,
}

const LETTERS: &[(char, &str)] = &[
    ('a', "allexport"),
    ('b', "notify"),
    ('C', "noclobber"),
    ('e', "errexit"),
    ('f', "noglob"),
    ('h', "hashall"),
    ('m', "monitor"),
    ('n', "noexec"),
    ('u', "nounset"),
    ('v', "verbose"),
    ('x', "xtrace"),
];

/// Understands the words after the shell's name; `None` when all was said (`--version`).
pub fn parse(name: &str, login: bool, words: Vec<String>) -> Result<Option<Invocation>, String> {
    let mut invocation = Invocation {
        source: Source::Input,
        name: None,
        arguments: vec![],
        interactive: false,
        login,
        posix: false,
        no_rc: false,
        enable: vec![],
        disable: vec![],
    };
    let (mut command, mut from_input) = (false, false);
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next_if(|w| (w.starts_with('-') || w.starts_with('+')) && w.len() > 1) {
        match word.as_str() {
            "--" => break,
            "--login" => invocation.login = true,
            "--posix" => invocation.posix = true,
            "--norc" | "--noprofile" | "--noediting" => invocation.no_rc |= word == "--norc",
            "--version" => {
                println!("{name}, Dockside userland {} on brush", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            "--help" => {
                println!("Usage: {name} [-abCefhilmnsuvx] [-o OPTION] [-c COMMAND [NAME]] [SCRIPT] [ARGUMENT]...");
                return Ok(None);
            }
            long if long.starts_with("--") => return Err(format!("{long}: invalid option")),
            letters => {
                let on = letters.starts_with('-');
                for letter in letters.chars().skip(1) {
                    match letter {
                        'c' => command = true,
                        's' => from_input = true,
                        'i' => invocation.interactive = true,
                        'l' => invocation.login = true,
                        'o' => {
                            let option = words.next().ok_or("-o: option requires an argument")?;
                            if on { invocation.enable.push(option) } else { invocation.disable.push(option) }
                        }
                        _ => match LETTERS.iter().find(|(l, _)| *l == letter) {
                            Some((_, long)) if on => invocation.enable.push((*long).to_owned()),
                            Some((_, long)) => invocation.disable.push((*long).to_owned()),
                            None => return Err(format!("-{letter}: invalid option")),
                        },
                    }
                }
            }
        }
    }
    if command {
        invocation.source = Source::Command(words.next().ok_or("-c: option requires an argument")?);
        invocation.name = words.next();
    } else if !from_input && let Some(script) = words.next() {
        invocation.source = Source::Script(script);
    } else {
        invocation.interactive |= std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    }
    invocation.arguments = words.collect();
    Ok(Some(invocation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_command_takes_its_name_and_arguments() {
        let got = parse("sh", false, words("-ec true zero one two")).unwrap().unwrap();
        assert_eq!(got.source, Source::Command("true".into()));
        assert_eq!((got.name.as_deref(), got.arguments.len()), (Some("zero"), 2));
        assert_eq!(got.enable, ["errexit"]);
    }

    #[test]
    fn a_script_keeps_options_after_it_for_itself() {
        let got = parse("sh", false, words("+x run.sh -c")).unwrap().unwrap();
        assert_eq!(got.source, Source::Script("run.sh".into()));
        assert_eq!((got.arguments, got.disable), (words("-c"), words("xtrace")));
        assert!(parse("sh", false, words("-c")).is_err());
    }
}
