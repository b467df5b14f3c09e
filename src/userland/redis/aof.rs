//! The append-only file: every change as the command that made it, read back at the start.
//!
//! Since version 7 it is a folder of a dump and what came after it, with a list of both; before, one file of commands.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{
    Bytes,
    client::Client,
    commands,
    config::Config,
    log::Level,
    rdb::{read, replace},
    request::{Limits, Requests},
    server::{self, Server},
};

/// The file that is being written.
#[derive(Debug)]
pub struct Aof {
    file: File,
    waiting: Vec<u8>,
    db: Option<usize>,
    synced: Instant,
    unsynced: bool,
    grouped: Option<usize>,
}

impl Aof {
    fn open(path: &Path) -> io::Result<Aof> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Aof { file, waiting: vec![], db: None, synced: Instant::now(), unsynced: false, grouped: None })
    }

    fn words(&mut self, words: &[&[u8]]) {
        self.waiting.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            self.waiting.extend(format!("${}\r\n", word.len()).bytes());
            self.waiting.extend(*word);
            self.waiting.extend(b"\r\n");
        }
    }

    pub fn append(&mut self, db: usize, words: &[Bytes]) {
        if self.db != Some(db) {
            self.words(&[b"SELECT", db.to_string().as_bytes()]);
            self.db = Some(db);
        }
        let words: Vec<&[u8]> = words.iter().map(|word| &word[..]).collect();
        self.words(&words);
    }

    /// Writes what has gathered.
    pub fn flush(&mut self, config: &Config) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.file.write_all(&self.waiting)?;
            self.waiting.clear();
            self.unsynced = true;
        }
        let due = match config.text("appendfsync") {
            "always" => true,
            "no" => false,
            _ => self.synced.elapsed() >= Duration::from_secs(1),
        };
        if due && self.unsynced { self.file.sync_data().map(|()| self.mark()) } else { Ok(()) }
    }

    fn mark(&mut self) {
        self.unsynced = false;
        self.synced = Instant::now();
    }

    pub fn sync(&mut self) -> io::Result<()> {
        self.file.write_all(&self.waiting)?;
        self.waiting.clear();
        self.file.sync_data()
    }
}

/// Where the files are: the list of them, if there is one, and names by it.
struct Place {
    folder: PathBuf,
    name: String,
    parts: bool,
}

impl Place {
    fn of(server: &Server) -> Place {
        let (dir, name) = (Path::new(server.config.text("dir")), server.config.text("appendfilename").to_owned());
        let parts = server.number >= (7, 0);
        Place { folder: if parts { dir.join(server.config.text("appenddirname")) } else { dir.to_owned() }, name, parts }
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.manifest", self.name))
    }

    /// The names of the files that are to be read, in order, and the greatest number among them.
    fn files(&self) -> io::Result<(Vec<String>, u64)> {
        let text = match fs::read_to_string(self.manifest()) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((vec![], 0)),
            Err(e) => return Err(e),
        };
        let mut found = vec![];
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let value = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
            let (Some(file), Some(number), Some(kind)) =
                (value("file"), value("seq").and_then(|text| text.parse::<u64>().ok()), value("type"))
            else {
                return Err(io::Error::other("Invalid AOF manifest file format"));
            };
            if file.contains('/') {
                return Err(io::Error::other("File can't be a path, just a filename"));
            }
            if kind != "h" {
                found.push((kind == "i", number, file.to_owned()));
            }
        }
        found.sort();
        let last = found.iter().map(|one| one.1).max().unwrap_or(0);
        Ok((found.into_iter().map(|one| one.2).collect(), last))
    }
}

impl Server {
    /// Begins a group of changes that belong together.
    pub fn begin_group(&mut self) {
        if let Some(aof) = &mut self.aof {
            aof.words(&[b"MULTI"]);
            aof.grouped = Some(aof.waiting.len());
        }
    }

    pub fn end_group(&mut self) {
        if let Some(aof) = &mut self.aof
            && let Some(start) = aof.grouped.take()
        {
            if aof.waiting.len() == start {
                aof.waiting.truncate(start - b"*1\r\n$5\r\nMULTI\r\n".len());
            } else {
                aof.words(&[b"EXEC"]);
            }
        }
    }

