//! From a plan to what has to be done: the stages that the target needs, with their configs worked out and each step that makes a layer
//! by itself. Runs and copies nothing, so that what makes no sense is told before anything is done.

use std::collections::BTreeMap;

use super::naming;
use crate::build::BuildRequest;
use crate::build::arguments::Arguments;
use crate::build::base;
use crate::build::expand;
use crate::build::instruction::{Copy, Instruction, Plan, Run, Step};
use crate::build::lint::{Lint, Seen};
use crate::build::modes::Mode;
use crate::build::mounts::{self, Kind, Mount};
use crate::build::options::suggestion;
use crate::build::remotes::Remote;
use crate::build::report::BuildError;
use crate::build::running;
use crate::build::state::State;
use crate::image::{ImageDocument, Platform, RunConfig};
use crate::patterns::IgnoreList;
use crate::units::quote;

/// As many stages as one target may need.
const STAGES_MAX: usize = 500;

/// What stands before the name of a folder of the client's among named contexts.
const FOLDER: &str = "local:";

/// Where files come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Scratch,
    Context,
    /// One of `Needs::images`.
    Image(usize),
    /// One of `Needs::folders`.
    Folder(usize),
    /// A stage by its place in the plan.
    Stage(usize),
}

/// What the target needs, by names alone.
#[derive(Debug, Default)]
pub struct Needs {
    /// The images, by name and platform, and the lines that name them.
    pub images: Vec<Base>,
    /// Other folders of the client's, by the names that the Dockerfile has for them and those that the client has.
    pub folders: Vec<(String, String)>,
    /// For each stage of the plan what it begins with; `None` for those that nobody needs.
    pub bases: Vec<Option<Origin>>,
}

/// An image that a build begins with or copies from.
#[derive(Clone, Debug)]
pub struct Base {
    pub name: String,
    pub platform: String,
    pub lines: (usize, usize),
}

/// A stage worked out.
pub struct Stage {
    pub base: Origin,
    /// The step that its image is, as it is shown; none where it begins with another stage or with nothing.
    pub from: Option<String>,
    pub steps: Vec<Work>,
    pub config: RunConfig,
    pub maintainer: String,
    /// What it adds to the image's history, with what the stages below added.
    pub history: Vec<Line>,
    pub platform: String,
    /// What it has asked for; stages on top of it see it, too.
    arguments: Arguments,
    seen: Seen,
}

/// A line of history.
#[derive(Clone, Debug)]
pub struct Line {
    pub text: String,
    /// Whether a layer goes with it.
    pub layer: bool,
}

/// A step that makes a layer.
pub struct Work {
    pub name: String,
    pub lines: (usize, usize),
    pub kind: WorkKind,
}

pub enum WorkKind {
    /// A folder to work in, which is the user's where it has to be made.
    Folder {
        path: String,
        user: String,
    },
    Copy {
        copy: Box<Copy>,
        add: bool,
        from: Origin,
        working_dir: String,
    },
    Run(Box<Running>),
}

/// A command to run.
pub struct Running {
    pub words: Vec<String>,
    pub script: Option<(String, String)>,
    pub mounts: Vec<(Mount, Origin)>,
    pub config: RunConfig,
    pub env: Vec<String>,
    /// What its environment has besides, on which its result does not depend.
    pub proxies: Vec<String>,
    pub network: String,
}

impl Base {
    /// What tells it from other images.
    pub fn key(&self) -> (String, String) {
        (self.name.clone(), self.platform.clone())
    }
}

