//! What the instructions of a Dockerfile mean: each with its arguments checked, grouped into stages. Expands no variables.

use super::dockerfile::{Dockerfile, Heredoc, Node, ParseError};
use super::options::{Options, suggestion};
use crate::image::HealthConfig;
use crate::units::quote;

/// The parts of a build: the arguments in front of the first `FROM`, and the stages.
#[derive(Clone, Debug)]
pub struct Plan {
    pub arguments: Vec<Step>,
    pub stages: Vec<Stage>,
    pub escape: char,
    pub warnings: Vec<String>,
    /// Whether the Dockerfile has more stages than one.
    pub several: bool,
    /// The place of the stage that is built.
    pub target: usize,
}

/// A `FROM` with all that follows it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What stands behind `FROM`, not yet expanded.
    pub base: String,
    /// Its name, in small letters; empty without one.
    pub name: String,
    pub platform: String,
    pub code: String,
    pub lines: (usize, usize),
    pub steps: Vec<Step>,
}

/// One instruction in its place.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line as the author wrote it, continuations joined.
    pub code: String,
    pub lines: (usize, usize),
    pub instruction: Instruction,
}

/// An instruction other than `FROM`.
#[derive(Clone, Debug)]
pub enum Instruction {
    Add(Copy),
    Copy(Copy),
    Arg(Vec<(String, Option<String>)>),
    Cmd(CommandLine),
    Entrypoint(CommandLine),
    Env(Vec<(String, String)>),
    Expose(Vec<String>),
    Healthcheck(HealthConfig),
    /// With whether its values are to be expanded.
    Label(Vec<(String, String)>, bool),
    Maintainer(String),
    Onbuild(String),
    Run(Run),
    Shell(Vec<String>),
    StopSignal(String),
    User(String),
    Volume(Vec<String>),
    Workdir(String),
}

/// A command in exec or shell form.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    pub words: Vec<String>,
    /// Whether the shell runs it.
    pub shell: bool,
    pub heredocs: Vec<Heredoc>,
}

/// `RUN`.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub command: CommandLine,
    /// The values of its `--mount` flags.
    pub mounts: Vec<String>,
    pub network: String,
    pub security: String,
}

/// `COPY` or `ADD`.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    /// Paths in the context (or in `from`).
    pub sources: Vec<String>,
    /// Files whose content stands in the Dockerfile.
    pub files: Vec<Heredoc>,
    pub destination: String,
    /// Whether git's own folder of a repository stays.
    pub keep_git: bool,
    pub from: String,
    pub chown: String,
    pub chmod: String,
    pub link: bool,
    pub parents: bool,
    pub exclude: Vec<String>,
    pub checksum: String,
    /// Whether archives are unpacked, where the author says so.
    pub unpack: Option<bool>,
}

/// All instructions.
pub const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl Plan {
    /// Gives the instructions of a Dockerfile their meaning.
    pub fn of(dockerfile: &Dockerfile) -> Result<Plan, ParseError> {
        let mut plan = Plan {
            arguments: Vec::new(),
            stages: Vec::new(),
            escape: dockerfile.escape,
            warnings: dockerfile.warnings.clone(),
            several: false,
            target: 0,
        };
        for node in &dockerfile.instructions {
            let located =
                |why: String| ParseError { message: format!("dockerfile parse error on line {}: {why}", node.lines.0), lines: node.lines };
            if node.name.eq_ignore_ascii_case("from") {
                plan.stages.push(stage(node).map_err(located)?);
                continue;
            }
            let step = step(node).map_err(located)?;
            match (plan.stages.last_mut(), &step.instruction) {
                (Some(stage), _) => stage.steps.push(step),
                (None, Instruction::Arg(_)) => plan.arguments.push(step),
                (None, _) => return Err(ParseError { message: "no build stage in current context".to_owned(), lines: node.lines }),
            }
        }
        plan.several = plan.stages.len() > 1;
        plan.target = plan.stages.len().saturating_sub(1);
        Ok(plan)
    }

    /// The place of the stage that `name` (or number) means.
    pub fn stage(&self, name: &str) -> Option<usize> {
        let named = self.stages.iter().rposition(|stage| !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(name));
        named.or_else(|| name.parse().ok().filter(|at| *at < self.stages.len()))
    }

    /// Chooses the stage that is built; empty for the last. Gives the words for one that is not there.
    pub fn aim(&mut self, target: &str) -> Result<(), String> {
        if !target.is_empty() {
            self.target = self.stage(target).ok_or_else(|| format!("target stage {} could not be found", quote(target)))?;
        }
        Ok(())
    }

    /// The same, without what comes behind that stage.
    pub fn cut(&mut self, target: &str) -> Result<(), String> {
        self.aim(target)?;
        self.stages.truncate(self.target + 1);
        Ok(())
    }

    /// ` (did you mean X?)` for the name of a stage that is not there.
    pub fn hint(&self, name: &str) -> String {
        let names: Vec<&str> = self.stages.iter().map(|stage| stage.name.as_str()).filter(|name| !name.is_empty()).collect();
        suggestion(name, &names)
    }
}

