//! Corners of our docker client: output that cannot be written, files that are none, configurations that are odd, signals, waiting.

#[path = "engine/support.rs"]
mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use support::{Engine, Run, User};

/// An engine, and a folder with our client in it.
struct Client {
    engine: Engine,
    commands: tempfile::TempDir,
}

impl Client {
    fn start() -> Option<Client> {
        let engine = Engine::with_busybox(User::Root).or_else(|| Engine::with_busybox(User::Ordinary))?;
        let commands = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(commands.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a folder");
        let place = commands.path().join("docker");
        std::os::unix::fs::symlink(engine.dir.path().join("dockside"), place).expect("a link");
        Some(Client { engine, commands })
    }

    fn sh(&self, line: &str) -> Run {
        // No wait may last for ever.
        let line = format!("docker() {{ timeout 20 {}/docker \"$@\"; }}; {line}", self.commands.path().display());
        self.engine.sh_with(Some(self.commands.path()), &line)
    }

    fn ok(&self, line: &str) -> String {
        let run = self.sh(line);
        assert_eq!(run.status, 0, "{line}: {run:?}");
        run.stdout.trim().to_owned()
    }
}

#[test]
fn what_cannot_be_written_is_a_failure() {
    let Some(client) = Client::start() else { return };
    client.ok("docker run -d --name c1 busybox sleep 1000");
    for line in ["save busybox", "export c1", "cp c1:/bin/busybox -", "version", "ps", "exec c1 echo x", "run --rm busybox echo x"] {
        let run = client.sh(&format!("docker {line} > /dev/full"));
        assert_eq!((run.status, run.stderr.as_str()), (1, "write /dev/stdout: no space left on device\n"), "{line}");
    }
}

#[test]
fn containers_are_measured_side_by_side() {
    let Some(client) = Client::start() else { return };
    client.ok("for i in 1 2 3 4 5; do docker run -d --name c$i busybox sleep 1000; done");
    let begin = Instant::now();
    let told = client.ok("docker stats --no-stream --format '{{.Name}}' c3 c1 c5 c2 c4");
    // One takes a second.
    assert!(begin.elapsed().as_secs_f64() < 4.0, "{:?}", begin.elapsed());
    assert_eq!(told, "c3\nc1\nc5\nc2\nc4");
}

#[test]
fn files_that_are_none_are_copied_too() {
    let Some(client) = Client::start() else { return };
    client.ok("docker run -d --name c1 busybox sleep 1000");
    client.ok("mkdir -p d/sub && echo x > d/sub/file && ln -s sub d/link && mkfifo -m 640 d/pipe pipe");
    let _socket = std::os::unix::net::UnixListener::bind(client.engine.home().join("d/socket")).expect("a socket");
    client.ok("docker cp d c1:/tmp/ && docker cp d/. c1:/flat && docker cp pipe c1:/tmp/pipe");
    let listed =
        "docker exec c1 sh -c 'cd $0; find . -name sub -o -type p -o -type s -o -type l -o -type f | sort; cat sub/file; stat -c %a pipe'";
    let wanted = "./link\n./pipe\n./sub\n./sub/file\nx\n640";
    assert_eq!(client.ok(&listed.replace("$0", "/tmp/d")), wanted);
    assert_eq!(client.ok(&listed.replace("$0", "/flat")), wanted);
    assert_eq!(client.ok("docker exec c1 stat -c %F /tmp/pipe"), "fifo");
    // And out again.
    client.ok("docker cp c1:/tmp/d back && docker cp c1:/tmp/pipe back/one");
    assert_eq!(client.ok("stat -c '%F %a' back/pipe back/one; cat back/sub/file"), "fifo 640\nfifo 640\nx");
}

#[test]
fn a_file_that_shrinks_is_told_of() {
    let Some(client) = Client::start() else { return };
    client.ok("docker run -d --name c1 busybox sleep 1000");
    // The kernel's files are said to be a page long, whatever is in them.
    for line in ["cp /sys/class/net/lo/mtu c1:/tmp/", "build -q -f - /sys/class/net/lo/queues/rx-0 < /dev/null"] {
        let run = client.sh(&format!("DOCKER_BUILDKIT=0 docker {line}"));
        assert!(run.status == 1 && run.stderr.contains("the file became shorter while it was read"), "{line}: {run:?}");
    }
}

#[test]
fn a_configuration_stays_where_its_link_leads() {
    let Some(client) = Client::start() else { return };
    client.ok("mkdir conf far && ln -s ../far/real.json conf/config.json && docker context create ctx --docker host=tcp://h:1");
    let set =
        |to: &str| client.ok(&format!("cp -r .docker/contexts conf/; (unset DOCKER_HOST; DOCKER_CONFIG=conf docker context use {to})"));
    set("ctx");
    assert_eq!(client.ok("stat -c '%F %a' conf/config.json far/real.json"), "symbolic link 777\nregular file 600");
    client.ok("chmod 640 far/real.json");
    set("default");
    assert_eq!(client.ok("stat -c '%F %a' conf/config.json far/real.json"), "symbolic link 777\nregular file 640");
    client.ok("ln -sf config.json conf/config.json");
    let run = client.sh("unset DOCKER_HOST; DOCKER_CONFIG=conf docker context use ctx");
    assert!(run.status == 1 && run.stderr.contains("too many levels of symbolic links"), "{run:?}");
}

#[test]
fn odd_texts_are_told_of() {
    let Some(client) = Client::start() else { return };
    let run = client.sh("docker __complete run -é ''");
    assert_eq!((run.status, run.stdout.as_str()), (0, ":0\n"), "{run:?}");
    assert!(run.stderr.contains("unknown shorthand flag: 'é' in -é"), "{run:?}");
    // A helper takes any login.
    let helper = "#!/bin/sh\ncat > /dev/null\n";
    std::fs::write(client.commands.path().join("docker-credential-any"), helper).expect("a file");
    client.ok(&format!("chmod 755 {}/docker-credential-any", client.commands.path().display()));
    let odd = "mkdir -p odd && echo '{\"auths\":[],\"credsStore\":\"any\"}' > odd/config.json";
    let warned = "WARNING: Error parsing config file (odd/config.json): json: cannot unmarshal array into Go struct field ConfigFile.auths of type map[string]types.AuthConfig";
    let run = client.sh(&format!("{odd}; docker --config odd ps -q; docker --config odd logout localhost:1"));
    assert_eq!((run.status, run.stderr.lines().next()), (0, Some(warned)), "{run:?}");
    for kept in ["[]", "7", "{\"Descriptor\":[]}"] {
        let kept = format!(
            "mkdir -p .docker/manifests/docker.io_library_l-latest && echo '{kept}' > .docker/manifests/docker.io_library_l-latest/docker.io_library_m-latest"
        );
        let run = client.sh(&format!("{kept}; docker manifest annotate l m --arch arm64"));
        assert!(run.status == 1 && run.stderr.contains("is no manifest"), "{run:?}");
    }
}

#[test]
fn all_signals_are_passed_on() {
    let Some(client) = Client::start() else { return };
    let told = client.ok(
        r#"docker create -i --name c1 busybox sh -c 'for s in 1 6 10 14 18 20 21 28 29; do trap "echo got $s" $s; done; echo ready; while true; do read x; done' > /dev/null
        mkfifo in; $(which docker) start -ai c1 < in > out & pid=$!; exec 9> in
        until grep -q ready out; do sleep 0.05; done
        for s in 1 6 10 14 18 20 21 28 29; do kill -$s $pid; until grep -qx "got $s" out; do sleep 0.05; [ $((n += 1)) -gt 200 ] && break 2; done; echo >&9; done
        docker rm -f c1 > /dev/null; wait $pid; cat out"#,
    );
    assert_eq!(told, "ready\ngot 1\ngot 6\ngot 10\ngot 14\ngot 18\ngot 20\ngot 21\ngot 28\ngot 29");
}

#[test]
fn an_archive_of_a_context_is_no_bigger_than_is_said() {
    let Some(client) = Client::start() else { return };
    // Entries that all hold the same 9 MB of nothing.
    let made = r#"
import struct, zlib
deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
nothing = bytes(9 << 20)
packed = deflate.compress(nothing) + deflate.flush()
crc = zlib.crc32(nothing)
name = b'meta.json'
fixed = struct.pack('<HHHHHIIIHH', 20, 0, 8, 0, 0, crc, len(packed), len(nothing), len(name), 0)
local = b'PK\x03\x04' + fixed + name + packed
entry = b'PK\x01\x02' + struct.pack('<H', 20) + fixed + bytes(10) + struct.pack('<I', 0) + name
directory = entry * 60
end = b'PK\x05\x06' + struct.pack('<HHHHIIH', 0, 0, 60, 60, len(directory), len(local), 0)
open('bomb.zip', 'wb').write(local + directory + end)
"#;
    std::fs::write(client.engine.home().join("make.py"), made).expect("a file");
    if client.sh("python3 make.py").status != 0 {
        eprintln!("skipped: there is no python3 to make an archive with");
        return;
    }
    let run = client.sh("ulimit -v 300000; docker context import bomb bomb.zip");
    assert!(run.status == 1 && run.stderr.contains("read exceeds the defined limit"), "{run:?}");
    assert!(!Path::new(&client.engine.home().join(".docker/contexts/meta/bomb")).exists());
}

#[test]
fn no_file_of_a_context_is_left_out_without_a_word() {
    let Some(client) = Client::start() else { return };
    for (odd, words) in [("touch odd/$'a\\xff'", "the name of "), ("ln -s $'\\xff' odd/link", "the target of ")] {
        let run = client
            .sh(&format!("rm -rf odd; mkdir odd && printf 'FROM scratch\\nCOPY . /\\n' > odd/Dockerfile && {odd} && docker build odd"));
        assert!(run.status == 1 && run.stderr.contains(words) && run.stderr.contains("is not in UTF-8"), "{run:?}");
    }
    // One that is left out by the user may have any name.
    let run = client.sh("rm odd/link && touch odd/$'a\\xff' && echo 'a*' > odd/.dockerignore && docker build -q odd");
    assert_eq!(run.status, 0, "{run:?}");
}

/// A registry that lets tokens in alone, and its token server, which hands out one to be kept instead of the password; gives its address.
fn registry_of_tokens() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("localhost:{}", listener.local_addr().expect("an address").port());
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"here\"\r\n");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
            // The form is the last of what is sent, and all that has a body.
            let whole = |request: &[u8]| request.ends_with(b"\r\n\r\n") || request.ends_with(b"client_id=dockside");
            while !whole(&request) && !String::from_utf8_lossy(&request).contains("&scope=") {
                match stream.read(&mut chunk) {
                    Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).to_lowercase();
            let has = |text: &str| request.contains(text);
            let (status, header, body) =
                if request.starts_with("get /token") && has("basic c3r1zgvuddpzzwnyzxq=") && has("offline_token=true") {
                    ("200 OK", "", r#"{"token":"pass","refresh_token":"kept"}"#)
                } else if request.starts_with("post /token") && has("refresh_token=kept&") {
                    ("200 OK", "", r#"{"access_token":"pass"}"#)
                } else if request.contains("/token") || !has("bearer pass") {
                    ("401 Unauthorized", challenge.as_str(), r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}"#)
                } else if request.starts_with("get /v2/ ") {
                    ("200 OK", "", "{}")
                } else {
                    ("404 Not Found", "", r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#)
                };
            let head = format!("HTTP/1.1 {status}\r\n{header}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

#[test]
fn a_token_is_kept_instead_of_the_password() {
    let Some(client) = Client::start() else { return };
    let address = registry_of_tokens();
    let login = format!("echo secret | docker --config kept login -u student --password-stdin {address}");
    assert_eq!(client.ok(&login), "Login Succeeded");
    let config: serde_json::Value = serde_json::from_str(&client.ok("cat kept/config.json")).expect("JSON");
    assert_eq!(config["auths"][&address], serde_json::json!({ "auth": "c3R1ZGVudDo=", "identitytoken": "kept" }));
    // Who was not let in would hear that, not what there is.
    let known = |config: &str| {
        let run = client.sh(&format!("docker --config {config} pull {address}/x:1"));
        assert!(run.status == 1 && run.stderr.contains("manifest unknown"), "{run:?}");
    };
    known("kept");
    let pass = format!("mkdir -p pass && echo '{{\"auths\":{{\"{address}\":{{\"registrytoken\":\"pass\"}}}}}}' > pass/config.json");
    client.ok(&pass);
    known("pass");
    let stranger = client.sh(&format!("docker --config nobody pull {address}/x:1"));
    assert!(stranger.status == 1 && !stranger.stderr.contains("manifest unknown"), "{stranger:?}");
    // A helper keeps it under a name of its own.
    let helper = "#!/bin/sh\ncase $1 in store) cat > kept.json ;; get) cat > /dev/null; cat kept.json ;; esac\n";
    std::fs::write(client.commands.path().join("docker-credential-file"), helper).expect("a file");
    client.ok(&format!("chmod 755 {}/docker-credential-file", client.commands.path().display()));
    client.ok("mkdir -p helped && echo '{\"credsStore\":\"file\"}' > helped/config.json");
    client.ok(&login.replace("--config kept", "--config helped"));
    let told: serde_json::Value = serde_json::from_str(&client.ok("cat kept.json")).expect("JSON");
    assert_eq!(told, serde_json::json!({ "ServerURL": address, "Username": "<token>", "Secret": "kept" }));
    known("helped");
}
