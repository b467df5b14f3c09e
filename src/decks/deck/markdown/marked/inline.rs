//! What stands in a line: emphasis, code, links, tags.
//!
//! A rule may look far ahead for its end and find none. What that costs is taken from an allowance that grows with the text; when it
//! is used up, what is left is text. No text of an author comes near it.

use super::{Context, MAX_DEPTH, escape, is_word};
use crate::slides::remark::Engine;
use crate::slides::remark::lexer::is_space;

/// Bytes that may be looked ahead in vain: to begin with, and for each byte of text.
const ALLOWANCE: (usize, usize) = (1 << 16, 32);

/// Writes `text` as HTML.
pub fn write(text: &str, context: Context<'_>, out: &mut String) {
    Inline { context, left: ALLOWANCE.0 + ALLOWANCE.1 * text.len() }.write(text, 0, out);
}

struct Inline<'a> {
    context: Context<'a>,
    left: usize,
}

impl Inline<'_> {
    fn write(&mut self, text: &str, depth: usize, out: &mut String) {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            match self.special(rest, depth, out) {
                Some(length) => at += length,
                None => {
                    let length = text_length(rest);
                    escape(&rest[..length], false, out);
                    at += length;
                }
            }
        }
    }

    /// Writes what starts here, if it is more than text; gives its length.
    fn special(&mut self, text: &str, depth: usize, out: &mut String) -> Option<usize> {
        let bytes = text.as_bytes();
        match bytes[0] {
            b'\\' => {
                let next = *bytes.get(1).filter(|b| b"\\`*{}[]()#+-.!_>~|".contains(b))?;
                out.push(next as char);
                Some(2)
            }
            b'<' => self.angle(text, out),
            b'h' => {
                let length = address(text)?;
                out.push_str("<a href=\"");
                escape(&text[..length], false, out);
                out.push_str("\">");
                escape(&text[..length], false, out);
                out.push_str("</a>");
                Some(length)
            }
            b'[' => self.link(text, 0, depth, out),
            b'!' if bytes.get(1) == Some(&b'[') => self.link(text, 1, depth, out),
            b'_' | b'*' => self.emphasis(text, bytes[0], depth, out),
            b'`' => self.code(text, out),
            b'~' if bytes.starts_with(b"~~") => {
                let inner = &text[2..];
                if inner.starts_with(is_space) {
                    return None;
                }
                // Of three marks in a row the last two close as well as the first two.
                let pairs = |inner: &str| {
                    memchr::memchr_iter(b'~', inner.as_bytes())
                        .find(|at| inner.as_bytes().get(at + 1) == Some(&b'~') && *at > 0 && !inner[..*at].ends_with(is_space))
                };
                let close = self.seek(inner, pairs)?;
                self.element("del", &inner[..close], depth, out);
                Some(close + 4)
            }
            b' ' => {
                let blanks = bytes.iter().take_while(|b| **b == b' ').count();
                let broken = blanks > 1 && bytes.get(blanks) == Some(&b'\n') && !text[blanks + 1..].trim_start_matches(is_space).is_empty();
                if !broken {
                    return None;
                }
                out.push_str("<br>");
                Some(blanks + 1)
            }
            _ => None,
        }
    }

    fn element(&mut self, tag: &str, inner: &str, depth: usize, out: &mut String) {
        out.extend(["<", tag, ">"]);
        self.nested(inner, depth, out);
        out.extend(["</", tag, ">"]);
    }

    fn nested(&mut self, inner: &str, depth: usize, out: &mut String) {
        if depth < MAX_DEPTH { self.write(inner, depth + 1, out) } else { escape(inner, false, out) }
    }

    /// Looks ahead; what was looked through in vain is paid for.
    fn seek<'t, T>(&mut self, text: &'t str, find: impl FnOnce(&'t str) -> Option<T>) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let found = find(text);
        if found.is_none() {
            self.left = self.left.saturating_sub(text.len());
        }
        found
    }

    /// An address in angle brackets, a comment or a tag.
    fn angle(&mut self, text: &str, out: &mut String) -> Option<usize> {
        let close = self.seek(text, |text| text.find('>'))?;
        let inner = &text[1..close];
        // `<[^ >]+(@|:\/)[^ >]+>`
        if !inner.contains(' ') {
            let place = |mark: &str| inner.rfind(mark).filter(|at| *at > 0 && at + mark.len() < inner.len());
            let (mail, url) = (place("@"), place(":/"));
            if mail.is_some() || url.is_some() {
                let mail = mail > url;
                let shown = if mail { inner.strip_prefix("mailto:").unwrap_or(inner) } else { inner };
                out.push_str(if mail { "<a href=\"mailto:" } else { "<a href=\"" });
                escape(shown, false, out);
                out.push_str("\">");
                escape(shown, false, out);
                out.push_str("</a>");
                return Some(close + 1);
            }
        }
        let length = if text.starts_with("<!--") {
            self.seek(text, |text| text[4..].find("-->").map(|at| at + 7))
        } else {
            tag(text, &mut self.left)
        }?;
        out.push_str(&text[..length]);
        Some(length)
    }

    /// `[text](url "title")`, `[text][id]`, `[id]`; with a `!` before it a picture.
    fn link(&mut self, text: &str, open: usize, depth: usize, out: &mut String) -> Option<usize> {
        if let Some((close, target)) = self.target(text, open) {
            let inner = &text[open + 1..close];
            self.put_link(inner, target.href, target.title, open == 1, depth, out);
            return Some(target.end);
        }
        let (inner, id, length) = self.reference(text, open)?;
        let id = if id.is_empty() { inner } else { id };
        let mut key = String::with_capacity(id.len());
        for (i, word) in id.split(is_space).filter(|w| !w.is_empty()).enumerate() {
            key.push_str(if i > 0 { " " } else { "" });
            key.push_str(&word.to_lowercase());
        }
        match self.context.links.get(&key) {
            Some((href, title)) if !href.is_empty() => {
                self.put_link(inner, href, title.as_deref(), open == 1, depth, out);
                Some(length)
            }
            _ => {
                out.push(text.as_bytes()[0] as char);
                Some(1)
            }
        }
    }

    fn put_link(&mut self, inner: &str, href: &str, title: Option<&str>, image: bool, depth: usize, out: &mut String) {
        out.push_str(if image { "<img src=\"" } else { "<a href=\"" });
        escape(href, false, out);
        out.push('"');
        if image {
            out.push_str(" alt=\"");
            escape(inner, false, out);
            out.push('"');
        }
        if let Some(title) = title.filter(|t| !t.is_empty()) {
            out.push_str(" title=\"");
            escape(title, false, out);
            out.push('"');
        }
        out.push('>');
        if !image {
            self.nested(inner, depth, out);
            out.push_str("</a>");
        }
    }

    /// Brackets at which the text of a link may end, the farthest last.
    fn ends(&mut self, text: &str, open: usize) -> Vec<usize> {
        let bytes = text.as_bytes();
        let mut at = open + 1;
        let mut ends = Vec::new();
        let mut looked = 0;
        while let Some(n) = bytes[at..].iter().position(|b| matches!(b, b'[' | b']')) {
            looked += n + 1;
            at += n;
            // No text of a link is so long.
            if at > 4000 || self.left < looked {
                break;
            }
            if bytes[at] == b'[' {
                let Some(n) = bytes[at..].iter().position(|b| *b == b']') else {
                    looked += bytes.len() - at;
                    break;
                };
                looked += n;
                at += n + 1;
                continue;
            }
            ends.push(at);
            let next = bytes[at + 1..].iter().position(|b| matches!(b, b'[' | b']'));
            match next {
                Some(n) if bytes[at + 1 + n] == b']' => at += 1,
                _ => break,
            }
        }
        self.left = self.left.saturating_sub(looked);
        ends
    }

    /// The end of a link's text and the target behind it.
    fn target<'t>(&mut self, text: &'t str, open: usize) -> Option<(usize, Target<'t>)> {
        let ends = self.ends(text, open);
        ends.into_iter().rev().find_map(|close| {
            let rest = text[close + 1..].strip_prefix('(')?;
            let target = self.seek(rest, Target::read)?;
            Some((close, Target { end: target.end + close + 2, ..target }))
        })
    }

    /// `[text] [id]` or `[id]`: the text, the id, the length of all.
    fn reference<'t>(&mut self, text: &'t str, open: usize) -> Option<(&'t str, &'t str, usize)> {
        let ends = self.ends(text, open);
        for close in ends.iter().rev() {
            let after = &text[close + 1..];
            let bracket = after.len() - after.trim_start_matches(is_space).len();
            let Some(id) = after[bracket..].strip_prefix('[') else { continue };
            if let Some(end) = self.seek(id, |id| id.find(']')) {
                return Some((&text[open + 1..*close], &id[..end], close + 1 + bracket + 1 + end + 1));
            }
        }
        let close = *ends.first()?;
        Some((&text[open + 1..close], "", close + 1))
    }

    /// `__strong__`, `**strong**`, `_em_`, `*em*`.
    fn emphasis(&mut self, text: &str, mark: u8, depth: usize, out: &mut String) -> Option<usize> {
        let bytes = text.as_bytes();
        if bytes.get(1) == Some(&mark)
            && let Some(close) = self.seek(text, |text| strong_end(text.as_bytes(), mark))
        {
            self.element("strong", &text[2..close], depth, out);
            return Some(close + 2);
        }
        let engine = self.context.engine;
        let close = self.seek(text, |text| em_end(text.as_bytes(), mark, engine))?;
        self.element("em", &text[1..close], depth, out);
        Some(close + 1)
    }

    /// Code between equal runs of backticks.
    fn code(&mut self, text: &str, out: &mut String) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        let run = text.bytes().take_while(|b| *b == b'`').count();
        // Each backtick of a run that closes nothing begins a run again.
        self.left = self.left.saturating_sub(run);
        // A shorter mark leaves backticks at the start of the code; nobody means more than a few of them.
        for length in (1..=run).rev().take(8) {
            // Blanks at the start are passed over first, so that a mark behind them begins the code and does not end it.
            let seek = |inner: &str| {
                let blanks = inner.len() - inner.trim_start_matches(is_space).len();
                code_end(&inner[blanks..], length).map(|close| blanks + close).or_else(|| code_end(inner, length))
            };
            let Some(close) = self.seek(&text[length..], seek) else { continue };
            let inner = &text[length..length + close];
            let cut = inner.trim_matches(is_space);
            let cut = if cut.is_empty() { inner.char_indices().next_back().map_or(inner, |(at, _)| &inner[at..]) } else { cut };
            out.push_str("<code>");
            escape(cut, true, out);
            out.push_str("</code>");
            return Some(length + close + length);
        }
        None
    }
}

