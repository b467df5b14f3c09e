//! Where the keys of a YAML document in block style stand, and the lines of their values. Understands no YAML beyond that: who uses
//! a place compares what stands there with what the parser read.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A `key:` and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub name: String,
    /// Byte of the key.
    pub offset: usize,
    /// Number of the list item that it stands in.
    pub item: usize,
    /// The value's lines, without indentation; one for a plain value in the key's line.
    pub lines: Vec<Range<usize>>,
}

static KEY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^( *)((?:- +)*)([A-Za-z][\w-]*):(?:[ \t]+(.*))?$"#).expect("a constant pattern"));
static BLOCK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[|>][0-9+-]*\s*(?:#.*)?$").expect("a constant pattern"));

/// The keys in order.
pub(super) fn keys(text: &str) -> Vec<Key> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push(at..at + line.trim_end_matches(['\n', '\r']).len());
        at += line.len();
    }
    let indent = |l: &Range<usize>| l.len() - text[l.clone()].trim_start_matches(' ').len();
    let blank = |l: &Range<usize>| text[l.clone()].trim().is_empty();
    let mut keys = Vec::new();
    let mut item = 0;
    let mut n = 0;
    while n < lines.len() {
        let line = lines[n].clone();
        n += 1;
        let Some(found) = KEY.captures(&text[line.clone()]) else { continue };
        if !found[2].is_empty() {
            item += 1;
        }
        let column = found[1].len() + found[2].len();
        let mut key = Key { name: found[3].to_owned(), offset: line.start + column, item, lines: Vec::new() };
        match found.get(4) {
            Some(value) if BLOCK.is_match(value.as_str()) => {
                let parent = column;
                let end = (n..lines.len()).find(|&i| !blank(&lines[i]) && indent(&lines[i]) <= parent).unwrap_or(lines.len());
                let body = &lines[n..end];
                let inner = body.iter().find(|l| !blank(l)).map_or(0, indent);
                key.lines = body.iter().map(|l| (l.start + inner).min(l.end)..l.end).collect();
                n = end;
            }
            Some(value) => {
                let start = line.start + value.start();
                let bare = value.as_str().trim_end();
                let quoted =
                    bare.len() >= 2 && (bare.starts_with('"') && bare.ends_with('"') || bare.starts_with('\'') && bare.ends_with('\''));
                key.lines = vec![if quoted { start + 1..start + bare.len() - 1 } else { start..start + bare.len() }];
            }
            None => {}
        }
        keys.push(key);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_their_lines() {
        let text = "title: A\nsteps:\n  - title: One\n    commands:\n      - run: echo a: b\n        output: |\n          x: 1\n\n          - y\n      - run: |\n          echo\n          two\n";
        let got: Vec<_> =
            keys(text).into_iter().map(|k| (k.name, k.lines.iter().map(|l| text[l.clone()].to_owned()).collect::<Vec<_>>())).collect();
        let names: Vec<_> = got.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["title", "steps", "title", "commands", "run", "output", "run"]);
        assert_eq!(got[4].1, ["echo a: b"]);
        assert_eq!(got[5].1, ["x: 1", "", "- y"]);
        assert_eq!(got[6].1, ["echo", "two"]);
    }
}
