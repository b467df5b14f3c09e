//! Engines in temporary folders, served ones too, and tars made by hand.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dockside::engine::image::{ImageError, ImportRequest, Progress, PullRequest, Reference};
use dockside::engine::{Engine, EngineOptions};
use tar::{EntryType, Header};
use tempfile::TempDir;

/// An engine over `folder`/store with the state `folder`/`name`.
pub fn engine_in(folder: &Path, name: &str) -> Arc<Engine> {
    Engine::open(EngineOptions { store: folder.join("store"), state: folder.join(name), build_cache: None }).unwrap()
}

/// Pulls what `name` means and gives the lines that were reported.
pub fn pull(engine: &Engine, name: &str) -> Result<Vec<String>, ImageError> {
    let request = PullRequest { reference: Reference::parse_normalized(name)?.or_latest(), platform: None, credentials: None };
    let lines = Mutex::new(Vec::new());
    engine.images.pull(&request, &|progress| lines.lock().unwrap().push(text(&progress)))?;
    Ok(lines.into_inner().unwrap())
}

pub fn text(progress: &Progress) -> String {
    match progress {
        Progress::Message { id: None, text } => text.clone(),
        Progress::Message { id: Some(id), text } => format!("{id}: {text}"),
        Progress::Update { id, text, .. } => format!("{id}: {text}"),
        Progress::Pushed { tag, .. } => format!("pushed {tag}"),
        Progress::Stream(text) => text.clone(),
    }
}

/// Imports a tar under a name; gives the layer's folder.
pub fn import(engine: &Engine, tar: &[u8], name: &str) -> Result<PathBuf, ImageError> {
    let request = ImportRequest { reference: Some(Reference::parse_normalized(name)?.or_latest()), ..ImportRequest::default() };
    engine.images.import(&request, &mut &*tar, &|_| {})?;
    Ok(engine.images.resolve(name, None)?.layers.remove(0))
}

/// A tar of entries whose names are written as they are given, however bad.
pub struct Tar(Vec<u8>);

impl Tar {
    pub fn new() -> Tar {
        Tar(Vec::new())
    }

    pub fn entry(mut self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Tar {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_700_000_000);
        if matches!(kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: &str, content: &str) -> Tar {
        self.entry(EntryType::Regular, name, "", content.as_bytes())
    }

    pub fn folder(self, name: &str) -> Tar {
        self.entry(EntryType::Directory, name, "", b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Tar {
        self.entry(EntryType::Symlink, name, target, b"")
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}

/// An engine's process on a socket of its own; killed when dropped.
pub struct Served {
    pub child: Child,
    pub socket: PathBuf,
}

impl Served {
    /// Starts `dockside engine serve` over `folder` and waits until it answers.
    pub fn start(folder: &Path, name: &str) -> Served {
        let socket = folder.join(format!("{name}.sock"));
        let child = Command::new(env!("CARGO_BIN_EXE_dockside"))
            .args(["engine", "serve", "--socket"])
            .arg(&socket)
            .arg("--store")
            .arg(folder.join("store"))
            .arg("--state")
            .arg(folder.join(name))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let served = Served { child, socket };
        let deadline = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(&served.socket).is_err() {
            assert!(Instant::now() < deadline, "the engine does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        served
    }

    /// One request over the socket; gives status and body, as far as it came.
    pub fn request(&self, method: &str, target: &str) -> (u16, String) {
        request(&self.socket, method, target)
    }

    /// The real client, pointed at this engine.
    pub fn docker(&self, folder: &Path) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", format!("unix://{}", self.socket.display())).env("DOCKER_CONFIG", folder.join("config"));
        command
    }
}

/// One HTTP request over a unix socket. What breaks off is given as far as it came.
pub fn request(socket: &Path, method: &str, target: &str) -> (u16, String) {
    let (status, body) = request_with(socket, method, target, b"");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// The same with a body, and bytes for an answer.
pub fn request_with(socket: &Path, method: &str, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut answer = Vec::new();
    if let Ok(mut stream) = UnixStream::connect(socket) {
        let kind = if body.starts_with(b"{") { "Content-Type: application/json\r\n" } else { "" };
        let length = body.len();
        let _ = write!(stream, "{method} /v1.45{target} HTTP/1.0\r\nHost: x\r\n{kind}Content-Length: {length}\r\n\r\n");
        let _ = stream.write_all(body);
        let _ = stream.read_to_end(&mut answer);
    }
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let body = answer.split_off(end);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, body)
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("dockside-images-").tempdir().unwrap()
}
