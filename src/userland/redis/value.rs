//! Values and the databases that hold them under their keys.

use std::collections::VecDeque;

use indexmap::{IndexMap, IndexSet};

use super::{Bytes, number, zset::ZSet};

/// How a string is held, of which `OBJECT ENCODING` tells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Form {
    /// As short as it can be: a whole number as a number.
    #[default]
    Compact,
    /// As text, whatever it says.
    Text,
    /// As text with room to grow: it has been changed in its place.
    Raw,
}

/// What a key leads to. Collections are never empty.
#[derive(Clone, Debug)]
pub enum Value {
    String(Bytes, Form),
    List(VecDeque<Bytes>),
    Hash(IndexMap<Bytes, Bytes>),
    Set(IndexSet<Bytes>),
    ZSet(ZSet),
}

/// Collections up to so many elements, each so long, are packed.
const PACKED: (usize, usize) = (128, 64);
const INTEGERS: usize = 512;

impl Value {
    /// As `TYPE` says it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::String(..) => "string",
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::ZSet(_) => "zset",
        }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Value::String(..) => false,
            Value::List(list) => list.is_empty(),
            Value::Hash(hash) => hash.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::ZSet(zset) => zset.is_empty(),
        }
    }

    /// How the version of Redis `(major, minor)` would hold it.
    pub fn encoding(&self, version: (u32, u32)) -> &'static str {
        let packed = if version >= (7, 0) { "listpack" } else { "ziplist" };
        let short = |bytes: &[u8]| bytes.len() <= PACKED.1;
        match self {
            Value::String(bytes, Form::Compact) if number::int(bytes).is_some() => "int",
            Value::String(bytes, form) if bytes.len() <= 44 && *form != Form::Raw => "embstr",
            Value::String(..) => "raw",
            Value::List(list) if version >= (7, 2) && list.iter().map(|one| one.len() + 4).sum::<usize>() <= 8192 => packed,
            Value::List(list) if version < (3, 2) && list.len() <= INTEGERS && list.iter().all(|one| short(one)) => packed,
            Value::List(_) => {
                if version < (3, 2) {
                    "linkedlist"
                } else {
                    "quicklist"
                }
            }
            Value::Hash(hash) if hash.len() <= PACKED.0 && hash.iter().all(|(name, value)| short(name) && short(value)) => packed,
            Value::Hash(_) => "hashtable",
            Value::Set(set) if is_intset(set) => "intset",
            Value::Set(set) if version >= (7, 2) && set.len() <= PACKED.0 && set.iter().all(|one| short(one)) => packed,
            Value::Set(_) => "hashtable",
            Value::ZSet(zset) if zset.len() <= PACKED.0 && zset.iter().all(|(member, _)| short(member)) => packed,
            Value::ZSet(_) => "skiplist",
        }
    }

    /// About how much memory it takes.
    pub fn size(&self) -> usize {
        let bytes = |bytes: &[u8]| bytes.len() + 24;
        match self {
            Value::String(text, _) => bytes(text),
            Value::List(list) => list.iter().map(|one| bytes(one)).sum(),
            Value::Hash(hash) => hash.iter().map(|(name, value)| bytes(name) + bytes(value) + 24).sum(),
            Value::Set(set) => set.iter().map(|one| bytes(one) + 24).sum(),
            Value::ZSet(zset) => zset.iter().map(|(member, _)| bytes(member) + 64).sum(),
        }
    }
}

fn is_intset(set: &IndexSet<Bytes>) -> bool {
    set.len() <= INTEGERS && set.iter().all(|member| number::int(member).is_some())
}

/// The members as Redis lists them: few numbers by size.
pub fn members(set: &IndexSet<Bytes>) -> Vec<Bytes> {
    let mut all: Vec<Bytes> = set.iter().cloned().collect();
    if is_intset(set) {
        all.sort_by_cached_key(|member| number::int(member));
    }
    all
}

/// Takes a name away; a small collection keeps its order, in a large one the last takes the place.
pub fn take<V>(map: &mut IndexMap<Bytes, V>, name: &[u8]) -> Option<V> {
    if map.len() <= INTEGERS { map.shift_remove(name) } else { map.swap_remove(name) }
}

/// The same for a set.
pub fn take_member(set: &mut IndexSet<Bytes>, member: &[u8]) -> bool {
    if set.len() <= INTEGERS { set.shift_remove(member) } else { set.swap_remove(member) }
}

/// A database.
#[derive(Debug, Default)]
pub struct Database {
    pub keys: IndexMap<Bytes, Value>,
    /// When keys end, in milliseconds since 1970.
    pub expires: IndexMap<Bytes, i64>,
}

impl Database {
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        self.expires.swap_remove(key);
        take(&mut self.keys, key)
    }

    /// Whether the key has ended at `now`.
    pub fn is_over(&self, key: &[u8], now: i64) -> bool {
        self.expires.get(key).is_some_and(|end| *end <= now)
    }
}