impl Needs {
    /// Finds out what the target needs, or `all` stages; each begins with its `triggers`, as far as these are known.
    pub fn of(
        plan: &Plan,
        globals: &BTreeMap<String, String>,
        contexts: &BTreeMap<String, String>,
        triggers: &[Vec<Step>],
        all: bool,
    ) -> Result<Needs, BuildError> {
        let mut needs = Needs { images: Vec::new(), folders: Vec::new(), bases: vec![None; plan.stages.len()] };
        let mut needed: Vec<Vec<usize>> = vec![Vec::new(); plan.stages.len()];
        let mut todo: Vec<usize> = if all { (0..plan.stages.len()).collect() } else { vec![plan.target] };
        let mut count = 0;
        while let Some(at) = todo.pop() {
            if needs.bases[at].is_some() {
                continue;
            }
            count += 1;
            if count > STAGES_MAX {
                return Err(BuildError::invalid(format!("the target needs more than {STAGES_MAX} stages")));
            }
            let stage = &plan.stages[at];
            let place = |e: String| BuildError::invalid(e).at(stage.lines);
            let name = expand::word(&stage.base, globals, plan.escape).map_err(place)?;
            if name.is_empty() {
                return Err(place(format!("base name ({}) should not be blank", stage.base)));
            }
            let platform = platform(&stage.platform, globals, plan.escape).map_err(place)?;
            let origin = needs.origin(plan, at, &name, &platform, stage.lines, contexts);
            needs.bases[at] = Some(origin);
            let mut origins = vec![origin];
            for step in triggers.get(at).into_iter().flatten().chain(&stage.steps) {
                for from in froms(&step.instruction) {
                    if from.contains('$') {
                        let why = match step.instruction {
                            Instruction::Run(_) => "'from' doesn't support variable expansion, define alias stage instead",
                            _ => {
                                "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope \
                                 as a workaround"
                            }
                        };
                        return Err(BuildError::invalid(why).at(step.lines));
                    }
                    origins.push(needs.copied(plan, from, step.lines, contexts).map_err(|e| e.at(step.lines))?);
                }
            }
            let stages = origins.into_iter().filter_map(|origin| if let Origin::Stage(other) = origin { Some(other) } else { None });
            needed[at].extend(stages);
            // The one that stands first is looked at last, so that images are found in the order of the Dockerfile from its end.
            todo.extend(&needed[at]);
            todo.sort_unstable();
        }
        if let Some(at) = circular(&needed) {
            let stage = &plan.stages[at];
            let name = if stage.name.is_empty() { at.to_string() } else { stage.name.clone() };
            return Err(BuildError::invalid(format!("circular dependency detected on stage: {name}")).at(stage.lines));
        }
        Ok(needs)
    }

    /// What a `FROM` of the stage `at` means: an earlier stage by its name, or an image.
    fn origin(
        &mut self,
        plan: &Plan,
        at: usize,
        name: &str,
        platform: &str,
        lines: (usize, usize),
        contexts: &BTreeMap<String, String>,
    ) -> Origin {
        let called = name;
        let name = contexts.get(name).map_or(name, String::as_str);
        let elsewhere = Remote::of_context(name).map(|_| name);
        if let Some(folder) = name.strip_prefix(FOLDER).or(elsewhere) {
            let known = self.folders.iter().position(|(name, _)| name == called);
            return Origin::Folder(known.unwrap_or_else(|| {
                self.folders.push((called.to_owned(), folder.to_owned()));
                self.folders.len() - 1
            }));
        }
        if name.starts_with(base::LAYOUT) {
            return Origin::Image(self.image(name, platform, lines));
        }
        if let Some(other) = named(&plan.stages[..at], name) {
            return Origin::Stage(other);
        }
        if name == "scratch" {
            return Origin::Scratch;
        }
        Origin::Image(self.image(name, platform, lines))
    }

