//! Tells the dialect of a deck by its marks.

use super::Dialect;

/// Reveal where a `!SLIDE` or `!SUB` starts a line after an empty one, or a `.slide:`/`.element` comment stands; else remark.
pub fn recognise(text: &str) -> Dialect {
    let mut separators = 0usize;
    let mut marks = 0usize;
    let mut blank = false;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
        let line = &text[start..end];
        match line.as_bytes().first() {
            Some(b'-' | b'?') if matches!(line.trim_end(), "---" | "--" | "???") => separators += 1,
            Some(b'!') if blank && (line.starts_with("!SLIDE") || line.starts_with("!SUB")) => marks += 1,
            _ => {}
        }
        blank = matches!(line, "" | "\r");
        start = end + 1;
    }
    let comments = || ["<!-- .slide:", "<!-- .element"].iter().any(|mark| memchr::memmem::find(text.as_bytes(), mark.as_bytes()).is_some());
    if marks > 0 && marks >= separators || marks == 0 && separators == 0 && comments() { Dialect::Reveal } else { Dialect::Remark }
}
