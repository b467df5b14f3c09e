//! A single step done: looked for in the cache, made where it is not there, and written down.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Record, key};
use super::clip::Clip;
use super::compile::{Origin, Running, Work, WorkKind};
use super::sandboxes;
use super::solve::{Build, Files, Solver, cancelled, locked};
use super::tracer::Step;
use crate::build::copying::{self, Job, Sources};
use crate::build::instruction::Copy;
use crate::build::mounts::Kind;
use crate::build::report::BuildError;
use crate::build::running::{self, Command, MountSources, Mounted, Prepared};
use crate::build::tree::Tree;
use crate::container::Stream;
use crate::image::{Digest, ImageDocument, ResolvedImage, RunConfig};
use crate::network::BRIDGE;
use crate::units::quote;

/// The name of the machine that a step sees.
const HOSTNAME: &str = "buildkitsandbox";

/// The build argument that gives it another name.
const HOSTNAME_ARGUMENT: &str = "BUILDKIT_SANDBOX_HOSTNAME";

const CHECKSUM: &str = "failed to calculate checksum of ref";

impl Solver<'_> {
    /// What the cache has for a step, found out without doing anything of it.
    pub fn looked_up(&self, work: &Work, below: &Files) -> Option<Files> {
        let key = match &work.kind {
            WorkKind::Folder { path, user } => folder_key(below, path, user, self.epoch()),
            WorkKind::Copy { copy, add, from, working_dir } => {
                let (_, sources) = self.sources(copy, *add, *from).ok()?;
                return self.cached_copy(&copy_key(below, copy, *add, working_dir, &sources), copy, below);
            }
            WorkKind::Run(run) => self.run_key(below, run).ok()?,
        };
        self.cached(&key, below)
    }

    fn cached(&self, key: &str, below: &Files) -> Option<Files> {
        let record = self.recorded(key, &below.layers)?;
        let keys = with(&below.keys, key);
        Some(Files { key: key.to_owned(), layers: record.layers, times: record.times, keys })
    }

    /// What a key came to, in a build of this engine's or in one that left its cache elsewhere.
    fn recorded(&self, key: &str, below: &[Digest]) -> Option<Record> {
        let Build { engine, cache, imports, .. } = self.build;
        cache.get(key, &engine.images, below).or_else(|| imports.bring(key, engine, cache))
    }

    /// Does a step, or finds it in the cache after all; says which.
    pub fn work(&self, work: &Work, below: &Files, ignored: bool, step: &Step<'_>) -> Result<(Files, bool), BuildError> {
        let images = &self.build.engine.images;
        let lookup = |key: &str| if ignored { None } else { self.cached(key, below) };
        match &work.kind {
            WorkKind::Folder { path, user } => {
                let key = folder_key(below, path, user, self.epoch());
                if let Some(files) = lookup(&key) {
                    return Ok((files, true));
                }
                let layer = running::folder_layer(images, &below.layers, path, user, self.epoch())?;
                self.keep(key, below, layer, &work.name)
            }
            WorkKind::Copy { copy, add, from, working_dir } => {
                let (tree, sources) = self.sources(copy, *add, *from)?;
                let key = copy_key(below, copy, *add, working_dir, &sources);
                if let (false, Some(files)) = (ignored, self.cached_copy(&key, copy, below)) {
                    return Ok((files, true));
                }
                let job = Job { images, from: &tree, sources: &sources, copy, working_dir, unpack: *add };
                let layer = job.layer(&below.layers)?;
                if let (true, Some(layer)) = (copy.link, &layer) {
                    return Ok(self.keep_link(&key, below, layer, &work.name));
                }
                self.keep(key, below, layer, &work.name)
            }
            WorkKind::Run(run) => {
                let key = self.run_key(below, run)?;
                if let Some(files) = lookup(&key) {
                    return Ok((files, true));
                }
                let layer = self.run_command(run, below, step)?;
                self.keep(key, below, layer, &work.name)
            }
        }
    }

    /// A layer of `--link` is the same on top of whatever is below.
    fn cached_copy(&self, key: &str, copy: &Copy, below: &Files) -> Option<Files> {
        if !copy.link {
            return self.cached(key, below);
        }
        let images = &self.build.engine.images;
        let record = self.recorded(key, &[])?;
        let (layer, time) = (record.layers.first()?, record.times.first()?);
        images.place_layer(layer, &below.layers).ok()?;
        Some(linked(key, below, layer, *time))
    }

    fn keep_link(&self, key: &str, below: &Files, layer: &Digest, name: &str) -> (Files, bool) {
        let now = Timestamp::now();
        self.remember(key, std::slice::from_ref(layer), &[now], name, "");
        (linked(key, below, layer, now), false)
    }

    /// Writes down what a step has come to.
    fn keep(&self, key: String, below: &Files, layer: Option<Digest>, name: &str) -> Result<(Files, bool), BuildError> {
        // A step makes a layer whatever it did: the history counts on it.
        let layer = match layer {
            Some(layer) => layer,
            None => self.build.engine.images.add_empty_layer(&below.layers)?,
        };
        let keys = with(&below.keys, &key);
        let mut files = Files { key, keys, layers: below.layers.clone(), times: below.times.clone() };
        files.layers.push(layer);
        files.times.push(Timestamp::now());
        self.remember(&files.key, &files.layers, &files.times, name, &below.key);
        Ok((files, false))
    }

    fn remember(&self, key: &str, layers: &[Digest], times: &[Timestamp], name: &str, parent: &str) {
        let record = Record {
            layers: layers.to_vec(),
            times: times.to_vec(),
            description: name.to_owned(),
            kind: "regular".to_owned(),
            size: self.build.engine.images.top_size(layers),
            parent: parent.to_owned(),
            created: Timestamp::now(),
        };
        // A step that is not remembered is done again.
        let _ = self.build.cache.put(key, &record);
    }

    fn sources(&self, copy: &Copy, add: bool, from: Origin) -> Result<(Tree, Arc<Sources>), BuildError> {
        let tree = match from {
            Origin::Context => self.build.context.tree()?,
            other => {
                let layers = self.folders(&*self.files(other)?)?;
                Tree::layers(&layers).map_err(|e| BuildError::new(format!("cannot open {}: {e}", copy.from)))?
            }
        };
        let place = format!("{from:?} {copy:?}");
        if let Some(sources) = locked(&self.gathered).get(&place) {
            return Ok((tree, Arc::clone(sources)));
        }
        for source in copy.sources.iter().filter(|s| !crate::patterns::Glob::is_pattern(s) && !copying::is_url(s)) {
            let path = crate::patterns::clean(source);
            if let Err(e) = tree.metadata(&path)
                && e.kind() == std::io::ErrorKind::NotFound
            {
                return Err(missing(&format!("/{path}")));
            }
        }
        let sources = Arc::new(copying::gather(&tree, copy, from == Origin::Context, add, &|remote| self.fetched(remote, copy.keep_git))?);
        locked(&self.gathered).insert(place, Arc::clone(&sources));
        Ok((tree, sources))
    }

    fn folders(&self, files: &Files) -> Result<Vec<PathBuf>, BuildError> {
        running::folders(&self.build.engine.images, &files.layers)
    }

    fn run_key(&self, below: &Files, run: &Running) -> Result<String, BuildError> {
        let mut parts: Vec<String> = vec!["run".to_owned(), below.key.clone(), run.config.working_dir.clone(), run.config.user.clone()];
        let host = &self.request.host;
        parts.push(if ["", "default"].contains(&run.network.as_str()) { host.network_mode.clone() } else { run.network.clone() });
        // All that is part of the step in BuildKit, too.
        parts.extend(host.extra_hosts.iter().flatten().cloned());
        parts.extend(host.ulimits.iter().map(|limit| format!("{limit:?}")));
        if host.shm_size > 0 || !host.cgroup_parent.is_empty() {
            parts.push(format!("{} {}", host.shm_size, host.cgroup_parent));
        }
        parts.extend(self.hostname().map(str::to_owned));
        parts.push(run.words.len().to_string());
        parts.extend(run.words.iter().cloned());
        parts.extend(run.script.iter().flat_map(|(name, text)| [name.clone(), text.clone()]));
        parts.push(run.env.len().to_string());
        parts.extend(run.env.iter().cloned());
        for (mount, from) in &run.mounts {
            parts.push(format!("{mount:?}"));
            parts.push(match (mount.kind, from) {
                (Kind::Bind, Origin::Context) => {
                    let path = crate::patterns::clean(&mount.source);
                    self.build.context.tree()?.hash(&path, &|_| false).map_err(|_| missing(&format!("/{path}")))?
                }
                // What is mounted counts, not how it came about.
                (Kind::Bind, Origin::Stage(_) | Origin::Image(_) | Origin::Folder(_)) => {
                    let tree = Tree::layers(&self.folders(&*self.files(*from)?)?)
                        .map_err(|e| BuildError::new(format!("cannot open {}: {e}", mount.from)))?;
                    let path = crate::patterns::clean(&mount.source);
                    tree.hash(&path, &|_| false).map_err(|_| missing(&format!("/{path}")))?
                }
                (Kind::Cache, Origin::Stage(_) | Origin::Image(_) | Origin::Folder(_)) => self.files(*from)?.key.clone(),
                _ => String::new(),
            });
        }
        Ok(key(parts.iter().map(String::as_str)))
    }

    fn run_command(&self, run: &Running, below: &Files, step: &Step<'_>) -> Result<Option<Digest>, BuildError> {
        let images = &self.build.engine.images;
        let origins: Vec<(&str, Origin)> = run.mounts.iter().map(|(mount, from)| (mount.from.as_str(), *from)).collect();
        let layers_of = |name: &str| {
            let origin = origins.iter().find(|(from, _)| *from == name).map_or(Origin::Scratch, |(_, origin)| *origin);
            self.folders(&*self.files(origin)?)
        };
        let sources = MountSources {
            images,
            state: self.build.engine.state_dir(),
            context: self.build.context,
            secrets: &self.request.secrets,
            layers: &layers_of,
            cancel: self.build.cancel,
        };
        let mounts: Vec<_> = run.mounts.iter().map(|(mount, _)| mount.clone()).collect();
        let mut mounted = Mounted::prepare(&sources, &mounts, run.script.clone(), &run.config.working_dir)?;
        mounted.hosts(&sources, &self.hosts())?;
        // What a step leaves in a volume's folder is part of the image.
        let config = RunConfig { volumes: None, ..run.config.clone() };
        let image = ResolvedImage {
            id: Digest::of(below.key.as_bytes()),
            config: ImageDocument { config: config.clone(), os: "linux".to_owned(), ..ImageDocument::default() },
            layers: self.folders(below)?,
        };
        let command = Command {
            image,
            config,
            words: run.words.clone(),
            env: proxied(run),
            network: run.network.clone(),
            hostname: self.hostname().unwrap_or(HOSTNAME).to_owned(),
        };
        let prepared = Prepared::create(&self.build.containers, &self.request.host, command, mounted)?;
        let process = quote(&run.words.join(" "));
        let failed = |why: &str| BuildError::new(format!("process {process} did not complete successfully: {why}"));
        let clips = [RefCell::new(Clip::new()), RefCell::new(Clip::new())];
        let out = |stream: Stream, bytes: &[u8]| {
            let shown = clips[usize::from(stream == Stream::Stderr)].borrow_mut().cut(bytes);
            if !shown.is_empty() {
                step.log(stream, shown);
            }
        };
        let result = match running::run(&self.build.containers, &prepared.container, self.build.cancel, &out) {
            _ if self.build.cancel.is_cancelled() => Err(cancelled()),
            Err(e) => match not_begun(&e.message) {
                Some(why) => {
                    out(Stream::Stderr, format!("runc run failed: {why}\n").as_bytes());
                    Err(failed("exit code: 1"))
                }
                None => Err(failed(&e.message)),
            },
            Ok(0) => prepared.layer(images, &below.layers),
            Ok(code) => Err(failed(&format!("exit code: {code}"))),
        };
        sandboxes::remove(&self.build.containers, &prepared.container);
        result
    }

    /// The time that an image shall seem to be of, so that it is the same whenever it is built.
    pub fn epoch(&self) -> Option<Timestamp> {
        let seconds = self.request.arguments.get("SOURCE_DATE_EPOCH")?.as_deref()?.parse().ok()?;
        Timestamp::from_second(seconds).ok()
    }

    /// The name of the machine that the steps see, where whoever builds wants another one.
    fn hostname(&self) -> Option<&str> {
        self.request.arguments.get(HOSTNAME_ARGUMENT)?.as_deref().filter(|name| !name.is_empty())
    }

    /// The hosts file of all steps, with those of `--add-host`.
    fn hosts(&self) -> String {
        let hostname = self.hostname().unwrap_or(HOSTNAME);
        let mut text = format!("127.0.0.1\tlocalhost {hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        let gateway = self.build.containers.networks().get(BRIDGE).ok().and_then(|network| network.gateway);
        for (name, address) in self.request.host.extra_hosts.iter().flatten().filter_map(|host| host.split_once([':', '='])) {
            let address = match (address, gateway) {
                ("host-gateway", Some(gateway)) => gateway.to_string(),
                (address, _) => address.trim_matches(['[', ']']).to_owned(),
            };
            text.push_str(&format!("{address}\t{name}\n"));
        }
        text
    }

    /// The failure of a step as the build as a whole has it.
    pub fn explained(&self, work: &Work, failure: BuildError) -> BuildError {
        let missing = failure.message.starts_with(CHECKSUM);
        let message = if missing { format!("failed to compute cache key: {}", failure.message) } else { failure.message };
        BuildError { message, ..failure }.at(work.lines)
    }
}

