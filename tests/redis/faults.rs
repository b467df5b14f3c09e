//! What becomes of the data when the disk is full, a file is in the way, or what is read makes no sense.

use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::*;

/// `program` with room for files of 100 KiB at the most, until it is given more.
fn limited(ours: &Ours, program: &Path) -> PathBuf {
    let script = ours.path("limited");
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -S -f 200\nexec {} \"$@\"\n", program.display());
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    script
}

/// Kills a server; its folder stays.
fn killed(mut server: Server) -> tempfile::TempDir {
    server.child.kill().expect("killed");
    server.child.wait().expect("waited");
    std::mem::replace(&mut server.dir, tempfile::tempdir().expect("a folder"))
}

/// Says a line until the answer begins so.
fn say_until(client: &mut Client, line: &str, start: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let told = client.say(line);
        if told.starts_with(start) || Instant::now() > deadline {
            return told;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

const AOF: [&str; 4] = ["--appendonly", "yes", "--save", ""];

#[test]
fn what_cannot_be_written_down_is_refused_and_written_when_there_is_room() {
    if !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let play = |program: &Path| {
        let server = Server::start(&limited(&ours, program), &AOF);
        let mut client = server.connect();
        let mut told = vec![client.say("SET a 1"), client.say(&format!("SET k {}", "x".repeat(200_000)))];
        told.push(say_until(&mut client, "SET b 1", "-MISCONF"));
        for line in ["PING", "GET a", "MULTI", "SET c 1", "EXEC", "GET a"] {
            told.push(client.say(line));
        }
        let info = client.say("INFO persistence");
        told.push(info.lines().find(|line| line.starts_with("aof_last_write_status")).unwrap_or_default().to_owned());
        let pid = Pid::from_child(&server.child);
        prlimit(Some(pid), Resource::Fsize, Rlimit { current: None, maximum: None }).expect("more room");
        told.push(say_until(&mut client, "SET d 1", "+OK"));
        std::thread::sleep(Duration::from_millis(300));
        let server = Server::start_in(killed(server), program, &AOF);
        told.extend(["GET a", "STRLEN k", "GET d", "DBSIZE"].map(|line| server.ask(line)));
        told
    };
    let (mut own, real) = (play(&ours.path("redis-server")), play(Path::new("redis-server")));
    // Whatever it is that there is no room for, the real one says that it is on the device.
    own.iter_mut().for_each(|told| *told = told.replace("File too large", "No space left on device"));
    assert_eq!(own, real);
    assert!(own[2].starts_with("-MISCONF Errors writing to the AOF file: No space"), "{}", own[2]);
}

#[test]
fn who_wants_every_change_to_be_safe_is_told_of_none_that_is_not() {
    let ours = Ours::new();
    let args = [&AOF[..], &["--appendfsync", "always"]].concat();
    let mut server = Server::start(&limited(&ours, &ours.path("redis-server")), &args);
    let mut client = server.connect();
    assert_eq!(client.say("SET a 1"), "+OK\r\n");
    client.send(format!("SET k {}\r\n", "x".repeat(60_000)).as_bytes());
    assert_eq!(client.read().text(), "+OK\r\n");
    client.send(format!("SET l {}\r\n", "x".repeat(60_000)).as_bytes());
    let mut rest = vec![];
    std::io::Read::read_to_end(&mut client.0, &mut rest).expect("its end");
    assert_eq!(rest, b"");
    assert_eq!(server.child.wait().expect("its end").code(), Some(1));
    let log = server.log();
    assert!(log.contains("# Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."), "{log}");
    let server = Server::start_in(killed(server), &ours.path("redis-server"), &args);
    assert_eq!((server.ask("DBSIZE"), server.ask("STRLEN k")), (":2\r\n".to_owned(), ":60000\r\n".to_owned()));
}

#[test]
fn a_dump_that_cannot_be_written_is_told_in_redis_words() {
    if !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let play = |program: &Path| {
        let server = Server::start(program, &["--save", "3600 1"]);
        fs::create_dir_all(server.dir.path().join("dump.rdb/in-the-way")).expect("made");
        let mut told = vec![server.ask("SET a 1"), server.ask("SAVE"), server.ask("BGSAVE")];
        told.push(say_until(&mut server.connect(), "SET a 2", "-MISCONF"));
        told.extend([server.ask("PING"), server.ask("SHUTDOWN"), server.ask("GET a")]);
        let log = server.log();
        for words in [
            "# Error moving temp DB file temp-",
            " on the final destination dump.rdb (in server root dir ",
            "): Is a directory\n",
            "# Background saving error",
            "# Error trying to save the DB, can't exit.",
            "# Errors trying to shut down the server. Check the logs for more information.",
        ] {
            assert!(log.contains(words), "{words}: {log}");
        }
        assert!(!log.contains("os error"), "{log}");
        let left = fs::read_dir(server.dir.path()).expect("a folder").flatten().map(|entry| entry.file_name().into_string());
        told.push(left.flatten().filter(|name| name.starts_with("temp-")).collect());
        told
    };
    assert_eq!(play(&ours.path("redis-server")), play(Path::new("redis-server")));
}

/// What a server says that is started on files it cannot take, and its status.
fn refusal(program: &Path, dir: &Path) -> (Option<i32>, String) {
    let mut command = Command::new("timeout");
    command.arg("20").arg(program).args(["--port", &free_port().to_string()]).args(AOF);
    let (told, _, status) = output(command.env("REDIS_VERSION", "7.0.15").current_dir(dir));
    let line = told.lines().rfind(|line| line.contains(" # ")).unwrap_or_default();
    (status, line.split_once(" # ").map(|(_, text)| text.to_owned()).unwrap_or_default())
}

#[test]
fn of_files_nothing_is_passed_over() {
    if !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let (own, real) = (ours.path("redis-server"), PathBuf::from("redis-server"));
    let (dir, _) = Server::start(&own, &AOF).stop();
    let file = dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    for (text, expected) in [
        ("*2\r\n$4\r\nNOPE\r\n$1\r\na\r\n", "Unknown command 'NOPE' reading the append only file appendonly.aof.1.incr.aof"),
        ("#TS:1234\r\nSET a 1\r\n", "Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup"),
        ("*1\r\n:1\r\n", "Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup"),
    ] {
        fs::write(&file, text).expect("written");
        let (status, told) = refusal(&own, dir.path());
        assert!(status == Some(1) && told.starts_with(expected), "{text}: {status:?} {told}");
        assert_eq!((status, told), refusal(&real, dir.path()), "{text}");
        assert_eq!(fs::read_to_string(&file).expect("the file"), text);
    }
    // A stream is a command that a real server knows and ours does not.
    fs::write(&file, "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nb\r\n").expect("written");
    assert!(refusal(&own, dir.path()).1.starts_with("Unknown command 'XADD' reading"));
    fs::write(&file, "#TS:1234\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n").expect("written");
    let server = Server::start_in(dir, &own, &AOF);
    assert_eq!(server.ask("GET a"), "$1\r\n1\r\n");
    let (dir, _) = server.stop();
    fs::remove_file(&file).expect("removed");
    let (status, told) = refusal(&own, dir.path());
    assert_eq!(
        (status, told.as_str()),
        (Some(1), "Unable to obtain the AOF file appendonly.aof.1.incr.aof length. stat: No such file or directory")
    );
    assert_eq!((status, told), refusal(&real, dir.path()));
}

#[test]
fn a_key_that_was_given_more_time_after_the_base_was_written_is_there() {
    let ours = Ours::new();
    let program = ours.path("redis-server");
    let server = Server::start(&program, &AOF);
    let mut client = server.connect();
    for line in ["SET a 1 PX 700", "SET b 1 PX 700", "BGREWRITEAOF", "PERSIST a"] {
        let told = client.say(line);
        assert!(!told.starts_with('-') && told != ":0\r\n", "{line}: {told}");
    }
    std::thread::sleep(Duration::from_millis(100));
    let dir = killed(server);
    std::thread::sleep(Duration::from_millis(700));
    let server = Server::start_in(dir, &program, &AOF);
    assert_eq!((server.ask("GET a"), server.ask("GET b")), ("$1\r\n1\r\n".to_owned(), "$-1\r\n".to_owned()));
}

#[test]
fn names_of_several_words_are_found_again() {
    let ours = Ours::new();
    let program = ours.path("redis-server");
    let args = [&AOF[..], &["--appendfilename", "my \"own\" file"]].concat();
    let server = Server::start(&program, &args);
    assert_eq!(server.ask("SET a 1"), "+OK\r\n");
    let (dir, _) = server.stop();
    let server = Server::start_in(dir, &program, &args);
    assert_eq!(server.ask("GET a"), "$1\r\n1\r\n");
}

#[test]
fn settings_that_cannot_be_read_are_not_overwritten() {
    let ours = Ours::new();
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("redis.conf");
    let port = free_port().to_string();
    fs::write(&file, format!("port {port}\n")).expect("written");
    let mut child =
        Command::new(ours.path("redis-server")).arg(&file).current_dir(dir.path()).stdout(Stdio::null()).spawn().expect("a server");
    let ask = |words: &[&str]| output(Command::new(ours.path("redis-cli")).args(["-p", &port]).args(words)).0;
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(&["PING"]) != "PONG\n" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(30));
    }
    let latin = b"# caf\xe9\nport 1\n";
    fs::write(&file, latin).expect("written");
    let told = ask(&["CONFIG", "REWRITE"]);
    assert!(told.starts_with("ERR Rewriting config file: ") && !told.contains("os error"), "{told}");
    assert_eq!(fs::read(&file).expect("the file"), latin);
    child.kill().expect("killed");
    child.wait().expect("waited");
}

