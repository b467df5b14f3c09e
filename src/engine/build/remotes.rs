//! What a build names by an address: a repository of git's, or whatever a server answers over HTTP. It goes into a folder of the store's
//! that goes with it. Nothing is fetched but what the Dockerfile or the command line names.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::buildkit::cache::key;
use super::client::Client;
use super::context;
use super::gitaccess::Access;
use super::report::{BuildError, Cancel};
use super::tree::hex;
use crate::Engine;
use crate::registry;
use crate::units::quote;

/// As much as one answer may be.
const ANSWER_MAX: u64 = 64 << 30;
/// What git may speak; no address leads to a file or a command of the machine's.
const PROTOCOLS: &str = "http:https:git:ssh";
/// How long a build waits for others before it looks whether it is still wanted.
const PAUSE: Duration = Duration::from_millis(5);
/// As many pieces of an answer may come before they are written.
const PIECES: usize = 4;
/// As much of what git says as is told when it fails.
const WORDS_MAX: usize = 2000;

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// A branch, tag or commit of a repository, and a folder in it; empty for the first branch and for all.
    Git {
        url: String,
        reference: String,
        folder: String,
    },
    Http(String),
}

/// What was fetched; it goes when this does.
#[derive(Debug)]
pub struct Fetched {
    scratch: PathBuf,
    /// The folder, or the file.
    pub path: PathBuf,
    pub is_folder: bool,
    /// What tells it from what else may be there.
    pub digest: String,
    /// Where the file is that is the same as when it was fetched last: it comes when somebody needs more of it than its digest.
    late: Option<String>,
    brought: OnceLock<Result<(), String>>,
    cancel: Cancel,
}

impl Fetched {
    /// Brings the file, where that was put off.
    pub fn bring(&self) -> io::Result<()> {
        let Some(url) = &self.late else { return Ok(()) };
        let bring = || {
            let (path, digest, _) = download(&self.scratch, url, None, &self.cancel).map_err(|e| e.message)?;
            match (path == self.path, digest == self.digest) {
                (true, true) => Ok(()),
                _ => Err(format!("{url} has changed while the build went on")),
            }
        };
        self.brought.get_or_init(bring).clone().map_err(io::Error::other)
    }
}

/// What a server said of a file; a server that says neither is asked for the file each time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Said {
    etag: Option<String>,
    modified: Option<String>,
    name: String,
    digest: String,
}

/// What is known of an address, in a file of its own under the engine's folder.
fn known(engine: &Engine, url: &str) -> PathBuf {
    engine.state_dir().join("build").join("addresses").join(format!("{}.json", key([url])))
}

impl Drop for Fetched {
    fn drop(&mut self) {
        context::remove(&self.scratch);
    }
}

impl Remote {
    /// What `text` means, if it is an address.
    pub fn of(text: &str) -> Option<Remote> {
        let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
        let http = url.starts_with("http://") || url.starts_with("https://");
        let git = ["git://", "ssh://", "git@"].iter().any(|scheme| url.starts_with(scheme)) || (http && url.ends_with(".git"));
        if git {
            let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
            return Some(Remote::Git { url: url.to_owned(), reference: reference.to_owned(), folder: folder.to_owned() });
        }
        http.then(|| Remote::Http(text.to_owned()))
    }

    /// The same for a context, where `github.com/…` means a repository, too.
    pub fn of_context(text: &str) -> Option<Remote> {
        if text.starts_with("github.com/") { Remote::of(&format!("https://{text}")).map(Remote::into_git) } else { Remote::of(text) }
    }

    fn into_git(self) -> Remote {
        match self {
            Remote::Http(url) => {
                let (url, fragment) = url.split_once('#').unwrap_or((&url, ""));
                let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
                Remote::Git { url: url.to_owned(), reference: reference.to_owned(), folder: folder.to_owned() }
            }
            git @ Remote::Git { .. } => git,
        }
    }

