//! An engine of the built binary in a folder of its own, and commands run against it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Whose engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    Root,
    /// A user without a name and without subordinate ids.
    Ordinary,
}

const UID: u32 = 4242;

pub struct Engine {
    pub dir: TempDir,
    user: User,
    server: Child,
}

/// What a command did.
#[derive(Debug)]
#[allow(dead_code, reason = "not every test binary that includes this file uses all of it")]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

fn skip(why: &str) {
    eprintln!("skipped: {why}");
}

pub fn has_docker() -> bool {
    let has = Command::new("docker").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !has {
        skip("no docker client on PATH");
    }
    has
}

impl Engine {
    /// Starts an engine; `None` (said on standard error) where this machine cannot.
    pub fn start(user: User) -> Option<Engine> {
        if !has_docker() {
            return None;
        }
        let root = rustix::process::geteuid().is_root();
        if user == User::Root && !root {
            skip("not root");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("dockside").tempdir().ok()?;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).ok()?;
        // The binary may lie where the ordinary user cannot reach it.
        let binary = dir.path().join("dockside");
        std::fs::hard_link(env!("CARGO_BIN_EXE_dockside"), &binary)
            .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_dockside"), &binary).map(drop))
            .ok()?;
        let home = dir.path().join("home");
        for folder in ["home", "home/run"] {
            std::fs::create_dir(dir.path().join(folder)).ok()?;
        }
        if user == User::Ordinary && root {
            for folder in ["home", "home/run"] {
                std::os::unix::fs::chown(dir.path().join(folder), Some(UID), Some(UID)).ok()?;
            }
        }
        // The client's plugins that whoever runs the tests has; those of the machine it finds by itself.
        let plugins = std::env::var_os("DOCKER_CONFIG").map(|config| Path::new(&config).join("cli-plugins"));
        if let Some(plugins) = plugins.filter(|plugins| plugins.is_dir()) {
            std::fs::create_dir(home.join(".docker")).ok()?;
            std::os::unix::fs::symlink(plugins, home.join(".docker/cli-plugins")).ok()?;
            if user == User::Ordinary && root {
                std::os::unix::fs::chown(home.join(".docker"), Some(UID), Some(UID)).ok()?;
            }
        }
        let server = serve(&dir, user, &[])?;
        Some(Engine { dir, user, server })
    }

