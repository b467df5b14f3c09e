//! Code blocks, headings and `dockside:` comments of a Markdown text, in order, with their places. Knows no console syntax.

use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use regex::Regex;

use super::console::{self, Line};

/// A part of a Markdown text that matters to labs. Offsets are bytes of that text.
#[derive(Debug)]
pub(super) enum Piece {
    Heading(String),
    /// `<!-- dockside: … -->`: what stands after the colon.
    Comment {
        content: String,
        offset: usize,
        content_offset: usize,
    },
    Block(Block),
}

/// A code block.
#[derive(Debug)]
pub(super) struct Block {
    pub offset: usize,
    /// A fence's info string; empty for an indented block.
    pub info: String,
    pub info_offset: usize,
    pub lines: Vec<Line>,
}

/// Languages that a console may be written in. Everything else says that a block is something else.
const CONSOLE: &[&str] =
    &["", "bash", "console", "shell", "sh", "shell-session", "shellsession", "sh-session", "bash-session", "terminal", "zsh", "text"];

impl Block {
    /// Whether commands are typed in it.
    pub fn is_console(&self) -> bool {
        let language = self.info.split([' ', '\t', ',', '{']).next().unwrap_or_default().to_ascii_lowercase();
        CONSOLE.contains(&language.as_str())
            && self.lines.iter().any(|line| console::is_host_prompt(&line.text) || console::is_inner_prompt(&line.text))
    }
}

/// The pieces of `text` in order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let masked = mask_class_brackets(text);
    let text = masked.as_str();
    let mut found: Vec<(usize, Piece)> = Vec::new();
    let mut code: Vec<Range<usize>> = Vec::new();
    let mut open: Option<(Block, Vec<Range<usize>>)> = None;
    let mut heading: Option<(usize, String)> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match &kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                let info_offset = text[range.clone()].find(info.as_str()).map_or(range.start, |i| range.start + i);
                code.push(range.clone());
                open = Some((Block { offset: range.start, info, info_offset, lines: Vec::new() }, Vec::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((mut block, parts)) = open.take() {
                    block.lines = lines(text, &parts);
                    found.push((block.offset, Piece::Block(block)));
                }
            }
            Event::Start(Tag::Heading { .. }) => heading = Some((range.start, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((offset, heading)) = heading.take() {
                    found.push((offset, Piece::Heading(heading.split_whitespace().collect::<Vec<_>>().join(" "))));
                }
            }
            Event::Text(piece) => match (&mut open, &mut heading) {
                (Some((_, parts)), _) => parts.push(range),
                (None, Some((_, heading))) => heading.push_str(&piece),
                _ => {}
            },
            Event::Code(piece) => {
                if let Some((_, heading)) = &mut heading {
                    heading.push_str(&piece);
                }
            }
            Event::InlineHtml(_) | Event::SoftBreak | Event::HardBreak => {
                if let Some((_, heading)) = &mut heading {
                    heading.push(' ');
                }
            }
            _ => {}
        }
    }
    for (offset, piece) in comments(text, &code) {
        found.push((offset, piece));
    }
    found.sort_by_key(|(offset, _)| *offset);
    found.into_iter().map(|(_, piece)| piece).collect()
}

static COMMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<!--\s*dockside:").expect("a constant pattern"));

fn comments(text: &str, code: &[Range<usize>]) -> Vec<(usize, Piece)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = COMMENT.find_at(text, from) {
        from = start.end();
        let inside = code.partition_point(|c| c.start <= start.start()).checked_sub(1).is_some_and(|i| code[i].end > start.start());
        if inside {
            continue;
        }
        let end = text[start.end()..].find("-->").map_or(text.len(), |i| start.end() + i);
        let content = text[start.end()..end].to_owned();
        found.push((start.start(), Piece::Comment { content, offset: start.start(), content_offset: start.end() }));
        from = end;
    }
    found
}

/// The lines of a code block: the parser's pieces tell where each line's content starts, after indentation, list and quote marks.
fn lines(text: &str, parts: &[Range<usize>]) -> Vec<Line> {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Vec::new() };
    let mut lines = Vec::new();
    let mut at = first.start;
    let mut part = 0;
    while at < last.end {
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        while part < parts.len() && parts[part].end <= at {
            part += 1;
        }
        // Content starts with the first piece that touches this line; a line without any is blank.
        let start = parts.get(part).map_or(end, |p| p.start.max(at)).min(end);
        lines.push(Line { text: text[start..end].trim_end_matches('\r').to_owned(), offset: start });
        at = end + 1;
    }
    while lines.last().is_some_and(|l| l.text.trim().is_empty()) {
        lines.pop();
    }
    // Some authors set the whole block in by a blank.
    let indent = |l: &Line| l.text.len() - l.text.trim_start_matches(' ').len();
    let common = lines.iter().filter(|l| !l.text.trim().is_empty()).map(indent).min().unwrap_or(0);
    for line in &mut lines {
        let cut = common.min(indent(line));
        line.text.drain(..cut);
        line.offset += cut;
    }
    lines
}

static OPENING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[ \t]*(?:\.[A-Za-z][\w-]*)+\[[ \t]*$").expect("a constant pattern"));

/// Blanks out the lines `.exercise[` and `]` that stand alone: what is between them is Markdown of its own, as remark reads it. The
/// length stays, so that offsets do.
fn mask_class_brackets(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut fence = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        let inside = fence.is_some();
        fence = fence_after(fence, bare);
        if !inside && (OPENING.is_match(bare) || bare.trim() == "]") {
            masked.extend(std::iter::repeat_n(' ', bare.len()));
            masked.push_str(&line[bare.len()..]);
        } else {
            masked.push_str(line);
        }
    }
    masked
}

/// Which fence (its character and length) is open after `line`.
pub(super) fn fence_after(open: Option<(u8, usize)>, line: &str) -> Option<(u8, usize)> {
    let line = line.trim_start_matches([' ', '\t', '>', '-', '*']);
    let Some(&mark) = line.as_bytes().first().filter(|b| matches!(b, b'`' | b'~')) else { return open };
    let count = line.bytes().take_while(|b| *b == mark).count();
    let rest = line[count..].trim();
    match open {
        None if count >= 3 && !(mark == b'`' && rest.contains('`')) => Some((mark, count)),
        Some((m, c)) if m == mark && count >= c && rest.is_empty() => None,
        open => open,
    }
}
