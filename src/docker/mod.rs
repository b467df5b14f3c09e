//! The `docker` command line: a client of the Docker Engine API over a socket, and of nothing else. It never names `engine`; where the
//! engine is, and starting one, is its caller's concern.

mod client;
mod cmdline;
mod commands;
mod config;
mod context;
mod failure;
mod flagvalues;
mod format;
mod host;
mod progress;
mod progressui;
mod reference;
mod stream;
mod table;
mod tables;
pub mod template;
mod terminal;
mod usage;

use std::io::Write as _;

use cmdline::Parsed;
use context::Context;
pub use context::DefaultHost;
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
    if let Some(name) = global.get("context").filter(|name| *name != "default") {
        return Err(Failure::new(format!(
            "Failed to initialize: unable to resolve docker endpoint: context {}: context not found: \
             this client has the context \"default\" alone, use -H or DOCKER_HOST",
            units::quote(name)
        )));
    }
    if ["tls", "tlsverify"].iter().any(|flag| global.on(flag)) {
        return Err(Failure::new("Failed to initialize: this client speaks no TLS: use a unix:// socket, or tcp:// through a tunnel"));
    }
    let hosts: Vec<&str> = global.all("host").collect();
    if hosts.len() > 1 {
        return Err(Failure::new("Specify only one -H"));
    }
    let given = hosts.first().map(|h| (*h).to_owned()).or_else(|| std::env::var("DOCKER_HOST").ok()).filter(|h| !h.is_empty());
    let level = global.get("log-level").unwrap_or("info");
    if !["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"].contains(&level.to_lowercase().as_str()) {
        return Err(Failure::new(format!("Unable to parse logging level: {level}")));
    }
    let context = Context::new(given, config, default_host);
    if global.on("version") {
        context.line(format!("Docker version {FOLLOWS}, build {}", env!("CARGO_PKG_VERSION")));
        return Ok(0);
    }
    let columns = terminal::help_columns();
    let root_help = || context.print(usage::root(columns, &context.config));
    if rest.is_empty() || help {
        root_help();
        return Ok(0);
    }
    let (rest, asked_help) = match rest.split_first() {
        Some((word, tail)) if word == "help" => (tail.to_vec(), true),
        _ => (rest, false),
    };
    let Some(first) = rest.first() else {
        root_help();
        return Ok(0);
    };
    let (path, words) = match tables::GROUPS.iter().find(|g| g.name == first) {
        None => (first.clone(), &rest[1..]),
        Some(group) => {
            let after: Vec<&String> = rest[1..].iter().skip_while(|w| w.as_str() == "--").collect();
            match after.first().map(|w| w.as_str()) {
                None => {
                    context.warn(usage::group(group));
                    return Ok(0);
                }
                Some("--help" | "-h") => {
                    context.print(usage::group(group));
                    return Ok(0);
                }
                Some(flag) if flag.starts_with('-') && flag != "-" => return Err(group_flag(group.name, flag)),
                Some(word) => (format!("{} {word}", group.name), &rest[rest.len() - after.len() + 1..]),
            }
        }
    };
    let Some(command) = tables::find(&path) else {
        return Err(if asked_help { Failure::new(format!("unknown help topic: {}", rest.join(" "))) } else { unknown_command(&path) });
    };
    let path = command.canonical(&path);
    if asked_help {
        context.print(usage::command(command, path, columns));
        return Ok(0);
    }
    if command.names.contains(&"build") {
        commands::build::notice(&context);
    }
    match cmdline::parse(command, path, words)? {
        Parsed::Help { old_style } => {
            if old_style {
                context.warn_line("Flag shorthand -h has been deprecated, use --help");
            }
            context.print(usage::command(command, path, columns));
            Ok(0)
        }
        Parsed::Matches(matches) => {
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
    let outcome = runtime.block_on((command.run)(context, matches));
    runtime.shutdown_background();
    outcome
}

fn unknown_command(path: &str) -> Failure {
    match path.split_once(' ') {
        None => Failure::new(format!("docker: unknown command: docker {path}\n\nRun 'docker --help' for more information")),
        Some((group, _)) => {
            let command = tables::GROUPS.iter().any(|g| g.name == group && g.usage_says_command);
            let command = if command { " COMMAND" } else { "" };
            Failure::new(format!(
                "docker: unknown command: docker {path}\n\nUsage:  docker {group}{command}\n\nRun 'docker {group} --help' for more information"
            ))
        }
    }
}

fn group_flag(group: &str, flag: &str) -> Failure {
    let what = match flag.strip_prefix("--") {
        Some(name) => format!("unknown flag: --{}", name.split('=').next().unwrap_or_default()),
        None => {
            let letter = flag.chars().nth(1).unwrap_or('-');
            format!("unknown shorthand flag: '{letter}' in {flag}")
        }
    };
    Failure::new(format!("{what}\n\nUsage:  docker {group} COMMAND\n\nRun 'docker {group} --help' for more information")).status(125)
}
