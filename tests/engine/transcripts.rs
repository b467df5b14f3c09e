//! The recorded transcripts: read, and compared with what happened now. Ids, times, ages and widths of columns differ by nature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use regex::Regex;

use crate::support::{Run, User};

pub struct Corpus {
    /// In the order in which they were recorded.
    transcripts: Vec<Transcript>,
    /// All commands of the scenarios, also those whose transcripts are kept apart.
    scenarios: Vec<Vec<Step>>,
}

/// One line of a scenario.
#[allow(dead_code, reason = "not every test binary that includes this file uses all of it")]
pub struct Step {
    /// Which one it is of all scenarios' lines.
    pub number: u32,
    pub name: String,
    pub command: String,
}

#[allow(dead_code, reason = "not every test binary that includes this file uses all of it")]
#[derive(Clone)]
pub struct Transcript {
    /// The number and the name, as its file has them.
    pub id: String,
    number: u32,
    name: String,
    pub command: String,
    status: i32,
    stdout: String,
    stderr: String,
}

impl Corpus {
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker")
    }

    pub fn find() -> Option<Corpus> {
        let corpus = Corpus::folder();
        let Ok(entries) = std::fs::read_dir(corpus.join("transcripts")) else {
            eprintln!("skipped: {} is missing", corpus.display());
            return None;
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        let transcripts = files
            .iter()
            .filter_map(|file| {
                let text = String::from_utf8_lossy(&std::fs::read(file).ok()?).into_owned();
                Transcript::parse(file.file_stem()?.to_str()?, &text)
            })
            .collect();
        let mut number = 0;
        let scenarios = (1..=4)
            .map(|part| {
                let text = std::fs::read_to_string(corpus.join(format!("scenario-{part}.txt"))).unwrap_or_default();
                text.lines()
                    .filter_map(|line| line.split_once('|'))
                    .map(|(name, command)| {
                        number += 1;
                        Step { number, name: name.to_owned(), command: command.to_owned() }
                    })
                    .collect()
            })
            .collect();
        Some(Corpus { transcripts, scenarios })
    }

    /// The lines of a scenario, from 1 to 4.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn scenario(&self, part: usize) -> &[Step] {
        &self.scenarios[part - 1]
    }

    /// The command of that name, as it was typed.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn command(&self, name: &str) -> Option<&str> {
        self.scenarios.iter().flatten().rfind(|step| step.name == name).map(|step| step.command.as_str())
    }

    /// Of two recordings under one name the later one had its image.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn get(&self, name: &str) -> Option<&Transcript> {
        self.transcripts.iter().rfind(|transcript| transcript.name == name)
    }

    /// What was recorded of a line of the scenarios; the recorder's count went apart from theirs by a line.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn recorded(&self, number: u32, name: &str) -> Option<&Transcript> {
        self.transcripts.iter().find(|transcript| transcript.name == name && transcript.number.abs_diff(number) <= 2)
    }
}

impl Transcript {
    fn parse(id: &str, text: &str) -> Option<Transcript> {
        let (number, name) = id.split_once('-')?;
        let (head, rest) = text.split_once("----- stdout")?;
        // The head of the section may say more: that these are the bytes of a terminal.
        let (stdout, stderr) = rest.split_once('\n')?.1.split_once("----- stderr")?;
        let mut lines = head.lines();
        let command = lines.next()?.strip_prefix("$ ")?.to_owned();
        let status = lines.next()?.strip_prefix("# exit ")?.split_whitespace().next()?.parse().ok()?;
        Some(Transcript {
            id: id.to_owned(),
            number: number.parse().ok()?,
            name: name.to_owned(),
            command,
            status,
            stdout: stdout.to_owned(),
            stderr: stderr.strip_prefix('\n').unwrap_or(stderr).to_owned(),
        })
    }

