//! Pandoc's attributes in braces: `{#id .class key="value"}`.

/// An id, classes, and the rest.
#[derive(Debug, Default, PartialEq)]
pub struct Attributes<'t> {
    pub id: Option<&'t str>,
    pub classes: Vec<&'t str>,
    pub pairs: Vec<(&'t str, &'t str)>,
}

/// The attributes that `text`, from its brace on, starts with, and their length; `None` for braces around something else.
pub fn read(text: &str) -> Option<(Attributes<'_>, usize)> {
    let mut rest = text.strip_prefix('{')?;
    let mut found = Attributes::default();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(after) = rest.strip_prefix('}') {
            let some = found.id.is_some() || !found.classes.is_empty() || !found.pairs.is_empty();
            return some.then(|| (found, text.len() - after.len()));
        }
        let end = rest.find([' ', '\t', '}', '=', '\n'])?;
        let (word, after) = rest.split_at(end);
        if let Some(value) = after.strip_prefix('=').filter(|_| !word.is_empty()) {
            let quote = value.bytes().next().filter(|b| matches!(b, b'"' | b'\''));
            let (value, after) = match quote {
                Some(quote) => value[1..].split_once(char::from(quote))?,
                None => value.split_at(value.find([' ', '\t', '}'])?),
            };
            if value.contains('\n') || !word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':')) {
                return None;
            }
            found.pairs.push((word, value));
            rest = after;
            continue;
        }
        let named = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'));
        match word.split_at_checked(1)? {
            ("#", id) if named(id) => found.id = Some(id),
            (".", class) if named(class) => found.classes.push(class),
            ("-", "") => found.classes.push("unnumbered"),
            // Of Quarto's some stand alone.
            _ if ["background-", "data-", "auto-animate"].iter().any(|start| word.starts_with(start)) && named(word) => {
                found.pairs.push((word, ""));
            }
            _ => return None,
        }
        rest = after;
    }
}

/// Classes that a remark deck can have, in its own notation.
pub fn content_class(classes: &[&str]) -> String {
    let usable = |class: &&&str| {
        class.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && class.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    classes.iter().filter(usable).map(|class| format!(".{class}")).collect()
}

/// Whether each bracket in `text` has its other half in it, so that a class can be put around it.
pub fn is_balanced(text: &str) -> bool {
    let mut depth = 0usize;
    for byte in text.bytes() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 0 => return false,
            b']' => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_told_from_other_braces() {
        let (found, length) = read("{#a .b  .c-d k=\"v w\" n=1} x").expect("attributes");
        assert_eq!((found.id, found.classes, length), (Some("a"), vec!["b", "c-d"], 25));
        assert_eq!(found.pairs, [("k", "v w"), ("n", "1")]);
        for other in ["{}", "{ }", "{a}", "{{x}}", "{#}", "{.a", "{.a b}", "{#if x}", "{\"a\"=1}"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