/// Where a link leads.
struct Target<'t> {
    href: &'t str,
    title: Option<&'t str>,
    /// Where the text goes on, after the bracket.
    end: usize,
}

impl<'t> Target<'t> {
    /// Reads `\s*<?href>?(?:\s+"title")?\s*\)`.
    fn read(text: &'t str) -> Option<Target<'t>> {
        let start = text.len() - text.trim_start_matches(is_space).len();
        let start = start + usize::from(text[start..].starts_with('<'));
        let closes = |from: usize| {
            let rest = &text[from..];
            let bracket = from + rest.len() - rest.trim_start_matches(is_space).len();
            text[bracket..].starts_with(')').then_some(bracket + 1)
        };
        let mut failed = false;
        for (n, c) in text[start..].char_indices() {
            let at = start + n;
            if c != ')' && c != '>' && !is_space(c) {
                continue;
            }
            let after = at + usize::from(c == '>');
            if let Some(quote) = text[after..].trim_start_matches(is_space).strip_prefix(['"', '\''])
                && text[after..].starts_with(is_space)
                && !failed
            {
                let from = text.len() - quote.len();
                let end = quote.match_indices(['"', '\'']).find_map(|(n, _)| closes(from + n + 1).map(|end| (n, end)));
                if let Some((n, end)) = end {
                    return Some(Target { href: &text[start..at], title: Some(&quote[..n]), end });
                }
                failed = true;
            }
            if let Some(end) = closes(after) {
                return Some(Target { href: &text[start..at], title: None, end });
            }
        }
        None
    }
}

/// The length of the text up to what may be more.
fn text_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    for (i, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'\\' | b'<' | b'!' | b'[' | b'_' | b'*' | b'`' | b'~' => return i,
            b'h' if bytes[i..].starts_with(b"http://") || bytes[i..].starts_with(b"https://") => return i,
            b'\n' if i > 2 && bytes[i - 1] == b' ' && bytes[i - 2] == b' ' => {
                let blanks = bytes[1..i].iter().rev().take_while(|b| **b == b' ').count();
                if blanks > 1 {
                    return i - blanks;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

/// `<\/?\w+(?:"[^"]*"|'[^']*'|[^'">])*?>`: the length of the tag.
pub fn tag(text: &str, left: &mut usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1 + usize::from(bytes.get(1) == Some(&b'/'));
    if *left == 0 || !bytes.get(at).is_some_and(|b| is_word(*b)) {
        return None;
    }
    while let Some(n) = bytes[at..].iter().position(|b| matches!(b, b'"' | b'\'' | b'>')) {
        at += n;
        if bytes[at] == b'>' {
            return Some(at + 1);
        }
        let Some(n) = bytes[at + 1..].iter().position(|b| *b == bytes[at]) else { break };
        at += n + 2;
    }
    *left = left.saturating_sub(bytes.len());
    None
}

/// `https?://[^\s<]+[^<.,:;"')\]\s]`
fn address(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|s| text.starts_with(s))?.len();
    let end = text.find(|c: char| is_space(c) || c == '<').unwrap_or(text.len());
    let end = text[..end].trim_end_matches(['.', ',', ':', ';', '"', '\'', ')', ']']).len();
    (text[scheme..end.max(scheme)].chars().count() > 1).then_some(end)
}

/// The closing mark of strong text: two marks that no third follows.
fn strong_end(bytes: &[u8], mark: u8) -> Option<usize> {
    let mut at = 3;
    while at + 1 < bytes.len() {
        if bytes[at] == mark && bytes[at + 1] == mark && bytes.get(at + 2) != Some(&mark) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The closing mark of emphasis: one that no other follows, pairs of marks passed over. For `_` no word may go on behind it.
fn em_end(bytes: &[u8], mark: u8, engine: Engine) -> Option<usize> {
    let closes = |at: usize| match bytes.get(at + 1) {
        Some(next) if mark == b'_' => !is_word(*next),
        Some(next) => *next != mark,
        None => true,
    };
    // In 0.15 a single `_` that closes nothing ends the search, and one of a pair closes nothing.
    let strict = mark == b'_' && engine == Engine::Upstream;
    let mut at = 1;
    let mut spare = None;
    while at < bytes.len() {
        if bytes[at] != mark {
            at += 1;
            continue;
        }
        if at > 1 && closes(at) {
            return Some(at);
        }
        if bytes.get(at + 1) == Some(&mark) {
            // Where nothing else closes, the second of a pair does.
            spare = closes(at + 1).then_some(at + 1).or(spare);
            at += 2;
        } else if strict {
            return None;
        } else {
            at += 1;
        }
    }
    spare.filter(|at| *at > 1 && !strict)
}

/// The start of the run of just so many backticks that closes code.
fn code_end(inner: &str, length: usize) -> Option<usize> {
    let bytes = inner.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'`' {
            at += 1;
            continue;
        }
        let run = bytes[at..].iter().take_while(|b| **b == b'`').count();
        if run == length && at > 0 && bytes[..at].iter().any(|b| *b != b'`') {
            return Some(at);
        }
        at += run;
    }
    None
}
