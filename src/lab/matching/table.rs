//! Tables as commands print them: a row of capitals above columns. Compares cells by the names of their columns.

use super::bindings::Bindings;
use super::line::{LineMatch, LinePattern, Pair, judge, squeeze};
use super::token::Class;
use crate::lab::plan::Mode;

/// The header of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    names: Vec<String>,
    /// Where each column starts, in characters.
    starts: Vec<usize>,
}

/// Columns whose numbers say nothing about the exercise.
const COUNTERS: &[&str] = &[
    "PID", "PPID", "SPID", "C", "%CPU", "%MEM", "VSZ", "RSS", "START", "STIME", "TIME", "CPU %", "MEM %", "AGE", "ELAPSED", "WCHAN", "SZ",
    "PIDS",
];

impl Header {
    /// Reads a line as a header: at least two names in capitals, or `...` for columns that are left out.
    pub fn parse(line: &str) -> Option<Header> {
        let cells = split(line);
        let name = |cell: &str| {
            is_wild(cell) || cell.chars().any(char::is_uppercase) && !cell.chars().any(|c| c.is_lowercase() || c.is_ascii_digit())
        };
        let named = cells.iter().filter(|(_, cell)| !is_wild(cell)).count();
        let plain = |cell: &str| cell.chars().all(|c| c.is_alphanumeric() || " %/_()#.-…".contains(c));
        if named < 2 || !cells.iter().all(|(_, cell)| name(cell) && plain(cell)) {
            return None;
        }
        let (starts, names) = cells.into_iter().map(|(start, cell)| (start, cell.to_owned())).unzip();
        Some(Header { names, starts })
    }

    /// For each of our columns the one of `actual` that it names; none for `...`. None when the columns are others.
    pub fn columns(&self, actual: &Header) -> Option<Vec<Option<usize>>> {
        let mut columns = Vec::new();
        let mut next = 0;
        let mut skipping = false;
        for name in &self.names {
            if is_wild(name) {
                skipping = true;
                columns.push(None);
                continue;
            }
            let name = name.trim_end_matches("...").trim_end_matches('…');
            let found = (next..actual.names.len()).find(|&i| actual.names[i] == name)?;
            if found != next && !skipping {
                return None;
            }
            skipping = false;
            columns.push(Some(found));
            next = found + 1;
        }
        (skipping || next == actual.names.len()).then_some(columns)
    }

    /// The cells of a row, empty ones included. None when it is no row of this table.
    pub fn cells(&self, row: &str) -> Option<Vec<String>> {
        self.cells_by_offset(row).or_else(|| self.cells_by_gaps(row)).or_else(|| self.cells_by_words(row))
    }

    fn cells_by_offset(&self, row: &str) -> Option<Vec<String>> {
        let chars: Vec<char> = row.trim_end().chars().collect();
        let mut cells = Vec::new();
        for (i, &start) in self.starts.iter().enumerate() {
            let start = if i == 0 { 0 } else { start };
            let end = self.starts.get(i + 1).copied().unwrap_or(chars.len()).min(chars.len());
            if i > 0 && start <= chars.len() && !matches!(chars.get(start - 1), None | Some(' ' | '\t')) {
                return None;
            }
            let cell: String = chars.get(start.min(chars.len())..end.max(start.min(chars.len())))?.iter().collect();
            // A cell that starts late belongs to a table that is not aligned.
            if i > 0 && cell.starts_with(' ') && !cell.trim().is_empty() {
                return None;
            }
            // A cell with a gap in it holds two.
            if split(cell.trim()).len() > 1 && i + 1 < self.starts.len() {
                return None;
            }
            cells.push(cell.trim().to_owned());
        }
        Some(cells)
    }

    fn cells_by_gaps(&self, row: &str) -> Option<Vec<String>> {
        let mut cells: Vec<String> = split(row).into_iter().map(|(_, cell)| cell.to_owned()).collect();
        // `0.0.0.0:32770->9292/tcp ...`: a last column that is left out needs no gap before it.
        if cells.len() + 1 == self.names.len()
            && let Some(before) = cells.last().and_then(|c| c.strip_suffix(" ...")).map(str::to_owned)
        {
            cells.pop();
            cells.extend([before, "...".to_owned()]);
        }
        (cells.len() == self.names.len()).then_some(cells)
    }

