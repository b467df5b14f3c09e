//! The packed forms in which small collections lie in dumps: lists in one string, and strings that are compressed.
//!
//! Every reader takes any bytes and gives none where they make no sense.

use super::super::Bytes;

/// Reads numbers and slices from the front.
#[derive(Clone, Copy, Debug)]
pub struct Front<'a>(pub &'a [u8]);

impl<'a> Front<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|one| one[0])
    }

    /// A number of so many bytes, the least first.
    pub fn little(&mut self, count: usize) -> Option<u64> {
        let bytes = self.take(count)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// The same with a sign.
    pub fn signed(&mut self, count: usize) -> Option<i64> {
        let shift = 64 - 8 * u32::try_from(count).ok()?;
        Some((self.little(count)? << shift).cast_signed() >> shift)
    }

    /// A number of so many bytes, the greatest first.
    pub fn big(&mut self, count: usize) -> Option<u64> {
        let bytes = self.take(count)?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

fn text(number: i64) -> Bytes {
    number.to_string().into_bytes()
}

fn size(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

/// The elements of a listpack.
pub fn listpack(bytes: &[u8]) -> Option<Vec<Bytes>> {
    let mut front = Front(bytes);
    if size(front.little(4)?)? != bytes.len() {
        return None;
    }
    front.little(2)?;
    let mut all = vec![];
    loop {
        let before = front.0.len();
        let head = front.byte()?;
        let element = match head {
            0xff => return front.0.is_empty().then_some(all),
            0..0x80 => text(i64::from(head)),
            0x80..0xc0 => front.take(usize::from(head & 0x3f))?.to_vec(),
            0xc0..0xe0 => {
                let value = i64::from(head & 0x1f) << 8 | i64::from(front.byte()?);
                text(if value >= 0x1000 { value - 0x2000 } else { value })
            }
            0xe0..0xf0 => {
                let length = usize::from(head & 0x0f) << 8 | usize::from(front.byte()?);
                front.take(length)?.to_vec()
            }
            0xf0 => {
                let length = size(front.little(4)?)?;
                front.take(length)?.to_vec()
            }
            0xf1 => text(front.signed(2)?),
            0xf2 => text(front.signed(3)?),
            0xf3 => text(front.signed(4)?),
            0xf4 => text(front.signed(8)?),
            _ => return None,
        };
        all.push(element);
        // Behind it stands how long it is, for those who come from the end.
        front.take(match before - front.0.len() {
            0..=127 => 1,
            // Redis takes a byte more for the longest that would just fit.
            128..16_383 => 2,
            16_383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        })?;
    }
}

/// The elements of a ziplist.
pub fn ziplist(bytes: &[u8]) -> Option<Vec<Bytes>> {
    let mut front = Front(bytes);
    if size(front.little(4)?)? != bytes.len() {
        return None;
    }
    front.take(6)?;
    let mut all = vec![];
    loop {
        match front.byte()? {
            0xff => return front.0.is_empty().then_some(all),
            0xfe => drop(front.take(4)?),
            _ => {}
        }
        let head = front.byte()?;
        all.push(match head {
            0..0x40 => front.take(usize::from(head))?.to_vec(),
            0x40..0x80 => {
                let length = usize::from(head & 0x3f) << 8 | usize::from(front.byte()?);
                front.take(length)?.to_vec()
            }
            0x80 => {
                let length = size(front.big(4)?)?;
                front.take(length)?.to_vec()
            }
            0xc0 => text(front.signed(2)?),
            0xd0 => text(front.signed(4)?),
            0xe0 => text(front.signed(8)?),
            0xf0 => text(front.signed(3)?),
            0xfe => text(front.signed(1)?),
            0xf1..=0xfd => text(i64::from(head & 0x0f) - 1),
            _ => return None,
        });
    }
}

/// The names and values of a zipmap.
pub fn zipmap(bytes: &[u8]) -> Option<Vec<Bytes>> {
    let mut front = Front(bytes);
    front.byte()?;
    let mut all = vec![];
    let length = |front: &mut Front<'_>| match front.byte()? {
        0xfe => size(front.little(4)?).map(Some),
        0xff => Some(None),
        short => Some(Some(usize::from(short))),
    };
    loop {
        let Some(name) = length(&mut front)? else { return front.0.is_empty().then_some(all) };
        all.push(front.take(name)?.to_vec());
        let value = length(&mut front)??;
        let free = usize::from(front.byte()?);
        all.push(front.take(value)?.to_vec());
        front.take(free)?;
    }
}

/// The numbers of an intset.
pub fn intset(bytes: &[u8]) -> Option<Vec<Bytes>> {
    let mut front = Front(bytes);
    let width = size(front.little(4)?).filter(|width| [2, 4, 8].contains(width))?;
    let count = size(front.little(4)?)?;
    if count.checked_mul(width)? != front.0.len() {
        return None;
    }
    (0..count).map(|_| front.signed(width).map(text)).collect()
}

/// What a compressed string is; it is said to be `length` long.
pub fn decompress(bytes: &[u8], length: usize) -> Option<Bytes> {
    let mut front = Front(bytes);
    let mut out: Bytes = vec![];
    while !front.0.is_empty() {
        let head = usize::from(front.byte()?);
        if head < 32 {
            out.extend(front.take(head + 1)?);
        } else {
            let mut count = head >> 5;
            if count == 7 {
                count += usize::from(front.byte()?);
            }
            let back = (head & 0x1f) << 8 | usize::from(front.byte()?);
            let from = out.len().checked_sub(back + 1)?;
            for at in from..from + count + 2 {
                out.push(out[at]);
            }
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packed_lists() {
        let words =
            |all: Option<Vec<Bytes>>| all.map(|all| all.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect::<Vec<_>>());
        let pack = [&[20, 0, 0, 0, 4, 0][..], b"\x82hi\x03", &[5, 1], &[0xdf, 0xff, 2], &[0xf1, 0, 1, 3], &[0xff]].concat();
        assert_eq!(words(listpack(&pack)), Some(["hi", "5", "-1", "256"].map(str::to_owned).to_vec()));
        let zip = [&[20, 0, 0, 0, 16, 0, 0, 0, 2, 0][..], &[0, 2], b"hi", &[4, 0xf3, 2, 0xfe, 0xff], &[0xff]].concat();
        assert_eq!(words(ziplist(&zip)), Some(["hi", "2", "-1"].map(str::to_owned).to_vec()));
        assert_eq!(words(intset(&[2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 5, 0])), Some(["-1", "5"].map(str::to_owned).to_vec()));
        assert_eq!(words(zipmap(b"\x01\x01a\x02\x01bcx\xff")), Some(["a", "bc"].map(str::to_owned).to_vec()));
        assert_eq!(decompress(&[0, b'a', 0xe0, 1, 0], 11).as_deref(), Some(&b"aaaaaaaaaaa"[..]));
        assert_eq!(decompress(&[0x20, 5], 3), None);
    }

    proptest! {
        #[test]
        fn garbage_does_no_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..120), length in 0..200_usize) {
            let _ = (intset(&bytes), zipmap(&bytes), decompress(&bytes, length));
            if bytes.len() > 4 {
                let length = u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
                bytes[..4].copy_from_slice(&length);
            }
            let _ = (listpack(&bytes), ziplist(&bytes));
        }
    }
}
