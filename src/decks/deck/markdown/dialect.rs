//! Where reveal.js's Markdown and CommonMark part, the source is brought to what CommonMark reads the same way: `#Title` needs no
//! blank, and Markdown goes on after a line of HTML. Nothing is changed that both read alike.

use std::borrow::Cow;

/// Stands in front of what CommonMark must not take for the start of a block; the writer leaves it out.
pub const GUARD: char = '\u{fdd2}';
const GUARD_TEXT: &str = "\u{fdd2}";

/// Gives the source for the CommonMark parser.
pub fn normalise(source: &str) -> Cow<'_, str> {
    if !source.contains(['#', '<']) {
        return Cow::Borrowed(source);
    }
    let mut out = String::new();
    // What is copied so far; lines that stay are copied with the next change.
    let mut done = 0;
    let mut at = 0;
    let mut fence: Option<(u8, usize)> = None;
    for line in source.split_inclusive('\n') {
        let next = at + line.len();
        let text = line.trim_end_matches('\n');
        let mark = fence_mark(text);
        match fence {
            Some((byte, length)) => {
                if mark.is_some_and(|(b, n, bare)| b == byte && n >= length && bare) {
                    fence = None;
                }
            }
            None => {
                fence = mark.map(|(byte, length, _)| (byte, length));
                let change = if fence.is_some() { None } else { heading(text).or_else(|| tag_line(text, &source[next..])) };
                if let Some((offset, insert)) = change {
                    out.push_str(&source[done..at + offset]);
                    out.push_str(insert);
                    done = at + offset;
                }
            }
        }
        at = next;
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(source);
    }
    out.push_str(&source[done..]);
    Cow::Owned(out)
}

/// The mark of a fence that the line has: its byte, its length, and whether nothing follows it.
fn fence_mark(line: &str) -> Option<(u8, usize, bool)> {
    let text = line.trim_start_matches(' ');
    let byte = *text.as_bytes().first().filter(|b| matches!(b, b'`' | b'~'))?;
    let length = text.bytes().take_while(|b| *b == byte).count();
    let info = &text[length..];
    (length >= 3 && !(byte == b'`' && info.contains('`'))).then(|| (byte, length, info.trim().is_empty()))
}

/// Elements that are read as a part of a line, even where one stands alone on its line.
const INLINE: [&str; 32] = [
    "a", "em", "strong", "small", "s", "cite", "q", "dfn", "abbr", "data", "time", "code", "var", "samp", "kbd", "sub", "sup", "i", "b",
    "u", "mark", "ruby", "rt", "rp", "bdi", "bdo", "span", "br", "wbr", "ins", "del", "img",
];

/// A line of HTML after which the Markdown goes on: CommonMark would take all up to the next empty line for HTML.
fn tag_line(line: &str, following: &str) -> Option<(usize, &'static str)> {
    let text = line.trim();
    let indent = line.len() - line.trim_start().len();
    if indent > 3 || !text.starts_with('<') || following.trim_start_matches(' ').starts_with('\n') || following.is_empty() {
        return None;
    }
    let name = text[1..].trim_start_matches('/');
    let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
    if name.is_empty() || matches!(name, "pre" | "script" | "style" | "textarea") {
        return None;
    }
    let heading = following.trim_start_matches(' ').trim_start_matches('#');
    if following.trim_start_matches(' ').starts_with('#') && heading.starts_with(|c: char| c != '\n') {
        return Some((line.len(), "\n"));
    }
    (text.ends_with('>') && INLINE.contains(&name)).then_some((indent, GUARD_TEXT))
}

/// The blank that `#Title` lacks, and where.
fn heading(line: &str) -> Option<(usize, &'static str)> {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    let hashes = text.bytes().take_while(|b| *b == b'#').count();
    let bare = indent <= 3 && (1..=6).contains(&hashes) && text[hashes..].starts_with(|c: char| !c.is_whitespace());
    bare.then_some((indent + hashes, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_read_alike_stays() {
        for same in ["# T\n\ntext\n", "```bash\nls\n#x\n```\n#\n", "a\n~~~\n#x\n```\n#y\n~~~", "- x\n  ```\n  #ls\n  ```\n", "1) y\n"] {
            assert!(matches!(normalise(same), Cow::Borrowed(_)), "{same:?}");
        }
    }

    #[test]
    fn the_rest_is_said_in_commonmark() {
        assert_eq!(normalise("#T\n1) a"), "# T\n1) a");
        assert_eq!(normalise("<br/>\n*a*"), "\u{fdd2}<br/>\n*a*");
        assert_eq!(normalise("<center>\n#T"), "<center>\n\n# T");
    }
}
