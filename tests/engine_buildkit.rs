//! Builds as BuildKit does them, with Dockside's own client: recorded builds replayed, stages side by side, what the cache takes for the
//! same, secrets, failures, and what a build that is ended leaves. Skips with a message where the corpus or busybox is missing.

#[path = "engine/support.rs"]
mod support;
#[path = "engine/transcripts.rs"]
mod transcripts;

use std::path::Path;

use support::{Engine, Run, User};

/// An engine, and commands that are run with Dockside as `docker`.
struct Builder {
    engine: Engine,
}

impl Builder {
    fn start(user: User) -> Option<Builder> {
        let engine = Engine::with_busybox(user)?;
        let own = engine.dir.path().join("own");
        std::fs::create_dir(&own).expect("a folder");
        std::os::unix::fs::symlink(engine.dir.path().join("dockside"), own.join("docker")).expect("a link");
        Some(Builder { engine })
    }

    fn sh(&self, line: &str) -> Run {
        let (tty, line) = line.strip_prefix("TTY ").map_or(("", line), |line| ("TTY ", line));
        self.engine.sh(&format!("{tty}export PATH={}:$PATH; {line}", self.engine.dir.path().join("own").display()))
    }

    fn ok(&self, line: &str) -> String {
        let run = self.sh(line);
        assert_eq!(run.status, 0, "{line}: {run:?}");
        run.stdout.trim().to_owned()
    }

    /// What a build of this Dockerfile with these flags says; it must succeed.
    fn build(&self, flags: &str, dockerfile: &str) -> String {
        let run = self.try_build(flags, dockerfile);
        assert_eq!(run.status, 0, "{run:?}");
        run.stderr
    }

    fn try_build(&self, flags: &str, dockerfile: &str) -> Run {
        std::fs::write(self.engine.home().join("Dockerfile.test"), dockerfile).expect("a Dockerfile");
        self.sh(&format!("docker build --progress=plain {flags} - < Dockerfile.test"))
    }
}

/// How a step of a plain trace ended: the line behind its name.
fn end_of<'a>(trace: &'a str, name: &str) -> &'a str {
    let head = trace.lines().find(|line| line.ends_with(name)).unwrap_or_else(|| panic!("{name} is not in {trace}"));
    let number = head.split(' ').next().expect("a number");
    let own = trace.lines().filter(|line| line.split(' ').next() == Some(number));
    own.filter_map(|line| line.split(' ').nth(1)).find(|word| ["CACHED", "DONE", "ERROR:", "CANCELED"].contains(word)).unwrap_or("nothing")
}

/// The recorded builds by BuildKit's client, in order, and what was asked about their images afterwards.
const REPLAYED: &[&str] = &[
    "build-b1-buildkit-plain",
    "build-b1-buildkit-cached",
    "build-b1-buildkit-tty",
    "err-build-run-fails-buildkit",
    "err-build-unknown-instr-buildkit",
    "err-build-copy-missing-buildkit",
    "err-build-no-dockerfile-buildkit",
    "err-build-no-context",
    "history-buildkit",
    "image-inspect-buildkit",
];

