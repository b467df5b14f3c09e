//! One expected line as a pattern for an actual line. Knows nothing of tables or of other lines.

use regex::Regex;

use super::bindings::{Bindings, Check};
use super::token::{Class, Token, tokens};
use crate::lab::plan::Mode;

/// A value on a line and what stood in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub class: Class,
    pub expected: String,
    pub actual: String,
}

/// How a line compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineMatch {
    /// The values that were compared; `volatile` if any differs.
    Yes {
        pairs: Vec<Pair>,
        volatile: bool,
    },
    /// Of the same form, but a value is wrong; says why.
    Value {
        pairs: Vec<Pair>,
        why: String,
    },
    /// Only blanks differ.
    Blanks,
    No,
}

/// An expected line, ready to be compared with many.
#[derive(Debug)]
pub struct LinePattern {
    text: String,
    variants: Vec<Variant>,
    /// Why the author's regular expression is none.
    broken: Option<String>,
}

#[derive(Debug)]
struct Variant {
    text: String,
    tokens: Vec<Token>,
    /// None where equality is all there is to it.
    regex: Option<Regex>,
}

impl LinePattern {
    /// Prepares a line. `loose` lets any blanks stand for any others, as in a table's cell.
    pub fn new(text: &str, mode: Mode, loose: bool, bindings: &Bindings) -> LinePattern {
        let text = text.trim_end().to_owned();
        let mut broken = None;
        let mut author = |pattern: String| match Regex::new(&pattern) {
            Ok(regex) => Some(regex),
            Err(e) => {
                broken = Some(format!("this is no regular expression: {}", e.to_string().lines().last().unwrap_or_default().trim()));
                None
            }
        };
        let variants = match mode {
            Mode::Exact => vec![Variant { text: text.clone(), tokens: Vec::new(), regex: None }],
            Mode::Glob => vec![Variant { text: text.clone(), tokens: Vec::new(), regex: glob(&text) }],
            Mode::Regex => vec![Variant { text: text.clone(), tokens: Vec::new(), regex: author(format!("^(?:{text})$")) }],
            Mode::Meaning => readings(&text).into_iter().map(|t| Variant::new(t, loose, bindings)).collect(),
        };
        LinePattern { text, variants, broken }
    }

    /// The line as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compares with an actual line without trailing blanks.
    pub fn compare(&self, actual: &str, bindings: &Bindings) -> LineMatch {
        let mut best = LineMatch::No;
        for variant in &self.variants {
            match variant.compare(actual, bindings) {
                LineMatch::No => {}
                yes @ LineMatch::Yes { .. } => return yes,
                value => best = value,
            }
        }
        if let (LineMatch::No, Some(why)) = (&best, &self.broken) {
            return LineMatch::Value { pairs: Vec::new(), why: why.clone() };
        }
        if best == LineMatch::No && squeeze(&self.text) == squeeze(actual) {
            return LineMatch::Blanks;
        }
        best
    }
}

/// How a line on a slide may be meant: as it is, without the `*` that marks it, without the backquotes that highlight a part of it.
fn readings(text: &str) -> Vec<String> {
    let mut readings = vec![text.to_owned()];
    if let Some(rest) = text.strip_prefix('*') {
        readings.push(rest.strip_prefix(' ').map_or(rest.to_owned(), |r| format!("  {r}")));
        readings.push(rest.strip_prefix(' ').unwrap_or(rest).to_owned());
    }
    if text.bytes().filter(|b| *b == b'`').count() >= 2 {
        readings.push(text.replace('`', ""));
    }
    readings.dedup();
    readings
}

impl Variant {
    fn new(text: String, loose: bool, bindings: &Bindings) -> Variant {
        let tokens = tokens(&text, &|word| bindings.knows_id(word));
        let literal = tokens.iter().all(|t| t.class == Class::Literal);
        let regex = (!literal || loose || text.contains(['\t', ' '])).then(|| pattern(&tokens, loose)).and_then(|p| Regex::new(&p).ok());
        Variant { text, tokens, regex }
    }

    fn compare(&self, actual: &str, bindings: &Bindings) -> LineMatch {
        let Some(regex) = &self.regex else {
            return if self.text == actual { LineMatch::Yes { pairs: Vec::new(), volatile: false } } else { LineMatch::No };
        };
        let Some(found) = regex.captures(actual) else {
            // A line is always itself, whatever its words would mean elsewhere.
            return if self.text == actual { LineMatch::Yes { pairs: Vec::new(), volatile: false } } else { LineMatch::No };
        };
        let values = self.tokens.iter().filter(|t| !matches!(t.class, Class::Literal | Class::Wild));
        let pairs: Vec<Pair> = values
            .zip(found.iter().skip(1).flatten())
            .map(|(token, value)| Pair { class: token.class.clone(), expected: token.text.clone(), actual: value.as_str().to_owned() })
            .collect();
        judge(pairs, bindings)
    }
}

