//! Docker's client with its buildx plugin, and Compose, against the engine. Whoever has the plugins elsewhere than Docker does names the
//! folder above their `cli-plugins` in `DOCKER_CONFIG`.

#[path = "engine/support.rs"]
mod support;

use support::{Engine, Run, User};

/// An engine with busybox, with a context `b` in its home; `None` (said on standard error) where something is missing.
fn engine(user: User) -> Option<Engine> {
    let engine = Engine::with_busybox(user)?;
    if !engine.has_buildx() {
        eprintln!("skipped: Docker's client has no docker-buildx plugin here");
        return None;
    }
    engine.ok("mkdir b && echo hello > b/hello.txt && echo secret > b/ignored && echo ignored > b/.dockerignore && echo s3cret > sec");
    engine.ok("printf 'FROM busybox\\nARG A=1\\nCOPY . /c\\nRUN ls /c; echo A=$A\\n' > b/Dockerfile");
    Some(engine)
}

/// Who the engines of these tests are for: root's tests try both.
fn users() -> Vec<User> {
    if rustix::process::geteuid().is_root() { vec![User::Root, User::Ordinary] } else { vec![User::Ordinary] }
}

fn both(test: impl Fn(&Engine)) {
    for user in users() {
        if let Some(engine) = engine(user) {
            test(&engine);
        }
    }
}

/// A line as the shell has it, which must end well; with what it says on standard error.
fn said(engine: &Engine, line: &str) -> String {
    let run = engine.sh(line);
    assert_eq!(run.status, 0, "{line}: {run:?}");
    run.stderr
}

fn refused(engine: &Engine, line: &str, why: &str) {
    let Run { status, stderr, .. } = engine.sh(line);
    assert!(status != 0 && stderr.contains(why), "{line}: {status}: {stderr}");
}

#[test]
fn folders_are_built() {
    both(|engine| {
        let first = said(engine, "docker build --progress=plain -t one --build-arg A=2 --label l=1 b");
        for part in ["[internal] load build context", "A=2", ".dockerignore", "naming to docker.io/library/one:latest done"] {
            assert!(first.contains(part), "{part} in {first}");
        }
        assert!(!first.contains(" ignored\n"), "{first}");
        let again = said(engine, "docker build --progress=plain -t one --build-arg A=2 --label l=1 b");
        assert_eq!(again.matches("CACHED").count(), 2, "{again}");
        assert!(!said(engine, "docker build --progress=plain --no-cache b").contains("RUN ls /c; echo A=$A\n#7 CACHED"));
        assert_eq!(engine.ok("docker inspect -f '{{.Config.Labels.l}}' one"), "1");
        // What the client writes of it.
        engine.ok("docker build -q --iidfile i --metadata-file m -t two:a -t two:b b");
        let id = engine.ok("cat i");
        assert_eq!(engine.ok("docker inspect -f '{{.Id}}' two:a two:b | uniq"), id);
        let metadata = engine.ok("cat m");
        assert!(metadata.contains(&id) && metadata.contains("docker.io/library/two:a,docker.io/library/two:b"), "{metadata}");
    });
}

#[test]
fn contexts_come_in_all_ways() {
    both(|engine| {
        said(engine, "tar c -C b . | docker build -t tar -");
        // What comes as an archive is taken as it is.
        assert_eq!(engine.ok("docker run --rm tar ls /c"), "Dockerfile\nhello.txt\nignored");
        said(engine, "printf 'FROM busybox\\nRUN echo alone > /f\\n' | docker build -t alone -");
        assert_eq!(engine.ok("docker run --rm alone cat /f"), "alone");
        said(engine, "printf 'FROM busybox\\nCOPY hello.txt /h\\n' | docker build -t other -f - b");
        assert_eq!(engine.ok("docker run --rm other cat /h"), "hello");
        // Another folder, and another image.
        engine.ok("mkdir -p x/sub && echo extra > x/sub/e && ln -s sub/e x/link && echo no > x/no && echo no > x/.dockerignore");
        engine.ok("printf 'FROM base\\nCOPY --from=x . /x\\nRUN --mount=from=x,target=/m cat /m/link > /r\\n' > b/named");
        said(engine, "docker build -t named -f b/named --build-context x=x --build-context base=docker-image://busybox b");
        assert_eq!(engine.ok("docker run --rm named cat /r /x/sub/e && docker run --rm named ls /x"), "extra\nextra\nlink\nsub");
    });
}

#[test]
fn files_come_back() {
    both(|engine| {
        engine.ok("printf 'FROM busybox AS a\\nRUN mkdir -p /o/d && echo x > /o/d/f && chmod 750 /o/d && ln -s d/f /o/l\\nFROM scratch\\nCOPY --from=a /o /\\n' > b/out");
        said(engine, "docker build -f b/out -o out b");
        assert_eq!(engine.ok("cd out && find . | sort && cat l && stat -c %a d"), ".\n./d\n./d/f\n./l\nx\n750");
        said(engine, "docker build -f b/out -o type=tar,dest=o.tar b");
        assert_eq!(engine.ok("tar tf o.tar"), "d/\nd/f\nl");
        assert_eq!(engine.ok("docker build -q -f b/out -o - b | tar xO d/f"), "x");
    });
}

