//! Where the presenters' old Markdown and CommonMark part, the source is brought to what CommonMark reads the same way.
//!
//! Fences close as in remark (a mark may be shorter than the one that opens, or stand at the end of a line; one that nothing closes
//! is text), `#Title` needs no blank, and `1)` starts no list in remark. Nothing is changed that both read alike.

use std::borrow::Cow;

use crate::slides::Dialect;
use crate::slides::remark::index::Fences;

/// Stands in front of what CommonMark must not take for the start of a block; the writer leaves it out.
pub const GUARD: char = '\u{fdd2}';
const GUARD_TEXT: &str = "\u{fdd2}";

/// Gives the source for the CommonMark parser.
pub fn normalise(source: &str, dialect: Dialect) -> Cow<'_, str> {
    let fenced = source.contains("```") || source.contains("~~~");
    if !fenced && !source.contains(['#', ')', '<']) && !source.contains("]:") {
        return Cow::Borrowed(source);
    }
    let mut out = String::new();
    // What is copied so far; lines that stay are copied with the next change.
    let mut done = 0;
    let mut fences = fenced.then(|| Fences::new(source));
    let mut at = 0;
    while at < source.len() {
        let end = source[at..].find('\n').map_or(source.len(), |n| at + n);
        let line = &source[at..end];
        let next = (end + 1).min(source.len());
        if let Some(fence) = fences.as_mut().and_then(|fences| Fence::read(source, at, end, fences)) {
            match fence {
                Fence::Plain { after } => at = after,
                Fence::Odd { text, after } => {
                    out.push_str(&source[done..at]);
                    out.push_str(&text);
                    (done, at) = (after, after);
                }
                Fence::Open => {
                    // Nothing closes it: its marks are text, or those of inline code.
                    let mark = at + line.len() - line.trim_start_matches(' ').len();
                    out.push_str(&source[done..mark]);
                    out.push(GUARD);
                    (done, at) = (mark, next);
                }
            }
            continue;
        }
        let following = &source[next..];
        if let Some((offset, insert)) =
            change(line, dialect).or_else(|| tag_line(line, following)).or_else(|| comment(source, at, end, dialect))
        {
            out.push_str(&source[done..at + offset]);
            out.push_str(insert);
            done = at + offset;
        }
        at = next.max(at + 1);
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(source);
    }
    out.push_str(&source[done..]);
    Cow::Owned(out)
}

/// Elements that the presenters read as a part of a line, even where one stands alone on its line.
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

/// A comment on a line of its own within a paragraph: remark's Markdown goes on behind it.
fn comment(source: &str, start: usize, end: usize, dialect: Dialect) -> Option<(usize, &'static str)> {
    let line = &source[start..end];
    let whole = dialect == Dialect::Remark && line.starts_with("<!--") && line.trim_end().ends_with("-->") && !line.contains(".element");
    let inside = start > 1 && !source[..start].ends_with("\n\n") && source[end..].len() > 1 && !source[end..].starts_with("\n\n");
    (whole && inside).then_some((0, GUARD_TEXT))
}

/// What is to be put into a line, and where.
fn change(line: &str, dialect: Dialect) -> Option<(usize, &'static str)> {
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    if indent > 3 {
        return None;
    }
    let hashes = text.bytes().take_while(|b| *b == b'#').count();
    if (1..=6).contains(&hashes) && text[hashes..].starts_with(|c: char| !c.is_whitespace()) {
        return Some((indent + hashes, " "));
    }
    if dialect == Dialect::Reveal {
        return None;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if (1..10).contains(&digits) && text[digits..].starts_with(')') {
        return Some((indent + digits, "\\"));
    }
    // The lexer has taken the definitions out; what still looks like one is text.
    let item = text.trim_start_matches(['-', '*', '+', ' ', '>']);
    let close = item.starts_with('[').then(|| item.find("]:")).flatten()?;
    (!item[..close].contains(']')).then_some((line.len() - item.len() + close + 1, "\\"))
}

/// A line that may open a fence.
enum Fence {
    /// CommonMark reads it alike; what comes after it.
    Plain { after: usize },
    /// Only the presenters read it as a fence: the same in CommonMark's way.
    Odd { text: String, after: usize },
    /// It opens and nothing closes it.
    Open,
}

impl Fence {
    /// Reads the line from `start` to `end`; `None` where it opens nothing.
    fn read(source: &str, start: usize, end: usize, fences: &mut Fences) -> Option<Fence> {
        let bytes = source.as_bytes();
        let line = &source[start..end];
        // A fence may stand right behind the mark of a list item.
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mark = start + indent;
        let byte = *bytes.get(mark).filter(|b| matches!(b, b'`' | b'~'))?;
        let run = bytes[mark..end].iter().take_while(|b| **b == byte).count();
        if run < 3 {
            return None;
        }
        let info = source[mark + run..end].trim_matches(' ');
        if info.contains(' ') || info.contains('`') && byte == b'`' {
            return None;
        }
        if end == source.len() {
            return Some(Fence::Open);
        }
        for length in (3..=run).rev() {
            let Some(close) = fences.close(bytes, byte, length, end + 2) else { continue };
            let stop = source[close..].find('\n').map_or(source.len(), |n| close + n);
            let after = (stop + 1).min(source.len());
            let from = source[..close - length].rfind('\n').map_or(0, |n| n + 1);
            let before = &source[from..close - length];
            let alone = before.trim_start_matches(' ').is_empty() && before.len() <= indent + 3;
            if length == run && alone {
                return Some(Fence::Plain { after });
            }
            let body = source[end + 1..close - length].trim_end();
            let longest = body.split(|c| c != byte as char).map(str::len).max().unwrap_or(0);
            let fence = String::from(byte as char).repeat(longest.max(2) + 1);
            let blank = " ".repeat(indent);
            let text = format!("{blank}{fence}{info}\n{body}\n{blank}{fence}\n");
            return Some(Fence::Odd { text, after });
        }
        Some(Fence::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_read_alike_stays() {
        for same in ["# T\n\ntext\n", "```bash\nls\n```\n#\n", "a\n~~~\n#x\n~~~", "- x\n  ```\n  ls\n  ```\n", "x (1) y\n"] {
            assert!(matches!(normalise(same, Dialect::Remark), Cow::Borrowed(_)), "{same:?}");
        }
    }

    #[test]
    fn the_rest_is_said_in_commonmark() {
        let remark = |source: &str| normalise(source, Dialect::Remark).into_owned();
        assert_eq!(remark("#T\n1) a"), "# T\n1\\) a");
        assert_eq!(normalise("#T\n1) a", Dialect::Reveal), "# T\n1) a");
        assert_eq!(remark("````bash\nls\n```\nx"), "```bash\nls\n```\nx");
        assert_eq!(remark("```\na```\nx"), "```\na\n```\nx");
        assert_eq!(remark("a\n```\nb"), "a\n\u{fdd2}```\nb");
        assert_eq!(remark("- [x]: foo"), "- [x]\\: foo");
        assert_eq!(remark("```"), "\u{fdd2}```");
        assert_eq!(remark("<br/>\n*a*"), "\u{fdd2}<br/>\n*a*");
        assert_eq!(remark("<center>\n#T"), "<center>\n\n# T");
    }
}
