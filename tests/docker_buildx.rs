//! BuildKit's builds by two clients that must do the same: Docker's with its buildx plugin, and Dockside's own. And what only the plugin
//! and Compose ask for. Whoever has the plugins elsewhere than Docker does names the folder above their `cli-plugins` in `DOCKER_CONFIG`.

#[path = "engine/registries.rs"]
mod registries;
#[path = "engine/support.rs"]
mod support;

use registries::Registry;
use support::{Engine, Run, User};

/// A client and its engine.
struct Client {
    engine: Engine,
    /// Whether it is Dockside's own.
    own: bool,
}

impl Client {
    /// An engine with busybox, with a context `b` in its home; `None` (said on standard error) where something is missing.
    fn start(user: User, own: bool) -> Option<Client> {
        let engine = Engine::with_busybox(user)?;
        if own {
            let folder = engine.dir.path().join("own");
            std::fs::create_dir(&folder).expect("a folder");
            std::os::unix::fs::symlink(engine.dir.path().join("dockside"), folder.join("docker")).expect("a link");
        } else if !engine.has_buildx() {
            eprintln!("skipped: Docker's client has no docker-buildx plugin here");
            return None;
        }
        engine.ok("mkdir b && echo hello > b/hello.txt && echo secret > b/ignored && echo ignored > b/.dockerignore && echo s3cret > sec");
        engine.ok("printf 'FROM busybox\\nARG A=1\\nCOPY . /c\\nRUN ls /c; echo A=$A\\n' > b/Dockerfile");
        Some(Client { engine, own })
    }

    fn sh(&self, line: &str) -> Run {
        let path = if self.own { format!("export PATH={}:$PATH; ", self.engine.dir.path().join("own").display()) } else { String::new() };
        self.engine.sh(&format!("{path}{line}"))
    }

    fn ok(&self, line: &str) -> String {
        let run = self.sh(line);
        assert_eq!(run.status, 0, "{line}: {run:?}");
        run.stdout.trim().to_owned()
    }
}

/// Who the engines of these tests are for: root's tests try both.
fn users() -> Vec<User> {
    if rustix::process::geteuid().is_root() { vec![User::Root, User::Ordinary] } else { vec![User::Ordinary] }
}

/// With both clients, for all users.
fn both(test: impl Fn(&Client)) {
    for user in users() {
        for own in [true, false] {
            if let Some(client) = Client::start(user, own) {
                test(&client);
            }
        }
    }
}

/// With Docker's client alone.
fn theirs(test: impl Fn(&Client)) {
    users().into_iter().filter_map(|user| Client::start(user, false)).for_each(|client| test(&client));
}

/// A line as the shell has it, which must end well; with what it says on standard error.
fn said(client: &Client, line: &str) -> String {
    let run = client.sh(line);
    assert_eq!(run.status, 0, "{line}: {run:?}");
    run.stderr
}

fn refused(client: &Client, line: &str, why: &str) {
    let Run { status, stderr, .. } = client.sh(line);
    assert!(status != 0 && stderr.contains(why), "{line}: {status}: {stderr}");
}

#[test]
fn folders_are_built() {
    both(|client| {
        let first = said(client, "docker build --progress=plain -t one --build-arg A=2 --label l=1 b");
        for part in ["[internal] load build context", "A=2", ".dockerignore", "naming to docker.io/library/one:latest done"] {
            assert!(first.contains(part), "{part} in {first}");
        }
        assert!(!first.contains(" ignored\n"), "{first}");
        let again = said(client, "docker build --progress=plain -t one --build-arg A=2 --label l=1 b");
        assert_eq!(again.matches("CACHED").count(), 2, "{again}");
        assert!(!said(client, "docker build --progress=plain --no-cache b").contains("RUN ls /c; echo A=$A\n#7 CACHED"));
        assert_eq!(client.ok("docker inspect -f '{{.Config.Labels.l}}' one"), "1");
        // What the client writes of it.
        client.ok("docker build -q --iidfile i --metadata-file m -t two:a -t two:b b");
        let id = client.ok("cat i");
        assert_eq!(client.ok("docker inspect -f '{{.Id}}' two:a two:b | uniq"), id);
        let metadata = client.ok("cat m");
        assert!(metadata.contains(&id) && metadata.contains("docker.io/library/two:a,docker.io/library/two:b"), "{metadata}");
    });
}

/// How many bytes came in for the context.
fn transferred(trace: &str) -> f64 {
    let mut sizes = trace.lines().filter_map(|line| line.split("transferring context: ").nth(1)?.strip_suffix(" done"));
    let size = sizes.rfind(|size| *size != "2B").unwrap_or_else(|| panic!("nothing came in: {trace}"));
    let size = size.split(' ').next().expect("a size");
    let (number, unit) = size.split_at(size.find(char::is_alphabetic).expect("a unit"));
    let unit = ["B", "kB", "MB"].iter().position(|u| *u == unit).expect("a unit");
    number.parse::<f64>().expect("a number") * 1000f64.powi(unit as i32)
}