/// Times, sizes and layers differ by nature; so does the order in which BuildKit tells of steps that it has done at once.
fn settled(text: &str) -> String {
    let rules = [
        // Only what takes more than a moment says how long it took.
        (r"(?m) \d+\.\ds done$", " done"),
        (r"\d+\.\ds\b", "0.0s"),
        (r"ref [0-9a-z-]+::[0-9a-z]+", "ref <ref>"),
        // The last picture of a terminal is the one that stays.
        (r"(?s)^.*\x1b\[\?25l", ""),
        (r"[0-9a-f]{64}", "<id>"),
        (r"sha256:[0-9a-f]+ ", "sha256:<id> "),
        (r#""(Size|LowerDir|UpperDir|WorkDir|MergedDir|LastTagTime|Created)": .*"#, "$1"),
        (r"(?m)^#\d+ ", "# "),
    ];
    let mut text = text.replace('\r', "");
    for (pattern, with) in rules {
        text = regex::Regex::new(pattern).expect("a rule").replace_all(&text, with).into_owned();
    }
    let mut blocks: Vec<String> = text.split("\n\n").map(|block| block.trim_end().to_owned()).collect();
    if text.starts_with("# building") {
        blocks.sort();
    }
    blocks.join("\n\n")
}

fn replay(user: User) {
    let Some(corpus) = transcripts::Corpus::find() else { return };
    let Some(builder) = Builder::start(user) else { return };
    let contexts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/docker/contexts");
    builder.engine.ok(&format!("mkdir -p ctx/b2; cp -r {}/. ctx/; chmod -R u=rwX,go=rX ctx", contexts.display()));
    let mut failures = Vec::new();
    for name in REPLAYED {
        let Some(line) = corpus.command(name) else { continue };
        let mut run = builder.sh(line);
        // Recorded but kept apart: what it leaves behind is needed all the same.
        let Some(transcript) = corpus.get(name) else { continue };
        (run.stdout, run.stderr) = (settled(&run.stdout), settled(&run.stderr));
        let settled = transcript.changed(settled);
        failures.extend(settled.difference(&run, user).map(|difference| format!("== {name}\n{difference}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Docker fetches what `# syntax=` names; here it is built in. Where Docker asks the network for an image, ours says that there is none.
    assert!(builder.ok("docker build --progress=plain ctx/bheredoc 2>&1").contains("RUN <<EOF (echo one...)"));
    let missing = builder.sh("docker build --progress=plain ctx/bbad5");
    for part in [
        "> [internal] load metadata for docker.io/library/nosuchimage:1.0:\n------\nDockerfile:1\n",
        "   1 | >>> FROM nosuchimage:1.0\n",
        "ERROR: failed to solve: nosuchimage:1.0: failed to resolve source metadata for docker.io/library/nosuchimage:1.0: ",
    ] {
        assert!(missing.status == 1 && missing.stderr.contains(part), "{part:?} is not in {missing:?}");
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

#[test]
fn stages_are_built_side_by_side_and_only_those_that_are_needed() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    // Each of the two waits for the other one; one after the other they would never end.
    let meet = |own: &str, other: &str| {
        format!("RUN --mount=type=cache,target=/c touch /c/{own}; until [ -e /c/{other} ]; do sleep 0.05; done; echo {own} > /{own}\n")
    };
    let dockerfile = format!(
        "FROM busybox AS a\n{}FROM busybox AS b\n{}FROM busybox AS unused\nRUN exit 9\nFROM busybox\nCOPY --from=a /a /\n\
         COPY --from=1 /b /\nCMD [\"cat\", \"/a\", \"/b\"]\n",
        meet("a", "b"),
        meet("b", "a")
    );
    let trace = builder.build("-t both", &dockerfile);
    assert!(!trace.contains("unused"), "{trace}");
    assert_eq!(builder.ok("docker run --rm both"), "a\nb");
    let target = builder.try_build("--target unused", &dockerfile);
    assert!(target.status == 1 && target.stderr.contains("[unused 2/2] RUN exit 9") && !target.stderr.contains("[a "), "{target:?}");
    // One that fails ends the others.
    let dockerfile =
        "FROM busybox AS a\nRUN sleep 1000\nFROM busybox AS b\nRUN sleep 1; exit 7\nFROM scratch\nCOPY --from=a /x /\nCOPY --from=b /x /\n";
    let failed = builder.try_build("", dockerfile);
    assert!(failed.status == 1 && failed.stderr.contains("exit code: 7"), "{failed:?}");
    assert_eq!(end_of(&failed.stderr, "RUN sleep 1000"), "CANCELED", "{failed:?}");
}

#[test]
fn the_cache_goes_by_what_a_step_depends_on() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let dockerfile =
        "FROM busybox AS base\nARG WHO=all\nWORKDIR /w\nCOPY a .\nRUN echo first\nARG LATE\nRUN echo second\nCOPY --link b .\n";
    builder.engine.ok("mkdir c; echo a > c/a; echo b > c/b");
    std::fs::write(builder.engine.home().join("c/Dockerfile"), dockerfile).expect("a Dockerfile");
    let build = |flags: &str| {
        let run = builder.sh(&format!("docker build --progress=plain {flags} c"));
        assert_eq!(run.status, 0, "{run:?}");
        let ends = |name| (end_of(&run.stderr, name) == "CACHED").then_some(name);
        ["WORKDIR /w", "COPY a .", "RUN echo first", "RUN echo second", "COPY --link b ."].into_iter().filter_map(ends).collect::<Vec<_>>()
    };
    let all = ["WORKDIR /w", "COPY a .", "RUN echo first", "RUN echo second", "COPY --link b ."];
    assert_eq!(build("-t one"), [""; 0]);
    assert_eq!(build("-t two"), all);
    assert_eq!(builder.ok("docker images -q --no-trunc one"), builder.ok("docker images -q --no-trunc two"), "the same image");
    // Another time is not another content; another content is.
    builder.engine.ok("touch -d 2001-01-01 c/a");
    assert_eq!(build(""), all);
    builder.engine.ok("echo other > c/a");
    assert_eq!(build(""), ["WORKDIR /w", "COPY --link b ."], "--link depends on nothing below");
    builder.engine.ok("echo a > c/a");
    assert_eq!(build(""), all, "what was built before is still known");
    assert_eq!(build("--build-arg LATE=x"), ["WORKDIR /w", "COPY a .", "RUN echo first", "COPY --link b ."]);
    assert_eq!(build("--build-arg WHO=x"), ["WORKDIR /w", "COPY a .", "COPY --link b ."]);
    assert_eq!(build("--no-cache"), [""; 0]);
    assert_eq!(build("--no-cache-filter base"), [""; 0]);
    assert_eq!(build("--no-cache-filter another"), all);
    // Images may go; what was built stays known until it is pruned.
    builder.ok("docker rmi -f $(docker images -q)");
    builder.ok("docker import -c 'CMD [\"sh\"]' - busybox:latest < busybox.tar");
    assert_eq!(build(""), all);
    assert!(builder.ok("docker builder prune -af").contains("Total:"));
    assert_eq!(builder.ok("docker system df --format '{{.Type}} {{.TotalCount}}' | grep Build"), "Build Cache 0");
    assert_eq!(build(""), [""; 0]);
}

#[test]
fn secrets_are_seen_by_their_command_alone() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let dockerfile = "FROM busybox\n\
        RUN --mount=type=secret,id=k --mount=type=secret,id=e,env=E [ \"$(cat /run/secrets/k)$E\" = \"$(printf h%s-1h%s-2 ush ush)\" ] && ls /run > /seen\n\
        RUN test ! -e /run/secrets/k && test -z \"$E\"\n";
    builder.engine.ok("printf hush-1 > key");
    let trace = {
        std::fs::write(builder.engine.home().join("Dockerfile.test"), dockerfile).expect("a Dockerfile");
        let run = builder.sh("V=hush-2 docker build --progress=plain -t s --secret id=k,src=key --secret id=e,env=V - < Dockerfile.test");
        assert_eq!(run.status, 0, "{run:?}");
        run.stderr
    };
    assert!(!trace.contains("hush-"), "{trace}");
    builder.engine.ok("rm key Dockerfile.test");
    let found = builder.engine.sh("grep -r -l hush- store state");
    assert_eq!(found.stdout, "", "a secret is kept");
    assert!(!builder.ok("docker history --no-trunc s; docker image inspect s; docker run --rm s find / -xdev -name k").contains("hush-"));
    // A secret's value is nothing that the cache goes by.
    std::fs::write(builder.engine.home().join("Dockerfile.test"), dockerfile).expect("a Dockerfile");
    let again = builder.sh("docker build --progress=plain - < Dockerfile.test");
    assert!(again.status == 0 && again.stderr.contains("CACHED"), "{again:?}");
}

#[test]
fn images_are_what_the_dockerfile_says() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let dockerfile = "FROM busybox AS base\nARG A=1\nENV B=$A C=\"x y\"\nEXPOSE 80 53/udp\nONBUILD RUN echo triggered > /t\nVOLUME /v\nSTOPSIGNAL SIGINT\nHEALTHCHECK --interval=2s CMD true\nSHELL [\"/bin/sh\", \"-ec\"]\nUSER 7\nCMD echo hi\n\
         FROM base\nWORKDIR /made/here\nRUN true\nCOPY <<EOF /f\n$B\nEOF\nLABEL l=1\n";
    let trace = builder.build("-t made --label given=yes", dockerfile);
    for part in [
        "[stage-1 1/4] ONBUILD RUN echo triggered > /t",
        "[stage-1 2/4] WORKDIR /made/here",
        "[stage-1 3/4] RUN true",
        "exporting to image",
    ] {
        assert!(trace.contains(part), "{part} is not in {trace}");
    }
    let history = builder.ok("docker history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' made | head -9");
    let expected = [
        "LABEL l=1",
        "COPY <<EOF /f # buildkit",
        "RUN |1 A=1 /bin/sh -ec true # buildkit",
        "WORKDIR /made/here",
        "RUN |1 A=1 /bin/sh -ec echo triggered > /t # buildkit",
        "CMD [\"/bin/sh\" \"-ec\" \"echo hi\"]",
        "USER 7",
        "SHELL [/bin/sh -ec]",
        "HEALTHCHECK &{[\"CMD-SHELL\" \"true\"] \"2s\" \"0s\" \"0s\" \"0s\" '\\x00'}",
    ];
    assert_eq!(history, expected.map(|line| format!("{line}|buildkit.dockerfile.v0")).join("\n"));
    let config: serde_json::Value = serde_json::from_str(&builder.ok("docker image inspect made")).expect("JSON");
    let config = &config[0]["Config"];
    assert_eq!(config["Labels"], serde_json::json!({ "l": "1", "given": "yes" }));
    assert_eq!(config["ExposedPorts"], serde_json::json!({ "53/udp": {}, "80/tcp": {} }));
    assert_eq!((&config["OnBuild"], config["WorkingDir"].as_str()), (&serde_json::Value::Null, Some("/made/here")));
    let layers = builder.ok("docker image inspect -f '{{len .RootFS.Layers}}' made");
    assert_eq!(layers, "5", "a layer for the base and for each of RUN, WORKDIR, RUN and COPY");
    assert_eq!(builder.ok("docker run --rm -u 0 made cat /f /t"), "1\ntriggered");
}

#[test]
fn warnings_and_failures_name_their_lines() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let trace = builder.build("", "FROM busybox as x\nENV a b\nCMD echo\n");
    let end = "\n 3 warnings found (use docker --debug to expand):\n \
         - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)\n \
         - LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format (line 2)\n \
         - JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 3)\n";
    assert!(trace.ends_with(end), "{trace}");
    let failed = builder.try_build("", "FROM busybox\nRUN echo to out; echo to err >&2; \\\n  exit 5\n");
    let step = "------\n > [2/2] RUN echo to out; echo to err >&2;   exit 5:\n";
    assert!(failed.status == 1 && failed.stderr.contains(step), "{failed:?}");
    assert!(failed.stderr.contains("   2 | >>> RUN echo to out; echo to err >&2; \\\n   3 | >>>   exit 5\n"), "{failed:?}");
    for (dockerfile, why) in [
        ("FROM busybox\nCOPY --from=x\n", "dockerfile parse error on line 2: COPY requires at least two arguments"),
        ("FROM ${NO}\n", "base name (${NO}) should not be blank"),
        ("FROM busybox\nEXPOSE x\n", "invalid containerPort: x"),
        ("# nothing\n", "file with no instructions"),
    ] {
        let run = builder.try_build("", dockerfile);
        assert!(run.status == 1 && run.stderr.contains(&format!("ERROR: failed to solve: {why}")), "{dockerfile}: {run:?}");
    }
    assert!(builder.try_build("--target no", "FROM busybox\n").stderr.ends_with("target stage \"no\" could not be found\n"));
}

#[test]
fn a_check_builds_nothing() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let found = builder.try_build("--check", "FROM busybox\nRUN exit 1\nCMD a\n");
    let expected = "Check complete, 1 warning has been found!\n\n\
        WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n\
        JSON arguments recommended for CMD to prevent unintended behavior related to OS signals\n\
        Dockerfile:3\n--------------------\n";
    assert!(found.status == 1 && found.stdout.starts_with(expected) && found.stdout.contains("   3 | >>> CMD a\n"), "{found:?}");
    let fine = builder.try_build("--check", "FROM busybox\nRUN exit 1\n");
    assert_eq!((fine.status, fine.stdout.as_str()), (0, "Check complete, no warnings found.\n"));
    assert!(!found.stderr.contains("RUN exit 1") && !fine.stderr.contains("exporting"), "{found:?} {fine:?}");
}

#[test]
fn a_dockerfile_tells_of_its_targets_and_what_they_take() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let dockerfile = "# BASE is where it begins\nARG BASE=busybox\n# build makes it\nFROM $BASE AS build\nARG MODE=fast\n\
        RUN --mount=type=secret,id=token,required=true exit 1\nFROM scratch\nCOPY --from=build /x /\n";
    let targets = builder.try_build("--call=targets", dockerfile);
    assert_eq!((targets.status, targets.stdout.as_str()), (0, "TARGET    DESCRIPTION\nbuild     makes it\n(default) \n"), "{targets:?}");
    let outline = builder.try_build("--call=outline --build-arg MODE=slow --target build", dockerfile);
    let expected = "TARGET:      build\nDESCRIPTION: makes it\n\n\
        BUILD ARG   VALUE     DESCRIPTION\nBASE        busybox   is where it begins\nMODE        slow      \n\n\
        SECRET   REQUIRED\ntoken    true\n\n";
    assert_eq!((outline.status, outline.stdout.as_str()), (0, expected), "{outline:?}");
    let json = builder.try_build("--call=outline,format=json", dockerfile);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(
        (json["args"][1]["name"].as_str(), json["args"][1]["location"]["ranges"][0]["start"]["line"].as_u64()),
        (Some("MODE"), Some(5))
    );
    assert_eq!(builder.try_build("--call=check,ignorestatus=true", "FROM busybox\nCMD a\n").status, 0);
    assert!(builder.try_build("--call=other", dockerfile).stderr.contains("unsupported request frontend.other"));
}

