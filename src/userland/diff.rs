//! `diff`: differences between files and folders, in the unified form, which is BusyBox's only one.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use super::applets::Args;
use super::options::Options;
use crate::units::c_words;

const USAGE: &str = "Usage: diff [-abBdiNqrTstw] [-L LABEL] [-S FILE] [-U LINES] FILE1 FILE2

Compare files line by line and output the differences between them.
This implementation supports unified diffs only.

\t-a\tTreat all files as text
\t-b\tIgnore changes in the amount of whitespace
\t-B\tIgnore changes whose lines are all blank
\t-d\tTry hard to find a smaller set of changes
\t-i\tIgnore case differences
\t-L\tUse LABEL instead of the filename in the unified header
\t-N\tTreat absent files as empty
\t-q\tOutput only whether files differ
\t-r\tRecurse
\t-S\tStart with FILE when comparing directories
\t-T\tMake tabs line up by prefixing a tab when necessary
\t-s\tReport when two files are the same
\t-t\tExpand tabs to spaces in output
\t-U\tOutput LINES lines of context
\t-w\tIgnore all whitespace";

/// `diff [OPTIONS] FILE1 FILE2`: 0 when they are the same, 1 when not, 2 when that cannot be known.
pub fn main(args: Args) -> ExitCode {
    let long = [("brief", 'q'), ("recursive", 'r'), ("new-file", 'N'), ("unified", 'u'), ("text", 'a'), ("report-identical-files", 's')];
    let options = match Options::read(args, "abBdiNqrTstwuL:S:U:", &long, USAGE) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let [left, right] = options.words.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let context = match options.value('U').map(|text| (text, text.to_str().and_then(|text| text.parse().ok()))) {
        None => 3,
        Some((_, Some(context))) => context,
        Some((text, None)) => {
            eprintln!("diff: invalid number '{}'", text.display());
            return ExitCode::from(2);
        }
    };
    let mut diff = Diff { options: &options, context, out: io::stdout().lock(), differs: false };
    match diff.both(left, right).and_then(|()| diff.out.flush().map_err(|error| c_words(&error))) {
        Ok(()) => ExitCode::from(u8::from(diff.differs)),
        Err(message) => {
            eprintln!("diff: {message}");
            ExitCode::from(2)
        }
    }
}

struct Diff<'a> {
    options: &'a Options,
    context: usize,
    out: io::StdoutLock<'static>,
    differs: bool,
}

/// One side: what it is called and what is there, if anything.
struct Side<'a> {
    name: Cow<'a, OsStr>,
    meta: Option<Metadata>,
}

impl<'a> Side<'a> {
    fn find(name: impl Into<Cow<'a, OsStr>>, absent: bool) -> Result<Self, String> {
        let name = name.into();
        if &*name == "-" {
            return Ok(Self { name, meta: None });
        }
        match fs::metadata(&*name) {
            Ok(meta) => Ok(Self { name, meta: Some(meta) }),
            Err(error) if absent && error.kind() == io::ErrorKind::NotFound => Ok(Self { name, meta: None }),
            Err(error) => Err(format!("can't stat '{}': {}", name.display(), c_words(&error))),
        }
    }

    fn is_dir(&self) -> bool {
        self.meta.as_ref().is_some_and(Metadata::is_dir)
    }

    fn content(&self) -> Result<Vec<u8>, String> {
        let mut bytes = vec![];
        let read = match (&self.meta, &*self.name == "-") {
            (_, true) => io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes),
            (None, _) => Ok(bytes),
            (Some(_), _) => fs::read(&*self.name),
        };
        read.map_err(|error| format!("{}: {}", self.name.display(), c_words(&error)))
    }
}