#[test]
fn files_that_are_here_already_are_not_sent_again() {
    both(|client| {
        client.ok("mkdir -p k/d k/e && head -c 300000 /dev/zero > k/long && echo 1 > k/d/one && echo 2 > k/e/two && ln -s long k/link");
        client.ok("printf 'FROM busybox\\nCOPY . /k\\n' > k/Dockerfile");
        let build = |flags: &str| transferred(&said(client, &format!("docker build --progress=plain -t kept {flags} k")));
        let found =
            || client.ok("docker run --rm kept sh -c 'cd /k && find . ! -name Dockerfile ! -type d | sort && cat d/* && wc -c < long'");
        assert!(build("") > 300_000.0);
        assert_eq!(found(), "./d/one\n./e/two\n./link\n./long\n1\n300000");
        assert!(build("--no-cache") < 1000.0, "it has not changed");
        assert_eq!(found(), "./d/one\n./e/two\n./link\n./long\n1\n300000");
        // Changed, gone, new, and something else under the same name.
        client.ok("echo changed > k/d/one && rm -r k/e k/link && echo new > k/new && mkdir k/link && echo in > k/link/in");
        assert!(build("") < 1000.0);
        assert_eq!(found(), "./d/one\n./link/in\n./long\n./new\nchanged\n300000");
        client.ok("rm -r k/d && echo file > k/d && echo short > k/long");
        build("");
        assert_eq!(client.ok("docker run --rm kept sh -c 'ls /k && cat /k/d /k/long'"), "Dockerfile\nd\nlink\nlong\nnew\nfile\nshort");
        // Builds of the same folder side by side do not disturb one another.
        client.ok("for i in 1 2 3 4; do docker build -q --no-cache -t side:$i k > /dev/null & done; wait");
        for tag in 1..=4 {
            assert_eq!(client.ok(&format!("docker run --rm side:{tag} cat /k/d /k/long")), "file\nshort");
        }
        // What is pruned comes anew.
        client.ok("echo long > k/long && head -c 300000 /dev/zero > k/new");
        build("");
        assert!(client.ok("docker builder prune -af").contains("Total"));
        assert!(build("") > 300_000.0);
    });
}

#[test]
fn contexts_come_in_all_ways() {
    both(|client| {
        said(client, "tar c -C b . | docker build -t tar -");
        // What comes as an archive is taken as it is.
        assert_eq!(client.ok("docker run --rm tar ls /c"), "Dockerfile\nhello.txt\nignored");
        said(client, "printf 'FROM busybox\\nRUN echo alone > /f\\n' | docker build -t alone -");
        assert_eq!(client.ok("docker run --rm alone cat /f"), "alone");
        said(client, "printf 'FROM busybox\\nCOPY hello.txt /h\\n' | docker build -t other -f - b");
        assert_eq!(client.ok("docker run --rm other cat /h"), "hello");
        // Another folder, and another image.
        client.ok("mkdir -p x/sub && echo extra > x/sub/e && ln -s sub/e x/link && echo no > x/no && echo no > x/.dockerignore");
        client.ok("printf 'FROM base\\nCOPY --from=x . /x\\nRUN --mount=from=x,target=/m cat /m/link > /r\\n' > b/named");
        said(client, "docker build -t named -f b/named --build-context x=x --build-context base=docker-image://busybox b");
        assert_eq!(client.ok("docker run --rm named cat /r /x/sub/e && docker run --rm named ls /x"), "extra\nextra\nlink\nsub");
        refused(client, "docker build -f b/named --build-context x=missing b", "failed to get build context x");
        refused(client, "docker build -f b/named --build-context x=sec b", "failed to get build context path");
        refused(client, "docker build --build-context x b", "invalid context value: x, expected key=value");
        // What a link leads to comes with it, and what nobody copies stays where it is.
        client.ok("mkdir -p l/d && echo in > l/d/in && ln -s d/in l/to && echo no > l/unread && chmod 0 l/unread");
        client.ok("printf 'FROM busybox\\nCOPY to /to\\nCOPY d* /d/\\n' > l/Dockerfile");
        said(client, "docker build -t linked l");
        assert_eq!(client.ok("docker run --rm linked cat /to /d/in"), "in\nin");
    });
}

#[test]
fn files_come_back() {
    both(|client| {
        client.ok("printf 'FROM busybox AS a\\nRUN mkdir -p /o/d && echo x > /o/d/f && chmod 750 /o/d && ln -s d/f /o/l\\nFROM scratch\\nCOPY --from=a /o /\\n' > b/out");
        said(client, "docker build -f b/out -o out b");
        assert_eq!(client.ok("cd out && find . | sort && cat l && stat -c %a d"), ".\n./d\n./d/f\n./l\nx\n750");
        said(client, "docker build -f b/out -o type=tar,dest=o.tar b");
        assert_eq!(client.ok("tar tf o.tar"), "d/\nd/f\nl");
        assert_eq!(client.ok("docker build -q -f b/out -o - b | tar xO d/f"), "x");
        // Into a folder that is there already, whose other files stay.
        client.ok("mkdir -p there/d && echo old > there/d/f && echo mine > there/mine && ln -s mine there/l");
        said(client, "docker build -f b/out -o type=local,dest=there b");
        assert_eq!(client.ok("cat there/d/f there/mine there/l; readlink there/l; docker images -q | wc -l"), "x\nmine\nx\nd/f\n1");
        said(client, "docker build -f b/out -o type=cacheonly b");
        refused(client, "docker build -f b/out -o type=local b", "dest is required for local exporter");
        refused(client, "docker build -f b/out -o type=local,dest=sec b", "destination directory sec is a file");
        refused(client, "docker build -f b/out -o type=tar,dest=there b", "destination file there is a directory");
        refused(client, "docker build -f b/out -o there,x b", "invalid value there");
        refused(client, "docker build -f b/out -o type=nothing b", "exporter \"nothing\" could not be found");
    });
}

#[test]
fn secrets_are_seen_by_their_step_alone() {
    both(|client| {
        client.ok("printf 'FROM busybox\\nRUN --mount=type=secret,id=s cp /run/secrets/s /k\\n' > b/sec");
        said(client, "docker build -t sec -f b/sec --secret id=s,src=sec b");
        assert_eq!(client.ok("docker run --rm sec sh -c 'cat /k; test ! -e /run/secrets/s'"), "s3cret");
        client.ok("printf 'FROM busybox\\nRUN --mount=type=secret,id=t,required=true true\\n' > b/sec");
        refused(client, "docker build -f b/sec --secret id=s,src=sec b", "ERROR: failed to solve: secret t: not found");
    });
}

