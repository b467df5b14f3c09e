//! `RUN`: a command in a container made of the stage's layers, and the folders and secrets that are mounted into it.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::caches::Caches;
use super::client::Forwarding;
use super::context::{self, Context};
use super::instruction::Run;
use super::mounts::{Kind, Mount};
use super::report::{BuildError, Cancel};
use super::state::absolute;
use super::tree::{Ownership, Tree};
use crate::container::{Condition, Container, Containers, CreateRequest, HostConfig, MountRequest, Stream};
use crate::image::{Digest, HealthConfig, ImageStore, ResolvedImage, RunConfig};
use crate::units::quote;

/// Where BuildKit shows scripts of here-documents.
const SCRIPTS: &str = "/dev/pipes";

/// What says where the agent of keys is.
const AGENT_VARIABLE: &str = "SSH_AUTH_SOCK=";

/// The command of a `RUN` with its here-documents put in: the words, and a script that is to be mounted.
pub fn command(run: &Run, with_shell: impl Fn(Vec<String>) -> Vec<String>) -> (Vec<String>, Option<(String, String)>) {
    let words = run.command.words.clone();
    let (Some(first), [line]) = (run.command.heredocs.first(), words.as_slice()) else {
        return (if run.command.shell { with_shell(words) } else { words }, None);
    };
    if super::dockerfile::Heredoc::parse(line).is_none() {
        // The shell has here-documents of its own.
        let mut text = line.clone();
        for heredoc in &run.command.heredocs {
            text.push_str(&format!("\n{}{}", heredoc.content, heredoc.name));
        }
        return (with_shell(vec![text]), None);
    }
    let script = first.text();
    if script.starts_with("#!") {
        let path = format!("{SCRIPTS}/{}", first.name);
        return (vec![path], Some((first.name.clone(), script)));
    }
    (with_shell(vec![script]), None)
}

/// Things mounted for one command; what was made for them goes with this.
#[derive(Default)]
pub struct Mounted {
    pub requests: Vec<MountRequest>,
    pub env: Vec<String>,
    scratch: Vec<PathBuf>,
    caches: Caches,
    /// Agents of the client's that can be asked.
    agents: Vec<Forwarding>,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for folder in &self.scratch {
            context::remove(folder);
        }
    }
}

/// Where mounts come from.
pub struct MountSources<'a> {
    pub images: &'a ImageStore,
    /// The engine's own folder, under which caches lie.
    pub state: &'a Path,
    pub context: &'a Context,
    pub secrets: &'a std::collections::BTreeMap<String, Vec<u8>>,
    /// The layers that a `from` means.
    pub layers: &'a dyn Fn(&str) -> Result<Vec<PathBuf>, BuildError>,
    pub cancel: &'a Cancel,
}

impl MountSources<'_> {
    /// A secret that came with the request, or that the client has.
    fn secret(&self, id: &str) -> Result<Option<Vec<u8>>, BuildError> {
        self.secrets.get(id).map_or_else(|| self.context.secret(id), |secret| Ok(Some(secret.clone())))
    }
}

impl Mounted {
    /// Prepares the mounts of a command that runs in `working_dir`.
    pub fn prepare(
        sources: &MountSources<'_>,
        mounts: &[Mount],
        script: Option<(String, String)>,
        working_dir: &str,
    ) -> Result<Mounted, BuildError> {
        let mut mounted = Mounted::default();
        for mount in mounts {
            mounted.add(sources, mount, working_dir).map_err(|e| match e {
                Failed::Build(e) => e,
                Failed::Io(e) => BuildError::new(format!("cannot prepare the mount at {}: {e}", mount.target)),
            })?;
        }
        if let Some((name, text)) = script {
            let file =
                mounted.file(sources, text.as_bytes(), 0o755).map_err(|e| BuildError::new(format!("cannot write the script: {e}")))?;
            mounted.bind(&file, &format!("{SCRIPTS}/{name}"), true);
        }
        Ok(mounted)
    }

    /// Gives the command a hosts file of its own, in place of a container's.
    pub fn hosts(&mut self, sources: &MountSources<'_>, text: &str) -> Result<(), BuildError> {
        let target = "/etc/hosts";
        if self.requests.iter().all(|mount| mount.target != target) {
            let file =
                self.file(sources, text.as_bytes(), 0o644).map_err(|e| BuildError::new(format!("cannot write the hosts file: {e}")))?;
            self.bind(&file, target, true);
        }
        Ok(())
    }

