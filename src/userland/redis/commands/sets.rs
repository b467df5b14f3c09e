//! Sets.

use indexmap::IndexSet;

use super::{Answer, Call, SYNTAX, Wrong, hashes::draw, limit};
use crate::userland::redis::{
    Bytes, number,
    reply::Reply,
    value::{self, Value},
};

pub fn sadd(call: &mut Call<'_>) -> Answer {
    let (key, members) = (call.arg(1), &call.args[2..]);
    let set = call.make_set(key)?;
    let new = members.iter().filter(|member| set.insert((*member).clone())).count();
    if new > 0 {
        call.touched(key);
    }
    Ok(Reply::size(new))
}

pub fn srem(call: &mut Call<'_>) -> Answer {
    let (key, members) = (call.arg(1), &call.args[2..]);
    let Some(set) = call.set(key)? else { return Ok(Reply::Int(0)) };
    let gone = members.iter().filter(|member| value::take_member(set, member)).count();
    if gone > 0 {
        call.touched(key);
    }
    Ok(Reply::size(gone))
}

pub fn smembers(call: &mut Call<'_>) -> Answer {
    let all = call.look_set(call.arg(1))?.map(value::members).unwrap_or_default();
    Ok(Reply::Set(all.into_iter().map(Reply::Bulk).collect()))
}

pub fn sismember(call: &mut Call<'_>) -> Answer {
    let member = call.arg(2);
    Ok(Reply::flag(call.look_set(call.arg(1))?.is_some_and(|set| set.contains(member))))
}

pub fn smismember(call: &mut Call<'_>) -> Answer {
    let members = &call.args[2..];
    let set = call.look_set(call.arg(1))?;
    Ok(Reply::Array(members.iter().map(|member| Reply::flag(set.is_some_and(|set| set.contains(member)))).collect()))
}

pub fn scard(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.look_set(call.arg(1))?.map_or(0, |set| set.len())))
}

pub fn smove(call: &mut Call<'_>) -> Answer {
    let (from, to, member) = (call.arg(1), call.arg(2), call.arg(3));
    let Some(set) = call.set(from)? else { return Ok(Reply::Int(0)) };
    let there = set.contains(member);
    call.set(to)?;
    if from == to || !there {
        return Ok(Reply::flag(there));
    }
    if let Some(set) = call.set(from)? {
        value::take_member(set, member);
    }
    call.touched(from);
    call.make_set(to)?.insert(member.to_vec());
    call.touched(to);
    Ok(Reply::Int(1))
}

pub fn spop(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let count = match call.args.len() {
        2 => None,
        3 => {
            let count = number::int(call.arg(2)).filter(|count| *count >= 0);
            Some(count.ok_or("ERR value is out of range, must be positive")?)
        }
        _ => return Err(SYNTAX.into()),
    };
    let length = call.set(key)?.map_or(0, |set| set.len());
    let mut places = draw(call, length, count.unwrap_or(1))?;
    places.sort_unstable();
    let Some(set) = call.set(key)? else { return Ok(if count.is_some() { Reply::Set(vec![]) } else { Reply::Nil }) };
    let taken: Vec<Bytes> = places.into_iter().rev().filter_map(|place| set.swap_remove_index(place)).collect();
    if !taken.is_empty() {
        let words = [&b"SREM"[..], key].into_iter().chain(taken.iter().map(|one| &one[..]));
        call.instead(words);
        call.touched(key);
    }
    Ok(match count {
        Some(_) => Reply::Set(taken.into_iter().map(Reply::Bulk).collect()),
        None => Reply::maybe(taken.first()),
    })
}

pub fn srandmember(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let length = call.look_set(key)?.map_or(0, |set| set.len());
    if call.args.len() == 2 {
        let place = call.server.chance(length);
        return Ok(Reply::maybe(call.set(key)?.and_then(|set| set.get_index(place))));
    }
    let count = call.int(2)?;
    if call.args.len() > 3 {
        return Err(SYNTAX.into());
    }
    let places = draw(call, length, count)?;
    let set = call.set(key)?;
    Ok(Reply::bulks(places.into_iter().filter_map(|place| set.as_ref()?.get_index(place).cloned())))
}

/// The sets of some keys.
fn all_of(call: &mut Call<'_>, keys: &[Bytes]) -> Result<Vec<IndexSet<Bytes>>, Wrong> {
    keys.iter().map(|key| Ok(call.look_set(key)?.cloned().unwrap_or_default())).collect()
}

/// What `SINTER`, `SUNION` or `SDIFF` of some keys is.
fn combined(call: &mut Call<'_>, keys: &[Bytes]) -> Result<IndexSet<Bytes>, Wrong> {
    let name = call.upper(0);
    let mut sets = all_of(call, keys)?;
    if name.starts_with("SUNION") {
        return Ok(sets.into_iter().flatten().collect());
    }
    let keeps = name.starts_with("SINTER");
    if keeps {
        sets.sort_by_key(IndexSet::len);
    }
    let mut sets = sets.into_iter();
    let mut first = sets.next().unwrap_or_default();
    for set in sets {
        first.retain(|member| set.contains(member) == keeps);
    }
    Ok(first)
}

pub fn combine(call: &mut Call<'_>) -> Answer {
    let set = combined(call, &call.args[1..])?;
    Ok(Reply::Set(value::members(&set).into_iter().map(Reply::Bulk).collect()))
}

pub fn combine_store(call: &mut Call<'_>) -> Answer {
    let set = combined(call, &call.args[2..])?;
    let (to, count) = (call.arg(1), set.len());
    if set.is_empty() {
        call.delete(to);
    } else {
        call.put(to, Value::Set(set));
    }
    Ok(Reply::size(count))
}

pub fn sintercard(call: &mut Call<'_>) -> Answer {
    let count = number::int(call.arg(1)).and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or("ERR numkeys should be greater than 0")?;
    let after = count.saturating_add(2);
    let keys = call.args.get(2..after).ok_or("ERR Number of keys can't be greater than number of args")?;
    let limit = limit(call, after)?;
    let count = combined(call, keys)?.len();
    Ok(Reply::size(count.min(limit)))
}
