//! The image redis: the course's own scenario in containers, and what people know of the official one.

#[path = "engine/support.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::{Engine, User};

/// Says lines to a server by telnet, as a person would.
fn by_telnet(link: &str, lines: &str) -> String {
    format!("(sleep 0.3; printf '{lines}'; sleep 0.7) | docker run -i --rm --link {link}:redis busybox telnet redis 6379")
}

/// The course's own: the data of an older server are found by a newer one.
#[test]
fn a_newer_server_finds_what_an_older_one_has_kept() {
    let Some(engine) = Engine::start(User::Root).or_else(|| Engine::start(User::Ordinary)) else { return };
    engine.ok("docker run -d --name redis28 redis:2.8");
    engine.ok("until docker logs redis28 | grep -q 'ready to accept connections'; do sleep 0.05; done");
    let said = engine.sh(&by_telnet("redis28", "SET counter 42\\nINFO server\\nSAVE\\nQUIT\\n")).stdout;
    assert!(said.contains("redis_version:2.8.23") && said.matches("+OK").count() == 3, "{said}");
    assert!(said.contains("Connection closed by foreign host"), "{said}");
    let begun = Instant::now();
    engine.ok("docker stop redis28");
    assert!(begun.elapsed() < Duration::from_secs(5), "it did not end by itself");
    assert_eq!(engine.ok("docker inspect --format '{{.State.ExitCode}}' redis28"), "0");
    engine.ok("docker run -d --name redis30 --volumes-from redis28 redis:3.0");
    engine.ok("until docker logs redis30 | grep -q 'ready to accept connections'; do sleep 0.05; done");
    let said = engine.sh(&by_telnet("redis30", "GET counter\\nINFO server\\nQUIT\\n")).stdout;
    assert!(said.contains("$2\r\n42") && said.contains("redis_version:3.0.7"), "{said}");
    // The newest takes over, too; its client is in its image.
    engine.ok("docker rm -f redis30 && docker run -d --name redis --volumes-from redis28 redis redis-server --appendonly yes");
    engine.ok("until docker logs redis | grep -q 'Ready to accept connections tcp'; do sleep 0.05; done");
    assert_eq!(engine.ok("docker exec redis redis-cli incr counter"), "43");
    assert_eq!(engine.ok("docker kill redis && docker start redis"), "redis\nredis");
    assert_eq!(
        engine.ok("until docker exec redis redis-cli ping 2>/dev/null; do sleep 0.05; done; docker exec redis redis-cli get counter"),
        "PONG\n43"
    );
}

/// As an ordinary user's one id, or as the user redis where there is one.
#[test]
fn the_image_is_as_one_knows_it() {
    for user in [User::Root, User::Ordinary] {
        let Some(engine) = Engine::start(user) else { continue };
        engine.ok("docker run -d --name cache -p 127.0.0.1::6379 redis:7-alpine --requirepass secret");
        engine.ok("until docker logs cache | grep -q 'Ready to accept connections'; do sleep 0.05; done");
        let format = "{{json .Config.Volumes}} {{.Config.WorkingDir}} {{json .Config.ExposedPorts}} {{json .Config.Cmd}} {{json .Config.Entrypoint}}";
        assert_eq!(
            engine.ok(&format!("docker image inspect --format '{format}' redis:7-alpine")),
            r#"{"/data":{}} /data {"6379/tcp":{}} ["redis-server"] ["docker-entrypoint.sh"]"#
        );
        assert_eq!(engine.ok("docker exec cache redis-cli -a secret --no-auth-warning set a 1"), "OK");
        assert_eq!(engine.sh("docker exec cache redis-cli get a").stdout.trim(), "NOAUTH Authentication required.");
        let who = engine.ok("docker exec cache sh -c 'grep ^Uid: /proc/1/status'");
        let mapped = engine.sh("docker exec cache gosu redis true").status == 0;
        assert!(who.contains(if mapped { "999" } else { "\t0" }), "{who}");
        let port: u16 =
            engine.ok("docker port cache 6379 | head -n 1").rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let mut client = TcpStream::connect((engine.loopback(), port)).expect("the server");
        client.write_all(b"AUTH secret\r\nGET a\r\nQUIT\r\n").expect("sent");
        let mut said = String::new();
        client.read_to_string(&mut said).expect("answers");
        assert_eq!(said, "+OK\r\n$1\r\n1\r\n+OK\r\n");
        assert_eq!(engine.ok("docker run --rm redis:6 redis-server --version | cut -d' ' -f1-3"), "Redis server v=6.2.18");
        assert_eq!(engine.ok("docker run --rm redis redis-cli --version"), "redis-cli 8.0.2");
        let terminal = engine.sh("TTY docker exec -it cache redis-cli -a secret --no-auth-warning incr n");
        assert!(terminal.stdout.trim().ends_with("(integer) 1"), "{terminal:?}");
        engine.ok("docker stop cache");
        let log = engine.ok("docker logs cache");
        assert!(log.contains("Received SIGTERM scheduling shutdown...") && log.contains("Redis is now ready to exit, bye bye..."), "{log}");
        if mapped {
            // Whoever is the user redis from the start keeps data, too.
            engine.ok("docker run -d --name own --user 999 redis");
            engine.ok("until docker exec own redis-cli set a 1; do sleep 0.05; done; docker exec own redis-cli save");
            assert_eq!(engine.ok("docker exec own stat -c '%u %n' /data /data/dump.rdb"), "999 /data\n999 /data/dump.rdb");
        }
    }
}
