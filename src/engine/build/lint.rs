//! What the author of a Dockerfile should know though it can be built: BuildKit's rules under BuildKit's names.
//!
//! Looks at the text alone. `# check=skip=…` silences rules; `# check=error=true` is for whoever checks, not for a build.

use std::collections::{BTreeMap, BTreeSet};

use super::BuildRequest;
use super::dockerfile::{Dockerfile, Node};
use super::instruction::Plan;
use crate::trace::{Source, Warning};
use crate::units::quote;

/// Variables that are set without an `ARG` in front of the first `FROM`.
const PLATFORMS: [&str; 8] =
    ["BUILDARCH", "BUILDOS", "BUILDPLATFORM", "BUILDVARIANT", "TARGETARCH", "TARGETOS", "TARGETPLATFORM", "TARGETVARIANT"];

/// Stage names that mean something else already.
const RESERVED: [&str; 2] = ["context", "scratch"];

/// Parts of names that are likely secrets.
const SECRET_WORDS: [&str; 10] = ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];

struct Lint<'a> {
    name: &'a str,
    text: &'a str,
    vertex: &'a str,
    skipped: BTreeSet<String>,
    found: Vec<Warning>,
}

/// The warnings for a Dockerfile, in the order of its lines.
pub fn warnings(dockerfile: &Dockerfile, plan: &Plan, name: &str, text: &str, vertex: &str, request: &BuildRequest) -> Vec<Warning> {
    let mut lint = Lint { name, text, vertex, skipped: skipped(text), found: Vec::new() };
    if lint.skipped.contains("all") {
        return Vec::new();
    }
    lint.casing(dockerfile);
    if !dockerfile.warnings.is_empty() {
        for node in dockerfile.instructions.iter().filter(|node| has_empty_line(text, node.lines)) {
            lint.add("NoEmptyContinuation", "Empty continuation line", node.lines);
        }
    }
    lint.stages(dockerfile, plan, request);
    lint.instructions(dockerfile);
    let line = |warning: &Warning| warning.source.as_ref().map_or(0, |source| source.first);
    lint.found.sort_by_key(line);
    lint.found
}

/// The rules that `# check=skip=A,B` names.
fn skipped(text: &str) -> BTreeSet<String> {
    let comments = text.lines().map_while(|line| line.trim_start().strip_prefix('#'));
    let check = comments.filter_map(|c| c.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("check"));
    let fields = check.map_or("", |(_, value)| value.trim());
    let skip = fields.split(';').find_map(|field| field.trim().strip_prefix("skip="));
    skip.unwrap_or_default().split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect()
}

fn has_empty_line(text: &str, (first, last): (usize, usize)) -> bool {
    first < last && text.lines().skip(first).take(last - first).any(|line| line.trim().is_empty())
}