impl Diff<'_> {
    /// What was named on the command line.
    fn both(&mut self, left: &OsStr, right: &OsStr) -> Result<(), String> {
        let absent = self.options.has('N');
        let (mut first, mut second) = (Side::find(left, absent)?, Side::find(right, absent)?);
        match (first.is_dir(), second.is_dir()) {
            (true, true) => return self.folders(left, right, Path::new("")),
            // A folder beside a file stands for the file of that name in it.
            (true, false) if second.meta.is_some() => first = Side::find(inside(left, right), absent)?,
            (false, true) if first.meta.is_some() => second = Side::find(inside(right, left), absent)?,
            (false, false) => {}
            _ => return Err("can't compare stdin to a directory".into()),
        }
        self.files(&first, &second)
    }

    /// What is in two folders, at `below` in each.
    fn folders(&mut self, left: &OsStr, right: &OsStr, below: &Path) -> Result<(), String> {
        let mut names: BTreeSet<OsString> = BTreeSet::new();
        for folder in [left, right] {
            match fs::read_dir(Path::new(folder).join(below)) {
                Ok(entries) => names.extend(entries.flatten().map(|entry| entry.file_name())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{}: {}", folder.display(), c_words(&error))),
            }
        }
        let start = self.options.value('S').map(OsStr::to_owned);
        let recursive = self.options.has('r');
        for name in names.into_iter().filter(|name| start.as_ref().is_none_or(|start| name >= start)) {
            let name = below.join(name);
            let (one, other) = (Path::new(left).join(&name).into_os_string(), Path::new(right).join(&name).into_os_string());
            let (first, second) = (Side::find(&*one, true)?, Side::find(&*other, true)?);
            let alone = match (&first.meta, &second.meta) {
                (None, None) => continue,
                (Some(_), None) => Some((left, first.is_dir())),
                (None, Some(_)) => Some((right, second.is_dir())),
                _ => None,
            };
            if let Some((folder, is_dir)) = alone
                && !(self.options.has('N') && (!is_dir || recursive))
            {
                self.differs = true;
                // Of a folder without a counterpart BusyBox says nothing when it goes into folders, but for the exit status.
                if recursive && is_dir {
                    continue;
                }
                self.say(format_args!("Only in {}: {}", folder.display(), name.display()))?;
                continue;
            }
            let (left_dir, right_dir) = (first.is_dir() || first.meta.is_none(), second.is_dir() || second.meta.is_none());
            if (first.is_dir() || second.is_dir()) && left_dir && right_dir {
                if recursive {
                    self.folders(left, right, &name)?;
                } else {
                    self.say(format_args!("Common subdirectories: {} and {}", one.display(), other.display()))?;
                }
            } else {
                self.files(&first, &second)?;
            }
        }
        Ok(())
    }

    fn files(&mut self, first: &Side<'_>, second: &Side<'_>) -> Result<(), String> {
        let (one, other) = (first.name.display(), second.name.display());
        if first.is_dir() != second.is_dir() {
            let kind = |side: &Side<'_>| if side.is_dir() { "directory" } else { "regular file" };
            self.differs = true;
            return self.say(format_args!("File {one} is a {} while file {other} is a {}", kind(first), kind(second)));
        }
        for side in [first, second] {
            if side.meta.as_ref().is_some_and(|meta| !meta.is_file() && !meta.is_dir()) {
                return self.say(format_args!("File {} is not a regular file or directory and was skipped", side.name.display()));
            }
        }
        let (old, new) = (first.content()?, second.content()?);
        let text = self.options.has('a') || ![&old, &new].iter().any(|bytes| bytes.contains(&0));
        let groups = if old == new { vec![] } else { self.groups(&old, &new) };
        if old == new || text && groups.is_empty() {
            return if self.options.has('s') { self.say(format_args!("Files {one} and {other} are identical")) } else { Ok(()) };
        }
        self.differs = true;
        if !text || self.options.has('q') {
            return self.say(format_args!("Files {one} and {other} differ"));
        }
        let labels: Vec<&OsStr> = self.options.values('L').collect();
        // In folders a file that is not there is /dev/null.
        let below = self.options.words.iter().all(|word| *word != first.name && *word != second.name);
        for (mark, side, at) in [("---", first, 0), ("+++", second, 1)] {
            let absent = below && side.meta.is_none();
            let name = labels.get(at).copied().unwrap_or(if absent { OsStr::new("/dev/null") } else { &side.name });
            self.say(format_args!("{mark} {}", name.display()))?;
        }
        let (old, new) = (lines(&old), lines(&new));
        self.hunks(&old, &new, &groups).map_err(|error| c_words(&error))
    }

    /// The changes, each with the lines around it.
    fn groups<'l>(&self, old: &'l [u8], new: &'l [u8]) -> Vec<Vec<DiffOp>> {
        let (old, new) = (lines(old), lines(new));
        let keys = |lines: &[&'l [u8]]| lines.iter().map(|line| self.key(line)).collect::<Vec<_>>();
        let (left, right) = (keys(&old), keys(&new));
        let mut groups = group_diff_ops(capture_diff_slices(Algorithm::Myers, &left, &right), self.context);
        groups.retain(|ops| ops.iter().any(|op| op.tag() != DiffTag::Equal));
        if self.options.has('B') {
            let is_blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
            let changed = |op: &DiffOp| op.tag() != DiffTag::Equal;
            let matters = |op: &DiffOp| !old[op.old_range()].iter().all(is_blank) || !new[op.new_range()].iter().all(is_blank);
            groups.retain(|ops| ops.iter().any(|op| changed(op) && matters(op)));
        }
        groups
    }

    /// What of a line counts.
    fn key<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        let (fold, all, amount) = (self.options.has('i'), self.options.has('w'), self.options.has('b'));
        if !fold && !all && !amount {
            return Cow::Borrowed(line);
        }
        let mut key = vec![];
        for byte in line.strip_suffix(b"\n").unwrap_or(line) {
            let byte = if fold { byte.to_ascii_lowercase() } else { *byte };
            if !byte.is_ascii_whitespace() || !all && !amount {
                key.push(byte);
            } else if amount && !all && key.last() != Some(&b' ') {
                key.push(b' ');
            }
        }
        if amount && key.last() == Some(&b' ') {
            key.pop();
        }
        Cow::Owned(key)
    }

    fn hunks(&mut self, old: &[&[u8]], new: &[&[u8]], groups: &[Vec<DiffOp>]) -> io::Result<()> {
        for ops in groups {
            let (Some(first), Some(last)) = (ops.first(), ops.last()) else { continue };
            let (removed, added) = (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
            writeln!(self.out, "@@ -{} +{} @@", range(removed), range(added))?;
            for op in ops {
                if op.tag() == DiffTag::Equal {
                    for line in &old[op.old_range()] {
                        self.line(b' ', line)?;
                    }
                    continue;
                }
                for line in &old[op.old_range()] {
                    self.line(b'-', line)?;
                }
                for line in &new[op.new_range()] {
                    self.line(b'+', line)?;
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, mark: u8, line: &[u8]) -> io::Result<()> {
        self.out.write_all(&[mark])?;
        if self.options.has('T') {
            self.out.write_all(b"\t")?;
        }
        if self.options.has('t') {
            let mut column = 0;
            for byte in line {
                let spaces = if *byte == b'\t' { 8 - column % 8 } else { 1 };
                self.out.write_all(if *byte == b'\t' { &b"        "[..spaces] } else { std::slice::from_ref(byte) })?;
                column += spaces;
            }
        } else {
            self.out.write_all(line)?;
        }
        if line.ends_with(b"\n") { Ok(()) } else { self.out.write_all(b"\n\\ No newline at end of file\n") }
    }

    fn say(&mut self, text: std::fmt::Arguments<'_>) -> Result<(), String> {
        writeln!(self.out, "{text}").map_err(|error| c_words(&error))
    }
}

/// Where the file called `other` would be in `folder`.
fn inside(folder: &OsStr, other: &OsStr) -> OsString {
    Path::new(folder).join(Path::new(other).file_name().unwrap_or(other)).into_os_string()
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Lines as a hunk's head counts them: from one, and the line before where there are none.
fn range(lines: std::ops::Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}
