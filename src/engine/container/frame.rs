//! The frames on a monitor's connection: a kind, a length, that many bytes.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Request = 0,
    Stdout = 1,
    Stderr = 2,
    Reply = 3,
    Command = 4,
}

pub const HEADER: usize = 5;
/// No frame is longer: specs are small and output is sent in pieces.
const LONGEST: usize = 16 << 20;

impl Kind {
    fn from_byte(byte: u8) -> io::Result<Kind> {
        Ok(match byte {
            0 => Kind::Request,
            1 => Kind::Stdout,
            2 => Kind::Stderr,
            3 => Kind::Reply,
            4 => Kind::Command,
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "unknown kind of frame")),
        })
    }
}

/// The header of a frame with `length` bytes.
pub fn header(kind: Kind, length: usize) -> [u8; HEADER] {
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind as u8, length[0], length[1], length[2], length[3]]
}

/// What a header says.
pub fn parse_header(header: [u8; HEADER]) -> io::Result<(Kind, usize)> {
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame is too long"));
    }
    Ok((Kind::from_byte(header[0])?, length))
}

/// A whole frame that holds `value` as JSON.
pub fn json<T: Serialize>(kind: Kind, value: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(value)?;
    let mut frame = header(kind, body.len()).to_vec();
    frame.extend(body);
    Ok(frame)
}

/// The value of a JSON frame's body.
pub fn from_json<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(body)?)
}

/// Takes the first whole frame off `buffer`, if there is one.
pub fn take(buffer: &mut Vec<u8>) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let Some(head) = buffer.first_chunk::<HEADER>() else { return Ok(None) };
    let (kind, length) = parse_header(*head)?;
    if buffer.len() < HEADER + length {
        return Ok(None);
    }
    let rest = buffer.split_off(HEADER + length);
    let body = std::mem::replace(buffer, rest).split_off(HEADER);
    Ok(Some((kind, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_apart_as_they_were_put_together() {
        let mut bytes = header(Kind::Stdout, 3).to_vec();
        bytes.extend(b"abc");
        bytes.extend(json(Kind::Reply, &5).unwrap());
        let mut buffer = Vec::new();
        let mut frames = Vec::new();
        for byte in bytes {
            buffer.push(byte);
            frames.extend(take(&mut buffer).unwrap());
        }
        assert_eq!(frames, [(Kind::Stdout, b"abc".to_vec()), (Kind::Reply, b"5".to_vec())]);
        assert!(take(&mut vec![9, 0, 0, 0, 0]).is_err());
        assert!(take(&mut vec![1, 255, 0, 0, 0]).is_err());
    }
}