impl Step {
    /// Reads one line, as an `ONBUILD` trigger has it.
    pub fn parse(line: &str) -> Result<Step, ParseError> {
        let dockerfile = Dockerfile::parse(line)?;
        match dockerfile.instructions.as_slice() {
            [node] => step(node).map_err(|message| ParseError { message, lines: node.lines }),
            _ => Err(ParseError { message: "onbuild trigger should be a single expression".to_owned(), lines: (0, 0) }),
        }
    }

    /// The step that `--label` adds.
    pub fn label(key: &str, value: &str) -> Step {
        let pairs = vec![(key.to_owned(), value.to_owned())];
        Step { code: format!("LABEL {key}={value}"), lines: (0, 0), instruction: Instruction::Label(pairs, false) }
    }
}

fn stage(node: &Node) -> Result<Stage, String> {
    let words = node.words();
    let name = match words.as_slice() {
        [_] => String::new(),
        [_, word, name] if word.eq_ignore_ascii_case("as") => {
            let lower = name.to_lowercase();
            let valid = lower.starts_with(|c: char| c.is_ascii_lowercase())
                && lower.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'));
            if !valid {
                return Err(format!("invalid name for build stage: {}, name can't start with a number or contain symbols", quote(name)));
            }
            lower
        }
        _ => return Err("FROM requires either one or three arguments".to_owned()),
    };
    let mut options = Options::of(node, &["platform"], &[])?;
    Ok(Stage {
        base: words[0].clone(),
        name,
        platform: options.take("platform"),
        code: node.original.trim().to_owned(),
        lines: node.lines,
        steps: Vec::new(),
    })
}

fn step(node: &Node) -> Result<Step, String> {
    Ok(Step { code: node.original.trim().to_owned(), lines: node.lines, instruction: instruction(node)? })
}

fn instruction(node: &Node) -> Result<Instruction, String> {
    let name = node.name.to_uppercase();
    let words = node.words();
    let plain = |node: &Node| Options::of(node, &[], &[]).map(drop);
    let at_least_one = || if words.is_empty() { Err(format!("{name} requires at least one argument")) } else { Ok(()) };
    let exactly_one = || match words.as_slice() {
        [word] => Ok(word.clone()),
        _ => Err(format!("{name} requires exactly one argument")),
    };
    Ok(match name.as_str() {
        "ADD" | "COPY" => {
            let copy = copy(node, &name, words)?;
            if name == "ADD" { Instruction::Add(copy) } else { Instruction::Copy(copy) }
        }
        "ARG" => {
            at_least_one()?;
            plain(node)?;
            let mut arguments = Vec::new();
            for word in &words {
                match word.split_once('=') {
                    Some(("", _)) => return Err("ARG names can not be blank".to_owned()),
                    Some((key, value)) => arguments.push((key.to_owned(), Some(value.to_owned()))),
                    None => arguments.push((word.clone(), None)),
                }
            }
            Instruction::Arg(arguments)
        }
        "CMD" => {
            plain(node)?;
            Instruction::Cmd(command(node, words))
        }
        "ENTRYPOINT" => {
            plain(node)?;
            Instruction::Entrypoint(command(node, words))
        }
        "ENV" | "LABEL" => {
            plain(node)?;
            at_least_one()?;
            let pairs: Vec<(String, String)> = words.chunks(3).map(|c| (c[0].clone(), c.get(1).cloned().unwrap_or_default())).collect();
            if pairs.iter().any(|(key, _)| key.is_empty()) {
                return Err(format!("{name} names can not be blank"));
            }
            if name == "ENV" { Instruction::Env(pairs) } else { Instruction::Label(pairs, true) }
        }
        "EXPOSE" => {
            at_least_one()?;
            plain(node)?;
            let mut ports = words;
            ports.sort();
            Instruction::Expose(ports)
        }
        "HEALTHCHECK" => Instruction::Healthcheck(super::health::read(node, &words)?),
        "MAINTAINER" => {
            let who = exactly_one()?;
            plain(node)?;
            Instruction::Maintainer(who)
        }
        "ONBUILD" => onbuild(node, &words)?,
        "RUN" => {
            let mut options = Options::of(node, &["mount", "network", "security"], &[])?;
            let (network, security) = (options.take("network"), options.take("security"));
            if !["", "default", "none", "host"].contains(&network.as_str()) {
                return Err(format!("invalid network mode {}", quote(&network)));
            }
            if !["", "sandbox", "insecure"].contains(&security.as_str()) {
                return Err(format!("security {} is not valid", quote(&security)));
            }
            Instruction::Run(Run { command: command(node, words), mounts: options.take_all("mount"), network, security })
        }
        "SHELL" => {
            plain(node)?;
            if words.is_empty() {
                return Err("SHELL requires at least one argument".to_owned());
            }
            if !node.json {
                return Err("SHELL requires the arguments to be in JSON form".to_owned());
            }
            Instruction::Shell(words)
        }
        "STOPSIGNAL" => Instruction::StopSignal(exactly_one()?),
        "USER" => {
            plain(node)?;
            Instruction::User(exactly_one()?)
        }
        "VOLUME" => {
            plain(node)?;
            at_least_one()?;
            let volumes: Vec<String> = words.iter().map(|v| v.trim().to_owned()).collect();
            if volumes.iter().any(String::is_empty) {
                return Err("VOLUME specified can not be an empty string".to_owned());
            }
            Instruction::Volume(volumes)
        }
        "WORKDIR" => {
            plain(node)?;
            Instruction::Workdir(exactly_one()?)
        }
        "FROM" => return Err("FROM isn't allowed as an ONBUILD trigger".to_owned()),
        _ => return Err(format!("unknown instruction: {}{}", node.name, suggestion(&name, &NAMES))),
    })
}

