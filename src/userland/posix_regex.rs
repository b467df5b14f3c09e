//! POSIX regular expressions, basic and extended, in the terms of the `fancy-regex` that the shell already brings.
//!
//! Only the syntax is translated; matching is the crate's. Back-references work, collating elements do not.

/// Which of the two POSIX syntaxes a pattern is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `\(`, `\{`, `\|` are special, `(`, `{`, `|`, `+`, `?` are not.
    Basic,
    /// As in `grep -E`.
    Extended,
    /// No character is special.
    Fixed,
}

/// Translates a POSIX pattern to the syntax of the regex crates.
pub fn translate(pattern: &str, syntax: Syntax) -> String {
    if syntax == Syntax::Fixed {
        return escape(pattern);
    }
    let basic = syntax == Syntax::Basic;
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut i = 0;
    // True where a `*` has nothing to repeat and is therefore itself, and where `^` anchors in a basic pattern.
    let mut at_start = true;
    while i < chars.len() {
        let c = chars[i];
        i += 1;
        let mut starts = false;
        match c {
            '[' => i = bracket(&chars, i, &mut out),
            '\\' => {
                let Some(&next) = chars.get(i) else {
                    out.push_str("\\\\");
                    break;
                };
                i += 1;
                match next {
                    '(' | ')' | '{' | '}' | '|' | '+' | '?' if basic => {
                        out.push(next);
                        starts = matches!(next, '(' | '|');
                    }
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' => out.extend(['\\', next]),
                    '<' => out.push_str("\\b(?=\\w)"),
                    '>' => out.push_str("\\b(?<=\\w)"),
                    '1'..='9' => out.extend(['\\', next]),
                    'n' => out.push_str("\\n"),
                    't' => out.push_str("\\t"),
                    _ => out.push_str(&escape(&next.to_string())),
                }
            }
            '*' if at_start => out.push_str("\\*"),
            '*' | '.' => out.push(c),
            '^' if !basic || at_start => {
                out.push('^');
                starts = true;
            }
            '$' if !basic || i == chars.len() || chars[i..].starts_with(&['\\', ')']) || chars[i..].starts_with(&['\\', '|']) => {
                out.push('$');
            }
            '(' | '|' if !basic => {
                out.push(c);
                starts = true;
            }
            ')' | '+' | '?' if !basic => out.push(c),
            '{' if !basic => out.push_str(if is_interval(&chars[i..]) { "{" } else { "\\{" }),
            '}' if !basic => out.push_str(if out.rfind('{').is_some_and(|p| !out[..p].ends_with('\\')) { "}" } else { "\\}" }),
            _ => out.push_str(&escape(&c.to_string())),
        }
        at_start = starts;
    }
    out
}

fn is_interval(rest: &[char]) -> bool {
    let end = rest.iter().position(|&c| c == '}');
    end.is_some_and(|end| end > 0 && rest[..end].iter().all(|c| c.is_ascii_digit() || *c == ',') && rest[0].is_ascii_digit())
}

/// Copies the bracket expression that begins after `[` at `i`; gives the index after its end.
fn bracket(chars: &[char], mut i: usize, out: &mut String) -> usize {
    let mut set = String::from("[");
    let start = i;
    if chars.get(i) == Some(&'^') {
        set.push('^');
        i += 1;
    }
    let first = i;
    while let Some(&c) = chars.get(i) {
        i += 1;
        match c {
            ']' if i - 1 > first => {
                set.push(']');
                out.push_str(&set);
                return i;
            }
            '[' if chars.get(i) == Some(&':') => {
                let Some(end) = chars[i + 1..].windows(2).position(|w| w == [':', ']']) else { break };
                let class: String = chars[i + 1..i + 1 + end].iter().collect();
                set.push_str(&format!("[:{class}:]"));
                i += end + 3;
            }
            '-' => set.push('-'),
            '\\' | '[' | ']' | '&' | '~' | '^' => set.extend(['\\', c]),
            _ => set.push(c),
        }
    }
    // Never closed: then the bracket stands for itself.
    out.push_str("\\[");
    start
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_and_extended_differ_in_what_is_special() {
        assert_eq!(translate(r"a\(b\)*+", Syntax::Basic), r"a(b)*\+");
        assert_eq!(translate(r"a(b)+", Syntax::Extended), r"a(b)+");
        assert_eq!(translate("*a", Syntax::Basic), r"\*a");
        assert_eq!(translate("a{2}{", Syntax::Extended), r"a{2}\{");
        assert_eq!(translate("a^b$c", Syntax::Basic), r"a\^b\$c");
    }

    #[test]
    fn brackets_keep_classes_and_quote_the_rest() {
        assert_eq!(translate("[^[:digit:]]x", Syntax::Basic), "[^[:digit:]]x");
        assert_eq!(translate(r"[]\]", Syntax::Basic), r"[\]\\]");
        assert_eq!(translate("[ab", Syntax::Basic), r"\[ab");
    }
}
