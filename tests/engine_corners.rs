//! Corners of containers that no transcript shows: what is refused and in which words, what the engine's listeners are told.

#[path = "engine/support.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{Engine, User};

fn engine() -> Option<Engine> {
    Engine::with_busybox(User::Root).or_else(|| Engine::with_busybox(User::Ordinary))
}

/// Every line must be refused in these words.
fn refused(engine: &Engine, lines: &[(&str, &str)]) {
    for (line, words) in lines {
        let run = engine.sh(line);
        assert!(run.status != 0 && run.stderr.contains(words), "{line}: {run:?}");
    }
}

#[test]
fn listeners_are_told_of_volumes_and_execs() {
    let Some(engine) = engine() else { return };
    engine.ok("date +%s > since && docker run -d --name one -v data:/data:ro -v /lab:/lab busybox sleep 100 && docker exec one echo a b");
    engine.ok("docker rm -f one");
    let events = "docker events --since $(cat since) --until $(date +%s.%N)";
    let told = engine.ok(&format!(
        "{events} --filter type=volume --format '{{{{.Action}}}} {{{{.Actor.ID}}}} {{{{range $k, $v := .Actor.Attributes}}}}{{{{$k}}}}={{{{$v}}}} {{{{end}}}}'"
    ));
    let id = engine.ok(&format!("{events} --filter event=create --filter type=container --format '{{{{.Actor.ID}}}}'"));
    let expected = [
        "create data driver=local".to_owned(),
        format!("mount data container={id} destination=/data driver=local propagation= read/write=false"),
        format!("unmount data container={id} driver=local"),
    ];
    assert_eq!(told.lines().map(str::trim).collect::<Vec<_>>(), expected);
    let order = engine.ok(&format!(
        "{events} --filter event=mount --filter event=start --filter event=unmount --filter event=die --format '{{{{.Action}}}}'"
    ));
    assert_eq!(order, "mount\nstart\nunmount\ndie");
    let execs = engine
        .ok(&format!("{events} --filter container=one --filter event=exec_create --filter event=exec_die --format '{{{{.Action}}}}.'"));
    assert_eq!(execs, "exec_create: echo a b.\nexec_die.");
    // What the volumes take is counted, with who has them.
    engine.ok("docker run --name two -v data:/data busybox sh -c 'seq 1 1000 > /data/n'");
    let volumes = engine.ok("docker system df -v --format '{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}{{end}}'");
    assert_eq!(volumes, "data 1 3.893kB");
    assert_eq!(engine.ok("docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}' | grep Vol"), "Local Volumes 1 1");
}

#[test]
fn mounts_that_make_no_sense_are_refused() {
    let Some(engine) = engine() else { return };
    engine.ok("docker create --name from -v data:/data busybox");
    let run = |rest: &str| format!("docker run --rm {rest} busybox true");
    let lines = [
        (
            "--mount type=bind,src=rel,dst=/x",
            "invalid mount config for type \"bind\": invalid mount path: 'rel' mount path must be absolute",
        ),
        ("--mount type=volume,src=data,dst=/", "invalid mount config for type \"volume\": invalid specification: destination can't be '/'"),
        ("--mount type=zz,dst=/x", "invalid mount config for type \"zz\": mount type unknown"),
        ("--mount type=volume,src=data,dst=/x,volume-driver=nope", "error looking up volume plugin nope: plugin \"nope\" not found"),
        ("--mount type=volume,src=data,dst=/x,volume-subpath=../a", "subpath must be a relative path within the volume"),
        ("--mount type=volume,dst=/x,volume-subpath=a", "must not set Subpath when using anonymous volumes"),
        ("--mount type=volume,dst=/x,ro", "must not set ReadOnly mode when using anonymous volumes"),
        ("--mount type=volume,src=data,dst=/x,volume-subpath=no/such", "volumes/data/_data/no/such: no such file or directory"),
        ("-v /data:ro", "invalid volume specification: '/data:ro'"),
        ("-v data:/x:ro,rw", "invalid mode: ro,rw"),
        ("-v data:/x:nope", "invalid mode: nope"),
        ("--volumes-from nosuch", "No such container: nosuch"),
        ("--tmpfs foo", "invalid mount path: 'foo' mount path must be absolute"),
        ("--tmpfs /t:bogus=1", "Invalid tmpfs option [\"bogus\" \"1\"]"),
        ("--tmpfs /t:size", "Invalid tmpfs option [\"size\"]"),
        ("--device /dev/nope", "error gathering device information while adding custom device \"/dev/nope\": no such file or directory"),
        ("-v data:/x --mount type=tmpfs,dst=/x", "Duplicate mount point: /x"),
        ("-v data:/x -v other:/x", "Duplicate mount point: /x"),
        ("--volumes-from from:zz", "invalid mode: zz"),
        ("--gpus all", "could not select device driver \"\" with capabilities: [[gpu]]"),
    ];
    for (rest, words) in lines {
        refused(&engine, &[(&run(rest), words)]);
    }
    // A volume over another container's is none that is asked for twice.
    assert_eq!(engine.ok("docker run --rm --volumes-from from -v other:/data busybox sh -c 'echo ok'"), "ok");
    let ro = engine.sh("docker run --rm --volumes-from from:ro busybox touch /data/x");
    assert!(ro.status == 1 && ro.stderr.contains("Read-only file system"), "{ro:?}");
    let copied = |more: &str| engine.ok(&format!("docker run --rm --mount type=volume,dst=/bin2{more} here ls /bin2 | wc -l"));
    engine.ok("docker run --name made busybox sh -c 'mkdir /bin2; echo > /bin2/a; echo > /bin2/b' && docker commit made here");
    assert_eq!((copied(""), copied(",volume-nocopy")), ("2".to_owned(), "0".to_owned()));
}

