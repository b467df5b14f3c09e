//! The recorded transcripts: read, and compared with what happened now. Ids, times, ages and widths of columns differ by nature.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use crate::support::{Run, User};

pub struct Corpus {
    transcripts: BTreeMap<String, Transcript>,
    /// All commands, also those whose transcripts are kept apart.
    commands: BTreeMap<String, String>,
}

pub struct Transcript {
    pub command: String,
    status: i32,
    stdout: String,
    stderr: String,
}

impl Corpus {
    pub fn find() -> Option<Corpus> {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker");
        let Ok(entries) = std::fs::read_dir(corpus.join("transcripts")) else {
            eprintln!("skipped: {} is missing", corpus.display());
            return None;
        };
        let mut all = BTreeMap::new();
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = file.strip_suffix(".txt").and_then(|f| f.split_once('-')).map(|(_, name)| name.to_owned()) else { continue };
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            if let Some(transcript) = Transcript::parse(&text) {
                // Of two recordings under one name the later one had its image.
                all.insert(name, transcript);
            }
        }
        let mut commands = BTreeMap::new();
        for part in 1..=4 {
            let text = std::fs::read_to_string(corpus.join(format!("scenario-{part}.txt"))).unwrap_or_default();
            commands.extend(text.lines().filter_map(|l| l.split_once('|')).map(|(name, line)| (name.to_owned(), line.to_owned())));
        }
        Some(Corpus { transcripts: all, commands })
    }

    /// The command of that name, as it was typed.
    pub fn command(&self, name: &str) -> Option<&str> {
        self.commands.get(name).map(String::as_str)
    }

    pub fn get(&self, name: &str) -> Option<&Transcript> {
        self.transcripts.get(name)
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

    /// The same with both streams changed.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn changed(&self, change: impl Fn(&str) -> String) -> Transcript {
        let (stdout, stderr) = (change(&self.stdout), change(&self.stderr));
        Transcript { command: self.command.clone(), status: self.status, stdout, stderr }
    }

    /// What is not as it was recorded, if anything.
    pub fn difference(&self, run: &Run, user: User) -> Option<String> {
        let mut report = String::new();
        if self.status != run.status {
            report.push_str(&format!("exit {} instead of {}\n", run.status, self.status));
        }
        for (name, old, new) in [("stdout", &self.stdout, &run.stdout), ("stderr", &self.stderr, &run.stderr)] {
            let (mut old, mut new) = (normal(old, user), normal(new, user));
            if self.command.ends_with("docker diff web") || self.command.contains("nslookup") {
                // Docker's order is that of a hash table; busybox shows answers in the order in which they come.
                (old, new) = (sorted(&old), sorted(&new));
            }
            if old != new {
                let diff = similar::TextDiff::from_lines(&old, &new);
                report.push_str(&format!("{name} (- recorded, + now)\n{}", diff.unified_diff().context_radius(2)));
            }
        }
        (!report.is_empty()).then(|| format!("$ {}\n{report}", self.command))
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n") + "\n"
}

fn normal(text: &str, user: User) -> String {
    let rules = [
        (r"\r", ""),
        // The machine's name server.
        (r"(?m)^nameserver (1[013-9]|[2-9]|12[0-689])[\d.]*$", "nameserver <server>"),
        (r"(?m)^# ExtServers: .*$", "# ExtServers: <servers>"),
        (r"name=[a-z]+_[a-z]+", "name=<name>"),
        (r"\x00|\^@", ""),
        (r"[0-9a-f]{64}", "<id>"),
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
        // The base image and its busybox are newer than the recordings.
        (r"(?m)^postgres:x:70:70::/var:/bin/sh\n", ""),
        (r"0/0 \d+ <date> passwd", "0/0 <n> <date> passwd"),
        (r"… (86|117)B", "… <n>"),
        (r"Avail(able)?", "Available"),
        // What stands for a device is a mount where no device can be made.
        (r"(?m)^devtmpfs on /dev/tty .*\n", ""),
        (r"(?m)^(dev)?tmpfs on /proc/timer_list .*\n", ""),
        (r"(?m)^tmpfs on /t type tmpfs .*\n", "<tmpfs>\n"),
    ];
    let mut text = text.to_owned();
    if user == User::Ordinary {
        // Of an ordinary user's engine the machine's root is nobody, as are its devices' owner and group.
        text = replace(&text, "nobody +(nobody|65534) ", "root root ");
        // It has one user and group, and may set no others.
        text = replace(&text, " groups=[^ \n]*", "");
        text = replace(&text, "/tmp: Invalid argument", "/tmp: Operation not permitted");
    }
    for (pattern, with) in rules {
        text = replace(&text, pattern, with);
    }
    text.lines().map(|l| format!("{}\n", l.trim_end())).collect()
}

fn replace(text: &str, pattern: &str, with: &str) -> String {
    Regex::new(pattern).expect("a valid rule").replace_all(text, with).into_owned()
}
