//! Help as Docker lays it out: usage, aliases, options in columns wrapped to the terminal. It only builds text.

use super::cmdline::full_usage;
use super::context::Context;
use super::facts::Facts;
use super::plugins;
use super::tables::{self, Command, Flag, GroupKind};
use crate::units::quote;

/// The help of one command called as `path`, for an engine of which the facts are known.
pub fn command(command: &Command, path: &str, columns: usize, facts: &Facts) -> String {
    let mut text = format!("Usage:  {}\n\n{}\n", full_usage(command, path), command.about);
    if !command.aliases.is_empty() {
        text.push_str(&format!("\nAliases:\n  {}\n", command.aliases));
    }
    let mut flags: Vec<&Flag> = command.all_flags().filter(|f| !f.hidden).collect();
    flags.retain(|f| facts.shows(f.needs));
    if !flags.is_empty() {
        text.push_str("\nOptions:\n");
        text.push_str(&flag_usages(flags, columns));
    }
    text
}

/// The commands of a group, which are not groups themselves, with what they do.
fn commands_of(group: &tables::Group) -> Vec<(&'static str, &'static str)> {
    tables::commands()
        .filter_map(|command| {
            let path = command.canonical(&format!("{} ?", group.name));
            let name = path.strip_prefix(group.name)?.strip_prefix(' ').filter(|name| !name.contains(' '))?;
            Some((name, command.summary()))
        })
        .filter(|(name, _)| !HIDDEN.contains(&format!("{} {name}", group.name).as_str()))
        .collect()
}

/// The groups within a group, with what they are about.
fn groups_of(group: &tables::Group) -> Vec<(&'static str, &'static str)> {
    tables::GROUPS.iter().filter_map(|g| Some((g.name.strip_prefix(group.name)?.strip_prefix(' ')?, g.about))).collect()
}

/// All that may stand behind a group's name.
pub fn members(group: &tables::Group) -> Vec<(String, String)> {
    commands_of(group).into_iter().chain(groups_of(group)).map(|(name, about)| (name.to_owned(), about.to_owned())).collect()
}

/// All that may stand behind `docker`, whichever engine there is.
pub fn everything(c: &Context) -> Vec<(String, String)> {
    let commands = tables::commands().flat_map(|c| c.names.iter().filter(|n| !n.contains(' ')).map(|n| (*n, c.summary())));
    let groups = tables::GROUPS.iter().filter(|g| !matches!(g.kind, GroupKind::Inner | GroupKind::Hidden)).map(|g| (g.name, g.about));
    let own = commands.chain(groups).chain([("help", "Help about the command")]);
    let mut all: Vec<(String, String)> = own.map(|(name, about)| (name.to_owned(), about.to_owned())).collect();
    for plugin in plugins::list(&c.config) {
        if all.iter().all(|(name, _)| *name != plugin.name) {
            all.push((plugin.name.clone(), plugin.text("ShortDescription").to_owned()));
        }
    }
    all
}

/// What a flag is for, without the default value that help adds.
pub fn without_default(flag: &Flag) -> &'static str {
    let about = flag.about.lines().next().unwrap_or_default();
    match about.rfind(" (default ") {
        Some(at)
            if about.ends_with(')')
                && !flag.name.starts_with("health-")
                && flag.name != "blkio-weight"
                && !about.ends_with("unlimited)") =>
        {
            &about[..at]
        }
        _ => about,
    }
}

/// The help of a group such as `image`.
pub fn group(group: &tables::Group, c: &Context) -> String {
    let mut entries = commands_of(group);
    if group.name == "swarm" && !Facts::now(c).swarm() {
        entries.retain(|(name, _)| matches!(*name, "init" | "join"));
    }
    entries.sort_unstable();
    let name = group.name;
    let inner = groups_of(group);
    let inner = if inner.is_empty() { String::new() } else { format!("\nManagement Commands:\n{}", listing(&inner)) };
    let list = listing(&entries);
    let about = if name == "manifest" { ABOUT_MANIFESTS } else { group.about };
    format!(
        "Usage:  docker {name} COMMAND\n\n{about}\n{inner}\nCommands:\n{list}\nRun 'docker {name} COMMAND --help' for more information on a command.\n",
    )
}

/// Commands that are not meant for people.
const HIDDEN: &[&str] = &["system dial-stdio", "volume update"];

/// What `docker manifest` is for.
const ABOUT_MANIFESTS: &str = "The **docker manifest** command has subcommands for managing image manifests and
manifest lists. A manifest list allows you to use one name to refer to the same image
built for multiple architectures.

To see help for a subcommand, use:

    docker manifest CMD --help

For full details on using docker manifest lists, see the registry v2 specification.

EXPERIMENTAL:
  docker manifest is an experimental feature.
  Experimental features provide early access to product functionality. These
  features may change between releases without warning, or can be removed from a
  future release. Learn more about experimental features in our documentation:
  https://docs.docker.com/go/experimental/";

