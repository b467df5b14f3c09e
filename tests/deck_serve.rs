//! `dockside serve` from outside: pages, news of edits, trouble and recovery, and who may ask.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server; it ends with the test.
struct Server {
    process: Child,
    address: String,
    _out: BufReader<std::process::ChildStdout>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(folder: &Path, path: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dockside"))
            .args(["serve", path, "--port", "0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dockside starts");
        let mut out = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address in the line").to_owned();
        Server { process, address, _out: out }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server answers");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
        stream
    }

    fn get_as(&self, host: &str, place: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {place} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, place: &str) -> String {
        self.get_as(&self.address, place)
    }

    /// Listens to the news.
    fn news(&self) -> News {
        let mut stream = self.connect();
        write!(stream, "GET /dockside/events HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).expect("asked");
        News(BufReader::new(stream))
    }
}

struct News(BufReader<TcpStream>);

impl News {
    fn next(&mut self) -> serde_json::Value {
        let mut line = String::new();
        // The server says now and then that it is alive, so a time limit on reading alone would never end a wait in vain.
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            line.clear();
            assert!(Instant::now() < end, "no news");
            assert_ne!(self.0.read_line(&mut line).expect("news in time"), 0, "the server hung up");
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data.trim()).expect("news are JSON");
            }
        }
    }

    /// The next news that are as wanted.
    fn until(&mut self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let news = self.next();
            if wanted(&news) {
                return news;
            }
        }
    }
}

fn course() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("course.yml"), "title: C\ndecks:\n  - {name: one, title: One, file: a.md}\n").expect("written");
    fs::write(folder.path().join("a.md"), "# First\n\n![x](x.svg)\n").expect("written");
    fs::write(folder.path().join("x.svg"), "<svg/>").expect("written");
    fs::write(folder.path().join("secret.txt"), "no part of the course").expect("written");
    folder
}

#[test]
fn pages_and_pictures_but_nothing_else() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    assert!(server.address.starts_with("127.0.0.1:"), "{}", server.address);
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/html") && page.contains("First"), "{page}");
    assert!(page.contains("/dockside/live.js"));
    assert!(server.get("/x.svg").contains("image/svg+xml"));
    assert!(server.get("/dockside/dockside.css").contains("text/css"));
    assert!(server.get("/dockside/live.js").contains("EventSource"));
    for place in ["/secret.txt", "/course.yml", "/a.md", "/../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/x.svg/.."] {
        assert!(server.get(place).starts_with("HTTP/1.1 404"), "{place}");
    }
}

#[test]
fn only_this_machine_may_ask() {
    let folder = course();
    let server = Server::start(folder.path(), "a.md");
    let port = server.address.rsplit(':').next().expect("a port");
    assert!(server.get_as(&format!("localhost:{port}"), "/").starts_with("HTTP/1.1 200"));
    assert!(server.get_as("evil.example", "/").starts_with("HTTP/1.1 403"));
    assert!(server.get_as(&format!("127.0.0.1.evil.example:{port}"), "/").starts_with("HTTP/1.1 403"));
}

#[test]
fn an_edit_is_told_and_shown() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    let mut news = server.news();
    let first = news.next();
    assert!(first["trouble"].is_null());
    assert!(server.get("/").contains(&format!("data-version=\"{}\"", first["version"].as_str().expect("a version"))));
    fs::write(folder.path().join("a.md"), "# Second\n\n![x](x.svg)\n").expect("written");
    let second = news.until(|n| n["version"] != first["version"]);
    assert_eq!(second["looks"], first["looks"]);
    assert!(server.get("/").contains("Second"));
    // As editors save: a new file in the place of the old one.
    fs::write(folder.path().join("a.md.tmp"), "# Third\n\n![x](x.svg)\n").expect("written");
    fs::rename(folder.path().join("a.md.tmp"), folder.path().join("a.md")).expect("renamed");
    news.until(|n| n["version"] != second["version"]);
    assert!(server.get("/").contains("Third"));
    fs::write(folder.path().join("x.svg"), "<svg> </svg>").expect("written");
    let looks = news.until(|n| n["looks"] != first["looks"]);
    assert!(looks["trouble"].is_null());
}

#[test]
fn a_broken_edit_says_so_and_the_next_one_mends_it() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    let mut news = server.news();
    news.next();
    let good = fs::read_to_string(folder.path().join("course.yml")).expect("read");
    fs::write(folder.path().join("course.yml"), "title: [\n").expect("written");
    let broken = news.until(|n| !n["trouble"].is_null());
    assert!(broken["trouble"].as_str().expect("text").contains("course.yml"), "{broken}");
    assert!(server.get("/").contains("First"), "the last good slides stay");
    fs::write(folder.path().join("course.yml"), good).expect("written");
    news.until(|n| n["trouble"].is_null());
    fs::remove_file(folder.path().join("a.md")).expect("removed");
    news.until(|n| !n["trouble"].is_null());
    fs::write(folder.path().join("a.md"), "# Back\n").expect("written");
    news.until(|n| n["trouble"].is_null());
    assert!(server.get("/").contains("Back"));
}

#[test]
fn what_was_broken_at_the_start_is_shown_once_it_is_whole() {
    let folder = course();
    fs::write(folder.path().join("course.yml"), "title: [\n").expect("written");
    let server = Server::start(folder.path(), ".");
    assert!(server.get("/").contains("/dockside/live.js"));
    let mut news = server.news();
    assert!(!news.next()["trouble"].is_null());
    fs::write(folder.path().join("course.yml"), "title: C\ndecks:\n  - {name: one, title: One, file: a.md}\n").expect("written");
    news.until(|n| n["trouble"].is_null());
    assert!(server.get("/").contains("First"));
}

#[test]
fn a_port_in_use_is_told() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    let port = server.address.rsplit(':').next().expect("a port");
    let output = Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["serve", ".", "--port", port])
        .current_dir(folder.path())
        .output()
        .expect("dockside starts");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(port) && errors.contains("hint"), "{errors}");
}
