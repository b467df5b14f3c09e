//! Networks: packets between containers and from the machine, names, ports, and what is left after a crash.
//! Skips with a message where the client, the corpus or busybox is missing.

#[path = "engine/support.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use support::{Engine, User};

/// Runs a test with an engine of root's and with one of an ordinary user's, where they can be had.
fn both(test: impl Fn(&mut Engine)) {
    for user in [User::Root, User::Ordinary] {
        if let Some(mut engine) = Engine::with_busybox(user) {
            // The teaching images come out of the binary, not from anywhere.
            engine.ok("docker pull -q alpine");
            test(&mut engine);
        }
    }
}

/// Fetches a page over a port of the machine.
fn page(engine: &Engine, port: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((engine.loopback(), port.parse().expect("a port")))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The number of the machine's port in `docker port`'s answer.
fn port_of(engine: &Engine, container: &str) -> String {
    let shown = engine.ok(&format!("docker port {container} | head -n 1"));
    shown.rsplit(':').next().unwrap_or_default().to_owned()
}

#[test]
fn containers_on_one_network_meet_by_name_and_others_do_not() {
    both(|engine| {
        engine.ok("docker network create --subnet 10.50.0.0/24 a && docker network create b");
        engine.ok("docker run -d --name srv --network a --network-alias api --ip 10.50.0.77 busybox httpd -f -h /etc");
        let id = engine.ok("docker ps -q -f name=srv");
        for name in ["srv", "api", "SRV", "srv.a", "10.50.0.77", &id] {
            for image in ["busybox", "alpine"] {
                let got = engine.ok(&format!("docker run --rm --network a {image} wget -qO- http://{name}/hostname"));
                assert_eq!(got, id, "{name} from {image}");
            }
        }
        assert!(engine.ok("docker run --rm --network a alpine ping -c 1 srv").contains(" 0% packet loss"));
        assert!(engine.ok("docker run --rm --network a alpine nslookup 10.50.0.77").contains("name = srv.a"));
        for (network, name) in [("b", "srv"), ("bridge", "srv"), ("a", "nobody"), ("a", "example.com")] {
            let run = engine.sh(&format!("docker run --rm --network {network} alpine wget -T 5 -qO- http://{name}/hostname"));
            assert_eq!((run.status, run.stderr.trim()), (1, &*format!("wget: bad address '{name}'")), "{network}");
        }
        // Another network is no way there, even by address.
        let run = engine.sh("docker run --rm --network b alpine nc -w 2 -z 10.50.0.77 80");
        assert_ne!(run.status, 0, "{run:?}");
        // Nor is there one out: that is said, not waited for.
        for address in ["10.50.0.77", "192.0.2.1"] {
            let run = engine.sh(&format!("docker run --rm --network b alpine wget -T 300 -qO- http://{address}/"));
            assert!(run.status == 1 && run.stderr.contains("route to host"), "{address}: {run:?}");
        }
        let taken = engine.sh("docker run --rm --network a --ip 10.50.0.77 busybox true");
        assert!(taken.status == 125 && taken.stderr.contains("Address already in use"), "{taken:?}");
    });
}

#[test]
fn published_ports_are_reached_from_the_machine() {
    both(|engine| {
        engine.ok("docker run -d --name web -p 127.0.0.1::80 -p 127.0.0.1::7777/udp alpine sh -c \"seq 1 200000 > /tmp/n; (echo pong | nc -u -l -p 7777) & exec httpd -f -h /tmp\"");
        let port = port_of(engine, "web");
        // The program has started, but may not listen yet.
        engine.ok("docker exec web sh -c 'until nc -z 127.0.0.1 80; do :; done'");
        let text = page(engine, &port, "/n").expect("an answer");
        let body = text.split_once("\r\n\r\n").expect("a header").1;
        assert_eq!(body, (1..=200_000).map(|n| format!("{n}\n")).collect::<String>());
        let shown = engine.ok("docker port web 7777/udp");
        let socket = UdpSocket::bind((engine.loopback(), 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a limit");
        let to = shown.replace("127.0.0.1", &engine.loopback());
        let mut answer = [0; 16];
        let answered = (0..50).any(|_| socket.send_to(b"ping", &to).is_ok() && socket.recv(&mut answer).is_ok());
        assert!(answered && answer.starts_with(b"pong"), "no answer over udp");
        engine.ok("docker rm -f web");
        assert!(page(engine, &port, "/n").is_err(), "a port outlives its container");
        // All of an image's ports, and a range of which one is taken.
        engine.ok("docker run -d --name all -P --expose 80 --expose 81 busybox httpd -f -h /etc");
        let listed = engine.ok("docker ps -f name=all --format '{{.Ports}}'");
        assert_eq!(listed.matches("0.0.0.0:").count(), 2, "{listed}");
        let taken = TcpListener::bind((engine.loopback(), 39410)).expect("a port");
        engine.ok("docker run -d --name range -p 127.0.0.1:39410-39419:80 busybox httpd -f -h /etc");
        assert_eq!(port_of(engine, "range"), "39411");
        let clash = engine.sh("docker run -d --name late -p 127.0.0.1:39410:80 busybox httpd -f -h /etc");
        assert!(clash.status == 125 && clash.stderr.contains("listen tcp4 127.0.0.1:39410: bind: address already in use"), "{clash:?}");
        assert_eq!(engine.ok("docker ps -a -f name=late --format '{{.Status}}'"), "Created");
        drop(taken);
        engine.ok("docker start late");
        assert_eq!(port_of(engine, "late"), "39410");
    });
}

#[test]
fn an_address_is_its_next_containers_at_once() {
    both(|engine| {
        for round in 0..8 {
            // The kernel still has this one's network when the next container gets its address.
            let before = engine.ok("docker run --rm alpine ip -4 addr show eth0 | grep inet");
            engine.ok(&format!("docker run -d --name web{round} -p 127.0.0.1:39431:80 alpine httpd -f -h /etc"));
            engine.ok(&format!("docker exec web{round} sh -c 'until nc -z 127.0.0.1 80; do :; done'"));
            let now = engine.ok(&format!("docker exec web{round} ip -4 addr show eth0 | grep inet"));
            assert_eq!(now, before, "round {round}: another address, which proves nothing");
            let id = engine.ok(&format!("docker ps -q -f name=web{round}"));
            let text = page(engine, "39431", "/hostname").unwrap_or_else(|e| panic!("round {round}, from the machine: {e}"));
            assert!(text.ends_with(&format!("{id}\n")), "round {round}: {text}");
            let address = engine.ok(&format!("docker inspect -f '{{{{.NetworkSettings.IPAddress}}}}' web{round}"));
            assert_eq!(
                engine.ok(&format!("docker run --rm alpine wget -qO- http://{address}/hostname")),
                id,
                "round {round}, from a container"
            );
            // Nor does the port that the machine gave have to be waited for.
            engine.ok(&format!("docker restart -t 0 web{round} && docker rm -f web{round}"));
        }
    });
}

#[test]
fn ports_names_and_addresses_outlive_the_engine() {
    both(|engine| {
        engine.ok("docker network create lab");
        // A port of its own: any port that it leaves could be another test's at once.
        engine.ok("docker run -d --name web --network lab -p 127.0.0.1:39433:80 busybox httpd -f -h /etc");
        engine.ok(
            "docker run -d --name client --network lab busybox sh -c 'while :; do wget -qO /tmp/got http://web/hostname; sleep 1; done'",
        );
        let (port, id) = (port_of(engine, "web"), engine.ok("docker ps -q -f name=web"));
        engine.ok("docker exec client wget -qO- http://web/hostname");
        engine.crash();
        assert!(page(engine, &port, "/hostname").is_ok_and(|p| p.trim_end().ends_with(&id)), "the port went with the engine");
        engine.restart();
        assert_eq!(port_of(engine, "web"), port);
        assert_eq!(engine.ok("docker exec client wget -qO- http://web/hostname"), id);
        // Nobody gets an address that is somebody's.
        let addresses = "docker inspect -f '{{.NetworkSettings.Networks.lab.IPAddress}}'";
        engine.ok("docker run -d --name late --network lab busybox sleep 100");
        let all = engine.ok(&format!("{addresses} web client late"));
        let unique: std::collections::BTreeSet<_> = all.lines().collect();
        assert_eq!(unique.len(), 3, "{all}");
        assert_eq!(engine.ok("docker exec late wget -qO- http://web/hostname"), id);
        let refused = engine.sh("docker network rm lab");
        assert!(refused.stderr.contains("has active endpoints"), "{refused:?}");
        // A monitor that is killed takes its container along, and neither port nor address stays.
        let pid = engine.ok("docker inspect -f '{{.State.Pid}}' web");
        engine.ok(&format!("kill -9 $(awk '/^PPid/ {{ print $2 }}' /proc/{pid}/status) && docker wait web"));
        assert!(page(engine, &port, "/hostname").is_err());
        let address = all.lines().next().unwrap_or_default();
        engine.ok(&format!("docker run -d --name again --network lab -p 127.0.0.1:{port}:80 busybox httpd -f -h /etc"));
        assert_eq!(engine.ok(&format!("{addresses} again")), address);
        engine.ok("docker rm -f client late again && docker network rm lab");
    });
}

#[test]
fn a_running_container_changes_networks() {
    both(|engine| {
        engine.ok("docker network create lab && docker run -d --name srv --network lab busybox httpd -f -h /etc");
        engine.ok("docker run -d --name cc busybox sleep 100");
        assert_ne!(engine.sh("docker exec cc nslookup srv").status, 0);
        engine.ok("docker network connect --alias me lab cc");
        engine.ok("docker exec cc wget -qO- http://srv/hostname");
        engine.ok("docker exec srv nslookup me");
        let again = engine.sh("docker network connect lab cc");
        assert!(again.stderr.contains("endpoint with name cc already exists in network lab"), "{again:?}");
        assert_eq!(engine.ok("docker exec cc ip -o -4 addr show | grep -c eth"), "2");
        engine.ok("docker network disconnect lab cc");
        assert_ne!(engine.sh("docker exec srv nslookup me").status, 0);
        assert_eq!(engine.ok("docker exec cc ip -o -4 addr show | grep -c eth"), "1");
        engine.ok("docker restart -t 0 cc && docker rm -f cc");
    });
}

#[test]
fn links_and_shared_networks_are_as_they_were() {
    both(|engine| {
        engine.ok("docker run -d --name db -e KEY=1 --expose 80 busybox httpd -f -h /etc");
        let linked = engine.ok("docker run --rm --link db:store busybox sh -c 'wget -qO- http://store/hostname; env | sort | grep ^STORE'");
        let address = engine.ok("docker inspect -f '{{.NetworkSettings.IPAddress}}' db");
        for line in [format!("STORE_PORT_80_TCP=tcp://{address}:80"), "STORE_ENV_KEY=1".to_owned()] {
            assert!(linked.lines().any(|l| l == line), "{linked}");
        }
        let shared = engine.ok("docker run --rm --network container:db busybox sh -c 'wget -qO- http://127.0.0.1/hostname; hostname'");
        let id = engine.ok("docker ps -q -f name=db");
        assert_eq!(shared, format!("{id}\n{id}"));
        let run = engine.sh("docker run --rm --link nobody busybox true");
        assert!(run.status == 125 && run.stderr.contains("could not get container for nobody"), "{run:?}");
        // What each run takes it gives back.
        let first = "docker run --rm busybox ip -o -4 addr show eth0";
        let before = engine.ok(first);
        engine.ok("for i in 1 2 3 4 5 6 7 8; do docker run --rm busybox true; done");
        let address = |text: &str| text.split_whitespace().find(|w| w.contains('/')).map(str::to_owned);
        assert_eq!(address(&engine.ok(first)), address(&before));
        assert_eq!(engine.ok("docker network inspect -f '{{len .Containers}}' bridge"), "1");
    });
}

#[test]
fn a_container_that_ends_while_it_is_connected_keeps_no_address() {
    both(|engine| {
        // It ends as soon as it is on the second network; without care one in thirteen kept addresses that others were given.
        engine.ok("docker network create n");
        engine.sh("for i in $(seq 40); do docker run -d --name one$i busybox sh -c 'until grep -q eth1 /proc/net/dev; do :; done'; \
             docker network connect n one$i; done; docker wait $(docker ps -aq)");
        let kept = "docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' $(docker ps -aqf status=exited) | sort -u";
        assert_eq!(engine.ok(kept), "");
        assert_eq!(engine.ok("docker ps -aqf status=exited | wc -l"), "40");
        // All of them can be had again.
        assert!(engine.ok("docker run --rm --network n busybox ip -o -4 addr show eth0").contains(".2/16"));
    });
}

#[test]
fn callers_of_the_name_server_that_say_nothing_keep_nobody_out() {
    both(|engine| {
        engine.ok("docker network create n && docker run -d --name srv --network n busybox top");
        let question = r"\0\25\7\7\1\0\0\1\0\0\0\0\0\0\3srv\0\0\1\0\1";
        let ask = format!("(printf '{question}'; sleep 2) | timeout 10 nc 127.0.0.11 53 | wc -c");
        let silent = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 100 | nc 127.0.0.11 53 & done; sleep 1";
        let run = engine.ok(&format!(r#"docker run --rm --network n busybox sh -c "{silent}; {ask}; kill -9 -1""#));
        // Two bytes for the length, a header, the question, a record.
        assert_eq!(run, "39");
    });
}

#[test]
fn addresses_of_ipv6_come_from_the_range_and_may_be_asked_for_without_it() {
    both(|engine| {
        let address = "docker inspect -f '{{.NetworkSettings.Networks.six.GlobalIPv6Address}}'";
        engine.ok("docker network create --ipv6 --subnet fd00:51::/64 --ip-range fd00:51::7:0/126 six");
        engine.ok("for n in 1 2 3 4; do docker run -d --name r$n --network six busybox sleep 100; done");
        assert_eq!(engine.ok(&format!("{address} r1 r2 r3 r4")), "fd00:51::7:0\nfd00:51::7:1\nfd00:51::7:2\nfd00:51::7:3");
        let full = engine.sh("docker run --rm --network six busybox true");
        assert!(full.status == 125 && full.stderr.contains("no available IPv6 addresses on this network's address pools"), "{full:?}");
        engine.ok("docker run --rm --network six --ip6 fd00:51::9 alpine ping -6 -c 1 fd00:51::7:2");
        engine.ok("docker rm -f r2 && docker run -d --name again --network six busybox sleep 100");
        assert_eq!(engine.ok(&format!("{address} again")), "fd00:51::7:1");
        // A network with an IPv6 subnet and without IPv6: an address of it can be asked for, and is not given.
        engine.ok("docker network create --subnet fd00:52::/64 four");
        engine.ok("docker run -d --name asks --network four --ip6 fd00:52::f00d busybox sleep 100");
        let shown = "docker inspect -f '{{with .NetworkSettings.Networks.four}}{{.IPAMConfig.IPv6Address}} {{.GlobalIPv6Address}}{{end}}'";
        assert_eq!(engine.ok(&format!("{shown} asks")), "fd00:52::f00d");
        engine.ok("docker run -d --name late busybox sleep 100 && docker network connect --ip6 fd00:52::2 four late");
        for (network, asked, words) in [
            ("four", "fd00:53::1", "no configured subnet or ip-range contain the IP address fd00:53::1"),
            ("none", "fd00:52::1", "user specified IP address is supported on user defined networks only"),
        ] {
            let refused = engine.sh(&format!("docker run --rm --network {network} --ip6 {asked} busybox true"));
            assert!(refused.status == 125 && refused.stderr.contains(words), "{refused:?}");
        }
        engine.ok("docker network create plain");
        let refused = engine.sh("docker network connect --ip6 fd00:52::3 plain late");
        assert!(
            refused.status == 1 && refused.stderr.contains("only when connecting to networks with user configured subnets"),
            "{refused:?}"
        );
    });
}

#[test]
fn ports_below_1024_are_roots() {
    let run = "docker run -d --name web -p 127.0.0.1:80:80 -p 127.0.0.1:53:53/udp busybox httpd -f -h /etc";
    if let Some(mut engine) = Engine::with_busybox(User::Root) {
        engine.ok(run);
        assert_eq!(engine.ok("docker port web"), "53/udp -> 127.0.0.1:53\n80/tcp -> 127.0.0.1:80");
        let id = engine.ok("docker ps -q -f name=web");
        let answers = |engine: &Engine| {
            // The program has started, but may not listen yet.
            let asked = || page(engine, "80", "/hostname").is_ok_and(|p| p.trim_end().ends_with(&id));
            (0..50).any(|_| {
                asked() || {
                    std::thread::sleep(Duration::from_millis(100));
                    false
                }
            })
        };
        assert!(answers(&engine));
        let clash = engine.sh("docker run -d --name late -p 127.0.0.1:80:80 busybox httpd -f -h /etc");
        assert!(clash.status == 125 && clash.stderr.contains("port is already allocated"), "{clash:?}");
        let taken = TcpListener::bind((engine.loopback(), 81)).expect("a port");
        let clash = engine.sh("docker run -d --name beside -p 127.0.0.1:81:80 busybox httpd -f -h /etc");
        assert!(clash.status == 125 && clash.stderr.contains("127.0.0.1:81: bind: address already in use"), "{clash:?}");
        drop(taken);
        // The port lives as long as the container, and the process that opened it no longer than the engine.
        let porter = format!("ps --ppid {} -o pid=,args= | awk '$2 == \"dockside-porter\" {{ print $1 }}'", engine.pid());
        let porter = engine.ok(&porter);
        assert!(Path::new("/proc").join(&porter).join("exe").exists(), "{porter}");
        engine.crash();
        assert!(answers(&engine), "the port went with the engine");
        engine.ok(&format!("for _ in $(seq 100); do [ -e /proc/{porter}/exe ] || exit 0; sleep 0.1; done; exit 1"));
        engine.restart();
        engine.ok("docker start beside");
        engine.ok("docker restart -t 0 web");
        assert!(answers(&engine));
    }
    if let Some(engine) = Engine::with_busybox(User::Ordinary) {
        let refused = engine.sh(run);
        // As Docker's client has it, whatever was denied.
        assert!(refused.status == 126 && refused.stderr.contains("127.0.0.1:53: bind: permission denied; ports below"), "{refused:?}");
    }
}

#[test]
fn a_web_server_shows_what_is_put_into_it() {
    both(|engine| {
        engine.ok("docker pull -q nginx:alpine && mkdir -p html && echo '<h1>mine</h1>' > html/index.html");
        engine.ok("docker run -d --name web -p 127.0.0.1:39431:80 nginx:alpine");
        engine.ok("docker run -d --name own -p 127.0.0.1:39432:80 -v /lab/html:/usr/share/nginx/html:ro nginx:alpine");
        let get = |name: &str, path: &str| {
            (0..50).find_map(|_| {
                std::thread::sleep(Duration::from_millis(50));
                page(engine, &port_of(engine, name), path).ok().filter(|text| !text.is_empty())
            })
        };
        let welcome = get("web", "/").expect("an answer");
        assert!(welcome.starts_with("HTTP/1.1 200 OK\r\nServer: nginx/") && welcome.contains("<h1>Welcome to nginx!</h1>"), "{welcome}");
        assert!(get("own", "/").is_some_and(|text| text.ends_with("<h1>mine</h1>\n")));
        let none = get("web", "/none").expect("an answer");
        assert!(none.starts_with("HTTP/1.1 404 Not Found") && none.contains("<hr><center>nginx/"), "{none}");
        // What was asked for is on standard output, what went wrong on standard error.
        let log = engine.sh("docker logs web");
        assert!(log.stdout.contains("\"GET / HTTP/1.0\" 200 ") && log.stdout.contains("\"GET /none HTTP/1.0\" 404 "), "{log:?}");
        assert!(log.stderr.contains("open() \"/usr/share/nginx/html/none\" failed (2: No such file or directory), client: "), "{log:?}");
        assert!(engine.sh("docker exec web nginx -t").stderr.contains("test is successful"));
        engine.ok("docker stop -t 20 web");
        assert_eq!(engine.ok("docker inspect -f '{{.State.ExitCode}}' web"), "0");
    });
}

#[test]
fn addresses_that_do_not_fit_are_refused_and_kinds_add_up() {
    let Some(engine) = Engine::with_busybox(User::Root).or_else(|| Engine::with_busybox(User::Ordinary)) else { return };
    let lines = [
        ("--subnet 10.1.1.5/24", "invalid network config:\ninvalid subnet 10.1.1.5/24: it should be 10.1.1.0/24"),
        ("--subnet bad", "invalid network config:\ninvalid subnet bad: invalid CIDR block notation"),
        ("--scope swarm", "This node is not a swarm manager."),
    ];
    for (rest, words) in lines {
        let run = engine.sh(&format!("docker network create {rest} q"));
        assert!(run.status == 1 && run.stderr.contains(words), "{rest}: {run:?}");
    }
    engine.ok("docker network create lab");
    let kinds = |filters: &str| engine.ok(&format!("docker network ls {filters} --format '{{{{.Name}}}}'"));
    assert_eq!(kinds("-f type=custom"), "lab");
    assert_eq!(kinds("-f type=builtin"), "bridge\nhost\nnone");
    assert_eq!(kinds("-f type=custom -f type=builtin"), "bridge\nhost\nlab\nnone");
}
