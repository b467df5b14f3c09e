//! `grep`, `egrep`, `fgrep`: prints the lines that match.
//!
//! Input is read line by line and written at once when it is not a file, so that `… | grep` follows a stream.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use fancy_regex::{Regex, RegexBuilder};

use super::{
    applets::{Args, applet_name},
    posix_regex::{Syntax, translate},
};
use crate::units::c_words;

/// What the command line asks for.
#[derive(Default)]
struct Options {
    patterns: Vec<String>,
    files: Vec<PathBuf>,
    ignore_case: bool,
    invert: bool,
    count: bool,
    quiet: bool,
    no_messages: bool,
    list: bool,
    list_without: bool,
    numbers: bool,
    only_matching: bool,
    whole_line: bool,
    whole_word: bool,
    recursive: bool,
    with_name: Option<bool>,
    max: Option<usize>,
    before: usize,
    after: usize,
    color: bool,
}

const USAGE: &str = "usage: grep [-EFivcqslLnowxrhH] [-A N] [-B N] [-C N] [-m N] [-e PATTERN]… [PATTERN] [FILE]…";

/// Runs `grep`; 0 when a line was selected, 1 when none was, 2 on trouble.
pub fn main(args: Args) -> ExitCode {
    let name = applet_name(args.first());
    let args: Vec<String> = args.into_iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let (options, syntax) = match parse(&name, args) {
        Ok(parsed) => parsed,
        Err(message) => {
            eprintln!("{name}: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let regexes: Result<Vec<Regex>, _> = options
        .patterns
        .iter()
        .map(|pattern| {
            let mut text = translate(pattern, syntax);
            if options.whole_word {
                text = format!("(?<!\\w)(?:{text})(?!\\w)");
            }
            if options.whole_line {
                text = format!("^(?:{text})$");
            }
            RegexBuilder::new(&text).case_insensitive(options.ignore_case).build()
        })
        .collect();
    match regexes {
        Ok(regexes) => search(&name, &options, &regexes),
        Err(error) => {
            eprintln!("{name}: invalid pattern: {error}");
            ExitCode::from(2)
        }
    }
}

fn parse(name: &str, args: Vec<String>) -> Result<(Options, Syntax), String> {
    let mut o = Options::default();
    let mut syntax = match name {
        "egrep" => Syntax::Extended,
        "fgrep" => Syntax::Fixed,
        _ => Syntax::Basic,
    };
    let mut operands = vec![];
    let mut patterns: Vec<String> = vec![];
    let mut args = args.into_iter();
    let mut only_operands = false;
    while let Some(arg) = args.next() {
        if only_operands || arg == "-" || !arg.starts_with('-') {
            operands.push(arg);
            continue;
        }
        if arg == "--" {
            only_operands = true;
            continue;
        }
        if let Some(long) = arg.strip_prefix("--") {
            match long.split_once('=').map_or((long, ""), |(k, v)| (k, v)) {
                ("color" | "colour", when) => o.color = when == "always" || (when != "never" && io::stdout().is_terminal()),
                ("ignore-case", _) => o.ignore_case = true,
                ("invert-match", _) => o.invert = true,
                ("line-number", _) => o.numbers = true,
                ("count", _) => o.count = true,
                ("quiet" | "silent", _) => o.quiet = true,
                ("recursive", _) => o.recursive = true,
                ("only-matching", _) => o.only_matching = true,
                ("extended-regexp", _) => syntax = Syntax::Extended,
                ("fixed-strings", _) => syntax = Syntax::Fixed,
                ("line-buffered" | "text", _) => {}
                _ => return Err(format!("unrecognized option '{arg}'")),
            }
            continue;
        }
        let letters = arg[1..].char_indices();
        for (at, letter) in letters {
            let mut value = || -> Result<String, String> {
                let rest = &arg[1 + at + letter.len_utf8()..];
                if rest.is_empty() { args.next().ok_or(format!("option requires an argument -- '{letter}'")) } else { Ok(rest.to_owned()) }
            };
            let number = |text: String| text.parse::<usize>().map_err(|_| format!("{text}: invalid number"));
            match letter {
                'E' => syntax = Syntax::Extended,
                'F' => syntax = Syntax::Fixed,
                'G' => syntax = Syntax::Basic,
                'i' | 'y' => o.ignore_case = true,
                'v' => o.invert = true,
                'c' => o.count = true,
                'q' => o.quiet = true,
                's' => o.no_messages = true,
                'l' => o.list = true,
                'L' => o.list_without = true,
                'n' => o.numbers = true,
                'o' => o.only_matching = true,
                'x' => o.whole_line = true,
                'w' => o.whole_word = true,
                'r' | 'R' => o.recursive = true,
                'h' => o.with_name = Some(false),
                'H' => o.with_name = Some(true),
                'a' | 'u' => {}
                'e' | 'f' | 'm' | 'A' | 'B' | 'C' => {
                    let value = value()?;
                    match letter {
                        'e' => patterns.push(value),
                        'f' => patterns.push(std::fs::read_to_string(&value).map_err(|e| format!("{value}: {e}"))?.trim_end().to_owned()),
                        'm' => o.max = Some(number(value)?),
                        'A' => o.after = number(value)?,
                        'B' => o.before = number(value)?,
                        _ => {
                            o.before = number(value)?;
                            o.after = o.before;
                        }
                    }
                    break;
                }
                other => return Err(format!("invalid option -- '{other}'")),
            }
        }
    }
    if patterns.is_empty() {
        if operands.is_empty() {
            return Err("no pattern".into());
        }
        patterns.push(operands.remove(0));
    }
    o.patterns = patterns.iter().flat_map(|p| p.split('\n')).map(str::to_owned).collect();
    o.files = operands.into_iter().map(PathBuf::from).collect();
    Ok((o, syntax))
}

fn search(name: &str, options: &Options, regexes: &[Regex]) -> ExitCode {
    let mut files = options.files.clone();
    if files.is_empty() {
        files.push(if options.recursive { "." } else { "-" }.into());
    }
    let with_name = options.with_name.unwrap_or(files.len() > 1 || options.recursive);
    let (mut selected, mut trouble) = (false, false);
    let mut out = io::stdout().lock();
    let mut report = |file: &Path, error: io::Error| {
        trouble = true;
        if !options.no_messages {
            eprintln!("{name}: {}: {}", file.display(), c_words(&error));
        }
    };
    while let Some(file) = files.first().cloned() {
        files.remove(0);
        if file.is_dir() {
            if options.recursive {
                match std::fs::read_dir(&file) {
                    Ok(entries) => {
                        let mut inner: Vec<PathBuf> =
                            entries.flatten().map(|e| e.path()).filter(|p| !p.is_symlink() || p.is_file()).collect();
                        inner.sort();
                        files.splice(0..0, inner);
                    }
                    Err(error) => report(&file, error),
                }
            } else {
                report(&file, io::Error::from(io::ErrorKind::IsADirectory));
            }
            continue;
        }
        let label = if file.as_os_str() == "-" { "(standard input)".into() } else { file.display().to_string() };
        let label = if with_name { Some(label) } else { None };
        let result = if file.as_os_str() == "-" {
            lines(io::stdin().lock(), label.as_deref(), &file, options, regexes, &mut out)
        } else {
            match File::open(&file) {
                Ok(open) => lines(BufReader::new(open), label.as_deref(), &file, options, regexes, &mut out),
                Err(error) => Err(error),
            }
        };
        match result {
            Ok(found) => selected |= found,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::from(2),
            Err(error) => report(&file, error),
        }
        if options.quiet && selected {
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::from(if trouble { 2 } else { u8::from(!selected) })
}

fn lines(
    mut input: impl BufRead,
    label: Option<&str>,
    file: &Path,
    o: &Options,
    regexes: &[Regex],
    out: &mut impl Write,
) -> io::Result<bool> {
    let mut buffer = vec![];
    let (mut number, mut count, mut after, mut printed) = (0, 0, 0, 0);
    let mut before: std::collections::VecDeque<(usize, String)> = Default::default();
    loop {
        buffer.clear();
        if input.read_until(b'\n', &mut buffer)? == 0 {
            break;
        }
        number += 1;
        let line = String::from_utf8_lossy(buffer.strip_suffix(b"\n").unwrap_or(&buffer)).into_owned();
        let matched = regexes.iter().any(|r| r.is_match(&line).unwrap_or(false)) != o.invert;
        if matched {
            count += 1;
            if o.quiet || o.list || o.list_without {
                break;
            }
            if !o.count {
                if (o.before > 0 || o.after > 0) && printed > 0 && number > printed + before.len() + 1 {
                    writeln!(out, "--")?;
                }
                for (n, text) in before.drain(..) {
                    write_line(out, label, o, n, '-', &text, &[])?;
                }
                write_line(out, label, o, number, ':', &line, if o.invert { &[] } else { regexes })?;
                printed = number;
                after = o.after;
            }
            if o.max.is_some_and(|max| count >= max) {
                break;
            }
        } else if after > 0 {
            after -= 1;
            write_line(out, label, o, number, '-', &line, &[])?;
            printed = number;
        } else if o.before > 0 && !o.count {
            if before.len() == o.before {
                before.pop_front();
            }
            before.push_back((number, line));
        }
    }
    if o.count && !o.quiet {
        writeln!(out, "{}{count}", label.map(|l| format!("{l}:")).unwrap_or_default())?;
    }
    if (o.list && count > 0) || (o.list_without && count == 0) {
        writeln!(out, "{}", file.display())?;
    }
    Ok(count > 0)
}

fn write_line(
    out: &mut impl Write,
    label: Option<&str>,
    o: &Options,
    number: usize,
    mark: char,
    line: &str,
    regexes: &[Regex],
) -> io::Result<()> {
    let mut head = label.map(|l| format!("{l}{mark}")).unwrap_or_default();
    if o.numbers {
        head.push_str(&format!("{number}{mark}"));
    }
    if !o.only_matching && !o.color {
        return writeln!(out, "{head}{line}");
    }
    let mut at = 0;
    let mut shown = String::new();
    while let Some(found) =
        regexes.iter().filter_map(|r| r.find_from_pos(line, at).ok().flatten()).min_by_key(|m| (m.start(), usize::MAX - m.end()))
    {
        if found.end() == found.start() {
            match line[found.end()..].chars().next() {
                Some(c) => {
                    shown.push_str(&line[at..found.end() + c.len_utf8()]);
                    at = found.end() + c.len_utf8();
                    continue;
                }
                None => break,
            }
        }
        if o.only_matching {
            writeln!(out, "{head}{}", found.as_str())?;
        }
        shown.push_str(&line[at..found.start()]);
        shown.push_str(&format!("\x1b[01;31m\x1b[K{}\x1b[m\x1b[K", found.as_str()));
        at = found.end();
    }
    if o.only_matching { Ok(()) } else { writeln!(out, "{head}{shown}{}", &line[at..]) }
}