#[test]
fn an_image_is_pushed_where_it_shall_be() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let pushed = builder.try_build("--push", "FROM busybox\n");
    assert!(pushed.stderr.ends_with("ERROR: tag is needed when pushing to registry\n"), "{pushed:?}");
    // Nobody listens there: it is the engine that tries, and the build that fails.
    let pushed = builder.try_build("--push -t localhost:9/one", "FROM busybox\n");
    let step = "pushing localhost:9/one with docker\n";
    assert!(pushed.status == 1 && pushed.stderr.contains(step), "{pushed:?}");
    assert_eq!(builder.ok("docker images -q localhost:9/one | wc -l"), "1");
}

/// An engine without BuildKit's protocol, as one that is not Dockside's may be; gives what was asked of it until it was asked to build.
fn engine_without_buildkit(socket: &Path) -> std::thread::JoinHandle<Vec<String>> {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::os::unix::net::UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        let mut asked = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let (mut first, mut line) = (String::new(), String::new());
            reader.read_line(&mut first).expect("a request");
            while reader.read_line(&mut line).expect("a head") > 2 {
                line.clear();
            }
            let path = first.split(['?', ' ']).nth(1).unwrap_or_default();
            let path = path.strip_prefix("/v1.45").unwrap_or(path).to_owned();
            if path == "/build" {
                // The context, in chunks, up to the last one.
                let (mut body, mut piece) = (Vec::new(), [0; 4096]);
                while !body.ends_with(b"0\r\n\r\n") {
                    let n = reader.read(&mut piece).expect("a body");
                    body.extend_from_slice(&piece[..n]);
                }
            }
            let (status, body) = match path.as_str() {
                "/_ping" => ("200 OK", ""),
                "/build" => ("200 OK", "{\"stream\":\"Successfully built 123456789abc\\n\"}"),
                _ => ("404 Not Found", "{\"message\":\"page not found\"}"),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nApi-Version: 1.45\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).expect("an answer");
            asked.push(path);
            if asked.last().is_some_and(|path| path == "/build") {
                return asked;
            }
        }
    })
}

