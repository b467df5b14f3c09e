//! Searching: the last pattern and where it is found.

use regex::{Regex, RegexBuilder};

use super::{
    editor::{Editor, Files},
    motion::Spot,
};
use crate::userland::posix_regex::{Syntax, translate};

/// The last search.
#[derive(Default)]
pub struct Search {
    pub pattern: String,
    pub forwards: bool,
}

impl Search {
    pub fn set(&mut self, pattern: &str, forwards: bool) {
        if !pattern.is_empty() {
            self.pattern = pattern.to_owned();
        }
        self.forwards = forwards;
    }
}

/// A basic regular expression, compiled.
pub fn compile(pattern: &str, any_case: bool) -> Option<Regex> {
    let pattern = translate(pattern, Syntax::Basic).replace("\\b(?=\\w)", "\\b{start}").replace("\\b(?<=\\w)", "\\b{end}");
    RegexBuilder::new(&pattern).case_insensitive(any_case).size_limit(1 << 22).build().ok()
}

/// Where in a line of text matches begin, in characters.
fn starts(regex: &Regex, line: &[char]) -> Vec<usize> {
    let text: String = line.iter().collect();
    regex.find_iter(&text).map(|found| text[..found.start()].chars().count()).collect()
}

impl<F: Files> Editor<F> {
    /// Begins a search and goes to what it finds.
    pub fn look_for(&mut self, pattern: &str, forwards: bool) {
        self.search.set(pattern, forwards);
        self.marks.insert('\'', self.cursor);
        if let Some(spot) = self.next_match(true, 1) {
            self.cursor = spot;
            self.wish = spot.column;
        }
    }

    /// The next match in the search's direction or against it, around the text's end if it must be.
    pub fn next_match(&mut self, same_way: bool, times: usize) -> Option<Spot> {
        if self.search.pattern.is_empty() {
            self.say("No previous search");
            return None;
        }
        let Some(regex) = compile(&self.search.pattern, self.settings.any_case) else {
            let pattern = self.search.pattern.clone();
            self.say(format!("bad search pattern '{pattern}'"));
            return None;
        };
        let forwards = self.search.forwards == same_way;
        let mut spot = self.cursor;
        // More than once around is in vain.
        for _ in 0..times.min(1000) {
            let Some(next) = self.match_from(&regex, spot, forwards) else {
                self.say("Pattern not found");
                return None;
            };
            let is_around = if forwards { next <= spot } else { next >= spot };
            if is_around {
                self.say(if forwards { "search hit BOTTOM, continuing at TOP" } else { "search hit TOP, continuing at BOTTOM" });
            }
            spot = next;
        }
        Some(spot)
    }

    fn match_from(&self, regex: &Regex, from: Spot, forwards: bool) -> Option<Spot> {
        let lines = self.text.lines.len();
        (0..=lines).find_map(|step| {
            let row = if forwards { (from.row + step) % lines } else { (from.row + lines * 2 - step) % lines };
            let found = starts(regex, self.text.line(row));
            let column = match (forwards, step) {
                (true, 0) => found.into_iter().find(|at| *at > from.column),
                (true, _) => found.into_iter().next(),
                (false, 0) => found.into_iter().rev().find(|at| *at < from.column),
                (false, _) => found.into_iter().next_back(),
            };
            column.map(|column| Spot { row, column })
        })
    }

    /// The line that a pattern of an address finds.
    pub fn row_of(&mut self, pattern: &str, forwards: bool) -> Option<usize> {
        self.search.set(pattern, forwards);
        let regex = compile(&self.search.pattern, self.settings.any_case)?;
        let lines = self.text.lines.len();
        let at = self.cursor.row;
        (1..=lines).map(|step| if forwards { (at + step) % lines } else { (at + lines - step) % lines }).find(|row| {
            let text: String = self.text.line(*row).iter().collect();
            regex.is_match(&text)
        })
    }
}