    /// The same with both streams changed.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn changed(&self, change: impl Fn(&str) -> String) -> Transcript {
        let (stdout, stderr) = (change(&self.stdout), change(&self.stderr));
        let Transcript { id, number, name, command, status, .. } = self.clone();
        Transcript { id, number, name, command, status, stdout, stderr }
    }

    /// What is not as it was recorded, if anything.
    pub fn difference(&self, run: &Run, user: User) -> Option<String> {
        let mut report = String::new();
        if self.status != run.status {
            report.push_str(&format!("exit {} instead of {}\n", run.status, self.status));
        }
        for (name, old, new) in [("stdout", &self.stdout, &run.stdout), ("stderr", &self.stderr, &run.stderr)] {
            let settle = |text: &str| if self.moves() { settled(text) } else { text.to_owned() };
            let (mut old, mut new) = (normal(&settle(old), user), normal(&settle(new), user));
            if self.unordered() {
                (old, new) = (sorted(&old), sorted(&new));
            }
            if old != new {
                let diff = similar::TextDiff::from_lines(&old, &new);
                report.push_str(&format!("{name} (- recorded, + now)\n{}", diff.unified_diff().context_radius(2)));
            }
        }
        (!report.is_empty()).then(|| format!("$ {}\n{report}", self.command))
    }

    /// Whether it shows how far layers have come: how often, and which of them first, is a matter of the moment.
    fn moves(&self) -> bool {
        ["docker push", "docker pull", "docker load", "docker run --rm localhost"].iter().any(|words| self.command.contains(words))
    }

    /// Whether the order of its lines is nobody's choice: that of a hash table, of digests, of answers, or of images of one second.
    fn unordered(&self) -> bool {
        // Of steps of one moment, those of BuildKit's cache for one.
        let words = [
            "--progress=plain",
            "docker diff web",
            "nslookup",
            "docker images",
            "docker image ls",
            "docker volume",
            "tar tf",
            "tar tvf",
            "system df",
        ];
        self.moves() || words.iter().any(|words| self.command.contains(words))
    }
}

/// What progress has come to in the end.
fn settled(text: &str) -> String {
    let passing = ["Downloading", "Extracting", "Verifying Checksum", "Download complete", "Pulling fs layer", "Preparing", "Waiting"];
    let lines = text.split(['\r', '\n', '\x1b']).map(|line| replace(line, r"^\[\d*[A-Z]", ""));
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty() && !passing.iter().any(|word| line.contains(word))).collect();
    lines.dedup();
    lines.join("\n") + "\n"
}

/// What stands on a terminal after BuildKit's last picture of a build: how many came before it is a matter of the moment.
fn last_frame(text: &str) -> String {
    text.rfind("[+] Building").map_or(text, |at| &text[at..]).to_owned()
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n") + "\n"
}

fn normal(text: &str, user: User) -> String {
    let rules = [
        // The recorder took a carriage return for the end of a line.
        (r"\r\n", "\n"),
        (r"\r", "\n"),
        // The machine's name server.
        (r"(?m)^nameserver (1[013-9]|[2-9]|12[0-689])[\d.]*$", "nameserver <server>"),
        (r"(?m)^# ExtServers: .*$", "# ExtServers: <servers>"),
        (r"name=[a-z]+_[a-z]+", "name=<name>"),
        (r"(?m)\b[a-z]+_[a-z]+ *$", "<name>"),
        (r"\+dfsg1", ""),
        // Where an engine keeps its layers.
        (r#""[^"]*/(diff|merged|work)""#, "\"<$1>\""),
        (r"\b(file|dir|multi):[0-9a-f]+", "$1:<sum>"),
        (r"http://%2F[^/]*/", "http://<socket>/"),
        (r#""([Ss]ize)": \d+"#, "\"$1\": <n>"),
        // What BuildKit's steps took, the image's beginning on a narrow line, and a snapshot's own name.
        (r"DONE \d+\.\ds", "DONE <time>"),
        (r"writing image sha256:[0-9a-f]+", "writing image sha256:<id>"),
        (r"ref [0-9a-f-]{36}::[0-9a-z]{25}", "ref <snapshot>"),
        (r"\x00|\^@", ""),
        // What a build and its steps took on a terminal, and by what BuildKit calls a tree of files.
        (r"(?m)^(.*\[\+\] Building|.* => .*) \d+\.\ds", "$1 <time>"),
        // Which of several cached steps is found first is a matter of the moment.
        (r"(?m)^#\d+ (\[\d+/\d+\] .*\n#\d+ CACHED)$", "#<n> $1"),
        (r"checksum of ref [0-9a-f-]+::[0-9a-z]+", "checksum of ref <ref>"),
        (r"[0-9a-f]{64}", "<id>"),
        (r"\b[0-9a-f]{12}\b", "<short>"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "<date>"),
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
        (r"0/0 \d+ <date>", "0/0 <n> <date>"),
        (r"… (86|117)B", "… <n>"),
        (r"Avail(able)?", "Available"),
        // What stands for a device is a mount where no device can be made.
        (r"(?m)^devtmpfs on /dev/tty .*\n", ""),
        (r"(?m)^(dev)?tmpfs on /proc/timer_list .*\n", ""),
        (r"(?m)^tmpfs on /t type tmpfs .*\n", "<tmpfs>\n"),
    ];
    let mut text = last_frame(text);
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

/// Rules are compiled once: there are hundreds of texts to go through.
fn replace(text: &str, pattern: &str, with: &str) -> String {
    static RULES: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
    if !rules.contains_key(pattern) {
        rules.insert(pattern.to_owned(), Regex::new(pattern).expect("a valid rule"));
    }
    rules[pattern].replace_all(text, with).into_owned()
}
