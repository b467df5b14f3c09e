//! Strings: texts, counters and bits.

use std::ops::Range;

use super::{Answer, Call, FLOAT, INTEGER, SYNTAX, Wrong, range};
use crate::userland::redis::{
    Bytes, number,
    reply::{OK, Reply},
    value::{Form, Value},
};

/// The longest string.
const MOST: usize = 512 << 20;
const TOO_LONG: &str = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

pub fn get(call: &mut Call<'_>) -> Answer {
    Ok(Reply::maybe(call.look_string(call.arg(1))?))
}

/// When a key shall end by `EX 10`, `PXAT …`: milliseconds since 1970.
pub fn end(call: &Call<'_>, unit: &str, value: i64) -> Result<i64, Wrong> {
    let name = String::from_utf8_lossy(call.arg(0)).to_ascii_lowercase();
    let wrong = || Wrong::from(format!("ERR invalid expire time in '{name}' command"));
    if value <= 0 {
        return Err(wrong());
    }
    let value = if unit.starts_with('E') { value.checked_mul(1000).ok_or_else(wrong)? } else { value };
    if unit.ends_with("AT") { Ok(value) } else { value.checked_add(call.server.now).ok_or_else(wrong) }
}

pub fn set(call: &mut Call<'_>) -> Answer {
    let (key, value) = (call.arg(1), call.arg(2));
    let (mut ends, mut only, mut keep, mut get) = (None, None, false, false);
    let mut at = 3;
    while at < call.args.len() {
        let word = call.upper(at);
        match word.as_str() {
            "NX" | "XX" if only.is_none() => only = Some(word == "XX"),
            "GET" => get = true,
            "KEEPTTL" if ends.is_none() => keep = true,
            "EX" | "PX" | "EXAT" | "PXAT" if ends.is_none() && !keep && at + 1 < call.args.len() => {
                at += 1;
                ends = Some((word, at));
            }
            _ => return Err(SYNTAX.into()),
        }
        at += 1;
    }
    let ends = match ends {
        Some((unit, at)) => Some(end(call, &unit, call.int(at)?)?),
        None => None,
    };
    let old = if get { call.look_string(key)?.cloned() } else { None };
    let answer = |done: bool| match (get, done) {
        (true, _) => Reply::maybe(old.as_ref()),
        (false, true) => OK,
        (false, false) => Reply::Nil,
    };
    if only.is_some_and(|there| call.exists(key) != there) {
        return Ok(answer(false));
    }
    store(call, key, value.to_vec(), ends, keep);
    Ok(answer(true))
}

/// Puts a string, with its end.
fn store(call: &mut Call<'_>, key: &[u8], value: Bytes, ends: Option<i64>, keep: bool) {
    call.server.expire(call.db, key);
    let old = if keep { call.database().expires.get(key).copied() } else { None };
    let ends = ends.or(old);
    match ends {
        // In one command, so that a file that ends too early cannot hold the value without its end.
        Some(ends) if call.server.number >= (6, 2) => call.instead([b"SET", key, &value, b"PXAT", ends.to_string().as_bytes()]),
        Some(ends) => {
            call.instead([b"SET", key, &value]);
            call.note_end(key, ends);
        }
        None => call.instead([b"SET", key, &value]),
    }
    call.put(key, Value::String(value, Form::Compact));
    if let Some(ends) = ends {
        call.database().expires.insert(key.to_vec(), ends);
    }
}

pub fn setnx(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    if call.exists(key) {
        return Ok(Reply::Int(0));
    }
    store(call, key, call.arg(2).to_vec(), None, false);
    Ok(Reply::Int(1))
}

pub fn setex(call: &mut Call<'_>) -> Answer {
    let unit = if call.upper(0) == "SETEX" { "EX" } else { "PX" };
    let ends = end(call, unit, call.int(2)?)?;
    store(call, call.arg(1), call.arg(3).to_vec(), Some(ends), false);
    Ok(OK)
}

pub fn getset(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let old = call.look_string(key)?.cloned();
    store(call, key, call.arg(2).to_vec(), None, false);
    Ok(Reply::maybe(old.as_ref()))
}

pub fn getdel(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let old = call.look_string(key)?.cloned();
    if old.is_some() {
        call.delete(key);
    }
    Ok(Reply::maybe(old.as_ref()))
}

pub fn getex(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let change = match (call.args.len(), call.upper(2).as_str()) {
        (2, _) => None,
        (3, "PERSIST") => Some(None),
        (4, unit @ ("EX" | "PX" | "EXAT" | "PXAT")) => Some(Some(end(call, unit, call.int(3)?)?)),
        _ => return Err(SYNTAX.into()),
    };
    let Some(value) = call.look_string(key)?.cloned() else { return Ok(Reply::Nil) };
    match change {
        Some(None) if call.database().expires.swap_remove(key).is_some() => {
            call.instead([b"PERSIST", key]);
            call.touched(key);
        }
        None | Some(None) => {}
        Some(Some(ends)) => {
            call.database().expires.insert(key.to_vec(), ends);
            call.note_end(key, ends);
            call.touched(key);
        }
    }
    Ok(Reply::Bulk(value))
}

