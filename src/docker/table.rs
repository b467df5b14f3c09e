//! Columns as Go's tabwriter aligns them: cells end with a tab, a column is a run of lines that have the cell, the last text of a line
//! belongs to none.

/// How the columns are laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub minimum: usize,
    pub padding: usize,
}

/// Docker's tables.
pub const DOCKER: Layout = Layout { minimum: 10, padding: 3 };

/// Aligns `text`, whose lines hold tab-ended cells.
pub fn align(text: &str, layout: Layout) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
    let mut widths: Vec<Vec<usize>> = lines.iter().map(|cells| vec![0; cells.len().saturating_sub(1)]).collect();
    let columns = widths.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut start = 0;
        while start < lines.len() {
            if widths[start].len() <= column {
                start += 1;
                continue;
            }
            let mut end = start;
            let mut width = layout.minimum;
            // Tabwriter drops a column all of whose cells are empty; Docker's writer keeps its padding.
            while end < lines.len() && widths[end].len() > column {
                width = width.max(lines[end][column].chars().count() + layout.padding);
                end += 1;
            }
            for row in &mut widths[start..end] {
                row[column] = width;
            }
            start = end;
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (i, cells) in lines.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        for (column, cell) in cells.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths[i].get(column) {
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_three_blanks_and_at_least_ten_places() {
        assert_eq!(align("A\tBB\nlonglonglong\tx\n", DOCKER), "A              BB\nlonglonglong   x\n");
        assert_eq!(align("A\tB\nb\tx\n", DOCKER), "A         B\nb         x\n");
    }
}
