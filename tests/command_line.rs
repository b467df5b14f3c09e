//! The `dockside` command line from outside: exit codes and how the help says them, paths at which nothing can be read, output that
//! cannot be written, the engine's end, and the environment.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use regex::Regex;
use tempfile::TempDir;

const DECK: &str = "# Hello\n\n```bash\n$ echo hi\nhi\n```\n";

/// A folder with a few files, and commands in it.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Place(folder)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockside"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("DOCKSIDE_HOME", self.0.path().join("home")).env_remove("XDG_RUNTIME_DIR").env_remove("DOCKER_HOST");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The commands that a help lists, but for `help` and `docker`, which has Docker's own.
fn commands(place: &Place, of: &str) -> Vec<String> {
    let help = text(&place.run(&format!("{of} --help")).stdout);
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default().to_owned();
    let names = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    let names = names.filter(|name| !name.is_empty() && name != "help" && name != "docker");
    names.map(|name| format!("{of} {name}").trim().to_owned()).collect()
}

/// The codes that a command's help names.
fn codes(place: &Place, command: &str) -> BTreeSet<i32> {
    let help = text(&place.run(&format!("{command} --help")).stdout);
    let list = help.split("Exit status:\n").nth(1).unwrap_or_else(|| panic!("{command}: no exit status in its help:\n{help}"));
    let line = Regex::new(r"(?m)^ +(\d+)  \S").unwrap();
    line.captures_iter(list.split("\n\n").next().unwrap_or_default()).map(|code| code[1].parse().unwrap()).collect()
}

#[test]
fn every_help_says_the_exit_codes() {
    let place = Place::new(&[]);
    let mut all = commands(&place, "");
    all.extend(commands(&place, "engine"));
    for expected in ["test", "serve", "build", "lint", "inspect", "convert", "doctor", "engine serve", "engine stop"] {
        assert!(all.iter().any(|name| name == expected), "{expected} is not in {all:?}");
    }
    let whole = codes(&place, "");
    for command in &all {
        let codes = codes(&place, command);
        assert!(codes.is_superset(&BTreeSet::from([0, 1, 2])), "{command}: {codes:?}");
        assert!(codes.is_subset(&whole), "{command}: {codes:?} are not all in {whole:?}");
        assert_eq!(place.run(&format!("{command} --nonsense")).status.code(), Some(2), "{command}");
    }
}