pub fn mget(call: &mut Call<'_>) -> Answer {
    let all = call.args[1..].iter().map(|key| match call.look(key) {
        Some(Value::String(text, _)) => Reply::Bulk(text.clone()),
        _ => Reply::Nil,
    });
    Ok(Reply::Array(all.collect()))
}

pub fn mset(call: &mut Call<'_>) -> Answer {
    let name = call.upper(0);
    if call.args.len().is_multiple_of(2) {
        return Err(format!("ERR wrong number of arguments for '{}' command", name.to_ascii_lowercase()).into());
    }
    let pairs = call.args[1..].chunks_exact(2);
    let only_new = name == "MSETNX";
    if only_new && pairs.clone().any(|pair| call.exists(&pair[0])) {
        return Ok(Reply::Int(0));
    }
    for pair in pairs {
        call.put(&pair[0], Value::String(pair[1].clone(), Form::Compact));
    }
    Ok(if only_new { Reply::Int(1) } else { OK })
}

pub fn append(call: &mut Call<'_>) -> Answer {
    let (key, more) = (call.arg(1), call.arg(2));
    let old = call.string(key)?.map(|text| text.len());
    let length = old.unwrap_or(0) + more.len();
    if length > MOST {
        return Err(TOO_LONG.into());
    }
    call.make_string(key)?.extend(more);
    call.hold(key, if old.is_some() { Form::Raw } else { Form::Compact });
    call.touched(key);
    Ok(Reply::size(length))
}

pub fn strlen(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.look_string(call.arg(1))?.map_or(0, Vec::len)))
}

pub fn incr(call: &mut Call<'_>) -> Answer {
    let step = match call.upper(0).as_str() {
        "INCR" => 1,
        "DECR" => -1,
        "INCRBY" => call.int(2)?,
        _ => call.int(2)?.checked_neg().ok_or("ERR decrement would overflow")?,
    };
    let key = call.arg(1);
    let old = match call.string(key)? {
        Some(text) => number::int(text).ok_or(INTEGER)?,
        None => 0,
    };
    let new = old.checked_add(step).ok_or("ERR increment or decrement would overflow")?;
    *call.make_string(key)? = new.to_string().into_bytes();
    call.hold(key, Form::Compact);
    call.touched(key);
    Ok(Reply::Int(new))
}

pub fn incrbyfloat(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let old = call.string(key)?.cloned().unwrap_or_else(|| b"0".to_vec());
    number::float(&old).ok_or(FLOAT)?;
    call.float(2)?;
    let new = number::sum(&old, call.arg(2)).ok_or("ERR increment would produce NaN or Infinity")?.into_bytes();
    call.make_string(key)?.clone_from(&new);
    call.hold(key, Form::Text);
    call.touched(key);
    Ok(Reply::Bulk(new))
}

pub fn getrange(call: &mut Call<'_>) -> Answer {
    let (start, end) = (call.int(2)?, call.int(3)?);
    let text = call.look_string(call.arg(1))?;
    Ok(Reply::bulk(text.map_or(&[][..], |text| {
        let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
        // Both ends before the start are nothing, if they are in the wrong order.
        if start < 0 && end < 0 && start > end { &[] } else { &text[range(start, end.max(-length), text.len())] }
    })))
}

pub fn setrange(call: &mut Call<'_>) -> Answer {
    let (key, more) = (call.arg(1), call.arg(3));
    let start = call.int(2)?;
    let start = usize::try_from(start).map_err(|_| "ERR offset is out of range")?;
    let length = call.string(key)?.map_or(0, |text| text.len());
    if more.is_empty() {
        return Ok(Reply::size(length));
    }
    if start.saturating_add(more.len()) > MOST {
        return Err(TOO_LONG.into());
    }
    let text = call.make_string(key)?;
    text.resize(text.len().max(start + more.len()), 0);
    text[start..start + more.len()].copy_from_slice(more);
    let length = text.len();
    call.hold(key, Form::Raw);
    call.touched(key);
    Ok(Reply::size(length))
}

fn bit_place(call: &Call<'_>) -> Result<usize, Wrong> {
    let place = number::int(call.arg(2)).and_then(|place| usize::try_from(place).ok()).filter(|place| place / 8 < MOST);
    place.ok_or_else(|| "ERR bit offset is not an integer or out of range".into())
}

pub fn setbit(call: &mut Call<'_>) -> Answer {
    let place = bit_place(call)?;
    let bit = match call.arg(3) {
        b"0" => 0,
        b"1" => 1,
        _ => return Err("ERR bit is not an integer or out of range".into()),
    };
    let key = call.arg(1);
    let text = call.make_string(key)?;
    text.resize(text.len().max(place / 8 + 1), 0);
    let shift = 7 - place % 8;
    let old = text[place / 8] >> shift & 1;
    text[place / 8] = text[place / 8] & !(1 << shift) | bit << shift;
    call.hold(key, Form::Raw);
    call.touched(key);
    Ok(Reply::Int(old.into()))
}

