//! Questions about the line at a place of a text: is it a rule, a heading, an underline?

use super::is_word;
use crate::slides::remark::Engine;

/// The end of the line that `at` is in.
pub fn end(text: &str, at: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |n| at + n)
}

/// Where the line feeds end that start at `at`.
pub fn skip_feeds(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..].iter().take_while(|b| **b == b'\n').count()
}

/// `( *[-*_]){3,} *`
pub fn is_rule(line: &str) -> bool {
    let mark = |b: &u8| matches!(b, b' ' | b'-' | b'*' | b'_');
    line.as_bytes().first().is_some_and(mark) && line.as_bytes().iter().all(mark) && line.bytes().filter(|b| *b != b' ').count() >= 3
}

/// ` *(#{1,6}) *(text) *#* *`: the level and the text.
pub fn heading(line: &str, engine: Engine) -> Option<(usize, &str)> {
    let text = line.trim_start_matches(' ');
    let hashes = text.bytes().take(6).take_while(|b| *b == b'#').count();
    if hashes == 0 {
        return None;
    }
    let after = &text[hashes..];
    // 0.15 wants a blank behind the marks.
    let blank = usize::from(engine == Engine::Upstream);
    if blank == 1 && !after.starts_with(' ') {
        return None;
    }
    let body = after.trim_start_matches(' ');
    if body.is_empty() {
        // The text is what can be spared of what stands before it: a blank, or the last of the marks.
        return match hashes {
            _ if after.len() > blank => Some((hashes, " ")),
            2.. if blank == 0 => Some((hashes - 1, "#")),
            _ => None,
        };
    }
    let first = body.chars().next().map_or(0, char::len_utf8);
    let (head, tail) = body.split_at(first);
    let tail = tail.trim_end_matches(' ').trim_end_matches('#').trim_end_matches(' ');
    Some((hashes, &body[..head.len() + tail.len()]))
}

/// ` *(=|-){2,} *`: the level that this line gives to the one before it.
pub fn underline(line: &str) -> Option<usize> {
    let marks = line.trim_matches(' ');
    let all = marks.len() >= 2 && marks.bytes().all(|b| matches!(b, b'=' | b'-'));
    all.then(|| if marks.ends_with('=') { 1 } else { 2 })
}

/// ` *(?:[*+-]|\d+\.) `: the indent, and the length up to the blank.
pub fn bullet(line: &str) -> Option<(usize, usize, bool)> {
    let bytes = line.as_bytes();
    let indent = bytes.iter().take_while(|b| **b == b' ').count();
    let digits = bytes[indent..].iter().take_while(|b| b.is_ascii_digit()).count();
    let length = match bytes.get(indent + digits) {
        Some(b'.') if digits > 0 => digits + 1,
        Some(b'*' | b'+' | b'-') if digits == 0 => 1,
        _ => return None,
    };
    (bytes.get(indent + length) == Some(&b' ')).then_some((indent, indent + length, digits > 0))
}

/// Elements that are a part of a line.
const INLINE: [&str; 32] = [
    "a", "em", "strong", "small", "s", "cite", "q", "dfn", "abbr", "data", "time", "code", "var", "samp", "kbd", "sub", "sup", "i", "b",
    "u", "mark", "ruby", "rt", "rp", "bdi", "bdo", "span", "br", "wbr", "ins", "del", "img",
];

/// The name of the block element whose tag `text` starts with.
pub fn block_tag(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('<')?;
    let length = rest.bytes().take_while(|b| is_word(*b)).count();
    let (name, after) = rest.split_at(length);
    // An address in angle brackets is no tag.
    let stops = |c: char| c.is_ascii_alphanumeric() || c == '_' || c.is_whitespace() || c == '@';
    let address = || after.find(stops).is_some_and(|at| at < 64 && after[at..].starts_with('@'));
    (!name.is_empty() && !INLINE.contains(&name) && !after.starts_with(":/") && !address()).then_some(name)
}

/// ` *\[id\]: *url "title"`: a link definition.
pub fn is_definition(line: &str) -> bool {
    let Some(rest) = line.trim_start_matches(' ').strip_prefix('[') else { return false };
    let Some((id, rest)) = rest.split_once("]:") else { return false };
    if id.is_empty() || id.contains(']') {
        return false;
    }
    let rest = rest.trim_matches(' ');
    let rest = rest.strip_prefix('<').filter(|r| !r.is_empty()).unwrap_or(rest);
    let url = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
    let title = rest[url..].strip_prefix('>').unwrap_or(&rest[url..]);
    let words = title.trim();
    url > 0
        && (words.is_empty() || title.starts_with(' ') && words.len() > 2 && words.starts_with(['"', '(']) && words.ends_with(['"', ')']))
}
