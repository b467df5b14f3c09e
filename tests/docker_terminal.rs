//! Our docker client under a terminal, as root and as an ordinary user: what is typed and shown, signals, sizes, prompts, and the state that
//! the terminal is left in. Where the machine has Docker's own client, both are walked through the same steps against one engine.

#[path = "engine/support.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dockside::pty::{Exit, Got, Pty, Size};
use support::{Engine, User};

/// What is done at the terminal.
enum Step {
    /// Waits until this has been shown behind what was waited for before.
    Shown(&'static str),
    Typed(&'static str),
    /// A signal to the program itself.
    Signal(rustix::process::Signal),
    Size(u16, u16),
    /// Another command meanwhile.
    Beside(&'static str),
    Pause(u64),
}
use Step::{Beside, Pause, Shown, Signal, Size as Resized, Typed};

/// A command line, how to get ready for it, what is done, and what is asked afterwards.
struct Walk {
    before: &'static str,
    line: &'static str,
    steps: &'static [Step],
    after: &'static str,
}

/// What a client did.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    shown: String,
    exit: Option<Exit>,
    /// Whether the terminal is as it was.
    restored: bool,
    after: String,
}

const INT: rustix::process::Signal = rustix::process::Signal::INT;
const TERM: rustix::process::Signal = rustix::process::Signal::TERM;

/// A process that tells of the signals that it gets.
macro_rules! telling {
    () => {
        "sh -c \"trap 'echo got INT' INT; trap 'echo got TERM' TERM; echo ready; while true; do sleep 0.1; done\""
    };
}

const STATE: &str = "docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' one";

const WALKS: &[Walk] = &[
    // A shell: its size from the start and after the window's change, its own exit status.
    Walk {
        before: "",
        line: "docker run -it --rm --name one busybox sh -c 'stty size; read x; stty size; exit 7'",
        steps: &[Shown("24 80"), Resized(33, 101), Pause(500), Typed("\r"), Shown("33 101")],
        after: "docker ps -aq",
    },
    Walk { before: "", line: "docker run -t busybox stty size", steps: &[Shown("24 80")], after: "" },
    Walk {
        before: "",
        line: "docker run -it --name one busybox cat",
        steps: &[Pause(600), Typed("ab\r"), Shown("ab\r\nab"), Typed("\x04")],
        after: STATE,
    },
    // The keys that detach, Docker's and one's own.
    Walk {
        before: "",
        line: "docker run -it --name one busybox sh -c 'echo up; cat'",
        steps: &[Shown("up"), Pause(200), Typed("\x10\x11")],
        after: STATE,
    },
    Walk {
        before: "",
        line: "docker run -it --detach-keys ctrl-a,x --name one busybox sh -c 'echo up; cat'",
        steps: &[Shown("up"), Pause(200), Typed("\x10\x11"), Pause(200), Typed("\x01x")],
        after: STATE,
    },
    Walk { before: "", line: "docker run -it --detach-keys ctrl-aa --name one busybox cat", steps: &[], after: STATE },
    Walk {
        before: "docker run -dit --name one busybox sh -c 'read x; stty size; cat'",
        line: "docker attach --detach-keys ctrl-x one",
        steps: &[Pause(700), Typed("\r"), Shown("24 80"), Typed("\x18")],
        after: STATE,
    },
    Walk {
        before: "docker run -dit --name one busybox cat",
        line: "docker exec -it one sh -c 'stty size; read x; stty size; exit 5'",
        steps: &[Shown("24 80"), Resized(12, 34), Pause(500), Typed("\r"), Shown("12 34")],
        after: STATE,
    },
    Walk {
        before: "docker run -dit --name one busybox cat",
        line: "docker exec -it one cat",
        steps: &[Pause(700), Typed("\x10\x11")],
        after: STATE,
    },
    Walk {
        before: "docker create -it --name one busybox sh -c 'sleep 1; stty size; exit 4'",
        line: "docker start -ai one",
        steps: &[Shown("24 80")],
        after: STATE,
    },
    // Signals: they reach the container, with a terminal too, and the third is the last.
    Walk {
        before: "",
        line: concat!("docker run --name one busybox ", telling!()),
        steps: &[Shown("ready"), Typed("\x03"), Shown("got INT"), Signal(TERM), Shown("got TERM"), Beside("docker kill one")],
        after: STATE,
    },
    Walk {
        before: "",
        line: concat!("docker run --name one busybox ", telling!()),
        steps: &[Shown("ready"), Typed("\x03"), Shown("got INT"), Typed("\x03"), Shown("got INT"), Typed("\x03"), Pause(500)],
        after: STATE,
    },
    Walk {
        before: "",
        line: concat!("docker run -it --name one busybox ", telling!()),
        steps: &[Shown("ready"), Signal(TERM), Shown("got TERM"), Beside("docker kill one")],
        after: STATE,
    },
    Walk {
        before: "",
        line: concat!("docker run --sig-proxy=false --name one busybox ", telling!()),
        steps: &[Shown("ready"), Typed("\x03"), Pause(500), Beside("docker kill one")],
        after: STATE,
    },
    Walk {
        before: concat!("docker run -d --name one busybox ", telling!()),
        line: "docker attach --no-stdin one",
        steps: &[Pause(700), Typed("\x03"), Shown("got INT"), Beside("docker kill one")],
        after: STATE,
    },
    Walk {
        before: concat!("docker create --name one busybox ", telling!()),
        line: "docker start -a one",
        steps: &[Shown("ready"), Signal(INT), Pause(700)],
        after: "docker logs one; docker kill one",
    },
    Walk {
        before: "docker run -d --name one busybox sleep 100",
        line: "docker exec -it one sh -c 'echo up; sleep 3'",
        steps: &[Shown("up"), Signal(TERM)],
        after: STATE,
    },
    Walk {
        before: "docker run -d --name one busybox sh -c 'echo up; sleep 100'",
        line: "docker logs -f one",
        steps: &[Shown("up"), Typed("\x03")],
        after: STATE,
    },
    Walk { before: "", line: "docker events", steps: &[Pause(500), Signal(TERM)], after: "" },
    Walk {
        before: "docker run -d --name one busybox sh -c 'trap : TERM; while true; do sleep 0.1; done'",
        line: "docker stop -t 3 one",
        steps: &[Pause(700), Typed("\x03")],
        after: "",
    },
    // Questions.
    Walk {
        before: "docker run --name one busybox true",
        line: "docker container prune",
        steps: &[Shown("[y/N] "), Typed(" Y \r")],
        after: "docker ps -aq",
    },
    Walk { before: "", line: "docker container prune", steps: &[Shown("[y/N] "), Typed("\x03")], after: "" },
    Walk { before: "", line: "docker system prune", steps: &[Shown("[y/N] "), Signal(TERM)], after: "" },
    Walk { before: "", line: "docker login localhost:1", steps: &[Shown("Username: "), Typed("\r")], after: "" },
    Walk { before: "", line: "docker login -u me localhost:1", steps: &[Shown("Password: "), Pause(200), Typed("\r")], after: "" },
    Walk { before: "", line: "docker login -u me localhost:1", steps: &[Shown("Password: "), Pause(200), Typed("\x03")], after: "" },
    // Standard input that is no terminal.
    Walk { before: "", line: "docker run -it busybox true < /dev/null", steps: &[], after: "" },
    Walk { before: "", line: "echo piped | docker run -i --rm busybox cat", steps: &[], after: "" },
    Walk { before: "", line: "docker run -i --rm busybox cat <&-", steps: &[], after: "" },
];

/// Walks through the steps with one client.
fn walk(engine: &Engine, client: &Path, walk: &Walk) -> Seen {
    let docker = format!("docker() {{ {} \"$@\"; }}; ", client.display());
    engine.sh("docker rm -f $(docker ps -aq) 2>/dev/null");
    if !walk.before.is_empty() {
        let ready = engine.sh(walk.before);
        assert_eq!(ready.status, 0, "{}: {ready:?}", walk.before);
    }
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let tag = format!("docker-terminal-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut command = engine.command("bash");
    // A line that is one command alone becomes it, so that signals reach the client.
    let line = match walk.line.strip_prefix("docker ") {
        Some(rest) if !rest.contains(['<', '|']) => format!("exec {} {rest}", client.display()),
        _ => format!("{docker}{}", walk.line),
    };
    command.arg("-c").arg(line).env("TERM", "xterm").env("TZ", "UTC");
    let mut pty = Pty::spawn(command, Size::default(), &tag).expect("a terminal");
    let state = |pty: &Pty| format!("{:?}", pty.settings().expect("a terminal's settings"));
    let before = state(&pty);
    let mut shown = Vec::new();
    let mut looked = 0;
    for step in walk.steps {
        match step {
            Shown(text) => {
                let until = Instant::now() + Duration::from_secs(20);
                loop {
                    let found = shown[looked..].windows(text.len()).position(|w| w == text.as_bytes());
                    if let Some(at) = found {
                        looked += at + text.len();
                        break;
                    }
                    if Instant::now() > until {
                        shown.extend_from_slice(format!("<NOT SHOWN: {text}>").as_bytes());
                        break;
                    }
                    take(&mut pty, &mut shown, Duration::from_millis(50));
                }
            }
            Typed(text) => pty.write(text.as_bytes()).expect("a terminal that takes what is typed"),
            Signal(signal) => {
                let pid = rustix::process::Pid::from_raw(pty.leader()).expect("a process");
                let _ = rustix::process::kill_process(pid, *signal);
            }
            Resized(rows, columns) => pty.resize(Size { columns: *columns, rows: *rows }).expect("a terminal"),
            Beside(line) => drop(engine.sh(line)),
            Pause(milliseconds) => {
                let until = Instant::now() + Duration::from_millis(*milliseconds);
                while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                    if !take(&mut pty, &mut shown, left) {
                        std::thread::sleep(left);
                    }
                }
            }
        }
    }
    let until = Instant::now() + Duration::from_secs(20);
    while pty.exit(Duration::from_millis(20)).is_none() && Instant::now() < until {
        take(&mut pty, &mut shown, Duration::from_millis(20));
    }
    while take(&mut pty, &mut shown, Duration::from_millis(100)) {}
    let (exit, restored) = (pty.exit(Duration::ZERO), state(&pty) == before);
    let after = engine.sh(walk.after);
    Seen { shown: String::from_utf8_lossy(&shown).into_owned(), exit, restored, after: after.stdout + &after.stderr }
}

/// Takes what is there; says whether something came.
fn take(pty: &mut Pty, shown: &mut Vec<u8>, wait: Duration) -> bool {
    let mut buffer = [0; 4096];
    match pty.read(&mut buffer, wait) {
        Ok(Got::Bytes(n)) => {
            shown.extend_from_slice(&buffer[..n]);
            true
        }
        _ => false,
    }
}

/// What is not the same from one time to the next.
fn evened(seen: Seen) -> Seen {
    let id = |text: &str| {
        let words = text.split_inclusive(|c: char| !c.is_ascii_hexdigit());
        let even = |word: &str| match word.trim_end_matches(|c: char| !c.is_ascii_hexdigit()).len() {
            12 | 64 => format!("ID{}", &word[word.trim_end_matches(|c: char| !c.is_ascii_hexdigit()).len()..]),
            _ => word.to_owned(),
        };
        words.map(even).collect::<String>()
    };
    Seen { shown: id(&seen.shown), after: id(&seen.after), ..seen }
}

fn walk_all(user: User) {
    let Some(engine) = Engine::with_busybox(user) else { return };
    let ours = engine.dir.path().join("ours");
    std::fs::create_dir(&ours).expect("a folder");
    let ours = ours.join("docker");
    std::os::unix::fs::symlink(engine.dir.path().join("dockside"), &ours).expect("a link");
    let theirs = theirs();
    let mut wrong = Vec::new();
    for one in WALKS {
        let mut tries = 0;
        loop {
            let seen = evened(walk(&engine, &ours, one));
            let wanted = theirs.as_ref().map(|theirs| evened(walk(&engine, theirs, one)));
            let good =
                seen.restored && seen.exit.is_some() && !seen.shown.contains("<NOT SHOWN") && wanted.as_ref().is_none_or(|w| *w == seen);
            tries += 1;
            if good {
                break;
            }
            // On a machine with much to do a pause may have been too short.
            if tries == 3 {
                wrong.push(format!("$ {}\nours:     {seen:?}\nDocker's: {wanted:?}", one.line));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{} walks differ", wrong.join("\n\n"), wrong.len());
}

/// Docker's own client.
fn theirs() -> Option<PathBuf> {
    let found = Command::new("bash").args(["-c", "command -v docker"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    std::fs::canonicalize(&path).ok().filter(|real| !real.ends_with("dockside"))
}

#[test]
fn as_root() {
    walk_all(User::Root);
}

#[test]
fn as_an_ordinary_user() {
    walk_all(User::Ordinary);
}