#[test]
fn the_codes_are_those_of_the_help() {
    let place = Place::new(&[
        ("good.md", DECK),
        ("wrong.md", "# Hello\n\n```bash\n$ echo hi\nho\n```\n"),
        ("empty.yml", ""),
        ("none.md", "# Nothing to do\n"),
        ("dead.md", "![nothing](gone.png)\n"),
    ]);
    for (line, expected) in [
        ("", 0),
        ("test good.md", 0),
        ("test wrong.md", 50),
        ("test empty.yml", 1),
        ("test none.md", 1),
        ("test --engine nonsense good.md", 2),
        ("lint --no-browser good.md", 0),
        ("lint --no-browser empty.yml", 51),
        ("lint --no-browser dead.md", 0),
        ("lint --no-browser --deny warnings dead.md", 51),
        ("inspect good.md", 0),
        ("inspect empty.yml", 1),
        ("build good.md", 0),
        ("build empty.yml", 1),
        ("convert --to reveal good.md", 0),
        ("convert --to remark good.md", 1),
        ("serve --url nonsense good.md", 2),
        ("engine stop", 0),
        ("engine", 2),
    ] {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(expected), "{line}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}

#[test]
fn a_path_that_is_not_there_is_told_in_one_wording() {
    let place = Place::new(&[("good.md", DECK)]);
    std::fs::create_dir(place.0.path().join("folder")).unwrap();
    for command in ["test", "test --list", "lint --no-browser", "inspect", "inspect --json", "build", "convert --to reveal", "serve"] {
        for (path, file) in [("nothere", "nothere"), ("good.md/below", "good.md/below"), ("folder", "folder/course.yml")] {
            let output = place.run(&format!("{command} {path}"));
            let said = text(&output.stderr);
            let expected = format!("dockside: cannot read {file}: there is no such file\n  hint: ");
            assert!(said.starts_with(&expected), "{command} {path}: {said}");
            assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{command} {path}");
        }
    }
    let output = place.run("test");
    assert_eq!((output.status.code(), text(&output.stderr).contains("cannot read course.yml: there is no such file")), (Some(1), true));
}

#[test]
fn a_course_that_cannot_be_read_runs_no_exercise_and_says_so() {
    let place = Place::new(&[("empty.yml", "")]);
    let output = place.run("test empty.yml");
    let said = text(&output.stderr);
    assert_eq!(text(&output.stdout), "");
    assert!(said.ends_with("dockside: no exercise was run because of 1 error\n"), "{said}");
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_no_panic() {
    let place = Place::new(&[("good.md", DECK)]);
    for line in [
        "",
        "--help",
        "--version",
        "test good.md",
        "test --format json good.md",
        "test --list good.md",
        "lint --no-browser good.md",
        "lint --rules",
        "inspect good.md",
        "inspect --json good.md",
        "build good.md",
        "build --single good.md",
        "convert --to reveal good.md",
        "doctor",
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = place.command(line).stdout(full).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.starts_with("dockside: cannot write to standard output: "), "{line}: {said}");
        // A reader that has gone away is none.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(line).stdout(writer).output().unwrap();
        assert!(output.status.success() && text(&output.stderr).lines().all(|l| !l.contains("cannot write")), "{line}: {output:?}");
    }
    for to in ["/dev/full", "a pipe"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let errors = match to {
            "/dev/full" => Stdio::from(File::options().write(true).open("/dev/full").unwrap()),
            _ => Stdio::from(writer),
        };
        let status = place.command("inspect nothere").stderr(errors).status().unwrap();
        assert_eq!(status.code(), Some(1), "errors to {to}");
    }
}

#[test]
fn files_that_cannot_be_written_are_named_with_the_reason() {
    let place = Place::new(&[("good.md", DECK), ("file", "")]);
    std::fs::create_dir(place.0.path().join("folder")).unwrap();
    for (line, expected) in [
        ("convert --to reveal -o folder good.md", "cannot write folder: it is a folder"),
        ("test --junit folder good.md", "cannot write folder: it is a folder"),
        ("build --single -o file/x.html good.md", "cannot write file/x.html: there is a file in its place"),
        ("build -o file good.md", "file is not a folder"),
        ("convert --to reveal -o /proc/x.md good.md", "cannot write /proc/x.md: "),
    ] {
        let output = place.run(line);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains(expected) && !said.contains(".dockside-"), "{line}: {said}");
    }
}

#[test]
fn stopping_an_engine_leaves_its_containers_running() {
    let place = Place::new(&[]);
    let none = place.run("engine stop");
    assert!(none.status.success() && text(&none.stdout).contains("no engine is running on "), "{none:?}");
    let started = place.run("docker run -d busybox sleep 300");
    if !started.status.success() {
        assert!(text(&started.stderr).contains("namespace"), "{started:?}");
        println!("skipped: no container runs here");
        return;
    }
    let id = text(&started.stdout).trim().to_owned();
    let stopped = place.run("engine stop");
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(text(&stopped.stdout).ends_with("/home/engine.sock has ended; its running container goes on\n"), "{stopped:?}");
    assert!(!place.0.path().join("home/engine.sock").exists());
    // The next command starts the next engine.
    let running = place.run("docker ps -q --no-trunc");
    assert_eq!(text(&running.stdout).trim(), id);
    assert!(place.run(&format!("docker rm -f {id}")).status.success());
    let stopped = place.run("engine stop");
    assert!(stopped.status.success() && text(&stopped.stdout).ends_with("/home/engine.sock has ended\n"), "{stopped:?}");
}

#[test]
fn an_engine_that_nobody_can_reach_ends_and_makes_room_for_the_next() {
    let place = Place::new(&[]);
    let started = place.run("docker ps");
    if !started.status.success() {
        assert!(text(&started.stderr).contains("namespace"), "{started:?}");
        println!("skipped: no engine runs here");
        return;
    }
    let lock = place.0.path().join("home/engine/engine.lock");
    let first = std::fs::read_to_string(&lock).unwrap();
    std::fs::remove_file(place.0.path().join("home/engine.sock")).unwrap();
    // A process that nobody has waited for yet has no memory any more.
    let lives = || std::fs::read_to_string(format!("/proc/{}/statm", first.trim())).is_ok_and(|pages| !pages.starts_with("0 "));
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while lives() && std::time::Instant::now() < patience {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(!lives(), "the engine goes on");
    let next = place.run("docker ps");
    assert!(next.status.success(), "{next:?}");
    assert_ne!(std::fs::read_to_string(&lock).unwrap(), first);
    assert!(place.run("engine stop").status.success());
}

#[test]
fn what_is_no_engine_of_docksides_is_not_stopped() {
    use std::io::{Read, Write};
    let place = Place::new(&[]);
    let socket = place.0.path().join("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // This very process: were it stopped, the test would not pass.
    let other = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        // The whole request: what is closed with some of it unread is reset, and its answer lost.
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\n") && connection.read(&mut byte).is_ok_and(|read| read > 0) {
            request.push(byte[0]);
        }
        let _ = connection.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"Platform\": {\"Name\": \"Docker Engine - Community\"}}");
    });
    let output = place.run("engine stop --socket other.sock");
    other.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is no engine of Dockside's; it is left alone"), "{output:?}");
}

/// The files of a folder and all below it.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => sources(&path, found),
            path if path.extension().is_some_and(|e| e == "rs") => found.push(std::fs::read_to_string(path).unwrap()),
            _ => {}
        }
    }
}

#[test]
fn variables_that_the_engine_and_the_commands_read_are_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let help = text(&Place::new(&[]).run("--help").stdout);
    let list = help.split("Environment:\n").nth(1).expect("the help has the environment");
    let name = Regex::new(r"(?m)^  ([A-Z_]+)$").unwrap();
    let told: BTreeSet<String> = name.captures_iter(list).map(|name| name[1].to_owned()).collect();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `([A-Z_]+)` ").unwrap();
    let rows: BTreeSet<String> = row.captures_iter(&readme).map(|name| name[1].to_owned()).collect();
    assert_eq!(told, rows, "README and --help name other variables");
    let mut code = Vec::new();
    for folder in ["src/cli", "src/engine", "src/server", "src/lint", "src/lab"] {
        sources(&root.join(folder), &mut code);
    }
    let read = Regex::new(r#"(?:\bvar|var_os|folder|read)\("([A-Z][A-Z_]+)"\)"#).unwrap();
    let read: BTreeSet<String> = code.iter().flat_map(|text| read.captures_iter(text)).map(|name| name[1].to_owned()).collect();
    assert!(read.contains("DOCKSIDE_HOME"), "{read:?}");
    // What every program of the system goes by, and the fallback that stands beside DOCKSIDE_HOME.
    let usual = ["HOME", "PATH", "TERM", "XDG_DATA_HOME"].map(str::to_owned).into();
    let untold: Vec<&String> = read.difference(&told).filter(|name| !BTreeSet::contains(&usual, *name)).collect();
    assert!(untold.is_empty(), "read and not documented: {untold:?}");
}
