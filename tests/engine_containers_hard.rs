//! What no transcript shows of containers: crashes, leaks, attempts to get out, big streams, many at once.

#[path = "engine/support.rs"]
mod support;

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use support::{Engine, User};

fn both(test: impl Fn(&mut Engine)) {
    for user in [User::Root, User::Ordinary] {
        if let Some(mut engine) = Engine::with_busybox(user) {
            test(&mut engine);
        }
    }
}

/// Processes of the machine whose environment or arguments name the engine's folder.
fn processes_of(engine: &Engine) -> Vec<String> {
    let folder = engine.dir.path().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        if String::from_utf8_lossy(&environment).contains(&folder) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    found
}

#[test]
fn containers_outlive_a_killed_engine_and_are_found_again() {
    both(|engine| {
        let script = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done";
        engine.ok(&format!("docker run -d --name live busybox sh -c {script:?}"));
        engine.ok("docker run -d --rm --name brief busybox sleep 0.3");
        engine.crash_and_restart();
        assert_eq!(engine.ok("docker exec live echo inside"), "inside");
        assert_eq!(engine.ok("echo typed | docker exec -i live cat"), "typed");
        assert_eq!(engine.ok("docker logs live"), "up");
        engine.ok("docker stop live");
        assert_eq!(engine.ok("docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' live"), "exited 5");
        assert_eq!(engine.ok("docker logs live"), "up\nbye");
        engine.ok("docker start live && docker rm -f live");
        // The one that was to be removed at its end, which came with or without an engine.
        engine.sh("docker wait brief");
        engine.crash_and_restart();
        assert_eq!(engine.ok("docker ps -aq"), "");
    });
}

