//! Reading a container's log: what is there, and what comes, over all its files. Never changes it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::fanout::Stream;
use super::monitor::log_file_name;
use super::store::{Container, Containers};

/// So many entries are in memory at once.
const AT_ONCE: usize = 4096;

/// What of the log is wanted.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    pub stdout: bool,
    pub stderr: bool,
    pub follow: bool,
    /// The last so many entries; `None` for all.
    pub tail: Option<usize>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// A line of output, with its newline where it has one.
#[derive(Clone, Debug)]
pub struct LogEntry {
    pub stream: Stream,
    pub time: Timestamp,
    pub text: String,
}

#[derive(Deserialize)]
struct Line {
    log: String,
    stream: String,
    time: Timestamp,
}

/// Where a reader stands in the files, which it has open: another may take a file's name, but not what is in it.
struct Reader {
    dir: PathBuf,
    options: LogOptions,
    /// The one that is read, and those that came after it.
    parts: VecDeque<Part>,
}

struct Part {
    file: BufReader<File>,
    inode: u64,
    at: u64,
}

impl Containers {
    /// The entries of a container's log as they are wanted; with `follow` until it ends.
    pub fn logs(&self, container: &Arc<Container>, options: LogOptions) -> mpsc::Receiver<LogEntry> {
        let (sender, receiver) = mpsc::channel(256);
        let container = Arc::clone(container);
        // Looked at before the first reading, so that nothing falls in between.
        let mut logged = container.logged.subscribe();
        let mut phase = container.phase.subscribe();
        tokio::spawn(async move {
            if !options.follow {
                first_words(&container, &mut phase).await;
            }
            let mut reader = Reader { dir: container.dir.clone(), options, parts: VecDeque::new() };
            loop {
                logged.borrow_and_update();
                let running = { phase.borrow().running };
                let read = tokio::task::spawn_blocking(move || {
                    let entries = reader.read();
                    (reader, entries)
                });
                let Ok((back, entries)) = read.await else { return };
                reader = back;
                let more = entries.len() >= AT_ONCE;
                for entry in entries {
                    if sender.send(entry).await.is_err() {
                        return;
                    }
                }
                if more {
                    continue;
                }
                let left = options.until.map(|until| until.duration_since(Timestamp::now()));
                if !options.follow || !running || left.is_some_and(|left| !left.is_positive()) {
                    return;
                }
                let until = async move {
                    match left.and_then(|left| Duration::try_from(left).ok()) {
                        Some(left) => tokio::time::sleep(left).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    changed = logged.changed() => if changed.is_err() { return },
                    () = until => {}
                    () = sender.closed() => return,
                }
            }
        });
        receiver
    }
}

/// Who starts a container and asks for its log at once means what it says at once. An engine that needs longer for a start has that by
/// then; this one waits until the container is as old, or has ended.
async fn first_words(container: &Container, phase: &mut watch::Receiver<super::store::Phase>) {
    const AGE: Duration = Duration::from_millis(150);
    let started = container.lock().state.started_at.filter(|_| phase.borrow().running);
    let Some(Ok(age)) = started.map(|started| Duration::try_from(Timestamp::now().duration_since(started))) else { return };
    if age < AGE {
        let _ = tokio::time::timeout(AGE - age, phase.wait_for(|phase| !phase.running || phase.removed)).await;
    }
}

impl Reader {
    /// Lines that were not read yet, [`AT_ONCE`] at the most; at first only the tail of them.
    fn read(&mut self) -> Vec<LogEntry> {
        if self.parts.is_empty() {
            self.parts = newer_than(&self.dir, None);
            if let Some(tail) = self.options.tail {
                // A file that cannot be read has no lines.
                let _ = skip_to_tail(&mut self.parts, tail);
            }
        }
        let mut entries = Vec::new();
        while let Some(part) = self.parts.front_mut() {
            let inode = part.inode;
            if part.read(&self.options, &mut entries).is_err() || entries.len() >= AT_ONCE {
                break;
            }
            if self.parts.len() == 1 {
                self.parts.extend(newer_than(&self.dir, Some(inode)));
            }
            if self.parts.len() == 1 {
                break;
            }
            // Nothing more is written to it: it was read to its end after another one had been begun, or is now.
            if let Some(mut done) = self.parts.pop_front() {
                let _ = done.read(&self.options, &mut entries);
            }
        }
        entries
    }
}

impl Part {
    /// Takes the whole lines from where it stands.
    fn read(&mut self, options: &LogOptions, entries: &mut Vec<LogEntry>) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.at))?;
        let mut line = Vec::new();
        while entries.len() < AT_ONCE {
            line.clear();
            let count = self.file.read_until(b'\n', &mut line)?;
            if count == 0 || line.last() != Some(&b'\n') {
                // The monitor is in the middle of this one.
                break;
            }
            self.at += count as u64;
            // A damaged line is skipped: the rest is still worth reading.
            let Ok(entry) = serde_json::from_slice::<Line>(&line) else { continue };
            let stream = if entry.stream == "stderr" { Stream::Stderr } else { Stream::Stdout };
            let wanted = if stream == Stream::Stderr { options.stderr } else { options.stdout };
            let in_time = options.since.is_none_or(|s| entry.time >= s) && options.until.is_none_or(|u| entry.time <= u);
            if wanted && in_time {
                entries.push(LogEntry { stream, time: entry.time, text: entry.log });
            }
        }
        Ok(())
    }
}

