//! Runs recorded docker commands with our client against the recorded answers of a real engine, and compares what it prints, its exit
//! status and its requests with the recording. What is not met stands in `docker_cli_unmet.txt`, by id and with the reason.

mod docker_wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use docker_wire::{Recording, Server, corpus};

/// One transcript: the command and what it did.
struct Transcript {
    id: String,
    command: String,
    status: i32,
    stdout: String,
    stderr: String,
}

fn transcripts(corpus: &Path) -> Vec<Transcript> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(corpus.join("transcripts")).expect("transcripts").flatten().map(|e| e.path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = String::from_utf8_lossy(&std::fs::read(path).expect("a transcript")).into_owned();
            let (head, rest) = text.split_once("\n----- stdout").expect("standard output");
            let rest = rest.split_once('\n').expect("a line").1;
            let (stdout, stderr) = match rest.split_once("\n----- stderr\n") {
                Some((stdout, stderr)) => (format!("{stdout}\n"), stderr.to_owned()),
                None => match rest.split_once("----- stderr\n") {
                    Some((stdout, stderr)) => (stdout.to_owned(), stderr.to_owned()),
                    None => (rest.to_owned(), String::new()),
                },
            };
            let (command, status) = head.rsplit_once("\n# exit ").expect("a status");
            Transcript {
                id: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                command: command.trim_start_matches("$ ").to_owned(),
                status: status.split(' ').next().and_then(|s| s.parse().ok()).expect("a number"),
                stdout,
                stderr,
            }
        })
        .collect()
}

/// Ids that are not met, each with its reason.
fn unmet() -> BTreeMap<String, String> {
    include_str!("docker_cli_unmet.txt")
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
        .map(|l| l.split_once(' ').map_or((l.to_owned(), String::new()), |(id, why)| (id.to_owned(), why.to_owned())))
        .collect()
}

/// Whether the command is one of docker's alone, which a recording of docker's requests can answer.
fn judged(command: &str) -> bool {
    const OTHERS: &[&str] = &["docker compose", "docker buildx", "DOCKER_BUILDKIT=1", "curl ", "jq ", "tar ", "setpriv "];
    command.contains("docker ") && !OTHERS.iter().any(|other| command.contains(other))
}

struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
    complaints: Vec<String>,
}

fn run(corpus: &Path, transcript: &Transcript) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dockside"), bin.join("docker")).expect("a link");
    for empty in ["b2", "b3"] {
        std::fs::create_dir_all(folder.path().join("ctx").join(empty)).expect("a folder");
    }
    for context in std::fs::read_dir(corpus.join("contexts")).expect("contexts").flatten() {
        std::os::unix::fs::symlink(context.path(), folder.path().join("ctx").join(context.file_name())).expect("a link");
    }
    std::fs::create_dir_all(folder.path().join("run")).expect("a folder");
    for archive in ["s2.tar", "ml.tar", "ex.tar", "in.txt"] {
        std::fs::write(folder.path().join("run").join(archive), b"an archive").expect("a file");
    }
    let wire = std::fs::read(corpus.join("wire").join(format!("{}.http", transcript.id))).unwrap_or_default();
    let server = Server::start(Recording::parse(&wire), folder.path());
    let place = format!("{}/", folder.path().display());
    let command = transcript.command.replace("/lab/", &place);
    let command = match command.strip_prefix("TTY ") {
        Some(command) => format!("script -qefc {} /dev/null", quote(command)),
        None => command,
    };
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("timeout")
        .args(["8", "bash", "-c", &command])
        .env("PATH", path)
        .env("DOCKER_HOST", format!("unix://{}", server.socket.display()))
        .env("DOCKER_CONFIG", folder.path().join("run/dockercfg"))
        .env("TZ", "UTC")
        .env_remove("DOCKER_BUILDKIT")
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
        text.replace(&server.socket.display().to_string(), "/lab/run/d26log.sock").replace(&place, "/lab/")
    };
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        complaints: server.complaints(),
    }
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What differs between the run and the transcript; nothing where it is met.
fn differences(transcript: &Transcript, ran: &Ran) -> Vec<String> {
    let mut out = Vec::new();
    if ran.status != transcript.status {
        out.push(format!("exit status {} and not {}", ran.status, transcript.status));
    }
    // Docker lists the names of one image in no order.
    let lines = |text: &str| {
        // A column that holds the socket's path is as wide as the path.
        let blanks = transcript.command.starts_with("docker context");
        let line = |l: &str| if blanks { l.split_whitespace().collect::<Vec<_>>().join(" ") } else { l.trim_end().to_owned() };
        let mut lines: Vec<String> = text.lines().map(line).collect();
        if transcript.command.contains("docker images") || transcript.command.contains("image ls") {
            lines.sort();
        }
        lines.join("\n")
    };
    for (name, wanted, got) in [("standard output", &transcript.stdout, &ran.stdout), ("standard error", &transcript.stderr, &ran.stderr)] {
        if lines(wanted) != lines(got) {
            let diff = similar::TextDiff::from_lines(wanted.as_str(), got.as_str());
            out.push(format!("{name}:\n{}", diff.unified_diff().header("recorded", "ours")));
        }
    }
    out.extend(ran.complaints.iter().cloned());
    out
}

enum Verdict {
    Met,
    /// Not met, and on the list.
    Expected,
    Wrong(String),
}

fn judge(corpus: &Path, transcript: &Transcript, listed: bool) -> Verdict {
    // An age may change between the server's clock and the client's: three attempts.
    let mut found = Vec::new();
    for _ in 0..3 {
        found = differences(transcript, &run(corpus, transcript));
        if found.is_empty() || listed {
            break;
        }
    }
    match (found.is_empty(), listed) {
        (true, false) => Verdict::Met,
        (true, true) => Verdict::Wrong(format!("{}: is met, take it off the list", transcript.id)),
        (false, true) => Verdict::Expected,
        (false, false) => Verdict::Wrong(format!("{}: $ {}\n{}", transcript.id, transcript.command, found.join("\n"))),
    }
}

#[test]
fn recorded_commands_print_what_was_recorded() {
    let Some(corpus) = corpus() else { return };
    let only = std::env::var("DOCKER_CLI_ONLY").ok();
    let unmet = unmet();
    let chosen: Vec<Transcript> = transcripts(&corpus)
        .into_iter()
        .filter(|t| only.as_deref().is_none_or(|only| t.id.starts_with(only)) && judged(&t.command))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new((0, Vec::new()));
    // Most of the time is the transcripts' own sleeping.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(transcript) = chosen.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let verdict = judge(&corpus, transcript, unmet.contains_key(&transcript.id));
                    let mut results = results.lock().expect("the results");
                    match verdict {
                        Verdict::Met => results.0 += 1,
                        Verdict::Expected => {}
                        Verdict::Wrong(text) => results.1.push(text),
                    }
                }
            });
        }
    });
    let (met, wrong) = results.into_inner().expect("the results");
    eprintln!("{met} transcripts are met, {} are not", unmet.len());
    assert!(wrong.is_empty(), "{}\n\n{} transcripts differ", wrong.join("\n\n"), wrong.len());
    assert!(only.is_some() || met > 100, "only {met} transcripts were met");
}
