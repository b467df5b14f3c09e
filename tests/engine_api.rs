//! The API's corners, over plain HTTP: what is no JSON, addresses and methods that there are not, names in archives, restarts.

#[path = "engine/support.rs"]
mod support;

use std::io::{Read, Write};

use support::{Engine, User};

fn engine() -> Option<Engine> {
    let engine = Engine::start(User::Root).or_else(|| Engine::start(User::Ordinary))?;
    engine.ok("docker pull -q busybox");
    Some(engine)
}

/// The status and the body of an answer; `rest` is the method, what is sent and the path, as curl takes them.
fn ask(engine: &Engine, rest: &str) -> String {
    let (options, path) = rest.rsplit_once(' ').unwrap_or(("", rest));
    engine.sh(&format!("curl -s -w ' %{{http_code}}' --unix-socket /lab/s {options} 'http://d{path}'")).stdout.trim().replace('\n', "")
}

#[test]
fn bodies_that_are_no_json_are_refused_in_gos_words() {
    let Some(engine) = engine() else { return };
    const JSON: &str = "-X POST -H 'Content-Type: application/json'";
    let paths = [
        "/containers/foobar/exec",
        "/containers/foobar/update",
        "/exec/foobar/start",
        "/networks/create",
        "/networks/bridge/connect",
        "/networks/bridge/disconnect",
        "/volumes/create",
        "/containers/create",
    ];
    for path in paths {
        for (sent, words) in [
            ("-X POST -H 'Content-Type: text/plain' -d '{}'", "unsupported Content-Type header (text/plain): must be 'application/json'"),
            ("-X POST -H 'Content-Type: a;;b' -d '{}'", "malformed Content-Type header (a;;b): mime: invalid media parameter"),
            (&format!("{JSON} -d '{{invalid json'"), "invalid JSON: invalid character 'i' looking for beginning of object key string"),
            (&format!("{JSON} -d '{{\\\"a\\\":'"), "invalid JSON: invalid character '\\\\\\\\' looking for beginning of object key string"),
            (&format!("{JSON} -d '{{\"a\":1'"), "invalid JSON: unexpected EOF"),
            (&format!("{JSON} -d '{{}} trailing content'"), "unexpected content after JSON"),
        ] {
            let said = ask(&engine, &format!("{sent} {path}"));
            assert!(said.starts_with(&format!("{{\"message\":\"{words}")) && said.ends_with(" 400"), "{path} {sent}: {said}");
        }
        // Nothing at all is no fault of the engine's.
        let said = ask(&engine, &format!("{JSON} {path}"));
        assert!(!said.ends_with("00") || said.ends_with("400"), "{path}: {said}");
    }
    let long =
        "printf '%3000000s' | curl -s --unix-socket /lab/s -H 'Content-Type: application/json' --data-binary @- http://d/containers/create";
    assert!(engine.sh(long).stdout.contains("http: request body too large"), "what never ends fills no memory");
    for (path, sent, words) in [
        (
            "/containers/create",
            r#"{"Image":"busybox","HostConfig":{"Memory":"5m"}}"#,
            "string into Go struct field HostConfig.HostConfig.Memory of type int64",
        ),
        (
            "/containers/create",
            r#"{"Image":"busybox","Env":"A=b"}"#,
            "string into Go struct field ContainerConfigWrapper.Env of type []string",
        ),
        ("/containers/create", r#"{"Image":1}"#, "number into Go struct field ContainerConfigWrapper.Image of type string"),
        ("/containers/x/exec", r#"{"Cmd":["true"],"Tty":"yes"}"#, "string into Go struct field ExecConfig.Tty of type bool"),
        ("/containers/x/update", r#"{"PidsLimit":1.5}"#, "number 1.5 into Go struct field UpdateConfig.PidsLimit of type int64"),
        (
            "/networks/create",
            r#"{"Name":"n","IPAM":{"Config":[{"Subnet":7}]}}"#,
            "number into Go struct field IPAMConfig.IPAM.Config.Subnet of type string",
        ),
        ("/volumes/create", r#"{"Labels":["a"]}"#, "array into Go struct field CreateOptions.Labels of type map[string]string"),
    ] {
        let said = ask(&engine, &format!("{JSON} -d '{sent}' {path}"));
        assert_eq!(said, format!("{{\"message\":\"invalid JSON: json: cannot unmarshal {words}\"}} 400"), "{path} {sent}");
    }
    // Fields' names in any case, and one word for a list of words.
    let said = ask(
        &engine,
        &format!(
            "{JSON} -d '{{\"image\":\"busybox\",\"CMD\":\"true\",\"hostconfig\":{{\"memory\":67108864}}}}' /containers/create?name=any"
        ),
    );
    assert!(said.ends_with(" 201"), "{said}");
    assert_eq!(engine.ok("docker inspect -f '{{.Config.Cmd}} {{.HostConfig.Memory}}' any"), "[true] 67108864");
    assert_eq!(
        ask(&engine, &format!("{JSON} -d '{{}}' /containers/create")),
        "{\"message\":\"config cannot be empty in order to create a container\"} 400"
    );
    let started = ask(&engine, &format!("{JSON} -d '{{\"Binds\":[]}}' /containers/any/start"));
    assert!(started.contains("starting container with non-empty request body was deprecated"), "{started}");
    let torn = engine.sh("printf 'POST /volumes/create HTTP/1.1\\r\\nHost: d\\r\\nContent-Type: application/json\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nxyz\\r\\n' | timeout 5 python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(\"/lab/s\"); s.sendall(sys.stdin.buffer.read()); print(s.recv(4096).decode())'");
    assert!(torn.stdout.contains("invalid JSON: invalid byte in chunk length"), "{torn:?}");
}

#[test]
fn addresses_methods_and_versions_are_dockers() {
    let Some(engine) = engine() else { return };
    const NO_PAGE: &str = "{\"message\":\"page not found\"} 404";
    for (asked, answer) in [
        ("/nothing", NO_PAGE),
        ("-X DELETE /info", NO_PAGE),
        ("-X PUT /containers/create", NO_PAGE),
        ("-X POST /containers/json", NO_PAGE),
        // What is not there is so in every version.
        ("/v9.99/nothing", NO_PAGE),
        ("/v1.x/info", NO_PAGE),
        ("-X OPTIONS /containers/json", "200"),
        ("-X OPTIONS /v1.45/whatever/this/is", "200"),
        ("-I -o /dev/null /_ping", "200"),
        ("-I -o /dev/null /info", "404"),
        ("-I -o /dev/null /v1.45/containers/json", "404"),
        ("/v9.99/info", "{\"message\":\"client version 9.99 is too new. Maximum supported API version is 1.45\"} 400"),
        ("/containers/json?limit=many", "{\"message\":\"strconv.Atoi: parsing \\\"many\\\": invalid syntax\"} 500"),
        ("/containers/json?all=No&filters={", "{\"message\":\"invalid filter\"} 400"),
        ("/volumes?filters=[1]", "{\"message\":\"invalid filter\"} 400"),
        ("/networks?filters=%7B%22nosuch%22:%5B%22a%22%5D%7D", "{\"message\":\"invalid filter 'nosuch'\"} 400"),
    ] {
        assert_eq!(ask(&engine, &format!("-g {asked}")), answer, "{asked}");
    }
    // What older clients were told of an image.
    let old = ask(&engine, "/v1.43/images/busybox/json");
    assert!(old.contains("\"VirtualSize\":") && old.contains("\"ContainerConfig\":"), "{old}");
    let new = ask(&engine, "/images/busybox/json");
    assert!(!new.contains("VirtualSize") && !new.contains("\"Container"), "{new}");
}

#[test]
fn wrong_values_are_refused_in_dockers_words() {
    let Some(engine) = engine() else { return };
    const JSON: &str = "-X POST -H 'Content-Type: application/json' -d";
    let network =
        |mtu: &str| format!("{JSON} '{{\"Name\":\"n\",\"Options\":{{\"com.docker.network.driver.mtu\":\"{mtu}\"}}}}' /networks/create");
    let container = |rest: &str| format!("{JSON} '{{{rest}}}'");
    let bind = |options: &str| {
        container(&format!(
            r#""Image":"busybox","HostConfig":{{"Mounts":[{{"Type":"bind","Source":"/tmp","Target":"/t","ReadOnly":true,"BindOptions":{{{options}}}}}]}}"#
        ))
    };
    let both = bind(r#""ReadOnlyNonRecursive":true,"ReadOnlyForceRecursive":true"#);
    let force = bind(r#""ReadOnlyForceRecursive":true"#);
    for (request, words) in [
        ("/events?since=abc".to_owned(), r#"strconv.ParseInt: parsing \"abc\": invalid syntax"#),
        ("/events?until=x.5".to_owned(), r#"strconv.ParseInt: parsing \"x\": invalid syntax"#),
        (network("abc"), r#"failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing \"abc\": invalid syntax)"#),
        (network("-5"), "invalid MTU number: -5"),
        (format!("{} /containers/create", container(r#""Env":["A=1"]"#)), "no command specified"),
        (format!("{both} /v1.44/containers/create"), "mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive"),
        (format!("{force} /v1.43/containers/create"), "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer"),
        ("-i /containers/nosuch/attach/ws".to_owned(), "No such container: nosuch"),
    ] {
        let said = ask(&engine, &request);
        assert!(said.contains(&format!("{{\"message\":\"{words}\"}}")), "{request}: {said}");
        assert!(said.ends_with(if words.starts_with("No such") { "404" } else { "400" }), "{request}: {said}");
    }
    let said = ask(&engine, &format!("{force} /v1.44/containers/create"));
    assert!(said.ends_with(" 201"), "{said}");
    engine.ok("docker create --name plain busybox");
    assert_eq!(ask(&engine, "/containers/plain/attach/ws?stream=1"), "not websocket protocol 400");
}

#[test]
fn what_is_mounted_below_a_read_only_bind_is_as_the_version_says() {
    let Some(engine) = engine() else { return };
    // A folder of the machine's with a mount below it.
    if !std::fs::read_to_string("/proc/mounts").unwrap().contains(" /dev/shm ") {
        println!("skipped: nothing is mounted at /dev/shm");
        return;
    }
    for (version, options, expected) in [
        ("1.44", "{}", "ro"),
        ("1.43", "{}", "rw"),
        ("1.44", r#"{"ReadOnlyNonRecursive":true}"#, "rw"),
        ("1.44", r#"{"ReadOnlyForceRecursive":true}"#, "ro"),
    ] {
        let body = format!(
            r#"{{"Image":"busybox","Cmd":["sh","-c","grep \" /t/shm \" /proc/mounts"],"HostConfig":{{"Mounts":[{{"Type":"bind","Source":"/dev","Target":"/t","ReadOnly":true,"BindOptions":{options}}}]}}}}"#
        );
        let json = "-X POST -H 'Content-Type: application/json'";
        let said = ask(&engine, &format!("{json} -d '{body}' /v{version}/containers/create?name=below"));
        assert!(said.ends_with(" 201"), "{said}");
        let seen = engine.ok("docker start -a below && docker rm below");
        assert!(seen.contains(&format!(" {expected},")), "{version} {options}: {seen}");
    }
}

#[test]
fn archives_come_compressed_and_with_fields_left_empty() {
    let Some(engine) = engine() else { return };
    engine.ok("docker create --name packed busybox cat /t/plain /t/gz /t/bz2 /t/xz");
    // A writer may send a byte first, and the rest after it.
    let send = "curl -sS -X PUT -H 'Transfer-Encoding: chunked' -T - -w '%{http_code}' --unix-socket /lab/s 'http://d/containers/packed/archive?path=/'";
    for (name, option) in [("plain", ""), ("gz", "z"), ("bz2", "j"), ("xz", "J")] {
        let pieces = "{ head -c 1 a; sleep 0.1; tail -c +2 a; }";
        let sent = engine.ok(&format!("mkdir -p t && echo {name} > t/{name} && tar -c{option}f a t/{name} && {pieces} | {send}"));
        assert_eq!(sent, "200", "{name}");
    }
    assert_eq!(engine.ok("docker start -a packed"), "plain\ngz\nbz2\nxz");
    let broken = engine.ok(&format!("tar -czf a t && head -c 40 a | {send}"));
    assert!(broken.ends_with("500"), "{broken}");
    let mut header = tar::Header::new_gnu();
    header.set_path("t/none").expect("a name");
    header.set_size(5);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, &b"none\n"[..]).expect("an archive");
    std::fs::write(engine.home().join("a"), archive.into_inner().expect("an archive")).expect("a file");
    assert_eq!(engine.ok(&format!("cat a | {send}")), "200");
    let listed = engine.sh("docker cp packed:/t/none - | tar -tvf -");
    assert!(listed.stdout.starts_with("---------- "), "{listed:?}");
    let imported = engine.ok("docker import a empty/mode");
    assert!(imported.starts_with("sha256:"), "{imported}");
}

#[test]
fn names_in_archives_begin_as_they_were_asked_for() {
    let Some(engine) = engine() else { return };
    let long = "n".repeat(120);
    engine.ok(&format!(
        "docker run --name aa busybox sh -c 'mkdir -p /d/e && echo x >/d/e/{long} && ln -s d /l && ln -s nowhere/../l/e /m && echo y >/f'"
    ));
    let names = |path: &str| engine.ok(&format!("curl -s --unix-socket /lab/s 'http://d/containers/aa/archive?path={path}' | tar -tPf -"));
    for (path, listed) in [
        ("/f", "f".to_owned()),
        ("/d", format!("d/\nd/e/\nd/e/{long}")),
        ("d/", format!("d/\nd/e/\nd/e/{long}")),
        ("/d/.", format!("./\n./e/\n./e/{long}")),
        ("/d/e/..", format!("d/\nd/e/\nd/e/{long}")),
        ("/l", "l".to_owned()),
        ("/l/", format!("l/\nl/e/\nl/e/{long}")),
    ] {
        assert_eq!(names(path), listed, "{path}");
    }
    let all = names("/");
    assert!(all.starts_with("/\n") && all.lines().any(|name| name == "/d/e/"), "{all}");
    let stat = |path: &str| {
        let header = "curl -sI --unix-socket /lab/s";
        engine.ok(&format!(
            "{header} 'http://d/containers/aa/archive?path={path}' | sed -n 's/^X-Docker-Container-Path-Stat: //Ip' | base64 -di"
        ))
    };
    for (path, told) in
        [("/d/.", "\"name\":\".\""), ("/", "\"name\":\"/\""), ("/l", "\"linkTarget\":\"/d\""), ("/m", "\"linkTarget\":\"/d/e\"")]
    {
        assert!(stat(path).contains(told), "{path}: {}", stat(path));
    }
    engine.ok("docker cp aa:/d/. out && docker cp aa:/d new && docker cp -L aa:/l followed");
    assert_eq!(engine.ok(&format!("cat /lab/out/e/{long} /lab/new/e/{long} /lab/followed/e/{long}")), "x\nx\nx");
}

#[test]
fn restarts_are_counted_waited_for_and_given_up() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name again --restart on-failure:3 busybox sh -c 'exit 7'");
    let state =
        |name: &str| engine.ok(&format!("docker inspect -f '{{{{.State.Status}}}} {{{{.RestartCount}}}} {{{{.State.ExitCode}}}}' {name}"));
    for _ in 0..100 {
        if state("again").starts_with("exited") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(state("again"), "exited 3 7");
    let told = engine.ok("docker events --since 1m --until $(date +%s.%N) --filter container=again --format '{{.Action}}'");
    assert_eq!(told.matches("start").count(), 4, "{told}");
    assert_eq!(told.matches("die").count(), 4, "{told}");
    // Who starts it by hand begins to count anew.
    engine.ok("docker run -d --name ever --restart always busybox sh -c 'exit 1'");
    // The fifth wait is 1.6 s: it is stopped while nothing of it runs.
    for _ in 0..1000 {
        if state("ever") == "restarting 5 1" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    engine.ok("docker stop ever");
    assert!(state("ever").starts_with("exited"), "{}", state("ever"));
    let told = engine.ok("docker events --since 1m --until $(date +%s.%N) --filter container=ever --format '{{.Action}}'");
    assert!(told.ends_with("stop") && !told.contains("kill"), "{told}");
    engine.ok("docker start ever");
    let count = state("ever").split(' ').nth(1).and_then(|count| count.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count < 4), "{count:?}");
    engine.ok("docker rm -f ever");
}

#[test]
fn of_shared_processes_each_container_shows_its_own() {
    let Some(engine) = engine() else { return };
    engine.ok("docker run -d --name host-of busybox sleep 1000 && docker run -d --name guest --pid container:host-of busybox sleep 2000");
    engine.ok("docker exec -d guest sleep 3000");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let of = |name: &str| {
        let mut all: Vec<String> = engine
            .ok(&format!("docker top {name} -o pid,args"))
            .lines()
            .skip(1)
            .map(|l| l.split_once("sleep").map_or(l, |(_, n)| n).trim().to_owned())
            .collect();
        all.sort();
        all
    };
    assert_eq!(of("host-of"), ["1000"]);
    assert_eq!(of("guest"), ["2000", "3000"]);
    engine.ok("docker rm -f guest host-of");
}

/// Streams a request that asks for no other protocol: what comes behind it is the process's input.
fn stream(engine: &Engine, path: &str, body: &str, start: impl FnOnce(), input: &str) -> Vec<u8> {
    let mut connection = std::os::unix::net::UnixStream::connect(engine.home().join("s")).expect("connects");
    connection.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a time");
    let head = format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.write_all(head.as_bytes()).expect("is written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    assert_eq!(head, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
    start();
    connection.write_all(input.as_bytes()).expect("is written");
    connection.shutdown(std::net::Shutdown::Write).expect("the end");
    let mut said = Vec::new();
    connection.read_to_end(&mut said).expect("the streams end");
    said
}

#[test]
fn input_comes_behind_requests_for_no_other_protocol() {
    let Some(engine) = engine() else { return };
    let framed = |text: &str| [&[1, 0, 0, 0, 0, 0, 0, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    let asked = r#"{"stream":true,"stdin":true,"stdout":true}"#;
    engine.ok("docker create -i --name one busybox wc -c");
    let long = "0123456789".repeat(5000);
    let start = || drop(engine.ok("docker start one"));
    let said = stream(&engine, "/v1.45/containers/one/attach?stream=1&stdin=1&stdout=1", asked, start, &long);
    assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(&framed("50000\n")));
    engine.ok("docker run -d --name two busybox sleep 60");
    let made = ask(
        &engine,
        r#"-X POST -H 'Content-Type: application/json' -d '{"AttachStdin":true,"AttachStdout":true,"Cmd":["wc","-c"]}' /containers/two/exec"#,
    );
    let id = made.split('"').nth(3).expect("an id");
    let said = stream(&engine, &format!("/v1.45/exec/{id}/start"), "{}", || {}, "12345");
    assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(&framed("5\n")));
    // Who has nothing to say gets a plain answer on a connection that goes on.
    engine.ok("docker run -d --name three busybox sh -c 'sleep 1; echo said'");
    let said = ask(&engine, "-i -X POST /containers/three/attach?stream=1&stdout=1&logs=1");
    assert!(said.contains("application/vnd.docker.raw-stream") && said.contains("said"), "{said}");
}

#[test]
fn parameters_of_builds_are_refused_in_dockers_words() {
    let Some(engine) = engine() else { return };
    engine.ok("mkdir /lab/c && echo 'FROM busybox' > /lab/c/Dockerfile && tar -C /lab/c -cf /lab/c.tar Dockerfile");
    let build =
        |query: &str| ask(&engine, &format!("-g -X POST -H 'Content-Type: application/x-tar' --data-binary @/lab/c.tar /build?{query}"));
    for (query, words) in [
        ("platform=foo", r#"\"foo\": unknown operating system or architecture: invalid argument"#),
        ("platform=foo&version=2", r#"\"foo\": unknown operating system or architecture: invalid argument"#),
        ("version=3", r#"invalid version \"3\""#),
        ("squash=1", "squash is only supported with experimental mode"),
        ("securityopt=seccomp%3Dx", "security options are not supported on linux"),
        ("isolation=hyperv", r#"unsupported isolation: \"hyperv\""#),
        ("buildargs=x", "error reading build args: invalid character 'x' looking for beginning of value"),
        ("labels=x", "error reading labels: invalid character 'x' looking for beginning of value"),
        ("ulimits=x", "error reading ulimit settings: invalid character 'x' looking for beginning of value"),
        ("cachefrom=x", "error reading cache-from: invalid character 'x' looking for beginning of value"),
        ("version=2&outputs=x", "invalid outputs specified: invalid character 'x' looking for beginning of value"),
    ] {
        assert_eq!(build(query), format!("{{\"message\":\"{words}\"}} 400"), "{query}");
    }
    // Bounds that are no numbers bind nothing, and an empty parameter is none.
    assert!(build("memory=x&buildargs=&isolation=default&platform=").ends_with(" 200"));
    // Nothing was told before it failed, and a classic client knows nothing of BuildKit's steps.
    let said = build("remote=http%3A%2F%2F127.0.0.1%3A1%2Fx");
    assert!(
        said.starts_with(r#"{"message":"error downloading remote context http://127.0.0.1:1/x: Get "#) && said.ends_with(" 500"),
        "{said}"
    );
}

#[test]
fn what_is_not_there_is_told_as_docker_tells_it() {
    let Some(engine) = engine() else { return };
    for (request, words) in [
        ("/plugins/a/b:latest/json", "plugin \\\"a/b:latest\\\" not found"),
        ("-X DELETE /plugins/a", "plugin \\\"a\\\" not found"),
        ("-X POST /plugins/a/enable?timeout=1", "plugin \\\"a\\\" not found"),
        ("-X POST /plugins/a/nothing", "page not found"),
    ] {
        assert_eq!(ask(&engine, request), format!("{{\"message\":\"{words}\"}} 404"), "{request}");
    }
    assert_eq!(ask(&engine, "-X POST /volumes/prune"), r#"{"VolumesDeleted":[],"SpaceReclaimed":0} 200"#);
    engine.ok("docker run -d --name one busybox sleep 60");
    let id = engine.ok("docker inspect -f '{{.Id}}' one");
    let said = ask(&engine, "-X POST /containers/one/unpause");
    assert_eq!(said, format!(r#"{{"message":"Container {} is not paused"}} 500"#, id.trim()));
}
