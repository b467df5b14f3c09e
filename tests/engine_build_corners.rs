//! Corners of builds, by Docker's client and the classic builder and by Dockside's and BuildKit's way: links where files go, paths that lead
//! out, arguments without a value, volumes, nothing to run or to run in, and the times and platforms of what comes out.
//! Skips with a message where the client or busybox is missing.

#[path = "engine/support.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};

use support::{Engine, Run, User};

/// Which builder it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Classic,
    BuildKit,
}

const BOTH: [Way; 2] = [Way::Classic, Way::BuildKit];

/// An engine, and a folder to build in.
struct Builder {
    engine: Engine,
}

impl Builder {
    fn start(user: User) -> Option<Builder> {
        let engine = Engine::with_busybox(user)?;
        engine.ok("mkdir own ctx && ln -s \"$PWD/../dockside\" own/docker");
        Some(Builder { engine })
    }

    fn any() -> Option<Builder> {
        Builder::start(User::Root).or_else(|| Builder::start(User::Ordinary))
    }

    fn sh(&self, way: Way, line: &str) -> Run {
        let before = match way {
            Way::Classic => "export DOCKER_BUILDKIT=0;",
            Way::BuildKit => "PATH=$PWD/own:$PATH; export BUILDKIT_PROGRESS=plain;",
        };
        self.engine.sh(&format!("{before} cd ctx; {line}"))
    }

    fn ok(&self, way: Way, line: &str) -> String {
        let run = self.sh(way, line);
        assert_eq!(run.status, 0, "{way:?}, {line}: {run:?}");
        run.stdout.trim().to_owned()
    }

    fn try_build(&self, way: Way, flags: &str, dockerfile: &str) -> Run {
        std::fs::write(self.engine.home().join("ctx/Dockerfile"), dockerfile).expect("a Dockerfile");
        self.sh(way, &format!("docker build -t made {flags} ."))
    }

    fn build(&self, way: Way, flags: &str, dockerfile: &str) {
        let run = self.try_build(way, flags, dockerfile);
        assert_eq!(run.status, 0, "{way:?}, {dockerfile}: {run:?}");
    }

    /// What a build says that must fail.
    fn refused(&self, way: Way, flags: &str, dockerfile: &str) -> String {
        let run = self.try_build(way, flags, dockerfile);
        assert_ne!(run.status, 0, "{way:?}, {dockerfile}: {run:?}");
        run.stderr
    }

    fn inspect(&self, field: &str) -> String {
        self.engine.ok(&format!("docker image inspect -f '{{{{json {field}}}}}' made"))
    }
}

fn links_are_followed(user: User) {
    let Some(builder) = Builder::start(user) else { return };
    builder.engine.ok("echo -n new > ctx/file");
    for (way, word) in [(Way::Classic, "COPY"), (Way::Classic, "ADD"), (Way::BuildKit, "COPY"), (Way::BuildKit, "ADD")] {
        // To a file, to nowhere, to a folder that is not there, by way of another link, and around.
        builder.build(
            way,
            "",
            &format!(
                "FROM busybox\nRUN echo -n old > /there && mkdir -p /sub && ln -s /there /one && ln -s ../nowhere /sub/two && ln -s gone/far /three \
                 && ln -s three /four && ln -s around /around\n{word} file /one\n{word} file /sub/two\n{word} file /three/\n{word} file /four/deeper/x\n\
                 RUN [ -L /one ] && [ -L /sub/two ] && [ -L /three ] && cat /there /nowhere /gone/far/file /gone/far/deeper/x > /all && \
                 [ $(cat /all) = newnewnewnew ]\n"
            ),
        );
        let said = builder.refused(way, "", &format!("FROM busybox\nRUN ln -s around /around\n{word} file /around/\n"));
        assert!(said.contains("failed to copy files"), "{said}");
    }
}

#[test]
fn links_where_files_go_are_followed() {
    links_are_followed(User::Root);
}

#[test]
fn links_where_files_go_are_followed_for_an_ordinary_user() {
    links_are_followed(User::Ordinary);
}

