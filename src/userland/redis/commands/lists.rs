//! Lists, and waiting for them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Answer, Call, SYNTAX, Wrong, range, zsets};
use crate::userland::redis::{
    Bytes, number,
    reply::{OK, Reply},
    waiting::{Wait, Want},
};

pub fn push(call: &mut Call<'_>) -> Answer {
    let (key, name) = (call.arg(1), call.upper(0));
    if name.ends_with('X') && call.list(key)?.is_none() {
        return Ok(Reply::Int(0));
    }
    let more = &call.args[2..];
    let list = call.make_list(key)?;
    for value in more {
        if name.starts_with('L') { list.push_front(value.clone()) } else { list.push_back(value.clone()) }
    }
    let length = list.len();
    call.touched(key);
    Ok(Reply::size(length))
}

/// Takes up to `count` from one end.
fn pop_from(call: &mut Call<'_>, key: &[u8], left: bool, count: usize) -> Result<Option<Vec<Bytes>>, Wrong> {
    let Some(list) = call.list(key)? else { return Ok(None) };
    let count = count.min(list.len());
    let taken: Vec<Bytes> = if left { list.drain(..count).collect() } else { list.drain(list.len() - count..).rev().collect() };
    if count > 0 {
        call.touched(key);
    }
    Ok(Some(taken))
}

pub fn pop(call: &mut Call<'_>) -> Answer {
    let (key, left) = (call.arg(1), call.upper(0) == "LPOP");
    if call.args.len() == 2 {
        let taken = pop_from(call, key, left, 1)?;
        return Ok(taken.and_then(|mut one| one.pop()).map_or(Reply::Nil, Reply::Bulk));
    }
    if call.args.len() > 3 {
        return Err(format!("ERR wrong number of arguments for '{}' command", if left { "lpop" } else { "rpop" }).into());
    }
    let count = number::int(call.arg(2)).and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or("ERR value is out of range, must be positive")?;
    Ok(pop_from(call, key, left, count)?.map_or(Reply::NilArray, Reply::bulks))
}

pub fn llen(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.look_list(call.arg(1))?.map_or(0, |list| list.len())))
}

pub fn lrange(call: &mut Call<'_>) -> Answer {
    let (start, end) = (call.int(2)?, call.int(3)?);
    let list = call.look_list(call.arg(1))?;
    Ok(Reply::bulks(list.into_iter().flat_map(|list| list.range(range(start, end, list.len())).cloned())))
}

/// The place that a number means, which may count from the end.
fn place(at: i64, length: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(length).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < length)
}

pub fn lindex(call: &mut Call<'_>) -> Answer {
    let at = call.int(2);
    let Some(list) = call.look_list(call.arg(1))? else { return Ok(Reply::Nil) };
    Ok(Reply::maybe(place(at?, list.len()).and_then(|at| list.get(at))))
}

pub fn lset(call: &mut Call<'_>) -> Answer {
    let (key, value) = (call.arg(1), call.arg(3));
    let at = call.int(2);
    let list = call.list(key)?.ok_or("ERR no such key")?;
    let at = place(at?, list.len()).ok_or("ERR index out of range")?;
    list[at] = value.to_vec();
    call.touched(key);
    Ok(OK)
}

pub fn linsert(call: &mut Call<'_>) -> Answer {
    let after = match call.upper(2).as_str() {
        "BEFORE" => 0,
        "AFTER" => 1,
        _ => return Err(SYNTAX.into()),
    };
    let (key, pivot, value) = (call.arg(1), call.arg(3), call.arg(4));
    let Some(list) = call.list(key)? else { return Ok(Reply::Int(0)) };
    let Some(at) = list.iter().position(|one| one == pivot) else { return Ok(Reply::Int(-1)) };
    list.insert(at + after, value.to_vec());
    let length = list.len();
    call.touched(key);
    Ok(Reply::size(length))
}

pub fn lrem(call: &mut Call<'_>) -> Answer {
    let (key, value) = (call.arg(1), call.arg(3));
    let count = call.int(2)?;
    let Some(list) = call.list(key)? else { return Ok(Reply::Int(0)) };
    let most = if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
    let before = list.len();
    let mut gone = 0;
    let mut stays = |one: &Bytes| {
        let goes = gone < most && one == value;
        gone += usize::from(goes);
        !goes
    };
    if count < 0 {
        let mut kept: Vec<Bytes> = list.drain(..).rev().filter(|one| stays(one)).collect();
        kept.reverse();
        *list = kept.into();
    } else {
        list.retain(|one| stays(one));
    }
    let gone = before - list.len();
    if gone > 0 {
        call.touched(key);
    }
    Ok(Reply::size(gone))
}