#[test]
fn an_engine_without_buildkit_builds_the_classic_way() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("Dockerfile"), "FROM busybox\n").expect("a Dockerfile");
    let engine = engine_without_buildkit(&dir.path().join("s"));
    let client = std::process::Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["docker", "build", "."])
        .current_dir(dir.path())
        .env("DOCKER_HOST", format!("unix://{}/s", dir.path().display()))
        .env_remove("DOCKER_BUILDKIT")
        .output()
        .expect("the client runs");
    let (out, err) = (String::from_utf8_lossy(&client.stdout), String::from_utf8_lossy(&client.stderr));
    assert!(client.status.success() && out.contains("Successfully built 123456789abc"), "{out}{err}");
    assert!(err.contains("its classic builder builds instead"), "{err}");
    assert_eq!(engine.join().expect("the engine"), ["/_ping", "/grpc", "/build"]);
}

#[test]
fn progress_is_shown_as_it_is_asked_for() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    std::fs::write(builder.engine.home().join("D"), "FROM busybox\nRUN echo said\n").expect("a Dockerfile");
    let quiet = builder.sh("docker build -q -t q - < D");
    assert_eq!((quiet.stdout.trim(), quiet.stderr.as_str()), (builder.ok("docker images -q --no-trunc q").as_str(), ""));
    let raw = builder.sh("BUILDKIT_PROGRESS=rawjson docker build --no-cache - < D");
    let objects: Vec<serde_json::Value> = raw.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let data = |o: &serde_json::Value| o["logs"][0]["data"].as_str().map(str::to_owned);
    assert!(objects.iter().filter_map(data).any(|data| data == "c2FpZAo="), "{raw:?}");
    let wrong = builder.sh("docker build --progress=fast - < D");
    assert!(wrong.status == 1 && wrong.stderr.starts_with("ERROR: invalid progress mode fast"), "{wrong:?}");
    builder.ok("docker build --iidfile id --metadata-file meta -t named:1 - < D");
    let id = std::fs::read_to_string(builder.engine.home().join("id")).expect("an id");
    let meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(builder.engine.home().join("meta")).expect("metadata")).expect("JSON");
    assert_eq!(
        (meta["containerimage.config.digest"].as_str(), meta["image.name"].as_str()),
        (Some(id.as_str()), Some("docker.io/library/named:1"))
    );
}

