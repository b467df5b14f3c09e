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
    info,
    log::Level,
    server::{self, Server},
};
use crate::units::c_words;

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
    beside: Option<Receiver<Result<(), Fault>>>,
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

/// Why a file could not be put in the place of another.
#[derive(Debug)]
pub enum Fault {
    Open(io::Error),
    Write(io::Error),
    Rename(io::Error),
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        match fault {
            Fault::Open(error) | Fault::Write(error) | Fault::Rename(error) => error,
        }
    }
}

/// What a file is called while it is being written.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!("temp-{}.{}", std::process::id(), path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Puts a file in the place of another at once: whoever looks sees the old or the new.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let beside = beside(path);
    let written = File::create(&beside).map_err(Fault::Open).and_then(|mut file| {
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Fault::Write)?;
        std::fs::rename(&beside, path).map_err(Fault::Rename)
    });
    match &written {
        Err(_) => drop(std::fs::remove_file(&beside)),
        // The name lies in the folder, which has to be on the disk, too. If it cannot be, the new file is in its place all the same.
        Ok(()) => drop(path.parent().and_then(|folder| File::open(folder).ok()?.sync_all().ok())),
    }
    written
}

impl Server {
    fn dump_path(&self) -> PathBuf {
        Path::new(self.config.text("dir")).join(self.config.text("dbfilename"))
    }

    /// All there is as the bytes of a dump.
    pub fn dump(&self) -> Vec<u8> {
        write::dump(&self.databases, &self.version, info::resident(), self.now)
    }

    /// Reads the dump, if there is one.
    pub fn load_dump(&mut self) -> Result<(), String> {
        let path = self.dump_path();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => {
                let name = self.config.text("dbfilename");
                return Err(format!("Fatal error: can't open the RDB file {name} for reading: {}", c_words(&e)));
            }
        };
        let begun = Instant::now();
        let dump = read::load(&bytes, self.databases.len(), self.now)?;
        self.databases = dump.databases;
        for line in &dump.told {
            self.log(Level::Notice, line);
        }
        let count: usize = self.databases.iter().map(|database| database.keys.len()).sum();
        self.log(Level::Notice, &format!("Done loading RDB, keys loaded: {count}, keys expired: {}.", dump.expired));
        self.log(Level::Notice, &format!("DB loaded from disk: {:.3} seconds", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    fn saved(&mut self, result: Result<(), Fault>, dirty: u64, what: &str) -> bool {
        match result {
            Ok(()) => {
                self.saving.failed = false;
                self.saving.dirty = self.saving.dirty.saturating_sub(dirty);
                self.saving.last = server::now() / 1000;
                self.saving.count += 1;
                self.log(Level::Notice, what);
                true
            }
            Err(fault) => {
                let (folder, name) = (self.config.text("dir"), self.config.text("dbfilename"));
                let temporary = beside(Path::new(name)).display().to_string();
                let why = match fault {
                    Fault::Open(e) => {
                        format!("Failed opening the temp RDB file {temporary} (in server root dir {folder}) for saving: {}", c_words(&e))
                    }
                    Fault::Write(e) => format!("Write error saving DB on disk: {}", c_words(&e)),
                    Fault::Rename(e) => format!(
                        "Error moving temp DB file {temporary} on the final destination {name} (in server root dir {folder}): {}",
                        c_words(&e)
                    ),
                };
                self.log(Level::Warning, &why);
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
            self.saving.failed = !self.save_now();
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
                Err(TryRecvError::Disconnected) => Err(Fault::Write(io::ErrorKind::BrokenPipe.into())),
            };
            self.saving.beside = None;
            let before = self.saving.before;
            self.saving.tried = Some(Instant::now());
            if !self.saved(result, before, "Background saving terminated with success") {
                self.saving.failed = true;
                self.log(Level::Warning, "Background saving error");
            }
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
            let synced = aof.sync();
            self.log(Level::Notice, "Calling fsync() on the AOF file.");
            if let Err(e) = synced {
                self.log(Level::Warning, &format!("Fail to fsync the AOF file: {}.", c_words(&e)));
            }
        }
        if save.unwrap_or_else(|| !self.config.save_points().is_empty()) {
            self.log(Level::Notice, "Saving the final RDB snapshot before exiting.");
            if !self.save_now() {
                self.log(Level::Warning, "Error trying to save the DB, can't exit.");
                let ids: Vec<u64> = self.clients.values().filter(|client| client.last == "shutdown").map(|client| client.id).collect();
                for id in ids {
                    self.say(id, &super::reply::Reply::Error("ERR Errors trying to SHUTDOWN. Check logs.".to_owned()));
                }
                self.log(Level::Warning, "Errors trying to shut down the server. Check the logs for more information.");
                return false;
            }
        }
        self.log(Level::Warning, "Redis is now ready to exit, bye bye...");
        true
    }
}
