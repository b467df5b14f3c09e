//! `docker cp`: files between a container and this machine, as tar archives.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::archive::chunks;
use super::cp_archive::{Pack, unpack};
use super::shared::{container_name, text};
use crate::base64;
use crate::docker::client::{Answer, Client, Outgoing, Request};
use crate::docker::cmdline::Matches;

use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::units::{human_size, quote};
use crate::units::go_words;

/// Go's file modes: folder and symbolic link.
const MODE_DIR: u64 = 1 << 31;
const MODE_LINK: u64 = 1 << 27;

/// One end of a copy.
enum End<'a> {
    Local(&'a str),
    Container(&'a str, &'a str),
}

fn end(given: &str) -> End<'_> {
    if given.starts_with('/') || given.starts_with('.') {
        return End::Local(given);
    }
    match given.split_once(':') {
        // A container without a name is none.
        Some(("", path)) => End::Local(path),
        Some((container, path)) => End::Container(container, path),
        None => End::Local(given),
    }
}

/// `docker cp SOURCE DESTINATION`.
pub async fn cp(c: &Context, m: &Matches) -> Outcome {
    let (source, target) = (&m.args[0], &m.args[1]);
    if source.is_empty() {
        return Err(Failure::new("source can not be empty"));
    }
    if target.is_empty() {
        return Err(Failure::new("destination can not be empty"));
    }
    let (copied, shown) = match (end(source), end(target)) {
        (End::Container(..), End::Container(..)) => return Err(Failure::new("copying between containers is not supported")),
        (End::Local(_), End::Local(_)) => return Err(Failure::new("must specify at least one container source")),
        (End::Container(container, path), End::Local(target)) => (from_container(c, m, container, path, target).await?, target.to_owned()),
        (End::Local(source), End::Container(container, path)) => {
            (to_container(c, m, source, container, path).await?, format!("{container}:{path}"))
        }
    };
    if let Some(copied) = copied.filter(|_| !m.on("quiet") && std::io::IsTerminal::is_terminal(&std::io::stderr())) {
        c.warn_line(format!("Successfully copied {} to {shown}", human_size(copied as f64, 3)));
    }
    Ok(0)
}

/// What the engine says about a path.
#[derive(Default, Clone)]
struct Stat {
    is_dir: bool,
    link: Option<String>,
}

fn stat_of(answer: &Answer) -> Result<Stat, Failure> {
    let header = answer.text("x-docker-container-path-stat");
    let json: Option<Json> = base64::decode(header).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let json = json.ok_or_else(|| Failure::new("unable to decode container path stat header"))?;
    let mode = json.get("mode").and_then(Json::as_u64).unwrap_or(0);
    let link = (mode & MODE_LINK != 0).then(|| text(&json, "linkTarget").to_owned());
    Ok(Stat { is_dir: mode & MODE_DIR != 0, link })
}

async fn stat(client: &Client, container: &str, path: &str) -> Result<Stat, Failure> {
    let answer = client.send(Request::new("HEAD", format!("/containers/{container}/archive")).query("path", path)).await?;
    let stat = stat_of(&answer);
    answer.bytes().await?;
    stat
}

/// Whether a path's end says that it is a folder.
fn says_folder(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.") || path == "." || path == ".."
}

/// The last part of a path; `.` where it means what a folder holds.
fn base(path: &str) -> String {
    if path.ends_with("/.") || path == "." {
        return ".".to_owned();
    }
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

fn parent(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rfind('/') {
        Some(0) => "/",
        Some(i) => &trimmed[..i],
        None => ".",
    }
}

async fn from_container(c: &Context, m: &Matches, container: &str, path: &str, target: &str) -> Result<Option<u64>, Failure> {
    let client = c.client()?;
    let container = container_name(container)?;
    let mut path = path.to_owned();
    if m.on("follow-link")
        && let Ok(Stat { link: Some(link), .. }) = stat(client, container, &path).await
    {
        path = if link.starts_with('/') { link } else { format!("{}/{link}", parent(&path)) };
    }
    if target != "-" && !target.is_empty() {
        check_target(target)?;
    }
    let mut answer = client.send(Request::get(format!("/containers/{container}/archive")).query("path", path.clone())).await?;
    if target == "-" {
        while let Some(bytes) = answer.chunk().await? {
            c.print(&bytes);
        }
        return Ok(None);
    }
    let stat = stat_of(&answer)?;
    let (folder, name) = place(&path, stat.is_dir, target, Path::new(target).is_dir(), Path::new(target).exists())?;
    let (sender, receiver) = std::sync::mpsc::sync_channel::<bytes::Bytes>(8);
    let unpacking = tokio::task::spawn_blocking(move || {
        unpack(Received { receiver, current: bytes::Bytes::new(), total: 0 }, Path::new(&folder), name.as_deref())
    });
    let mut sender = Some(sender);
    while let Some(mut bytes) = answer.chunk().await? {
        // The unpacking thread may be slower than the engine; wait for it without stopping this thread.
        while let Some(open) = &sender {
            match open.try_send(bytes) {
                Ok(()) => break,
                Err(std::sync::mpsc::TrySendError::Full(back)) => {
                    bytes = back;
                    tokio::time::sleep(std::time::Duration::from_micros(200)).await;
                }
                Err(std::sync::mpsc::TrySendError::Disconnected(_)) => {
                    sender = None;
                    break;
                }
            }
        }
        if sender.is_none() {
            break;
        }
    }
    drop(sender);
    unpacking.await.map_err(|_| Failure::new("the archive could not be unpacked"))?.map(Some)
}

/// Checks that a file can be made at `target`.
fn check_target(target: &str) -> Result<(), Failure> {
    let folder = parent(target);
    match std::fs::metadata(folder) {
        Ok(_) => Ok(()),
        Err(_) => {
            let folder = std::path::absolute(folder)?;
            Err(Failure::new(format!("invalid output path: directory {} does not exist", quote(&folder.to_string_lossy()))))
        }
    }
}

/// Where an archive of `source` is unpacked and what its first name becomes: into a folder that is there, or under a new name.
fn place(source: &str, source_is_dir: bool, target: &str, target_is_dir: bool, exists: bool) -> Result<(String, Option<String>), Failure> {
    match (exists, target_is_dir, source_is_dir) {
        (true, true, _) => Ok((target.to_owned(), None)),
        (true, false, true) => Err(Failure::new("cannot copy directory")),
        (true, false, false) => Ok((parent(target).to_owned(), Some(base(target)))),
        (false, _, true) => Ok((parent(target).to_owned(), Some(base(target.trim_end_matches("/."))))),
        (false, _, false) if says_folder(target) => Err(Failure::new("no such directory")),
        (false, _, false) => Ok((parent(target).to_owned(), Some(base(target)))),
    }
    .map(|(folder, name)| (folder, name.filter(|n| *n != base(source))))
}

/// The body of an answer, for a reader on another thread.
struct Received {
    receiver: std::sync::mpsc::Receiver<bytes::Bytes>,
    current: bytes::Bytes,
    total: u64,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.recv() {
                Ok(bytes) => self.current = bytes,
                Err(_) => return Ok(0),
            }
        }
        let n = self.current.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.current.split_to(n));
        self.total += n as u64;
        Ok(n)
    }
}