fn command(node: &Node, words: Vec<String>) -> CommandLine {
    let words = if node.json || words.is_empty() { words } else { vec![words.join(" ")] };
    CommandLine { words, shell: !node.json, heredocs: node.heredocs.clone() }
}

fn copy(node: &Node, name: &str, mut words: Vec<String>) -> Result<Copy, String> {
    if words.len() < 2 {
        return Err(format!(
            "{name} requires at least two arguments, but only {} {} provided. Destination could not be determined.",
            words.len(),
            if words.len() == 1 { "was" } else { "were" }
        ));
    }
    let mut options = if name == "ADD" {
        Options::of(node, &["chown", "chmod", "checksum", "exclude"], &["link", "keep-git-dir", "unpack"])?
    } else {
        Options::of(node, &["chown", "chmod", "from", "exclude"], &["link", "parents"])?
    };
    let destination = words.pop().unwrap_or_default();
    if Heredoc::parse(&destination).is_some() {
        return Err(format!("{name} cannot accept a heredoc as a destination"));
    }
    let mut copy = Copy {
        destination,
        from: options.take("from"),
        chown: options.take("chown"),
        chmod: options.take("chmod"),
        link: options.on("link"),
        parents: options.on("parents"),
        keep_git: options.on("keep-git-dir"),
        exclude: options.take_all("exclude"),
        checksum: options.take("checksum"),
        unpack: options.given("unpack"),
        ..Copy::default()
    };
    for word in words {
        match Heredoc::parse(&word).filter(|_| !node.json) {
            Some(mark) => copy.files.extend(node.heredocs.iter().find(|h| h.name == mark.name).cloned()),
            None => copy.sources.push(word),
        }
    }
    Ok(copy)
}

fn onbuild(node: &Node, words: &[String]) -> Result<Instruction, String> {
    let Some(trigger) = words.first() else { return Err("ONBUILD requires at least one argument".to_owned()) };
    Options::of(node, &[], &[])?;
    match trigger.to_uppercase().as_str() {
        "ONBUILD" => return Err("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned()),
        trigger @ ("MAINTAINER" | "FROM") => return Err(format!("{trigger} isn't allowed as an ONBUILD trigger")),
        _ => {}
    }
    // Everything behind the word itself, here-documents included.
    let line = node.original.trim_start();
    let mut expression = line[node.name.len().min(line.len())..].trim().to_owned();
    for heredoc in &node.heredocs {
        expression.push('\n');
        expression.push_str(&heredoc.content);
        expression.push_str(&heredoc.name);
    }
    Ok(Instruction::Onbuild(expression))
}
