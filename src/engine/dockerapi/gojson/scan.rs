//! JSON's syntax as Go's decoder sees it: where the first value of a text ends, or what is wrong with it, in Go's words.

/// As deep as Go reads.
const DEPTH: usize = 10_000;

/// Why there is no value.
#[derive(Debug, PartialEq)]
pub enum Fault {
    /// Nothing but space.
    Empty,
    /// Go's words for the rest.
    Wrong(String),
}

/// The end of the first value.
pub fn first_value(bytes: &[u8]) -> Result<usize, Fault> {
    let mut text = Cursor { bytes, at: 0 };
    if text.past_space().is_none() {
        return Err(Fault::Empty);
    }
    let mut open = Vec::new();
    loop {
        if open.len() > DEPTH {
            return Err(Fault::Wrong("exceeded max depth".to_owned()));
        }
        if !text.value(&mut open)? {
            continue;
        }
        // A value has ended, and with it perhaps what it is in.
        loop {
            let Some(kind) = open.last() else { return Ok(text.at) };
            match (kind, text.due()?) {
                (b'{', b',') => {
                    text.at += 1;
                    text.key()?;
                    break;
                }
                (b'[', b',') => {
                    text.at += 1;
                    break;
                }
                (b'{', b'}') | (b'[', b']') => {
                    text.at += 1;
                    open.pop();
                }
                (b'{', _) => return Err(text.wrong("after object key:value pair")),
                _ => return Err(text.wrong("after array element")),
            }
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn past_space(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    /// The next byte that is no space; there must be one.
    fn due(&mut self) -> Result<u8, Fault> {
        self.past_space().ok_or_else(cut)
    }

    /// The byte here is not what belongs here.
    fn wrong(&self, context: &str) -> Fault {
        let found = self.peek().map_or_else(String::new, quoted);
        Fault::Wrong(format!("invalid character {found} {context}"))
    }

    /// Takes the byte here if it is one of these.
    fn take(&mut self, wanted: impl Fn(u8) -> bool, context: &str) -> Result<(), Fault> {
        match self.peek() {
            None => Err(cut()),
            Some(byte) if wanted(byte) => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.wrong(context)),
        }
    }

    /// Reads a value, or the beginning of one with others in it; the answer is whether it has ended.
    fn value(&mut self, open: &mut Vec<u8>) -> Result<bool, Fault> {
        match self.due()? {
            kind @ (b'{' | b'[') => {
                self.at += 1;
                if self.due()? == kind + 2 {
                    self.at += 1;
                    return Ok(true);
                }
                if kind == b'{' {
                    self.key()?;
                }
                open.push(kind);
                return Ok(false);
            }
            b'"' => self.string()?,
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => return Err(self.wrong("looking for beginning of value")),
        }
        Ok(true)
    }

    /// A field's name and the colon.
    fn key(&mut self) -> Result<(), Fault> {
        if self.due()? != b'"' {
            return Err(self.wrong("looking for beginning of object key string"));
        }
        self.string()?;
        self.due()?;
        self.take(|byte| byte == b':', "after object key")
    }

    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.take(|byte| byte >= b' ', "in string literal")?;
            match self.bytes[self.at - 1] {
                b'"' => return Ok(()),
                b'\\' => {
                    self.take(|byte| b"bfnrt\\/\"u".contains(&byte), "in string escape code")?;
                    if self.bytes[self.at - 1] == b'u' {
                        for _ in 0..4 {
                            self.take(|byte| byte.is_ascii_hexdigit(), "in \\u hexadecimal character escape")?;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        self.take(|byte| byte.is_ascii_digit(), "in numeric literal")?;
        if !zero {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.take(|byte| byte.is_ascii_digit(), "after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.take(|byte| byte.is_ascii_digit(), "in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        for wanted in word.bytes() {
            self.take(|byte| byte == wanted, &format!("in literal {word} (expecting '{}')", char::from(wanted)))?;
        }
        Ok(())
    }
}

fn cut() -> Fault {
    Fault::Wrong("unexpected EOF".to_owned())
}

/// A byte as Go quotes it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        0x07 => "'\\a'".to_owned(),
        0x08 => "'\\b'".to_owned(),
        0x0b => "'\\v'".to_owned(),
        0x0c => "'\\f'".to_owned(),
        b'\n' | b'\r' | b'\t' | b'\\' => format!("'{}'", byte.escape_ascii()),
        0x00..=0x1f | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        other => format!("'{}'", char::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_ends_where_it_ends() {
        for (text, end) in [(" {} x", 3), ("[1,[2,{\"a\":null}]]]", 18), ("\"a\\u00e9\"", 9), ("-1.5e+3,", 7), ("true", 4), ("01", 1)] {
            assert_eq!(first_value(text.as_bytes()), Ok(end), "{text}");
        }
        assert_eq!(first_value(b" \n"), Err(Fault::Empty));
    }

    #[test]
    fn faults_are_told_in_gos_words() {
        for (text, words) in [
            ("{invalid json", "invalid character 'i' looking for beginning of object key string"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u00g0\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("{\"a\":-x}", "invalid character 'x' in numeric literal"),
            ("[1.]", "invalid character ']' after decimal point in numeric literal"),
            ("[1e]", "invalid character ']' in exponent of numeric literal"),
            ("trve", "invalid character 'v' in literal true (expecting 'u')"),
            ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
            ("{\"a\":\"b", "unexpected EOF"),
            ("[", "unexpected EOF"),
            ("\u{e9}", "invalid character 'Ã' looking for beginning of value"),
        ] {
            assert_eq!(first_value(text.as_bytes()), Err(Fault::Wrong(words.to_owned())), "{text}");
        }
        let deep = "[".repeat(20_000);
        assert_eq!(first_value(deep.as_bytes()), Err(Fault::Wrong("exceeded max depth".to_owned())));
    }
}
