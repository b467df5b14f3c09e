//! Cuts a template into text and the tokens of its actions, with their positions.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Text(String),
    Left,
    Right,
    /// `.Name`, without the dot.
    Field(String),
    Dot,
    /// `$name`, with the sign.
    Variable(String),
    /// A word: keyword, function, `true`, `nil`.
    Word(String),
    Quoted(String),
    Number(String),
    Char(char),
    Pipe,
    Comma,
    Declare,
    Assign,
    OpenParen,
    CloseParen,
    Space,
}

/// A token, where it starts (byte offset) and how it is spelt.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned {
    pub token: Token,
    pub at: usize,
}

/// Cuts `source`; an error is Go's text without the position's prefix, and the offset it belongs to.
pub fn lex(source: &str) -> Result<Vec<Spanned>, (usize, String)> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut trim_next = false;
    while at < source.len() {
        let open = source[at..].find("{{").map(|i| at + i);
        let end = open.unwrap_or(source.len());
        let mut text = &source[at..end];
        if trim_next {
            text = text.trim_start_matches(BLANK);
        }
        let Some(open) = open else {
            push_text(&mut out, text, at);
            break;
        };
        let mut inner = open + 2;
        if source[inner..].starts_with('-') && source[inner + 1..].starts_with(BLANK) {
            text = text.trim_end_matches(BLANK);
            inner += 1;
        }
        push_text(&mut out, text, at);
        let body = source[inner..].trim_start_matches(BLANK);
        if body.starts_with("/*") {
            let start = source.len() - body.len();
            let close = source[start..].find("*/").map(|i| start + i + 2).ok_or((open, "unclosed comment".to_owned()))?;
            let rest = source[close..].trim_start_matches(BLANK);
            let (rest, trim) = match rest.strip_prefix('-') {
                Some(r) => (r, true),
                None => (rest, false),
            };
            let rest = rest.strip_prefix("}}").ok_or((open, "comment ends before closing delimiter".to_owned()))?;
            at = source.len() - rest.len();
            trim_next = trim;
            continue;
        }
        out.push(Spanned { token: Token::Left, at: open });
        (at, trim_next) = action(source, inner, &mut out)?;
    }
    Ok(out)
}

const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

fn push_text(out: &mut Vec<Spanned>, text: &str, at: usize) {
    if !text.is_empty() {
        out.push(Spanned { token: Token::Text(text.to_owned()), at });
    }
}

/// Cuts one action from behind its `{{`; gives where the text goes on and whether its leading blanks go.
fn action(source: &str, mut at: usize, out: &mut Vec<Spanned>) -> Result<(usize, bool), (usize, String)> {
    let mut depth = 0usize;
    loop {
        let rest = &source[at..];
        if rest.starts_with("}}") {
            if depth > 0 {
                return Err((at, "unclosed left paren".to_owned()));
            }
            out.push(Spanned { token: Token::Right, at });
            return Ok((at + 2, false));
        }
        let blank = rest.len() - rest.trim_start_matches(BLANK).len();
        if blank > 0 {
            if rest[blank..].starts_with("-}}") {
                out.push(Spanned { token: Token::Right, at });
                return Ok((at + blank + 3, true));
            }
            out.push(Spanned { token: Token::Space, at });
            at += blank;
            continue;
        }
        let Some(first) = rest.chars().next() else {
            return Err((at, "unclosed action".to_owned()));
        };
        let second = rest[first.len_utf8()..].chars().next();
        let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            ':' if second == Some('=') => (Token::Declare, 2),
            ':' => return Err((at, "expected :=".to_owned())),
            '=' => (Token::Assign, 1),
            '(' => {
                depth += 1;
                (Token::OpenParen, 1)
            }
            ')' => {
                depth = depth.checked_sub(1).ok_or((at, "unexpected right paren".to_owned()))?;
                (Token::CloseParen, 1)
            }
            '"' => quoted(rest).ok_or((at, "unterminated quoted string".to_owned()))?,
            '`' => {
                let end = rest[1..].find('`').ok_or((at, "unterminated raw quoted string".to_owned()))?;
                (Token::Quoted(rest[1..=end].to_owned()), end + 2)
            }
            '\'' => {
                let (token, length) = char_constant(rest).ok_or((at, "unterminated character constant".to_owned()))?;
                (token, length)
            }
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => number(rest),
            '.' => match word(&rest[1..]) {
                0 => (Token::Dot, 1),
                n => (Token::Field(rest[1..=n].to_owned()), n + 1),
            },
            '$' => {
                let n = word(&rest[1..]);
                (Token::Variable(rest[..=n].to_owned()), n + 1)
            }
            c if c.is_ascii_digit() => number(rest),
            '+' | '-' if second.is_some_and(|c| c.is_ascii_digit() || c == '.') => number(rest),
            c if c.is_alphabetic() || c == '_' => {
                let n = word(rest);
                (Token::Word(rest[..n].to_owned()), n)
            }
            c => return Err((at, format!("unexpected {} in operand", go_char(c)))),
        };
        let ends_plainly = matches!(token, Token::Field(_) | Token::Dot | Token::Variable(_) | Token::Word(_));
        out.push(Spanned { token, at });
        at += length;
        if ends_plainly
            && let Some(next) = source[at..].chars().next()
            && !(BLANK.contains(&next) || matches!(next, '.' | ',' | '|' | ':' | '=' | ')' | '(') || source[at..].starts_with("}}"))
        {
            return Err((at, format!("bad character {}", go_char(next))));
        }
    }
}

fn go_char(c: char) -> String {
    if c.is_control() { format!("U+{:04X}", c as u32) } else { format!("U+{:04X} '{c}'", c as u32) }
}

fn number(rest: &str) -> (Token, usize) {
    let tail = rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_')).unwrap_or(rest.len() - 1);
    (Token::Number(rest[..=tail].to_owned()), tail + 1)
}

/// A quoted string, its escapes undone.
fn quoted(rest: &str) -> Option<(Token, usize)> {
    let mut value = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((i, c)) = letters.next() {
        match c {
            '"' => return Some((Token::Quoted(value), i + 1)),
            '\n' => return None,
            '\\' => value.push(escape(&mut letters)?),
            c => value.push(c),
        }
    }
    None
}

fn char_constant(rest: &str) -> Option<(Token, usize)> {
    let mut letters = rest.char_indices().skip(1);
    let c = match letters.next()?.1 {
        '\\' => escape(&mut letters)?,
        c => c,
    };
    let (i, close) = letters.next()?;
    (close == '\'').then_some((Token::Char(c), i + 1))
}

fn escape(letters: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    let hex = |letters: &mut dyn Iterator<Item = (usize, char)>, n: usize| {
        let digits: String = letters.take(n).map(|(_, c)| c).collect();
        u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
    };
    Some(match letters.next()?.1 {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'x' => hex(letters, 2)?,
        'u' => hex(letters, 4)?,
        'U' => hex(letters, 8)?,
        c @ ('"' | '\\' | '\'') => c,
        _ => return None,
    })
}
