//! The builder that BuildKit's users know: it makes what the target needs and nothing else, independent stages side by side, and one
//! image at the end. What it tells is BuildKit's trace; its words, its history and its cache are held to recordings of it.
//!
//! `compile` works out what has to be done, `solve` does it, `cache` knows what was done before, `export` makes the image. Nothing of a
//! build is seen among the engine's containers, and nothing of it is an image before it is done.

pub mod cache;
mod compile;
mod contexts;
mod export;
mod inline;
mod naming;
mod sandboxes;
mod solve;
mod tracer;
pub mod transfer;
mod work;

use std::sync::{Arc, Mutex, OnceLock};

use super::arguments::Arguments;
use super::client::Client;
use super::context::Context;
use super::copying;
use super::dockerfile::Dockerfile;
use super::instruction::{Instruction, Plan};
use super::outline::{self, Outline, Target};
use super::remotes::{Fetched, Remote};
use super::report::{BuildError, Cancel, Report};
use super::tree::{Ownership, Tree};
use super::{BuildRequest, base, expand, lint, upkeep};
use crate::Engine;
use crate::image::{Digest, Form, ImageDocument, ImageStore, Progress, Reference, Top};
use crate::trace::Warning;
use crate::units::quote;
use cache::{Cache, Record};
use compile::{Compiler, Needs};
use contexts::Fetching;
use export::Outcome;
use inline::Imports;
pub use sandboxes::Sandboxes;
use solve::{Build, Image, Solver, Task};
use tracer::{Throttle, Tracer};

/// What becomes of the files that a build comes to.
#[derive(Clone, Debug)]
pub enum Export {
    /// An image of this engine's with these names.
    Image(Vec<Reference>),
    /// Images that go to registries under these names, without becoming this engine's.
    Push { names: Vec<Reference>, form: Form },
    /// Images in OCI's layout, as one file or in a folder of the client's.
    Layout { names: Vec<Reference>, form: Form, folder: bool },
    /// The files in a folder of the client's.
    Folder,
    /// The same as one tar.
    Tar,
}

/// One of the things that a build gives.
#[derive(Clone, Debug)]
pub struct Output {
    /// What the client calls it.
    pub id: String,
    pub export: Export,
}

/// What a build has made.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The image.
    pub image: Option<Digest>,
    /// What left the engine.
    pub package: Option<Top>,
}

/// Builds as BuildKit does. Once it is clear that the build makes sense, `ready` says what shall become of it (nothing, where only whether
/// it can be made is asked); whoever is asked may take time. Must be called on a blocking thread of a tokio runtime.
pub fn build(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    report: Report<'_>,
    cancel: &Cancel,
    ready: &dyn Fn() -> Result<Vec<Output>, BuildError>,
) -> Result<Made, BuildError> {
    let tracer = Tracer::new(report, context.client().map_or("", |client| client.id()));
    let (plan, text, warnings) = define(request, context, &tracer)?;
    tracer.warn(warnings);
    let name = context.dockerfile_name(&request.dockerfile);
    let source = |e: BuildError| e.with_source(shown(&name), &text);
    let made = {
        let _held = engine.upkeep.hold();
        make(engine, request, context, &tracer, cancel, &plan, ready)
    };
    upkeep::soon(engine);
    made.map_err(source)
}

