//! `tar`: makes, lists and unpacks archives.
//!
//! What an archive says is not trusted: names lose what leads out of the folder, and links that lead out of it are made last, when
//! nothing can be written through them any more.

mod create;
mod extract;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
    process::ExitCode,
};

use super::applets::Args;
use super::options::Options;
use crate::units::c_words;

const USAGE: &str = "Usage: tar c|x|t [-zJjahmvokpO] [-f TARFILE] [-C DIR] [-T FILE] [-X FILE] [LONGOPT]... [FILE]...

Create, extract, or list files from a tar file

\tc\tCreate
\tx\tExtract
\tt\tList
\t-f FILE\tName of TARFILE ('-' for stdin/out)
\t-C DIR\tChange to DIR before operation
\t-v\tVerbose
\t-O\tExtract to stdout
\t-m\tDon't restore mtime
\t-o\tDon't restore user:group
\t-k\tDon't replace existing files
\t-z\t(De)compress using gzip
\t-J\t(De)compress using xz
\t-j\t(De)compress using bzip2
\t-a\t(De)compress based on extension
\t-h\tFollow symlinks
\t-T FILE\tFile with names to include
\t-X FILE\tFile with glob patterns to exclude
\t--exclude PATTERN\tGlob pattern to exclude
\t--overwrite\t\tReplace existing files
\t--strip-components NUM\tNUM of leading components to strip
\t--no-recursion\t\tDon't descend in directories
\t--numeric-owner\t\tUse numeric user:group
\t--no-same-permissions\tDon't restore access permissions";

/// Letters for the long options that have none: digits, which a command line does not use.
const EXCLUDE: char = '1';
const STRIP: char = '2';
const NO_RECURSION: char = '3';
const NUMERIC: char = '4';
const OVERWRITE: char = '5';
const NO_PERMISSIONS: char = '6';

const LONG: &[(&str, char)] = &[
    ("create", 'c'),
    ("extract", 'x'),
    ("get", 'x'),
    ("list", 't'),
    ("file", 'f'),
    ("directory", 'C'),
    ("verbose", 'v'),
    ("to-stdout", 'O'),
    ("touch", 'm'),
    ("no-same-owner", 'o'),
    ("keep-old", 'k'),
    ("keep-old-files", 'k'),
    ("gzip", 'z'),
    ("gunzip", 'z'),
    ("ungzip", 'z'),
    ("bzip2", 'j'),
    ("xz", 'J'),
    ("auto-compress", 'a'),
    ("dereference", 'h'),
    ("same-permissions", 'p'),
    ("files-from", 'T'),
    ("exclude-from", 'X'),
    ("exclude", EXCLUDE),
    ("strip-components", STRIP),
    ("no-recursion", NO_RECURSION),
    ("numeric-owner", NUMERIC),
    ("overwrite", OVERWRITE),
    ("no-same-permissions", NO_PERMISSIONS),
];

/// What a command line asks for.
struct Job {
    options: Options,
    /// The files to put in, or to take out.
    names: Vec<Vec<u8>>,
    /// Patterns of what is left out.
    excluded: Vec<globset::GlobMatcher>,
    /// Whether it was said already that names lose their beginnings.
    told: bool,
}

/// `tar c|x|t [-f TARFILE] [-C DIR] [FILE]…`.
pub fn main(mut args: Args) -> ExitCode {
    if args.len() < 2 {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    }
    if !args[1].as_bytes().starts_with(b"-") {
        let mut dashed = OsString::from("-");
        dashed.push(&args[1]);
        args[1] = dashed;
    }
    let options = match Options::read(args, "cxtvOmokpzJjahf:C:T:X:1:2:3456", LONG, USAGE) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if ['c', 'x', 't'].iter().filter(|way| options.has(**way)).count() != 1 {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    }
    match Job::new(options).and_then(Job::run) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("tar: {message}");
            ExitCode::FAILURE
        }
    }
}