#[test]
fn restart_policies_that_make_no_sense_are_refused() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name up --restart on-failure:2 busybox sleep 100");
    refused(
        &engine,
        &[
            ("docker create --restart no:3 busybox", "invalid restart policy: maximum retry count can only be used with 'on-failure'"),
            ("docker create --restart always:-1 busybox", "can only be used with 'on-failure' and cannot be negative"),
            ("docker create --restart on-failure:-1 busybox", "invalid restart policy: maximum retry count cannot be negative"),
            ("docker create --restart bogus busybox", "invalid restart policy: unknown policy 'bogus'; use one of"),
            ("docker update --restart bogus up", "invalid restart policy: unknown policy 'bogus'; use one of"),
        ],
    );
    assert_eq!(engine.ok("docker inspect -f '{{.HostConfig.RestartPolicy}}' up"), "{on-failure 2}");
    engine.ok("docker update --restart always up");
    assert_eq!(engine.ok("docker inspect -f '{{.HostConfig.RestartPolicy}}' up"), "{always 0}");
}

#[test]
fn a_part_of_a_volume_is_mounted_alone() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run --rm -v vol:/v busybox sh -c 'echo foo > /v/file; mkdir /v/sub; echo bar > /v/sub/in; ln -s /etc /v/out; ln -s sub /v/link'");
    let part =
        |path: &str, command: &str| format!("docker run --rm --mount type=volume,src=vol,dst=/p,volume-subpath={path} busybox {command}");
    assert_eq!(engine.ok(&part("sub", "cat /p/in")), "bar");
    assert_eq!(engine.ok(&part("link", "cat /p/in")), "bar");
    assert_eq!(engine.ok(&part("file", "cat /p")), "foo");
    // A link that leads out of the volume leads nowhere.
    refused(&engine, &[(&part("out", "ls /p"), "no such file or directory")]);
    engine.ok(&part("sub", "touch /p/new"));
    assert_eq!(engine.ok("docker run --rm -v vol:/v busybox ls /v/sub"), "in\nnew");
}