pub fn ltrim(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let (start, end) = (call.int(2)?, call.int(3)?);
    if let Some(list) = call.list(key)? {
        let kept = range(start, end, list.len());
        list.truncate(kept.end);
        list.drain(..kept.start);
        call.touched(key);
    }
    Ok(OK)
}

pub fn lpos(call: &mut Call<'_>) -> Answer {
    let (mut rank, mut count, mut most) = (1, None, usize::MAX);
    let options = &call.args[3..];
    if !options.len().is_multiple_of(2) {
        return Err(SYNTAX.into());
    }
    for at in (3..call.args.len()).step_by(2) {
        let value = call.int(at + 1)?;
        let size = |wrong: &'static str| usize::try_from(value).map_err(|_| Wrong::from(wrong));
        match call.upper(at).as_str() {
            "RANK" if value == 0 => {
                return Err("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
                            from the end of the list"
                    .into());
            }
            "RANK" if value == i64::MIN => {
                return Err("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807".into());
            }
            "RANK" => rank = value,
            "COUNT" => count = Some(size("ERR COUNT can't be negative")?),
            "MAXLEN" => most = Some(size("ERR MAXLEN can't be negative")?).filter(|most| *most > 0).unwrap_or(usize::MAX),
            _ => return Err(SYNTAX.into()),
        }
    }
    let wanted = call.arg(2);
    let skipped = usize::try_from(rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let limit = match count {
        Some(0) => usize::MAX,
        Some(count) => count,
        None => 1,
    };
    let Some(list) = call.look_list(call.arg(1))? else {
        return Ok(if count.is_some() { Reply::Array(vec![]) } else { Reply::Nil });
    };
    let found = |all: &mut dyn Iterator<Item = (usize, &Bytes)>| -> Vec<Reply> {
        all.take(most).filter(|(_, one)| *one == wanted).skip(skipped).take(limit).map(|(at, _)| Reply::size(at)).collect()
    };
    let mut all = if rank > 0 { found(&mut list.iter().enumerate()) } else { found(&mut list.iter().enumerate().rev()) };
    Ok(if count.is_some() {
        Reply::Array(all)
    } else if all.is_empty() {
        Reply::Nil
    } else {
        all.swap_remove(0)
    })
}

fn side(word: &str) -> Result<bool, Wrong> {
    match word {
        "LEFT" => Ok(true),
        "RIGHT" => Ok(false),
        _ => Err(SYNTAX.into()),
    }
}

/// Moves one from list to list; none where there is nothing to move.
fn move_one(call: &mut Call<'_>, from: &[u8], to: &[u8], from_left: bool, to_left: bool) -> Result<Option<Bytes>, Wrong> {
    if call.list(from)?.is_none() {
        return Ok(None);
    }
    call.list(to)?;
    let taken = |list: &mut VecDeque<Bytes>| if from_left { list.pop_front() } else { list.pop_back() };
    let Some(value) = call.list(from)?.and_then(taken) else { return Ok(None) };
    if from != to {
        call.touched(from);
    }
    let list = call.make_list(to)?;
    if to_left {
        list.push_front(value.clone())
    } else {
        list.push_back(value.clone())
    }
    call.touched(to);
    let word = |left: bool| if left { &b"LEFT"[..] } else { b"RIGHT" };
    match (from_left, to_left) {
        (false, true) => call.instead([b"RPOPLPUSH", from, to]),
        _ => call.instead([b"LMOVE", from, to, word(from_left), word(to_left)]),
    }
    Ok(Some(value))
}

pub fn lmove(call: &mut Call<'_>) -> Answer {
    let (from_left, to_left) = match call.upper(0).as_str() {
        "RPOPLPUSH" => (false, true),
        _ => (side(&call.upper(3))?, side(&call.upper(4))?),
    };
    Ok(move_one(call, call.arg(1), call.arg(2), from_left, to_left)?.map_or(Reply::Nil, Reply::Bulk))
}

/// Until when `text` seconds let one wait.
fn until(text: &[u8]) -> Result<Option<Instant>, Wrong> {
    let seconds = number::float(text).ok_or("ERR timeout is not a float or out of range")?;
    if seconds < 0.0 {
        return Err("ERR timeout is negative".into());
    }
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| "ERR timeout is out of range")?;
    if duration.is_zero() {
        return Ok(None);
    }
    Instant::now().checked_add(duration).map(Some).ok_or_else(|| "ERR timeout is out of range".into())
}

