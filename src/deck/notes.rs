//! Speaker notes into HTML; the lines of each language (`:EN:`, `:FR:`) kept together and marked as such.

use std::borrow::Cow;

use super::markdown::{self, Options};
use crate::slides::{Content, Links};

/// Renders the notes of a slide.
pub fn render(content: &[Content], links: &Links, options: &Options<'_>) -> String {
    let is_in_language = |piece: &Content| matches!(piece, Content::Markdown(text) if text.lines().any(|l| language_of(l).is_some()));
    if !content.iter().any(is_in_language) {
        return markdown::render(content, links, options).html;
    }
    let mut html = String::new();
    for piece in content {
        let Content::Markdown(text) = piece else {
            html.push_str(&markdown::render(std::slice::from_ref(piece), links, options).html);
            continue;
        };
        for (language, text) in split(text) {
            let text = markdown::render(&[Content::Markdown(text.into_owned())], links, options).html;
            match language {
                Some(language) => html.push_str(&format!("<div lang=\"{}\">{text}</div>\n", language.to_ascii_lowercase())),
                None => html.push_str(&text),
            }
        }
    }
    html
}

/// The text in stretches of one language each, without the marks; `None` is the language of the deck.
fn split(text: &str) -> Vec<(Option<&str>, Cow<'_, str>)> {
    let mut parts: Vec<(Option<&str>, Cow<'_, str>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let language = language_of(line);
        let line = if language.is_some() { line[4..].trim_start_matches(' ') } else { line };
        match parts.last_mut() {
            Some((last, part)) if *last == language => part.to_mut().push_str(line),
            _ => parts.push((language, Cow::Borrowed(line))),
        }
    }
    parts.retain(|(_, part)| !part.trim().is_empty());
    parts
}

/// `EN` for a line that starts with `:EN:`.
fn language_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix(':')?.get(..3)?.strip_suffix(':')?;
    name.bytes().all(|b| b.is_ascii_uppercase()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        let text = "Said.\n\n:EN:- One\n:EN:- Two\n:FR:- Un\n\nMore :EN: here.\n";
        let parts: Vec<_> = split(text).into_iter().map(|(l, t)| (l, t.into_owned())).collect();
        let part = |language, text: &str| (language, text.to_owned());
        assert_eq!(
            parts,
            [part(None, "Said.\n\n"), part(Some("EN"), "- One\n- Two\n"), part(Some("FR"), "- Un\n"), part(None, "\nMore :EN: here.\n")]
        );
    }

    #[test]
    fn notes_carry_their_language() {
        let html = render(&[Content::Markdown(":FR:Bonjour\n".to_owned())], &Links::default(), &Options::default());
        assert_eq!(html, "<div lang=\"fr\"><p>Bonjour</p>\n</div>\n");
    }
}
