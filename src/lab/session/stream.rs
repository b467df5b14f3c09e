//! The byte stream of a session: marks taken out, the rest kept in bounded memory. Each byte is looked at once.

/// A shell-integration mark of ours: `ESC ] 133 ; KIND ; … BEL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A command's output starts.
    Start { nonce: String },
    /// It ended with a status.
    Done { status: i32, nonce: String },
}

/// A part of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    Text(&'a [u8]),
    Mark(Mark),
}

const PREFIX: &[u8] = b"\x1b]133;";
/// Longer marks are none of ours.
const MAX_MARK: usize = 200;

/// Takes marks out of a stream that comes in pieces of any size.
#[derive(Default)]
pub struct Scanner {
    /// The start of what may become a mark.
    pending: Vec<u8>,
}

impl Scanner {
    /// Hands the parts of `chunk`, with what was left of the chunks before it, to `sink`.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn FnMut(Part)) {
        let mut at = 0;
        while at < chunk.len() {
            if self.pending.is_empty() {
                let escape = chunk[at..].iter().position(|b| *b == 0x1b).map_or(chunk.len(), |i| at + i);
                if escape > at {
                    sink(Part::Text(&chunk[at..escape]));
                }
                at = escape;
                if at == chunk.len() {
                    break;
                }
                self.pending.push(0x1b);
                at += 1;
                continue;
            }
            let b = chunk[at];
            if self.pending.len() < PREFIX.len() {
                if b == PREFIX[self.pending.len()] {
                    self.pending.push(b);
                    at += 1;
                } else {
                    self.flush(sink);
                }
            } else if b == 0x07 {
                at += 1;
                match parse(&self.pending[PREFIX.len()..]) {
                    Some(mark) => sink(Part::Mark(mark)),
                    None => {
                        self.pending.push(b);
                        sink(Part::Text(&self.pending));
                    }
                }
                self.pending.clear();
            } else if b == 0x1b || b == b'\n' || self.pending.len() >= MAX_MARK {
                self.flush(sink);
            } else {
                self.pending.push(b);
                at += 1;
            }
        }
    }

    fn flush(&mut self, sink: &mut dyn FnMut(Part)) {
        let pending = std::mem::take(&mut self.pending);
        sink(Part::Text(&pending));
    }
}

fn parse(body: &[u8]) -> Option<Mark> {
    let body = std::str::from_utf8(body).ok()?;
    let mut fields = body.split(';');
    let mark = match fields.next()? {
        "C" => Mark::Start { nonce: fields.next()?.to_owned() },
        "D" => Mark::Done { status: fields.next()?.parse().ok()?, nonce: fields.next()?.to_owned() },
        _ => return None,
    };
    fields.next().is_none().then_some(mark)
}

/// Output in bounded memory: its first and its last part.
#[derive(Default)]
pub struct Capture {
    head: Vec<u8>,
    /// The last bytes, in two pieces: the older is dropped when the newer is full.
    older: Vec<u8>,
    newer: Vec<u8>,
    left_out: u64,
    total: u64,
}

/// What is kept of the start, and of the end.
pub const KEPT: usize = 512 << 10;

impl Capture {
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = KEPT - self.head.len();
        let (head, rest) = bytes.split_at(bytes.len().min(room));
        self.head.extend_from_slice(head);
        if rest.is_empty() {
            return;
        }
        let keep = &rest[rest.len().saturating_sub(KEPT)..];
        self.left_out += (rest.len() - keep.len()) as u64;
        if self.newer.len() + keep.len() > KEPT {
            self.left_out += self.older.len() as u64;
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.extend_from_slice(keep);
    }

    pub fn clear(&mut self) {
        *self = Capture::default();
    }

    /// All bytes that came, those left out included.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes in the middle that were not kept.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The unfinished last line as it was written, at most its last 400 bytes.
    pub fn last_line(&self) -> Vec<u8> {
        let bytes = self.newer.iter().rev().chain(self.older.iter().rev()).chain(self.head.iter().rev());
        let mut line: Vec<u8> = bytes.take(400).take_while(|b| **b != b'\n').copied().collect();
        line.reverse();
        line
    }

    /// The text that a terminal would show, with a line in the place of what was left out.
    pub fn text(&self) -> String {
        if self.left_out == 0 {
            return super::screen::render(&[self.head.as_slice(), &self.older, &self.newer].concat());
        }
        let mut text = super::screen::render(&self.head);
        text.push_str(&format!("\n[{} bytes left out]\n", self.left_out));
        text.push_str(&super::screen::render(&[self.older.as_slice(), &self.newer].concat()));
        text
    }

    /// The text of the first `limit` bytes.
    pub fn start(&self, limit: usize) -> String {
        super::screen::render(&self.head[..self.head.len().min(limit)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(chunks: &[&[u8]]) -> (Vec<u8>, Vec<Mark>) {
        let mut scanner = Scanner::default();
        let (mut text, mut marks) = (Vec::new(), Vec::new());
        for chunk in chunks {
            scanner.feed(chunk, &mut |part| match part {
                Part::Text(t) => text.extend_from_slice(t),
                Part::Mark(m) => marks.push(m),
            });
        }
        (text, marks)
    }

    #[test]
    fn marks_are_found_however_the_stream_is_cut() {
        let stream = b"a\x1b[1mb\x1b]133;D;42;abc\x07c\x1b]0;t\x07\x1b]133;X\x07\x1b\x1b]133;C;n\x07".to_vec();
        let whole = scan(&[&stream]);
        assert_eq!(whole.0, b"a\x1b[1mbc\x1b]0;t\x07\x1b]133;X\x07\x1b");
        assert_eq!(whole.1, [Mark::Done { status: 42, nonce: "abc".into() }, Mark::Start { nonce: "n".into() }]);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(scan(&bytes), whole);
        for cut in 0..stream.len() {
            assert_eq!(scan(&[&stream[..cut], &stream[cut..]]), whole);
        }
    }

    #[test]
    fn output_is_kept_in_bounded_memory() {
        let mut capture = Capture::default();
        for i in 0..100_000 {
            capture.push(format!("line {i} ...............................\r\n").as_bytes());
        }
        assert!(capture.left_out() > 0);
        let text = capture.text();
        assert!(text.len() < 3 * KEPT);
        assert!(text.starts_with("line 0 ") && text.contains("line 99999 ") && text.contains("bytes left out"));
    }
}