#[test]
fn dockerfiles_from_elsewhere_are_no_part_of_the_context() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    builder.engine.ok(
        "mkdir c other; echo 1 > c/one; echo c/two > c/two; echo two > c/.dockerignore; printf 'FROM busybox\\nCOPY . /c\\n' > other/Mine",
    );
    for (line, name) in [("docker build -t o -f other/Mine c", "Mine"), ("docker build -t o -f - c < other/Mine", "Dockerfile")] {
        let run = builder.sh(&format!("{line} --progress=plain"));
        assert!(run.status == 0 && run.stderr.contains(&format!("load build definition from {name}\n")), "{run:?}");
        assert_eq!(builder.ok("docker run --rm o find /c | sort"), "/c\n/c/.dockerignore\n/c/one");
    }
}

#[test]
fn a_build_that_is_ended_leaves_nothing() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let before = builder.ok("docker images -aq | sort");
    std::fs::write(builder.engine.home().join("D"), "FROM busybox\nRUN echo begun; sleep 1000\n").expect("a Dockerfile");
    // What runs in the background of a script ignores ^C, unless it is told otherwise.
    let run = builder.sh(
        "env --default-signal=INT docker build --progress=plain - < D 2> out & client=$!; until grep -q begun out; do sleep 0.1; done; \
         docker ps -aq; kill -INT $client; wait; until [ -z \"$(ls state/build/containers)\" ]; do sleep 0.1; done; docker ps -aq",
    );
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(builder.ok("docker images -aq | sort"), before);
    assert_eq!(builder.ok("docker ps -aq"), "", "BuildKit's containers are none of the user's");
}

#[test]
fn a_killed_engine_builds_on() {
    let Some(mut builder) = Builder::start(User::Ordinary) else { return };
    let steps: String = (0..6).map(|n| format!("RUN echo {n} > /{n}\n")).collect();
    std::fs::write(builder.engine.home().join("D"), format!("FROM busybox\n{steps}")).expect("a Dockerfile");
    for attempt in 0..6u32 {
        builder.sh(&format!("(docker build --no-cache -t k - < D > /dev/null 2>&1 &) ; sleep 0.0{}", attempt * 2));
        builder.engine.crash_and_restart();
        builder.ok("docker images -a -q | sort -u | xargs -r docker image inspect > /dev/null");
    }
    // What a killed engine's build left running ends with the next engine, also when nobody builds.
    builder.sh("(printf 'FROM busybox\\nRUN echo begun; sleep 1000\\n' | docker build --progress=plain - > out 2>&1 &) ; until grep -q begun out; do sleep 0.1; done");
    builder.engine.crash_and_restart();
    builder.ok("until [ -z \"$(ls state/build/containers)\" ]; do docker version > /dev/null; sleep 0.1; done");
    builder.ok("docker build -t k - < D");
    assert_eq!(builder.ok("docker run --rm k cat /0 /5"), "0\n5");
    assert_eq!(builder.ok("ls state/build/containers"), "", "containers of builds that were killed");
}

#[test]
fn copies_have_the_owners_that_they_are_given() {
    // Owners are for those who have more than one.
    let Some(builder) = Builder::start(User::Root) else { return };
    let trace = builder.build(
        "--no-cache",
        "FROM busybox AS source\nRUN mkdir -p /dir/sub && chown 100:200 /dir && chown 101:201 /dir/sub && touch /f\n\
         FROM busybox\nRUN echo 'u:x:1234:5678::/:/bin/sh' >> /etc/passwd; echo 'g:x:99:' >> /etc/group\n\
         COPY --from=source /dir /one\nCOPY --from=source --chown=300:400 /dir /two\n\
         COPY --from=source --chown=u /f /three\nCOPY --from=source --chown=u:g /f /four\nCOPY --from=source --chown=7 /f /five\n\
         COPY --from=source /nothing* /six\nRUN stat -c '%n %u:%g' /one /one/sub /two /two/sub /three /four /five\n",
    );
    for line in ["/one 0:0", "/one/sub 101:201", "/two 300:400", "/two/sub 300:400", "/three 1234:5678", "/four 1234:99", "/five 7:7"] {
        assert!(trace.lines().any(|said| said.ends_with(&format!(" {line}"))), "{line} in {trace}");
    }
}

#[test]
fn stages_stand_before_those_that_need_them() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let wrong = [
        ("FROM busybox AS a\nCOPY --from=b / /\nFROM busybox AS b\nCOPY --from=a / /\n", "circular dependency detected on stage: a"),
        ("FROM busybox AS a\nCOPY --from=a / /\n", "circular dependency detected on stage: a"),
        ("FROM busybox\nRUN --mount=from=0,target=/x true\n", "circular dependency detected on stage: 0"),
        (
            "FROM busybox AS first\nCOPY --from=later /x /y\nFROM busybox AS later\nRUN echo > /x\nFROM first\n",
            "cannot copy from stage \"later\", it needs to be defined before current stage \"first\"",
        ),
        (
            "FROM busybox AS first\nRUN --mount=from=later,target=/m true\nFROM busybox AS later\nRUN true\nFROM first\n",
            "cannot mount from stage \"later\" to \"/m\", stage needs to be defined before current command",
        ),
        ("FROM busybox\nCOPY --from=7 / /\n", "invalid stage index 7"),
        ("FROM busybox\nARG X=busybox\nCOPY --from=$X / /\n", "variable expansion is not supported for --from"),
    ];
    for (dockerfile, why) in wrong {
        let run = builder.try_build("", dockerfile);
        assert!(run.status == 1 && run.stderr.contains(why) && run.stderr.contains(">>> "), "{dockerfile}: {run:?}");
    }
}

