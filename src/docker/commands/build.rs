//! `docker build`: sends the context to the engine's builder and shows what it says.

use std::io::{Read, Write};
use std::path::Path;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::mpsc;

use super::build_context::{self, Context as BuildContext};
use super::run_config::{pairs, ulimits};
use crate::docker::client::{Outgoing, Request};
use crate::docker::cmdline::Matches;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::progress::Progress;
use crate::docker::reference::Reference;
use crate::docker::units::human_size;

/// Whether the user wants the old builder.
pub fn is_classic() -> bool {
    std::env::var("DOCKER_BUILDKIT").is_ok_and(|v| crate::docker::units::parse_bool(&v) == Some(false))
}

/// Says that the builder in use is the old one, where the user asks for it.
pub fn notice(c: &Context) {
    if is_classic() {
        c.warn(
            "DEPRECATED: The legacy builder is deprecated and will be removed in a future release.\n            \
             BuildKit is currently disabled; enable it by removing the DOCKER_BUILDKIT=0\n            environment-variable.\n\n",
        );
    }
}

/// The same in front of the help of the builder's commands.
pub fn group_notice(c: &Context, group: &str) {
    if group == "builder" {
        notice(c);
    }
}

/// `docker build PATH|-`.
pub async fn build(c: &Context, m: &Matches) -> Outcome {
    if super::trust::is_wanted(m) {
        return Err(super::trust::unable("the images that are built from shall be signed, which this client cannot verify"));
    }
    let m = &c.with_proxies(m, "build-arg")?;
    if is_classic() { classic(c, m).await } else { super::buildkit::build(c, m).await }
}

/// Builds with Docker's old builder.
pub async fn classic(c: &Context, m: &Matches) -> Outcome {
    if m.on("squash") {
        return Err(Failure::new("\"--squash\" is only supported on a Docker daemon with experimental features enabled"));
    }
    if m.args[0] == "-" && m.text("file") == "-" {
        return Err(Failure::new("invalid argument: can't use stdin for both build context and dockerfile"));
    }
    forget_id(m)?;
    let quiet = m.on("quiet");
    let prepare = |e: Failure| Failure { text: format!("unable to prepare context: {}", e.text), ..e };
    let context = build_context::open(&m.args[0], m.text("file")).map_err(prepare)?;
    let request = request(c, m, &context)?;
    let terminal = c.stdout_is_terminal();
    // What comes from elsewhere is none of what this client sends.
    let shown = !quiet && context.address().is_none();
    let (sender, receiver) = mpsc::channel(4);
    let sending = std::thread::spawn(move || context.send(Sink::new(sender, shown, terminal)));
    let answer = c.client()?.send(request.body(Outgoing::Chunks(receiver))).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => {
            // Where the context itself could not be read, that is the reason.
            let sent = sending.join().unwrap_or_else(|_| Err(Failure::new("the build context could not be sent")));
            return Err(sent.err().filter(|e| !e.text.is_empty()).unwrap_or(failure));
        }
    };
    let mut id = String::new();
    let mut take_id = |aux: &Json| {
        if let Some(found) = aux.get("ID").and_then(Json::as_str) {
            id = found.to_owned();
        }
    };
    if quiet {
        let said = std::cell::RefCell::new(String::new());
        let mut progress = Progress::new(c, false).plain();
        let mut answer = answer;
        let mut failed = None;
        while let Some(bytes) = answer.chunk().await? {
            if let Err(failure) = progress.show(&bytes, &|text| said.borrow_mut().push_str(text), &mut take_id) {
                failed = Some(failure);
                break;
            }
        }
        if let Some(failure) = failed {
            c.warn(said.into_inner());
            return Err(failure);
        }
        c.print(said.into_inner());
    } else {
        Progress::new(c, false).run(answer, &mut take_id).await?;
    }
    if let Some(path) = m.get("iidfile").filter(|p| !p.is_empty()) {
        if id.is_empty() {
            return Err(Failure::new(format!("server did not provide an image ID. Cannot write {path}")));
        }
        std::fs::write(Path::new(path), &id)?;
    }
    Ok(0)
}

/// Removes what a build before has left where this one's id goes, so that a failure leaves no wrong one.
pub fn forget_id(m: &Matches) -> Result<(), Failure> {
    match m.get("iidfile").filter(|path| !path.is_empty()).map(std::fs::remove_file) {
        Some(Err(e)) if e.kind() != std::io::ErrorKind::NotFound => {
            let path = m.text("iidfile");
            Err(Failure::new(format!("removing image ID file: remove {path}: {}", crate::units::go_words(&e))))
        }
        _ => Ok(()),
    }
}