#[test]
fn wishes_that_make_no_sense_are_refused() {
    let Some(engine) = engine() else { return };
    let lines = [
        ("--ipc nope", "invalid IPC mode: nope"),
        ("--pid container:nosuch", "No such container: nosuch"),
        ("--link nosuch", "could not get container for nosuch: No such container: nosuch"),
        ("--runtime nope", "unknown or invalid runtime name: nope"),
        ("--security-opt nope=1", "invalid --security-opt 2: \"nope=1\""),
        ("--health-cmd true --health-interval 500us", "Interval in Healthcheck cannot be less than 1ms"),
        ("--health-cmd true --health-start-period 1us", "StartPeriod in Healthcheck cannot be less than 1ms"),
        ("--cpus 9999", "Range of CPUs is from 0.01 to"),
        ("--cpuset-cpus 4000", "Requested CPUs are not available - requested 4000, available: 0"),
        ("--cpuset-cpus a", "Invalid value a for cpuset cpus: invalid format: a"),
        ("--memory-swap 100m", "You should always set the Memory limit when using Memoryswap limit, see usage"),
        ("--oom-score-adj 2000", "Invalid value 2000, range for oom score adj is [-1000, 1000]"),
        ("--cpuset-mems 1--", "Invalid value 1-- for cpuset mems: invalid format: 1--"),
        ("--link round:x", "cannot link to round: its network is that of containers in a circle"),
        ("--net container:box --dns 1.2.3.4", "conflicting options: dns and the network mode"),
        ("--net container:box --add-host a:1.2.3.4", "conflicting options: custom host-to-IP mapping and the network mode"),
        ("--cpu-quota 5", "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
    ];
    engine
        .ok("docker create --name round --net container:trip busybox true && docker create --name trip --net container:round busybox true");
    for (rest, words) in lines {
        refused(&engine, &[(&format!("timeout 20 docker create {rest} busybox true"), words)]);
    }
    refused(&engine, &[("docker run --name self --net container:self busybox true", "cannot join own network")]);
    let backwards = r#"{"Image": "busybox", "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "9000-8000"}]}}}"#;
    let create = format!("curl -s --unix-socket /lab/s -H 'Content-Type: application/json' -d '{backwards}' http://d/containers/create");
    assert_eq!(engine.ok(&create), r#"{"message":"invalid port specification: \"9000-8000\""}"#);
    refused(&engine, &[("docker run --rm -u 2147483648 busybox true", "uids and gids must be in range 0-2147483647")]);
    refused(&engine, &[("docker run --rm --device /etc busybox true", "custom device \"/etc\": not a device node")]);
    engine.ok("docker create --name cleaned -v data:/data/ -v /tmp/../tmp/:/t/./ busybox");
    assert_eq!(engine.ok("docker inspect -f '{{range .Mounts}}{{println .Destination}}{{end}}' cleaned | sort | xargs"), "/data /t");
    assert_eq!(engine.ok("docker run --rm --add-host box:host-gateway busybox grep -c '172.17.0.1.box' /etc/hosts"), "1");
}

#[test]
fn containers_share_processes_and_memory_where_they_say_so() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name first --ipc shareable busybox top");
    engine.ok("docker run -d --name second --pid container:first --ipc container:first busybox sh -c 'sleep 201 & sleep 202'");
    let id = engine.ok("docker inspect -f '{{.Id}}' first");
    assert_eq!(engine.ok("docker inspect -f '{{.HostConfig.PidMode}}' second"), format!("container:{id}"));
    // Each sees the other's processes, and has its own ones alone in its list.
    let seen = engine.ok("docker exec first ps");
    assert!(seen.lines().any(|l| l.trim_start().starts_with("1 root")) && seen.contains("sleep 201"), "{seen}");
    let own = engine.ok("docker top second");
    assert!(own.contains("sleep 202") && !own.lines().any(|l| l.ends_with("top")), "{own}");
    engine.ok("docker exec first sh -c 'echo shared > /dev/shm/word'");
    assert_eq!(engine.ok("docker exec second cat /dev/shm/word"), "shared");
    // A pause or an end is that of one alone.
    engine.ok("docker pause second && docker exec first true && docker unpause second && docker stop -t 1 second");
    assert_eq!(engine.ok("docker inspect -f '{{.State.Status}}' first"), "running");
    engine.ok("docker run -d --name closed --ipc private busybox top");
    refused(
        &engine,
        &[("docker run --ipc container:closed busybox true", "non-shareable IPC (hint: use IpcMode:shareable for the donor container)")],
    );
    assert_eq!(engine.ok("docker run --rm --ipc none busybox sh -c 'grep -c \" /dev/shm \" /proc/mounts || true'"), "0");
    engine.ok("docker stop -t 1 first");
    refused(&engine, &[("docker start second", "failed to join PID namespace: container")]);
}

#[test]
fn a_link_stays_with_the_container_that_it_leads_to() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name db busybox top && docker run -d --name web --link db:data busybox top");
    assert_eq!(engine.ok("docker inspect -f '{{json .HostConfig.Links}}' web"), "[\"/db:/web/data\"]");
    engine.ok("docker rename db old && docker rename web site");
    assert_eq!(engine.ok("docker inspect -f '{{json .HostConfig.Links}}' site"), "[\"/old:/site/data\"]");
    assert_eq!(engine.ok("docker ps --no-trunc --filter name=old --format '{{.Names}}'"), "old,site/data");
    // One that joined another's network is where that one is.
    engine.ok("docker run -d --name beside --net container:old busybox top && docker run -d --name third --link beside:two busybox top");
    assert_eq!(engine.ok("docker inspect -f '{{json .HostConfig.Links}}' third"), "[\"/old:/third/two\"]");
    engine.ok("docker restart -t 0 site && docker exec site grep -q data /etc/hosts && docker rm -f old");
    assert_eq!(engine.ok("docker inspect -f '{{json .HostConfig.Links}}' site"), "null");
}