    /// `ps` and others align to the right and leave no cell empty.
    fn cells_by_words(&self, row: &str) -> Option<Vec<String>> {
        let names: Vec<&str> = self.names.iter().flat_map(|n| n.split_whitespace()).collect();
        if names.len() != self.names.len() {
            return None;
        }
        let mut words = row.split_whitespace();
        let mut cells: Vec<String> = words.by_ref().take(names.len()).map(str::to_owned).collect();
        let rest: Vec<&str> = words.collect();
        if let Some(last) = cells.last_mut().filter(|_| !rest.is_empty()) {
            last.push(' ');
            last.push_str(&rest.join(" "));
        }
        (cells.len() == names.len()).then_some(cells)
    }
}

/// A row that is expected, ready to be compared with many.
#[derive(Debug)]
pub struct RowPattern {
    header: Header,
    cells: Vec<(String, LinePattern)>,
}

impl RowPattern {
    pub fn new(header: &Header, row: &str, bindings: &Bindings) -> Option<RowPattern> {
        let cells = header.cells(row)?;
        let cells = cells.into_iter().map(|c| (c.clone(), LinePattern::new(&c, Mode::Meaning, true, bindings))).collect();
        Some(RowPattern { header: header.clone(), cells })
    }

    /// Compares with a row of a table with the header `actual`.
    pub fn compare(&self, actual: &Header, row: &str, bindings: &Bindings) -> LineMatch {
        let (Some(columns), Some(cells)) = (self.header.columns(actual), actual.cells(row)) else { return LineMatch::No };
        let mut all = Vec::new();
        for (i, (expected, pattern)) in self.cells.iter().enumerate() {
            let Some(column) = columns[i] else { continue };
            let cell = &cells[column];
            let name = actual.names[column].as_str();
            let counter = COUNTERS.contains(&name) && is_counter(expected) && is_counter(cell);
            let compared = match counter {
                true if matches!(name, "PID" | "PPID") => {
                    judge(vec![Pair { class: Class::Pid, expected: expected.clone(), actual: cell.clone() }], bindings)
                }
                true => LineMatch::Yes { pairs: Vec::new(), volatile: expected != cell },
                false if squeeze(expected) == squeeze(cell) && !matches!(pattern.compare(cell, bindings), LineMatch::Value { .. }) => {
                    match pattern.compare(cell, bindings) {
                        yes @ LineMatch::Yes { .. } => yes,
                        _ => LineMatch::Yes { pairs: Vec::new(), volatile: false },
                    }
                }
                false => pattern.compare(cell, bindings),
            };
            match compared {
                LineMatch::Yes { pairs, volatile } => all.push((pairs, volatile)),
                LineMatch::Value { pairs, why } => return LineMatch::Value { pairs, why: format!("{}: {why}", name.to_lowercase()) },
                _ => return LineMatch::No,
            }
        }
        let volatile = all.iter().any(|(_, volatile)| *volatile);
        LineMatch::Yes { pairs: all.into_iter().flat_map(|(pairs, _)| pairs).collect(), volatile }
    }
}

fn is_wild(cell: &str) -> bool {
    matches!(cell, "..." | "…")
}

/// A number, a time, a percentage.
fn is_counter(cell: &str) -> bool {
    cell.chars().any(|c| c.is_ascii_digit())
        && cell.chars().all(|c| c.is_ascii_digit() || ":.%-?smhd".contains(c) || c.is_ascii_uppercase())
        || cell.len() == 5 && cell[..3].chars().all(|c| c.is_ascii_alphabetic()) && cell[3..].chars().all(|c| c.is_ascii_digit())
}

