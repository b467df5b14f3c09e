//! `less` and `more`: text a screen at a time. Where no terminal is to show it, they hand it on as `cat` does.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
};

use regex::{Regex, RegexBuilder};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::applets::Args;
use super::options::Options;
use super::posix_regex::{Syntax, translate};
use crate::units::c_words;

const LESS: &str = "Usage: less [-EFIMmNSRh~] [FILE]...\n\nView FILE (or stdin) one screenful at a time\n\n\t-E\tQuit once the end of a file is reached\n\t-F\tQuit if entire file fits on first screen\n\t-I\tIgnore case in all searches\n\t-M,-m\tDisplay status line with line numbers\n\t\tand percentage through the file\n\t-N\tPrefix line number to each line\n\t-S\tTruncate long lines\n\t-R\tRemove color escape codes in input";
const MORE: &str = "Usage: more [FILE]...\n\nView FILE (or stdin) one screenful at a time";

/// `less [-EFIMmNSRh] [FILE]…`, `more [FILE]…`.
pub fn main(args: Args) -> ExitCode {
    let more = super::applets::applet_name(args.first()) == "more";
    let read = if more { Options::read(args, "", &[], MORE) } else { Options::read(args, "EFIMmNSRhXe", &[], LESS) };
    let mut options = match read {
        Ok(options) => options,
        Err(code) => return code,
    };
    if options.words.is_empty() {
        if io::stdin().is_terminal() {
            eprintln!("{}: missing filename", options.name);
            return ExitCode::FAILURE;
        }
        options.words.push("-".into());
    }
    let keyboard = if io::stdout().is_terminal() { Keyboard::open() } else { None };
    let files = std::mem::take(&mut options.words);
    let mut code = ExitCode::SUCCESS;
    let Some(mut keyboard) = keyboard else {
        for file in &files {
            let handed = open(file).and_then(|mut input| io::copy(&mut input, &mut io::stdout().lock()));
            if let Err(error) = handed {
                eprintln!("{}: can't open '{}': {}", options.name, file.display(), c_words(&error));
                code = ExitCode::FAILURE;
            }
        }
        return code;
    };
    for (at, file) in files.iter().enumerate() {
        let mut bytes = vec![];
        if let Err(error) = open(file).and_then(|mut input| input.read_to_end(&mut bytes)) {
            eprintln!("{}: can't open '{}': {}", options.name, file.display(), c_words(&error));
            code = ExitCode::FAILURE;
            continue;
        }
        let mut view = View::new(&bytes, file, &options);
        let done = if more { view.more(&mut keyboard, at + 1 == files.len()) } else { view.less(&mut keyboard) };
        if !done.unwrap_or(false) {
            break;
        }
    }
    code
}

fn open(file: &OsStr) -> io::Result<Box<dyn Read>> {
    Ok(if file == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) })
}

/// What a key means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Char(char),
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// Something without a meaning.
    Other,
}

/// The terminal that keys come from, without echo and line by line until this is dropped.
struct Keyboard {
    terminal: File,
    before: Termios,
}

impl Keyboard {
    fn open() -> Option<Self> {
        // The text may come by standard input: keys are asked of the terminal itself.
        let terminal = File::open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        // Lines on the screen are ended as before.
        raw.output_modes = before.output_modes;
        tcsetattr(&terminal, OptionalActions::Now, &raw).ok()?;
        Some(Self { terminal, before })
    }

