//! The exit codes of `dockside`, and how every `--help` says them. `dockside docker` exits as Docker's client does.

use std::fmt::Write;

pub const OK: u8 = 0;
/// Something could not be done.
pub const ERROR: u8 = 1;
/// The command line was wrong.
pub const USAGE: u8 = 2;
/// An exercise did not do what its slide says.
pub const MISMATCH: u8 = 50;
/// `lint` found what must not stay.
pub const FINDINGS: u8 = 51;
/// A signal ended it: this and the signal's number.
pub const SIGNALLED: u8 = 128;
/// ^C ended it.
pub const INTERRUPTED: u8 = SIGNALLED + 2;

/// The end of a command's `--help`: its codes, with the one that clap gives for a wrong command line.
pub fn status(codes: &[(u8, &str)]) -> String {
    let mut codes = codes.to_vec();
    codes.push((USAGE, "usage error"));
    codes.sort_unstable();
    codes.iter().fold("Exit status:".to_owned(), |mut text, (code, meaning)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{code:>5}  {meaning}");
        text
    })
}
