//! Keys, whatever is under them: whether they are there, when they end, how they are called.

use super::{Answer, Call, INTEGER, SYNTAX, Wrong};
use crate::userland::redis::{
    Bytes, glob, number,
    reply::{OK, Reply},
};

const NO_KEY: &str = "ERR no such key";

pub fn del(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.args[1..].iter().filter(|key| call.delete(key).is_some()).count()))
}

pub fn exists(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.args[1..].iter().filter(|key| call.look(key).is_some()).count()))
}

pub fn kind(call: &mut Call<'_>) -> Answer {
    Ok(Reply::Simple(call.value(call.arg(1)).map_or("none", |value| value.kind())))
}

/// `EXPIRE`, `PEXPIRE`, `EXPIREAT`, `PEXPIREAT`.
pub fn expire(call: &mut Call<'_>) -> Answer {
    let name = call.upper(0);
    let given = call.int(2)?;
    let wrong = || Wrong::from(format!("ERR invalid expire time in '{}' command", name.to_ascii_lowercase()));
    let milliseconds = if name.starts_with('P') { given } else { given.checked_mul(1000).ok_or_else(wrong)? };
    let end = if name.ends_with("AT") { milliseconds } else { milliseconds.checked_add(call.server.now).ok_or_else(wrong)? };
    let (mut new_only, mut old_only, mut greater, mut less) = (false, false, false, false);
    for at in 3..call.args.len() {
        match call.upper(at).as_str() {
            "NX" => new_only = true,
            "XX" => old_only = true,
            "GT" => greater = true,
            "LT" => less = true,
            _ => return Err(format!("ERR Unsupported option {}", String::from_utf8_lossy(call.arg(at))).into()),
        }
    }
    if new_only && (old_only || greater || less) {
        return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
    }
    if greater && less {
        return Err("ERR GT and LT options at the same time are not compatible".into());
    }
    let key = call.arg(1);
    if !call.exists(key) {
        return Ok(Reply::Int(0));
    }
    let old = call.database().expires.get(key).copied();
    let refused = new_only && old.is_some()
        || old_only && old.is_none()
        || greater && old.is_none_or(|old| end <= old)
        || less && old.is_some_and(|old| end >= old);
    if refused {
        return Ok(Reply::Int(0));
    }
    if end <= call.server.now && !call.server.loading {
        call.delete(key);
        call.instead([b"DEL", key]);
    } else {
        call.database().expires.insert(key.to_vec(), end);
        call.note_end(key, end);
        call.touched(key);
    }
    Ok(Reply::Int(1))
}

/// `TTL`, `PTTL`, `EXPIRETIME`, `PEXPIRETIME`.
pub fn ttl(call: &mut Call<'_>) -> Answer {
    let (key, name) = (call.arg(1), call.upper(0));
    if call.look(key).is_none() {
        return Ok(Reply::Int(-2));
    }
    let Some(end) = call.database().expires.get(key).copied() else { return Ok(Reply::Int(-1)) };
    let left = if name.contains("TIME") { end } else { end.saturating_sub(call.server.now).max(0) };
    Ok(Reply::Int(match name.as_str() {
        "TTL" | "EXPIRETIME" => left / 1000 + i64::from(left % 1000 >= 500),
        _ => left,
    }))
}

pub fn persist(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let kept = call.exists(key) && call.database().expires.swap_remove(key).is_some();
    if kept {
        call.touched(key);
    }
    Ok(Reply::flag(kept))
}

pub fn rename(call: &mut Call<'_>) -> Answer {
    let (from, to, only_new) = (call.arg(1), call.arg(2), call.upper(0) == "RENAMENX");
    if !call.exists(from) {
        return Err(NO_KEY.into());
    }
    let done = if only_new { Reply::Int(1) } else { OK };
    if from == to {
        return Ok(if only_new { Reply::Int(0) } else { OK });
    }
    if only_new && call.exists(to) {
        return Ok(Reply::Int(0));
    }
    let end = call.database().expires.get(from).copied();
    let Some(value) = call.delete(from) else { return Err(NO_KEY.into()) };
    call.put(to, value);
    if let Some(end) = end {
        call.database().expires.insert(to.to_vec(), end);
    }
    Ok(done)
}