#[test]
fn a_program_that_shows_processes_ends_when_it_is_told_to() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name up busybox top");
    std::thread::sleep(std::time::Duration::from_millis(300));
    engine.ok("docker stop -t 30 up");
    assert_eq!(engine.ok("docker inspect -f '{{.State.ExitCode}}' up"), "143");
    // Any signal from a user's hand means that no policy starts the container again, where no signal was named for its end.
    engine.ok("docker run -d --name again --restart always busybox top");
    std::thread::sleep(std::time::Duration::from_millis(300));
    engine.ok("docker kill -s INT again && docker wait again");
    assert_eq!(engine.ok("docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' again"), "exited 130");
}

#[test]
fn listeners_are_told_of_copies_commits_and_prunes() {
    let Some(engine) = engine() else { return };
    engine.ok("date +%s > since && docker run -d --name one -l who=me busybox sleep 100 && docker top one > /dev/null");
    engine.ok("docker cp one:/etc/passwd passwd && docker cp passwd one:/tmp/passwd && docker export -o tar one");
    let id = engine.ok("docker commit -m why one made");
    let told = engine.ok("docker events --since $(cat since) --until $(date +%s.%N) --filter container=one --format '{{.Action}}'");
    assert_eq!(told, "create\nstart\ntop\narchive-path\nextract-to-dir\nexport\npause\ncommit\nunpause");
    let format = "{{.Actor.Attributes.comment}} {{.Actor.Attributes.imageID}} {{.Actor.Attributes.imageRef}}";
    let commit = engine.ok(&format!("docker events --since $(cat since) --until $(date +%s.%N) --filter event=commit --format '{format}'"));
    assert_eq!(commit, format!("why {id} made:latest"));
    engine.ok("docker rm -f one && docker system prune -f && docker volume prune -f");
    let pruned = engine.ok("docker events --since $(cat since) --until $(date +%s.%N) --filter event=prune --format '{{.Type}} {{.Actor.ID}} {{.Actor.Attributes.reclaimed}}'");
    let mut kinds: Vec<_> = pruned.lines().map(|l| l.split(' ').next().unwrap_or_default()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["builder", "container", "image", "network", "volume"], "{pruned}");
    assert!(pruned.lines().any(|l| l.trim() == "network  0"), "{pruned}");
    refused(&engine, &[("docker events --since 20 --until 10", "`since` time (20) cannot be after `until` time (10)")]);
}

