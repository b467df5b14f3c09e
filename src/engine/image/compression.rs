//! Archives as they travel: plain, or compressed in one of the ways that Docker takes. Which it is, their first bytes tell. What a
//! decompressor may take of memory is bounded.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// As much memory (in KiB) as an xz archive may want, which is more than its highest level needs.
const XZ_MEMORY: u32 = 128 << 10;

/// Reads the archive in `raw` uncompressed, however it comes.
pub fn decompress<'a>(raw: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut raw = BufReader::with_capacity(128 << 10, raw);
    Ok(match raw.fill_buf()? {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(raw)),
        [b'B', b'Z', b'h', ..] => Box::new(MultiBzDecoder::new(raw)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(XzReader::new_mem_limit(raw, true, XZ_MEMORY)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Zstd { source: raw, decoder: FrameDecoder::new(), open: false }),
        _ => Box::new(raw),
    })
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
    fn what_is_compressed_is_read() {
        for (name, bytes) in [("gzip", GZIP), ("bzip2", BZIP2), ("xz", XZ), ("zstd", ZSTD), ("nothing", b"hello\n")] {
            assert_eq!(read(bytes).unwrap_or_else(|e| panic!("{name}: {e}")), "hello\n", "{name}");
            assert!(
                name == "nothing" || read(&[bytes, bytes].concat()).is_ok_and(|text| text == "hello\nhello\n"),
                "{name}, one behind the other"
            );
        }
        let skipped: &[u8] = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";
        assert_eq!(read(&[ZSTD, skipped, ZSTD].concat()).expect("zstd"), "hello\nhello\n");
        assert!(read(&ZSTD[..9]).is_err(), "what ends too early is damaged");
    }
}
