//! The recorded scenarios, whole and in their order, on one engine: with Docker's own client and with ours, as root and as an ordinary
//! user. Each command must do what it did on Docker, or stand in `engine/scenarios_unmet.txt` with the reason.
//! Skips with a message where the client, the corpus or busybox is missing.

#[path = "engine/registries.rs"]
mod registries;
#[path = "engine/support.rs"]
mod support;
#[path = "engine/transcripts.rs"]
mod transcripts;

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use registries::Registry;
use support::{Engine, Run, User};
use transcripts::{Corpus, Step};

#[derive(Clone, Copy, PartialEq)]
enum Client {
    Docker,
    Ours,
}

/// Each takes a while: root's tests play the one client as root and the other one as an ordinary user, an ordinary user's the first one
/// again. `SCENARIOS_ALL=1` plays all four.
fn all() -> bool {
    std::env::var_os("SCENARIOS_ALL").is_some()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn scenarios_with_dockers_client() {
    play(if is_root() { User::Root } else { User::Ordinary }, Client::Docker);
}

#[test]
fn scenarios_with_our_client() {
    if is_root() || all() {
        play(User::Ordinary, Client::Ours);
    }
}

#[test]
fn scenarios_the_other_way_round() {
    if is_root() && all() {
        play(User::Ordinary, Client::Docker);
        play(User::Root, Client::Ours);
    }
}

/// One engine with all that the recordings had around theirs.
struct Stage {
    engine: Engine,
    open: Arc<Registry>,
    closed: Arc<Registry>,
    commands: PathBuf,
    /// Nobody but its owner may connect to it.
    _private: UnixListener,
}

impl Stage {
    fn set(user: User, client: Client) -> Option<Stage> {
        let engine = Engine::with_busybox(user)?;
        let (open, closed) = (Registry::start(false), Registry::start(true));
        let commands = engine.dir.path().join("bin");
        std::fs::create_dir(&commands).ok()?;
        if client == Client::Ours {
            symlink(engine.dir.path().join("dockside"), commands.join("docker")).ok()?;
        }
        engine.ok("mkdir ctx ctx/b2 ctx/b3 && chmod 755 .");
        engine.ok(&format!("cp -r --no-preserve=mode,ownership {}/. ctx", Corpus::folder().join("contexts").display()));
        // The recordings' folder was the engine's own; an ordinary user may write into it too.
        std::fs::set_permissions(engine.home().join("run"), std::fs::Permissions::from_mode(0o777)).ok()?;
        let private = engine.home().join("run/dockerperm.sock");
        let listener = UnixListener::bind(&private).ok()?;
        std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600)).ok()?;
        let stage = Stage { engine, open, closed, commands, _private: listener };
        stage.ok("docker tag busybox localhost:5000/busybox && docker push -q localhost:5000/busybox");
        Some(stage)
    }

    fn sh(&self, line: &str) -> Run {
        let ports = [("localhost:5000", self.open.port), ("localhost:5001", self.closed.port)];
        let line = ports.iter().fold(line.to_owned(), |line, (name, port)| line.replace(name, &format!("localhost:{port}")));
        let run = self.engine.sh_with(Some(&self.commands), &line);
        let undress = |text: String| {
            let text = ports.iter().fold(text, |text, (name, port)| text.replace(&format!("localhost:{port}"), name));
            text.replace("unix:///lab/s", "unix:///lab/run/d26log.sock").replace("/lab/.docker/", "/lab/run/dockercfg/")
        };
        Run { status: run.status, stdout: undress(run.stdout), stderr: undress(run.stderr) }
    }

    fn ok(&self, line: &str) {
        let run = self.sh(line);
        assert_eq!(run.status, 0, "{line}: {run:?}");
    }

    /// What was there before a scenario began, and no scenario made.
    fn prepare(&self, scenario: usize) {
        match scenario {
            // Another image is what `busybox` means to an engine with a catalogue once the imported one is gone.
            2 => self.ok("docker rmi -f busybox 2>/dev/null; docker import -c 'CMD [\"sh\"]' - busybox:latest < busybox.tar"),
            4 => self.ok(concat!(
                "mkdir ctx/ml; for i in 1 2 3; do head -c 6000000 /dev/urandom > ctx/ml/$i; done; ",
                "printf 'FROM scratch\\nCOPY 1 /\\nCOPY 2 /\\nCOPY 3 /\\n' > ctx/ml/Dockerfile; ",
                "DOCKER_BUILDKIT=0 docker build -q -t localhost:5000/ml:1 ctx/ml"
            )),
            _ => {}
        }
    }
}

