//! Marks of a remark deck that do not do what they look like: separators, brackets, fences, notes.

use std::collections::HashSet;
use std::ops::Range;

use super::Out;
use super::raw::{Deck, lines};
use crate::slides::remark::lexer::Kind;

/// Looks at every line of the deck.
pub fn check(deck: &Deck<'_>, out: &mut Out<'_>) {
    separators(deck, out);
    brackets(deck, out);
    fences(deck, out);
    notes(deck, out);
}

/// Whether a line is one of remark's separators as it is.
fn separates(line: &str) -> bool {
    matches!(line, "---" | "--" | "???")
}

/// Lines like `--- `, ` ---`, `----` and `??? `.
fn separators(deck: &Deck<'_>, out: &mut Out<'_>) {
    let text = deck.text();
    let code: Vec<_> = deck.tokens.iter().filter(|t| matches!(t.kind, Kind::Fences | Kind::Code)).map(|t| t.span.clone()).collect();
    let mut before = "";
    for (at, line) in lines(text, 0..text.len()) {
        let after_blank = before.trim().is_empty();
        before = line;
        let mark = line.trim_matches([' ', '\t']);
        let four = matches!(mark, "----" | "????");
        if separates(line) || !(separates(mark) || four) || inside(&code, at + line.len() - line.trim_start().len()) {
            continue;
        }
        // Under a line of text, four dashes make it a heading; two dashes or an indented three may be a table's or a signature's.
        let own = after_blank || line.starts_with(mark) && matches!(mark, "---" | "???");
        if !own {
            continue;
        }
        let why = match (four, line.starts_with(mark)) {
            (true, _) => "a fourth one",
            (_, false) => "blanks before it",
            (_, true) => "blanks after it",
        };
        let (kind, exact) = match mark {
            "--" => ("an increment", "--"),
            "---" | "----" => ("a slide", "---"),
            _ => ("notes", "???"),
        };
        let message = format!("this line does not start {kind}: it has {why}");
        let hint = format!("write {exact} alone on its line, or *** for a rule");
        out.add("almost-separator", deck.original(at), line.len(), message, hint);
    }
}

fn inside(ranges: &[Range<usize>], at: usize) -> bool {
    ranges.partition_point(|r| r.start <= at).checked_sub(1).is_some_and(|i| ranges[i].end > at)
}

