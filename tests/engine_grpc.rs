//! BuildKit's own protocol, spoken as buildx does but by a client of the tests' own: what a good client gets, and what becomes of one
//! that sends nonsense or goes away.

mod grpc;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use dockside::trace;
use grpc::{Entry, Failed, Grpc, Machine, Served, framed, session, upgraded};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(Clone, PartialEq, Message)]
struct Solve {
    #[prost(string, tag = "1")]
    reference: String,
    #[prost(string, tag = "3")]
    exporter: String,
    #[prost(map = "string, string", tag = "4")]
    exporter_attributes: HashMap<String, String>,
    #[prost(string, tag = "5")]
    session: String,
    #[prost(string, tag = "6")]
    frontend: String,
    #[prost(map = "string, string", tag = "7")]
    attributes: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct Made {
    #[prost(map = "string, string", tag = "1")]
    said: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(string, tag = "2")]
    frontend: String,
    #[prost(map = "string, string", tag = "3")]
    attributes: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct PartMade {
    #[prost(bytes = "vec", optional, tag = "3")]
    result: Option<Vec<u8>>,
}

/// A result, or an error of the client's own.
#[derive(Clone, PartialEq, Message)]
struct Return {
    #[prost(bytes = "vec", optional, tag = "1")]
    result: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    error: Option<Error>,
}

#[derive(Clone, PartialEq, Message)]
struct Error {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    reference: String,
}

const SOLVE: &str = "moby.buildkit.v1.Control/Solve";
const STATUS: &str = "moby.buildkit.v1.Control/Status";
const PART: &str = "moby.buildkit.v1.frontend.LLBBridge/Solve";
const RETURN: &str = "moby.buildkit.v1.frontend.LLBBridge/Return";

/// Runs a test that must not hang.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(120), test).await.expect("it hangs") });
}

fn frontend() -> Part {
    Part { frontend: "dockerfile.v0".into(), attributes: HashMap::from([("filename".into(), "Dockerfile".into())]) }
}

/// Builds as buildx does: by parts, with the status followed beside it. Gives what the build made, and what it told.
async fn build(served: &Served, name: &str, machine: Arc<Machine>, exporter: &str) -> Result<(Made, Vec<trace::News>), Failed> {
    let socket = served.socket();
    let client = Grpc::connect(&socket).await;
    let held = session(&socket, name, machine).await;
    let solve = Solve {
        reference: name.into(),
        session: name.into(),
        exporter: exporter.into(),
        exporter_attributes: HashMap::from([("name".into(), format!("{name}:1"))]),
        ..Solve::default()
    };
    let follow = Named { reference: name.into() };
    let parts = async {
        let part = match client.call(PART, name, &frontend()).await {
            Ok(part) => part,
            Err(failed) => {
                let error = Some(Error { code: failed.code, message: failed.message.clone() });
                client.call(RETURN, name, &Return { result: None, error }).await?;
                return Err(failed);
            }
        };
        let result = PartMade::decode(part[0].clone()).expect("a message").result;
        client.call(RETURN, name, &Return { result, error: None }).await
    };
    let (made, told, returned) = tokio::join!(client.call(SOLVE, "", &solve), client.call(STATUS, "", &follow), parts);
    held.abort();
    returned?;
    let made = Made::decode(made?[0].clone()).expect("a message");
    let told = told?.iter().map(|news| trace::wire::decode(news).expect("news")).collect();
    Ok((made, told))
}

