//! Options as getopt reads them, for the commands that say in BusyBox's words what is wrong with them.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    process::ExitCode,
};

use super::applets::{Args, applet_name};

/// What a command line says: options by their letters, in order, and the words that are none.
#[derive(Debug)]
pub struct Options {
    /// The name the command was called by.
    pub name: String,
    given: Vec<(char, OsString)>,
    /// What is no option.
    pub words: Vec<OsString>,
}

impl Options {
    /// Reads `args` by `letters` (one that takes a value has a colon after it) and `long` (the long options and the letters they stand
    /// for). What is wrong is said, with `usage`.
    pub fn read(args: Args, letters: &str, long: &[(&str, char)], usage: &str) -> Result<Self, ExitCode> {
        let name = applet_name(args.first());
        let mut options = Self { name, given: vec![], words: vec![] };
        options.take(args, letters, long).map(|()| options).map_err(|(name, wrong)| {
            eprintln!("{name}: {wrong}\n{usage}");
            ExitCode::FAILURE
        })
    }

    fn take(&mut self, args: Args, letters: &str, long: &[(&str, char)]) -> Result<(), (String, String)> {
        let name = self.name.clone();
        let wrong = move |text: String| Err((name.clone(), text));
        let takes_value = |letter: char| letters.split(letter).nth(1).is_some_and(|rest| rest.starts_with(':'));
        let mut args = args.into_iter().skip(1);
        while let Some(arg) = args.next() {
            let bytes = arg.as_bytes();
            if bytes == b"--" {
                self.words.extend(args);
                return Ok(());
            }
            if let Some(word) = bytes.strip_prefix(b"--") {
                let mut halves = word.splitn(2, |byte| *byte == b'=');
                let (key, value) = (halves.next().unwrap_or_default(), halves.next());
                let key = String::from_utf8_lossy(key);
                let Some((_, letter)) = long.iter().find(|(long, _)| *long == key) else {
                    return wrong(format!("unrecognized option '--{key}'"));
                };
                let value = match value {
                    Some(value) => OsString::from_vec(value.to_vec()),
                    None if takes_value(*letter) => match args.next() {
                        Some(value) => value,
                        None => return wrong(format!("option '--{key}' requires an argument")),
                    },
                    None => OsString::new(),
                };
                self.given.push((*letter, value));
                continue;
            }
            let Some(mut rest) = bytes.strip_prefix(b"-").filter(|rest| !rest.is_empty()) else {
                self.words.push(arg);
                continue;
            };
            while let Some((first, others)) = rest.split_first() {
                let letter = char::from(*first);
                if letter == ':' || !letter.is_ascii_alphanumeric() || !letters.contains(letter) {
                    return wrong(format!("invalid option -- '{letter}'"));
                }
                rest = others;
                let mut value = OsString::new();
                if takes_value(letter) {
                    value = match std::mem::take(&mut rest) {
                        [] => match args.next() {
                            Some(value) => value,
                            None => return wrong(format!("option requires an argument -- '{letter}'")),
                        },
                        glued => OsStr::from_bytes(glued).to_owned(),
                    };
                }
                self.given.push((letter, value));
            }
        }
        Ok(())
    }

    /// Whether an option was given.
    pub fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The values that an option was given, in order.
    pub fn values(&self, letter: char) -> impl Iterator<Item = &OsStr> {
        self.given.iter().filter(move |(given, _)| *given == letter).map(|(_, value)| value.as_os_str())
    }

    /// The last value that an option was given.
    pub fn value(&self, letter: char) -> Option<&OsStr> {
        self.values(letter).last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, ExitCode> {
        Options::read(line.split(' ').map(OsString::from).collect(), "cf:v", &[("file", 'f'), ("create", 'c')], "Usage: x")
    }

    #[test]
    fn options_are_read_as_getopt_reads_them() {
        let options = read("x -cvf a b --file=c -- -v").unwrap_or_else(|_| panic!("options"));
        assert!(options.has('c') && options.has('v'));
        assert_eq!(options.values('f').collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(options.words, ["b", "-v"]);
        assert_eq!(read("x -fa - --create").unwrap_or_else(|_| panic!("options")).words, ["-"]);
        for wrong in ["x -f", "x -z", "x --none", "x --file"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
