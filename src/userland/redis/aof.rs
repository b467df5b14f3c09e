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
    log::Level,
    rdb::{read, replace},
    request::{self, Limits, Requests},
    server::{self, Server},
};
use crate::units::c_words;

/// As long as nothing can be written, the log says so this often.
const TOLD: Duration = Duration::from_secs(30);

/// The file that is being written.
#[derive(Debug)]
pub struct Aof {
    file: File,
    /// How long the file is as far as it holds whole commands.
    length: u64,
    /// How long the files before it are, and how long all were when they were last written anew.
    others: u64,
    anew: u64,
    /// Something lies behind that and has to go before anything is written.
    torn: bool,
    waiting: Vec<u8>,
    db: Option<usize>,
    synced: Instant,
    unsynced: bool,
    grouped: Option<usize>,
    /// Why the last attempt came to nothing, in the system's words, and when the log was told.
    failed: Option<(String, Instant)>,
}

impl Aof {
    /// Goes on behind what a file holds; the files before it hold `others` bytes.
    fn open(path: &Path, others: u64) -> io::Result<Aof> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let length = file.metadata()?.len();
        let (waiting, synced) = (vec![], Instant::now());
        let anew = others + length;
        Ok(Aof { file, length, others, anew, torn: false, waiting, db: None, synced, unsynced: false, grouped: None, failed: None })
    }

    /// Why nothing can be written now, in the system's words; none where all is well.
    pub fn fault(&self) -> Option<&str> {
        self.failed.as_ref().map(|(why, _)| why.as_str())
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

    /// Writes what has gathered. What does not fit as a whole is taken back, so that no half of a command has others behind it, and is
    /// kept for the next attempt.
    fn write(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.file.write_all(&self.waiting) {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(e);
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        self.unsynced = true;
        Ok(())
    }

    /// Writes what has gathered, and makes sure of it as often as the settings want.
    fn flush(&mut self, policy: &str) -> io::Result<()> {
        self.write()?;
        let due = match policy {
            "always" => true,
            "no" => false,
            _ => self.synced.elapsed() >= Duration::from_secs(1),
        };
        if due && self.unsynced {
            self.file.sync_data()?;
            self.unsynced = false;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// Writes what has gathered and makes sure of it.
    pub fn sync(&mut self) -> io::Result<()> {
        self.write()?;
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
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words = request::words(line.as_bytes()).unwrap_or_default();
            let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            let value = |name: &str| words.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
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

fn bad_format(name: &str) -> String {
    format!(
        "Bad file format reading the append only file {name}: make a backup of your AOF file, then use ./redis-check-aof --fix \
         <filename.manifest>"
    )
}

impl Server {
    /// Writes down what has changed; whether the server may go on. Who wants every change to be safe before he hears of it
    /// (`appendfsync always`) is told of none that is not.
    pub fn flush_aof(&mut self) -> bool {
        let Some(aof) = &mut self.aof else { return true };
        let policy = self.config.text("appendfsync");
        let before = aof.failed.take();
        let Err(error) = aof.flush(policy) else {
            if before.is_some() {
                self.log(Level::Warning, "AOF write error looks solved, Redis can write again.");
            }
            return true;
        };
        let (why, always) = (c_words(&error), policy == "always");
        let told = before.map(|(_, told)| told).filter(|told| told.elapsed() < TOLD && !always);
        aof.failed = Some((why.clone(), told.unwrap_or_else(Instant::now)));
        if told.is_none() {
            self.log(Level::Warning, &format!("Error writing to the AOF file: {why}"));
        }
        if always {
            self.log(Level::Warning, "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...");
        }
        !always
    }

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
        let wrong = |e: io::Error| format!("Can't open or create append-only file: {}", c_words(&e));
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
        self.forget(0);
        self.loading = false;
        result?;
        self.saving.dirty = 0;
        self.log(Level::Notice, &format!("DB loaded from append only file: {:.3} seconds", begun.elapsed().as_secs_f64()));
        if place.parts && !place.manifest().exists() {
            return self.start_aof().map_err(wrong);
        }
        let last = files.last().map_or_else(|| place.folder.join(&place.name), Clone::clone);
        let others = files.iter().filter(|file| **file != last).filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum();
        self.aof = Some(Aof::open(&last, others).map_err(wrong)?);
        Ok(())
    }

    /// Does again what a file says. A last command that is not whole was being written when all ended: it is cut off. What this server
    /// cannot do again it does not pass over: the next file that is written would lack it.
    fn replay(&mut self, path: &Path, last: bool) -> Result<(), String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::metadata(path).map_err(|e| format!("Unable to obtain the AOF file {name} length. stat: {}", c_words(&e)))?;
        let bytes =
            fs::read(path).map_err(|e| format!("Fatal error: can't open the append log file {name} for reading: {}", c_words(&e)))?;
        let mut rest = &bytes[..];
        if bytes.starts_with(b"REDIS") {
            // Keys that have ended are read, too: what follows may have given them more time.
            let dump = read::load(&bytes, self.databases.len(), i64::MIN)?;
            self.databases = dump.databases;
            rest = &bytes[dump.length..];
        }
        let whole = rest.len();
        let mut requests = Requests::default();
        requests.push(rest);
        let limits = Limits { word: usize::MAX / 2, known: true };
        let mut good = 0;
        loop {
            let mark = requests.peek();
            match requests.next(limits) {
                Ok(Some(words)) => {
                    match mark {
                        Some(b'*') if commands::is_known(&words[0], self.number) => commands::execute(self, 0, words),
                        Some(b'*') => {
                            let word = String::from_utf8_lossy(&words[0]);
                            return Err(format!("Unknown command '{word}' reading the append only file {name}"));
                        }
                        // A note of the time.
                        Some(b'#') => {}
                        _ => return Err(bad_format(&name)),
                    }
                    if self.clients.get(&0).is_some_and(|client| client.queue.is_none()) {
                        good = whole - requests.waiting();
                    }
                }
                Ok(None) if good == whole => return Ok(()),
                Ok(None) if last => {
                    if self.clients.get_mut(&0).is_some_and(|client| client.queue.take().is_some()) {
                        self.log(Level::Warning, &format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}"));
                    }
                    let length = bytes.len() - (whole - good);
                    self.log(Level::Warning, &format!("!!! Warning: short read while loading the AOF file {name}!!!"));
                    self.log(Level::Warning, &format!("!!! Truncating the AOF {name} at offset {length} !!!"));
                    let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(length as u64));
                    cut.map_err(|e| format!("Error truncating the AOF file {name}: {}", c_words(&e)))?;
                    self.log(Level::Warning, &format!("AOF {name} loaded anyway because aof-load-truncated is enabled"));
                    return Ok(());
                }
                Ok(None) => return Err("Fatal error: the truncated file is not the last file".to_owned()),
                Err(_) => return Err(bad_format(&name)),
            }
        }
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
            self.aof = Some(Aof::open(&path, 0)?);
            return Ok(());
        }
        let (old, last) = place.files()?;
        let number = last + 1;
        let base = format!("{}.{number}.base.rdb", place.name);
        let next = format!("{}.{number}.incr.aof", place.name);
        let list = format!("file {} seq {number} type b\nfile {} seq {number} type i\n", request::word(&base), request::word(&next));
        let (base, next) = (place.folder.join(base), place.folder.join(next));
        let begun = replace(&base, &dump).map_err(io::Error::from).and_then(|()| Aof::open(&next, dump.len() as u64));
        let begun = begun.and_then(|aof| replace(&place.manifest(), list.as_bytes()).map(|()| aof).map_err(io::Error::from));
        if begun.is_err() {
            // Nothing leads to them, and whoever has no room left needs it.
            let _ = (fs::remove_file(&base), fs::remove_file(&next));
        }
        self.aof = Some(begun?);
        for file in old {
            let _ = fs::remove_file(place.folder.join(file));
        }
        Ok(())
    }

    /// Writes the file anew, as short as it can be.
    pub fn rewrite_aof(&mut self) -> Result<(), String> {
        let runs = self.aof.is_some();
        self.start_aof().map_err(|e| c_words(&e))?;
        if !runs {
            self.aof = None;
        }
        self.log(Level::Notice, "Background AOF rewrite finished successfully");
        Ok(())
    }

    /// Writes the files anew when they have grown by as much as the settings say: most of what they hold may be no more.
    pub fn rewrite_when_due(&mut self) {
        let (percentage, least) = (self.config.number("auto-aof-rewrite-percentage"), self.config.number("auto-aof-rewrite-min-size"));
        let Some(aof) = self.aof.as_mut().filter(|aof| aof.fault().is_none()) else { return };
        let size = aof.others + aof.length;
        let growth = size.saturating_sub(aof.anew).saturating_mul(100) / aof.anew.max(1);
        let is_due = |growth| u64::try_from(percentage).is_ok_and(|percentage| percentage > 0 && growth >= percentage);
        if size <= u64::try_from(least).unwrap_or(0) || !is_due(growth) {
            return;
        }
        // If it fails, it is not tried again before they have grown as much again.
        aof.anew = size;
        self.log(Level::Notice, &format!("Starting automatic rewriting of AOF on {growth}% growth"));
        if let Err(why) = self.rewrite_aof() {
            self.log(Level::Warning, &format!("Can't rewrite append only file in background: {why}"));
        }
    }

    /// Begins or ends writing the file, as the settings say now.
    pub fn switch_aof(&mut self) -> Result<(), String> {
        if self.config.yes("appendonly") {
            return self.start_aof().map_err(|e| c_words(&e));
        }
        if let Some(aof) = &mut self.aof {
            aof.sync().map_err(|e| c_words(&e))?;
        }
        self.aof = None;
        Ok(())
    }
}