/// Pieces that are two blanks or a tab apart, with their place in characters.
fn split(line: &str) -> Vec<(usize, &str)> {
    let mut cells = Vec::new();
    let mut start: Option<(usize, usize)> = None;
    let mut blanks = 0;
    let mut end = 0;
    for (column, (at, c)) in line.char_indices().enumerate() {
        if c == ' ' || c == '\t' {
            blanks += if c == '\t' { 2 } else { 1 };
            continue;
        }
        if let Some((column, from)) = start
            && blanks >= 2
        {
            cells.push((column, &line[from..end]));
            start = None;
        }
        start = start.or(Some((column, at)));
        blanks = 0;
        end = at + c.len_utf8();
    }
    if let Some((column, from)) = start {
        cells.push((column, &line[from..end]));
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(expected: (&str, &str), actual: (&str, &str)) -> LineMatch {
        let bindings = Bindings::default();
        let header = Header::parse(expected.0).unwrap();
        let pattern = RowPattern::new(&header, expected.1, &bindings).unwrap();
        pattern.compare(&Header::parse(actual.0).unwrap(), actual.1, &bindings)
    }

    fn matches(expected: (&str, &str), actual: (&str, &str)) -> bool {
        matches!(compare(expected, actual), LineMatch::Yes { .. })
    }

    #[test]
    fn headers() {
        assert!(Header::parse("REPOSITORY       TAG       IMAGE ID       CREATED         SIZE").is_some());
        assert!(Header::parse("CONTAINER ID  IMAGE  ...  PORTS                  ...").is_some());
        for no in ["hello  world", "HELLO", "", "A sentence  here", "..."] {
            assert!(Header::parse(no).is_none(), "{no}");
        }
        let columns = |a: &str, b: &str| Header::parse(a).unwrap().columns(&Header::parse(b).unwrap());
        assert_eq!(columns("A  B  C", "A    B  C"), Some(vec![Some(0), Some(1), Some(2)]));
        assert_eq!(columns("A  ...  C", "A  B  BB  C"), Some(vec![Some(0), None, Some(3)]));
        assert_eq!(columns("A  B  ...", "A  B  C"), Some(vec![Some(0), Some(1), None]));
        assert_eq!(columns("A  B", "A  B  C"), None);
        assert_eq!(columns("VIRTUAL SIZE  B", "SIZE  B"), None);
    }

    #[test]
    fn cells_whatever_the_widths() {
        const ACTUAL: &str = "CONTAINER ID   IMAGE     COMMAND    CREATED         STATUS         PORTS                   NAMES";
        let row = "9c3f00000000   namer     \"rackup\"   2 minutes ago   Up 2 minutes   0.0.0.0:40001->80/tcp   zen_hugle";
        assert!(matches(("CONTAINER ID  IMAGE  ...  STATUS        ...", "47d677dcfba4  namer  ...  Up 3 seconds  ..."), (ACTUAL, row)));
        assert!(!matches(("CONTAINER ID  IMAGE  ...  STATUS        ...", "47d677dcfba4  other  ...  Up 3 seconds  ..."), (ACTUAL, row)));
        assert!(matches(
            (
                "CONTAINER ID  IMAGE  COMMAND   CREATED        STATUS  PORTS                   NAMES",
                "045885b68bc5  namer  \"rackup\"  3 seconds ago  Up ...  0.0.0.0:32770->80/tcp ..."
            ),
            (ACTUAL, row)
        ));
        let seed =
            ("REPOSITORY         TAG     IMAGE ID     CREATED     SIZE", "ubuntu             13.10   9f676bd305a4 7 weeks ago 178 MB");
        let actual = "REPOSITORY   TAG       IMAGE ID       CREATED       SIZE";
        assert!(matches(seed, (actual, "ubuntu       13.10     aaaabbbbcccc   2 weeks ago   12.5MB")));
        assert!(!matches(seed, (actual, "ubuntu       13.04     aaaabbbbcccc   2 weeks ago   12.5MB")));
        let ps = ("    PID TTY          TIME CMD", "      1 ?        00:00:00 sh");
        assert!(matches(ps, ("    PID TTY          TIME CMD", "      1 ?        00:00:01 sh")));
        assert!(!matches(ps, ("    PID TTY          TIME CMD", "      7 ?        00:00:01 sh")));
        let search = ("NAME        DESCRIPTION   STARS     OFFICIAL   AUTOMATED", "a/marathon  A thing       105                  [OK]");
        assert!(matches(
            search,
            ("NAME         DESCRIPTION   STARS   OFFICIAL   AUTOMATED", "a/marathon   A thing       105                [OK]")
        ));
        assert!(!matches(
            search,
            ("NAME         DESCRIPTION   STARS   OFFICIAL   AUTOMATED", "a/marathon   A thing       105     [OK]       ")
        ));
    }
}
