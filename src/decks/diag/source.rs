//! Text with its origin: what parsers read, and where each byte of it stands on disk.
//!
//! A deck is often stitched out of many files, with generated slides between them and its line ends made equal. `SourceText` is
//! the stitched text; every byte of it maps to one byte of one file.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Excerpt;
use crate::slides::Position;

/// More than this is no course material; reading stops with a message instead of filling the memory.
const MAX_FILE: u64 = 256 << 20;
/// Longest line of an excerpt, in bytes.
const MAX_EXCERPT: usize = 4000;

/// Why a file cannot serve as a source.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{} cannot be read", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} is a binary file (byte {offset} is no text)", path.display())]
    Binary { path: PathBuf, offset: usize },
    #[error("{} is too big ({size} bytes; the limit is {MAX_FILE})", path.display())]
    TooBig { path: PathBuf, size: u64 },
}

/// Why the system refused a file: the words of every message about one that cannot be read or written.
pub fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "there is no such file".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::AlreadyExists => "there is a file in its place".to_owned(),
        // Of what goes through a temporary file that one's name is told, which nobody knows.
        _ => error.to_string().split(" at path \"").next().unwrap_or_default().to_owned(),
    }
}

/// One file as it is on disk, with an index of its lines.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    text: String,
    /// Byte offset of the first byte of each line.
    lines: Vec<usize>,
}

impl SourceFile {
    /// Takes a text as the content of `path`, without looking at the disk.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut lines = vec![0];
        lines.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        SourceFile { path: path.into(), text, lines }
    }

    /// Reads a text file; what is no UTF-8 or has a NUL byte is refused.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { path: path.to_owned(), source };
        let meta = std::fs::metadata(path).map_err(io)?;
        if meta.is_file() && meta.len() > MAX_FILE {
            return Err(ReadError::TooBig { path: path.to_owned(), size: meta.len() });
        }
        let bytes = std::fs::read(path).map_err(io)?;
        if let Some(offset) = memchr::memchr(0, &bytes) {
            return Err(ReadError::Binary { path: path.to_owned(), offset });
        }
        let text =
            String::from_utf8(bytes).map_err(|e| ReadError::Binary { path: path.to_owned(), offset: e.utf8_error().valid_up_to() })?;
        Ok(SourceFile::new(path, text))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content as it is on disk: byte-order mark and carriage returns included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number of the line, from 1, that byte `offset` is in.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// Line and column (in characters), both from 1.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = floor_char(&self.text, offset);
        let line = self.line(offset);
        let before = &self.text[self.lines[line - 1]..offset];
        (line, before.trim_start_matches('\u{feff}').chars().count() + 1)
    }

    /// The bytes of line `line` (from 1), without its line end; empty past the end.
    pub fn line_span(&self, line: usize) -> Range<usize> {
        let Some(&start) = line.checked_sub(1).and_then(|i| self.lines.get(i)) else { return self.text.len()..self.text.len() };
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let text = &self.text[start..end];
        start..start + text.strip_suffix('\r').unwrap_or(text).len()
    }

    /// The line around `offset`, cut to a readable length, with `length` bytes marked (at most to the line's end).
    pub fn excerpt(&self, offset: usize, length: usize) -> Excerpt {
        let offset = floor_char(&self.text, offset);
        let line = self.line_span(self.line(offset));
        let mut start = line.start;
        if offset.saturating_sub(start) > MAX_EXCERPT / 2 && line.len() > MAX_EXCERPT {
            start = floor_char(&self.text, offset - MAX_EXCERPT / 2).max(line.start);
        }
        let end = floor_char(&self.text, line.end.min(start + MAX_EXCERPT)).max(start);
        let text = &self.text[start..end];
        let from = offset.clamp(start, end) - start;
        let to = floor_char(text, (from + length.max(1)).min(text.len())).max(from);
        let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Excerpt { line: text[bom..].to_owned(), span: from.saturating_sub(bom)..to.saturating_sub(bom) }
    }
}

/// The start of the character that byte `offset` belongs to.
fn floor_char(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A stretch of a `SourceText` that comes from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Where it starts in the stitched text.
    start: usize,
    file: usize,
    /// Byte in the file that its first byte stands for.
    offset: usize,
    /// Generated text: all of it stands for the one byte at `offset`.
    generated: bool,
}

/// Where a byte of a `SourceText` comes from.
#[derive(Clone, Debug)]
pub struct Location<'a> {
    pub file: &'a Arc<SourceFile>,
    /// Byte in the file as it is on disk.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Not in the file: it was made (a title slide, a table of contents) because of what stands at `offset`.
    pub generated: bool,
}

/// The text of a deck, line ends all `\n` and no byte-order mark, with the map back to its files.
#[derive(Clone, Debug, Default)]
pub struct SourceText {
    text: String,
    files: Vec<Arc<SourceFile>>,
    pieces: Vec<Piece>,
}

impl SourceText {
    /// An empty text, to be stitched with `push_file` and `push_generated`.
    pub fn new() -> Self {
        SourceText::default()
    }

    /// The whole of one file.
    pub fn from_file(file: SourceFile) -> Self {
        let mut source = SourceText::new();
        let file = Arc::new(file);
        let all = 0..file.text().len();
        source.push_file(&file, all);
        source
    }

    /// A text that is on no disk; `path` is what messages will call it.
    pub fn from_str(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        SourceText::from_file(SourceFile::new(path, text))
    }