/// Reads the Dockerfile alone, and gives what its author should know.
pub fn check(request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<Vec<Warning>, BuildError> {
    let tracer = Tracer::new(report, context.client().map_or("", |client| client.id()));
    define(request, context, &tracer).map(|(_, _, warnings)| warnings)
}

/// Reads the Dockerfile alone, and gives its targets with its text.
pub fn targets(request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<(Vec<Target>, String), BuildError> {
    // Which of them shall be built does not matter.
    let request = BuildRequest { target: String::new(), ..request.clone() };
    let tracer = Tracer::new(report, context.client().map_or("", |client| client.id()));
    define(&request, context, &tracer).map(|(plan, text, _)| (outline::targets(&plan, &text), text))
}

/// Reads the Dockerfile alone, and gives what the target takes, with the Dockerfile's text.
pub fn outline(request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<(Outline, String), BuildError> {
    let tracer = Tracer::new(report, context.client().map_or("", |client| client.id()));
    define(request, context, &tracer).map(|(plan, text, _)| (outline::outline(&plan, &text, request), text))
}

/// Fetches a context from elsewhere: a repository, an archive, or a Dockerfile alone. Must be called on a thread that may wait.
pub fn fetch_context(
    engine: &Engine,
    client: Option<Arc<dyn Client>>,
    address: &str,
    report: Report<'_>,
    cancel: &Cancel,
) -> Result<Context, BuildError> {
    let tracer = Tracer::new(report, client.as_ref().map_or("", |client| client.id()));
    let Some(remote) = Remote::of_context(address) else {
        return Err(BuildError::invalid(format!("cannot build from {}: it is no address", quote(address))));
    };
    let name = match &remote {
        Remote::Git { .. } => format!("[internal] load git source {address}"),
        Remote::Http(_) => "[internal] load remote build context".to_owned(),
    };
    let step = tracer.start_own(&name, Vec::new());
    let context = remote.fetch(engine, false, cancel).and_then(|fetched| {
        let folder = engine.images.scratch()?;
        place(&engine.images, &fetched, &folder, true)?;
        Ok(Context::fetched(folder, client.clone()))
    });
    match context {
        Ok(context) => {
            step.done();
            Ok(context)
        }
        Err(e) => {
            step.failed(&e.message);
            Err(e)
        }
    }
}

/// Puts what was fetched into a folder: an archive unpacked, a file under its name or as the Dockerfile.
fn place(images: &ImageStore, fetched: &Fetched, folder: &std::path::Path, dockerfile: bool) -> Result<(), BuildError> {
    let failed = |e: std::io::Error| BuildError::new(format!("cannot take the build context: {e}"));
    let target = Tree::folder(folder).map_err(failed)?;
    fetched.bring().map_err(failed)?;
    if fetched.is_folder {
        return target.copy_folder(&fetched.path, "/", Ownership::default(), &|_| false).map_err(failed);
    }
    if copying::is_archive(&fetched.path) {
        let archive = std::fs::File::open(&fetched.path).map_err(failed)?;
        return images.unpack_archive(archive, folder, "cannot take the build context").map(drop).map_err(failed);
    }
    let name = fetched.path.file_name().unwrap_or_default().to_string_lossy();
    let name = if dockerfile { "Dockerfile" } else { &name };
    target.copy_file(&fetched.path, &format!("/{name}"), Ownership::default()).map_err(failed)
}

/// Makes a layer of what was fetched.
fn context_layer(images: &ImageStore, fetched: &Fetched) -> Result<Digest, BuildError> {
    let scratch = images.scratch()?;
    let layer = place(images, fetched, &scratch, false).and_then(|()| Ok(images.add_layer(&scratch, &[])?));
    crate::build::context::remove(&scratch);
    layer?.map_or_else(|| Ok(images.add_empty_layer(&[])?), Ok)
}

/// Ends what builds of an engine that was killed have left running. Must be called on a blocking thread of a tokio runtime.
pub fn sweep(engine: &Engine) {
    let left = std::fs::read_dir(engine.state_dir().join("build").join("containers"));
    if left.is_ok_and(|mut entries| entries.next().is_some()) {
        // What cannot be ended now is tried again by the next build.
        let _ = engine.sandboxes.open(engine.state_dir(), &engine.containers);
    }
}

/// A Dockerfile's name without the folders above it.
fn shown(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Reads the Dockerfile; gives its plan, its text, and what its author should know.
fn define(request: &BuildRequest, context: &Context, tracer: &Tracer<'_>) -> Result<(Plan, String, Vec<Warning>), BuildError> {
    let name = context.dockerfile_name(&request.dockerfile);
    let step = tracer.start_own(&format!("[internal] load build definition from {}", shown(&name)), Vec::new());
    let throttle = Throttle::new();
    let progress = |bytes| {
        if throttle.passes() {
            step.part("transferring dockerfile:", bytes, 0);
        }
    };
    let bytes = match context.fetch_definition(&name, &progress) {
        Ok(bytes) => bytes,
        Err(e) => {
            step.failed(&e.message);
            return Err(e);
        }
    };
    step.part_done("transferring dockerfile:", bytes, 0);
    let vertex = step.digest().to_owned();
    step.done();
    let text = context.definition(&name)?;
    let located = |message: String, lines: (usize, usize)| {
        let known = message.starts_with("dockerfile parse error") || lines.0 == 0;
        let message = if known { message } else { format!("dockerfile parse error on line {}: {message}", lines.0) };
        BuildError::invalid(message).at(lines).with_source(shown(&name), &text)
    };
    if text.trim().is_empty() {
        return Err(BuildError::invalid("the Dockerfile cannot be empty"));
    }
    let dockerfile = Dockerfile::parse(&text).map_err(|e| match e.message.as_str() {
        "file with no instructions" => BuildError::invalid(e.message),
        _ => located(e.message, e.lines),
    })?;
    let mut plan = Plan::of(&dockerfile).map_err(|e| located(e.message, e.lines))?;
    if plan.stages.is_empty() {
        return Err(BuildError::invalid("no build stage in current context"));
    }
    for (at, stage) in plan.stages.iter().enumerate() {
        if !stage.name.is_empty() && plan.stages[..at].iter().any(|other| other.name == stage.name) {
            return Err(located(format!("duplicate name {}", stage.name), stage.lines));
        }
    }
    let warnings = lint::warnings(&dockerfile, &plan, shown(&name), &text, &vertex, request);
    plan.cut(&request.target).map_err(BuildError::invalid)?;
    Ok((plan, text, warnings))
}

fn make(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    cancel: &Cancel,
    plan: &Plan,
    ready: &dyn Fn() -> Result<Vec<Output>, BuildError>,
) -> Result<Made, BuildError> {
    let _content = engine.images.hold_content()?;
    let requests: Vec<BuildRequest> = match request.platforms.as_slice() {
        [] => vec![request.clone()],
        all => all.iter().map(|platform| BuildRequest { platform: platform.clone(), ..request.clone() }).collect(),
    };
    let mut looked_up = Vec::new();
    for request in &requests {
        looked_up.push(look_up(engine, request, context, tracer, plan)?);
    }
    leave_out(context, tracer, &context.dockerfile_name(&request.dockerfile))?;
    let mut tasks = Vec::new();
    for (request, looked_up) in requests.iter().zip(looked_up) {
        let (task, unused) = task(request, plan, looked_up)?;
        if tasks.is_empty() && !unused.is_empty() {
            let short = format!("One or more build-args [{}] were not consumed", unused.join(" "));
            tracer.warn(vec![crate::trace::Warning { short, level: 1, ..Default::default() }]);
        }
        tasks.push(task);
    }
    let imports = Imports::of(engine, &requests, context, tracer);
    let outputs = ready()?;
    let build = Build {
        engine,
        containers: engine.sandboxes.open(engine.state_dir(), &engine.containers)?,
        context,
        cancel,
        tracer,
        cache: Cache::of(engine.state_dir()),
        imports,
        fetching: Fetching::of(tasks.iter().flat_map(|task| &task.stages).flatten()),
        remotes: Mutex::default(),
    };
    let solvers: Vec<Solver<'_>> = tasks.into_iter().map(|task| Solver::new(&build, task)).collect();
    let mut outcomes = Vec::new();
    for solver in &solvers {
        let folder = if request.platforms.is_empty() { String::new() } else { solver.request.platform.replace('/', "_") };
        outcomes.push(Outcome { solver, files: solver.run()?, folder });
    }
    let mut made = Made::default();
    for output in &outputs {
        export::export(&outcomes, output, &mut made)?;
    }
    let forgotten = build.cache.trim();
    drop(_content);
    engine.images.release_layers(&forgotten);
    Ok(made)
}

/// What the build for one platform needs, and where it is.
struct LookedUp {
    arguments: Arguments,
    needs: Needs,
    images: Vec<Image>,
}

fn look_up(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    plan: &Plan,
) -> Result<LookedUp, BuildError> {
    let mut arguments = Arguments::new(request.arguments.clone(), &request.platform);
    for step in &plan.arguments {
        let Instruction::Arg(list) = &step.instruction else { continue };
        for (name, value) in list {
            let value = value.as_ref().map(|v| expand::word(v, &arguments.globals(), plan.escape)).transpose();
            arguments.declare_global(name, value.map_err(|e| BuildError::invalid(e).at(step.lines))?);
        }
    }
    let needs = Needs::of(plan, &arguments.globals(), &request.contexts)?;
    let images = metadata(engine, request, context, tracer, &needs)?;
    Ok(LookedUp { arguments, needs, images })
}

/// Works out what has to be done; gives the arguments that nothing asked for, too.
fn task(request: &BuildRequest, plan: &Plan, looked_up: LookedUp) -> Result<(Task, Vec<String>), BuildError> {
    let LookedUp { arguments, mut needs, images } = looked_up;
    let documents: Vec<ImageDocument> = images.iter().map(|image| image.document.clone()).collect();
    let shown: Vec<String> = images.iter().map(|image| image.shown.clone()).collect();
    let compiler = Compiler { plan, needs: &mut needs, request, images: &documents, shown: &shown };
    let (stages, unused) = compiler.run(arguments)?;
    let names = plan.stages.iter().map(|stage| stage.name.clone()).collect();
    Ok((Task { request: request.clone(), images, folders: needs.folders, stages, names }, unused))
}

/// Finds out what of the context is left out.
fn leave_out(context: &Context, tracer: &Tracer<'_>, dockerfile: &str) -> Result<(), BuildError> {
    let began = jiff::Timestamp::now();
    let step = || tracer.start_since(began, "[internal] load .dockerignore");
    match context.fetch_ignore(dockerfile) {
        // It came with the Dockerfile.
        Ok(None) => {}
        Ok(Some(bytes)) => {
            let step = step();
            step.part_done("transferring context:", bytes, 0);
            step.done();
        }
        Err(e) => {
            step().failed(&e.message);
            return Err(e);
        }
    }
    Ok(())
}

/// Looks up all images that the build needs, side by side.
fn metadata(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    needs: &Needs,
) -> Result<Vec<Image>, BuildError> {
    let cache = Cache::of(engine.state_dir());
    let runtime = tokio::runtime::Handle::current();
    let found: Vec<Result<Image, BuildError>> = std::thread::scope(|scope| {
        let lookups: Vec<_> = needs
            .images
            .iter()
            .map(|base| {
                let (runtime, cache) = (&runtime, &cache);
                scope.spawn(move || {
                    let _runtime = runtime.enter();
                    one_image(engine, request, context, tracer, cache, base)
                })
            })
            .collect();
        lookups.into_iter().map(|l| l.join().unwrap_or_else(|_| Err(BuildError::new("an image could not be looked up")))).collect()
    });
    found.into_iter().collect()
}

/// What stands before the names of a platform's steps where others are built for, too.
fn prefix(request: &BuildRequest) -> String {
    if request.platforms.is_empty() { String::new() } else { format!("{} ", request.platform) }
}

fn one_image(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    cache: &Cache,
    base: &compile::Base,
) -> Result<Image, BuildError> {
    let full = Reference::parse_normalized(&base.name).map_or_else(|_| base.name.clone(), |r| r.or_latest().to_string());
    let several = prefix(request);
    let step = tracer.start(&format!("[{several}internal] load metadata for {full}"), Vec::new());
    // Once something comes in, the image is known: the rest is told under its own name.
    let (metadata, coming) = (std::cell::RefCell::new(Some(step)), OnceLock::new());
    let report = |progress: Progress| {
        if !matches!(progress, Progress::Update { .. }) && coming.get().is_none() {
            return;
        }
        if let Some(step) = metadata.borrow_mut().take() {
            step.done();
        }
        coming.get_or_init(|| tracer.start(&format!("{}FROM {full}", prefix(request)), Vec::new())).pull(&progress);
    };
    let failed = |e: BuildError| {
        let message = format!("{}: failed to resolve source metadata for {full}: {}", base.name, e.message);
        BuildError { message, ..e }.at(base.lines)
    };
    let id = match base::find(engine, request, context, &base.name, &base.platform, &report) {
        Ok(id) => id,
        Err(e) => {
            let step = metadata.take().or(coming.into_inner());
            if let Some(step) = step {
                step.failed(&e.message);
            }
            return Err(failed(e));
        }
    };
    if let Some(step) = metadata.take() {
        step.done();
    }
    let told = OnceLock::new();
    if let Some(step) = coming.into_inner() {
        let _ = told.set(step.digest().to_owned());
        step.done();
    }
    let document = ImageDocument::clone(&*engine.images.document_of(&id)?);
    let key = cache::key(["source", id.as_str()]);
    let seen = cache.get(&key, &engine.images).is_some();
    let now = jiff::Timestamp::now();
    let record = Record {
        layers: Vec::new(),
        times: Vec::new(),
        description: format!("pulled from {full}"),
        kind: "regular".to_owned(),
        size: 0,
        parent: String::new(),
        created: now,
    };
    if !seen {
        // Not remembered is looked up again.
        let _ = cache.put(&key, &record);
    }
    Ok(Image { id, document, shown: full, seen, told })
}