#[test]
fn failures_show_the_lines_that_they_are_about() {
    both(|client| {
        client.ok("printf 'FROM busybox\\nRUN echo out; exit 7\\n' > b/bad");
        let run = client.sh("docker build --progress=plain -f b/bad b");
        let end = concat!(
            "bad:2\n--------------------\n   1 |     FROM busybox\n   2 | >>> RUN echo out; exit 7\n   3 |     \n--------------------\n",
            "ERROR: failed to solve: process \"/bin/sh -c echo out; exit 7\" did not complete successfully: exit code: 7\n",
        );
        assert!(run.status == 1 && run.stderr.ends_with(end), "{run:?}");
        refused(client, "docker build --target no b", "ERROR: failed to solve: target stage \"no\" could not be found");
        refused(client, "docker build --cache-to type=local,dest=c b", "Cache export is not supported for the docker driver");
        if !client.own {
            refused(client, "docker build -o type=oci,dest=x b", "OCI exporter is not supported for the docker driver");
            refused(
                client,
                "docker build --platform linux/amd64,linux/arm64 b",
                "Multi-platform build is not supported for the docker driver",
            );
        }
        client.ok("printf 'FROM busybox\\nRUN --mount=type=nope true\\n' > b/nope");
        refused(client, "docker build -f b/nope b", "unsupported mount type \"nope\"");
    });
}

#[test]
fn the_plugin_asks_what_a_dockerfile_takes() {
    theirs(|client| {
        let outline = client.ok("BUILDX_EXPERIMENTAL=1 docker buildx build --print=outline --build-arg A=7 b");
        assert!(outline.contains("BUILD ARG") && outline.lines().any(|line| line.split_whitespace().eq(["A", "7"])), "{outline}");
        let targets = client.ok("BUILDX_EXPERIMENTAL=1 docker buildx build --print=targets b");
        assert!(targets.starts_with("TARGET") && targets.contains("(default)"), "{targets}");
    });
}

#[test]
fn a_build_ends_with_its_client() {
    both(|client| {
        client.ok("printf 'FROM busybox\\nRUN echo begun; sleep 1234\\n' > b/slow");
        for signal in ["INT", "KILL"] {
            let line = format!(
                "env --default-signal=INT docker build --progress=plain -f b/slow b > log 2>&1 & for i in $(seq 100); do grep -q 'begun$' log && break; sleep 0.1; done; \
                 pkill -{signal} -P $$ -f buildx || kill -{signal} $!; wait $!; \
                 for i in $(seq 100); do pgrep -f '[s]leep 1234' > /dev/null || break; sleep 0.1; done; ! pgrep -f '[s]leep 1234'"
            );
            let run = client.sh(&line);
            assert_eq!(run.status, 0, "{signal}: {run:?} {}", client.ok("cat log"));
        }
        said(client, "docker build b");
    });
}

#[test]
fn builds_go_on_side_by_side() {
    both(|client| {
        let run = client
            .sh("for i in 1 2 3 4; do docker build -q --no-cache -t side:$i b > /dev/null & done; wait; docker images -q side | wc -l");
        assert_eq!((run.status, run.stdout.trim()), (0, "4"), "{run:?}");
    });
}

#[test]
fn the_builder_is_seen() {
    theirs(|client| {
        assert!(client.ok("docker buildx ls").contains("default*"));
        let inspected = client.ok("docker buildx inspect");
        assert!(inspected.contains("running") && inspected.contains("docker\n"), "{inspected}");
        said(client, "docker build b");
        let used = client.ok("docker buildx du");
        assert!(used.contains("RECLAIMABLE") && used.lines().count() > 3, "{used}");
        let gone = client.ok("docker buildx prune -af");
        assert!(gone.contains("Total:"), "{gone}");
        let left = client.ok("docker buildx du");
        assert!(left.contains("Total:\t\t0B"), "{left}");
    });
}

#[test]
fn compose_builds_and_runs() {
    theirs(|client| {
        if client.sh("docker compose version").status != 0 {
            eprintln!("skipped: Docker's client has no docker-compose plugin here");
            return;
        }
        client.ok("mkdir -p c/one c/two && echo eins > c/one/f && echo zwei > c/two/f");
        client.ok("for s in one two; do printf 'FROM busybox\\nCOPY f /f\\nRUN cat /f /f > /g\\nCMD [\"cat\", \"/g\"]\\n' > c/$s/Dockerfile; done");
        client.ok("printf 'services:\\n  one: {build: ./one}\\n  two: {build: ./two}\\n' > c/compose.yaml");
        let built = client.ok("cd c && docker compose --progress=plain build 2>&1");
        assert!(built.contains("[one 2/3] COPY f /f") && built.contains("[two 2/3] COPY f /f"), "{built}");
        client.ok("echo drei > c/two/f");
        let up = client.ok("cd c && docker compose up --build 2>&1");
        assert!(up.contains("eins\n") && up.contains("drei\n") && !up.contains("zwei\n"), "{up}");
        client.ok("cd c && docker compose down -t 0 2>&1");
    });
}