impl Lint<'_> {
    fn add(&mut self, rule: &str, message: &str, lines: (usize, usize)) {
        if self.skipped.contains(rule) {
            return;
        }
        let source = Source { filename: self.name.to_owned(), text: self.text.to_owned(), first: lines.0, last: lines.1 };
        self.found.push(Warning {
            vertex: self.vertex.to_owned(),
            level: 1,
            short: format!("{rule}: {message} (line {})", lines.0),
            detail: vec![detail(rule).to_owned()],
            url: format!("https://docs.docker.com/go/dockerfile/rule/{}/", dashed(rule)),
            source: Some(source),
        });
    }

    /// `run` beside `FROM`.
    fn casing(&mut self, dockerfile: &Dockerfile) {
        let is_lower = |node: &Node| node.name == node.name.to_lowercase();
        let is_upper = |node: &Node| node.name == node.name.to_uppercase();
        let lower = dockerfile.instructions.iter().filter(|n| is_lower(n)).count();
        let upper = dockerfile.instructions.iter().filter(|n| is_upper(n)).count();
        let (word, fits): (_, &dyn Fn(&Node) -> bool) = if lower > upper { ("lowercase", &is_lower) } else { ("uppercase", &is_upper) };
        for node in dockerfile.instructions.iter().filter(|node| !fits(node)) {
            let message = format!("Command '{}' should match the case of the command majority ({word})", node.name);
            self.add("ConsistentInstructionCasing", &message, node.lines);
        }
    }

    fn stages(&mut self, dockerfile: &Dockerfile, plan: &Plan, request: &BuildRequest) {
        let mut declared: BTreeMap<String, bool> = BTreeMap::new();
        for step in &plan.arguments {
            if let super::instruction::Instruction::Arg(list) = &step.instruction {
                for (name, value) in list {
                    let given = request.arguments.get(name).is_some_and(Option::is_some);
                    declared.insert(name.clone(), given || value.as_ref().is_some_and(|v| !v.is_empty()));
                }
            }
        }
        for node in dockerfile.instructions.iter().filter(|node| node.name.eq_ignore_ascii_case("from")) {
            let words = node.words();
            if let [_, word, name] = words.as_slice() {
                if (word == &word.to_lowercase()) != (node.name == node.name.to_lowercase()) {
                    self.add("FromAsCasing", &format!("'{word}' and '{}' keywords' casing do not match", node.name), node.lines);
                }
                if *name != name.to_lowercase() {
                    self.add("StageNameCasing", &format!("Stage name '{name}' should be lowercase"), node.lines);
                }
                if RESERVED.contains(&name.to_lowercase().as_str()) {
                    let message = format!("Stage name should not use the same name as reserved stage {}", quote(name));
                    self.add("ReservedStageName", &message, node.lines);
                }
            }
            for used in variables(words.first().map_or("", String::as_str)) {
                if !declared.contains_key(used) && !PLATFORMS.contains(&used) {
                    self.add("UndefinedArgInFrom", &format!("FROM argument '{used}' is not declared"), node.lines);
                } else if declared.get(used) == Some(&false) {
                    let base = words[0].replace(&format!("${{{used}}}"), "").replace(&format!("${used}"), "");
                    if base.is_empty() || base.ends_with(':') || base.starts_with(':') || base.contains("/:") {
                        let message = format!("Default value for ARG {} results in empty or invalid base image name", words[0]);
                        self.add("InvalidDefaultArgInFrom", &message, node.lines);
                    }
                }
            }
            if let Some(platform) = node.flags.iter().find_map(|flag| flag.strip_prefix("--platform=")) {
                if platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}" {
                    let message = format!("Setting platform to predefined {platform} in FROM is redundant as this is the default behavior");
                    self.add("RedundantTargetPlatform", &message, node.lines);
                } else if !platform.contains('$') {
                    let message = format!("FROM --platform flag should not use constant value {}", quote(platform));
                    self.add("FromPlatformFlagConstDisallowed", &message, node.lines);
                }
            }
        }
    }

    fn instructions(&mut self, dockerfile: &Dockerfile) {
        let mut stage = StageSeen::default();
        for node in &dockerfile.instructions {
            let words = node.words();
            let name = node.name.to_uppercase();
            match name.as_str() {
                "FROM" => {
                    for lines in stage.workdirs.drain(..) {
                        self.add_workdir(&lines);
                    }
                    stage = StageSeen::default();
                }
                "MAINTAINER" => {
                    self.add("MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label", node.lines);
                }
                "CMD" | "ENTRYPOINT" => {
                    if !node.json && !stage.shell {
                        let message = format!("JSON arguments recommended for {name} to prevent unintended behavior related to OS signals");
                        self.add("JSONArgsRecommended", &message, node.lines);
                    }
                    self.several(&mut stage, &name, node);
                }
                "HEALTHCHECK" => self.several(&mut stage, &name, node),
                "SHELL" => stage.shell = true,
                "ENV" | "LABEL" if words.len() == 3 && words[2].is_empty() => {
                    let message = format!("\"{name} key=value\" should be used instead of legacy \"{name} key value\" format");
                    self.add("LegacyKeyValueFormat", &message, node.lines);
                }
                "WORKDIR" => {
                    let folder = words.first().map_or("", String::as_str);
                    if folder.starts_with('/') || folder.starts_with('$') {
                        stage.absolute = true;
                    } else if !stage.absolute {
                        stage.workdirs.push((folder.to_owned(), node.lines));
                        // Once is enough: all that follow are relative to it.
                        stage.absolute = true;
                    }
                }
                _ => {}
            }
            if name == "ENV" || name == "ARG" {
                let names: Vec<&str> = match name.as_str() {
                    "ENV" => words.chunks(3).map(|chunk| chunk[0].as_str()).collect(),
                    _ => words.iter().map(|word| word.split('=').next().unwrap_or_default()).collect(),
                };
                for secret in names.into_iter().filter(|name| is_secret(name)) {
                    let message = format!("Do not use ARG or ENV instructions for sensitive data ({name} {})", quote(secret));
                    self.add("SecretsUsedInArgOrEnv", &message, node.lines);
                }
            }
        }
        for lines in stage.workdirs.drain(..) {
            self.add_workdir(&lines);
        }
    }

    fn add_workdir(&mut self, (folder, lines): &(String, (usize, usize))) {
        let message = format!("Relative workdir {} can have unexpected results if the base image changes", quote(folder));
        self.add("WorkdirRelativePath", &message, *lines);
    }

    /// Of several `CMD`s only the last counts.
    fn several(&mut self, stage: &mut StageSeen, name: &str, node: &Node) {
        if let Some(before) = stage.last.insert(name.to_owned(), node.lines) {
            let message =
                format!("Multiple {name} instructions should not be used in the same stage because only the last one will be used");
            self.add("MultipleInstructionsDisallowed", &message, before);
        }
    }
}

