//! Entries of the archives that this client packs. A file may change while it is packed: an entry is as long as its header says, or the
//! packing fails.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Adds what is at `source` under a name: a file, a folder without what is in it, a link, a pipe or a device. A socket has no entry: who
/// listened to it is not in the archive.
pub fn append<W: Write>(tar: &mut tar::Builder<W>, name: &Path, source: &Path, meta: &Metadata) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_metadata(meta);
    append_with(tar, name, source, meta, header)
}

/// The same with a header of the caller's, which has all but what the kind of the entry says.
pub fn append_with<W: Write>(
    tar: &mut tar::Builder<W>,
    name: &Path,
    source: &Path,
    meta: &Metadata,
    mut header: tar::Header,
) -> io::Result<()> {
    let kind = meta.file_type();
    if kind.is_socket() {
        return Ok(());
    }
    if kind.is_file() {
        // It is opened without waiting: what has taken its place meanwhile may be a pipe.
        let file = rustix::fs::open(source, rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK, rustix::fs::Mode::empty())?;
        header.set_size(meta.len());
        return tar.append_data(&mut header, name, Exactly { file: File::from(file), left: meta.len() });
    }
    header.set_size(0);
    if kind.is_symlink() {
        return tar.append_link(&mut header, name, std::fs::read_link(source)?);
    }
    if kind.is_block_device() || kind.is_char_device() {
        header.set_device_major(rustix::fs::major(meta.rdev()))?;
        header.set_device_minor(rustix::fs::minor(meta.rdev()))?;
    }
    // A folder's name ends with a slash.
    let name = if kind.is_dir() { name.join("") } else { name.to_owned() };
    tar.append_data(&mut header, name, io::empty())
}

/// As much of a file as was promised.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