#[test]
fn secrets_are_seen_by_their_step_alone() {
    both(|engine| {
        engine.ok("printf 'FROM busybox\\nRUN --mount=type=secret,id=s cp /run/secrets/s /k\\n' > b/sec");
        said(engine, "docker build -t sec -f b/sec --secret id=s,src=sec b");
        assert_eq!(engine.ok("docker run --rm sec sh -c 'cat /k; test ! -e /run/secrets/s'"), "s3cret");
        engine.ok("printf 'FROM busybox\\nRUN --mount=type=secret,id=t,required=true true\\n' > b/sec");
        refused(engine, "docker build -f b/sec --secret id=s,src=sec b", "ERROR: failed to solve: secret t: not found");
    });
}

#[test]
fn failures_show_the_lines_that_they_are_about() {
    both(|engine| {
        engine.ok("printf 'FROM busybox\\nRUN echo out; exit 7\\n' > b/bad");
        let run = engine.sh("docker build --progress=plain -f b/bad b");
        let end = concat!(
            "bad:2\n--------------------\n   1 |     FROM busybox\n   2 | >>> RUN echo out; exit 7\n   3 |     \n--------------------\n",
            "ERROR: failed to solve: process \"/bin/sh -c echo out; exit 7\" did not complete successfully: exit code: 7\n",
        );
        assert!(run.status == 1 && run.stderr.ends_with(end), "{run:?}");
        refused(engine, "docker build --target no b", "ERROR: failed to solve: target stage \"no\" could not be found");
        refused(engine, "docker build --cache-to type=local,dest=c b", "Cache export is not supported for the docker driver");
        refused(engine, "docker build -o type=oci,dest=x b", "OCI exporter is not supported for the docker driver");
        refused(engine, "docker build --platform linux/amd64,linux/arm64 b", "Multi-platform build is not supported for the docker driver");
        refused(engine, "BUILDX_EXPERIMENTAL=1 docker buildx build --print=outline b", "unsupported request frontend.outline");
        engine.ok("printf 'FROM busybox\\nRUN --mount=type=ssh true\\n' > b/ssh");
        refused(engine, "docker build -f b/ssh b", "--mount=type=ssh");
    });
}

#[test]
fn a_build_ends_with_its_client() {
    both(|engine| {
        engine.ok("printf 'FROM busybox\\nRUN echo begun; sleep 1234\\n' > b/slow");
        for signal in ["INT", "KILL"] {
            let line = format!(
                "docker build --progress=plain -f b/slow b > log 2>&1 & for i in $(seq 100); do grep -q 'begun$' log && break; sleep 0.1; done; \
                 pkill -{signal} -P $$ -f buildx || kill -{signal} $!; wait $!; \
                 for i in $(seq 100); do pgrep -f '[s]leep 1234' > /dev/null || break; sleep 0.1; done; ! pgrep -f '[s]leep 1234'"
            );
            let run = engine.sh(&line);
            assert_eq!(run.status, 0, "{signal}: {run:?} {}", engine.ok("cat log"));
        }
        said(engine, "docker build b");
    });
}

#[test]
fn builds_go_on_side_by_side() {
    both(|engine| {
        let run = engine
            .sh("for i in 1 2 3 4; do docker build -q --no-cache -t side:$i b > /dev/null & done; wait; docker images -q side | wc -l");
        assert_eq!((run.status, run.stdout.trim()), (0, "4"), "{run:?}");
    });
}

#[test]
fn the_builder_is_seen() {
    both(|engine| {
        assert!(engine.ok("docker buildx ls").contains("default*"));
        let inspected = engine.ok("docker buildx inspect");
        assert!(inspected.contains("running") && inspected.contains("docker\n"), "{inspected}");
        said(engine, "docker build b");
        let used = engine.ok("docker buildx du");
        assert!(used.contains("RECLAIMABLE") && used.lines().count() > 3, "{used}");
        let gone = engine.ok("docker buildx prune -af");
        assert!(gone.contains("Total:"), "{gone}");
        let left = engine.ok("docker buildx du");
        assert!(left.contains("Total:\t\t0B"), "{left}");
    });
}

#[test]
fn compose_builds_and_runs() {
    both(|engine| {
        if engine.sh("docker compose version").status != 0 {
            eprintln!("skipped: Docker's client has no docker-compose plugin here");
            return;
        }
        engine.ok("mkdir -p c/one c/two && echo eins > c/one/f && echo zwei > c/two/f");
        engine.ok("for s in one two; do printf 'FROM busybox\\nCOPY f /f\\nRUN cat /f /f > /g\\nCMD [\"cat\", \"/g\"]\\n' > c/$s/Dockerfile; done");
        engine.ok("printf 'services:\\n  one: {build: ./one}\\n  two: {build: ./two}\\n' > c/compose.yaml");
        let built = engine.ok("cd c && docker compose --progress=plain build 2>&1");
        assert!(built.contains("[one 2/3] COPY f /f") && built.contains("[two 2/3] COPY f /f"), "{built}");
        engine.ok("echo drei > c/two/f");
        let up = engine.ok("cd c && docker compose up --build 2>&1");
        assert!(up.contains("eins\n") && up.contains("drei\n") && !up.contains("zwei\n"), "{up}");
        engine.ok("cd c && docker compose down -t 0 2>&1");
    });
}
