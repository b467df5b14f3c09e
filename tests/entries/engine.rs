//! The engine's ways in for what nobody has looked at yet. Each panics where something is wrong, and leaves nothing behind.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dockside::docker::template;
use dockside::engine::build::Plan;
use dockside::engine::build::dockerfile::Dockerfile;
use dockside::engine::image::{AnyReference, Digest, ImportRequest, Reference};
use dockside::engine::{Engine, EngineOptions, dockerapi};

/// Reads a text as all kinds of references; one that is understood is the same when it is written and read again.
pub fn reference(text: &str) {
    let _ = AnyReference::parse(text);
    let _ = text.parse::<Digest>();
    if let Ok(reference) = Reference::parse(text) {
        assert_eq!(Reference::parse(&reference.to_string()).as_ref(), Ok(&reference), "{text:?}");
    }
    if let Ok(reference) = Reference::parse_normalized(text) {
        // In its familiar form a repository of the Hub whose name looks like a registry's is another; so it is for Docker.
        assert_eq!(Reference::parse_normalized(&reference.to_string()).as_ref(), Ok(&reference), "{text:?}");
        let _ = reference.familiar();
    }
}

/// Reads a text as a Dockerfile and plans its build.
pub fn dockerfile(text: &str) {
    if let Ok(dockerfile) = Dockerfile::parse(text) {
        dockerfile.dump();
        let _ = Plan::of(&dockerfile);
    }
}

/// Reads a text as a template and fills it in, in both ways.
pub fn template(text: &str) {
    let value = serde_json::json!({
        "Id": "18bc5", "Name": "/web", "State": { "Running": true, "Pid": 12 }, "Config": { "Cmd": ["a", "b"], "Labels": { "x": "y" } },
        "NetworkSettings": { "Ports": { "80/tcp": [{ "HostPort": "8090" }] } }, "Mounts": [], "Size": 1.5e9
    });
    if let Ok(parsed) = template::parse(text) {
        // As `docker inspect` does: with the type of a container, and without one.
        let typed = template::Value::typed(value.clone(), &template::types::container::CONTAINER);
        let _ = template::execute(&parsed, &typed, false);
        let _ = template::execute(&parsed, &template::Value::raw(value), false);
    }
}

/// An engine in a folder, beside a file that is none of its business.
struct Room {
    folder: tempfile::TempDir,
}

const UNTOUCHED: &str = "nothing comes here";

impl Room {
    fn new() -> Room {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        std::fs::write(folder.path().join("outside/file"), UNTOUCHED).unwrap();
        Room { folder }
    }

    fn engine(&self) -> Arc<Engine> {
        let own = self.folder.path().join("engine");
        Engine::open(EngineOptions { store: own.join("store"), state: own.join("state"), build_cache: None }).unwrap()
    }

    /// Nothing but the engine's folder has been touched.
    fn check(&self) {
        let names = |folder: &Path| {
            let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names(self.folder.path()), ["engine", "outside"]);
        assert_eq!(names(&self.folder.path().join("outside")), ["file"]);
        assert_eq!(std::fs::read_to_string(self.folder.path().join("outside/file")).unwrap(), UNTOUCHED);
    }
}

/// Takes bytes in as a layer, as `docker import` does.
pub fn layer(bytes: &[u8]) {
    let room = Room::new();
    let engine = room.engine();
    let request = ImportRequest { reference: Some(Reference::parse_normalized("x:y").unwrap()), ..ImportRequest::default() };
    if engine.images.import(&request, &mut &*bytes, &|_| {}).is_ok() {
        engine.images.resolve("x:y", None).unwrap();
    }
    room.check();
}

/// Takes bytes in as an archive of images, as `docker load` does.
pub fn archive(bytes: &[u8]) {
    let room = Room::new();
    let _ = room.engine().images.load(&mut &*bytes, true, &|_| {});
    room.check();
}

/// Whether any thread has panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// The socket of an engine that serves as long as the process lives.
fn served() -> &'static Path {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET.get_or_init(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.store(true, Ordering::SeqCst);
            before(panic);
        }));
        let room = Room::new();
        let engine = room.engine();
        let socket = room.folder.path().join("engine/socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let _room = room;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async { dockerapi::serve(engine, tokio::net::UnixListener::from_std(listener).unwrap()).await }).unwrap();
        });
        socket
    })
}

/// Sends bytes to the API as a connection says them, and looks whether the engine is well afterwards.
pub fn request(bytes: &[u8]) {
    let socket = served();
    let mut stream = UnixStream::connect(socket).unwrap();
    // Some answers have no end.
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.take(1 << 20).read_to_end(&mut Vec::new());
    let mut other = UnixStream::connect(socket).unwrap();
    other.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    other.write_all(b"GET /_ping HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("OK"), "{answer}");
    assert!(!PANICKED.load(Ordering::SeqCst), "the engine panicked");
}