/// What a log says, without times, numbers of processes and ports, and what is about the machine or the fork.
fn lines_of(log: &str, port: u16) -> Vec<String> {
    let kept = |line: &&str| !["overcommit", "Redis version=", "RDB memory usage"].iter().any(|words| line.contains(words));
    let plain = |line: &str| {
        let text = match line.find(" * ").or_else(|| line.find(" # ")) {
            Some(at) => &line[at + 1..],
            None => line.trim_start_matches(|c: char| c != ':'),
        };
        text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>()
    };
    log.replace(&port.to_string(), "PORT").lines().filter(kept).map(plain).collect()
}

#[test]
fn the_log_says_what_the_real_ones_says() {
    if !has("redis-server") {
        return;
    }
    let ours = Ours::new();
    let play = |program: &Path| {
        let server = Server::start(program, &[]);
        for line in ["SET a 1", "SET b 1 PX 100", "SAVE", "CONFIG SET save \"\""] {
            assert_eq!(server.ask(line), "+OK\r\n", "{line}");
        }
        let port = server.port;
        let (dir, _) = server.stop();
        let mut all = lines_of(&fs::read_to_string(dir.path().join("log")).expect("a log"), port);
        std::thread::sleep(Duration::from_millis(150));
        let server = Server::start_in(dir, program, &[]);
        server.ask("SET c 1");
        let port = server.port;
        let (dir, _) = server.stop();
        all.extend(lines_of(&fs::read_to_string(dir.path().join("log")).expect("a log"), port));
        all
    };
    assert_eq!(play(&ours.path("redis-server")), play(Path::new("redis-server")));
}

#[test]
fn append_only_files_are_written_anew_before_they_are_too_long() {
    let ours = Ours::new();
    let program = ours.path("redis-server");
    let args = [&AOF[..], &["--auto-aof-rewrite-min-size", "500kb"]].concat();
    let server = Server::start(&program, &args);
    let mut client = server.connect();
    for at in 0..30 {
        assert_eq!(client.say(&format!("SET k {at}{}", "x".repeat(50_000))), "+OK\r\n");
        std::thread::sleep(Duration::from_millis(20));
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("Background AOF rewrite finished successfully") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = server.log();
    assert!(log.contains("* Starting automatic rewriting of AOF on "), "{log}");
    let folder = fs::read_dir(server.dir.path().join("appendonlydir")).expect("a folder");
    let size: u64 = folder.flatten().map(|entry| entry.metadata().expect("a file").len()).sum();
    assert!(size < 1_400_000, "{size}");
    let server = Server::start_in(killed(server), &program, &args);
    assert_eq!(server.ask("STRLEN k"), ":50002\r\n");
}
