//! `<<< @/file#region lang {lines}`: code out of a file, as a fenced block.

use std::ops::Range;

use crate::course::files::{Files, Named};
use crate::course::marks::lines::Lines;
use crate::diag::{Diagnostic, SourceText};

/// Bytes that all code of a deck may have.
const LONGEST: usize = 16 << 20;

/// What stands in place of the lines that name code.
pub fn edits(source: &SourceText, files: &Files, diagnostics: &mut Vec<Diagnostic>) -> Vec<(Range<usize>, String)> {
    let text = source.text();
    let mut edits = Vec::new();
    let mut left = LONGEST;
    if !text.contains("<<<") {
        return edits;
    }
    let lines = Lines::of(text);
    for line in lines.iter().filter(|line| !line.code) {
        let Some(wish) = Wish::read(&text[line.start..line.end]) else { continue };
        let at = line.start + text[line.start..line.end].find(wish.path).unwrap_or(0);
        let Some(place) = source.locate(at) else { continue };
        let named = Named { file: place.file, offset: place.offset, name: wish.path };
        let Some((file, _)) = files.open(&named, diagnostics) else { continue };
        let Some(code) = wish.region.map_or(Some(file.text().to_owned()), |region| part(file.text(), region)) else {
            let message = format!("{} has no region {:?}", wish.path, wish.region.unwrap_or_default());
            files.tell("bad-import", message, None, &named, diagnostics);
            continue;
        };
        let code = code.replace("\r\n", "\n");
        let Some(rest) = left.checked_sub(code.len()) else { continue };
        left = rest;
        let longest = code.lines().map(|line| line.trim_start().bytes().take_while(|b| *b == b'`').count()).max().unwrap_or(0);
        let mark = "`".repeat(3.max(longest + 1));
        let language = wish.language.unwrap_or_else(|| wish.path.rsplit_once('.').map_or("", |(_, ext)| ext));
        let lines = if wish.lines.is_empty() { String::new() } else { format!(" {}", wish.lines) };
        edits.push((line.start..line.end, format!("{mark}{language}{lines}\n{}\n{mark}", code.trim_end_matches('\n'))));
    }
    edits
}

/// What a line asks for.
#[derive(Debug, PartialEq)]
struct Wish<'t> {
    path: &'t str,
    region: Option<&'t str>,
    language: Option<&'t str>,
    /// Braces as they stand behind a fence.
    lines: &'t str,
}

impl Wish<'_> {
    fn read(line: &str) -> Option<Wish<'_>> {
        let rest = line.strip_prefix("<<<")?.trim();
        let (names, lines) = rest.split_at(rest.find(" {").map_or(rest.len(), |at| at + 1));
        let mut words = names.split_whitespace();
        let path = words.next()?;
        let (path, region) = path.split_once('#').map_or((path, None), |(path, region)| (path, Some(region)));
        let named = path.contains(['/', '.']) && !path.contains("://");
        named.then(|| Wish { path, region, language: words.next(), lines })
    }
}

/// The lines between the marks of a region, without the blanks that all of them begin with.
fn part(text: &str, region: &str) -> Option<String> {
    let is = |line: &str, mark: &str| {
        let at = line.find(mark)?;
        let name = line[at + mark.len()..].trim().trim_end_matches("-->").trim_end_matches("*/").trim();
        Some(name.to_owned())
    };
    let mut lines = text.lines().skip_while(|line| is(line, "#region").as_deref() != Some(region)).skip(1).peekable();
    lines.peek()?;
    let inner: Vec<&str> = lines.take_while(|line| is(line, "#endregion").is_none_or(|name| !name.is_empty() && name != region)).collect();
    let indent = inner.iter().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    Some(inner.iter().map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_files() {
        let read = |line| Wish::read(line).map(|wish| (wish.path, wish.region, wish.language, wish.lines));
        assert_eq!(read("<<< @/s/a.js"), Some(("@/s/a.js", None, None, "")));
        assert_eq!(read("<<< ./a.js#one ts {2,3|5}{lines:true}"), Some(("./a.js", Some("one"), Some("ts"), "{2,3|5}{lines:true}")));
        assert_eq!(read("<<< word"), None);
        assert_eq!(read("<< a.js"), None);
    }

    #[test]
    fn regions_lose_their_indent() {
        let text = "a\n  // #region x\n  b\n    c\n  // #endregion x\nd\n";
        assert_eq!(part(text, "x").as_deref(), Some("b\n  c\n"));
        assert_eq!(part(text, "y"), None);
    }
}
