//! `xargs`: builds commands out of its input, as it comes, and runs them, several at a time if so wished.

mod items;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        process::ExitStatusExt,
    },
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
};

use self::items::{Item, Items, Mode};
use super::applets::Args;
use crate::units::c_words;

const USAGE: &str = "Usage: xargs [OPTIONS] [PROG ARGS]\n\nRun PROG on every item given by stdin\n\n\t-0\tNUL terminated input\n\t-a FILE\tRead from FILE instead of stdin\n\t-r\tDon't run command if input is empty\n\t-t\tPrint the command on stderr before execution\n\t-p\tAsk user whether to run each command\n\t-E STR,-e[STR]\tSTR stops input processing\n\t-I STR\tReplace STR within PROG ARGS with input line\n\t-L N\tPass no more than N lines of input to PROG\n\t-n N\tPass no more than N args to PROG\n\t-s N\tPass command line of no more than N bytes\n\t-P N\tRun up to N PROGs in parallel\n\t-x\tExit if size is exceeded";

/// The longest command line where none is asked for.
const LONGEST: usize = (32 << 10) - 2048;

/// No more run at a time, however many may.
const MOST_AT_A_TIME: usize = 100;

/// What the command line says.
struct Options {
    zero: bool,
    skip_empty: bool,
    trace: bool,
    ask: bool,
    input: Option<OsString>,
    end: Option<Vec<u8>>,
    token: Option<Vec<u8>>,
    items: usize,
    lines: usize,
    size: usize,
    at_a_time: usize,
    command: Vec<Vec<u8>>,
}

/// `xargs [-0rtpx] [-a FILE] [-E STR] [-I TOKEN] [-L N] [-n N] [-s N] [-P N] [COMMAND [ARGUMENT]…]`.
pub fn main(args: Args) -> ExitCode {
    let done = read(args).and_then(|options| run(&options));
    ExitCode::from(done.unwrap_or_else(|(status, words)| {
        if !words.is_empty() {
            eprintln!("xargs: {words}");
        }
        status
    }))
}

/// A status and what is said with it.
type Failure = (u8, String);

fn failed<T>(words: String) -> Result<T, Failure> {
    Err((1, words))
}

fn read(args: Args) -> Result<Options, Failure> {
    let mut options = Options {
        zero: false,
        skip_empty: false,
        trace: false,
        ask: false,
        input: None,
        end: None,
        token: None,
        items: usize::MAX,
        lines: usize::MAX,
        size: LONGEST,
        at_a_time: 1,
        command: vec![],
    };
    let mut args = args.into_iter().skip(1).map(OsString::into_vec).peekable();
    while let Some(arg) = args.next_if(|arg| arg.starts_with(b"-") && arg.len() > 1) {
        if arg == b"--" {
            break;
        }
        let mut rest = &arg[1..];
        while let Some((&letter, others)) = rest.split_first() {
            rest = others;
            match letter {
                b'0' => options.zero = true,
                b'r' => options.skip_empty = true,
                b't' => options.trace = true,
                b'p' => (options.ask, options.trace) = (true, true),
                // What does not fit ends it in any case.
                b'x' => {}
                // Their values stand in the same word or not at all.
                b'e' => options.end = Some(std::mem::take(&mut rest).to_vec()).filter(|end| !end.is_empty()),
                b'i' => {
                    let token = std::mem::take(&mut rest);
                    options.token = Some(if token.is_empty() { b"{}".to_vec() } else { token.to_vec() });
                }
                b'a' | b'E' | b'I' | b'L' | b'n' | b's' | b'P' => {
                    let value = match std::mem::take(&mut rest) {
                        [] => args.next(),
                        glued => Some(glued.to_vec()),
                    };
                    let Some(value) = value else {
                        return failed(format!("option requires an argument -- '{}'\n{USAGE}", char::from(letter)));
                    };
                    match letter {
                        b'a' => options.input = Some(OsString::from_vec(value)),
                        b'E' => options.end = Some(value).filter(|end| !end.is_empty()),
                        b'I' => options.token = Some(value),
                        b'L' => options.lines = number(&value, 1)?,
                        b'n' => options.items = number(&value, 1)?,
                        b's' => options.size = number(&value, 1)?.min(LONGEST),
                        _ => options.at_a_time = number(&value, 0)?,
                    }
                }
                _ => return failed(format!("invalid option -- '{}'\n{USAGE}", char::from(letter))),
            }
        }
    }
    options.command = args.collect();
    if options.command.is_empty() {
        options.command.push(b"echo".to_vec());
    }
    Ok(options)
}

fn number(text: &[u8], least: usize) -> Result<usize, Failure> {
    let text = String::from_utf8_lossy(text);
    match text.parse::<i64>() {
        Ok(number) if (i64::try_from(least).unwrap_or(0)..=i64::from(i32::MAX)).contains(&number) => {
            Ok(usize::try_from(number).unwrap_or(least))
        }
        Ok(number) if number >= 0 => failed(format!("number {number} is not in {least}..{} range", i32::MAX)),
        _ => failed(format!("invalid number '{text}'")),
    }
}

fn run(options: &Options) -> Result<u8, Failure> {
    let input: Box<dyn Read> = match &options.input {
        None => Box::new(io::stdin()),
        Some(name) if name == "-" => Box::new(io::stdin()),
        Some(name) => match File::open(name) {
            Ok(file) => Box::new(file),
            Err(error) => return failed(format!("can't open '{}': {}", name.display(), c_words(&error))),
        },
    };
    let mode = match (options.zero, &options.token) {
        (true, _) => Mode::Zero,
        (false, Some(_)) => Mode::Lines,
        (false, None) => Mode::Words,
    };
    let mut items = Items::new(BufReader::new(input), mode);
    let mut commands = Commands { options, running: vec![], status: 0 };
    let done = batches(options, &mut items, &mut commands);
    // Whatever happened: nobody is left behind.
    let waited = commands.wait(0);
    done.and(waited).map(|()| commands.status)
}

