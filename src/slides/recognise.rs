//! Tells the dialect of a deck by its marks.

use super::Dialect;

/// Reveal where a `!SLIDE` or `!SUB` starts a line after an empty one, or a `.slide:`/`.element` comment stands; else remark.
pub fn recognise(text: &str) -> Dialect {
    let mut separators = 0usize;
    let mut marks = 0usize;
    let mut comments = 0usize;
    let mut blank = false;
    for line in text.lines() {
        match line.trim_end() {
            "---" | "--" | "???" => separators += 1,
            l if blank && (l.starts_with("!SLIDE") || l.starts_with("!SUB")) => marks += 1,
            l if l.contains('<') && (l.contains("<!-- .slide:") || l.contains("<!-- .element")) => comments += 1,
            _ => {}
        }
        blank = line.is_empty();
    }
    if marks > 0 && marks >= separators || marks == 0 && separators == 0 && comments > 0 { Dialect::Reveal } else { Dialect::Remark }
}
