//! Files and commands that a program reads and writes, kept open under their names.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Read, Write},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    process::{Child, Command, Stdio},
    rc::Rc,
};

use super::regex::Regex;

/// What ends a record.
#[derive(Clone, Debug)]
pub enum Separator {
    Byte(u8),
    /// Empty lines.
    Paragraph,
    Regex(Rc<Regex>),
}

/// Something that records are read from.
pub struct Reader {
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    /// How much of the buffer is done.
    at: usize,
    is_over: bool,
    child: Option<Child>,
}

impl Reader {
    pub fn new(source: Box<dyn Read>) -> Self {
        Self { source, buffer: vec![], at: 0, is_over: false, child: None }
    }

    /// Opens a file; `-` is the standard input.
    pub fn open(path: &[u8]) -> io::Result<Self> {
        Ok(Self::new(if path == b"-" { Box::new(io::stdin()) } else { Box::new(File::open(OsStr::from_bytes(path))?) }))
    }

    fn run(command: &[u8]) -> io::Result<Self> {
        let mut child = shell(command).stdout(Stdio::piped()).spawn()?;
        let source = child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        Ok(Self { child: Some(child), ..Self::new(Box::new(source)) })
    }

    /// Reads more. False when there is no more.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + length.max(16 << 10), 0);
        let read = loop {
            match self.source.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(length + *read.as_ref().unwrap_or(&0));
        self.is_over = read? == 0;
        Ok(!self.is_over)
    }

    /// The next record, without what ends it.
    pub fn record(&mut self, separator: &Separator) -> io::Result<Option<Vec<u8>>> {
        if matches!(separator, Separator::Paragraph) {
            loop {
                while self.buffer.get(self.at) == Some(&b'\n') {
                    self.at += 1;
                }
                if self.at < self.buffer.len() || !self.fill()? {
                    break;
                }
            }
        }
        let mut seen = 0;
        loop {
            let rest = &self.buffer[self.at..];
            let end = match separator {
                Separator::Byte(byte) => rest[seen..].iter().position(|b| b == byte).map(|at| (seen + at, seen + at + 1)),
                Separator::Paragraph => rest.windows(2).skip(seen.saturating_sub(1)).position(|pair| pair == b"\n\n").map(|at| {
                    let at = at + seen.saturating_sub(1);
                    (at, at + 2)
                }),
                // One that goes up to the end may go further in what is yet to be read.
                Separator::Regex(regex) => find(regex, rest).filter(|(_, end)| *end < rest.len() || self.is_over),
            };
            if let Some((end, next)) = end {
                let record = rest[..end].to_vec();
                self.at += next;
                return Ok(Some(record));
            }
            seen = rest.len();
            if !self.fill()? {
                break;
            }
        }
        // What was held back for want of more is looked at once again.
        if let Separator::Regex(regex) = separator
            && let Some((end, next)) = find(regex, &self.buffer[self.at..])
        {
            let record = self.buffer[self.at..self.at + end].to_vec();
            self.at += next;
            return Ok(Some(record));
        }
        if self.at == self.buffer.len() {
            return Ok(None);
        }
        let mut record = self.buffer.split_off(self.at);
        if matches!(separator, Separator::Paragraph) && record.last() == Some(&b'\n') {
            record.pop();
        }
        self.buffer.clear();
        self.at = 0;
        Ok(Some(record))
    }
}

/// A match that is not empty.
fn find(regex: &Regex, text: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let found = regex.find(text, from)?;
        if found.0 < found.1 {
            return Some(found);
        }
        from = found.1 + 1;
        if from > text.len() {
            return None;
        }
    }
}

fn shell(command: &[u8]) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(OsStr::from_bytes(command));
    shell
}

/// How a file is opened to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Anew,
    Append,
    Command,
}

enum Target {
    File(BufWriter<File>),
    /// Its standard input, and itself.
    Command(Option<BufWriter<std::process::ChildStdin>>, Child),
    Output,
    Errors,
}

/// Everything that is open.
pub struct Streams {
    output: BufWriter<io::Stdout>,
    is_terminal: bool,
    readers: Vec<(Vec<u8>, bool, Reader)>,
    targets: Vec<(Vec<u8>, Target)>,
}