/// Another database's number.
fn database(call: &Call<'_>, at: usize) -> Result<usize, Wrong> {
    let number = number::int(call.arg(at)).ok_or(INTEGER)?;
    let number = usize::try_from(number).ok().filter(|number| *number < call.server.databases.len());
    number.ok_or_else(|| "ERR DB index is out of range".into())
}

pub fn copy(call: &mut Call<'_>) -> Answer {
    let (from, to) = (call.arg(1), call.arg(2));
    let (mut there, mut replace) = (call.db, false);
    let mut at = 3;
    while at < call.args.len() {
        match call.upper(at).as_str() {
            "REPLACE" => replace = true,
            "DB" if at + 1 < call.args.len() => {
                there = database(call, at + 1)?;
                at += 1;
            }
            _ => return Err(SYNTAX.into()),
        }
        at += 1;
    }
    if there == call.db && from == to {
        return Err("ERR source and destination objects are the same".into());
    }
    let Some(value) = call.look(from).cloned() else { return Ok(Reply::Int(0)) };
    let end = call.database().expires.get(from).copied();
    let here = std::mem::replace(&mut call.db, there);
    let free = replace || !call.exists(to);
    if free {
        call.put(to, value);
        if let Some(end) = end {
            call.database().expires.insert(to.to_vec(), end);
        }
    }
    call.db = here;
    Ok(Reply::flag(free))
}

pub fn move_key(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let there = database(call, 2)?;
    if there == call.db {
        return Err("ERR source and destination objects are the same".into());
    }
    if !call.exists(key) {
        return Ok(Reply::Int(0));
    }
    let end = call.database().expires.get(key).copied();
    let here = std::mem::replace(&mut call.db, there);
    if call.exists(key) {
        call.db = here;
        return Ok(Reply::Int(0));
    }
    call.db = here;
    let Some(value) = call.delete(key) else { return Ok(Reply::Int(0)) };
    call.db = there;
    call.put(key, value);
    if let Some(end) = end {
        call.database().expires.insert(key.to_vec(), end);
    }
    call.db = here;
    Ok(Reply::Int(1))
}

pub fn keys(call: &mut Call<'_>) -> Answer {
    let (pattern, now) = (call.arg(1), call.server.now);
    let database = call.database();
    let found = database.keys.keys().filter(|key| glob::matches(pattern, key) && !database.is_over(key, now));
    Ok(Reply::bulks(found.cloned().collect::<Vec<Bytes>>()))
}

pub fn randomkey(call: &mut Call<'_>) -> Answer {
    loop {
        let count = call.database().keys.len();
        let place = call.server.chance(count);
        let Some((key, _)) = call.database().keys.get_index(place) else { return Ok(Reply::Nil) };
        let key = key.clone();
        if call.exists(&key) {
            return Ok(Reply::Bulk(key));
        }
    }
}

pub fn object(call: &mut Call<'_>) -> Answer {
    let what = call.upper(1);
    if what == "HELP" {
        return Ok(Reply::Array(
            [
                "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
                "ENCODING <key>",
                "    Tells how the value of a key is held.",
                "FREQ <key>",
                "    Tells how often a key is asked for, where a policy has that counted.",
                "IDLETIME <key>",
                "    Tells for how many seconds nobody has asked for a key.",
                "REFCOUNT <key>",
                "    Tells how many places lead to the value of a key.",
                "HELP",
                "    Shows this help.",
            ]
            .map(Reply::Simple)
            .to_vec(),
        ));
    }
    if !matches!(what.as_str(), "ENCODING" | "REFCOUNT" | "IDLETIME" | "FREQ") || call.args.len() != 3 {
        return Err(unknown_sub(call, "OBJECT"));
    }
    let version = call.server.number;
    let Some(value) = call.value(call.arg(2)) else {
        return Ok(Reply::Nil);
    };
    match what.as_str() {
        "ENCODING" => Ok(Reply::bulk(value.encoding(version))),
        "REFCOUNT" => Ok(Reply::Int(1)),
        "IDLETIME" => Ok(Reply::Int(0)),
        _ => Err(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies \
                  at runtime LRU and LFU data will take some time to adjust."
                .into(),
        ),
    }
}

