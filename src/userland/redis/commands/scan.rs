//! `SCAN` and its like. A cursor is the number of elements that are still to be looked at, counted from the start: what is taken away
//! moves none of those out of reach, and what comes in comes behind them.

use super::{Answer, Call, INTEGER, SYNTAX, Wrong};
use crate::userland::redis::{
    Bytes, glob, number,
    reply::Reply,
    value::{self, Value},
};

struct Wish {
    cursor: u64,
    pattern: Option<Bytes>,
    count: usize,
    kind: Option<String>,
    no_values: bool,
}

fn wish(call: &Call<'_>, at: usize) -> Result<Wish, Wrong> {
    let cursor = std::str::from_utf8(call.arg(at)).ok().and_then(|text| text.parse().ok()).ok_or("ERR invalid cursor")?;
    let mut wish = Wish { cursor, pattern: None, count: 10, kind: None, no_values: false };
    let mut next = at + 1;
    while next < call.args.len() {
        let more = next + 1 < call.args.len();
        match call.upper(next).as_str() {
            "MATCH" if more => wish.pattern = Some(call.arg(next + 1).to_vec()),
            "COUNT" if more => {
                let count = number::int(call.arg(next + 1)).ok_or(INTEGER)?;
                wish.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(SYNTAX)?;
            }
            "TYPE" if more && at == 1 => wish.kind = Some(String::from_utf8_lossy(call.arg(next + 1)).to_ascii_lowercase()),
            "NOVALUES" if at == 2 && call.upper(0) == "HSCAN" => {
                wish.no_values = true;
                next += 1;
                continue;
            }
            _ => return Err(SYNTAX.into()),
        }
        next += 2;
    }
    Ok(wish)
}

impl Wish {
    /// The places that are looked at in this step, and the next cursor.
    fn places(&self, length: usize) -> (std::ops::Range<usize>, usize) {
        let end = if self.cursor == 0 { length } else { usize::try_from(self.cursor).unwrap_or(usize::MAX).min(length) };
        let start = end.saturating_sub(self.count);
        (start..end, start)
    }

    fn wants(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, name))
    }
}

fn answer(cursor: usize, all: Vec<Reply>) -> Reply {
    Reply::Array(vec![Reply::bulk(cursor.to_string()), Reply::Array(all)])
}

pub fn scan(call: &mut Call<'_>) -> Answer {
    let (wish, now) = (wish(call, 1)?, call.server.now);
    let database = call.database();
    let (places, cursor) = wish.places(database.keys.len());
    let found = places.rev().filter_map(|place| database.keys.get_index(place)).filter(|(key, value)| {
        wish.wants(key) && wish.kind.as_ref().is_none_or(|kind| kind == value.kind()) && !database.is_over(key, now)
    });
    let found = found.map(|(key, _)| Reply::Bulk(key.clone())).collect();
    Ok(answer(cursor, found))
}

/// `HSCAN`, `SSCAN`, `ZSCAN`. Small collections come at once.
pub fn scan_in(call: &mut Call<'_>) -> Answer {
    let wish = wish(call, 2)?;
    let (name, number) = (call.upper(0), call.server.number);
    let short = number >= (7, 2);
    let Some(value) = call.look(call.arg(1)) else { return Ok(answer(0, vec![])) };
    let packed = matches!(value.encoding(number), "listpack" | "ziplist" | "intset");
    let steps = |length: usize| if packed { (0..length, 0) } else { wish.places(length) };
    let mut all = vec![];
    let cursor = match (name.as_str(), value) {
        ("HSCAN", Value::Hash(hash)) => {
            let (places, cursor) = steps(hash.len());
            for (name, value) in places.filter_map(|place| hash.get_index(place)).filter(|(name, _)| wish.wants(name)) {
                all.push(Reply::Bulk(name.clone()));
                all.extend((!wish.no_values).then(|| Reply::Bulk(value.clone())));
            }
            cursor
        }
        ("SSCAN", Value::Set(set)) if packed => {
            all.extend(value::members(set).into_iter().filter(|member| wish.wants(member)).map(Reply::Bulk));
            0
        }
        ("SSCAN", Value::Set(set)) => {
            let (places, cursor) = steps(set.len());
            all.extend(places.filter_map(|place| set.get_index(place)).filter(|member| wish.wants(member)).cloned().map(Reply::Bulk));
            cursor
        }
        ("ZSCAN", Value::ZSet(zset)) => {
            // In what is sorted, a new element may come in anywhere: all of it comes in one step.
            for (member, score) in zset.iter().filter(|(member, _)| wish.wants(member)) {
                all.push(Reply::bulk(member));
                all.push(Reply::bulk(if short { number::shortest(score) } else { number::seventeen(score) }));
            }
            0
        }
        _ => return Err(super::TYPE.into()),
    };
    Ok(answer(cursor, all))
}
