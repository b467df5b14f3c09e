//! The terminal that keys come from: no echo, no lines, until it is dropped.

use std::{
    io::{self, Read, Stdin, Write},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, getpid, kill_process},
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr},
};

use super::editor::Key;

/// How long the rest of a key's sequence may take: a lone escape is a key of its own.
const SEQUENCE: Duration = Duration::from_millis(50);

pub struct Terminal {
    input: Stdin,
    /// How it was; nothing where the input is no terminal.
    before: Option<Termios>,
    /// Bytes that came and were not looked at.
    waiting: Vec<u8>,
}

impl Terminal {
    pub fn open() -> Self {
        let mut terminal = Self { input: io::stdin(), before: None, waiting: vec![] };
        terminal.enter();
        terminal
    }

    fn enter(&mut self) {
        let Ok(before) = tcgetattr(&self.input) else { return };
        let mut raw = before.clone();
        raw.make_raw();
        if tcsetattr(&self.input, OptionalActions::Drain, &raw).is_ok() {
            self.before = Some(before);
        }
    }

    fn leave(&mut self) {
        if let Some(before) = self.before.take() {
            let _ = tcsetattr(&self.input, OptionalActions::Drain, &before);
        }
    }

    /// Stops as `^Z` does, until somebody brings the editor back.
    pub fn stop(&mut self) {
        self.leave();
        let _ = kill_process(getpid(), Signal::TSTP);
        self.enter();
    }

    /// Rows and columns, whatever the terminal says of itself.
    pub fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(&self.input));
        match size {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
            _ => (24, 80),
        }
    }

    fn is_ready(&self, wait: Duration) -> bool {
        let mut fds = [PollFd::new(&self.input, PollFlags::IN)];
        let wait = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        poll(&mut fds, Some(&wait)).is_ok_and(|ready| ready > 0)
    }

    fn byte(&mut self) -> Option<u8> {
        if self.waiting.is_empty() {
            let mut bytes = [0; 1024];
            let length = loop {
                match self.input.lock().read(&mut bytes) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read.ok()?,
                }
            };
            self.waiting.extend(bytes[..length].iter().rev());
        }
        self.waiting.pop()
    }

    fn more_within(&mut self, wait: Duration) -> bool {
        !self.waiting.is_empty() || self.is_ready(wait)
    }

    /// Whether a key comes before so much time has passed, or the end of all keys.
    pub fn waits(&mut self, wait: Duration) -> bool {
        self.more_within(wait)
    }

    /// The next key; nothing when there are no more. Sequences without a meaning are passed over.
    pub fn key(&mut self) -> Option<Key> {
        loop {
            let byte = self.byte()?;
            let key = match byte {
                0x1b => match self.sequence() {
                    Some(key) => key,
                    None => continue,
                },
                b'\r' | b'\n' => Key::Enter,
                8 | 0x7f => Key::Backspace,
                b'\t' => Key::Char('\t'),
                control @ 0..0x20 => Key::Control(char::from(control | 0x60)),
                byte if byte < 0x80 => Key::Char(char::from(byte)),
                byte => Key::Char(self.letter(byte)),
            };
            return Some(key);
        }
    }

    /// A character of several bytes; what is none stays a byte.
    fn letter(&mut self, first: u8) -> char {
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        let mut bytes = vec![first];
        while bytes.len() < length && self.more_within(SEQUENCE) {
            match self.byte() {
                Some(byte) if byte & 0xc0 == 0x80 => bytes.push(byte),
                Some(byte) => {
                    self.waiting.push(byte);
                    break;
                }
                None => break,
            }
        }
        super::text::characters(&bytes).first().copied().unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// What follows an escape.
    fn sequence(&mut self) -> Option<Key> {
        if !self.more_within(SEQUENCE) {
            return Some(Key::Escape);
        }
        let Some(kind) = self.byte() else { return Some(Key::Escape) };
        if !matches!(kind, b'[' | b'O') {
            // An escape and then another key, typed fast or pasted.
            self.waiting.push(kind);
            return Some(Key::Escape);
        }
        let mut number = vec![];
        while self.more_within(SEQUENCE) && number.len() < 16 {
            let byte = self.byte()?;
            if byte.is_ascii_digit() || byte == b';' {
                number.push(byte);
                continue;
            }
            return match (byte, number.as_slice()) {
                (b'A', _) => Some(Key::Up),
                (b'B', _) => Some(Key::Down),
                (b'C', _) => Some(Key::Right),
                (b'D', _) => Some(Key::Left),
                (b'H', _) | (b'~', b"1" | b"7") => Some(Key::Home),
                (b'F', _) | (b'~', b"4" | b"8") => Some(Key::End),
                (b'~', b"3") => Some(Key::Delete),
                (b'~', b"5") => Some(Key::PageUp),
                (b'~', b"6") => Some(Key::PageDown),
                _ => None,
            };
        }
        None
    }

    pub fn show(&self, screen: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(screen.as_bytes())?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}
