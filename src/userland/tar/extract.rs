//! Listing and unpacking archives.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs as unix, fs::OpenOptionsExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps};
use tar::{Archive, Entry, EntryType};

use super::super::proc::{group_id, user_id};
use super::{Job, NO_PERMISSIONS, NUMERIC, STRIP, trimmed};
use crate::units::c_words;

/// A link that leads out of the folder, to be made when all else is there.
struct Late {
    name: PathBuf,
    target: PathBuf,
    hard: bool,
}

/// Lists the archive in `raw` or unpacks it, as `job` says.
pub(super) fn read(job: &mut Job, raw: Box<dyn Read>) -> Result<ExitCode, String> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "short read".to_owned(),
        _ if error.raw_os_error().is_some() => c_words(&error),
        // What the crate says of an archive that ends too early or of bytes that are none.
        _ if error.to_string().contains("unexpected EOF") || error.to_string().contains("entire block") => "short read".to_owned(),
        _ => "invalid tar magic".to_owned(),
    };
    let strip = match job.options.value(STRIP).map(|value| (value, value.to_str().and_then(|text| text.parse::<usize>().ok()))) {
        None => 0,
        Some((_, Some(count))) => count,
        Some((value, None)) => return Err(format!("invalid number '{}'", value.display())),
    };
    let plain = super::decompress(raw).map_err(failed)?;
    let mut archive = Archive::new(Seen { inner: plain, any: false });
    let mut found = vec![false; job.names.len()];
    let (mut late, mut code) = (vec![], ExitCode::SUCCESS);
    let mut ended = Ok(());
    for entry in archive.entries().map_err(failed)? {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                ended = Err(failed(error));
                break;
            }
        };
        let whole = entry.path_bytes().into_owned();
        let name = job.safe(&whole).to_vec();
        if name.is_empty() || job.is_excluded(&name) || !is_wanted(job, &name, &mut found) {
            continue;
        }
        if job.options.has('v') {
            println!("{}", line(&entry, &name, job));
        } else if job.options.has('t') {
            println!("{}", String::from_utf8_lossy(&name));
        }
        if job.options.has('t') {
            continue;
        }
        if job.options.has('O') {
            if entry.header().entry_type().is_file() {
                io::copy(&mut entry, &mut io::stdout().lock()).map_err(failed)?;
            }
            continue;
        }
        let Some(name) = without_first(&name, strip) else { continue };
        unpack(job, &mut entry, Path::new(OsStr::from_bytes(name)), &mut late)?;
    }
    for link in late {
        let made = if link.hard { fs::hard_link(&link.target, &link.name) } else { unix::symlink(&link.target, &link.name) };
        if made.is_err() {
            let kind = if link.hard { "hard" } else { "sym" };
            eprintln!("tar: can't create {kind}link '{}' to '{}'", link.name.display(), link.target.display());
            code = ExitCode::FAILURE;
        }
    }
    ended?;
    if !archive.into_inner().any {
        return Err("short read".into());
    }
    if let Some(index) = found.iter().position(|found| !found) {
        return Err(format!("{}: not found in archive", String::from_utf8_lossy(&job.names[index])));
    }
    Ok(code)
}

/// Whether a name is one that was asked for or below it; which were met is noted.
fn is_wanted(job: &Job, name: &[u8], found: &mut [bool]) -> bool {
    let mut wanted = job.names.is_empty();
    for (asked, found) in job.names.iter().zip(found) {
        let asked = trimmed(asked);
        if trimmed(name).strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")) {
            (wanted, *found) = (true, true);
        }
    }
    wanted
}

/// A name without its first `count` parts; nothing when it has no more.
fn without_first(name: &[u8], count: usize) -> Option<&[u8]> {
    let mut rest = name;
    for _ in 0..count {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        rest = &rest[slash + 1..];
    }
    (!rest.is_empty()).then_some(rest)
}

/// A line of the listing: the name alone when unpacking, all about it in `tar tv`.
fn line(entry: &Entry<'_, impl Read>, name: &[u8], job: &Job) -> String {
    let name = String::from_utf8_lossy(name);
    if !job.options.has('t') {
        return name.into_owned();
    }
    let header = entry.header();
    let mode = header.mode().unwrap_or(0);
    let kind = match header.entry_type() {
        EntryType::Directory => 'd',
        EntryType::Symlink => 'l',
        EntryType::Fifo => 'p',
        EntryType::Char => 'c',
        EntryType::Block => 'b',
        _ => '-',
    };
    let mut letters: Vec<char> = "rwxrwxrwx".chars().enumerate().map(|(at, c)| if mode & (0o400 >> at) != 0 { c } else { '-' }).collect();
    for (bit, at, letter) in [(0o4000, 2, 's'), (0o2000, 5, 's'), (0o1000, 8, 't')] {
        if mode & bit != 0 {
            letters[at] = if letters[at] == 'x' { letter } else { letter.to_ascii_uppercase() };
        }
    }
    let owner = |name: Option<&str>, id: io::Result<u64>| match name.filter(|name| !name.is_empty() && !job.options.has(NUMERIC)) {
        Some(name) => name.to_owned(),
        None => id.unwrap_or(0).to_string(),
    };
    let (user, group) = (owner(header.username().ok().flatten(), header.uid()), owner(header.groupname().ok().flatten(), header.gid()));
    let time = jiff::Timestamp::from_second(header.mtime().unwrap_or(0).try_into().unwrap_or(0)).unwrap_or_default();
    let time = time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S");
    let link = entry.link_name_bytes().map(|to| format!(" -> {}", String::from_utf8_lossy(&to))).unwrap_or_default();
    let letters: String = letters.into_iter().collect();
    format!("{kind}{letters} {user}/{group} {:>9} {time} {name}{link}", entry.size())
}