#[test]
fn volumes_are_what_their_options_say() {
    let Some(engine) = engine() else { return };
    refused(
        &engine,
        &[
            ("docker volume create -o foo=bar vv", "create vv: invalid option: \"foo\""),
            ("docker volume create -o type=tmpfs vv", "create vv: missing required option: \"device\""),
            ("docker volume create -o device=/tmp vv", "create vv: missing required option: \"type\""),
            ("docker volume create -o o=bind vv", "create vv: missing required option: \"device\""),
            ("docker volume ls -f dangling=maybe", "invalid filter 'dangling=[maybe]'"),
            ("docker volume prune -f --filter all=maybe", "invalid filter 'all=[maybe]'"),
        ],
    );
    let bind = "docker volume create -o type=none -o o=bind -o device=$PWD";
    engine.ok(&format!("mkdir folder && echo text > folder/file && {bind}/folder here && {bind}/nowhere gone"));
    engine.ok("docker run --name one -v here:/in busybox sh -c 'cat /in/file && echo more > /in/new'");
    assert_eq!(engine.ok("docker logs one && cat folder/new && docker cp one:/in/new - | tar -xO"), "text\nmore\nmore");
    // A volume shows its own folder, wherever its files are.
    let folder = engine.ok("docker volume inspect -f '{{.Mountpoint}}' here");
    assert_eq!(engine.ok("docker inspect -f '{{range .Mounts}}{{.Type}} {{.Source}}{{end}}' one"), format!("volume {folder}"));
    // An empty folder gets what the image has.
    engine.ok(&format!("mkdir empty && {bind}/empty filled && docker run --rm -v filled:/etc busybox true && test -e empty/passwd"));
    refused(
        &engine,
        &[
            ("docker run --rm -v gone:/in busybox true", "error while mounting volume '"),
            ("docker run --rm -v gone:/in busybox true", "/nowhere:"),
            ("docker run --rm -v gone:/in busybox true", "flags: 0x1000: no such file or directory"),
            ("docker run --rm -v gone:/etc busybox true", "failed to populate volume: error while mounting volume '"),
        ],
    );
    engine.ok("docker rm one && docker volume rm here && test -e folder/file");
    engine.ok("docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m memory");
    let shown = engine.ok("docker run --rm -v memory:/in busybox sh -c 'grep \" /in \" /proc/mounts'");
    assert!(shown.starts_with("tmpfs /in tmpfs") && shown.contains("size=1024k"), "{shown}");
}

#[test]
fn names_and_filters_that_make_no_sense_are_refused() {
    let Some(engine) = engine() else { return };
    refused(
        &engine,
        &[
            ("docker rmi ' '", "image name cannot be blank"),
            ("docker tag busybox sha256:tag", "refusing to create an ambiguous tag using digest algorithm as name"),
            ("docker images -f dangling=maybe", "invalid filter 'dangling=[maybe]'"),
            ("docker images -f until=soon", "failed to parse value as time or duration: \"soon\""),
            ("docker container prune -f --filter until=soon", "failed to parse value as time or duration: \"soon\""),
            ("docker network prune -f --filter until=soon", "failed to parse value as time or duration: \"soon\""),
        ],
    );
}

#[test]
fn containers_are_filtered_by_what_they_publish_and_mount() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name any -p 127.0.0.1::80 -v $PWD:/in busybox sleep 100");
    engine.ok("docker run -d --name exposed --expose 8080 busybox sleep 100 && docker create --name made --expose 8080 busybox");
    let port = engine.ok("docker port any 80 | sed 's/.*://'");
    let names = |filter: &str| engine.ok(&format!("docker ps -a --format '{{{{.Names}}}}' {filter}"));
    let lines = [
        // It is the machine's port that is published, and a container that does not run has none.
        ("-f publish=80".to_owned(), ""),
        (format!("-f publish={port}"), "any"),
        (format!("-f publish={port}/udp"), ""),
        ("-f expose=80/tcp".to_owned(), "any"),
        ("-f expose=8000-8100".to_owned(), "exposed"),
        ("-f volume=$PWD".to_owned(), "any"),
        ("-f volume=/in".to_owned(), "any"),
        ("-f is-task=true".to_owned(), ""),
    ];
    for (filter, expected) in lines {
        assert_eq!(names(&filter), expected, "{filter}");
    }
    refused(
        &engine,
        &[
            ("docker ps -f exited=x", "strconv.Atoi: parsing \"x\": invalid syntax"),
            ("docker ps -f health=x", "Unrecognised filter value for health: x"),
            ("docker ps -f is-task=x", "invalid filter 'is-task=[x]'"),
            ("docker ps -f publish=x", "error while looking up for publish x: strconv.ParseUint: parsing \"x\": invalid syntax"),
            ("docker ps -f publish=1:2", "filter for 'publish' should not contain ':': 1:2"),
        ],
    );
}

