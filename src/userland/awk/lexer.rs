//! A program's text as tokens.

use super::value::{Text, leading_number};

/// The functions that are awk's own: name, fewest and most arguments.
pub const BUILTINS: &[(&str, Builtin, usize, usize)] = &[
    ("and", Builtin::And, 2, 2),
    ("atan2", Builtin::Atan2, 2, 2),
    ("close", Builtin::Close, 1, 1),
    ("compl", Builtin::Compl, 1, 1),
    ("cos", Builtin::Cos, 1, 1),
    ("exp", Builtin::Exp, 1, 1),
    ("fflush", Builtin::Fflush, 0, 1),
    ("gensub", Builtin::Gensub, 3, 4),
    ("gsub", Builtin::Gsub, 2, 3),
    ("index", Builtin::Index, 2, 2),
    ("int", Builtin::Int, 1, 1),
    ("length", Builtin::Length, 0, 1),
    ("log", Builtin::Log, 1, 1),
    ("lshift", Builtin::Lshift, 2, 2),
    ("match", Builtin::Match, 2, 2),
    ("mktime", Builtin::Mktime, 1, 1),
    ("or", Builtin::Or, 2, 2),
    ("rand", Builtin::Rand, 0, 0),
    ("rshift", Builtin::Rshift, 2, 2),
    ("sin", Builtin::Sin, 1, 1),
    ("split", Builtin::Split, 2, 3),
    ("sprintf", Builtin::Sprintf, 1, usize::MAX),
    ("sqrt", Builtin::Sqrt, 1, 1),
    ("srand", Builtin::Srand, 0, 1),
    ("strftime", Builtin::Strftime, 0, 2),
    ("sub", Builtin::Sub, 2, 3),
    ("substr", Builtin::Substr, 2, 3),
    ("system", Builtin::System, 1, 1),
    ("systime", Builtin::Systime, 0, 0),
    ("tolower", Builtin::Tolower, 1, 1),
    ("toupper", Builtin::Toupper, 1, 1),
    ("xor", Builtin::Xor, 2, 2),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    And,
    Atan2,
    Close,
    Compl,
    Cos,
    Exp,
    Fflush,
    Gensub,
    Gsub,
    Index,
    Int,
    Length,
    Log,
    Lshift,
    Match,
    Mktime,
    Or,
    Rand,
    Rshift,
    Sin,
    Split,
    Sprintf,
    Sqrt,
    Srand,
    Strftime,
    Sub,
    Substr,
    System,
    Systime,
    Tolower,
    Toupper,
    Xor,
}

const WORDS: &[&str] = &[
    "BEGIN", "END", "function", "if", "else", "while", "for", "do", "break", "continue", "next", "nextfile", "exit", "return", "delete",
    "in", "getline", "print", "printf",
];

/// The longer before those that they begin with.
const SIGNS: &[&str] = &[
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "**", "==", "<=", ">=", "!=", "!~", ">>", "{", "}", "(", ")", "[",
    "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "=",
];

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Number(f64),
    Text(Text),
    /// A regular expression between slashes.
    Pattern(Vec<u8>),
    Name(String),
    /// A name with its bracket right behind it.
    Call(String),
    Builtin(Builtin),
    /// Words of the language and signs; a line's end is `"\n"`, the program's is `""`.
    Sign(&'static str),
}

/// Something wrong with a program, and its line; 0 where that says nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub line: u32,
    pub text: String,
}

pub const UNEXPECTED: &str = "Unexpected token";
const UNENDED: &str = "Unexpected end of string";

/// The tokens of a program with their lines; the last is its end.
pub fn tokens(source: &[u8]) -> Result<Vec<(Token, u32)>, Fault> {
    let mut lexer = Lexer { source, at: 0, line: 1, ends_operand: false };
    let mut out = vec![];
    loop {
        let token = lexer.next()?;
        let is_end = token == Token::Sign("");
        out.push((token, lexer.line));
        if is_end {
            return Ok(out);
        }
        if out.last().is_some_and(|(token, _)| *token == Token::Sign("\n")) {
            lexer.line += 1;
        }
    }
}

struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    line: u32,
    /// Whether what came last is something that can be divided: then a slash divides.
    ends_operand: bool,
}

impl Lexer<'_> {
    fn fault<T>(&self, text: &'static str) -> Result<T, Fault> {
        Err(Fault { line: self.line, text: text.into() })
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Result<Token, Fault> {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == b'\n' => {
                    self.at += 2;
                    self.line += 1;
                }
                b'\\' if self.peek(1) == b'\r' && self.peek(2) == b'\n' => {
                    self.at += 3;
                    self.line += 1;
                }
                b'#' => self.at += self.source[self.at..].iter().position(|byte| *byte == b'\n').unwrap_or(self.source.len() - self.at),
                _ => break,
            }
        }
        let token = self.token()?;
        self.ends_operand = match &token {
            Token::Number(_) | Token::Text(_) | Token::Pattern(_) | Token::Name(_) => true,
            // `length / 2` divides, for it needs no brackets; the others are followed by some.
            Token::Builtin(_) => true,
            Token::Sign(sign) => matches!(*sign, ")" | "]" | "$" | "++" | "--"),
            Token::Call(_) => false,
        };
        Ok(token)
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let Some(&first) = self.source.get(self.at) else { return Ok(Token::Sign("")) };
        match first {
            b'\n' => {
                self.at += 1;
                Ok(Token::Sign("\n"))
            }
            b'"' => self.text(),
            b'/' if !self.ends_operand => self.pattern(),
            b'0'..=b'9' => Ok(self.number()),
            b'.' if self.peek(1).is_ascii_digit() => Ok(self.number()),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => Ok(self.word()),
            _ => match SIGNS.iter().find(|sign| self.source[self.at..].starts_with(sign.as_bytes())) {
                Some(sign) => {
                    self.at += sign.len();
                    Ok(Token::Sign(sign))
                }
                None => self.fault(UNEXPECTED),
            },
        }
    }

    fn word(&mut self) -> Token {
        let length = self.source[self.at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let word = String::from_utf8_lossy(&self.source[self.at..self.at + length]).into_owned();
        self.at += length;
        if let Some(known) = WORDS.iter().find(|known| **known == word) {
            return Token::Sign(known);
        }
        if word == "func" {
            return Token::Sign("function");
        }
        if let Some((_, builtin, ..)) = BUILTINS.iter().find(|(name, ..)| *name == word) {
            return Token::Builtin(*builtin);
        }
        if self.peek(0) == b'(' { Token::Call(word) } else { Token::Name(word) }
    }

    /// In a program, other than in data, numbers may be octal.
    fn number(&mut self) -> Token {
        let rest = &self.source[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_octal = digits > 1
            && rest[0] == b'0'
            && rest[..digits].iter().all(|byte| *byte < b'8')
            && !matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
        if is_octal {
            self.at += digits;
            return Token::Number(rest[..digits].iter().fold(0.0, |sum, digit| sum * 8.0 + f64::from(digit - b'0')));
        }
        let (number, length) = leading_number(rest);
        self.at += length.max(1);
        Token::Number(number)
    }

    fn text(&mut self) -> Result<Token, Fault> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.source.get(self.at) {
                None | Some(b'\n') => return self.fault(UNENDED),
                Some(b'"') => break,
                Some(b'\\') => {
                    self.line += u32::from(self.peek(1) == b'\n');
                    self.at += 2;
                }
                Some(_) => self.at += 1,
            }
        }
        let text = unescape(&self.source[start..self.at], false);
        self.at += 1;
        Ok(Token::Text(Text::from(text)))
    }

    fn pattern(&mut self) -> Result<Token, Fault> {
        self.at += 1;
        let start = self.at;
        let mut in_set = false;
        loop {
            match self.source.get(self.at) {
                None | Some(b'\n') => return self.fault(UNENDED),
                Some(b'/') if !in_set => break,
                Some(b'\\') => self.at += 1,
                // A bracket right at the beginning of a set is one of its characters; so is a slash in a set that is closed.
                Some(b'[') if !in_set => {
                    let skip = 1 + usize::from(self.peek(1) == b'^');
                    let first = self.at + skip;
                    let rest = self.source.get(first + 1..).unwrap_or_default();
                    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
                    in_set = line.iter().position(|byte| *byte == b']').is_some_and(|end| line[end..].contains(&b'/'));
                    self.at += skip - usize::from(self.source.get(first) != Some(&b']'));
                }
                Some(b'[') if matches!(self.peek(1), b':' | b'.' | b'=') => {
                    let kind = self.peek(1);
                    let rest = self.source.get(self.at + 2..).unwrap_or_default();
                    if let Some(end) = rest.windows(2).position(|pair| pair == [kind, b']']) {
                        self.at += end + 3;
                    }
                }
                Some(b']') => in_set = false,
                Some(_) => {}
            }
            self.at += 1;
        }
        let end = self.at.min(self.source.len());
        let pattern = unescape(&self.source[start..end], true);
        self.at += 1;
        Ok(Token::Pattern(pattern))
    }
}