impl Streams {
    pub fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self { output: BufWriter::with_capacity(64 << 10, io::stdout()), is_terminal, readers: vec![], targets: vec![] }
    }

    pub fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        if self.is_terminal { self.output.flush() } else { Ok(()) }
    }

    /// Writes to the file or command of that name.
    pub fn write(&mut self, name: &[u8], way: Way, bytes: &[u8]) -> io::Result<()> {
        let at = match self.targets.iter().position(|(of, _)| of == name) {
            Some(at) => at,
            None => {
                let target = self.open(name, way)?;
                self.targets.push((name.to_vec(), target));
                self.targets.len() - 1
            }
        };
        match &mut self.targets[at].1 {
            Target::File(file) => file.write_all(bytes),
            Target::Command(input, _) => input.as_mut().map_or(Ok(()), |input| input.write_all(bytes)),
            Target::Output => self.print(bytes),
            Target::Errors => {
                self.output.flush()?;
                io::stderr().write_all(bytes)
            }
        }
    }

    fn open(&mut self, name: &[u8], way: Way) -> io::Result<Target> {
        match (way, name) {
            (Way::Command, _) => {
                // What was printed before stands before what the command prints.
                self.flush()?;
                let mut child = shell(name).stdin(Stdio::piped()).spawn()?;
                Ok(Target::Command(child.stdin.take().map(BufWriter::new), child))
            }
            (_, b"/dev/stdout") => Ok(Target::Output),
            (_, b"/dev/stderr") => Ok(Target::Errors),
            (Way::Anew, _) => File::create(OsStr::from_bytes(name)).map(|file| Target::File(BufWriter::new(file))),
            (Way::Append, _) => {
                let file = OpenOptions::new().append(true).create(true).open(OsStr::from_bytes(name))?;
                Ok(Target::File(BufWriter::new(file)))
            }
        }
    }

    /// The next record of a file or of what a command prints.
    pub fn read(&mut self, name: &[u8], is_command: bool, separator: &Separator) -> io::Result<Option<Vec<u8>>> {
        let at = match self.readers.iter().position(|(of, command, _)| of == name && *command == is_command) {
            Some(at) => at,
            None => {
                self.flush()?;
                let reader = if is_command { Reader::run(name)? } else { Reader::open(name)? };
                self.readers.push((name.to_vec(), is_command, reader));
                self.readers.len() - 1
            }
        };
        self.readers[at].2.record(separator)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()?;
        for (_, target) in &mut self.targets {
            match target {
                Target::File(file) => file.flush()?,
                Target::Command(Some(input), _) => input.flush()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Closes what is open under a name; a command's status is told as the kernel tells it. -1 when the last of it could not be written.
    pub fn close(&mut self, name: &[u8]) -> i32 {
        let mut status = 0;
        if let Some(at) = self.readers.iter().position(|(of, ..)| of == name) {
            let (_, _, reader) = self.readers.remove(at);
            drop(reader.source);
            status = reader.child.map_or(0, wait);
        }
        if let Some(at) = self.targets.iter().position(|(of, _)| of == name) {
            let _ = self.output.flush();
            status = shut(self.targets.remove(at).1);
        }
        status
    }

    /// Runs a command; its status, or 256 and the signal that ended it.
    pub fn system(&mut self, command: &[u8]) -> io::Result<i32> {
        self.flush()?;
        let status = shell(command).status()?;
        Ok(status.code().unwrap_or_else(|| 256 + status.signal().unwrap_or(0)))
    }

    /// The end: all is written, and commands that are written to come to their end.
    pub fn finish(&mut self) -> io::Result<()> {
        let written = self.output.flush();
        self.readers.clear();
        for (_, target) in std::mem::take(&mut self.targets) {
            shut(target);
        }
        written
    }
}

fn wait(mut child: Child) -> i32 {
    child.wait().map_or(-1, ExitStatusExt::into_raw)
}

fn shut(target: Target) -> i32 {
    match target {
        Target::File(mut file) => -i32::from(file.flush().is_err()),
        Target::Command(input, child) => {
            drop(input);
            wait(child)
        }
        Target::Output | Target::Errors => 0,
    }
}
