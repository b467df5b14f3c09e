//! Commands over contexts. Data alone: names, usage, flags and which function answers.

use super::{Args, Command, Flag, Kind, OBJECT_FORMAT, TABLE_FORMAT};
use crate::docker::commands::context;

/// What `context create` and `context update` are for.
macro_rules! about {
    ($title:literal, $name:literal) => {
        concat!(
            $title,
            " a context\n\nDocker endpoint config:\n\nNAME                DESCRIPTION\nfrom                Copy named context's Docker endpoint configuration\nhost                Docker endpoint on which to connect\nca                  Trust certs signed only by this CA\ncert                Path to TLS certificate file\nkey                 Path to TLS key file\nskip-tls-verify     Skip TLS certificate validation\n\nExample:\n\n$ docker context ",
            $name,
            " my-context --description \"some description\" --docker \"host=tcp://myserver:2376,ca=~/ca-file,cert=~/cert-file,key=~/key-file\""
        )
    };
}

/// What both may say of a context.
const CONTEXT: &[Flag] = &[
    Flag::new(Kind::Text, "description", "Description of the context"),
    Flag::new(Kind::Pairs, "docker", "set the docker endpoint (default [])"),
];

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        names: &["context create"],
        usage: &["[OPTIONS] CONTEXT"],
        about: about!("Create", "create"),
        aliases: "",
        args: Args::Exact(1),
        interspersed: true,
        flags: &[CONTEXT, &[Flag::new(Kind::Text, "from", "create context from a named context")]],
        run: |c, m| Box::pin(context::create(c, m)),
    },
    Command {
        names: &["context export"],
        usage: &["[OPTIONS] CONTEXT [FILE|-]"],
        about: "Export a context to a tar archive FILE or a tar stream on STDOUT.",
        aliases: "",
        args: Args::Range(1, 2),
        interspersed: true,
        flags: &[&[]],
        run: |c, m| Box::pin(context::export(c, m)),
    },
    Command {
        names: &["context import"],
        usage: &["CONTEXT FILE|-"],
        about: "Import a context from a tar or zip file",
        aliases: "",
        args: Args::Exact(2),
        interspersed: true,
        flags: &[&[]],
        run: |c, m| Box::pin(context::import(c, m)),
    },
    Command {
        names: &["context inspect"],
        usage: &["[OPTIONS] [CONTEXT] [CONTEXT...]"],
        about: "Display detailed information on one or more contexts",
        aliases: "",
        args: Args::Any,
        interspersed: true,
        flags: &[&[OBJECT_FORMAT.short('f')]],
        run: |c, m| Box::pin(context::inspect(c, m)),
    },
    Command {
        names: &["context ls", "context list"],
        usage: &["[OPTIONS]"],
        about: "List contexts",
        aliases: "docker context ls, docker context list",
        args: Args::None,
        interspersed: true,
        flags: &[&[TABLE_FORMAT, Flag::new(Kind::Bool, "quiet", "Only show context names").short('q')]],
        run: |c, m| Box::pin(context::list(c, m)),
    },
    Command {
        names: &["context rm", "context remove"],
        usage: &["CONTEXT [CONTEXT...]"],
        about: "Remove one or more contexts",
        aliases: "docker context rm, docker context remove",
        args: Args::AtLeast(1),
        interspersed: true,
        flags: &[&[Flag::new(Kind::Bool, "force", "Force the removal of a context in use").short('f')]],
        run: |c, m| Box::pin(context::remove(c, m)),
    },
    Command {
        names: &["context show"],
        usage: &[""],
        about: "Print the name of the current context",
        aliases: "",
        args: Args::None,
        interspersed: true,
        flags: &[&[]],
        run: |c, m| Box::pin(context::show(c, m)),
    },
    Command {
        names: &["context update"],
        usage: &["[OPTIONS] CONTEXT"],
        about: about!("Update", "update"),
        aliases: "",
        args: Args::Exact(1),
        interspersed: true,
        flags: &[CONTEXT],
        run: |c, m| Box::pin(context::update(c, m)),
    },
    Command {
        names: &["context use"],
        usage: &["CONTEXT"],
        about: "Set the current docker context",
        aliases: "",
        args: Args::Bare(1),
        interspersed: true,
        flags: &[&[]],
        run: |c, m| Box::pin(context::choose(c, m)),
    },
];