/// For whom a command of the list is not met.
#[derive(Clone, Copy, PartialEq)]
enum Unmet {
    Always,
    /// As an ordinary user only.
    Ordinary,
    /// With Docker's own client only, where it has no buildx plugin as it had in the recordings.
    Docker,
    /// With our client only, and with Docker's where it has the plugin.
    Ours,
    /// It hangs on the machine, or on the moment.
    Perhaps,
}

fn unmet() -> BTreeMap<&'static str, Unmet> {
    include_str!("engine/scenarios_unmet.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let id = words.next().unwrap_or_default();
            let who = match words.next() {
                Some("always") => Unmet::Always,
                Some("ordinary") => Unmet::Ordinary,
                Some("docker") => Unmet::Docker,
                Some("ours") => Unmet::Ours,
                Some("perhaps") => Unmet::Perhaps,
                other => panic!("{id}: for whom? {other:?}"),
            };
            assert!(words.next().is_some_and(|why| !why.is_empty()), "{id}: no reason");
            (id, who)
        })
        .collect()
}

/// Plays all scenarios; `SCENARIOS_SHOW` names a command whose output is shown whatever it is, and the containers before it, or is `unmet`
/// for the differences of all that is listed.
fn play(user: User, client: Client) {
    let Some(corpus) = Corpus::find() else { return };
    let Some(stage) = Stage::set(user, client) else { return };
    let (unmet, show) = (unmet(), std::env::var("SCENARIOS_SHOW").unwrap_or_default());
    let buildx = client == Client::Docker && stage.engine.has_buildx();
    let (mut met, mut listed, mut wrong) = (0, 0, Vec::new());
    for scenario in [1, 2, 4] {
        stage.prepare(scenario);
        for Step { number, name, command } in corpus.scenario(scenario) {
            if show == *name {
                eprintln!("{}", stage.sh("docker ps -a").stdout);
            }
            if name.starts_with("build-b1") {
                // Times in layers are whole seconds, Docker's too: two builds within one share what the recorder's, which took longer,
                // did not, and rmi would delete less.
                std::thread::sleep(Duration::from_millis(1100));
            }
            let run = stage.sh(command);
            if show == *name || show == "unrecorded" && corpus.recorded(*number, name).is_none() {
                eprintln!("-- {number} {name}: {command}");
                eprintln!("{run:?}");
            }
            // Kept apart, or never recorded: what it leaves behind is needed all the same.
            let Some(transcript) = corpus.recorded(*number, name) else { continue };
            let id = transcript.id.as_str();
            let who = unmet.get(id).copied().filter(|who| match who {
                Unmet::Always | Unmet::Perhaps => true,
                Unmet::Ordinary => user == User::Ordinary,
                Unmet::Docker => client == Client::Docker && !buildx,
                Unmet::Ours => client == Client::Ours || buildx,
            });
            let difference = transcript.difference(&run, user);
            if let (Some(difference), Some(_), "unmet") = (&difference, who, show.as_str()) {
                eprintln!("== {id}\n{difference}");
            }
            match (difference, who) {
                (None, None | Some(Unmet::Perhaps)) => met += 1,
                (Some(_), Some(_)) => listed += 1,
                (None, Some(_)) => wrong.push(format!("== {id}\nis met: take it off the list")),
                (Some(difference), None) => wrong.push(format!("== {id}\n{difference}")),
            }
        }
    }
    eprintln!("{met} recorded commands are met, {listed} are not and are known, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