#[test]
fn a_build_is_told_of_and_its_image_named() {
    run(async {
        let served = Served::start();
        let files = vec![Entry::file("a", "some content"), Entry::file("b", "not needed"), Entry::link("l", "a")];
        let machine = Arc::new(Machine::with("FROM scratch\nCOPY a l /\n", files));
        let (made, told) = build(&served, "first", Arc::clone(&machine), "moby").await.expect("a build");
        assert_eq!(made.said["image.name"], "docker.io/library/first:1");
        assert!(made.said["containerimage.digest"].starts_with("sha256:"), "{made:?}");
        let names: Vec<String> =
            told.iter().flat_map(|news| &news.vertexes).filter(|v| v.completed.is_some()).map(|v| v.name.clone()).collect();
        assert_eq!(
            names,
            [
                "[internal] load build definition from Dockerfile",
                "[internal] load .dockerignore",
                "[internal] load build context",
                "[1/1] COPY a l /",
                "exporting to image",
            ]
        );
        let asked = machine.asked.lock().expect("unharmed").clone();
        assert!(asked[0].contains(" dockerfile Dockerfile,Dockerfile.dockerignore,dockerfile "), "{asked:?}");
        assert!(asked[1].contains(" context .dockerignore "), "{asked:?}");
        assert!(asked[2].contains(" context a,l "), "{asked:?}");
    });
}

#[test]
fn files_of_a_build_are_given_back() {
    run(async {
        let served = Served::start();
        let long = "0123456789".repeat(20_000);
        let files = vec![Entry::folder("d"), Entry::file("d/f", "inside"), Entry::file("e", ""), Entry::file("long", &long)];
        let machine = Arc::new(Machine::with("FROM scratch\nCOPY . /x/\n", files));
        build(&served, "given", Arc::clone(&machine), "local").await.expect("a build");
        let kept = machine.kept.lock().expect("unharmed");
        assert_eq!(kept.get("x/d/f").map(Vec::as_slice), Some(&b"inside"[..]));
        assert!(kept.get("x/long").is_some_and(|content| content == long.as_bytes()));
    });
}

