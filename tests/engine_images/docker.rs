//! The real docker client against the engine, held to what it printed against Docker: the recorded scenario of images, in its order.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;

use crate::support::{Served, Tar, folder};

fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path)
}

fn found(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The distribution's registry on a free port; killed when dropped.
struct Registry {
    child: Child,
    port: u16,
}

impl Registry {
    fn start(folder: &Path) -> Registry {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("registry.yml");
        let data = folder.join("registry");
        fs::write(
            &config,
            format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n",
                data.display()
            ),
        )
        .unwrap();
        let child = Command::new("docker-registry").arg("serve").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        Registry { child, port }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command did.
#[derive(Debug, PartialEq)]
struct Outcome {
    exit: i32,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

/// A recorded command, as `transcripts/NNN-NAME.txt` has it.
fn transcript(name: &str) -> Option<Outcome> {
    let entries = fs::read_dir(shared("corpus/docker/transcripts")).ok()?;
    let file = entries.flatten().map(|entry| entry.path()).find(|path| {
        path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.split_once('-')).is_some_and(|(_, rest)| rest == name)
    })?;
    let text = fs::read_to_string(file).ok()?;
    let exit = text.lines().nth(1)?.strip_prefix("# exit ")?.split(' ').next()?.parse().ok()?;
    let (_, rest) = text.split_once("----- stdout")?;
    let (stdout, stderr) = rest.split_once("----- stderr")?;
    let stdout = stdout.split_once('\n')?.1;
    Some(Outcome { exit, stdout: normal(stdout), stderr: normal(stderr.trim_start_matches('\n')) })
}

/// Lines with what differs from run to run named by its kind. Tables are compared as sets of cells a line: Docker's client prints
/// the tags of one image in no order.
fn normal(text: &str) -> Vec<String> {
    let kinds = [
        (r"sha256:[0-9a-f]{64}", "<digest>"),
        (r"\b[0-9a-f]{64}\b", "<digest>"),
        (r"\b[0-9a-f]{12}\b", "<id>"),
        (r"\b(Less than a second|About a (minute|second)|About an hour|\d+ (seconds?|minutes?|hours?|days?)) ago\b", "<age>"),
        (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+Z?)?( \+0000 UTC)?", "<time>"),
        (r"\b\d+(\.\d+)?[kMG]?B\b", "<size>"),
        (r#""size": \d+"#, "\"size\": <size>"),
        (r"size: \d+", "size: <size>"),
        (r"(0/0) +\d+ ", "$1 <size> "),
        (r"localhost:\d+", "localhost:5000"),
        (r"127\.0\.0\.1:\d+|\[::1\]:\d+", "<address>"),
        (r" +", " "),
    ];
    let mut text = text.replace('\r', "");
    for (pattern, kind) in kinds {
        text = Regex::new(pattern).unwrap().replace_all(&text, kind).into_owned();
    }
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

struct Replay {
    served: Served,
    folder: PathBuf,
    port: u16,
}

impl Replay {
    fn run(&self, command: &str) -> Outcome {
        let command =
            command.replace("/lab/run", self.folder.to_str().unwrap()).replace("localhost:5000", &format!("localhost:{}", self.port));
        let output = Command::new("bash")
            .arg("-c")
            .arg(&command)
            .env("DOCKER_HOST", format!("unix://{}", self.served.socket.display()))
            .env("DOCKER_CONFIG", self.folder.join("config"))
            .env("TZ", "UTC")
            .output()
            .unwrap();
        Outcome {
            exit: output.status.code().unwrap_or(-1),
            stdout: normal(&String::from_utf8_lossy(&output.stdout)),
            stderr: normal(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Runs the command and compares it with what was recorded under the name, if anything was.
    fn step(&self, name: &str, command: &str, compared: &mut u32) {
        let actual = self.run(command);
        let Some(expected) = transcript(name) else { return };
        *compared += 1;
        let sorted = |outcome: &Outcome| -> BTreeSet<String> { outcome.stdout.iter().cloned().collect() };
        assert_eq!(actual.exit, expected.exit, "{name}: {command}: {actual:#?}");
        assert_eq!(sorted(&actual), sorted(&expected), "{name}: {command}");
        assert_eq!(actual.stdout.len(), expected.stdout.len(), "{name}: {command}");
        assert_eq!(actual.stderr, expected.stderr, "{name}: {command}");
    }
}

/// Commands of the scenario that are about images alone, and what they need.
fn scenario(number: u32) -> Vec<(String, String)> {
    let text = fs::read_to_string(shared(&format!("corpus/docker/scenario-{number}.txt"))).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('|')).map(|(name, command)| (name.to_owned(), command.to_owned())).collect()
}

fn missing() -> Option<&'static str> {
    ["docker", "docker-registry", "busybox", "jq", "script", "bash"].into_iter().find(|program| !found(program))
}

fn replay(folder: &Path) -> Option<(Replay, Registry)> {
    if let Some(program) = missing() {
        eprintln!("skipped: {program} is not on the PATH");
        return None;
    }
    if !shared("corpus/docker/transcripts").is_dir() {
        eprintln!("skipped: the transcripts are not there");
        return None;
    }
    let registry = Registry::start(folder);
    let replay = Replay { served: Served::start(folder, "state"), folder: folder.to_owned(), port: registry.port };
    Some((replay, registry))
}

#[test]
fn the_recorded_commands_print_what_they_printed_on_docker() {
    let folder = folder();
    let Some((replay, _registry)) = replay(folder.path()) else { return };
    let tar = folder.path().join("busybox.tar");
    assert!(Command::new(shared("tools/busybox-rootfs")).arg(&tar).status().unwrap().success());
    // The recording began with this image, pushed once under another name.
    assert_eq!(replay.run(&format!("docker import -c 'CMD [\"sh\"]' - busybox:latest < {}", tar.display())).exit, 0);
    assert_eq!(replay.run("docker tag busybox localhost:5000/busybox && docker push -q localhost:5000/busybox").exit, 0);

    let mut compared = 0;
    for (name, command) in scenario(1) {
        if name.starts_with("build-") {
            break;
        }
        // What the engine is made of differs, and a terminal's bytes are compared elsewhere.
        if !name.starts_with("version") && !name.starts_with("info") && !command.starts_with("TTY ") {
            replay.step(&name, &command, &mut compared);
        }
    }
    let alone = [
        "err-no-such-image-rmi",
        "err-no-such-image-inspect",
        "err-invalid-ref",
        "err-pull-manifest-unknown",
        "err-pull-repo-unknown",
        "err-pull-by-wrong-digest",
        "pull-by-digest",
        "err-push-no-such-tag",
        "err-tag-missing",
        "err-tag-bad",
        "err-load-garbage",
        "err-import-missing",
        "manifest-inspect",
    ];
    for (name, command) in scenario(1).into_iter().chain(scenario(2)).filter(|(name, _)| alone.contains(&name.as_str())) {
        replay.step(&name, &command, &mut compared);
    }
    assert!(compared >= 20, "only {compared} recorded commands were found");
}

#[test]
fn several_layers_come_and_go_as_recorded() {
    let folder = folder();
    let Some((replay, _registry)) = replay(folder.path()) else { return };
    let archive = folder.path().join("ml.tar");
    fs::write(&archive, three_layers(&format!("localhost:{}/ml:1", replay.port))).unwrap();
    assert_eq!(replay.run(&format!("docker load -i {}", archive.display())).stdout, ["Loaded image: localhost:5000/ml:1"]);
    let mut compared = 0;
    for name in ["push-multilayer-fresh", "push-multilayer-exists", "pull-multilayer-fresh", "pull-nontty-q", "rmi-multilayer"] {
        let Some((_, command)) = scenario(4).into_iter().chain(scenario(3)).find(|(step, _)| step == name) else { continue };
        let command = command.replace("docker builder prune -af >/dev/null; ", "");
        replay.step(name, &command, &mut compared);
    }
    assert!(compared >= 3, "only {compared} recorded commands were found");
    // Another repository of the registry gets the layers without a transfer.
    assert_eq!(replay.run("docker pull -q localhost:5000/ml:1").exit, 0);
    let mounted = replay.run("docker tag localhost:5000/ml:1 localhost:5000/ml2:1; docker push localhost:5000/ml2:1");
    assert_eq!(mounted.stdout.iter().filter(|line| line.ends_with(": Mounted from ml")).count(), 3, "{mounted:?}");
    // On a terminal a load shows its layers.
    let load = replay.run(
        "docker save -o /lab/run/out.tar localhost:5000/ml:1; docker rmi localhost:5000/ml:1 localhost:5000/ml2:1 >/dev/null; script -qefc 'docker load -i /lab/run/out.tar' /dev/null",
    );
    let text = load.stdout.join("\n");
    assert_eq!(text.matches("Loading layer").count(), 6, "{text}");
    assert!(text.ends_with("Loaded image: localhost:5000/ml:1"), "{text}");
}

/// An archive as `docker save` of old wrote it: an image of three layers.
fn three_layers(name: &str) -> Vec<u8> {
    use dockside::engine::image::Digest;
    let mut random = 1u32;
    let layers: Vec<Vec<u8>> = (0..3)
        .map(|n| {
            let noise: String = (0..60_000)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    char::from(b' ' + (random >> 24) as u8 % 90)
                })
                .collect();
            Tar::new().file(&format!("layer-{n}"), &noise).end()
        })
        .collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": { "Cmd": ["sh"] }, "created": "2026-11-22T03:00:00Z",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": [{ "created_by": "a" }, { "created_by": "b" }, { "created_by": "c" }],
    });
    let paths: Vec<String> = (0..3).map(|n| format!("{n}/layer.tar")).collect();
    let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [name], "Layers": paths }]);
    let mut tar = Tar::new();
    for (path, layer) in paths.iter().zip(&layers) {
        tar = tar.entry(tar::EntryType::Regular, path, "", layer);
    }
    tar.file("config.json", &config.to_string()).file("manifest.json", &manifest.to_string()).end()
}

