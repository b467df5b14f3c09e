//! The server's log, in the form of Redis'.

use std::fs::OpenOptions;
use std::io::Write;

/// Writes a line: to `file`, or to standard output where there is none. `role` is `M` for a server, `C` for what it is before that.
pub fn line(file: &str, role: char, level: Level, text: &str) {
    let mark = match level {
        Level::Debug => '.',
        Level::Verbose => '-',
        Level::Notice => '*',
        Level::Warning => '#',
    };
    let time = jiff::Zoned::now().strftime("%d %b %Y %H:%M:%S.%3f");
    write(file, &format!("{}:{role} {time} {mark} {text}\n", std::process::id()));
}

/// Writes that a signal has come, in the form that such a line has.
pub fn signal(file: &str, text: &str) {
    write(file, &format!("{}:signal-handler ({}) {text}\n", std::process::id(), jiff::Timestamp::now().as_second()));
}

fn write(file: &str, line: &str) {
    if file.is_empty() {
        let _ = std::io::stdout().write_all(line.as_bytes());
    } else if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(file) {
        let _ = file.write_all(line.as_bytes());
    }
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
}
