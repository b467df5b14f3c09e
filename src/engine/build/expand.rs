//! Variables and quotes in a Dockerfile's words: `$NAME`, `${NAME}` with the modifiers `:- - :+ + :? ? # ## % %% / //`.
//!
//! Takes any text in time that grows with it; nesting is bounded. Runs nothing.

use crate::units::quote;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::Chars;

/// As deep as `${a:-${b:-…}}` may be nested.
const DEPTH_MAX: usize = 64;

/// What escapes in here-documents, whatever the Dockerfile says.
const HEREDOC_ESCAPE: char = '\\';

/// The variables that are set.
pub type Variables = BTreeMap<String, String>;

/// The variables of `NAME=value` entries; of several with one name the last counts.
pub fn variables<'a>(entries: impl IntoIterator<Item = &'a String>) -> Variables {
    entries.into_iter().map(|entry| entry.split_once('=').unwrap_or((entry, ""))).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// `word` with its variables replaced, without its quotes.
pub fn word(word: &str, variables: &Variables, escape: char) -> Result<String, String> {
    run(word, variables, escape, false).map(|(text, _)| text)
}

/// `text` with its variables replaced but its quotes kept: the content of a here-document.
pub fn text(text: &str, variables: &Variables) -> Result<String, String> {
    run(text, variables, HEREDOC_ESCAPE, true).map(|(text, _)| text)
}

/// The words that `word` becomes: split by blanks outside of quotes after variables are replaced.
pub fn words(word: &str, variables: &Variables, escape: char) -> Result<Vec<String>, String> {
    run(word, variables, escape, false).map(|(_, words)| words)
}

/// The variables of `word` that are not set, as far as it makes sense.
pub fn missing(word: &str, variables: &Variables, escape: char) -> BTreeSet<String> {
    let mut expansion = Expansion::of(word, variables, escape, false);
    let _ = expansion.until(None, false, &mut Words::default());
    expansion.missing
}

/// The same for the content of a here-document.
pub fn missing_in_text(text: &str, variables: &Variables) -> BTreeSet<String> {
    let mut expansion = Expansion::of(text, variables, HEREDOC_ESCAPE, true);
    let _ = expansion.until(None, false, &mut Words::default());
    expansion.missing
}

fn run(source: &str, variables: &Variables, escape: char, keep_quotes: bool) -> Result<(String, Vec<String>), String> {
    let mut expansion = Expansion::of(source, variables, escape, keep_quotes);
    let mut words = Words::default();
    let text = expansion.until(None, false, &mut words).map_err(|why| format!("failed to process {}: {why}", quote(source)))?;
    Ok((text, words.finish()))
}

struct Expansion<'a> {
    chars: Peekable<Chars<'a>>,
    variables: &'a Variables,
    escape: char,
    keep_quotes: bool,
    depth: usize,
    /// What was used and is not set.
    missing: BTreeSet<String>,
}

/// Words as they come about.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: String,
}

impl Words {
    /// Text in which blanks part words.
    fn open(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                if !self.word.is_empty() {
                    self.done.push(std::mem::take(&mut self.word));
                }
            } else {
                self.word.push(c);
            }
        }
    }

    fn quoted(&mut self, text: &str) {
        self.word.push_str(text);
    }

    fn finish(mut self) -> Vec<String> {
        if !self.word.is_empty() {
            self.done.push(self.word);
        }
        self.done
    }
}