    fn bind(&mut self, source: &Path, target: &str, read_only: bool) {
        self.requests.push(MountRequest {
            kind: "bind".to_owned(),
            source: source.to_string_lossy().into_owned(),
            target: target.to_owned(),
            read_only,
            ..MountRequest::default()
        });
    }

    fn folder(&mut self, sources: &MountSources<'_>) -> Result<PathBuf, Failed> {
        let folder = sources.images.scratch().map_err(BuildError::from)?;
        self.scratch.push(folder.clone());
        Ok(folder)
    }

    fn file(&mut self, sources: &MountSources<'_>, content: &[u8], mode: u32) -> Result<PathBuf, std::io::Error> {
        let folder = self.folder(sources).map_err(|_| std::io::Error::other("no place to work in"))?;
        let file = folder.join("file");
        fs::write(&file, content)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        Ok(file)
    }

    fn add(&mut self, sources: &MountSources<'_>, mount: &Mount, working_dir: &str) -> Result<(), Failed> {
        let target = absolute(working_dir, &mount.target);
        match mount.kind {
            Kind::Tmpfs => {
                let options = (mount.size > 0).then(|| serde_json::json!({ "SizeBytes": mount.size }));
                self.requests.push(MountRequest { kind: "tmpfs".to_owned(), target, tmpfs_options: options, ..MountRequest::default() });
            }
            Kind::Secret => match sources.secret(&mount.id)? {
                Some(secret) => {
                    if !mount.env.is_empty() {
                        self.env.push(format!("{}={}", mount.env, String::from_utf8_lossy(&secret)));
                    }
                    if !mount.target.is_empty() {
                        let file = self.file(sources, &secret, mount.mode.unwrap_or(0o400))?;
                        let _ = std::os::unix::fs::chown(&file, Some(mount.uid), Some(mount.gid));
                        self.bind(&file, &target, true);
                    }
                }
                None if mount.required => return Err(BuildError::new(format!("secret {}: not found", mount.id)).into()),
                None => {}
            },
            Kind::Agent => self.agent(sources, mount)?,
            Kind::Cache => {
                let mut id = if mount.id.is_empty() { target.clone() } else { mount.id.clone() };
                if !mount.from.is_empty() {
                    // What a cache begins with is part of what it is.
                    let layers = (sources.layers)(&mount.from)?;
                    let layers: Vec<_> = layers.iter().map(|layer| layer.to_string_lossy().into_owned()).collect();
                    id = format!("{id} from {}", Digest::of(layers.join(":").as_bytes()));
                }
                let mut caches = std::mem::take(&mut self.caches);
                let folder = caches.take(sources.state, &id, mount.sharing, sources.cancel, |folder| {
                    fs::create_dir_all(folder)?;
                    if !mount.from.is_empty() {
                        self.copy_out(sources, mount, folder)?;
                    }
                    fs::set_permissions(folder, fs::Permissions::from_mode(mount.mode.unwrap_or(0o755)))?;
                    let _ = std::os::unix::fs::chown(folder, Some(mount.uid), Some(mount.gid));
                    Ok::<(), Failed>(())
                });
                self.caches = caches;
                let folder = folder?;
                self.bind(&folder, &target, mount.read_only);
            }
            Kind::Bind => {
                // A copy: what the command writes there is for nobody, and the context stays as it came.
                let folder = self.folder(sources)?;
                let source = self.copy_out(sources, mount, &folder.join("tree"))?;
                self.bind(&source, &target, mount.read_only);
            }
        }
        Ok(())
    }

