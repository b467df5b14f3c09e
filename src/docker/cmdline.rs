//! Reads a command's arguments by pflag's rules: `--flag=value`, `--flag value`, grouped shorthands, `--`, flags that stop at the first
//! argument where the command says so. It checks values by their kind and reports in pflag's words. It runs nothing.

use super::failure::Failure;
use super::tables::{Args, Command, Flag, Kind};
use super::units;

/// What a command line says: flags in the order given, and arguments.
#[derive(Debug, Default, Clone)]
pub struct Matches {
    /// The path in messages, such as `image ls`.
    pub path: String,
    flags: Vec<(&'static str, String)>,
    /// What is to be said about flags of old names.
    pub notices: Vec<String>,
    pub args: Vec<String>,
}

impl Matches {
    /// Whether a boolean flag is set.
    pub fn on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| units::parse_bool(v) == Some(true))
    }

    /// A boolean flag whose default is true.
    pub fn on_unless(&self, name: &str) -> bool {
        self.get(name).is_none_or(|v| units::parse_bool(v) == Some(true))
    }

    /// The last value given for a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// The last value, or nothing.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All values given for a flag.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.flags.iter().filter(move |(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the flag was given at all.
    pub fn given(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether no flag was given.
    pub fn is_bare(&self) -> bool {
        self.flags.is_empty()
    }

    /// A whole number; the parser has checked it.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(units::parse_int)
    }

    /// A size in bytes; the parser has checked it.
    pub fn bytes(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(units::parse_bytes)
    }

    /// Adds a flag as if it had been given.
    pub fn push(&mut self, name: &'static str, value: impl Into<String>) {
        self.flags.push((name, value.into()));
    }
}

/// What reading a command line came to.
pub enum Parsed {
    Matches(Matches),
    /// Help is asked for; by `-h`, which is told to be `--help`.
    Help {
        old_style: bool,
    },
}

/// Reads `args` for `command`, called as `path` (canonical). A mistake gives the text that Docker prints.
pub fn parse(command: &'static Command, path: &str, args: &[String]) -> Result<Parsed, Failure> {
    let find_long = |name: &str| command.all_flags().find(|f| f.name == name).or_else(|| alias(command, name));
    let find_short = |letter: char| command.all_flags().find(|f| f.short == Some(letter));
    let fail = |text: String| {
        let status = if matches!(command.names[0], "run" | "create" | "exec") { 125 } else { FLAG_ERROR };
        usage_failure(command, path, text, status)
    };
    let mut matches = Matches { path: path.to_owned(), ..Matches::default() };
    match read(args, command.interspersed, &find_long, &find_short, &mut matches) {
        Err(Problem::Help) => return Ok(Parsed::Help { old_style: false }),
        Err(Problem::ShortHelp) => return Ok(Parsed::Help { old_style: true }),
        Err(Problem::Text(text)) => return Err(fail(text)),
        Ok(rest) => matches.args = rest,
    }
    for flag in command.all_flags().filter(|flag| flag.variable.is_some()) {
        if matches.get(flag.name).is_none() {
            matches.flags.extend(flag.said_by_environment().map(|value| (flag.name, value)));
        }
    }
    Ok(Parsed::Matches(matches))
}

/// Docker's exit status for a wrong flag.
const FLAG_ERROR: u8 = 125;

/// Reads the flags in front of the command; gives them and the rest.
pub fn parse_global(args: &[String], flags: &'static [Flag]) -> Result<(Matches, Vec<String>, bool), Failure> {
    let mut matches = Matches::default();
    let find_long = |name: &str| flags.iter().find(|f| f.name == name);
    let find_short = |letter: char| flags.iter().find(|f| f.short == Some(letter));
    match read(args, false, &find_long, &find_short, &mut matches) {
        Ok(rest) => Ok((matches, rest, false)),
        Err(Problem::Help | Problem::ShortHelp) => Ok((matches, Vec::new(), true)),
        Err(Problem::Text(text)) => {
            Err(Failure::new(format!("{text}\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information"))
                .status(FLAG_ERROR))
        }
    }
}