    /// Lines and columns of the screen.
    fn size(&self) -> (usize, usize) {
        match tcgetwinsize(&self.terminal) {
            Ok(size) if size.ws_row > 1 && size.ws_col > 1 => (size.ws_row.into(), size.ws_col.into()),
            _ => (24, 80),
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.terminal.read_exact(&mut byte).map(|()| byte[0])
    }

    fn key(&mut self) -> io::Result<Key> {
        let first = self.byte()?;
        if first != 0x1b {
            return Ok(Key::Char(char::from(first)));
        }
        if self.byte()? != b'[' {
            return Ok(Key::Other);
        }
        let (letter, mut last) = (self.byte()?, 0);
        if letter.is_ascii_digit() {
            while last != b'~' {
                last = self.byte()?;
            }
        }
        Ok(match letter {
            b'A' => Key::Up,
            b'B' => Key::Down,
            b'H' | b'1' => Key::Home,
            b'F' | b'4' => Key::End,
            b'5' => Key::PageUp,
            b'6' => Key::PageDown,
            _ => Key::Other,
        })
    }

    /// A line that is typed behind `mark` at the bottom; nothing when it is taken back.
    fn line(&mut self, mark: char) -> io::Result<Option<String>> {
        let mut line = String::new();
        loop {
            print!("\r\x1b[K{mark}{line}");
            io::stdout().flush()?;
            match self.byte()? {
                b'\r' | b'\n' => return Ok(Some(line)),
                3 | 0x1b => return Ok(None),
                8 | 0x7f => {
                    if line.pop().is_none() {
                        return Ok(None);
                    }
                }
                byte => line.push(char::from(byte)),
            }
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// A text on the screen.
struct View<'a> {
    lines: Vec<String>,
    name: &'a OsString,
    options: &'a Options,
    /// The lines as the screen has them, each with the number of the line that it is of, for a screen of `columns`.
    rows: Vec<(usize, String)>,
    columns: usize,
    /// The row at the top.
    top: usize,
    search: Option<Regex>,
    backwards: bool,
}

impl<'a> View<'a> {
    fn new(bytes: &[u8], name: &'a OsString, options: &'a Options) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(|line| plain(line, options.has('R'))).collect();
        Self { lines, name, options, rows: vec![], columns: 0, top: 0, search: None, backwards: false }
    }

    /// Lays the lines out for a screen so wide; what was at the top stays there.
    fn lay_out(&mut self, columns: usize) {
        if columns == self.columns {
            return;
        }
        let top = self.rows.get(self.top).map(|(line, _)| *line);
        self.columns = columns;
        self.rows.clear();
        for (at, line) in self.lines.iter().enumerate() {
            let number = if self.options.has('N') { format!("{:7} ", at + 1) } else { String::new() };
            let room = columns.saturating_sub(number.len()).max(1);
            let letters: Vec<char> = line.chars().collect();
            let mut rows: Vec<String> = letters.chunks(room).map(|row| format!("{number}{}", row.iter().collect::<String>())).collect();
            if rows.is_empty() {
                rows.push(number);
            }
            rows.truncate(if self.options.has('S') { 1 } else { usize::MAX });
            self.rows.extend(rows.into_iter().map(|row| (at, row)));
        }
        self.top = top.map_or(0, |line| self.first_row(line));
    }

    /// The row that a line begins with.
    fn first_row(&self, line: usize) -> usize {
        self.rows.partition_point(|(of, _)| *of < line)
    }

    /// Shows the text until it is left. True for the next file.
    fn less(&mut self, keyboard: &mut Keyboard) -> io::Result<bool> {
        let (rows, columns) = keyboard.size();
        self.lay_out(columns);
        if self.options.has('F') && self.rows.len() < rows {
            for line in &self.lines {
                println!("{line}");
            }
            return Ok(true);
        }
        let mut message = None;
        loop {
            let (rows, columns) = keyboard.size();
            self.lay_out(columns);
            // At the last place the end of the text is at the bottom.
            let (height, last) = (rows - 1, self.rows.len().saturating_sub(rows - 1));
            self.top = self.top.min(last);
            self.draw(height, message.take())?;
            let at_end = self.top >= last;
            match keyboard.key()? {
                Key::Char('q' | 'Q' | '\x03') => {
                    print!("\r\x1b[K");
                    return io::stdout().flush().map(|()| false);
                }
                Key::Char(' ' | 'f' | '\x06' | '\x16') | Key::PageDown if at_end && self.options.has('E') => return Ok(true),
                Key::Char(' ' | 'f' | '\x06' | '\x16') | Key::PageDown => self.top += height,
                Key::Char('b' | '\x02') | Key::PageUp => self.top = self.top.saturating_sub(height),
                Key::Char('d' | '\x04') => self.top += height / 2,
                Key::Char('u' | '\x15') => self.top = self.top.saturating_sub(height / 2),
                Key::Char('\r' | '\n' | 'j' | 'e') | Key::Down => self.top += 1,
                Key::Char('k' | 'y') | Key::Up => self.top = self.top.saturating_sub(1),
                Key::Char('g' | '<') | Key::Home => self.top = 0,
                Key::Char('G' | '>') | Key::End => self.top = last,
                Key::Char(mark @ ('/' | '?')) => {
                    self.backwards = mark == '?';
                    if let Some(pattern) = keyboard.line(mark)? {
                        message = self.look_for(&pattern);
                    }
                }
                Key::Char('n') => message = self.next(self.backwards),
                Key::Char('N') => message = self.next(!self.backwards),
                _ => {}
            }
        }
    }

    /// Begins a search; an empty pattern goes on with the last.
    fn look_for(&mut self, pattern: &str) -> Option<String> {
        if !pattern.is_empty() {
            let made = RegexBuilder::new(&translate(pattern, Syntax::Extended)).case_insensitive(self.options.has('I')).build();
            match made {
                Ok(regex) => self.search = Some(regex),
                Err(_) => return Some(format!("bad regex '{pattern}'")),
            }
        }
        self.next(self.backwards)
    }

    /// Goes to the next line that is looked for; what to say when there is none.
    fn next(&mut self, backwards: bool) -> Option<String> {
        let Some(regex) = &self.search else { return Some("No previous regular expression".into()) };
        let is_found = |at: &usize| regex.is_match(&self.lines[*at]);
        let here = self.rows.get(self.top).map_or(0, |(line, _)| *line);
        let found = if backwards { (0..here).rev().find(is_found) } else { (here + 1..self.lines.len()).find(is_found) };
        match found {
            Some(line) => {
                self.top = self.first_row(line);
                None
            }
            None => Some("No matches found".into()),
        }
    }

    fn draw(&self, height: usize, message: Option<String>) -> io::Result<()> {
        let mut screen = String::from("\x1b[H\x1b[J");
        let shown = &self.rows[self.top..self.rows.len().min(self.top + height)];
        for row in shown.iter().map(|(_, row)| row.as_str()).chain(std::iter::repeat("~")).take(height) {
            screen.push_str(&self.marked(row));
            screen.push('\n');
        }
        let line = |row: Option<&(usize, String)>| row.map_or(0, |(line, _)| line + 1);
        let (first, bottom) = (line(shown.first()), line(shown.last()));
        let is_end = self.top + shown.len() >= self.rows.len();
        let status = match message {
            Some(message) => format!("\x1b[7m{message}\x1b[m"),
            None if self.options.has('M') || self.options.has('m') => {
                let percent = (bottom * 100).checked_div(self.lines.len()).unwrap_or(100);
                let name = self.name.display();
                format!("\x1b[7m{name} lines {first}-{bottom}/{} {percent}%\x1b[m", self.lines.len())
            }
            None if is_end => "\x1b[7m(END)\x1b[m".into(),
            None if self.top == 0 && self.name != "-" => format!("\x1b[7m{}\x1b[m", self.name.display()),
            None => ":".into(),
        };
        screen.push_str(&status);
        let mut out = io::stdout().lock();
        out.write_all(screen.as_bytes())?;
        out.flush()
    }

    /// A row with what is looked for in reverse.
    fn marked(&self, row: &str) -> String {
        let Some(regex) = &self.search else { return row.to_owned() };
        let (mut out, mut from) = (String::new(), 0);
        for found in regex.find_iter(row).filter(|found| !found.is_empty()) {
            out += &row[from..found.start()];
            out += &format!("\x1b[7m{}\x1b[m", found.as_str());
            from = found.end();
        }
        out + &row[from..]
    }

    /// Shows the text downwards only, and ends with it. True for the next file.
    fn more(&mut self, keyboard: &mut Keyboard, last: bool) -> io::Result<bool> {
        let (rows, columns) = keyboard.size();
        self.lay_out(columns);
        let mut room = rows - 1;
        let all: usize = self.lines.iter().map(|line| line.len() + 1).sum();
        let (mut passed, mut of) = (0_usize, 0);
        for (line, row) in &self.rows {
            while of < *line {
                passed += self.lines[of].len() + 1;
                of += 1;
            }
            if room == 0 {
                let percent = (passed * 100).checked_div(all).unwrap_or(100);
                print!("--More-- ({percent}% of {all} bytes)");
                io::stdout().flush()?;
                let key = loop {
                    match keyboard.key()? {
                        Key::Other => {}
                        key => break key,
                    }
                };
                print!("\r\x1b[K");
                room = match key {
                    Key::Char('q' | 'Q' | '\x03') => return io::stdout().flush().map(|()| false),
                    Key::Char('\r' | '\n') | Key::Down => 1,
                    _ => rows - 1,
                };
            }
            println!("{row}");
            room -= 1;
        }
        Ok(!last)
    }
}

/// A line as it can be shown: tabs as spaces, control characters by their names; colours stay unless they are to be removed.
fn plain(line: &str, without_colours: bool) -> String {
    let mut out = String::new();
    let mut letters = line.chars().peekable();
    let mut column = 0;
    while let Some(letter) = letters.next() {
        match letter {
            '\t' => {
                let spaces = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\x1b' if without_colours && letters.peek() == Some(&'[') => {
                letters.by_ref().find(|letter| letter.is_ascii_alphabetic());
            }
            control if control.is_control() => {
                out.push('^');
                out.push(char::from_u32(u32::from(control) ^ 0x40).unwrap_or('?'));
                column += 2;
            }
            letter => {
                out.push(letter);
                column += 1;
            }
        }
    }
    out
}