impl<'a> Expansion<'a> {
    fn of(source: &'a str, variables: &'a Variables, escape: char, keep_quotes: bool) -> Expansion<'a> {
        Expansion { chars: source.chars().peekable(), variables, escape, keep_quotes, depth: 0, missing: BTreeSet::new() }
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name).cloned();
        if value.is_none() {
            self.missing.insert(name.to_owned());
        }
        value
    }

    /// Everything up to `end`, which is taken too; up to the end of the text without one.
    fn until(&mut self, end: Option<char>, raw_escapes: bool, words: &mut Words) -> Result<String, String> {
        let mut out = String::new();
        while let Some(c) = self.chars.peek().copied() {
            if end == Some(c) {
                self.chars.next();
                return Ok(out);
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    words.open(&value);
                    out.push_str(&value);
                }
                '\'' if !self.keep_quotes => {
                    let value = self.single()?;
                    words.quoted(&value);
                    out.push_str(&value);
                }
                '"' if !self.keep_quotes => {
                    let value = self.double(raw_escapes)?;
                    words.quoted(&value);
                    out.push_str(&value);
                }
                c if c == self.escape => {
                    self.chars.next();
                    let next = self.chars.next();
                    if raw_escapes {
                        out.push(c);
                        words.quoted(&c.to_string());
                    }
                    if let Some(next) = next {
                        out.push(next);
                        words.quoted(&next.to_string());
                    }
                }
                c => {
                    self.chars.next();
                    out.push(c);
                    words.open(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        match end {
            Some(end) => Err(format!("unexpected end of statement while looking for matching {end}")),
            None => Ok(out),
        }
    }

    fn single(&mut self) -> Result<String, String> {
        self.chars.next();
        let mut out = String::new();
        for c in self.chars.by_ref() {
            if c == '\'' {
                return Ok(out);
            }
            out.push(c);
        }
        Err("unexpected end of statement while looking for matching single-quote".to_owned())
    }

    fn double(&mut self, raw_escapes: bool) -> Result<String, String> {
        self.chars.next();
        let mut out = String::new();
        while let Some(c) = self.chars.peek().copied() {
            match c {
                '"' => {
                    self.chars.next();
                    return Ok(out);
                }
                '$' => out.push_str(&self.dollar()?),
                c => {
                    self.chars.next();
                    if c == self.escape {
                        if raw_escapes {
                            out.push(c);
                        }
                        match self.chars.peek().copied() {
                            None => continue,
                            Some(next) if next == '"' || next == '$' || next == self.escape => {
                                self.chars.next();
                                out.push(next);
                                continue;
                            }
                            Some(_) => {}
                        }
                    }
                    out.push(c);
                }
            }
        }
        Err("unexpected end of statement while looking for matching double-quote".to_owned())
    }

    fn dollar(&mut self) -> Result<String, String> {
        self.chars.next();
        if self.chars.peek() != Some(&'{') {
            let name = self.name();
            return Ok(if name.is_empty() { "$".to_owned() } else { self.value(&name).unwrap_or_default() });
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("variables are nested deeper than {DEPTH_MAX}"));
        }
        self.chars.next();
        let value = self.braces();
        self.depth -= 1;
        value
    }

    /// What stands in `${…}`, behind the bracket.
    fn braces(&mut self) -> Result<String, String> {
        match self.chars.peek() {
            None => return Err("syntax error: missing '}'".to_owned()),
            Some('{' | '}' | ':') => return Err("syntax error: bad substitution".to_owned()),
            Some(_) => {}
        }
        let name = self.name();
        let value = self.value(&name);
        let Some(modifier) = self.chars.next() else { return Err("syntax error: missing '}'".to_owned()) };
        match modifier {
            '}' => Ok(value.unwrap_or_default()),
            ':' => match self.chars.next() {
                Some(c @ ('-' | '+' | '?')) => self.default(&name, value, c, true),
                Some(c) => Err(format!("unsupported modifier (:{c}) in substitution")),
                None => Err("syntax error: missing '}'".to_owned()),
            },
            '-' | '+' | '?' => self.default(&name, value, modifier, false),
            '#' | '%' => {
                let pattern = self.operand('}', true)?;
                let value = value.unwrap_or_default();
                let (pattern, longest) = match pattern.strip_prefix(modifier) {
                    Some(rest) => (rest.to_owned(), true),
                    None => (pattern, false),
                };
                if modifier == '#' { trim_start(&pattern, &value, longest) } else { trim_end(&pattern, &value, longest) }
            }
            '/' => {
                let all = self.chars.next_if_eq(&'/').is_some();
                let pattern = self.operand('/', true)?;
                let replacement = self.operand('}', true)?;
                let found = regex(&pattern, true, "", "")?;
                let value = value.unwrap_or_default();
                let replacement = regex::NoExpand(&replacement);
                Ok(if all { found.replace_all(&value, replacement).into_owned() } else { found.replace(&value, replacement).into_owned() })
            }
            c => Err(format!("unsupported modifier ({c}) in substitution")),
        }
    }

    fn operand(&mut self, end: char, raw_escapes: bool) -> Result<String, String> {
        let operand = self.until(Some(end), raw_escapes, &mut Words::default());
        match operand {
            Err(_) if self.chars.peek().is_none() && end == '/' => Err("syntax error: missing '/' in ${}".to_owned()),
            Err(_) if self.chars.peek().is_none() => Err("syntax error: missing '}'".to_owned()),
            other => other,
        }
    }

    fn default(&mut self, name: &str, value: Option<String>, modifier: char, empty_is_unset: bool) -> Result<String, String> {
        let word = self.operand('}', false)?;
        let usable = value.as_ref().is_some_and(|v| !(empty_is_unset && v.is_empty()));
        match modifier {
            '-' => Ok(if usable { value.unwrap_or_default() } else { word }),
            '+' => Ok(if usable { word } else { String::new() }),
            _ if usable => Ok(value.unwrap_or_default()),
            _ => {
                let how = if value.is_none() { "unset" } else { "empty" };
                let why = if word.is_empty() { format!("is not allowed to be {how}") } else { word };
                Err(format!("{name}: {why}"))
            }
        }
    }

    /// A variable's name: letters, digits and `_`; digits alone; or one of the shell's special ones.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.chars.peek().copied() {
            if name.is_empty() && c.is_ascii_digit() {
                while let Some(digit) = self.chars.next_if(char::is_ascii_digit) {
                    name.push(digit);
                }
                return name;
            }
            if name.is_empty() && matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!') {
                self.chars.next();
                return c.to_string();
            }
            if !c.is_alphanumeric() && c != '_' {
                break;
            }
            self.chars.next();
            name.push(c);
        }
        name
    }
}

