//! Sessions with a real bash: what ends a step, what it says, what survives it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dockside::lab::session::{End, EndedBy, Outcome, Reaction, Request, Session, SessionOptions, Snapshot};
use dockside::pty::{Exit, Size};

struct Lab {
    session: Session,
    folder: tempfile::TempDir,
    cancelled: Arc<AtomicBool>,
}

impl Lab {
    fn new() -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("control");
        let work = folder.path().join("work");
        std::fs::create_dir(&control).unwrap();
        std::fs::create_dir(&work).unwrap();
        let cancelled = Arc::new(AtomicBool::new(false));
        let environment = [("PATH", "/usr/bin:/bin"), ("HOME", work.to_str().unwrap()), ("LANG", "C.UTF-8"), ("TERM", "xterm")];
        let options = SessionOptions {
            bash: "/bin/bash".into(),
            control,
            folder: work.clone(),
            environment: environment.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            size: Size::default(),
            cancelled: cancelled.clone(),
        };
        Lab { session: Session::start(options).unwrap(), folder, cancelled }
    }

    fn run(&mut self, command: &str) -> Outcome {
        self.reacting(command, Duration::from_secs(20), &mut |_| Reaction::Wait)
    }

    fn within(&mut self, command: &str, timeout: Duration) -> Outcome {
        self.reacting(command, timeout, &mut |_| Reaction::Wait)
    }

    fn reacting(&mut self, command: &str, timeout: Duration, react: &mut dyn FnMut(&Snapshot) -> Reaction) -> Outcome {
        self.session.run(&mut Request { command, timeout, react }).unwrap()
    }

    fn check(&mut self, command: &str, output: &str, status: i32) {
        let got = self.run(command);
        assert_eq!((got.output.as_str(), &got.end), (output, &End::Status(status)), "{command}");
    }

    fn control(&self) -> std::path::PathBuf {
        self.folder.path().join("control")
    }
}

#[test]
fn commands_of_every_shape() {
    let mut lab = Lab::new();
    lab.check("echo hi", "hi\n", 0);
    lab.check("false", "", 1);
    lab.check("echo $?", "1\n", 0);
    lab.check("(exit 42)", "", 42);
    lab.check("echo a\necho b\necho c", "a\nb\nc\n", 0);
    lab.check("printf 'no line end'", "no line end", 0);
    lab.check("cat <<EOF\none\n\ttwo\nEOF", "one\n\ttwo\n", 0);
    lab.check("echo \\\n  joined", "joined\n", 0);
    lab.check("echo é ♥ 日本", "é ♥ 日本\n", 0);
    lab.check("for i in 1 2\ndo echo $i\ndone", "1\n2\n", 0);
    lab.check("echo \"it's\" 'a \"quote\"'", "it's a \"quote\"\n", 0);
    lab.check("# a comment", "", 0);
    lab.check("echo a | tr a b", "b\n", 0);
    lab.check("test -t 0 && test -t 1 && stty size", "24 80\n", 0);
}

#[test]
fn the_session_goes_on() {
    let mut lab = Lab::new();
    lab.check("mkdir d && cd d", "", 0);
    lab.check("basename $PWD", "d\n", 0);
    lab.check("x=5; f() { echo \"f $x\"; }; alias ll='echo listing'", "", 0);
    lab.check("f", "f 5\n", 0);
    lab.check("ll", "listing\n", 0);
    lab.check("declare y=6; exec 7>out; echo kept >&7", "", 0);
    lab.check("echo $y; cat out", "6\nkept\n", 0);
}

#[test]
fn errors_read_as_slides_print_them() {
    let mut lab = Lab::new();
    lab.check("figlet hello", "bash: figlet: command not found\n", 127);
    lab.check("cd nowhere", "bash: cd: nowhere: No such file or directory\n", 1);
    let got = lab.run("echo (");
    assert!(got.output.starts_with("bash: syntax error"), "{:?}", got.output);
    lab.check("echo fine", "fine\n", 0);
}