    /// Fetches it; of a repository the folder of git's own stays where `keep_git` says so.
    /// Private ones open themselves to the keys and tokens that `client` has for the build.
    pub fn fetch(&self, engine: &Engine, client: Option<&dyn Client>, keep_git: bool, cancel: &Cancel) -> Result<Fetched, BuildError> {
        let scratch = engine.images.scratch()?;
        let fetched = match self {
            Remote::Git { url, reference, folder } => {
                let access = Access::of(url, client, &scratch)?;
                let fetched = Git { scratch: &scratch, cancel, access }.fetch(url, reference, folder, keep_git);
                fetched.map(|(path, digest)| (path, digest, None))
            }
            Remote::Http(url) => {
                let place = known(engine, url);
                let before: Option<Said> = fs::read(&place).ok().and_then(|text| serde_json::from_slice(&text).ok());
                download(&scratch, url, before.as_ref(), cancel).map(|(path, digest, said)| match said {
                    Some(said) => {
                        remember(&place, &said);
                        (path, digest, None)
                    }
                    None => (path, digest, Some(url.clone())),
                })
            }
        };
        match fetched {
            Ok((path, digest, late)) => {
                let (is_folder, brought, cancel) = (path.is_dir(), OnceLock::new(), cancel.clone());
                Ok(Fetched { scratch, path, is_folder, digest, late, brought, cancel })
            }
            Err(e) => {
                context::remove(&scratch);
                Err(e)
            }
        }
    }
}

/// Writes down what a server said. What is not written down is fetched again.
fn remember(place: &Path, said: &Said) {
    if said.etag.is_none() && said.modified.is_none() {
        let _ = fs::remove_file(place);
        return;
    }
    let Some(folder) = place.parent() else { return };
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(said)?)?;
        file.persist(place).map(drop).map_err(|e| e.error)
    };
    let _ = write();
}

/// An answer as it comes: what stands before the file, then the file in pieces.
enum Part {
    Head { status: u16, disposition: Option<String>, etag: Option<String>, modified: Option<String> },
    Piece(Vec<u8>),
}

/// Asks a server on a thread of its own, so that a build need not wait for it: a server may be silent for a minute, and nobody can tell a
/// thread that reads to end. It ends by itself once it has something that nobody takes.
fn ask(url: &str, conditions: Vec<(&'static str, String)>) -> Receiver<Result<Part, String>> {
    let (sender, parts) = mpsc::sync_channel(PIECES);
    let url = url.to_owned();
    std::thread::spawn(move || {
        let conditions: Vec<_> = conditions.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = match registry::get(&url, &conditions) {
            Ok(answer) => answer,
            Err(e) => return drop(sender.send(Err(e.to_string()))),
        };
        let header = |name: &str| answer.header(name).map(str::to_owned);
        let (disposition, etag, modified) = (header("content-disposition"), header("etag"), header("last-modified"));
        let head = Part::Head { status: answer.status.as_u16(), disposition, etag, modified };
        let (mut body, mut buffer, mut next) = (answer.into_body().take(ANSWER_MAX), vec![0; 64 << 10], Ok(head));
        while sender.send(next).is_ok() {
            next = match body.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(Part::Piece(buffer[..count].to_vec())),
                Err(e) => return drop(sender.send(Err(format!("cannot fetch {url}: {e}")))),
            };
        }
    });
    parts
}