    /// Starts an engine that has the recordings' `busybox:latest`.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn with_busybox(user: User) -> Option<Engine> {
        let engine = Engine::start(user)?;
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/busybox-rootfs");
        let tar = engine.home().join("busybox.tar");
        let made = Command::new(&tool).arg(&tar).output();
        if !made.as_ref().is_ok_and(|o| o.status.success()) {
            skip(&format!("{} cannot make the base image", tool.display()));
            return None;
        }
        let imported = engine.sh(&format!("docker import -c 'CMD [\"sh\"]' - busybox:latest < {}", tar.display()));
        assert_eq!(imported.status, 0, "{imported:?}");
        Some(engine)
    }

    /// Whether Docker's client here has its buildx plugin.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn has_buildx(&self) -> bool {
        self.sh("docker buildx version").stdout.contains("github.com/docker/buildx")
    }

    /// The engine's process.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A loopback address of this engine's own, so that no two tests want the same port of the machine.
    pub fn loopback(&self) -> String {
        let pid = std::process::id();
        let who = if self.user == User::Root { 64 } else { 65 };
        format!("127.{who}.{}.{}", pid >> 8 & 0xff, (pid & 0xff).clamp(2, 254))
    }

    /// Runs a shell command line with the engine as its docker host, `/lab` being the engine's home and 127.0.0.1 its own loopback
    /// address where a port follows.
    pub fn sh(&self, line: &str) -> Run {
        self.sh_with(None, line)
    }

    /// The same, with commands of a folder of the caller's before those of the machine.
    pub fn sh_with(&self, commands: Option<&Path>, line: &str) -> Run {
        let tty = line.strip_prefix("TTY ");
        let line = line.replace("/lab/", &format!("{}/", self.home().display()));
        let line = line.replace("127.0.0.1:", &format!("{}:", self.loopback()));
        let line = match tty {
            Some(_) => format!("script -qefc {} /dev/null </dev/null", quoted(line.trim_start_matches("TTY "))),
            None => line,
        };
        let mut command = Command::new("bash");
        command.arg("-c").arg(line).current_dir(self.home()).stdin(Stdio::null());
        self.dress(&mut command);
        if let Some(folder) = commands {
            command.env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default()));
        }
        let output = command.output().expect("bash runs");
        Run { status: output.status.code().unwrap_or(-1), stdout: self.undress(&output.stdout), stderr: self.undress(&output.stderr) }
    }

    /// Standard output of a command that must succeed, without the blanks around it.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn ok(&self, line: &str) -> String {
        let run = self.sh(line);
        assert_eq!(run.status, 0, "{line}: {run:?}");
        run.stdout.trim().to_owned()
    }

    fn undress(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).replace(&format!("{}/", self.home().display()), "/lab/");
        text.replace(&self.loopback(), "127.0.0.1")
    }

    /// A program that has the engine as its docker host.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.home());
        self.dress(&mut command);
        command
    }

    fn dress(&self, command: &mut Command) {
        dress(&self.dir, self.user, command);
    }

    /// Kills the engine the hard way and starts another one on the same folders.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn crash_and_restart(&mut self) {
        self.crash();
        self.restart();
    }

    /// Kills the engine the hard way.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn crash(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Starts an engine again on the folders of one that has crashed.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same, with more flags.
    #[allow(dead_code, reason = "not every test binary that includes this file uses it")]
    pub fn restart_with(&mut self, flags: &[&str]) {
        self.server = serve(&self.dir, self.user, flags).expect("the engine starts again");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.sh("docker rm -f $(docker ps -aq) 2>/dev/null");
        self.crash();
    }
}

fn dress(dir: &TempDir, user: User, command: &mut Command) {
    let home = dir.path().join("home");
    command
        .env("DOCKER_HOST", format!("unix://{}/s", home.display()))
        .env("HOME", &home)
        .env("TERM", "xterm")
        .env_remove("DOCKSIDE_USERNS");
    command.env("DOCKER_CONFIG", home.join(".docker"));
    if user == User::Ordinary && rustix::process::geteuid().is_root() {
        command.uid(UID).gid(UID).groups_cleared();
    }
}

trait GroupsCleared {
    fn groups_cleared(&mut self) -> &mut Self;
}

impl GroupsCleared for Command {
    /// `Command` drops supplementary groups by itself when root sets a user.
    fn groups_cleared(&mut self) -> &mut Self {
        self
    }
}

fn quoted(line: &str) -> String {
    format!("'{}'", line.replace('\'', r"'\''"))
}

fn serve(dir: &TempDir, user: User, flags: &[&str]) -> Option<Child> {
    let home = dir.path().join("home");
    let _ = std::fs::remove_file(home.join("s"));
    let mut command = Command::new(dir.path().join("dockside"));
    command.args(["engine", "serve"]).args(flags);
    for (flag, name) in [("--socket", "s"), ("--store", "store"), ("--state", "state")] {
        command.arg(flag).arg(home.join(name));
    }
    command.current_dir(&home).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    dress(dir, user, &mut command);
    let mut child = command.spawn().ok()?;
    // It says where it listens once it does, on one of the two.
    let (sender, receiver) = std::sync::mpsc::channel();
    let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(child.stdout.take()?), Box::new(child.stderr.take()?)];
    for stream in streams {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    drop(sender);
    match receiver.recv_timeout(std::time::Duration::from_secs(30)) {
        Ok(line) if line.contains("engine on") => Some(child),
        Ok(line) => {
            skip(&format!("the engine does not start: {line}"));
            let _ = child.kill();
            None
        }
        Err(_) => panic!("the engine says nothing"),
    }
}