/// The request for a build.
fn request<'a>(c: &Context, m: &'a Matches, context: &BuildContext) -> Result<Request<'a>, Failure> {
    let mut r = Request::post("/build")
        .header("Content-Type", "application/x-tar")
        .header("X-Registry-Config", config::all_auths(&c.config))
        .query("version", "1")
        .query_if(!context.dockerfile.is_empty(), "dockerfile", context.dockerfile.clone())
        .query_if(context.address().is_some(), "remote", context.address().unwrap_or_default());
    for tag in m.all("tag") {
        Reference::parse(tag)?;
        r = r.query("t", tag);
    }
    for (flag, key) in [("quiet", "q"), ("no-cache", "nocache"), ("force-rm", "forcerm"), ("pull", "pull")] {
        r = r.query_if(m.on(flag), key, "1");
    }
    r = r.query_if(!m.on_unless("rm"), "rm", "0");
    for (flag, key) in [
        ("cgroup-parent", "cgroupparent"),
        ("cpuset-cpus", "cpusetcpus"),
        ("cpuset-mems", "cpusetmems"),
        ("isolation", "isolation"),
        ("target", "target"),
        ("platform", "platform"),
    ] {
        r = r.query_if(!m.text(flag).is_empty(), key, m.text(flag).to_lowercase_if(flag == "platform"));
    }
    r = r.query_if(m.get("network").is_some_and(|n| n != "default"), "networkmode", m.text("network"));
    for (flag, key) in [("cpu-period", "cpuperiod"), ("cpu-quota", "cpuquota"), ("cpu-shares", "cpushares")] {
        r = r.query_if(m.int(flag).is_some_and(|n| n != 0), key, m.text(flag));
    }
    for (flag, key) in [("memory", "memory"), ("memory-swap", "memswap"), ("shm-size", "shmsize")] {
        let bytes = m.bytes(flag).unwrap_or(0);
        r = r.query_if(bytes != 0, key, bytes.to_string());
    }
    let arguments: serde_json::Map<String, Json> = m
        .all("build-arg")
        .map(|text| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Json::from(value)),
            None => (text.to_owned(), std::env::var(text).map_or(Json::Null, Json::from)),
        })
        .collect();
    r = r.query_if(!arguments.is_empty(), "buildargs", Json::Object(arguments).to_string());
    r = r.query_if(m.given("label"), "labels", pairs(m.all("label")).to_string());
    let list = |name: &'static str| Json::from(m.all(name).collect::<Vec<_>>()).to_string();
    r = r.query_if(m.given("cache-from"), "cachefrom", list("cache-from"));
    r = r.query_if(m.given("ulimit"), "ulimits", ulimits(m).to_string());
    for host in m.all("add-host") {
        r = r.query("extrahosts", super::run_network::extra_host(host));
    }
    for option in m.all("security-opt") {
        r = r.query("securityopt", option);
    }
    Ok(r)
}

/// Lower case on a condition.
trait LowerIf {
    fn to_lowercase_if(&self, on: bool) -> String;
}

impl LowerIf for str {
    fn to_lowercase_if(&self, on: bool) -> String {
        if on { self.to_lowercase() } else { self.to_owned() }
    }
}

const CHUNK: usize = 64 * 1024;

/// Where the context goes: chunks of the request's body, counted on the way.
pub struct Sink {
    sender: mpsc::Sender<std::io::Result<Bytes>>,
    held: Vec<u8>,
    total: u64,
    shown: bool,
    terminal: bool,
}

impl Sink {
    /// Chunks go to `sender`; `shown` says how much it is, on a `terminal` also meanwhile.
    pub fn new(sender: mpsc::Sender<std::io::Result<Bytes>>, shown: bool, terminal: bool) -> Sink {
        Sink { sender, held: Vec::with_capacity(CHUNK), total: 0, shown, terminal }
    }

    fn pass_on(&mut self) -> std::io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::replace(&mut self.held, Vec::with_capacity(CHUNK)));
        self.total += chunk.len() as u64;
        self.sender.blocking_send(Ok(chunk)).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }

    fn say(&self, end: &str) {
        let _ = write!(std::io::stdout().lock(), "Sending build context to Docker daemon {:>8}\r{end}", human_size(self.total as f64, 4));
        let _ = std::io::stdout().lock().flush();
    }

    /// Sends the rest and says how much it was.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.pass_on()?;
        if self.shown {
            self.say("\r\n");
        }
        Ok(())
    }

    /// Tells the engine that no more comes because `failure` came between.
    pub fn fail(self, failure: &Failure) {
        let _ = self.sender.blocking_send(Err(std::io::Error::other(failure.text.clone())));
    }

    /// Copies a reader that is the context already.
    pub fn copy(&mut self, mut source: impl Read) -> std::io::Result<()> {
        std::io::copy(&mut source, self).map(drop)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= CHUNK {
            self.pass_on()?;
            if self.shown && self.terminal {
                self.say("");
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
