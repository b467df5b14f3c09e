//! A build of ten steps as a whole process, cold and from the cache: BuildKit's way and the classic builder, with the embedded engine
//! and its own client. Prints medians; what is missing is said and left out.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "shared/mod.rs"]
mod shared;

const ROUNDS: usize = 10;

/// Ten instructions, seven of which make a layer.
const DOCKERFILE: &str = "FROM busybox:latest\nENV A=1\nWORKDIR /app\nCOPY a.txt .\nRUN echo 1 > 1\nRUN echo 2 > 2\nRUN echo 3 > 3\n\
                          RUN echo 4 > 4\nRUN echo 5 > 5\nCMD [\"true\"]\n";

fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let context = dir.path().join("context");
    fs::create_dir(&context).expect("a folder");
    fs::write(context.join("Dockerfile"), DOCKERFILE).expect("a Dockerfile");
    fs::write(context.join("a.txt"), "a\n").expect("a file");
    let binary = env!("CARGO_BIN_EXE_dockside");
    let Some(mut engine) = shared::serve(binary, dir.path()) else { return };
    let docker = |buildkit: &str, args: &[&str]| {
        let mut command = Command::new(binary);
        command.arg("docker").args(args).arg(&context).env("DOCKER_HOST", format!("unix://{}/s", dir.path().display()));
        command.env("DOCKER_BUILDKIT", buildkit).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    for (name, buildkit) in [("BuildKit", "1"), ("classic", "0")] {
        // The base image comes in with the first.
        if !docker(buildkit, &["build"]).status().is_ok_and(|s| s.success()) {
            println!("{name}: left out, it does not build");
            continue;
        }
        measure(&format!("{name}, cold"), || docker(buildkit, &["build", "--no-cache"]));
        measure(&format!("{name}, cached"), || docker(buildkit, &["build"]));
    }
    let _ = engine.kill();
    let _ = engine.wait();
}

fn measure(what: &str, command: impl Fn() -> Command) {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        if !command().status().is_ok_and(|status| status.success()) {
            println!("{what:>20}  failed");
            return;
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("{what:>20}  {:>7.1} ms", times[ROUNDS / 2].as_secs_f64() * 1e3);
}