/// Takes what is wanted from the first of the keys that has something, or waits.
fn take_or_wait(call: &mut Call<'_>, keys: &[Bytes], until: Option<Instant>, want: Want) -> Answer {
    for key in keys {
        if let Some(reply) = take(call, key, &want)? {
            return Ok(reply);
        }
    }
    if call.at_once {
        return Ok(if matches!(want, Want::Move { .. }) { Reply::Nil } else { Reply::NilArray });
    }
    let db = call.db;
    call.server.wait(call.client, Wait { db, keys: keys.to_vec(), until, want });
    Ok(Reply::Later)
}

/// Takes what is wanted from a key; none where it has nothing.
pub fn take(call: &mut Call<'_>, key: &[u8], want: &Want) -> Result<Option<Reply>, Wrong> {
    let name = |key: &[u8]| Reply::bulk(key);
    match want {
        Want::Pop { left } => {
            let Some(value) = pop_from(call, key, *left, 1)?.and_then(|mut one| one.pop()) else { return Ok(None) };
            call.instead([if *left { b"LPOP" } else { b"RPOP" }, key]);
            Ok(Some(Reply::Array(vec![name(key), Reply::Bulk(value)])))
        }
        Want::Move { to, from_left, to_left } => Ok(move_one(call, key, to, *from_left, *to_left)?.map(Reply::Bulk)),
        Want::Several { left, count } => {
            let Some(values) = pop_from(call, key, *left, *count)? else { return Ok(None) };
            call.instead([if *left { b"LPOP" } else { b"RPOP" }, key, values.len().to_string().as_bytes()]);
            Ok(Some(Reply::Array(vec![name(key), Reply::bulks(values)])))
        }
        Want::Score { least } => {
            let Some((member, score)) = zsets::pop_from(call, key, *least, 1)?.and_then(|mut one| one.pop()) else { return Ok(None) };
            Ok(Some(Reply::Array(vec![name(key), Reply::Bulk(member), Reply::Double(score)])))
        }
        Want::Scores { least, count } => {
            let Some(taken) = zsets::pop_from(call, key, *least, *count)? else { return Ok(None) };
            let pair = |(member, score)| Reply::Array(vec![Reply::Bulk(member), Reply::Double(score)]);
            Ok(Some(Reply::Array(vec![name(key), Reply::Array(taken.into_iter().map(pair).collect())])))
        }
    }
}

/// `BLPOP`, `BRPOP`, `BZPOPMIN`, `BZPOPMAX`.
pub fn bpop(call: &mut Call<'_>) -> Answer {
    let Some((timeout, keys)) = call.args[1..].split_last() else { return Err(SYNTAX.into()) };
    let want = match call.upper(0).as_str() {
        "BLPOP" => Want::Pop { left: true },
        "BRPOP" => Want::Pop { left: false },
        "BZPOPMIN" => Want::Score { least: true },
        _ => Want::Score { least: false },
    };
    take_or_wait(call, keys, until(timeout)?, want)
}

pub fn bmove(call: &mut Call<'_>) -> Answer {
    let old = call.upper(0) == "BRPOPLPUSH";
    let (from_left, to_left) = if old { (false, true) } else { (side(&call.upper(3))?, side(&call.upper(4))?) };
    let until = until(call.arg(if old { 3 } else { 5 }))?;
    take_or_wait(call, &call.args[1..2], until, Want::Move { to: call.arg(2).to_vec(), from_left, to_left })
}

/// `LMPOP`, `BLMPOP`, `ZMPOP`, `BZMPOP`.
pub fn mpop(call: &mut Call<'_>) -> Answer {
    let name = call.upper(0);
    let waits = name.starts_with('B');
    let at = 1 + usize::from(waits);
    let until = if waits { until(call.arg(1))? } else { None };
    let count = number::int(call.arg(at)).and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or("ERR numkeys should be greater than 0")?;
    let after = at.saturating_add(1).saturating_add(count);
    let keys = call.args.get(at + 1..after).ok_or(SYNTAX)?;
    let word = call.upper(after);
    let first = match (name.contains('Z'), word.as_str()) {
        (false, "LEFT") | (true, "MIN") => true,
        (false, "RIGHT") | (true, "MAX") => false,
        _ => return Err(SYNTAX.into()),
    };
    let count = match (call.args.len() - after, call.upper(after + 1).as_str()) {
        (1, _) => 1,
        (3, "COUNT") => {
            let count = number::int(call.arg(after + 2)).and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
            count.ok_or("ERR count should be greater than 0")?
        }
        _ => return Err(SYNTAX.into()),
    };
    let want = if name.contains('Z') { Want::Scores { least: first, count } } else { Want::Several { left: first, count } };
    call.at_once |= !waits;
    take_or_wait(call, keys, until, want)
}
