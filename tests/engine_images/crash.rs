//! Killed at any moment, and several processes at once: the store works on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dockside::engine::image::Digest;

use crate::support::{Served, Tar, engine_in, folder, pull, request, request_with};

const NAMES: [&str; 4] = ["ubuntu", "redis", "nginx", "debian"];

/// Every blob is what its name says, every layer is whole, every image of every engine has all its layers.
fn assert_consistent(folder: &Path, states: &[&str]) {
    for blob in fs::read_dir(folder.join("store/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let (digest, _) = Digest::of_reader(&mut fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(digest.hex(), path.file_name().unwrap().to_str().unwrap());
    }
    for layer in fs::read_dir(folder.join("store/layers")).unwrap() {
        let path = layer.unwrap().path();
        assert!(path.join("diff").is_dir() && path.join("layer.json").is_file(), "{}", path.display());
    }
    for state in states {
        let engine = engine_in(folder, state);
        for image in engine.images.list(true, &Default::default()).unwrap() {
            let resolved = engine.images.resolve(image.id.as_str(), None).unwrap();
            assert!(resolved.layers.iter().all(|layer| layer.is_dir()));
        }
    }
}

#[test]
fn killed_in_the_middle_of_a_pull_the_store_works_on() {
    let folder = folder();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..24 {
        // A store that grows, and now and then a new one.
        if round % 6 == 0 {
            let _ = fs::remove_dir_all(folder.path().join("store"));
            let _ = fs::remove_dir_all(folder.path().join("state"));
        }
        let mut served = Served::start(folder.path(), "state");
        let name = NAMES[round % NAMES.len()];
        let socket = served.socket.clone();
        let puller = std::thread::spawn(move || request(&socket, "POST", &format!("/images/create?fromImage={name}&tag=latest")));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros((random >> 33) % 400_000));
        served.child.kill().unwrap();
        served.child.wait().unwrap();
        puller.join().unwrap();
        assert_consistent(folder.path(), &["state"]);
    }
    let served = Served::start(folder.path(), "state");
    for name in NAMES {
        let (status, body) = served.request("POST", &format!("/images/create?fromImage={name}&tag=latest"));
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("Status: "), "{body}");
    }
    drop(served);
    assert_consistent(folder.path(), &["state"]);
    // Whoever opens the store next sweeps what the dead left.
    drop(engine_in(folder.path(), "state"));
    let left: Vec<_> = fs::read_dir(folder.path().join("store/tmp")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

/// A generator whose numbers are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn killed_two_hundred_times_the_store_is_consistent() {
    let folder = folder();
    let tar = |n: u64| Tar::new().folder("etc").file("etc/n", &format!("{n}")).file("big", &"x".repeat(20_000)).end();
    let first = Served::start(folder.path(), "state");
    assert_eq!(request_with(&first.socket, "POST", "/images/create?fromSrc=-&repo=base", &tar(0)).0, 200);
    let (status, saved) = request_with(&first.socket, "GET", "/images/get?names=base", b"");
    assert_eq!(status, 200);
    let create = br#"{"Image":"base","Cmd":["x"]}"#;
    // Both builders make two layers of their own; what a build reads and a layer holds differs from round to round.
    let context = |n: u64| Tar::new().file("Dockerfile", "FROM base\nCOPY n /n\nWORKDIR /w\nCOPY . /w\n").file("n", &format!("{n}")).end();
    assert_eq!(request_with(&first.socket, "POST", "/containers/create?name=kept", create).0, 201);
    drop(first);
    let mut random = Random(7);
    for round in 0..200u64 {
        let served = Served::start(folder.path(), "state");
        let socket = &served.socket;
        let (other, file, context) = (random.below(12), tar(random.below(12)), context(random.below(12)));
        std::thread::scope(|scope| {
            // Every other round is one under load.
            for _ in 0..if round % 2 == 0 { 3 } else { 9 } {
                let (kind, other, file, saved, context) = (random.below(11), (other + random.below(3)) % 12, &file, &saved, &context);
                scope.spawn(move || match kind {
                    0 => request_with(socket, "POST", &format!("/images/create?fromSrc=-&repo=i{other}"), file),
                    1 => request_with(socket, "POST", "/images/load", saved),
                    2 => request_with(socket, "POST", &format!("/commit?container=kept&repo=c{other}&comment={round}"), b"{}"),
                    3 => request_with(socket, "DELETE", &format!("/images/i{other}?force=1"), b""),
                    4 => request_with(socket, "POST", &format!("/containers/create?name=n{other}"), create),
                    5 => request_with(socket, "DELETE", &format!("/containers/n{other}?force=1"), b""),
                    6 => request_with(socket, "POST", &format!("/build?version=2&t=b{other}"), context),
                    7 => request_with(socket, "POST", &format!("/build?version=1&t=b{other}"), context),
                    8 => request_with(socket, "DELETE", &format!("/images/b{other}?force=1"), b""),
                    9 => request_with(socket, "POST", "/build/prune?all=1", b""),
                    _ => request_with(socket, "POST", "/images/create?fromImage=hello-world&tag=latest", b""),
                });
            }
            std::thread::sleep(Duration::from_micros(random.below(if round % 2 == 0 { 25_000 } else { 200_000 })));
            let pid = rustix::process::Pid::from_raw(i32::try_from(served.child.id()).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        });
        drop(served);
        assert_consistent(folder.path(), &["state"]);
    }
    let last = Served::start(folder.path(), "state");
    let ask = |method: &str, target: &str, body: &[u8]| {
        let (status, answer) = request_with(&last.socket, method, target, body);
        (status, String::from_utf8_lossy(&answer).into_owned())
    };
    assert_eq!(ask("GET", "/containers/kept/json", b"").0, 200);
    for n in 0..12 {
        let (status, answer) = ask("DELETE", &format!("/containers/n{n}?force=1"), b"");
        assert!(status == 204 || status == 404, "{answer}");
        let (status, answer) = ask("POST", &format!("/images/create?fromSrc=-&repo=i{n}"), &tar(n));
        assert!(status == 200 && !answer.contains("error"), "{answer}");
        for version in [1, 2] {
            let (status, answer) = ask("POST", &format!("/build?version={version}&t=b{n}"), &context(n));
            assert!(status == 200 && !answer.contains("error"), "{answer}");
            let (status, answer) = ask("GET", &format!("/images/b{n}/json"), b"");
            assert!(status == 200 && answer.contains("/w"), "{answer}");
        }
    }
    // Those of steps of the classic builder, too, which are containers as any other: nothing is left that cannot be seen and removed.
    let (_, listed) = ask("GET", "/containers/json?all=1", b"");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    for container in listed.as_array().unwrap() {
        let id = container["Id"].as_str().unwrap();
        assert_eq!(ask("DELETE", &format!("/containers/{id}"), b"").0, 204, "{container}");
    }
    drop(last);
    assert_consistent(folder.path(), &["state"]);
    assert_eq!(fs::read_dir(folder.path().join("state/containers")).unwrap().count(), 0);
    let left: Vec<_> = fs::read_dir(folder.path().join("store/tmp")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn two_processes_pull_the_same_at_once() {
    let folder = folder();
    let (one, two) = (Served::start(folder.path(), "one"), Served::start(folder.path(), "two"));
    std::thread::scope(|scope| {
        for served in [&one, &two] {
            scope.spawn(move || {
                for name in NAMES {
                    let (status, body) = served.request("POST", &format!("/images/create?fromImage={name}&tag=latest"));
                    assert_eq!(status, 200, "{body}");
                    assert!(body.contains("Status: Downloaded newer image"), "{body}");
                }
            });
        }
    });
    drop((one, two));
    assert_consistent(folder.path(), &["one", "two"]);
}

#[test]
fn a_living_process_keeps_its_unfinished_files() {
    let folder = folder();
    let one = engine_in(folder.path(), "one");
    pull(&one, "busybox").unwrap();
    // The first engine holds its workspace; a second one, opened meanwhile, may not sweep it.
    let before = fs::read_dir(folder.path().join("store/tmp")).unwrap().count();
    let two = engine_in(folder.path(), "two");
    assert!(fs::read_dir(folder.path().join("store/tmp")).unwrap().count() >= before);
    pull(&two, "busybox").unwrap();
    drop((one, two));
}

#[test]
fn a_second_server_is_refused_and_a_stale_socket_replaced() {
    let folder = folder();
    let served = Served::start(folder.path(), "state");
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["engine", "serve", "--socket"])
        .arg(&served.socket)
        .arg("--store")
        .arg(folder.path().join("store"))
        .arg("--state")
        .arg(folder.path().join("other"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another engine answers on"));
    let socket = served.socket.clone();
    // Killed, it leaves its socket behind.
    drop(served);
    assert!(socket.exists());
    let again = Served::start(folder.path(), "state");
    assert_eq!(again.request("GET", "/_ping").1, "OK");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
}