#[test]
fn what_ends_while_no_engine_runs_has_its_status() {
    both(|engine| {
        engine.ok("docker run -d --name ended busybox sh -c 'sleep 0.2; exit 3'");
        engine.ok("docker run -d --name killed busybox sleep 1000");
        // The monitor of one is killed too, and with it its container.
        let id = engine.ok("docker inspect -f '{{.Id}}' killed");
        let run = fs::read_to_string(engine.home().join("state/containers").join(&id).join("run.json")).unwrap();
        let run: serde_json::Value = serde_json::from_str(&run).unwrap();
        let pid = i32::try_from(run["monitor"][0].as_i64().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
        engine.crash_and_restart();
        assert_eq!(engine.ok("docker wait killed"), "137");
        assert_eq!(engine.ok("docker wait ended"), "3");
        assert_eq!(engine.ok("docker ps -q"), "");
        assert_eq!(engine.ok("docker start -a ended; echo $?"), "3");
    });
}

/// How many descriptors and threads the engine has, how many files are beside the layers, how many groups there are for limits.
fn belongings(engine: &Engine) -> [usize; 4] {
    let count = |path: String| fs::read_dir(path).map(Iterator::count).unwrap_or_default();
    let files = engine.ok("find store/tmp state -not -name '*.log' | wc -l").parse().expect("a number");
    let groups = Command::new("find").args(["/sys/fs/cgroup", "-type", "d"]).output().map(|o| o.stdout).unwrap_or_default();
    let pid = engine.pid();
    [count(format!("/proc/{pid}/fd")), count(format!("/proc/{pid}/task")), files, groups.split(|b| *b == b'\n').count()]
}

/// 48 containers a user; `DOCKSIDE_TEST_RUNS=1000` runs as many as it says.
#[test]
fn nothing_is_left_after_many_runs() {
    let rounds = std::env::var("DOCKSIDE_TEST_RUNS").ok().and_then(|runs| runs.parse::<usize>().ok()).map_or(4, |runs| runs.div_ceil(12));
    both(|engine| {
        let before = fs::read_to_string("/proc/self/mounts").unwrap().lines().count();
        let warm = "for i in $(seq 12); do docker run --rm busybox true & done; wait";
        engine.ok(warm);
        let (idle, owned) = (processes_of(engine).len(), belongings(engine));
        let runs = "for i in $(seq 12); do (docker run --rm busybox sh -c 'mkdir -p /a/b; chmod 000 /a/b /a; exit 3'; [ $? = 3 ] || echo wrong) & done; wait";
        for _ in 0..rounds {
            assert_eq!(engine.ok(runs), "");
        }
        let left = belongings(engine);
        // Connections that are just being closed, threads that wait for work.
        assert!(left[0] <= owned[0] + 8 && left[1] <= owned[1] + 24, "descriptors and threads: {owned:?}, then {left:?}");
        assert!(left[2] <= owned[2] + 2, "files: {owned:?}, then {left:?}");
        assert!(left[3] <= owned[3] + 4, "control groups: {owned:?}, then {left:?}");
        assert_eq!(engine.ok("docker ps -aq"), "");
        assert_eq!(fs::read_dir(engine.home().join("state/containers")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap().lines().count(), before, "mounts of the machine");
        // The last monitors may still be undoing their mounts.
        let mut left = processes_of(engine);
        for _ in 0..100 {
            if left.len() <= idle {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            left = processes_of(engine);
        }
        assert!(left.len() <= idle, "left behind: {left:#?}");
    });
}

#[test]
fn streams_are_whole_however_big() {
    both(|engine| {
        assert_eq!(engine.ok("docker run --rm busybox sh -c 'dd if=/dev/zero bs=64k count=320 2>/dev/null' | wc -c"), "20971520");
        assert_eq!(engine.ok("head -c 5000000 /dev/zero | docker run --rm -i busybox wc -c"), "5000000");
        engine.ok("docker run -d --name big busybox sh -c 'yes line | head -c 300000; echo; echo end >&2' && docker wait big");
        assert_eq!(engine.ok("docker logs big 2>/dev/null | wc -c"), "300001");
        assert_eq!(engine.ok("docker logs big 2>&1 >/dev/null"), "end");
        // A reader that goes away does not end the container.
        assert_eq!(engine.ok("docker run --name cut busybox sh -c 'yes | head -c 400000; echo done >&2' 2>/dev/null | head -c 10 >/dev/null; docker wait cut"), "0");
    });
}

#[test]
fn a_terminal_is_one_and_can_be_left() {
    let Some(engine) = Engine::with_busybox(User::Ordinary) else { return };
    engine.ok("docker run -dit --name term busybox sh");
    let mut session = Command::new("script");
    session.args(["-qefc", "docker attach term", "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    session.env("DOCKER_HOST", format!("unix://{}/s", engine.home().display())).env("TERM", "xterm");
    let mut session = session.spawn().unwrap();
    let (mut keys, mut screen) = (session.stdin.take().unwrap(), session.stdout.take().unwrap());
    keys.write_all(b"echo $((40+2)); tty\n").unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while !String::from_utf8_lossy(&seen).contains("/dev/pts/0") {
        let count = screen.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend(&buffer[..count]);
    }
    assert!(String::from_utf8_lossy(&seen).contains("42"));
    keys.write_all(b"\x10\x11").unwrap();
    screen.read_to_end(&mut seen).unwrap();
    assert!(String::from_utf8_lossy(&seen).contains("read escape sequence"), "{}", String::from_utf8_lossy(&seen));
    session.wait().unwrap();
    assert_eq!(engine.ok("docker inspect -f '{{.State.Status}}' term"), "running");
}

#[test]
fn the_usual_ways_out_are_shut() {
    both(|engine| {
        let secret = engine.home().join("secret");
        fs::write(&secret, "not for containers").unwrap();
        let refused = [
            "echo x > /proc/sys/kernel/core_pattern",
            "echo x > /proc/sysrq-trigger",
            "mount -t tmpfs none /mnt",
            "mount -t proc none /mnt",
            "mount -o remount,rw /proc/sys",
            "umount /proc/sys",
            "chroot /proc/1/root/.. ls /home/secret",
            "mknod /sda b 8 0 && cat /sda",
            "unshare -U true",
            "unshare -m true",
            "hostname other",
            "cat /proc/kcore",
            "ls /sys/firmware/* 2>/dev/null",
            "insmod /x.ko",
        ];
        engine.ok("docker run -d --name box busybox sleep 1000");
        for line in refused {
            let run = engine.sh(&format!("docker exec box sh -c '{line}'"));
            assert_ne!(run.status, 0, "{line}: {run:?}");
        }
        // Only the streams are open, and only the container's own processes are there.
        assert_eq!(engine.ok("docker run --rm busybox sh -c 'ls /proc/self/fd' | wc -l"), "4");
        assert_eq!(engine.ok("docker run --rm busybox sh -c 'ls -d /proc/[0-9]*' | wc -l").parse::<i32>().map(|n| n <= 2), Ok(true));
        assert_eq!(engine.ok("docker run --rm busybox sh -c 'cat /proc/mounts | grep -c secret; true'"), "0");
        // Seen for a moment inside, the binary cannot be written to even by its owner.
        let overwrite = "docker run --rm --init busybox sh -c 'echo x > /proc/1/exe; echo x >> /sbin/docker-init; true'";
        engine.sh(overwrite);
        assert!(fs::metadata(engine.dir.path().join("dockside")).unwrap().len() > 1 << 20);
        assert_eq!(engine.ok("docker run --rm busybox echo still"), "still");
    });
}

#[test]
fn copies_stay_inside_whatever_links_there_are() {
    both(|engine| {
        let home = engine.home();
        engine.ok("mkdir -p out && echo outside > out/file && echo new > in");
        let out = home.join("out");
        engine.ok(&format!("docker create --name idle busybox && docker run -d --name way busybox sh -c 'ln -s {0} /way; ln -s ../../../../../..{0} /up; sleep 1000'", out.display()));
        engine.ok("until docker exec way ls /up 2>&1 | grep -q /up || docker exec way readlink /up; do :; done");
        for target in ["way:/way/file", "way:/up/file", "way:/way/", "way:/up/x/y"] {
            engine.sh(&format!("docker cp in {target}"));
        }
        assert_eq!(fs::read_to_string(out.join("file")).unwrap(), "outside\n");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
        assert_ne!(engine.sh("docker cp way:/way/file got").status, 0);
        // Into and out of one that does not run.
        engine.ok("docker cp in idle:/root/there && docker cp idle:/root/there back && cmp in back");
        engine.ok("docker cp idle:/etc - | tar t | grep -qx etc/passwd && docker cp idle:/etc/. - | tar t | grep -qxE '(./)?passwd'");
        assert_eq!(engine.ok("docker diff idle"), "C /root\nA /root/there");
        // A hostile archive.
        engine.ok("mkdir t && cd t && ln -s /etc evil && tar cf ../a.tar evil && rm evil && mkdir evil && echo x > evil/passwd2 && tar rf ../a.tar evil/passwd2");
        engine.sh("docker cp - idle:/tmp < a.tar");
        assert!(!std::path::Path::new("/etc/passwd2").exists());
    });
}

#[test]
fn volumes_are_shared_filled_and_kept() {
    both(|engine| {
        assert_eq!(engine.ok("docker volume create --label course=1 data"), "data");
        engine.ok("docker run --rm -v data:/d busybox sh -c 'echo keep > /d/f'");
        assert_eq!(engine.ok("docker run --rm -v data:/d:ro busybox sh -c 'cat /d/f; touch /d/g 2>/dev/null || echo ro'"), "keep\nro");
        assert!(engine.ok("docker run --rm -v filled:/etc busybox ls /etc").contains("passwd"));
        engine.ok("docker create --name has -v data:/d busybox");
        let refused = engine.sh("docker volume rm data");
        assert!(refused.stderr.contains("volume is in use - ["), "{refused:?}");
        assert_eq!(engine.sh("docker volume rm nosuchvol").stderr, "Error response from daemon: get nosuchvol: no such volume\n");
        engine.ok("docker rm has && docker volume rm data filled");
        engine.ok("docker run --name anon -v /x busybox true");
        assert_eq!(engine.ok("docker volume ls -q | wc -l"), "1");
        engine.ok("docker rm -v anon");
        assert_eq!(engine.ok("docker volume ls -q"), "");
        engine.ok("mkdir shared && docker run --rm -v $PWD/shared:/s busybox sh -c 'echo out > /s/file'");
        assert_eq!(fs::read_to_string(engine.home().join("shared/file")).unwrap(), "out\n");
    });
}

#[test]
fn policies_names_and_filters() {
    both(|engine| {
        engine.ok("docker run -d --name rs --restart on-failure:2 busybox false");
        engine.ok("for i in $(seq 200); do [ \"$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' rs)\" = '2 exited' ] && exit 0; sleep 0.05; done; docker inspect rs; exit 1");
        engine.ok("docker run -d --name nc1 busybox sleep 1000");
        let shared = engine
            .ok("docker exec nc1 readlink /proc/self/ns/net; docker run --rm --network container:nc1 busybox readlink /proc/self/ns/net");
        let (one, other) = shared.split_once('\n').unwrap();
        assert_eq!(one, other);
        assert_eq!(engine.ok("docker ps --filter name=nc --format '{{.Names}}'"), "nc1");
        assert_eq!(engine.ok("docker ps -a --filter status=exited --filter exited=1 --format '{{.Names}}'"), "rs");
        assert_eq!(engine.ok("docker ps -a --filter ancestor=busybox --format '{{.Names}}' | sort | tr '\\n' ' '").trim(), "nc1 rs");
        assert_eq!(engine.sh("docker ps --filter nonsense=1").stderr, "Error response from daemon: invalid filter 'nonsense'\n");
        let id = engine.ok("docker inspect -f '{{.Id}}' nc1");
        assert_eq!(engine.ok(&format!("docker inspect -f '{{{{.Name}}}}' {}", &id[..5])), "/nc1");
        engine.ok("docker pause nc1");
        assert!(engine.sh("docker exec nc1 true").stderr.contains("is paused"));
        engine.ok("docker unpause nc1 && docker exec nc1 true && docker rm -f nc1 && docker container prune -f");
        assert_eq!(engine.ok("docker ps -aq"), "");
    });
}

#[test]
fn health_is_asked_for_and_told() {
    both(|engine| {
        let until = |name: &str, wanted: &str| {
            let status = "docker inspect -f '{{.State.Health.Status}}'";
            engine.ok(&format!(
                "for i in $(seq 400); do [ \"$({status} {name})\" = {wanted} ] && exit 0; sleep 0.05; done; docker inspect {name}; exit 1"
            ));
        };
        engine.ok("docker run -d --name hc --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 2 busybox sleep 1000");
        until("hc", "unhealthy");
        let ps = "docker ps --filter name=hc --format '{{.Names}} {{.Status}}'";
        assert!(engine.ok(ps).ends_with(" (unhealthy)"), "{}", engine.ok(ps));
        assert_eq!(engine.ok("docker inspect -f '{{(index .State.Health.Log 0).ExitCode}}' hc"), "1");
        engine.ok("docker exec hc touch /ok");
        until("hc", "healthy");
        assert_eq!(engine.ok("docker ps -q --filter health=healthy | wc -l"), "1");
        assert_eq!(engine.ok("docker ps -q --filter health=none | wc -l"), "0");
        engine.ok("docker run -d --name slow --health-cmd 'echo begun; sleep 1000' --health-interval 50ms --health-timeout 100ms --health-retries 1 busybox sleep 1000");
        until("slow", "unhealthy");
        let last = engine.ok("docker inspect -f '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' slow");
        assert_eq!(last.trim(), "-1 Health check exceeded timeout (100ms): begun");
        // Who never answers within the start period is not ill yet.
        engine.ok("docker run -d --name new --health-cmd false --health-interval 50ms --health-start-interval 50ms --health-start-period 1h --health-retries 1 busybox sleep 1000");
        engine.ok("until [ $(docker inspect -f '{{len .State.Health.Log}}' new) -ge 3 ]; do :; done");
        assert_eq!(engine.ok("docker inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' new"), "starting 0");
        assert!(engine.ok("docker ps --filter name=new --format '{{.Status}}'").ends_with("(health: starting)"));
        engine.ok(
            "docker create --name none --health-cmd true --no-healthcheck busybox || docker create --name none --no-healthcheck busybox",
        );
        assert_eq!(engine.ok("docker inspect -f '{{.State.Health}}' none"), "<nil>");
    });
}

#[test]
fn stats_tell_what_is_used() {
    both(|engine| {
        engine.ok("docker run -d --name busy busybox sh -c 'while :; do :; done'");
        engine.ok("docker create --name idle busybox");
        let row = engine.ok("docker stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' busy");
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!((cells[0], cells[5]), ("busy", "1"), "{row}");
        assert!(cells[1].trim_end_matches('%').parse::<f64>().unwrap() > 0.5, "{row}");
        assert!(!cells[2].starts_with('0') && cells[4].ends_with("GiB"), "{row}");
        let still = engine.ok("docker stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}}' idle");
        assert!(still.starts_with("idle "), "{still}");
        assert!(engine.sh("docker stats --no-stream nosuch").stderr.contains("No such container: nosuch"));
    });
}

#[test]
fn volumes_of_a_stopped_container_can_be_copied_from_and_to() {
    both(|engine| {
        engine.ok("mkdir host && echo bound > host/f && echo alone > single && ln -s / host/out");
        engine.ok("docker run --name vol1 -v vol:/vol -v $PWD/host:/host -v $PWD/single:/etc/single:ro -v $PWD/host:/closed:ro busybox sh -c 'mkdir /vol/sub; echo kept > /vol/sub/f'");
        assert_eq!(engine.ok("docker cp vol1:/vol/sub/f got && cat got"), "kept");
        assert_eq!(engine.ok("docker cp vol1:/vol - | tar t | sort | tr '\n' ' '").trim(), "vol/ vol/sub/ vol/sub/f");
        assert_eq!(engine.ok("docker cp vol1:/host/f got && cat got && docker cp vol1:/etc/single got && cat got"), "bound\nalone");
        engine.ok("echo new > new && docker cp new vol1:/vol/sub/new && docker cp new vol1:/vol");
        assert_eq!(engine.ok("docker run --rm -v vol:/vol busybox sh -c 'cat /vol/sub/new /vol/new'"), "new\nnew");
        assert!(engine.sh("docker cp new vol1:/closed/new").stderr.contains("marked read-only"));
        // A link in a folder of the host's leads no further than the folder.
        assert_ne!(engine.sh("docker cp vol1:/host/out/etc/hostname got").status, 0);
        engine.ok("mkdir aside && ln -s ../aside host/aside");
        engine.sh("docker cp new vol1:/host/out/new1; docker cp new vol1:/host/aside/new2");
        assert!(!std::path::Path::new("/new1").exists());
        assert_eq!(engine.ok("ls aside; ls new1 2>/dev/null || true"), "");
    });
}

#[test]
fn who_should_be_restarted_is_also_by_the_next_engine() {
    both(|engine| {
        engine.ok("docker run -d --name always --restart always busybox sleep 1000");
        engine.ok("docker run -d --name never busybox sleep 1000");
        engine.ok("docker run -d --name stopped --restart unless-stopped busybox sleep 1000 && docker stop -t 0 stopped");
        for name in ["always", "never"] {
            let id = engine.ok(&format!("docker inspect -f '{{{{.Id}}}}' {name}"));
            let run = fs::read_to_string(engine.home().join("state/containers").join(&id).join("run.json")).unwrap();
            let run: serde_json::Value = serde_json::from_str(&run).unwrap();
            engine.crash();
            let pid = i32::try_from(run["monitor"][0].as_i64().unwrap()).unwrap();
            rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
            engine.restart();
        }
        engine.ok("for i in $(seq 200); do [ \"$(docker inspect -f '{{.State.Status}}' always)\" = running ] && exit 0; sleep 0.05; done; docker inspect always; exit 1");
        assert_eq!(engine.ok("docker inspect -f '{{.State.Status}}' never stopped"), "exited\nexited");
        assert_eq!(
            engine.ok("docker create --log-driver nosuch busybox 2>&1 || true"),
            "Error response from daemon: logger: no log driver named 'nosuch' is registered"
        );
        engine.ok("docker run --name silent --log-driver none busybox echo said");
        assert!(engine.sh("docker logs silent").stderr.contains("configured logging driver does not support reading"));
    });
}

#[test]
fn limits_are_kept_where_groups_can_be_made_and_warned_of_elsewhere() {
    both(|engine| {
        let ran = engine.sh("docker run --rm -m 32m --cpus 0.5 --pids-limit 20 busybox sh -c 'cat /proc/self/cgroup; echo; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true'");
        assert_eq!(ran.status, 0, "{ran:?}");
        if engine.ok("docker info -f '{{.MemoryLimit}}'") != "true" {
            assert!(ran.stderr.contains("WARNING: Your kernel does not support memory limit capabilities"), "{ran:?}");
            return;
        }
        assert_eq!(ran.stderr, "");
        assert!(ran.stdout.ends_with("\n33554432\n"), "{ran:?}");
        // The kernel ends who takes more than there is, and it is told.
        let hungry = engine.sh("docker run --name hungry -m 16m --memory-swap 16m busybox tail /dev/zero | head -c 1000");
        assert_eq!(hungry.stdout, "");
        assert_eq!(engine.ok("docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' hungry"), "true 137");
        engine.ok("docker run -d --name grown busybox sleep 1000 && docker update -m 24m --memory-swap 48m grown");
        let stats = engine.ok("docker stats --no-stream --format '{{.MemUsage}}' grown");
        assert!(stats.ends_with("/ 24MiB"), "{stats}");
        // Nothing of it is left when the containers are gone.
        let id = engine.ok("docker inspect -f '{{.Id}}' grown");
        let groups = || Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-name", &id]).output().unwrap().stdout;
        assert!(!groups().is_empty());
        engine.ok("docker rm -f grown hungry");
        assert!(groups().is_empty());
    });
}

#[test]
fn the_doctor_names_what_is_lacking() {
    both(|engine| {
        let dockside = engine.dir.path().join("dockside");
        let examined = engine.sh(&format!("DOCKSIDE_HOME=$HOME/data {} doctor", dockside.display()));
        assert_eq!(examined.status, 0, "{examined:?}");
        for name in ["kernel", "data folder", "user namespaces", "subordinate ids", "overlay", "limits", "/dev/net/tun"] {
            assert!(examined.stdout.contains(name), "{name}: {examined:?}");
        }
        // It leaves nothing behind.
        assert_eq!(engine.ok("ls -A data"), "");
        // A namespace of one's own in which no other may be made.
        let forbidden = engine.sh(&format!(
            "unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces && DOCKSIDE_HOME=$HOME/data exec {} doctor'",
            dockside.display()
        ));
        assert_eq!(forbidden.status, 1, "{forbidden:?}");
        assert!(forbidden.stdout.contains("sysctl -w user.max_user_namespaces=10000"), "{forbidden:?}");
        // Its DOCKER_HOST names an engine that labs can use.
        assert!(forbidden.stdout.contains("dockside test --engine unix://"), "{forbidden:?}");
    });
}

#[test]
fn a_log_goes_on_over_its_files() {
    both(|engine| {
        // Some 90 bytes a line of the log: a file holds about 45 of them.
        let talk = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done";
        for (name, options, kept) in [
            ("three", "--log-opt max-size=4k --log-opt max-file=3", 90..150),
            ("one", "--log-opt max-size=4k", 1..60),
            ("all", "", 200..201),
            ("local", "--log-driver local --log-opt max-size=4k --log-opt max-file=2", 45..100),
        ] {
            engine.ok(&format!("docker run --name {name} {options} busybox sh -c '{talk}' | tail -1"));
            let log = engine.ok(&format!("docker logs {name}"));
            let lines: Vec<&str> = log.lines().collect();
            assert!(kept.contains(&lines.len()), "{name}: {} lines", lines.len());
            let expected: Vec<String> = (200 - lines.len()..200).map(|n| format!("line {n}")).collect();
            assert_eq!(lines, expected, "{name}");
            let tail = lines.len() - 1;
            assert_eq!(engine.ok(&format!("docker logs -n {tail} {name}")).lines().count(), tail);
            assert_eq!(engine.ok(&format!("docker logs --tail 0 {name}")), "");
        }
        // One who follows sees every line, however many files come and go.
        let slowly = "i=0; while [ $i -lt 200 ]; do echo line $i; [ $((i % 20)) = 0 ] && sleep 0.05; i=$((i+1)); done; sleep 0.2";
        engine.ok(&format!("docker run -d --name told --log-opt max-size=2k --log-opt max-file=2 busybox sh -c '{slowly}'"));
        let followed = engine.ok("docker logs -f told");
        assert_eq!(followed.lines().last(), Some("line 199"));
        let numbers: Vec<u32> = followed.lines().filter_map(|l| l.strip_prefix("line ")?.parse().ok()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{followed}");
        // By time: the second of two lines is later than the first one's time.
        engine.ok("docker run --name timed busybox sh -c 'echo first; sleep 0.1; echo second'");
        let stamped = engine.ok("docker logs -t timed");
        let time = |n: usize| stamped.lines().nth(n).and_then(|l| l.split(' ').next()).expect("a time").to_owned();
        assert_eq!(engine.ok(&format!("docker logs --since {} timed", time(1))), "second");
        assert_eq!(engine.ok(&format!("docker logs --until {} timed", time(0))), "first");
        // What lies in the future is waited for, but no longer than that.
        engine.ok("docker run -d --name quiet busybox sh -c 'echo only; sleep 1000'");
        assert_eq!(engine.ok("docker logs -f --until $(date -d '+1 second' +%s) quiet"), "only");
        let wrong = |options: &str| engine.sh(&format!("docker run --rm {options} busybox true")).stderr;
        assert!(wrong("--log-opt nosuch=1").contains("unknown log opt 'nosuch' for json-file log driver"));
        assert!(wrong("--log-opt max-size=x").contains("failed to initialize logging driver: invalid size: 'x'"));
    });
}
