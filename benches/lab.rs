//! What a lab step costs: against a bash builtin in one loop (the floor), and against a whole bash a command.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dockside::lab::matching::{Bindings, compare};
use dockside::lab::plan::Mode;
use dockside::lab::session::{End, Reaction, Request, Session, SessionOptions, Snapshot};
use dockside::pty::Size;

/// Steps that one measurement runs.
const STEPS: usize = 200;

fn session(folder: &std::path::Path) -> Session {
    let environment = [("PATH", "/usr/bin:/bin"), ("HOME", "/"), ("LANG", "C.UTF-8"), ("TERM", "xterm")];
    Session::start(SessionOptions {
        bash: "/bin/bash".into(),
        control: folder.to_owned(),
        folder: folder.to_owned(),
        environment: environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        size: Size::default(),
        cancelled: Arc::new(AtomicBool::new(false)),
    })
    .expect("bash starts")
}

fn request<'a>(command: &'a str, react: &'a mut dyn FnMut(&Snapshot) -> Reaction) -> Request<'a> {
    Request { command, timeout: Duration::from_secs(60), react }
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("200 steps of echo hi");
    group.sample_size(20);
    group.bench_function("floor: one bash, builtins in a script", |b| {
        let script = "echo hi\n".repeat(STEPS);
        b.iter(|| Command::new("/bin/bash").args(["--norc", "-c", &script]).output().expect("bash runs"));
    });
    group.bench_function("lab session", |b| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = session(folder.path());
        b.iter(|| {
            for _ in 0..STEPS {
                let outcome = session.run(&mut request("echo hi", &mut |_| Reaction::Wait)).expect("it runs");
                assert_eq!(outcome.end, End::Status(0));
            }
        });
    });
    group.bench_function("a bash each", |b| {
        b.iter(|| {
            for _ in 0..STEPS {
                black_box(Command::new("/bin/bash").args(["--norc", "-c", "echo hi"]).output().expect("bash runs"));
            }
        });
    });
    group.finish();
}

fn volume(c: &mut Criterion) {
    let mut group = c.benchmark_group("20 MB of output");
    group.sample_size(10);
    let command = "yes 'a line of some forty characters, or so' | head -c 20000000";
    group.bench_function("floor: into a pipe", |b| b.iter(|| Command::new("/bin/bash").args(["-c", command]).output().expect("bash runs")));
    group.bench_function("lab session", |b| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = session(folder.path());
        b.iter(|| session.run(&mut request(command, &mut |_| Reaction::Wait)).expect("it runs"));
    });
    group.finish();
}

fn matching(c: &mut Criterion) {
    let header = "CONTAINER ID   IMAGE     COMMAND   CREATED         STATUS         PORTS     NAMES\n";
    let row = |n: usize| format!("{n:012x}   busybox   \"sh\"      2 minutes ago   Up 2 minutes             web{n}\n");
    let slide: String = std::iter::once(header.to_owned()).chain((0..10).map(row)).collect();
    let lines: Vec<&str> = slide.lines().collect();
    let actual = slide.replace("2 minutes", "3 seconds");
    c.bench_function("compare a table of ten rows", |b| {
        b.iter(|| assert!(compare(&lines, black_box(&actual), Mode::Meaning, &mut Bindings::default()).matched()));
    });
}

criterion_group!(benches, steps, volume, matching);
criterion_main!(benches);