/// Asks for a build over HTTP, with `body` for its context. Gives the status line and all that is told.
async fn post(served: &Served, query: &str, body: &[u8]) -> (String, String) {
    let mut stream = tokio::net::UnixStream::connect(served.socket()).await.expect("connects");
    let head = format!(
        "POST /v1.45/build?{query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("is written");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.expect("an answer");
    let said = String::from_utf8_lossy(&said);
    let (head, body) = said.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[test]
fn builds_over_http_take_what_they_need_from_a_session() {
    run(async {
        let served = Served::start();
        let files = vec![Entry::file("a", "some content"), Entry::file("b", "not needed")];
        let machine = Arc::new(Machine::with("FROM scratch\nCOPY a /\n", files));
        let held = session(&served.socket(), "old", Arc::clone(&machine)).await;
        // The files stay on the client's machine.
        let (status, said) = post(&served, "version=2&remote=client-session&session=old&t=old:1", b"").await;
        assert!(status.ends_with(" 200 OK") && said.contains("moby.buildkit.trace"), "{status} {said}");
        assert!(said.contains(r#"{"id":"moby.image.id","aux":{"ID":"sha256:"#), "{said}");
        let asked = machine.asked.lock().expect("unharmed").clone();
        assert!(asked.iter().any(|asked| asked.contains(" context a ")), "{asked:?}");
        // Only what was made is told.
        let (_, said) = post(&served, "version=2&remote=client-session&session=old&q=1", b"").await;
        assert!(said.contains(r#"{"stream":"sha256:"#) && !said.contains("moby."), "{said}");
        // What comes out of it goes into the client's folder.
        let local = "%5B%7B%22Type%22%3A%22local%22%7D%5D";
        let (status, said) = post(&served, &format!("version=2&remote=client-session&session=old&outputs={local}"), b"").await;
        assert!(status.ends_with(" 200 OK") && !said.contains("moby.image.id"), "{status} {said}");
        assert_eq!(machine.kept.lock().expect("unharmed").get("a").map(Vec::as_slice), Some(&b"some content"[..]));
        // A context that comes with the request needs none of it, whether the session is there or not.
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("Dockerfile", "FROM scratch\nCOPY c /\n"), ("c", "sent along")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, content.as_bytes()).expect("a tar");
        }
        let tar = tar.into_inner().expect("a tar");
        let before = machine.asked.lock().expect("unharmed").len();
        for session in ["old", "nosuch"] {
            let (status, said) = post(&served, &format!("version=2&session={session}"), &tar).await;
            assert!(status.ends_with(" 200 OK") && said.contains("moby.image.id"), "{status} {said}");
        }
        assert_eq!(machine.asked.lock().expect("unharmed").len(), before);
        held.abort();
        let (status, said) = post(&served, "version=2&remote=client-session&session=nosuch", b"").await;
        assert!(status.contains(" 500 ") && said.contains("no active session for nosuch: context deadline exceeded"), "{status} {said}");
        let (status, said) = post(&served, "version=2&remote=client-session", b"").await;
        assert!(status.contains(" 500 ") && said.contains("no active sessions"), "{status} {said}");
    });
}

#[test]
fn a_dockerfile_that_makes_no_sense_fails_with_its_place() {
    run(async {
        let served = Served::start();
        let machine = Arc::new(Machine::with("FROM scratch\nNONSENSE\n", Vec::new()));
        let failed = build(&served, "wrong", machine, "moby").await.expect_err("it makes no sense");
        assert_eq!((failed.code, failed.message.as_str()), (2, "dockerfile parse error on line 2: unknown instruction: NONSENSE"));
        assert!(!failed.details.is_empty());
        // A client that wants nothing gets nothing.
        let client = Grpc::connect(&served.socket()).await;
        let solve = Solve { reference: "nothing".into(), session: "none".into(), ..Solve::default() };
        let nothing = Return { result: None, error: None };
        let (made, returned) = tokio::join!(client.call(SOLVE, "", &solve), client.call(RETURN, "nothing", &nothing));
        assert!(returned.is_ok() && Made::decode(made.expect("all is well")[0].clone()).expect("a message").said.is_empty());
    });
}

#[test]
fn paths_of_a_client_lead_nowhere_else() {
    run(async {
        let mut served = Served::start();
        let outside = served.dir.path().join("outside");
        std::fs::create_dir(&outside).expect("a folder");
        let up = "../".repeat(20);
        let there = format!("{}/f", outside.display());
        let hostile = [
            vec![Entry::file(&format!("{up}{there}"), "out")],
            vec![Entry::file(&there, "out")],
            vec![Entry::link("l", &outside.display().to_string()), Entry::file("l/f", "out")],
            vec![Entry { link: there.clone(), ..Entry::file("h", "") }],
            vec![Entry { size: i64::MAX, ..Entry::file("big", "small") }],
            vec![Entry { size: -1, ..Entry::file("less", "small") }],
            vec![Entry { size: 2, ..Entry::file("longer", "than it said") }],
            vec![Entry::file("", "no name"), Entry::file(".", "no name"), Entry::file("a//b/../../..", "?")],
        ];
        for (number, files) in hostile.into_iter().enumerate() {
            let machine = Arc::new(Machine::with("FROM scratch\nCOPY . /\n", files));
            // Whether it is refused or made harmless: nothing gets out, and the engine goes on.
            let _ = build(&served, &format!("hostile{number}"), machine, "moby").await;
            assert!(std::fs::read_dir(&outside).expect("a folder").next().is_none(), "{number}");
        }
        let machine = Arc::new(Machine::with("FROM scratch\nCOPY a /\n", vec![Entry::file("a", "b")]));
        build(&served, "after", machine, "moby").await.expect("a build");
        assert!(served.lives());
    });
}

#[test]
fn clients_that_go_away_are_let_go() {
    run(async {
        let mut served = Served::start();
        let socket = served.socket();
        for calls in 0..3 {
            let mut machine = Machine::with("FROM scratch\nCOPY a /\n", vec![Entry::file("a", "b")]);
            machine.dies_after = Some(calls);
            build(&served, &format!("gone{calls}"), Arc::new(machine), "moby").await.expect_err("its files are gone");
        }
        // One that says nothing that makes sense.
        for nonsense in
            [framed(b"\xff\xff\xff"), Bytes::from_static(b"\0\xff\xff\xff\xff"), Bytes::from_static(b"\x01\0\0\0\0"), framed(b"")]
        {
            let mut machine = Machine::with("", Vec::new());
            machine.answers = Some(nonsense.clone());
            let failed = build(&served, &format!("mad{}", nonsense.len()), Arc::new(machine), "moby").await;
            failed.expect_err("it makes no sense");
        }
        // One that hangs up while its build waits for it.
        let held = session(&socket, "quiet", Arc::new(Machine::with("FROM scratch\nCOPY a /\n", vec![Entry::file("a", "b")]))).await;
        let client = Grpc::connect(&socket).await;
        let solve = Solve { reference: "quiet".into(), session: "quiet".into(), exporter: "moby".into(), ..Solve::default() };
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.call(SOLVE, "", &solve).await }
        });
        client.call(PART, "quiet", &frontend()).await.expect("a part");
        waiting.abort();
        drop(client);
        held.abort();
        let machine = Arc::new(Machine::with("FROM scratch\nCOPY a /\n", vec![Entry::file("a", "b")]));
        build(&served, "later", machine, "moby").await.expect("a build");
        assert!(served.lives());
    });
}

#[test]
fn nonsense_is_answered_and_nobody_else_disturbed() {
    run(async {
        let mut served = Served::start();
        let socket = served.socket();
        let client = Grpc::connect(&socket).await;
        let code = |answer: Result<Vec<Bytes>, Failed>| answer.expect_err("it makes no sense").code;
        assert_eq!(code(client.raw("no.such.Service/Method", "", framed(b"")).await), 12);
        assert_eq!(code(client.raw("moby.buildkit.v1.Control/Nothing", "", framed(b"")).await), 12);
        assert_eq!(code(client.raw(SOLVE, "", Bytes::new()).await), 13);
        assert_eq!(code(client.raw(SOLVE, "", framed(b"\x0a\xff")).await), 13);
        assert_eq!(code(client.raw(SOLVE, "", framed(b"")).await), 3);
        assert_eq!(code(client.raw(SOLVE, "", Bytes::from_static(b"\x01\0\0\0\x01x")).await), 12);
        assert_eq!(code(client.raw(SOLVE, "", Bytes::from_static(b"\0\0\0\0\x05x")).await), 13);
        let mut long = BytesMut::new();
        long.put_u8(0);
        long.put_u32(17 << 20);
        assert_eq!(code(client.raw(SOLVE, "", long.freeze()).await), 8);
        assert_eq!(code(client.call(PART, "", &frontend()).await), 3);
        assert_eq!(code(client.call(STATUS, "", &Named { reference: "never".into() }).await), 2);
        let alone = Solve { reference: "alone".into(), session: "nobody".into(), frontend: "dockerfile.v0".into(), ..Solve::default() };
        let failed = client.call(SOLVE, "", &alone).await.expect_err("nobody is there");
        assert!(failed.message.contains("no active session for nobody"), "{failed:?}");
        let foreign = Solve { reference: "foreign".into(), frontend: "gateway.v0".into(), ..Solve::default() };
        assert!(client.call(SOLVE, "", &foreign).await.expect_err("there is none").message.contains("gateway.v0"));
        // What is no HTTP/2 at all.
        for path in ["/grpc", "/session"] {
            for bytes in [
                &b"GET / HTTP/1.1\r\n\r\n"[..],
                &[0xff; 4096],
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                b"",
            ] {
                let mut stream = upgraded(&socket, path, &[("X-Docker-Expose-Session-Uuid", "mad")]).await;
                let _ = stream.write_all(bytes).await;
            }
        }
        assert!(client.raw("moby.buildkit.v1.Control/ListWorkers", "", framed(b"")).await.is_ok());
        assert!(served.lives());
    });
}
