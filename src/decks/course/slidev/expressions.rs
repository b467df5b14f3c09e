//! `{{ … }}`, as far as it asks for what a deck says of itself: page numbers and settings.

use std::ops::Range;

use super::parts;
use crate::course::marks::lines::Lines;
use crate::yaml::{Mapping, Value};

/// What was found in a deck.
#[derive(Default)]
pub struct Found {
    pub edits: Vec<(Range<usize>, String)>,
    /// Where expressions stand that nothing here can answer.
    pub unanswered: Vec<usize>,
}

/// What an expression may ask about.
struct Asked<'a> {
    page: usize,
    total: usize,
    own: &'a Mapping,
    deck: &'a Mapping,
    title: Option<&'a str>,
    /// Where the last expression of the slide ends, at the latest.
    last: usize,
}

/// Looks for expressions outside code, notes and scripts.
pub fn find(text: &str, head: &Mapping) -> Found {
    let mut found = Found::default();
    if !text.contains("{{") && !text.contains("<Slide") {
        return found;
    }
    let parts = parts::cut(text, Some(head));
    let lines = Lines::of(text);
    let total = parts.iter().filter(|part| !part.is_hidden()).count();
    let title = parts.first().and_then(|part| text[part.body.clone()].lines().find_map(|line| line.strip_prefix("# ")));
    let mut page = 0;
    let mut line = 0;
    for part in &parts {
        page += usize::from(!part.is_hidden());
        let last = text[part.body.clone()].rfind("}}").map_or(0, |at| part.body.start + at);
        let asked = Asked { page, total, own: &part.settings, deck: head, title: title.map(str::trim), last };
        while line < lines.len() && lines[line].start < part.body.start {
            line += 1;
        }
        // What a comment or a script that is open ends with.
        let mut until: Option<&'static str> = None;
        while line < lines.len() && lines[line].start < part.body.end {
            let at = lines[line];
            line += 1;
            if !at.code {
                look(text, at.start..at.end, &mut until, &asked, &mut found);
            }
        }
    }
    found
}

/// One line.
fn look(text: &str, range: Range<usize>, until: &mut Option<&'static str>, asked: &Asked<'_>, found: &mut Found) {
    let mut at = range.start;
    while at < range.end {
        let rest = &text[at..range.end];
        if let Some(end) = *until {
            let Some(close) = rest.find(end) else { return };
            at += close + end.len();
            *until = None;
            continue;
        }
        let opened =
            [("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")].into_iter().find(|(open, _)| rest.starts_with(open));
        if let Some((open, close)) = opened {
            at += open.len();
            *until = Some(close);
        } else if rest.starts_with('`') {
            let run = rest.bytes().take_while(|b| *b == b'`').count();
            at += run + rest[run..].find(&rest[..run]).map_or(0, |close| close + run);
        } else if rest.starts_with("{{") {
            // Vue goes on over the end of a line; nothing here does.
            let close = rest.find("}}");
            let end = close.map_or(range.end, |close| at + close + 2);
            let goes_on = asked.last >= end;
            match close.and_then(|close| asked.answer(rest[2..close].trim())) {
                Some(value) => found.edits.push((at..end, value)),
                None if close.is_some() || goes_on => found.unanswered.push(at),
                None => {}
            }
            at = end;
        } else if let Some((tag, value)) =
            [("<SlideCurrentNo", asked.page), ("<SlidesTotal", asked.total)].iter().find(|(tag, _)| rest.starts_with(tag))
        {
            let end = rest.find('>').map_or(range.end, |close| at + close + 1);
            let length = end - at;
            if rest[tag.len()..length].trim().trim_end_matches('>').trim_end_matches('/').trim().is_empty() {
                found.edits.push((at..end, value.to_string()));
            }
            at = end;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
}

impl Asked<'_> {
    /// The text that the expression gives, in Markdown.
    fn answer(&self, expression: &str) -> Option<String> {
        let short = expression.strip_prefix("$slidev.").filter(|rest| rest.starts_with("nav."));
        let name = short.map_or_else(|| expression.to_owned(), |rest| format!("${rest}"));
        let text = match name.as_str() {
            "$page" | "$nav.currentPage" | "$nav.currentSlideNo" => self.page.to_string(),
            "$nav.total" => self.total.to_string(),
            "$nav.currentLayout" => match self.own.get("layout") {
                Some(layout) => shown(Some(layout))?,
                None => if self.page == 1 { "cover" } else { "default" }.to_owned(),
            },
            "$slidev.configs.title" if !self.deck.contains_key("title") => self.title?.to_owned(),
            _ => {
                if let Some(path) = name.strip_prefix("$frontmatter.") {
                    shown(lookup(self.own, path)?)?
                } else if let Some(path) = name.strip_prefix("$slidev.configs.") {
                    shown(lookup(self.deck, path)?)?
                } else if let Some(path) = name.strip_prefix("$slidev.themeConfigs.") {
                    shown(lookup(self.deck, &format!("themeConfig.{path}"))?)?
                } else {
                    literal(&name)?
                }
            }
        };
        Some(as_markdown(&text))
    }
}

/// The value at the end of a dotted path, if there is one; nothing for what is no such path.
fn lookup<'m>(map: &'m Mapping, path: &str) -> Option<Option<&'m Value>> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'));
    let names: Vec<&str> = path.split('.').map(|name| name.trim_end_matches('?')).collect();
    if !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let mut value = map.get(names[0]);
    for name in &names[1..] {
        value = value.and_then(|value| value.as_mapping()?.get(*name));
    }
    Some(value)
}

