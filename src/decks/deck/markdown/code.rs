//! Blocks of code: highlighting through the caller's hook, marked lines and spans.

use std::ops::Range;

use super::Options;
use crate::deck::escape::push_escaped;
use crate::slides::entity;

/// The HTML inside `<code>`, and the text with its lines joined. Blank space at the end is no part of either. `info` is a language,
/// or one with the numbers of the lines to mark behind it: `ts{1,3-5}`.
pub fn block(info: &str, code: &str, options: &Options<'_>) -> (String, String) {
    let code = code.trim_end_matches(['\n', ' ']);
    let (language, numbers) = parts(info);
    let (code, marks) = marks(code, language, numbers, options);
    let mut html = options.highlight.and_then(|highlight| highlight(language, &code)).unwrap_or_else(|| {
        let mut html = String::with_capacity(code.len() + 16);
        push_escaped(&mut html, &code);
        html
    });
    if !marks.is_empty() {
        html = overlay(&html, &marks);
    }
    let text = if code.contains('\n') { code.replace('\n', "") } else { code };
    (html, text)
}

/// The language of what stands behind the mark of a fence.
pub fn language(info: &str) -> &str {
    parts(info).0
}

/// What reveal.js writes at a fence, in our way: `js [1-2|4]` marks these lines one after the other there, and all of them here.
pub fn of_reveal(info: &str) -> String {
    let language = info.split([' ', '\t', '[']).next().unwrap_or_default();
    let stages = info[language.len()..].trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(stages, _)| stages);
    // The number of the first line may stand before the stages.
    let stages = stages.map(|stages| stages.rsplit(':').next().unwrap_or_default().replace('|', ",").replace([' ', '\t'], ""));
    match stages.filter(|stages| stages.bytes().any(|b| b.is_ascii_digit()) && stages.bytes().all(is_number)) {
        Some(stages) => format!("{language}{{{stages}}}"),
        None => info.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b',' | b'-')
}

/// A language and the numbers of lines behind it.
pub fn parts(info: &str) -> (&str, &str) {
    match info.strip_suffix('}').and_then(|rest| rest.split_once('{')) {
        Some((language, numbers)) if !numbers.is_empty() && numbers.bytes().all(is_number) => (language, numbers),
        _ => (info, ""),
    }
}

/// Whether `numbers`, as in `1,3-5,9-`, has this line, counted from 1.
pub fn has(numbers: &str, line: usize) -> bool {
    numbers.split(',').filter(|part| !part.is_empty()).any(|part| match part.split_once('-') {
        Some((from, to)) => {
            from.parse().is_ok_and(|from: usize| from <= line) && (to.is_empty() || to.parse().is_ok_and(|to: usize| line <= to))
        }
        None => part.parse() == Ok(line),
    })
}

/// Languages with strings in backticks: the engine colours them before it looks for marks, so that an element stands in front of
/// the backtick, which then counts at the start of a line and after a backslash too.
const STRINGS: [&str; 10] = ["javascript", "js", "jsx", "mjs", "typescript", "ts", "tsx", "go", "golang", "coffeescript"];

/// A stretch of code to mark: a whole line, or a span of one.
struct Mark {
    range: Range<usize>,
    line: bool,
}

/// Takes the author's marks out of the code: a leading `*` on a line, backticks around a span. Lines are marked by their numbers, too.
fn marks(code: &str, language: &str, numbers: &str, options: &Options<'_>) -> (String, Vec<Mark>) {
    let strings = STRINGS.contains(&language);
    let lines = options.highlight_lines && code.split('\n').any(|l| l.starts_with('*'));
    let spans = options.highlight_spans && code.contains('`');
    if !lines && !spans && numbers.is_empty() {
        return (code.to_owned(), Vec::new());
    }
    let mut out = String::with_capacity(code.len());
    let mut marks = Vec::new();
    for (i, line) in code.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let start = out.len();
        let starred = lines && line.starts_with('*');
        let marked = starred || has(numbers, i + 1);
        let mut line = line;
        if starred {
            line = &line[1..];
            if line.starts_with(' ') {
                out.push(' ');
            }
        }
        while let Some((before, inner, length)) = spans.then(|| span(line, strings)).flatten() {
            out.push_str(&line[..before]);
            if !strings && line[..before].ends_with('\\') {
                // An escaped mark loses the backslash alone.
                out.pop();
                out.push_str(&line[before..before + length]);
            } else {
                if !marked {
                    marks.push(Mark { range: out.len()..out.len() + inner.len(), line: false });
                }
                out.push_str(inner);
            }
            line = &line[before + length..];
        }
        out.push_str(line);
        if marked {
            marks.push(Mark { range: start..out.len(), line: true });
        }
    }
    (out, marks)
}