#[test]
fn a_repository_is_saved_with_all_its_tags_and_junk_is_read_to_its_end() {
    let Some(engine) = engine() else { return };
    engine.ok("docker tag busybox multi:1 && docker tag busybox multi:2");
    assert_eq!(engine.ok("docker save multi | tar -xO manifest.json | grep -o 'multi:[12]'"), "multi:1\nmulti:2");
    refused(&engine, &[("docker save nosuch -o x.tar", "No such image: nosuch:latest")]);
    // More than what waits in the socket: the client would see a broken pipe and not the reason.
    engine.ok("seq 1 3000000 > junk");
    refused(
        &engine,
        &[
            ("docker load -i junk", "tar"),
            ("docker import junk", "tar"),
            ("docker import -c 'FROM x' junk x:1", "from is not a valid change command"),
            ("docker import --platform a/b/c/d junk x:1", "cannot parse platform specifier"),
        ],
    );
}

#[test]
fn host_names_files_and_scores_are_as_asked_for() {
    let Some(engine) = engine() else { return };
    refused(
        &engine,
        &[
            ("docker run --uts host -h other busybox true", "conflicting options: hostname and the UTS mode"),
            ("docker run --net container: busybox true", "invalid container format container:<name|id>"),
            ("docker run --isolation hyperv busybox true", "invalid isolation: \"hyperv\" - linux only supports 'default'"),
            ("docker run --cap-drop CHPASS busybox true", "invalid CapDrop: unknown capability: \"CAP_CHPASS\""),
            ("docker volume create a", "create a: volume name is too short, names should be at least two alphanumeric characters"),
        ],
    );
    let machine = engine.ok("uname -n");
    assert_eq!(engine.ok("docker run --rm --net host busybox uname -n"), machine);
    assert_eq!(engine.ok("docker run --rm --net host -h other busybox uname -n"), "other");
    assert_eq!(engine.ok("docker run --rm --uts host busybox uname -n"), machine);
    let resolver = engine.ok("docker run --rm --dns 192.0.2.1 --dns-search . busybox cat /etc/resolv.conf");
    assert!(resolver.contains("nameserver 192.0.2.1") && !resolver.contains("\nsearch"), "{resolver}");
    assert_eq!(engine.ok("docker run --rm --oom-score-adj 642 busybox cat /proc/self/oom_score_adj"), "642");
    for file in ["hosts", "hostname", "resolv.conf"] {
        let run = engine.sh(&format!("docker run --rm --read-only busybox sh -c 'echo >> /etc/{file}'"));
        assert!(run.status != 0 && run.stderr.contains("Read-only file system"), "{file}: {run:?}");
    }
}

#[test]
fn privileged_containers_mount_and_others_may_not() {
    let Some(engine) = Engine::start(User::Root).or_else(|| Engine::start(User::Ordinary)) else { return };
    engine.ok("docker pull -q busybox");
    let run = |rest: &str| engine.sh(&format!("docker run --rm {rest}"));
    let done = run("--privileged busybox sh -c 'mount -t tmpfs none /tmp && mount -t tmpfs && umount /tmp && echo gone'");
    assert!(done.stdout.contains("none on /tmp type tmpfs (rw,relatime") && done.stdout.ends_with("gone\n"), "{done:?}");
    let bound = run("--privileged busybox sh -c 'mkdir /a /b; echo hi > /a/x; mount -o bind,ro /a /b; cat /b/x; touch /b/y'");
    assert!(bound.stdout == "hi\n" && bound.status != 0 && bound.stderr.contains("Read-only file system"), "{bound:?}");
    let refused = run("busybox mount -t tmpfs none /tmp");
    assert_eq!((refused.status, refused.stderr.as_str()), (1, "mount: permission denied (are you root?)\n"));
    let unknown = run("--privileged busybox mount -t nope none /tmp");
    assert_eq!((unknown.status, unknown.stderr.as_str()), (255, "mount: mounting none on /tmp failed: No such device\n"));
}

