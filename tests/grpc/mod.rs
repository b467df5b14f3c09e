//! A small client of BuildKit's protocol: calls on `/grpc`, and a session that answers the engine with files of a map.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// An engine of its own, without Docker's client.
pub struct Served {
    pub dir: tempfile::TempDir,
    child: Child,
}

impl Served {
    pub fn start() -> Served {
        let dir = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockside"));
        command.args(["engine", "serve"]).env("HOME", dir.path()).env("DOCKSIDE_HOME", dir.path()).stdin(Stdio::null());
        for (flag, name) in [("--socket", "s"), ("--store", "store"), ("--state", "state")] {
            command.arg(flag).arg(dir.path().join(name));
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the engine starts");
        let served = Served { dir, child };
        for _ in 0..300 {
            if std::os::unix::net::UnixStream::connect(served.socket()).is_ok() {
                return served;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the engine does not answer");
    }

    pub fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("s")
    }

    /// Whether the engine still does its work.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection after its upgrade.
pub async fn upgraded(socket: &Path, path: &str, headers: &[(&str, &str)]) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.expect("connects");
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n").as_bytes()).await.expect("is written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

/// How a call ended.
#[derive(Debug)]
pub struct Failed {
    pub code: i32,
    pub message: String,
    pub details: String,
}

pub fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(message.len() as u32);
    bytes.extend_from_slice(message);
    bytes.freeze()
}

async fn next(body: &mut RecvStream, buffer: &mut BytesMut) -> Result<Option<Bytes>, h2::Error> {
    loop {
        if buffer.len() >= 5 {
            let length = (&buffer[1..5]).get_u32() as usize;
            if buffer.len() >= 5 + length {
                buffer.advance(5);
                return Ok(Some(buffer.split_to(length).freeze()));
            }
        }
        let Some(piece) = body.data().await else { return Ok(None) };
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        buffer.extend_from_slice(&piece);
    }
}

/// The client's side of `/grpc`.
#[derive(Clone)]
pub struct Grpc(h2::client::SendRequest<Bytes>);

impl Grpc {
    pub async fn connect(socket: &Path) -> Grpc {
        let stream = upgraded(socket, "/grpc", &[]).await;
        let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        Grpc(requests)
    }

    /// Sends bytes as they are and gives all messages of the answer.
    pub async fn raw(&self, method: &str, build: &str, bytes: Bytes) -> Result<Vec<Bytes>, Failed> {
        let request = hyper::Request::post(format!("http://x/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("buildkit-controlapi-buildid", build)
            .body(())
            .expect("a request");
        let lost = |e: h2::Error| Failed { code: -1, message: e.to_string(), details: String::new() };
        let mut requests = self.0.clone().ready().await.map_err(lost)?;
        let (response, mut out) = requests.send_request(request, false).map_err(lost)?;
        let _ = out.send_data(bytes, true);
        let (head, mut body) = response.await.map_err(lost)?.into_parts();
        let (mut messages, mut buffer) = (Vec::new(), BytesMut::new());
        while let Some(message) = next(&mut body, &mut buffer).await.map_err(lost)? {
            messages.push(message);
        }
        let trailers = match head.headers.contains_key("grpc-status") {
            true => head.headers,
            false => body.trailers().await.map_err(lost)?.expect("an end"),
        };
        let text = |name: &str| trailers.get(name).map_or("", |v| v.to_str().expect("text")).to_owned();
        match text("grpc-status").parse().expect("a code") {
            0 => Ok(messages),
            code => Err(Failed { code, message: text("grpc-message"), details: text("grpc-status-details-bin") }),
        }
    }

    pub async fn call(&self, method: &str, build: &str, message: &impl Message) -> Result<Vec<Bytes>, Failed> {
        self.raw(method, build, framed(&message.encode_to_vec())).await
    }
}

/// A file as the client tells of it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: String,
    pub mode: u32,
    pub size: i64,
    pub link: String,
    pub content: Vec<u8>,
}

impl Entry {
    pub fn file(path: &str, content: &str) -> Entry {
        Entry { path: path.into(), mode: 0o644, size: content.len() as i64, link: String::new(), content: content.into() }
    }

    pub fn folder(path: &str) -> Entry {
        Entry { mode: 1 << 31 | 0o755, ..Entry::file(path, "") }
    }

    pub fn link(path: &str, to: &str) -> Entry {
        Entry { mode: 1 << 27 | 0o777, link: to.into(), ..Entry::file(path, "") }
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct Packet {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub stat: Option<Stat>,
    #[prost(uint32, tag = "3")]
    pub id: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Stat {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(uint32, tag = "2")]
    pub mode: u32,
    #[prost(int64, tag = "5")]
    pub size: i64,
    #[prost(string, tag = "7")]
    pub link: String,
}

/// What a client has, and what it was asked for.
#[derive(Default)]
pub struct Machine {
    pub folders: BTreeMap<String, Vec<Entry>>,
    /// Ends the connection once this many calls have come.
    pub dies_after: Option<usize>,
    /// Answers with this instead of any transfer.
    pub answers: Option<Bytes>,
    pub asked: Mutex<Vec<String>>,
    pub kept: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Machine {
    /// The Dockerfile and the files beside it.
    pub fn with(dockerfile: &str, files: Vec<Entry>) -> Machine {
        let definition = vec![Entry::file("Dockerfile", dockerfile)];
        Machine { folders: BTreeMap::from([("dockerfile".into(), definition), ("context".into(), files)]), ..Machine::default() }
    }
}

/// Holds a session open until the engine or the test hangs up.
pub async fn session(socket: &Path, id: &str, machine: Arc<Machine>) -> tokio::task::JoinHandle<()> {
    let methods = ["/moby.filesync.v1.FileSync/DiffCopy", "/moby.filesync.v1.FileSend/DiffCopy"];
    let mut headers = vec![("X-Docker-Expose-Session-Uuid", id)];
    headers.extend(methods.map(|method| ("X-Docker-Expose-Session-Grpc-Method", method)));
    let stream = upgraded(socket, "/session", &headers).await;
    tokio::spawn(async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        let mut calls = 0;
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            calls += 1;
            if machine.dies_after.is_some_and(|most| calls > most) {
                return;
            }
            let machine = Arc::clone(&machine);
            tokio::spawn(async move {
                let (head, body) = request.into_parts();
                let text = |name: &str| {
                    head.headers.get_all(name).iter().map(|v| v.to_str().expect("text").to_owned()).collect::<Vec<_>>().join(",")
                };
                let folder = text("dir-name");
                let asked = format!("{} {folder} {} -{}", head.uri.path(), text("followpaths"), text("exclude-patterns"));
                machine.asked.lock().expect("unharmed").push(asked);
                let response = hyper::Response::builder().header("content-type", "application/grpc").body(()).expect("a response");
                let Ok(mut out) = respond.send_response(response, false) else { return };
                let done = match (&machine.answers, head.uri.path().contains("FileSend")) {
                    (Some(bytes), _) => out.send_data(bytes.clone(), false).map_err(io::Error::other),
                    (None, true) => keep(body, &mut out, &machine).await,
                    (None, false) => {
                        let wanted = text("followpaths");
                        let within = |entry: &&Entry| wanted.is_empty() || wanted.split(',').any(|path| entry.path == path);
                        let entries = machine.folders.get(&folder).into_iter().flatten().filter(within).cloned().collect();
                        send(body, &mut out, entries).await
                    }
                };
                let mut trailers = hyper::HeaderMap::new();
                trailers.insert("grpc-status", if done.is_ok() { "0" } else { "2" }.parse().expect("a value"));
                let _ = out.send_trailers(trailers);
            });
        }
    })
}

fn put(out: &mut SendStream<Bytes>, packet: Packet) -> io::Result<()> {
    out.send_data(framed(&packet.encode_to_vec()), false).map_err(io::Error::other)
}

async fn send(mut body: RecvStream, out: &mut SendStream<Bytes>, entries: Vec<Entry>) -> io::Result<()> {
    for Entry { path, mode, size, link, .. } in &entries {
        let stat = Stat { path: path.clone(), mode: *mode, size: *size, link: link.clone() };
        put(out, Packet { stat: Some(stat), ..Packet::default() })?;
    }
    put(out, Packet::default())?;
    let mut buffer = BytesMut::new();
    while let Some(bytes) = next(&mut body, &mut buffer).await.map_err(io::Error::other)? {
        let packet = Packet::decode(bytes)?;
        match packet.kind {
            1 => {
                for piece in entries[packet.id as usize].content.chunks(3).chain([&[][..]]) {
                    put(out, Packet { kind: 2, id: packet.id, data: piece.to_vec(), ..Packet::default() })?;
                }
            }
            3 => return put(out, Packet { kind: 3, ..Packet::default() }),
            other => return Err(io::Error::other(format!("a packet of the kind {other}"))),
        }
    }
    Ok(())
}

/// Takes what the engine gives.
async fn keep(mut body: RecvStream, out: &mut SendStream<Bytes>, machine: &Machine) -> io::Result<()> {
    let (mut buffer, mut names, mut open) = (BytesMut::new(), Vec::new(), 0);
    while let Some(bytes) = next(&mut body, &mut buffer).await.map_err(io::Error::other)? {
        let packet = Packet::decode(bytes)?;
        match (packet.kind, packet.stat) {
            (0, Some(stat)) => {
                if stat.mode & (1 << 31 | 1 << 27) == 0 {
                    put(out, Packet { kind: 1, id: names.len() as u32, ..Packet::default() })?;
                    open += 1;
                }
                names.push(stat.path);
            }
            (2, _) if !packet.data.is_empty() => {
                let name = names[packet.id as usize].clone();
                machine.kept.lock().expect("unharmed").entry(name).or_default().extend(packet.data);
            }
            (2, _) => {
                open -= 1;
                if open == 0 {
                    put(out, Packet { kind: 3, ..Packet::default() })?;
                }
            }
            (3, _) => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}