/// The first `` `span` `` of a line that has a character before it, or any with `strings`: what stands before, the inside, the length with its backticks.
fn span(line: &str, strings: bool) -> Option<(usize, &str, usize)> {
    let mut from = if strings { 0 } else { line.chars().next()?.len_utf8() };
    loop {
        let open = from + line.get(from..)?.find('`')?;
        let inner = &line[open + 1..];
        let close = inner.find('`')?;
        if close > 0 && !line[..open].ends_with('`') {
            return Some((open, &inner[..close], close + 2));
        }
        from = open + 1;
    }
}

/// Puts `<mark>` around stretches of the text of `html`; tags in it stay whole.
fn overlay(html: &str, marks: &[Mark]) -> String {
    let mut out = String::with_capacity(html.len() + marks.len() * 16);
    let mut marks = marks.iter().peekable();
    let mut at = 0;
    let mut rest = html;
    let mut inside = false;
    while !rest.is_empty() {
        if inside && marks.peek().is_some_and(|m| at >= m.range.end) {
            out.push_str("</mark>");
            inside = false;
            marks.next();
        }
        if rest.starts_with('<') {
            let end = rest.find('>').map_or(rest.len(), |n| n + 1);
            if inside {
                out.push_str("</mark>");
                inside = false;
            }
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if !inside && let Some(mark) = marks.peek().filter(|m| m.range.contains(&at)) {
            out.push_str(if mark.line { "<mark class=\"line\">" } else { "<mark>" });
            inside = true;
        }
        // One character, or one reference that stands for one.
        let reference = if rest.starts_with('&') { entity::decode(rest) } else { None };
        let (length, plain) = match reference {
            Some((length, plain)) => (length, plain.len()),
            None => rest.chars().next().map_or((rest.len(), 1), |c| (c.len_utf8(), c.len_utf8())),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
        at += plain;
        while !inside && marks.peek().is_some_and(|m| at >= m.range.end) {
            marks.next();
        }
    }
    if inside {
        out.push_str("</mark>");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(code: &str, highlight: Option<crate::deck::markdown::Highlight<'_>>) -> String {
        block("sh", code, &Options { highlight_lines: true, highlight_spans: true, highlight, ..Options::default() }).0
    }

    #[test]
    fn lines_and_spans_are_marked() {
        assert_eq!(
            html("var a;\n* var b;\n*var c;", None),
            "var a;\n<mark class=\"line\">  var b;</mark>\n<mark class=\"line\">var c;</mark>"
        );
        assert_eq!(html("let `a<b` = 1;", None), "let <mark>a&lt;b</mark> = 1;");
        assert_eq!(html("`b` at start", None), "`b` at start");
        assert_eq!(html("x \\`c` y", None), "x `c` y");
        let js = Options { highlight_spans: true, ..Options::default() };
        assert_eq!(block("js", "`b` at\nx \\`c`", &js).0, "<mark>b</mark> at\nx \\<mark>c</mark>");
    }

    #[test]
    fn lines_are_marked_by_number() {
        let marked = |info: &str| block(info, "a\nb\nc\nd", &Options::default()).0;
        assert_eq!(marked("ts{1,3-}"), "<mark class=\"line\">a</mark>\nb\n<mark class=\"line\">c</mark>\n<mark class=\"line\">d</mark>");
        assert_eq!(marked("{2-2,,9}"), "a\n<mark class=\"line\">b</mark>\nc\nd");
        assert_eq!((language("ts{1,3-}"), language("{r}"), language("{2}"), language("a{b}")), ("ts", "{r}", "", "a{b}"));
        assert_eq!([of_reveal("js [1-2|4]"), of_reveal("js[5: 2]"), of_reveal("js [x] y")], ["js{1-2,4}", "js{2}", "js"]);
        assert_eq!(marked("ts{x}"), "a\nb\nc\nd");
    }

    #[test]
    fn marks_do_not_cut_tags() {
        let colour = |_: &str, code: &str| Some(code.replace("b;", "<i>b</i>;"));
        assert_eq!(
            html("a\n* b;", Some(&colour)),
            "a\n<mark class=\"line\">  </mark><i><mark class=\"line\">b</mark></i><mark class=\"line\">;</mark>"
        );
    }
}