#[test]
fn a_profile_of_the_users_own_filters_system_calls() {
    let Some(engine) = engine() else { return };
    let profile = |name: &str, json: &str| std::fs::write(engine.home().join(name), json).expect("a profile");
    profile("no.json", r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}"#);
    profile(
        "some.json",
        r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
            {"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"args":[{"index":1,"value":511,"op":"SCMP_CMP_EQ"}]},
            {"names":["rmdir"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_CHOWN"]}},
            {"names":["chmod","fchmodat"],"action":"SCMP_ACT_KILL","includes":{"minKernel":"999.9"}}]}"#,
    );
    profile("bad.json", r#"{"defaultAction":"SCMP_ACT_NOPE"}"#);
    let run = |rest: &str| engine.sh(&format!("docker run --rm --security-opt seccomp={rest}"));
    let denied = run("no.json busybox mkdir /x");
    assert!(denied.status != 0 && denied.stderr.contains("Operation not permitted"), "{denied:?}");
    let denied = run("some.json busybox mkdir /x");
    assert!(denied.status != 0 && denied.stderr.contains("Function not implemented"), "{denied:?}");
    engine.ok("docker run --rm --security-opt seccomp=some.json busybox sh -c 'umask 77; rmdir /mnt 2>/dev/null; chmod 700 /tmp'");
    let bad = run("bad.json busybox true");
    assert!(bad.status != 0 && bad.stderr.contains("string \"SCMP_ACT_NOPE\" is not a valid action for seccomp"), "{bad:?}");
    engine.ok("docker run --rm --privileged --security-opt seccomp=no.json busybox mkdir /x");
}

/// What Testcontainers does: it starts a reaper, tells it a label and hangs up. Whatever has the label goes, and nothing else.
#[test]
fn a_reaper_takes_away_what_a_test_run_left_behind() {
    for user in [User::Root, User::Ordinary] {
        let Some(engine) = Engine::with_busybox(user) else { continue };
        for (label, name) in [("run=1", "left"), ("run=2", "other")] {
            engine.ok(&format!(
                "docker network create --label {label} {name}-net && docker volume create --label {label} {name}-data && \
                 docker run -d --label {label} --name {name} --network {name}-net -v {name}-data:/d busybox sleep 1000 && \
                 printf 'FROM busybox\\nLABEL {label}\\n' | docker build -q -t {name}:1 -"
            ));
        }
        let socket = engine.home().join("s");
        engine.ok(&format!(
            "docker run -d --name reaper -p 127.0.0.1::8080 -e RYUK_RECONNECTION_TIMEOUT=200ms -v {}:/var/run/docker.sock testcontainers/ryuk:0.8.1",
            socket.display()
        ));
        engine.ok("until docker logs reaper | grep -q 'Started!'; do sleep 0.05; done");
        let port = engine.ok("docker port reaper 8080 | head -n 1").rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let mut stream = TcpStream::connect((engine.loopback(), port)).expect("the reaper");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        stream.write_all(b"\nlabel=run%3D1\n").expect("sent");
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"ACK\n");
        // As long as somebody listens nothing goes.
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(engine.ok("docker ps -q -f name=left").lines().count(), 1);
        drop(stream);
        assert_eq!(engine.ok("docker wait reaper"), "0");
        let said = engine.ok("docker logs reaper");
        assert!(said.ends_with("Removed 1 container(s), 1 network(s), 1 volume(s), 1 image(s)"), "{said}");
        let there = "{ docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}'; docker volume ls -q; docker images --format '{{.Repository}}'; } | \
                     grep -E 'left|other' | sort";
        assert_eq!(engine.ok(there), "other\nother\nother-data\nother-net");
    }
}

#[test]
fn a_time_limit_holds_in_a_container_as_busybox_keeps_it() {
    let Some(engine) = engine() else { return };
    // `busybox` is the real one here, `alpine` has our commands. The first process of a container is kept from signals from inside.
    for (line, expected) in [
        ("timeout 1 sleep 3", ("", 0)),
        ("timeout -s KILL 1 sleep 3", ("", 0)),
        ("sh -c 'timeout 1 sleep 9; echo $?'", ("143", 0)),
        ("timeout 1 sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'", ("", 7)),
    ] {
        for image in ["busybox", "alpine"] {
            let run = engine.sh(&format!("docker run --rm {image} {line} 2>/dev/null"));
            // The shells say in other words what became of their child.
            assert_eq!((run.stdout.trim(), run.status), expected, "{image}: {line}");
        }
    }
    for image in ["busybox", "alpine"] {
        let run = engine.sh(&format!("docker run --rm --init {image} timeout 1 sleep 9"));
        assert_eq!(run.status, 143, "{image}: {run:?}");
    }
}