pub fn getbit(call: &mut Call<'_>) -> Answer {
    let place = bit_place(call)?;
    let byte = call.look_string(call.arg(1))?.and_then(|text| text.get(place / 8).copied()).unwrap_or(0);
    Ok(Reply::Int((byte >> (7 - place % 8) & 1).into()))
}

pub fn bitcount(call: &mut Call<'_>) -> Answer {
    let bits = match (call.args.len(), call.upper(4).as_str()) {
        (2 | 4, _) | (5, "BYTE") => false,
        (5, "BIT") => true,
        _ => return Err(SYNTAX.into()),
    };
    let ends = if call.args.len() == 2 { (0, -1) } else { (call.int(2)?, call.int(3)?) };
    let Some(text) = call.look_string(call.arg(1))? else { return Ok(Reply::Int(0)) };
    let ones = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
    let count = if bits {
        let places = range(ends.0, ends.1, text.len() * 8);
        // All of the bytes that are touched, less what lies before and behind in the first and the last.
        let bytes = &text[places.start / 8..places.end.div_ceil(8)];
        let before = bytes.first().map_or(0, |first| u16::from(*first) << (places.start % 8) >> 8);
        let behind = bytes.last().map_or(0, |last| u16::from(*last) & ((1 << (8 * bytes.len() + places.start / 8 * 8 - places.end)) - 1));
        ones(bytes) - (before.count_ones() + behind.count_ones()) as usize
    } else {
        ones(&text[range(ends.0, ends.1, text.len())])
    };
    Ok(Reply::size(count))
}

pub fn bitpos(call: &mut Call<'_>) -> Answer {
    let bit = match call.arg(2) {
        b"0" => 0,
        b"1" => 1,
        text if number::int(text).is_some() => return Err("ERR The bit argument must be 1 or 0.".into()),
        _ => return Err(INTEGER.into()),
    };
    let count = call.args.len();
    let in_bits = match (count, call.upper(5).as_str()) {
        (3..=5, _) | (6, "BYTE") => false,
        (6, "BIT") => true,
        _ => return Err(SYNTAX.into()),
    };
    let start = if count > 3 { call.int(3)? } else { 0 };
    let end = if count > 4 { call.int(4)? } else { -1 };
    let Some(text) = call.look_string(call.arg(1))? else { return Ok(Reply::Int(if bit == 1 { -1 } else { 0 })) };
    let places = if in_bits {
        range(start, end, text.len() * 8)
    } else {
        let bytes = range(start, end, text.len());
        bytes.start * 8..bytes.end * 8
    };
    let after = places.end;
    let empty = places.is_empty();
    let found = first_bit(text, places, bit);
    Ok(match found {
        Some(place) => Reply::size(place),
        // Beyond the end all is zero, for who has not said where the end is.
        None if bit == 0 && count <= 4 && !empty => Reply::size(after),
        None => Reply::Int(-1),
    })
}

/// The first of these places where a bit is like `bit`. Bytes in which there is none are passed over as a whole.
fn first_bit(text: &[u8], places: Range<usize>, bit: u8) -> Option<usize> {
    let without = if bit == 1 { 0 } else { 0xff };
    let mut at = places.start;
    while at < places.end {
        if at.is_multiple_of(8) && text[at / 8] == without {
            let full = text[at / 8..places.end.div_ceil(8)].iter().take_while(|byte| **byte == without).count();
            at += 8 * full;
        } else if text[at / 8] >> (7 - at % 8) & 1 == bit {
            return Some(at);
        } else {
            at += 1;
        }
    }
    None
}

pub fn bitop(call: &mut Call<'_>) -> Answer {
    let name = call.upper(1);
    let combine: fn(u8, u8) -> u8 = match name.as_str() {
        "AND" => |a, b| a & b,
        "OR" => |a, b| a | b,
        "XOR" => |a, b| a ^ b,
        "NOT" if call.args.len() == 4 => |a, _| a,
        "NOT" => return Err("ERR BITOP NOT must be called with a single source key.".into()),
        _ => return Err(SYNTAX.into()),
    };
    let mut texts = vec![];
    for key in &call.args[3..] {
        texts.push(call.look_string(key)?.cloned().unwrap_or_default());
    }
    let length = texts.iter().map(Vec::len).max().unwrap_or(0);
    let byte = |text: &Bytes, place: usize| text.get(place).copied().unwrap_or(0);
    let first = &texts[0];
    let mut result: Bytes =
        (0..length).map(|place| texts[1..].iter().fold(byte(first, place), |sum, text| combine(sum, byte(text, place)))).collect();
    if name == "NOT" {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let to = call.arg(2);
    if result.is_empty() {
        call.delete(to);
    } else {
        call.put(to, Value::String(result, Form::Raw));
    }
    Ok(Reply::size(length))
}
