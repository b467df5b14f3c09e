//! Reads a dump: all versions up to 12, as far as they hold strings, lists, hashes, sets and sorted sets.
//!
//! Any bytes are taken; what makes no sense is an error, and nothing is set aside for what is merely announced.

use std::collections::VecDeque;

use indexmap::{IndexMap, IndexSet};

use super::{
    super::{
        Bytes, number,
        value::{Database, Form, Value},
        zset::ZSet,
    },
    crc64,
    packed::{self, Front},
};

const NEWEST: u32 = 12;
const SHORT: &str = "Short read or OOM loading DB. Unrecoverable error, aborting now.";

/// How long a string or collection is, or how it is encoded.
enum Length {
    Count(usize),
    Encoded(u8),
}

/// What a dump held, and how many of its bytes it took.
pub struct Dump {
    pub databases: Vec<Database>,
    pub length: usize,
    /// How many keys had ended and were left out.
    pub expired: usize,
    /// What the log says of whoever wrote it.
    pub told: Vec<String>,
}

/// What is said of one of the notes at the start of a dump.
fn told(name: &[u8], value: &[u8], now: i64) -> Option<String> {
    match name {
        b"redis-ver" => Some(format!("Loading RDB produced by version {}", String::from_utf8_lossy(value))),
        b"ctime" => Some(format!("RDB age {} seconds", (now / 1000).saturating_sub(number::int(value)?).max(0))),
        b"used-mem" => Some(format!("RDB memory usage when created {:.2} Mb", number::int(value)? as f64 / 1_048_576.0)),
        _ => None,
    }
}

/// Reads `count` databases; keys that have ended at `now` are left out.
pub fn load(bytes: &[u8], count: usize, now: i64) -> Result<Dump, String> {
    let version = bytes.get(..9).filter(|head| head.starts_with(b"REDIS")).ok_or("Wrong signature trying to load DB from file")?;
    let version: u32 = std::str::from_utf8(&version[5..]).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    if !(1..=NEWEST).contains(&version) {
        return Err(format!("Can't handle RDB format version {version}"));
    }
    let mut databases: Vec<Database> = (0..count).map(|_| Database::default()).collect();
    let mut front = Front(&bytes[9..]);
    let (mut number, mut end) = (0, None);
    let (mut expired, mut notes) = (0, vec![]);
    loop {
        let kind = front.byte().ok_or(SHORT)?;
        match kind {
            0xff => break,
            0xfe => {
                number = count_of(&mut front)?;
                if number >= count {
                    return Err(format!(
                        "FATAL: Data file was created with a Redis server configured to handle more than {count} databases. Exiting"
                    ));
                }
            }
            0xfd => end = Some(front.signed(4).ok_or(SHORT)?.saturating_mul(1000)),
            0xfc => end = Some(front.signed(8).ok_or(SHORT)?),
            0xfb => {
                count_of(&mut front)?;
                count_of(&mut front)?;
            }
            0xfa => {
                let (name, value) = (string(&mut front)?, string(&mut front)?);
                notes.extend(told(&name, &value, now));
            }
            0xf9 => drop(front.byte().ok_or(SHORT)?),
            0xf8 => drop(count_of(&mut front)?),
            0xf4 => {
                for _ in 0..3 {
                    count_of(&mut front)?;
                }
            }
            // A library of functions, which nobody can call here.
            0xf5 => drop(string(&mut front)?),
            kind => {
                let key = string(&mut front)?;
                let value = value(&mut front, kind, &key)?;
                let end = end.take();
                if end.is_some_and(|end| end <= now) {
                    expired += 1;
                } else if !value.is_empty() {
                    let database = &mut databases[number];
                    if let Some(end) = end {
                        database.expires.insert(key.clone(), end);
                    }
                    database.keys.insert(key, value);
                }
            }
        }
    }
    let length = bytes.len() - front.0.len();
    if version >= 5 {
        let sum = front.little(8).ok_or(SHORT)?;
        if sum != 0 && sum != crc64::of(&bytes[..length]) {
            return Err("Wrong RDB checksum. Aborting now.".to_owned());
        }
    }
    Ok(Dump { databases, length: bytes.len() - front.0.len(), expired, told: notes })
}