    /// The triggers of the stages, now that their images are known.
    pub fn triggers(&self, plan: &Plan, images: &[&ImageDocument]) -> Result<Vec<Vec<Step>>, BuildError> {
        let of = |(stage, base): (&crate::build::instruction::Stage, &Option<Origin>)| {
            let lines: Vec<&String> = match base {
                Some(Origin::Image(n)) => images[*n].config.on_build.iter().flatten().collect(),
                Some(Origin::Stage(n)) => {
                    let steps = plan.stages[*n].steps.iter();
                    steps.filter_map(|step| if let Instruction::Onbuild(line) = &step.instruction { Some(line) } else { None }).collect()
                }
                _ => Vec::new(),
            };
            let read = |line: &String| match Step::parse(line) {
                Ok(step) => Ok(Step { lines: stage.lines, ..step }),
                Err(e) => Err(BuildError::invalid(e.message).at(stage.lines)),
            };
            lines.into_iter().map(read).collect()
        };
        plan.stages.iter().zip(&self.bases).map(of).collect()
    }

    fn image(&mut self, name: &str, platform: &str, lines: (usize, usize)) -> usize {
        let known = self.images.iter().position(|base| base.name == name && base.platform == platform);
        known.unwrap_or_else(|| {
            self.images.push(Base { name: name.to_owned(), platform: platform.to_owned(), lines });
            self.images.len() - 1
        })
    }

    /// What a `--from` means: a stage by its number or its name, wherever it stands, or an image.
    fn copied(
        &mut self,
        plan: &Plan,
        name: &str,
        lines: (usize, usize),
        contexts: &BTreeMap<String, String>,
    ) -> Result<Origin, BuildError> {
        match name.parse::<usize>() {
            Ok(number) if number < plan.stages.len() => Ok(Origin::Stage(number)),
            Ok(number) => Err(BuildError::invalid(format!("invalid stage index {number}"))),
            Err(_) => Ok(self.origin(plan, plan.stages.len(), name, "", lines, contexts)),
        }
    }
}

/// The platform that a `FROM` asks for; empty where it asks for none.
fn platform(text: &str, globals: &BTreeMap<String, String>, escape: char) -> Result<String, String> {
    let hint = || {
        let known: Vec<&str> = globals.keys().map(String::as_str).collect();
        let missing = expand::missing(text, globals, escape);
        missing.iter().map(|name| suggestion(name, &known)).find(|hint| !hint.is_empty()).unwrap_or_default()
    };
    let platform = expand::word(text, globals, escape)?;
    match platform.parse::<Platform>() {
        Ok(_) => Ok(platform),
        Err(_) if text.is_empty() => Ok(platform),
        Err(_) if platform.is_empty() => Err(format!("empty platform value from expression {text}{}", hint())),
        Err(e) => Err(format!("failed to parse platform {text}: {e}{}", hint())),
    }
}

fn named(stages: &[crate::build::instruction::Stage], name: &str) -> Option<usize> {
    stages.iter().rposition(|stage| !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(name))
}

/// A stage that needs itself, by way of others or not.
fn circular(needed: &[Vec<usize>]) -> Option<usize> {
    /// How far a stage has been followed.
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        Open,
        Done,
    }
    let mut seen = vec![Seen::Not; needed.len()];
    for first in 0..needed.len() {
        // A stage with the place of the next one that it needs.
        let mut way = vec![(first, 0)];
        while let Some((at, next)) = way.pop() {
            match needed[at].get(next) {
                _ if seen[at] == Seen::Done => {}
                Some(other) => {
                    seen[at] = Seen::Open;
                    if seen[*other] == Seen::Open {
                        return Some(*other);
                    }
                    way.push((at, next + 1));
                    way.push((*other, 0));
                }
                None => seen[at] = Seen::Done,
            }
        }
    }
    None
}

/// The stages and images that an instruction takes files from.
fn froms(instruction: &Instruction) -> Vec<&str> {
    match instruction {
        Instruction::Copy(copy) | Instruction::Add(copy) if !copy.from.is_empty() => vec![&copy.from],
        Instruction::Run(run) => run.mounts.iter().filter_map(|mount| mounts::origin(mount)).collect(),
        _ => Vec::new(),
    }
}

