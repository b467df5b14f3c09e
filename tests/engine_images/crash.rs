//! Killed at any moment, and several processes at once: the store works on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dockside::engine::image::Digest;

use crate::support::{Served, engine_in, folder, pull, request};

const NAMES: [&str; 4] = ["ubuntu", "redis", "postgres", "debian"];

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