/// Names from former versions that stand for today's flags.
fn alias(command: &'static Command, name: &str) -> Option<&'static Flag> {
    let today = match name {
        "net" => "network",
        "net-alias" => "network-alias",
        "dns-opt" => "dns-option",
        "time" => "timeout",
        _ => return None,
    };
    command.all_flags().find(|f| f.name == today)
}

enum Problem {
    Help,
    /// `-h` where the command has no such flag of its own.
    ShortHelp,
    Text(String),
}

/// The loop over the words; gives the arguments that are left.
fn read(
    args: &[String],
    interspersed: bool,
    find_long: &dyn Fn(&str) -> Option<&'static Flag>,
    find_short: &dyn Fn(char) -> Option<&'static Flag>,
    matches: &mut Matches,
) -> Result<Vec<String>, Problem> {
    let mut rest = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.extend(words.cloned());
            break;
        }
        if let Some(body) = word.strip_prefix("--") {
            long(word, body, &mut words, find_long, matches)?;
        } else if word.len() > 1 && word.starts_with('-') {
            shorts(&word[1..], &mut words, find_short, matches)?;
        } else if interspersed {
            rest.push(word.clone());
        } else {
            rest.push(word.clone());
            rest.extend(words.cloned());
            break;
        }
    }
    Ok(rest)
}

fn long(
    word: &str,
    body: &str,
    words: &mut std::slice::Iter<'_, String>,
    find: &dyn Fn(&str) -> Option<&'static Flag>,
    matches: &mut Matches,
) -> Result<(), Problem> {
    if body.starts_with(['-', '=']) {
        return Err(Problem::Text(format!("bad flag syntax: {word}")));
    }
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (body, None),
    };
    let found = find(name);
    if name == "help" && found.is_none_or(|f| f.kind == Kind::Help) {
        let value = value.unwrap_or_else(|| "true".to_owned());
        return match units::parse_bool(&value) {
            Some(true) => Err(Problem::Help),
            Some(false) => Ok(()),
            None => Err(Problem::Text(format!(
                "invalid argument {0} for \"--help\" flag: strconv.ParseBool: parsing {0}: invalid syntax",
                units::quote(&value)
            ))),
        };
    }
    let Some(flag) = found else {
        return Err(Problem::Text(format!("unknown flag: --{name}")));
    };
    if name == "time" && flag.name != name {
        matches.notices.push(format!("Flag --{name} has been deprecated, use --{} instead", flag.name));
    }
    let value = match value {
        Some(value) => value,
        None if flag.kind == Kind::Bool => "true".to_owned(),
        None => words.next().cloned().ok_or_else(|| Problem::Text(format!("flag needs an argument: --{name}")))?,
    };
    set(flag, value, matches)
}

fn shorts(
    group: &str,
    words: &mut std::slice::Iter<'_, String>,
    find: &dyn Fn(char) -> Option<&'static Flag>,
    matches: &mut Matches,
) -> Result<(), Problem> {
    let mut left = group;
    while let Some(letter) = left.chars().next() {
        let here = left;
        left = &left[letter.len_utf8()..];
        let Some(flag) = find(letter) else {
            if letter == 'h' {
                return Err(Problem::ShortHelp);
            }
            return Err(Problem::Text(format!("unknown shorthand flag: {} in -{here}", quote_rune(letter))));
        };
        if let Some(value) = left.strip_prefix('=').filter(|_| !left.is_empty()) {
            return set(flag, value.to_owned(), matches);
        }
        if flag.kind == Kind::Bool {
            set(flag, "true".to_owned(), matches)?;
        } else if !left.is_empty() {
            return set(flag, left.to_owned(), matches);
        } else {
            let value =
                words.next().cloned().ok_or_else(|| Problem::Text(format!("flag needs an argument: {} in -{here}", quote_rune(letter))))?;
            return set(flag, value, matches);
        }
    }
    Ok(())
}

fn quote_rune(letter: char) -> String {
    format!("'{letter}'")
}