/// A server with one file of a version, which it gives to those who have another; the port, the version, and how often it gave the file.
fn server() -> (u16, std::sync::Arc<std::sync::Mutex<(u32, u32)>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let state = std::sync::Arc::new(std::sync::Mutex::new((1, 0)));
    let served = std::sync::Arc::clone(&state);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                head.push(byte[0]);
            }
            let mut state = served.lock().expect("the state");
            let tag = format!("\"v{}\"", state.0);
            let known = String::from_utf8_lossy(&head).to_lowercase().contains(&format!("if-none-match: {tag}"));
            let body = format!("version {}\n", state.0);
            let answer = match known {
                true => format!("HTTP/1.1 304 Not Modified\r\netag: {tag}\r\nconnection: close\r\n\r\n"),
                false => format!("HTTP/1.1 200 OK\r\netag: {tag}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()),
            };
            state.1 += u32::from(!known);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, state)
}

#[test]
fn what_a_server_has_comes_again_when_it_has_changed() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let (port, state) = server();
    let dockerfile = format!("FROM busybox\nADD http://localhost:{port}/file /f\nRUN cat /f\n");
    assert!(builder.build("", &dockerfile).contains(" version 1\n"));
    assert_eq!(end_of(&builder.build("", &dockerfile), "] RUN cat /f"), "CACHED");
    assert_eq!(state.lock().expect("the state").1, 1, "it came once");
    state.lock().expect("the state").0 = 2;
    assert!(builder.build("", &dockerfile).contains(" version 2\n"));
    // It comes when more of it is needed than to know that it is the same.
    builder.ok("docker builder prune -af");
    assert!(builder.build("", &dockerfile).contains(" version 2\n"));
    assert_eq!(state.lock().expect("the state").1, 3);
}

#[test]
fn archives_are_unpacked_however_they_are_compressed() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    builder.ok("mkdir a && mkdir a/in && echo content > a/in/f && tar cf a/plain.tar -C a in");
    let mut formats = vec!["plain.tar".to_owned()];
    for (tool, ending) in [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"), ("zstd", "zst")] {
        let made = builder.sh(&format!("{tool} -c < a/plain.tar > a/{tool}.tar.{ending}"));
        if made.status == 0 {
            formats.push(format!("{tool}.tar.{ending}"));
        }
    }
    let added: String = formats.iter().map(|name| format!("ADD {name} /{name}/\n")).collect();
    let looked: String = formats.iter().map(|name| format!(" /{name}/in/f")).collect();
    builder.ok(&format!("printf 'FROM busybox\\n{}RUN cat{looked}\\n' > a/Dockerfile", added.replace('\n', "\\n")));
    let run = builder.sh("docker build --progress=plain a");
    assert_eq!(run.stderr.matches(" content\n").count(), formats.len(), "{run:?}");
    // A whole context, and an image.
    builder.ok("printf 'FROM busybox\\nCOPY in /in\\n' > a/Dockerfile; cd a; tar c Dockerfile in | xz > ../context.xz; docker build -q -t xz - < ../context.xz");
    assert_eq!(builder.ok("docker run --rm xz cat /in/f"), "content");
    builder.ok("docker save xz | bzip2 > image.bz2; docker rmi xz; docker load -i image.bz2; docker run --rm xz true");
}

/// Dockerfiles that check themselves as they are built.
const SOUND: &[(&str, &str)] = &[
    ("", "FROM busybox AS base\nARG kept=yes\nFROM base\nRUN [ \"$kept\" = yes ]\n"),
    ("--build-arg kept=no", "FROM busybox AS base\nARG kept=yes\nFROM base\nRUN [ \"$kept\" = no ]\n"),
    ("", "FROM busybox\nARG A=${NO:-one} A=two\nENV E=1 E=2\nRUN [ \"$A$E\" = two2 ]\n"),
    ("--build-arg A=given", "FROM busybox\nARG A=${NO:?is not set}\nRUN [ $A = given ]\n"),
    ("", "FROM busybox\nARG TARGETSTAGE\nRUN [ $TARGETSTAGE = default ]\n"),
    ("--target here", "FROM busybox AS here\nARG TARGETSTAGE\nRUN [ $TARGETSTAGE = here ]\nFROM busybox\nRUN exit 1\n"),
    ("--build-arg http_proxy=p:1", "FROM busybox\nRUN [ $http_proxy$HTTP_PROXY = p:1p:1 ]\n"),
    (
        "",
        "FROM busybox AS a\nRUN mkdir -p /x/y/z /x/w && touch /x/y/z/f /x/w/g\nFROM busybox\nCOPY --from=a --parents /x/./y/z/f /x/**/g /d/\nRUN [ -f /d/y/z/f ] && [ -f /d/x/w/g ]\n",
    ),
    (
        "",
        "FROM busybox AS a\nRUN touch /f && chmod 666 /f\nFROM busybox\nCOPY --from=a --chmod=go-w,u+x /f /g\nRUN [ $(stat -c %a /g) = 744 ]\n",
    ),
];

#[test]
fn dockerfiles_mean_what_they_mean_to_buildkit() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    for (flags, dockerfile) in SOUND {
        builder.build(flags, dockerfile);
    }
}