/// The next part of an answer; none at its end.
fn next(parts: &Receiver<Result<Part, String>>, cancel: &Cancel) -> Result<Option<Part>, BuildError> {
    loop {
        cancel.check()?;
        match parts.recv_timeout(PAUSE) {
            Ok(part) => return part.map(Some).map_err(BuildError::new),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// Fetches what a server has; gives the file, its digest, and what the server said. Where it is the same as `before` it does not come, and
/// nothing is said.
fn download(scratch: &Path, url: &str, before: Option<&Said>, cancel: &Cancel) -> Result<(PathBuf, String, Option<Said>), BuildError> {
    let mut conditions = Vec::new();
    if let Some(Said { etag, modified, .. }) = before {
        conditions.extend(etag.clone().map(|etag| ("if-none-match", etag)));
        conditions.extend(modified.clone().map(|modified| ("if-modified-since", modified)));
    }
    let parts = ask(url, conditions);
    let Some(Part::Head { status, disposition, etag, modified }) = next(&parts, cancel)? else {
        return Err(BuildError::new(format!("cannot fetch {url}: it has no answer")));
    };
    if let (304, Some(before)) = (status, before) {
        return Ok((scratch.join(&before.name), before.digest.clone(), None));
    }
    if !(200..300).contains(&status) {
        return Err(BuildError::new(format!("invalid response status {status}")));
    }
    let said = disposition.as_deref().and_then(|text| text.split("filename=").nth(1)).map(|name| name.trim_matches('"'));
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let name = said.unwrap_or(path).rsplit('/').next().unwrap_or_default();
    let name = if ["", ".", ".."].contains(&name) || name.contains('\0') { "__unnamed__" } else { name };
    let changed = modified.as_deref().and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    let changed = changed.map_or(SystemTime::UNIX_EPOCH, |time| time.timestamp().into());
    let failed = |e: io::Error| BuildError::new(format!("cannot fetch {url}: {e}"));
    let place = scratch.join(name);
    let mut file = fs::File::create(&place).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut said = Said { etag, modified, name: name.to_owned(), digest: String::new() };
    while let Some(Part::Piece(bytes)) = next(&parts, cancel)? {
        hasher.update(&bytes);
        file.write_all(&bytes).map_err(failed)?;
    }
    file.set_permissions(fs::Permissions::from_mode(0o600)).and_then(|()| file.set_modified(changed)).map_err(failed)?;
    said.digest = format!("sha256:{}", hex(&hasher.finalize()));
    Ok((place, said.digest.clone(), Some(said)))
}

/// A repository's fetching.
struct Git<'a> {
    scratch: &'a Path,
    cancel: &'a Cancel,
    access: Access,
}

impl Git<'_> {
    fn fetch(&self, url: &str, reference: &str, folder: &str, keep_git: bool) -> Result<(PathBuf, String), BuildError> {
        let reference = if reference.is_empty() { "HEAD" } else { reference };
        if [url, reference].iter().any(|word| word.starts_with('-')) {
            return Err(BuildError::new(format!("{} is no address of a repository", quote(&format!("{url}#{reference}")))));
        }
        let work = self.scratch.join("work");
        fs::create_dir(&work).map_err(|e| BuildError::new(format!("cannot make a folder for {url}: {e}")))?;
        self.git(&work, &["init", "-q"])?;
        let mut fetched = "FETCH_HEAD";
        if let Err(first) = self.git(&work, &["fetch", "-q", "--depth=1", "--no-tags", "--", url, reference]) {
            // Not every server gives a commit that no branch ends with, nor a part of a history.
            let whole = ["fetch", "-q", "--tags", "--", url, "+refs/heads/*:refs/remotes/origin/*"];
            let history = is_shallow(&first);
            let commit = reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
            match (history, commit) {
                (true, false) => drop(self.git(&work, &["fetch", "-q", "--no-tags", "--", url, reference])?),
                (_, true) => {
                    self.git(&work, &whole)?;
                    self.git(&work, &["cat-file", "-e", &format!("{reference}^{{commit}}")]).map_err(|_| first)?;
                    fetched = reference;
                }
                (false, false) => return Err(first),
            }
        }
        self.git(&work, &["checkout", "-q", "--detach", fetched])?;
        let commit = self.git(&work, &["rev-parse", "HEAD"])?.trim().to_owned();
        if work.join(".gitmodules").exists() {
            let update = ["submodule", "update", "-q", "--init", "--recursive"];
            if let Err(e) = self.git(&work, &[&update[..], &["--depth=1"]].concat()) {
                if !is_shallow(&e) {
                    return Err(e);
                }
                self.git(&work, &update)?;
            }
        }
        if !keep_git {
            context::remove(&work.join(".git"));
        }
        let cleaned = crate::patterns::clean(folder);
        if cleaned.is_empty() {
            return Ok((work, format!("git:{commit}:{keep_git}")));
        }
        // A link in the repository leads nowhere out of it.
        let missing = || BuildError::new(format!("subdir: {} not found in {url}#{reference}", quote(folder)));
        let tree = super::tree::Tree::folder(&work).map_err(|_| missing())?;
        let (_fd, found) = tree.find(&cleaned).map_err(|_| missing())?;
        let real = fs::read_link(&found).map_err(|_| missing())?;
        if real.is_dir() { Ok((real, format!("git:{commit}:{keep_git}:{cleaned}"))) } else { Err(missing()) }
    }

    /// Runs git where nothing of the user's counts, and ends it with the build. Gives what it wrote.
    fn git(&self, folder: &Path, words: &[&str]) -> Result<String, BuildError> {
        let mut command = Command::new("git");
        command.args(["-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"]).args(words);
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_ALLOW_PROTOCOL", PROTOCOLS).env("HOME", self.scratch);
        self.access.allow(&mut command, self.scratch);
        // What git starts goes with it.
        command.process_group(0);
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        let mut child = command.spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                BuildError::new("the engine finds no `git` on its PATH: install git, or download what the build needs")
            }
            _ => BuildError::new(format!("cannot run git: {e}")),
        })?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let kill = |group: &Option<Pid>| group.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok());
        let (mut out, mut errors) = (child.stdout.take(), child.stderr.take());
        let (said, words_said, status) = std::thread::scope(|scope| {
            let said = scope.spawn(move || text(out.as_mut()));
            let complained = scope.spawn(move || text(errors.as_mut()));
            // One of git's children may hold its ends open when it has ended itself.
            let mut status = None;
            while status.is_none() || !said.is_finished() || !complained.is_finished() {
                if self.cancel.is_cancelled() {
                    kill(&group);
                }
                if status.is_none() {
                    status = child.try_wait().transpose();
                }
                std::thread::sleep(PAUSE);
            }
            (said.join().unwrap_or_default(), complained.join().unwrap_or_default(), status)
        });
        self.cancel.check()?;
        match status {
            Some(Ok(status)) if status.success() => Ok(said),
            _ => Err(BuildError::new(format!("failed to fetch remote: git {}: {}", words.first().unwrap_or(&""), words_said.trim()))),
        }
    }
}

