//! Text in several languages into HTML, on slides and in their notes: the lines of each language (`:EN:`, `:FR:`) are kept
//! together and marked as such. Which of them is shown is the reader's choice, made by the page's script.

use std::borrow::Cow;

use super::markdown::{self, Options};
use crate::slides::{Content, Links};

/// Renders the text of a slide, or its notes.
pub fn render(content: &[Content], links: &Links, options: &Options<'_>) -> String {
    // Most text is in one language; that is seen without going through its lines.
    let is_in_language = |piece: &Content| matches!(piece, Content::Markdown(text) if text.starts_with(':') || text.contains("\n:"));
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
                Some(language) => {
                    let language = language.to_ascii_lowercase();
                    html.push_str(&format!("<div lang=\"{language}\" data-language=\"{language}\">{text}</div>\n"));
                }
                None => html.push_str(&text),
            }
        }
    }
    html
}

/// Takes out what is in another language than `language`, and the marks of what is in it.
pub fn only(content: &mut [Content], language: &str) {
    let wanted = language.get(..2).unwrap_or(language);
    for piece in content {
        match piece {
            Content::Markdown(text) if text.starts_with(':') || text.contains("\n:") => {
                let parts = split(text).into_iter().filter(|(part, _)| part.is_none_or(|part| part.eq_ignore_ascii_case(wanted)));
                *text = parts.map(|(_, text)| text).collect();
            }
            Content::Markdown(_) => {}
            Content::Class { content, .. } => only(content, language),
        }
    }
}

/// The text in stretches of one language each, without the marks; `None` is the language of the deck.
fn split(text: &str) -> Vec<(Option<&str>, Cow<'_, str>)> {
    let mut parts: Vec<(Option<&str>, Cow<'_, str>)> = Vec::new();
    let mut fence = None;
    for line in text.split_inclusive('\n') {
        // A code block is in the language that it begins in.
        let mark = line.trim_start().get(..3).filter(|mark| matches!(*mark, "```" | "~~~"));
        let language = if fence.is_some() { None } else { language_of(line) };
        if mark.is_some() && fence.is_none() {
            fence = mark;
        } else if mark == fence {
            fence = None;
        }
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
        assert_eq!(html, "<div lang=\"fr\" data-language=\"fr\"><p>Bonjour</p>\n</div>\n");
    }

    #[test]
    fn code_is_in_no_language() {
        let html = render(&[Content::Markdown("```\n:FR:x\n```\n".to_owned())], &Links::default(), &Options::default());
        assert!(html.contains(":FR:x") && !html.contains("lang="), "{html}");
    }
}