#[test]
fn a_check_knows_values_and_ports() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let checked = |dockerfile: &str| builder.try_build("--check", dockerfile);
    for (dockerfile, rule, words) in [
        ("FROM busybox\nCOPY $foo /\n", "UndefinedVar", "Usage of undefined variable '$foo'"),
        ("FROM busybox\nENV PATH=$PAHT:/x\n", "UndefinedVar", "Usage of undefined variable '$PAHT' (did you mean $PATH?)"),
        ("FROM busybox\nEXPOSE 80/TcP\n", "ExposeProtoCasing", "Defined protocol '80/TcP' in EXPOSE instruction should be lowercase"),
        (
            "FROM busybox\nEXPOSE 127.0.0.1:80:80\n",
            "ExposeInvalidFormat",
            "EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
        ),
        ("FROM busybox AS a\nFROM a AS a\n", "DuplicateStageName", "Duplicate stage name \"a\", stage names should be unique"),
    ] {
        let found = checked(dockerfile);
        let line = format!("WARNING: {rule} - ");
        assert!(found.status == 1 && found.stdout.contains(&line) && found.stdout.contains(words), "{dockerfile}: {found:?}");
        let skipped = checked(&format!("# check=skip={rule}\n{dockerfile}"));
        assert!(skipped.stdout.contains("no warnings found"), "{dockerfile}: {skipped:?}");
    }
}

#[test]
fn what_is_removed_during_a_build_goes_when_it_ends() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let size = || {
        let run = builder.ok("du -s --block-size=1M /lab/store");
        run.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).expect("a number")
    };
    builder.build("-t big", "FROM busybox\nRUN dd if=/dev/urandom of=/big bs=1M count=40 2>/dev/null");
    assert!(size() >= 40);
    let told = builder.ok("printf 'FROM busybox\\nRUN echo begun; sleep 4\\n' | docker build -t other --progress=plain - 2>log & \
         until grep -q begun$ log; do sleep 0.1; done; docker rmi big; docker builder prune -af; wait $!; docker images -q other");
    assert!(told.contains("Deleted: sha256:") && told.contains("Total:"), "{told}");
    assert!(size() < 40, "{}", size());
}

#[test]
fn mounts_are_read_alike_before_and_after_variables_are_known() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    builder.ok("docker tag busybox one; printf 'FROM busybox\\nRUN echo two > /name' | docker build -t two -");
    let run = |mount: &str| format!("FROM busybox\nARG Y=from=two V=/x,from=two\nRUN --mount={mount} cat /x/name\n");
    for mount in ["type=bind,FROM=two,target=/x", "type=bind,from=one,from=two,target=/x"] {
        let told = builder.build("--no-cache", &run(mount));
        assert!(told.lines().any(|line| line.ends_with(" two")), "{mount}: {told}");
    }
    // A variable is a value and nothing more.
    for (mount, why) in [
        ("type=bind,$Y,target=/x", "invalid field '$Y' must be a key=value pair"),
        ("type=bind,from=two,target=$V", "cat: can't open '/x/name'"),
        ("type=bind,from=$Y,target=/x", "'from' doesn't support variable expansion"),
    ] {
        let failed = builder.try_build("", &run(mount));
        assert!(failed.status != 0 && failed.stderr.contains(why), "{mount}: {failed:?}");
    }
    // The engine is well.
    builder.build("", "FROM busybox\nRUN echo after");
}

#[test]
fn a_private_cache_is_kept_and_shared_with_nobody_at_the_same_time() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let list =
        |own: &str| format!("FROM busybox\nRUN --mount=type=cache,sharing=private,target=/c ls /c | xargs echo found-; touch /c/{own}\n");
    builder.build("", &list("first"));
    let told = builder.build("", &list("second"));
    assert!(told.lines().any(|line| line.ends_with("found- first")), "{told}");
    // Two at once: the file of one never comes into the other's sight.
    let alone = |own: &str, other: &str| {
        format!(
            "FROM busybox AS {own}\nRUN --mount=type=cache,sharing=private,id=alone,target=/c --mount=type=cache,target=/meet \\\n\
             touch /c/{own} /meet/{own}; until [ -e /meet/{other} ]; do sleep 0.05; done; [ ! -e /c/{other} ] && touch /{own}\n"
        )
    };
    let both = format!("{}{}FROM busybox\nCOPY --from=a /a /\nCOPY --from=b /b /\n", alone("a", "b"), alone("b", "a"));
    builder.build("", &both);
    // A command that mounts one twice does not wait for itself.
    let twice = "FROM busybox\nRUN --mount=type=cache,sharing=locked,id=t,target=/a --mount=type=cache,sharing=locked,id=t,target=/b \\\n\
                 touch /a/x && ls /b/x\n";
    builder.build("", twice);
}

#[test]
fn a_cache_that_is_half_filled_when_the_engine_is_killed_counts_for_nothing() {
    let Some(mut builder) = Builder::start(User::Ordinary) else { return };
    builder.build("-t full", "FROM busybox\nRUN mkdir /full; cd /full; for i in $(seq 6000); do echo $i > f$i; done");
    let count = "FROM busybox\nRUN --mount=type=cache,from=full,source=/full,target=/c ls /c | wc -l | xargs echo counted\n";
    std::fs::write(builder.engine.home().join("Dockerfile.count"), count).expect("a Dockerfile");
    builder.ok("(docker build - < Dockerfile.count >/dev/null 2>&1 &); for i in $(seq 3000); do \
         find state -path '*build*' -name 'f[0-9]*' 2>/dev/null | grep -q . && break; sleep 0.002; done");
    builder.engine.crash_and_restart();
    let told = builder.build("", count);
    assert!(told.lines().any(|line| line.ends_with("counted 6000")), "{told}");
}

