//! The editor without a terminal: keys go in, and text, cursor and message are what a screen is made of.

use std::{collections::HashMap, ffi::OsString, io};

use super::{
    motion::Spot,
    search::Search,
    text::{Line, Text, shown},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Control(char),
    Escape,
    Enter,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Command,
    Insert,
    Replace,
    /// A line is being typed behind this mark.
    Line(char),
}

/// Where texts come from and go to.
pub trait Files {
    fn read(&mut self, name: &OsString) -> io::Result<Vec<u8>>;
    /// Replaces or makes a file; `append` adds to it.
    fn write(&mut self, name: &OsString, bytes: &[u8], append: bool) -> io::Result<()>;
    /// Whether a file is there and may not be written.
    fn is_locked(&mut self, name: &OsString) -> bool;
}

/// What was deleted or yanked.
#[derive(Clone, Debug, Default)]
pub struct Register {
    pub lines: Vec<Vec<char>>,
    /// Whole lines, rather than a part that may go over line ends.
    pub is_lines: bool,
}

/// A state to come back to.
struct State {
    text: Text,
    cursor: Spot,
}

/// No more states are kept.
const STATES: usize = 200;

#[derive(Default)]
pub struct Settings {
    pub number: bool,
    pub any_case: bool,
    pub indent: bool,
}

pub struct Editor<F> {
    pub files: F,
    pub text: Text,
    pub cursor: Spot,
    pub mode: Mode,
    /// What is said below the text, until the next key.
    pub message: Option<String>,
    pub name: Option<OsString>,
    /// The files that are still to be edited.
    pub others: Vec<OsString>,
    pub is_read_only: bool,
    /// Set when the editor is left: its status.
    pub left: Option<u8>,
    pub settings: Settings,
    /// The line that is being typed.
    pub line: Vec<char>,
    /// Keys of a command that is not whole yet.
    pub pending: Vec<Key>,
    pub registers: HashMap<char, Register>,
    pub marks: HashMap<char, Spot>,
    pub found: Option<(char, bool, bool)>,
    pub search: Search,
    /// The first line on the screen, the first column, and how many lines it has.
    pub top: usize,
    pub shift: usize,
    pub height: usize,
    /// The column that moving up and down keeps to.
    pub wish: usize,
    /// How the text was before what is being done to it.
    before: Option<State>,
    undo: Vec<State>,
    redo: Vec<State>,
    /// How many states there were when the text was last like the file.
    saved: usize,
    /// The keys of the last change, to do it again.
    pub change: Vec<Key>,
    pub recording: Vec<Key>,
    pub is_replaying: bool,
    /// Whether the next key is inserted as it is.
    pub is_literal: bool,
}

impl<F: Files> Editor<F> {
    pub fn new(files: F) -> Self {
        Self {
            files,
            text: Text::read(b""),
            cursor: Spot::default(),
            mode: Mode::Command,
            message: None,
            name: None,
            others: vec![],
            is_read_only: false,
            left: None,
            settings: Settings::default(),
            line: vec![],
            pending: vec![],
            registers: HashMap::new(),
            marks: HashMap::new(),
            found: None,
            search: Search::default(),
            top: 0,
            shift: 0,
            height: 23,
            wish: 0,
            before: None,
            undo: vec![],
            redo: vec![],
            saved: 0,
            change: vec![],
            recording: vec![],
            is_replaying: false,
            is_literal: false,
        }
    }

