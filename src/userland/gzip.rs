//! `gzip`, `gunzip` and `zcat`.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use flate2::{Compression, GzBuilder, bufread::MultiGzDecoder};

use super::applets::Args;
use super::options::Options;
use crate::units::c_words;

const GZIP: &str = "Usage: gzip [-cfkdt123456789] [FILE]...\n\nCompress FILEs (or stdin)\n\n\t-1..9\tCompression level\n\t-d\tDecompress\n\t-c\tWrite to stdout\n\t-f\tForce\n\t-k\tKeep input files\n\t-t\tTest integrity";
const GUNZIP: &str = "Usage: gunzip [-cfkt] [FILE]...\n\nDecompress FILEs (or stdin)\n\n\t-c\tWrite to stdout\n\t-f\tForce\n\t-k\tKeep input files\n\t-t\tTest integrity";
const ZCAT: &str = "Usage: zcat [FILE]...\n\nDecompress to stdout";

/// What is to be done with each file.
struct Work {
    name: String,
    decompress: bool,
    /// `zcat` takes what bzip2 and xz wrote, too.
    any: bool,
    level: u32,
    to_stdout: bool,
    force: bool,
    keep: bool,
    test: bool,
    verbose: bool,
}

/// `gzip [-cfkdt] [FILE]…`, `gunzip [-cfkt] [FILE]…`, `zcat [FILE]…`.
pub fn main(args: Args) -> ExitCode {
    let name = super::applets::applet_name(args.first());
    let (letters, usage) = match name.as_str() {
        "gzip" => ("cfkdtvqn123456789", GZIP),
        "gunzip" => ("cfktvqn", GUNZIP),
        _ => ("cfv", ZCAT),
    };
    let long =
        [("stdout", 'c'), ("to-stdout", 'c'), ("force", 'f'), ("keep", 'k'), ("decompress", 'd'), ("uncompress", 'd'), ("test", 't')];
    let long: Vec<(&str, char)> = long.into_iter().filter(|(_, letter)| letters.contains(*letter)).collect();
    let options = match Options::read(args, letters, &long, usage) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let work = Work {
        decompress: name != "gzip" || options.has('d') || options.has('t'),
        any: name == "zcat",
        level: (1..=9).rev().find(|level| char::from_digit(*level, 10).is_some_and(|digit| options.has(digit))).unwrap_or(6),
        to_stdout: options.has('c') || name == "zcat",
        force: options.has('f'),
        keep: options.has('k'),
        test: options.has('t'),
        verbose: options.has('v'),
        name,
    };
    let files = if options.words.is_empty() { vec![OsString::from("-")] } else { options.words };
    let mut failed = false;
    for file in files {
        if let Err(message) = if file == "-" { work.stream() } else { work.file(&file) } {
            eprintln!("{}: {message}", work.name);
            failed = true;
        }
    }
    ExitCode::from(u8::from(failed))
}

impl Work {
    fn stream(&self) -> Result<(), String> {
        if !self.force && if self.decompress { io::stdin().is_terminal() } else { io::stdout().is_terminal() } {
            let way = if self.decompress { "read from" } else { "written to" };
            return Err(format!("compressed data not {way} terminal, use -f to force it"));
        }
        self.pass(&mut io::stdin().lock(), self.sink().as_mut()).map(drop)
    }

    fn file(&self, file: &OsStr) -> Result<(), String> {
        let path = Path::new(file);
        let fail = |error: io::Error| format!("{}: {}", path.display(), c_words(&error));
        let mut input = File::open(path).map_err(fail)?;
        let meta = input.metadata().map_err(fail)?;
        if meta.is_dir() {
            return Err(format!("{}: Is a directory", path.display()));
        }
        if self.to_stdout || self.test {
            return self.pass(&mut input, self.sink().as_mut()).map(drop);
        }
        let target = self.target(path).ok_or_else(|| format!("{}: unknown suffix - ignored", path.display()))?;
        let cannot = |error: io::Error| format!("can't open '{}': {}", target.display(), c_words(&error));
        if self.force {
            let _ = fs::remove_file(&target);
        }
        let mode = meta.permissions().mode() & 0o7777;
        let output = OpenOptions::new().write(true).create_new(true).mode(mode & 0o700).open(&target).map_err(cannot)?;
        let mut buffered = BufWriter::new(output);
        let done = self.pass(&mut input, &mut buffered).and_then(|counts| {
            let output = buffered.into_inner().map_err(|error| c_words(error.error()))?;
            output.set_permissions(fs::Permissions::from_mode(mode)).map(|()| counts).map_err(|e| c_words(&e))
        });
        let (read, written) = match done {
            Ok(counts) => counts,
            Err(message) => {
                let _ = fs::remove_file(&target);
                return Err(message);
            }
        };
        if self.verbose {
            let (plain, packed) = if self.decompress { (written, read) } else { (read, written) };
            let saved = 100 - (packed * 100).checked_div(plain).unwrap_or(100).min(100);
            eprintln!("{}: {saved}% - replaced with {}", path.display(), target.display());
        }
        if self.keep { Ok(()) } else { fs::remove_file(path).map_err(fail) }
    }

    /// The file that takes the place of `path`.
    fn target(&self, path: &Path) -> Option<PathBuf> {
        if !self.decompress {
            let mut name = path.as_os_str().to_owned();
            name.push(".gz");
            return Some(name.into());
        }
        match path.extension()?.to_str()? {
            "gz" | "Z" => Some(path.with_extension("")),
            "tgz" => Some(path.with_extension("tar")),
            _ => None,
        }
    }

    fn sink(&self) -> Box<dyn Write> {
        if self.test { Box::new(io::sink()) } else { Box::new(io::stdout().lock()) }
    }

    /// Puts what is read through; how much came in and went out.
    fn pass(&self, input: &mut dyn Read, output: &mut dyn Write) -> Result<(u64, u64), String> {
        let mut counted = Counted { inner: input, count: 0 };
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => "corrupted data".to_owned(),
            _ => c_words(&error),
        };
        let written = if self.decompress {
            let mut raw = BufReader::with_capacity(64 << 10, &mut counted);
            let magic = raw.fill_buf().map_err(failed)?;
            let known = magic.starts_with(&[0x1f, 0x8b]);
            if self.any {
                if !known && !magic.starts_with(b"BZh") && !magic.starts_with(b"\xfd7zXZ\0") {
                    return Err("no gzip/bzip2/xz magic".into());
                }
                io::copy(&mut super::tar::decompress(raw).map_err(failed)?, output).map_err(failed)?
            } else if known {
                io::copy(&mut MultiGzDecoder::new(raw), output).map_err(failed)?
            } else {
                return Err("invalid magic".into());
            }
        } else {
            // Neither name nor time: the same bytes give the same bytes. 3 says that a Unix wrote them.
            let mut writing = Counted { inner: output, count: 0 };
            let mut encoder = GzBuilder::new().operating_system(3).write(&mut writing, Compression::new(self.level));
            io::copy(&mut counted, &mut encoder).and_then(|_| encoder.finish()).map_err(failed)?;
            writing.count
        };
        output.flush().map_err(failed)?;
        Ok((counted.count, written))
    }
}

/// Counts the bytes that pass.
struct Counted<'a, T: ?Sized> {
    inner: &'a mut T,
    count: u64,
}

impl<T: Read + ?Sized> Read for Counted<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

impl<T: Write + ?Sized> Write for Counted<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