#[test]
fn steps_have_the_network_that_is_asked_for() {
    both(|client| {
        client.ok("docker run -d --name web alpine httpd -f -h /etc");
        let address = client.ok("docker inspect -f '{{.NetworkSettings.IPAddress}}' web");
        client.ok("mkdir n; docker pull -q alpine; printf 'FROM alpine\nRUN wget -T 5 -qO- http://web.test/hostname\nRUN --network=none ip addr | grep -c ^[0-9]; cat /etc/hosts\n' > n/Dockerfile");
        let hosts = format!("--add-host web.test:{address} --add-host machine=host-gateway");
        let name = client.ok("docker exec web hostname");
        let built = said(client, &format!("docker build --progress=plain {hosts} n"));
        assert!(built.lines().any(|line| line.ends_with(&format!(" {name}"))), "{name} in {built}");
        // Nothing but loopback, and no line in the hosts file but those of the step.
        for line in
            [" 1".to_owned(), format!(" {address}\tweb.test"), " 172.17.0.1\tmachine".to_owned(), "\tlocalhost buildkitsandbox".to_owned()]
        {
            assert!(built.lines().any(|l| l.ends_with(&line)), "{line} in {built}");
        }
        assert_eq!(client.ok("docker network inspect -f '{{len .Containers}}' bridge"), "1");
        refused(client, &format!("docker build --network=none {hosts} n"), "exit code: 1");
        // Other hosts are another step.
        assert!(!said(client, &format!("docker build --progress=plain {hosts} --add-host c.test:1.2.3.4 n")).contains("#5 CACHED"));
        // The engine's containers keep their own file, and an image none of it.
        assert!(
            !client.ok("docker build -q n -f - <<< 'FROM alpine' | xargs -I@ docker run --rm @ cat /etc/hosts").contains("buildkitsandbox")
        );
        // The machine's network is to be allowed.
        client.ok("printf 'FROM alpine\nRUN --network=host cat /proc/net/dev\n' > n/host");
        refused(client, "docker build -f n/host n", "ERROR: failed to solve: failed to load LLB: network.host is not allowed");
        let own = client.sh("cat /proc/net/dev | wc -l").stdout;
        client.ok("docker build --allow network.host -f n/host n");
        let built = said(client, "docker build --no-cache --progress=plain --network=host -f n/host n");
        let seen = built.lines().filter(|line| line.starts_with("#5 0.")).count();
        assert_eq!(seen.to_string(), own.trim(), "{built}");
        // The classic builder's steps are containers, which have it all.
        client.ok("sed -i 's/^RUN --network.*//' n/Dockerfile");
        let classic = client.ok(&format!("DOCKER_BUILDKIT=0 docker build {hosts} n"));
        assert!(classic.contains(&name), "{classic}");
        refused(client, &format!("DOCKER_BUILDKIT=0 docker build --no-cache --network=none {hosts} n"), "returned a non-zero code: 1");
    });
}

/// What `docker system df` says of builds, in bytes.
fn kept(client: &Client) -> f64 {
    let size = client.ok("docker system df --format '{{.Type}}={{.Size}}' | sed -n 's/^Build Cache=//p'");
    let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[number.len()..] {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        other => panic!("{other} in {size}"),
    };
    number.parse::<f64>().expect("a number") * unit
}

#[test]
fn what_builds_keep_stays_within_a_limit() {
    let Some(mut client) = Client::start(users()[0], true) else { return };
    let build = |client: &Client, number: u32| {
        client.ok(&format!("printf 'FROM busybox\\nRUN echo {number}; head -c 1000000 /dev/urandom > /f\\n' > b/Dockerfile"));
        said(client, "docker build --progress=plain -o type=cacheonly b")
    };
    (1..=4).for_each(|number| drop(build(&client, number)));
    assert!(kept(&client) > 3.9e6, "a tenth of the disk is more");
    client.engine.crash();
    client.engine.restart_with(&["--build-cache", "2500kb"]);
    build(&client, 5);
    let within = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        kept(&client) < 2.6e6
    });
    assert!(within, "{}", client.ok("docker system df -v"));
    // What was used last stays, what was used first has gone.
    assert!(build(&client, 5).contains("#5 CACHED"));
    assert!(!build(&client, 1).contains("#5 CACHED"));
    // What an image has counts for nothing, and the image stays whole.
    client.ok("docker build -q -t own b");
    for number in 6..10 {
        build(&client, number);
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(client.ok("docker run --rm own wc -c /f"), "1000000 /f");
    assert!(client.ok("docker builder prune -af").contains("Total"));
    assert_eq!(kept(&client), 0.0);
}

