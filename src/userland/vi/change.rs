//! What operators do to a text: deleting, changing, yanking, shifting, putting, joining.

use super::{
    editor::{Editor, Files, Mode, Register},
    motion::{self, Reach, Spot},
    text::Line,
};

/// No more characters come out of one put: a count must not take the machine's memory.
const MOST: usize = 1 << 24;

impl<F: Files> Editor<F> {
    /// Applies an operator from the cursor to where a motion reaches.
    pub fn operate(&mut self, operator: char, reach: Reach, register: char) {
        let from = self.cursor;
        let to = reach.spot(from);
        let rows = (from.row.min(to.row), from.row.max(to.row));
        if matches!(operator, '<' | '>') {
            return self.indent(rows, operator == '>');
        }
        if matches!(reach, Reach::Lines(_)) {
            let lines = (rows.0..=rows.1).map(|row| self.text.line(row).to_vec()).collect();
            self.store(register, Register { lines, is_lines: true });
            match operator {
                'y' => self.cursor.row = rows.0,
                'd' => {
                    self.touch();
                    self.text.remove(rows.0, rows.1);
                    self.cursor.row = rows.0.min(self.text.last());
                    self.cursor.column = motion::first(&self.text, self.cursor.row);
                }
                _ => {
                    self.touch();
                    // Where all goes an empty line is left in any case.
                    let is_all = rows.1 - rows.0 >= self.text.last();
                    self.text.remove(rows.0, rows.1);
                    if !is_all {
                        self.text.insert(rows.0, [Line::default()]);
                    }
                    self.cursor = Spot { row: rows.0, column: 0 };
                    self.mode = Mode::Insert;
                }
            }
            return;
        }
        let (start, mut end) = (from.min(to), from.max(to));
        if matches!(reach, Reach::Onto(_)) {
            end.column += 1;
        }
        end.column = end.column.min(self.text.line(end.row).len());
        let lines = self.between(start, end);
        if lines.iter().any(|line| !line.is_empty()) || lines.len() > 1 {
            self.store(register, Register { lines, is_lines: false });
        }
        self.cursor = start;
        if operator != 'y' {
            if start != end {
                self.touch();
                self.cut(start, end);
            }
            if operator == 'c' {
                self.mode = Mode::Insert;
            }
        }
        self.wish = self.cursor.column;
    }

    fn between(&self, start: Spot, end: Spot) -> Vec<Vec<char>> {
        (start.row..=end.row)
            .map(|row| {
                let line = self.text.line(row);
                let from = if row == start.row { start.column.min(line.len()) } else { 0 };
                let to = if row == end.row { end.column.min(line.len()) } else { line.len() };
                line[from..to.max(from)].to_vec()
            })
            .collect()
    }

    fn cut(&mut self, start: Spot, end: Spot) {
        let tail = self.text.line(end.row).iter().skip(end.column).copied().collect::<Vec<_>>();
        if end.row > start.row {
            self.text.remove(start.row + 1, end.row);
        }
        let line = self.text.line_mut(start.row);
        line.truncate(start.column);
        line.extend(tail);
    }

    /// Keeps what was taken; what is yanked or deleted is also under its own name.
    fn store(&mut self, name: char, register: Register) {
        if name.is_ascii_uppercase() {
            let small = name.to_ascii_lowercase();
            let kept = self.registers.entry(small).or_default();
            kept.is_lines |= register.is_lines;
            kept.lines.extend(register.lines.iter().cloned());
            let kept = kept.clone();
            self.registers.insert('"', kept);
            return;
        }
        if name != '"' {
            self.registers.insert(name, register.clone());
        }
        self.registers.insert('"', register);
    }

    /// Puts a register behind or before the cursor.
    pub fn put(&mut self, behind: bool, times: usize, name: char) {
        let Some(register) = self.registers.get(&name.to_ascii_lowercase()).cloned() else {
            return self.say("Nothing in register");
        };
        let size: usize = register.lines.iter().map(|line| line.len() + 1).sum();
        let times = times.min(MOST / size.max(1)).max(1);
        self.touch();
        let Spot { row, column } = self.cursor;
        if register.is_lines {
            let row = row + usize::from(behind);
            let lines: Vec<Line> = std::iter::repeat_n(&register.lines, times).flatten().map(|line| Line::new(line.clone())).collect();
            self.text.insert(row, lines);
            self.cursor = Spot { row, column: motion::first(&self.text, row) };
            return;
        }
        let length = self.text.line(row).len();
        let mut at = Spot { row, column: (column + usize::from(behind)).min(length) };
        let start = at;
        for _ in 0..times {
            at = self.put_part(at, &register.lines);
        }
        // On the last character of a part, at the beginning of one that has lines.
        self.cursor = if register.lines.len() > 1 { start } else { Spot { column: at.column.saturating_sub(1), ..at } };
        self.wish = self.cursor.column;
    }

    fn put_part(&mut self, at: Spot, lines: &[Vec<char>]) -> Spot {
        let Some((first, rest)) = lines.split_first() else { return at };
        let line = self.text.line_mut(at.row);
        let tail = line.split_off(at.column.min(line.len()));
        line.extend_from_slice(first);
        let (mut row, mut column) = (at.row, line.len());
        for line in rest {
            row += 1;
            self.text.insert(row, [Line::new(line.clone())]);
            column = line.len();
        }
        self.text.line_mut(row).extend(tail);
        Spot { row, column }
    }

    fn indent(&mut self, rows: (usize, usize), deeper: bool) {
        self.touch();
        for row in rows.0..=rows.1 {
            let line = self.text.line_mut(row);
            if deeper {
                if !line.is_empty() {
                    line.insert(0, '\t');
                }
            } else if line.first() == Some(&'\t') {
                line.remove(0);
            } else {
                let spaces = line.iter().take(8).take_while(|letter| **letter == ' ').count();
                line.drain(..spaces);
            }
        }
        self.cursor = Spot { row: rows.0, column: motion::first(&self.text, rows.0) };
    }

    /// Joins so many lines to the cursor's, by a blank where none is.
    pub fn join(&mut self, times: usize) {
        let row = self.cursor.row;
        for _ in 0..times.min(self.text.last().saturating_sub(row)) {
            self.touch();
            let next = self.text.remove(row + 1, row + 1);
            let next = next.first().map(|line| line.as_slice()).unwrap_or_default();
            let start = next.iter().take_while(|letter| letter.is_whitespace()).count();
            let line = self.text.line_mut(row);
            let at = line.len();
            if !next[start..].is_empty() && next[start] != ')' && line.last().is_some_and(|letter| !letter.is_whitespace()) {
                line.push(' ');
            }
            line.extend_from_slice(&next[start..]);
            self.cursor.column = at;
        }
    }
}
