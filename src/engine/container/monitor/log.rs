//! A container's log, one JSON object a line (Docker's json-file format). Lines are written whole; a long one in pieces.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::engine::container::frame::Kind;

/// The file in the container's folder.
pub const FILE: &str = "json.log";

/// Longer lines are cut, as Docker cuts them.
const LONGEST: usize = 16 << 10;

#[derive(Serialize)]
struct Entry<'a> {
    log: &'a str,
    stream: &'a str,
    time: Timestamp,
}

pub struct Log {
    file: File,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Log {
    pub fn open(dir: &Path) -> io::Result<Log> {
        let file = OpenOptions::new().append(true).create(true).open(dir.join(FILE))?;
        Ok(Log { file, stdout: Vec::new(), stderr: Vec::new() })
    }

    /// Takes output and writes the lines that are whole.
    pub fn add(&mut self, kind: Kind, bytes: &[u8]) {
        let (pending, stream) = match kind {
            Kind::Stderr => (&mut self.stderr, "stderr"),
            _ => (&mut self.stdout, "stdout"),
        };
        pending.extend(bytes);
        let now = Timestamp::now();
        let mut out = Vec::new();
        let mut start = 0;
        while start < pending.len() {
            let rest = &pending[start..];
            let end = match rest.iter().take(LONGEST).position(|b| *b == b'\n') {
                Some(newline) => newline + 1,
                None if rest.len() >= LONGEST => cut(rest),
                None => break,
            };
            write_entry(&mut out, &rest[..end], stream, now);
            start += end;
        }
        pending.drain(..start);
        // A full disk loses the log, not the container.
        let _ = self.file.write_all(&out);
    }

    /// Writes what is left of unfinished lines.
    pub fn finish(&mut self) {
        let now = Timestamp::now();
        let mut out = Vec::new();
        for (pending, stream) in [(&mut self.stdout, "stdout"), (&mut self.stderr, "stderr")] {
            if !pending.is_empty() {
                write_entry(&mut out, pending, stream, now);
                pending.clear();
            }
        }
        let _ = self.file.write_all(&out);
    }
}

/// Where a long line is cut: not inside of a character.
fn cut(line: &[u8]) -> usize {
    let mut at = LONGEST;
    while at > LONGEST - 4 && line.get(at).is_some_and(|b| b & 0xc0 == 0x80) {
        at -= 1;
    }
    at
}

fn write_entry(out: &mut Vec<u8>, line: &[u8], stream: &str, time: Timestamp) {
    let entry = Entry { log: &String::from_utf8_lossy(line), stream, time };
    if serde_json::to_writer(&mut *out, &entry).is_ok() {
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(dir: &Path) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
        let field = |v: &serde_json::Value, name: &str| v[name].as_str().unwrap().to_owned();
        text.lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
            .map(|v| (field(&v, "stream"), field(&v, "log")))
            .collect()
    }

    #[test]
    fn lines_are_whole_and_streams_apart() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path()).unwrap();
        log.add(Kind::Stdout, b"one\ntw");
        log.add(Kind::Stderr, b"oops\n");
        log.add(Kind::Stdout, b"o\nthree");
        log.finish();
        let own = |s: &str, l: &str| (s.to_owned(), l.to_owned());
        assert_eq!(entries(dir.path()), [own("stdout", "one\n"), own("stderr", "oops\n"), own("stdout", "two\n"), own("stdout", "three")]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path()).unwrap();
        let line = "é".repeat(20 << 10);
        log.add(Kind::Stdout, b"x");
        log.add(Kind::Stdout, line.as_bytes());
        log.finish();
        let all: String = entries(dir.path()).into_iter().map(|(_, l)| l).collect();
        assert_eq!(all, format!("x{line}"));
    }
}