/// What a stage has had so far.
#[derive(Default)]
struct StageSeen {
    shell: bool,
    absolute: bool,
    workdirs: Vec<(String, (usize, usize))>,
    last: BTreeMap<String, (usize, usize)>,
}

/// The names of the variables in a word.
pub fn variables(word: &str) -> Vec<&str> {
    word.match_indices('$')
        .map(|(at, _)| {
            let name = word[at + 1..].strip_prefix('{').unwrap_or(&word[at + 1..]);
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
            &name[..end]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether a variable's name sounds like a secret's.
fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut parts = lower.split('_').peekable();
    let secret = parts.clone().any(|part| SECRET_WORDS.contains(&part));
    secret && !parts.any(|part| part == "public" || part == "file")
}

/// `JSONArgsRecommended` as `json-args-recommended`.
fn dashed(rule: &str) -> String {
    let letters: Vec<char> = rule.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(at + 1);
        let begins = before.is_some_and(char::is_lowercase) || after.is_some_and(|c| c.is_lowercase());
        if at > 0 && letter.is_uppercase() && begins {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn detail(rule: &str) -> &'static str {
    match rule {
        "StageNameCasing" => "Stage names should be lowercase",
        "FromAsCasing" => "The 'as' keyword should match the case of the 'from' keyword",
        "NoEmptyContinuation" => "Empty continuation lines will become errors in a future release",
        "ConsistentInstructionCasing" => "All commands within the Dockerfile should use the same casing (either upper or lower)",
        "ReservedStageName" => "Reserved words should not be used as stage names",
        "JSONArgsRecommended" => "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
        "MaintainerDeprecated" => "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
        "UndefinedArgInFrom" => "FROM command must use declared ARGs",
        "WorkdirRelativePath" => {
            "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes"
        }
        "MultipleInstructionsDisallowed" => "Multiple instructions of the same type should not be used in the same stage",
        "LegacyKeyValueFormat" => "Legacy key/value format with whitespace separator should not be used",
        "RedundantTargetPlatform" => "Setting platform to predefined $TARGETPLATFORM in FROM is redundant",
        "SecretsUsedInArgOrEnv" => "Sensitive data should not be used in the ARG or ENV commands",
        "InvalidDefaultArgInFrom" => "Default value for global ARG results in an empty or invalid base image name",
        "FromPlatformFlagConstDisallowed" => "FROM --platform flag should not use a constant value",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(text: &str) -> Vec<String> {
        let dockerfile = Dockerfile::parse(text).unwrap();
        let plan = Plan::of(&dockerfile).unwrap();
        let found = warnings(&dockerfile, &plan, "Dockerfile", text, "v", &BuildRequest::default());
        found.into_iter().map(|warning| warning.short).collect()
    }

    #[test]
    fn rules_speak_with_their_line() {
        assert_eq!(
            lint("FROM a\nENV x y\nCMD a b\n"),
            [
                "LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format (line 2)",
                "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 3)",
            ]
        );
        assert_eq!(
            lint("FROM a as B\nrun x\n"),
            [
                "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)",
                "StageNameCasing: Stage name 'B' should be lowercase (line 1)",
                "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 2)",
            ]
        );
        assert_eq!(lint("FROM a\nWORKDIR /a\nWORKDIR b\nENV A=1 B=2\nCMD [\"a\"]\n"), [""; 0]);
        assert_eq!(lint("# check=skip=JSONArgsRecommended\nFROM a\nCMD a\n"), [""; 0]);
    }

    #[test]
    fn rules_have_an_address() {
        assert_eq!(dashed("JSONArgsRecommended"), "json-args-recommended");
        assert_eq!(dashed("SecretsUsedInArgOrEnv"), "secrets-used-in-arg-or-env");
    }
}
