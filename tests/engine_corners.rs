//! Corners of containers that no transcript shows: what is refused and in which words, what the engine's listeners are told.

#[path = "engine/support.rs"]
mod support;

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
        ("--mount type=volume,src=data,dst=/x,volume-subpath=a", "leave out volume-subpath"),
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