async fn to_container(c: &Context, m: &Matches, source: &str, container: &str, path: &str) -> Result<Option<u64>, Failure> {
    let client = c.client()?;
    let container = container_name(container)?;
    let local = PathBuf::from(source);
    let bare = PathBuf::from(source.trim_end_matches('/'));
    if source != "-" && source.ends_with('/') && bare.metadata().is_ok_and(|meta| !meta.is_dir()) {
        return Err(Failure::new("not a directory"));
    }
    if source != "-" {
        let shown = if bare.as_os_str().is_empty() { &local } else { &bare };
        local.symlink_metadata().map_err(|e| Failure::new(format!("lstat {}: {}", lstat_name(shown), go_words(&e))))?;
    }
    let mut path = path.to_owned();
    let mut found = stat(client, container, &path).await;
    if let Ok(Stat { link: Some(link), .. }) = &found {
        path = if link.starts_with('/') { link.clone() } else { format!("{}/{link}", parent(&path)) };
        found = stat(client, container, &path).await;
    }
    // Where the path is not there the copy may make it; any other trouble the copy itself will tell.
    let (exists, is_dir) = found.map_or((false, false), |stat| (true, stat.is_dir));
    let put = |folder: &str| {
        Request::new("PUT", format!("/containers/{container}/archive"))
            .query("path", folder)
            .query("noOverwriteDirNonDir", "true")
            .query_if(m.on("archive"), "copyUIDGID", "true")
            .header("Content-Type", "text/plain")
    };
    if source == "-" {
        if !is_dir {
            return Err(Failure::new(format!("destination {} must be a directory", quote(&format!("{container}:{path}")))));
        }
        client.send(put(&path).body(Outgoing::Chunks(chunks(std::io::stdin())))).await?;
        return Ok(None);
    }
    let follow = m.on("follow-link") || source.ends_with('/') || source.ends_with("/.");
    let meta = if follow { local.metadata() } else { local.symlink_metadata() }?;
    if says_folder(source) && !meta.is_dir() {
        return Err(Failure::new("not a directory"));
    }
    if path.is_empty() && !meta.is_dir() {
        return Err(Failure::new("no such directory"));
    }
    let (folder, name) = place(source, meta.is_dir(), &path, is_dir, exists)?;
    let pack = Pack { source: local, name: name.unwrap_or_else(|| base(source)), follow };
    let (receiver, counting) = pack.start();
    client.send(put(&folder).body(Outgoing::Chunks(receiver))).await?;
    counting.join().map_err(|_| Failure::new("the files could not be read"))?.map(Some)
}

/// What Docker's client puts together of the folder and the name.
fn lstat_name(path: &Path) -> String {
    let missing = first_missing(path);
    let of_root = missing.parent() == Some(Path::new("/")) && missing == std::env::current_dir().unwrap_or_default().join(path);
    format!("{}{}", if of_root { "/" } else { "" }, missing.display())
}

/// The first part of a path that is not there; messages name it.
fn first_missing(path: &Path) -> PathBuf {
    // Without the dots in it.
    let whole: PathBuf = std::env::current_dir().unwrap_or_default().join(path).components().collect();
    let mut parts: Vec<&Path> = whole.ancestors().collect();
    parts.reverse();
    parts.into_iter().find(|p| p.symlink_metadata().is_err()).unwrap_or(&whole).to_owned()
}
