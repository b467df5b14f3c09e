//! Keeps a tar from filling memory or disk before anyone has looked at it.
//!
//! The tar reader takes extended headers (long names, PAX records) into memory whole, whatever their size. This reader follows the
//! blocks as they pass and ends the stream with an error at a header that is bigger than any honest one.

use std::io::{self, Read};

/// As big as an extended header may be.
const HEADER_MAX: u64 = 1 << 20;
const BLOCK: usize = 512;

/// A reader over a tar stream that fails at what no honest tar has, and after `limit` bytes.
pub struct TarGuard<R> {
    inner: R,
    state: State,
    block: [u8; BLOCK],
    filled: usize,
    /// The size that a PAX header gave for the next entry.
    size_override: Option<u64>,
    records: Vec<u8>,
    read: u64,
    limit: u64,
}

enum State {
    Header,
    /// More blocks of a sparse map, then content of this size.
    SparseMap(u64),
    /// Content with padding still to pass.
    Content(u64),
    /// PAX records: content, then padding, still to pass.
    Records {
        content: u64,
        padding: u64,
    },
}

impl<R: Read> TarGuard<R> {
    /// Guards `inner`; it may give at most `limit` bytes.
    pub fn new(inner: R, limit: u64) -> Self {
        TarGuard { inner, state: State::Header, block: [0; BLOCK], filled: 0, size_override: None, records: Vec::new(), read: 0, limit }
    }

    fn watch(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            match &mut self.state {
                State::Header | State::SparseMap(_) => {
                    let n = data.len().min(BLOCK - self.filled);
                    self.block[self.filled..self.filled + n].copy_from_slice(&data[..n]);
                    self.filled += n;
                    data = &data[n..];
                    if self.filled == BLOCK {
                        self.filled = 0;
                        self.on_block()?;
                    }
                }
                State::Content(left) => {
                    let n = (data.len() as u64).min(*left);
                    *left -= n;
                    data = &data[n as usize..];
                    if *left == 0 {
                        self.state = State::Header;
                    }
                }
                State::Records { content, padding } => {
                    let n = (data.len() as u64).min(*content + *padding);
                    let kept = n.min(*content);
                    self.records.extend_from_slice(&data[..kept as usize]);
                    *content -= kept;
                    *padding -= n - kept;
                    data = &data[n as usize..];
                    if *content + *padding == 0 {
                        self.size_override = pax_size(&self.records).or(self.size_override);
                        self.records.clear();
                        self.state = State::Header;
                    }
                }
            }
        }
        Ok(())
    }

    fn on_block(&mut self) -> io::Result<()> {
        if let State::SparseMap(size) = self.state {
            self.state = if self.block[504] == 1 { State::SparseMap(size) } else { content(size) };
            return Ok(());
        }
        if self.block.iter().all(|b| *b == 0) {
            return Ok(());
        }
        let kind = self.block[156];
        let mut size = number(&self.block[124..136]).ok_or_else(|| invalid("archive/tar: invalid tar header"))?;
        match kind {
            b'L' | b'K' | b'x' | b'g' => {
                if size > HEADER_MAX {
                    return Err(invalid("archive/tar: header field too long"));
                }
                self.state = if kind == b'x' && size > 0 {
                    State::Records { content: size, padding: size.next_multiple_of(BLOCK as u64) - size }
                } else {
                    content(size)
                };
            }
            _ => {
                size = self.size_override.take().unwrap_or(size);
                let sparse = kind == b'S' && self.block[482] == 1;
                self.state = match kind {
                    _ if sparse => State::SparseMap(size),
                    // Links, devices and folders have no content, whatever their header says; the tar reader skips it all the same.
                    _ => content(size),
                };
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for TarGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        if self.read > self.limit {
            return Err(invalid(format!("the layer unpacks to more than {} bytes", self.limit)));
        }
        self.watch(&buffer[..n])?;
        Ok(n)
    }
}

fn content(size: u64) -> State {
    match size.checked_next_multiple_of(BLOCK as u64) {
        Some(0) => State::Header,
        Some(padded) => State::Content(padded),
        None => State::Content(u64::MAX),
    }
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// A number in a header: octal digits, or big-endian bytes behind a set high bit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[4..].iter().try_fold(0u64, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches(|c| c == '\0' || c == ' ');
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// The `size` among PAX records.
fn pax_size(mut records: &[u8]) -> Option<u64> {
    let mut found = None;
    while let Some(space) = records.iter().position(|b| *b == b' ') {
        let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
        let record = records.get(space + 1..length)?;
        if let Some(value) = record.strip_prefix(b"size=") {
            found = std::str::from_utf8(value).ok()?.trim_end().parse().ok();
        }
        records = &records[length..];
    }
    found
}
