//! Command mode: counts, motions, operators and the single keys.

use super::{
    editor::{Editor, Files, Key, Mode},
    motion::{self, Reach, Spot},
    text::Line,
};

/// What has become of a command's keys.
enum Read<T> {
    /// They are not all there.
    More,
    /// They mean nothing.
    Nothing,
    Done(T),
}

/// No count is larger.
const MOST: usize = 99_999;

impl<F: Files> Editor<F> {
    pub fn command(&mut self, key: Key) {
        if matches!(key, Key::Escape | Key::Control('c')) {
            self.pending.clear();
            return;
        }
        self.pending.push(key);
        let keys = self.pending.clone();
        match self.interpret(&keys) {
            Read::More => {}
            Read::Nothing | Read::Done(()) => self.pending.clear(),
        }
    }

    fn interpret(&mut self, keys: &[Key]) -> Read<()> {
        let (mut keys, mut register) = (keys, '"');
        if let [Key::Char('"'), rest @ ..] = keys {
            match rest {
                [Key::Char(name), rest @ ..] => (register, keys) = (*name, rest),
                [] => return Read::More,
                _ => return Read::Nothing,
            }
        }
        let (count, keys) = counted(keys);
        let Some(first) = keys.first() else { return Read::More };
        if let Key::Char(operator @ ('d' | 'c' | 'y' | '<' | '>')) = *first {
            let (second, rest) = counted(&keys[1..]);
            let total = count.map_or(second, |count| Some(count.saturating_mul(second.unwrap_or(1)).min(MOST)));
            let Some(next) = rest.first() else { return Read::More };
            if *next == *first {
                let last = self.cursor.row + total.unwrap_or(1) - 1;
                self.operate(operator, Reach::Lines(last.min(self.text.last())), register);
                return Read::Done(());
            }
            if let Key::Char(mark @ ('/' | '?')) = *next {
                return self.operate_to_match(operator, mark == '/', &rest[1..], register);
            }
            // To change a word is to change it up to its end.
            let on_word = self.text.line(self.cursor.row).get(self.cursor.column).is_some_and(|letter| !letter.is_whitespace());
            let rest = match rest {
                [Key::Char('w')] if operator == 'c' && on_word => &[Key::Char('e')][..],
                [Key::Char('W')] if operator == 'c' && on_word => &[Key::Char('E')],
                other => other,
            };
            return match self.motion(rest, total) {
                Read::More => Read::More,
                Read::Nothing => Read::Nothing,
                Read::Done(reach) => {
                    // A word at the end of its line is deleted without what follows on the next.
                    let reach = match (rest, reach) {
                        ([Key::Char('w' | 'W')], Reach::Before(spot)) if spot.row > self.cursor.row => {
                            let row = if spot.row > self.cursor.row + total.unwrap_or(1) {
                                spot.row - 1
                            } else {
                                self.cursor.row.max(spot.row - 1)
                            };
                            Reach::Before(Spot { row, column: self.text.line(row).len() })
                        }
                        (_, reach) => reach,
                    };
                    self.operate(operator, reach, register);
                    Read::Done(())
                }
            };
        }
        match self.motion(keys, count) {
            Read::More => return Read::More,
            Read::Done(reach) => {
                let keeps = matches!(first, Key::Char('j' | 'k') | Key::Up | Key::Down | Key::Control('n' | 'p'));
                self.cursor = reach.spot(self.cursor);
                if keeps {
                    self.cursor.column = self.wish;
                } else {
                    self.wish = if matches!(first, Key::Char('$') | Key::End) { usize::MAX } else { self.cursor.column };
                }
                return Read::Done(());
            }
            Read::Nothing => {}
        }
        self.single(keys, count, register)
    }

    /// `d/pattern`: up to what is found.
    fn operate_to_match(&mut self, operator: char, forwards: bool, keys: &[Key], register: char) -> Read<()> {
        let Some((Key::Enter, typed)) = keys.split_last() else { return Read::More };
        let pattern: String = typed.iter().filter_map(|key| if let Key::Char(letter) = key { Some(*letter) } else { None }).collect();
        self.search.set(&pattern, forwards);
        match self.next_match(true, 1) {
            Some(spot) if (spot > self.cursor) == forwards => self.operate(operator, Reach::Before(spot), register),
            _ => {}
        }
        Read::Done(())
    }

