//! The side that has the files.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Exchange, FOLDER, LINK, PIECE, SPECIAL, is_attribute, of, told, too_early};
use crate::buildkit::messages::session::{Packet, Stat, kind};
use crate::buildkit::status::Status;
use crate::units::go_words;

/// As much as the names, or one value, of a file's extended attributes are.
const ATTRIBUTES_MAX: usize = 64 << 10;

/// As deep as folders may be nested.
const DEPTH_MAX: usize = 512;

/// Which files of a folder are sent. Paths are relative to it.
pub trait Choice {
    fn takes(&self, path: &str) -> bool;

    /// Whether something in a folder that is not taken itself may be.
    fn enters(&self, folder: &str) -> bool;
}

/// All files.
pub struct Everything;

impl Choice for Everything {
    fn takes(&self, _: &str) -> bool {
        true
    }

    fn enters(&self, _: &str) -> bool {
        true
    }
}

/// Whose the files are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Those whose they are.
    Kept,
    /// Root's.
    Root,
}

/// What a file that was told of holds.
#[derive(Clone, Debug)]
pub enum Content {
    Disk(PathBuf),
    Memory(Bytes),
}

/// Sends what is chosen of all below `root`. No link is followed.
pub fn send_folder(exchange: Exchange<'_>, root: &Path, choice: &dyn Choice, owner: Owner) -> Result<(), Status> {
    Sender::new(exchange).send(|sender| Walk { sender, choice, owner, above: Vec::new(), links: HashMap::new() }.folder(root, "", 0))
}

/// Sends all of several folders, each below a folder of the name that stands before it, where it has one; all of it as if it were of `time`
/// (in seconds) where one is given.
pub fn send_folders(exchange: Exchange<'_>, roots: &[(String, PathBuf)], time: Option<u64>) -> Result<(), Status> {
    let time = time.and_then(|seconds| i64::try_from(seconds).ok()).map(|seconds| seconds.saturating_mul(1_000_000_000));
    Sender { time, ..Sender::new(exchange) }.send(|sender| {
        for (name, root) in roots {
            if !name.is_empty() {
                let metadata = fs::symlink_metadata(root.join(".")).map_err(|e| failed("lstat", root, &e))?;
                if let Some(stat) = stat(root, name, &metadata, Owner::Kept)? {
                    sender.tell(stat, None)?;
                }
            }
            Walk { sender: &mut *sender, choice: &Everything, owner: Owner::Kept, above: Vec::new(), links: HashMap::new() }
                .folder(root, name, 0)?;
        }
        Ok(())
    })
}

/// Sends one file; `None` for a folder without any.
pub fn send_file(exchange: Exchange<'_>, file: Option<(Stat, Bytes)>) -> Result<(), Status> {
    Sender::new(exchange).send(|sender| match file {
        Some((stat, content)) => sender.tell(stat, Some(Content::Memory(content))),
        None => Ok(()),
    })
}

/// One transfer.
struct Sender<'a> {
    exchange: Exchange<'a>,
    /// The files with content, by their numbers.
    files: Vec<Option<Content>>,
    bytes: u64,
    /// The time that all seems to be of, in nanoseconds, in place of each file's own.
    time: Option<i64>,
}

