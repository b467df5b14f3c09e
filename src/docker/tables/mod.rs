//! The command line as data: which commands there are, how each is used and which flags it takes. Parsing is in `cmdline`, help in
//! `usage`; nothing here does anything.

mod completion;
mod containers;
mod contexts;
mod images;
mod manifest;
mod networks;
mod plugins;
mod run;
mod service;
mod swarm;
mod system;

use std::future::Future;
use std::pin::Pin;

use super::cmdline::Matches;
use super::context::Context;
use super::failure::Outcome;

/// What a command's function gives back: its exit status, or a failure to print.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// What a flag takes; the help names it and the parser checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Text,
    Int,
    Uint,
    Uint16,
    Bytes,
    Decimal,
    Duration,
    Filter,
    Gpus,
    /// `--help`, shown where the command has no `-h` for it.
    Help,
    /// One value each time the flag is given.
    List,
    Map,
    Mount,
    Network,
    /// Any text, called by this word.
    Named(&'static str),
    /// `key=value` pairs, parted by commas.
    Pairs,
    /// Like `List`, and each value may hold several, parted by commas.
    Strings,
    Ulimit,
}

impl Kind {
    /// The word that help puts behind the flag's name.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Bool | Kind::Help => "",
            Kind::Text => "string",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Uint16 => "uint16",
            Kind::Bytes => "bytes",
            Kind::Decimal => "decimal",
            Kind::Duration => "duration",
            Kind::Filter => "filter",
            Kind::Gpus => "gpu-request",
            Kind::List => "list",
            Kind::Map => "map",
            Kind::Mount => "mount",
            Kind::Network => "network",
            Kind::Named(word) => word,
            Kind::Pairs => "stringToString",
            Kind::Strings => "strings",
            Kind::Ulimit => "ulimit",
        }
    }
}

/// One flag of a command.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    pub name: &'static str,
    pub short: Option<char>,
    pub kind: Kind,
    /// As help shows it, its default included.
    pub about: &'static str,
    /// Understood, but not shown.
    pub hidden: bool,
    pub needs: Needs,
    /// The variable of the environment that has its value where none is given.
    pub variable: Option<&'static str>,
}

/// What an engine must be so that a flag is shown in help, and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// This version of the API.
    Api(&'static str),
    /// Features that are tried out.
    Experimental,
    /// A cluster; the flag is taken without one, too.
    Swarm,
    Windows,
}

impl Flag {
    pub const fn new(kind: Kind, name: &'static str, about: &'static str) -> Flag {
        Flag { name, short: None, kind, about, hidden: false, needs: Needs::Nothing, variable: None }
    }

    pub const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    pub const fn variable(mut self, variable: &'static str) -> Flag {
        self.variable = Some(variable);
        self
    }

    /// What its variable says, if it has one that says something.
    pub fn said_by_environment(&self) -> Option<String> {
        std::env::var(self.variable?).ok().filter(|value| !value.is_empty())
    }

    pub const fn hidden(mut self) -> Flag {
        self.hidden = true;
        self
    }

    pub const fn needs(mut self, needs: Needs) -> Flag {
        self.needs = needs;
        self
    }
}

/// `--format` of a command that prints a table.
pub const TABLE_FORMAT: Flag = Flag::new(
    Kind::Text,
    "format",
    "Format output using a custom template:\n\
     'table':            Print output in table format with column headers (default)\n\
     'table TEMPLATE':   Print output in table format using the given Go template\n\
     'json':             Print in JSON format\n\
     'TEMPLATE':         Print output using the given Go template.\n\
     Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
);

/// `--format` of a command that prints objects.
pub const OBJECT_FORMAT: Flag = Flag::new(
    Kind::Text,
    "format",
    "Format output using a custom template:\n\
     'json':             Print in JSON format\n\
     'TEMPLATE':         Print output using the given Go template.\n\
     Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
);

/// How many arguments a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Args {
    None,
    Any,
    Exact(usize),
    /// The same, of which a mistake is told in fewer words.
    Bare(usize),
    AtLeast(usize),
    AtMost(usize),
    Range(usize, usize),
}

/// One command, under all its names.
pub struct Command {
    /// Paths without `docker`; the first under each parent is the one that messages use, the others are its aliases.
    pub names: &'static [&'static str],
    /// What follows the path in a usage line; several where a command is used in several ways.
    pub usage: &'static [&'static str],
    pub about: &'static str,
    /// The line of aliases in its help.
    pub aliases: &'static str,
    pub args: Args,
    /// Whether flags may stand behind the first argument.
    pub interspersed: bool,
    pub flags: &'static [&'static [Flag]],
    pub run: for<'a> fn(&'a Context, &'a Matches) -> Running<'a>,
}

