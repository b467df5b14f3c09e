//! YAML and JSON into classes, with a lexer instead of a grammar of regular expressions. Never fails and never looks back: what is no
//! YAML is plain, and the time grows with the code.

use super::output::{COMMENT, Class, ESCAPE, KEYWORD, NAME, NUMBER, OPERATOR, Output, STRING, VARIABLE};

/// Whether a language, by the name at a fence, is read here.
pub(super) fn is(language: &str) -> bool {
    ["yaml", "yml", "compose", "json"].iter().any(|name| language.eq_ignore_ascii_case(name))
}

/// Writes the code: its text, escaped, in spans with classes.
pub(super) fn write(code: &str, out: &mut Output) {
    let mut lexer = Lexer { out, brackets: 0, quote: None, block: None };
    for line in code.split_inclusive('\n') {
        lexer.line(line);
    }
}

struct Lexer<'o> {
    out: &'o mut Output,
    /// How many `{` and `[` are open: in them `,` and brackets end a scalar.
    brackets: usize,
    /// A string that began on an earlier line.
    quote: Option<char>,
    /// The indent of the line that has `|` or `>` at its end: what is further in is text.
    block: Option<usize>,
}

impl Lexer<'_> {
    fn line(&mut self, line: &str) {
        let text = line.trim_end_matches(['\n', '\r']);
        let indent = text.len() - text.trim_start_matches(' ').len();
        if let Some(of) = self.block {
            if text.trim().is_empty() || indent > of {
                return self.out.push(STRING, line);
            }
            self.block = None;
        }
        let mut rest = text;
        if let Some(quote) = self.quote {
            rest = self.quoted(rest, quote, STRING);
        } else if self.brackets == 0 && indent == 0 {
            // A document begins or ends, or a directive says how.
            if text.starts_with('%') {
                return self.out.push(KEYWORD, line);
            }
            if let Some(mark) = ["---", "..."].into_iter().find(|mark| text.strip_prefix(mark).is_some_and(ends_word)) {
                self.out.push(OPERATOR, mark);
                rest = &text[mark.len()..];
            }
        }
        self.values(rest, parent(text));
        self.out.push(None, &line[text.len()..]);
    }

    /// What stands on one line, or on what is left of it. A block that begins here is further in than `parent`.
    fn values(&mut self, mut rest: &str, parent: usize) {
        let mut first = true;
        while let Some(next) = rest.chars().next() {
            let after = &rest[next.len_utf8()..];
            match next {
                ' ' | '\t' => {
                    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                    self.out.push(None, &rest[..blank]);
                    rest = &rest[blank..];
                    if rest.starts_with('#') {
                        return self.out.push(COMMENT, rest);
                    }
                }
                '#' if first => return self.out.push(COMMENT, rest),
                '-' | '?' if ends_word(after) && self.brackets == 0 => rest = self.take(rest, 1, OPERATOR),
                ':' => rest = self.take(rest, 1, OPERATOR),
                '{' | '[' => {
                    self.brackets += 1;
                    rest = self.take(rest, 1, OPERATOR);
                }
                '}' | ']' | ',' if self.brackets > 0 => {
                    self.brackets -= usize::from(next != ',');
                    rest = self.take(rest, 1, OPERATOR);
                }
                '"' | '\'' => {
                    let class = if is_key(string_end(after, next).map_or("", |end| &after[end..])) { NAME } else { STRING };
                    self.out.push(class, &rest[..1]);
                    rest = self.quoted(after, next, class);
                }
                '&' | '*' if !ends_word(after) => rest = self.take(rest, word(rest), VARIABLE),
                '!' => rest = self.take(rest, word(rest), KEYWORD),
                '|' | '>' if self.brackets == 0 && is_header(after) => {
                    let header = word(rest);
                    rest = self.take(rest, header, KEYWORD);
                    self.block = Some(parent);
                }
                _ => rest = self.plain(rest),
            }
            first = false;
        }
    }

    /// A scalar without quotes: a key, a number, a word that stands for a value, or text.
    fn plain<'t>(&mut self, rest: &'t str) -> &'t str {
        let bytes = rest.as_bytes();
        let ends = |at: usize| match bytes[at] {
            b':' => bytes.get(at + 1).is_none_or(|next| b" \t".contains(next) || self.brackets > 0 && b",[]{}".contains(next)),
            b'#' => at > 0 && b" \t".contains(&bytes[at - 1]),
            b',' | b'[' | b']' | b'{' | b'}' => self.brackets > 0,
            _ => false,
        };
        let end = (0..bytes.len()).find(|&at| ends(at)).unwrap_or(bytes.len());
        let text = rest[..end].trim_end();
        // One character at least, or nothing would ever be taken.
        let end = if text.is_empty() { rest.chars().next().map_or(0, char::len_utf8) } else { text.len() };
        let class = match text {
            _ if bytes.get(end..).is_some_and(|after| after.trim_ascii_start().starts_with(b":")) => NAME,
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "~" | "True" | "False" | "Yes" | "No" | "On" | "Off" | "Null"
            | "TRUE" | "FALSE" | "NULL" => NUMBER,
            "<<" => OPERATOR,
            _ if is_number(text) => NUMBER,
            _ => STRING,
        };
        self.take(rest, end, class)
    }

    /// The rest of a string, to its end or to that of the line. What follows is given back.
    fn quoted<'t>(&mut self, rest: &'t str, quote: char, class: Class) -> &'t str {
        let end = string_end(rest, quote);
        self.quote = end.is_none().then_some(quote);
        let mut text = &rest[..end.unwrap_or(rest.len())];
        while quote == '"'
            && let Some(at) = text.find('\\')
        {
            self.out.push(class, &text[..at]);
            let bytes = 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
            self.out.push(ESCAPE, &text[at..at + bytes]);
            text = &text[at + bytes..];
        }
        self.out.push(class, text);
        &rest[end.unwrap_or(rest.len())..]
    }

    fn take<'t>(&mut self, rest: &'t str, bytes: usize, class: Class) -> &'t str {
        self.out.push(class, &rest[..bytes]);
        &rest[bytes..]
    }
}

