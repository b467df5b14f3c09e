//! Runs commands with Docker's own client and with ours against one engine of ours, and compares what they print and their exit statuses.
//! Skipped where the machine has no Docker client.

#[path = "engine/registries.rs"]
mod registries;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The engine under test; it ends with the test.
struct Engine {
    child: Child,
    host: String,
    home: tempfile::TempDir,
    registry: std::sync::Arc<registries::Registry>,
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
        Engine { child, host: format!("unix://{}", socket.display()), home, registry: registries::Registry::start(false) }
    }

    /// Lays out configurations below `cfg/` and programs that clients call, for the lines that use them.
    fn furnish(&self) {
        for (path, text) in FURNITURE {
            let path = self.home.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a file");
        }
    }

    fn run(&self, client: &Path, line: &str) -> (i32, String, String) {
        // A function, so that the line may be any shell command.
        let script = format!("docker() {{ {} \"$@\"; }}; {line}", client.display());
        let output = Command::new("timeout")
            .args(["60", "bash", "-c", &script])
            .env("DOCKER_HOST", &self.host)
            .env("DOCKER_CONFIG", self.home.path().join("config"))
            .env("HOST_OF_TEST", &self.host)
            .env("REGISTRY", format!("localhost:{}", self.registry.port))
            .env("CFG", self.home.path().join("cfg"))
            .env("UNDER_TEST", client)
            .env("PATH", format!("{}:{}", self.home.path().join("bin").display(), std::env::var("PATH").unwrap_or_default()))
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

/// Files below the home of a test's engine.
const FURNITURE: &[(&str, &str)] = &[
    (
        "cfg/formats/config.json",
        r#"{"psFormat":"{{.Names}}|{{.Image}}","imagesFormat":"{{.Repository}}","networksFormat":"{{.Name}}","volumesFormat":"{{.Driver}}"}"#,
    ),
    ("cfg/broken/config.json", "{"),
    ("cfg/proxies/config.json", r#"{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"a,b"}}}"#),
    ("cfg/headers/config.json", r#"{"HttpHeaders":{"X-Some":"thing"}}"#),
    (
        "cfg/plugins/cli-plugins/docker-hello",
        r#"#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
echo '{"SchemaVersion":"0.1.0","Vendor":"V","Version":"1","ShortDescription":"Says hello"}'
else echo hello "$@"; exit 7; fi
"#,
    ),
    // The other machine is this one.
    (
        "bin/ssh",
        r#"#!/bin/sh
echo "$@" >> "$CFG/ssh.log"
while [ "$1" != -- ]; do shift; done
[ "$2" = nowhere ] && { read -r asked; echo no way >&2; exit 255; }
shift 3
[ "$1" = --host ] && shift 2
exec "$UNDER_TEST" "$@"
"#,
    ),
    (
        "bin/docker-credential-fake",
        r#"#!/bin/sh
read -r asked
echo "$1 $asked" >> "$CFG/helper.log"
case $1 in
get) echo credentials not found in native keychain; exit 1 ;;
list) echo '{}' ;;
esac
"#,
    ),
    ("cfg/helper/config.json", r#"{"credsStore":"fake","auths":{"localhost:1":{}}}"#),
];

/// Commands that change nothing that another sees, or change it in the same way each time.
const COMMANDS: &str = r#"
DOCKER_DEFAULT_PLATFORM=linux/arm64 docker pull --help
DOCKER_DEFAULT_PLATFORM=linux/arm64 docker create --help
DOCKER_DEFAULT_PLATFORM=linux/Arm64 docker pull alpine
DOCKER_DEFAULT_PLATFORM=nonsense/of/any/kind docker create busybox
docker rmi -f alpine
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
docker inspect -f '{{.Env}}' one
docker inspect -f '{{.Labels}}' one
docker inspect -f '{{.VirtualSize}}' one
docker inspect -f '{{.Config.Runtime}}' one
docker inspect -f '{{.State.Env}}' one
docker inspect -f '{{.HostConfig.Env}}' one
docker inspect -f '{{.NetworkSettings.Networks.bridge.Env}}' one
docker inspect -f '{{.SizeRw}} {{.State.Health}} {{.Config.StopTimeout}} {{.Config.Shell}} {{.HostConfig.Sysctls}} {{.HostConfig.Init}} {{.ImageManifestDescriptor}}' one
docker inspect -f '{{.Mounts}}' busybox
docker inspect -f '{{.Config.User}}.{{.Config.Volumes}}.{{.Config.OnBuild}}.{{.Author}}.{{.Variant}}.{{.Manifests}}' busybox
docker inspect -f '{{.Cmd}}' bridge
docker inspect -f '{{.Health}}' bridge
docker inspect -f '{{range .IPAM.Config}}{{.IPRange}}.{{.AuxAddress}}.{{end}}{{.Peers}}{{.Services}}' bridge
docker volume create vz; docker inspect -f '{{.Status}} {{.UsageData}}' vz; docker inspect -f '{{.Mounts}}' vz; docker volume rm vz
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
docker cp one:/etc/passwd nodir/x
docker cp nosuch/ one:/tmp
docker cp /etc/hostname/ one:/tmp
docker cp /etc/hostname one: 2>&1 | tail -1
docker cp :x one:/tmp
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
docker context create
docker context create default
docker context create x
docker context create 'a b'
docker context create ctx --docker foo=bar
docker context create ctx --docker bar
docker context create ctx --docker host=tcp://h:1,skip-tls-verify=maybe
docker context create ctx --docker host=tcp://h:1,ca=/nope
docker context create ctx --docker host=tcp://h:1,ca=/etc/hostname
docker context create ctx --from nope
docker context create ctx --docker host=tcp://h:1 --description 'far away'; docker context ls; docker context inspect ctx; docker context create ctx; docker context rm ctx
docker context create one1 --docker host=tcp://h:1; docker context create two2 --from one1; docker context update two2 --description d; docker context ls --format json; docker context rm one1 two2 nope
(unset DOCKER_HOST; docker context create ctx --docker host=$HOST_OF_TEST; docker context use ctx; docker context show; docker ps -q; docker context rm ctx; docker context rm -f ctx; docker context show; cat $DOCKER_CONFIG/config.json)
(unset DOCKER_HOST; docker context create ctx --docker host=$HOST_OF_TEST; DOCKER_CONTEXT=ctx docker ps -q; docker -c ctx version -f '{{.Client.Context}}'; docker context use default; docker context rm ctx)
docker context create ctx --docker host=unix:///x; docker context export ctx $CFG/ctx.tar; tar tvf $CFG/ctx.tar | cut -c1-30; docker context import cty $CFG/ctx.tar; docker context inspect cty -f '{{.Name}} {{.Endpoints.docker.Host}}'; docker context rm ctx cty; rm $CFG/ctx.tar
mkdir -p $CFG/z/tls/docker; echo key > $CFG/z/tls/docker/ca.pem; echo '{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":false}}}' > $CFG/z/meta.json; zipped() { python3 -c 'import os,shutil; shutil.make_archive(os.environ["CFG"]+"/ctx", "zip", os.environ["CFG"]+"/z")'; docker context import $1 $CFG/ctx.zip; }; zipped ctz; docker context inspect ctz -f '{{.Name}} {{.Endpoints.docker.Host}} {{.TLSMaterial}}'; touch $CFG/z/odd; zipped cty; printf 'PK\003\004' > $CFG/ctx.zip; docker context import ctw $CFG/ctx.zip; docker context rm -f ctz cty ctw; rm -r $CFG/z $CFG/ctx.zip
docker context import cty /nope
docker context import cty /etc/passwd
docker context use nope
docker context use a b
docker context rm default
docker context inspect nope
docker context --help
docker -c nope ps
docker -c x -H tcp://y context ls
docker -H ssh://some@where:7 ps -q
docker -H ssh://where/run/x.sock version -f '{{.Server.Os}}'; head -1 $CFG/ssh.log; rm $CFG/ssh.log
docker -H ssh://nowhere ps; rm $CFG/ssh.log
docker -H ssh:// ps
docker -H ssh://u:p@h ps
docker -H http://h:1 ps
docker -H tcp://127.0.0.1:1 ps
docker -H fd:// ps
docker --tlsverify ps
printf 'GET /_ping HTTP/1.0\r\n\r\n' | docker system dial-stdio | tail -1
docker -H unix:///nope/x.sock system dial-stdio
docker --config $CFG/formats ps -a
docker --config $CFG/formats ps -q
docker --config $CFG/formats images
docker --config $CFG/formats network ls
docker --config $CFG/formats network ls -q
docker --config $CFG/proxies run --rm busybox env | grep -i proxy | sort
docker --config $CFG/proxies run --rm -e HTTP_PROXY=x busybox env | grep -i proxy | sort
docker --config $CFG/headers ps -q
docker --config $CFG/broken ps -q
for odd in '{"auths":[]}' '{"auths":{"a":3}}' '[]' '{"credHelpers":{"a":[]}}' '{"psFormat":5}'; do mkdir -p $CFG/odd; echo "$odd" > $CFG/odd/config.json; docker --config $CFG/odd ps -q; done
(unset DOCKER_HOST; export DOCKER_CONFIG=$CFG/linked; mkdir $DOCKER_CONFIG; ln -s ../behind.json $DOCKER_CONFIG/config.json; docker context create ctx --docker host=tcp://h:1; docker context use ctx; stat -c '%F %a' $DOCKER_CONFIG/config.json $CFG/behind.json; chmod 640 $CFG/behind.json; docker context use default; stat -c '%F %a' $DOCKER_CONFIG/config.json $CFG/behind.json; rm -r $DOCKER_CONFIG $CFG/behind.json)
for line in version 'save busybox' 'export one' 'cp one:/bin -'; do docker $line > /dev/full; echo $?; done
docker --config $CFG/plugins hello a --b; echo $?
docker --config $CFG/helper logout localhost:1; cat $CFG/helper/config.json $CFG/helper.log; rm $CFG/helper.log
docker --config $CFG/helper push busybox:nosuchtag; cat $CFG/helper.log; rm $CFG/helper.log
echo | docker login -u a --password-stdin localhost:1
docker -D info -f '{{.ClientInfo.Debug}}'
docker ps -q --format x
docker exec --detach-keys foo one true
docker swarm --help
docker swarm leave
docker swarm init
docker swarm nosuch
docker swarm join-token nope
docker swarm unlock
docker swarm update
docker node ls
docker node ps
docker node rm a b
docker service create busybox
docker service inspect a b
docker service scale a
docker service scale a=1 b=2
docker stack ls
docker stack deploy a
docker stack nosuch
docker secret create a /nope
docker secret create a /etc/hostname
docker config create a /nope
docker config ls
docker plugin ls
docker plugin inspect a b
docker plugin rm a b
docker plugin enable a
docker plugin --help
docker plugin
docker trust inspect busybox
docker trust key --help
docker trust sign busybox
docker checkpoint
docker checkpoint ls one
docker checkpoint create --help
docker start --checkpoint x one
docker push --platform linux/amd64 busybox
docker push --help
docker save --help
docker volume create --help
docker volume update vol
docker help container
docker help nosuch
docker help container nosuch
docker container nosuch --help
docker container --nope
docker container cp
docker ps -h
docker run --help=maybe
docker run --cpu-count 1 busybox
docker run --rm --gpus x busybox true
docker run --rm --mount '' busybox true
docker run --rm --health-interval 99999999999999999999 busybox true
docker run --rm --expose x busybox true
docker run --rm --expose 90-80 busybox true
docker run --rm --mount 'type=bind,"src=/tmp,a",dst=/x' busybox true
docker run --rm --device vendor.com/class=x busybox true
docker run --rm --device-cgroup-rule foo busybox true
docker run --rm --device-read-bps foo busybox true
docker run --rm --device-read-iops /dev/null:x busybox true
docker run --rm --blkio-weight-device /dev/null:5 busybox true
docker run --rm --log-driver none --log-opt a=b busybox true
docker run --rm --storage-opt foo busybox true
docker run --rm --network foo=bar busybox true
docker run --rm --network '' busybox true
docker run --rm --network name=net1,gw-priority=x busybox true
docker run --rm --link one:x:y busybox true
docker run --rm --dns-search a..b busybox true
printf 'A=1\n#c\n\nB\n C=3\nD = 4\n' > $CFG/ef; docker run --rm --env-file $CFG/ef busybox env
printf '=x\n' > $CFG/ef; docker run --rm --env-file $CFG/ef busybox env
printf '\xff=x\n' > $CFG/ef; docker run --rm --env-file $CFG/ef busybox env
printf 'a\nb=c\n=x' > $CFG/ef; docker run --rm --label-file $CFG/ef busybox true
docker run --rm --env-file /tmp busybox env
docker run --rm --detach-keys ctrl-1 busybox true
docker run --rm --platform foo busybox true
docker run --rm --platform 'a b' busybox true
docker run --rm --platform a/b/c/d busybox true
docker run --rm -m -1 busybox true
docker container prune
docker network prune
docker network ls --format raw
docker volume ls --format raw
docker images --format raw busybox
docker system df --format raw
docker version -f '{{.Server.APIVersion}} {{.Client.APIVersion}} {{.Server.Experimental}}'
docker version -f '{{.Nope}}'
docker version -f '{{.Server.Nope}}'
docker info -f '{{.Nope}}'
docker info -f '{{.ClientInfo.Context}} {{.Swarm.LocalNodeState}}'
docker inspect -f '{{.State.Health.Status}}' one
docker ps -a --format '{{.ID.Foo}}'
docker events --since 0 --until 1s --format '{{.Type}} {{.Action}}' | head -3
docker events --format '{{.Nope}}'
docker volume create -o type=tmpfs qq
docker tag busybox sha256:x
docker context inspect -f '{{define "a"}}<{{.}}>{{end}}{{template "a" .Name}}{{block "b" .Endpoints}}{{len .}}{{end}}' default
docker ps -a --format '{{define "n"}}[{{.Names}}]{{end}}{{template "n" .}}'
docker ps -a --format '{{template "nope"}}'
docker ps -a --format '{{call .ID}}'
docker ps -a --format '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}'
docker network inspect -f '{{.Created}} {{json .Created}}' bridge
docker image inspect -f '{{.Created}} {{.Metadata.LastTagTime}} {{.Metadata}}' busybox
docker __complete c
docker __complete image ''
docker __complete image nope ''
docker __completeNoDesc im
docker __complete --lo
docker __complete -
docker __complete --context ''
docker __complete --log-level ''
docker __complete run -
docker __complete run -it --p
docker __complete run busybox -
docker __complete run --pull ''
docker __complete run --network=
docker __complete run --volumes-from ''
docker __complete run --link ''
docker __complete run ''
docker __complete create x ''
docker __complete rmi ''
docker __complete start ''
docker __complete stop ''
docker __complete attach ''
docker __complete exec one -
docker __complete rm ''
docker __complete rm -f ''
docker __complete unpause ''
docker __complete rename ''
docker __complete tag a ''
docker __complete push a ''
docker __complete network connect ''
docker __complete network connect bridge ''
docker __complete network disconnect bridge ''
docker __complete volume rm ''
docker __complete context use ''
docker __complete build ''
docker __complete ps --format ''
docker __complete ps --nope ''
docker __complete service ls -
docker __complete manifest create ''
docker __complete cp ''
docker -H unix:///nope __complete rm ''
docker __complete
docker completion bash x
docker completion bash --nope
docker completion nope
docker completion
docker inspect -f '{{json .NetworkSettings.Networks}} {{json .State}} {{json .Config}} {{.State}} {{.Mounts}} {{.HostConfig.LogConfig}}' one
docker inspect -f '{{.Config}} {{json .Config}} {{json .}}' busybox
docker network inspect -f '{{.IPAM}} {{json .}}' bridge
docker volume create vz; docker inspect -f '{{.}}' vz; docker volume inspect -f '{{.Nope}}' vz; docker volume rm vz
docker version -f '{{.Server.BuildTime}} {{json .Server}}'
docker version -f 'a {{.Nope}}'
docker info -f 'a {{.Nope}}'
docker info -f '{{json .RegistryConfig}} {{json .RuncCommit}} {{.SystemStatus}} {{.ProductLicense}} {{.GenericResources}} {{.FirewallBackend}}'
docker info -f '{{.BridgeNfIptables}}'
docker ps -a -s --format raw
docker images --digests --format 'table{{.ID}}' busybox
docker system df --format '{{.Nope}}'
docker system df -v --format json
docker system df -v --format raw
docker system df -v --format 'table {{range .Images}}{{.ID}}\n{{end}}{{range .Containers}}{{.Command}}\n{{end}}'
docker system df -v --format 'x {{.Nope}}'
docker context ls --format 'table {{.Current}}'
docker plugin ls --format 'table {{.PluginReference}} {{.Nope}}'
docker stats --no-stream nosuch1 nosuch2 2>&1 | sort
docker search --filter is-automated=true --limit 3 redis
docker port one ''
docker tag busybox -x
docker node ps a b
docker volume --help
docker volume prune --all --filter all=1 -f
docker cp ./nosuch one:/tmp
docker update --kernel-memory 80M one
docker run --rm -v v:/x busybox true
DOCKER_HIDE_LEGACY_COMMANDS=1 docker --help | grep -v buildx
docker manifest --help
docker manifest create a
docker manifest create A b
docker manifest annotate A b
docker manifest annotate a b --arch arm
docker manifest push nosuch
docker manifest rm nosuch A
docker manifest inspect nosuch a
docker manifest push --help
docker manifest create --insecure $REGISTRY/one:list $REGISTRY/one:a $REGISTRY/two:b; docker manifest create --insecure $REGISTRY/one:list $REGISTRY/one:a; cat $DOCKER_CONFIG/manifests/*/*; docker manifest inspect $REGISTRY/one:list; docker manifest inspect -v $REGISTRY/one:list $REGISTRY/one:a; docker manifest annotate $REGISTRY/one:list $REGISTRY/one:a --arch arm64 --variant v8 --os-features x,y; docker manifest annotate $REGISTRY/one:list $REGISTRY/one:a --arch nope; docker manifest push --insecure -p $REGISTRY/one:list; docker manifest rm $REGISTRY/one:list; docker manifest inspect --insecure $REGISTRY/one:list
docker manifest create --insecure $REGISTRY/one:x $REGISTRY/one:nope
docker manifest create --insecure --amend other.test/x $REGISTRY/one:a; docker manifest push other.test/x; docker manifest rm other.test/x
docker manifest inspect --insecure -v $REGISTRY/one:a
docker inspect -f '{{.HostConfig}}' one
docker inspect -f '{{.HostConfig.Ulimits}} {{.HostConfig.BlkioWeightDevice}} {{.Config.Healthcheck}}' one
docker inspect -f '{{.Config}}' one
docker inspect -f '{{json .}}' one
docker inspect -f '{{json .}}' busybox
docker inspect -f '{{json .}}' bridge
docker volume create vz; docker inspect -f '{{json .}}' vz; docker volume rm vz
docker volume create vz; docker volume inspect vz; docker volume rm vz
docker volume create vz; docker volume inspect --format json vz; docker volume rm vz
docker info -f '{{.HttpProxy}}'
docker info -f '{{.HTTPProxy}}'
docker info -f '{{.Swarm}}'
docker info -f '{{.Runtimes}}'
docker info -f '{{.RegistryConfig}}'
docker info -f '{{.}}'
docker info -f '{{.ClientInfo.Debug}} {{.Plugins}} {{.DriverStatus}} {{.SecurityOptions}} {{.Warnings}}'
docker info -f '{{.UserName}}{{.ClientErrors}}{{.ServerErrors}}'
docker version -f '{{.Server}}'
docker version -f '{{json .Server}}'
docker version -f '{{.Client.APIVersion}} {{.Server.Platform}} {{.Server.Components}}'
docker version -f '{{range .Server.Components}}{{.Name}} {{.Version}} {{.Details.ApiVersion}} {{.Details.Nope}};{{end}}'
docker version -f '{{range .Server.Components}}{{.Nope}}{{end}}'
docker context inspect -f '{{.}}'
docker context inspect -f '{{json .Metadata}}'
docker context inspect -f '{{.Metadata}}'
docker context inspect -f '{{.Endpoints.docker.Foo}}'
docker context inspect -f '{{.Metadata.Foo}}'
docker context inspect -f '{{json .}}'
docker context inspect
docker events --since 0 --until 0s --format '{{.Actor.Nope}}'
docker events --since 0 --until 0s --format '{{.Type.X}}'
docker events --since 0 --until 0s --format '{{.time}}'
docker inspect -f '{{index .NetworkSettings.Networks "none"}}' one
docker inspect -f '{{(index .NetworkSettings.Networks "none").IPAddress}}' one
docker inspect -f '{{index .Networks "none"}}' one
docker inspect -f '{{.NetworkSettings.Networks.none}}' one
docker inspect -f '{{.NetworkSettings.Networks.none.Env}}' one
docker inspect -f '{{.Networks.none.Env}}' one
docker inspect -f '{{.Config.StopTimeout}}' busybox
docker image inspect -f '{{.Config.StopTimeout}}' busybox
docker image inspect -f '{{.Config.StopSignal}}{{.Config.User}}' busybox
docker inspect -f '{{.NetworkSettings.Ports.foo}}' one
docker inspect -f '{{.NetworkSettings}}' one
docker inspect -f '{{len .State}}' one
docker inspect -f '{{join .Config.Cmd ","}}' one
docker inspect -f '{{join .Config.Labels ","}}' one
docker inspect -f '{{(.Name).Foo}}' one
docker inspect -f '{{.GraphDriver}} {{.GraphDriver.Data.x}}' one
docker inspect -f '{{.HostConfig.PortBindings}} {{.HostConfig.LogConfig}} {{.HostConfig.RestartPolicy}} {{.HostConfig.ConsoleSize}}' one
docker inspect -f '{{.Mounts}} {{.Args}} {{.HostConfig.MaskedPaths}}' one
docker inspect -f '{{eq .HostConfig.PidsLimit nil}} {{.HostConfig.OomKillDisable}} {{.HostConfig.MemorySwappiness}}' one
docker inspect -f '{{json .State.Health}} {{json .HostConfig.Init}} {{printf "%s" .Config.Entrypoint}}' one
docker inspect -f '{{.Id "x"}}' one
docker inspect -f '{{.Config.Labels.a "y"}}' one
docker inspect -f '{{html .State.Status}} {{urlquery .Name}} {{js .Name}}' one
docker inspect -f '{{printf "%T %v" .State.Pid .State.Running}}' one
docker inspect -f '{{printf "%T" .State}}' one
docker inspect -f '{{range .Config.Env}}{{index (split . "=") 0}} {{end}}' one
docker inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{$v.IPAddress}} {{end}}' one
docker inspect -f '{{with index .NetworkSettings.Networks "bridge"}}{{.Gateway}}{{end}}' one
docker inspect -f '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' one
docker inspect -f '{{(index (index .NetworkSettings.Ports "81/tcp") 0).HostPort}}' one
docker inspect -f '{{(index .NetworkSettings.Ports "81/tcp" 0).HostPort}}' one
docker inspect -f '{{index .NetworkSettings.Ports "81/tcp"}}' one
docker inspect -f '{{slice .Id 0 12}} {{slice .Config.Cmd 1}} {{.Config.Cmd | len}}' one
docker inspect -f '{{slice .Id 0 1200}}' one
docker inspect -f '{{index .Config.Cmd 9}}' one
docker inspect -f '{{lower .HostConfig.NetworkMode}} {{upper .Name}}' one
docker inspect -f '{{print .State.Pid .Name .State.Running .State.ExitCode}}' one
docker inspect -f '{{.RootFS}} {{.RootFS.Layers}} {{.Metadata}} {{.RepoTags}} {{.Descriptor}}' busybox
docker volume create vz; docker inspect -f '{{.Foo}}' vz; docker volume rm vz
docker volume create vz; docker inspect -f '{{.Labels.x}} {{.Options}} {{.Status}}' vz; docker volume rm vz
docker volume create vz; docker volume inspect -f '{{.Labels.x}} {{.Options}} {{.Status.a}}' vz; docker volume rm vz
docker volume create vz; docker volume inspect -f '{{.UsageData.Size}}' vz; docker volume rm vz
docker volume create vz; docker volume inspect -f '{{.UsageData.Foo}}' vz; docker volume rm vz
docker volume create vz; docker volume inspect -f '{{.Mountpoint.Foo}}' vz; docker volume rm vz
docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{.AuxAddress}}{{.AuxiliaryAddresses}}{{end}}' bridge
docker network inspect -f '{{range .Containers}}{{.Name}}{{.Id}}{{end}}' bridge
docker network inspect -f '{{range $id, $c := .Containers}}{{$c.IPv4Address}}{{$c.EndpointID}}{{end}}' bridge
docker network inspect -f '{{.ConfigFrom}} {{.Options}} {{.Peers}}' bridge
docker inspect -f '{{if eq .State.Status "running"}}yes{{else}}no{{end}} {{ne .State.Pid 0}} {{lt .State.ExitCode 1}}' one
docker inspect -f '{{eq .State.Pid "1"}}' one
docker inspect -f '{{eq .State .State}}' one
docker inspect -f '{{.State.Foo}}{{.Name}}' one busybox
docker inspect -f '{{.ExecIDs}} {{.MountLabel}}.' one
docker inspect -f '{{range .State}}x{{end}}' one
docker inspect -f '{{range .Name}}x{{end}}' one
docker inspect -f '{{range 3}}x{{end}}{{range .RestartCount}}y{{end}}' one
docker inspect -f '{{json .Config.Labels}} {{json .HostConfig.Ulimits}} {{json .Mounts}} {{json .State.Health}} {{json .Nope}}' one
docker -H tcp://x:y ps
docker -H tcp://[::1 ps
docker -H x:y ps
docker -H ssh://x:y ps
docker -H "tcp://a b:1" ps
docker -H unix:///x%zz ps
DOCKER_API_VERSION=1.30 docker run --platform linux/amd64 busybox
DOCKER_API_VERSION=1.30 docker run --help | grep platform
docker run -p 80/tcp:x busybox
docker run -p 80/tcp:81 busybox
docker run -p [::1:80:80 busybox
docker run -p published=80 busybox
docker run -p target=80,=1 busybox
docker run -p +80 busybox
docker run --expose 80- busybox
docker create --name ee --expose 80/tcp/udp -p 1-2-3 busybox true > /dev/null; docker inspect -f '{{json .Config.ExposedPorts}} {{json .HostConfig.PortBindings}}' ee; docker rm ee
docker events --since 2024-01-02T03:04:05Z07:00 --until 0s
docker events --since 2024-01-02T --until 0s
docker events --since 5. --until 0s
docker logs --since 2024-13-02 one
docker logs --until 2024-01-02T03:04:05-0100 one
docker -H unix:///nope info -f '{{.ClientInfo.Debug}}'
docker -H unix:///nope info -f '{{.ID}}'
docker system df -v --format '{{range .Images}}{{.Nope}}{{end}}'
docker system df -v --format '{{json .Containers}}'
docker ps -a --format '{{.Platform}} {{.LocalVolumes}}'
docker ps -a --format '{{.Platform.OS}}'
docker ps --format 'table {{pad .ID 1 2}}|{{truncate .Names 2}}|{{title .State}}'
docker ps --format '{{slice .ID 0 3}}'
docker -H tcp://x:99999 ps
docker context create zz --docker host=tcp://x:y; docker context create zz --docker host=foo; docker context create zz --docker host=unix://
docker trust key load nosuch
docker trust signer add --key nosuch a b
DOCKER_CONTENT_TRUST_SERVER=http://x docker trust signer remove a b C
DOCKER_CONTENT_TRUST_SERVER=https://localhost:1 docker trust signer remove a b:c
DOCKER_CONTENT_TRUST_SERVER=https://localhost:1 docker pull --disable-content-trust=false busybox
DOCKER_CONTENT_TRUST_SERVER=https://localhost:1 docker run --disable-content-trust=false busybox true
DOCKER_CONTENT_TRUST=1 DOCKER_CONTENT_TRUST_SERVER=https://localhost:1 docker trust revoke -y busybox
docker create --name uu --ulimit nofile=1024:2048 --blkio-weight-device /dev/null:300 --health-cmd true --health-interval 90s busybox > /dev/null; docker inspect -f '{{.HostConfig.Ulimits}} {{.HostConfig.BlkioWeightDevice}} {{.Config.Healthcheck}}' uu; docker rm uu
"#;

/// What bash offers for a line that is being typed, with the script that we print for it; the script calls our client.
const COMPLETE: &str = r#"
source <(docker completion bash)
typed() { COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9; COMPREPLY=(); $(complete -p docker | sed 's/.*-F \([^ ]*\).*/\1/') 2>/dev/null; echo "$1 -> ${COMPREPLY[*]}"; }
typed 'docker stop o'
typed 'docker run --pull=mi'
typed 'docker run --pull n'
typed 'docker rmi busybox:l'
typed 'docker contex'
typed 'docker run --priv'
typed 'docker nope '
typed 'docker im'
source <(docker completion bash --no-descriptions)
typed 'docker im'
"#;

#[test]
fn bash_completes() {
    let Some((engine, client)) = for_shell("bash") else { return };
    let (status, stdout, stderr) = engine.run(&client.path().join("docker"), COMPLETE);
    let wanted = "docker stop o -> one\ndocker run --pull=mi -> missing\ndocker run --pull n -> never\ndocker rmi busybox:l -> latest\n\
                  docker contex -> context\ndocker run --priv -> --privileged\ndocker nope  -> \n\
                  docker im -> image  (Manage images) images  (List images) import  (Import the contents from a tarball to create a filesystem image)\n\
                  docker im -> image images import\n";
    assert_eq!((status, stdout.as_str()), (0, wanted), "{stderr}");
}

/// What fish offers for a line, with the script that we print for it.
const COMPLETE_IN_FISH: &str = r#"
export PATH=$(dirname "$UNDER_TEST"):$PATH
fish --no-config -c '
    docker completion fish | source
    for line in "docker stop o" "docker run --pull=mi" "docker run --pull n" "docker rmi busybox:l" "docker contex" "docker im" "docker nope "
        echo "$line -> "(complete --do-complete $line | string replace \t " # ")
    end'
"#;

#[test]
fn fish_completes() {
    let Some((engine, client)) = for_shell("fish") else { return };
    let (status, stdout, stderr) = engine.run(&client.path().join("docker"), COMPLETE_IN_FISH);
    let lines = stdout.replace('\n', " ; ");
    for wanted in [
        "docker stop o -> one ;",
        "docker run --pull=mi -> --pull=missing ;",
        "docker run --pull n -> never ;",
        "docker rmi busybox:l -> busybox:latest",
        "docker contex -> context # Manage contexts ;",
        "docker im -> image # Manage images",
        "docker im -> import # Import the contents",
    ] {
        assert!(lines.contains(wanted), "{wanted}\n{stdout}{stderr}");
    }
    assert_eq!(status, 0, "{stderr}");
}

/// Completion in zsh is its line editor's: it needs a terminal.
#[test]
fn zsh_completes() {
    let Some((engine, client)) = for_shell("zsh") else { return };
    let mut command = Command::new("zsh");
    command.args(["-f", "-i"]).env("TERM", "dumb").env("DOCKER_HOST", &engine.host).env("DOCKER_CONFIG", engine.home.path().join("config"));
    let path = format!("{}:{}", client.path().display(), std::env::var("PATH").unwrap_or_default());
    command.env("PATH", path).current_dir(client.path());
    let mut zsh = rexpect::session::spawn_command(command, Some(30_000)).expect("zsh");
    let ready = "PS1= PROMPT_SP= ; autoload -Uz compinit; compinit -u -D; source <(docker completion zsh); echo rea''dy";
    zsh.send_line(ready).expect("zsh");
    zsh.exp_string("ready").expect("a script that zsh takes");
    for (typed, completed) in [
        ("docker stop o\t", "one"),
        ("docker run --pull=mi\t", "missing"),
        ("docker rmi busybox:l\t", "busybox:latest"),
        ("docker contex\t", "context"),
        // Several, with what they are.
        ("docker im\t\t", "-- Manage images"),
    ] {
        // What has been completed is run by a program that shows its words: how the line was drawn does not count.
        let line = if completed.starts_with("--") { typed.to_owned() } else { format!("{typed}\x01print -l \x05\r") };
        zsh.send(&line).and_then(|_| zsh.flush()).expect("zsh");
        zsh.exp_string(completed).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
        zsh.send("\x15").and_then(|_| zsh.flush()).expect("zsh");
    }
    zsh.send_line("exit").expect("zsh");
}

/// An engine with a container `one` and a folder with our client in it, where there is such a shell.
fn for_shell(shell: &str) -> Option<(Engine, tempfile::TempDir)> {
    if Command::new(shell).arg("--version").output().is_err() {
        println!("skipped: there is no {shell} here");
        return None;
    }
    let ours = tempfile::tempdir().expect("a folder");
    let ours_path = ours.path().join("docker");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dockside"), &ours_path).expect("a link");
    let engine = Engine::start();
    for line in ["docker pull -q busybox", "docker run -d --name one busybox sleep 1000"] {
        let (status, _, stderr) = engine.run(&ours_path, line);
        assert_eq!(status, 0, "{line}: {stderr}");
    }
    Some((engine, ours))
}

#[test]
fn both_clients_print_the_same() {
    let Some(theirs) = docker() else { return };
    let ours = tempfile::tempdir().expect("a folder");
    let ours_path = ours.path().join("docker");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dockside"), &ours_path).expect("a link");
    let engine = Engine::start();
    engine.furnish();
    for line in [
        "docker pull -q busybox",
        "docker run -d --name one -l a=b busybox sleep 1000",
        "for name in one:a two:b; do docker tag busybox $REGISTRY/$name; docker push -q $REGISTRY/$name; done",
    ] {
        let (status, _, stderr) = engine.run(&ours_path, line);
        assert_eq!(status, 0, "{line}: {stderr}");
    }
    let mut wrong = Vec::new();
    let address = regex::Regex::new("0x[0-9a-f]+").expect("a pattern");
    for line in COMMANDS.lines().filter(|l| !l.is_empty()) {
        // Ages go on between the two: three attempts.
        let unordered = line.contains("__complete");
        let run = |client: &Path| {
            let (status, stdout, stderr) = engine.run(client, line);
            // Go offers the names of a map in no order.
            let mut lines: Vec<&str> = stdout.lines().collect();
            lines.sort_unstable();
            // Where in its memory a client has something is its own affair.
            let plain = |text: &str| address.replace_all(text, "0x").into_owned();
            (status, plain(&if unordered { lines.join("\n") } else { stdout.clone() }), plain(&stderr))
        };
        let same = (0..3).any(|_| run(&theirs) == run(&ours_path));
        if !same {
            let (theirs, ours) = (engine.run(&theirs, line), engine.run(&ours_path, line));
            wrong.push(format!("$ {line}\nDocker's: {theirs:?}\nours:     {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{} commands differ", wrong.join("\n\n"), wrong.len());
}
