//! Making archives.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io::{self, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
    process::ExitCode,
};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use tar::{Builder, EntryType, Header, HeaderMode};

use super::super::proc::name_of;
use super::{Job, NO_RECURSION, NUMERIC};
use crate::units::c_words;

/// Writes the archive that `job` asks for.
pub(super) fn create(job: &mut Job) -> Result<ExitCode, String> {
    let file = job.options.value('f').filter(|file| *file != "-").map(OsStr::to_owned);
    let by_name = file.as_deref().filter(|_| job.options.has('a')).and_then(|file| Path::new(file).extension());
    let gzip = job.options.has('z') || by_name.is_some_and(|extension| extension == "gz" || extension == "tgz");
    let program = match by_name.and_then(OsStr::to_str) {
        Some("bz2") => Some("bzip2"),
        Some("xz") => Some("xz"),
        _ if job.options.has('j') => Some("bzip2"),
        _ if job.options.has('J') => Some("xz"),
        _ => None,
    };
    if let Some(program) = program {
        // BusyBox asks a program of that name, and the images have none.
        return Err(format!("can't execute '{program}': No such file or directory"));
    }
    if job.names.is_empty() {
        return Err("empty archive".into());
    }
    let (sink, own): (Box<dyn Write>, _) = match &file {
        None => (Box::new(io::stdout().lock()), None),
        Some(file) => {
            let cannot = |error: io::Error| format!("can't open '{}': {}", file.display(), c_words(&error));
            let output = File::create(file).map_err(cannot)?;
            let meta = output.metadata().map_err(cannot)?;
            (Box::new(output), Some((meta.dev(), meta.ino())))
        }
    };
    job.enter()?;
    let sink = if gzip {
        Sink::Gzip(Box::new(GzBuilder::new().operating_system(3).write(sink, Compression::default())))
    } else {
        Sink::Plain(io::BufWriter::new(sink))
    };
    let to_stdout = file.is_none();
    let mut archive = Archive { job, builder: Builder::new(sink), own, seen: HashMap::new(), to_stdout, failed: false };
    for name in std::mem::take(&mut archive.job.names) {
        archive.add(&name)?;
    }
    let failed = archive.failed;
    let sink = archive.builder.into_inner().map_err(|error| c_words(&error))?;
    match sink {
        Sink::Plain(mut plain) => plain.flush(),
        Sink::Gzip(gzip) => gzip.finish().and_then(|mut inner| inner.flush()),
    }
    .map_err(|error| c_words(&error))?;
    if failed {
        return Err("error exit delayed from previous errors".into());
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the archive goes.
enum Sink {
    Plain(io::BufWriter<Box<dyn Write>>),
    Gzip(Box<GzEncoder<Box<dyn Write>>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(inner) => inner.write(bytes),
            Self::Gzip(inner) => inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(inner) => inner.flush(),
            Self::Gzip(inner) => inner.flush(),
        }
    }
}

struct Archive<'a> {
    job: &'a mut Job,
    builder: Builder<Sink>,
    /// The device and number of the archive itself.
    own: Option<(u64, u64)>,
    /// The names of files with several of them.
    seen: HashMap<(u64, u64), Vec<u8>>,
    to_stdout: bool,
    failed: bool,
}

impl Archive<'_> {
    /// Puts in what goes by `name`, and what is below it. What cannot be read is told of and left out.
    fn add(&mut self, name: &[u8]) -> Result<(), String> {
        if self.job.is_excluded(name) {
            return Ok(());
        }
        let path = PathBuf::from(OsString::from_vec(name.to_vec()));
        let meta = match if self.job.options.has('h') { fs::metadata(&path) } else { fs::symlink_metadata(&path) } {
            Ok(meta) => meta,
            Err(error) => {
                self.tell(&path, &error);
                return Ok(());
            }
        };
        let id = (meta.dev(), meta.ino());
        if self.own == Some(id) {
            eprintln!("tar: {}: file is the archive; skipping", path.display());
            return Ok(());
        }
        if meta.file_type().is_socket() {
            eprintln!("tar: {}: socket ignored", path.display());
            return Ok(());
        }
        let mut stored = self.job.safe(name).to_vec();
        if !meta.is_dir() && stored.is_empty() {
            return Ok(());
        }
        if meta.is_dir() && !stored.is_empty() && !stored.ends_with(b"/") {
            stored.push(b'/');
        }
        if !stored.is_empty() {
            // Opened before its name is told: what cannot be opened is not in the archive.
            let content = if meta.is_file() { Some(File::open(&path)) } else { None };
            let content = match content.transpose() {
                Ok(content) => content,
                Err(error) => {
                    self.tell(&path, &error);
                    return Ok(());
                }
            };
            if self.job.options.has('v') {
                let line = String::from_utf8_lossy(&stored);
                if self.to_stdout { eprintln!("{line}") } else { println!("{line}") }
            }
            self.write(&path, &stored, &meta, content).map_err(|error| c_words(&error))?;
        }
        if meta.is_dir() && !self.job.options.has(NO_RECURSION) {
            self.descend(name, &path)?;
        }
        Ok(())
    }

    fn descend(&mut self, name: &[u8], path: &Path) -> Result<(), String> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                self.tell(path, &error);
                return Ok(());
            }
        };
        for entry in entries.flatten() {
            let mut below = name.to_vec();
            if !below.ends_with(b"/") {
                below.push(b'/');
            }
            below.extend(entry.file_name().as_bytes());
            self.add(&below)?;
        }
        Ok(())
    }

    fn write(&mut self, path: &Path, stored: &[u8], meta: &Metadata, content: Option<File>) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_metadata_in_mode(meta, HeaderMode::Complete);
        if !self.job.options.has(NUMERIC) {
            header.set_username(&name_of("passwd", meta.uid()).unwrap_or_default())?;
            header.set_groupname(&name_of("group", meta.gid()).unwrap_or_default())?;
        }
        let name = Path::new(OsStr::from_bytes(stored));
        let kind = meta.file_type();
        let first = if meta.nlink() > 1 && !meta.is_dir() { self.seen.get(&(meta.dev(), meta.ino())) } else { None };
        if let Some(first) = first {
            header.set_entry_type(EntryType::Link);
            header.set_size(0);
            return self.builder.append_link(&mut header, name, Path::new(OsStr::from_bytes(first)));
        }
        if meta.nlink() > 1 && !meta.is_dir() {
            self.seen.insert((meta.dev(), meta.ino()), stored.to_vec());
        }
        if kind.is_symlink() {
            header.set_size(0);
            return self.builder.append_link(&mut header, name, fs::read_link(path)?);
        }
        match content {
            // A file that shrinks meanwhile is filled up, one that grows is cut: the header has been written.
            Some(file) => self.builder.append_data(&mut header, name, io::Read::take(io::Read::chain(file, io::repeat(0)), meta.len())),
            None => {
                header.set_size(0);
                if kind.is_block_device() || kind.is_char_device() {
                    header.set_device_major(rustix::fs::major(meta.rdev()))?;
                    header.set_device_minor(rustix::fs::minor(meta.rdev()))?;
                }
                self.builder.append_data(&mut header, name, io::empty())
            }
        }
    }

    fn tell(&mut self, path: &Path, error: &io::Error) {
        eprintln!("tar: {}: {}", path.display(), c_words(error));
        self.failed = true;
    }
}
