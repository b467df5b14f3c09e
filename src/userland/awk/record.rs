//! The record at hand: `$0` and its fields, each made of the other when it is asked for.

use std::rc::Rc;

use super::{
    regex::{Regex, Regexes},
    value::{Text, Value},
};

/// No record has more fields: an assignment to a field far away must not take the machine's memory.
const MOST: usize = 1 << 22;

/// What separates fields.
#[derive(Clone, Debug)]
pub enum Splitter {
    Blanks,
    Byte(u8),
    /// Every byte is a field.
    Everywhere,
    Regex(Rc<Regex>),
}

impl Splitter {
    /// The meaning of `FS`, or of the last argument of `split`.
    pub fn of(separator: &[u8], regexes: &mut Regexes, any_case: bool) -> Result<Self, String> {
        Ok(match separator {
            b"" => Self::Everywhere,
            b" " => Self::Blanks,
            [byte] if !any_case || !byte.is_ascii_alphabetic() => Self::Byte(*byte),
            pattern => Self::Regex(regexes.get(pattern, any_case)?),
        })
    }

    /// The fields of a text; line ends separate, too, if `lines`.
    pub fn split<'a>(&self, text: &'a [u8], lines: bool) -> Vec<&'a [u8]> {
        if text.is_empty() {
            return vec![];
        }
        match self {
            Self::Blanks => text.split(|byte| matches!(byte, b' ' | b'\t' | b'\n')).filter(|field| !field.is_empty()).collect(),
            Self::Byte(separator) => text.split(|byte| byte == separator || lines && *byte == b'\n').collect(),
            Self::Everywhere => text.chunks(1).collect(),
            Self::Regex(_) if lines => text
                .split(|byte| *byte == b'\n')
                .flat_map(|line| if line.is_empty() { vec![line] } else { self.split(line, false) })
                .collect(),
            Self::Regex(regex) => {
                let (mut fields, mut from, mut start) = (vec![], 0, 0);
                while let Some((begin, end)) = regex.find(text, from) {
                    // Nothing separates nothing.
                    if begin == end {
                        from = end + 1;
                        if from > text.len() {
                            break;
                        }
                        continue;
                    }
                    fields.push(&text[start..begin]);
                    (start, from) = (end, end);
                }
                fields.push(&text[start..]);
                fields
            }
        }
    }
}

/// The record.
#[derive(Debug)]
pub struct Record {
    text: Text,
    fields: Vec<Value>,
    is_split: bool,
    /// Fields have changed, and the text is yet to be made of them.
    is_stale: bool,
    /// Those that were so when the record was read: `FS` counts for the next.
    splitter: Splitter,
    lines: bool,
}

impl Default for Record {
    fn default() -> Self {
        let text = Text::from(&b""[..]);
        Self { text, fields: vec![], is_split: true, is_stale: false, splitter: Splitter::Blanks, lines: false }
    }
}

impl Record {
    /// Another record, whose fields `splitter` separates.
    pub fn set(&mut self, text: Text, splitter: &Splitter, lines: bool) {
        self.text = text;
        self.fields.clear();
        (self.is_split, self.is_stale) = (false, false);
        (self.splitter, self.lines) = (splitter.clone(), lines);
    }

    fn split(&mut self) {
        if !self.is_split {
            self.fields = self.splitter.split(&self.text, self.lines).into_iter().map(Value::input).collect();
            self.is_split = true;
        }
    }

    pub fn count(&mut self) -> usize {
        self.split();
        self.fields.len()
    }

    /// The whole of it, made anew with `ofs` if fields have changed.
    pub fn text(&mut self, ofs: &[u8], convfmt: &[u8]) -> Text {
        if self.is_stale {
            let fields: Vec<Text> = self.fields.iter().map(|field| field.to_text(convfmt)).collect();
            self.text = Text::from(fields.join(ofs));
            self.is_stale = false;
        }
        Text::clone(&self.text)
    }

    /// A field; 1 is the first.
    pub fn field(&mut self, at: usize) -> Value {
        self.split();
        self.fields.get(at - 1).cloned().unwrap_or(Value::Unset)
    }

    pub fn set_field(&mut self, at: usize, value: Value) -> Result<(), String> {
        self.split();
        if at > self.fields.len() {
            self.resize(at)?;
        }
        self.fields[at - 1] = value;
        self.is_stale = true;
        Ok(())
    }

    /// Cuts fields off, or adds empty ones.
    pub fn resize(&mut self, count: usize) -> Result<(), String> {
        if count > MOST {
            return Err("Too many fields".into());
        }
        self.split();
        self.fields.resize(count, Value::Input(Text::from(&b""[..])));
        self.is_stale = true;
        Ok(())
    }
}
