//! `md5sum`, `sha1sum`, `sha256sum`, `sha512sum`: digests of files, and checking of lists of them.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    process::ExitCode,
};

use sha2::{Digest, Sha256, Sha512};

use super::applets::Args;
use super::options::Options;
use crate::units::c_words;

/// `md5sum [-c[sw]] [FILE]…`, and the same with the others' names.
pub fn main(args: Args) -> ExitCode {
    let name = super::applets::applet_name(args.first());
    let (digest, title): (fn(&mut dyn Read) -> io::Result<String>, _) = match name.as_str() {
        "md5sum" => (digest::<md5::Md5>, "MD5"),
        "sha1sum" => (digest::<sha1::Sha1>, "SHA1"),
        "sha512sum" => (digest::<Sha512>, "SHA512"),
        _ => (digest::<Sha256>, "SHA256"),
    };
    let usage = format!(
        "Usage: {name} [-c[sw]] [FILE]...\n\nPrint or check {title} checksums\n\n\t-c\tCheck sums against list in FILEs\n\
         \t-s\tDon't output anything, status code shows success\n\t-w\tWarn about improperly formatted checksum lines"
    );
    // Text and binary are the same here; scripts written for GNU's commands say which.
    let long = [("check", 'c'), ("status", 's'), ("warn", 'w'), ("binary", 'b'), ("text", 't')];
    let mut options = match Options::read(args, "cswbt", &long, &usage) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if !options.has('c') && (options.has('s') || options.has('w')) {
        eprintln!("{usage}");
        return ExitCode::FAILURE;
    }
    if options.words.is_empty() {
        options.words.push("-".into());
    }
    let sums = Sums { digest, options: &options };
    let mut failed = false;
    for file in &options.words {
        failed |= !if options.has('c') { sums.check(file) } else { sums.print(file) };
    }
    ExitCode::from(u8::from(failed))
}

struct Sums<'a> {
    digest: fn(&mut dyn Read) -> io::Result<String>,
    options: &'a Options,
}

impl Sums<'_> {
    fn print(&self, file: &OsStr) -> bool {
        let sum = self.of(file);
        if let Some(sum) = &sum {
            println!("{sum}  {}", file.display());
        }
        sum.is_some()
    }

    /// A file's digest; why there is none has been said.
    fn of(&self, file: &OsStr) -> Option<String> {
        let name = &self.options.name;
        let mut input: Box<dyn Read> = match open(file) {
            Ok(input) => input,
            Err(error) => {
                eprintln!("{name}: can't open '{}': {}", file.display(), c_words(&error));
                return None;
            }
        };
        (self.digest)(&mut input).map_err(|error| eprintln!("{name}: can't read '{}': {}", file.display(), c_words(&error))).ok()
    }

    /// Whether all that a list says is so.
    fn check(&self, list: &OsStr) -> bool {
        let name = &self.options.name;
        let list_of = match open(list) {
            Ok(input) => BufReader::new(input),
            Err(error) => {
                eprintln!("{name}: {}: {}", list.display(), c_words(&error));
                return false;
            }
        };
        let (mut total, mut wrong, silent) = (0, 0, self.options.has('s'));
        for line in list_of.split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            total += 1;
            let Some((expected, file)) = line.split_once("  ").or_else(|| line.split_once(" *")) else {
                if self.options.has('w') {
                    eprintln!("{name}: invalid format");
                }
                wrong += 1;
                continue;
            };
            let same = self.of(OsStr::new(file)).is_some_and(|sum| sum.eq_ignore_ascii_case(expected));
            wrong += i32::from(!same);
            if !silent {
                println!("{file}: {}", if same { "OK" } else { "FAILED" });
            }
        }
        if wrong > 0 && !silent {
            eprintln!("{name}: WARNING: {wrong} of {total} computed checksums did NOT match");
        }
        if total == 0 {
            eprintln!("{name}: {}: no checksums found", list.display());
        }
        wrong == 0 && total > 0
    }
}

fn open(file: &OsStr) -> io::Result<Box<dyn Read>> {
    Ok(if file == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(file)?) })
}

fn digest<D: Digest>(input: &mut dyn Read) -> io::Result<String> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
