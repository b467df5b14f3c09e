//! Layers as they travel: plain tar or gzip. What else there is, is named in the error.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Reads the layer in `raw` uncompressed, whatever of the two it is.
pub fn decompress<'a>(raw: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut raw = BufReader::with_capacity(128 << 10, raw);
    let start = raw.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(MultiGzDecoder::new(raw)));
    }
    let unsupported = match start {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'B', b'Z', b'h', ..] => "bzip2",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        _ => return Ok(Box::new(raw)),
    };
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("the archive is compressed with {unsupported}; gzip and plain tar are understood"),
    ))
}