/// A value as Vue shows it.
fn shown(value: Option<&Value>) -> Option<String> {
    match value {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Bool(on)) => Some(on.to_string()),
        Some(other) => serde_json::to_string(other).ok(),
    }
}

/// The text of a number, or between quotes.
fn literal(expression: &str) -> Option<String> {
    if !expression.is_empty() && expression.bytes().all(|b| b.is_ascii_digit()) {
        return Some(expression.to_owned());
    }
    let quote = expression.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = expression.strip_prefix(quote)?.strip_suffix(quote)?;
    let computed = inner.contains([quote, '\\']) || quote == '`' && inner.contains("${");
    (!computed).then(|| inner.to_owned())
}

/// Plain text in Markdown that shows it as it is.
fn as_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "<>&*_`[]{}~$\\".contains(c) { out.push_str(&format!("&#{};", c as u32)) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_as(text: &str, head: &str) -> (String, usize) {
        let head = crate::yaml::parse::<Value>(&crate::diag::SourceFile::new("head", head)).expect("YAML");
        let found = find(text, head.as_mapping().expect("a mapping"));
        let mut out = String::new();
        let mut done = 0;
        for (range, value) in &found.edits {
            out += &text[done..range.start];
            out += value;
            done = range.end;
        }
        (out + &text[done..], found.unanswered.len())
    }

    #[test]
    fn what_a_deck_says_of_itself_is_answered() {
        let head = "title: A_b\nauthor: {name: N}\nthemeConfig: {primary: red}";
        for (text, expected, unanswered) in [
            ("{{ $page }}/{{ $slidev.nav.total }} {{$nav.currentPage}}", "1/1 1", 0),
            ("{{ $slidev.configs.title }} {{ $frontmatter.author.name }}", "A&#95;b N", 0),
            ("{{ $slidev.themeConfigs.primary }}{{ $frontmatter.none }}.", "red.", 0),
            ("{{ 'a' }} {{ \"b\" }} {{ 12 }} <SlideCurrentNo /> of <SlidesTotal/>", "a b 12 1 of 1", 0),
            ("{{ count }} {{ a.b() }} {{ $clicks + 1 }}", "{{ count }} {{ a.b() }} {{ $clicks + 1 }}", 3),
            ("`{{ $page }}` <!-- {{ $page }} {{ x }} --> {{", "`{{ $page }}` <!-- {{ $page }} {{ x }} --> {{", 0),
            (
                "```\n{{ $page }}\n```\n<script>\n{{ x }}\n</script>{{\n x }}",
                "```\n{{ $page }}\n```\n<script>\n{{ x }}\n</script>{{\n x }}",
                1,
            ),
            (
                "a\n\n---\nhide: true\n---\n\n{{ $page }}\n\n---\n\n{{ $page }} of {{ $nav.total }}\n",
                "a\n\n---\nhide: true\n---\n\n1\n\n---\n\n2 of 2\n",
                0,
            ),
        ] {
            assert_eq!(shown_as(text, head), (expected.to_owned(), unanswered), "{text}");
        }
    }
}
