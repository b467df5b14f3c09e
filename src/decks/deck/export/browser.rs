//! The Chromium that is installed: found, started without a window, and ended when its time is up.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The names that Chromium and its kin go by.
const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "headless_shell",
    "microsoft-edge",
    "brave-browser",
];
/// Where they are when they are not on the path.
const PLACES: &[&str] = &[
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
/// The end of what a browser says when it fails.
const MAX_TOLD: usize = 2000;

/// Why a browser did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    #[error("there is no Chromium here (looked for {})", NAMES.join(", "))]
    NotFound,
    #[error("{} is no program that can be run", path.display())]
    NoProgram { path: PathBuf },
    #[error("Chromium does not run as root without --no-sandbox")]
    Root,
    #[error("cannot start {}", path.display())]
    Start { path: PathBuf, source: std::io::Error },
    #[error("{} did not finish within {seconds} seconds", path.display())]
    TimeOut { path: PathBuf, seconds: u64 },
    #[error("{} failed ({status}){}", path.display(), if told.is_empty() { String::new() } else { format!(": {told}") })]
    Failed { path: PathBuf, status: ExitStatus, told: String },
    #[error("{} wrote nothing{}", path.display(), if told.is_empty() { String::new() } else { format!(": {told}") })]
    Nothing { path: PathBuf, told: String },
    #[error("cannot use a temporary folder")]
    Folder(#[source] std::io::Error),
}

impl BrowserError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            BrowserError::NotFound => {
                Some("install chromium (Debian and Ubuntu: apt-get install chromium), or name another with --browser PATH")
            }
            BrowserError::NoProgram { .. } | BrowserError::Start { .. } => Some("name the program itself with --browser PATH"),
            BrowserError::Root => Some("run dockside as an ordinary user, or add --no-sandbox if you trust what is on the slides"),
            BrowserError::TimeOut { .. } => Some("give it more time with --timeout SECONDS, or leave out the slide that keeps it busy"),
            BrowserError::Failed { told, .. } | BrowserError::Nothing { told, .. } if told.contains("sandbox") => {
                Some("this system forbids Chromium its sandbox; add --no-sandbox if you trust what is on the slides")
            }
            BrowserError::Failed { .. } | BrowserError::Nothing { .. } => Some("try another Chromium with --browser PATH"),
            BrowserError::Folder(_) => Some("set TMPDIR to a folder that can be written to"),
        }
    }
}

/// A browser and how to run it.
#[derive(Clone, Debug)]
pub struct Browser {
    path: PathBuf,
    sandbox: bool,
    limit: Duration,
}

impl Browser {
    /// The browser at `path`, or the one that is installed. As root it needs to be told that it may run without its sandbox.
    pub fn find(path: Option<&Path>, sandbox: bool, limit: Duration) -> Result<Self, BrowserError> {
        let path = match path {
            Some(path) => on_path(path).ok_or_else(|| BrowserError::NoProgram { path: path.to_owned() })?,
            None => {
                let names = NAMES.iter().chain(PLACES).map(Path::new);
                names.into_iter().find_map(on_path).ok_or(BrowserError::NotFound)?
            }
        };
        #[cfg(unix)]
        if sandbox && rustix::process::geteuid().is_root() {
            return Err(BrowserError::Root);
        }
        Ok(Browser { path, sandbox, limit })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens `page` with `arguments` and waits for the end; gives what was printed on standard output.
    pub fn run(&self, page: &Path, arguments: &[String]) -> Result<Vec<u8>, BrowserError> {
        let profile = tempfile::Builder::new().prefix("dockside-browser-").tempdir().map_err(BrowserError::Folder)?;
        let mut command = Command::new(&self.path);
        command.args(["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--mute-audio"]);
        command.args(["--disable-background-networking", "--disable-sync", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND"]);
        if !self.sandbox {
            command.arg("--no-sandbox");
        }
        command.arg(format!("--user-data-dir={}", profile.path().display())).args(arguments).arg(address(page));
        // A browser that is killed leaves a folder where temporary ones are; there it goes with the rest.
        command.env("TMPDIR", profile.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|source| BrowserError::Start { path: self.path.clone(), source })?;
        let (out, told) = (reader(child.stdout.take()), reader(child.stderr.take()));
        let status = self.wait(&mut child)?;
        // What a browser leaves running holds its pipes open; it is not waited for.
        end(&child);
        let limit = Duration::from_secs(10);
        let out = out.recv_timeout(limit).unwrap_or_default();
        let told = told_of(&told.recv_timeout(limit).unwrap_or_default());
        match status.success() {
            true => Ok(out),
            false => Err(BrowserError::Failed { path: self.path.clone(), status, told }),
        }
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus, BrowserError> {
        let start = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if start.elapsed() < self.limit => std::thread::sleep(Duration::from_millis(20)),
                result => {
                    end(child);
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(match result {
                        Err(source) => BrowserError::Start { path: self.path.clone(), source },
                        _ => BrowserError::TimeOut { path: self.path.clone(), seconds: self.limit.as_secs() },
                    });
                }
            }
        }
    }
}

/// Ends a browser with all the processes that it started.
fn end(child: &Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = child;
}

/// Reads a pipe to its end, beside.
fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before a failure is worth having.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// The last lines of a browser's complaints that say something.
fn told_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.contains("dbus/")).collect();
    let told = lines[lines.len().saturating_sub(3)..].join(" ");
    told.chars().take(MAX_TOLD).collect()
}

/// The program that `name` means: a path, or a name that is looked for on `PATH`.
fn on_path(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return is_program(name).then(|| name.to_owned());
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}

/// `file://` and the path, with what has a meaning in addresses escaped.
fn address(page: &Path) -> String {
    let mut address = "file://".to_owned();
    for byte in page.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            address.push(byte as char);
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}
