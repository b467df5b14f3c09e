//! `dockside test` from outside, on small courses of plain shell commands: verdicts, exit codes, reports, blessing, cleaning up.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

struct Course {
    folder: tempfile::TempDir,
}

impl Course {
    fn new(files: &[(&str, &str)]) -> Course {
        let course = Course { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(course.temporary()).unwrap();
        for (name, text) in files {
            course.write(name, text.as_bytes());
        }
        course
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8(std::fs::read(self.folder.path().join(name)).unwrap()).unwrap()
    }

    /// Where the runs make their folders, so that what they leave behind is seen.
    fn temporary(&self) -> PathBuf {
        self.folder.path().join("t")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockside"));
        command.arg("test").args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("TMPDIR", self.temporary()).env("DOCKSIDE_HOME", self.folder.path().join("home"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let started = Instant::now();
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Run { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr), elapsed: started.elapsed() };
        assert_eq!(std::fs::read_dir(self.temporary()).unwrap().count(), 0, "something was left behind: {run:?}");
        run
    }
}

#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
    elapsed: Duration,
}

const GOOD: &str = "# Hello\n\n```bash\n$ echo hello\nhello\n$ x=5\n```\n\n---\n\n# Later\n\n    $ echo $x\n    5\n";
const BAD: &str = "# Hello\n\nText.\n\n```bash\n$ echo hello\nhallo\n$ printf 'one\\ntwo\\n'\none\n```\n";

#[test]
fn a_course_that_is_right() {
    let course = Course::new(&[("deck.md", GOOD)]);
    let run = course.run(&["deck.md"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("✓ deck.md:4 echo hello") && run.stdout.contains("3 exercises in 1 chapter: 3 passed"), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_wrong_expectation_is_shown_at_its_line_and_blessed() {
    let course = Course::new(&[("deck.md", BAD)]);
    let run = course.run(&["deck.md"]);
    assert_eq!(run.code, 50, "{run:?}");
    for part in ["deck.md:6:3, slide 1/1 “Hello”", "from deck.md:7 on:", "- hallo", "+ hello", "deck.md:8", "+ two"] {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
    let run = course.run(&["deck.md", "--bless"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(course.read("deck.md"), BAD.replace("hallo", "hello").replace("\none\n", "\none\ntwo\n"));
    assert_eq!(course.run(&["deck.md"]).code, 0);
}

#[test]
fn blessing_changes_only_what_is_wrong() {
    let before = "# A\r\n\r\n- item\r\n\r\n  ```bash\r\n  $ printf 'age 2 weeks ago\\nb\\n\\nc\\nd\\n'\r\n  age 5 days ago\r\n  wrong\r\n  ...\r\n  d\r\n  gone\r\n  $ echo new\r\n  $ printf '  x\\n'\r\n  y\r\n  ```\r\n\r\nEnd";
    let after = before.replace("  wrong\r\n", "  b\r\n").replace("  gone\r\n", "").replace("  y\r\n", "    x\r\n");
    let course = Course::new(&[("deck.md", before)]);
    let run = course.run(&["deck.md", "--bless"]);
    assert_eq!((run.code, course.read("deck.md")), (0, after), "{run:?}");
}

#[test]
fn blessing_at_the_very_end_of_a_file() {
    let course = Course::new(&[("deck.md", "# A\n\n    $ printf 'a\\nb\\n'\n    a")]);
    assert_eq!(course.run(&["deck.md", "--bless"]).code, 0);
    assert_eq!(course.read("deck.md"), "# A\n\n    $ printf 'a\\nb\\n'\n    a\n    b");
    let lab = "title: T\nsteps:\n  - title: One\n    commands:\n      - run: echo 1\n        output: |\n          2\n      - run: printf 'a\\nb\\n'\n        output: |\n          b\n";
    let course = Course::new(&[("lab.yml", lab)]);
    assert_eq!(course.run(&["lab.yml"]).code, 50);
    assert_eq!(course.run(&["lab.yml", "--bless"]).code, 0);
    assert_eq!(
        course.read("lab.yml"),
        lab.replace("          2\n", "          1\n").replace("          b\n", "          a\n          b\n")
    );
}

#[test]
fn what_no_blessing_mends_stays() {
    let course = Course::new(&[("deck.md", "# A\n\n    $ false\n    $ echo a\n    b\n")]);
    let run = course.run(&["deck.md", "--bless"]);
    assert_eq!(run.code, 50, "{run:?}");
    assert!(run.stderr.contains("left deck.md:3 as it is"), "{}", run.stderr);
    assert_eq!(course.read("deck.md"), "# A\n\n    $ false\n    $ echo a\n    a\n");
}

#[test]
fn labs_in_yaml() {
    let lab = "title: A lab\nobjectives: [learn]\nsteps:\n  - title: One\n    instructions: |\n      Do $ this.\n    commands:\n      - run: |\n          for i in 1 2\n          do echo $i; done\n        output: |\n          1\n          2\n      - run: exit_with() { return $1; }; exit_with 3\n        status: 3\n  - title: Two\n    console: |\n      $ echo two\n      three\n";
    let course = Course::new(&[("lab.yml", lab)]);
    let run = course.run(&["lab.yml"]);
    assert_eq!(run.code, 50, "{run:?}");
    assert!(run.stdout.contains("✓ lab.yml:9 for i in 1 2 …") && run.stdout.contains("✗ lab.yml:18 echo two"), "{}", run.stdout);
    let bad = course.run(&["missing.yml"]);
    assert_eq!(bad.code, 1);
    course.write("bad.yml", b"title: A\nsteps:\n  - titel: x\n");
    let run = course.run(&["bad.yml"]);
    assert!(run.code == 1 && run.stderr.contains("bad.yml:3") && run.stderr.contains("titel"), "{run:?}");
}

#[test]
fn statuses_and_reports() {
    let deck = "# A\n\n```bash\n$ false\n```\n\n<!-- dockside: exit: 1 -->\n\n```bash\n$ false\n```\n\n```bash\n$ sh -c 'exit 42'\n$ echo $?\n42\n```\n\n```bash skip\n$ nothing\n```\n\n```bash\n$ exit 3\n$ echo \"x <&> y\"\nx\n```\n";
    let course = Course::new(&[("deck.md", deck)]);
    let run = course.run(&["deck.md", "--format", "json", "--junit", "report.xml"]);
    assert_eq!(run.code, 50, "{run:?}");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let exercises = json["chapters"][0]["exercises"].as_array().unwrap();
    let verdicts: Vec<_> = exercises.iter().map(|e| (e["line"].as_u64().unwrap(), e["verdict"].as_str().unwrap())).collect();
    assert_eq!(verdicts, [(4, "failed"), (10, "passed"), (14, "passed"), (15, "passed"), (20, "skipped"), (24, "failed"), (25, "failed")]);
    assert_eq!(exercises[5]["failures"][0]["message"], "the shell exited 3");
    assert_eq!(json["summary"]["failed"], 3);
    let xml = course.read("report.xml");
    for part in ["tests=\"7\"", "failures=\"3\"", "skipped=\"1\"", "file=\"deck.md\"", "line=\"24\"", "x &lt;&amp;&gt; y"] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
}

#[test]
fn usage_and_files_that_cannot_be_read() {
    let course = Course::new(&[]);
    let run = course.run(&[]);
    assert!(run.code == 1 && run.stderr.contains("cannot read course.yml"), "{run:?}");
    assert_eq!(course.run(&["--format", "xml"]).code, 2);
    assert_eq!(course.run(&["--timeout", "0"]).code, 2);
    assert_eq!(course.run(&["nowhere.md"]).code, 1);
    course.write("good.md", GOOD.as_bytes());
    assert_eq!(course.run(&["good.md", "--engine", "magic"]).code, 2);
    let run = course.run(&["good.md", "--filter", "no such exercise"]);
    assert!(run.code == 1 && run.stderr.contains("no exercise contains"), "{run:?}");
}

#[test]
fn garbage_is_told_and_nothing_hangs() {
    let course = Course::new(&[("none.md", "# No exercises\n\nText.\n")]);
    let mut binary = vec![0x7f, b'E', b'L', b'F'];
    binary.extend((0..5000u32).map(|i| (i * 7919 % 256) as u8));
    course.write("binary.md", &binary);
    let bomb: String = std::iter::once("a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned())
        .chain(('b'..='j').zip('a'..='i').map(|(n, o)| format!("{n}: &{n} [*{o},*{o},*{o},*{o},*{o},*{o},*{o},*{o},*{o}]\n")))
        .chain(["steps: *j\n".to_owned()])
        .collect();
    course.write("bomb.yml", bomb.as_bytes());
    let mut big = String::from("# Big\n\n");
    while big.len() < 10_000_000 {
        big.push_str("- a *line* of `text` with [links](http://example.com) and so on\n");
    }
    big.push_str("\n---\n\n    $ echo found\n    found");
    course.write("big.md", big.as_bytes());
    for (file, code, text) in
        [("none.md", 1, "there are no exercises"), ("binary.md", 1, "binary.md"), ("bomb.yml", 1, "bomb.yml"), ("big.md", 0, "1 passed")]
    {
        let run = course.run(&[file]);
        assert!(run.code == code && format!("{}{}", run.stdout, run.stderr).contains(text), "{file}: {run:?}");
        assert!(run.elapsed < Duration::from_secs(60), "{file} took {:?}", run.elapsed);
    }
}

#[test]
fn what_hangs_kills_or_floods() {
    let deck = "# A\n\n```bash timeout=2\n$ sleep 1000\n$ kill -9 $$\n$ while :; do :; done\n```\n\n    $ yes | head -c 20000000\n    $ echo fine\n    fine\n";
    let course = Course::new(&[("deck.md", deck)]);
    let run = course.run(&["deck.md"]);
    assert_eq!(run.code, 50, "{run:?}");
    for part in
        ["it did not end within 2 s and was ended with ^C", "the shell was ended by signal 9", "✓ deck.md:9", "✓ deck.md:10 echo fine"]
    {
        assert!(run.stdout.contains(part), "{part:?} in {}", run.stdout);
    }
}

#[test]
fn chapters_and_runs_side_by_side() {
    let deck = |n: usize| format!("# {n}\n\n    $ echo {n} > f; sleep 0.3; cat f; ls | wc -l\n    {n}\n    1\n");
    let course = Course::new(&[("a.md", &deck(1)), ("b.md", &deck(2)), ("c.md", &deck(3)), ("d.md", &deck(4))]);
    let runs: Vec<_> =
        (0..2).map(|_| course.command(&["-j", "4", "a.md", "b.md", "c.md", "d.md"]).stdout(Stdio::piped()).spawn().unwrap()).collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("4 exercises in 4 chapters: 4 passed"), "{text}");
    }
    assert_eq!(std::fs::read_dir(course.temporary()).unwrap().count(), 0);
}

#[test]
fn interrupting_leaves_nothing_behind() {
    let course = Course::new(&[("deck.md", "# A\n\n    $ sleep 7179 & sleep 7179\n    $ echo never\n")]);
    let child = course.command(&["deck.md"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let sleepers = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|e| std::fs::read(e.path().join("cmdline")).is_ok_and(|c| c.starts_with(b"sleep\x007179")))
            .count()
    };
    let until = Instant::now() + Duration::from_secs(20);
    while sleepers() < 2 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(sleepers(), 2);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert_eq!(sleepers(), 0);
    assert_eq!(std::fs::read_dir(course.temporary()).unwrap().count(), 0);
}

#[test]
fn the_folder_of_a_killed_run_is_swept() {
    let course = Course::new(&[("deck.md", "    $ sleep 60\n"), ("good.md", GOOD)]);
    let mut child = course.command(&["deck.md"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let left = || std::fs::read_dir(course.temporary()).unwrap().count();
    let until = Instant::now() + Duration::from_secs(20);
    while (left() == 0
        || std::fs::read_dir(course.temporary()).unwrap().flatten().all(|e| std::fs::read_dir(e.path()).unwrap().count() < 2))
        && Instant::now() < until
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left(), 1);
    assert_eq!(course.run(&["good.md"]).code, 0);
    assert_eq!(left(), 0);
}

#[test]
fn a_list_runs_nothing() {
    let course = Course::new(&[("deck.md", GOOD)]);
    let run = course.run(&["deck.md", "--list"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("deck.md:4 $ echo hello (1 line)"), "{}", run.stdout);
    let run = course.run(&["deck.md", "--list", "--format", "json", "--filter", "deck.md:13"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let exercises = &json["chapters"][0]["exercises"];
    assert_eq!((exercises.as_array().unwrap().len(), &exercises[0]["expected"][0]["text"]), (1, &"5".into()), "{}", run.stdout);
}

#[test]
fn an_audience_has_exercises_of_its_own() {
    let manifest = "title: C\ndecks:\n  - {name: one, file: deck.md, exclude: [live]}\nvariants:\n  class: {include: [live]}\n";
    let course = Course::new(&[("course.yml", manifest), ("deck.md", "# A\n\n---\nclass: live\n\n    $ echo live\n    live\n")]);
    assert!(!course.run(&["course.yml", "--list"]).stdout.contains("echo live"));
    let run = course.run(&["course.yml", "--list", "--variant", "class"]);
    assert!(run.code == 0 && run.stdout.contains("deck.md:6 $ echo live"), "{}", run.stdout);
}

#[test]
fn broken_pipes_are_no_error() {
    let course = Course::new(&[("deck.md", GOOD)]);
    let mut child = course.command(&["deck.md"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    std::io::stdout().flush().unwrap();
}
