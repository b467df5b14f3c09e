//! The rules about the text of a Dockerfile, whatever its images are.

use std::collections::BTreeMap;

use super::Lint;
use crate::build::BuildRequest;
use crate::build::arguments::Arguments;
use crate::build::dockerfile::{Dockerfile, Node};
use crate::build::expand;
use crate::build::instruction::{Instruction, Plan};
use crate::build::options::nearest;
use crate::image::{Platform, Reference};
use crate::units::quote;

/// Stage names that mean something else already.
const RESERVED: [&str; 2] = ["context", "scratch"];

impl Lint {
    /// The rules about single instructions, up to the line where the Dockerfile stops making sense.
    pub fn nodes(&mut self, dockerfile: &Dockerfile, end: usize) {
        if !dockerfile.warnings.is_empty() {
            for node in &dockerfile.instructions {
                if has_empty_line(&self.text, node.lines) {
                    self.add("NoEmptyContinuation", "Empty continuation line", (node.lines.1, node.lines.1));
                }
            }
        }
        for node in dockerfile.instructions.iter().take_while(|node| node.lines.0 < end) {
            let words = node.words();
            match node.name.to_uppercase().as_str() {
                "MAINTAINER" => {
                    self.add("MaintainerDeprecated", "Maintainer instruction is deprecated in favor of using label", node.lines);
                }
                "FROM" => {
                    let [_, word, name] = words.as_slice() else { continue };
                    if *name != name.to_lowercase() {
                        self.add("StageNameCasing", &format!("Stage name '{name}' should be lowercase"), node.lines);
                    }
                    let fits = if is_lower(&node.name) { is_lower(word) } else { !is_upper(&node.name) || is_upper(word) };
                    if !fits {
                        self.add("FromAsCasing", &format!("'{word}' and '{}' keywords' casing do not match", node.name), node.lines);
                    }
                    self.description("FROM", &[name.to_lowercase().as_str()], node);
                }
                "ARG" => {
                    let names: Vec<&str> = words.iter().map(|word| word.split('=').next().unwrap_or_default()).collect();
                    self.description("ARG", &names, node);
                }
                _ => {}
            }
        }
    }

    /// A comment in front of a definition should describe it.
    fn description(&mut self, instruction: &str, names: &[&str], node: &Node) {
        let comments = super::options::comments(&self.text, node.lines.0);
        let (Some(last), Some(first)) = (comments.last(), names.first()) else { return };
        if names.contains(&last.split(' ').next().unwrap_or_default()) {
            return;
        }
        let shown = if names.len() > 1 { "<arg_key>" } else { first };
        let message = format!("Comment for {instruction} should follow the format: `# {shown} <description>`");
        self.add("InvalidDefinitionDescription", &message, node.lines);
    }

    /// The rules about the Dockerfile as a whole.
    pub fn whole(&mut self, dockerfile: &Dockerfile, plan: &Plan, request: &BuildRequest) {
        self.stage_names(plan);
        self.casing(dockerfile);
        self.defaults(plan, request);
        self.bases(plan, request);
    }

    fn stage_names(&mut self, plan: &Plan) {
        for (at, stage) in plan.stages.iter().enumerate().filter(|(_, stage)| !stage.name.is_empty()) {
            if RESERVED.contains(&stage.name.as_str()) {
                let message = format!("Stage name should not use the same name as reserved stage {}", quote(&stage.name));
                self.add("ReservedStageName", &message, stage.lines);
            }
            if plan.stages[..at].iter().any(|other| other.name == stage.name) {
                let message = format!("Duplicate stage name {}, stage names should be unique", quote(&stage.name));
                self.add("DuplicateStageName", &message, stage.lines);
            }
        }
    }

    /// `run` beside `FROM`.
    fn casing(&mut self, dockerfile: &Dockerfile) {
        let nodes = || dockerfile.instructions.iter().skip_while(|node| !node.name.eq_ignore_ascii_case("from"));
        let lower = nodes().filter(|node| is_lower(&node.name)).count();
        let upper = nodes().filter(|node| is_upper(&node.name)).count();
        let (word, fits): (_, fn(&str) -> bool) = if lower > upper { ("lowercase", is_lower) } else { ("uppercase", is_upper) };
        for node in nodes().filter(|node| !fits(&node.name)) {
            let message = format!("Command '{}' should match the case of the command majority ({word})", node.name);
            self.add("ConsistentInstructionCasing", &message, node.lines);
        }
    }

    /// Bases should make sense where nobody gives arguments, too.
    fn defaults(&mut self, plan: &Plan, request: &BuildRequest) {
        let Some(globals) = globals(plan, &BuildRequest { arguments: BTreeMap::new(), ..request.clone() }) else { return };
        for stage in &plan.stages {
            let Ok(name) = expand::word(&stage.base, &globals, plan.escape) else { return };
            if Reference::parse_normalized(&name).is_err() {
                let message = format!("Default value for ARG {} results in empty or invalid base image name", stage.base);
                self.add("InvalidDefaultArgInFrom", &message, stage.lines);
            }
        }
    }

    fn bases(&mut self, plan: &Plan, request: &BuildRequest) {
        let Some(globals) = globals(plan, request) else { return };
        let mut known: Vec<&str> = globals.keys().map(String::as_str).collect();
        for step in &plan.arguments {
            if let Instruction::Arg(list) = &step.instruction {
                known.extend(list.iter().map(|(name, _)| name.as_str()));
            }
        }
        for stage in &plan.stages {
            let undeclared = |text: &str, lint: &mut Lint| {
                for name in expand::missing(text, &globals, plan.escape).iter().filter(|name| !known.contains(&name.as_str())) {
                    let hint = nearest(name, &known).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
                    lint.add("UndefinedArgInFrom", &format!("FROM argument '{name}' is not declared{hint}"), stage.lines);
                }
            };
            undeclared(&stage.base, self);
            if stage.platform.is_empty() {
                continue;
            }
            undeclared(&stage.platform, self);
            let used = super::variables(&stage.platform);
            let platform = expand::word(&stage.platform, &globals, plan.escape).unwrap_or_default();
            if used == ["TARGETPLATFORM"] && globals.get("TARGETPLATFORM") == Some(&platform) {
                let text = &stage.platform;
                let message = format!("Setting platform to predefined {text} in FROM is redundant as this is the default behavior");
                self.add("RedundantTargetPlatform", &message, stage.lines);
            }
            if let (true, Ok(Platform { os, architecture, .. })) = (used.is_empty(), platform.parse::<Platform>())
                && !stage.name.contains(&os)
                && !stage.name.contains(&architecture)
            {
                let message = format!("FROM --platform flag should not use constant value {}", quote(&platform));
                self.add("FromPlatformFlagConstDisallowed", &message, stage.lines);
            }
        }
    }
}

/// What bases may use; none where the arguments make no sense.
fn globals(plan: &Plan, request: &BuildRequest) -> Option<BTreeMap<String, String>> {
    let mut arguments = Arguments::new(request.arguments.clone(), &request.platform);
    arguments.read_globals(plan).ok()?;
    Some(arguments.globals())
}

fn is_lower(word: &str) -> bool {
    word == word.to_lowercase()
}

fn is_upper(word: &str) -> bool {
    word == word.to_uppercase()
}

fn has_empty_line(text: &str, (first, last): (usize, usize)) -> bool {
    first < last && text.lines().skip(first).take(last - first).any(|line| line.trim().is_empty())
}
