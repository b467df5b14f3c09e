//! What steps need of the client's machine and of elsewhere: the context, other folders that have names, and what stands at addresses.
//! Each is brought once a build, the first time that a step needs something of it.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::cache::key;
use super::compile::{Origin, Stage, Work, WorkKind};
use super::solve::{Files, Solver, locked};
use super::tracer::{Step, Throttle};
use crate::build::context;
use crate::build::copying;
use crate::build::mounts::Kind;
use crate::build::remotes::{Fetched, Remote};
use crate::build::report::BuildError;

/// The step that brings the context, and its part.
const CONTEXT: &str = "[internal] load build context";
const TRANSFER: &str = "transferring context:";

/// Another folder of the client's, which is used like an image without a config.
pub struct Folder {
    pub name: String,
    /// What the client calls it.
    pub folder: String,
    pub files: OnceLock<Result<Arc<Files>, BuildError>>,
}

/// The context of a build, which all its platforms share.
#[derive(Default)]
pub struct Fetching {
    /// The paths and patterns of all that steps need.
    wanted: Vec<String>,
    /// What it took to fetch and when that began, once it is here.
    fetched: OnceLock<Result<(u64, Timestamp), BuildError>>,
    /// The step that brings it, once it is told.
    step: OnceLock<String>,
    told: OnceLock<()>,
}

impl Fetching {
    /// For all that these stages need.
    pub fn of<'a>(stages: impl Iterator<Item = &'a Stage>) -> Fetching {
        Fetching { wanted: stages.flat_map(|stage| &stage.steps).flat_map(wanted).collect(), ..Fetching::default() }
    }
}

impl Solver<'_> {
    /// Makes a layer of a folder of the client's.
    pub fn fetch_folder(&self, folder: &Folder) -> Result<Files, BuildError> {
        let images = &self.build.engine.images;
        if let Some(remote) = Remote::of_context(&folder.folder) {
            let fetched = self.fetched(&remote, false)?;
            let layer = super::context_layer(images, &fetched)?;
            return Ok(Files { key: key(["folder from elsewhere", layer.as_str()]), layers: vec![layer], ..Files::default() });
        }
        let step = self.build.tracer.start_own(&format!("[context {}] load .dockerignore", folder.name), Vec::new());
        let part = format!("transferring {}:", folder.name);
        let (exclude, bytes) = self.build.context.fetch_named_ignore(&folder.folder).inspect_err(|e| step.report(&e.message))?;
        step.part_done(&part, bytes, 0);
        step.done();
        let step = self.build.tracer.start_own(&format!("[context {}] load from client", folder.name), Vec::new());
        let throttle = Throttle::new();
        let progress = |bytes| {
            if throttle.passes() {
                step.part(&part, bytes, 0);
            }
        };
        let scratch = images.scratch()?;
        let fetched = self.build.context.fetch_named(&folder.folder, &exclude, &scratch, &progress);
        let layer = fetched.and_then(|bytes| Ok((bytes, images.add_layer(&scratch, &[])?)));
        context::remove(&scratch);
        let (bytes, layer) = layer.inspect_err(|e| step.report(&e.message))?;
        step.part_done(&part, bytes, 0);
        step.done();
        let layer = layer.map_or_else(|| images.add_empty_layer(&[]), Ok)?;
        Ok(Files { key: key(["folder of the client", layer.as_str()]), layers: vec![layer], ..Files::default() })
    }

    /// Brings the context, the first time that something of it is needed. What is here in a moment is told of later, in its place;
    /// a transfer that takes its time is shown while it goes on.
    pub fn fetch_context(&self, stage: &Stage) -> Result<(), BuildError> {
        let fetch = || {
            let (began, throttle) = (Timestamp::now(), Throttle::new());
            let shown: OnceCell<Step<'_>> = OnceCell::new();
            let fetched = self.build.context.fetch_files(&self.build.fetching.wanted, &|bytes| {
                if !throttle.passes() {
                    return;
                }
                let step = shown.get_or_init(|| {
                    self.tell_base(stage, true);
                    self.build.tracer.start_since(began, CONTEXT)
                });
                step.part(TRANSFER, bytes, 0);
            });
            match (&fetched, shown.into_inner()) {
                (Ok(bytes), Some(step)) => self.context_here(step, *bytes),
                (Ok(_), None) => {}
                (Err(e), step) => step.unwrap_or_else(|| self.build.tracer.start_since(began, CONTEXT)).failed(&e.message),
            }
            fetched.map(|bytes| (bytes, began))
        };
        self.build.fetching.fetched.get_or_init(fetch).as_ref().map(drop).map_err(BuildError::clone)
    }

    fn context_here(&self, step: Step<'_>, bytes: u64) {
        step.part_done(TRANSFER, bytes, 0);
        // It is told once.
        let _ = self.build.fetching.step.set(step.digest().to_owned());
        step.done();
    }

    /// Tells of the context, the first time that something of it is needed.
    pub fn tell_context(&self) {
        self.build.fetching.told.get_or_init(|| {
            if let (None, Some(Ok((bytes, began)))) = (self.build.fetching.step.get(), self.build.fetching.fetched.get()) {
                self.context_here(self.build.tracer.start_since(*began, CONTEXT), *bytes);
            }
        });
    }

    /// Fetches what a step adds from elsewhere, once a build.
    pub fn fetched(&self, remote: &Remote, keep_git: bool) -> Result<Arc<Fetched>, String> {
        let place = Arc::clone(locked(&self.build.remotes).entry(format!("{keep_git} {remote:?}")).or_default());
        let fetch = || {
            let name = match remote {
                Remote::Http(url) => url.clone(),
                Remote::Git { url, reference, .. } => format!("{url}{}{reference}", if reference.is_empty() { "" } else { "#" }),
            };
            let step = self.build.tracer.start_own(&name, Vec::new());
            match remote.fetch(self.build.engine, self.build.context.client(), keep_git, self.build.cancel) {
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
}

/// What a step needs of the context.
fn wanted(work: &Work) -> Vec<String> {
    if !uses_context(work) {
        return Vec::new();
    }
    match &work.kind {
        WorkKind::Copy { copy, .. } => {
            let own = copy.sources.iter().filter(|source| !copying::is_url(source)).map(|source| crate::patterns::clean(source));
            // Folders that a pattern leaves open are needed with all that is in them.
            let known =
                |path: String| path.split('/').take_while(|part| !copy.parents || !part.contains("**")).collect::<Vec<_>>().join("/");
            own.map(known).collect()
        }
        WorkKind::Run(run) => {
            let mounts = run.mounts.iter().filter(|(_, from)| *from == Origin::Context);
            mounts.map(|(mount, _)| crate::patterns::clean(&mount.source)).collect()
        }
        WorkKind::Folder { .. } => Vec::new(),
    }
}

pub fn uses_context(work: &Work) -> bool {
    match &work.kind {
        WorkKind::Folder { .. } => false,
        WorkKind::Copy { from, copy, .. } => *from == Origin::Context && copy.sources.iter().any(|source| !copying::is_url(source)),
        WorkKind::Run(run) => run.mounts.iter().any(|(mount, from)| *from == Origin::Context && mount.kind == Kind::Bind),
    }
}