/// A server that answers with a byte a while, and at an address of git's with nothing.
fn slow_server() -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut head = [0; 1000];
                let count = stream.read(&mut head).unwrap_or(0);
                if String::from_utf8_lossy(&head[..count]).contains(".git/") {
                    std::thread::sleep(std::time::Duration::from_secs(1000));
                }
                let mut answer = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
                while answer.is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(300));
                    answer = stream.write_all(b"x");
                }
            });
        }
    });
    port
}

#[test]
fn a_build_that_fetches_ends_when_nobody_waits_for_it() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let port = slow_server();
    for address in [format!("http://localhost:{port}/file"), format!("http://localhost:{port}/{}.git", std::process::id())] {
        let line = format!("printf 'FROM busybox\\nADD {address} /f\\n' | timeout -s KILL 2 docker build -");
        assert_eq!(builder.sh(&line).status, 137);
        // It lets go of the store, and nobody goes on fetching.
        let free = builder.sh("for i in $(seq 50); do flock -n store/content.lock true && exit; sleep 0.1; done; exit 1");
        assert_eq!(free.status, 0, "{address}");
        let left = builder.sh(&format!("pgrep -af 'git.*localhost:{port}/' | grep -v pgrep"));
        assert_eq!(left.stdout, "", "{address}");
    }
}

#[test]
fn what_a_command_writes_without_end_is_clipped() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    let built = builder.build("", "FROM busybox\nRUN head -c 100000000 /dev/zero | tr '\\0' x; sleep 2; echo the en''d\n");
    assert!(built.contains("[output clipped, log limit 200KiB/s reached]\n"), "{} bytes", built.len());
    assert!(built.len() < 4 << 20 && !built.contains("the end\n"), "{} bytes", built.len());
    let status = std::fs::read_to_string(format!("/proc/{}/status", builder.engine.pid())).expect("the engine's status");
    let most =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u32>().ok()).expect("memory");
    assert!(most < 100_000, "{most} kB");
    // What is within the limit comes whole.
    let built = builder.build("", "FROM busybox\nRUN head -c 100000 /dev/zero | tr '\\0' x; echo; echo the en''d\n");
    assert!(built.contains(" the end\n") && !built.contains("clipped"), "{} bytes", built.len());
}

/// A tar of one file that may do what `capability` says.
fn capable(capability: u8) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    // The second version of the kernel's form: what is permitted, in the low half.
    let value = [1, 0, 0, 2, capability, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    tar.append_pax_extensions([("SCHILY.xattr.security.capability", &value[..])]).expect("an extension");
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    header.set_mode(0o755);
    header.set_mtime(1_700_000_000);
    tar.append_data(&mut header, "f", &b"abc"[..]).expect("a file");
    tar.into_inner().expect("a tar")
}

#[test]
fn a_file_that_may_do_something_else_is_another_file() {
    let Some(builder) = Builder::start(User::Root) else { return };
    let build = |capability: u8| {
        std::fs::write(builder.engine.home().join("base.tar"), capable(capability)).expect("a tar");
        builder.ok("docker import - base < base.tar");
        let trace = builder.build("-t made", "FROM base AS a\nFROM busybox\nCOPY --from=a /f /f\n");
        end_of(&trace, "COPY --from=a /f /f").to_owned()
    };
    assert_eq!([build(1), build(1), build(2)], ["DONE", "CACHED", "DONE"]);
}

#[test]
fn corners_of_dockerfiles_are_as_buildkits() {
    let Some(builder) = Builder::start(User::Ordinary) else { return };
    // A rule that is broken is an error where the Dockerfile wishes it.
    let failed = builder.try_build("", "# check=error=true\nFROM busybox as x\nRUN true\n");
    assert!(failed.status == 1 && failed.stderr.contains("lint violation found for rules: FromAsCasing"), "{failed:?}");
    builder.build("", "# check=skip=FromAsCasing;error=true\nFROM busybox as x\n");
    // An address in front of a port is for the machine's side, which an image has not.
    builder.build("-t corners", "FROM busybox\nEXPOSE 127.0.0.1:80:8080/tcp 9000-9001\n");
    let ports = builder.ok("docker image inspect -f '{{json .Config.ExposedPorts}}' corners");
    assert_eq!(ports, r#"{"8080/tcp":{},"9000/tcp":{},"9001/tcp":{}}"#);
    // Backslashes: the shell's in RUN; in a file they go where variables are put in, as BuildKit has it, and stay where none are.
    let dockerfile = "FROM busybox\nARG B=value\nRUN <<EOF\nprintf '%s\\n' 'a\\b' \\\n  c > /run\nEOF\n\
        COPY <<EOF /plain\na\\b \\$B $B\nEOF\nCOPY <<'EOF' /quoted\na\\b \\$B $B\nEOF\n";
    builder.build("-t corners", dockerfile);
    assert_eq!(builder.ok("docker run --rm corners cat /run /plain /quoted"), "a\\b\nc\nab $B value\na\\b \\$B $B");
    // What an image has left for its children may need other images, and stages of the child.
    builder.build("-t parent", "FROM busybox\nONBUILD COPY --from=files /f /from-stage\nONBUILD COPY --from=other /g /from-image\n");
    builder.build("-t other", "FROM busybox\nRUN echo image > /g\n");
    let child = "FROM busybox AS unused\nRUN exit 1\nFROM busybox AS files\nRUN echo stage > /f\nFROM parent\n";
    builder.build("-t corners", child);
    assert_eq!(builder.ok("docker run --rm corners cat /from-stage /from-image"), "stage\nimage");
}
