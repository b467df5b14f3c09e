//! Tables: with a bar at the start of each line, or without.

use super::line;

/// A table as it is read.
pub struct Table<'t> {
    pub header: Vec<&'t str>,
    /// `left`, `right`, `center` or nothing, a column.
    pub align: Vec<Option<&'static str>>,
    pub rows: Vec<Vec<&'t str>>,
    /// Where the text goes on.
    pub end: usize,
}

/// The table that starts at `at`.
pub fn read(text: &str, at: usize, bars: bool) -> Option<Table<'_>> {
    let stop = line::end(text, at);
    let head = text[at..stop].trim_start_matches(' ');
    let is_head = if bars { head.len() > 1 && head.starts_with('|') } else { head.rfind('|').is_some_and(|n| n > 0) };
    if !is_head || stop == text.len() {
        return None;
    }
    let next = line::end(text, stop + 1);
    let marks = text[stop + 1..next].trim_start_matches(' ');
    let marks = if bars { marks.strip_prefix('|')?.trim_start_matches(' ') } else { marks };
    let dashes = marks.bytes().take_while(|b| matches!(b, b'-' | b':')).count();
    let bar = bars || marks[dashes..].trim_start_matches(' ').starts_with('|');
    if dashes == 0 || !bar || !marks.bytes().all(|b| matches!(b, b'-' | b'|' | b' ' | b':')) || next == text.len() {
        return None;
    }
    let mut rows = Vec::new();
    let mut end = next + 1;
    while end < text.len() {
        let stop = line::end(text, end);
        let row = &text[end..stop];
        if !(if bars { row.trim_start_matches(' ').starts_with('|') } else { row.contains('|') }) {
            break;
        }
        rows.push(if bars { cells(row, true) } else { row.split('|').enumerate().map(inner).collect() });
        end = (stop + 1).min(text.len());
    }
    let align = cells(marks, true).into_iter().map(alignment).collect();
    Some(Table { header: cells(head, bars), align, rows, end: line::skip_feeds(text, end) })
}

/// A cell between bars keeps its blanks at the line's ends only.
fn inner((_, cell): (usize, &str)) -> &str {
    cell.trim_matches(' ')
}

/// The cells of a line; a bar at its end is left out, one at its start only in a table with `bars`.
fn cells(line: &str, bars: bool) -> Vec<&str> {
    let line = line.trim_matches(' ');
    let line = if bars { line.strip_prefix('|').unwrap_or(line) } else { line };
    let line = line.strip_suffix('|').unwrap_or(line);
    line.split('|').map(|cell| cell.trim_matches(' ')).collect()
}

fn alignment(marks: &str) -> Option<&'static str> {
    match (marks.starts_with(':'), marks.ends_with(':')) {
        _ if marks.len() < 2 || !marks.contains('-') => None,
        (true, true) => Some("center"),
        (false, true) => Some("right"),
        (true, false) => Some("left"),
        (false, false) => None,
    }
}
