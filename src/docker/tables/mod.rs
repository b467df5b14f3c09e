//! The command line as data: which commands there are, how each is used and which flags it takes. Parsing is in `cmdline`, help in
//! `usage`; nothing here does anything.

mod containers;
mod images;
mod networks;
mod run;
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
}

impl Flag {
    pub const fn new(kind: Kind, name: &'static str, about: &'static str) -> Flag {
        Flag { name, short: None, kind, about, hidden: false }
    }

    pub const fn short(mut self, letter: char) -> Flag {
        self.short = Some(letter);
        self
    }

    pub const fn hidden(mut self) -> Flag {
        self.hidden = true;
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
        let line = self.about.lines().next().unwrap_or_default();
        line.split(". ").next().unwrap_or(line).trim_end_matches('.')
    }
}

/// A command that only holds commands.
pub struct Group {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether the usage line behind an unknown command says `COMMAND`; Docker's differ.
    pub usage_says_command: bool,
}

/// The groups, in the order of the help.
pub const GROUPS: &[Group] = &[
    Group { name: "builder", about: "Manage builds", usage_says_command: false },
    Group { name: "buildx", about: "Docker Buildx", usage_says_command: false },
    Group { name: "container", about: "Manage containers", usage_says_command: false },
    Group { name: "context", about: "Manage contexts", usage_says_command: false },
    Group { name: "image", about: "Manage images", usage_says_command: false },
    Group { name: "manifest", about: "Manage Docker image manifests and manifest lists", usage_says_command: true },
    Group { name: "network", about: "Manage networks", usage_says_command: false },
    Group { name: "system", about: "Manage Docker", usage_says_command: false },
    Group { name: "volume", about: "Manage volumes", usage_says_command: true },
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
    [run::COMMANDS, containers::COMMANDS, images::COMMANDS, system::COMMANDS, networks::COMMANDS].into_iter().flatten()
}

/// The command of this path, such as `image ls`.
pub fn find(path: &str) -> Option<&'static Command> {
    commands().find(|c| c.names.contains(&path))
}
