//! `<!-- .slide: k="v" -->` and `<!-- .element: k="v" -->`: attributes for the slide or for an element.

/// What a comment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Attributes of the slide.
    Slide(Vec<(String, String)>),
    /// Attributes of the element before the comment, or of the one it stands in.
    Element(Vec<(String, String)>),
}

/// Reads the inside of a comment (without `<!--` and `-->`).
pub fn directive(comment: &str) -> Option<Directive> {
    // What follows the word to the end of its line; `.element` does without the colon.
    let after = |word: &str| {
        let rest = &comment[comment.find(word)? + word.len()..];
        rest.lines().next().filter(|l| !l.trim().is_empty())
    };
    if let Some(rest) = after(".element") {
        return Some(Directive::Element(attributes(rest)));
    }
    after(".slide:").map(|rest| Directive::Slide(attributes(rest)))
}

/// The attributes that the `.slide:` comments of a slide give it; in code they are text.
pub fn of_slide(content: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut at = 0;
    while let Some(line) = content[at..].split_inclusive('\n').next() {
        let next = at + line.len();
        let bare = line.trim();
        let run = &bare[..bare.bytes().take_while(|b| matches!(b, b'`' | b'~') && *b == bare.as_bytes()[0]).count()];
        match fence {
            Some(mark) if bare == run && run.starts_with(mark) => fence = None,
            Some(_) => {}
            None if run.len() >= 3 && !bare[run.len()..].contains('`') => fence = Some(run),
            None => {
                if let Some(start) = line.find("<!--").filter(|start| line[..*start].matches('`').count() % 2 == 0) {
                    let body = at + start + 4;
                    let Some(end) = content[body..].find("-->") else { break };
                    if let Some(Directive::Slide(attributes)) = directive(&content[body..body + end]) {
                        for (name, value) in attributes {
                            out.retain(|(n, _)| *n != name);
                            out.push((name, value));
                        }
                    }
                    at = body + end + 3;
                    continue;
                }
            }
        }
        at = next;
    }
    out
}

/// `name="value"` pairs, and names alone that start with `data-`.
fn attributes(text: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '"', '=', ':']);
        let name = &rest[..rest.find(['"', '=', ' ', '\t']).unwrap_or(rest.len())];
        if name.is_empty() {
            return out;
        }
        rest = &rest[name.len()..];
        let mut value = None;
        if let Some(quoted) = rest.strip_prefix("=\"")
            && let Some(end) = quoted.find('"').filter(|end| *end > 0)
        {
            value = Some(quoted[..end].to_owned());
            rest = &quoted[end + 1..];
        }
        let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.'));
        if valid && (value.is_some() || name.starts_with("data-")) {
            out.retain(|(n, _)| n != name);
            out.push((name.to_owned(), value.unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()
    }

    #[test]
    fn comments_carry_attributes() {
        let slide = directive(" .slide: data-background=\"#6B205E\" center data-x ");
        assert_eq!(slide, Some(Directive::Slide(pairs(&[("data-background", "#6B205E"), ("data-x", "")]))));
        assert_eq!(directive(" .element width=\"70%\" "), Some(Directive::Element(pairs(&[("width", "70%")]))));
        let both = directive(".element: style=\"width: 50%;\" class=\"noborder\"");
        assert_eq!(both, Some(Directive::Element(pairs(&[("style", "width: 50%;"), ("class", "noborder")]))));
        assert_eq!(directive(" just a comment "), None);
        let of = |text: &str| of_slide(text).into_iter().map(|(name, _)| name).collect::<String>();
        assert_eq!(of("<!-- .slide: a=\"1\" --> <!-- .slide:\nb=\"1\" -->\nx <!--\n.slide: c=\"1\" -->"), "ac");
        assert_eq!(of("```html\n<!-- .slide: a=\"1\" -->\n``\n```\n`<!-- .slide: b=\"1\" -->`\n<!-- .slide: c=\"1\" -->"), "c");
    }
}