    /// Where a motion leads to from the cursor.
    fn motion(&mut self, keys: &[Key], count: Option<usize>) -> Read<Reach> {
        let from = self.cursor;
        let times = count.unwrap_or(1);
        let last = self.text.last();
        let repeat = |editor: &Self, by: fn(&super::text::Text, Spot, bool) -> Spot, big: bool| {
            (0..times).try_fold(editor.cursor, |spot, _| {
                let next = by(&editor.text, spot, big);
                if next == spot { Err(spot) } else { Ok(next) }
            })
        };
        let at = |row: usize, column: usize| Spot { row, column };
        let ended = |spot: Result<Spot, Spot>| spot.unwrap_or_else(|spot| spot);
        let line_start = |editor: &Self, row: usize| at(row, motion::first(&editor.text, row));
        Read::Done(match keys {
            [Key::Char('h') | Key::Left | Key::Backspace | Key::Control('h')] => {
                Reach::Before(at(from.row, from.column.saturating_sub(times)))
            }
            [Key::Char('l' | ' ') | Key::Right] => Reach::Before(at(from.row, (from.column + times).min(self.text.line(from.row).len()))),
            [Key::Char('j') | Key::Down | Key::Control('n' | 'j')] if from.row < last => Reach::Lines((from.row + times).min(last)),
            [Key::Char('k') | Key::Up | Key::Control('p')] if from.row > 0 => Reach::Lines(from.row.saturating_sub(times)),
            [Key::Char('+') | Key::Enter] if from.row < last => {
                self.cursor.column = motion::first(&self.text, (from.row + times).min(last));
                Reach::Lines((from.row + times).min(last))
            }
            [Key::Char('-')] if from.row > 0 => {
                self.cursor.column = motion::first(&self.text, from.row.saturating_sub(times));
                Reach::Lines(from.row.saturating_sub(times))
            }
            [Key::Char('w')] => Reach::Before(ended(repeat(self, motion::word, false))),
            [Key::Char('W')] => Reach::Before(ended(repeat(self, motion::word, true))),
            [Key::Char('b')] => Reach::Before(ended(repeat(self, motion::word_back, false))),
            [Key::Char('B')] => Reach::Before(ended(repeat(self, motion::word_back, true))),
            [Key::Char('e')] => Reach::Onto(ended(repeat(self, motion::word_end, false))),
            [Key::Char('E')] => Reach::Onto(ended(repeat(self, motion::word_end, true))),
            [Key::Char('0') | Key::Home] => Reach::Before(at(from.row, 0)),
            [Key::Char('^')] => Reach::Before(line_start(self, from.row)),
            [Key::Char('|')] => Reach::Before(at(from.row, times - 1)),
            [Key::Char('$') | Key::End] => {
                let row = (from.row + times - 1).min(last);
                Reach::Before(at(row, self.text.line(row).len()))
            }
            [Key::Char('G')] => {
                let row = count.map_or(last, |count| count.saturating_sub(1).min(last));
                self.marks.insert('\'', from);
                Reach::Lines(row)
            }
            [Key::Char('g')] => return Read::More,
            [Key::Char('g'), Key::Char('g')] => {
                self.marks.insert('\'', from);
                Reach::Lines((times - 1).min(last))
            }
            [Key::Char('H')] => Reach::Lines((self.top + times - 1).min(last)),
            [Key::Char('M')] => Reach::Lines((self.top + self.height / 2).min(last)),
            [Key::Char('L')] => Reach::Lines((self.top + self.height).saturating_sub(times).min(last)),
            [Key::Char('f' | 'F' | 't' | 'T' | '\'' | '`')] => return Read::More,
            [Key::Char(how @ ('f' | 'F' | 't' | 'T')), Key::Char(letter)] => {
                let (forwards, short) = (matches!(how, 'f' | 't'), matches!(how, 't' | 'T'));
                self.found = Some((*letter, forwards, short));
                return self.find_letter(*letter, forwards, short, times);
            }
            [Key::Char(how @ (';' | ','))] => {
                let Some((letter, forwards, short)) = self.found else { return Read::Nothing };
                return self.find_letter(letter, forwards == (*how == ';'), short, times);
            }
            [Key::Char('%')] => match motion::bracket(&self.text, from) {
                Some(spot) => Reach::Onto(spot),
                None => return Read::Nothing,
            },
            [Key::Char(way @ ('{' | '}'))] => {
                let spot = (0..times).fold(from, |spot, _| motion::paragraph(&self.text, spot.row, *way == '}'));
                Reach::Before(spot)
            }
            [Key::Char(way @ ('n' | 'N'))] => match self.next_match(*way == 'n', times) {
                Some(spot) => Reach::Before(spot),
                None => return Read::Nothing,
            },
            [Key::Char('*')] => {
                let word = self.word_here();
                self.search.set(&format!("\\<{word}\\>"), true);
                match self.next_match(true, times) {
                    Some(spot) if !word.is_empty() => Reach::Before(spot),
                    _ => return Read::Nothing,
                }
            }
            [Key::Char(how @ ('\'' | '`')), Key::Char(name)] => {
                let name = if *name == '`' { '\'' } else { *name };
                let Some(spot) = self.marks.get(&name).copied() else {
                    self.say("Mark not set");
                    return Read::Nothing;
                };
                self.marks.insert('\'', from);
                let row = spot.row.min(last);
                if *how == '`' { Reach::Before(at(row, spot.column)) } else { Reach::Lines(row) }
            }
            _ => return Read::Nothing,
        })
    }