/// A source that is not there. BuildKit names the place where it looked by two ids that nobody can use.
fn missing(path: &str) -> BuildError {
    let id = key([path, &Timestamp::now().to_string()]);
    let session = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]);
    BuildError::new(format!("{CHECKSUM} {session}::{}: {}: not found", &id[32..57], quote(path)))
}

/// A layer on top of what it does not depend on.
fn linked(link: &str, below: &Files, layer: &Digest, time: Timestamp) -> Files {
    let mut files = Files { key: key(["linked", link, &below.key]), ..below.clone() };
    files.layers.push(layer.clone());
    files.times.push(time);
    // Nobody looks for it by this key.
    files.keys.push(files.key.clone());
    files
}

/// Why a command did not begin, where that is the runtime's affair.
fn not_begun(message: &str) -> Option<&str> {
    let (_, why) = message.split_once("runc create failed: ")?;
    Some(why.strip_suffix(": unknown").unwrap_or(why))
}

/// The environment of a command, with the proxies that it does not set itself.
fn proxied(run: &Running) -> Vec<String> {
    let name = |entry: &str| entry.split('=').next().unwrap_or_default().to_owned();
    let own: Vec<String> = run.env.iter().map(|entry| name(entry)).collect();
    run.env.iter().chain(run.proxies.iter().filter(|entry| !own.contains(&name(entry)))).cloned().collect()
}

fn with(keys: &[String], key: &str) -> Vec<String> {
    keys.iter().map(String::as_str).chain([key]).map(str::to_owned).collect()
}

fn folder_key(below: &Files, path: &str, user: &str, time: Option<Timestamp>) -> String {
    let time = time.map(|time| time.to_string());
    key(["folder", &below.key, path, user].into_iter().chain(time.as_deref()))
}

fn copy_key(below: &Files, copy: &Copy, add: bool, working_dir: &str, sources: &Sources) -> String {
    let flags = format!("{add} {} {} {} {} {:?}", copy.chown, copy.chmod, copy.link, copy.parents, copy.unpack);
    // Names of owners are those of the files below.
    let below = if copy.link && copy.chown.is_empty() { "" } else { &below.key };
    // What is copied into a folder keeps its name.
    key(["copy", below, working_dir, &copy.destination, &flags, &sources.digest, &copy.sources.join("\n")])
}