impl Command {
    /// The flags that the command takes.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().flat_map(|group| group.iter())
    }

    /// The name for messages of a command that was called as `path`: the first of its names with the same parent.
    pub fn canonical(&self, path: &str) -> &'static str {
        let parent = |p: &str| p.rsplit_once(' ').map(|(parent, _)| parent.to_owned());
        self.names.iter().find(|n| parent(n) == parent(path)).copied().unwrap_or(self.names[0])
    }

    /// The first line of its description.
    pub fn summary(&self) -> &'static str {
        match self.about.split_once('\n') {
            // More sentences follow it, so it ends as one.
            Some((line, _)) => line.trim_end_matches('.'),
            // A rule that follows is not what it does.
            None => self.about.split_once(". You ").map_or(self.about, |(first, _)| first),
        }
    }
}

/// A command that only holds commands.
pub struct Group {
    pub name: &'static str,
    pub about: &'static str,
    /// What the usage line behind an unknown command says after the name; Docker's differ.
    pub usage: &'static str,
    pub kind: GroupKind,
}

/// Where help shows a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    Management,
    /// For engines that try features out.
    Experimental,
    /// For clusters; all but `swarm` itself only where there is one.
    Swarm,
    /// Within another group.
    Inner,
    /// Nowhere: for shells.
    Hidden,
}

const fn group(name: &'static str, about: &'static str) -> Group {
    Group { name, about, usage: "", kind: GroupKind::Management }
}

const fn of(kind: GroupKind, name: &'static str, about: &'static str) -> Group {
    Group { name, about, usage: "", kind }
}

/// The groups, in the order of the help.
pub const GROUPS: &[Group] = &[
    group("builder", "Manage builds"),
    group("buildx", "Docker Buildx"),
    of(GroupKind::Experimental, "checkpoint", "Manage checkpoints"),
    group("container", "Manage containers"),
    group("context", "Manage contexts"),
    group("image", "Manage images"),
    Group { usage: "COMMAND", ..group("manifest", "Manage Docker image manifests and manifest lists") },
    group("network", "Manage networks"),
    group("plugin", "Manage plugins"),
    group("system", "Manage Docker"),
    group("trust", "Manage trust on Docker images"),
    Group { usage: "COMMAND", ..group("volume", "Manage volumes") },
    of(GroupKind::Swarm, "config", "Manage Swarm configs"),
    of(GroupKind::Swarm, "node", "Manage Swarm nodes"),
    of(GroupKind::Swarm, "secret", "Manage Swarm secrets"),
    of(GroupKind::Swarm, "service", "Manage Swarm services"),
    Group { usage: "[OPTIONS]", ..of(GroupKind::Swarm, "stack", "Manage Swarm stacks") },
    of(GroupKind::Swarm, "swarm", "Manage Swarm"),
    of(
        GroupKind::Hidden,
        "completion",
        "Generate the autocompletion script for docker for the specified shell.\nSee each sub-command's help for details on how to use the generated script.",
    ),
    of(GroupKind::Inner, "trust key", "Manage keys for signing Docker images"),
    of(GroupKind::Inner, "trust signer", "Manage entities who can sign Docker images"),
];

/// The commands that help shows first, in its order.
pub const COMMON: &[&str] = &["run", "exec", "ps", "build", "pull", "push", "images", "login", "logout", "search", "version", "info"];

/// The flags in front of the command.
pub const GLOBAL: &[Flag] = &[
    Flag::new(Kind::Text, "config", "Location of client config files"),
    Flag::new(
        Kind::Text,
        "context",
        "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with \"docker context use\")",
    )
    .short('c'),
    Flag::new(Kind::Bool, "debug", "Enable debug mode").short('D'),
    Flag::new(Kind::List, "host", "Daemon socket to connect to").short('H'),
    Flag::new(Kind::Text, "log-level", "Set the logging level (\"debug\", \"info\", \"warn\", \"error\", \"fatal\") (default \"info\")").short('l'),
    Flag::new(Kind::Bool, "tls", "Use TLS; implied by --tlsverify"),
    Flag::new(Kind::Text, "tlscacert", "Trust certs signed only by this CA"),
    Flag::new(Kind::Text, "tlscert", "Path to TLS certificate file"),
    Flag::new(Kind::Text, "tlskey", "Path to TLS key file"),
    Flag::new(Kind::Bool, "tlsverify", "Use TLS and verify the remote"),
    Flag::new(Kind::Bool, "version", "Print version information and quit").short('v'),
];

/// All commands.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    let about_containers = [run::COMMANDS, containers::COMMANDS, images::COMMANDS, system::COMMANDS, networks::COMMANDS];
    let others = [contexts::COMMANDS, plugins::COMMANDS, swarm::COMMANDS, service::COMMANDS, completion::COMMANDS, manifest::COMMANDS];
    about_containers.into_iter().chain(others).flatten()
}

/// The command of this path, such as `image ls`.
pub fn find(path: &str) -> Option<&'static Command> {
    commands().find(|c| c.names.contains(&path))
}
