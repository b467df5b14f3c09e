//! Ranges of sorted sets: by rank, by score, by bytes.

use std::ops::{Bound, Range};

use super::{Answer, Call, SYNTAX, Wrong, range, zsets::scored};
use crate::userland::redis::{
    Bytes, number,
    reply::Reply,
    value::Value,
    zset::{Lex, ZSet},
};

/// How a range is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// The two ends of a range.
enum Ends {
    Rank(i64, i64),
    Score(Bound<f64>, Bound<f64>),
    Lex(Lex, Lex),
}

fn score_end(text: &[u8]) -> Result<Bound<f64>, Wrong> {
    let (text, open) = text.strip_prefix(b"(").map_or((text, false), |text| (text, true));
    let score = number::float(text).ok_or("ERR min or max is not a float")?;
    Ok(if open { Bound::Excluded(score) } else { Bound::Included(score) })
}

fn lex_end(text: &[u8]) -> Result<Lex, Wrong> {
    match text {
        b"-" => Ok(Lex::Lowest),
        b"+" => Ok(Lex::Highest),
        [b'(', rest @ ..] => Ok(Lex::At(Bound::Excluded(rest.to_vec()))),
        [b'[', rest @ ..] => Ok(Lex::At(Bound::Included(rest.to_vec()))),
        _ => Err("ERR min or max not valid string range item".into()),
    }
}

impl Ends {
    fn read(call: &Call<'_>, by: By, at: usize, swapped: bool) -> Result<Ends, Wrong> {
        let (low, high) = if swapped { (at + 1, at) } else { (at, at + 1) };
        match by {
            By::Rank => Ok(Ends::Rank(call.int(at)?, call.int(at + 1)?)),
            By::Score => Ok(Ends::Score(score_end(call.arg(low))?, score_end(call.arg(high))?)),
            By::Lex => Ok(Ends::Lex(lex_end(call.arg(low))?, lex_end(call.arg(high))?)),
        }
    }

    /// The places in `zset`; of ranks counted from the end where `reverse`.
    fn places(&self, zset: &ZSet, reverse: bool) -> Range<usize> {
        match self {
            Ends::Rank(start, end) => {
                let places = range(*start, *end, zset.len());
                if reverse && !places.is_empty() { zset.len() - places.end..zset.len() - places.start } else { places }
            }
            Ends::Score(from, to) => zset.by_score(*from, *to),
            Ends::Lex(from, to) => zset.by_lex(from, to),
        }
    }
}

/// A whole request for a range.
struct Wish {
    ends: Ends,
    reverse: bool,
    limit: Option<(i64, i64)>,
    scores: bool,
}

impl Wish {
    /// What is said from the place `at` on, where the ends are.
    fn read(call: &Call<'_>, at: usize, mut by: By, mut reverse: bool, old: bool, stores: bool) -> Result<Wish, Wrong> {
        let (mut limit, mut scores) = (None, false);
        let mut next = at + 2;
        while next < call.args.len() {
            match call.upper(next).as_str() {
                "WITHSCORES" if !stores => scores = true,
                "LIMIT" if next + 2 < call.args.len() => {
                    limit = Some((call.int(next + 1)?, call.int(next + 2)?));
                    next += 2;
                }
                "BYSCORE" if !old => by = By::Score,
                "BYLEX" if !old => by = By::Lex,
                "REV" if !old => reverse = true,
                _ => return Err(SYNTAX.into()),
            }
            next += 1;
        }
        if limit.is_some() && by == By::Rank {
            return Err("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX".into());
        }
        if scores && by == By::Lex {
            return Err("ERR syntax error, WITHSCORES not supported in combination with BYLEX".into());
        }
        Ok(Wish { ends: Ends::read(call, by, at, reverse)?, reverse, limit, scores })
    }

    fn of(&self, zset: &ZSet) -> Vec<(Bytes, f64)> {
        let places = self.ends.places(zset, self.reverse);
        let (skip, most) = match self.limit {
            None => (0, usize::MAX),
            Some((skip, _)) if skip < 0 => return vec![],
            Some((skip, most)) => (usize::try_from(skip).unwrap_or(usize::MAX), usize::try_from(most).unwrap_or(usize::MAX)),
        };
        let (start, count) = (places.start, places.len());
        let all = zset.iter().skip(start).take(count).map(|(member, score)| (member.to_vec(), score));
        if self.reverse { all.rev().skip(skip).take(most).collect() } else { all.skip(skip).take(most).collect() }
    }
}

pub fn zrange(call: &mut Call<'_>) -> Answer {
    let name = call.upper(0);
    let by = match () {
        () if name.ends_with("BYSCORE") => By::Score,
        () if name.ends_with("BYLEX") => By::Lex,
        () => By::Rank,
    };
    let wish = Wish::read(call, 2, by, name.starts_with("ZREV"), name != "ZRANGE", false)?;
    let found = call.look_zset(call.arg(1))?.map(|zset| wish.of(zset)).unwrap_or_default();
    Ok(scored(call, found, wish.scores, true))
}

pub fn zrangestore(call: &mut Call<'_>) -> Answer {
    let wish = Wish::read(call, 3, By::Rank, false, false, true)?;
    let found = call.look_zset(call.arg(2))?.map(|zset| wish.of(zset)).unwrap_or_default();
    Ok(store(call, call.arg(1), found))
}

/// Puts members and their scores under a key; how many they are.
pub fn store(call: &mut Call<'_>, to: &[u8], members: Vec<(Bytes, f64)>) -> Reply {
    let count = members.len();
    if members.is_empty() {
        call.delete(to);
    } else {
        let mut zset = ZSet::default();
        for (member, score) in &members {
            zset.insert(member, *score);
        }
        call.put(to, Value::ZSet(zset));
    }
    Reply::size(count)
}

pub fn zcount(call: &mut Call<'_>) -> Answer {
    let by = if call.upper(0) == "ZCOUNT" { By::Score } else { By::Lex };
    let ends = Ends::read(call, by, 2, false)?;
    Ok(Reply::size(call.look_zset(call.arg(1))?.map_or(0, |zset| ends.places(zset, false).len())))
}

pub fn zremrange(call: &mut Call<'_>) -> Answer {
    let by = match call.upper(0).as_str() {
        "ZREMRANGEBYRANK" => By::Rank,
        "ZREMRANGEBYSCORE" => By::Score,
        _ => By::Lex,
    };
    let ends = Ends::read(call, by, 2, false)?;
    let key = call.arg(1);
    let Some(zset) = call.zset(key)? else { return Ok(Reply::Int(0)) };
    let places = ends.places(zset, false);
    let gone = zset.remove_range(places).len();
    if gone > 0 {
        call.touched(key);
    }
    Ok(Reply::size(gone))
}
