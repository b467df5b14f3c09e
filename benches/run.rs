//! `run --rm busybox true` as a whole process: the embedded engine with its own client, beside `unshare` and chroot (the floor) and,
//! where they are installed, crun and Docker. Prints medians; what is missing is said and left out.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[path = "shared/mod.rs"]
mod shared;

const ROUNDS: usize = 30;
const PAUSE: Duration = Duration::from_millis(100);

fn main() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let binary = env!("CARGO_BIN_EXE_dockside");
    let rootfs = dir.path().join("rootfs");
    make_rootfs(binary, &rootfs);

    let floor = measure("unshare + chroot", || unshare(&rootfs));
    if let Some(mut engine) = shared::serve(binary, dir.path()) {
        let docker = |args: &[&str]| {
            let mut command = Command::new(binary);
            command.arg("docker").args(args).env("DOCKER_HOST", host(dir.path()));
            command
        };
        if quiet(docker(&["pull", "busybox"])) {
            let own = measure("dockside docker run", || docker(&["run", "--rm", "busybox", "true"]));
            if let (Some(floor), Some(own)) = (floor, own) {
                println!("{:>28}  {:>7.1} ms", "above the floor", (own.as_secs_f64() - floor.as_secs_f64()) * 1e3);
            }
        } else {
            println!("dockside docker: left out, it cannot pull busybox");
        }
        measure("docker client, this engine", || {
            let mut command = Command::new("docker");
            command.args(["run", "--rm", "busybox", "true"]).env("DOCKER_HOST", host(dir.path()));
            command
        });
        let _ = engine.kill();
        let _ = engine.wait();
    }
    crun(dir.path(), &rootfs);
    if quiet_args("docker", &["run", "--rm", "busybox", "true"]) {
        measure("docker, its own engine", || command("docker", &["run", "--rm", "busybox", "true"]));
    } else {
        println!("docker, its own engine: left out, none answers");
    }
}

fn host(dir: &Path) -> String {
    format!("unix://{}/s", dir.display())
}

/// A root file system with the binary as `true`, as in the catalogue's busybox.
fn make_rootfs(binary: &str, rootfs: &Path) {
    for folder in ["bin", "proc", "dev"] {
        fs::create_dir_all(rootfs.join(folder)).expect("a folder");
    }
    fs::copy(binary, rootfs.join("bin/true")).expect("the binary");
}

fn unshare(rootfs: &Path) -> Command {
    let mut command = command("unshare", &["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "chroot"]);
    command.arg(rootfs).arg("/bin/true");
    command
}

fn crun(dir: &Path, rootfs: &Path) {
    if !quiet_args("crun", &["--version"]) {
        println!("crun: left out, not installed");
        return;
    }
    let bundle = dir.join("bundle");
    fs::create_dir_all(&bundle).expect("a folder");
    let config = serde_json::json!({
        "ociVersion": "1.0.2",
        "process": { "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"] },
        "root": { "path": rootfs, "readonly": false },
        "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
        "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "network" }] },
    });
    fs::write(bundle.join("config.json"), config.to_string()).expect("the bundle");
    let root = dir.join("crun");
    measure("crun, bare", || {
        let mut command = command("crun", &["--cgroup-manager=disabled", "--root"]);
        command.arg(&root).args(["run", "--bundle"]).arg(&bundle).arg("bench");
        command
    });
}

fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

fn quiet_args(program: &str, args: &[&str]) -> bool {
    quiet(command(program, args))
}

fn quiet(mut command: Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// The median of some rounds, printed; `None` when the program does not work here.
fn measure(name: &str, program: impl Fn() -> Command) -> Option<Duration> {
    if !quiet(program()) {
        println!("{name}: left out, it does not work here");
        return None;
    }
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            // The kernel undoes namespaces when their last process is gone, not when that is told: what one round leaves it must not
            // be the next one's to wait for.
            std::thread::sleep(PAUSE);
            let start = Instant::now();
            quiet(program());
            start.elapsed()
        })
        .collect();
    times.sort();
    let median = times[ROUNDS / 2];
    println!("{name:>28}  {:>7.1} ms  (best {:.1})", median.as_secs_f64() * 1e3, times[0].as_secs_f64() * 1e3);
    Some(median)
}
