//! The `docker` command line: a client of the Docker Engine API over a socket, and of nothing else. It never names `engine`; where the
//! engine is, and starting one, is its caller's concern.

mod client;
mod cmdline;
mod commands;
mod completion;
mod config;
mod connection;
mod context;
mod contexts;
mod credentials;
mod facts;
mod failure;
mod flagvalues;
mod format;
mod host;
mod plugins;
mod progress;
mod progressui;
mod prompt;
mod reference;
mod signals;
mod stream;
mod table;
mod tables;
pub mod template;
mod terminal;
mod times;
mod tls;
mod url;
mod usage;
mod zip;
mod zone;

use std::io::Write as _;

use cmdline::Parsed;
use context::Context;
pub use context::{DefaultHost, Found};
use failure::{Failure, Outcome};

use crate::units;

/// The version of Docker's client whose command line, texts and requests this one follows.
pub const FOLLOWS: &str = "28.2.2";

/// Runs `docker` with `args` (without the program's name) and gives its exit status. `default_host` says where the engine is when
/// neither `-H` nor `DOCKER_HOST` does; it is asked only by commands that need an engine.
pub fn main(args: &[String], default_host: DefaultHost) -> u8 {
    match dispatch(args, default_host) {
        Ok(status) => status,
        Err(failure) => {
            if !failure.text.is_empty() {
                // Nobody may read it; the status says it too.
                let _ = writeln!(std::io::stderr(), "{}", failure.text);
            }
            failure.status
        }
    }
}

