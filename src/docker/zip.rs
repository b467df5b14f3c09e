//! Reads the files of a zip archive that is in memory: stored ones and deflated ones, by the directory at its end. It believes no size that
//! the archive tells.

use std::io::Read as _;

/// What begins an archive that has files.
pub const MAGIC: &[u8] = b"PK\x03\x04";

const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const END_OF_DIRECTORY: &[u8] = b"PK\x05\x06";

/// How long the parts without names are.
const ENTRY_LENGTH: usize = 46;
const HEADER_LENGTH: usize = 30;
const END_LENGTH: usize = 22;

const STORED: usize = 0;
const DEFLATED: usize = 8;

/// The names and contents of the files, of at most `largest` bytes together: entries may share what they hold, so that an archive's own
/// length bounds nothing. An error is Go's.
pub fn files(archive: &[u8], largest: u64) -> Result<Vec<(String, Vec<u8>)>, String> {
    let invalid = || "zip: not a valid zip file".to_owned();
    let end = archive.windows(END_LENGTH).rposition(|window| window.starts_with(END_OF_DIRECTORY)).ok_or_else(invalid)?;
    let (count, mut at) = (number(archive, end + 10, 2).ok_or_else(invalid)?, number(archive, end + 16, 4).ok_or_else(invalid)?);
    let mut files = Vec::new();
    let mut left = largest;
    for _ in 0..count {
        let entry = archive.get(at..).filter(|rest| rest.starts_with(DIRECTORY_ENTRY)).ok_or_else(invalid)?;
        let of = |place: usize, length: usize| number(entry, place, length).ok_or_else(invalid);
        let (method, checksum, packed) = (of(10, 2)?, of(16, 4)?, of(20, 4)?);
        let (name, extra, comment, header) = (of(28, 2)?, of(30, 2)?, of(32, 2)?, of(42, 4)?);
        let name = entry.get(ENTRY_LENGTH..ENTRY_LENGTH + name).ok_or_else(invalid)?;
        at += ENTRY_LENGTH + name.len() + extra + comment;
        let name = String::from_utf8_lossy(name).into_owned();
        if name.ends_with('/') {
            continue;
        }
        let before = |place: usize| number(archive, header + place, 2).ok_or_else(invalid);
        let start = header + HEADER_LENGTH + before(26)? + before(28)?;
        let packed = archive.get(start..).and_then(|rest| rest.get(..packed)).ok_or_else(invalid)?;
        let mut content = Vec::new();
        match method {
            STORED => packed.take(left + 1).read_to_end(&mut content),
            DEFLATED => flate2::read::DeflateDecoder::new(packed).take(left + 1).read_to_end(&mut content),
            _ => return Err("zip: unsupported compression algorithm".to_owned()),
        }
        .map_err(|_| invalid())?;
        left = left.checked_sub(content.len() as u64).ok_or("read exceeds the defined limit")?;
        let mut sum = flate2::Crc::new();
        sum.update(&content);
        if sum.sum() as usize != checksum {
            return Err("zip: checksum error".to_owned());
        }
        files.push((name, content));
    }
    Ok(files)
}

/// The number of `length` bytes, the lowest first, at a place.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    Some(bytes.get(at..)?.get(..length)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a/` and `a/b`, which holds `hello` deflated.
    fn archive() -> Vec<u8> {
        let packed = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let mut zip = Vec::new();
        let mut directory = Vec::new();
        for (name, method, sum, packed) in [("a/", 0u8, [0; 4], &[][..]), ("a/b", 8, [0x86, 0xa6, 0x10, 0x36], &packed[..])] {
            let start = (zip.len() as u32).to_le_bytes();
            let sizes = [(packed.len() as u32).to_le_bytes(), 5u32.to_le_bytes()].concat();
            let middle = [&[20, 0, 0, 0, method, 0, 0, 0, 0, 0][..], &sum, &sizes, &[name.len() as u8, 0, 0, 0]].concat();
            zip.extend([MAGIC, &middle, name.as_bytes(), packed].concat());
            directory.extend([DIRECTORY_ENTRY, &[20, 0], &middle, &[0; 10], &start, name.as_bytes()].concat());
        }
        let start = (zip.len() as u32).to_le_bytes();
        zip.extend_from_slice(&directory);
        zip.extend([END_OF_DIRECTORY, &[0, 0, 0, 0, 2, 0, 2, 0], &(directory.len() as u32).to_le_bytes(), &start, &[0, 0]].concat());
        zip
    }

    #[test]
    fn files_are_read_and_checked() {
        let good = archive();
        assert_eq!(files(&good, 5), Ok(vec![("a/b".to_owned(), b"hello".to_vec())]));
        assert_eq!(files(&good, 4), Err("read exceeds the defined limit".to_owned()));
        let mut wrong = good.clone();
        let at = wrong.iter().position(|byte| *byte == 0x86).expect("the checksum");
        wrong[at..].iter_mut().filter(|byte| **byte == 0x86).for_each(|byte| *byte = 0x87);
        assert_eq!(files(&wrong, 5), Err("zip: checksum error".to_owned()));
        for end in 0..good.len() {
            let _ = files(&good[..end], 5);
        }
        for at in 0..good.len() {
            let mut odd = good.clone();
            odd[at] ^= 0xff;
            let _ = files(&odd, 5);
        }
    }
}
