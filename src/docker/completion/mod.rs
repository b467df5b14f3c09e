//! What may come next on a command line, for shells: the answers to `docker __complete WORDS… LAST`, and the scripts that ask. An answer is
//! a name a line, with what it is behind a tab, and at the end how the shell shall go on, as programs made with Go's cobra say it.

mod scripts;
mod sources;
mod values;

use super::cmdline::{self, Parsed};
use super::context::Context;
use super::failure::Outcome;
use super::tables::{self, Command, Flag, GLOBAL, Group, Kind};
use super::usage;
pub use scripts::script;

/// The command that shells call, and the same without what each name is.
pub const ASK: &str = "__complete";
pub const ASK_FOR_NAMES: &str = "__completeNoDesc";

/// How a shell goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// With names of files, where nothing else fits.
    Files,
    /// Not at all: something went wrong.
    Stop,
    /// The name is not all of the word.
    NoSpace,
    NoFiles,
    Folders,
}

impl Directive {
    fn number(self) -> u8 {
        match self {
            Directive::Files => 0,
            Directive::Stop => 1,
            Directive::NoSpace => 2,
            Directive::NoFiles => 4,
            Directive::Folders => 16,
        }
    }

    /// As people read it who call this by hand.
    fn name(self) -> &'static str {
        match self {
            Directive::Files => "ShellCompDirectiveDefault",
            Directive::Stop => "ShellCompDirectiveError",
            Directive::NoSpace => "ShellCompDirectiveNoSpace",
            Directive::NoFiles => "ShellCompDirectiveNoFileComp",
            Directive::Folders => "ShellCompDirectiveFilterDirs",
        }
    }
}

/// A name, and what it is.
pub type Offer = (String, String);

/// What may come, and how to go on.
pub type Offers = (Vec<Offer>, Directive);

/// Answers a shell; `words` are those behind `docker`, the last of which is being typed.
pub fn answer(c: &Context, words: &[String], descriptions: bool) -> Outcome {
    let Some((typed, before)) = words.split_last() else {
        return Err(super::failure::Failure::new("requires at least 1 arg(s), only received 0"));
    };
    let (offers, directive) = match offers(c, before, typed) {
        Ok(found) => found,
        Err(why) => {
            c.warn_line(format!("[Debug] [Error] {why}"));
            (Vec::new(), Directive::Files)
        }
    };
    let mut out = String::new();
    for (name, about) in offers {
        out.push_str(&name);
        let about = about.lines().next().unwrap_or_default().trim_end();
        if descriptions && !about.is_empty() {
            out.push('\t');
            out.push_str(about);
        }
        out.push('\n');
    }
    c.line(format!("{out}:{}", directive.number()));
    c.warn_line(format!("Completion ended with directive: {}", directive.name()));
    Ok(0)
}

/// How far the words lead.
#[derive(Clone, Copy)]
enum Scope {
    Root,
    Group(&'static Group),
    Command(&'static Command, &'static str),
}

impl Scope {
    fn flags(self) -> Vec<&'static Flag> {
        let mut flags: Vec<&Flag> = match self {
            Scope::Root => GLOBAL.iter().collect(),
            Scope::Group(_) => Vec::new(),
            Scope::Command(command, _) => command.all_flags().collect(),
        };
        flags.sort_unstable_by_key(|flag| flag.name);
        flags
    }

    fn name(self) -> &'static str {
        match self {
            Scope::Root => "docker",
            Scope::Group(group) => group.name.rsplit(' ').next().unwrap_or_default(),
            Scope::Command(_, path) => path.rsplit(' ').next().unwrap_or_default(),
        }
    }
}

/// Follows the words to the command that they name; gives it and the words that are left.
fn follow(words: &[String]) -> Result<(Scope, Vec<String>), String> {
    // The value of a flag may be what is being typed.
    let cut = match words.split_last() {
        Some((last, rest)) if last.starts_with('-') && takes_value(&Scope::Root.flags(), last).is_some() => rest,
        _ => words,
    };
    let Ok((_, rest, _)) = cmdline::parse_global(cut, GLOBAL) else { return Ok((Scope::Root, words.to_vec())) };
    let mut path = match rest.split_first() {
        None => return Ok((Scope::Root, words.to_vec())),
        Some((first, _)) => first.clone(),
    };
    let mut left = &words[cut.len() - rest.len() + 1..];
    loop {
        if let Some(command) = tables::find(&path) {
            return Ok((Scope::Command(command, command.canonical(&path)), left.to_vec()));
        }
        let Some(group) = tables::GROUPS.iter().find(|group| group.name == path) else {
            return match path.rsplit_once(' ') {
                None => Ok((Scope::Root, words.to_vec())),
                Some((parent, _)) => Ok((group_of(parent), [&[String::new()], left].concat())),
            };
        };
        match left.split_first() {
            Some((next, rest)) if !next.starts_with('-') => {
                path = format!("{path} {next}");
                left = rest;
            }
            _ => return Ok((Scope::Group(group), left.to_vec())),
        }
    }
}

