//! Sorted sets: their members and scores, one by one.

use super::{Answer, Call, SYNTAX, Wrong, hashes::draw};
use crate::userland::redis::{Bytes, number, reply::Reply};

pub fn zadd(call: &mut Call<'_>) -> Answer {
    let (mut new_only, mut old_only, mut greater, mut less, mut changes, mut adds) = (false, false, false, false, false, false);
    let mut at = 2;
    while at < call.args.len() {
        match call.upper(at).as_str() {
            "NX" => new_only = true,
            "XX" => old_only = true,
            "GT" => greater = true,
            "LT" => less = true,
            "CH" => changes = true,
            "INCR" => adds = true,
            _ => break,
        }
        at += 1;
    }
    let pairs = &call.args[at..];
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(SYNTAX.into());
    }
    if new_only && old_only {
        return Err("ERR XX and NX options at the same time are not compatible".into());
    }
    if [greater, less, new_only].into_iter().filter(|one| *one).count() > 1 {
        return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
    }
    if adds && pairs.len() > 2 {
        return Err("ERR INCR option supports a single increment-element pair".into());
    }
    let mut scores = vec![];
    for pair in pairs.chunks_exact(2) {
        scores.push((number::float(&pair[0]).ok_or(super::FLOAT)?, &pair[1]));
    }
    let key = call.arg(1);
    if call.zset(key)?.is_none() && old_only {
        return Ok(if adds { Reply::Nil } else { Reply::Int(0) });
    }
    let zset = call.make_zset(key)?;
    let (mut new, mut changed, mut result) = (0, 0, None);
    let mut wrong = None;
    for (score, member) in scores {
        let old = zset.score(member);
        let mut score = score;
        match old {
            Some(_) if new_only => continue,
            None if old_only => continue,
            Some(old) => {
                if adds {
                    score += old;
                    if score.is_nan() {
                        wrong = Some("ERR resulting score is not a number (NaN)");
                        break;
                    }
                }
                if greater && score <= old || less && score >= old {
                    continue;
                }
                result = Some(score);
                if score != old {
                    zset.insert(member, score);
                    changed += 1;
                }
            }
            None => {
                result = Some(score);
                zset.insert(member, score);
                new += 1;
            }
        }
    }
    if new + changed > 0 {
        call.touched(key);
    } else {
        call.sweep_empty(key);
    }
    match (wrong, adds) {
        (Some(wrong), _) => Err(wrong.into()),
        (None, true) => Ok(result.map_or(Reply::Nil, Reply::Double)),
        (None, false) => Ok(Reply::size(if changes { new + changed } else { new })),
    }
}

pub fn zincrby(call: &mut Call<'_>) -> Answer {
    let step = call.float(2)?;
    let (key, member) = (call.arg(1), call.arg(3));
    let score = call.zset(key)?.and_then(|zset| zset.score(member)).unwrap_or(0.0) + step;
    if score.is_nan() {
        return Err("ERR resulting score is not a number (NaN)".into());
    }
    call.make_zset(key)?.insert(member, score);
    call.touched(key);
    Ok(Reply::Double(score))
}

pub fn zrem(call: &mut Call<'_>) -> Answer {
    let (key, members) = (call.arg(1), &call.args[2..]);
    let Some(zset) = call.zset(key)? else { return Ok(Reply::Int(0)) };
    let gone = members.iter().filter(|member| zset.remove(member)).count();
    if gone > 0 {
        call.touched(key);
    }
    Ok(Reply::size(gone))
}

pub fn zcard(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.look_zset(call.arg(1))?.map_or(0, |zset| zset.len())))
}

pub fn zscore(call: &mut Call<'_>) -> Answer {
    let member = call.arg(2);
    Ok(call.look_zset(call.arg(1))?.and_then(|zset| zset.score(member)).map_or(Reply::Nil, Reply::Double))
}