    /// Reads what the files hold, then goes on writing; without files, begins with what there is.
    pub fn open_aof(&mut self) -> Result<(), String> {
        let place = Place::of(self);
        let wrong = |e: io::Error| format!("Can't open or create append-only file: {e}");
        let old = Path::new(self.config.text("dir")).join(&place.name);
        let (files, _) = if place.parts { place.files().map_err(wrong)? } else { (vec![], 0) };
        let files: Vec<PathBuf> = match files.is_empty() {
            false => files.iter().map(|file| place.folder.join(file)).collect(),
            // One file, as older versions write it, is taken over.
            true => [old].into_iter().filter(|file| file.exists()).collect(),
        };
        if files.is_empty() {
            self.load_dump()?;
            return self.start_aof().map_err(wrong);
        }
        let begun = Instant::now();
        self.loading = true;
        self.clients.insert(0, Client::new(0, None, true));
        let count = files.len();
        let result = files.iter().enumerate().try_for_each(|(at, file)| self.replay(file, at + 1 == count));
        self.clients.remove(&0);
        self.loading = false;
        result?;
        self.saving.dirty = 0;
        self.log(Level::Notice, &format!("DB loaded from append only file: {:.3} seconds", begun.elapsed().as_secs_f64()));
        if place.parts && !place.manifest().exists() {
            return self.start_aof().map_err(wrong);
        }
        let last = files.last().map_or_else(|| place.folder.join(&place.name), Clone::clone);
        self.aof = Some(Aof::open(&last).map_err(wrong)?);
        Ok(())
    }

    /// Does again what a file says. A last command that is not whole was being written when all ended: it is cut off.
    fn replay(&mut self, path: &Path, last: bool) -> Result<(), String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(path).map_err(|e| format!("Fatal error: can't open the append log file {name} for reading: {e}"))?;
        let mut rest = &bytes[..];
        if bytes.starts_with(b"REDIS") {
            let dump = read::load(&bytes, self.databases.len(), self.now)?;
            self.databases = dump.databases;
            rest = &bytes[dump.length..];
        }
        let whole = rest.len();
        let mut requests = Requests::default();
        requests.push(rest);
        let limits = Limits { word: usize::MAX / 2, known: true };
        let mut good = 0;
        loop {
            match requests.next(limits) {
                Ok(Some(words)) => {
                    commands::execute(self, 0, words);
                    if self.clients.get(&0).is_some_and(|client| client.queue.is_none()) {
                        good = whole - requests.waiting();
                    }
                }
                Ok(None) if good == whole => break,
                Ok(None) if last => {
                    self.log(Level::Warning, &format!("!!! Warning: short read while loading the AOF file {name}!!!"));
                    self.log(Level::Warning, "AOF loaded anyway because aof-load-truncated is enabled");
                    if let Some(client) = self.clients.get_mut(&0) {
                        client.queue = None;
                    }
                    let length = bytes.len() - (whole - good);
                    let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(length as u64));
                    cut.map_err(|e| format!("Error truncating the AOF file {name}: {e}"))?;
                    break;
                }
                Ok(None) | Err(_) => return Err(format!("Bad file format reading the append only file {name}")),
            }
        }
        Ok(())
    }

    /// Writes all that there is as a new beginning, and goes on behind it.
    fn start_aof(&mut self) -> io::Result<()> {
        self.now = server::now();
        let place = Place::of(self);
        fs::create_dir_all(&place.folder)?;
        let dump = self.dump();
        if !place.parts {
            let path = place.folder.join(&place.name);
            replace(&path, &dump)?;
            self.aof = Some(Aof::open(&path)?);
            return Ok(());
        }
        let (old, last) = place.files()?;
        let number = last + 1;
        let base = format!("{}.{number}.base.rdb", place.name);
        let next = format!("{}.{number}.incr.aof", place.name);
        replace(&place.folder.join(&base), &dump)?;
        let path = place.folder.join(&next);
        let aof = Aof::open(&path)?;
        let list = format!("file {base} seq {number} type b\nfile {next} seq {number} type i\n");
        replace(&place.manifest(), list.as_bytes())?;
        self.aof = Some(aof);
        for file in old {
            let _ = fs::remove_file(place.folder.join(file));
        }
        Ok(())
    }

    /// Writes the file anew, as short as it can be.
    pub fn rewrite_aof(&mut self) -> Result<(), String> {
        let runs = self.aof.is_some();
        self.start_aof().map_err(|e| e.to_string())?;
        if !runs {
            self.aof = None;
        }
        self.log(Level::Notice, "Background AOF rewrite finished successfully");
        Ok(())
    }

    /// Begins or ends writing the file, as the settings say now.
    pub fn switch_aof(&mut self) -> Result<(), String> {
        if self.config.yes("appendonly") {
            return self.start_aof().map_err(|e| e.to_string());
        }
        if let Some(mut aof) = self.aof.take() {
            aof.sync().map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}
