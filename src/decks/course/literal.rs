//! What remark alone would see in another program's text, said so that it stays text: `--`, `???`, `.word[`, `{{content}}`.

use std::ops::Range;

use super::marks::lines::Lines;

/// The changes, outside code.
pub fn edits(text: &str) -> Vec<(Range<usize>, String)> {
    let mut edits = Vec::new();
    for line in Lines::of(text).iter().filter(|line| !line.code) {
        let body = &text[line.start..line.end];
        let mut put = |at: usize, length: usize, said: &str| edits.push((line.start + at..line.start + at + length, said.to_owned()));
        match body.trim_end() {
            "--" => put(0, 1, "&#45;"),
            "???" => put(0, 1, "&#63;"),
            _ if !body.contains(['[', '{']) => {}
            _ => {
                let mut code = false;
                // Where a word with dots before it starts, as long as it goes on.
                let mut word = 0;
                for (at, c) in body.char_indices() {
                    code ^= c == '`';
                    match c {
                        '[' if !code => {
                            if let Some(class) = class_at(&body[word..at]).filter(|class| !body[..word + class].ends_with('\\')) {
                                put(word + class, 0, "\\");
                            }
                        }
                        '{' if !code && !body[..at].ends_with(['\\', '{']) => {
                            let inner = body[at..].strip_prefix("{{").and_then(|rest| rest.split_once("}}"));
                            if inner.is_some_and(|(inner, _)| inner.trim() == "content") {
                                put(at, 0, "\\");
                            }
                        }
                        _ => {}
                    }
                    if !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
                        word = at + c.len_utf8();
                    }
                }
            }
        }
    }
    edits
}

/// Where `.a.b` begins that a word ends with, the longest of them.
fn class_at(word: &str) -> Option<usize> {
    let is_name = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-'));
    let mut found = None;
    let mut end = word.len();
    while let Some(dot) = word[..end].rfind('.').filter(|dot| is_name(&word[dot + 1..end])) {
        found = Some(dot);
        end = dot;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_remark_would_see_is_changed() {
        for (text, expected) in [
            ("a\n--\n???\n", "a\n&#45;-\n&#63;??\n"),
            (".a[b] x.y.z[0] v1.2[c] a..b[d]", "\\.a[b] x\\.y.z[0] v1.2[c] a.\\.b[d]"),
            ("`.a[b]` \\.a[b] [x] .1[y]", "`.a[b]` \\.a[b] [x] .1[y]"),
            ("{{ content }} {{x}} `{{content}}`", "\\{{ content }} {{x}} `{{content}}`"),
            ("```\n--\n.a[b]\n```\n", "```\n--\n.a[b]\n```\n"),
        ] {
            let mut out = String::new();
            let mut done = 0;
            for (range, put) in edits(text) {
                out += &text[done..range.start];
                out += &put;
                done = range.end;
            }
            assert_eq!(out + &text[done..], expected);
        }
    }
}
