//! Packs an overlay upper directory into a layer's tar: 0:0 character devices and opaque marks become whiteouts.
//!
//! Walks by descriptors and follows no link: the container whose directory it is may be running and hostile.

use std::collections::HashMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fgetxattr, flistxattr, fstat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use tar::{Builder, EntryType, Header};

const OPAQUE: &str = "user.overlay.opaque";

struct Packer<W: Write> {
    tar: Builder<W>,
    /// Where files with several names stand in the tar, by device and inode.
    linked: HashMap<(u64, u64), PathBuf>,
    /// The time that all seems to be of, in place of each file's own.
    time: Option<u64>,
}

/// Writes all that is in the folder `upper` as a tar; gives how many entries that were.
pub fn pack(upper: &Path, out: impl Write) -> io::Result<u64> {
    pack_all(&[(String::new(), upper.to_owned())], None, out)
}

/// The same for several folders, each below a folder of the name that stands before it, where it has one; all of it as if it were of `time`
/// where one is given.
pub fn pack_all(folders: &[(String, PathBuf)], time: Option<u64>, out: impl Write) -> io::Result<u64> {
    let mut packer = Packer { tar: Builder::new(out), linked: HashMap::new(), time };
    let mut count = 0;
    for (name, folder) in folders {
        let root = open(folder, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        if !name.is_empty() {
            let mut header = packer.header(&fstat(&root)?, EntryType::Directory);
            packer.tar.append_data(&mut header, format!("{name}/"), io::empty())?;
            count += 1;
        }
        count += packer.folder(&root, Path::new(name))?;
    }
    packer.tar.finish()?;
    Ok(count)
}

impl<W: Write> Packer<W> {
    fn header(&self, stat: &Stat, kind: EntryType) -> Header {
        let mut header = header(stat, kind);
        if let Some(time) = self.time {
            header.set_mtime(time);
        }
        header
    }

    fn folder(&mut self, folder: &OwnedFd, path: &Path) -> io::Result<u64> {
        let mut names: Vec<OsString> = Vec::new();
        for entry in Dir::read_from(folder)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        let mut count = 0;
        for name in names {
            count += self.entry(folder.as_fd(), &name, &path.join(&name))?;
        }
        Ok(count)
    }

    fn entry(&mut self, parent: BorrowedFd<'_>, name: &OsStr, path: &Path) -> io::Result<u64> {
        let stat = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            // Gone since the folder was read.
            Err(Errno::NOENT) => return Ok(0),
            other => other?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
                let folder = openat(parent, name, flags, Mode::empty())?;
                self.xattrs(folder.as_fd())?;
                let mut header = self.header(&stat, EntryType::Directory);
                self.tar.append_data(&mut header, path.join(""), io::empty())?;
                let mut count = 1;
                if is_opaque(folder.as_fd()) {
                    self.empty_file(&path.join(".wh..wh..opq"))?;
                    count += 1;
                }
                Ok(count + self.folder(&folder, path)?)
            }
            FileType::RegularFile => self.file(parent, name, path),
            FileType::Symlink => {
                let target = readlinkat(parent, name, Vec::new())?;
                self.symlink(self.header(&stat, EntryType::Symlink), path, target.to_bytes())?;
                Ok(1)
            }
            FileType::CharacterDevice if stat.st_rdev == 0 => {
                let mut hidden = OsString::from(".wh.");
                hidden.push(name);
                self.empty_file(&path.with_file_name(hidden))?;
                Ok(1)
            }
            FileType::Fifo => {
                let mut header = self.header(&stat, EntryType::Fifo);
                self.tar.append_data(&mut header, path, io::empty())?;
                Ok(1)
            }
            // Sockets have no place in a tar, other devices cannot be made in a user namespace.
            _ => Ok(0),
        }
    }

    fn file(&mut self, parent: BorrowedFd<'_>, name: &OsStr, path: &Path) -> io::Result<u64> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = openat(parent, name, flags, Mode::empty())?;
        let stat = fstat(&fd)?;
        if stat.st_nlink > 1 {
            if let Some(first) = self.linked.get(&(stat.st_dev, stat.st_ino)) {
                let mut header = self.header(&stat, EntryType::Link);
                self.tar.append_link(&mut header, path, first)?;
                return Ok(1);
            }
            self.linked.insert((stat.st_dev, stat.st_ino), path.to_owned());
        }
        self.xattrs(fd.as_fd())?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let mut header = self.header(&stat, EntryType::Regular);
        header.set_size(size);
        // A file that changes while it is read keeps the length of its header.
        let content = File::from(fd).take(size);
        self.tar.append_data(&mut header, path, Padded { inner: content, left: size })?;
        Ok(1)
    }

    /// The target stands as it is, dots and double slashes included; the builder's own way would tidy it up.
    fn symlink(&mut self, mut header: Header, path: &Path, target: &[u8]) -> io::Result<()> {
        if header.set_link_name_literal(target).is_err() {
            self.tar.append_pax_extensions([("linkpath", target)])?;
            header.set_link_name_literal(&target[..target.len().min(100)])?;
        }
        self.tar.append_data(&mut header, path, io::empty())
    }

    fn empty_file(&mut self, path: &Path) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        self.tar.append_data(&mut header, path, io::empty())
    }

    /// Writes the attributes that belong to the file, not to the overlay, in front of its entry.
    fn xattrs(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut list = vec![0u8; 64 << 10];
        let length = match flistxattr(fd, &mut list) {
            Ok(length) => length,
            Err(Errno::NOTSUP) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let mut found = Vec::new();
        for name in list[..length].split(|b| *b == 0).filter(|name| !name.is_empty()) {
            let Ok(text) = std::str::from_utf8(name) else { continue };
            if text != "security.capability" && (!text.starts_with("user.") || text.starts_with("user.overlay.")) {
                continue;
            }
            let mut value = vec![0u8; 64 << 10];
            if let Ok(length) = fgetxattr(fd, CString::new(name)?, &mut value) {
                value.truncate(length);
                found.push((format!("SCHILY.xattr.{text}"), value));
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        self.tar.append_pax_extensions(found.iter().map(|(key, value)| (key.as_str(), value.as_slice())))
    }
}

fn is_opaque(fd: BorrowedFd<'_>) -> bool {
    let mut value = [0u8; 4];
    fgetxattr(fd, OPAQUE, &mut value).is_ok_and(|length| value[..length] == *b"y")
}

fn header(stat: &Stat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_size(0);
    header
}

/// Gives exactly `left` bytes: zeros where the file has become shorter.
struct Padded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Padded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let mut n = self.inner.read(&mut buffer[..wanted])?;
        if n == 0 {
            buffer[..wanted].fill(0);
            n = wanted;
        }
        self.left -= n as u64;
        Ok(n)
    }
}
