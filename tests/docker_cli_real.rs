//! Runs commands with Docker's own client and with ours against one engine of ours, and compares what they print and their exit statuses.
//! Skipped where the machine has no Docker client.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The engine under test; it ends with the test.
struct Engine {
    child: Child,
    host: String,
    home: tempfile::TempDir,
}

impl Engine {
    fn start() -> Engine {
        let home = tempfile::tempdir().expect("a folder");
        let socket = home.path().join("s.sock");
        let child = Command::new(env!("CARGO_BIN_EXE_dockside"))
            .args(["engine", "serve", "--socket"])
            .arg(&socket)
            .env("DOCKSIDE_HOME", home.path().join("home"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the engine");
        let begin = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the engine does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Engine { child, host: format!("unix://{}", socket.display()), home }
    }

    fn run(&self, client: &Path, line: &str) -> (i32, String, String) {
        // A function, so that the line may be any shell command.
        let script = format!("docker() {{ {} \"$@\"; }}; {line}", client.display());
        let output = Command::new("timeout")
            .args(["60", "bash", "-c", &script])
            .env("DOCKER_HOST", &self.host)
            .env("DOCKER_CONFIG", self.home.path().join("config"))
            .env("TZ", "UTC")
            .env_remove("DOCKER_BUILDKIT")
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let client = Path::new(env!("CARGO_BIN_EXE_dockside"));
        self.run(client, "docker docker rm -f $(docker docker ps -aq)"); // `dockside docker`
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Docker's client, if the machine has it.
fn docker() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join("docker")).find(|p| {
        // Ours may be on the PATH under the same name.
        p.is_file() && std::fs::canonicalize(p).is_ok_and(|p| !p.ends_with("dockside"))
    });
    if found.is_none() {
        eprintln!("skipped: there is no Docker client on this machine");
    }
    found
}

/// Commands that change nothing that another sees, or change it in the same way each time.
const COMMANDS: &str = r#"
docker images
docker images -q --no-trunc
docker images --digests busybox
docker images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}' busybox
docker images -f reference='b*'
docker history busybox
docker history --no-trunc --format json busybox
docker ps
docker ps -a --format json
docker ps -aq --no-trunc
docker ps -f label=a=b --format 'table {{.ID}}\t{{.Names}}\t{{.Label "a"}}'
docker inspect busybox
docker inspect one
docker inspect -f '{{.State.Status}} {{json .Mounts}} {{.Config.Cmd}} {{len .Config.Env}}' one
docker inspect -f '{{range .RepoTags}}{{.}} {{end}}{{.Os}}/{{.Architecture}}' busybox
docker inspect -f '{{.Nope}}' one
docker inspect -f '{{' one
docker inspect nosuch
docker image inspect nosuch
docker search --limit 3 redis
docker search --no-trunc --format json ubuntu
docker pull busybox
docker pull -q busybox
docker pull no/suchimage
docker pull redis:nosuchtag
docker pull UPPER
docker run --rm busybox sh -c 'echo out; echo err >&2; exit 3'
docker run --rm -e A=1 -w /tmp busybox sh -c 'echo $A; pwd'
docker run --rm busybox nosuchcommand
docker run --rm no/suchimage
docker run --nosuchflag busybox
docker run
echo piped | docker run --rm -i busybox cat
docker run --name one busybox true
docker exec one sh -c 'echo in; exit 9'
docker exec nosuch true
docker logs one
docker diff one
docker port one
docker top nosuch
docker cp one:/etc/passwd -
docker cp one:/nosuch /tmp
docker cp nosuch:/x /tmp
docker volume ls
docker network ls
docker network inspect bridge
docker tag nosuch:1 x:1
docker tag busybox UPPER
docker rmi nosuch
docker start nosuch
docker stop nosuch
docker rm one
docker rm nosuch
docker version --format '{{.Server.Version}}'
docker nosuchcommand
docker ps --format '{{json .}}'
docker ps --filter nonsense=1
docker images --filter dangling=maybe
docker network create --subnet bad q
docker network create --ipv6 q
docker network rm bridge
docker volume rm nosuch1 nosuch2
docker logs --tail x one
docker kill -s NOPE one
docker rename one 'a b'
docker cp /nosuch one:/tmp
docker cp a b
docker commit one BAD
docker load -i /nosuch
docker run --rm --restart always busybox true
docker run --restart nope busybox true
docker run --rm --sysctl x busybox true
docker run --rm --sysctl kernel.nope=1 busybox true
docker run --rm --pid nope busybox true
docker run --rm --uts nope busybox true
docker run --rm --userns nope busybox true
docker run --rm --cgroupns nope busybox true
docker run --rm --ulimit x busybox true
docker run --rm --memory x busybox true
docker run --rm --env-file /nosuch busybox true
docker run --rm --mount type=nope,dst=/x busybox true
docker run --rm --cap-add NOPE busybox true
docker run --rm --add-host x busybox true
docker run --rm --network container:nosuch busybox true
docker run --rm --link nosuch:x busybox true
docker run --rm --security-opt nope busybox true
docker run --rm -p x busybox true
docker update one
docker events --filter nope=1 --until 0s
docker container prune -f --filter until=nope
docker push nosuch
docker pull busybox@sha256:123
docker context show
docker context inspect default
docker context inspect -f '{{.Endpoints.docker.SkipTLSVerify}}' default
docker help nosuch
docker --log-level nope ps
docker ps extra
docker images a b
docker rmi ""
docker rmi " "
docker image inspect ""
docker inspect --size busybox -f '{{.Id}}'
docker volume create --name a b
docker network create --subnet=192.168.0.0/16 --gateway=192.168.0.1 --gateway=192.168.0.2 q
docker network create --subnet=192.168.0.0/16 --subnet=192.168.1.0/16 q
docker network create --subnet 10.2.0.0/24 --ip-range 10.2.0.0/33 q
docker network create --subnet 10.2.0.0/24 --subnet 10.3.0.0/24 --gateway 10.2.0.1 --gateway 10.2.0.2 q
docker network create --subnet 10.2.0.0/24 --subnet 10.3.0.0/24 --ip-range 10.2.0.0/25 --ip-range 10.2.0.128/25 q
docker network create --subnet 10.2.0.0/24 --aux-address a=10.3.0.1 q
docker network create --subnet 10.2.0.5/24 q
docker system prune --volumes --filter until=1h -f
docker ps --format 'table {{.ID}} {{.Nope}}'
docker run --rm --device x busybox true
docker volume create -o type=tmpfs qq
docker tag busybox sha256:x
"#;

#[test]
fn both_clients_print_the_same() {
    let Some(theirs) = docker() else { return };
    let ours = tempfile::tempdir().expect("a folder");
    let ours_path = ours.path().join("docker");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dockside"), &ours_path).expect("a link");
    let engine = Engine::start();
    for line in ["docker pull -q busybox", "docker run -d --name one -l a=b busybox sleep 1000"] {
        let (status, _, stderr) = engine.run(&ours_path, line);
        assert_eq!(status, 0, "{line}: {stderr}");
    }
    let mut wrong = Vec::new();
    for line in COMMANDS.lines().filter(|l| !l.is_empty()) {
        // Ages go on between the two: three attempts.
        let same = (0..3).any(|_| engine.run(&theirs, line) == engine.run(&ours_path, line));
        if !same {
            let (theirs, ours) = (engine.run(&theirs, line), engine.run(&ours_path, line));
            wrong.push(format!("$ {line}\nDocker's: {theirs:?}\nours:     {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{} commands differ", wrong.join("\n\n"), wrong.len());
}
