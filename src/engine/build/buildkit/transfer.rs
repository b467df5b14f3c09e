//! How much a context is as BuildKit's clients send it (a head for each file, then its content): what "transferring context" shows.
//! Sends nothing; the files are there already.

use std::os::unix::fs::MetadataExt;

use crate::build::tree::Tree;
use crate::patterns::Glob;

/// As long as a piece of a file's content is.
const PIECE: u64 = 32 << 10;

/// What nothing at all takes: the end of the transfer.
pub const NOTHING: u64 = 2;

/// The bytes for one file out of a tree; nothing for one that is not there.
pub fn file(tree: &Tree, path: &str) -> u64 {
    NOTHING + entry(tree, path, 0)
}

/// The bytes for all files that one of the `sources` means.
pub fn files(tree: &Tree, sources: &[String]) -> u64 {
    let globs: Vec<_> = sources.iter().map(|source| (source, Glob::is_pattern(source).then(|| Glob::new(source)).flatten())).collect();
    let wanted = |path: &str| {
        globs.iter().any(|(source, glob)| {
            let within = |base: &str| path == base || path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
            source.is_empty() || within(source) || glob.as_ref().is_some_and(|glob| glob.matches(path))
        })
    };
    let all = tree.walk().unwrap_or_default();
    let chosen = all.iter().filter(|path| wanted(path));
    NOTHING + chosen.enumerate().map(|(number, path)| entry(tree, path, number as u64)).sum::<u64>()
}

fn entry(tree: &Tree, path: &str, number: u64) -> u64 {
    let Ok(metadata) = tree.metadata(path) else { return 0 };
    let length = metadata.len();
    let file = metadata.is_file();
    // Go's mode has its kinds in the upper bits.
    let mode = u64::from(metadata.mode() & 0o777) | if metadata.is_dir() { 1 << 31 } else { 0 };
    let size = if file && length > 0 { 1 + varint(length) } else { 0 };
    let head = 1 + varint(path.len() as u64) + path.len() as u64 + 1 + varint(mode) + size + 10;
    let mut bytes = 1 + varint(head) + head;
    if file {
        let id = if number > 0 { 1 + varint(number) } else { 0 };
        let mut left = length;
        while left > 0 {
            let piece = left.min(PIECE);
            bytes += 2 + id + 1 + varint(piece) + piece;
            left -= piece;
        }
        bytes += 2 + id;
    }
    bytes
}

fn varint(value: u64) -> u64 {
    u64::from((64 - (value | 1).leading_zeros()).div_ceil(7))
}