/// Compares values one by one.
pub(super) fn judge(pairs: Vec<Pair>, bindings: &Bindings) -> LineMatch {
    let mut volatile = false;
    for pair in &pairs {
        match bindings.check(&pair.class, &pair.expected, &pair.actual) {
            Check::Same => {}
            Check::Volatile => volatile = true,
            Check::Wrong(why) => return LineMatch::Value { pairs, why },
        }
    }
    LineMatch::Yes { pairs, volatile }
}

/// A regular expression for a whole line, with a group for each value.
fn pattern(tokens: &[Token], loose: bool) -> String {
    let mut pattern = String::from("^");
    for (i, token) in tokens.iter().enumerate() {
        match token.class {
            Class::Literal => {
                let before = i > 0 && tokens[i - 1].class != Class::Wild;
                let after = i + 1 < tokens.len() && tokens[i + 1].class != Class::Wild;
                literal(&mut pattern, &token.text, loose, before, after);
            }
            Class::Wild => pattern.push_str(".*"),
            _ => {
                pattern.push('(');
                pattern.push_str(&token.class.pattern(&token.text));
                pattern.push(')');
            }
        }
    }
    pattern.push_str("[ \t]*$");
    pattern
}

/// Literal text. Blanks next to a value give way, since values have other widths; a run of blanks may be a tab.
fn literal(pattern: &mut String, text: &str, loose: bool, value_before: bool, value_after: bool) {
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() {
        let blank = rest.starts_with([' ', '\t']);
        let end = rest.find(|c| (c == ' ' || c == '\t') != blank).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let next_to_value = first && value_before || after.is_empty() && value_after;
        match (blank, loose || next_to_value) {
            (false, _) => pattern.push_str(&regex::escape(piece)),
            // At the start of a line a right-aligned value may need none.
            (true, true) if pattern.len() == 1 => pattern.push_str("[ \t]*"),
            (true, true) => pattern.push_str("[ \t]+"),
            (true, false) if piece == " " => pattern.push_str("[ \t]"),
            (true, false) => pattern.push_str(&format!("(?:{}| *\t[ \t]*)", regex::escape(piece))),
        }
        first = false;
        rest = after;
    }
}

/// `*` and `?` within a line; a backslash takes their meaning away.
fn glob(text: &str) -> Option<Regex> {
    let mut pattern = String::from("^");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '\\' => match chars.next() {
                Some(c @ ('*' | '?' | '\\')) => pattern.push_str(&regex::escape(&c.to_string())),
                Some(c) => pattern.push_str(&regex::escape(&format!("\\{c}"))),
                None => pattern.push_str(r"\\"),
            },
            c => pattern.push_str(&regex::escape(&c.to_string())),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).ok()
}

/// A line's words, one blank apart.
pub(super) fn squeeze(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(expected: &str, actual: &str) -> LineMatch {
        let bindings = Bindings::default();
        LinePattern::new(expected, Mode::Meaning, false, &bindings).compare(actual, &bindings)
    }

    fn matches(expected: &str, actual: &str) -> bool {
        matches!(compare(expected, actual), LineMatch::Yes { .. })
    }

    #[test]
    fn meaning() {
        assert!(matches("hello world", "hello world"));
        assert!(!matches("hello world", "hello word"));
        assert!(matches("created 2 weeks ago, 188 MB", "created 3 days ago, 74.8MB"));
        assert!(!matches("created 2 weeks ago", "created never"));
        assert!(!matches("size 0B", "size 12MB"));
        assert!(matches("PING es (172.18.0.2) 56(84) bytes", "PING es (10.88.0.3) 56(84) bytes"));
        assert!(matches("-rw-r--r-- 1 root  188 MB f", "-rw-r--r-- 1 root    4 MB f"));
        assert!(matches("a ... z", "a b c z"));
        assert!(matches("Up ...", "Up 2 minutes (healthy)"));
        assert!(matches("0.0.0.0:`12345`->80/tcp", "0.0.0.0:32769->80/tcp"));
        assert!(!matches("0.0.0.0:8080->80/tcp", "0.0.0.0:8081->80/tcp"));
        assert!(matches("*hello", "hello"));
        assert!(matches("* main", "* main"));
        assert!(matches("CapInh: 0000", "CapInh:\t0000"));
        assert_eq!(compare("a  b", "a b"), LineMatch::Blanks);
        assert!(matches("(a+b)*[c] $x ^", "(a+b)*[c] $x ^"));
    }

    #[test]
    fn other_modes() {
        let bindings = Bindings::default();
        let yes = |mode, expected: &str, actual: &str| {
            matches!(LinePattern::new(expected, mode, false, &bindings).compare(actual, &bindings), LineMatch::Yes { .. })
        };
        assert!(yes(Mode::Glob, "a*c ?", "a bb c !"));
        assert!(!yes(Mode::Glob, r"a\*", "ab"));
        assert!(yes(Mode::Glob, r"a\*", "a*"));
        assert!(yes(Mode::Regex, r"\d+ files?", "12 files"));
        assert!(!yes(Mode::Regex, r"\d+", "x12"));
        assert!(yes(Mode::Regex, r"(", "("));
        assert!(!yes(Mode::Exact, "2 weeks ago", "3 weeks ago"));
        assert!(yes(Mode::Exact, "...", "..."));
    }
}