fn dispatch(args: &[String], default_host: DefaultHost) -> Outcome {
    let (global, rest, help) = cmdline::parse_global(args, tables::GLOBAL)?;
    let config = match global.get("config") {
        Some(folder) => folder.to_owned(),
        None => config::folder(),
    };
    let hosts: Vec<&str> = global.all("host").collect();
    if hosts.len() > 1 {
        return Err(Failure::new("Failed to initialize: unable to resolve docker endpoint: Specify only one -H"));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let given = hosts.first().map(|h| (*h).to_owned()).or_else(|| variable("DOCKER_HOST")).filter(|h| !h.is_empty());
    let level = global.get("log-level").unwrap_or("info");
    if !["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"].contains(&level.to_lowercase().as_str()) {
        return Err(Failure::new(format!("Unable to parse logging level: {level}")));
    }
    let name = match global.get("context").filter(|name| !name.is_empty()) {
        Some(_) if !hosts.is_empty() => return Err(Failure::new("conflicting options: cannot specify both --host and --context")),
        Some(name) => name.to_owned(),
        None if given.is_some() => contexts::DEFAULT.to_owned(),
        None => {
            variable("DOCKER_CONTEXT").or_else(|| config::text(&config, "currentContext")).unwrap_or_else(|| contexts::DEFAULT.to_owned())
        }
    };
    let safe = tls::asked(&global)?;
    let mut context = Context::new(given, config, name, safe, default_host);
    context.debug = global.on("debug") || variable("DEBUG").is_some();
    if let Some(problem) = config::problem(&context.config) {
        context.warn_line(problem);
    }
    let columns = terminal::help_columns();
    let root_help = || usage::root(columns, &context);
    if help {
        context.print(root_help());
        return Ok(0);
    }
    if rest.is_empty() {
        if global.on("version") {
            context.line(format!("Docker version {FOLLOWS}, build {}", env!("CARGO_PKG_VERSION")));
        } else {
            context.warn(root_help());
        }
        return Ok(0);
    }
    let (rest, asked_help) = match rest.split_first() {
        Some((word, tail)) if word == "help" => (tail.to_vec(), true),
        _ => (rest, false),
    };
    let Some(first) = rest.first() else {
        context.print(root_help());
        return Ok(0);
    };
    if first == completion::ASK || first == completion::ASK_FOR_NAMES {
        return completion::answer(&context, &rest[1..], first == completion::ASK);
    }
    let builtin = tables::find(first).is_some() || tables::GROUPS.iter().any(|g| g.name == first);
    if !builtin && let Some(plugin) = plugins::find(&context.config, first) {
        let host = (context.name == contexts::DEFAULT && context.given_host.is_none()).then(|| context.default_address()).transpose()?;
        return Err(plugins::become_one(&plugin, args, host));
    }
    let wants_help = |words: &[String]| words.iter().take_while(|w| *w != "--").any(|w| w == "--help" || w == "-h");
    if first == "checkpoint" && !facts::Facts::now(&context).experimental() {
        let inner = rest.get(1).map(|word| format!("{first} {word}")).filter(|path| tables::find(path).is_some());
        let text =
            format!("docker {} is only supported on a Docker daemon with experimental features enabled", inner.as_ref().unwrap_or(first));
        if !asked_help && !wants_help(&rest) {
            return Err(Failure::new(text));
        }
        context.line(text);
        return Ok(0);
    }
    let mut path = first.clone();
    let mut words = &rest[1..];
    while let Some(group) = tables::GROUPS.iter().find(|g| g.name == path) {
        while words.first().is_some_and(|w| w == "--") {
            words = &words[1..];
        }
        let help = |to_errors: bool| {
            commands::build::group_notice(&context, group.name);
            let text = usage::group(group, &context);
            if to_errors {
                context.warn(text)
            } else {
                context.print(text)
            }
            Ok(0)
        };
        match words.first().map(String::as_str) {
            // What shells ask for has no wrong words.
            _ if group.kind == tables::GroupKind::Hidden && words.iter().all(|word| tables::find(&format!("{path} {word}")).is_none()) => {
                return help(false);
            }
            None => {
                if group.name == "manifest" && !asked_help {
                    context.warn("\n");
                }
                return help(!asked_help);
            }
            Some("--help" | "-h") => return help(false),
            Some(flag) if flag.starts_with('-') && flag != "-" => return Err(group_flag(group, flag)),
            Some(word) => {
                let longer = format!("{path} {word}");
                let known = tables::find(&longer).is_some() || tables::GROUPS.iter().any(|g| g.name == longer);
                if !known && !asked_help && wants_help(words) {
                    return help(false);
                }
                path = longer;
                words = &words[1..];
            }
        }
    }
    let Some(command) = tables::find(&path) else {
        if asked_help {
            let known = path.split(' ').count() - 1;
            return Err(Failure::new(format!("unknown help topic: {}", rest[known..].join(" "))));
        }
        if wants_help(&rest) && !path.contains(' ') {
            context.print(root_help());
            return Ok(0);
        }
        return Err(unknown_command(&path));
    };
    let path = command.canonical(&path);
    if asked_help {
        context.print(usage::command(command, path, columns, &facts::Facts::for_help(&context, command)));
        return Ok(0);
    }
    if command.names.contains(&"build") {
        commands::build::notice(&context);
    }
    match cmdline::parse(command, path, words)? {
        Parsed::Help { old_style } => {
            if old_style {
                context.line("Flag shorthand -h has been deprecated, use --help");
            }
            context.print(usage::command(command, path, columns, &facts::Facts::for_help(&context, command)));
            Ok(0)
        }
        Parsed::Matches(matches) => {
            facts::check(&context, command, &matches)?;
            cmdline::check_count(command, path, matches.args.len())?;
            for notice in &matches.notices {
                context.line(notice);
            }
            run(command, &context, &matches)
        }
    }
}

/// Runs the command on a runtime of one thread; what still reads standard input then is left behind.
fn run(command: &tables::Command, context: &Context, matches: &cmdline::Matches) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(Failure::from)?;
    let outcome = runtime.block_on(async { signals::until_ended(context, (command.run)(context, matches)).await });
    runtime.shutdown_background();
    outcome
}

fn unknown_command(path: &str) -> Failure {
    match path.rsplit_once(' ') {
        None => Failure::new(format!("docker: unknown command: docker {path}\n\nRun 'docker --help' for more information")),
        Some((group, _)) => Failure::new(format!(
            "docker: unknown command: docker {path}\n\nUsage:  {}\n\nRun 'docker {group} --help' for more information",
            group_usage(group)
        )),
    }
}

/// The usage line of a group in messages.
fn group_usage(name: &str) -> String {
    let usage = tables::GROUPS.iter().find(|g| g.name == name).map_or("", |g| g.usage);
    if usage.is_empty() { format!("docker {name}") } else { format!("docker {name} {usage}") }
}

fn group_flag(group: &tables::Group, flag: &str) -> Failure {
    let what = match flag.strip_prefix("--") {
        Some(name) => format!("unknown flag: --{}", name.split('=').next().unwrap_or_default()),
        None => {
            let letter = flag.chars().nth(1).unwrap_or('-');
            format!("unknown shorthand flag: '{letter}' in {flag}")
        }
    };
    let name = group.name;
    Failure::new(format!("{what}\n\nUsage:  {}\n\nRun 'docker {name} --help' for more information", group_usage(name))).status(125)
}
