//! Dumps: all that the server holds as one file, which is read at the start and written when it is time.

mod crc64;
mod packed;
pub mod read;
mod write;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::Instant;

use super::{
    config::Config,
    log::Level,
    server::{self, Server},
};

/// After a failure it is tried again so much later.
const AGAIN: u64 = 5;

/// What there is to know of saving.
#[derive(Debug, Default)]
pub struct Saving {
    /// Changes since all was last saved.
    pub dirty: u64,
    before: u64,
    /// When all was last saved, in seconds since 1970.
    pub last: i64,
    tried: Option<Instant>,
    pub failed: bool,
    pub count: u64,
    beside: Option<Receiver<io::Result<()>>>,
}

impl Saving {
    /// Whether a dump is being written.
    pub fn runs(&self) -> bool {
        self.beside.is_some()
    }

    pub fn refuses_writes(&self, config: &Config) -> bool {
        self.failed && config.yes("stop-writes-on-bgsave-error") && !config.save_points().is_empty()
    }
}

/// Puts a file in the place of another at once: whoever looks sees the old or the new.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_file_name(format!("temp-{}.{}", std::process::id(), path.file_name().unwrap_or_default().to_string_lossy()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

impl Server {
    fn dump_path(&self) -> PathBuf {
        Path::new(self.config.text("dir")).join(self.config.text("dbfilename"))
    }

    /// All there is as the bytes of a dump.
    pub fn dump(&self) -> Vec<u8> {
        write::dump(&self.databases, &self.version, self.now)
    }

    /// Reads the dump, if there is one.
    pub fn load_dump(&mut self) -> Result<(), String> {
        let path = self.dump_path();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(format!("Fatal error loading the DB, check server logs. Exiting: {}: {e}", path.display())),
        };
        let begun = Instant::now();
        let dump = read::load(&bytes, self.databases.len(), self.now)?;
        self.databases = dump.databases;
        let count: usize = self.databases.iter().map(|database| database.keys.len()).sum();
        self.log(Level::Notice, &format!("Done loading RDB, keys loaded: {count}, keys expired: 0."));
        self.log(Level::Notice, &format!("DB loaded from disk: {:.3} seconds", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    fn saved(&mut self, result: io::Result<()>, dirty: u64, what: &str) -> bool {
        self.saving.tried = Some(Instant::now());
        self.saving.failed = result.is_err();
        match result {
            Ok(()) => {
                self.saving.dirty = self.saving.dirty.saturating_sub(dirty);
                self.saving.last = server::now() / 1000;
                self.saving.count += 1;
                self.log(Level::Notice, what);
                true
            }
            Err(e) => {
                self.log(Level::Warning, &format!("Failed saving the DB: {}: {e}", self.dump_path().display()));
                false
            }
        }
    }

    /// Writes the dump and waits until it is there.
    pub fn save_now(&mut self) -> bool {
        let result = replace(&self.dump_path(), &self.dump());
        let dirty = self.saving.dirty;
        self.saved(result, dirty, "DB saved on disk")
    }

    /// Writes the dump while the server goes on.
    pub fn save_beside(&mut self) {
        let (bytes, path) = (self.dump(), self.dump_path());
        let (sender, receiver) = mpsc::channel();
        let begun = std::thread::Builder::new().spawn(move || sender.send(replace(&path, &bytes)));
        if begun.is_err() {
            self.save_now();
            return;
        }
        self.saving.before = self.saving.dirty;
        self.saving.beside = Some(receiver);
        self.log(Level::Notice, "Background saving started");
    }

    /// Looks whether a dump has been written, and whether one is due.
    pub fn save_when_due(&mut self) {
        if let Some(beside) = &self.saving.beside {
            let result = match beside.try_recv() {
                Ok(result) => result,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
            };
            self.saving.beside = None;
            let before = self.saving.before;
            self.saved(result, before, "Background saving terminated with success");
            return;
        }
        if self.saving.failed && self.saving.tried.is_some_and(|tried| tried.elapsed().as_secs() < AGAIN) {
            return;
        }
        let since = u64::try_from(self.now / 1000 - self.saving.last).unwrap_or(0);
        let due = self.config.save_points().into_iter().find(|(seconds, changes)| self.saving.dirty >= *changes && since > *seconds);
        if let Some((seconds, changes)) = due {
            self.log(Level::Notice, &format!("{changes} changes in {seconds} seconds. Saving..."));
            self.save_beside();
        }
    }

    /// Ends the server, if it may: saves where it shall.
    pub fn end(&mut self, save: Option<bool>) -> bool {
        self.ending = None;
        self.log(Level::Warning, "User requested shutdown...");
        if let Some(beside) = self.saving.beside.take() {
            let _ = beside.recv();
        }
        if let Some(aof) = &mut self.aof {
            let _ = aof.sync();
        }
        if save.unwrap_or_else(|| !self.config.save_points().is_empty()) {
            self.log(Level::Notice, "Saving the final RDB snapshot before exiting.");
            if !self.save_now() {
                self.log(Level::Warning, "Error trying to save the DB, can't exit.");
                let ids: Vec<u64> = self.clients.values().filter(|client| client.last == "shutdown").map(|client| client.id).collect();
                for id in ids {
                    self.say(id, &super::reply::Reply::Error("ERR Errors trying to SHUTDOWN. Check logs.".to_owned()));
                }
                return false;
            }
        }
        self.log(Level::Warning, "Redis is now ready to exit, bye bye...");
        true
    }
}
