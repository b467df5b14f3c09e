//! Does what has to be done: every stage on a thread of its own, which waits for another one only where it needs its files. What an
//! earlier build has made is taken from the cache. The first step that fails ends the others. `work` does single steps, `contexts` brings
//! what they need.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;

use super::cache::{Cache, key};
use super::compile::{Origin, Stage, Work, WorkKind};
use super::contexts::{Fetching, Folder, uses_context};
use super::inline::Imports;
use super::tracer::{self, Tracer};
use crate::Engine;
use crate::build::BuildRequest;
use crate::build::context::Context;
use crate::build::copying::Sources;
use crate::build::remotes::Fetched;
use crate::build::report::{BuildError, Cancel};
use crate::container::Containers;
use crate::image::{Digest, ImageDocument, chain_ids};

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
pub type Elsewhere = OnceLock<Result<Arc<Fetched>, String>>;

/// A build under way, as all its platforms share it.
pub struct Build<'a> {
    pub engine: &'a Arc<Engine>,
    pub containers: Containers,
    pub context: &'a Context,
    pub cancel: &'a Cancel,
    pub tracer: &'a Tracer<'a>,
    pub cache: Cache,
    /// What other images bring along.
    pub imports: Imports,
    pub fetching: Fetching,
    /// What came from elsewhere, by where from.
    pub remotes: Mutex<HashMap<String, Arc<Elsewhere>>>,
}

/// What has to be done for one platform.
pub struct Task {
    pub request: BuildRequest,
    pub images: Vec<Image>,
    /// Other folders of the client's: the names that the Dockerfile has for them and those that the client has.
    pub folders: Vec<(String, String)>,
    pub stages: Vec<Option<Stage>>,
    /// The names of the stages, for `--no-cache-filter`.
    pub names: Vec<String>,
    /// The place of the stage that is built.
    pub target: usize,
}

/// The build for one platform.
pub struct Solver<'a> {
    pub build: &'a Build<'a>,
    pub request: BuildRequest,
    pub images: Vec<Image>,
    pub folders: Vec<Folder>,
    pub stages: Vec<Option<Stage>>,
    pub target: usize,
    names: Vec<String>,
    slots: Vec<Slot>,
    failure: Mutex<Option<BuildError>>,
    /// What copies take, by where from and what: files do not change during a build, and reading them twice takes long.
    pub gathered: Mutex<HashMap<String, Arc<Sources>>>,
}

#[derive(Default)]
struct Slot {
    state: Mutex<Option<State>>,
    changed: Condvar,
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a step did not come to an end.
pub fn cancelled() -> BuildError {
    BuildError::new(crate::trace::CANCELLED)
}

impl<'a> Solver<'a> {
    pub fn new(build: &'a Build<'a>, task: Task) -> Solver<'a> {
        let slots = task.stages.iter().map(|_| Slot { state: Mutex::new(Some(State::Open)), ..Slot::default() }).collect();
        let folders = task.folders.into_iter().map(|(name, folder)| Folder { name, folder, files: OnceLock::new() });
        Solver {
            build,
            request: task.request,
            images: task.images,
            folders: folders.collect(),
            stages: task.stages,
            target: task.target,
            names: task.names,
            slots,
            failure: Mutex::default(),
            gathered: Mutex::default(),
        }
    }

    /// Makes the target, and gives what it has come to.
    pub fn run(&self) -> Result<Arc<Files>, BuildError> {
        let runtime = tokio::runtime::Handle::current();
        let mut needed = self.stages.iter().enumerate().filter_map(|(at, stage)| Some((at, stage.as_ref()?)));
        if let (Some((at, stage)), None) = (needed.next(), needed.next()) {
            // One that nobody else waits for needs no thread.
            let done = catch_unwind(AssertUnwindSafe(|| self.stage(at, stage)));
            self.finish(at, done.unwrap_or_else(|_| Err(BuildError::new("the engine failed within a step"))));
            return self.outcome();
        }
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
        self.outcome()
    }

    fn outcome(&self) -> Result<Arc<Files>, BuildError> {
        if let Some(failure) = locked(&self.failure).take() {
            return Err(failure);
        }
        self.build.cancel.check()?;
        self.wait(self.target)
    }

    fn finish(&self, at: usize, result: Result<Files, BuildError>) {
        let slot = &self.slots[at];
        let state = match result {
            Ok(files) => State::Done(Arc::new(files)),
            Err(failure) => {
                let mut first = locked(&self.failure);
                if !self.build.cancel.is_cancelled() {
                    first.get_or_insert(failure);
                    self.build.cancel.cancel();
                }
                State::Failed
            }
        };
        *locked(&slot.state) = Some(state);
        slot.changed.notify_all();
    }

    /// Waits for a stage.
    fn wait(&self, at: usize) -> Result<Arc<Files>, BuildError> {
        let slot = self.slots.get(at).ok_or_else(cancelled)?;
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

    pub fn files(&self, origin: Origin) -> Result<Arc<Files>, BuildError> {
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
                    let step = self.build.tracer.start_as(&self.step_digest(at, &work.name), &work.name, inputs);
                    (next, step)
                }
                None => {
                    self.build.cancel.check().map_err(|_| cancelled())?;
                    self.prepare(work)?;
                    let step = self.build.tracer.start_as(&self.step_digest(at, &work.name), &work.name, inputs);
                    match self.work(work, &files, ignored, &step) {
                        Ok(next) => (next, step),
                        Err(failure) => {
                            let failed = self.build.cancel.is_cancelled() || failure.message == crate::trace::CANCELLED;
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
        if own { self.build.tracer.own(&name) } else { tracer::digest(&name) }
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
                WorkKind::Folder { .. } => true,
                WorkKind::Copy { from, .. } => self.ready(*from),
                WorkKind::Run(run) => run.mounts.iter().all(|(_, from)| self.ready(*from)),
            };
            let next = (ready && !self.build.cancel.is_cancelled()).then(|| self.looked_up(work, below)).flatten();
            match next {
                Some(files) => found.push((files, true)),
                None => return (found, false),
            }
        }
        (found, true)
    }

    /// Tells of the image that a stage begins with. `used` says that something has to be done on top of it.
    pub fn tell_base(&self, stage: &Stage, used: bool) -> Option<String> {
        let Origin::Image(at) = stage.base else { return None };
        let name = stage.from.as_deref().unwrap_or_default();
        Some(self.tell_image(at, name, used))
    }

    fn tell_image(&self, at: usize, name: &str, used: bool) -> String {
        let image = &self.images[at];
        let told = image.told.get_or_init(|| {
            let step = self.build.tracer.start(name, Vec::new());
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
            WorkKind::Folder { .. } => Ok(()),
            WorkKind::Copy { from, .. } => need(*from),
            WorkKind::Run(run) => run.mounts.iter().try_for_each(|(_, from)| need(*from)),
        }
    }
}
