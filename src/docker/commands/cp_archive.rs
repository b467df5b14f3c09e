//! Packs files for `docker cp` and unpacks what comes from a container, which is not trusted: nothing is written outside of the target.

use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;

use rustix::fs::FileType;

use super::tar_entry;
use crate::docker::failure::Failure;
use crate::units::go_words;

/// What is to be sent: a file or folder, under a name.
pub struct Pack {
    pub source: PathBuf,
    /// The name in the archive; `.` for what a folder holds.
    pub name: String,
    /// Whether a symbolic link named on the command line stands for its target.
    pub follow: bool,
}

impl Pack {
    /// Packs on a thread of its own; gives the chunks, and the thread, which gives how many bytes there were.
    pub fn start(self) -> (mpsc::Receiver<std::io::Result<Bytes>>, std::thread::JoinHandle<Result<u64, Failure>>) {
        let (sender, receiver) = mpsc::channel(4);
        let thread = std::thread::spawn(move || {
            let mut sink = Chunked { sender, total: 0, held: Vec::new() };
            match self.write(&mut sink) {
                Ok(()) => Ok(sink.total),
                Err(e) => {
                    let failure = Failure::from(std::io::Error::new(e.kind(), e.to_string()));
                    let _ = sink.sender.blocking_send(Err(e));
                    Err(failure)
                }
            }
        });
        (receiver, thread)
    }

    fn write(&self, sink: &mut Chunked) -> std::io::Result<()> {
        let mut tar = tar::Builder::new(&mut *sink);
        tar.follow_symlinks(false);
        let meta = if self.follow { self.source.metadata()? } else { self.source.symlink_metadata()? };
        append_all(&mut tar, Path::new(&self.name), &self.source, &meta)?;
        tar.finish()?;
        drop(tar);
        sink.flush()
    }
}

/// Adds a file, or a folder and all that is in it.
fn append_all(tar: &mut tar::Builder<&mut Chunked>, name: &Path, source: &Path, meta: &std::fs::Metadata) -> std::io::Result<()> {
    // It went meanwhile, or may not be read: that is told with its name.
    let named = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {}", source.display(), go_words(&e)));
    tar_entry::append(tar, name, source, meta).map_err(named)?;
    if !meta.is_dir() {
        return Ok(());
    }
    let mut names: Vec<_> =
        std::fs::read_dir(source).and_then(|all| all.map(|entry| entry.map(|e| e.file_name())).collect()).map_err(named)?;
    names.sort();
    for entry in names {
        let below = source.join(&entry);
        match below.symlink_metadata() {
            Ok(meta) => append_all(tar, &name.join(&entry), &below, &meta)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(named(e)),
        }
    }
    Ok(())
}

/// A writer whose bytes become chunks of a request.
struct Chunked {
    sender: mpsc::Sender<std::io::Result<Bytes>>,
    total: u64,
    held: Vec<u8>,
}

impl Write for Chunked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= 64 * 1024 {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.held));
        self.total += chunk.len() as u64;
        self.sender.blocking_send(Ok(chunk)).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}

/// Unpacks into `folder`; `name` takes the place of the first name of each path. Gives how many bytes the archive had.
pub fn unpack(source: impl Read, folder: &Path, name: Option<&str>) -> Result<u64, Failure> {
    let mut counted = Counted { source, total: 0 };
    let mut archive = tar::Archive::new(&mut counted);
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(target) = target_of(folder, &path, name)? else { continue };
        entry.set_preserve_permissions(true);
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            // A folder takes the place of a link, as with Docker's client: what the link leads to is none of the archive's.
            if target.is_symlink() {
                std::fs::remove_file(&target).map_err(|e| named(&target, &e))?;
            }
            if !target.is_dir() {
                std::fs::create_dir(&target).map_err(|e| named(&target, &e))?;
            }
            folders.push((target, entry.header().mode().unwrap_or(0o755)));
        } else if kind.is_hard_link() {
            let link = entry.link_name()?.unwrap_or_default().into_owned();
            let Some(origin) = target_of(folder, &link, name)? else { continue };
            let _ = std::fs::remove_file(&target);
            std::fs::hard_link(&origin, &target).map_err(|e| named(&target, &e))?;
        } else {
            if target.is_dir() && !target.is_symlink() {
                return Err(Failure::new(format!("cannot overwrite directory {} with non-directory", target.display())));
            }
            if matches!(kind, tar::EntryType::Fifo | tar::EntryType::Char | tar::EntryType::Block) {
                make_node(entry.header(), &target).map_err(|e| named(&target, &e))?;
            } else {
                entry.unpack(&target).map_err(|e| named(&target, &e))?;
            }
        }
    }
    // Modes of folders come last: one that may not be written could not be filled.
    for (folder, mode) in folders.into_iter().rev().filter(|(folder, _)| !folder.is_symlink()) {
        let _ = std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(mode & 0o7777));
    }
    std::io::copy(&mut counted, &mut std::io::sink())?;
    Ok(counted.total)
}