impl<'a> Sender<'a> {
    fn new(exchange: Exchange<'a>) -> Sender<'a> {
        Sender { exchange, files: Vec::new(), bytes: 0, time: None }
    }

    fn send(mut self, tell: impl FnOnce(&mut Sender<'a>) -> Result<(), Status>) -> Result<(), Status> {
        let done = tell(&mut self).and_then(|()| {
            self.put(&of(kind::STAT))?;
            self.serve()
        });
        if let Err(e) = &done {
            // The other side is told, if it still listens.
            let _ = self.put(&Packet { data: Bytes::from(e.0.message.clone()), ..of(kind::ERROR) });
        }
        done
    }

    fn put(&mut self, packet: &Packet) -> Result<(), Status> {
        self.bytes += prost::Message::encoded_len(packet) as u64;
        (self.exchange.progress)(self.bytes);
        self.exchange.put(packet)
    }

    fn tell(&mut self, mut stat: Stat, content: Option<Content>) -> Result<(), Status> {
        stat.modified = self.time.unwrap_or(stat.modified);
        self.put(&told(stat))?;
        self.files.push(content);
        Ok(())
    }

    /// Gives what is asked for until the other side has all.
    fn serve(&mut self) -> Result<(), Status> {
        loop {
            let (packet, _) = self.exchange.take()?.ok_or_else(too_early)?;
            match packet.kind {
                kind::REQUEST => self.content(packet.id)?,
                kind::END => {
                    self.put(&of(kind::END))?;
                    return self.exchange.finish();
                }
                kind::ERROR => return Err(Status::unknown(format!("error from receiver: {}", String::from_utf8_lossy(&packet.data)))),
                _ => {}
            }
        }
    }

    fn content(&mut self, id: u32) -> Result<(), Status> {
        let content = usize::try_from(id).ok().and_then(|at| self.files.get(at)?.clone());
        let content = content.ok_or_else(|| Status::unknown(format!("invalid file id {id}")))?;
        match content {
            Content::Memory(bytes) => self.pieces(id, &bytes[..], Path::new("")),
            Content::Disk(file) => {
                let opened = File::open(&file).map_err(|e| failed("open", &file, &e))?;
                self.pieces(id, opened, &file)
            }
        }
    }

    fn pieces(&mut self, id: u32, mut content: impl Read, file: &Path) -> Result<(), Status> {
        let mut buffer = vec![0; PIECE];
        loop {
            let mut count = 0;
            // Pieces are as long as they may be: their number is seen by those who count bytes.
            while count < PIECE {
                match content.read(&mut buffer[count..]).map_err(|e| failed("read", file, &e))? {
                    0 => break,
                    more => count += more,
                }
            }
            self.put(&Packet { id, data: Bytes::copy_from_slice(&buffer[..count]), ..of(kind::DATA) })?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

impl Exchange<'_> {
    /// Says no more, and hears the other side's last word.
    fn finish(&mut self) -> Result<(), Status> {
        if self.inbound.is_answer() {
            let _ = self.out.end();
            self.end()?;
        }
        Ok(())
    }
}

/// A walk through a folder.
struct Walk<'a, 'b> {
    sender: &'a mut Sender<'b>,
    choice: &'a dyn Choice,
    owner: Owner,
    /// Folders above that have not been told of, for nothing in them was chosen so far.
    above: Vec<Stat>,
    /// The first of the names that a file has, by its device and inode.
    links: HashMap<(u64, u64), String>,
}

impl Walk<'_, '_> {
    fn folder(&mut self, folder: &Path, path: &str, depth: usize) -> Result<(), Status> {
        let cannot = |e: std::io::Error| failed("open", folder, &e);
        if depth > DEPTH_MAX {
            return Err(Status::unknown(format!("folders are nested too deep at {}", folder.display())));
        }
        let mut names: Vec<_> =
            fs::read_dir(folder).map_err(cannot)?.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>().map_err(cannot)?;
        names.sort();
        for name in names {
            let shown = name.to_string_lossy();
            let (place, path) = (folder.join(&name), if path.is_empty() { shown.clone().into_owned() } else { format!("{path}/{shown}") });
            let metadata = match fs::symlink_metadata(&place) {
                Ok(metadata) => metadata,
                // It went meanwhile.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(failed("lstat", &place, &e)),
            };
            let taken = self.choice.takes(&path);
            let entered = metadata.is_dir() && self.choice.enters(&path);
            if !taken && !entered {
                continue;
            }
            if name.to_str().is_none() {
                return Err(not_utf8("the name", &place));
            }
            let Some(mut stat) = stat(&place, &path, &metadata, self.owner)? else { continue };
            if taken && metadata.is_file() && metadata.nlink() > 1 {
                let first = self.links.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.clone());
                if *first != path {
                    stat.link.clone_from(first);
                    stat.size = 0;
                }
            }
            let waiting = self.above.len();
            if taken {
                for stat in self.above.drain(..) {
                    self.sender.tell(stat, None)?;
                }
                let content = match () {
                    () if metadata.is_file() => Some(Content::Disk(place.clone())),
                    () if metadata.file_type().is_socket() => Some(Content::Memory(Bytes::new())),
                    () => None,
                };
                self.sender.tell(stat, content)?;
            } else {
                self.above.push(stat);
            }
            if metadata.is_dir() {
                self.folder(&place, &path, depth + 1)?;
                self.above.truncate(waiting);
            }
        }
        Ok(())
    }
}

/// The protocol has no other texts. A file must not be left out without a word.
fn not_utf8(what: &str, place: &Path) -> Status {
    Status::unknown(format!("{what} of {} is not in UTF-8, as files of a build must be", place.display()))
}

fn failed(what: &str, file: &Path, error: &std::io::Error) -> Status {
    Status::unknown(format!("{what} {}: {}", file.display(), go_words(error)))
}

/// A file as it is told of; `None` for what is neither file nor folder nor link. A socket is told of as an empty file.
fn stat(place: &Path, path: &str, metadata: &Metadata, owner: Owner) -> Result<Option<Stat>, Status> {
    let special = SPECIAL.iter().filter(|(_, bit)| metadata.mode() & bit != 0).map(|(go, _)| go).sum::<u32>();
    let (uid, gid) = if owner == Owner::Root { (0, 0) } else { (metadata.uid(), metadata.gid()) };
    let mut stat = Stat {
        path: path.to_owned(),
        mode: metadata.mode() & 0o777 | special,
        uid,
        gid,
        modified: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        ..Stat::default()
    };
    if metadata.is_dir() {
        stat.mode |= FOLDER;
    } else if metadata.is_symlink() {
        stat.mode |= LINK;
        let target = match fs::read_link(place) {
            Ok(target) => target,
            // It went meanwhile.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed("readlink", place, &e)),
        };
        stat.link = target.to_str().ok_or_else(|| not_utf8("the target", place))?.to_owned();
    } else if metadata.is_file() {
        stat.size = i64::try_from(metadata.len()).unwrap_or(i64::MAX);
    } else if !metadata.file_type().is_socket() {
        return Ok(None);
    }
    if !metadata.is_symlink() {
        stat.attributes = attributes(place);
    }
    Ok(Some(stat))
}

/// The extended attributes of a file that mean something elsewhere, too.
fn attributes(place: &Path) -> HashMap<String, Vec<u8>> {
    let mut names = vec![0; ATTRIBUTES_MAX];
    // A file system without any has none to send.
    let Ok(length) = rustix::fs::llistxattr(place, &mut names) else { return HashMap::new() };
    let names = names[..length].split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    let wanted = names.filter(|name| is_attribute(name));
    wanted
        .filter_map(|name| {
            let mut value = vec![0; ATTRIBUTES_MAX];
            let length = rustix::fs::lgetxattr(place, name, &mut value).ok()?;
            value.truncate(length);
            Some((name.to_owned(), value))
        })
        .collect()
}