#[test]
fn steps_may_ask_the_agent_of_keys() {
    if !std::path::Path::new("/usr/bin/ssh-add").exists() {
        eprintln!("skipped: there is no ssh-add here");
        return;
    }
    both(|client| {
        client.ok("mkdir -p k/root && cd k/root && cp -L --parents /usr/bin/ssh-add $(ldd /usr/bin/ssh-add | grep -o '/[^ ]*') .");
        client.ok("printf 'FROM busybox\\nCOPY root /\\nRUN --mount=type=ssh,uid=7 ls -ln /run/buildkit; echo at $SSH_AUTH_SOCK; ssh-add -l; ssh-add -D\\n' > k/Dockerfile");
        client.ok("printf 'FROM busybox\\nRUN --mount=type=ssh,id=two,required=true true\\n' > k/required");
        // Keys are for those who have an account.
        if client.sh("ssh-keygen -q -t ed25519 -N '' -f key").status != 0 {
            eprintln!("skipped: ssh-keygen makes this user no key");
            return;
        }
        let agent = "eval $(ssh-agent) > /dev/null; trap 'kill $SSH_AGENT_PID' EXIT; ssh-add -q key 2> /dev/null";
        let run = client.sh(&format!("{agent}; docker build --progress=plain --ssh default k; ssh-add -l > /dev/null && echo kept"));
        for part in ["at /run/buildkit/ssh_agent.0", "(ED25519)", "Failed to remove all identities", "srw-------"] {
            assert!(run.stderr.contains(part), "{part} in {run:?}");
        }
        // The build may ask for the keys, but not take them away.
        assert!(run.stdout.contains("kept"), "{run:?}");
        client.ok(&format!("{agent}; docker build --ssh two=$SSH_AUTH_SOCK -f k/required k"));
        // Keys in files need no agent; what one of them signs is good.
        client.ok("cp -L --parents $(which ssh-keygen) $(ldd $(which ssh-keygen) | grep -o '/[^ ]*') k/root");
        client.ok("printf 'FROM busybox\\nCOPY root /\\nCOPY *.pub /\\nRUN --mount=type=ssh for k in /*.pub; do \
            ssh-keygen -q -Y sign -n file -f $k < $k > /sig && ssh-keygen -Y check-novalidate -n file -s /sig < $k; done\\n' > k/files");
        client.ok("cd k && for t in ed25519 ecdsa rsa; do ssh-keygen -q -t $t -N '' -C $t -f $t; done && ssh-keygen -q -t rsa -m PEM -N '' -f pem");
        let signed = said(client, "cd k; docker build --progress=plain --ssh default=ed25519,ecdsa,rsa,pem -f files .");
        assert_eq!(signed.matches("Good \"file\" signature with ").count(), 4, "{signed}");
        client.ok("ssh-keygen -q -t ed25519 -N geheim -f locked");
        let locked = if client.own { "it is protected by a passphrase" } else { "passphrase protected" };
        refused(client, "docker build --ssh default=locked k", locked);
        // The plugin always has a place for agents.
        let none = if client.own { "no SSH key \"two\" forwarded from the client" } else { "unset ssh forward key two" };
        refused(client, "docker build --no-cache -f k/required k", none);
        refused(client, &format!("{agent}; docker build --no-cache --ssh default -f k/required k"), "unset ssh forward key two");
        // Who need not have one goes without.
        refused(client, "docker build --no-cache k", "exit code: 2");
    });
}

#[test]
fn what_can_be_asked_is_told() {
    let Some(client) = Client::start(users()[0], true) else { return };
    let told = client.ok("docker build --call=subrequests.describe b");
    for line in ["outline              1.0.0   List all parameters", "subrequests.describe 1.0.0   List available subrequest types"] {
        assert!(told.contains(line), "{line} in {told}");
    }
    let json: serde_json::Value = serde_json::from_str(&client.ok("docker build --call=subrequests.describe,format=json b")).expect("JSON");
    assert_eq!(json[1]["name"], "frontend.targets");
}

#[test]
fn an_image_brings_its_cache_along() {
    both(|client| {
        client.ok("printf 'FROM busybox\\nWORKDIR /w\\nCOPY hello.txt .\\nRUN date +%%N > /t\\n' > b/Dockerfile");
        for flag in ["--cache-to type=inline", "--build-arg BUILDKIT_INLINE_CACHE=1"] {
            let id = client.ok(&format!("docker build -q {flag} -t ci:1 b"));
            // Nothing is left but the image, as another engine would have it.
            client.ok("docker save ci:1 > ci.tar; docker rmi ci:1; docker builder prune -af; docker load -q -i ci.tar");
            let built = said(client, "docker build --progress=plain --cache-from ci:1 --cache-from nosuch:1 -t ci:2 b");
            assert!(built.contains("importing cache manifest from ci:1") && built.contains("pull access denied for nosuch"), "{built}");
            assert_eq!(built.matches(" CACHED").count(), 3, "{built}");
            assert_eq!(client.ok("docker run --rm ci:1 cat /t"), client.ok("docker run --rm ci:2 cat /t"));
            assert_ne!(client.ok("docker inspect -f '{{.Id}}' ci:2"), id, "it carries no cache itself");
            client.ok("docker rmi -f ci:1 ci:2; docker builder prune -af");
        }
        // An image without one is of no use, and no failure.
        client.ok("docker build -q -t ci:1 b; docker builder prune -af");
        client.ok("docker save ci:1 > ci.tar; docker rmi ci:1; docker builder prune -af; docker load -q -i ci.tar");
        assert!(!said(client, "docker build --progress=plain --cache-from ci:1 b").contains(" CACHED"));
    });
}