#[test]
fn no_link_leads_out_of_the_image() {
    let Some(builder) = Builder::any() else { return };
    let outside = tempfile::tempdir().expect("a folder");
    let place = outside.path().display();
    builder.engine.ok("echo x > ctx/file");
    for way in BOTH {
        builder.build(
            way,
            "",
            &format!("FROM busybox\nRUN ln -s /../../../../../..{place} /x && ln -s x/y /z\nADD file /x/\nADD file /z/\n"),
        );
        assert_eq!(std::fs::read_dir(outside.path()).expect("the folder").count(), 0);
        assert_eq!(
            builder.engine.ok(&format!("docker run --rm made ls {place} {place}/y | tr '\\n' ' '")),
            format!("{place}: file y  {place}/y: file")
        );
    }
}

#[test]
fn the_classic_builder_refuses_paths_that_lead_out() {
    let Some(builder) = Builder::any() else { return };
    builder.engine.ok("mkdir ctx/sub && echo x > ctx/sub/file");
    for (line, path) in
        [("ADD ../../ test/", "../../"), ("COPY sub/../../file /", "sub/../../file"), ("COPY --from=busybox ../etc /", "../etc")]
    {
        let said = builder.refused(Way::Classic, "", &format!("FROM scratch\n{line}\n"));
        let word = &line[..line.find(' ').expect("a blank")];
        assert!(said.contains(&format!("{word} failed: forbidden path outside the build context: {path} ()")), "{said}");
        // BuildKit takes them from the top.
        assert_eq!(builder.try_build(Way::BuildKit, "", &format!("FROM scratch\n{line}\n")).status == 0, !path.ends_with("file"), "{line}");
    }
    builder.build(Way::Classic, "", "FROM scratch\nCOPY sub/../sub/./file /\n");
}

#[test]
fn an_argument_without_a_value_leaves_the_default() {
    let Some(builder) = Builder::any() else { return };
    let dockerfile = "ARG BASE=busybox\nFROM $BASE\nARG ONE=file\nARG TWO=file\nARG THREE\nRUN echo \"$ONE,$TWO,$THREE\" > /said; env | grep -c THREE >> /said; true\n";
    for way in BOTH {
        std::fs::write(builder.engine.home().join("ctx/Dockerfile"), dockerfile).expect("a Dockerfile");
        let run = builder
            .sh(way, "TWO=env docker build -t made --build-arg BASE --build-arg ONE --build-arg TWO --build-arg THREE --build-arg FOUR .");
        assert_eq!(run.status, 0, "{run:?}");
        assert_eq!(builder.engine.ok("docker run --rm made cat /said"), "file,env,\n0", "{way:?}");
        // The classic builder tells of it all the same; BuildKit's client does not even send it.
        assert_eq!(run.stdout.contains("One or more build-args [FOUR] were not consumed"), way == Way::Classic, "{run:?}");
    }
}

#[test]
fn what_is_left_in_a_volume_stays_with_buildkit_alone() {
    let Some(builder) = Builder::any() else { return };
    builder.engine.ok("echo x > ctx/file");
    let dockerfile = "FROM busybox\nRUN mkdir /v && echo 1 > /v/before\nVOLUME /v\nRUN echo 2 > /v/run\nCOPY file /v/copied\n";
    for (way, there) in [(Way::Classic, "before copied"), (Way::BuildKit, "before copied run")] {
        builder.build(way, "", dockerfile);
        assert_eq!(builder.engine.ok("docker run --rm made ls /v | tr '\\n' ' '"), there, "{way:?}");
        assert_eq!(builder.inspect(".Config.Volumes"), "{\"/v\":{}}");
    }
    // A file is no place for a volume of a container's own.
    let dockerfile = "FROM busybox\nRUN touch /f\nVOLUME /f\n";
    let said = builder.refused(Way::Classic, "", dockerfile);
    assert!(said.contains("cannot mount volume over existing file, file exists /f"), "{said}");
    builder.build(Way::BuildKit, "", &format!("{dockerfile}RUN true\n"));
    let run = builder.engine.sh("docker volume ls -q | wc -l; docker create made true; docker volume ls -q | wc -l");
    let counts: Vec<&str> = run.stdout.lines().collect();
    assert!(run.stderr.contains("file exists /f") && counts.len() == 2 && counts[0] == counts[1], "{run:?}");
}

