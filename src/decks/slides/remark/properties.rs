//! Properties at the head of a slide (`name: value`) and in comments (`<!-- name: value -->`) anywhere in its first piece.

use super::lexer::is_space;

/// Those that remark, container.training's decks or Dockside know.
pub const PROPERTIES: [&str; 13] = [
    "name",
    "class",
    "continued",
    "layout",
    "template",
    "count",
    "exclude",
    "background-image",
    "background-color",
    "background-size",
    "background-position",
    "background-repeat",
    "highlight-style",
];

/// Takes the properties out of `source`: what is left of it, and the properties in the order in which they are found.
pub fn extract(source: &str) -> (String, Vec<(String, String)>) {
    let mut properties = Vec::new();
    let mut rest = source;
    let mut ahead = Ahead::default();
    // At the very start both forms count, again and again.
    while let Some((length, name, value)) = head(rest).or_else(|| comment(rest, &mut ahead, source)) {
        properties.push((name, value));
        rest = &rest[length..];
    }
    let mut out = String::with_capacity(rest.len());
    while let Some(found) = memchr::memchr_iter(b'<', rest.as_bytes()).find(|at| rest[*at..].starts_with("<!--")) {
        let newlines = rest[..found].bytes().rev().take_while(|b| *b == b'\n').count();
        match comment(&rest[found - newlines..], &mut ahead, source) {
            Some((length, name, value)) => {
                out.push_str(&rest[..found - newlines]);
                properties.push((name, value));
                rest = &rest[found - newlines + length..];
            }
            None => {
                out.push_str(&rest[..found + 4]);
                rest = &rest[found + 4..];
            }
        }
    }
    out.push_str(rest);
    (out, properties)
}

/// `^\n*([-\w]+):([^$\n]*)`: the length of all of it, name and value.
fn head(source: &str) -> Option<(usize, String, String)> {
    let text = source.trim_start_matches('\n');
    let name = name(text)?;
    let value = text[name.len()..].strip_prefix(':')?;
    let value = &value[..value.find(['$', '\n']).unwrap_or(value.len())];
    Some((source.len() - text.len() + name.len() + 1 + value.len(), name.to_owned(), trim(value).to_owned()))
}

/// `\n*<!--\s*([-\w]+):([^$\n]*?)\s*-->`: the length of all of it, name and value.
fn comment(source: &str, ahead: &mut Ahead, all: &str) -> Option<(usize, String, String)> {
    let text = source.trim_start_matches('\n').strip_prefix("<!--")?.trim_start_matches(is_space);
    let name = name(text)?;
    let value = text[name.len()..].strip_prefix(':')?;
    let at = all.len() - value.len();
    let close = ahead.close(all, at)?;
    let value = all[at..close].trim_end_matches(is_space);
    if ahead.stop(all, at) < at + value.len() {
        return None;
    }
    Some((source.len() - (all.len() - close) + 3, name.to_owned(), trim(value).to_owned()))
}

fn name(text: &str) -> Option<&str> {
    let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    (length > 0).then(|| &text[..length])
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Remembers what comes next in the source, so that a line of a thousand comments is read once.
#[derive(Default)]
struct Ahead {
    close: Option<(usize, Option<usize>)>,
    stop: Option<(usize, usize)>,
}

impl Ahead {
    /// The next `-->` at or after `at`.
    fn close(&mut self, all: &str, at: usize) -> Option<usize> {
        match self.close {
            Some((from, found)) if from <= at && found.is_none_or(|f| f >= at) => found,
            _ => {
                let found = all[at..].find("-->").map(|n| at + n);
                self.close = Some((at, found));
                found
            }
        }
    }

    /// The next `$` or line feed, or the end.
    fn stop(&mut self, all: &str, at: usize) -> usize {
        match self.stop {
            Some((from, found)) if from <= at && found >= at => found,
            _ => {
                let found = all[at..].find(['$', '\n']).map_or(all.len(), |n| at + n);
                self.stop = Some((at, found));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::extract;

    fn check(source: &str, rest: &str, properties: &[(&str, &str)]) {
        let owned: Vec<_> = properties.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(extract(source), (rest.to_owned(), owned), "{source:?}");
    }

    #[test]
    fn both_forms_are_found() {
        check("name: a\nclass: b, c\n\n# T", "\n\n# T", &[("name", "a"), ("class", "b, c")]);
        check("# T\n\ntext\n<!-- foo: bar -->\nmore", "# T\n\ntext\nmore", &[("foo", "bar")]);
        check("<!--\nclass: foo\n-->\n# T", "\n# T", &[("class", "foo")]);
        check("<!-- a: 1 --><!-- b: 2 -->\nx", "\nx", &[("a", "1"), ("b", "2")]);
        check("class: a$b", "$b", &[("class", "a")]);
        check("<!-- plain -->\nclass : x", "<!-- plain -->\nclass : x", &[]);
        check("x <!-- a: $b --> <!-- c: d\ne -->", "x <!-- a: $b --> <!-- c: d\ne -->", &[]);
    }
}
