//! A Slidev deck cut into slides: the settings of each, and its text.

use std::ops::Range;

use crate::course::front_matter;
use crate::course::habits::separators;
use crate::course::marks::fence;
use crate::diag::SourceFile;
use crate::yaml::{self, Mapping, Value};

/// A slide as its author wrote it.
pub struct Part {
    /// Where its separator stands, or the text starts.
    pub start: usize,
    pub settings: Mapping,
    /// Its text, behind the settings.
    pub body: Range<usize>,
    /// The settings stood in a block of YAML in the text, which `body` begins behind.
    pub block: bool,
}

impl Part {
    /// Whether a setting is on.
    pub fn is(&self, key: &str) -> bool {
        match self.settings.get(key) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    /// Slides that are not shown are not counted.
    pub fn is_hidden(&self) -> bool {
        self.is("hide") || self.is("disabled")
    }
}

/// All slides of `text`. `head` are the settings of the first one, where they stand outside the text.
pub fn cut(text: &str, head: Option<&Mapping>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut next = separators(text).into_iter().peekable();
    let mut start = 0;
    loop {
        let first = parts.is_empty();
        let front = if first && head.is_some() { None } else { front_matter::block(text, start) };
        let (mut settings, mut from) = match front {
            Some((map, end)) => (map, end),
            None if first => (head.cloned().unwrap_or_default(), 0),
            None => (Mapping::new(), text[start..].find('\n').map_or(text.len(), |n| start + n + 1)),
        };
        while next.next_if(|at| *at < from).is_some() {}
        let end = next.peek().copied().unwrap_or(text.len());
        let mut block = false;
        if settings.is_empty()
            && !first
            && let Some((map, length)) = yaml_block(&text[from..end])
        {
            (settings, block) = (map, true);
            from += length;
        }
        parts.push(Part { start, settings, body: from..end, block });
        match next.next() {
            Some(at) => start = at,
            None => return parts,
        }
    }
}

/// Settings in a block of code at the start of a slide, and where the text goes on behind it.
fn yaml_block(text: &str) -> Option<(Mapping, usize)> {
    let lead = text.len() - text.trim_start().len();
    let lead = text[..lead].rfind('\n').map_or(0, |n| n + 1);
    let mut lines = text[lead..].split_inclusive('\n');
    let first = lines.next()?;
    let open = fence::open(first.trim_end()).filter(|open| matches!(open.info, "yaml" | "yml"))?;
    let mark = open.mark;
    let from = lead + first.len();
    let mut at = from;
    for line in lines {
        if fence::closes(line, mark) {
            let map = yaml::parse::<Value>(&SourceFile::new("settings", &text[from..at])).ok()?;
            let Value::Mapping(map) = map else { return None };
            return (!map.is_empty()).then_some((map, at + line.len()));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_have_settings_and_text() {
        let text = "# A\n\n---\nlayout: x\n---\n\n# B\n\n---\n\n```yaml\nlayout: y\n```\n\n# C\n\n---\n\n```yaml\nkey: [\n```\n\n---\n";
        let parts = cut(text, None);
        let shown: Vec<(usize, &str)> = parts.iter().map(|part| (part.settings.len(), text[part.body.clone()].trim())).collect();
        assert_eq!(shown, [(0, "# A"), (1, "# B"), (1, "# C"), (0, "```yaml\nkey: [\n```"), (0, "")]);
        let parts = cut("---\nclass: a\n---\n\n# A\n\n---\n# B\n", None);
        assert_eq!((parts.len(), parts[0].settings.len()), (2, 1));
        assert_eq!(cut("", None).len(), 1);
    }
}