/// Makes what an entry says at `name`; links that lead out of the folder go to `late`.
fn unpack(job: &Job, entry: &mut Entry<'_, impl Read>, name: &Path, late: &mut Vec<Late>) -> Result<(), String> {
    let fail = |what: &str, error: &io::Error| format!("can't {what} '{}': {}", name.display(), c_words(error));
    let kind = entry.header().entry_type();
    if let Some(parent) = name.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).create(parent).map_err(|error| fail("create directory", &error))?;
    }
    if !kind.is_dir() && !job.options.has('k') {
        match fs::remove_file(name) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound) => return Err(fail("remove old file", &error)),
            _ => {}
        }
    }
    if kind.is_symlink() || kind.is_hard_link() {
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let leads_out = target.starts_with(b"/") || target.split(|byte| *byte == b'/').any(|part| part == b"..");
        let target = PathBuf::from(OsStr::from_bytes(&target));
        let link = Late { name: name.to_owned(), target, hard: kind.is_hard_link() };
        if leads_out {
            late.push(link);
            return Ok(());
        }
        let made = if link.hard { fs::hard_link(&link.target, name) } else { unix::symlink(&link.target, name) };
        let which = if link.hard { "hard" } else { "sym" };
        made.map_err(|error| format!("can't create {which}link '{}' to '{}': {}", name.display(), link.target.display(), c_words(&error)))?;
        return if link.hard { Ok(()) } else { finish(job, entry, name, true) };
    }
    let mode = entry.header().mode().unwrap_or(0o644);
    if kind.is_dir() {
        match fs::create_dir(name) {
            Err(error) if !(error.kind() == io::ErrorKind::AlreadyExists && name.is_dir()) => return Err(fail("make dir", &error)),
            _ => {}
        }
        // What stands there may be a link to a folder elsewhere, whose mode is not ours to change.
        return if fs::symlink_metadata(name).is_ok_and(|meta| meta.is_dir()) { finish(job, entry, name, false) } else { Ok(()) };
    }
    if kind.is_fifo() || kind.is_character_special() || kind.is_block_special() {
        let number = |part: io::Result<Option<u32>>| part.ok().flatten().unwrap_or(0);
        let device = rustix::fs::makedev(number(entry.header().device_major()), number(entry.header().device_minor()));
        let file = match kind {
            EntryType::Char => FileType::CharacterDevice,
            EntryType::Block => FileType::BlockDevice,
            _ => FileType::Fifo,
        };
        rustix::fs::mknodat(CWD, name, file, Mode::from_raw_mode(mode & 0o777), device)
            .map_err(|error| format!("can't create node {}: {}", name.display(), c_words(&error.into())))?;
        return finish(job, entry, name, false);
    }
    if !kind.is_file() && !kind.is_contiguous() && !kind.is_gnu_sparse() {
        return Err(format!("unrecognized file type: 0x{:x}", u32::from(kind.as_byte())));
    }
    // Nobody has anything at this name any more; made anew, so that no link that is put there meanwhile is followed.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o700 | 0o600).open(name).map_err(|e| fail("open", &e))?;
    io::copy(entry, &mut file).map_err(|error| match error.raw_os_error() {
        Some(_) => fail("write", &error),
        None => "short read".into(),
    })?;
    finish(job, entry, name, false)
}

/// Owner, mode and time of what has been made. Like BusyBox, nothing is said of an owner that cannot be given.
fn finish(job: &Job, entry: &Entry<'_, impl Read>, name: &Path, link: bool) -> Result<(), String> {
    let header = entry.header();
    if !job.options.has('o') && rustix::process::geteuid().is_root() {
        let known = |name: Option<&str>, id: fn(&str) -> Option<u32>| name.filter(|_| !job.options.has(NUMERIC)).and_then(id);
        let number = |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok());
        let user = known(header.username().ok().flatten(), user_id).or_else(|| number(header.uid()));
        let group = known(header.groupname().ok().flatten(), group_id).or_else(|| number(header.gid()));
        let _ = unix::lchown(name, user, group);
    }
    if !link && let Ok(mode) = header.mode() {
        let keep = if job.options.has(NO_PERMISSIONS) { 0o777 & !umask() } else { 0o7777 };
        fs::set_permissions(name, fs::Permissions::from_mode(mode & keep))
            .map_err(|error| format!("can't set permissions of '{}': {}", name.display(), c_words(&error)))?;
    }
    if !job.options.has('m')
        && let Ok(time) = header.mtime()
    {
        let time = Timespec { tv_sec: time.try_into().unwrap_or(0), tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        let _ = rustix::fs::utimensat(CWD, name, &times, AtFlags::SYMLINK_NOFOLLOW);
    }
    Ok(())
}

fn umask() -> u32 {
    let mask = rustix::process::umask(Mode::from_raw_mode(0o022));
    rustix::process::umask(mask);
    mask.as_raw_mode()
}

/// Notes whether there was anything to read.
struct Seen<R> {
    inner: R,
    any: bool,
}

impl<R: Read> Read for Seen<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.any |= count > 0;
        Ok(count)
    }
}
