//! Where other programs part slides. Marp does so at every rule of Markdown, and not where a line of dashes underlines a title; Slidev
//! at every line that begins with three dashes.

use std::ops::Range;

use super::marks::lines::Lines;

/// What makes `---` alone on a line the one separator of a Slidev deck.
pub fn of_slidev(text: &str) -> Vec<(Range<usize>, String)> {
    let lines = Lines::of(text);
    // The middle of a table would part it, too, and lose the rest: nobody means that.
    let is = |body: &str| body.starts_with("---") && body.trim_end() != "---" && !body.contains('|');
    let all = lines.iter().filter(|line| !line.code && is(&text[line.start..line.end]));
    all.map(|line| (line.start..line.end, "---".to_owned())).collect()
}

/// The same of a Marp deck.
pub fn of_marp(text: &str) -> Vec<(Range<usize>, String)> {
    let lines = Lines::of(text);
    let body = |index: usize| &text[lines[index].start..lines[index].end];
    let mut edits = Vec::new();
    let mut comment = false;
    for index in 0..lines.len() {
        let line = lines[index];
        if line.code {
            continue;
        }
        let was_comment = comment;
        if let Some(mark) = body(index).rfind("<!--").max(body(index).rfind("-->")) {
            comment = body(index)[mark..].starts_with("<!--");
        }
        let dashes = body(index).trim().len() > 1 && body(index).trim().bytes().all(|b| b == b'-');
        if was_comment || !dashes && !is_rule(body(index)) {
            continue;
        }
        let is_alone = |index: usize| index == 0 || lines[index - 1].code || body(index - 1).trim().is_empty() || is_rule(body(index - 1));
        if dashes && index > 0 && !lines[index - 1].code && is_paragraph(body(index - 1)) && is_alone(index - 1) {
            edits.push((lines[index - 1].start..lines[index - 1].start, "## ".to_owned()));
            edits.push((line.start..line.end, String::new()));
        } else if is_rule(body(index)) && body(index).trim_end() != "---" {
            edits.push((line.start..line.end, "---".to_owned()));
        }
    }
    edits
}

/// Three dashes, stars or underscores, blanks between them or not.
fn is_rule(line: &str) -> bool {
    let text = line.trim();
    let Some(mark) = text.bytes().next().filter(|b| matches!(b, b'-' | b'*' | b'_')) else { return false };
    let indent = line.len() - line.trim_start().len();
    indent <= 3 && text.bytes().all(|b| b == mark || b == b' ' || b == b'\t') && text.bytes().filter(|b| *b == mark).count() >= 3
}

/// Whether a line is text of a paragraph, as far as it can be told from itself.
fn is_paragraph(line: &str) -> bool {
    let text = line.trim();
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < text.len() && rest.starts_with(['.', ')']);
    let item = text.starts_with(['-', '*', '+']) && text[1..].starts_with([' ', '\t']);
    !text.is_empty() && !text.starts_with(['#', '>', '<', '`', '~', '!']) && !text.contains('|') && !numbered && !item && !is_rule(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_part_slides_and_titles_do_not() {
        let said = |text: &str| {
            let mut out = String::new();
            let mut done = 0;
            for (range, put) in of_marp(text) {
                out += &text[done..range.start];
                out += &put;
                done = range.end;
            }
            out + &text[done..]
        };
        assert_eq!(said("a\n\n***\n\nb\n\n- - -\n\nc\n\n_____\nd\n"), "a\n\n---\n\nb\n\n---\n\nc\n\n---\nd\n");
        assert_eq!(said("T\n---\n\nx\n"), "## T\n\n\nx\n");
        assert_eq!(said("T\n--\n\n--\n"), "## T\n\n\n--\n");
        for same in [
            "# T\n---\n",
            "- a\n---\n",
            "</div>\n---\n",
            "a\nb\n---\n",
            "```\n***\n```\n",
            "<!--\n***\n-->\n",
            "**b** ***\n",
            "1. a\n---\n",
        ] {
            assert_eq!(said(same), same);
        }
    }
}