/// All stages that are needed, worked out; `images` are the documents of `needs.images`.
pub struct Compiler<'a> {
    pub plan: &'a Plan,
    pub needs: &'a mut Needs,
    pub request: &'a BuildRequest,
    pub images: &'a [ImageDocument],
    /// What stages begin with, because of what they are based on.
    pub triggers: &'a [Vec<Step>],
    /// The names of the images as they are shown.
    pub shown: &'a [String],
    pub lint: Option<&'a mut Lint>,
    /// What is left out of the context: the list, and its patterns.
    pub ignored: Option<&'a (IgnoreList, Vec<String>)>,
}

impl Compiler<'_> {
    /// Works out the stages; gives those of the plan, `None` where one is not needed, and the arguments given that nothing asked for.
    pub fn run(mut self, mut arguments: Arguments) -> Result<(Vec<Option<Stage>>, Vec<String>), BuildError> {
        let mut stages: Vec<Option<Stage>> = Vec::new();
        for at in 0..self.plan.stages.len() {
            let stage = match self.needs.bases[at] {
                Some(base) => {
                    let own = match base {
                        Origin::Stage(n) => stages[n].as_ref().map(|below| arguments.for_stage_on(&below.arguments)),
                        _ => None,
                    };
                    let stage = self.stage(at, base, &stages, own.unwrap_or_else(|| arguments.for_stage()))?;
                    arguments.learn(&stage.arguments);
                    Some(stage)
                }
                None => {
                    // What a stage asks for that nobody needs was asked for all the same.
                    for step in &self.plan.stages[at].steps {
                        if let Instruction::Arg(list) = &step.instruction {
                            let mut seen = arguments.for_stage();
                            list.iter().for_each(|(name, value)| seen.declare(name, value.clone()));
                            arguments.learn(&seen);
                        }
                    }
                    None
                }
            };
            stages.push(stage);
        }
        let unused = arguments.unused().into_iter().map(str::to_owned).collect();
        Ok((stages, unused))
    }

    fn stage(&mut self, at: usize, base: Origin, done: &[Option<Stage>], arguments: Arguments) -> Result<Stage, BuildError> {
        let plan = self.plan;
        let planned = &plan.stages[at];
        let (config, history, platform) = match base {
            Origin::Image(n) => {
                let platform = crate::image::Platform::of(&self.images[n]);
                (self.images[n].config.clone(), Vec::new(), platform.to_string())
            }
            Origin::Stage(n) => done[n].as_ref().map(|s| (s.config.clone(), s.history.clone(), s.platform.clone())).unwrap_or_default(),
            Origin::Scratch | Origin::Context | Origin::Folder(_) => {
                (RunConfig { working_dir: "/".to_owned(), ..RunConfig::default() }, Vec::new(), String::new())
            }
        };
        let mut state = State::new(config, arguments, plan.escape);
        state.last_counts = true;
        state.config.image = String::new();
        state.config.on_build = None;
        let triggers = self.triggers[at].len();
        let steps: Vec<Step> = self.triggers[at].iter().chain(&planned.steps).cloned().collect();
        let mut namer = naming::Namer::of(plan, at, base, &steps, &super::prefix(self.request));
        let from = match base {
            Origin::Image(n) => Some(namer.next(&format!("FROM {}", self.shown[n]))),
            _ => None,
        };
        let seen = if let Origin::Stage(n) = base { done[n].as_ref().map(|below| below.seen.above()) } else { None };
        let mut stage = Stage {
            base,
            from,
            steps: Vec::new(),
            config: RunConfig::default(),
            maintainer: String::new(),
            history,
            platform,
            arguments: Arguments::default(),
            seen: seen.unwrap_or_default(),
        };
        for (number, step) in steps.iter().enumerate() {
            namer.triggered = number < triggers;
            if let Some(lint) = &mut self.lint {
                lint.step(step, &state, &mut stage.seen, self.ignored);
            }
            self.earlier(at, &step.instruction).map_err(|e| e.at(step.lines))?;
            self.step(&mut state, &mut stage, &mut namer, step).map_err(|e| e.at(step.lines))?;
        }
        stage.config = state.config;
        stage.maintainer = state.maintainer;
        stage.arguments = state.arguments;
        Ok(stage)
    }

    /// Refuses what takes files of a stage that comes later.
    fn earlier(&mut self, at: usize, instruction: &Instruction) -> Result<(), BuildError> {
        for from in froms(instruction) {
            if self.copied_stage(from).is_none_or(|n| n <= at) {
                continue;
            }
            let stage = &self.plan.stages[at];
            let name = if stage.name.is_empty() { format!("stage-{at}") } else { stage.name.clone() };
            let why = match instruction {
                Instruction::Run(run) => {
                    let mount = run.mounts.iter().find(|mount| mounts::origin(mount) == Some(from));
                    let target = mount.and_then(|mount| Mount::parse(mount, &|value| Ok(value.to_owned())).ok());
                    let target = target.map(|mount| mount.target).unwrap_or_default();
                    format!(
                        "cannot mount from stage {} to {}, stage needs to be defined before current command",
                        quote(from),
                        quote(&target)
                    )
                }
                _ => format!("cannot copy from stage {}, it needs to be defined before current stage {}", quote(from), quote(&name)),
            };
            return Err(BuildError::invalid(why));
        }
        Ok(())
    }

    fn copied_stage(&mut self, name: &str) -> Option<usize> {
        let contexts = &self.request.contexts;
        match self.needs.copied(self.plan, name, (0, 0), contexts) {
            Ok(Origin::Stage(n)) => Some(n),
            _ => None,
        }
    }

    fn from(&mut self, name: &str, lines: (usize, usize)) -> Result<Origin, BuildError> {
        if name.is_empty() {
            return Ok(Origin::Context);
        }
        match self.needs.copied(self.plan, name, lines, &self.request.contexts)? {
            // Images are found by now.
            Origin::Image(n) if n >= self.images.len() => Err(BuildError::invalid(format!("{} is no stage and no image", quote(name)))),
            known => Ok(known),
        }
    }

    fn step(&mut self, state: &mut State, stage: &mut Stage, namer: &mut naming::Namer, step: &Step) -> Result<(), BuildError> {
        let variables = state.variables();
        let instruction = state.expand(&step.instruction)?;
        let shown = naming::shown(&step.code, &variables);
        let mut work = |kind, name: String| stage.steps.push(Work { name, lines: step.lines, kind });
        match instruction {
            Instruction::Run(run) => {
                let (running, summary) = self.running(state, &run, step.lines)?;
                work(WorkKind::Run(Box::new(running)), namer.next(&format!("{shown}{summary}")));
                let words = match work_words(stage) {
                    Some(words) => state.recorded(&words),
                    None => Vec::new(),
                };
                stage.history.push(Line { text: format!("RUN {} # buildkit", words.join(" ")), layer: true });
            }
            Instruction::Copy(copy) => self.copy(state, stage, namer.next(&shown), copy, false, step.lines)?,
            Instruction::Add(copy) => self.copy(state, stage, namer.next(&shown), copy, true, step.lines)?,
            Instruction::Workdir(_) => {
                let applied = state.apply(&instruction)?;
                let name = namer.next(&shown);
                // The root is there already.
                let layer = state.config.working_dir != "/";
                if layer {
                    work(WorkKind::Folder { path: state.config.working_dir.clone(), user: state.config.user.clone() }, name);
                }
                stage.history.push(Line { text: applied.comment, layer });
            }
            Instruction::Onbuild(_) => drop(state.apply(&instruction)?),
            Instruction::Expose(_) => {
                let before = state.config.exposed_ports.take();
                state.apply(&instruction)?;
                let own = state.config.exposed_ports.get_or_insert_default();
                let ports: Vec<String> = own.keys().map(|port| format!("{port}:{{}}")).collect();
                own.extend(before.unwrap_or_default());
                stage.history.push(Line { text: format!("EXPOSE map[{}]", ports.join(" ")), layer: false });
            }
            _ => {
                let applied = state.apply(&instruction)?;
                if matches!(instruction, Instruction::Cmd(_)) {
                    state.config.args_escaped = true;
                }
                stage.history.push(Line { text: applied.comment, layer: false });
            }
        }
        Ok(())
    }

    fn running(&mut self, state: &State, run: &Run, lines: (usize, usize)) -> Result<(Running, String), BuildError> {
        let (words, script) = running::command(run, |words| {
            let mut all = state.shell();
            all.extend(words);
            all
        });
        if words.is_empty() {
            return Err(BuildError::invalid("failed to marshal LLB definition: arguments are required"));
        }
        let summary = run.command.heredocs.first().map_or_else(String::new, |heredoc| naming::heredoc(&heredoc.text()));
        let (mut mounts, variables) = (Vec::new(), state.variables());
        for text in &run.mounts {
            let mount = Mount::parse(text, &|value| expand::word(value, &variables, state.escape))?;
            let from = match (mount.kind, mount.from.is_empty()) {
                (Kind::Cache, true) => Origin::Scratch,
                _ => self.from(&mount.from, lines)?,
            };
            mounts.push((mount, from));
        }
        let own = ["", "default"].contains(&run.network.as_str());
        let network = if own { &self.request.host.network_mode } else { &run.network };
        let asked = [(network == "host" && !self.request.host_network, "network.host"), (run.security == "insecure", "security.insecure")];
        if let Some((_, what)) = asked.iter().find(|(asked, _)| *asked) {
            return Err(BuildError::new(format!("failed to load LLB: {what} is not allowed")));
        }
        let (config, env, proxies) = (state.config.clone(), state.command_env(), state.arguments.proxies());
        Ok((Running { words, script, mounts, config, env, proxies, network: run.network.clone() }, summary))
    }

    fn copy(
        &mut self,
        state: &State,
        stage: &mut Stage,
        name: String,
        copy: Copy,
        add: bool,
        lines: (usize, usize),
    ) -> Result<(), BuildError> {
        let from = self.from(&copy.from, lines)?;
        if !copy.chmod.is_empty() {
            Mode::parse(&copy.chmod)?;
        }
        checksum(&copy.checksum)?;
        let many = copy.sources.len() + copy.files.len() > 1;
        let word = if add { "ADD" } else { "COPY" };
        if many && !copy.destination.ends_with('/') && copy.destination != "." && copy.destination != ".." {
            return Err(BuildError::invalid(format!(
                "When using {word} with more than one source file, the destination must be a directory and end with a /"
            )));
        }
        stage.history.push(Line { text: naming::copied(word, &copy), layer: true });
        let kind = WorkKind::Copy { copy: Box::new(copy), add, from, working_dir: state.config.working_dir.clone() };
        stage.steps.push(Work { name, lines, kind });
        Ok(())
    }
}

/// Refuses what is no digest.
fn checksum(text: &str) -> Result<(), BuildError> {
    let known = text.split_once(':').map(|(algorithm, hex)| (algorithm, hex.len(), hex.bytes().all(|byte| byte.is_ascii_hexdigit())));
    match known {
        _ if text.is_empty() => Ok(()),
        Some(("sha256", 64, true) | ("sha384", 96, true) | ("sha512", 128, true)) => Ok(()),
        // A commit of git's.
        None if text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.len() <= 40 => Ok(()),
        Some(("sha256" | "sha384" | "sha512", _, false)) | None => Err(BuildError::invalid("invalid checksum digest format")),
        Some(("sha256" | "sha384" | "sha512", ..)) => Err(BuildError::invalid("invalid checksum digest length")),
        Some(_) => Err(BuildError::invalid("unsupported digest algorithm")),
    }
}

/// The words of the command that was added last.
fn work_words(stage: &Stage) -> Option<Vec<String>> {
    match &stage.steps.last()?.kind {
        WorkKind::Run(running) => Some(running.words.clone()),
        _ => None,
    }
}
