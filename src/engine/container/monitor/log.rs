//! A container's log, one JSON object a line (Docker's json-file format). Lines are written whole; a long one in pieces.
//! A file that is full makes room for the next: `json.log` becomes `json.log.1`, that one `json.log.2`, and the last one goes. A file is
//! never cut, so that who reads it can read it to its end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::container::frame::Kind;
use crate::container::spec::LogSpec;

/// The current file in the container's folder.
pub const FILE: &str = "json.log";

/// The file that was the current one so many files ago.
pub fn file_name(age: u32) -> String {
    if age == 0 { FILE.to_owned() } else { format!("{FILE}.{age}") }
}

/// Longer lines are cut, as Docker cuts them.
const LONGEST: usize = 16 << 10;

#[derive(Serialize)]
struct Entry<'a> {
    log: &'a str,
    stream: &'a str,
    time: Timestamp,
}

pub struct Log {
    dir: PathBuf,
    spec: LogSpec,
    /// None for a container whose output nobody keeps, or when the disk gave none.
    file: Option<File>,
    size: u64,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Log {
    pub fn open(dir: &Path, spec: LogSpec) -> io::Result<Log> {
        let mut log = Log { dir: dir.to_owned(), spec, file: None, size: 0, stdout: Vec::new(), stderr: Vec::new() };
        if spec.files > 0 {
            log.reopen()?;
        }
        Ok(log)
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).open(self.dir.join(FILE))?;
        self.size = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    /// Takes output and writes the lines that are whole.
    pub fn add(&mut self, kind: Kind, bytes: &[u8]) {
        if self.spec.files == 0 {
            return;
        }
        let stream = name(kind);
        let mut pending = std::mem::take(self.pending(kind));
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
            self.put(&mut out, &rest[..end], stream, now);
            start += end;
        }
        pending.drain(..start);
        *self.pending(kind) = pending;
        self.flush(&mut out);
    }

    /// Writes what is left of unfinished lines.
    pub fn finish(&mut self) {
        let now = Timestamp::now();
        let mut out = Vec::new();
        for kind in [Kind::Stdout, Kind::Stderr] {
            let pending = std::mem::take(self.pending(kind));
            if !pending.is_empty() {
                self.put(&mut out, &pending, name(kind), now);
            }
        }
        self.flush(&mut out);
    }

    fn pending(&mut self, kind: Kind) -> &mut Vec<u8> {
        if matches!(kind, Kind::Stderr) { &mut self.stderr } else { &mut self.stdout }
    }

    /// Adds a line to those that are about to be written, in the next file when this one is full.
    fn put(&mut self, out: &mut Vec<u8>, line: &[u8], stream: &str, time: Timestamp) {
        if self.spec.size.is_some_and(|limit| self.size + out.len() as u64 >= limit) {
            self.flush(out);
            self.turn();
        }
        let entry = Entry { log: &String::from_utf8_lossy(line), stream, time };
        if serde_json::to_writer(&mut *out, &entry).is_ok() {
            out.push(b'\n');
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(file) = &mut self.file {
            // A full disk loses the log, not the container.
            let _ = file.write_all(out);
            self.size += out.len() as u64;
        }
        out.clear();
    }

    /// Begins the next file.
    fn turn(&mut self) {
        let path = |age| self.dir.join(file_name(age));
        for age in (1..self.spec.files).rev() {
            let _ = std::fs::rename(path(age - 1), path(age));
        }
        // The only file there may be; whoever reads it has it still.
        if self.spec.files == 1 {
            let _ = std::fs::remove_file(path(0));
        }
        // Without a new one the old one goes on.
        let _ = self.reopen();
    }
}

fn name(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Stderr) { "stderr" } else { "stdout" }
}

/// Where a long line is cut: not inside of a character.
fn cut(line: &[u8]) -> usize {
    let mut at = LONGEST;
    while at > LONGEST - 4 && line.get(at).is_some_and(|b| b & 0xc0 == 0x80) {
        at -= 1;
    }
    at
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
        let mut log = Log::open(dir.path(), LogSpec::default()).unwrap();
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
        let mut log = Log::open(dir.path(), LogSpec::default()).unwrap();
        let line = "é".repeat(20 << 10);
        log.add(Kind::Stdout, b"x");
        log.add(Kind::Stdout, line.as_bytes());
        log.finish();
        let all: String = entries(dir.path()).into_iter().map(|(_, l)| l).collect();
        assert_eq!(all, format!("x{line}"));
    }

    #[test]
    fn a_full_file_makes_room_for_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), LogSpec { files: 3, size: Some(1000) }).unwrap();
        for number in 0..100 {
            log.add(Kind::Stdout, format!("line {number}\n").as_bytes());
        }
        let text = |age| std::fs::read_to_string(dir.path().join(file_name(age))).unwrap();
        let all = text(2) + &text(1) + &text(0);
        let numbers: Vec<usize> =
            all.lines().map(|l| l.split_once("line ").unwrap().1.split('\\').next().unwrap().parse().unwrap()).collect();
        assert_eq!(*numbers.last().unwrap(), 99);
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
        assert!((1000..1100).contains(&text(1).len()) && (1000..1100).contains(&text(2).len()));
        assert!(!dir.path().join(file_name(3)).exists());
    }

    #[test]
    fn where_nothing_is_kept_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), LogSpec { files: 0, size: None }).unwrap();
        log.add(Kind::Stdout, b"gone\n");
        log.finish();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
