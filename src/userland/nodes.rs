//! `mknod` and `mkfifo`: files that are no files, as BusyBox makes them.

use std::ffi::OsString;
use std::process::ExitCode;

use rustix::fs::{CWD, FileType, Mode, chmod, makedev, mknodat};
use rustix::io::Errno;

use super::applets::Args;
use super::mount::words;

const MKNOD_USAGE: &str = "Usage: mknod [-m MODE] NAME TYPE [MAJOR MINOR]\n\nCreate a special file (block, character, or pipe)\n\n\t-m MODE\tCreation mode (default a=rw)\nTYPE:\n\tb\tBlock device\n\tc or u\tCharacter device\n\tp\tNamed pipe (MAJOR MINOR must be omitted)";
const MKFIFO_USAGE: &str = "Usage: mkfifo [-m MODE] NAME\n\nCreate named pipe\n\n\t-m MODE\tMode (default a=rw)";

/// `mknod [-m MODE] NAME TYPE [MAJOR MINOR]`
pub fn mknod(args: Args) -> ExitCode {
    let Some((mode, words)) = options("mknod", args) else { return ExitCode::FAILURE };
    let texts: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let made = match texts.as_slice() {
        [_, "p"] => make(&words[0], FileType::Fifo, mode, 0),
        [_, kind @ ("b" | "c" | "u"), major, minor] => {
            let number = |text: &str| {
                let number = text.parse::<u32>().ok();
                if number.is_none() {
                    eprintln!("mknod: invalid number '{text}'");
                }
                number
            };
            let (Some(major), Some(minor)) = (number(major), number(minor)) else { return ExitCode::FAILURE };
            make(&words[0], if *kind == "b" { FileType::BlockDevice } else { FileType::CharacterDevice }, mode, makedev(major, minor))
        }
        _ => return usage(MKNOD_USAGE),
    };
    told("mknod", &words[0], made)
}

/// `mkfifo [-m MODE] NAME…`
pub fn mkfifo(args: Args) -> ExitCode {
    let Some((mode, names)) = options("mkfifo", args) else { return ExitCode::FAILURE };
    if names.is_empty() {
        return usage(MKFIFO_USAGE);
    }
    let all = names.iter().map(|name| told("mkfifo", name, make(name, FileType::Fifo, mode, 0)));
    all.fold(ExitCode::SUCCESS, |code, this| if this == ExitCode::SUCCESS { code } else { this })
}

/// The mode that is asked for and the words that are left; what is wrong has been said.
fn options(name: &str, args: Args) -> Option<(Option<Mode>, Vec<OsString>)> {
    let (mut mode, mut words) = (None, Vec::new());
    let mut args = args.into_iter().skip(1);
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        let Some(value) = text.strip_prefix("-m") else {
            words.push(arg);
            continue;
        };
        let value = if value.is_empty() { args.next().unwrap_or_default().to_string_lossy().into_owned() } else { value.to_owned() };
        match uucore::mode::parse_chmod(0o666, &value, false, 0) {
            Ok(bits) => mode = Some(Mode::from_raw_mode(bits)),
            Err(_) => {
                eprintln!("{name}: invalid mode '{value}'");
                return None;
            }
        }
    }
    Some((mode, words))
}

fn make(name: &OsString, kind: FileType, mode: Option<Mode>, device: u64) -> Result<(), Errno> {
    mknodat(CWD, name, kind, mode.unwrap_or(Mode::from_raw_mode(0o666)), device)?;
    // A mode that is asked for is not for the mask to change.
    mode.map_or(Ok(()), |mode| chmod(name, mode))
}

fn told(applet: &str, name: &OsString, made: Result<(), Errno>) -> ExitCode {
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{applet}: {}: {}", name.to_string_lossy(), words(error));
            ExitCode::FAILURE
        }
    }
}

fn usage(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}