    fn find_letter(&self, letter: char, forwards: bool, short: bool, times: usize) -> Read<Reach> {
        match motion::find(&self.text, self.cursor, letter, forwards, short, times) {
            Some(spot) if forwards => Read::Done(Reach::Onto(spot)),
            Some(spot) => Read::Done(Reach::Before(spot)),
            None => Read::Nothing,
        }
    }

    fn word_here(&self) -> String {
        let line = self.text.line(self.cursor.row);
        let is_word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
        let Some(start) = (self.cursor.column..line.len()).find(|at| is_word(&line[*at])) else { return String::new() };
        let start = line[..start].iter().rposition(|letter| !is_word(letter)).map_or(0, |at| at + 1);
        line[start..].iter().take_while(|letter| is_word(letter)).collect()
    }

    fn insert_at(&mut self, column: usize) {
        self.cursor.column = column.min(self.text.line(self.cursor.row).len());
        self.mode = Mode::Insert;
    }

    fn open_line(&mut self, row: usize) {
        self.touch();
        let like = self.text.line(self.cursor.row);
        let indent: Vec<char> =
            if self.settings.indent { like.iter().copied().take_while(|letter| matches!(letter, ' ' | '\t')).collect() } else { vec![] };
        self.cursor = Spot { row, column: indent.len() };
        self.text.insert(row, [Line::new(indent)]);
        self.mode = Mode::Insert;
    }