    /// Shows a socket at which the client's agent answers. The first one is found by its variable.
    fn agent(&mut self, sources: &MountSources<'_>, mount: &Mount) -> Result<(), Failed> {
        let folder = self.folder(sources)?;
        // Addresses of sockets are short, the folder's name need not be.
        let opened = fs::File::open(&folder)?;
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/agent", opened.as_raw_fd()))?;
        let socket = folder.join("agent");
        fs::set_permissions(&socket, fs::Permissions::from_mode(mount.mode.unwrap_or(0o600)))?;
        let _ = std::os::unix::fs::chown(&socket, Some(mount.uid), Some(mount.gid));
        let forwarding = match sources.context.client().map_or(Ok(None), |client| client.agent(&mount.id, listener)) {
            Ok(None) if mount.required => {
                return Err(BuildError::new(format!("no SSH key {} forwarded from the client", quote(&mount.id))).into());
            }
            Err(e) if mount.required => return Err(e.into()),
            Ok(Some(forwarding)) => forwarding,
            Ok(None) | Err(_) => return Ok(()),
        };
        let target = match mount.target.as_str() {
            "" => format!("/run/buildkit/ssh_agent.{}", self.agents.len()),
            target => absolute("/", target),
        };
        if self.agents.is_empty() {
            self.env.push(format!("{AGENT_VARIABLE}{target}"));
        }
        self.agents.push(forwarding);
        self.bind(&socket, &target, true);
        Ok(())
    }

    /// Copies what a mount shows into `to`, and gives the path of the copy.
    fn copy_out(&self, sources: &MountSources<'_>, mount: &Mount, to: &Path) -> Result<PathBuf, Failed> {
        let tree = if mount.from.is_empty() { sources.context.tree()? } else { Tree::layers(&(sources.layers)(&mount.from)?)? };
        let (_fd, outside) = tree.find(&mount.source).map_err(|_| {
            Failed::Build(BuildError::new(format!(
                "failed to calculate checksum of ref: \"/{}\": not found",
                mount.source.trim_start_matches('/')
            )))
        })?;
        fs::create_dir_all(to)?;
        let target = Tree::folder(to)?;
        if fs::metadata(&outside)?.is_dir() {
            target.copy_folder(&outside, "/", &Ownership::default(), &|_| false)?;
            return Ok(to.to_owned());
        }
        target.copy_file(&outside, "/file", &Ownership::default())?;
        Ok(to.join("file"))
    }
}

enum Failed {
    Build(BuildError),
    Io(std::io::Error),
}

impl From<BuildError> for Failed {
    fn from(error: BuildError) -> Self {
        Failed::Build(error)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Failed::Io(error)
    }
}

/// A command that shall make a layer.
pub struct Command {
    /// What it runs in.
    pub image: ResolvedImage,
    /// The stage's config as it stands.
    pub config: RunConfig,
    pub words: Vec<String>,
    /// The environment, arguments included.
    pub env: Vec<String>,
    /// `--network`; empty for the build's.
    pub network: String,
    pub hostname: String,
}

/// A container with all that its command needs.
pub struct Prepared {
    pub container: Arc<Container>,
    mounted: Mounted,
    layers: Vec<PathBuf>,
}

impl Prepared {
    /// Creates the container of a command.
    pub fn create(containers: &Containers, host: &HostConfig, command: Command, mounted: Mounted) -> Result<Prepared, BuildError> {
        let mut env = command.env;
        // What the Dockerfile says of its agent's socket counts.
        let own = env.iter().any(|variable| variable.starts_with(AGENT_VARIABLE));
        env.extend(mounted.env.iter().filter(|variable| !own || !variable.starts_with(AGENT_VARIABLE)).cloned());
        let config = RunConfig {
            // Nothing to run means what the image runs.
            entrypoint: if command.words.is_empty() { command.config.entrypoint.clone() } else { Some(vec![String::new()]) },
            cmd: Some(command.words).filter(|words| !words.is_empty()),
            env: Some(env),
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
            attach_stdout: true,
            attach_stderr: true,
            hostname: command.hostname,
            ..command.config
        };
        let mut host = host.clone();
        host.mounts = Some(mounted.requests.clone());
        if !command.network.is_empty() && command.network != "default" {
            host.network_mode = command.network;
        }
        let layers = command.image.layers.clone();
        let container = create(containers, command.image, config, host)?;
        Ok(Prepared { container, mounted, layers })
    }

    /// The layer of what the command left, on top of the layers `below`; `None` where it left nothing.
    pub fn layer(&self, images: &ImageStore, below: &[Digest]) -> Result<Option<Digest>, BuildError> {
        let upper = self.container.dir().join("diff");
        forget_mount_points(&upper, &self.layers, &self.mounted.requests);
        Ok(images.add_layer(&upper, below)?)
    }
}

