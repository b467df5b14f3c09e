//! The commands: a table of all, what holds for each of them, and the helpers that they share.

mod connection;
mod hashes;
mod keys;
mod lists;
mod pubsub;
mod run;
mod scan;
mod server;
mod sets;
mod sort;
mod strings;
mod table;
mod transactions;
mod zcombine;
mod zranges;
mod zsets;

use std::borrow::Cow;
use std::collections::VecDeque;

use indexmap::{IndexMap, IndexSet};

use super::{
    Bytes, number,
    reply::Reply,
    server::Server,
    start,
    value::{Database, Form, Value},
    zset::ZSet,
};

pub use lists::take;
pub use run::{execute, is_known, quoted};

/// Why a command was not done, in Redis' words.
#[derive(Clone, Debug)]
pub struct Wrong(pub Cow<'static, str>);

impl From<&'static str> for Wrong {
    fn from(text: &'static str) -> Self {
        Wrong(text.into())
    }
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Wrong(text.into())
    }
}

type Answer = Result<Reply, Wrong>;

const TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const SYNTAX: &str = "ERR syntax error";
const INTEGER: &str = "ERR value is not an integer or out of range";
const FLOAT: &str = "ERR value is not a valid float";

/// A command in the table.
pub struct Command {
    pub name: &'static str,
    /// The number of words, the name among them; at least so many where below zero.
    pub arity: i32,
    /// What COMMAND says of it; `write` and `no_auth` and their like decide what is done.
    pub flags: &'static [&'static str],
    /// First key, last key, step.
    pub keys: (i32, i32, i32),
    pub group: &'static str,
    pub since: &'static str,
    pub summary: &'static str,
    pub run: fn(&mut Call<'_>) -> Answer,
}

impl Command {
    /// Whether a version of Redis has it.
    fn is_in(&self, version: (u32, u32)) -> bool {
        start::number(self.since) <= version
    }
}

/// One command being done.
pub struct Call<'a> {
    pub server: &'a mut Server,
    pub client: u64,
    pub db: usize,
    pub args: &'a [Bytes],
    /// What is written down instead of the command's own words.
    pub instead: Option<Vec<Vec<Bytes>>>,
    /// It must not wait.
    pub at_once: bool,
    /// Something has changed.
    pub changed: bool,
}

impl<'a> Call<'a> {
    pub fn new(server: &'a mut Server, client: u64, db: usize, args: &'a [Bytes]) -> Self {
        Call { server, client, db, args, instead: None, at_once: false, changed: false }
    }

    /// The word at `place`; nothing where there is none.
    pub fn arg(&self, place: usize) -> &'a [u8] {
        self.args.get(place).map_or(&[], |word| word)
    }

    /// The word in capitals.
    fn upper(&self, place: usize) -> String {
        String::from_utf8_lossy(self.arg(place)).to_ascii_uppercase()
    }

    fn int(&self, place: usize) -> Result<i64, Wrong> {
        number::int(self.arg(place)).ok_or_else(|| INTEGER.into())
    }

    fn float(&self, place: usize) -> Result<f64, Wrong> {
        number::float(self.arg(place)).ok_or_else(|| FLOAT.into())
    }

    fn database(&mut self) -> &mut Database {
        &mut self.server.databases[self.db]
    }

    /// What a key leads to now.
    fn value(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.server.expire(self.db, key);
        self.database().keys.get_mut(key)
    }

    /// The same for who only reads: it counts.
    fn look(&mut self, key: &[u8]) -> Option<&Value> {
        self.server.expire(self.db, key);
        let found = self.server.databases[self.db].keys.get(key);
        match found {
            Some(_) => self.server.stats.hits += 1,
            None => self.server.stats.misses += 1,
        }
        found
    }

    fn exists(&mut self, key: &[u8]) -> bool {
        self.value(key).is_some()
    }

    /// Sets a key to a value without an end.
    fn put(&mut self, key: &[u8], value: Value) {
        let database = self.database();
        database.expires.swap_remove(key);
        database.keys.insert(key.to_vec(), value);
        self.touched(key);
    }

    fn delete(&mut self, key: &[u8]) -> Option<Value> {
        self.server.expire(self.db, key);
        let gone = self.database().remove(key);
        if gone.is_some() {
            self.touched(key);
        }
        gone
    }

    /// Tells that a key has changed; takes it away where nothing is left in it.
    fn touched(&mut self, key: &[u8]) {
        self.changed = true;
        self.server.saving.dirty += 1;
        let (db, database) = (self.db, &mut self.server.databases[self.db]);
        match database.keys.get(key) {
            Some(value) if value.is_empty() => drop(database.remove(key)),
            Some(Value::List(_) | Value::ZSet(_)) => self.server.has_come(db, key),
            _ => {}
        }
        self.server.touch(db, key);
    }

    /// Takes a collection away that was made for something that did not come.
    fn sweep_empty(&mut self, key: &[u8]) {
        if self.database().keys.get(key).is_some_and(Value::is_empty) {
            self.database().remove(key);
        }
    }

    /// Says how a string is held from now on.
    fn hold(&mut self, key: &[u8], form: Form) {
        if let Some(Value::String(_, held)) = self.database().keys.get_mut(key) {
            *held = form;
        }
    }

    /// Whether the client speaks RESP3.
    fn three(&self) -> bool {
        self.server.clients.get(&self.client).is_some_and(|client| client.three)
    }

    /// Writes other words down than those of the command.
    fn instead<'w>(&mut self, words: impl IntoIterator<Item = &'w [u8]>) {
        self.instead.get_or_insert_default().push(words.into_iter().map(<[u8]>::to_vec).collect());
    }

    /// Writes down, too, when a key ends.
    fn note_end(&mut self, key: &[u8], end: i64) {
        self.instead([b"PEXPIREAT", key, end.to_string().as_bytes()]);
    }
}

