//! Attempts to get out of a container, from within and from beside it. Skips with a message where the machine lacks what the engine's
//! tests need, or Python.

#[path = "engine/support.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::{Engine, User};

fn both(test: impl Fn(&Engine)) {
    for user in [User::Root, User::Ordinary] {
        if let Some(engine) = Engine::with_busybox(user) {
            test(&engine);
        }
    }
}

/// Options of `docker run` that give a container the machine's Python, and the script of attempts.
fn with_python(engine: &Engine) -> Option<String> {
    if !Path::new("/usr/bin/python3").exists() || !Path::new("/usr/lib64").exists() {
        eprintln!("skipped: the machine has no Python of its own in /usr");
        return None;
    }
    let script = engine.home().join("escapes.py");
    fs::write(&script, include_str!("clients/escapes.py")).expect("a file");
    Some("-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro -v $PWD/escapes.py:/escapes.py:ro".to_owned())
}

#[test]
fn what_a_container_tries_is_refused() {
    both(|engine| {
        let Some(python) = with_python(engine) else { return };
        fs::write(engine.home().join("secret"), "not for containers").expect("a file");
        let secret = engine.home().join("secret").display().to_string();
        engine.ok(&format!("docker run -d --name box {python} busybox sleep 1000"));
        let attempts = [
            format!("docker run --rm {python} busybox /usr/bin/python3 /escapes.py {secret}"),
            format!("docker run --rm --init {python} busybox /usr/bin/python3 /escapes.py {secret}"),
            format!("docker run --rm --network none --user 65534 {python} busybox /usr/bin/python3 /escapes.py {secret}"),
            format!("docker exec box /usr/bin/python3 /escapes.py {secret}"),
        ];
        for line in attempts {
            let run = engine.sh(&line);
            // An ordinary user without subordinate ids cannot be another one inside either.
            if run.status != 0 && line.contains("--user") {
                continue;
            }
            assert_eq!(run.status, 0, "{line}: {run:?}");
            let tried: u32 = run.stdout.lines().last().and_then(|l| l.strip_prefix("tried ")).and_then(|n| n.parse().ok()).unwrap_or(0);
            assert!(tried > 300, "{run:?}");
            assert_eq!(run.stdout.lines().filter(|l| l.starts_with("got through")).collect::<Vec<_>>(), [""; 0], "{line}");
        }
    });
}

#[test]
fn a_container_that_sees_the_machines_processes_cannot_look_into_them() {
    both(|engine| {
        let Some(python) = with_python(engine) else { return };
        let look = r#"
import os
seen = 0
for p in os.listdir("/proc"):
    if not p.isdigit() or p == str(os.getpid()):
        continue
    seen += 1
    for name in ("root/etc/passwd", "fd", "environ", "mem", "maps", "cwd", "exe", "ns/mnt"):
        path = f"/proc/{p}/{name}"
        try:
            if name == "fd":
                # Root may see that there are some.
                for number in os.listdir(path):
                    os.readlink(f"{path}/{number}")
                    print("looked into", path)
            elif name in ("cwd", "exe", "ns/mnt"):
                os.readlink(path)
                print("looked into", path)
            else:
                with open(path, "rb") as file:
                    # The kernel's own have nothing there.
                    if name == "mem" or file.read(1):
                        print("looked into", path)
        except OSError:
            pass
print("seen", seen)
"#;
        fs::write(engine.home().join("look.py"), look).expect("a file");
        let run = engine.sh(&format!("docker run --rm --pid host {python} -v $PWD/look.py:/look.py:ro busybox /usr/bin/python3 /look.py"));
        assert_eq!(run.status, 0, "{run:?}");
        let (looked, seen): (Vec<&str>, Vec<&str>) = run.stdout.lines().partition(|l| l.starts_with("looked"));
        // The monitor and the engine at least.
        assert!(seen.last().and_then(|l| l.strip_prefix("seen ")).and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n >= 2), "{run:?}");
        assert_eq!(looked, [""; 0]);
    });
}

/// Flips a name between a folder and a link out of the container, as fast as it can.
const FLIP: &str = "mkdir -p /race/in /race/a; ln -s $OUT /race/l; cd /race; while :; do mv a f; mv f a; mv l f; mv f l; done";

#[test]
fn a_link_that_comes_and_goes_leads_no_copy_out() {
    both(|engine| {
        engine.ok("mkdir out && echo outside > out/file && echo copied > in && chmod 777 out");
        let out = engine.home().join("out");
        // `swap` is a folder and the link by turns: two renames of two names.
        let script = format!(
            "mkdir /d; ln -s {} /l; echo inside > /d/file; while :; do mv /d /swap; mv /swap /d; mv /l /swap; mv /swap /l; done",
            out.display()
        );
        engine.ok(&format!("docker run -d --name racer busybox sh -c '{script}'"));
        let copies =
            "for i in $(seq 60); do docker cp in racer:/swap/new; docker cp racer:/swap/file got$i; docker cp in racer:/swap; done; true";
        engine.sh(copies);
        assert_eq!(fs::metadata(&out).expect("the folder").permissions().mode() & 0o7777, 0o777, "its mode is its own");
        assert_eq!(fs::read_to_string(out.join("file")).expect("the file"), "outside\n");
        assert_eq!(fs::read_dir(&out).expect("the folder").count(), 1, "something was copied out");
        let got = engine.ok("cat got* 2>/dev/null | sort -u");
        assert!(got.is_empty() || got == "inside", "{got}");
    });
}

#[test]
fn a_link_that_comes_and_goes_leads_no_mount_out() {
    both(|engine| {
        engine.ok("mkdir out && chmod 777 out && docker volume create shared && docker volume create inner");
        let out = engine.home().join("out");
        let flip = FLIP.replace("$OUT", &out.display().to_string()).replace("/race", "/v");
        engine.ok(&format!("docker run -d --name racer -v shared:/v busybox sh -c '{flip}'"));
        let mounts = || fs::read_to_string("/proc/self/mounts").expect("mounts").lines().count();
        let before = mounts();
        for _ in 0..15 {
            // Where the mount goes is looked up while the other container changes what is there.
            engine.sh("docker run --rm -v shared:/v -v inner:/v/f/deep busybox sh -c 'echo x > /v/f/deep/file'");
        }
        assert_eq!(fs::read_dir(&out).expect("the folder").count(), 0, "a mount or a folder was made outside");
        assert_eq!(mounts(), before);
    });
}

#[test]
fn a_terminal_in_a_container_is_the_containers_own() {
    both(|engine| {
        let run = engine.sh("TTY docker run --rm -t busybox sh -c 'ls -l /proc/self/fd/0 /dev/console; stat -c %d /dev/pts /proc/self/fd/0/. 2>/dev/null; ls /dev/pts'");
        assert_eq!(run.status, 0, "{run:?}");
        assert!(run.stdout.contains("/dev/pts/0"), "{run:?}");
        assert!(!run.stdout.contains("/dev/pts/1"), "{run:?}");
    });
}
