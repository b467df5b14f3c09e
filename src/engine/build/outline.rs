//! What can be said of a Dockerfile without building it: its targets, and what one of them takes from whoever builds it.

use std::collections::{BTreeMap, BTreeSet};

use super::BuildRequest;
use super::arguments::Arguments;
use super::expand;
use super::instruction::{Instruction, Plan, Stage, Step};
use super::lint::{description, variables};
use super::mounts;

type Lines = (usize, usize);

/// A stage that can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Empty for one without a name.
    pub name: String,
    pub description: String,
    /// Whether it is the one that is built when nobody says which.
    pub default: bool,
    pub base: String,
    pub platform: String,
    pub lines: Lines,
}

/// What a target takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    pub name: String,
    pub description: String,
    pub arguments: Vec<Argument>,
    pub secrets: Vec<Needed>,
    pub agents: Vec<Needed>,
}

/// A build argument, with the value that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    pub name: String,
    pub value: String,
    pub description: String,
    pub lines: Lines,
}

/// A secret, or an agent for SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    pub name: String,
    pub required: bool,
    pub lines: Lines,
}

/// The targets in their order.
pub fn targets(plan: &Plan, text: &str) -> Vec<Target> {
    let of = |(at, stage): (usize, &Stage)| Target {
        name: stage.name.clone(),
        description: description(text, stage.lines.0, &stage.name),
        default: at == plan.target,
        base: stage.base.clone(),
        platform: stage.platform.clone(),
        lines: stage.lines,
    };
    plan.stages.iter().enumerate().map(of).collect()
}

/// What the target of a plan takes, with those that it needs.
pub fn outline(plan: &Plan, text: &str, request: &BuildRequest) -> Outline {
    let Some(last) = plan.stages.get(plan.target) else { return Outline::default() };
    let mut outline = Outline { name: last.name.clone(), description: description(text, last.lines.0, &last.name), ..Outline::default() };
    let mut globals = Globals::of(plan, text, request);
    let mut seen = BTreeSet::new();
    for at in needed(plan) {
        let stage = &plan.stages[at];
        globals.use_all(&format!("{} {}", stage.base, stage.platform));
        let mut known = globals.values.clone();
        for step in &stage.steps {
            match &step.instruction {
                Instruction::Arg(list) => {
                    for (name, value) in list {
                        let given = request.arguments.get(name).cloned().flatten();
                        if given.is_none() && value.is_none() && globals.declared.contains_key(name) {
                            globals.use_one(name);
                            continue;
                        }
                        let value = given.or_else(|| expand::word(value.as_deref()?, &known, plan.escape).ok());
                        if let Some(value) = &value {
                            known.insert(name.clone(), value.clone());
                        }
                        if seen.insert(name.clone()) {
                            outline.arguments.push(argument(name, value, step, text));
                        }
                    }
                }
                Instruction::Run(run) => {
                    // What cannot be expanded is told as it is written.
                    let expand = |text: &str| expand::word(text, &known, plan.escape).unwrap_or_else(|_| text.to_owned());
                    run.mounts.iter().for_each(|mount| outline.mount(mount, &expand, step.lines));
                }
                _ => {}
            }
        }
    }
    let used = globals.declared.into_iter().filter(|(name, _)| globals.used.contains(name) && !seen.contains(name));
    outline.arguments.extend(used.map(|(_, argument)| argument));
    outline.arguments.sort_by_key(|argument| argument.lines);
    for list in [&mut outline.secrets, &mut outline.agents] {
        list.sort_by_key(|needed| needed.lines);
        let mut names = BTreeSet::new();
        list.retain(|needed| names.insert(needed.name.clone()));
    }
    outline
}

impl Outline {
    fn mount(&mut self, mount: &str, expand: &dyn Fn(&str) -> String, lines: Lines) {
        let fields: BTreeMap<&str, &str> = mount.split(',').map(|field| field.split_once('=').unwrap_or((field, "true"))).collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        let (list, usual) = match field("type") {
            // Without an id it is called as its file.
            "secret" => (&mut self.secrets, ["source", "src", "target", "dst"].map(field).into_iter().find(|path| !path.is_empty())),
            "ssh" => (&mut self.agents, Some("default")),
            _ => return,
        };
        let usual = usual.map_or("", |path| path.rsplit('/').next().unwrap_or(path));
        let name = if field("id").is_empty() { usual } else { field("id") };
        list.push(Needed { name: expand(name), required: matches!(field("required"), "true" | "1"), lines });
    }
}

fn argument(name: &str, value: Option<String>, step: &Step, text: &str) -> Argument {
    let description = description(text, step.lines.0, name);
    Argument { name: name.to_owned(), value: value.unwrap_or_default(), description, lines: step.lines }
}