fn set(flag: &'static Flag, value: String, matches: &mut Matches) -> Result<(), Problem> {
    let wrong = |why: String| {
        let name = match flag.short {
            Some(short) => format!("-{short}, --{}", flag.name),
            None => format!("--{}", flag.name),
        };
        Problem::Text(format!("invalid argument {} for \"{name}\" flag: {why}", units::quote(&value)))
    };
    let number = |what: &str| wrong(format!("strconv.{what}: parsing {}: {}", units::quote(&value), units::number_problem(&value)));
    match flag.kind {
        Kind::Bool if units::parse_bool(&value).is_none() => Err(number("ParseBool")),
        Kind::Int if units::parse_int(&value).is_none() => Err(number("ParseInt")),
        Kind::Uint | Kind::Uint16 if units::parse_int(&value).is_none_or(|n| n < 0) => Err(number("ParseUint")),
        Kind::Bytes if units::parse_bytes(&value).is_none_or(|n| n < 0 && (flag.name, value.as_str()) != ("memory-swap", "-1")) => {
            Err(wrong(format!("invalid size: '{value}'")))
        }
        Kind::Duration if units::parse_duration(&value).is_none() => Err(wrong(units::duration_problem(&value))),
        Kind::Decimal if units::parse_decimal(&value).is_none() => Err(wrong(format!("failed to parse {value} as a rational number"))),
        Kind::Filter if !value.is_empty() && !value.contains('=') => Err(wrong("bad format of filter (expected name=value)".to_owned())),
        Kind::Map if flag.name != "sysctl" && !value.contains('=') && !value.is_empty() => {
            matches.push(flag.name, value);
            Ok(())
        }
        Kind::Pairs => {
            for pair in super::commands::fields(&value) {
                if !pair.contains('=') {
                    return Err(wrong(format!("{pair} must be formatted as key=value")));
                }
                matches.push(flag.name, pair);
            }
            Ok(())
        }
        Kind::Strings => {
            for part in value.split(',') {
                matches.push(flag.name, part);
            }
            Ok(())
        }
        _ => match super::flagvalues::check(flag, &value) {
            Err(why) => Err(wrong(why)),
            Ok(()) => {
                matches.push(flag.name, value);
                Ok(())
            }
        },
    }
}

/// The usage line of a command called as `path`.
pub fn usage_line(command: &Command, path: &str) -> String {
    let first = command.usage.first().copied().unwrap_or_default();
    if first.is_empty() { format!("docker {path}") } else { format!("docker {path} {first}") }
}

fn usage_failure(command: &Command, path: &str, text: String, status: u8) -> Failure {
    Failure::new(format!("{text}\n\nUsage:  {}\n\nRun 'docker {path} --help' for more information", full_usage(command, path)))
        .status(status)
}

/// All usage lines, as messages show them.
pub fn full_usage(command: &Command, path: &str) -> String {
    let mut text = usage_line(command, path);
    for more in command.usage.iter().skip(1) {
        // Docker names the short way alone.
        text.push_str("\n\tdocker ");
        text.push_str(command.names.iter().find(|name| !name.contains(' ')).unwrap_or(&path));
        text.push(' ');
        text.push_str(more);
    }
    text
}