/// Where a string ends, after its closing quote; in the text after the opening one.
fn string_end(text: &str, quote: char) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == '"' => at += 1,
            b'\'' if quote == '\'' && bytes.get(at + 1) == Some(&b'\'') => at += 1,
            _ if char::from(byte) == quote => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether what follows a string makes it a key.
fn is_key(after: &str) -> bool {
    after.trim_start_matches([' ', '\t']).strip_prefix(':').is_some()
}

/// The column of what a block on this line would belong to: a key, or the dash before it.
fn parent(text: &str) -> usize {
    let column = |rest: &str| text.len() - rest.len();
    let mut rest = text.trim_start_matches(' ');
    let mut parent = column(rest);
    while let Some(after) = rest.strip_prefix("- ") {
        rest = after.trim_start_matches(' ');
        if rest.starts_with(['|', '>']) {
            break;
        }
        parent = column(rest);
    }
    parent
}

/// Whether what follows `|` or `>` makes it the header of a block.
fn is_header(after: &str) -> bool {
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    rest.trim_start().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
}

fn ends_word(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([' ', '\t'])
}

/// The bytes up to what ends an anchor, an alias, a tag or the header of a block.
fn word(rest: &str) -> usize {
    rest.find([' ', '\t', ',', ']', '}']).unwrap_or(rest.len())
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (digits.parse::<f64>().is_ok()
            || digits.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            || digits.strip_prefix("0o").is_some_and(|octal| octal.bytes().all(|byte| (b'0'..=b'7').contains(&byte))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::spans_of;
    use super::*;

    fn mark_up(code: &str) -> String {
        Output::of(code, write)
    }

    fn spans(code: &str) -> String {
        spans_of(&mark_up(code))
    }

    #[test]
    fn keys_and_values() {
        assert_eq!(
            spans("version: \"3\"\nservices:\n  web: nginx:1.2 # x"),
            "t:version o:: s:\"3\" t:services o:: t:web o:: s:nginx:1.2 c:# x"
        );
        assert_eq!(spans("- 80:8000\n- a b: 1.5\n-  - true"), "o:- s:80:8000 o:- t:a b o:: n:1.5 o:-  - n:true");
        assert_eq!(spans("a: &x b\nc: *x\nd: !!str 1\n<<: *x"), "t:a o:: v:&x s:b t:c o:: v:*x t:d o:: k:!!str n:1 t:<< o:: v:*x");
        assert_eq!(spans("a: x#y\nb: -\n# c\n---\n%TAG"), "t:a o:: s:x#y t:b o:: - c:# c o:--- k:%TAG");
    }

    #[test]
    fn strings_over_lines_and_blocks() {
        assert_eq!(spans("a: \"x\n  y\\n\"\nb: 'it''s'"), "t:a o:: s:\"x s:y e:\\n s:\" t:b o:: s:'it''s'");
        assert_eq!(spans("a: |-\n  b: c\n\n  # d\ne: >\n f\ng: 1"), "t:a o:: k:|- s:b: c s:# d t:e o:: k:> s:f t:g o:: n:1");
        assert_eq!(spans("- x: |\n    y\n  z: 1"), "o:- t:x o:: k:| s:y t:z o:: n:1");
        assert_eq!(spans("- |\n  y: z\n- - >\n   x\n"), "o:- k:| s:y: z o:- - k:> s:x");
    }

    #[test]
    fn brackets_and_json() {
        assert_eq!(spans("{a: [b, 1], c: d}"), "o:{ t:a o:: [ s:b o:, n:1 o:], t:c o:: s:d o:}");
        assert_eq!(
            spans("{\n  \"a\": \"b\",\n  \"c\": [null, -1e3]\n}"),
            "o:{ t:\"a\" o:: s:\"b\" o:, t:\"c\" o:: [ n:null o:, n:-1e3 o:] o:}"
        );
    }
}