/// The log's files, oldest first; after that with the inode `known` only, if it is still there.
fn newer_than(dir: &Path, known: Option<u64>) -> VecDeque<Part> {
    let mut parts: VecDeque<Part> = VecDeque::new();
    // From the current one backwards: one that moves on meanwhile is met again, and not missed.
    for age in 0.. {
        let Ok(file) = File::open(dir.join(log_file_name(age))) else {
            // Between two files there is none for a moment, at the front.
            if age == 0 {
                continue;
            }
            break;
        };
        let Ok(inode) = file.metadata().map(|m| m.ino()) else { break };
        if known == Some(inode) {
            break;
        }
        if parts.iter().all(|part| part.inode != inode) {
            parts.push_front(Part { file: BufReader::new(file), inode, at: 0 });
        }
    }
    parts
}

/// Drops what comes before the last `count` lines. Reads no more than those, from the end.
fn skip_to_tail(parts: &mut VecDeque<Part>, count: usize) -> io::Result<()> {
    let mut left = count;
    let mut kept = parts.len();
    while kept > 0 {
        let part = &mut parts[kept - 1];
        let (start, lines) = last_lines(&mut part.file, left)?;
        (part.at, left) = (start, left - lines);
        if left == 0 {
            parts.drain(..kept - 1);
            break;
        }
        kept -= 1;
    }
    Ok(())
}

/// Where the last `count` whole lines of a file begin, and how many there are.
fn last_lines(file: &mut (impl Read + Seek), count: usize) -> io::Result<(u64, usize)> {
    const BLOCK: u64 = 64 << 10;
    let mut at = file.seek(SeekFrom::End(0))?;
    let (mut newlines, mut block) = (0, Vec::new());
    while at > 0 {
        let begin = at.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(begin))?;
        block.clear();
        file.by_ref().take(at - begin).read_to_end(&mut block)?;
        for index in memchr::memrchr_iter(b'\n', &block) {
            // The newline before the first line that is wanted ends the one that is not.
            if newlines == count {
                return Ok((begin + index as u64 + 1, count));
            }
            newlines += 1;
        }
        at = begin;
    }
    Ok((0, newlines))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let lines: Vec<String> = (0..5000).map(|n| format!("line {n} {}\n", "x".repeat(n % 300))).collect();
        let text = lines.concat();
        for count in [0, 1, 2, 700, 4999, 5000, 6000] {
            let (start, found) = last_lines(&mut Cursor::new(text.as_bytes()), count).unwrap();
            assert_eq!(found, count.min(5000));
            assert!(text[usize::try_from(start).unwrap()..] == lines[5000 - found..].concat());
        }
        // What has no newline yet is no line.
        assert_eq!(last_lines(&mut Cursor::new(b"one\ntwo\nth"), 1).unwrap(), (4, 1));
        assert_eq!(last_lines(&mut Cursor::new(b""), 3).unwrap(), (0, 0));
    }

    fn write(path: &Path, numbers: std::ops::Range<u32>) {
        let line = |n| format!("{{\"log\":\"{n}\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}}\n");
        std::fs::write(path, numbers.map(line).collect::<String>()).unwrap();
    }

    fn reader(dir: &Path, tail: Option<usize>) -> Reader {
        let options = LogOptions { stdout: true, stderr: true, follow: false, tail, since: None, until: None };
        Reader { dir: dir.to_owned(), options, parts: VecDeque::new() }
    }

    fn numbers(reader: &mut Reader) -> Vec<u32> {
        reader.read().iter().map(|entry| entry.text.trim().parse().unwrap()).collect()
    }

    #[test]
    fn a_reader_goes_on_in_the_next_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = |age| dir.path().join(log_file_name(age));
        write(&path(1), 0..3);
        write(&path(0), 3..5);
        assert_eq!(numbers(&mut reader(dir.path(), Some(1))), [4]);
        assert!(numbers(&mut reader(dir.path(), Some(0))).is_empty());
        assert_eq!(numbers(&mut reader(dir.path(), Some(2))), [3, 4]);
        assert_eq!(numbers(&mut reader(dir.path(), Some(4))), [1, 2, 3, 4]);
        let mut reader = reader(dir.path(), None);
        assert_eq!(numbers(&mut reader), [0, 1, 2, 3, 4]);
        // Two files on: the one that was read is the last one now.
        std::fs::rename(path(0), path(2)).unwrap();
        write(&path(1), 5..7);
        write(&path(0), 7..8);
        assert_eq!(numbers(&mut reader), [5, 6, 7]);
        assert!(numbers(&mut reader).is_empty());
        // And once more, with all that were known gone.
        std::fs::remove_file(path(1)).unwrap();
        std::fs::remove_file(path(2)).unwrap();
        write(&dir.path().join("new"), 8..10);
        std::fs::rename(dir.path().join("new"), path(0)).unwrap();
        assert_eq!(numbers(&mut reader), [8, 9]);
    }
}