/// What is meant by the backslashes in a text; of a regular expression those stay that are its own affair.
pub fn unescape(text: &[u8], is_pattern: bool) -> Vec<u8> {
    let (mut out, mut at) = (vec![], 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        let Some(&next) = text.get(at).filter(|_| byte == b'\\') else {
            out.push(byte);
            continue;
        };
        at += 1;
        match next {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' if !is_pattern => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'"' | b'/' => out.push(next),
            b'\\' => out.extend_from_slice(if is_pattern { b"\\\\" } else { b"\\" }),
            b'\n' => {}
            b'0'..=b'7' => {
                let length = text[at - 1..].iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                out.push(text[at - 1..at - 1 + length].iter().fold(0_u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                at += length - 1;
            }
            b'x' if text.get(at).is_some_and(u8::is_ascii_hexdigit) => {
                let length = text[at..].iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let digits = text[at..at + length].iter();
                out.push(digits.fold(0, |sum: u8, digit| sum * 16 + char::from(*digit).to_digit(16).unwrap_or(0) as u8));
                at += length;
            }
            other if is_pattern => out.extend([b'\\', other]),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(source: &str) -> Vec<Token> {
        tokens(source.as_bytes()).unwrap_or_default().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn a_slash_divides_or_begins_a_pattern() {
        assert_eq!(signs("a / b / c").iter().filter(|token| **token == Token::Sign("/")).count(), 2);
        assert_eq!(signs("x ~ /[/]a\\/b/")[2], Token::Pattern(b"[/]a/b".to_vec()));
        assert_eq!(signs("/[]/]x/")[0], Token::Pattern(b"[]/]x".to_vec()));
        assert_eq!(signs("a /= 2")[1], Token::Sign("/="));
        assert_eq!(tokens(b"\n /x"), Err(Fault { line: 2, text: UNENDED.into() }));
        assert_eq!(tokens(b"/\\"), Err(Fault { line: 1, text: UNENDED.into() }));
    }

    #[test]
    fn backslashes_in_texts_mean_what_they_mean_in_c() {
        assert_eq!(unescape(br#"\t\"\/\\\101\x41z\q"#, false), b"\t\"/\\AAzq");
        assert_eq!(unescape(br"\.\\\t", true), b"\\.\\\\\t");
        assert_eq!(unescape(b"\\", false), b"\\");
        assert_eq!(tokens(b"\"a\\"), Err(Fault { line: 1, text: UNENDED.into() }));
    }
}
