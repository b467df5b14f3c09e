//! A transfer of files the other way: the engine tells of all that is in a folder, and the client asks for what it wants of it.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::messages::session::{Packet, Stat, kind};
use super::offers::{Machine, PIECE};
use super::session::Answer;
use super::stream::{Outgoing, read};
use super::transfer::{FOLDER, LINK, SPECIAL};
use crate::engine::build::BuildError;

/// As deep as folders may be nested.
const DEPTH_MAX: usize = 512;

/// Files that go out.
pub struct Sender<'a> {
    machine: &'a Machine,
    out: Outgoing,
    answer: Answer,
    /// The files with content, by their numbers.
    files: Vec<Option<PathBuf>>,
    bytes: u64,
    progress: &'a dyn Fn(u64),
}

impl<'a> Sender<'a> {
    pub fn new(machine: &'a Machine, out: Outgoing, answer: Answer, progress: &'a dyn Fn(u64)) -> Sender<'a> {
        Sender { machine, out, answer, files: Vec::new(), bytes: 0, progress }
    }

    /// Sends all below `root`. No link is followed.
    pub fn send(mut self, root: &Path) -> Result<(), BuildError> {
        let done = self.tell_folder(root, "", 0).and_then(|()| {
            self.packet(Packet { kind: kind::STAT, ..Packet::default() })?;
            self.serve()
        });
        if let Err(e) = &done {
            // The client is told, if it still listens.
            let _ = self.packet(Packet { kind: kind::ERROR, data: Bytes::from(e.message.clone()), ..Packet::default() });
        }
        done
    }

    fn packet(&mut self, packet: Packet) -> Result<(), BuildError> {
        self.bytes += prost::Message::encoded_len(&packet) as u64;
        (self.progress)(self.bytes);
        self.machine.wait(self.out.message(&packet))
    }

    fn tell_folder(&mut self, folder: &Path, path: &str, depth: usize) -> Result<(), BuildError> {
        let failed = |e: std::io::Error| BuildError::new(format!("cannot read /{path}: {e}"));
        if depth > DEPTH_MAX {
            return Err(BuildError::new(format!("folders are nested too deep at /{path}")));
        }
        let mut names: Vec<_> =
            fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>().map_err(failed)?;
        names.sort();
        for name in names {
            // The protocol has no other names.
            let Some(name) = name.to_str() else { continue };
            let (place, path) = (folder.join(name), if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") });
            let metadata = fs::symlink_metadata(&place).map_err(failed)?;
            let Some(stat) = stat(&place, &path, &metadata) else { continue };
            self.packet(Packet { kind: kind::STAT, stat: Some(stat), ..Packet::default() })?;
            self.files.push(metadata.is_file().then(|| place.clone()));
            if metadata.is_dir() {
                self.tell_folder(&place, &path, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Gives what is asked for until the client has all.
    fn serve(&mut self) -> Result<(), BuildError> {
        loop {
            let Some(bytes) = self.machine.wait(self.answer.bytes())? else {
                return Err(BuildError::new("the client ended the transfer of files too early"));
            };
            let packet: Packet = read(bytes).map_err(|status| BuildError::new(status.0.message))?;
            match packet.kind {
                kind::REQUEST => self.content(packet.id)?,
                kind::END => {
                    self.packet(Packet { kind: kind::END, ..Packet::default() })?;
                    let _ = self.out.end();
                    // Its last word is whether all is well there.
                    while self.machine.wait(self.answer.bytes())?.is_some() {}
                    return Ok(());
                }
                kind::ERROR => return Err(BuildError::new(format!("error from receiver: {}", String::from_utf8_lossy(&packet.data)))),
                _ => {}
            }
        }
    }

    fn content(&mut self, id: u32) -> Result<(), BuildError> {
        let file = usize::try_from(id).ok().and_then(|at| self.files.get(at)?.clone());
        let file = file.ok_or_else(|| BuildError::new(format!("invalid file id {id}")))?;
        let failed = |e: std::io::Error| BuildError::new(format!("cannot read {}: {e}", file.display()));
        let mut content = File::open(&file).map_err(failed)?;
        let mut buffer = vec![0; PIECE];
        loop {
            let count = content.read(&mut buffer).map_err(failed)?;
            self.packet(Packet { kind: kind::DATA, id, data: Bytes::copy_from_slice(&buffer[..count]), ..Packet::default() })?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

/// A file as it is told of; `None` for what is neither file nor folder nor link.
fn stat(place: &Path, path: &str, metadata: &Metadata) -> Option<Stat> {
    let special = SPECIAL.iter().filter(|(_, bit)| metadata.mode() & bit != 0).map(|(go, _)| go).sum::<u32>();
    let mut stat = Stat {
        path: path.to_owned(),
        mode: metadata.mode() & 0o777 | special,
        uid: metadata.uid(),
        gid: metadata.gid(),
        modified: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        ..Stat::default()
    };
    if metadata.is_dir() {
        stat.mode |= FOLDER;
    } else if metadata.is_symlink() {
        stat.mode |= LINK;
        stat.link = fs::read_link(place).ok()?.to_str()?.to_owned();
    } else if metadata.is_file() {
        stat.size = i64::try_from(metadata.len()).ok()?;
    } else {
        return None;
    }
    Some(stat)
}
