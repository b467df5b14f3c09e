//! The rules about instructions that depend on what their stage is by then: its variables, its shell, what it has had before.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lines, Lint};
use crate::build::expand;
use crate::build::instruction::{Copy, Instruction, Step};
use crate::build::options::nearest;
use crate::build::state::{State, split_port};
use crate::patterns::{Glob, IgnoreList, clean};
use crate::units::quote;

/// Parts of names that are likely secrets, and those that say that it is none.
const SECRET_WORDS: [&str; 10] = ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];
const HARMLESS_WORDS: [&str; 3] = ["public", "file", "version"];

/// What a stage has had so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// A folder to work in, in this stage or in those below.
    workdir: bool,
    /// The instructions of which only the last counts.
    last: BTreeMap<String, Lines>,
}

impl Seen {
    /// What a stage on top of this one has had when it begins.
    pub fn above(&self) -> Seen {
        Seen { workdir: self.workdir, last: BTreeMap::new() }
    }
}

impl Lint {
    /// Looks at one step, in front of which its stage is `state`.
    pub fn step(&mut self, step: &Step, state: &State, seen: &mut Seen, ignored: Option<&(IgnoreList, Vec<String>)>) {
        self.undefined(step, state);
        let name = step.code.split_whitespace().next().unwrap_or_default();
        let lines = step.lines;
        match &step.instruction {
            Instruction::Env(list) => {
                self.legacy(name, step);
                list.iter().for_each(|(key, _)| self.secret("ENV", key, lines));
            }
            Instruction::Label(..) => self.legacy(name, step),
            Instruction::Arg(list) => list.iter().for_each(|(key, _)| self.secret("ARG", key, lines)),
            Instruction::Cmd(command) | Instruction::Entrypoint(command) => {
                self.several(name, lines, seen);
                if command.shell && state.config.shell.as_ref().is_none_or(Vec::is_empty) {
                    let message = format!("JSON arguments recommended for {name} to prevent unintended behavior related to OS signals");
                    self.add("JSONArgsRecommended", &message, lines);
                }
            }
            Instruction::Healthcheck(_) => self.several(name, lines, seen),
            Instruction::Workdir(path) => {
                let path = expand::word(path, &state.variables(), state.escape).unwrap_or_default();
                if !seen.workdir && !path.starts_with('/') {
                    let message = format!("Relative workdir {} can have unexpected results if the base image changes", quote(&path));
                    self.add("WorkdirRelativePath", &message, lines);
                }
                seen.workdir = true;
            }
            Instruction::Expose(ports) => {
                let all = ports.iter().filter_map(|port| expand::words(port, &state.variables(), state.escape).ok());
                for port in all.flatten() {
                    self.port(&port, lines);
                }
            }
            Instruction::Copy(copy) if copy.from.is_empty() => self.copied("Copy", copy, state, lines, ignored),
            Instruction::Add(copy) => self.copied("Add", copy, state, lines, ignored),
            _ => {}
        }
    }

    fn undefined(&mut self, step: &Step, state: &State) {
        let variables = state.variables();
        let mut missing = BTreeSet::new();
        for text in expanded(&step.instruction, state) {
            missing.extend(expand::missing(text, &variables, state.escape));
        }
        if let Instruction::Copy(copy) | Instruction::Add(copy) = &step.instruction {
            for file in copy.files.iter().filter(|file| file.expand) {
                missing.extend(expand::missing_in_text(&file.content, &variables));
            }
        }
        let known: Vec<&str> = variables.keys().map(String::as_str).collect();
        for name in missing.iter().filter(|name| !state.arguments.is_declared(name)) {
            let hint = nearest(name, &known).map_or_else(String::new, |near| format!(" (did you mean ${near}?)"));
            self.add("UndefinedVar", &format!("Usage of undefined variable '${name}'{hint}"), step.lines);
        }
    }

    /// `ENV name value`.
    fn legacy(&mut self, name: &str, step: &Step) {
        let first = step.code[name.len()..].split_whitespace().next().unwrap_or_default();
        if !first.contains('=') {
            let message = format!("\"{name} key=value\" should be used instead of legacy \"{name} key value\" format");
            self.add("LegacyKeyValueFormat", &message, step.lines);
        }
    }

    fn secret(&mut self, instruction: &str, key: &str, lines: Lines) {
        if is_secret(key) {
            let message = format!("Do not use ARG or ENV instructions for sensitive data ({instruction} {})", quote(key));
            self.add("SecretsUsedInArgOrEnv", &message, lines);
        }
    }

