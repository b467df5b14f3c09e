//! `dockside serve` from outside: pages, news of edits, trouble and recovery, who may ask, and a class that follows its presenter.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use show::browser::{Browser, Window};
use show::chromium::chromium;
use show::server::Server;

mod show {
    pub mod browser;
    pub mod chromium;
    pub mod server;
}

impl Server {
    /// Listens to the news.
    fn news(&self) -> News {
        self.news_at("/dockside/events")
    }

    /// The same for who shows a page.
    fn news_at(&self, place: &str) -> News {
        let mut stream = self.connect();
        write!(stream, "GET {place} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).expect("asked");
        News(BufReader::new(stream))
    }
}

struct News(BufReader<TcpStream>);

impl News {
    /// The next news of the slides.
    fn next(&mut self) -> serde_json::Value {
        loop {
            let said = self.any();
            if said.get("version").is_some() {
                return said;
            }
        }
    }

    /// The next place of the class.
    fn place(&mut self) -> serde_json::Value {
        loop {
            let mut said = self.any();
            if let Some(place) = said.get_mut("place") {
                return place.take();
            }
        }
    }

    fn any(&mut self) -> serde_json::Value {
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
fn a_part_of_a_video_can_be_had() {
    let folder = course();
    fs::write(folder.path().join("v.mp4"), b"0123456789").expect("written");
    fs::write(folder.path().join("a.md"), "# Film\n\n<video src=\"v.mp4\" controls></video>\n").expect("written");
    let server = Server::start(folder.path(), ".");
    let part = |range: &str| {
        server.ask(&format!("GET /v.mp4 HTTP/1.1\r\nHost: {}\r\nRange: bytes={range}\r\nConnection: close\r\n\r\n", server.address))
    };
    let some = part("2-4");
    assert!(some.starts_with("HTTP/1.1 206") && some.contains("content-range: bytes 2-4/10") && some.ends_with("\r\n\r\n234"), "{some}");
    assert!(some.contains("content-type: video/mp4") && some.contains("nosniff"), "{some}");
    assert!(part("8-").ends_with("\r\n\r\n89"));
    assert!(part("20-").starts_with("HTTP/1.1 416"));
    let whole = server.get("/v.mp4");
    assert!(
        whole.starts_with("HTTP/1.1 200") && whole.contains("accept-ranges: bytes") && whole.ends_with("\r\n\r\n0123456789"),
        "{whole}"
    );
    fs::remove_file(folder.path().join("v.mp4")).expect("removed");
    assert!(server.get("/v.mp4").starts_with("HTTP/1.1 404"));
}

#[test]
fn pages_are_packed_for_those_who_take_it() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    let ask = |takes: &str| {
        let mut stream = server.connect();
        write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n{takes}Connection: close\r\n\r\n", server.address).expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head") + 4;
        (String::from_utf8_lossy(&answer[..end]).into_owned(), answer.split_off(end))
    };
    let (head, plain) = ask("");
    assert!(!head.contains("content-encoding") && head.contains("vary: accept-encoding"), "{head}");
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let (head, packed) = ask("Accept-Encoding: gzip, br\r\n");
        assert!(head.contains("content-encoding: gzip"), "{head}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(String::from_utf8_lossy(&unpacked), String::from_utf8_lossy(&plain));
        sizes.push(packed.len());
    }
    assert!(sizes[0] * 2 < plain.len(), "{sizes:?} of {}", plain.len());
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

/// A move to a slide, as a presenter's page sends it.
fn step(at: &str) -> String {
    format!(
        "{{\"place\":{{\"page\":\"index.html\",\"at\":\"{at}\",\"shown\":0,\"black\":false,\"invite\":false,\"zoom\":null,\"pointer\":null}},\"from\":\"test\"}}"
    )
}

/// Tries to move the class; the status of the answer.
fn post(server: &Server, authorization: &str, body: &str) -> String {
    let answer = server.ask(&format!(
        "POST /dockside/class HTTP/1.1\r\nHost: {}\r\n{authorization}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        server.address,
        body.len()
    ));
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn only_the_presenter_moves_the_class() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    let mut news = server.news();
    assert!(news.place().is_null());
    let secret = format!("Authorization: Bearer {}\r\n", server.secret);
    let wrong = format!("Authorization: Bearer {}x\r\n", &server.secret[1..]);
    for other in ["", "Authorization: Bearer \r\n", "Cookie: dockside-secret=1\r\n", wrong.as_str()] {
        assert_eq!(post(&server, other, &step("#2")), "403", "{other}");
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(post(&server, &format!("{secret}Origin: {origin}\r\n"), &step("#2")), "403", "from {origin}");
    }
    assert_eq!(post(&server, &format!("{secret}Origin: http://{}\r\n", server.address), "{}"), "400");
    assert_eq!(post(&server, &secret, "{}"), "400");
    assert_eq!(post(&server, &secret, &step("javascript:alert(1)")), "400");
    assert_eq!(post(&server, &secret, &"x".repeat(100_000)), "413");
    assert_eq!(post(&server, &secret, &step("#2")), "204");
    assert_eq!(news.place()["at"], "#2", "the first that followers hear of is the presenter's move");
    assert!(server.get(&format!("/present/{}", server.secret)).starts_with("HTTP/1.1 200"));
    assert!(server.get("/present/guess").starts_with("HTTP/1.1 403"));
    let page = server.get("/");
    assert!(!page.contains(&server.secret) && page.contains(&format!("data-join=\"{}\"", server.join)), "{page}");
    let code = server.get("/dockside/join.svg");
    assert!(code.contains("image/svg+xml") && code.contains("<path"), "{code}");
}

#[test]
fn a_class_outlives_its_server() {
    let folder = course();
    let server = Server::start(folder.path(), ".");
    let mut news = server.news();
    let secret = server.secret.clone();
    assert_eq!(post(&server, &format!("Authorization: Bearer {secret}\r\n"), &step("#7")), "204");
    assert_eq!(until_place(&mut news)["at"], "#7");
    let kept = folder.path().join("home/classes");
    let end = Instant::now() + Duration::from_secs(20);
    let is_kept = || {
        let mut files = fs::read_dir(&kept).into_iter().flatten().flatten().map(|file| file.path());
        // Beside it there may be the next one, which is not written to its end.
        files.any(|path| path.extension().is_some_and(|e| e == "json") && fs::read_to_string(path).is_ok_and(|text| text.contains("#7")))
    };
    while !is_kept() {
        assert!(Instant::now() < end, "the place reaches the disk");
        std::thread::yield_now();
    }
    // Killed, not asked to stop.
    drop(server);
    let server = Server::start(folder.path(), ".");
    assert_eq!(server.secret, secret);
    assert_eq!(server.news().place()["at"], "#7");
    drop(server);
    let server = Server::start_with(folder.path(), ".", &["--new-address"]);
    assert_ne!(server.secret, secret);
}

fn until_place(news: &mut News) -> serde_json::Value {
    loop {
        let place = news.place();
        if !place.is_null() {
            return place;
        }
    }
}

#[test]
fn on_the_network_addresses_are_answered_and_names_that_are_ours() {
    let folder = course();
    let server = Server::start_with(folder.path(), ".", &["--bind", "0.0.0.0", "--url", "https://class.example"]);
    assert_eq!(server.join, "https://class.example/join");
    for (host, status) in [("192.168.1.5:8000", "200"), ("class.example", "200"), ("localhost", "200"), ("evil.example", "403")] {
        assert_eq!(server.get_as(host, "/").split(' ').nth(1), Some(status), "{host}");
    }
}

#[test]
fn an_edit_sends_the_slides_that_it_changed() {
    let folder = course();
    let deck = |middle: &str| format!("# One\n\n---\n\n# {middle}\n\n---\n\n# Three\n");
    fs::write(folder.path().join("a.md"), deck("Two")).expect("written");
    let server = Server::start(folder.path(), ".");
    let mut news = server.news();
    let mut with_page = server.news_at("/dockside/events?page=index.html");
    let first = news.next()["version"].as_str().expect("a version").to_owned();
    // In one step: nobody sees half of it.
    fs::write(folder.path().join("a.md.new"), deck("Zwei")).expect("written");
    fs::rename(folder.path().join("a.md.new"), folder.path().join("a.md")).expect("renamed");
    let second = news.until(|n| n["version"] != first.as_str())["version"].clone();
    let answer = server.get(&format!("/dockside/patch?page=index.html&from={first}"));
    let patch: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert_eq!(patch["to"], second);
    let patch = &patch["patch"];
    // Who says what page it shows need not ask.
    let told = with_page.until(|n| n["version"] != first.as_str());
    assert_eq!((&told["from"], &told["patch"]), (&first.as_str().into(), patch));
    assert_eq!((&patch["count"], &patch["start"], &patch["gone"]), (&3.into(), &1.into(), &1.into()));
    let html = patch["html"].as_str().expect("HTML");
    assert!(html.contains("Zwei") && !html.contains("One") && !html.contains("Three"), "{html}");
    assert!(server.get("/dockside/patch?page=index.html&from=other").starts_with("HTTP/1.1 404"));
}

#[test]
fn an_audience_is_shown_what_is_for_it() {
    let folder = course();
    let manifest = "title: C\ndecks:\n  - {name: one, file: a.md, exclude: [live]}\nvariants:\n  class: {include: [live]}\n";
    fs::write(folder.path().join("course.yml"), manifest).expect("written");
    fs::write(folder.path().join("a.md"), "# First\n\n---\nclass: live\n\n# Live\n").expect("written");
    assert!(!Server::start(folder.path(), ".").get("/").contains("Live"));
    assert!(Server::start_with(folder.path(), ".", &["--variant", "class"]).get("/").contains("Live"));
}

/// Two decks of a course that a class goes through.
fn lecture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = "title: C\ndecks:\n  - {name: one, file: a.md, plan: {One: 5, Three: 10}}\n  - {name: two, file: b.md}\n";
    fs::write(folder.path().join("course.yml"), manifest).expect("written");
    fs::write(folder.path().join("a.md"), "# One\n\n???\n\nSay it.\n\n---\n\n# Two\n\n---\nname: three\n\n# Three\n\n---\n\n# Four\n")
        .expect("written");
    fs::write(folder.path().join("b.md"), "# A\n\n!SUB\n# A1\n\n!SLIDE\n# B\n\n- x <!-- .element: class=\"fragment\" -->\n")
        .expect("written");
    folder
}

const IS_CLASS: &str = "document.querySelector('#class')?.textContent";

#[test]
fn a_class_follows_its_presenter_roams_and_comes_back() {
    let Some(chromium) = chromium() else { return };
    let folder = lecture();
    let server = Server::start(folder.path(), ".");
    let at = |path: &str| format!("http://{}{path}", server.address);
    let mut browser = Browser::start(&chromium);
    let presenter = browser.open(&at(&format!("/present/{}", server.secret)));
    browser.until(&presenter, "document.querySelector('.decks a')");
    assert_eq!(browser.eval(&presenter, "location.pathname"), "/", "the secret is not in the address bar");
    // One is there before the class begins, one comes late.
    let early = browser.open(&server.join);
    browser.until(&early, &format!("{IS_CLASS}.includes('Waiting')"));
    browser.eval(&presenter, "document.querySelector('.decks a').click()");
    browser.until(&presenter, "document.documentElement.classList.contains('presenter')");
    assert_eq!(browser.eval(&presenter, "document.querySelector('#presenter .said').textContent.trim()"), "Say it.");
    browser.until(&presenter, "document.querySelector('#presenter .left').textContent.startsWith('0:1')");
    browser.until(&early, "location.pathname === '/one.html'");
    browser.press(&presenter, &["ArrowRight", "ArrowRight"]);
    browser.until(&early, "location.hash === '#three'");
    let late = browser.open(&server.join);
    browser.until(&late, "location.hash === '#three'");
    browser.press(&presenter, &["b"]);
    browser.until(&late, "document.documentElement.classList.contains('black')");
    browser.press(&presenter, &["b"]);
    browser.until(&late, "!document.documentElement.classList.contains('black')");
    // One goes its own way: nobody else does, and the class goes on without it.
    browser.press(&late, &["Home"]);
    browser.until(&late, &format!("{IS_CLASS}.includes('Back')"));
    browser.press(&presenter, &["ArrowRight"]);
    browser.until(&early, "location.hash === '#4'");
    assert_eq!(browser.eval(&late, "location.hash"), "#1");
    assert_eq!(browser.eval(&presenter, "location.hash"), "#4");
    browser.press(&late, &["r"]);
    browser.until(&late, "location.hash === '#4'");
    // To the other deck, with its fragments.
    browser.eval(&presenter, "location.href = 'two.html#/1'");
    browser.until(&early, "location.pathname === '/two.html' && location.hash === '#/1'");
    browser.until(&presenter, "window.dockside.place().at === '#/1'");
    let shown = "document.querySelectorAll('.slide.current .fragment.shown').length";
    assert_eq!(browser.eval(&early, shown), 0);
    browser.press(&presenter, &["ArrowRight"]);
    browser.until(&early, &format!("{shown} === 1"));
    browser.until(&late, &format!("{shown} === 1"));
}

#[test]
fn an_edit_keeps_everyone_where_they_are() {
    let Some(chromium) = chromium() else { return };
    let folder = lecture();
    let server = Server::start(folder.path(), "a.md");
    let mut browser = Browser::start(&chromium);
    let window = browser.open(&format!("http://{}/#2", server.address));
    browser.until(&window, "document.querySelector('.slide.current h1')?.textContent === 'Two'");
    browser.eval(&window, "document.querySelector('.slide').dataset.same = 'yes'");
    let deck = fs::read_to_string(folder.path().join("a.md")).expect("read");
    fs::write(folder.path().join("a.md"), deck.replace("# Two", "# Zwei")).expect("written");
    browser.until(&window, "document.querySelector('.slide.current h1').textContent === 'Zwei'");
    assert_eq!(
        browser.eval(&window, "location.hash + document.querySelector('.slide').dataset.same"),
        "#2yes",
        "the other slides are left alone"
    );
    fs::write(folder.path().join("a.md"), format!("# New\n\n---\n\n{}", deck.replace("# Two", "# Zwei"))).expect("written");
    browser.until(&window, "document.querySelectorAll('.slide').length === 5");
    assert_eq!(browser.eval(&window, "location.hash"), "#2");
    // Those that were there have other numbers and are no other elements.
    let second = "(() => { const s = document.querySelectorAll('.slide')[1]; return [s.dataset.same, s.id, s.dataset.number, s.getAttribute('aria-label')].join(); })()";
    assert_eq!(browser.eval(&window, second), "yes,2,2/5,2 of 5");
}

#[test]
fn windows_of_a_talk_keep_in_step_from_disk() {
    let Some(chromium) = chromium() else { return };
    let folder = lecture();
    build(folder.path());
    let address = format!("file://{}/out/one.html", folder.path().display());
    let mut browser = Browser::start(&chromium);
    let laptop = browser.open(&address);
    browser.until(&laptop, "window.dockside");
    browser.press(&laptop, &["c"]);
    let projector = other(&mut browser, &address, &laptop);
    browser.until(&projector, "window.dockside");
    browser.press(&laptop, &["ArrowRight", "p"]);
    browser.until(&projector, "location.hash === '#2' && !document.documentElement.classList.contains('presenter')");
    browser.eval(&projector, "document.querySelector('[data-do=next]').click()");
    browser.until(&laptop, "location.hash === '#three'");
    // The pointer is on the same words in a window of another size.
    browser.press(&laptop, &["x"]);
    let heading = "(() => { const b = document.querySelector('.slide.current h1').getBoundingClientRect(); return [b.left + b.width / 4, b.top + b.height / 2]; })()";
    let point = browser.eval(&laptop, heading);
    browser.call(Some(&laptop), "Input.dispatchMouseEvent", serde_json::json!({ "type": "mouseMoved", "x": point[0], "y": point[1] }));
    browser.until(&projector, &format!("(() => {{ const p = document.querySelector('#pointer').getBoundingClientRect(), [x, y] = {heading}; return Math.hypot(p.left + p.width / 2 - x, p.top + p.height / 2 - y) < 4; }})()"));
    browser.press(&laptop, &["z"]);
    browser.until(&projector, "getComputedStyle(document.querySelector('.slide.current .body')).transform.startsWith('matrix(2')");
    // Another window with the same deck is nobody's business.
    let stranger = browser.open(&address);
    browser.until(&stranger, "window.dockside");
    browser.press(&laptop, &["x", "z", "End"]);
    browser.until(&projector, "location.hash === '#4'");
    assert_eq!(browser.eval(&stranger, "location.hash"), "");
}

#[test]
fn a_slide_is_found_by_number_title_and_words() {
    let Some(chromium) = chromium() else { return };
    let folder = lecture();
    fs::write(folder.path().join("a.md"), "# One\n\n---\n\n# Bücher\n\n---\n\n# Three<br>and more\n\nabout a Harbour and 2 books\n")
        .expect("written");
    build(folder.path());
    let mut browser = Browser::start(&chromium);
    let window = browser.open(&format!("file://{}/out/one.html", folder.path().display()));
    browser.until(&window, "window.dockside");
    for (typed, hash) in [("2", "#2"), ("bucher", "#2"), ("HARBOUR about", "#3"), ("one", "#1"), ("three and m", "#3")] {
        browser.press(&window, &["g"]);
        browser.until(&window, "document.querySelector('#finder')?.open");
        browser.call(Some(&window), "Input.insertText", serde_json::json!({ "text": typed }));
        browser.press(&window, &["Enter"]);
        browser.until(&window, &format!("location.hash === '{hash}' && !document.querySelector('#finder').open"));
    }
}

fn build(folder: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_dockside"))
        .args(["build", ".", "-o", "out"])
        .current_dir(folder)
        .output()
        .expect("dockside starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The window that another one has opened.
fn other(browser: &mut Browser, address: &str, known: &Window) -> Window {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(target) = browser.others(address, &[known]).first() {
            return browser.attach(target);
        }
        assert!(Instant::now() < end, "no window opened");
        std::thread::yield_now();
    }
}