fn batches(options: &Options, items: &mut Items<impl BufRead>, commands: &mut Commands) -> Result<(), Failure> {
    let own: usize = options.command.iter().map(|word| word.len() + 1).sum();
    let room = options.size.saturating_sub(own);
    let (mut batch, mut size, mut lines, mut any) = (vec![], 0, 0, false);
    loop {
        let item = items.next().or_else(failed)?.filter(|item| mode_ignores_end(options) || options.end.as_ref() != Some(&item.text));
        let Some(Item { text, ends_line }) = item else {
            // Without any item the command runs once, unless it was to be made of items.
            if !batch.is_empty() || !any && !options.skip_empty && options.token.is_none() {
                commands.start(&batch)?;
            }
            return Ok(());
        };
        any = true;
        if text.len() >= room {
            if !batch.is_empty() {
                commands.start(&batch)?;
            }
            return failed("argument line too long".into());
        }
        if options.token.is_some() {
            commands.start(&[text])?;
            continue;
        }
        if size + text.len() + 1 > room {
            commands.start(&std::mem::take(&mut batch))?;
            (size, lines) = (0, 0);
        }
        size += text.len() + 1;
        lines += usize::from(ends_line);
        batch.push(text);
        if batch.len() == options.items || lines == options.lines {
            commands.start(&std::mem::take(&mut batch))?;
            (size, lines) = (0, 0);
        }
    }
}

/// Only words are looked at for the one that ends them.
fn mode_ignores_end(options: &Options) -> bool {
    options.zero || options.token.is_some()
}

/// The commands that run, and what has become of those that ran.
struct Commands<'a> {
    options: &'a Options,
    running: Vec<Child>,
    status: u8,
}

impl Commands<'_> {
    fn start(&mut self, items: &[Vec<u8>]) -> Result<(), Failure> {
        let line: Vec<Vec<u8>> = match (&self.options.token, items) {
            (Some(token), [item]) => self.options.command.iter().map(|word| with(word, token, item)).collect(),
            _ => self.options.command.iter().chain(items).cloned().collect(),
        };
        if self.options.trace {
            let mut said = line.join(&b' ');
            said.extend_from_slice(if self.options.ask { b"" } else { b"\n" });
            let _ = io::stderr().write_all(&said);
        }
        if self.options.ask && !is_confirmed()? {
            return Ok(());
        }
        let at_a_time = if self.options.at_a_time == 0 { MOST_AT_A_TIME } else { self.options.at_a_time.min(MOST_AT_A_TIME) };
        self.wait(at_a_time - 1)?;
        let mut command = Command::new(OsStr::from_bytes(&line[0]));
        command.args(line[1..].iter().map(|word| OsStr::from_bytes(word)));
        command.stdin(Stdio::null());
        match command.spawn() {
            Ok(child) => self.running.push(child),
            Err(error) => {
                let status = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
                return Err((status, format!("{}: {}", String::from_utf8_lossy(&line[0]), c_words(&error))));
            }
        }
        if at_a_time == 1 { self.wait(0) } else { Ok(()) }
    }

    /// Waits until no more than so many run.
    fn wait(&mut self, most: usize) -> Result<(), Failure> {
        let mut done = Ok(());
        while self.running.len() > most {
            let at = self.first_to_end();
            let ended = self.running.swap_remove(at).wait();
            if let Ok(ended) = ended {
                done = done.and(self.judge(ended));
            }
        }
        done
    }

    /// Which of the commands ends first.
    fn first_to_end(&self) -> usize {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        if self.running.len() < 2 {
            return 0;
        }
        let ended = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok().flatten();
        let pid = ended.and_then(|_| {
            self.running.iter().position(|child| {
                let pid = rustix::process::Pid::from_child(child);
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
                matches!(waitid(WaitId::Pid(pid), options), Ok(Some(_)))
            })
        });
        pid.unwrap_or(0)
    }

    fn judge(&mut self, ended: ExitStatus) -> Result<(), Failure> {
        let name = String::from_utf8_lossy(&self.options.command[0]);
        match ended.code() {
            Some(0) => {}
            Some(255) => return Err((124, format!("{name}: exited with status 255; aborting"))),
            Some(_) => self.status = 123,
            // Whose reader has gone ends quietly.
            None if ended.signal() == Some(libc::SIGPIPE) => return Err((125, String::new())),
            None => return Err((125, format!("'{name}' terminated by signal {}", ended.signal().unwrap_or(0)))),
        }
        Ok(())
    }
}

/// `word` with `item` wherever it has `token`.
fn with(word: &[u8], token: &[u8], item: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (vec![], 0);
    while at < word.len() {
        if !token.is_empty() && word[at..].starts_with(token) {
            out.extend_from_slice(item);
            at += token.len();
        } else {
            out.push(word[at]);
            at += 1;
        }
    }
    out
}

/// Asks whoever sits at the terminal, for the input is none of theirs.
fn is_confirmed() -> Result<bool, Failure> {
    let mut answer = String::new();
    let asked = File::open("/dev/tty").and_then(|terminal| {
        io::stderr().write_all(b" ?...")?;
        BufReader::new(terminal).read_line(&mut answer)
    });
    match asked {
        Ok(_) => Ok(answer.starts_with(['y', 'Y'])),
        Err(error) => failed(format!("can't open '/dev/tty': {}", c_words(&error))),
    }
}
