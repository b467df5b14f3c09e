//! `{{name}}` in content: properties by name, and `{{content}}` where a template wants its slide.

use crate::slides::Content;

use super::model::{append, size};

/// Bytes that inheritance and variables may add to any deck, and to a deck for each of its own: each increment repeats all before
/// it, so a deck could grow without end.
const GROWTH: (usize, usize) = (32 << 20, 16);

/// How much a deck may still grow.
pub struct Budget {
    left: usize,
    /// Where it first did not suffice.
    pub overflow: Option<usize>,
}

impl Budget {
    /// For a deck of `length` bytes.
    pub fn new(length: usize) -> Self {
        Budget { left: GROWTH.0.saturating_add(length.saturating_mul(GROWTH.1)), overflow: None }
    }

    /// Takes `bytes`; false, with the place kept, when they are not there.
    pub fn spend(&mut self, bytes: usize, place: usize) -> bool {
        let rest = self.left.checked_sub(bytes);
        self.left = rest.unwrap_or(0);
        if rest.is_none() {
            self.overflow.get_or_insert(place);
        }
        rest.is_some()
    }
}

/// One `{{name}}`: its bytes (with the backslash before it), whether it is escaped, its name.
struct Variable<'t> {
    start: usize,
    end: usize,
    escaped: bool,
    name: &'t str,
}

/// The next variable at or after `from`: `(\\)?\{\{[^}\n]+\}\}`.
fn next(text: &str, mut from: usize) -> Option<Variable<'_>> {
    while let Some(open) = text[from..].find("{{").map(|n| from + n) {
        let inner = &text[open + 2..];
        let length = inner.find(['}', '\n']).unwrap_or(inner.len());
        if length > 0 && inner[length..].starts_with("}}") {
            let escaped = open > from && text.as_bytes()[open - 1] == b'\\';
            return Some(Variable { start: open - usize::from(escaped), end: open + 4 + length, escaped, name: inner[..length].trim() });
        }
        // What stops this one stops every opening before that place.
        from = open + 2 + length;
    }
    None
}

/// Puts properties in place of their names. Unknown names stay, `\{{` loses its backslash.
pub fn expand(content: &mut [Content], properties: &[(String, String)], place: usize, budget: &mut Budget) {
    for piece in content {
        match piece {
            Content::Class { content, .. } => expand(content, properties, place, budget),
            Content::Markdown(text) if memchr::memchr_iter(b'{', text.as_bytes()).any(|at| text.as_bytes().get(at + 1) == Some(&b'{')) => {
                let mut out = String::with_capacity(text.len());
                let mut at = 0;
                while let Some(variable) = next(text, at) {
                    out.push_str(&text[at..variable.start]);
                    let whole = &text[variable.start..variable.end];
                    let value = properties.iter().find(|(n, _)| n == variable.name).map(|(_, v)| v.as_str());
                    match value {
                        _ if variable.escaped => out.push_str(&whole[1..]),
                        Some(value) if budget.spend(value.len(), place) => out.push_str(value),
                        None if variable.name == "content" => {}
                        _ => out.push_str(whole),
                    }
                    at = variable.end;
                }
                out.push_str(&text[at..]);
                *text = out;
            }
            Content::Markdown(_) => {}
        }
    }
}

/// Puts `own` in place of each `{{content}}`; false when there is none.
pub fn insert_content(content: &mut Vec<Content>, own: &[Content], place: usize, budget: &mut Budget) -> bool {
    let mut found = false;
    let mut out = Vec::with_capacity(content.len());
    for piece in content.drain(..) {
        match piece {
            Content::Class { classes, block, content: mut inner } => {
                found |= insert_content(&mut inner, own, place, budget);
                out.push(Content::Class { classes, block, content: inner });
            }
            Content::Markdown(text) => {
                let mut at = 0;
                let mut kept = 0;
                while let Some(variable) = next(&text, at) {
                    at = variable.end;
                    if variable.escaped || variable.name != "content" {
                        continue;
                    }
                    found = true;
                    append(&mut out, Content::Markdown(text[kept..variable.start].to_owned()));
                    if budget.spend(size(own), place) {
                        own.iter().for_each(|piece| append(&mut out, piece.clone()));
                    }
                    kept = at;
                }
                append(&mut out, Content::Markdown(text[kept..].to_owned()));
            }
        }
    }
    *content = out;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let mut content = vec![Content::Markdown(text.into())];
        expand(&mut content, &[("foo".into(), "bar".into())], 0, &mut Budget::new(0));
        match content.remove(0) {
            Content::Markdown(text) => text,
            Content::Class { .. } => unreachable!("it was Markdown"),
        }
    }

    #[test]
    fn names_become_values() {
        assert_eq!(expanded(r"{{foo}} {{ foo }} \{{foo}} {{nope}} {{content}}|"), "bar bar {{foo}} {{nope}} |");
        assert_eq!(expanded("{{{foo}}} {{foo} {{\nfoo}} {{}} {{foo"), "{{{foo}}} {{foo} {{\nfoo}} {{}} {{foo");
        assert_eq!(expanded("{{a{{foo}}"), "{{a{{foo}}");
    }
}