#[test]
fn repositories_and_servers_are_built_from() {
    if std::process::Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: there is no git here");
        return;
    }
    both(|client| {
        let git = "git -c user.name=a -c user.email=a@example.org -c init.defaultBranch=main";
        client.ok(&format!("{git} init -q r && cd r && mkdir sub && printf 'FROM busybox\\nCOPY . /c\\nRUN cat /c/f; ls -a /c\\n' | tee Dockerfile > sub/Dockerfile \
            && echo eins > f && echo below > sub/f && ln -s /etc sub/out && {git} add . && {git} commit -qm one && {git} tag v1 && echo zwei > f && {git} commit -qam two"));
        let (host, port) = (client.engine.loopback(), 20_000 + client.engine.pid() % 10_000);
        client.ok(&format!(
            "timeout 120 git daemon --base-path=. --export-all --listen={host} --port={port} > /dev/null 2>&1 < /dev/null & echo $! > daemon; \
            for i in $(seq 100); do git ls-remote git://{host}:{port}/r > /dev/null 2>&1 && break; sleep 0.1; done"
        ));
        client.ok("docker pull -q alpine; mkdir www && echo data > www/plain.txt && tar czf www/c.tgz -C r/sub Dockerfile f && cp r/Dockerfile www/only");
        client.ok("docker run -d --name web -p 127.0.0.1:8321:80 -v $PWD/www:/www alpine httpd -f -h /www");
        let (repository, server) = (format!("git://{host}:{port}/r"), format!("http://{host}:8321"));
        let commit = client.ok("git -C r rev-parse v1");
        let contexts = [
            (repository.clone(), " zwei"),
            (format!("{repository}#v1"), " eins"),
            (format!("{repository}#{commit}"), " eins"),
            (format!("{repository}#main:sub"), " below"),
            (format!("-f sub/Dockerfile {repository}"), " zwei"),
            (format!("{server}/c.tgz"), " below"),
        ];
        for (context, shown) in contexts {
            let built = said(client, &format!("docker build --progress=plain --no-cache {context}"));
            assert!(built.lines().any(|line| line.ends_with(shown)) && !built.contains(".git\n"), "{context}: {built}");
        }
        if client.own {
            let classic = client.ok(&format!("DOCKER_BUILDKIT=0 docker build --no-cache {repository}#v1 2> /dev/null"));
            assert!(classic.contains("\neins\n") && classic.contains("Successfully built"), "{classic}");
        }
        refused(client, &format!("docker build {repository}#nosuch"), "couldn't find remote ref nosuch");
        refused(client, &format!("docker build {repository}#:nosuch"), "subdir: \"nosuch\" not found");
        refused(client, &format!("docker build {repository}#:sub/out"), "subdir: \"sub/out\" not found");
        refused(client, &format!("docker build {server}/nosuch"), "invalid response status 404");
        refused(client, "docker build http://127.0.0.1:1/c.tgz", "connection refused");
        // A Dockerfile alone, whose context is empty.
        assert!(said(client, &format!("docker build --progress=plain --no-cache {server}/only")).contains("can't open '/c/f'"));
        // What a Dockerfile names by its address.
        client.ok(&format!("mkdir a && printf 'FROM busybox\\nADD {server}/plain.txt {server}/c.tgz /d/\\nADD {repository}#v1 /g\\n\
            ADD --keep-git-dir=true {repository} /h\\nCOPY --from=x / /x\\nRUN stat -c %%a /d/*; cat /g/f /h/f /x/f; ls -ad /g/.git /h/.git\\n' > a/Dockerfile"));
        let added = format!("docker build --progress=plain --build-context x={repository}#main:sub a");
        let run = client.sh(&added);
        for part in [" 600\n", " eins\n", " zwei\n", " below\n", " /h/.git\n", "ls: /g/.git: No such file"] {
            assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
        }
        client.ok("sed -i 's/; ls -ad.*//' a/Dockerfile");
        said(client, &added);
        assert_eq!(said(client, &added).matches(" CACHED").count(), 6);
        // What has changed there is taken anew.
        client.ok("echo other > www/plain.txt");
        assert!(said(client, &added).matches(" CACHED").count() < 6);
        client.ok(&format!("printf 'FROM busybox\\nADD --checksum=sha256:{:064} {server}/plain.txt /\\n' > a/sum", 0));
        refused(client, "docker build -f a/sum a", "digest mismatch sha256:");
        client.ok(&format!("printf 'FROM busybox\\nCOPY {server}/plain.txt /\\n' > a/copy"));
        refused(client, "docker build -f a/copy a", "source can't be a URL for COPY");
        // The classic builder adds the same.
        client.ok("sed -i '/COPY/d; s/ .x.f$//' a/Dockerfile");
        assert!(client.ok("DOCKER_BUILDKIT=0 docker build a").contains("600\n600\neins\nzwei"));
        client.ok("kill $(cat daemon)");
    });
}

#[test]
fn images_are_pushed_with_the_logins_of_the_client() {
    both(|client| {
        let registry = Registry::start(true);
        let host = format!("localhost:{}", registry.port);
        refused(client, &format!("docker build --push -t {host}/class/one b"), "no basic auth credentials");
        client.ok(&format!("echo secret | docker login -u student --password-stdin {host}"));
        let pushed = said(
            client,
            &format!("docker build --progress=plain --push -t {host}/class/one -t {host}/class/two:b --cache-to type=inline b"),
        );
        for part in [format!("pushing {host}/class/one"), format!("pushing {host}/class/two:b")] {
            assert!(pushed.contains(&part), "{part} in {pushed}");
        }
        // The other way: bases and caches come from there with the same login, and only there are they.
        client.ok("docker tag busybox keep:1; docker rmi -f $(docker images -q one two busybox | sort -u); docker builder prune -af");
        client.ok("docker load -q -i busybox.tar > /dev/null 2>&1 || docker import -c 'CMD [\"sh\"]' - busybox < busybox.tar");
        client.ok(&format!(
            "printf 'FROM {host}/class/one\\nCOPY --from={host}/class/two:b /c/hello.txt /again\\n' | docker build -q -t three -f - b"
        ));
        assert_eq!(client.ok("docker run --rm three cat /again /c/hello.txt"), "hello\nhello");
    });
}

#[test]
fn caches_come_from_registries() {
    both(|client| {
        let registry = Registry::start(false);
        let image = format!("localhost:{}/class/cached", registry.port);
        client.ok("printf 'FROM busybox\\nWORKDIR /w\\nCOPY hello.txt .\\nRUN date +%%N > /t\\nRUN echo last\\n' > b/Dockerfile");
        client.ok(&format!("docker build --push --cache-to type=inline -t {image}:1 -t {image}:2 b"));
        let time = client.ok(&format!("docker run --rm {image}:1 cat /t"));
        for from in [format!("{image}:1"), format!("type=registry,ref={image}:2")] {
            client.ok(&format!("docker rmi -f {image}:1 {image}:2; docker builder prune -af"));
            client.ok("sed -i 's/echo last.*/echo last; echo other/' b/Dockerfile");
            let built = said(client, &format!("docker build --progress=plain --cache-from {from} -t ci:2 b"));
            assert_eq!(built.matches(" CACHED").count(), 3, "{from}: {built}");
            assert_eq!(client.ok("docker run --rm ci:2 cat /t"), time, "{from}");
            assert_eq!(client.ok(&format!("docker images -q {image} | wc -l")), "0", "what a build takes is no image of the user's");
        }
    });
}

