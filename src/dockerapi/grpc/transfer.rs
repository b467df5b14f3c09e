//! A transfer of files as BuildKit has it: the sender tells of all files in order and numbers them, the receiver asks for the content
//! of those that it wants. What comes in is given on as a tar, so that it is unpacked as carefully as any archive.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use bytes::Bytes;
use tar::{Builder, EntryType, Header};

use super::messages::session::{Packet, Stat, kind};
use super::offers::Machine;
use super::session::Answer;
use super::stream::{Outgoing, read};
use crate::engine::build::BuildError;

/// As many files may be told of before their content was asked for.
const AHEAD_MAX: usize = 4 << 20;

/// The kinds of files in Go's modes.
pub const FOLDER: u32 = 1 << 31;
pub const LINK: u32 = 1 << 27;
const OTHERS: u32 = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
/// Bits of Go's modes, and what they are in a tar.
pub const SPECIAL: [(u32, u32); 3] = [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)];

/// Files that come in.
pub struct Receiver<'a> {
    machine: &'a Machine,
    out: Outgoing,
    answer: Answer,
    /// Files that were told of while content came in; `None` says that there are no more.
    ahead: VecDeque<Option<Stat>>,
    bytes: u64,
    progress: &'a dyn Fn(u64),
}

impl<'a> Receiver<'a> {
    pub fn new(machine: &'a Machine, out: Outgoing, answer: Answer, progress: &'a dyn Fn(u64)) -> Receiver<'a> {
        Receiver { machine, out, answer, ahead: VecDeque::new(), bytes: 0, progress }
    }

    /// Takes all files, and gives the number of bytes that came in.
    pub fn receive(mut self, tar: &mut dyn Write) -> Result<u64, BuildError> {
        let mut builder = Builder::new(tar);
        let mut id = 0u32;
        while let Some(stat) = self.stat()? {
            self.entry(&mut builder, &stat, id).map_err(|e| match e.downcast::<BuildError>() {
                Ok(error) => error,
                Err(e) => BuildError::new(format!("cannot take {}: {e}", stat.path)),
            })?;
            id = id.checked_add(1).ok_or_else(|| BuildError::new("there are too many files"))?;
        }
        builder.into_inner().map_err(|e| BuildError::new(e.to_string()))?;
        self.send(Packet { kind: kind::END, ..Packet::default() })?;
        while self.packet()?.is_some_and(|packet| packet.kind != kind::END) {}
        Ok(self.bytes)
    }

    fn send(&mut self, packet: Packet) -> Result<(), BuildError> {
        self.machine.wait(self.out.message(&packet))
    }

    fn packet(&mut self) -> Result<Option<Packet>, BuildError> {
        let Some(bytes) = self.machine.wait(self.answer.bytes())? else { return Ok(None) };
        self.bytes += bytes.len() as u64;
        (self.progress)(self.bytes);
        let packet: Packet = read(bytes).map_err(|status| BuildError::new(status.0.message))?;
        if packet.kind == kind::ERROR {
            return Err(BuildError::new(format!("error from sender: {}", String::from_utf8_lossy(&packet.data))));
        }
        Ok(Some(packet))
    }

    /// The next file; `None` after the last.
    fn stat(&mut self) -> Result<Option<Stat>, BuildError> {
        if let Some(stat) = self.ahead.pop_front() {
            return Ok(stat);
        }
        loop {
            match self.packet()? {
                Some(packet) if packet.kind == kind::STAT => return Ok(packet.stat),
                Some(_) => {}
                None => return Err(BuildError::new("the client ended the transfer of files too early")),
            }
        }
    }

    fn entry(&mut self, builder: &mut Builder<&mut dyn Write>, stat: &Stat, id: u32) -> io::Result<()> {
        let mut header = Header::new_gnu();
        let special = SPECIAL.iter().filter(|(go, _)| stat.mode & go != 0).map(|(_, bit)| bit).sum::<u32>();
        header.set_mode(stat.mode & 0o777 | special);
        header.set_uid(u64::from(stat.uid));
        header.set_gid(u64::from(stat.gid));
        header.set_mtime(u64::try_from(stat.modified / 1_000_000_000).unwrap_or(0));
        header.set_size(0);
        if stat.mode & OTHERS != 0 {
            // Devices, pipes and sockets are no files to copy.
            return Ok(());
        }
        if stat.mode & FOLDER != 0 {
            header.set_entry_type(EntryType::Directory);
            return builder.append_data(&mut header, format!("{}/", stat.path), io::empty());
        }
        if stat.mode & LINK != 0 {
            header.set_entry_type(EntryType::Symlink);
            return builder.append_link(&mut header, &stat.path, &stat.link);
        }
        if !stat.link.is_empty() {
            header.set_entry_type(EntryType::Link);
            return builder.append_link(&mut header, &stat.path, &stat.link);
        }
        let size = u64::try_from(stat.size).unwrap_or(0);
        header.set_size(size);
        self.send(Packet { kind: kind::REQUEST, id, ..Packet::default() }).map_err(io::Error::other)?;
        let mut content = Content { receiver: self, id, piece: Bytes::new(), over: false, left: size };
        builder.append_data(&mut header, &stat.path, &mut content)?;
        content.end()
    }
}

/// The content of one file as it comes in.
struct Content<'a, 'b> {
    receiver: &'a mut Receiver<'b>,
    id: u32,
    piece: Bytes,
    over: bool,
    /// What its head has promised.
    left: u64,
}

impl Content<'_, '_> {
    fn fill(&mut self) -> io::Result<()> {
        while self.piece.is_empty() && !self.over {
            let packet = self.receiver.packet().map_err(io::Error::other)?;
            let packet = packet.ok_or_else(|| io::Error::other(BuildError::new("the client ended the transfer of files too early")))?;
            match packet.kind {
                kind::STAT if self.receiver.ahead.len() >= AHEAD_MAX => {
                    return Err(io::Error::other(BuildError::new("there are too many files")));
                }
                kind::STAT => self.receiver.ahead.push_back(packet.stat),
                kind::DATA if packet.id == self.id => {
                    self.over = packet.data.is_empty();
                    self.piece = packet.data;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Passes over what a file has become longer by meanwhile.
    fn end(mut self) -> io::Result<()> {
        while !self.over {
            self.piece = Bytes::new();
            self.fill()?;
        }
        Ok(())
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        self.fill()?;
        if self.piece.is_empty() {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let piece = self.piece.split_to(self.piece.len().min(buffer.len()).min(most));
        buffer[..piece.len()].copy_from_slice(&piece);
        self.left -= piece.len() as u64;
        Ok(piece.len())
    }
}
