//! The items of `xargs`' input, one at a time, so that an input without end is worked on as it comes.

use std::io::BufRead;

use crate::units::c_words;

/// What an item is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What stands between blanks; quotes and backslashes keep them.
    Words,
    /// A line that is not empty, without the blanks at its beginning.
    Lines,
    /// What a NUL ends.
    Zero,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    pub text: Vec<u8>,
    /// Whether a line ends with it: a blank at the end joins the next line to it.
    pub ends_line: bool,
}

pub struct Items<R> {
    input: R,
    mode: Mode,
}

impl<R: BufRead> Items<R> {
    pub fn new(input: R, mode: Mode) -> Self {
        Self { input, mode }
    }

    /// The next item; what is wrong with the input otherwise.
    pub fn next(&mut self) -> Result<Option<Item>, String> {
        match self.mode {
            Mode::Words => self.word(),
            Mode::Zero => {
                let mut text = vec![];
                let length = self.input.read_until(0, &mut text).map_err(|error| c_words(&error))?;
                text.pop_if(|byte| *byte == 0);
                Ok((length > 0).then_some(Item { text, ends_line: true }))
            }
            Mode::Lines => loop {
                let mut line = vec![];
                if self.input.read_until(b'\n', &mut line).map_err(|error| c_words(&error))? == 0 {
                    return Ok(None);
                }
                line.pop_if(|byte| *byte == b'\n');
                let text = line.trim_ascii_start().to_vec();
                if !text.is_empty() {
                    return Ok(Some(Item { text, ends_line: true }));
                }
            },
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, String> {
        let buffer = self.input.fill_buf().map_err(|error| c_words(&error))?;
        let byte = buffer.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    fn word(&mut self) -> Result<Option<Item>, String> {
        let mut word: Option<Vec<u8>> = None;
        let mut quote = None;
        loop {
            let byte = self.byte()?;
            match (quote, byte) {
                (Some(b'"'), None | Some(b'\n')) => return Err("unmatched double quote".into()),
                (Some(_), None | Some(b'\n')) => return Err("unmatched single quote".into()),
                (Some(of), Some(byte)) if byte == of => quote = None,
                (Some(_), Some(byte)) => word.get_or_insert_default().push(byte),
                (None, Some(mark @ (b'\'' | b'"'))) => {
                    word.get_or_insert_default();
                    quote = Some(mark);
                }
                (None, Some(b'\\')) => {
                    let next = self.byte()?;
                    word.get_or_insert_default().extend(next);
                }
                (None, Some(byte)) if !byte.is_ascii_whitespace() => word.get_or_insert_default().push(byte),
                (None, blank) => match (word.take(), blank) {
                    (Some(text), _) => return Ok(Some(Item { text, ends_line: matches!(blank, None | Some(b'\n')) })),
                    (None, None) => return Ok(None),
                    (None, Some(_)) => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, mode: Mode) -> Result<Vec<String>, String> {
        let (mut items, mut out) = (Items::new(text.as_bytes(), mode), vec![]);
        while let Some(item) = items.next()? {
            out.push(format!("{}{}", String::from_utf8_lossy(&item.text), if item.ends_line { "." } else { "" }));
        }
        Ok(out)
    }

    #[test]
    fn items_are_words_lines_or_what_a_nul_ends() {
        assert_eq!(all("a  'b c'\nd\\ e \"\" \nx", Mode::Words), Ok(["a", "b c.", "d e", "", "x."].map(str::to_owned).to_vec()));
        assert_eq!(all("  a 'b\n\nc ", Mode::Lines), Ok(["a 'b.", "c ."].map(str::to_owned).to_vec()));
        assert_eq!(all("a b\0\0c", Mode::Zero), Ok(["a b.", ".", "c."].map(str::to_owned).to_vec()));
        assert_eq!(all("a 'b\n", Mode::Words), Err("unmatched single quote".into()));
        assert_eq!(all("a \"b", Mode::Words), Err("unmatched double quote".into()));
        assert_eq!(all("a\\", Mode::Words), Ok(vec!["a.".to_owned()]));
    }
}