#[test]
fn a_build_gives_several_things_at_once() {
    both(|client| {
        client.ok("docker build -q -t out:1 -o type=docker -o type=tar,dest=out.tar -o type=local,dest=out b");
        assert_eq!(
            client.ok("cat out/c/hello.txt; tar xOf out.tar c/hello.txt; docker run --rm out:1 cat /c/hello.txt"),
            "hello\nhello\nhello"
        );
    });
}

/// With Dockside's own client, for all users.
fn ours(test: impl Fn(&Client)) {
    users().into_iter().filter_map(|user| Client::start(user, true)).for_each(|client| test(&client));
}

#[test]
fn images_are_written_in_the_layout_of_others() {
    ours(|client| {
        // In a file, of which another tool's eyes see that all is there.
        client.ok("docker build -q -o type=oci,dest=new/one.tar -t lab/one:v1 b && mkdir one && tar xf new/one.tar -C one");
        let names = client.ok("grep -o '\"io.containerd.image.name\":\"[^\"]*' one/index.json");
        assert!(names.ends_with("docker.io/lab/one:v1"), "{names}");
        client.ok("cd one/blobs/sha256 && for f in *; do echo \"$f  $f\"; done | sha256sum -c --quiet");
        assert_eq!(client.ok("docker images -q lab/one | wc -l"), "0");
        client.ok("docker build -q -o type=oci,dest=two,tar=false,compression=uncompressed b && docker build -q -o type=docker,dest=three.tar -t lab/three b");
        assert!(client.ok("docker load -i three.tar").contains("Loaded image: lab/three:latest"));
        // Packed by zstd, which is OCI's alone; the tool that knows it says so where it is there.
        client.ok("docker build -q -o type=oci,dest=four,tar=false,compression=zstd,force-compression=true,compression-level=3 b");
        client.ok("docker build -q -o type=docker,dest=five.tar,compression=zstd -t lab/five b");
        let types = client.ok("cat four/blobs/sha256/* | grep -ao 'layer.v1.tar[^\"]*' | sort -u");
        assert_eq!(types, "layer.v1.tar+zstd");
        client.ok("! command -v zstd || for f in four/blobs/sha256/*; do head -c1 $f | grep -q '{' || zstd -qt < $f || exit 1; done");
        assert!(client.ok("docker load -i five.tar").contains("Loaded image: lab/five:latest"));
        assert_eq!(client.ok("docker run --rm lab/five cat /c/hello.txt"), "hello");
        for (wrong, why) in [
            ("compression=estargz", "unsupported layer compression type"),
            ("compression-level=high", "non-integer value \"high\" specified for compression-level"),
            ("force-compression=maybe", "non-bool value \"maybe\" specified for force-compression"),
        ] {
            refused(client, &format!("docker build -o type=oci,dest=none.tar,{wrong} b"), why);
        }
        // Back into a build, by this client and by Docker's.
        client.ok("printf 'FROM base\\nCOPY --from=base /c/hello.txt /again\\n' > again");
        let path = client.engine.dir.path().join("own");
        for (place, others) in [("one:v1", false), ("one", true), ("two", false), ("two", true), ("four", false), ("four", true)] {
            if others && !client.engine.has_buildx() {
                continue;
            }
            let line = format!("docker build --progress=plain -f again --build-context base=oci-layout://{place} -o type=local,dest=got b");
            let line = if others { line } else { format!("PATH={}:$PATH {line}", path.display()) };
            let run = client.engine.sh(&format!("{line} && cat got/again && rm -r got"));
            assert!(run.status == 0 && run.stdout == "hello\n", "{place}: {run:?}");
        }
        refused(
            client,
            "docker build --build-context base=oci-layout://one:v9 -f again b; docker build --build-context base=oci-layout://none b",
            "none/index.json",
        );
    });
}

#[test]
fn one_build_is_for_several_platforms() {
    ours(|client| {
        client.ok("mkdir m && echo hello > m/f && printf 'FROM --platform=$BUILDPLATFORM busybox AS made\\nARG TARGETPLATFORM\\nRUN echo for $TARGETPLATFORM > /made\\n\
            FROM scratch\\nARG TARGETARCH TARGETVARIANT\\nCOPY f /$TARGETARCH$TARGETVARIANT\\nCOPY --from=made /made /\\n' > m/Dockerfile");
        let all = "--platform linux/amd64,linux/arm64,linux/arm/v6";
        let built = said(client, &format!("docker build --progress=plain {all} -o type=oci,dest=m.tar -o type=local,dest=out -t m m"));
        for part in [
            "[linux/arm64 stage-1 1/2] COPY f /arm64",
            "[linux/arm/v6 made 2/2] RUN echo for linux/arm/v6",
            "exporting manifest list sha256:",
        ] {
            assert!(built.contains(part), "{part} in {built}");
        }
        assert_eq!(built.matches("transferring context:").count(), 2, "the files come once: {built}");
        assert_eq!(client.ok("cat out/linux_arm_v6/made out/linux_arm64/arm64 out/linux_amd64/amd64"), "for linux/arm/v6\nhello\nhello");
        // An image of an engine is for one of them.
        refused(client, &format!("docker build {all} m"), "does not currently support exporting manifest lists");
        let registry = Registry::start(false);
        let image = format!("localhost:{}/class/m", registry.port);
        client.ok(&format!("docker build -q {all} --push -t {image}:1 -t {image}:2 m"));
        assert_eq!(client.ok("docker images -q | wc -l"), client.ok("docker images -q busybox | wc -l"), "nothing of it stays");
        for (platform, name) in [("linux/arm64", "arm64"), ("linux/arm/v6", "armv6")] {
            client.ok(&format!("docker pull -q --platform {platform} {image}:2"));
            let inspected = client.ok(&format!("docker inspect -f '{{{{.Architecture}}}}{{{{.Variant}}}}' {image}:2"));
            assert_eq!(inspected, name);
            client.ok(&format!(
                "docker create --name cc --platform {platform} {image}:2 x && docker export cc | tar tf - | grep -x {name}; docker rm cc"
            ));
        }
    });
}