/// The arguments in front of the first stage.
struct Globals {
    declared: BTreeMap<String, Argument>,
    values: BTreeMap<String, String>,
    /// The text of their defaults, in which others may be used.
    defaults: BTreeMap<String, String>,
    used: BTreeSet<String>,
}

impl Globals {
    fn of(plan: &Plan, text: &str, request: &BuildRequest) -> Globals {
        let mut arguments = Arguments::new(request.arguments.clone(), &request.platform);
        let (mut declared, mut defaults) = (BTreeMap::new(), BTreeMap::new());
        for step in &plan.arguments {
            let Instruction::Arg(list) = &step.instruction else { continue };
            for (name, value) in list {
                let expanded = value.as_deref().and_then(|value| expand::word(value, &arguments.globals(), plan.escape).ok());
                arguments.declare_global(name, expanded);
                declared.insert(name.clone(), argument(name, arguments.globals().get(name).cloned(), step, text));
                defaults.insert(name.clone(), value.clone().unwrap_or_default());
            }
        }
        Globals { declared, values: arguments.globals(), defaults, used: BTreeSet::new() }
    }

    fn use_all(&mut self, text: &str) {
        for name in variables(text) {
            self.use_one(name);
        }
    }

    fn use_one(&mut self, name: &str) {
        if self.used.insert(name.to_owned())
            && let Some(default) = self.defaults.get(name).cloned()
        {
            self.use_all(&default);
        }
    }
}

/// The target and those stages that it needs, itself first.
fn needed(plan: &Plan) -> Vec<usize> {
    let mut found = Vec::new();
    let mut todo = vec![plan.target];
    while let Some(at) = todo.pop() {
        if found.contains(&at) {
            continue;
        }
        found.push(at);
        let stage = &plan.stages[at];
        let from = |step: &Step| match &step.instruction {
            Instruction::Copy(copy) | Instruction::Add(copy) => vec![copy.from.clone()],
            Instruction::Run(run) => run.mounts.iter().filter_map(|mount| mounts::origin(mount)).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let names = stage.steps.iter().flat_map(from).filter(|name| !name.is_empty());
        todo.extend(names.filter_map(|name| plan.stage(&name)).filter(|other| *other < at));
        // A base is known by its name alone.
        todo.extend(plan.stages[..at].iter().rposition(|other| !other.name.is_empty() && other.name.eq_ignore_ascii_case(&stage.base)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::dockerfile::Dockerfile;

    const TEXT: &str = "# VERSION of the base\nARG VERSION=1\nARG UNUSED=2\nARG IMAGE=busybox:$VERSION\n\n\
        # tools brings what is needed\n# to build\nFROM $IMAGE AS tools\nARG MODE=quick\nRUN --mount=type=secret,id=token$MODE,required=true true\n\n\
        FROM scratch AS other\nARG OTHER=3\n\n\
        # app is the program\nFROM scratch AS app\n# MODE is fast or slow\nARG MODE=fast\nARG BOTH=$MODE-$VERSION\nARG VERSION\n\
        COPY --from=tools /x /\nRUN --mount=type=ssh true\n";

    #[test]
    fn targets_are_described() {
        let plan = Plan::of(&Dockerfile::parse(TEXT).expect("a Dockerfile")).expect("a plan");
        let said: Vec<_> = targets(&plan, TEXT).into_iter().map(|target| (target.name, target.description, target.default)).collect();
        let expected = [("tools", "brings what is needed", false), ("other", "", false), ("app", "is the program", true)];
        assert_eq!(said, expected.map(|(name, description, default)| (name.to_owned(), description.to_owned(), default)));
    }

    #[test]
    fn a_target_takes_what_its_stages_take() {
        let plan = Plan::of(&Dockerfile::parse(TEXT).expect("a Dockerfile")).expect("a plan");
        let arguments = BTreeMap::from([("VERSION".to_owned(), Some("7".to_owned()))]);
        let outline = outline(&plan, TEXT, &BuildRequest { arguments, ..BuildRequest::default() });
        let said: Vec<_> = outline.arguments.iter().map(|a| [&a.name, &a.value, &a.description].map(String::as_str)).collect();
        assert_eq!(said, [["IMAGE", "busybox:7", ""], ["MODE", "fast", "is fast or slow"], ["BOTH", "fast-7", ""], ["VERSION", "7", ""]]);
        let needed = |list: &[Needed]| list.iter().map(|needed| (needed.name.clone(), needed.required)).collect::<Vec<_>>();
        assert_eq!(needed(&outline.secrets), [("tokenquick".to_owned(), true)]);
        assert_eq!(needed(&outline.agents), [("default".to_owned(), false)]);
        assert_eq!((outline.name.as_str(), outline.description.as_str()), ("app", "is the program"));
    }
}
