//! Path patterns as Docker reads them: Go's `filepath.Match` for `COPY`, and the lines of `.dockerignore`. Touches no files.

use regex::Regex;

/// A pattern of `COPY` or `ADD`: `*` and `?` stop at slashes, `[…]` is a class, `\` escapes.
#[derive(Debug)]
pub struct Glob(Regex);

impl Glob {
    /// Whether a path holds anything that makes it a pattern.
    pub fn is_pattern(path: &str) -> bool {
        let mut chars = path.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '*' | '?' | '[' => return true,
                _ => {}
            }
        }
        false
    }

    /// Reads a pattern; `None` where it is malformed.
    pub fn new(pattern: &str) -> Option<Glob> {
        translate(pattern, false).map(Glob)
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// The patterns of a `.dockerignore`; the last that matches a path, or a folder that it lies in, decides.
#[derive(Debug, Default)]
pub struct IgnoreList {
    patterns: Vec<(Regex, bool)>,
}

/// A line of `.dockerignore` that is no pattern.
#[derive(Debug, thiserror::Error)]
pub struct BadPattern {
    pub line: usize,
    pub pattern: String,
}

impl std::fmt::Display for BadPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pattern.as_str() {
            "!" => f.write_str("illegal exclusion pattern: \"!\""),
            pattern => write!(f, "{pattern:?} is no pattern (line {})", self.line),
        }
    }
}

impl IgnoreList {
    /// Reads the text of a `.dockerignore`.
    pub fn parse(text: &str) -> Result<IgnoreList, BadPattern> {
        let mut list = IgnoreList::default();
        for (number, pattern, exception) in patterns(text)? {
            let bad = || BadPattern { line: number, pattern: pattern.clone() };
            list.patterns.push((translate(&pattern, true).ok_or_else(bad)?, exception));
        }
        Ok(list)
    }

    /// The patterns of a `.dockerignore` alone, as those who apply them elsewhere are told of them.
    pub fn lines(text: &str) -> Result<Vec<String>, BadPattern> {
        let said = |(_, pattern, exception)| if exception { format!("!{pattern}") } else { pattern };
        patterns(text).map(|patterns| patterns.into_iter().map(said).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether some pattern takes back what another left out.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|(_, exception)| *exception)
    }

    /// Whether `path` (relative, with slashes) is left out.
    pub fn excludes(&self, path: &str) -> bool {
        let mut out = false;
        for (pattern, exception) in &self.patterns {
            // Only what would change the answer is looked at.
            if *exception == out && ends(path).any(|end| pattern.is_match(&path[..end])) {
                out = !exception;
            }
        }
        out
    }
}

/// The patterns of a `.dockerignore` with their lines, and whether they are exceptions.
fn patterns(text: &str) -> Result<Vec<(usize, String, bool)>, BadPattern> {
    let mut found = Vec::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        let line = line.trim();
        let (pattern, exception) = match line.strip_prefix('!') {
            Some(rest) => (rest.trim(), true),
            None => (line, false),
        };
        if line.is_empty() {
            continue;
        }
        let cleaned = clean(pattern);
        if exception && cleaned.is_empty() && pattern.is_empty() {
            return Err(BadPattern { line: number + 1, pattern: line.to_owned() });
        }
        // `.` and `/` name the context itself, which is never left out.
        if !cleaned.is_empty() {
            found.push((number + 1, cleaned, exception));
        }
    }
    Ok(found)
}

/// Where the path and each folder above it end.
fn ends(path: &str) -> impl Iterator<Item = usize> {
    path.match_indices('/').map(|(at, _)| at).chain([path.len()])
}

/// A path without empty parts, `.` and, where something stands before it, `..`.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn translate(pattern: &str, doublestar: bool) -> Option<Regex> {
    let mut text = String::from("(?s)^");
    // `**.log` in front of plain text is any path that ends so; elsewhere `**` takes whole folders.
    let ending = doublestar && pattern.strip_prefix("**").is_some_and(|rest| !rest.contains(['*', '?', '[', '\\']));
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if doublestar && chars.next_if_eq(&'*').is_some() => {
                // `**/` is as good as `**`; at the end it takes everything.
                let slash = chars.next_if_eq(&'/').is_some();
                text.push_str(if chars.peek().is_none() || (ending && !slash) { ".*" } else { "(?:.*/)?" });
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => {
                text.push('[');
                if let Some(not) = chars.next_if(|c| *c == '^') {
                    text.push(not);
                }
                let mut closed = false;
                let mut empty = true;
                while let Some(c) = chars.next() {
                    match c {
                        ']' if !empty => {
                            closed = true;
                            break;
                        }
                        '-' => text.push('-'),
                        '\\' => text.push_str(&class_letter(chars.next()?)),
                        c => text.push_str(&class_letter(c)),
                    }
                    empty = false;
                }
                if !closed {
                    return None;
                }
                text.push(']');
            }
            '\\' => text.push_str(&regex::escape(chars.next()?.encode_utf8(&mut [0; 4]))),
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push('$');
    Regex::new(&text).ok()
}

fn class_letter(c: char) -> String {
    if c.is_ascii_punctuation() { format!("\\{c}") } else { c.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_is_what_docker_ignores() {
        let list = IgnoreList::parse("# all logs\n*.log\n!keep.log\nsecret/\n**/*.tmp\n/build/**\n!build/keep\na/*/c\n.\n").unwrap();
        let left_out = ["a.log", "secret", "secret/k", "x.tmp", "d/e/x.tmp", "build/x", "build/y/z", "a/b/c", "a/b/c/d"];
        for path in left_out {
            assert!(list.excludes(path), "{path}");
        }
        for path in ["keep.log", "d/a.log", "b.txt", "build/keep", "a/b", "a/b/b/c", "Dockerfile"] {
            assert!(!list.excludes(path), "{path}");
        }
        assert!(IgnoreList::parse("[a").is_err());
        assert!(IgnoreList::parse("!").is_err());
    }

    #[test]
    fn globs_are_gos() {
        let matches = |pattern: &str, path: &str| Glob::new(pattern).is_some_and(|g| g.matches(path));
        for (pattern, path) in [("*.go", "a.go"), ("a?c", "abc"), ("[a-c]x", "bx"), ("[^a]x", "bx"), ("a\\*", "a*"), ("d/*.t", "d/a.t")] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("*.go", "d/a.go"), ("a{b,c}", "ab"), ("**", "a/b"), ("[a-c]x", "dx")] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        assert!(Glob::new("[a").is_none());
        assert!(Glob::is_pattern("a[b") && !Glob::is_pattern("a\\*"));
    }
}
