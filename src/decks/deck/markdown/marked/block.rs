//! Blocks: each is the first rule that fits where the text has got to.

use std::borrow::Cow;

use super::table::{self, Table};
use super::{Context, MAX_DEPTH, escape, inline, line};
use crate::slides::remark::Engine;
use crate::slides::remark::index::Fences;

/// Writes the blocks of `text`. `top`: paragraphs, tables and definitions count, as they do not in list items.
pub fn write(text: &str, top: bool, depth: usize, context: Context<'_>, out: &mut String) {
    Blocks::new(text, top, depth, context).run(out, false);
}

/// Lines of blanks alone are empty lines.
fn emptied(text: &str) -> Cow<'_, str> {
    let blank = |line: &str| !line.is_empty() && line.bytes().all(|b| b == b' ');
    // Such a line ends with a blank.
    let ends = |at: usize| text.as_bytes()[..at].last() == Some(&b' ');
    if !ends(text.len()) && !memchr::memchr_iter(b'\n', text.as_bytes()).any(ends) || !text.split('\n').any(blank) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if !blank(line) {
            out.push_str(line);
        }
    }
    out.into()
}

/// Each line without the blanks at its start, up to `most`.
fn outdented(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let blanks = line.bytes().take(most).take_while(|b| *b == b' ').count();
        out.push_str(&line[blanks..]);
    }
    out
}

struct Blocks<'t> {
    text: Cow<'t, str>,
    top: bool,
    depth: usize,
    context: Context<'t>,
    fences: Option<Fences>,
    /// End tags that end no block after some place.
    unclosed: Vec<(String, usize)>,
    /// Bytes that may be looked ahead in vain for the end of a tag.
    left: usize,
    /// Where a list was cut in two, and where both end.
    cut: Option<(usize, usize)>,
}