macro_rules! kinds {
    ($($look:ident, $get:ident, $make:ident, $kind:ident ($($more:expr)?), $type:ty;)*) => {
        impl Call<'_> {
            $(
                /// The key's value for reading.
                fn $look(&mut self, key: &[u8]) -> Result<Option<&$type>, Wrong> {
                    match self.look(key) {
                        None => Ok(None),
                        Some(Value::$kind(value, ..)) => Ok(Some(value)),
                        Some(_) => Err(TYPE.into()),
                    }
                }

                /// The key's value for changing.
                fn $get(&mut self, key: &[u8]) -> Result<Option<&mut $type>, Wrong> {
                    match self.value(key) {
                        None => Ok(None),
                        Some(Value::$kind(value, ..)) => Ok(Some(value)),
                        Some(_) => Err(TYPE.into()),
                    }
                }

                /// The key's value for changing; an empty one where there is none, which must not stay so.
                fn $make(&mut self, key: &[u8]) -> Result<&mut $type, Wrong> {
                    self.server.expire(self.db, key);
                    let entry = self.database().keys.entry(key.to_vec());
                    match entry.or_insert_with(|| Value::$kind(<$type>::default() $(, $more)?)) {
                        Value::$kind(value, ..) => Ok(value),
                        _ => Err(TYPE.into()),
                    }
                }
            )*
        }
    };
}

kinds! {
    look_string, string, make_string, String(Form::Compact), Bytes;
    look_list, list, make_list, List(), VecDeque<Bytes>;
    look_hash, hash, make_hash, Hash(), IndexMap<Bytes, Bytes>;
    look_set, set, make_set, Set(), IndexSet<Bytes>;
    look_zset, zset, make_zset, ZSet(), ZSet;
}

/// How many are counted at the most: `LIMIT count` behind the keys, where the words end.
fn limit(call: &Call<'_>, after: usize) -> Result<usize, Wrong> {
    match (call.args.len() - after, call.upper(after).as_str()) {
        (0, _) => Ok(usize::MAX),
        (2, "LIMIT") => {
            let limit = number::int(call.arg(after + 1)).and_then(|limit| usize::try_from(limit).ok());
            let limit = limit.ok_or("ERR LIMIT can't be negative")?;
            Ok(if limit == 0 { usize::MAX } else { limit })
        }
        _ => Err(SYNTAX.into()),
    }
}

/// Places of a range by numbers that count from the end where they are below zero.
fn range(start: i64, end: i64, length: usize) -> std::ops::Range<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
    let (start, end) = (place(start).max(0), place(end).min(length - 1));
    if start > end { 0..0 } else { usize::try_from(start).unwrap_or(0)..usize::try_from(end + 1).unwrap_or(0) }
}