#[test]
fn nothing_to_run_is_what_the_image_runs() {
    let Some(builder) = Builder::any() else { return };
    builder.build(Way::Classic, "", "FROM busybox\nCMD [\"touch\", \"/ran\"]\nRUN []\n");
    assert_eq!(builder.engine.ok("docker run --rm made ls /ran"), "/ran");
    assert_eq!(builder.inspect(".Config.Cmd"), "[\"touch\",\"/ran\"]");
    let said = builder.refused(Way::BuildKit, "", "FROM busybox\nRUN []\n");
    assert!(said.contains("ERROR: failed to solve: failed to marshal LLB definition: arguments are required"), "{said}");
}

#[test]
fn commands_run_where_there_is_nothing_but_mounts() {
    let Some(builder) = Builder::any() else { return };
    builder.build(Way::BuildKit, "", "FROM scratch\nRUN --mount=from=busybox,target=/bb [\"/bb/bin/busybox\", \"touch\", \"/made\"]\n");
    assert_eq!(builder.ok(Way::BuildKit, "docker build -q -o out . > /dev/null && ls -A out"), "made");
    // An image without a single layer is copied from and mounted like any other.
    builder.build(Way::BuildKit, "-t nothing", "FROM scratch\nENV a=b\n");
    builder.build(
        Way::BuildKit,
        "",
        "FROM busybox\nRUN --mount=from=nothing,target=/in,rw touch /in/x && [ -f /in/x ]\nCOPY --from=nothing / /copied\n",
    );
    let exec = "exec: \"/bin/sh\": stat /bin/sh: no such file or directory";
    let said = builder.refused(Way::Classic, "", "FROM scratch\nRUN true\n");
    assert!(said.contains(exec), "{said}");
    let said = builder.refused(Way::BuildKit, "", "FROM scratch\nRUN true\n");
    for part in [
        &format!("runc run failed: unable to start container process: {exec}\n"),
        "ERROR: failed to solve: process \"/bin/sh -c true\" did not complete successfully: exit code: 1\n",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn steps_see_the_name_of_a_machine_that_is_asked_for() {
    let Some(builder) = Builder::any() else { return };
    let dockerfile = "FROM busybox\nRUN echo $(hostname) $HOSTNAME > /said; grep -c 'localhost other$' /etc/hosts >> /said; true\n";
    for (flags, said) in [("", "buildkitsandbox buildkitsandbox\n0"), ("--build-arg BUILDKIT_SANDBOX_HOSTNAME=other", "other other\n1")] {
        builder.build(Way::BuildKit, flags, dockerfile);
        assert_eq!(builder.engine.ok("docker run --rm made cat /said"), said);
    }
}

#[test]
fn the_same_dockerfile_gives_the_same_image() {
    let Some(builder) = Builder::any() else { return };
    for base in ["busybox", "scratch"] {
        let ids = [1, 2].map(|_| {
            builder.build(Way::BuildKit, "--no-cache", &format!("FROM {base}\nENV a=b\nCMD [\"x\"]\n"));
            builder.inspect(".Id")
        });
        assert_eq!(ids[0], ids[1], "{base}");
    }
    assert_eq!(builder.inspect(".Config.WorkingDir"), "\"/\"");
    // Without a layer nothing says when it was made.
    assert!(builder.inspect(".Created").starts_with("\"0001-01-01"), "{}", builder.inspect(".Created"));
    builder.engine.ok("docker images && docker history made");
}

#[test]
fn what_comes_out_is_of_the_time_that_is_asked_for() {
    let Some(builder) = Builder::any() else { return };
    let dockerfile = "FROM busybox\nWORKDIR /deep/er\nRUN echo x > file\n";
    builder.build(Way::BuildKit, "", dockerfile);
    let out = "docker build -q -o type=tar,dest=out.tar . && docker build -q -o out . && tar -xf out.tar -C tar && stat -c %Y out/deep/er/file tar/deep/er/file tar/deep";
    assert_eq!(
        builder.ok(Way::BuildKit, &format!("mkdir tar; SOURCE_DATE_EPOCH=1673364896; export SOURCE_DATE_EPOCH; {out}")),
        ["1673364896"; 3].join("\n")
    );
    // The flag counts before the environment.
    let made = "docker build -q -t made --build-arg SOURCE_DATE_EPOCH=1000000000 .";
    builder.ok(Way::BuildKit, &format!("SOURCE_DATE_EPOCH=1673364896 {made}"));
    assert_eq!(builder.inspect(".Created"), "\"2001-09-09T01:46:40Z\"");
    assert_eq!(builder.engine.ok("docker run --rm made stat -c %Y /deep"), "1000000000");
}

#[test]
fn an_image_is_for_the_system_that_is_asked_for() {
    let Some(builder) = Builder::any() else { return };
    builder.build(Way::BuildKit, "--platform windows/amd64", "FROM scratch\nCOPY Dockerfile /\n");
    assert_eq!(builder.inspect(".Os"), "\"windows\"");
}

#[test]
fn a_failed_build_leaves_no_id_of_one_before() {
    let Some(builder) = Builder::any() else { return };
    for kit in [0, 1] {
        builder.engine.ok("echo old > ctx/id");
        std::fs::write(builder.engine.home().join("ctx/Dockerfile"), "FROM busybox\nRUN false\n").expect("a Dockerfile");
        let run = builder.sh(Way::BuildKit, &format!("DOCKER_BUILDKIT={kit} docker build --iidfile id .; [ ! -e id ] && echo gone"));
        assert_eq!(run.stdout.lines().last(), Some("gone"), "{run:?}");
    }
    let run = builder.sh(Way::BuildKit, "mkdir folder; docker build --iidfile folder .");
    assert!(run.status == 1 && run.stderr.contains("removing image ID file: remove folder: is a directory"), "{run:?}");
}

#[test]
fn what_is_wrong_is_said_in_dockers_words() {
    let Some(builder) = Builder::any() else { return };
    for way in BOTH {
        let said = builder.refused(way, "", "FROM busybox\nMAINTAINER --boo joe\n");
        assert!(said.contains("unknown flag: --boo"), "{said}");
    }
    builder.engine.ok("echo '!' > ctx/.dockerignore");
    let said = builder.refused(Way::BuildKit, "", "FROM busybox\nCOPY . /\n");
    assert!(said.contains("ERROR: failed to solve: illegal exclusion pattern: \"!\""), "{said}");
    let run = builder.sh(Way::BuildKit, "DOCKER_BUILDKIT=0 docker build .");
    assert!(run.stderr.contains("illegal exclusion pattern: \"!\""), "{run:?}");
    let run = builder.sh(Way::BuildKit, "rm .dockerignore; docker build --provenance=true .");
    assert!(run.stderr.contains("Attestation is not supported for the docker driver"), "{run:?}");
    builder.ok(Way::BuildKit, "docker build -q --provenance=false - <<< 'FROM busybox'");
}

#[test]
fn a_commit_takes_what_the_client_says_of_the_image() {
    let Some(builder) = Builder::any() else { return };
    let body = r#"{"OnBuild":["RUN true"],"Env":["A=1"],"Labels":{"l":"1"},"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGINT"}"#;
    let commit =
        format!("curl -sf --unix-socket s -H 'Content-Type: application/json' -d '{body}' 'http://d/commit?container=c1&repo=made'");
    builder.engine.ok(&format!("docker create --name c1 -e A=0 -e B=2 -l k=2 --expose 81 busybox true && {commit}"));
    for (field, wanted) in [
        (".Config.OnBuild", r#"["RUN true"]"#),
        (".Config.Env", r#"["A=1","B=2"]"#),
        (".Config.Labels", r#"{"k":"2","l":"1"}"#),
        (".Config.ExposedPorts", r#"{"80/tcp":{},"81/tcp":{}}"#),
        (".Config.StopSignal", r#""SIGINT""#),
    ] {
        assert_eq!(builder.inspect(field), wanted, "{field}");
    }
}

/// A server of the files in a folder, which knows nothing of git.
fn serve(folder: std::path::PathBuf) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let _ = answer(&folder, connection);
        }
    });
    port
}

fn answer(folder: &std::path::Path, mut connection: std::net::TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
    let (head, body) = match std::fs::read(folder.join(path)) {
        Ok(content) => ("200 OK", content),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    write!(connection, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    connection.write_all(&body)
}

#[test]
fn repositories_come_from_servers_of_files_too() {
    let Some(builder) = Builder::any() else { return };
    let git = "git -c init.defaultBranch=main -c user.name=a -c user.email=a@b";
    let steps = [
        format!("mkdir work && cd work && {git} init -q && printf 'FROM busybox\\nCOPY f /\\n' > Dockerfile && echo 1 > f"),
        format!("{git} add . && {git} commit -qm 1 && git tag v1 && echo 2 > f && {git} commit -qam 2"),
        "git update-server-info && git rev-parse v1".to_owned(),
    ];
    let commit = builder.engine.ok(&steps.join(" && "));
    let port = serve(builder.engine.home().join("work"));
    let address = format!("http://localhost:{port}/.git");
    for (reference, content) in [("", "2"), ("#v1", "1"), (&format!("#{commit}"), "1")] {
        builder.build(Way::BuildKit, "", &format!("FROM busybox\nADD {address}{reference} /x\n"));
        assert_eq!(builder.engine.ok("docker run --rm made cat /x/f"), content, "{reference}");
    }
    builder.ok(Way::BuildKit, &format!("docker build -t made {address}#main"));
    assert_eq!(builder.engine.ok("docker run --rm made cat /f"), "2");
}

#[test]
fn caches_that_begin_with_different_files_are_different() {
    let Some(builder) = Builder::any() else { return };
    let stages = "FROM busybox AS one\nRUN mkdir /f && echo 1 > /f/x\nFROM busybox AS two\nRUN mkdir /f && echo 2 > /f/x\n";
    let run = |from: &str, line: &str| format!("RUN --mount=type=cache,id=corner,target=/c,from={from},source=/f {line}\n");
    let lines = [run("one", "cat /c/x >> /said && echo 3 >> /c/x"), run("two", "cat /c/x >> /said"), run("one", "cat /c/x >> /said")];
    builder.build(Way::BuildKit, "", &format!("{stages}FROM busybox\n{}", lines.concat()));
    assert_eq!(builder.engine.ok("docker run --rm made cat /said"), "1\n2\n1\n3");
}

#[test]
fn a_cache_that_a_command_uses_is_not_pruned() {
    let Some(builder) = Builder::any() else { return };
    let mount = "RUN --mount=type=cache,target=/c";
    std::fs::write(
        builder.engine.home().join("ctx/Dockerfile"),
        format!("FROM busybox\n{mount} echo 1 > /c/x; echo begun; n=0; while [ -e /c/x ] && [ $n -lt 30 ]; do sleep 0.1; n=$((n+1)); done; [ -e /c/x ]\n"),
    )
    .expect("a Dockerfile");
    let line = "docker build . > log 2>&1 & for i in $(seq 100); do grep -q ' begun' log && break; sleep 0.1; done; docker builder prune -af; wait %1; echo $?";
    let run = builder.sh(Way::BuildKit, line);
    assert_eq!(run.stdout.lines().last(), Some("0"), "{run:?}");
    // Once nobody uses it it goes.
    builder.ok(Way::BuildKit, "docker builder prune -af");
    builder.build(Way::BuildKit, "", &format!("FROM busybox\n{mount} [ ! -e /c/x ]\n"));
}
