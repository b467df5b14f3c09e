//! `dockside serve` as a whole process: how soon an edit is to be seen in a browser, and how soon a class follows its presenter.
//!
//! The targets: 50 ms from the write of a file to the new text in Chromium (a deck of 908 slides), and p99 under 100 ms for
//! 1,000 followers on 2 cores, who are played here, on the same cores. Loopback only; ends by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/show/browser.rs"]
mod browser;
#[path = "../tests/show/chromium.rs"]
mod chromium;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/show/server.rs"]
mod server;

const FOLLOWERS: usize = 1000;
const MOVES: usize = 50;
const EDITS: usize = 100;

fn main() {
    // `cargo bench` says so; `cargo test --benches` only wants to know that it compiles.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    followers();
    edits();
}

fn followers() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.md"), "# One\n\n---\n\n# Two\n").expect("written");
    let server = server::Server::start(folder.path(), "a.md");
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (heard, hears) = std::sync::mpsc::channel();
    runtime.block_on(async {
        for _ in 0..FOLLOWERS {
            let mut stream = tokio::net::TcpStream::connect(&server.address).await.expect("connected");
            let request = format!("GET /dockside/events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
            stream.write_all(request.as_bytes()).await.expect("asked");
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut text = Vec::new();
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    text.extend_from_slice(&buffer[..n]);
                    while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                        let event: Vec<u8> = text.drain(..end + 2).collect();
                        if event.windows(6).any(|part| part == b"\"at\":\"") {
                            let _ = heard.send(Instant::now());
                        }
                    }
                }
            });
        }
    });
    // All have been told where they are before the first move.
    let mut presenter = TcpStream::connect(&server.address).expect("connected");
    presenter.set_nodelay(true).expect("set");
    let listening = || {
        server.ask(&format!(
            "GET /dockside/class HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            server.address, server.secret
        ))
    };
    while !listening().contains(&format!(":{FOLLOWERS}}}")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut times = Vec::new();
    for n in 1..=MOVES {
        let body = format!(
            "{{\"place\":{{\"page\":\"index.html\",\"at\":\"#{n}\",\"shown\":0,\"black\":false,\"invite\":false,\"zoom\":null,\"pointer\":null}},\"from\":\"b\"}}"
        );
        let start = Instant::now();
        write!(
            presenter,
            "POST /dockside/class HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            server.address,
            server.secret,
            body.len()
        )
        .expect("sent");
        for _ in 0..FOLLOWERS {
            let at = hears.recv_timeout(Duration::from_secs(10)).expect("every follower hears of every move");
            times.push(at.duration_since(start).as_secs_f64() * 1000.0);
        }
        let mut answer = [0; 1024];
        let _ = presenter.read(&mut answer).expect("an answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    report(&format!("{FOLLOWERS} followers, {MOVES} moves, from the presenter's request to each of them"), times);
}

fn edits() {
    let Some(chromium) = chromium::chromium() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/remark/decks/intro-selfpaced.md");
    let text = std::fs::read_to_string(&corpus).unwrap_or_else(|_| {
        (1..=908)
            .map(|n| format!("# Slide {n}\n\n- some text\n\n```bash\n$ docker run busybox echo {n}\n{n}\n```\n"))
            .collect::<Vec<_>>()
            .join("\n---\n\n")
    });
    let file = folder.path().join("deck.md");
    std::fs::write(&file, &text).expect("written");
    let server = server::Server::start(folder.path(), "deck.md");
    let mut browser = browser::Browser::start(&chromium);
    let window = browser.open(&format!("http://{}/#400", server.address));
    browser.until(&window, "document.querySelector('.slide.current')?.id === '400'");
    let heading = browser.eval(&window, "document.querySelector('.slide.current :is(h1, h2, h3, p, li)').textContent");
    let heading = heading.as_str().expect("a text").lines().next().unwrap_or_default().trim().to_owned();
    let at = text.find(&heading).expect("the slide's text in the deck");
    let mut times = Vec::new();
    for n in 0..EDITS {
        let mark = format!("Edited{n}x ");
        let edited = format!("{}{mark}{}", &text[..at], &text[at..]);
        browser.eval(
            &window,
            &format!(
                "window.seen = 0; window.watcher?.disconnect(); window.watcher = new MutationObserver(() => {{
                    if (!window.seen && document.querySelector('.slide.current')?.textContent.includes('{mark}')) window.seen = performance.timeOrigin + performance.now();
                }}); window.watcher.observe(document.body, {{ subtree: true, childList: true }})"
            ),
        );
        let start = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64() * 1000.0;
        std::fs::write(&file, edited).expect("written");
        browser.until(&window, "window.seen");
        let seen = browser.eval(&window, "window.seen").as_f64().expect("a time");
        times.push(seen - start);
        std::thread::sleep(Duration::from_millis(200));
    }
    report(&format!("{EDITS} edits of a deck of {} KB, from the write to the slide in Chromium", text.len() / 1024), times);
}

fn report(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let part = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!("{what}: median {:.1} ms, p99 {:.1} ms, longest {:.1} ms", part(0.5), part(0.99), part(1.0));
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