/// Whether git failed because a server gives no part of a history, as one that only serves files.
fn is_shallow(e: &BuildError) -> bool {
    e.message.contains("shallow") || e.message.contains("--depth")
}

/// The beginning of what is said; all of it is read, so that nobody waits for being heard.
fn text(from: Option<&mut impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let _ = from.take(4 * WORDS_MAX as u64).read_to_end(&mut bytes).and_then(|_| io::copy(from, &mut io::sink()));
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let git = |url: &str, reference: &str, folder: &str| {
            Some(Remote::Git { url: url.to_owned(), reference: reference.to_owned(), folder: folder.to_owned() })
        };
        assert_eq!(Remote::of("https://h/x.git#main:a/b"), git("https://h/x.git", "main", "a/b"));
        assert_eq!(Remote::of("git@h:x.git"), git("git@h:x.git", "", ""));
        assert_eq!(Remote::of("git://h/x#:sub"), git("git://h/x", "", "sub"));
        assert_eq!(Remote::of_context("github.com/o/r#v1"), git("https://github.com/o/r", "v1", ""));
        assert_eq!(Remote::of("http://h/x.tar.gz"), Some(Remote::Http("http://h/x.tar.gz".to_owned())));
        for local in ["a.git", "github.com/o/r.git", "/x", "ftp://h/x"] {
            assert_eq!(Remote::of(local), None, "{local}");
        }
    }
}
