//! Replies, and how they are written in RESP2 and RESP3.

use super::{Bytes, number};

/// What a command answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Nothing is written: the answer comes later, or has been written.
    Later,
    Simple(&'static str),
    Status(String),
    Error(String),
    Int(i64),
    Bulk(Bytes),
    /// Text for people.
    Text(String),
    Nil,
    /// No array, which RESP2 tells from no string.
    NilArray,
    Array(Vec<Reply>),
    /// One after the other, with nothing around them.
    Several(Vec<Reply>),
    /// Names and values by turns.
    Map(Vec<Reply>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
    Double(f64),
}

/// How a connection wants it.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// RESP3 and not RESP2.
    pub three: bool,
    /// Floats as Redis writes them since 7.2.
    pub short: bool,
}

pub const OK: Reply = Reply::Simple("OK");

impl Reply {
    pub fn bulk(bytes: impl Into<Bytes>) -> Self {
        Reply::Bulk(bytes.into())
    }

    pub fn size(count: usize) -> Self {
        Reply::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub fn flag(yes: bool) -> Self {
        Reply::Int(i64::from(yes))
    }

    pub fn bulks<I: IntoIterator<Item = Bytes>>(all: I) -> Self {
        Reply::Array(all.into_iter().map(Reply::Bulk).collect())
    }

    /// The bytes, or nil.
    pub fn maybe(bytes: Option<&Bytes>) -> Self {
        bytes.map_or(Reply::Nil, |bytes| Reply::Bulk(bytes.clone()))
    }

    /// Writes it behind `out`.
    pub fn write(&self, out: &mut Vec<u8>, manner: Manner) {
        let three = manner.three;
        match self {
            Reply::Later => {}
            Reply::Simple(text) => line(out, '+', text),
            Reply::Status(text) => line(out, '+', text),
            Reply::Error(text) => line(out, '-', &text.replace(['\r', '\n'], " ")),
            Reply::Int(value) => line(out, ':', &value.to_string()),
            Reply::Bulk(bytes) => bulk(out, bytes),
            Reply::Text(text) if three => {
                head(out, '=', text.len() + 4);
                out.extend(b"txt:");
                out.extend(text.bytes());
                out.extend(b"\r\n");
            }
            Reply::Text(text) => bulk(out, text.as_bytes()),
            Reply::Nil | Reply::NilArray if three => out.extend(b"_\r\n"),
            Reply::Nil => out.extend(b"$-1\r\n"),
            Reply::NilArray => out.extend(b"*-1\r\n"),
            Reply::Array(all) => many(out, '*', all, manner),
            Reply::Several(all) => all.iter().for_each(|one| one.write(out, manner)),
            Reply::Set(all) => many(out, if three { '~' } else { '*' }, all, manner),
            Reply::Push(all) => many(out, if three { '>' } else { '*' }, all, manner),
            Reply::Map(all) if three => {
                head(out, '%', all.len() / 2);
                all.iter().for_each(|one| one.write(out, manner));
            }
            Reply::Map(all) => many(out, '*', all, manner),
            Reply::Double(value) => {
                let text = if manner.short { number::shortest(*value) } else { number::seventeen(*value) };
                if three { line(out, ',', &text) } else { bulk(out, text.as_bytes()) }
            }
        }
    }
}

fn head(out: &mut Vec<u8>, mark: char, count: usize) {
    line(out, mark, &count.to_string());
}

fn line(out: &mut Vec<u8>, mark: char, text: &str) {
    out.push(mark as u8);
    out.extend(text.bytes());
    out.extend(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    head(out, '$', bytes.len());
    out.extend(bytes);
    out.extend(b"\r\n");
}

fn many(out: &mut Vec<u8>, mark: char, all: &[Reply], manner: Manner) {
    head(out, mark, all.len());
    all.iter().for_each(|one| one.write(out, manner));
}