/// A block and where the text goes on.
enum Block<'b> {
    Code { language: &'b str, text: Cow<'b, str> },
    Heading(usize, &'b str),
    Table(Table<'b>),
    Rule,
    Quote(&'b str),
    List(Vec<&'b str>),
    Html(&'b str),
    Definition,
    Paragraph(&'b str),
    Text(&'b str),
}

impl<'t> Blocks<'t> {
    fn new(text: &'t str, top: bool, depth: usize, context: Context<'t>) -> Self {
        let text = emptied(text);
        let may_start = |at: usize| matches!(&text.as_bytes()[at..], [b'`', b'`', b'`', ..] | [b'~', b'~', b'~', ..]);
        let fences = memchr::memchr2_iter(b'`', b'~', text.as_bytes()).any(may_start).then(|| Fences::new(&text));
        let left = (1 << 16) + 32 * text.len();
        Blocks { text, top, depth, context, fences, unclosed: Vec::new(), left, cut: None }
    }

    /// `tight`: text that is no paragraph stands without one.
    fn run(mut self, out: &mut String, tight: bool) {
        let text = std::mem::take(&mut self.text);
        if self.depth > MAX_DEPTH {
            escape(&text, false, out);
            return;
        }
        let context = self.context;
        let mut at = 0;
        // Lines of text one after the other are one.
        let mut pending = String::new();
        let flush = |pending: &mut String, out: &mut String| {
            if !pending.is_empty() {
                let start = if tight { "" } else { "<p>" };
                out.push_str(start);
                inline::write(pending, context, out);
                out.push_str(if tight { "" } else { "</p>\n" });
                pending.clear();
            }
        };
        while at < text.len() {
            let feeds = line::skip_feeds(&text, at);
            if feeds > at + 1 {
                flush(&mut pending, out);
            }
            at = feeds;
            if at == text.len() {
                break;
            }
            let (block, next) = self.block(&text, at);
            if let Block::Text(line) = block {
                if !pending.is_empty() {
                    pending.push('\n');
                }
                pending.push_str(line);
                at = next;
                continue;
            }
            flush(&mut pending, out);
            self.put(block, out);
            at = next;
        }
        flush(&mut pending, out);
    }

    fn put(&self, block: Block<'_>, out: &mut String) {
        let context = self.context;
        match block {
            Block::Code { language, text } => {
                out.push_str("<pre><code");
                if !language.is_empty() {
                    out.push_str(" class=\"");
                    escape(language, true, out);
                    out.push('"');
                }
                out.push('>');
                escape(&text, true, out);
                out.push_str("\n</code></pre>");
                if !language.is_empty() {
                    out.push('\n');
                }
            }
            Block::Heading(level, text) => {
                let level = ["1", "2", "3", "4", "5", "6"][level.clamp(1, 6) - 1];
                out.extend(["<h", level, ">"]);
                inline::write(text, context, out);
                out.extend(["</h", level, ">\n"]);
            }
            Block::Rule => out.push_str("<hr>\n"),
            Block::Quote(text) => {
                let inner: Vec<&str> = text.split('\n').map(unquoted).collect();
                out.push_str("<blockquote>\n");
                Blocks::new(&inner.join("\n"), self.top, self.depth + 1, context).run(out, false);
                out.push_str("</blockquote>\n");
            }
            Block::List(items) => self.list(&items, out),
            Block::Html(text) => out.push_str(text),
            Block::Paragraph(text) => {
                out.push_str("<p>");
                inline::write(text, context, out);
                out.push_str("</p>\n");
            }
            Block::Table(table) => self.table(&table, out),
            Block::Definition | Block::Text(_) => {}
        }
    }

    /// The block that starts at `at`, and its end.
    fn block<'b>(&mut self, text: &'b str, at: usize) -> (Block<'b>, usize) {
        let stop = line::end(text, at);
        let this = &text[at..stop];
        let after = || line::skip_feeds(text, stop);
        if this.len() > 4 && this.starts_with("    ") {
            let mut end = at;
            while text[end..].starts_with("    ") && line::end(text, end) > end + 4 {
                end = line::skip_feeds(text, line::end(text, end));
            }
            return (Block::Code { language: "", text: outdented(&text[at..end], 4).into() }, end);
        }
        if let Some((language, body, end)) = self.fence(text, at, stop) {
            return (Block::Code { language, text: body.into() }, end);
        }
        if let Some((level, title)) = line::heading(this, self.context.engine) {
            return (Block::Heading(level, title), after());
        }
        if self.top
            && this.contains('|')
            && let Some(table) = table::read(text, at, false)
        {
            let end = table.end;
            return (Block::Table(table), end);
        }
        if let Some(level) = self.underlined(text, stop) {
            return (Block::Heading(level, this), line::skip_feeds(text, line::end(text, stop + 1)));
        }
        if line::is_rule(this) {
            return (Block::Rule, after());
        }
        if is_quote(this) {
            let mut end = at;
            loop {
                end = line::end(text, end);
                let next = line::skip_feeds(text, end);
                let goes_on = next == end + 1 && next < text.len();
                let defines = self.context.engine == Engine::Upstream && goes_on && line::is_definition(&text[next..line::end(text, next)]);
                if goes_on && !defines || next < text.len() && is_quote(&text[next..line::end(text, next)]) {
                    end = next;
                    continue;
                }
                return (Block::Quote(&text[at..next]), next);
            }
        }
        if let Some((indent, length, _)) = line::bullet(this)
            && text.len() > at + length + 1
        {
            let known = self.cut.take().filter(|(place, _)| *place == at);
            let end = known.map_or_else(|| self.list_end(text, at, indent, at + length + 2), |(_, end)| end);
            let (items, other) = self.items(&text[at..end]);
            // What follows is up to the same end: it is not looked for again.
            self.cut = other.map(|place| (at + place, end));
            return (Block::List(items), other.map_or(end, |place| at + place));
        }
        if let Some(end) = self.html(text, at) {
            return (Block::Html(&text[at..end]), end);
        }
        if self.top && line::is_definition(this) {
            return (Block::Definition, after());
        }
        if self.top
            && this.contains('|')
            && let Some(table) = table::read(text, at, true)
        {
            let end = table.end;
            return (Block::Table(table), end);
        }
        if !self.top {
            return (Block::Text(this), stop);
        }
        let mut end = stop;
        while end + 1 < text.len() && text.as_bytes()[end + 1] != b'\n' && !self.interrupts(text, end + 1) {
            end = line::end(text, end + 1);
        }
        (Block::Paragraph(&text[at..end]), line::skip_feeds(text, end))
    }

    /// The level of a heading whose underline is the line after `stop`.
    fn underlined(&self, text: &str, stop: usize) -> Option<usize> {
        let next = stop + 1;
        if next >= text.len() { None } else { line::underline(&text[next..line::end(text, next)]) }
    }

    /// Whether a block that ends a paragraph starts at `at`.
    fn interrupts(&mut self, text: &str, at: usize) -> bool {
        let stop = line::end(text, at);
        let this = &text[at..stop];
        // 0.15 wants a blank after the mark of a heading, but ends a paragraph without one, too.
        line::heading(this, Engine::ContainerTraining).is_some()
            || line::is_rule(this)
            || is_quote(this)
            || line::bullet(this).is_some_and(|(_, length, _)| text.len() > at + length + 1)
            || line::block_tag(this).is_some()
            || self.underlined(text, stop).is_some()
            || line::is_definition(this)
            || self.fence(text, at, stop).is_some()
    }

    /// A fence that is closed: its language, its body, and where the text goes on.
    fn fence<'b>(&mut self, text: &'b str, at: usize, stop: usize) -> Option<(&'b str, &'b str, usize)> {
        let fences = self.fences.as_mut()?;
        let bytes = text.as_bytes();
        let mark = at + bytes[at..stop].iter().take_while(|b| **b == b' ').count();
        let byte = *bytes.get(mark).filter(|b| matches!(b, b'`' | b'~'))?;
        let run = bytes[mark..stop].iter().take_while(|b| **b == byte).count();
        if run < 3 || stop == text.len() {
            return None;
        }
        let info = &text[mark + run..stop];
        let word = info.trim_matches(' ');
        let is_word = |text: &str| !text.contains(char::is_whitespace);
        let whole = is_word(word).then_some(run);
        // A shorter mark makes the rest of the run a part of the language, which then may have no blank before it.
        let parts = is_word(info.trim_end_matches(' ')).then_some(run - 1);
        // 0.15 takes a fence without a line in it, too.
        let least = usize::from(self.context.engine == Engine::ContainerTraining);
        for length in whole.into_iter().chain(parts.into_iter().flat_map(|n| (3..=n).rev())) {
            let Some(close) = fences.close(bytes, byte, length, stop + 1 + least) else { continue };
            let body = &text[stop + 1..close - length];
            let cut = body.trim_end_matches(crate::slides::remark::lexer::is_space);
            let body = if cut.is_empty() && least == 1 { body.get(..1).unwrap_or(body) } else { cut };
            let language = if length == run { word } else { text[mark + length..stop].trim_end_matches(' ') };
            return Some((language, body, line::skip_feeds(text, line::end(text, close))));
        }
        None
    }

    /// Where the list ends that starts at `at` with this indent; it is at least up to `from`.
    fn list_end(&self, text: &str, at: usize, indent: usize, from: usize) -> usize {
        let bytes = text.as_bytes();
        let upstream = self.context.engine == Engine::Upstream;
        let mut feed = from - 1;
        loop {
            feed = match memchr::memchr(b'\n', &bytes[feed..]) {
                Some(n) => (feed + n).max(from),
                None => return text.len(),
            };
            if bytes.get(feed) != Some(&b'\n') {
                continue;
            }
            let next = line::skip_feeds(text, feed);
            if text[next..].trim_start().is_empty() {
                return text.len();
            }
            let this = &text[next..line::end(text, next)];
            let rule = if upstream {
                let own = this.strip_prefix(&text[at..at + indent]).unwrap_or(this);
                !own.starts_with(' ') && line::is_rule(own) || line::is_definition(this)
            } else {
                line::is_rule(this)
            };
            let blank = next - feed;
            let goes_on = || this.starts_with(' ') || self.is_item(this, &text[at..at + indent]);
            if rule || blank > 2 || blank == 2 && !goes_on() {
                return next;
            }
            feed = next;
        }
    }

    /// Whether `line` is an item of the list with this indent.
    fn is_item(&self, line: &str, indent: &str) -> bool {
        line::bullet(line).is_some_and(|(n, ..)| n == indent.len())
    }

    /// The items of a list, up to one with a mark of another kind: there another list begins, at the place that comes with them.
    fn items<'b>(&self, text: &'b str) -> (Vec<&'b str>, Option<usize>) {
        let mut items: Vec<&str> = Vec::new();
        let mut mark = None;
        let mut start = 0;
        while start < text.len() {
            let Some((indent, length, ordered)) = line::bullet(&text[start..line::end(text, start)]) else {
                start = (line::end(text, start) + 1).min(text.len());
                continue;
            };
            // All numbers are of one kind; `*`, `+` and `-` are three.
            let own = if ordered { "1." } else { &text[start + indent..start + length] };
            if *mark.get_or_insert(own) != own {
                return (items, Some(start));
            }
            let mut end = line::end(text, start);
            while end < text.len() && !self.is_item(&text[end + 1..line::end(text, end + 1)], &text[start..start + indent]) {
                end = line::end(text, end + 1);
            }
            items.push(&text[start..end]);
            start = (end + 1).min(text.len());
        }
        (items, None)
    }

    fn list(&self, items: &[&str], out: &mut String) {
        let ordered = items.first().and_then(|item| line::bullet(item)).is_some_and(|(.., ordered)| ordered);
        let tag = if ordered { "ol" } else { "ul" };
        out.extend(["<", tag, ">\n"]);
        let last = items.len().saturating_sub(1);
        let mut next_loose = false;
        for (i, item) in items.iter().enumerate() {
            let Some((_, length, _)) = line::bullet(item) else { continue };
            let body = item[length..].trim_start_matches(' ');
            let feeds = || memchr::memchr_iter(b'\n', body.as_bytes());
            let body =
                if feeds().any(|at| body.as_bytes().get(at + 1) == Some(&b' ')) { outdented(body, 4).into() } else { Cow::Borrowed(body) };
            let is_pair = |at: &usize| body.as_bytes().get(at + 1) == Some(&b'\n');
            let mut pairs = memchr::memchr_iter(b'\n', body.as_bytes()).filter(is_pair);
            let mut loose = next_loose || pairs.any(|at| !body[at + 2..].trim_start().is_empty());
            if i != last {
                next_loose = body.ends_with('\n');
                loose |= next_loose;
            }
            out.push_str("<li>");
            Blocks::new(&body, false, self.depth + 1, self.context).run(out, !loose);
            out.push_str("</li>\n");
        }
        out.extend(["</", tag, ">\n"]);
    }

    /// Where the HTML ends that starts at `at`: a comment, an element up to its end tag, or a tag, with an empty line after it.
    fn html(&mut self, text: &str, at: usize) -> Option<usize> {
        let start = at + text.as_bytes()[at..].iter().take_while(|b| **b == b' ').count();
        let rest = &text[start..];
        if rest.starts_with("<!--") {
            let feeds = 2 - usize::from(self.context.engine == Engine::Upstream);
            return self.closed(text, start + 4, "-->", feeds);
        }
        let name = line::block_tag(rest)?;
        if let Some(end) = self.closed(text, start + name.len() + 1, &format!("</{name}>"), 2) {
            return Some(end);
        }
        ended(text, start + inline::tag(rest, &mut self.left)?, 2)
    }

    /// The end of the first `close` after `from` that ends its paragraph.
    fn closed(&mut self, text: &str, from: usize, close: &str, feeds: usize) -> Option<usize> {
        if self.unclosed.iter().any(|(name, place)| name == close && *place <= from) {
            return None;
        }
        let mut at = from;
        while let Some(found) = text.get(at..)?.find(close) {
            at += found + close.len();
            if let Some(end) = ended(text, at, feeds) {
                return Some(end);
            }
        }
        self.unclosed.push((close.to_owned(), from));
        None
    }

    fn table(&self, table: &Table<'_>, out: &mut String) {
        let row = |cells: &[&str], tag: &str, out: &mut String| {
            out.push_str("<tr>\n");
            for (i, cell) in cells.iter().enumerate() {
                match table.align.get(i).copied().flatten() {
                    Some(side) => out.push_str(&format!("<{tag} style=\"text-align:{side}\">")),
                    None => out.extend(["<", tag, ">"]),
                }
                inline::write(cell, self.context, out);
                out.extend(["</", tag, ">\n"]);
            }
            out.push_str("</tr>\n");
        };
        out.push_str("<table>\n<thead>\n");
        row(&table.header, "th", out);
        out.push_str("</thead>\n<tbody>\n");
        for cells in &table.rows {
            row(cells, "td", out);
        }
        out.push_str("</tbody>\n</table>\n");
    }
}

/// ` *(?:\n{2,}|\s*$)` at `at`: where it ends.
fn ended(text: &str, at: usize, feeds: usize) -> Option<usize> {
    let rest = &text[at..];
    if rest.trim_start().is_empty() {
        return Some(text.len());
    }
    let line = at + rest.len() - rest.trim_start_matches(' ').len();
    let next = line::skip_feeds(text, line);
    (next - line >= feeds).then_some(if feeds == 1 { line + 1 } else { next })
}

/// ` *>[^\n]+`
fn is_quote(line: &str) -> bool {
    line.trim_start_matches(' ').strip_prefix('>').is_some_and(|rest| !rest.is_empty())
}

/// The line without ` *> ?`.
fn unquoted(line: &str) -> &str {
    line.trim_start_matches(' ').strip_prefix('>').map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest))
}