pub fn zmscore(call: &mut Call<'_>) -> Answer {
    let members = &call.args[2..];
    let zset = call.look_zset(call.arg(1))?;
    let score = |member: &Bytes| zset.and_then(|zset| zset.score(member)).map_or(Reply::Nil, Reply::Double);
    Ok(Reply::Array(members.iter().map(score).collect()))
}

pub fn zrank(call: &mut Call<'_>) -> Answer {
    let (member, reverse) = (call.arg(2), call.upper(0) == "ZREVRANK");
    let scored = match (call.args.len(), call.upper(3).as_str()) {
        (3, _) => false,
        (4, "WITHSCORE") if call.server.number >= (7, 2) => true,
        _ if call.server.number >= (7, 2) => return Err(SYNTAX.into()),
        _ => return Err(format!("ERR wrong number of arguments for '{}' command", if reverse { "zrevrank" } else { "zrank" }).into()),
    };
    let none = if scored { Reply::NilArray } else { Reply::Nil };
    let Some(zset) = call.look_zset(call.arg(1))? else { return Ok(none) };
    let Some(rank) = zset.rank(member) else { return Ok(none) };
    let rank = Reply::size(if reverse { zset.len() - 1 - rank } else { rank });
    Ok(match zset.score(member) {
        Some(score) if scored => Reply::Array(vec![rank, Reply::Double(score)]),
        _ => rank,
    })
}

/// Takes up to `count` of the least or the greatest.
pub fn pop_from(call: &mut Call<'_>, key: &[u8], least: bool, count: usize) -> Result<Option<Vec<(Bytes, f64)>>, Wrong> {
    let Some(zset) = call.zset(key)? else { return Ok(None) };
    let count = count.min(zset.len());
    let mut taken = if least { zset.remove_range(0..count) } else { zset.remove_range(zset.len() - count..zset.len()) };
    if !least {
        taken.reverse();
    }
    if count > 0 {
        let words = [&b"ZREM"[..], key].into_iter().chain(taken.iter().map(|(member, _)| &member[..]));
        call.instead(words);
        call.touched(key);
    }
    Ok(Some(taken))
}

pub fn zpop(call: &mut Call<'_>) -> Answer {
    let least = call.upper(0) == "ZPOPMIN";
    let count = match call.args.len() {
        2 => None,
        3 => {
            let count = number::int(call.arg(2)).and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or("ERR value is out of range, must be positive")?)
        }
        _ => return Err(SYNTAX.into()),
    };
    let taken = pop_from(call, call.arg(1), least, count.unwrap_or(1))?.unwrap_or_default();
    Ok(scored(call, taken, true, count.is_some()))
}

/// Members with their scores; in RESP3 as pairs where `pairs`.
pub fn scored(call: &Call<'_>, members: Vec<(Bytes, f64)>, scores: bool, pairs: bool) -> Reply {
    let mut all = vec![];
    for (member, score) in members {
        let member = Reply::Bulk(member);
        match scores {
            false => all.push(member),
            true if pairs && call.three() => all.push(Reply::Array(vec![member, Reply::Double(score)])),
            true => all.extend([member, Reply::Double(score)]),
        }
    }
    Reply::Array(all)
}

pub fn zrandmember(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let scores = match (call.args.len(), call.upper(3).as_str()) {
        (2 | 3, _) => false,
        (4, "WITHSCORES") => true,
        _ => return Err(SYNTAX.into()),
    };
    let count = if call.args.len() == 2 { 1 } else { call.int(2)? };
    let length = call.look_zset(key)?.map_or(0, |zset| zset.len());
    let places = draw(call, length, count)?;
    let zset = call.zset(key)?;
    let members: Vec<(Bytes, f64)> =
        places.into_iter().filter_map(|place| zset.as_ref()?.at(place)).map(|(member, score)| (member.to_vec(), score)).collect();
    if call.args.len() == 2 {
        return Ok(Reply::maybe(members.first().map(|(member, _)| member)));
    }
    Ok(scored(call, members, scores, true))
}
