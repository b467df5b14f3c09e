//! The terminal: raw mode that ends with its guard, sizes, and the key sequence that detaches. It moves no data.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::failure::Failure;

/// Keeps standard input's terminal raw as long as it lives.
pub struct RawMode {
    before: Termios,
}

impl RawMode {
    /// Makes the terminal raw; `None` where standard input is none.
    pub fn enter() -> Option<RawMode> {
        let stdin = std::io::stdin();
        let before = tcgetattr(stdin.as_fd()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        // Docker's client lets the terminal go on translating what is printed by others, as its library does.
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &raw).ok()?;
        Some(RawMode { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin().as_fd(), OptionalActions::Now, &self.before);
    }
}

/// Keeps what is typed from being shown, as long as it lives.
pub struct NoEcho {
    before: Termios,
}

impl NoEcho {
    /// Stops the echo; `None` where standard input is no terminal.
    pub fn enter() -> Option<NoEcho> {
        let stdin = std::io::stdin();
        let before = tcgetattr(stdin.as_fd()).ok()?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &silent).ok()?;
        Some(NoEcho { before })
    }
}

impl Drop for NoEcho {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin().as_fd(), OptionalActions::Now, &self.before);
    }
}

/// Rows and columns of a terminal; `None` if it is none.
pub fn size(fd: BorrowedFd<'_>) -> Option<(u16, u16)> {
    let size = tcgetwinsize(fd).ok()?;
    Some((size.ws_row, size.ws_col))
}

/// Columns for help: those of standard input's terminal, else 80.
pub fn help_columns() -> usize {
    size(std::io::stdin().as_fd()).map_or(80, |(_, columns)| usize::from(columns))
}

/// Rows and columns of standard output; zeros where it is no terminal.
pub fn output_size() -> (u16, u16) {
    size(std::io::stdout().as_fd()).unwrap_or((0, 0))
}

/// Reads `ctrl-p,ctrl-q` and its like into the bytes that the keys send.
pub fn detach_keys(text: &str) -> Result<Vec<u8>, Failure> {
    if text.is_empty() {
        return Ok(vec![16, 17]);
    }
    text.split(',')
        .map(|key| {
            let wrong = || Failure::new(format!("invalid detach keys ({text}): Unknown character: '{key}'"));
            if let [byte] = key.as_bytes() {
                return Ok(*byte);
            }
            let letter = key.strip_prefix("ctrl-").ok_or_else(wrong)?;
            match letter.as_bytes() {
                [b @ b'a'..=b'z'] => Ok(b - b'a' + 1),
                [b'@'] => Ok(0),
                [b'['] => Ok(27),
                [b'\\'] => Ok(28),
                [b']'] => Ok(29),
                [b'^'] => Ok(30),
                [b'_'] => Ok(31),
                _ => Err(wrong()),
            }
        })
        .collect()
}

/// Finds the detach sequence in typed bytes, also across reads.
pub struct EscapeFilter {
    keys: Vec<u8>,
    seen: usize,
}

impl EscapeFilter {
    pub fn new(keys: Vec<u8>) -> EscapeFilter {
        EscapeFilter { keys, seen: 0 }
    }

    /// Passes on what is not part of the sequence; true when the sequence is complete.
    pub fn pass(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        for &byte in input {
            if self.keys.get(self.seen) == Some(&byte) {
                self.seen += 1;
                if self.seen == self.keys.len() {
                    return true;
                }
                continue;
            }
            out.extend_from_slice(&self.keys[..self.seen]);
            self.seen = 0;
            if self.keys.first() == Some(&byte) {
                self.seen = 1;
            } else {
                out.push(byte);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_found_across_reads() {
        let mut filter = EscapeFilter::new(vec![16, 17]);
        let mut out = Vec::new();
        assert!(!filter.pass(b"ab\x10", &mut out));
        assert!(!filter.pass(b"c\x10", &mut out));
        assert!(filter.pass(b"\x11zz", &mut out));
        assert_eq!(out, b"ab\x10c");
    }

    #[test]
    fn keys_are_read() {
        assert_eq!(detach_keys("ctrl-a,x,ctrl-]").ok(), Some(vec![1, b'x', 29]));
        assert!(detach_keys("ctrl-").is_err());
    }
}
