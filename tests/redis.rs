//! Our redis server and client against the real ones of the machine's distribution, their files read by each other, and what nobody sane
//! would send. `redis_image.rs` has the image.

#[path = "redis/faults.rs"]
mod faults;
mod redis_client;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use redis_client::{Client, words};

/// Whether the machine has a tool; where it has not, that is said.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !there {
        eprintln!("skipped: no {tool} on this machine");
    }
    there
}

/// The version of the machine's redis-server: ours is to be of the same.
fn real_version() -> String {
    let output = Command::new("redis-server").arg("--version").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split("v=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("7.0.15").to_owned()
}

/// Our programs under their names.
struct Ours(tempfile::TempDir);

impl Ours {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["redis-server", "redis-cli", "telnet"] {
            symlink(env!("CARGO_BIN_EXE_dockside"), dir.path().join(name)).expect("a link");
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A server in a folder of its own, on a port that nobody had.
struct Server {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Whether a server answers, and does more than read its files.
fn is_ready(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut line = String::new();
    let asked = (&stream).write_all(b"PING\r\n").and_then(|()| BufReader::new(&stream).read_line(&mut line));
    asked.is_ok() && !line.is_empty() && !line.starts_with("-LOADING")
}

impl Server {
    fn start(program: &Path, args: &[&str]) -> Server {
        Self::start_in(tempfile::tempdir().expect("a folder"), program, args)
    }

    fn start_in(dir: tempfile::TempDir, program: &Path, args: &[&str]) -> Server {
        for _ in 0..5 {
            let port = free_port();
            let log = fs::File::create(dir.path().join("log")).expect("a log");
            let version = if has("redis-server") { real_version() } else { "7.0.15".to_owned() };
            let mut child = Command::new(program)
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(args)
                .current_dir(dir.path())
                .env("REDIS_VERSION", version)
                .stdin(Stdio::null())
                .stdout(log)
                .spawn()
                .expect("a server");
            let deadline = Instant::now() + Duration::from_secs(20);
            while Instant::now() < deadline && child.try_wait().expect("a status").is_none() {
                if is_ready(port) {
                    return Server { child, port, dir };
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("no server: {}", fs::read_to_string(dir.path().join("log")).unwrap_or_default());
    }

    fn ours(args: &[&str]) -> (Ours, Server) {
        let ours = Ours::new();
        let server = Server::start(&ours.path("redis-server"), args);
        (ours, server)
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        Client(BufReader::new(stream))
    }

    fn ask(&self, line: &str) -> String {
        self.connect().ask(&words(line)).text()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Ends it as `docker stop` does; its folder stays.
    fn stop(mut self) -> (tempfile::TempDir, Option<i32>) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let status = self.child.wait().expect("a status");
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().expect("a folder"));
        (dir, status.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_reply_is_the_real_ones() {
    if !has("redis-server") {
        return;
    }
    let (_ours, ours) = Server::ours(&[]);
    let real = Server::start(Path::new("redis-server"), &[]);
    let (mut one, mut other) = (real.connect(), ours.connect());
    let mut differences = vec![];
    let mut count = 0;
    for line in include_str!("redis/commands.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let plain = line.trim_start_matches(['~', '?']);
        let said = words(plain);
        let (mut theirs, mut own) = (one.ask(&said), other.ask(&said));
        if line.starts_with('~') {
            (theirs, own) = (theirs.sorted(), own.sorted());
        }
        if line.starts_with('?') {
            theirs.parts.clear();
            own.parts.clear();
        }
        count += 1;
        if theirs != own {
            differences.push(format!("{plain}\n  real {:?}\n  ours {:?}", theirs.text(), own.text()));
        }
    }
    assert!(count > 700, "{count} commands only");
    assert!(differences.is_empty(), "{} of {count}:\n{}", differences.len(), differences.join("\n"));
}

/// Two connections at once: what one does, the other is told.
#[test]
fn what_others_do_is_told_as_the_real_one_tells_it() {
    if !has("redis-server") {
        return;
    }
    let play = |server: &Server| {
        let mut told = vec![];
        let (mut one, mut other) = (server.connect(), server.connect());
        let send = |client: &mut Client, line: &str| {
            client.send(format!("{line}\r\n").as_bytes());
            std::thread::sleep(Duration::from_millis(60));
        };
        other.say("SET word x");
        // Whoever waits first is served first, by whatever brings something of the kind that is waited for.
        for (waits, brings, replies) in [
            ("BLPOP list 5", "RPUSH list a b", 1),
            ("BRPOPLPUSH list2 list3 5", "LPUSH list2 x", 1),
            ("BLMPOP 5 2 none list4 LEFT COUNT 2", "RPUSH list4 1 2 3", 1),
            ("BZPOPMIN zset 5", "ZADD zset 2 b 1 a", 1),
            ("BLPOP renamed 5", "RENAME list4 renamed", 1),
            ("BLPOP scores 0.3", "ZADD scores 1 a", 1),
            ("BZPOPMIN elements 0.3", "RPUSH elements a", 1),
            ("BLMOVE source word LEFT LEFT 5", "RPUSH source a", 1),
            ("BRPOPLPUSH itself itself 5", "RPUSH itself a", 1),
            ("BLPOP kept 5", "SORT elements ALPHA STORE kept", 1),
            ("SUBSCRIBE c1 c2", "PUBLISH c2 hello", 3),
            ("PSUBSCRIBE c?", "PUBLISH c1 both", 3),
        ] {
            send(&mut one, waits);
            send(&mut other, brings);
            told.push((waits, other.read().text(), (0..replies).map(|_| one.read().text()).collect::<String>()));
        }
        for line in ["PING", "PING x", "GET a", "UNSUBSCRIBE c1", "PUNSUBSCRIBE"] {
            told.push((line, one.say(line), String::new()));
        }
        told.push(("NUMSUB", other.say("PUBSUB NUMSUB c1 c2"), other.say("PUBSUB CHANNELS")));
        let mut watcher = server.connect();
        told.push(("WATCH", watcher.say("WATCH k"), other.say("SET k 1")));
        told.push(("MULTI", watcher.say("MULTI"), watcher.say("GET k")));
        told.push(("EXEC", watcher.say("EXEC"), watcher.say("GET k")));
        // What has ended is gone.
        told.push(("PX", other.say("SET gone 1 PX 30"), other.say("GET gone")));
        std::thread::sleep(Duration::from_millis(60));
        told.push(("after", other.say("GET gone"), other.say("TTL gone")));
        let mut listener = server.connect();
        listener.say("MONITOR");
        for line in [
            "CONFIG SET timeout 0",
            "SLOWLOG LEN",
            "SAVE",
            "AUTH x",
            "HELLO 2 AUTH default x SETNAME me",
            "MULTI",
            "INCR one",
            "EXEC",
            "SET \"a b\" \"\\x01\\xff\"",
        ] {
            other.say(line);
        }
        other.say("CONFIG RESETSTAT");
        for line in ["SET counted 1", "INCR counted", "LPUSH counted x", "MULTI", "INCR counted", "EXEC"] {
            other.say(line);
        }
        let counted = |line: &str| {
            let (calls, rest) = line.split_once(",usec=")?;
            Some(format!("{calls} {}", rest.split_once("rejected_calls=")?.1))
        };
        let info = other.say("INFO commandstats");
        let mut stats: Vec<String> = info.lines().filter(|line| !line.contains("config")).filter_map(counted).collect();
        stats.sort();
        told.push(("INFO commandstats", stats.join("\n"), String::new()));
        let mut seen = vec![];
        while !seen.last().is_some_and(|line: &String| line.contains("a b")) {
            seen.push(listener.read().text().split(']').nth(1).unwrap_or_default().to_owned());
        }
        told.push(("MONITOR", seen.concat(), String::new()));
        // Requests in one piece, and one in many.
        let mut piped = server.connect();
        piped.send(b"PING\r\n*1\r\n$4\r\nPING\r\nECHO hi\r\n");
        told.push(("piped", (0..3).map(|_| piped.read().text()).collect(), String::new()));
        for byte in b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n" {
            piped.send(&[*byte]);
        }
        told.push(("in pieces", piped.read().text(), String::new()));
        told
    };
    let (_ours, ours) = Server::ours(&[]);
    let real = Server::start(Path::new("redis-server"), &[]);
    assert_eq!(play(&ours), play(&real));
}

#[test]
fn passwords_and_protected_mode() {
    let (_ours, server) = Server::ours(&["--requirepass", "secret"]);
    let mut client = server.connect();
    assert_eq!(client.say("GET a"), "-NOAUTH Authentication required.\r\n");
    assert!(client.say("AUTH wrong").starts_with("-WRONGPASS"));
    assert_eq!(client.say("AUTH secret"), "+OK\r\n");
    assert_eq!(client.say("GET a"), "$-1\r\n");
    let mut other = server.connect();
    assert!(other.say("HELLO 3").starts_with("-NOAUTH HELLO"));
    assert!(other.say("HELLO 3 AUTH default secret").starts_with("%7"));
    // Who is not known may not send much.
    let mut stranger = server.connect();
    stranger.send(b"*1000\r\n");
    assert_eq!(stranger.read().text(), "-ERR Protocol error: unauthenticated multibulk length\r\n");
}

fn output(command: &mut Command) -> (String, String, Option<i32>) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().expect("it runs");
    (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned(), status.code())
}

/// What a client prints for many commands, in every look that it has.
#[test]
fn the_clients_print_the_same() {
    if !has("redis-cli") || !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let lines: &[&[&str]] = &[
        &["SET", "a", "1"],
        &["GET", "a"],
        &["GET", "none"],
        &["INCR", "a"],
        &["INCR", "a", "b"],
        &["RPUSH", "l", "x", "y z", "\u{e4}\n\"q\""],
        &["LRANGE", "l", "0", "-1"],
        &["LRANGE", "none", "0", "-1"],
        &["HSET", "h", "f", "v", "g", "w"],
        &["HGETALL", "h"],
        &["HGETALL", "none"],
        &["SADD", "s", "1", "2"],
        &["SMEMBERS", "s"],
        &["SMEMBERS", "none"],
        &["ZADD", "z", "1", "a", "2.5", "b"],
        &["ZRANGE", "z", "0", "-1", "WITHSCORES"],
        &["ZSCORE", "z", "b"],
        &["SCAN", "0", "MATCH", "none*"],
        &["COMMAND", "GETKEYS", "SET", "a", "b"],
        &["NOSUCH"],
        &["CONFIG", "GET", "maxclients"],
        &["RPUSH", "many", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        &["LRANGE", "many", "0", "-1"],
        &["PING"],
    ];
    let manners: &[&[&str]] =
        &[&[], &["--no-raw"], &["--csv"], &["-3", "--no-raw"], &["-3"], &["-e"], &["-n", "3"], &["-r", "2", "--no-raw"]];
    let play = |client: &Path| {
        let server = Server::start(Path::new("redis-server"), &[]);
        let port = server.port.to_string();
        let mut all = vec![];
        for manner in manners {
            server.ask("FLUSHALL");
            for line in lines {
                let told = output(Command::new(client).args(["-p", &port]).args(*manner).args(*line));
                all.push((manner.join(" "), line.join(" "), told));
            }
        }
        for (args, input) in [
            (&[][..], "SET k v\nGET k\n\nGET \"k\"\nNOSUCH\n2 INCR n\nGET 'unbalanced\nSELECT 2\nGET k\nquit\nGET k\n"),
            (&["--no-raw"], "GET none\nMULTI\nGET k\nEXEC\n"),
            (&["-x", "SET", "in"], "from input"),
            (&["--pipe"], "SET p 1\r\nGET p\r\n"),
            (&["--scan", "--pattern", "k*"], ""),
        ] {
            let mut child = Command::new(client)
                .args(["-p", &port])
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("a client");
            child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
            let Output { status, stdout, stderr } = child.wait_with_output().expect("its end");
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            all.push((args.join(" "), input.to_owned(), (text(stdout), text(stderr), status.code())));
        }
        drop(server);
        let free = free_port().to_string();
        let told = output(Command::new(client).args(["-p", &free, "PING"]));
        all.push((String::new(), "nobody".to_owned(), (told.0, told.1.replace(&free, "PORT"), told.2)));
        let server = Server::start(Path::new("redis-server"), &["--requirepass", "secret"]);
        let port = server.port.to_string();
        for args in [&["-a", "secret", "PING"][..], &["-a", "wrong", "PING"], &["--no-auth-warning", "-a", "secret", "PING"], &["PING"]] {
            all.push((args.join(" "), String::new(), output(Command::new(client).args(["-p", &port]).args(args))));
        }
        let address = format!("redis://default:secret@127.0.0.1:{port}/2");
        all.push(("-u".to_owned(), String::new(), output(Command::new(client).args(["-u", &address, "--no-auth-warning", "DBSIZE"]))));
        all
    };
    let (theirs, own) = (play(Path::new("redis-cli")), play(&ours.path("redis-cli")));
    let differences: Vec<_> = theirs.iter().zip(&own).filter(|(theirs, own)| theirs != own).collect();
    assert!(differences.is_empty() && theirs.len() == own.len(), "theirs, then ours: {differences:#?}");
}

/// A listener prints each message as it comes.
#[test]
fn our_client_shows_messages_as_they_come() {
    let (ours, server) = Server::ours(&[]);
    let mut child = Command::new(ours.path("redis-cli"))
        .args(["-p", &server.port.to_string(), "SUBSCRIBE", "news"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a client");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    assert_eq!(lines.by_ref().take(3).collect::<Vec<_>>(), ["subscribe", "news", "1"]);
    assert_eq!(server.ask("PUBLISH news hello"), ":1\r\n");
    assert_eq!(lines.by_ref().take(3).collect::<Vec<_>>(), ["message", "news", "hello"]);
    child.kill().expect("killed");
    child.wait().expect("waited");
}

#[test]
fn the_real_client_and_its_benchmark_drive_our_server() {
    if !has("redis-cli") || !has("redis-benchmark") {
        return;
    }
    let (_ours, server) = Server::ours(&[]);
    let port = server.port.to_string();
    let tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset";
    let (out, _, status) = output(Command::new("redis-benchmark").args(["-p", &port, "-n", "2000", "-P", "8", "-q", "-t", tests]));
    assert_eq!(status, Some(0), "{out}");
    assert!(out.matches("requests per second").count() >= 15, "{out}");
    let (out, _, _) = output(Command::new("redis-cli").args(["-p", &port, "INFO", "everything"]));
    for line in ["tcp_port:", "redis_mode:standalone", "# Keyspace", "db0:keys=", "role:master", "cmdstat_set:calls="] {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (out, _, _) = output(Command::new("redis-cli").args(["-p", &port, "--bigkeys"]));
    assert!(out.contains("Sampled"), "{out}");
}

/// A bit of each kind of data, small and large, with ends.
const DATA: &[&str] = &[
    "SET plain hello",
    "SET number 12345",
    "SET negative -7",
    "SET bytes \"\\x00\\xff\\x0a\"",
    "SET ending soon PXAT 99999999999999",
    "RPUSH list a 1 -5 300 70000 5000000000 text",
    "HSET hash field value number 12",
    "SADD numbers 1 2 3 -100000",
    "SADD words x y z",
    "ZADD zset 1 one 2.5 two -inf low inf high 0.1 tenth",
    "SELECT 3",
    "SET three 3",
    "SELECT 0",
];

fn fill(server: &Server) {
    let mut client = server.connect();
    for line in DATA {
        assert!(!client.say(line).starts_with('-'), "{line}");
    }
    let many = |name: &str, from: usize, each: fn(usize) -> String| {
        let all: Vec<String> = (from..from + 700).map(each).collect();
        format!("{name} {}", all.join(" "))
    };
    for line in [
        many("RPUSH longlist", 0, |n| format!("element-{n}-{}", "x".repeat(n % 50))),
        many("HSET longhash", 0, |n| format!("field{n} value{n}")),
        many("SADD longset", 0, |n| format!("member{n}")),
        many("SADD longnumbers", 0, |n| (n * 100_000).to_string()),
        many("ZADD longzset", 0, |n| format!("{} member{n}", n as f64 / 7.0)),
        format!("SET compressible {}", "abcdefgh".repeat(5000)),
        format!("RPUSH longelement short {}", "y".repeat(9000)),
    ] {
        assert!(!client.say(&line).starts_with('-'), "{line:.40}");
    }
}

/// All that a server holds, in an order that does not depend on chance.
fn all_of(server: &Server) -> Vec<String> {
    let mut client = server.connect();
    let mut all = vec![];
    for database in [0, 3] {
        client.say(&format!("SELECT {database}"));
        for key in client.ask(&words("KEYS *")).sorted().parts {
            let key = String::from_utf8_lossy(&key.body).trim_end().to_owned();
            let kind = client.say(&format!("TYPE {key}"));
            let value = match kind.trim_end() {
                "+string" => client.say(&format!("GET {key}")),
                "+list" => client.say(&format!("LRANGE {key} 0 -1")),
                "+hash" => {
                    let reply = client.ask(&words(&format!("HGETALL {key}")));
                    let mut pairs: Vec<String> = reply.parts.chunks(2).map(|pair| pair[0].text() + &pair[1].text()).collect();
                    pairs.sort();
                    pairs.concat()
                }
                "+set" => client.ask(&words(&format!("SMEMBERS {key}"))).sorted().text(),
                _ => client.say(&format!("ZRANGE {key} 0 -1 WITHSCORES")),
            };
            all.push(format!("{database} {key} {kind} {value} {}", client.say(&format!("PEXPIRETIME {key}"))));
        }
    }
    all
}

#[test]
fn dumps_are_read_both_ways() {
    if !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let (own, real) = (ours.path("redis-server"), PathBuf::from("redis-server"));
    for (first, second) in [(&own, &real), (&real, &own), (&own, &own)] {
        let server = Server::start(first, &[]);
        fill(&server);
        let before = all_of(&server);
        assert_eq!(before.len(), 18);
        // The end writes the dump.
        let (dir, status) = server.stop();
        assert_eq!(status, Some(0));
        assert!(dir.path().join("dump.rdb").exists());
        let server = Server::start_in(dir, second, &[]);
        assert_eq!(all_of(&server), before);
    }
    // A check by the real tool.
    if Command::new("redis-check-rdb").arg("--version").output().is_ok() {
        let server = Server::start(&own, &[]);
        fill(&server);
        assert_eq!(server.ask("SAVE"), "+OK\r\n");
        let (out, _, status) = output(Command::new("redis-check-rdb").arg(server.dir.path().join("dump.rdb")));
        assert_eq!(status, Some(0), "{out}");
    }
}

#[test]
fn append_only_files_are_read_both_ways() {
    if !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let (own, real) = (ours.path("redis-server"), PathBuf::from("redis-server"));
    let args = ["--appendonly", "yes", "--save", "", "--appendfsync", "always"];
    for (first, second) in [(&own, &real), (&real, &own), (&own, &own)] {
        let server = Server::start(first, &args);
        fill(&server);
        let mut client = server.connect();
        for line in [
            "SET late 1 EX 1000",
            "INCRBYFLOAT f 0.1",
            "SPOP words",
            "RPOPLPUSH list list",
            "BLPOP list 0",
            "ZPOPMIN zset",
            "GETEX plain EX 5000",
            "EXPIRE number 9000",
            "PERSIST number",
            "SET short 1 PX 5",
            "MULTI",
            "SET in-transaction 1",
            "INCR in-transaction",
            "EXEC",
            "COPY hash hash2",
            "DEL hash2",
        ] {
            assert!(!client.say(line).starts_with('-'), "{line}");
        }
        std::thread::sleep(Duration::from_millis(150));
        let before = all_of(&server);
        // Killed, not told to end.
        let mut server = server;
        server.child.kill().expect("killed");
        server.child.wait().expect("waited");
        let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().expect("a folder"));
        let again = Server::start_in(dir, second, &args);
        assert_eq!(all_of(&again), before);
        assert!(again.ask("BGREWRITEAOF").starts_with('+'));
    }
    // Of a last command that is not whole nothing is taken, and the file goes on behind what was.
    let server = Server::start(&own, &args);
    assert_eq!(server.ask("SET a 1"), "+OK\r\n");
    let mut server = server;
    server.child.kill().expect("killed");
    server.child.wait().expect("waited");
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().expect("a folder"));
    let file = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let mut open = fs::OpenOptions::new().append(true).open(&file).expect("the file");
    open.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$5\r\nha").expect("written");
    let server = Server::start_in(dir, &own, &args);
    assert_eq!((server.ask("GET a"), server.ask("GET b")), ("$1\r\n1\r\n".to_owned(), "$-1\r\n".to_owned()));
    assert_eq!(server.ask("SET c 3"), "+OK\r\n");
    let (dir, _) = server.stop();
    let server = Server::start_in(dir, &real, &args);
    assert_eq!(server.ask("GET c"), "$1\r\n3\r\n");
}

#[test]
fn changes_are_saved_when_it_is_time_and_broken_dumps_are_refused() {
    let ours = Ours::new();
    let server = Server::start(&ours.path("redis-server"), &["--save", "1 1"]);
    assert_eq!(server.ask("SET a 1"), "+OK\r\n");
    let dump = server.dir.path().join("dump.rdb");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !dump.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(150));
    let log = server.log();
    for words in ["* 1 changes in 1 seconds. Saving...", "* Background saving terminated with success"] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let mut server = server;
    server.child.kill().expect("killed");
    server.child.wait().expect("waited");
    let dir = std::mem::replace(&mut server.dir, tempfile::tempdir().expect("a folder"));
    let server = Server::start_in(dir, &ours.path("redis-server"), &["--save", ""]);
    assert_eq!(server.ask("GET a"), "$1\r\n1\r\n");
    // Without save points the end saves nothing.
    server.ask("SET a 2");
    let (dir, status) = server.stop();
    assert_eq!(status, Some(0));
    let server = Server::start_in(dir, &ours.path("redis-server"), &[]);
    assert_eq!(server.ask("GET a"), "$1\r\n1\r\n");
    let (dir, _) = server.stop();
    let mut bytes = fs::read(dir.path().join("dump.rdb")).expect("a dump");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(dir.path().join("dump.rdb"), &bytes).expect("written");
    let (_, told, status) =
        output(Command::new(ours.path("redis-server")).args(["--port", &free_port().to_string()]).current_dir(dir.path()));
    assert_eq!(status, Some(1), "{told}");
    assert_eq!(fs::read(dir.path().join("dump.rdb")).expect("a dump"), bytes, "what could not be read is not overwritten");
}

#[test]
fn a_file_of_settings_is_read_and_rewritten() {
    let ours = Ours::new();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("redis.conf");
    fs::write(&file, "# of the lesson\nrequirepass \"a secret\"\nmaxclients 50\nsave \"\"\n").expect("written");
    let server = Server::start(&ours.path("redis-server"), &[]);
    drop(server);
    let port = free_port();
    let mut child = Command::new(ours.path("redis-server"))
        .arg(&file)
        .args(["--port", &port.to_string()])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("a server");
    let port = port.to_string();
    let ask = |args: &[&str]| {
        output(Command::new(ours.path("redis-cli")).args(["-p", &port, "-a", "a secret", "--no-auth-warning"]).args(args)).0
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(&["PING"]) != "PONG\n" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(ask(&["CONFIG", "GET", "maxclients"]), "maxclients\n50\n");
    assert_eq!(ask(&["CONFIG", "SET", "maxclients", "60", "timeout", "7"]), "OK\n");
    assert_eq!(ask(&["CONFIG", "REWRITE"]), "OK\n");
    let text = fs::read_to_string(&file).expect("the file");
    assert!(
        text.starts_with("# of the lesson\nrequirepass \"a secret\"\nmaxclients 60\nsave \"\"\n") && text.contains("timeout 7\n"),
        "{text}"
    );
    ask(&["SHUTDOWN"]);
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    for (args, words) in [
        (&["--port", "x"][..], "argument couldn't be parsed into an integer"),
        (&["--nosuch", "1"], "Bad directive or wrong number of arguments"),
        (&["--dir", "/no/such"], "No such file or directory"),
        (&["/no/such.conf"], "can't open config file '/no/such.conf': No such file or directory"),
        (&["--replicaof", "a", "1"], "this server has no such thing"),
    ] {
        let (_, told, status) = output(Command::new(ours.path("redis-server")).args(args));
        assert!(status == Some(1) && told.contains(words), "{args:?}: {told}");
    }
}

/// How much memory a process has, in KiB.
fn memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok()).expect("its size")
}

#[test]
fn nonsense_does_no_harm() {
    let (_ours, server) = Server::ours(&[]);
    let before = memory(server.child.id());
    for (sent, told) in [
        (&b"*1\r\n$99999999999\r\n"[..], "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*99999999999\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n:5\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"GET \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"\r\n\r\n*0\r\n*-1\r\nPING\r\n", "+PONG\r\n"),
        (b"GET / HTTP/1.1\r\n", "-ERR wrong number of arguments for 'get' command\r\n"),
    ] {
        let mut client = server.connect();
        client.send(sent);
        assert_eq!(client.read().text(), told, "{}", String::from_utf8_lossy(sent));
    }
    for sent in ["POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n", "HOST: x\r\nSET a 1\r\n"] {
        let mut client = server.connect();
        client.send(sent.as_bytes());
        let mut rest = vec![];
        let _ = std::io::Read::read_to_end(&mut client.0, &mut rest);
        assert_eq!((rest, server.ask("EXISTS a")), (vec![], ":0\r\n".to_owned()));
    }
    let mut long = server.connect();
    let _ = long.0.get_mut().write_all(&vec![b'a'; 200_000]);
    assert_eq!(long.read().text(), "-ERR Protocol error: too big inline request\r\n");
    // What is announced and does not come takes no memory.
    let halves: Vec<Client> = (0..200)
        .map(|_| {
            let mut client = server.connect();
            client.send(b"*1000000000\r\n$500000000\r\nhalf");
            client
        })
        .collect();
    // Neither do numbers that are too large for what they are about.
    let mut client = server.connect();
    client.say("RPUSH l a b c");
    client.say("SADD s a b c");
    client.say("ZADD z 1 a");
    for line in [
        "SETRANGE k 99999999999 x",
        "SETBIT k 99999999999 1",
        "LPOP l 9223372036854775807",
        "LRANGE l -9223372036854775808 9223372036854775807",
        "LTRIM l -9223372036854775808 9223372036854775807",
        "LINDEX l -9223372036854775808",
        "LPOS l a RANK -9223372036854775808",
        "GETRANGE s 0 -9223372036854775808",
        "SRANDMEMBER s -9223372036854775808",
        "ZRANGE z -9223372036854775808 9223372036854775807",
        "ZUNION 9223372036854775807 z",
        "ZUNION 3 z z z WEIGHTS 1 1",
        "LMPOP 9223372036854775807 l LEFT",
        "SINTERCARD 9223372036854775807 s",
        "ZINTERCARD 9223372036854775807 z",
        "BLMPOP 0 9223372036854775807 l LEFT",
        "BLPOP none 1e300",
        "EXPIRE l 9223372036854775807",
        "GETEX none PX 9223372036854775807",
        "SCAN 18446744073709551615 COUNT 9223372036854775807",
        "SSCAN s 99999 COUNT 9223372036854775807",
        "SPOP s 9223372036854775807",
        "BITCOUNT l -9223372036854775808 9223372036854775807 BIT",
        "BITPOS none 1 -9223372036854775808 9223372036854775807 BIT",
        "OBJECT",
        "COMMAND GETKEYS ZUNION 9 a",
        "CLIENT KILL ID 99999999999999999999",
        "SLOWLOG GET -1",
        "SORT s LIMIT -1 -9223372036854775808",
    ] {
        client.say(line);
    }
    let grown = memory(server.child.id()).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more");
    drop(halves);
    assert_eq!(server.ask("PING"), "+PONG\r\n");
    assert!(!server.log().contains("panicked"));
}

#[test]
fn a_thousand_at_once_and_one_too_many() {
    let (_ours, server) = Server::ours(&["--maxclients", "1000"]);
    let mut clients: Vec<Client> = (0..1000).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(b"INCR n\r\n");
    }
    let mut seen: Vec<String> = clients.iter_mut().map(|client| client.read().text()).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
    let mut last = server.connect();
    assert_eq!(last.read().text(), "-ERR max number of clients reached\r\n");
    drop(clients);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.ask("GET n"), "$4\r\n1000\r\n");
    // What has been read is not kept, though there is always more to read.
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    listener.say("SUBSCRIBE news");
    let news = format!("PUBLISH news {}", "x".repeat(1 << 20));
    for at in 0..250 {
        speaker.say(&news);
        if at >= 30 {
            listener.read();
        }
    }
    let size = memory(server.child.id());
    assert!(size < 150 << 10, "{size} KiB");
    drop((listener, speaker));
    // Who reads nothing is hung up on before the server has no memory left.
    let mut greedy = server.connect();
    greedy.say(&format!("SET big {}", "x".repeat(1 << 20)));
    let deaf = server.connect();
    let mut deaf = deaf.0.into_inner();
    deaf.set_write_timeout(Some(Duration::from_secs(5))).expect("a limit");
    for _ in 0..3000 {
        if deaf.write_all(b"GET big\r\n").is_err() {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(memory(server.child.id()) < 200 << 10);
    assert_eq!(server.ask("PING"), "+PONG\r\n");
}
