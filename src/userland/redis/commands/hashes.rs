//! Hashes.

use super::{Answer, Call, INTEGER, SYNTAX, Wrong};
use crate::userland::redis::{
    number,
    reply::{OK, Reply},
    value,
};

pub fn hset(call: &mut Call<'_>) -> Answer {
    let name = call.upper(0);
    if !call.args.len().is_multiple_of(2) {
        return Err(format!("ERR wrong number of arguments for '{}' command", name.to_ascii_lowercase()).into());
    }
    let (key, pairs) = (call.arg(1), call.args[2..].chunks_exact(2));
    let hash = call.make_hash(key)?;
    let mut new = 0;
    for pair in pairs {
        new += usize::from(hash.insert(pair[0].clone(), pair[1].clone()).is_none());
    }
    call.touched(key);
    Ok(if name == "HMSET" { OK } else { Reply::size(new) })
}

pub fn hsetnx(call: &mut Call<'_>) -> Answer {
    let (key, field, value) = (call.arg(1), call.arg(2), call.arg(3));
    let hash = call.make_hash(key)?;
    if hash.contains_key(field) {
        return Ok(Reply::Int(0));
    }
    hash.insert(field.to_vec(), value.to_vec());
    call.touched(key);
    Ok(Reply::Int(1))
}

pub fn hget(call: &mut Call<'_>) -> Answer {
    let field = call.arg(2);
    Ok(Reply::maybe(call.look_hash(call.arg(1))?.and_then(|hash| hash.get(field))))
}

pub fn hmget(call: &mut Call<'_>) -> Answer {
    let fields = &call.args[2..];
    let hash = call.look_hash(call.arg(1))?;
    Ok(Reply::Array(fields.iter().map(|field| Reply::maybe(hash.and_then(|hash| hash.get(field)))).collect()))
}

pub fn hgetall(call: &mut Call<'_>) -> Answer {
    let (names, values) = match call.upper(0).as_str() {
        "HKEYS" => (true, false),
        "HVALS" => (false, true),
        _ => (true, true),
    };
    let hash = call.look_hash(call.arg(1))?;
    let mut all = vec![];
    for (name, value) in hash.into_iter().flatten() {
        all.extend(names.then(|| Reply::Bulk(name.clone())));
        all.extend(values.then(|| Reply::Bulk(value.clone())));
    }
    Ok(if names && values { Reply::Map(all) } else { Reply::Array(all) })
}

pub fn hlen(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.look_hash(call.arg(1))?.map_or(0, |hash| hash.len())))
}

pub fn hdel(call: &mut Call<'_>) -> Answer {
    let (key, fields) = (call.arg(1), &call.args[2..]);
    let Some(hash) = call.hash(key)? else { return Ok(Reply::Int(0)) };
    let gone = fields.iter().filter(|field| value::take(hash, field).is_some()).count();
    if gone > 0 {
        call.touched(key);
    }
    Ok(Reply::size(gone))
}

pub fn hexists(call: &mut Call<'_>) -> Answer {
    let field = call.arg(2);
    Ok(Reply::flag(call.look_hash(call.arg(1))?.is_some_and(|hash| hash.contains_key(field))))
}

pub fn hstrlen(call: &mut Call<'_>) -> Answer {
    let field = call.arg(2);
    Ok(Reply::size(call.look_hash(call.arg(1))?.and_then(|hash| hash.get(field)).map_or(0, Vec::len)))
}

pub fn hincrby(call: &mut Call<'_>) -> Answer {
    let step = call.int(3)?;
    let (key, field) = (call.arg(1), call.arg(2));
    let old = match call.hash(key)?.and_then(|hash| hash.get(field)) {
        Some(text) => number::int(text).ok_or("ERR hash value is not an integer")?,
        None => 0,
    };
    let new = old.checked_add(step).ok_or("ERR increment or decrement would overflow")?;
    call.make_hash(key)?.insert(field.to_vec(), new.to_string().into_bytes());
    call.touched(key);
    Ok(Reply::Int(new))
}

pub fn hincrbyfloat(call: &mut Call<'_>) -> Answer {
    let step = call.float(3)?;
    if step.is_infinite() {
        return Err("ERR value is NaN or Infinity".into());
    }
    let (key, field) = (call.arg(1), call.arg(2));
    let old = call.hash(key)?.and_then(|hash| hash.get(field)).cloned().unwrap_or_else(|| b"0".to_vec());
    number::float(&old).ok_or("ERR hash value is not a float")?;
    let new = number::sum(&old, call.arg(3)).ok_or("ERR increment would produce NaN or Infinity")?.into_bytes();
    call.make_hash(key)?.insert(field.to_vec(), new.clone());
    call.touched(key);
    Ok(Reply::Bulk(new))
}

/// How many are to be drawn, and whether one may come twice: for `HRANDFIELD` and its like.
pub fn draw(call: &mut Call<'_>, length: usize, count: i64) -> Result<Vec<usize>, Wrong> {
    if count < 0 {
        let count = usize::try_from(count.unsigned_abs()).ok().filter(|count| *count <= 1 << 24).ok_or("ERR value is out of range")?;
        return Ok(if length == 0 { vec![] } else { (0..count).map(|_| call.server.chance(length)).collect() });
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(length);
    if count == 1 {
        return Ok(vec![call.server.chance(length)]);
    }
    let mut places: Vec<usize> = (0..length).collect();
    if count < length {
        for at in 0..count {
            let other = at + call.server.chance(length - at);
            places.swap(at, other);
        }
        places.truncate(count);
    }
    Ok(places)
}

pub fn hrandfield(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    if call.args.len() == 2 {
        let length = call.look_hash(key)?.map_or(0, |hash| hash.len());
        let place = call.server.chance(length);
        return Ok(Reply::maybe(call.hash(key)?.and_then(|hash| hash.get_index(place)).map(|(name, _)| name)));
    }
    let count = number::int(call.arg(2)).ok_or(INTEGER)?;
    let values = match (call.args.len(), call.upper(3).as_str()) {
        (3, _) => false,
        (4, "WITHVALUES") => true,
        _ => return Err(SYNTAX.into()),
    };
    let length = call.look_hash(key)?.map_or(0, |hash| hash.len());
    let places = draw(call, length, count)?;
    let three = call.three();
    let hash = call.hash(key)?;
    let mut all = vec![];
    for (name, value) in places.into_iter().filter_map(|place| hash.as_ref()?.get_index(place)) {
        let (name, value) = (Reply::Bulk(name.clone()), values.then(|| Reply::Bulk(value.clone())));
        match value {
            Some(value) if three => all.push(Reply::Array(vec![name, value])),
            value => all.extend([Some(name), value].into_iter().flatten()),
        }
    }
    Ok(Reply::Array(all))
}
