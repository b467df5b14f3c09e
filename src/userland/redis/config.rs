//! The settings: what there is, what may be said, the file and the command line that say it.

use crate::units::c_words;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Bytes, glob,
    log::Level,
    request,
    settings::{self, Change, Kind, SETTINGS, WITHOUT_MEANING, find},
};

/// Files may include each other so deep.
const INCLUDED: usize = 16;

/// What the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    values: BTreeMap<&'static str, String>,
    /// Somebody has said where to listen.
    bound: bool,
    /// How many files that include each other are being read.
    included: usize,
    /// The file that said it, if one did.
    pub file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        let mut values: BTreeMap<&str, String> = SETTINGS.iter().map(|setting| (setting.name, setting.usual.to_owned())).collect();
        values.insert("dir", std::env::current_dir().unwrap_or_default().display().to_string());
        Config { values, bound: false, included: 0, file: None }
    }
}

impl Config {
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |value| value)
    }

    pub fn yes(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    pub fn level(&self) -> Level {
        match self.text("loglevel") {
            "debug" => Level::Debug,
            "verbose" => Level::Verbose,
            "warning" | "nothing" => Level::Warning,
            _ => Level::Notice,
        }
    }

    pub fn is_bound(&self) -> bool {
        self.bound
    }

    pub fn save_points(&self) -> Vec<(u64, u64)> {
        settings::save_points(self.text("save")).unwrap_or_default()
    }

    /// Takes one directive of a file or of the command line. Words after `save` add up within one source.
    fn directive(&mut self, name: &str, words: &[String], saves: &mut bool) -> Result<(), String> {
        let name = name.to_ascii_lowercase();
        if name == "include" {
            let [file] = words else { return Err("wrong number of arguments".to_owned()) };
            if self.included == INCLUDED {
                return Err(format!("more than {INCLUDED} files that include each other"));
            }
            self.included += 1;
            let read = self.read(Path::new(file));
            self.included -= 1;
            return read;
        }
        if ["loadmodule", "replicaof", "slaveof", "cluster-enabled", "tls-port", "unixsocket", "aclfile", "user"].contains(&name.as_str()) {
            if name == "cluster-enabled" && words.first().is_some_and(|word| word == "no") {
                return Ok(());
            }
            return Err("this server has no such thing".to_owned());
        }
        if WITHOUT_MEANING.contains(&name.as_str()) {
            return Ok(());
        }
        let Some(setting) = find(&name) else { return Err("Bad directive or wrong number of arguments".to_owned()) };
        let value = words.join(" ");
        let several = matches!(setting.kind, Kind::Save) || name == "bind";
        if words.is_empty() || words.len() > 1 && !several {
            return Err("wrong number of arguments".to_owned());
        }
        let mut value = setting.kind.check(&value)?;
        if name == "save" {
            if *saves && !value.is_empty() {
                value = format!("{} {value}", self.text("save")).trim().to_owned();
            }
            *saves = true;
        }
        self.bound |= name == "bind";
        self.put(setting.name, value)
    }

    fn put(&mut self, name: &'static str, value: String) -> Result<(), String> {
        if name == "dir" {
            let changed = std::env::set_current_dir(&value).and_then(|()| std::env::current_dir());
            let there = changed.map_err(|e| format!("Can't chdir to '{value}': {}", c_words(&e)))?;
            self.values.insert(name, there.display().to_string());
        } else {
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// Reads a file of settings.
    pub fn read(&mut self, file: &Path) -> Result<(), String> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| format!("Fatal error, can't open config file '{}': {}", file.display(), c_words(&e)))?;
        self.lines(&text, "FATAL CONFIG FILE ERROR")
    }

    fn lines(&mut self, text: &str, fault: &str) -> Result<(), String> {
        let mut saves = false;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words = request::words(line.as_bytes()).ok_or_else(|| "Unbalanced quotes in configuration line".to_owned());
            let words = words.map(|words| words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>());
            let done = words.and_then(|words| match words.split_first() {
                Some((name, rest)) => self.directive(name, rest, &mut saves),
                None => Ok(()),
            });
            done.map_err(|why| format!("\n*** {fault} ***\nReading the configuration file, at line {}\n>>> '{line}'\n{why}", at + 1))?;
        }
        Ok(())
    }

    /// Takes the words of the command line: a file first, then `--name value …`. A last `-` stands for standard input, which is read
    /// between the two.
    pub fn arguments(&mut self, words: &[String]) -> Result<(), String> {
        let (mut rest, from_input) = match words.split_last() {
            Some((last, before)) if last == "-" => (before, true),
            _ => (words, false),
        };
        if let Some((file, after)) = rest.split_first().filter(|(word, _)| !word.starts_with("--")) {
            rest = after;
            let path = std::path::absolute(file).unwrap_or_else(|_| file.into());
            self.read(&path)?;
            self.file = Some(path);
        }
        if from_input {
            let text = std::io::read_to_string(std::io::stdin()).map_err(|e| c_words(&e))?;
            self.lines(&text, "FATAL CONFIG FILE ERROR")?;
        }
        let mut saves = false;
        while let Some((name, after)) = rest.split_first() {
            let count = after.iter().position(|word| word.starts_with("--")).unwrap_or(after.len());
            let (values, after) = after.split_at(count);
            let Some(name) = name.strip_prefix("--") else { return Err(format!("unexpected word '{name}'")) };
            // `--save 60 1`, as one word, too.
            let words: Vec<String> = if values.is_empty() { vec![String::new()] } else { values.to_vec() };
            self.directive(name, &words, &mut saves).map_err(|why| {
                format!("\n*** FATAL CONFIG FILE ERROR ***\nReading the command line\n>>> '{name} {}'\n{why}", values.join(" "))
            })?;
            rest = after;
        }
        Ok(())
    }

    /// Names and values of the settings that one of the patterns means.
    pub fn shown(&self, patterns: &[Bytes]) -> Vec<(&'static str, String)> {
        let wanted = |name: &str| patterns.iter().any(|pattern| glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()));
        self.values.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (*name, value.clone())).collect()
    }

    /// Changes settings while the server runs: all of them or none, and those that are protected only where `trusted`. In case of an
    /// error, which it was and why.
    pub fn change(&mut self, pairs: &[(String, String)], trusted: bool) -> Result<(), (String, Option<String>)> {
        let mut checked = vec![];
        for (name, value) in pairs {
            let small = name.to_ascii_lowercase();
            if WITHOUT_MEANING.contains(&small.as_str()) {
                continue;
            }
            let Some(setting) = find(&small) else { return Err((name.clone(), None)) };
            let why = |why| (name.clone(), Some(why));
            match setting.changes {
                Change::Never => return Err(why("can't set immutable config".to_owned())),
                Change::Protected if !trusted => return Err(why("can't set protected config".to_owned())),
                Change::Protected | Change::Always => {}
            }
            if checked.iter().any(|(known, _)| *known == setting.name) {
                return Err(why("duplicate parameter".to_owned()));
            }
            checked.push((setting.name, setting.kind.check(value).map_err(why)?));
        }
        // A folder may turn out not to be there: then nothing else has changed yet.
        checked.sort_by_key(|(name, _)| *name != "dir");
        for (name, value) in checked {
            self.put(name, value).map_err(|why| (name.to_owned(), Some(why)))?;
        }
        Ok(())
    }

    pub fn is_known(name: &str) -> bool {
        find(name).is_some() || WITHOUT_MEANING.contains(&name)
    }

    /// The file with what has changed put in: what it said stays where it was, what it did not say comes at its end.
    pub fn rewritten(&self, old: &str) -> String {
        let mut missing: BTreeMap<&str, String> = BTreeMap::new();
        for setting in SETTINGS {
            let value = self.text(setting.name);
            if value != setting.usual || setting.name == "dir" {
                missing.insert(setting.name, value.to_owned());
            }
        }
        let line = |name: &str, value: &str| match name {
            "save" | "bind" if !value.is_empty() => format!("{name} {value}\n"),
            _ => format!("{name} {}\n", request::word(value)),
        };
        let mut text = String::new();
        let mut said = std::collections::BTreeSet::new();
        for old in old.lines() {
            let name = old.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            match find(&name) {
                Some(setting) if said.insert(setting.name) => {
                    missing.remove(setting.name);
                    text += &line(setting.name, self.text(setting.name));
                }
                Some(_) => {}
                None => {
                    text += old;
                    text.push('\n');
                }
            }
        }
        for (name, value) in missing {
            text += &line(name, &value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_the_command_line() {
        let mut config = Config::default();
        config.lines("# a comment\nport 7000\nsave 60 1\nsave 30 2\nrequirepass \"a b\"\nhz 10\n", "x").unwrap();
        assert_eq!((config.number("port"), config.text("requirepass")), (7000, "a b"));
        assert_eq!(config.save_points(), [(60, 1), (30, 2)]);
        let words: Vec<String> = ["--port", "7001", "--save", "", "--maxmemory", "1mb", "--appendonly", "yes"].map(str::to_owned).to_vec();
        config.arguments(&words).unwrap();
        assert_eq!((config.number("port"), config.number("maxmemory")), (7001, 1 << 20));
        assert!(config.save_points().is_empty() && config.yes("appendonly"));
        for bad in ["port x", "port 70000", "nosuch 1", "save 1", "appendonly maybe", "requirepass \"a", "loglevel loud", "replicaof a 1"] {
            assert!(Config::default().lines(bad, "x").is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_file_said_stays_where_it_was() {
        let mut config = Config::default();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        config.change(&[pair("maxclients", "5"), pair("timeout", "9"), pair("requirepass", "a\nport 1\"")], false).unwrap();
        let text = config.rewritten("# mine\ntimeout 3\nhz 10\n");
        assert!(text.starts_with("# mine\ntimeout 9\nhz 10\n") && text.contains("maxclients 5\n"), "{text}");
        let mut again = Config::default();
        again.lines(&text, "x").unwrap();
        assert_eq!((again.text("requirepass"), again.number("port")), ("a\nport 1\"", 6379));
    }

    #[test]
    fn what_cannot_be_is_refused_as_a_whole() {
        let mut config = Config::default();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (pairs, trusted, why) in [
            ([pair("timeout", "9"), pair("dbfilename", "x")], false, "can't set protected config"),
            ([pair("timeout", "9"), pair("dbfilename", "../x")], true, "dbfilename can't be a path, just a filename"),
            ([pair("timeout", "9"), pair("dir", "/no/such")], true, "Can't chdir to '/no/such': No such file or directory"),
            ([pair("timeout", "9"), pair("proto-max-bulk-len", "0")], true, "argument must be between 1048576 and"),
            ([pair("timeout", "9"), pair("port", "1")], true, "can't set immutable config"),
        ] {
            let (_, told) = config.change(&pairs, trusted).unwrap_err();
            assert!(told.is_some_and(|told| told.starts_with(why)), "{why}");
        }
        assert_eq!(config.text("timeout"), "0");
        config.change(&[pair("dbfilename", "x")], true).unwrap();
    }

    #[test]
    fn a_file_that_includes_itself_comes_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("loop.conf");
        std::fs::write(&file, format!("include {}\n", file.display())).unwrap();
        assert!(Config::default().read(&file).unwrap_err().contains("more than 16 files that include each other"));
    }
}