fn group_of(name: &str) -> Scope {
    tables::GROUPS.iter().find(|group| group.name == name).map_or(Scope::Root, Scope::Group)
}

/// The flag that `word`, which holds no value, names last, if it takes one.
fn takes_value(flags: &[&'static Flag], word: &str) -> Option<&'static Flag> {
    let name = word.strip_prefix("--");
    let found = match name {
        Some(name) => flags.iter().find(|flag| flag.name == name),
        None => flags.iter().find(|flag| flag.short.is_some() && flag.short == word.chars().last()),
    };
    found.copied().filter(|flag| !matches!(flag.kind, Kind::Bool | Kind::Help))
}

fn offers(c: &Context, words: &[String], typed: &str) -> Result<Offers, String> {
    let (scope, mut args) = follow(words)?;
    let flags = scope.flags();
    let mut value_of = None;
    let mut unknown = None;
    if typed.starts_with('-') {
        if let Some((head, _)) = typed.split_once('=') {
            match named(scope, &flags, head) {
                Ok(flag) => value_of = Some(flag),
                Err(why) => unknown = Some(why),
            }
        }
    } else if let Some(last) = args.last().filter(|last| last.len() > 1 && last.starts_with('-') && !last.contains('=') && *last != "--") {
        unknown = named(scope, &flags, last).err();
        if let Some(flag) = takes_value(&flags, last) {
            value_of = Some(flag);
            args.pop();
        }
    }
    let (given, positional, flags_may_follow) = read(scope, &args)?;
    if let Some(why) = unknown.filter(|_| flags_may_follow) {
        return Err(why);
    }
    if let Some(flag) = value_of.filter(|_| flags_may_follow) {
        return Ok(match scope {
            Scope::Command(command, _) => sources::offer(c, values::of_flag(command, flag), &positional, given.as_ref()),
            _ => sources::offer(c, values::of_global(flag), &positional, None),
        });
    }
    if typed.starts_with('-') && !typed.contains('=') && flags_may_follow {
        let mut offers = Vec::new();
        for flag in flags.into_iter().filter(|flag| !flag.hidden || flag.needs != tables::Needs::Nothing) {
            let again = matches!(flag.kind, Kind::Strings | Kind::Pairs);
            if given.as_ref().is_some_and(|given| given.given(flag.name)) && !again {
                continue;
            }
            let about = usage::without_default(flag);
            let long = format!("--{}", flag.name);
            let short = flag.short.map(|letter| format!("-{letter}"));
            for name in [Some(long), short].into_iter().flatten().filter(|name| name.starts_with(typed)) {
                offers.push((name, about.to_owned()));
            }
        }
        return Ok((offers, Directive::NoFiles));
    }
    Ok(match scope {
        Scope::Command(command, _) => sources::offer(c, values::of_argument(command, positional.len()), &positional, given.as_ref()),
        Scope::Root if positional.is_empty() => (commands(usage::everything(c), typed), Directive::NoFiles),
        Scope::Group(group) if positional.is_empty() => (commands(usage::members(group), typed), Directive::NoFiles),
        Scope::Root | Scope::Group(_) => (Vec::new(), Directive::Files),
    })
}

fn commands(mut all: Vec<Offer>, typed: &str) -> Vec<Offer> {
    all.retain(|(name, _)| name.starts_with(typed));
    all.sort();
    all
}

/// The flag that `word` names, which need not take a value.
fn named(scope: Scope, flags: &[&'static Flag], word: &str) -> Result<&'static Flag, String> {
    let found = match word.strip_prefix("--") {
        Some(name) => flags.iter().find(|flag| flag.name == name),
        None => flags.iter().find(|flag| flag.short.is_some() && flag.short == word.chars().last()),
    };
    found.copied().ok_or_else(|| {
        let last = word.char_indices().next_back().map_or(0, |(at, _)| at);
        let name = word.strip_prefix("--").unwrap_or(&word[last..]);
        format!("Subcommand '{}' does not support flag '{name}'", scope.name())
    })
}

/// What the words in front of the typed one say: flags, arguments, and whether flags may still come.
fn read(scope: Scope, args: &[String]) -> Result<(Option<cmdline::Matches>, Vec<String>, bool), String> {
    let Scope::Command(command, path) = scope else {
        let positional: Vec<String> = args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
        return Ok((None, positional, true));
    };
    let words: Vec<String> = args.iter().filter(|arg| *arg != "--help" && *arg != "-h").cloned().collect();
    let read = |words: &[String]| match cmdline::parse(command, path, words) {
        Ok(Parsed::Matches(matches)) => Ok(matches),
        Ok(Parsed::Help { .. }) => Ok(cmdline::Matches::default()),
        Err(failure) => {
            let why = failure.text.lines().next().unwrap_or_default().to_owned();
            Err(format!("Error while parsing flags from args [{}]: {why}", args.join(" ")))
        }
    };
    let matches = read(&words)?;
    // Two dashes are an argument where flags have ended before.
    let ended = read(&[words.as_slice(), &["--".to_owned()]].concat())?.args.len() > matches.args.len();
    let positional = matches.args.clone();
    Ok((Some(matches), positional, !ended))
}
