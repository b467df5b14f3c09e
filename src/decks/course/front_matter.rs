//! YAML between two `---` at the start of a file: what Marp, Slidev, reveal-md and xaringan keep their settings in.
//!
//! A remark deck may start with `---` too. Only a mapping that has more than remark's own properties counts.

use crate::diag::SourceFile;
use crate::slides::remark;
use crate::yaml::{self, Mapping, Value};

/// Longest block that is looked at, in bytes.
const MAX: usize = 64 << 10;

/// The settings at the start of `text`, and where the deck starts behind them.
pub fn read(text: &str) -> Option<(Mapping, usize)> {
    let (map, end) = block(text, 0)?;
    let own = |(key, value): (&Value, &Value)| match key.as_str().unwrap_or_default() {
        // Of these the other programs know one.
        "layout" => !value.is_bool() && !matches!(value.as_str(), Some("true" | "false")),
        key => !remark::PROPERTIES.contains(&key),
    };
    map.iter().any(own).then_some((map, end))
}

/// The mapping between the `---` at `start` and the next, and where the text goes on.
pub fn block(text: &str, start: usize) -> Option<(Mapping, usize)> {
    let rest = &text[start..];
    let rest = rest.strip_prefix('\u{feff}').unwrap_or(rest);
    let mut lines = rest.split_inclusive('\n');
    let mut at = text.len() - rest.len();
    let first = lines.next().filter(|line| line.trim_end() == "---")?;
    at += first.len();
    let from = at;
    for line in lines {
        if at - from > MAX || at == from && line.trim().is_empty() {
            return None;
        }
        if matches!(line.trim_end(), "---" | "...") {
            let inner = &text[from..at];
            // Only lines that look like YAML: a sentence with a colon in it is no setting.
            let plain = |line: &str| {
                line.starts_with([' ', '\t', '#', '-', '}', ']']) || line.trim().is_empty() || {
                    let key = line.split(':').next().unwrap_or_default();
                    line.contains(':')
                        && !key.is_empty()
                        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'"' | b'.'))
                }
            };
            if !inner.lines().all(plain) {
                return None;
            }
            return match yaml::parse::<Value>(&SourceFile::new("front matter", inner)) {
                Ok(Value::Mapping(map)) if !map.is_empty() => Some((map, at + line.len())),
                _ => None,
            };
        }
        at += line.len();
    }
    None
}

/// A setting as one line of text.
pub fn text(map: &Mapping, key: &str) -> Option<String> {
    match map.get(key)? {
        Value::String(text) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Sequence(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_from_slides() {
        let start = |text: &str| read(text).map(|(_, at)| text[at..].to_owned());
        assert_eq!(start("---\ntitle: A deck\nmarp: true\n---\n# One\n").as_deref(), Some("# One\n"));
        assert_eq!(start("\u{feff}---\r\ntitle: A\r\n---\r\nx").as_deref(), Some("x"));
        assert_eq!(start("---\nlayout: cover\n---\nx").as_deref(), Some("x"));
        for deck in [
            "---\nclass: center\n---\n# One",
            "---\n# One\n---\n",
            "---\nA sentence: this\n---\n",
            "---\n\ntitle: a\n---\n",
            "---\ntitle: a",
            "---",
        ] {
            assert_eq!(start(deck), None, "{deck:?}");
        }
    }
}
