//! Does what has to be done: every stage on a thread of its own, which waits for another one only where it needs its files. What an
//! earlier build has made is taken from the cache. The first step that fails ends the others.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};

use jiff::Timestamp;

use super::cache::{Cache, Record, key};
use super::compile::{Origin, Running, Stage, Work, WorkKind};
use super::sandboxes;
use super::tracer::{self, Step, Throttle, Tracer};
use crate::Engine;
use crate::build::BuildRequest;
use crate::build::context::{self, Context};
use crate::build::copying::{self, Job, Sources};
use crate::build::instruction::Copy;
use crate::build::mounts::Kind;
use crate::build::remotes::{Fetched, Remote};
use crate::build::report::{BuildError, Cancel};
use crate::build::running::{self, Command, MountSources, Mounted, Prepared};
use crate::build::tree::Tree;
use crate::container::Containers;
use crate::image::{Digest, ImageDocument, ResolvedImage, chain_ids};
use crate::network::BRIDGE;
use crate::units::quote;

/// What a step, a stage or an image has come to.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// All that they depend on.
    pub key: String,
    /// Lowest first.
    pub layers: Vec<Digest>,
    /// When the layers on top of the base image were made.
    pub times: Vec<Timestamp>,
    /// The keys of the steps that made these layers.
    pub keys: Vec<String>,
}

/// An image that the build begins with or copies from.
pub struct Image {
    pub id: Digest,
    pub document: ImageDocument,
    /// Its step as it is shown, where no stage begins with it.
    pub shown: String,
    /// Whether a build has used it before.
    pub seen: bool,
    /// It came in just now, and its step has been told.
    pub told: OnceLock<String>,
}

/// How a stage stands.
enum State {
    Open,
    Done(Arc<Files>),
    Failed,
}

/// What comes from elsewhere, once it is here.
type Fetching = OnceLock<Result<Arc<Fetched>, String>>;

/// A build under way.
pub struct Solver<'a> {
    pub engine: &'a Arc<Engine>,
    pub containers: Containers,
    pub request: &'a BuildRequest,
    pub context: &'a Context,
    pub cancel: &'a Cancel,
    pub tracer: &'a Tracer<'a>,
    pub cache: Cache,
    pub images: Vec<Image>,
    /// Other folders of the client's: their names, and what they have come to.
    folders: Vec<Folder>,
    pub stages: Vec<Option<Stage>>,
    /// The names of the stages, for `--no-cache-filter`.
    pub names: Vec<String>,
    slots: Vec<Slot>,
    failure: Mutex<Option<BuildError>>,
    /// What the context took to fetch and when that began, once it is here.
    fetched: OnceLock<Result<(u64, Timestamp), BuildError>>,
    /// The step that brings the context, once it is told.
    context_step: OnceLock<String>,
    context_told: Once,
    /// What copies take, by where from and what: files do not change during a build, and reading them twice takes long.
    gathered: Mutex<HashMap<String, Arc<Sources>>>,
    /// What came from elsewhere, by where from.
    remotes: Mutex<HashMap<String, Arc<Fetching>>>,
}

/// Another folder of the client's, which is used like an image without a config.
struct Folder {
    name: String,
    /// What the client calls it.
    folder: String,
    files: OnceLock<Result<Arc<Files>, BuildError>>,
}

#[derive(Default)]
struct Slot {
    state: Mutex<Option<State>>,
    changed: Condvar,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a step did not come to an end.
fn cancelled() -> BuildError {
    BuildError::new(crate::trace::CANCELLED)
}

impl<'a> Solver<'a> {
    #[expect(clippy::too_many_arguments, reason = "the parts of a build, put together in one place only")]
    pub fn new(
        engine: &'a Arc<Engine>,
        containers: Containers,
        request: &'a BuildRequest,
        context: &'a Context,
        cancel: &'a Cancel,
        tracer: &'a Tracer<'a>,
        images: Vec<Image>,
        folders: Vec<(String, String)>,
        stages: Vec<Option<Stage>>,
        names: Vec<String>,
    ) -> Solver<'a> {
        let slots = stages.iter().map(|_| Slot { state: Mutex::new(Some(State::Open)), ..Slot::default() }).collect();
        Solver {
            engine,
            containers,
            request,
            context,
            cancel,
            tracer,
            cache: Cache::of(engine.state_dir()),
            images,
            folders: folders.into_iter().map(|(name, folder)| Folder { name, folder, files: OnceLock::new() }).collect(),
            stages,
            names,
            slots,
            failure: Mutex::default(),
            fetched: OnceLock::new(),
            context_step: OnceLock::new(),
            context_told: Once::new(),
            gathered: Mutex::default(),
            remotes: Mutex::default(),
        }
    }

