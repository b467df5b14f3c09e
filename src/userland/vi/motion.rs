//! Where motions lead to. Nothing here changes a text.

use super::text::Text;

/// A place in a text: line and character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub row: usize,
    pub column: usize,
}

/// Where a motion ends, and what an operator does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Up to the spot, without what is there.
    Before(Spot),
    /// With what is there.
    Onto(Spot),
    /// Whole lines.
    Lines(usize),
}

impl Reach {
    pub fn spot(self, from: Spot) -> Spot {
        match self {
            Self::Before(spot) | Self::Onto(spot) => spot,
            Self::Lines(row) => Spot { row, column: from.column },
        }
    }
}

/// What a character is to a motion over words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    Word,
    Sign,
}

fn class(letter: char, big: bool) -> Class {
    match letter {
        letter if letter.is_whitespace() => Class::Blank,
        _ if big => Class::Word,
        letter if letter.is_alphanumeric() || letter == '_' => Class::Word,
        _ => Class::Sign,
    }
}

/// The class at a spot; the end of a line is blank.
fn class_at(text: &Text, spot: Spot, big: bool) -> Class {
    text.line(spot.row).get(spot.column).map_or(Class::Blank, |letter| class(*letter, big))
}

/// The spot behind this, going over line ends; an empty line is a spot.
fn after(text: &Text, spot: Spot) -> Option<Spot> {
    if spot.column + 1 < text.line(spot.row).len() {
        return Some(Spot { column: spot.column + 1, ..spot });
    }
    (spot.row < text.last()).then_some(Spot { row: spot.row + 1, column: 0 })
}

fn before(text: &Text, spot: Spot) -> Option<Spot> {
    if spot.column > 0 {
        return Some(Spot { column: spot.column - 1, ..spot });
    }
    spot.row.checked_sub(1).map(|row| Spot { row, column: text.line(row).len().saturating_sub(1) })
}

fn is_empty_line(text: &Text, spot: Spot) -> bool {
    text.line(spot.row).is_empty()
}

/// The beginning of the next word.
pub fn word(text: &Text, from: Spot, big: bool) -> Spot {
    let (mut spot, start) = (from, class_at(text, from, big));
    let mut in_word = start != Class::Blank;
    loop {
        let Some(next) = after(text, spot) else {
            return Spot { row: spot.row, column: text.line(spot.row).len() };
        };
        let at = class_at(text, next, big);
        if next.row != spot.row {
            in_word = false;
            if is_empty_line(text, next) {
                return next;
            }
        }
        if at != Class::Blank && (!in_word || at != start) {
            return next;
        }
        in_word &= at == start;
        spot = next;
    }
}

/// The end of this word or, at it, of the next.
pub fn word_end(text: &Text, from: Spot, big: bool) -> Spot {
    let mut spot = from;
    loop {
        let Some(next) = after(text, spot) else { return spot };
        spot = next;
        if class_at(text, spot, big) != Class::Blank {
            break;
        }
    }
    let of = class_at(text, spot, big);
    while let Some(next) = after(text, spot).filter(|next| next.row == spot.row && class_at(text, *next, big) == of) {
        spot = next;
    }
    spot
}

/// The beginning of this word or, at it, of the one before.
pub fn word_back(text: &Text, from: Spot, big: bool) -> Spot {
    let mut spot = from;
    loop {
        let Some(next) = before(text, spot) else { return spot };
        spot = next;
        if class_at(text, spot, big) != Class::Blank || is_empty_line(text, spot) {
            break;
        }
    }
    let of = class_at(text, spot, big);
    while let Some(next) = before(text, spot).filter(|next| next.row == spot.row && class_at(text, *next, big) == of) {
        spot = next;
    }
    spot
}

/// The first character of a line that is not blank.
pub fn first(text: &Text, row: usize) -> usize {
    let line = text.line(row);
    line.iter().position(|letter| !letter.is_whitespace()).unwrap_or(line.len().saturating_sub(1))
}

/// The `count`th `letter` in the line, forwards or backwards; one short of it for `t`.
pub fn find(text: &Text, from: Spot, letter: char, forwards: bool, short: bool, count: usize) -> Option<Spot> {
    let line = text.line(from.row);
    let found = if forwards {
        let start = from.column + 1;
        line.iter().enumerate().skip(start).filter(|(_, at)| **at == letter).nth(count - 1).map(|(at, _)| at - usize::from(short))
    } else {
        let behind = &line[..from.column.min(line.len())];
        behind.iter().enumerate().rev().filter(|(_, at)| **at == letter).nth(count - 1).map(|(at, _)| at + usize::from(short))
    };
    found.map(|column| Spot { column, ..from })
}

/// The bracket that belongs to the next one in the line.
pub fn bracket(text: &Text, from: Spot) -> Option<Spot> {
    const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];
    let line = text.line(from.row);
    let column = (from.column..line.len()).find(|at| PAIRS.iter().any(|(open, close)| [*open, *close].contains(&line[*at])))?;
    let here = line[column];
    let (open, close) = PAIRS.into_iter().find(|(open, close)| here == *open || here == *close)?;
    let (mut spot, mut depth) = (Spot { column, ..from }, 0_usize);
    let (same, other) = if here == open { (open, close) } else { (close, open) };
    loop {
        match text.line(spot.row).get(spot.column) {
            Some(letter) if *letter == same => depth += 1,
            Some(letter) if *letter == other => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(spot);
        }
        spot = if here == open { after(text, spot)? } else { before(text, spot)? };
    }
}

/// The empty line behind or before this paragraph.
pub fn paragraph(text: &Text, row: usize, forwards: bool) -> Spot {
    let is_empty = |row: usize| text.line(row).is_empty();
    let rows: Vec<usize> = if forwards { (row + 1..=text.last()).collect() } else { (0..row).rev().collect() };
    let mut seen = !is_empty(row);
    for row in rows {
        if seen && is_empty(row) {
            return Spot { row, column: 0 };
        }
        seen |= !is_empty(row);
    }
    if forwards { Spot { row: text.last(), column: text.line(text.last()).len() } } else { Spot::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_gone_over() {
        let text = Text::read(b"one two.three\n\n  four");
        let go = |by: fn(&Text, Spot, bool) -> Spot, from: (usize, usize), big: bool| {
            let spot = by(&text, Spot { row: from.0, column: from.1 }, big);
            (spot.row, spot.column)
        };
        assert_eq!(go(word, (0, 0), false), (0, 4));
        assert_eq!(go(word, (0, 4), false), (0, 7));
        assert_eq!(go(word, (0, 4), true), (1, 0));
        assert_eq!(go(word, (1, 0), false), (2, 2));
        assert_eq!(go(word, (2, 2), false), (2, 6));
        assert_eq!(go(word_end, (0, 0), false), (0, 2));
        assert_eq!(go(word_end, (0, 12), false), (2, 5));
        assert_eq!(go(word_back, (2, 2), false), (1, 0));
        assert_eq!(go(word_back, (0, 8), false), (0, 7));
        assert_eq!(go(word_back, (0, 0), false), (0, 0));
    }

    #[test]
    fn brackets_belong_together() {
        let text = Text::read(b"f(a[1],\n (b)) }");
        let at = |row, column| bracket(&text, Spot { row, column });
        assert_eq!(at(0, 0), Some(Spot { row: 1, column: 4 }));
        assert_eq!(at(1, 4), Some(Spot { row: 0, column: 1 }));
        assert_eq!(at(1, 6), None);
    }
}