/// Refuses too few arguments, or too many.
pub fn check_count(command: &'static Command, path: &str, count: usize) -> Result<(), Failure> {
    let s = |n: usize| if n == 1 { "argument" } else { "arguments" };
    let text = match command.args {
        Args::Bare(n) if count != n => return Err(Failure::new(format!("accepts {n} arg(s), received {count}"))),
        Args::None if count > 0 => format!("docker: 'docker {path}' accepts no arguments"),
        Args::Exact(n) if count != n => format!("docker: 'docker {path}' requires {n} {}", s(n)),
        Args::AtMost(n) if count > n => {
            // A slip of Docker's, which people's transcripts have too.
            return Err(Failure::new(format!(
                "docker: 'docker {path}' requires at most {n} {}\n\nUsage:  {}\n\nSRun 'docker {path} --help' for more information",
                s(n),
                full_usage(command, path)
            )));
        }
        Args::Range(a, b) if count < a || count > b => format!("docker: 'docker {path}' requires at least {a} and at most {b} {}", s(b)),
        Args::AtLeast(n) if count < n => {
            return Err(Failure::new(format!(
                "docker: 'docker {path}' requires at least {n} {}\n\nUsage:  {}\n\nSee 'docker {path} --help' for more information",
                s(n),
                full_usage(command, path)
            )));
        }
        _ => return Ok(()),
    };
    Err(usage_failure(command, path, text, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::tables;

    fn read(line: &str) -> Result<Matches, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let command = tables::find(&words[0]).expect("a command");
        match parse(command, command.canonical(&words[0]), &words[1..]) {
            Ok(Parsed::Matches(matches)) => {
                let count = check_count(command, command.canonical(&words[0]), matches.args.len());
                count.map(|()| matches).map_err(|failure| failure.text.lines().next().unwrap_or_default().to_owned())
            }
            Ok(Parsed::Help { .. }) => Err("help".to_owned()),
            Err(failure) => Err(failure.text.lines().next().unwrap_or_default().to_owned()),
        }
    }

    #[test]
    fn flags_are_read_as_pflag_reads_them() {
        let m = read("run -itv /a:/b --name=x -e A=1 -eB=2 --rm busybox sh -c --foo").expect("a good line");
        assert!(m.on("interactive") && m.on("tty") && m.on("rm"));
        assert_eq!((m.text("volume"), m.text("name")), ("/a:/b", "x"));
        assert_eq!(m.all("env").collect::<Vec<_>>(), ["A=1", "B=2"]);
        assert_eq!(m.args, ["busybox", "sh", "-c", "--foo"]);
        assert_eq!(read("rm a -f b").expect("flags between").args, ["a", "b"]);
        assert_eq!(read("rm -- -f").expect("after two dashes").args, ["-f"]);
        assert!(!read("ps --all=false").expect("a value").on("all"));
    }

    #[test]
    fn mistakes_are_told_in_pflags_words() {
        for (line, wanted) in [
            ("run --nope x", "unknown flag: --nope"),
            ("ps -zx", "unknown shorthand flag: 'z' in -zx"),
            ("ps -az", "unknown shorthand flag: 'z' in -z"),
            ("logs --tail", "flag needs an argument: --tail"),
            ("run -e", "flag needs an argument: 'e' in -e"),
            ("ps --=x", "bad flag syntax: --=x"),
            ("ps --all=foo", "invalid argument \"foo\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"foo\": invalid syntax"),
            ("run -m abc x", "invalid argument \"abc\" for \"-m, --memory\" flag: invalid size: 'abc'"),
            ("rm", "docker: 'docker rm' requires at least 1 argument"),
            ("tag a", "docker: 'docker tag' requires 2 arguments"),
            ("ps a", "docker: 'docker ps' accepts no arguments"),
            ("ps -h", "help"),
        ] {
            assert_eq!(read(line).err().as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn every_command_is_listed_once_and_its_flags_do_not_clash() {
        let mut names: Vec<&str> = tables::commands().flat_map(|c| c.names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name is used twice");
        for command in tables::commands() {
            let mut flags: Vec<String> = command.all_flags().map(|f| f.name.to_owned()).collect();
            flags.extend(command.all_flags().filter_map(|f| f.short).map(String::from));
            let count = flags.len();
            flags.sort_unstable();
            flags.dedup();
            assert_eq!(flags.len(), count, "a flag of {} is used twice", command.names[0]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_arguments_panic(
            words in proptest::collection::vec("-{0,2}[a-zA-Z=:,./0-9\\-\u{e4}\u{1F600}]{0,8}", 0..6),
            which in 0usize..70,
        ) {
            let all: Vec<_> = tables::commands().collect();
            let command = all[which % all.len()];
            let _ = parse(command, command.names[0], &words);
            let _ = parse_global(&words, tables::GLOBAL);
        }
    }
}
