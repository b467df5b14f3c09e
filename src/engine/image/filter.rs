//! Filters of images: references by Go's globs, labels, times.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Reference;

/// What `--filter` asks of images.
#[derive(Clone, Debug, Default)]
pub struct ImageFilters {
    pub dangling: Option<bool>,
    /// `key` or `key=value`, all of which must be there.
    pub labels: Vec<String>,
    /// `key` or `key=value`, none of which may be there.
    pub without_labels: Vec<String>,
    /// Patterns, one of which must fit.
    pub references: Vec<String>,
    /// Made before this image.
    pub before: Option<String>,
    /// Made after this image.
    pub since: Option<String>,
    /// Made before this time.
    pub until: Option<Timestamp>,
}

impl ImageFilters {
    /// Whether an image with these labels passes.
    pub fn accept_labels(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let has = |filter: &String| {
            let (key, value) = filter.split_once('=').map_or((filter.as_str(), None), |(key, value)| (key, Some(value)));
            labels.and_then(|labels| labels.get(key)).is_some_and(|have| value.is_none_or(|value| have == value))
        };
        self.labels.iter().all(has) && !self.without_labels.iter().any(has)
    }
}

/// Whether `pattern` fits the familiar form of the reference, whole or without tag.
pub fn matches_reference(pattern: &str, reference: &Reference) -> bool {
    glob(pattern.as_bytes(), reference.familiar().as_bytes()) || glob(pattern.as_bytes(), reference.familiar_name().as_bytes())
}

/// Go's `path.Match`: `*` and `?` stop at slashes, `[a-z]` and `[^a-z]`, `\` quotes. What is malformed fits nothing.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let Some((&first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        b'*' => {
            let end = text.iter().position(|b| *b == b'/').unwrap_or(text.len());
            // Several stars mean what one means.
            let rest = &rest[rest.iter().take_while(|b| **b == b'*').count()..];
            (0..=end).any(|taken| glob(rest, &text[taken..]))
        }
        b'?' => text.first().is_some_and(|b| *b != b'/') && glob(rest, &text[1..]),
        b'[' => match (class(rest, text.first().copied()), text.first()) {
            (Some((true, rest)), Some(_)) => glob(rest, &text[1..]),
            _ => false,
        },
        b'\\' => match rest.split_first() {
            Some((quoted, rest)) => text.first() == Some(quoted) && glob(rest, &text[1..]),
            None => false,
        },
        literal => text.first() == Some(&literal) && glob(rest, &text[1..]),
    }
}

/// Reads a class behind its `[`; says whether `byte` is in it, and what follows.
fn class(pattern: &[u8], byte: Option<u8>) -> Option<(bool, &[u8])> {
    let (negated, mut pattern) = match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let mut found = false;
    let mut ranges = 0;
    loop {
        if ranges > 0 && pattern.first() == Some(&b']') {
            return Some((found != negated, &pattern[1..]));
        }
        let (low, rest) = class_byte(pattern)?;
        let (high, rest) = match rest.strip_prefix(b"-") {
            Some(rest) => class_byte(rest)?,
            None => (low, rest),
        };
        found |= byte.is_some_and(|b| (low..=high).contains(&b));
        ranges += 1;
        pattern = rest;
    }
}

fn class_byte(pattern: &[u8]) -> Option<(u8, &[u8])> {
    match pattern {
        [] | [b'-' | b']', ..] => None,
        [b'\\', quoted, rest @ ..] => Some((*quoted, rest)),
        [b'\\'] => None,
        [byte, rest @ ..] => Some((*byte, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stop_at_slashes() {
        let named = |text: &str| Reference::parse_normalized(text).unwrap();
        assert!(matches_reference("busy*", &named("busybox:latest")));
        assert!(matches_reference("*:latest", &named("busybox:latest")));
        assert!(matches_reference("*/*", &named("jpetazzo/clock:latest")));
        assert!(!matches_reference("*", &named("jpetazzo/clock:latest")));
        assert!(matches_reference("b[a-u]sybox", &named("busybox:1")));
        assert!(!matches_reference("b[^a-u]sybox", &named("busybox:1")));
        assert!(matches_reference("busybox:?", &named("busybox:1")));
        assert!(!matches_reference("busybox:[", &named("busybox:1")));
    }
}
