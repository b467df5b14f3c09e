//! The main input: the files that `ARGV` names, one after the other, and the assignments among them.

use super::{
    ast::{self, Slot},
    interp::{Interp, Run, Stop},
    lexer::unescape,
    streams::Reader,
    value::{Cell, Text, Value},
};

/// How far the main input is.
#[derive(Default)]
pub struct Input {
    reader: Option<Reader>,
    /// The next argument to look at.
    next: usize,
    /// Whether any argument was a file: else the standard input is read.
    had_file: bool,
    is_over: bool,
}

impl Input {
    /// Leaves the file that is being read.
    pub fn leave(&mut self) {
        self.reader = None;
    }
}

impl Interp<'_> {
    /// The next record of the main input.
    pub fn next_record(&mut self) -> Run<Option<Vec<u8>>> {
        loop {
            if let Some(reader) = &mut self.input.reader {
                let read = reader.record(&self.separator).map_err(|error| Stop::Fatal(crate::units::c_words(&error)))?;
                if read.is_some() {
                    return Ok(read);
                }
                self.input.leave();
            }
            if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    /// Opens the next file. False when there is none.
    fn open_next(&mut self) -> Run<bool> {
        while !self.input.is_over {
            self.input.next += 1;
            if self.input.next as f64 >= self.global(ast::ARGC).number() {
                self.input.is_over = true;
                return if self.input.had_file { Ok(false) } else { self.open(b"-") };
            }
            let key = Text::from(self.input.next.to_string().into_bytes());
            let argument = self.array(Slot::Global(ast::ARGV)).borrow().get(&key).map(|value| value.to_text(b"%.6g"));
            let Some(argument) = argument.filter(|argument| !argument.is_empty()) else { continue };
            if !self.assign(&argument)? {
                return self.open(&argument);
            }
        }
        Ok(false)
    }

    fn open(&mut self, name: &[u8]) -> Run<bool> {
        self.input.had_file = true;
        let reader = Reader::open(name)
            .map_err(|error| Stop::Plain(format!("{}: {}", String::from_utf8_lossy(name), crate::units::c_words(&error))))?;
        self.input.reader = Some(reader);
        self.globals[ast::FILENAME] = Cell::Scalar(Value::text(name));
        self.globals[ast::FNR] = Cell::Scalar(Value::Number(0.0));
        Ok(true)
    }

    /// Does what `name=value` says; false where it is none. A variable that the program does not know of needs no value.
    pub fn assign(&mut self, argument: &[u8]) -> Run<bool> {
        let Some(equals) = argument.iter().position(|byte| *byte == b'=') else { return Ok(false) };
        let (name, value) = (&argument[..equals], &argument[equals + 1..]);
        let is_name = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            && name.first().is_some_and(|byte| !byte.is_ascii_digit());
        if !is_name {
            return Ok(false);
        }
        if let Some(slot) = self.program.globals.iter().position(|global| global.as_bytes() == name) {
            self.set(Slot::Global(slot), Value::input(&unescape(value, false)))?;
        }
        Ok(true)
    }
}
