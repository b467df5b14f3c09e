//! The recorded transcripts: read, and compared with what happened now. Ids, times, ages and widths of columns differ by nature.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use crate::support::{Run, User};

pub struct Corpus(BTreeMap<String, Transcript>);

pub struct Transcript {
    pub command: String,
    status: i32,
    stdout: String,
    stderr: String,
}

impl Corpus {
    pub fn find() -> Option<Corpus> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker/transcripts");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            eprintln!("skipped: {} is missing", folder.display());
            return None;
        };
        let mut all = BTreeMap::new();
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = file.strip_suffix(".txt").and_then(|f| f.split_once('-')).map(|(_, name)| name.to_owned()) else { continue };
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            if let Some(transcript) = Transcript::parse(&text) {
                // Of two recordings under one name the later one had its image.
                all.insert(name, transcript);
            }
        }
        Some(Corpus(all))
    }

    pub fn get(&self, name: &str) -> Option<&Transcript> {
        self.0.get(name)
    }
}

impl Transcript {
    fn parse(text: &str) -> Option<Transcript> {
        let (head, rest) = text.split_once("----- stdout\n")?;
        let (stdout, stderr) = rest.split_once("----- stderr\n")?;
        let mut lines = head.lines();
        let command = lines.next()?.strip_prefix("$ ")?.to_owned();
        let status = lines.next()?.strip_prefix("# exit ")?.split_whitespace().next()?.parse().ok()?;
        Some(Transcript { command, status, stdout: stdout.to_owned(), stderr: stderr.to_owned() })
    }

    /// What is not as it was recorded, if anything.
    pub fn difference(&self, run: &Run, user: User) -> Option<String> {
        let mut report = String::new();
        if self.status != run.status {
            report.push_str(&format!("exit {} instead of {}\n", run.status, self.status));
        }
        for (name, old, new) in [("stdout", &self.stdout, &run.stdout), ("stderr", &self.stderr, &run.stderr)] {
            let (old, new) = (normal(old, user), normal(new, user));
            if old != new {
                let diff = similar::TextDiff::from_lines(&old, &new);
                report.push_str(&format!("{name} (- recorded, + now)\n{}", diff.unified_diff().context_radius(2)));
            }
        }
        (!report.is_empty()).then(|| format!("$ {}\n{report}", self.command))
    }
}

fn normal(text: &str, user: User) -> String {
    let rules = [
        (r"\r", ""),
        (r"\x00|\^@", ""),
        (r"\b[0-9a-f]{64}\b", "<id>"),
        (r"\b[0-9a-f]{12}\b", "<short>"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "<date>"),
        (r"[A-Z][a-z]{2} [ \d]\d [\d:]{5}", "<date>"),
        (r"(Less than a second|About a minute|\d+ (second|minute)s?)( ago)?", "<age>"),
        // The busybox of the recordings may be another one than that of this machine.
        (r"\b\d+\.\d+MB\b", "<size>"),
        (r"lowerdir=[^)]*", "<overlay>"),
        (r"(size=\d+k?|mode=\d+|,(uid|gid)=\d+|,nr_inodes=\d+)", "<option>"),
        // A process of the machine's: number, parent, share, start.
        (r"(?m)^(root|4242) +\d+ +\d+ +\d+ +(\d\d:\d\d|<date>) +", "<process> "),
        (r"(?m)^\d{3,} +", "<pid> "),
        (r"(?m)^( +)\d+( root .*\bps\b)", "<pid>$2"),
        (r" {2,}", " "),
    ];
    let mut text = text.to_owned();
    if user == User::Ordinary {
        // Of an ordinary user's engine the machine's root is nobody, as are its devices' owner and group.
        text = text.replace("nobody   nobody ", "root     root ").replace("nobody   65534 ", "root     root ");
    }
    for (pattern, with) in rules {
        text = Regex::new(pattern).expect("a valid rule").replace_all(&text, with).into_owned();
    }
    text.lines().map(|l| format!("{}\n", l.trim_end())).collect()
}