    /// Of several `CMD`s only the last counts.
    fn several(&mut self, name: &str, lines: Lines, seen: &mut Seen) {
        if let Some(before) = seen.last.insert(name.to_uppercase(), lines) {
            let message =
                format!("Multiple {name} instructions should not be used in the same stage because only the last one will be used");
            self.add("MultipleInstructionsDisallowed", &message, before);
        }
    }

    fn port(&mut self, port: &str, lines: Lines) {
        let (address, host, inside) = split_port(port);
        if !address.is_empty() || !host.is_empty() {
            let message = format!("EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'");
            self.add("ExposeInvalidFormat", &message, lines);
        }
        if inside.split_once('/').is_some_and(|(_, protocol)| protocol != protocol.to_lowercase()) {
            let message = format!("Defined protocol '{port}' in EXPOSE instruction should be lowercase");
            self.add("ExposeProtoCasing", &message, lines);
        }
    }

    fn copied(&mut self, word: &str, copy: &Copy, state: &State, lines: Lines, ignored: Option<&(IgnoreList, Vec<String>)>) {
        let Some((list, patterns)) = ignored else { return };
        let variables = state.variables();
        let sources = copy.sources.iter().filter(|source| !crate::build::copying::is_url(source));
        for source in sources.filter_map(|source| expand::word(source, &variables, state.escape).ok()) {
            let path = clean(&source);
            let left_out = match path.as_str() {
                "" => patterns.iter().any(|pattern| ["*", "**"].contains(&pattern.as_str())),
                path => list.excludes(path),
            };
            let mut exceptions = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!'));
            if left_out && !exceptions.any(|exception| brings_back(exception, &path)) {
                let shown = if path.is_empty() { "." } else { &path };
                let message = format!("Attempting to {word} file {} that is excluded by .dockerignore", quote(shown));
                self.add("CopyIgnoredFile", &message, lines);
            }
        }
    }
}

/// Whether an exception may mean something of what is copied.
fn brings_back(exception: &str, source: &str) -> bool {
    let fits = |one: &str, other: &str| {
        let matches = |pattern: &str, name: &str| Glob::new(pattern).is_some_and(|glob| glob.matches(name));
        one == "**" || matches(one, other) || matches(other, one) || (Glob::is_pattern(one) && Glob::is_pattern(other))
    };
    let (mut exception, mut source) = (exception.split('/'), source.split('/').filter(|part| !part.is_empty()));
    source.all(|part| exception.next().is_some_and(|other| fits(other, part)))
}

/// The texts of an instruction in which variables are replaced.
fn expanded<'a>(instruction: &'a Instruction, state: &State) -> Vec<&'a str> {
    let pairs = |list: &'a [(String, String)]| list.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect();
    match instruction {
        Instruction::Add(copy) | Instruction::Copy(copy) => {
            let single = [&copy.destination, &copy.chown, &copy.chmod, &copy.checksum];
            copy.sources.iter().chain(single).chain(&copy.exclude).map(String::as_str).collect()
        }
        // A value that is given counts instead.
        Instruction::Arg(list) => {
            let own = list.iter().filter(|(name, _)| !state.arguments.is_given(name));
            own.filter_map(|(_, value)| value.as_deref()).collect()
        }
        Instruction::Env(list) | Instruction::Label(list, true) => pairs(list),
        Instruction::StopSignal(text) | Instruction::User(text) | Instruction::Workdir(text) => vec![text],
        Instruction::Volume(list) => list.iter().map(String::as_str).collect(),
        Instruction::Run(run) => run.mounts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a variable's name sounds like a secret's.
fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    let has = |words: &[&str]| lower.split('_').any(|part| words.contains(&part));
    has(&SECRET_WORDS) && !has(&HARMLESS_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_bring_back_what_is_below_them() {
        for (exception, source, back) in [
            ("sub/b.txt", "sub/a.txt", false),
            ("other.txt", "sub/a.txt", false),
            ("sub/a.txt", "sub", true),
            ("sub/a.txt", "", true),
            ("sub/a.txt", "sub/a.txt", true),
            ("sub/a.txt", "sub/*.txt", true),
            ("su\\.b/keep.txt", "su.b", true),
            ("**/keep.txt", "sub", true),
        ] {
            assert_eq!(brings_back(exception, source), back, "{exception} {source}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        let names = ["SUPER_Secret", "git_key", "auth", "PUBLIC_KEY", "password_file", "AUTH_MODULE_VERSION", "sunflower", "monkey"];
        assert_eq!(names.map(is_secret), [true, true, true, false, false, false, false, false]);
    }
}
