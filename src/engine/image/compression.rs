//! Archives as they travel: plain, or compressed in one of the ways that Docker takes. Which it is, their first bytes tell. What a
//! decompressor may take of memory is bounded.

use std::io::{self, BufRead, BufReader, Read, Write};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress};

/// As much memory (in KiB) as an xz archive may want, which is more than its highest level needs.
const XZ_MEMORY: u32 = 128 << 10;

/// Reads the archive in `raw` uncompressed, however it comes.
pub fn decompress<'a>(mut raw: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    // Over a network the first piece may be shorter than a mark.
    let mut mark = Vec::with_capacity(6);
    raw.by_ref().take(6).read_to_end(&mut mark)?;
    let raw = BufReader::with_capacity(128 << 10, io::Cursor::new(mark.clone()).chain(raw));
    Ok(match mark[..] {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(raw)),
        [b'B', b'Z', b'h', ..] => Box::new(MultiBzDecoder::new(raw)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(XzReader::new_mem_limit(raw, true, XZ_MEMORY)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Zstd { source: raw, decoder: FrameDecoder::new(), open: false }),
        _ => Box::new(raw),
    })
}

/// Packs all of `source` into one frame of zstd's.
pub fn zstd(source: &mut dyn Read, target: &mut dyn Write) -> io::Result<()> {
    // The encoder knows of no failures and would panic at one: it sees an end, or a place where all fits, and we see the failure.
    let failure = std::cell::Cell::new(None);
    let (source, target) = (Caught { inner: source, failure: &failure }, Caught { inner: target, failure: &failure });
    compress(source, target, CompressionLevel::Fastest);
    failure.into_inner().map_or(Ok(()), Err)
}

/// A reader or writer whose first failure is kept aside.
struct Caught<'a, T: ?Sized> {
    inner: &'a mut T,
    failure: &'a std::cell::Cell<Option<io::Error>>,
}

impl<T: ?Sized> Caught<'_, T> {
    /// What a call gave, or `instead` when it failed or another had.
    fn catch(&mut self, call: impl FnOnce(&mut T) -> io::Result<usize>, instead: usize) -> io::Result<usize> {
        let failed = self.failure.take();
        let caught = if failed.is_some() { (failed, instead) } else { call(self.inner).map_or_else(|e| (Some(e), instead), |n| (None, n)) };
        self.failure.set(caught.0);
        Ok(caught.1)
    }
}

impl<T: Read + ?Sized> Read for Caught<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.catch(
            |inner| {
                loop {
                    match inner.read(buffer) {
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        other => return other,
                    }
                }
            },
            0,
        )
    }
}

impl<T: Write + ?Sized> Write for Caught<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.catch(|inner| inner.write_all(bytes).map(|()| bytes.len()), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// zstd's frames, one after the other, without those that are there to be skipped.
struct Zstd<R> {
    source: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    open: bool,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |e: FrameDecoderError| io::Error::new(io::ErrorKind::InvalidData, format!("the zstd archive is damaged: {e}"));
        while !buffer.is_empty() {
            if !self.open {
                if self.source.fill_buf()?.is_empty() {
                    break;
                }
                match self.decoder.reset(&mut self.source) {
                    Ok(()) => self.open = true,
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                        io::copy(&mut self.source.by_ref().take(length.into()), &mut io::sink())?;
                        continue;
                    }
                    Err(e) => return Err(failed(e)),
                }
            }
            while self.decoder.can_collect() < buffer.len() && !self.decoder.is_finished() {
                let wanted = BlockDecodingStrategy::UptoBytes(buffer.len() - self.decoder.can_collect());
                self.decoder.decode_blocks(&mut self.source, wanted).map_err(failed)?;
            }
            match self.decoder.read(buffer)? {
                0 => self.open = false,
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello` and a newline by each tool; zstd's with a frame to skip between two that count.
    const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9\xe7\x02\x00 0:6\x06\x00\x00\x00";
    const BZIP2: &[u8] = b"BZh91AY&SY\xc1\xc0\x80\xe2\x00\x00\x01A\x00\x00\x10\x02D\xa0\x000\xcd\x00\xc3F)\x97\x17rE8P\x90\xc1\xc0\x80\xe2";
    const XZ: &[u8] =
        b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x16\x00\x00\x00t/\xe5\xa3\x01\x00\x05hello\n\x00\x00\x00\xa5`\x97\xf1\
        \x94\xf6\xfd\xe0\x00\x01\x1e\x06\xc1/\xa4\x1d\x1f\xb6\xf3}\x01\x00\x00\x00\x00\x04YZ";
    const ZSTD: &[u8] = b"(\xb5/\xfd\x04X1\x00\x00hello\nS\x88\xbd\x91";

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        decompress(bytes)?.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn what_is_packed_is_unpacked_and_failures_are_told() {
        let text: Vec<u8> = (0..60_000_u32).flat_map(|n| (n % 97 * n).to_le_bytes()).collect();
        let mut packed = vec![];
        zstd(&mut &text[..], &mut packed).expect("zstd");
        assert!(packed.len() < text.len(), "{}", packed.len());
        let mut unpacked = vec![];
        decompress(&packed[..]).expect("zstd").read_to_end(&mut unpacked).expect("zstd");
        assert!(unpacked == text);
        let error = zstd(&mut &text[..], &mut &mut [0; 100][..]).expect_err("there is no room");
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn what_is_compressed_is_read() {
        for (name, bytes) in [("gzip", GZIP), ("bzip2", BZIP2), ("xz", XZ), ("zstd", ZSTD), ("nothing", b"hello\n")] {
            assert_eq!(read(bytes).unwrap_or_else(|e| panic!("{name}: {e}")), "hello\n", "{name}");
            assert!(
                name == "nothing" || read(&[bytes, bytes].concat()).is_ok_and(|text| text == "hello\nhello\n"),
                "{name}, one behind the other"
            );
        }
        let (first, rest) = GZIP.split_at(1);
        let mut text = String::new();
        decompress(first.chain(rest)).expect("gzip").read_to_string(&mut text).expect("gzip in pieces");
        assert_eq!(text, "hello\n");
        let skipped: &[u8] = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";
        assert_eq!(read(&[ZSTD, skipped, ZSTD].concat()).expect("zstd"), "hello\nhello\n");
        assert!(read(&ZSTD[..9]).is_err(), "what ends too early is damaged");
    }
}