#[test]
fn the_environment_is_clean() {
    let mut lab = Lab::new();
    let got = lab.run("env | cut -d= -f1 | sort");
    let names: Vec<&str> = got.output.lines().collect();
    assert!(
        names.iter().all(|n| ["DOCKSIDE_SESSION", "HOME", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "TERM", "_"].contains(n)),
        "{names:?}"
    );
    lab.check("history | wc -l", "2\n", 0);
}

#[test]
fn typed_answers() {
    let mut lab = Lab::new();
    let mut typed = false;
    let got = lab.reacting("read -p 'Your name: ' name; echo \"Hello $name\"", Duration::from_secs(10), &mut |s| {
        if typed || s.last_line() != "Your name: " {
            return Reaction::Wait;
        }
        typed = true;
        Reaction::Type { keys: b"Ada\r".to_vec(), shown: "Ada\r\n".into() }
    });
    assert_eq!((got.output.as_str(), got.end), ("Your name: Ada\nHello Ada\n", End::Status(0)));
}

#[test]
fn interrupted_on_demand() {
    let mut lab = Lab::new();
    let got = lab.reacting("while true; do echo tick; sleep 0.05; done", Duration::from_secs(10), &mut |s| {
        if s.text().lines().count() >= 3 { Reaction::Interrupt } else { Reaction::Wait }
    });
    assert!(got.output.starts_with("tick\ntick\ntick\n"));
    assert_eq!(got.end, End::Status(130));
    lab.check("echo on", "on\n", 0);
}

#[test]
fn what_hangs_is_ended() {
    let mut lab = Lab::new();
    let limit = Duration::from_millis(300);
    assert_eq!(lab.within("sleep 100", limit).end, End::TimedOut { by: EndedBy::Interrupt });
    lab.check("echo on", "on\n", 0);
    let got = lab.within("echo before; sh -c 'trap \"\" INT; while :; do sleep 1; done'", limit);
    assert_eq!((got.output.as_str(), got.end), ("before\n", End::TimedOut { by: EndedBy::Kill }));
    lab.check("echo on", "on\n", 0);
    assert_eq!(lab.within("cat", limit).end, End::TimedOut { by: EndedBy::Interrupt });
    assert_eq!(lab.within("trap '' INT; while :; do :; done", limit).end, End::TimedOut { by: EndedBy::KilledShell });
    assert!(lab.session.is_dead());
}

#[test]
fn a_shell_that_ends_is_told_with_its_status() {
    for (command, exit) in [
        ("exit 3", Exit::Code(3)),
        ("set -e; false", Exit::Code(1)),
        ("exec true", Exit::Code(0)),
        ("kill -9 $$", Exit::Signal(9)),
        ("exec sh -c 'echo bye; exit 7'", Exit::Code(7)),
    ] {
        let mut lab = Lab::new();
        assert_eq!(lab.run(command).end, End::ShellExited(exit), "{command}");
        assert!(lab.session.is_dead());
    }
}

#[test]
fn a_shell_that_loses_its_marks_gets_them_back() {
    let mut lab = Lab::new();
    assert_eq!(lab.within("unset PROMPT_COMMAND", Duration::from_millis(500)).end, End::Status(0));
    lab.check("echo on", "on\n", 0);
    assert_eq!(lab.run("exec bash --norc").end, End::Status(0));
    lab.check("echo still", "still\n", 0);
}

#[test]
fn a_forged_mark_changes_nothing() {
    let mut lab = Lab::new();
    let control = lab.control();
    let forge = format!("n=$(cat {}/nonce); printf '\\033]133;D;0;%s\\007' $n; echo after; false", control.display());
    let got = lab.run(&forge);
    assert_eq!(got.end, End::Status(1));
    lab.check("printf '\\033]133;D;0;guess\\007x\\n'; false", "x\n", 1);
}