/// Creates the container of a step.
pub fn create(containers: &Containers, image: ResolvedImage, config: RunConfig, host: HostConfig) -> Result<Arc<Container>, BuildError> {
    let request = CreateRequest { name: String::new(), config, host, image, networks: Default::default(), read_only_itself: false };
    Ok(containers.create(request)?.0)
}

/// Runs a created container to its end and gives its status; a build that is cancelled kills it.
pub fn run(containers: &Containers, container: &Arc<Container>, cancel: &Cancel, out: &dyn Fn(Stream, &[u8])) -> Result<i32, BuildError> {
    tokio::runtime::Handle::current().block_on(async {
        let mut output = containers.attach(container, true, true);
        let ended = containers.wait(container, Condition::NextExit);
        containers.start(container).await?;
        let mut killed = false;
        loop {
            tokio::select! {
                piece = output.recv() => match piece {
                    Some((stream, bytes)) => out(stream, &bytes),
                    None => break,
                },
                () = cancel.cancelled(), if !killed => {
                    killed = true;
                    // Gone already is as good.
                    let _ = containers.kill(container, container.id(), "KILL").await;
                }
            }
        }
        let code = ended.await;
        cancel.check()?;
        Ok(code)
    })
}

/// Removes a container, its own volumes included.
pub fn remove(containers: &Containers, container: &Arc<Container>) -> Result<(), BuildError> {
    Ok(tokio::runtime::Handle::current().block_on(containers.remove(container, true, true))?)
}

/// Takes mount points that the engine made for `mounts` out of a container's layer, where the image has no such folder.
fn forget_mount_points(upper: &Path, layers: &[PathBuf], mounts: &[MountRequest]) {
    for mount in mounts {
        let mut path = PathBuf::from(mount.target.trim_start_matches('/'));
        while !path.as_os_str().is_empty() {
            let there = layers.iter().any(|layer| fs::symlink_metadata(layer.join(&path)).is_ok());
            let own = upper.join(&path);
            let gone = !there
                && match fs::symlink_metadata(&own) {
                    Ok(m) if m.is_dir() => fs::remove_dir(&own).is_ok(),
                    Ok(m) => m.is_file() && m.len() == 0 && fs::remove_file(&own).is_ok(),
                    Err(_) => true,
                };
            if !gone || !path.pop() {
                break;
            }
        }
    }
}

/// The folders of the layers that something is taken from or runs in; an empty one where there are none.
pub fn folders(images: &ImageStore, layers: &[Digest]) -> Result<Vec<PathBuf>, BuildError> {
    match layers {
        [] => Ok(images.layer_folders(&[images.add_empty_layer(&[])?])),
        layers => Ok(images.layer_folders(layers)),
    }
}

/// Makes a layer on top of the layers `below` (by their digests) of what `write` puts into the file system; `None` where it is nothing.
pub fn layer(images: &ImageStore, below: &[Digest], write: impl FnOnce(&Tree) -> Result<(), String>) -> Result<Option<Digest>, BuildError> {
    let scratch = images.scratch()?;
    let result = (|| {
        let failed = |e: std::io::Error| BuildError::new(format!("cannot make a layer: {e}"));
        let (upper, work) = (scratch.join("diff"), scratch.join("work"));
        for folder in [&upper, &work] {
            fs::create_dir(folder).map_err(failed)?;
        }
        fs::set_permissions(&upper, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        let tree = Tree::writable(&images.layer_folders(below), &upper, &work).map_err(failed)?;
        write(&tree)?;
        drop(tree);
        Ok(images.add_layer(&upper, below)?)
    })();
    context::remove(&scratch);
    result
}

/// Makes the layer of a folder that is there or is made; what is made is `user`'s, or root's where that is empty, and seems to be of `time`
/// where one is given.
pub fn folder_layer(
    images: &ImageStore,
    below: &[Digest],
    folder: &str,
    user: &str,
    time: Option<Timestamp>,
) -> Result<Option<Digest>, BuildError> {
    layer(images, below, |tree| {
        let owner = if user.is_empty() { None } else { Some(super::copying::chown(tree, user)?) };
        tree.make_folders(folder, &Ownership { owner, mode: None, time }).map(drop).map_err(|e| e.to_string())
    })
}