/// Content classes that never end, that end on another slide, and ends without a start.
fn brackets(deck: &Deck<'_>, out: &mut Out<'_>) {
    let text = deck.text();
    let stray = stray(deck);
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (i, token) in deck.tokens.iter().enumerate() {
        match &token.kind {
            Kind::ContentStart { .. } => open.push((i, token.span.start)),
            Kind::ContentEnd { .. } => {
                let Some((first, start)) = open.pop() else { continue };
                // Within a class separators do not count.
                if !open.is_empty() {
                    continue;
                }
                let plain = deck.tokens[first..i].iter().filter(|t| t.kind == Kind::Text);
                let lost = plain.flat_map(|t| lines(text, t.span.clone())).find(|(_, line)| separates(line));
                if let Some((at, line)) = lost {
                    let class = &text[start..deck.tokens[first].span.end];
                    let place = out.place(deck.original(at));
                    let message = format!("{class} is not closed on its slide: the {line} at {place} is within it and does not count");
                    out.add("unbalanced-bracket", deck.original(start), class.len(), message, "put a ] where it ends");
                }
            }
            Kind::Text if open.is_empty() && is_class_start(&text[token.span.clone()]) && alone(text, &token.span) => {
                let class = &text[token.span.clone()];
                let message = format!("{class} is never closed, so it is shown as text");
                out.add("unbalanced-bracket", deck.original(token.span.start), class.len(), message, "put a ] where it ends");
            }
            Kind::Text if open.is_empty() => {
                for (at, line) in lines(text, token.span.clone()) {
                    let whole = text[..at].rsplit('\n').next().is_some_and(|l| l.trim().is_empty())
                        && text[at + line.len()..].split('\n').next().is_some_and(|l| l.trim().is_empty());
                    let at = at + line.len() - line.trim_start().len();
                    if line.trim() == "]" && whole && stray.contains(&at) {
                        let hint = "remove it, or look for the ] that was meant to stay open: brackets in code count too";
                        out.add("unbalanced-bracket", deck.original(at), 1, "this ] closes nothing", hint);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The `]` that close nothing on their slide.
fn stray(deck: &Deck<'_>) -> HashSet<usize> {
    let mut stray = HashSet::new();
    for slide in &deck.slides {
        let mut open = 0usize;
        for (i, byte) in deck.text()[slide.range.clone()].bytes().enumerate() {
            match byte {
                b'[' => open += 1,
                b']' if open > 0 => open -= 1,
                b']' => drop(stray.insert(slide.range.start + i)),
                _ => {}
            }
        }
    }
    stray
}

/// `.name[`, as the lexer gives it where it does not end.
fn is_class_start(text: &str) -> bool {
    text.strip_suffix('[').is_some_and(|names| {
        names.starts_with('.')
            && names[1..].split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)))
    })
}

/// A class starts a line or a word; `list.items[` in a text is no class that anybody meant.
fn alone(text: &str, span: &Range<usize>) -> bool {
    !text[..span.start].ends_with(|c: char| c.is_alphanumeric() || "_-)]`\"'".contains(c))
}

/// A fence that is open: its character, length, and place.
struct Fence {
    mark: char,
    length: usize,
    at: usize,
    line: String,
}

/// Code blocks that the end of their slide cuts off, and those that swallow the next slides.
fn fences(deck: &Deck<'_>, out: &mut Out<'_>) {
    let text = deck.text();
    for slide in &deck.slides {
        let mut open: Option<Fence> = None;
        let mut swallowed: Option<(usize, String)> = None;
        for (at, line) in lines(text, slide.range.clone()) {
            let bare = line.trim_start_matches([' ', '\t']);
            let Some(mark) = bare.chars().next().filter(|c| matches!(c, '`' | '~')) else {
                if let (Some(fence), true) = (&open, separates(line)) {
                    swallowed.get_or_insert((fence.at, fence.line.clone()));
                }
                continue;
            };
            let length = bare.chars().take_while(|c| *c == mark).count();
            let info = bare[length..].trim();
            match &open {
                Some(fence) if mark == fence.mark && length >= fence.length && info.is_empty() => {
                    open = None;
                    swallowed = None;
                }
                // A fence within a fence, and a separator between the two: the first one was never closed.
                Some(fence) if mark == fence.mark && length >= 3 && !info.is_empty() && !info.contains(mark) => {
                    if let Some((at, line)) = swallowed.take() {
                        let hint = format!("close it before the slide ends, with {}", mark.to_string().repeat(fence.length));
                        let message = "this code block is not closed, and takes the next slides into it";
                        out.add("mismatched-fence", deck.original(at), line.len(), message, hint);
                        open = Some(Fence { mark, length, at, line });
                    }
                }
                None if length >= 3 && !(mark == '`' && info.contains('`')) => {
                    open = Some(Fence { mark, length, at: at + line.len() - bare.len(), line: bare.to_owned() });
                }
                _ => {}
            }
        }
        if let Some(fence) = open {
            let marks = fence.mark.to_string().repeat(fence.length);
            let shorter = lines(text, fence.at..slide.range.end).skip(1).map(|(_, l)| l.trim());
            let shorter = shorter.filter(|l| l.len() >= 3 && l.chars().all(|c| c == fence.mark)).last();
            let message = match shorter {
                Some(close) => format!("this code block starts with {marks} and ends with {close}: it goes on to the end of the slide"),
                None => "this code block has no end on its slide".to_owned(),
            };
            let blank = fence.line[fence.length..].trim().contains(' ');
            let hint = match blank {
                true => format!("close it with {marks}; after an info string with a blank in it, remark splits at every --- inside"),
                false => format!("close it with {marks}"),
            };
            out.add("mismatched-fence", deck.original(fence.at), fence.line.len(), message, hint);
        }
    }
}

/// A second `???` on a slide: what the first one started is lost.
fn notes(deck: &Deck<'_>, out: &mut Out<'_>) {
    let mut first = None;
    for token in &deck.tokens {
        match token.kind {
            Kind::Separator => first = None,
            Kind::NotesSeparator => match first {
                None => first = Some(token.span.start),
                Some(start) => {
                    let message = "a second ??? on a slide: the notes before it are lost";
                    let hint = format!("keep one ??? for each slide; the first is at {}", out.place(deck.original(start)));
                    out.add("repeated-note", deck.original(token.span.start), 3, message, hint);
                }
            },
            _ => {}
        }
    }
}
