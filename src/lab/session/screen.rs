//! What a terminal would show of the bytes that a program wrote: carriage returns, cursor movements and erasures applied, colours gone.
//!
//! Lines are as long as they were written: nothing is wrapped, since a slide's lines are not.

/// Renders `bytes` as lines without trailing blanks. Bytes that are no UTF-8 become U+FFFD.
pub fn render(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut screen = Screen::default();
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        // Plain stretches, which most output is, go in at once.
        let plain = rest.find(|c: char| c.is_control()).unwrap_or(rest.len());
        if plain > 0 {
            screen.put(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\n' => screen.down(1),
            '\r' => screen.column = 0,
            '\u{8}' => screen.column = screen.column.saturating_sub(1),
            '\t' => screen.put("\t"),
            '\u{1b}' => rest = screen.escape(rest),
            _ => {}
        }
    }
    screen.text()
}

#[derive(Default)]
struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// How far the cursor is above what is rendered: on lines that were there before the program wrote any.
    above: usize,
}

/// No program moves its cursor further than this; a hostile one must not fill the memory by one.
const FAR: usize = 1000;

impl Screen {
    fn line(&mut self) -> &mut Vec<char> {
        if self.lines.len() <= self.row {
            self.lines.resize_with(self.row + 1, Vec::new);
        }
        &mut self.lines[self.row]
    }

    fn put(&mut self, text: &str) {
        self.above = 0;
        let mut column = self.column;
        let line = self.line();
        if line.len() < column {
            line.resize(column, ' ');
        }
        for c in text.chars() {
            match line.get_mut(column) {
                Some(cell) => *cell = c,
                None => line.push(c),
            }
            column += 1;
        }
        self.column = column;
    }

    /// A line feed goes to the first column as well: terminals get `\r\n`, and a program in raw mode that means otherwise draws a screen,
    /// which no slide shows.
    fn down(&mut self, count: usize) {
        self.lower(count);
        self.column = 0;
    }

    fn lower(&mut self, count: usize) {
        let below = count.saturating_sub(self.above);
        self.above -= count - below;
        self.row += below;
        self.line();
    }

    /// Applies the escape sequence that `rest` starts with (without its ESC) and gives what follows it.
    fn escape<'a>(&mut self, rest: &'a str) -> &'a str {
        let mut chars = rest.char_indices();
        match chars.next() {
            Some((_, '[')) => {
                for (i, c) in chars {
                    if ('\u{40}'..='\u{7e}').contains(&c) {
                        self.control(&rest[1..i], c);
                        return &rest[i + 1..];
                    }
                    if c.is_control() {
                        return &rest[i..];
                    }
                }
                ""
            }
            // Titles, marks, device strings: up to BEL or ESC \.
            Some((_, ']' | 'P' | '_' | '^' | 'X')) => {
                for (i, c) in chars {
                    match c {
                        '\u{7}' => return &rest[i + 1..],
                        '\u{1b}' => return rest[i + 1..].strip_prefix('\\').unwrap_or(&rest[i + 1..]),
                        '\n' => return &rest[i..],
                        _ => {}
                    }
                }
                ""
            }
            Some((_, '(' | ')' | '#' | '%' | ' ')) => chars.next().map_or("", |(i, c)| &rest[i + c.len_utf8()..]),
            Some((_, c)) => &rest[c.len_utf8()..],
            None => "",
        }
    }

    fn control(&mut self, parameters: &str, command: char) {
        let mut numbers = parameters.split(';').map(|n| n.parse::<usize>().ok());
        let first = numbers.next().flatten();
        let count = first.unwrap_or(1).clamp(1, FAR);
        match command {
            'A' => {
                self.above = (self.above + count.saturating_sub(self.row)).min(FAR);
                self.row = self.row.saturating_sub(count);
            }
            'B' => self.lower(count),
            'C' => self.column += count,
            'D' => self.column = self.column.saturating_sub(count),
            'E' => self.down(count),
            'F' => {
                self.row = self.row.saturating_sub(count);
                self.column = 0;
            }
            'G' => self.column = count - 1,
            'K' => {
                let column = self.column;
                let line = self.line();
                match first.unwrap_or(0) {
                    0 => line.truncate(column),
                    1 => line.iter_mut().take(column + 1).for_each(|c| *c = ' '),
                    _ => line.clear(),
                }
            }
            'J' => match first.unwrap_or(0) {
                0 => {
                    let (row, column) = (self.row, self.column);
                    self.line().truncate(column);
                    self.lines.truncate(row + 1);
                }
                // `clear`: what was there is gone from the slide's point of view too.
                2 | 3 => {
                    self.lines.clear();
                    self.row = 0;
                    self.column = 0;
                }
                _ => {}
            },
            'H' if parameters.is_empty() => {
                self.row = 0;
                self.column = 0;
            }
            _ => {}
        }
    }

    fn text(self) -> String {
        let mut text = String::new();
        for (i, line) in self.lines.iter().enumerate() {
            if i > 0 {
                text.push('\n');
            }
            let start = text.len();
            text.extend(line.iter());
            let end = start + text[start..].trim_end_matches([' ', '\t']).len();
            // The last line keeps its blanks: they tell a prompt from other text.
            if i + 1 < self.lines.len() {
                text.truncate(end);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn plain_text_stays() {
        assert_eq!(render(b"a  \r\nb\tc\r\n"), "a\nb\tc\n");
        assert_eq!(render("é♥\n".as_bytes()), "é♥\n");
        assert_eq!(render(b"\xff\n"), "\u{fffd}\n");
    }

    #[test]
    fn progress_is_what_remains() {
        assert_eq!(render(b"10%\r50%\r100%\n"), "100%\n");
        assert_eq!(render(b"a: Waiting\r\nb: Waiting\r\n\x1b[2A\x1b[2Ka: done\r\x1b[2B"), "a: done\nb: Waiting\n");
        // A program that goes up from its first line and down again is where it was.
        assert_eq!(render(b"\x1b[1A\x1b[1B\x1b[0Ga\r\n\x1b[1A\x1b[0Gb\r\nc"), "b\nc");
        assert_eq!(render(b"\x1b[1;31mred\x1b[0m\x1b]0;title\x07!"), "red!");
        assert_eq!(render(b"abc\x08\x08X\n"), "aXc\n");
    }

    #[test]
    fn unfinished_and_hostile_sequences() {
        for bytes in [&b"\x1b"[..], b"\x1b[", b"\x1b[999999999999B", b"\x1b[99999C!", b"\x1b]0;x", b"\x1b(", b"\x1b[1\x1b[K"] {
            assert!(render(bytes).len() < 200_000);
        }
    }
}