#[test]
fn the_catalogue_is_docker_hub() {
    let folder = folder();
    if !found("docker") {
        eprintln!("skipped: docker is not on the PATH");
        return;
    }
    let served = Served::start(folder.path(), "state");
    let run = |args: &[&str]| {
        let output = served.docker(folder.path()).args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&["pull", "ubuntu"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("Using default tag: latest\nlatest: Pulling from library/ubuntu\n"), "{out}");
    assert!(out.ends_with("Status: Downloaded newer image for ubuntu:latest\ndocker.io/library/ubuntu:latest\n"), "{out}");
    assert_eq!(run(&["images", "-q", "ubuntu"]).1.trim().len(), 12);
    assert_eq!(run(&["image", "inspect", "-f", "{{.Os}} {{.RepoTags}}", "ubuntu"]).1, "linux [ubuntu:latest]\n");
    let (code, _, err) = run(&["pull", "nosuch"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("Error response from daemon: pull access denied for nosuch, repository does not exist"), "{err}");
    let (_, out, _) = run(&["search", "--limit", "3", "ubuntu"]);
    assert!(out.starts_with("NAME"), "{out}");
    assert!(out.lines().nth(1).is_some_and(|line| line.starts_with("ubuntu ") && line.contains("[OK]")), "{out}");
    assert!(run(&["search", "--filter", "is-official=true", "ubuntu"]).1.lines().skip(1).all(|line| line.contains("[OK]")));
    let (code, _, err) = run(&["pull", "--platform", "linux/s390x", "alpine"]);
    assert_eq!(code, 1);
    assert!(err.contains("no matching manifest for linux/s390x in the manifest list entries"), "{err}");
    let (code, _, err) = run(&["swarm", "ca"]);
    assert_eq!(code, 1);
    assert!(err.contains("This node is not a swarm manager"), "{err}");
    assert_eq!(served.request("GET", "/no/such/route"), (404, "{\"message\":\"page not found\"}\n".to_owned()));
    let soon = (std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 1).to_string();
    let (_, events, _) = run(&["events", "--since", "1h", "--until", &soon]);
    assert!(events.contains("image pull ubuntu:latest (name=ubuntu)"), "{events}");
}

#[test]
fn a_pool_opens_and_closes_engines() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["engine", "pool"])
        .env("DOCKSIDE_HOME", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut ask = |request: serde_json::Value| -> serde_json::Value {
        writeln!(stdin, "{request}").unwrap();
        serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap()
    };
    let open = |id: &str, images: &[&str]| {
        let path = |ending: &str| folder.path().join(format!("{id}.{ending}"));
        serde_json::json!({ "open": { "id": id, "state": path("state"), "socket": path("sock"), "images": images } })
    };
    assert_eq!(ask(open("a", &["ubuntu:14.04", "busybox"])), serde_json::json!({ "id": "a", "ok": true }));
    assert_eq!(ask(open("b", &[])), serde_json::json!({ "id": "b", "ok": true }));
    assert!(ask(open("c", &["no/such"]))["error"].as_str().unwrap().contains("pull access denied"));
    assert!(ask(open("a", &[]))["error"].as_str().unwrap().contains("open already"));
    let list = |id: &str| crate::support::request(&folder.path().join(format!("{id}.sock")), "GET", "/images/json").1;
    let images = list("a");
    assert!(images.contains("ubuntu:14.04") && images.contains("busybox:latest"), "{images}");
    assert_eq!(list("b"), "[]\n");
    assert_eq!(ask(serde_json::json!({ "close": { "id": "a" } })), serde_json::json!({ "id": "a", "ok": true }));
    assert!(!folder.path().join("a.state").exists() && !folder.path().join("a.sock").exists());
    assert!(ask(serde_json::json!({ "close": { "id": "a" } }))["error"].is_string());
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(!folder.path().join("b.state").exists() && !folder.path().join("b.sock").exists());
}