    /// Begins with a file, which need not be there.
    pub fn open(&mut self, name: OsString) {
        let (bytes, words) = match self.files.read(&name) {
            Ok(bytes) => {
                let text = Text::read(&bytes);
                let words = format!("'{}' {}L, {}C", name.display(), if bytes.is_empty() { 0 } else { text.lines.len() }, bytes.len());
                (bytes, words)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (vec![], format!("'{}' [New file]", name.display())),
            Err(error) => (vec![], format!("'{}' {}", name.display(), crate::units::c_words(&error))),
        };
        self.is_read_only |= self.files.is_locked(&name);
        self.text = Text::read(&bytes);
        self.name = Some(name);
        self.message = Some(words);
        (self.cursor, self.top, self.shift, self.wish) = (Spot::default(), 0, 0, 0);
        (self.before, self.saved) = (None, 0);
        self.undo.clear();
        self.redo.clear();
        self.marks.clear();
    }

    pub fn is_modified(&self) -> bool {
        self.before.is_some() || self.undo.len() != self.saved
    }

    /// The text is like the file now.
    pub fn mark_saved(&mut self) {
        self.keep();
        self.saved = self.undo.len();
    }

    /// To be called before anything is changed.
    pub fn touch(&mut self) {
        if self.before.is_none() {
            self.before = Some(State { text: self.text.clone(), cursor: self.cursor });
        }
    }

    /// What was changed since the last time becomes one step that can be undone.
    pub fn keep(&mut self) {
        let Some(before) = self.before.take() else { return };
        if self.undo.len() < self.saved {
            self.saved = usize::MAX;
        }
        self.undo.push(before);
        self.redo.clear();
        if self.undo.len() > STATES {
            self.undo.remove(0);
            self.saved = self.saved.wrapping_sub(1);
        }
    }

    /// Goes a step back, or forth again.
    pub fn go_back(&mut self, forth: bool) {
        let (from, to) = if forth { (&mut self.redo, &mut self.undo) } else { (&mut self.undo, &mut self.redo) };
        let Some(state) = from.pop() else {
            self.message = Some(if forth { "Already at newest change".into() } else { "Already at oldest change".into() });
            return;
        };
        to.push(State { text: std::mem::replace(&mut self.text, state.text), cursor: state.cursor });
        self.cursor = state.cursor;
    }

    pub fn say(&mut self, words: impl Into<String>) {
        self.message = Some(words.into());
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) {
        self.message = None;
        if !self.is_replaying {
            self.recording.push(key);
        }
        match self.mode {
            Mode::Command => self.command(key),
            Mode::Insert | Mode::Replace => self.insert(key),
            Mode::Line(mark) => self.type_line(mark, key),
        }
        if self.mode == Mode::Command && self.pending.is_empty() {
            let changed = self.before.is_some();
            self.keep();
            if !self.is_replaying {
                let keys = std::mem::take(&mut self.recording);
                if changed && keys.first() != Some(&Key::Char(':')) {
                    self.change = keys;
                }
            }
        }
        self.settle();
    }

    /// Brings the cursor back onto the text, and the screen to the cursor.
    pub fn settle(&mut self) {
        self.cursor.row = self.cursor.row.min(self.text.last());
        let length = self.text.line(self.cursor.row).len();
        let most = if matches!(self.mode, Mode::Insert | Mode::Replace) { length } else { length.saturating_sub(1) };
        self.cursor.column = self.cursor.column.min(most);
        if self.cursor.row < self.top {
            self.top = self.cursor.row;
        } else if self.cursor.row >= self.top + self.height {
            self.top = self.cursor.row + 1 - self.height;
        }
    }

    fn type_line(&mut self, mark: char, key: Key) {
        match key {
            Key::Escape | Key::Control('c') => self.mode = Mode::Command,
            // Taking back what is not there takes back the mark, too.
            Key::Backspace | Key::Delete if self.line.is_empty() => self.mode = Mode::Command,
            Key::Backspace | Key::Delete => drop(self.line.pop()),
            Key::Control('u') => self.line.clear(),
            Key::Enter => {
                self.mode = Mode::Command;
                let line: String = std::mem::take(&mut self.line).into_iter().collect();
                if mark == ':' {
                    self.ex(&line);
                } else {
                    self.look_for(&line, mark == '/');
                }
            }
            Key::Char(letter) => self.line.push(letter),
            _ => {}
        }
        if self.mode == Mode::Command {
            self.line.clear();
        }
    }

    fn insert(&mut self, key: Key) {
        let Spot { row, column } = self.cursor;
        if std::mem::take(&mut self.is_literal) {
            let letter = match key {
                Key::Char(letter) => letter,
                Key::Control(letter) => char::from_u32(u32::from(letter) & 0x1f).unwrap_or(letter),
                Key::Enter => '\r',
                Key::Escape => '\x1b',
                _ => return,
            };
            return self.put_letter(letter);
        }
        match key {
            Key::Escape | Key::Control('c') => {
                self.mode = Mode::Command;
                self.cursor.column = column.saturating_sub(1);
                self.wish = self.cursor.column;
            }
            Key::Char(letter) => self.put_letter(letter),
            Key::Control('v') => self.is_literal = true,
            Key::Enter => {
                self.touch();
                let line = self.text.line_mut(row);
                let tail = line.split_off(column.min(line.len()));
                let indent: Vec<char> = match self.settings.indent {
                    true => self.text.line(row).iter().copied().take_while(|letter| matches!(letter, ' ' | '\t')).collect(),
                    false => vec![],
                };
                self.cursor = Spot { row: row + 1, column: indent.len() };
                self.text.insert(row + 1, [Line::new([indent, tail].concat())]);
            }
            Key::Backspace if column > 0 => {
                self.touch();
                // What was typed over does not come back: the cursor goes back alone.
                if self.mode == Mode::Insert {
                    self.text.line_mut(row).remove(column - 1);
                }
                self.cursor.column -= 1;
            }
            Key::Backspace if row > 0 && self.mode == Mode::Insert => {
                self.touch();
                let length = self.text.line(row - 1).len();
                let tail = self.text.remove(row, row);
                self.text.line_mut(row - 1).extend(tail.iter().flat_map(|line| line.iter()));
                self.cursor = Spot { row: row - 1, column: length };
            }
            Key::Delete if column < self.text.line(row).len() => {
                self.touch();
                self.text.line_mut(row).remove(column);
            }
            Key::Control('w' | 'u') if column > 0 => {
                self.touch();
                let line = self.text.line_mut(row);
                let mut from = if key == Key::Control('u') { 0 } else { column };
                while from > 0 && line[from - 1].is_whitespace() {
                    from -= 1;
                }
                while from > 0 && !line[from - 1].is_whitespace() {
                    from -= 1;
                }
                line.drain(from..column);
                self.cursor.column = from;
            }
            Key::Up => self.cursor.row = row.saturating_sub(1),
            Key::Down => self.cursor.row = (row + 1).min(self.text.last()),
            Key::Left => self.cursor.column = column.saturating_sub(1),
            Key::Right => self.cursor.column = column + 1,
            Key::Home => self.cursor.column = 0,
            Key::End => self.cursor.column = usize::MAX,
            _ => {}
        }
    }

    fn put_letter(&mut self, letter: char) {
        self.touch();
        let Spot { row, column } = self.cursor;
        let line = self.text.line_mut(row);
        if self.mode == Mode::Replace && column < line.len() {
            line[column] = letter;
        } else {
            line.insert(column.min(line.len()), letter);
        }
        self.cursor.column = column + 1;
    }

    /// The column of the screen that a character of a line begins at.
    pub fn screen_column(&self, row: usize, column: usize) -> usize {
        self.text.line(row).iter().take(column).fold(0, |at, letter| at + shown(*letter, at).chars().count())
    }
}
