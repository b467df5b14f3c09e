//! Sorted sets: members with scores, in the order of scores and then of bytes.

use std::collections::HashMap;
use std::ops::{Bound, Range};
use std::rc::Rc;

use super::Bytes;

/// A sorted set. Ranks are places in a sorted list, so they are found by halving.
#[derive(Clone, Debug, Default)]
pub struct ZSet {
    scores: HashMap<Rc<[u8]>, f64>,
    order: Vec<(f64, Rc<[u8]>)>,
}

/// One end of a range of members that have the same score.
#[derive(Clone, Debug)]
pub enum Lex {
    Lowest,
    Highest,
    At(Bound<Bytes>),
}

impl ZSet {
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// Where a member with this score is or would be.
    fn place(&self, score: f64, member: &[u8]) -> usize {
        self.order.partition_point(|(s, m)| *s < score || *s == score && **m < *member)
    }

    /// Sets a score; whether the member is new.
    pub fn insert(&mut self, member: &[u8], score: f64) -> bool {
        // Zeros are one.
        let score = score + 0.0;
        let old = self.score(member);
        if old == Some(score) {
            return false;
        }
        let name: Rc<[u8]> = match old {
            Some(old) => self.order.remove(self.place(old, member)).1,
            None => member.into(),
        };
        self.order.insert(self.place(score, member), (score, name.clone()));
        self.scores.insert(name, score);
        old.is_none()
    }

    pub fn remove(&mut self, member: &[u8]) -> bool {
        let Some(score) = self.scores.remove(member) else { return false };
        self.order.remove(self.place(score, member));
        true
    }

    pub fn remove_range(&mut self, range: Range<usize>) -> Vec<(Bytes, f64)> {
        let gone: Vec<_> = self.order.drain(range).map(|(score, member)| (member.to_vec(), score)).collect();
        for (member, _) in &gone {
            self.scores.remove(&member[..]);
        }
        gone
    }

    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        self.score(member).map(|score| self.place(score, member))
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + ExactSizeIterator {
        self.order.iter().map(|(score, member)| (&**member, *score))
    }

    pub fn at(&self, place: usize) -> Option<(&[u8], f64)> {
        self.order.get(place).map(|(score, member)| (&**member, *score))
    }

    /// The places of the scores between two ends.
    pub fn by_score(&self, from: Bound<f64>, to: Bound<f64>) -> Range<usize> {
        let start = self.order.partition_point(|(s, _)| match from {
            Bound::Included(min) => *s < min,
            Bound::Excluded(min) => *s <= min,
            Bound::Unbounded => false,
        });
        let end = self.order.partition_point(|(s, _)| match to {
            Bound::Included(max) => *s <= max,
            Bound::Excluded(max) => *s < max,
            Bound::Unbounded => true,
        });
        start..end.max(start)
    }

    /// The places of the members between two ends, where all scores are the same.
    pub fn by_lex(&self, from: &Lex, to: &Lex) -> Range<usize> {
        let below = |end: &Lex, member: &[u8], own: bool| match end {
            Lex::Lowest => false,
            Lex::Highest => true,
            Lex::At(Bound::Included(bytes)) => {
                if own {
                    member <= &bytes[..]
                } else {
                    member < &bytes[..]
                }
            }
            Lex::At(Bound::Excluded(bytes)) => {
                if own {
                    member < &bytes[..]
                } else {
                    member <= &bytes[..]
                }
            }
            Lex::At(Bound::Unbounded) => own,
        };
        let start = self.order.partition_point(|(_, m)| below(from, m, false));
        let end = self.order.partition_point(|(_, m)| below(to, m, true));
        start..end.max(start)
    }
}