    /// The same with carriage returns kept: what a program sees that does not make line ends equal.
    pub fn verbatim(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let file = Arc::new(SourceFile::new(path, text));
        let pieces = vec![Piece { start: 0, file: 0, offset: 0, generated: false }];
        SourceText { text: file.text().to_owned(), files: vec![file], pieces }
    }

    /// Appends bytes of a file as it is on disk: CRLF becomes LF, a byte-order mark at the start goes.
    pub fn push_file(&mut self, file: &Arc<SourceFile>, range: Range<usize>) {
        let index = self.index(file);
        let mut at = range.start;
        if at == 0 && file.text()[range.clone()].starts_with('\u{feff}') {
            at = '\u{feff}'.len_utf8();
        }
        while at < range.end {
            self.pieces.push(Piece { start: self.text.len(), file: index, offset: at, generated: false });
            let rest = &file.text()[at..range.end];
            match memchr::memmem::find(rest.as_bytes(), b"\r\n") {
                Some(end) => {
                    self.text.push_str(&rest[..end]);
                    // The line feed alone; the carriage return is stepped over by a new piece.
                    self.pieces.push(Piece { start: self.text.len(), file: index, offset: at + end + 1, generated: false });
                    self.text.push('\n');
                    at += end + 2;
                }
                None => {
                    self.text.push_str(rest);
                    at = range.end;
                }
            }
        }
    }

    /// Appends text that is in no file; messages about it point at byte `offset` of `file`.
    pub fn push_generated(&mut self, text: &str, file: &Arc<SourceFile>, offset: usize) {
        let index = self.index(file);
        self.pieces.push(Piece { start: self.text.len(), file: index, offset, generated: true });
        self.text.push_str(text);
    }

    /// Appends a stretch of another text with its origins.
    pub fn push_source(&mut self, other: &SourceText, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let map: Vec<usize> = other.files.iter().map(|f| self.index(f)).collect();
        let first = other.pieces.partition_point(|p| p.start <= range.start).saturating_sub(1);
        let base = self.text.len();
        for piece in other.pieces[first..].iter().take_while(|p| p.start < range.end) {
            let skipped = range.start.saturating_sub(piece.start);
            self.pieces.push(Piece {
                start: base + piece.start.max(range.start) - range.start,
                file: map[piece.file],
                offset: if piece.generated { piece.offset } else { piece.offset + skipped },
                generated: piece.generated,
            });
        }
        self.text.push_str(&other.text[range]);
    }

    /// The text with stretches replaced, which are in order and do not overlap; what is put in stands for the place it is put at.
    pub fn edited(&self, edits: &[(Range<usize>, String)]) -> SourceText {
        let mut out = SourceText::new();
        let mut done = 0;
        for (range, text) in edits {
            out.push_source(self, done.min(range.start)..range.start);
            if let Some(place) = self.locate(range.start).filter(|_| !text.is_empty()) {
                out.push_generated(text, place.file, place.offset);
            }
            done = range.end;
        }
        out.push_source(self, done..self.text.len());
        out
    }

    fn index(&mut self, file: &Arc<SourceFile>) -> usize {
        if let Some(index) = self.files.iter().rposition(|f| Arc::ptr_eq(f, file)) {
            return index;
        }
        self.files.push(file.clone());
        self.files.len() - 1
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files it is made of, in the order of their first use.
    pub fn files(&self) -> &[Arc<SourceFile>] {
        &self.files
    }

    /// Where byte `offset` of the text comes from; `None` only for a text without any file.
    pub fn locate(&self, offset: usize) -> Option<Location<'_>> {
        let piece = self.pieces.get(self.pieces.partition_point(|p| p.start <= offset).saturating_sub(1));
        let (file, offset, generated) = match piece {
            Some(piece) => {
                let file = &self.files[piece.file];
                let inside = if piece.generated { 0 } else { offset.saturating_sub(piece.start) };
                (file, (piece.offset + inside).min(file.text().len()), piece.generated)
            }
            None => (self.files.first()?, 0, false),
        };
        let (line, column) = file.line_column(offset);
        Some(Location { file, offset, line, column, generated })
    }

    /// The file, lines and disk bytes of a stretch of the text. Where it runs on into another file or generated text, the part
    /// in its first file counts; generated text is the empty stretch at the place it was made for.
    pub fn position(&self, range: Range<usize>) -> Position {
        let Some(start) = self.locate(range.start) else { return Position::default() };
        let mut end = start.offset;
        let first = self.pieces.partition_point(|p| p.start <= range.start).saturating_sub(1);
        for (i, piece) in self.pieces.iter().enumerate().skip(first).take_while(|(_, p)| p.start < range.end) {
            if piece.generated || !Arc::ptr_eq(&self.files[piece.file], start.file) {
                continue;
            }
            let stop = self.pieces.get(i + 1).map_or(self.text.len(), |next| next.start).min(range.end);
            end = end.max(piece.offset + stop - piece.start);
        }
        let text = start.file.text();
        let last = text[start.offset..end].strip_suffix('\n').map_or(end, |t| start.offset + t.len());
        let last = if last > start.offset && text.as_bytes().get(last) == Some(&b'\n') { last - 1 } else { last };
        Position {
            file: start.file.path().to_owned(),
            line: start.line,
            end_line: start.file.line(floor_char(text, last)).max(start.line),
            span: start.offset..end,
        }
    }
}