    /// Makes the last stage, and gives what it has come to.
    pub fn run(&self) -> Result<Arc<Files>, BuildError> {
        let runtime = tokio::runtime::Handle::current();
        std::thread::scope(|scope| {
            for (at, stage) in self.stages.iter().enumerate() {
                let Some(stage) = stage else { continue };
                let runtime = &runtime;
                let begun = std::thread::Builder::new().stack_size(1 << 20).spawn_scoped(scope, move || {
                    let _runtime = runtime.enter();
                    // Who waits for this stage must hear of its end, whatever that is.
                    let done = catch_unwind(AssertUnwindSafe(|| self.stage(at, stage)));
                    self.finish(at, done.unwrap_or_else(|_| Err(BuildError::new("the engine failed within a step"))));
                });
                if let Err(e) = begun {
                    self.finish(at, Err(BuildError::new(format!("cannot start a thread: {e}"))));
                }
            }
        });
        if let Some(failure) = locked(&self.failure).take() {
            return Err(failure);
        }
        self.cancel.check()?;
        self.slots.len().checked_sub(1).map_or_else(|| Err(cancelled()), |last| self.wait(last))
    }

    fn finish(&self, at: usize, result: Result<Files, BuildError>) {
        let slot = &self.slots[at];
        let state = match result {
            Ok(files) => State::Done(Arc::new(files)),
            Err(failure) => {
                let mut first = locked(&self.failure);
                if !self.cancel.is_cancelled() {
                    first.get_or_insert(failure);
                    self.cancel.cancel();
                }
                State::Failed
            }
        };
        *locked(&slot.state) = Some(state);
        slot.changed.notify_all();
    }