impl Job {
    fn new(options: Options) -> Result<Self, String> {
        let lines = |file: &OsStr| -> Result<Vec<Vec<u8>>, String> {
            let text = std::fs::read(file).map_err(|error| format!("can't open '{}': {}", file.display(), c_words(&error)))?;
            Ok(text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect())
        };
        let mut names: Vec<Vec<u8>> = options.words.iter().map(|word| word.as_bytes().to_vec()).collect();
        for file in options.values('T') {
            names.extend(lines(file)?);
        }
        let mut patterns: Vec<Vec<u8>> = options.values(EXCLUDE).map(|pattern| pattern.as_bytes().to_vec()).collect();
        for file in options.values('X') {
            patterns.extend(lines(file)?);
        }
        let glob = |pattern: &Vec<u8>| Some(globset::Glob::new(&String::from_utf8_lossy(trimmed(pattern))).ok()?.compile_matcher());
        let excluded = patterns.iter().filter_map(glob).collect();
        Ok(Self { options, names, excluded, told: false })
    }

    fn run(mut self) -> Result<ExitCode, String> {
        if self.options.has('c') {
            return create::create(&mut self);
        }
        let archive: Box<dyn Read> = match self.options.value('f').filter(|file| *file != "-") {
            None => Box::new(io::stdin().lock()),
            Some(file) => Box::new(File::open(file).map_err(|error| format!("can't open '{}': {}", file.display(), c_words(&error)))?),
        };
        self.enter()?;
        extract::read(&mut self, archive)
    }

    fn enter(&self) -> Result<(), String> {
        let Some(dir) = self.options.value('C') else { return Ok(()) };
        std::env::set_current_dir(dir).map_err(|error| format!("can't change directory to '{}': {}", dir.display(), c_words(&error)))
    }

    /// A member's name without what would lead out of the folder, as BusyBox cuts it: `/` and all up to the last `../`.
    fn safe<'n>(&mut self, name: &'n [u8]) -> &'n [u8] {
        let start = safe_start(name);
        if start > 0 && !std::mem::replace(&mut self.told, true) {
            eprintln!("tar: removing leading '{}' from member names", String::from_utf8_lossy(&name[..start]));
        }
        &name[start..]
    }

    /// Whether a pattern leaves `name` out, or a folder that it is in.
    fn is_excluded(&self, name: &[u8]) -> bool {
        let name = PathBuf::from(OsString::from_vec(trimmed(name).to_vec()));
        self.excluded.iter().any(|pattern| name.ancestors().any(|part| pattern.is_match(part)))
    }
}

/// Where the part of a name begins that is safe to use below a folder.
fn safe_start(name: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = &name[at..];
        if rest.starts_with(b"/") {
            at += 1;
        } else if rest.starts_with(b"../") {
            at += 3;
        } else if let Some(found) = rest.windows(4).position(|four| four == b"/../") {
            at += found + 4;
        } else if rest == b".." || rest.ends_with(b"/..") {
            return name.len();
        } else {
            return at;
        }
    }
}

/// A name without slashes at its end.
fn trimmed(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    &name[..end]
}

/// Reads what gzip, bzip2 or xz wrote, or anything else as it is.
#[cfg(target_os = "linux")]
pub(super) fn decompress<'a>(raw: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    crate::engine::image::decompress(raw)
}

/// Reads what gzip wrote, or anything else as it is.
#[cfg(not(target_os = "linux"))]
pub(super) fn decompress<'a>(raw: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    use std::io::BufRead;
    let mut raw = io::BufReader::new(raw);
    Ok(if raw.fill_buf()?.starts_with(&[0x1f, 0x8b]) { Box::new(flate2::bufread::MultiGzDecoder::new(raw)) } else { Box::new(raw) })
}

#[cfg(test)]
mod tests {
    use super::safe_start;

    #[test]
    fn names_lose_what_leads_out_of_the_folder() {
        for (name, safe) in [
            ("a/b", "a/b"),
            ("./a", "./a"),
            ("/etc/passwd", "etc/passwd"),
            ("../x", "x"),
            ("../..//../x/", "x/"),
            ("a/../../x", "x"),
            ("a/..", ""),
            ("..", ""),
            ("..x/y..", "..x/y.."),
        ] {
            assert_eq!(&name[safe_start(name.as_bytes())..], safe, "{name}");
        }
    }
}