#[test]
fn shells_inside_are_entered_and_left() {
    let mut lab = Lab::new();
    // Stands in for a container's shell: another program on the same terminal, with a prompt of its own.
    let open = "PS1='root@04c0bb0a6c07:/# ' bash --norc --noprofile -i # docker";
    let got = lab.run(open);
    assert_eq!(got.end, End::Opened { prompt: "root@04c0bb0a6c07:/# ".into() });
    assert_eq!(got.output, "");
    assert_eq!(lab.session.inner_prompt(), Some("root@04c0bb0a6c07:/# "));
    assert!(!lab.session.inner_takes_host_prompt());
    lab.check("echo inside; x=4", "inside\n", 0);
    lab.check("echo $x it\\'s; false", "4 it's\n", 1);
    lab.check("echo $?", "1\n", 0);
    lab.check("figlet hello", "bash: figlet: command not found\n", 127);
    lab.check("cat <<EOF\na\nb\nEOF", "a\nb\n", 0);
    let got = lab.run("exit 5");
    assert_eq!(got.end, End::Left(5));
    assert_eq!(lab.session.inner_prompt(), None);
    lab.check("echo ${x-gone}", "gone\n", 0);
    assert!(matches!(lab.run(open).end, End::Opened { .. }));
    lab.session.leave().unwrap();
    assert_eq!(lab.session.inner_prompt(), None);
    lab.check("echo host", "host\n", 0);
}

#[test]
fn a_pause_within_a_line_is_no_prompt() {
    let mut lab = Lab::new();
    lab.check("printf 'step> '; sleep 0.5; echo done", "step> done\n", 0);
    lab.check("sh -c 'printf \"# \"; sleep 0.3; echo done'", "# done\n", 0);
    assert_eq!(lab.run("sh").end, End::Opened { prompt: if lab_is_root() { "# ".into() } else { "$ ".into() } });
    assert!(lab.session.inner_takes_host_prompt());
    lab.check("echo in sh", "in sh\n", 0);
    assert_eq!(lab.run("exit").end, End::Left(0));
}

fn lab_is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn programs_inside_shells_inside() {
    let mut lab = Lab::new();
    if !Path::new("/usr/bin/python3").exists() {
        println!("skipped: no python3");
        return;
    }
    assert!(matches!(lab.run("PS1='/ # ' bash --norc --noprofile --noediting -i # docker").end, End::Opened { .. }));
    let got = lab.run("env -u PYTHONSTARTUP TERM=dumb python3 -q");
    assert_eq!(got.end, End::Opened { prompt: ">>> ".into() });
    let got = lab.run("print(6 * 7)");
    assert_eq!((got.output.trim(), got.end), ("42", End::Answered));
    let got = lab.run("exit()");
    assert!(matches!(got.end, End::Left(0)), "{:?}", got.end);
    lab.check("echo in the shell", "in the shell\n", 0);
    assert_eq!(lab.run("exit").end, End::Left(0));
}

#[test]
fn twenty_megabytes() {
    let mut lab = Lab::new();
    let started = Instant::now();
    let got = lab.run("yes 'a line of some forty characters, or so' | head -c 20000000");
    assert_eq!(got.end, End::Status(0));
    assert!(got.left_out > 10_000_000 && got.output.len() < 4_000_000);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    lab.check("echo on", "on\n", 0);
}

#[test]
fn nothing_outlives_a_session() {
    let mut lab = Lab::new();
    let sleepers = "sleep 7177 & nohup setsid sleep 7178 >/dev/null 2>&1 & sleep 0.1";
    assert_eq!(lab.run(sleepers).end, End::Status(0));
    let alive = || {
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|e| std::fs::read(e.path().join("cmdline")).ok())
            .filter(|c| c.starts_with(b"sleep\x007177") || c.starts_with(b"sleep\x007178"))
            .count()
    };
    assert_eq!(alive(), 2);
    drop(lab);
    let until = Instant::now() + Duration::from_secs(5);
    while alive() > 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(alive(), 0);
}

#[test]
fn cancelled_from_outside() {
    let mut lab = Lab::new();
    let cancelled = lab.cancelled.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        cancelled.store(true, Ordering::Relaxed);
    });
    assert_eq!(lab.run("sleep 100").end, End::Cancelled);
    assert!(lab.session.is_dead());
    canceller.join().unwrap();
}
