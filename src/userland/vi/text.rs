//! A file's text as lines of characters. Whatever the bytes of a file are, they come out again as they went in.

use std::rc::Rc;

/// Lines are shared with the states that can be gone back to.
pub type Line = Rc<Vec<char>>;

/// Bytes that are no UTF-8 stand as characters from here on. Whatever is really written so counts as such bytes, too.
const STRAY: u32 = 0x0010_ff00;

/// A text; there is always a line.
#[derive(Clone, Debug)]
pub struct Text {
    pub lines: Vec<Line>,
    /// Whether the last line is ended as the others are.
    pub is_ended: bool,
}

impl Text {
    pub fn read(bytes: &[u8]) -> Self {
        let is_ended = bytes.is_empty() || bytes.ends_with(b"\n");
        let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        Self { lines: body.split(|byte| *byte == b'\n').map(|line| Rc::new(characters(line))).collect(), is_ended }
    }

    /// The bytes of some of the lines.
    pub fn bytes(&self, from: usize, to: usize) -> Vec<u8> {
        let mut out = vec![];
        for (at, line) in self.lines.iter().enumerate().take(to + 1).skip(from) {
            write(line, &mut out);
            if self.is_ended || at + 1 < self.lines.len() {
                out.push(b'\n');
            }
        }
        // A text without anything is a file without anything.
        if out == b"\n" && self.lines.len() == 1 { vec![] } else { out }
    }

    pub fn last(&self) -> usize {
        self.lines.len() - 1
    }

    pub fn line(&self, row: usize) -> &[char] {
        self.lines.get(row).map_or(&[], |line| line.as_slice())
    }

    pub fn line_mut(&mut self, row: usize) -> &mut Vec<char> {
        let row = row.min(self.last());
        Rc::make_mut(&mut self.lines[row])
    }

    /// Takes lines out; one that is empty stays if no other does.
    pub fn remove(&mut self, from: usize, to: usize) -> Vec<Line> {
        let taken = self.lines.drain(from..=to.min(self.last())).collect();
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        taken
    }

    /// Puts lines in before the one at `row`.
    pub fn insert(&mut self, row: usize, lines: impl IntoIterator<Item = Line>) {
        let row = row.min(self.lines.len());
        self.lines.splice(row..row, lines);
    }
}

pub fn characters(bytes: &[u8]) -> Vec<char> {
    let mut out = vec![];
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if u32::from(letter) >= STRAY {
                let mut bytes = [0; 4];
                out.extend(letter.encode_utf8(&mut bytes).bytes().map(stray));
            } else {
                out.push(letter);
            }
        }
        out.extend(chunk.invalid().iter().map(|byte| stray(*byte)));
    }
    out
}

fn stray(byte: u8) -> char {
    char::from_u32(STRAY + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

pub fn write(line: &[char], out: &mut Vec<u8>) {
    for letter in line {
        match u32::from(*letter).checked_sub(STRAY).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// What a character looks like: control characters by their names, stray bytes by their numbers, a tab up to the next stop.
pub fn shown(letter: char, column: usize) -> String {
    match letter {
        '\t' => " ".repeat(8 - column % 8),
        control @ '\0'..='\x1f' => format!("^{}", char::from_u32(u32::from(control) ^ 0x40).unwrap_or('?')),
        '\x7f' => "^?".into(),
        stray if u32::from(stray) >= STRAY => format!("\\{:02x}", u32::from(stray) - STRAY),
        control if control.is_control() => ".".into(),
        letter => letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let all: Vec<u8> = (0..=255).collect();
        let high = "a\u{10ff80}b\u{10ffff}".as_bytes();
        for bytes in [&b""[..], b"a\nb\n", b"a\nb", b"\n\n", b"\n\nx", b"\r\n\xff\xfe", &all, high] {
            let text = Text::read(bytes);
            assert_eq!(text.bytes(0, text.last()), if bytes == b"\n" { b"" } else { bytes }, "{bytes:?}");
        }
    }
}
