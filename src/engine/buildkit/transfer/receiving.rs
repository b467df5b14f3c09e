//! The side that wants the files.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use bytes::Bytes;
use tar::{Builder, EntryType, Header};

use super::{Exchange, FOLDER, LINK, OTHERS, SPECIAL, is_attribute, of, too_early};
use crate::buildkit::messages::session::{Packet, Stat, kind};
use crate::buildkit::status::Status;

/// As many files may be told of before their content was asked for.
const AHEAD_MAX: usize = 4 << 20;

/// As many bytes may be told of them, for names and attributes are as long as the other side likes.
const AHEAD_BYTES_MAX: usize = 512 << 20;

/// Takes all files and writes them as a tar, without those regular files of which `has` says that their content is here already; it is
/// asked about all files. Gives the number of bytes that came in.
pub fn receive(exchange: Exchange<'_>, has: &mut dyn FnMut(&Stat) -> bool, tar: &mut dyn Write) -> Result<u64, Status> {
    Receiver { exchange, ahead: VecDeque::new(), ahead_bytes: 0, bytes: 0 }.receive(has, tar)
}

/// One transfer.
struct Receiver<'a> {
    exchange: Exchange<'a>,
    /// Files that were told of while content came in; `None` says that there are no more.
    ahead: VecDeque<Option<Stat>>,
    /// How long those are.
    ahead_bytes: usize,
    bytes: u64,
}

impl Receiver<'_> {
    fn receive(mut self, has: &mut dyn FnMut(&Stat) -> bool, tar: &mut dyn Write) -> Result<u64, Status> {
        let mut builder = Builder::new(tar);
        let mut id = 0u32;
        while let Some(stat) = self.stat()? {
            let here = has(&stat) && is_regular(&stat);
            let number = id;
            id = id.checked_add(1).ok_or_else(|| Status::unknown("there are too many files"))?;
            if here {
                continue;
            }
            self.entry(&mut builder, &stat, number).map_err(|e| match e.downcast::<Status>() {
                Ok(error) => error,
                Err(e) => Status::unknown(format!("cannot take {}: {e}", stat.path)),
            })?;
        }
        builder.into_inner().map_err(|e| Status::unknown(e.to_string()))?;
        self.exchange.put(&of(kind::END))?;
        while self.packet()?.is_some_and(|packet| packet.kind != kind::END) {}
        Ok(self.bytes)
    }

    fn packet(&mut self) -> Result<Option<Packet>, Status> {
        let Some((packet, length)) = self.exchange.take()? else { return Ok(None) };
        self.bytes += length;
        (self.exchange.progress)(self.bytes);
        if packet.kind == kind::ERROR {
            return Err(Status::unknown(format!("error from sender: {}", String::from_utf8_lossy(&packet.data))));
        }
        Ok(Some(packet))
    }

    /// The next file; `None` after the last.
    fn stat(&mut self) -> Result<Option<Stat>, Status> {
        if let Some(stat) = self.ahead.pop_front() {
            self.ahead_bytes -= length(&stat);
            return Ok(stat);
        }
        loop {
            match self.packet()? {
                Some(packet) if packet.kind == kind::STAT => return Ok(packet.stat),
                Some(_) => {}
                None => return Err(too_early()),
            }
        }
    }

    /// Asks for the content of a file. Where nobody listens any more, why is in what was said last.
    fn ask(&mut self, id: u32) -> Result<(), Status> {
        let Err(closed) = self.exchange.put(&Packet { id, ..of(kind::REQUEST) }) else { return Ok(()) };
        while self.packet()?.is_some() {}
        Err(closed)
    }

    /// Keeps a file for later.
    fn keep(&mut self, stat: Option<Stat>) -> Result<(), Status> {
        self.ahead_bytes += length(&stat);
        if self.ahead.len() >= AHEAD_MAX || self.ahead_bytes > AHEAD_BYTES_MAX {
            return Err(Status::unknown("there are too many files"));
        }
        self.ahead.push_back(stat);
        Ok(())
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
        let attributes = stat.attributes.iter().filter(|(name, _)| is_attribute(name) && stat.mode & LINK == 0);
        let attributes: Vec<_> = attributes.map(|(name, value)| (format!("SCHILY.xattr.{name}"), value.as_slice())).collect();
        if !attributes.is_empty() {
            builder.append_pax_extensions(attributes.iter().map(|(name, value)| (name.as_str(), *value)))?;
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
        self.ask(id).map_err(io::Error::other)?;
        let mut content = Content { receiver: self, id, piece: Bytes::new(), over: false, left: size };
        builder.append_data(&mut header, &stat.path, &mut content)?;
        content.end()
    }
}

/// How much was told of a file.
fn length(stat: &Option<Stat>) -> usize {
    stat.as_ref().map_or(0, prost::Message::encoded_len)
}

/// Whether a file has content of its own.
fn is_regular(stat: &Stat) -> bool {
    stat.mode & (FOLDER | LINK | OTHERS) == 0 && stat.link.is_empty()
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
            let packet = packet.ok_or_else(|| io::Error::other(too_early()))?;
            match packet.kind {
                kind::STAT => self.receiver.keep(packet.stat).map_err(io::Error::other)?,
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