/// The help of `docker` itself.
pub fn root(columns: usize, c: &Context) -> String {
    let config = &c.config;
    let facts = Facts::now(c);
    let summary = |name: &&'static str| (*name, tables::find(name).map(Command::summary).unwrap_or_default());
    let common: Vec<_> = tables::COMMON.iter().map(summary).collect();
    let of = |kinds: &[GroupKind]| tables::GROUPS.iter().filter(|g| kinds.contains(&g.kind)).map(|g| (g.name, g.about)).collect::<Vec<_>>();
    let plugins = plugins::list(config);
    let added: Vec<(String, &str)> = plugins
        .iter()
        .filter(|plugin| tables::GROUPS.iter().all(|g| g.name != plugin.name))
        .map(|plugin| (format!("{}*", plugin.name), plugin.text("ShortDescription")))
        .collect();
    let mut groups = of(if facts.experimental() { &[GroupKind::Management, GroupKind::Experimental] } else { &[GroupKind::Management] });
    groups.extend(added.iter().map(|(name, about)| (name.as_str(), *about)));
    groups.sort_unstable();
    let swarm: Vec<_> = of(&[GroupKind::Swarm]).into_iter().filter(|(name, _)| facts.swarm() || *name == "swarm").collect();
    let mut others: Vec<_> = tables::commands()
        .flat_map(|c| c.names.iter().filter(|n| !n.contains(' ') && !tables::COMMON.contains(*n)).map(|n| (*n, c.summary())))
        .collect();
    // They have a place in a group, too.
    if std::env::var_os("DOCKER_HIDE_LEGACY_COMMANDS").is_some_and(|hide| !hide.is_empty()) {
        others.clear();
    }
    others.sort_unstable();
    let others = if others.is_empty() { String::new() } else { format!("Commands:\n{}\n", listing(&others)) };
    let global: Vec<Flag> = tables::GLOBAL.to_vec();
    let abouts: Vec<String> = global
        .iter()
        .map(|f| {
            let default = match f.name {
                "config" => config.to_owned(),
                "tlscacert" => format!("{config}/ca.pem"),
                "tlscert" => format!("{config}/cert.pem"),
                "tlskey" => format!("{config}/key.pem"),
                _ => return f.about.to_owned(),
            };
            format!("{} (default \"{default}\")", f.about)
        })
        .collect();
    let rows = global.iter().zip(&abouts).map(|(f, about)| (f, about.as_str())).collect();
    format!(
        "Usage:  docker [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n\nCommon Commands:\n{}\nManagement Commands:\n{}\nSwarm Commands:\n{}\n{others}\
         Global Options:\n{}\nRun 'docker COMMAND --help' for more information on a command.\n\n\
         For more help on how to use Docker, head to https://docs.docker.com/go/guides/\n",
        listing(&common),
        listing(&groups),
        listing(&swarm),
        wrapped(rows, columns)
    )
}

fn listing(entries: &[(&str, &str)]) -> String {
    let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(11);
    entries.iter().map(|(name, about)| format!("  {name:width$} {about}\n")).collect()
}

/// The options in columns, sorted by name.
fn flag_usages(mut flags: Vec<&Flag>, columns: usize) -> String {
    flags.sort_by_key(|f| f.name);
    let about = |flag: &Flag| match flag.said_by_environment() {
        Some(value) => format!("{} (default {})", flag.about, quote(&value)),
        None => flag.about.to_owned(),
    };
    let abouts: Vec<String> = flags.iter().map(|flag| about(flag)).collect();
    wrapped(flags.into_iter().zip(abouts.iter().map(String::as_str)).collect(), columns)
}

fn wrapped(flags: Vec<(&Flag, &str)>, columns: usize) -> String {
    let heads: Vec<String> = flags
        .iter()
        .map(|(f, _)| {
            let short = f.short.map_or_else(|| "      ".to_owned(), |c| format!("  -{c}, "));
            let word = f.kind.word();
            if word.is_empty() { format!("{short}--{}", f.name) } else { format!("{short}--{} {word}", f.name) }
        })
        .collect();
    let widest = heads.iter().map(String::len).max().unwrap_or(0) + 1;
    let mut text = String::new();
    for (head, (_, about)) in heads.iter().zip(&flags) {
        let pad = widest - head.len();
        text.push_str(&format!("{head}{:1$}{2}\n", "", pad + 2, wrap(widest + 2, columns.saturating_sub(1), about)));
    }
    text
}

/// Wraps `text`, which starts in column `indent`, to `width` columns, as pflag does.
fn wrap(mut indent: usize, width: usize, text: &str) -> String {
    const NARROWEST: usize = 24;
    /// How far a line may run over to save the next from an orphan word.
    const SLOP: usize = 5;
    let block = |text: &str, indent: usize| text.replace('\n', &format!("\n{:indent$}", ""));
    if width == 0 {
        return block(text, indent);
    }
    let mut out = String::new();
    let mut room = width.saturating_sub(indent);
    if room < NARROWEST {
        indent = 16;
        room = width.saturating_sub(indent);
        out.push_str(&format!("\n{:indent$}", ""));
    }
    if room < NARROWEST {
        return text.replace('\n', &out);
    }
    room -= SLOP;
    let (line, mut rest) = split(room, SLOP, text);
    out.push_str(&block(line, indent));
    while !rest.is_empty() {
        let (line, next) = split(room, SLOP, rest);
        out.push_str(&format!("\n{:indent$}{}", "", block(line, indent)));
        rest = next;
    }
    out
}

/// Cuts one line of at most `room` bytes off `text`.
fn split(room: usize, slop: usize, text: &str) -> (&str, &str) {
    if room + slop > text.len() {
        return (text, "");
    }
    let mut end = room;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text[..end].rfind([' ', '\t', '\n']) {
        None | Some(0) => (text, ""),
        Some(blank) => match text[..end].rfind('\n') {
            Some(newline) if newline > 0 && newline < blank => (&text[..newline], &text[newline + 1..]),
            _ => (&text[..blank], &text[blank + 1..]),
        },
    }
}