/// Makes a pipe or a device, which only root may.
fn make_node(header: &tar::Header, target: &Path) -> std::io::Result<()> {
    let kind = match header.entry_type() {
        tar::EntryType::Fifo => FileType::Fifo,
        tar::EntryType::Char => FileType::CharacterDevice,
        _ => FileType::BlockDevice,
    };
    let device = rustix::fs::makedev(header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0));
    if target.symlink_metadata().is_ok() {
        std::fs::remove_file(target)?;
    }
    rustix::fs::mknodat(rustix::fs::CWD, target, kind, rustix::fs::Mode::empty(), device)?;
    std::fs::set_permissions(target, std::os::unix::fs::PermissionsExt::from_mode(header.mode()? & 0o7777))
}

fn named(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {}", path.display(), go_words(error)))
}

/// The place of an entry: below `folder`, through no symbolic link; `None` for the folder itself.
fn target_of(folder: &Path, path: &Path, name: Option<&str>) -> Result<Option<PathBuf>, Failure> {
    let outside = || Failure::new(format!("the archive holds a path that leads outside: {}", path.display()));
    let mut parts: Vec<_> = Vec::new();
    for (i, part) in path.components().enumerate() {
        match part {
            Component::Normal(part) if i == 0 => parts.push(name.map_or(part, std::ffi::OsStr::new)),
            Component::Normal(part) => parts.push(part),
            Component::CurDir | Component::RootDir => parts.extend(name.filter(|_| i == 0).map(std::ffi::OsStr::new)),
            Component::ParentDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    let Some((last, folders)) = parts.split_last() else { return Ok(None) };
    let mut place = folder.to_owned();
    for part in folders {
        place.push(part);
        if place.is_symlink() {
            return Err(outside());
        }
    }
    Ok(Some(place.join(last)))
}

struct Counted<R> {
    source: R,
    total: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.total += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_outside() {
        let dir = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink("/", dir.path().join("link")).expect("a link");
        assert!(target_of(dir.path(), Path::new("../x"), None).is_err());
        assert!(target_of(dir.path(), Path::new("link/x"), None).is_err());
        assert_eq!(target_of(dir.path(), Path::new("a/b"), Some("c")).ok().flatten(), Some(dir.path().join("c/b")));
    }

    #[test]
    fn no_mode_is_changed_through_a_link() {
        let mode_of = |path: &Path| std::os::unix::fs::MetadataExt::mode(&path.metadata().expect("it is there")) & 0o777;
        let dir = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        let before = mode_of(outside.path());
        let mut tar = tar::Builder::new(Vec::new());
        let mut add = |kind: tar::EntryType| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o777);
            header.set_size(0);
            match kind {
                tar::EntryType::Symlink => tar.append_link(&mut header, "a", outside.path()).expect("an entry"),
                _ => tar.append_data(&mut header, "a", std::io::empty()).expect("an entry"),
            }
        };
        add(tar::EntryType::Symlink);
        add(tar::EntryType::Directory);
        let tar = tar.into_inner().expect("an archive");
        unpack(&tar[..], dir.path(), None).map_err(|e| e.text).expect("unpacked");
        assert_eq!(mode_of(outside.path()), before);
        assert!(!dir.path().join("a").is_symlink());
    }
}