/// A shell pattern (`*`, `?`) as a regular expression.
fn regex(pattern: &str, longest: bool, before: &str, after: &str) -> Result<regex::Regex, String> {
    let mut text = format!("(?s){before}");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' if longest => text.push_str(".*"),
            '*' => text.push_str(".*?"),
            '?' => text.push('.'),
            '\\' => match chars.next() {
                Some(c @ ('*' | '?' | '\\' | '/' | '}')) => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("invalid pattern ({pattern}) in substitution: invalid escape '\\{other}'"));
                }
            },
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push_str(after);
    regex::Regex::new(&text).map_err(|_| format!("invalid pattern ({pattern}) in substitution"))
}

fn trim_start(pattern: &str, value: &str, longest: bool) -> Result<String, String> {
    let found = regex(pattern, longest, "^", "")?;
    Ok(found.find(value).map_or(value, |m| &value[m.end()..]).to_owned())
}

fn trim_end(pattern: &str, value: &str, longest: bool) -> Result<String, String> {
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    if longest {
        let found = regex(pattern, true, "", "$")?;
        return Ok(found.find(value).map_or(value, |m| &value[..m.start()]).to_owned());
    }
    // The shortest ending is the shortest beginning of the reverse; an escape stays in front of what it escapes.
    let mut units: Vec<String> = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let mut unit = String::from(c);
        if c == '\\' {
            unit.extend(chars.next());
        }
        units.push(unit);
    }
    let pattern: String = units.into_iter().rev().collect();
    Ok(reversed(&trim_start(&pattern, &reversed(value), false)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, String> {
        let entries = ["WHO=class", "EMPTY=", "P=/usr/local/bin", "F=a.tar.gz", "ÜBER=ä"].map(str::to_owned);
        word(text, &variables(&entries), '\\')
    }

    #[test]
    fn modifiers_do_what_a_shell_does() {
        for (text, expected) in [
            ("hi $WHO!", "hi class!"),
            ("${WHO}s $NONE.", "classs ."),
            ("${NONE:-x}${EMPTY:-y}${EMPTY-z}${WHO-w}", "xyclass"),
            ("${WHO:+set}${EMPTY:+no}${EMPTY+yes}", "setyes"),
            ("${NONE:-${WHO}}", "class"),
            ("${F%.*} ${F%%.*} ${F#*.} ${F##*.}", "a.tar a tar.gz gz"),
            ("${P//\\//-} ${P/local/x}", "-usr-local-bin /usr/x/bin"),
            ("'$WHO' \"$WHO\" \\$WHO", "$WHO class $WHO"),
            ("\"a\\\"b\" a\\ b", "a\"b a b"),
            ("$ $1 ${ÜBER}", "$  ä"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("${", "missing '}'"),
            ("${}", "bad substitution"),
            ("${WHO", "missing '}'"),
            ("${WHO:=x}", "unsupported modifier (:=)"),
            ("${NONE:?give it}", "NONE: give it"),
            ("${EMPTY:?}", "EMPTY: is not allowed to be empty"),
            ("'a", "single-quote"),
            ("\"a", "double-quote"),
        ] {
            assert!(expand(text).is_err_and(|e| e.contains(why)), "{text}: {:?}", expand(text));
        }
        assert!(expand(&"${a:-".repeat(10_000)).is_err());
    }

    #[test]
    fn blanks_in_values_part_words_and_quoted_ones_do_not() {
        let vars = variables(&["PORTS=80 443".to_owned()]);
        assert_eq!(words("$PORTS 8080 \"a b\"", &vars, '\\').unwrap(), ["80", "443", "8080", "a b"]);
    }

    #[test]
    fn a_heredoc_keeps_its_quotes() {
        let vars = variables(&["A=1".to_owned()]);
        assert_eq!(text("\"$A\" '$A' \\$A \\\\n\\\n", &vars).unwrap(), "\"1\" '1' $A \\n\n");
    }
}