fn length(front: &mut Front<'_>) -> Result<Length, String> {
    let head = front.byte().ok_or(SHORT)?;
    let count = match head >> 6 {
        0 => u64::from(head & 0x3f),
        1 => u64::from(head & 0x3f) << 8 | u64::from(front.byte().ok_or(SHORT)?),
        2 if head == 0x80 => front.big(4).ok_or(SHORT)?,
        2 if head == 0x81 => front.big(8).ok_or(SHORT)?,
        3 => return Ok(Length::Encoded(head & 0x3f)),
        _ => return Err(format!("Unknown length encoding {head}")),
    };
    usize::try_from(count).map(Length::Count).map_err(|_| SHORT.to_owned())
}

fn count_of(front: &mut Front<'_>) -> Result<usize, String> {
    match length(front)? {
        Length::Count(count) => Ok(count),
        Length::Encoded(kind) => Err(format!("Unknown length encoding {kind}")),
    }
}

fn string(front: &mut Front<'_>) -> Result<Bytes, String> {
    let number = |number: Option<i64>| number.map(|number| number.to_string().into_bytes()).ok_or_else(|| SHORT.to_owned());
    match length(front)? {
        Length::Count(count) => front.take(count).map(<[u8]>::to_vec).ok_or_else(|| SHORT.to_owned()),
        Length::Encoded(0) => number(front.signed(1)),
        Length::Encoded(1) => number(front.signed(2)),
        Length::Encoded(2) => number(front.signed(4)),
        Length::Encoded(3) => {
            let (short, long) = (count_of(front)?, count_of(front)?);
            let bytes = front.take(short).ok_or(SHORT)?;
            packed::decompress(bytes, long).ok_or_else(|| "Invalid LZF compressed string".to_owned())
        }
        Length::Encoded(kind) => Err(format!("Unknown RDB string encoding type {kind}")),
    }
}

fn strings(front: &mut Front<'_>, each: usize) -> Result<Vec<Bytes>, String> {
    let count = count_of(front)?;
    let count = count.checked_mul(each).ok_or(SHORT)?;
    (0..count).map(|_| string(front)).collect()
}

/// Scores of the first versions: their text, its length before it.
fn old_score(front: &mut Front<'_>) -> Option<f64> {
    match front.byte()? {
        253 => None,
        254 => Some(f64::INFINITY),
        255 => Some(f64::NEG_INFINITY),
        count => number::float(front.take(count.into())?),
    }
}

fn value(front: &mut Front<'_>, kind: u8, key: &[u8]) -> Result<Value, String> {
    let broken = |what: &str| format!("Error when reading key '{}': {what}", String::from_utf8_lossy(key));
    let unpacked = |front: &mut Front<'_>, unpack: fn(&[u8]) -> Option<Vec<Bytes>>| {
        let bytes = string(front)?;
        unpack(&bytes).ok_or_else(|| broken("its packed form makes no sense"))
    };
    match kind {
        0 => string(front).map(|text| Value::String(text, Form::Compact)),
        1 => Ok(Value::List(strings(front, 1)?.into())),
        2 => Ok(set(strings(front, 1)?)),
        3 | 5 => {
            let count = count_of(front)?;
            let mut members = vec![];
            for _ in 0..count {
                let member = string(front)?;
                let score = if kind == 3 { old_score(front).ok_or(SHORT)? } else { f64::from_bits(front.little(8).ok_or(SHORT)?) };
                members.push((member, score));
            }
            zset(members).ok_or_else(|| broken("a score is no number"))
        }
        4 => hash(strings(front, 2)?).ok_or_else(|| broken("it has a name without a value")),
        9 => hash(unpacked(front, packed::zipmap)?).ok_or_else(|| broken("it has a name without a value")),
        10 => Ok(Value::List(unpacked(front, packed::ziplist)?.into())),
        11 => Ok(set(unpacked(front, packed::intset)?)),
        12 | 17 => {
            let all = unpacked(front, if kind == 12 { packed::ziplist } else { packed::listpack })?;
            let pairs = all.chunks_exact(2);
            let scores = pairs.map(|pair| number::float(&pair[1]).map(|score| (pair[0].clone(), score))).collect::<Option<Vec<_>>>();
            scores.and_then(zset).ok_or_else(|| broken("a score is no number"))
        }
        13 => hash(unpacked(front, packed::ziplist)?).ok_or_else(|| broken("it has a name without a value")),
        16 => hash(unpacked(front, packed::listpack)?).ok_or_else(|| broken("it has a name without a value")),
        14 => {
            let mut list = VecDeque::new();
            for _ in 0..count_of(front)? {
                list.extend(unpacked(front, packed::ziplist)?);
            }
            Ok(Value::List(list))
        }
        18 => {
            let mut list = VecDeque::new();
            for _ in 0..count_of(front)? {
                match count_of(front)? {
                    1 => list.push_back(string(front)?),
                    _ => list.extend(unpacked(front, packed::listpack)?),
                }
            }
            Ok(Value::List(list))
        }
        20 => Ok(set(unpacked(front, packed::listpack)?)),
        15 | 19 | 21 => Err(broken("it is a stream, which this server has not")),
        22..=25 => Err(broken("fields of hashes do not end in this server")),
        6 | 7 => Err(broken("it is of a module, which this server has not")),
        other => Err(broken(&format!("unknown RDB encoding type {other}"))),
    }
}