    /// Waits for a stage.
    fn wait(&self, at: usize) -> Result<Arc<Files>, BuildError> {
        let slot = &self.slots[at];
        let mut state = locked(&slot.state);
        loop {
            match &*state {
                Some(State::Done(files)) => return Ok(Arc::clone(files)),
                Some(State::Failed) | None => return Err(cancelled()),
                Some(State::Open) => state = slot.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Whether files are there without waiting.
    fn ready(&self, origin: Origin) -> bool {
        match origin {
            Origin::Stage(at) => matches!(&*locked(&self.slots[at].state), Some(State::Done(_))),
            Origin::Folder(at) => self.folders[at].files.get().is_some(),
            _ => true,
        }
    }

    fn files(&self, origin: Origin) -> Result<Arc<Files>, BuildError> {
        match origin {
            Origin::Stage(at) => self.wait(at),
            Origin::Image(at) => Ok(Arc::new(self.image_files(at))),
            Origin::Folder(at) => {
                let folder = &self.folders[at];
                folder.files.get_or_init(|| self.fetch_folder(folder).map(Arc::new)).clone()
            }
            Origin::Scratch | Origin::Context => Ok(Arc::new(Files { key: key(["scratch"]), ..Files::default() })),
        }
    }

    /// Makes a layer of a folder of the client's.
    fn fetch_folder(&self, folder: &Folder) -> Result<Files, BuildError> {
        let images = &self.engine.images;
        if let Some(remote) = Remote::of_context(&folder.folder) {
            let fetched = self.fetched(&remote, false)?;
            let layer = super::context_layer(images, &fetched)?;
            return Ok(Files { key: key(["folder from elsewhere", layer.as_str()]), layers: vec![layer], ..Files::default() });
        }
        let step = self.tracer.start_own(&format!("[context {}] load .dockerignore", folder.name), Vec::new());
        let part = format!("transferring {}:", folder.name);
        let (exclude, bytes) = self.context.fetch_named_ignore(&folder.folder).inspect_err(|e| step.report(&e.message))?;
        step.part_done(&part, bytes, 0);
        step.done();
        let step = self.tracer.start_own(&format!("[context {}] load from client", folder.name), Vec::new());
        let throttle = Throttle::new();
        let progress = |bytes| {
            if throttle.passes() {
                step.part(&part, bytes, 0);
            }
        };
        let scratch = images.scratch()?;
        let fetched = self.context.fetch_named(&folder.folder, &exclude, &scratch, &progress);
        let layer = fetched.and_then(|bytes| Ok((bytes, images.add_layer(&scratch, &[])?)));
        context::remove(&scratch);
        let (bytes, layer) = layer.inspect_err(|e| step.report(&e.message))?;
        step.part_done(&part, bytes, 0);
        step.done();
        let layer = layer.map_or_else(|| images.add_empty_layer(&[]), Ok)?;
        Ok(Files { key: key(["folder of the client", layer.as_str()]), layers: vec![layer], ..Files::default() })
    }

    fn image_files(&self, at: usize) -> Files {
        let layers = self.images[at].document.rootfs.diff_ids.clone();
        let top = chain_ids(&layers).pop().map_or_else(|| self.images[at].id.to_string(), |chain| chain.to_string());
        Files { key: key(["image", &top]), layers, ..Files::default() }
    }

    fn stage(&self, at: usize, stage: &Stage) -> Result<Files, BuildError> {
        let mut files = Files::clone(&*self.files(stage.base)?);
        let copies = stage.steps.iter().any(uses_context);
        if copies {
            self.fetch_context(stage)?;
        }
        let ignored = self.request.no_cache || self.request.no_cache_for.iter().any(|name| self.is_named(at, name));
        let (found, complete) = if ignored { (Vec::new(), false) } else { self.found(stage, &files) };
        let mut last = self.tell_base(stage, !complete);
        if copies {
            self.tell_context();
        }
        let mut found = found.into_iter();
        for work in &stage.steps {
            let inputs: Vec<String> = last.iter().cloned().collect();
            let (next, step) = match found.next() {
                Some(next) => {
                    let step = self.tracer.start_as(&self.step_digest(at, &work.name), &work.name, inputs);
                    (next, step)
                }
                None => {
                    self.cancel.check().map_err(|_| cancelled())?;
                    self.prepare(work)?;
                    let step = self.tracer.start_as(&self.step_digest(at, &work.name), &work.name, inputs);
                    match self.work(work, &files, ignored, &step) {
                        Ok(next) => (next, step),
                        Err(failure) => {
                            let failed = self.cancel.is_cancelled() || failure.message == crate::trace::CANCELLED;
                            if failed {
                                step.cancelled()
                            } else {
                                step.failed(&failure.message)
                            }
                            return Err(self.explained(work, failure));
                        }
                    }
                }
            };
            last = Some(step.digest().to_owned());
            if next.1 {
                step.cached()
            } else {
                step.done()
            }
            files = next.0;
        }
        Ok(files)
    }

    /// Steps that use nothing of this client's are the same in all builds.
    fn step_digest(&self, at: usize, name: &str) -> String {
        let name = format!("{at} {name}");
        let own = !self.folders.is_empty() || self.stages.iter().flatten().flat_map(|stage| &stage.steps).any(uses_context);
        if own { self.tracer.own(&name) } else { tracer::digest(&name) }
    }

    fn is_named(&self, at: usize, name: &str) -> bool {
        self.names[at].eq_ignore_ascii_case(name) || name == at.to_string()
    }

    /// What the cache has for the first steps of a stage, as far as it goes without waiting; and whether that is all of them.
    fn found(&self, stage: &Stage, base: &Files) -> (Vec<(Files, bool)>, bool) {
        let mut found: Vec<(Files, bool)> = Vec::new();
        for work in &stage.steps {
            let below = found.last().map_or(base, |(files, _)| files);
            let ready = match &work.kind {
                WorkKind::Folder(_) => true,
                WorkKind::Copy { from, .. } => self.ready(*from),
                WorkKind::Run(run) => run.mounts.iter().all(|(_, from)| self.ready(*from)),
            };
            let next = (ready && !self.cancel.is_cancelled()).then(|| self.looked_up(work, below)).flatten();
            match next {
                Some(files) => found.push((files, true)),
                None => return (found, false),
            }
        }
        (found, true)
    }

    fn looked_up(&self, work: &Work, below: &Files) -> Option<Files> {
        let key = match &work.kind {
            WorkKind::Folder(folder) => folder_key(below, folder),
            WorkKind::Copy { copy, add, from, working_dir } => {
                let (_, sources) = self.sources(copy, *add, *from).ok()?;
                return self.cached_copy(&copy_key(below, copy, *add, working_dir, &sources), copy, below);
            }
            WorkKind::Run(run) => self.run_key(below, run).ok()?,
        };
        self.cached(&key, below)
    }

    fn cached(&self, key: &str, below: &Files) -> Option<Files> {
        let record = self.cache.get(key, &self.engine.images)?;
        let keys = with(&below.keys, key);
        Some(Files { key: key.to_owned(), layers: record.layers, times: record.times, keys })
    }

    /// Tells of the image that a stage begins with. `used` says that something has to be done on top of it.
    fn tell_base(&self, stage: &Stage, used: bool) -> Option<String> {
        let Origin::Image(at) = stage.base else { return None };
        let name = stage.from.as_deref().unwrap_or_default();
        Some(self.tell_image(at, name, used))
    }

    fn tell_image(&self, at: usize, name: &str, used: bool) -> String {
        let image = &self.images[at];
        let told = image.told.get_or_init(|| {
            let step = self.tracer.start(name, Vec::new());
            let digest = step.digest().to_owned();
            if used && image.seen {
                step.cached()
            } else {
                step.done()
            }
            digest
        });
        told.clone()
    }

    /// Brings the context, the first time that something of it is needed. What is here in a moment is told of later, in its place;
    /// a transfer that takes its time is shown while it goes on.
    fn fetch_context(&self, stage: &Stage) -> Result<(), BuildError> {
        let fetch = || {
            let (began, throttle) = (Timestamp::now(), Throttle::new());
            let shown: OnceCell<Step<'_>> = OnceCell::new();
            let fetched = self.context.fetch_files(&self.wanted(), &|bytes| {
                if !throttle.passes() {
                    return;
                }
                let step = shown.get_or_init(|| {
                    self.tell_base(stage, true);
                    self.tracer.start_since(began, CONTEXT)
                });
                step.part(TRANSFER, bytes, 0);
            });
            match (&fetched, shown.into_inner()) {
                (Ok(bytes), Some(step)) => self.context_here(step, *bytes),
                (Ok(_), None) => {}
                (Err(e), step) => step.unwrap_or_else(|| self.tracer.start_since(began, CONTEXT)).failed(&e.message),
            }
            fetched.map(|bytes| (bytes, began))
        };
        self.fetched.get_or_init(fetch).as_ref().map(drop).map_err(BuildError::clone)
    }

    fn context_here(&self, step: Step<'_>, bytes: u64) {
        step.part_done(TRANSFER, bytes, 0);
        // It is told once.
        let _ = self.context_step.set(step.digest().to_owned());
        step.done();
    }

    /// What all stages together need of the context.
    fn wanted(&self) -> Vec<String> {
        let mut wanted: Vec<String> = Vec::new();
        for work in self.stages.iter().flatten().flat_map(|stage| &stage.steps).filter(|work| uses_context(work)) {
            match &work.kind {
                WorkKind::Copy { copy, .. } => wanted
                    .extend(copy.sources.iter().filter(|source| !copying::is_url(source)).map(|source| crate::patterns::clean(source))),
                WorkKind::Run(run) => {
                    let mounts = run.mounts.iter().filter(|(_, from)| *from == Origin::Context);
                    wanted.extend(mounts.map(|(mount, _)| crate::patterns::clean(&mount.source)));
                }
                WorkKind::Folder(_) => {}
            }
        }
        wanted
    }

    /// Tells of the context, the first time that something of it is needed.
    fn tell_context(&self) {
        self.context_told.call_once(|| {
            if let (None, Some(Ok((bytes, began)))) = (self.context_step.get(), self.fetched.get()) {
                self.context_here(self.tracer.start_since(*began, CONTEXT), *bytes);
            }
        });
    }

    /// What must be there before a step can begin.
    fn prepare(&self, work: &Work) -> Result<(), BuildError> {
        let need = |origin: Origin| match origin {
            Origin::Image(at) => {
                let name = format!("FROM {}", self.images[at].shown);
                self.tell_image(at, &name, true);
                Ok(())
            }
            Origin::Stage(_) | Origin::Folder(_) => self.files(origin).map(drop),
            Origin::Scratch | Origin::Context => Ok(()),
        };
        match &work.kind {
            WorkKind::Folder(_) => Ok(()),
            WorkKind::Copy { from, .. } => need(*from),
            WorkKind::Run(run) => run.mounts.iter().try_for_each(|(_, from)| need(*from)),
        }
    }

    /// Does a step, or finds it in the cache after all; says which.
    fn work(&self, work: &Work, below: &Files, ignored: bool, step: &Step<'_>) -> Result<(Files, bool), BuildError> {
        let images = &self.engine.images;
        let lookup = |key: &str| if ignored { None } else { self.cached(key, below) };
        match &work.kind {
            WorkKind::Folder(folder) => {
                let key = folder_key(below, folder);
                if let Some(files) = lookup(&key) {
                    return Ok((files, true));
                }
                let layer = running::folder_layer(images, &below.layers, folder)?;
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
        let images = &self.engine.images;
        let record = self.cache.get(key, images)?;
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
            None => self.engine.images.add_empty_layer(&below.layers)?,
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
            size: self.engine.images.top_size(layers),
            parent: parent.to_owned(),
            created: Timestamp::now(),
        };
        // A step that is not remembered is done again.
        let _ = self.cache.put(key, &record);
    }

    fn sources(&self, copy: &Copy, add: bool, from: Origin) -> Result<(Tree, Arc<Sources>), BuildError> {
        let tree = match from {
            Origin::Context => self.context.tree()?,
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

    /// Fetches what a step adds from elsewhere, once a build.
    fn fetched(&self, remote: &Remote, keep_git: bool) -> Result<Arc<Fetched>, String> {
        let place = Arc::clone(locked(&self.remotes).entry(format!("{keep_git} {remote:?}")).or_default());
        let fetch = || {
            let name = match remote {
                Remote::Http(url) => url.clone(),
                Remote::Git { url, reference, .. } => format!("{url}{}{reference}", if reference.is_empty() { "" } else { "#" }),
            };
            let step = self.tracer.start_own(&name, Vec::new());
            match remote.fetch(&self.engine.images, keep_git, self.cancel) {
                Ok(fetched) => {
                    step.done();
                    Ok(Arc::new(fetched))
                }
                Err(e) => {
                    step.failed(&e.message);
                    Err(format!("failed to load cache key: {}", e.message))
                }
            }
        };
        place.get_or_init(fetch).clone()
    }

    fn folders(&self, files: &Files) -> Result<Vec<PathBuf>, BuildError> {
        if files.layers.is_empty() {
            return Err(BuildError::new("there is nothing to copy from: scratch has no files"));
        }
        Ok(self.engine.images.layer_folders(&files.layers))
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
                    self.context.tree()?.hash(&path, &|_| false).map_err(|_| missing(&format!("/{path}")))?
                }
                (Kind::Bind | Kind::Cache, Origin::Stage(_) | Origin::Image(_) | Origin::Folder(_)) => self.files(*from)?.key.clone(),
                _ => String::new(),
            });
        }
        Ok(key(parts.iter().map(String::as_str)))
    }

    fn run_command(&self, run: &Running, below: &Files, step: &Step<'_>) -> Result<Option<Digest>, BuildError> {
        let images = &self.engine.images;
        if below.layers.is_empty() {
            return Err(BuildError::new("there is nothing to run in: FROM scratch has no files"));
        }
        let origins: Vec<(&str, Origin)> = run.mounts.iter().map(|(mount, from)| (mount.from.as_str(), *from)).collect();
        let layers_of = |name: &str| {
            let origin = origins.iter().find(|(from, _)| *from == name).map_or(Origin::Scratch, |(_, origin)| *origin);
            self.folders(&*self.files(origin)?)
        };
        let sources = MountSources {
            images,
            state: self.engine.state_dir(),
            context: self.context,
            secrets: &self.request.secrets,
            layers: &layers_of,
            cancel: self.cancel,
        };
        let mounts: Vec<_> = run.mounts.iter().map(|(mount, _)| mount.clone()).collect();
        let mut mounted = Mounted::prepare(&sources, &mounts, run.script.clone(), &run.config.working_dir)?;
        mounted.hosts(&sources, &self.hosts())?;
        let image = ResolvedImage {
            id: Digest::of(below.key.as_bytes()),
            config: ImageDocument { config: run.config.clone(), os: "linux".to_owned(), ..ImageDocument::default() },
            layers: images.layer_folders(&below.layers),
        };
        let command = Command {
            image,
            config: run.config.clone(),
            words: run.words.clone(),
            env: run.env.clone(),
            network: run.network.clone(),
            hostname: HOSTNAME.to_owned(),
        };
        let prepared = Prepared::create(&self.containers, &self.request.host, command, mounted)?;
        let process = quote(&run.words.join(" "));
        let failed = |why: &str| BuildError::new(format!("process {process} did not complete successfully: {why}"));
        let out = |stream, bytes: &[u8]| step.log(stream, bytes);
        let result = match running::run(&self.containers, &prepared.container, self.cancel, &out) {
            _ if self.cancel.is_cancelled() => Err(cancelled()),
            Err(e) => Err(failed(&e.message)),
            Ok(0) => prepared.layer(images, &below.layers),
            Ok(code) => Err(failed(&format!("exit code: {code}"))),
        };
        sandboxes::remove(&self.containers, &prepared.container);
        result
    }

    /// The hosts file of all steps, with those of `--add-host`.
    fn hosts(&self) -> String {
        let mut text = format!("127.0.0.1\tlocalhost {HOSTNAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        let gateway = self.containers.networks().get(BRIDGE).ok().and_then(|network| network.gateway);
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
    fn explained(&self, work: &Work, failure: BuildError) -> BuildError {
        let missing = failure.message.starts_with(CHECKSUM);
        let message = if missing { format!("failed to compute cache key: {}", failure.message) } else { failure.message };
        BuildError { message, ..failure }.at(work.lines)
    }
}

/// The name of the machine that a step sees.
const HOSTNAME: &str = "buildkitsandbox";

/// The step that brings the context, and its part.
const CONTEXT: &str = "[internal] load build context";
const TRANSFER: &str = "transferring context:";

const CHECKSUM: &str = "failed to calculate checksum of ref";

/// A source that is not there. BuildKit names the place where it looked by two ids that nobody can use.
fn missing(path: &str) -> BuildError {
    let id = key([path, &Timestamp::now().to_string()]);
    let session = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]);
    BuildError::new(format!("{CHECKSUM} {session}::{}: {}: not found", &id[32..57], quote(path)))
}

fn uses_context(work: &Work) -> bool {
    match &work.kind {
        WorkKind::Folder(_) => false,
        WorkKind::Copy { from, copy, .. } => *from == Origin::Context && copy.sources.iter().any(|source| !copying::is_url(source)),
        WorkKind::Run(run) => run.mounts.iter().any(|(mount, from)| *from == Origin::Context && mount.kind == Kind::Bind),
    }
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

fn with(keys: &[String], key: &str) -> Vec<String> {
    keys.iter().map(String::as_str).chain([key]).map(str::to_owned).collect()
}

fn folder_key(below: &Files, folder: &str) -> String {
    key(["folder", &below.key, folder])
}

fn copy_key(below: &Files, copy: &Copy, add: bool, working_dir: &str, sources: &Sources) -> String {
    let flags = format!("{add} {} {} {} {}", copy.chown, copy.chmod, copy.link, copy.parents);
    // Names of owners are those of the files below.
    let below = if copy.link && copy.chown.is_empty() { "" } else { &below.key };
    // What is copied into a folder keeps its name.
    key(["copy", below, working_dir, &copy.destination, &flags, &sources.digest, &copy.sources.join("\n")])
}