/// What is said of a second word that means nothing, or has not the words that it needs.
pub fn unknown_sub(call: &Call<'_>, command: &str) -> Wrong {
    let known: &[&str] = match command {
        "OBJECT" => &["encoding", "refcount", "idletime", "freq"],
        "CONFIG" => &["get", "set", "rewrite", "resetstat"],
        "CLIENT" => &["id", "getname", "setname", "setinfo", "list", "info", "kill", "reply", "no-evict", "no-touch"],
        "PUBSUB" => &["channels", "numsub", "numpat", "shardchannels", "shardnumsub"],
        "COMMAND" => &["count", "docs", "info", "list", "getkeys"],
        "SLOWLOG" => &["get", "len", "reset"],
        "MEMORY" => &["usage", "purge"],
        "ACL" => &["whoami", "users"],
        _ => &[],
    };
    let word = String::from_utf8_lossy(call.arg(1));
    let small = word.to_ascii_lowercase();
    if known.contains(&small.as_str()) {
        return format!("ERR wrong number of arguments for '{}|{small}' command", command.to_ascii_lowercase()).into();
    }
    let word: String = word.chars().take(128).collect();
    format!("ERR unknown subcommand '{word}'. Try {command} HELP.").into()
}

pub fn swapdb(call: &mut Call<'_>) -> Answer {
    let one = |at: usize, which: &str| {
        let number = number::int(call.arg(at)).ok_or_else(|| Wrong::from(format!("ERR invalid {which} DB index")))?;
        usize::try_from(number)
            .ok()
            .filter(|number| *number < call.server.databases.len())
            .ok_or_else(|| Wrong::from("ERR DB index is out of range"))
    };
    let (first, second) = (one(1, "first")?, one(2, "second")?);
    call.server.databases.swap(first, second);
    for client in call.server.clients.values_mut() {
        client.touched |= client.watched.iter().any(|(db, _)| *db == first || *db == second);
    }
    let come: Vec<(usize, Bytes)> = call.server.waiting.keys().filter(|(db, _)| *db == first || *db == second).cloned().collect();
    for (db, key) in come {
        if call.server.databases[db].keys.contains_key(&key) {
            call.server.has_come(db, &key);
        }
    }
    call.changed = true;
    call.server.saving.dirty += 1;
    Ok(OK)
}

pub fn dbsize(call: &mut Call<'_>) -> Answer {
    Ok(Reply::size(call.database().keys.len()))
}

pub fn flush(call: &mut Call<'_>) -> Answer {
    if call.args.len() > 2 || call.args.len() == 2 && !matches!(call.upper(1).as_str(), "SYNC" | "ASYNC") {
        return Err(SYNTAX.into());
    }
    let all = call.upper(0) == "FLUSHALL";
    let databases = if all { 0..call.server.databases.len() } else { call.db..call.db + 1 };
    for client in call.server.clients.values_mut() {
        client.touched |=
            client.watched.iter().any(|(db, key)| databases.contains(db) && call.server.databases[*db].keys.contains_key(key));
    }
    for db in databases {
        call.server.saving.dirty += call.server.databases[db].keys.len() as u64;
        call.server.databases[db] = Default::default();
    }
    call.changed = true;
    call.server.saving.dirty += 1;
    Ok(OK)
}
