//! Reading a container's log: what is there, and what comes. Never changes it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::fanout::Stream;
use super::monitor::LOG_FILE;
use super::store::{Container, Containers};

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

/// Where a reader stands in the file.
struct Reader {
    file: Option<BufReader<File>>,
    at: u64,
    options: LogOptions,
}

impl Containers {
    /// The entries of a container's log as they are wanted; with `follow` until it ends.
    pub fn logs(&self, container: &Arc<Container>, options: LogOptions) -> mpsc::Receiver<LogEntry> {
        let (sender, receiver) = mpsc::channel(256);
        let container = Arc::clone(container);
        // Looked at before the first reading, so that nothing falls in between.
        let mut logged = container.logged.subscribe();
        let phase = container.phase.subscribe();
        tokio::spawn(async move {
            let mut reader = Reader { file: None, at: 0, options };
            let mut first = true;
            loop {
                logged.borrow_and_update();
                let running = { phase.borrow().running };
                let dir = container.dir.clone();
                let read = tokio::task::spawn_blocking(move || {
                    let entries = reader.read(&dir.join(LOG_FILE), first);
                    (reader, entries)
                });
                let Ok((back, entries)) = read.await else { return };
                reader = back;
                first = false;
                for entry in entries {
                    if sender.send(entry).await.is_err() {
                        return;
                    }
                }
                let expired = options.until.is_some_and(|u| u < Timestamp::now());
                if !options.follow || !running || expired {
                    return;
                }
                tokio::select! {
                    changed = logged.changed() => if changed.is_err() { return },
                    () = sender.closed() => return,
                }
            }
        });
        receiver
    }
}

impl Reader {
    /// The whole lines that were not read yet; at the `first` time only the tail of them.
    fn read(&mut self, path: &std::path::Path, first: bool) -> Vec<LogEntry> {
        let tail = if first { self.options.tail } else { None };
        self.try_read(path, tail).unwrap_or_default()
    }

    fn try_read(&mut self, path: &std::path::Path, tail: Option<usize>) -> io::Result<Vec<LogEntry>> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufReader::new(File::open(path)?)),
        };
        file.seek(SeekFrom::Start(self.at))?;
        let mut kept = VecDeque::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let count = file.read_until(b'\n', &mut line)?;
            if count == 0 || line.last() != Some(&b'\n') {
                // The monitor is in the middle of this one.
                break;
            }
            self.at += count as u64;
            // A damaged line is skipped: the rest is still worth reading.
            let Ok(entry) = serde_json::from_slice::<Line>(&line) else { continue };
            let stream = if entry.stream == "stderr" { Stream::Stderr } else { Stream::Stdout };
            let wanted = if stream == Stream::Stderr { self.options.stderr } else { self.options.stdout };
            let in_time = self.options.since.is_none_or(|s| entry.time >= s) && self.options.until.is_none_or(|u| entry.time <= u);
            if !in_time {
                continue;
            }
            // The tail counts the lines of both streams, as Docker's does.
            kept.push_back(wanted.then_some(LogEntry { stream, time: entry.time, text: entry.log }));
            if tail.is_some_and(|t| kept.len() > t) {
                kept.pop_front();
            }
        }
        Ok(kept.into_iter().flatten().collect())
    }
}
