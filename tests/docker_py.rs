//! docker-py against the engine: `clients/docker_py.py`, as root and as an ordinary user. Skips with a message where the module, or what
//! the engine's tests need, is missing.

#[path = "engine/support.rs"]
mod support;

use std::process::{Command, Stdio};

use support::{Engine, User};

#[test]
fn programs_take_the_engine_for_docker_as_root() {
    play(User::Root);
}

#[test]
fn programs_take_the_engine_for_docker_as_an_ordinary_user() {
    play(User::Ordinary);
}

fn play(user: User) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/docker_py.py");
    // The first one on the PATH may be another than the one that the module was installed for.
    let has_module = |python: &&str| {
        let asked = Command::new(python).args(["-c", "import docker"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(has_module) else {
        eprintln!("skipped: docker-py is not there");
        return;
    };
    let Some(engine) = Engine::start(user) else { return };
    engine.ok("docker pull -q busybox");
    // The client is this user's: the engine's owner may not be able to read it.
    let host = format!("unix://{}/s", engine.home().display());
    let output = Command::new("timeout").args(["300", python, "-B", script]).env("DOCKER_HOST", host).output().expect("python3");
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(3).collect();
    eprintln!("{}", last.into_iter().rev().collect::<Vec<_>>().join(" "));
    assert!(output.status.success(), "{said}");
}
