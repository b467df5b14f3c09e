//! awk's regular expressions over bytes: POSIX's extended ones, of which the longest match at the leftmost place counts.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use regex::bytes::{Regex as Finder, RegexBuilder};
use regex_automata::{
    Anchored, Input, MatchKind,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson,
    util::syntax,
};

use crate::userland::posix_regex::{Syntax, translate};

/// A compiled expression.
#[derive(Debug)]
pub struct Regex {
    pub source: Vec<u8>,
    finder: Finder,
    /// Says how far the longest match goes, where the first that the finder sees may be a shorter one.
    longest: Option<Box<(DFA, RefCell<Cache>)>>,
}

/// The expressions that a program has used.
#[derive(Default)]
pub struct Regexes {
    known: HashMap<(Vec<u8>, bool), Rc<Regex>>,
}

/// A program that makes expressions out of its data makes many; of those the first are kept.
const KEPT: usize = 500;

impl Regexes {
    /// The expression that `source` says; without regard to case if so wished.
    pub fn get(&mut self, source: &[u8], any_case: bool) -> Result<Rc<Regex>, String> {
        if let Some(regex) = self.known.get(&(source.to_vec(), any_case)) {
            return Ok(Rc::clone(regex));
        }
        let regex = Rc::new(Regex::new(source, any_case).ok_or_else(|| bad(source))?);
        if self.known.len() < KEPT {
            self.known.insert((source.to_vec(), any_case), Rc::clone(&regex));
        }
        Ok(regex)
    }
}

/// What is said of an expression that is none.
pub fn bad(source: &[u8]) -> String {
    format!("bad regex '{}': Invalid regular expression", String::from_utf8_lossy(source))
}

impl Regex {
    pub fn new(source: &[u8], any_case: bool) -> Option<Self> {
        // Each byte goes as a character through the translation, and is a byte again after it.
        let wide: String = source.iter().copied().map(char::from).collect();
        let mut pattern = String::new();
        for letter in translate(&wide, Syntax::Extended).replace("\\b(?=\\w)", "\\b{start}").replace("\\b(?<=\\w)", "\\b{end}").chars() {
            match u32::from(letter) {
                code @ (0x80.. | 0) => pattern += &format!("\\x{code:02X}"),
                _ => pattern.push(letter),
            }
        }
        let finder = RegexBuilder::new(&pattern).unicode(false).dot_matches_new_line(true).case_insensitive(any_case).build().ok()?;
        let longest = if source.iter().any(|byte| matches!(byte, b'|' | b'(')) {
            let dfa = DFA::builder()
                .configure(DFA::config().match_kind(MatchKind::All).skip_cache_capacity_check(true))
                .syntax(syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true).case_insensitive(any_case))
                .thompson(thompson::Config::new().utf8(false))
                .build(&pattern)
                .ok()?;
            let cache = RefCell::new(dfa.create_cache());
            Some(Box::new((dfa, cache)))
        } else {
            None
        };
        Some(Self { source: source.to_vec(), finder, longest })
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        self.finder.is_match(text)
    }

    /// Where the leftmost match at or behind `from` begins and where the longest there ends.
    pub fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.finder.find_at(text, from)?;
        let longest = self.longest.as_ref().and_then(|longest| {
            let input = Input::new(text).span(found.start()..text.len()).anchored(Anchored::Yes);
            longest.0.try_search_fwd(&mut longest.1.borrow_mut(), &input).ok().flatten()
        });
        Some((found.start(), longest.map_or(found.end(), |end| end.offset().max(found.end()))))
    }

    /// Where the groups of the match at `from` are, the whole of it first.
    pub fn groups(&self, text: &[u8], from: usize) -> Vec<Option<(usize, usize)>> {
        let Some(found) = self.finder.captures_at(text, from) else { return vec![] };
        found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_the_leftmost_is_found() {
        let find = |pattern: &str, text: &str| Regex::new(pattern.as_bytes(), false).and_then(|regex| regex.find(text.as_bytes(), 0));
        assert_eq!(find("ab|abcd", "xabcd"), Some((1, 5)));
        assert_eq!(find("(x|xy)(z|yz)?", "xyz"), Some((0, 3)));
        assert_eq!(find("a?(ab)?", "ab"), Some((0, 2)));
        assert_eq!(find("^b", "ab"), None);
        assert_eq!(find("a.b", "a\nb"), Some((0, 3)));
        assert_eq!(find("é", "xé"), Some((1, 3)));
        assert_eq!(find("[[:upper:]]+$", "abCD"), Some((2, 4)));
        assert_eq!(find("a{2}", "aaa"), Some((0, 2)));
        assert!(Regex::new(b"(", false).is_none());
        assert!(Regex::new(b"\xff+", false).is_some_and(|regex| regex.is_match(b"a\xff")));
    }
}