    /// The keys that are neither motions nor operators.
    fn single(&mut self, keys: &[Key], count: Option<usize>, register: char) -> Read<()> {
        let times = count.unwrap_or(1);
        let Spot { row, column } = self.cursor;
        let length = self.text.line(row).len();
        match keys {
            [Key::Char('i')] => self.insert_at(column),
            [Key::Char('a')] => self.insert_at(column + 1),
            [Key::Char('I')] => self.insert_at(self.text.line(row).iter().take_while(|letter| letter.is_whitespace()).count()),
            [Key::Char('A')] => self.insert_at(length),
            [Key::Char('o')] => self.open_line(row + 1),
            [Key::Char('O')] => self.open_line(row),
            [Key::Char('R')] => self.mode = Mode::Replace,
            [Key::Char('x') | Key::Delete] if length > 0 => self.part('d', column, (column + times).min(length), register),
            [Key::Char('X')] if column > 0 => self.part('d', column.saturating_sub(times), column, register),
            [Key::Char('s')] => self.part('c', column, (column + times).min(length), register),
            [Key::Char('D')] => self.part('d', column, length, register),
            [Key::Char('C')] => self.part('c', column, length, register),
            [Key::Char(lines @ ('S' | 'Y'))] => {
                let operator = if *lines == 'S' { 'c' } else { 'y' };
                self.operate(operator, Reach::Lines((row + times - 1).min(self.text.last())), register);
            }
            [Key::Char(put @ ('p' | 'P'))] => self.put(*put == 'p', times, register),
            [Key::Char('J')] => self.join(times.max(2) - 1),
            [Key::Char('~')] => {
                self.touch();
                for at in column..(column + times).min(length) {
                    let letter = self.text.line(row)[at];
                    let turned = if letter.is_lowercase() { letter.to_uppercase().next() } else { letter.to_lowercase().next() };
                    self.text.line_mut(row)[at] = turned.unwrap_or(letter);
                }
                self.cursor.column = column + times;
            }
            [Key::Char('r' | 'm' | 'Z')] => return Read::More,
            [Key::Char('r'), Key::Char(letter)] if column + times <= length => {
                self.touch();
                self.text.line_mut(row)[column..column + times].fill(*letter);
                self.cursor.column = column + times - 1;
            }
            [Key::Char('r'), Key::Enter] if length > 0 => {
                self.touch();
                let tail = self.text.line_mut(row).split_off(column);
                self.text.insert(row + 1, [Line::new(tail[1..].to_vec())]);
                self.cursor = Spot { row: row + 1, column: 0 };
            }
            [Key::Char('m'), Key::Char(name @ 'a'..='z')] => drop(self.marks.insert(*name, self.cursor)),
            [Key::Char('Z'), Key::Char('Z')] => self.ex("x"),
            [Key::Char('Z'), Key::Char('Q')] => self.ex("q!"),
            [Key::Char('u')] => (0..times).for_each(|_| self.go_back(false)),
            [Key::Control('r')] => (0..times).for_each(|_| self.go_back(true)),
            [Key::Char('.')] => {
                self.pending.clear();
                self.again(times);
            }
            [Key::Char(mark @ (':' | '/' | '?'))] => {
                self.mode = Mode::Line(*mark);
                self.line = if *mark == ':' && count.is_some() { format!(".,.+{}", times - 1).chars().collect() } else { vec![] };
            }
            [Key::Control(way @ ('f' | 'b' | 'd' | 'u' | 'e' | 'y'))] => self.scroll(*way, times),
            [Key::PageDown] => self.scroll('f', times),
            [Key::PageUp] => self.scroll('b', times),
            [Key::Char('z')] => return Read::More,
            [Key::Char('z'), how] => {
                self.top = match how {
                    Key::Char('.' | 'z') => row.saturating_sub(self.height / 2),
                    Key::Char('-' | 'b') => (row + 1).saturating_sub(self.height),
                    _ => row,
                };
            }
            [Key::Control('g')] => {
                let (line, all) = (row + 1, self.text.lines.len());
                let name = self.name.as_ref().map_or_else(|| "No file".to_owned(), |name| name.display().to_string());
                self.say(format!("{name}{} {line}/{all} {}%", if self.is_modified() { " [Modified]" } else { "" }, line * 100 / all));
            }
            _ => return Read::Nothing,
        }
        Read::Done(())
    }

    fn part(&mut self, operator: char, from: usize, to: usize, register: char) {
        let row = self.cursor.row;
        self.cursor.column = from;
        self.operate(operator, Reach::Before(Spot { row, column: to }), register);
    }

    /// Does the last change again.
    fn again(&mut self, times: usize) {
        if self.is_replaying {
            return;
        }
        let keys = self.change.clone();
        self.is_replaying = true;
        for key in std::iter::repeat_n(keys, times.min(MOST)).flatten() {
            self.key(key);
        }
        self.is_replaying = false;
        self.recording.clear();
    }

    fn scroll(&mut self, way: char, times: usize) {
        let last = self.text.last();
        let (page, half) = (self.height.saturating_sub(2).max(1) * times, (self.height / 2).max(1));
        match way {
            'f' => (self.top, self.cursor.row) = ((self.top + page).min(last), (self.top + page).min(last)),
            'b' => {
                self.top = self.top.saturating_sub(page);
                self.cursor.row = self.cursor.row.min(self.top + self.height - 1);
            }
            'd' => (self.top, self.cursor.row) = ((self.top + half).min(last), (self.cursor.row + half).min(last)),
            'u' => (self.top, self.cursor.row) = (self.top.saturating_sub(half), self.cursor.row.saturating_sub(half)),
            'e' => {
                self.top = (self.top + times).min(last);
                self.cursor.row = self.cursor.row.max(self.top);
            }
            _ => {
                self.top = self.top.saturating_sub(times);
                self.cursor.row = self.cursor.row.min(self.top + self.height - 1);
            }
        }
    }
}

/// A count at the beginning of keys, and the keys behind it.
fn counted(keys: &[Key]) -> (Option<usize>, &[Key]) {
    let mut count = None;
    for (at, key) in keys.iter().enumerate() {
        match key {
            Key::Char(digit @ '0'..='9') if count.is_some() || *digit != '0' => {
                let digit = digit.to_digit(10).map_or(0, |digit| digit as usize);
                count = Some((count.unwrap_or(0) * 10 + digit).min(MOST));
            }
            _ => return (count, &keys[at..]),
        }
    }
    (count, &[])
}
