//! `SORT`: the elements of a list, a set or a sorted set in the order that they, or values under keys that they name, have.

use std::cmp::Ordering;

use super::{Answer, Call, SYNTAX, TYPE, Wrong};
use crate::userland::redis::{
    Bytes, number,
    reply::Reply,
    value::{self, Value},
};

/// What is asked for.
#[derive(Default)]
struct Wish<'a> {
    descending: bool,
    letters: bool,
    limit: Option<(i64, i64)>,
    /// The pattern of the keys with what is sorted by.
    by: Option<&'a [u8]>,
    /// The patterns of the keys whose values are given; `#` is the element itself.
    get: Vec<&'a [u8]>,
    store: Option<&'a [u8]>,
}

impl<'a> Wish<'a> {
    fn read(call: &Call<'a>) -> Result<Self, Wrong> {
        let mut wish = Wish::default();
        let mut at = 2;
        while at < call.args.len() {
            let more = call.args.len() - at - 1;
            match call.upper(at).as_str() {
                "ASC" => wish.descending = false,
                "DESC" => wish.descending = true,
                "ALPHA" => wish.letters = true,
                "LIMIT" if more >= 2 => {
                    wish.limit = Some((call.int(at + 1)?, call.int(at + 2)?));
                    at += 2;
                }
                "STORE" if more >= 1 && call.upper(0) == "SORT" => {
                    at += 1;
                    wish.store = Some(call.arg(at));
                }
                "BY" if more >= 1 => {
                    at += 1;
                    wish.by = Some(call.arg(at));
                }
                "GET" if more >= 1 => {
                    at += 1;
                    wish.get.push(call.arg(at));
                }
                _ => return Err(SYNTAX.into()),
            }
            at += 1;
        }
        Ok(wish)
    }

    /// By a pattern that is the same for all nothing is sorted.
    fn sorts(&self) -> bool {
        self.by.is_none_or(|by| by.contains(&b'*'))
    }
}

/// What lies under the key that a pattern and an element name: `weight_*`, or `object_*->field` for a field of a hash.
fn looked_up(call: &mut Call<'_>, pattern: &[u8], element: &Bytes) -> Option<Bytes> {
    if pattern == b"#" {
        return Some(element.clone());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after.windows(2).position(|two| two == b"->").filter(|arrow| arrow + 2 < after.len());
    let (after, field) = arrow.map_or((after, None), |arrow| (&after[..arrow], Some(&after[arrow + 2..])));
    match (call.look(&[before, element, after].concat())?, field) {
        (Value::String(text, _), None) => Some(text.clone()),
        (Value::Hash(hash), Some(field)) => hash.get(field).cloned(),
        _ => None,
    }
}

/// By what an element is sorted.
enum Rank {
    Number(f64),
    /// Nothing comes before everything.
    Text(Option<Bytes>),
}

fn compare(one: &(Rank, Bytes), other: &(Rank, Bytes)) -> Ordering {
    match (&one.0, &other.0) {
        (Rank::Number(a), Rank::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| one.1.cmp(&other.1)),
        (Rank::Text(a), Rank::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

pub fn sort(call: &mut Call<'_>) -> Answer {
    let mut wish = Wish::read(call)?;
    let value = call.look(call.arg(1));
    if !wish.sorts() && wish.store.is_some() && matches!(value, Some(Value::Set(_))) {
        // What is kept has an order that does not depend on chance.
        (wish.by, wish.letters) = (None, true);
    }
    let backwards = wish.descending && !wish.sorts();
    let mut all: Vec<Bytes> = match value {
        None => vec![],
        Some(Value::List(list)) if backwards => list.iter().rev().cloned().collect(),
        Some(Value::List(list)) => list.iter().cloned().collect(),
        Some(Value::Set(set)) => value::members(set),
        Some(Value::ZSet(zset)) if backwards => zset.iter().rev().map(|(member, _)| member.to_vec()).collect(),
        Some(Value::ZSet(zset)) => zset.iter().map(|(member, _)| member.to_vec()).collect(),
        Some(_) => return Err(TYPE.into()),
    };
    if wish.sorts() {
        all = sorted(call, &wish, all)?;
    }
    if let Some((start, count)) = wish.limit {
        let start = usize::try_from(start).unwrap_or(0).min(all.len());
        all.drain(..start);
        all.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    }
    let found: Vec<Option<Bytes>> = if wish.get.is_empty() {
        all.into_iter().map(Some).collect()
    } else {
        let pairs = all.iter().flat_map(|element| wish.get.iter().map(move |pattern| (element, *pattern)));
        pairs.map(|(element, pattern)| looked_up(call, pattern, element)).collect()
    };
    let Some(to) = wish.store else { return Ok(Reply::Array(found.iter().map(|one| Reply::maybe(one.as_ref())).collect())) };
    let count = found.len();
    if found.is_empty() {
        call.delete(to);
    } else {
        call.put(to, Value::List(found.into_iter().map(Option::unwrap_or_default).collect()));
    }
    Ok(Reply::size(count))
}

fn sorted(call: &mut Call<'_>, wish: &Wish<'_>, all: Vec<Bytes>) -> Result<Vec<Bytes>, Wrong> {
    let mut ranked = vec![];
    for element in all {
        let by = match wish.by {
            Some(pattern) => looked_up(call, pattern, &element),
            None => Some(element.clone()),
        };
        let rank = match by {
            by if wish.letters => Rank::Text(by),
            None => Rank::Number(0.0),
            Some(text) if text.is_empty() => Rank::Number(0.0),
            Some(text) => Rank::Number(number::float(&text).ok_or("ERR One or more scores can't be converted into double")?),
        };
        ranked.push((rank, element));
    }
    // What is equal stays in its order, whichever way it goes.
    ranked.sort_by(|one, other| if wish.descending { compare(other, one) } else { compare(one, other) });
    Ok(ranked.into_iter().map(|(_, element)| element).collect())
}
