//! Writes a dump, in version 9 of the format, which Redis reads since its version 5.

use super::{
    super::{
        Bytes,
        value::{Database, Value},
    },
    crc64,
};

/// All databases as the bytes of a dump, which notes who wrote it, when, and with how much in memory.
pub fn dump(databases: &[Database], version: &str, memory: u64, now: i64) -> Vec<u8> {
    let mut out = b"REDIS0009".to_vec();
    let (seconds, memory) = ((now / 1000).to_string(), memory.to_string());
    for (name, value) in [("redis-ver", version), ("redis-bits", "64"), ("ctime", &seconds), ("used-mem", &memory)] {
        out.push(0xfa);
        string(&mut out, name.as_bytes());
        string(&mut out, value.as_bytes());
    }
    for (number, database) in databases.iter().enumerate().filter(|(_, database)| !database.keys.is_empty()) {
        out.push(0xfe);
        length(&mut out, number);
        out.push(0xfb);
        length(&mut out, database.keys.len());
        length(&mut out, database.expires.len());
        for (key, value) in &database.keys {
            if let Some(end) = database.expires.get(key) {
                out.push(0xfc);
                out.extend(end.to_le_bytes());
            }
            put(&mut out, key, value);
        }
    }
    out.push(0xff);
    let sum = crc64::of(&out);
    out.extend(sum.to_le_bytes());
    out
}

fn put(out: &mut Vec<u8>, key: &[u8], value: &Value) {
    let kind = match value {
        Value::String(..) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::Hash(_) => 4,
        Value::ZSet(_) => 5,
    };
    out.push(kind);
    string(out, key);
    match value {
        Value::String(text, _) => string(out, text),
        Value::List(list) => strings(out, list.len(), list.iter()),
        Value::Set(set) => strings(out, set.len(), set.iter()),
        Value::Hash(hash) => strings(out, hash.len(), hash.iter().flat_map(|(name, value)| [name, value])),
        Value::ZSet(zset) => {
            length(out, zset.len());
            // From the highest on, as Redis does, which puts each before the last.
            for (member, score) in zset.iter().rev() {
                string(out, member);
                out.extend(score.to_le_bytes());
            }
        }
    }
}

fn strings<'a>(out: &mut Vec<u8>, count: usize, all: impl Iterator<Item = &'a Bytes>) {
    length(out, count);
    all.for_each(|one| string(out, one));
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len());
    out.extend(bytes);
}

fn length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..0x40 => out.push(length as u8),
        0x40..0x4000 => out.extend((length as u16 | 0x4000).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend((length as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend((length as u64).to_be_bytes());
        }
    }
}