#[test]
fn links_and_attributes_of_files_come_along() {
    both(|client| {
        client.ok("cd b && mkdir d && echo one > d/a && ln d/a d/b && ln d/a z && printf 'FROM busybox\\nCOPY . /c\\nRUN stat -c %%h /c/z\\n' > Dockerfile");
        // Not every file system has them.
        let noted =
            client.ok("python3 -c \"import os; os.setxattr('b/d/a', 'user.note', b'remember')\" 2> /dev/null && echo yes || true") == "yes";
        let built = said(client, "docker build --progress=plain -t links b");
        assert!(built.lines().any(|line| line.ends_with(" 3")), "one file with three names: {built}");
        client.ok("docker build -q -o type=tar,dest=links.tar b");
        assert!(!noted || client.ok("grep -ac SCHILY.xattr.user.note=remember links.tar") == "1");
        // What is here already is linked anew.
        client.ok("echo two > b/d/a");
        let again = said(client, "docker build --progress=plain -t links b");
        assert!(again.lines().any(|line| line.ends_with(" 3")), "{again}");
        assert_eq!(client.ok("docker run --rm links cat /c/z /c/d/b"), "two\ntwo");
    });
}

/// A server of git's for those who have a token, by git's own program; its port.
fn guarded_repositories(root: &std::path::Path, token: &str) -> u16 {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (root, token) = (root.to_owned(), token.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let head: Vec<String> = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let value = |name: &str| {
                let line = head.iter().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")))?;
                line.split_once(": ").map(|(_, value)| value.to_owned())
            };
            let mut body = vec![0; value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
            let _ = reader.read_exact(&mut body);
            let wanted = dockside::base64::encode(format!("x-access-token:{token}").as_bytes());
            let sent = value("authorization").unwrap_or_default();
            if sent.split_once(' ').is_none_or(|(scheme, sent)| !scheme.eq_ignore_ascii_case("basic") || sent != wanted) {
                let answer =
                    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = (&stream).write_all(answer.as_bytes());
                continue;
            }
            let line: Vec<&str> = head[0].split(' ').collect();
            let (path, query) = line[1].split_once('?').unwrap_or((line[1], ""));
            let mut git = std::process::Command::new("git");
            git.arg("http-backend").env("GIT_PROJECT_ROOT", &root).env("GIT_HTTP_EXPORT_ALL", "1").env("REQUEST_METHOD", line[0]);
            git.env("PATH_INFO", path).env("QUERY_STRING", query).env("CONTENT_TYPE", value("content-type").unwrap_or_default());
            git.env("CONTENT_LENGTH", body.len().to_string()).env("REMOTE_USER", "test");
            git.env("HTTP_CONTENT_ENCODING", value("content-encoding").unwrap_or_default());
            git.env("GIT_PROTOCOL", value("git-protocol").unwrap_or_default());
            git.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
            let mut git = git.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().expect("git");
            let _ = git.stdin.take().expect("a pipe").write_all(&body);
            let output = git.wait_with_output().expect("git").stdout;
            let status = if output.starts_with(b"Status: ") { "404 Not Found" } else { "200 OK" };
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
            let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(&output));
        }
    });
    port
}

#[test]
fn a_token_opens_a_repository_and_is_not_told() {
    if std::process::Command::new("git").arg("--version").output().is_err() {
        println!("skipped: there is no git here");
        return;
    }
    ours(|client| {
        let token = "s3cret-of-test";
        let port = guarded_repositories(&client.engine.home(), token);
        let git = "git -c user.name=a -c user.email=a@example.org -c init.defaultBranch=main";
        client.ok(&format!(
            "{git} init -q r && cd r && printf 'FROM busybox\\nCOPY . /c\\nRUN cat /c/f\\n' > Dockerfile && echo content > f && {git} add . && {git} commit -qm one"
        ));
        let address = format!("http://localhost:{port}/r/.git#main");
        let with = |flags: &str| {
            client.sh(&format!("export GIT_AUTH_TOKEN={token}; docker build --progress=plain --no-cache -t private {flags} {address}"))
        };
        let refused = with("");
        assert!(refused.status == 1 && refused.stderr.contains("could not read Username"), "{refused:?}");
        let built = with("--secret id=GIT_AUTH_TOKEN");
        assert!(built.status == 0 && built.stderr.contains(" content\n"), "{built:?}");
        // A token for one server is for no other.
        for (server, status) in [(format!("localhost:{port}"), 0), ("other.test".to_owned(), 1)] {
            let run = with(&format!("--secret id=GIT_AUTH_TOKEN.{server},env=GIT_AUTH_TOKEN"));
            assert_eq!(run.status, status, "{server}: {run:?}");
        }
        // A Dockerfile of the client's own beside the address.
        let own = client.sh(&format!(
            "export GIT_AUTH_TOKEN={token}; printf 'FROM busybox\\nCOPY f /own\\nRUN echo own $(cat /own)\\n' \
            | docker build --progress=plain --no-cache --secret id=GIT_AUTH_TOKEN -f - {address}"
        ));
        assert!(own.status == 0 && own.stderr.contains(" own content\n"), "{own:?}");
        let told =
            [&built.stderr, &own.stderr, &client.ok("docker history --no-trunc private"), &client.ok("docker image inspect private")];
        assert!(told.iter().all(|said| !said.contains(token)), "{told:?}");
    });
}
