//! Unions, intersections and differences of sorted sets.

use std::collections::HashMap;

use super::{Answer, Call, SYNTAX, Wrong, limit, zranges::store, zsets::scored};
use crate::userland::redis::{Bytes, number, reply::Reply, value::Value};

/// How scores of the same member become one.
#[derive(Clone, Copy, Debug)]
enum Sum {
    Both,
    Min,
    Max,
}

impl Sum {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            // Endless and endless below zero are nothing.
            Sum::Both => Some(one + other).filter(|sum| !sum.is_nan()).unwrap_or(0.0),
            Sum::Min => one.min(other),
            Sum::Max => one.max(other),
        }
    }
}

/// The members and scores of some keys; members of sets have the score 1.
fn sources(call: &mut Call<'_>, keys: &[Bytes]) -> Result<Vec<HashMap<Bytes, f64>>, Wrong> {
    let one = |key: &Bytes| match call.look(key) {
        None => Ok(HashMap::new()),
        Some(Value::Set(set)) => Ok(set.iter().map(|member| (member.clone(), 1.0)).collect()),
        Some(Value::ZSet(zset)) => Ok(zset.iter().map(|(member, score)| (member.to_vec(), score)).collect()),
        Some(_) => Err(super::TYPE.into()),
    };
    keys.iter().map(one).collect()
}

fn combined(call: &mut Call<'_>, keys: &[Bytes], weights: &[f64], sum: Sum) -> Result<Vec<(Bytes, f64)>, Wrong> {
    let name = call.upper(0);
    let mut maps = sources(call, keys)?;
    for (map, weight) in maps.iter_mut().zip(weights) {
        map.values_mut().for_each(|score| *score = Some(*score * weight).filter(|score| !score.is_nan()).unwrap_or(0.0));
    }
    let mut maps = maps.into_iter();
    let mut first = maps.next().unwrap_or_default();
    for map in maps {
        if name.starts_with("ZUNION") {
            for (member, score) in map {
                first.entry(member).and_modify(|old| *old = sum.of(*old, score)).or_insert(score);
            }
        } else if name.starts_with("ZINTER") {
            first.retain(|member, score| match map.get(member) {
                Some(other) => {
                    *score = sum.of(*score, *other);
                    true
                }
                None => false,
            });
        } else {
            first.retain(|member, _| !map.contains_key(member));
        }
    }
    let mut all: Vec<(Bytes, f64)> = first.into_iter().collect();
    all.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
    Ok(all)
}

pub fn combine(call: &mut Call<'_>) -> Answer {
    let name = call.upper(0).to_ascii_lowercase();
    let stores = name.ends_with("store");
    let at = 1 + usize::from(stores);
    let count = usize::try_from(call.int(at)?).ok().filter(|count| *count > 0);
    let count = count.ok_or_else(|| Wrong::from(format!("ERR at least 1 input key is needed for '{name}' command")))?;
    let after = (at + 1).saturating_add(count);
    let keys = call.args.get(at + 1..after).ok_or(SYNTAX)?;
    let (mut weights, mut sum, mut scores) = (vec![1.0; count], Sum::Both, false);
    let differs = name.starts_with("zdiff");
    let mut next = after;
    while next < call.args.len() {
        match call.upper(next).as_str() {
            "WEIGHTS" if !differs && next + count < call.args.len() => {
                for (place, weight) in weights.iter_mut().enumerate() {
                    *weight = number::float(call.arg(next + 1 + place)).ok_or("ERR weight value is not a float")?;
                }
                next += count;
            }
            "AGGREGATE" if !differs && next + 1 < call.args.len() => {
                next += 1;
                sum = match call.upper(next).as_str() {
                    "SUM" => Sum::Both,
                    "MIN" => Sum::Min,
                    "MAX" => Sum::Max,
                    _ => return Err(SYNTAX.into()),
                };
            }
            "WITHSCORES" if !stores => scores = true,
            _ => return Err(SYNTAX.into()),
        }
        next += 1;
    }
    let all = combined(call, keys, &weights, sum)?;
    if stores { Ok(store(call, call.arg(1), all)) } else { Ok(scored(call, all, scores, true)) }
}

pub fn zintercard(call: &mut Call<'_>) -> Answer {
    let count = number::int(call.arg(1)).ok_or(super::INTEGER)?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0);
    let count = count.ok_or("ERR at least 1 input key is needed for 'zintercard' command")?;
    let after = count.saturating_add(2);
    let keys = call.args.get(2..after).ok_or(SYNTAX)?;
    let limit = limit(call, after)?;
    let found = combined(call, keys, &vec![1.0; count], Sum::Both)?.len();
    Ok(Reply::size(found.min(limit)))
}
