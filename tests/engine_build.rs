//! Builds: Dockerfiles held to BuildKit's own parser files and to what no text may do to a parser; the recorded builds of a real Docker,
//! replayed with Docker's client; and what hostile contexts, kills and cancellations must not do.
//! Skips with a message where the client, the corpus or busybox is missing.

#[path = "engine/support.rs"]
mod support;
#[path = "engine/transcripts.rs"]
mod transcripts;

use std::io::{Read, Write};
use std::path::Path;
use support::{Engine, User};

use dockside::engine::build::Plan;
use dockside::engine::build::dockerfile::Dockerfile;
use proptest::prelude::*;

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("a file of the corpus")).into_owned()
}

#[test]
fn dockerfiles_are_read_as_buildkit_reads_them() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/dockerfile");
    let Ok(cases) = std::fs::read_dir(corpus.join("accepted")) else {
        eprintln!("skipped: {} is missing", corpus.display());
        return;
    };
    let mut wrong = Vec::new();
    for case in cases {
        let case = case.expect("a case").path();
        let expected = read(&case.join("result"));
        match Dockerfile::parse(&read(&case.join("Dockerfile"))) {
            Ok(dockerfile) if dockerfile.dump().trim() == expected.trim() => {}
            Ok(dockerfile) => wrong.push(format!("{}:\n{}", case.display(), dockerfile.dump())),
            Err(e) => wrong.push(format!("{}: {e}", case.display())),
        }
    }
    for case in std::fs::read_dir(corpus.join("rejected")).expect("rejected cases") {
        let case = case.expect("a case").path();
        if Dockerfile::parse(&read(&case.join("Dockerfile"))).and_then(|d| Plan::of(&d)).is_ok() {
            wrong.push(format!("{} is taken", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines out of which hostile Dockerfiles are made.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,40}",
        "(FROM|RUN|COPY|ADD|ENV|LABEL|ARG|CMD|ONBUILD|HEALTHCHECK|VOLUME|SHELL|from|#) ?(--[a-z]{1,5}=?)?[ -~]{0,30}",
        "(RUN|COPY) <<-?[\"']?E[\"']? .{0,5}",
        Just("E".to_owned()),
        Just("# escape=`".to_owned()),
        "[\\\\`]{1,3}[ \t]{0,2}",
        "ONBUILD ".prop_map(|word| word.repeat(3000)),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(lines in prop::collection::vec(line(), 0..20)) {
        let text = lines.join("\n");
        if let Ok(dockerfile) = Dockerfile::parse(&text) {
            let count = text.lines().count();
            for node in &dockerfile.instructions {
                prop_assert!(1 <= node.lines.0 && node.lines.0 <= node.lines.1 && node.lines.1 <= count);
            }
            dockerfile.dump();
            let _ = Plan::of(&dockerfile);
        }
    }
}

#[test]
fn hostile_shapes_of_megabytes_are_read() {
    for unit in ["RUN a \\\n", "ENV a=\"b\\\"c\" \\\n", "RUN <<A <<A\nx\nA\nA\n", "# c\n", "COPY [\"a\",\n", "<<", "[", "$"] {
        let text = format!("FROM x\n{}", unit.repeat(300_000));
        let _ = Dockerfile::parse(&text).and_then(|d| Plan::of(&d));
    }
}

/// The recorded builds of the classic builder, in order, and what was asked about their images afterwards.
const REPLAYED: &[&str] = &[
    "build-b1-classic",
    "build-b1-classic-cached",
    "build-b1-classic-nocache-q",
    "build-multi-classic",
    "build-multi-target",
    "build-args-classic",
    "build-unused-arg",
    "build-ignore",
    "build-stdin",
    "build-label-flag",
    "build-squashless-iid",
    "err-build-run-fails-classic",
    "err-build-unknown-instr-classic",
    "err-build-copy-missing-classic",
    "err-build-no-from-classic",
    "err-build-empty",
    "err-build-no-dockerfile",
    "err-build-bad-tag",
    "history-built",
    "history-built-notrunc",
    "run-default-cmd",
    "run-entrypoint-args",
    "run-entrypoint-override",
];

fn with_contexts(user: User) -> Option<(Engine, transcripts::Corpus)> {
    let corpus = transcripts::Corpus::find()?;
    let engine = Engine::with_busybox(user)?;
    let contexts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker/contexts");
    engine.ok(&format!("mkdir -p ctx/b2; cp -r {}/. ctx/; chmod -R u=rwX,go=rX ctx", contexts.display()));
    Some((engine, corpus))
}

fn replay(user: User) {
    let Some((engine, corpus)) = with_contexts(user) else { return };
    let mut failures = Vec::new();
    for name in REPLAYED {
        match corpus.get(name) {
            // Recorded but kept apart: what it leaves behind is needed all the same.
            None => drop(corpus.command(name).map(|line| engine.sh(line))),
            Some(transcript) => {
                let mut run = engine.sh(&transcript.command);
                // The recorder took a carriage return for the end of a line.
                run.stdout = run.stdout.replace("\r\n", "\n").replace('\r', "\n");
                failures.extend(transcript.difference(&run, user).map(|difference| format!("== {name}\n{difference}")));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // The fields that the recorded inspection of this image has.
    let inspected: serde_json::Value = serde_json::from_str(&engine.ok("docker image inspect args:1")).expect("JSON");
    let config = inspected[0]["Config"].to_string();
    for field in [
        r#""Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","WHO=class","X=class"]"#,
        r#""Cmd":["/bin/sh","-ec","echo $WHO"]"#,
        r#""Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":1000000000},"Image":"sha256:"#,
        r#""Volumes":{"/data":{}}"#,
        r#""OnBuild":["RUN echo onbuild"]"#,
        r#""StopSignal":"SIGINT","Shell":["/bin/sh","-ec"]"#,
    ] {
        assert!(config.contains(field), "{field} is not in {config}");
    }
}

#[test]
fn recorded_builds_are_the_same_as_root() {
    replay(User::Root);
}

#[test]
fn recorded_builds_are_the_same_as_an_ordinary_user() {
    replay(User::Ordinary);
}

/// Posts a context to the engine's own socket and gives all that it answers.
fn post(engine: &Engine, target: &str, headers: &str, body: &[u8]) -> String {
    let mut stream = std::os::unix::net::UnixStream::connect(engine.home().join("s")).expect("the engine's socket");
    let head = format!("POST {target} HTTP/1.1\r\nHost: e\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("sent");
    // An engine that refuses early reads no further.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn tar_of(dockerfile: &str, more: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    file(&mut tar, "Dockerfile", dockerfile.as_bytes());
    more(&mut tar);
    tar.into_inner().expect("a tar")
}

/// An entry under exactly this name, which the builder's own ways would refuse.
fn raw(tar: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, link: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).expect("an entry");
}

fn file(tar: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    raw(tar, name, tar::EntryType::Regular, "", content);
}

#[test]
fn hostile_contexts_stay_inside() {
    let Some(engine) = Engine::with_busybox(User::Ordinary) else { return };
    let outside = engine.home().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::fs::write(outside.join("secret"), "secret").expect("a file");
    engine.sh("true");
    let above = format!("..{}", outside.display());
    let link = tar::EntryType::Symlink;
    let contexts: Vec<(&str, Vec<u8>)> = vec![
        ("a name above", tar_of("FROM busybox\nCOPY . /c\n", |t| file(t, "../../../../tmp/dockside-evil", b"x"))),
        ("a link out", tar_of("FROM busybox\nCOPY l/secret /c\nRUN cat /c\n", |t| raw(t, "l", link, &outside.display().to_string(), b""))),
        ("a link above", tar_of("FROM busybox\nCOPY l/secret /c\n", |t| raw(t, "l", link, &above[..above.len().min(99)], b""))),
        (
            "through a link",
            tar_of("FROM busybox\nCOPY . /c\n", |t| {
                raw(t, "l", link, &outside.display().to_string(), b"");
                file(t, "l/planted", b"x");
            }),
        ),
        ("a hard link out", tar_of("FROM busybox\nCOPY h /c\n", |t| raw(t, "h", tar::EntryType::Link, "/etc/passwd", b""))),
        ("a path above", tar_of("FROM busybox\nCOPY ../../etc/passwd /c\n", |_| ())),
        ("a Dockerfile that is a link out", {
            let mut tar = tar::Builder::new(Vec::new());
            raw(&mut tar, "Dockerfile", link, "/etc/passwd", b"");
            tar.into_inner().expect("a tar")
        }),
        ("rubbish", vec![7; 5000]),
        ("nothing", Vec::new()),
    ];
    for (what, context) in contexts {
        let answer = post(&engine, "/build?rm=1", "", &context);
        assert!(!answer.contains("Successfully built") || what == "through a link", "{what}: {answer}");
        assert!(!answer.contains("\"stream\":\"secret"), "{what}: {answer}");
    }
    assert_eq!(std::fs::read_dir(&outside).expect("the folder").count(), 1, "something was planted outside");
    assert!(!Path::new("/tmp/dockside-evil").exists());
    let devices = tar_of("FROM busybox\nCOPY . /c\nRUN ls /c\n", |t| raw(t, "dev", tar::EntryType::Char, "", b""));
    let answer = post(&engine, "/build", "", &devices);
    assert!(answer.contains("Successfully built") && !answer.contains("\"stream\":\"dev"), "{answer}");
}

#[test]
fn dockerfiles_do_what_they_say_as_root() {
    dockerfiles_do_what_they_say(User::Root);
}

#[test]
fn dockerfiles_do_what_they_say_as_an_ordinary_user() {
    dockerfiles_do_what_they_say(User::Ordinary);
}

fn dockerfiles_do_what_they_say(user: User) {
    let Some(engine) = Engine::with_busybox(user) else { return };
    let lines = [
        "# syntax=docker/dockerfile:1",
        "FROM busybox AS tools",
        "WORKDIR /w/../made",
        "RUN <<EOF",
        "echo one > a",
        "echo two >> a",
        "EOF",
        "RUN <<'S'",
        "#!/bin/sh",
        "echo script $0 > /script",
        "S",
        "FROM busybox",
        "ENV GREETING=hi",
        "COPY --chown=12:34 --chmod=0640 <<-END /deep/er/",
        "\t$GREETING ${NOBODY:-nobody}",
        "\tEND",
        "COPY --from=tools --link /made /script /kept/",
        "RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t --mount=type=secret,id=key \\",
        "    --mount=type=bind,from=tools,source=/made,target=/b cat /b/a /run/secrets/key > /seen && echo x > /cache/x && echo y > /t/y",
        "RUN --mount=type=cache,target=/cache cat /cache/x > /again && test ! -e /t && test ! -e /b",
    ];
    let context = tar_of(&lines.join("\n"), |_| ());
    // {"key":"a2V5Cg=="}, and the secret is the word `key`.
    let answer = post(&engine, "/build?t=all", "X-Dockside-Build-Secrets: eyJrZXkiOiJhMlY1Q2c9PSJ9\r\n", &context);
    assert!(answer.contains("Successfully tagged all:latest"), "{answer}");
    let seen =
        engine.ok("docker run --rm all sh -c 'cat /deep/er/END /kept/a /kept/script /seen /again; stat -c %u:%g:%a /deep/er/END; ls /'");
    // Without subordinate ids there is one owner.
    let owned = if user == User::Root { "x\n12:34:640\n" } else { "x\n0:0:640\n" };
    for part in ["hi nobody\n", "one\ntwo\n", "script /dev/pipes/S\n", "one\ntwo\nkey\n", owned] {
        assert!(seen.contains(part), "{part:?} is not in {seen}");
    }
    assert!(seen.lines().all(|name| !["cache", "t", "b"].contains(&name)), "mount points are left: {seen}");
    let refused = post(&engine, "/build", "", &tar_of("FROM busybox\nADD http://127.0.0.1:1/x /x\n", |_| ()));
    assert!(refused.contains("connection refused"), "{refused}");
}

#[test]
fn a_build_that_is_not_waited_for_ends() {
    let Some(engine) = Engine::with_busybox(User::Ordinary) else { return };
    let run = engine.sh(
        "printf 'FROM busybox\\nRUN echo begun; sleep 1000\\n' | DOCKER_BUILDKIT=0 docker build - > out 2>/dev/null & client=$!; \
         until grep -q '^begun' out 2>/dev/null; do sleep 0.1; done; kill -TERM $client; wait; \
         until docker ps -a --format '{{.Status}}' | grep -q '^Exited (137)'; do sleep 0.1; done; docker ps -q",
    );
    assert_eq!(run.stdout, "", "{run:?}");
}

#[test]
fn a_killed_build_leaves_a_store_that_builds_on() {
    let Some(mut engine) = Engine::with_busybox(User::Ordinary) else { return };
    let steps: String = (0..6).map(|n| format!("RUN echo {n} > /{n}\n")).collect();
    std::fs::write(engine.home().join("Dockerfile"), format!("FROM busybox\n{steps}")).expect("a Dockerfile");
    for attempt in 0..6u32 {
        engine
            .sh(&format!("(DOCKER_BUILDKIT=0 docker build --no-cache -t k - < Dockerfile > /dev/null 2>&1 &) ; sleep 0.0{}", attempt * 2));
        engine.crash_and_restart();
        engine.ok("docker images -a -q | sort -u | xargs -r docker image inspect > /dev/null");
    }
    engine.ok("DOCKER_BUILDKIT=0 docker build -t k - < Dockerfile");
    assert_eq!(engine.ok("docker run --rm k cat /0 /5"), "0\n5");
}