fn set(members: Vec<Bytes>) -> Value {
    Value::Set(members.into_iter().collect::<IndexSet<_>>())
}

fn hash(all: Vec<Bytes>) -> Option<Value> {
    let mut hash = IndexMap::new();
    let mut all = all.into_iter();
    while let Some(name) = all.next() {
        hash.insert(name, all.next()?);
    }
    Some(Value::Hash(hash))
}

/// Inserted in their order, each goes to the end.
fn zset(mut members: Vec<(Bytes, f64)>) -> Option<Value> {
    if members.iter().any(|(_, score)| score.is_nan()) {
        return None;
    }
    members.sort_by(|one, other| one.1.total_cmp(&other.1).then_with(|| one.0.cmp(&other.0)));
    let mut zset = ZSet::default();
    for (member, score) in &members {
        zset.insert(member, *score);
    }
    Some(Value::ZSet(zset))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::write, *};

    fn sample() -> Vec<Database> {
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        let mut databases: Vec<Database> = (0..3).map(|_| Database::default()).collect();
        let one = &mut databases[0].keys;
        one.insert(b"s".to_vec(), Value::String(vec![7; 20_000], Form::Compact));
        one.insert(b"l".to_vec(), Value::List(words(&["a", "b", "a"]).into()));
        one.insert(b"h".to_vec(), hash(words(&["a", "1", "b", "2"])).unwrap());
        let two = &mut databases[2];
        two.keys.insert(b"set".to_vec(), set(words(&["x", "y"])));
        two.keys.insert(b"z".to_vec(), zset(vec![(b"m".to_vec(), 1.5), (b"n".to_vec(), f64::NEG_INFINITY)]).unwrap());
        two.expires.insert(b"z".to_vec(), 5000);
        databases
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = write::dump(&sample(), "7.0.15", 3 << 20, 1000);
        let dump = load(&bytes, 16, 1000).unwrap();
        assert_eq!(dump.length, bytes.len());
        assert_eq!(format!("{:?}", dump.databases[0].keys), format!("{:?}", sample()[0].keys));
        assert_eq!(dump.databases[2].expires.get(&b"z"[..]), Some(&5000));
        let later = load(&bytes, 16, 6000).unwrap();
        assert_eq!((later.databases[2].keys.len(), later.expired), (1, 1), "what has ended is left out");
        assert_eq!(later.told, ["Loading RDB produced by version 7.0.15", "RDB age 5 seconds", "RDB memory usage when created 3.00 Mb"]);
        assert!(load(&bytes, 2, 0).is_err());
        let mut other = bytes.clone();
        other[200] ^= 1;
        assert!(load(&other, 16, 0).is_err(), "the sum tells");
        assert!((0..bytes.len() - 1).step_by(97).all(|end| load(&bytes[..end], 16, 0).is_err()));
    }

    proptest! {
        #[test]
        fn garbage_does_no_harm(bytes in prop::collection::vec(prop_oneof![0..26_u8, Just(0x80), Just(0x81), Just(0xc3), any::<u8>()], 0..200)) {
            let whole = [b"REDIS0011", &bytes[..]].concat();
            let _ = load(&whole, 16, 0);
        }

        #[test]
        fn one_wrong_byte_does_no_harm(at in 9..20_100_usize, byte in any::<u8>()) {
            let mut bytes = write::dump(&sample(), "7.0.15", 0, 1000);
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            let _ = load(&bytes, 16, 0);
        }
    }
}
