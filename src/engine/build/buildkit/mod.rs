//! The builder that BuildKit's users know: it makes what the target needs and nothing else, independent stages side by side, and one
//! image at the end. What it tells is BuildKit's trace; its words, its history and its cache are held to recordings of it.
//!
//! `compile` works out what has to be done, `solve` does it, `cache` knows what was done before, `export` makes the image. Nothing of a
//! build is seen among the engine's containers, and nothing of it is an image before it is done.

pub mod cache;
mod clip;
mod compile;
mod contexts;
mod definition;
mod export;
mod inline;
mod naming;
mod sandboxes;
mod solve;
mod tracer;
pub mod transfer;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use super::arguments::Arguments;
use super::client::Client;
use super::context::Context;
use super::copying;
use super::instruction::{Plan, Step};
use super::lint::Lint;
use super::options::suggestion;
use super::outline::{self, Outline, Target};
use super::remotes::{Fetched, Remote};
use super::report::{BuildError, Cancel, Report};
use super::tree::{Ownership, Tree};
use super::{BuildRequest, base, upkeep};
use crate::Engine;
use crate::image::{Digest, Form, ImageDocument, ImageStore, Platform, Progress, Reference, Top};
use crate::patterns::IgnoreList;
use crate::trace::Warning;
use crate::units::quote;
use cache::{Cache, Record};
use compile::{Compiler, Needs};
use contexts::Fetching;
use definition::Definition;
use export::Outcome;
use inline::Imports;
pub use sandboxes::Sandboxes;
use solve::{Build, Image, Solver, Task};
use tracer::Tracer;

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
    let definition = Definition::fetch(request, context, &tracer)?;
    let mut lint = definition.lint(request)?;
    let made = {
        let _held = engine.upkeep.hold();
        let plan = definition.plan(request, &mut lint);
        // What its author should know is told before what is wrong.
        tracer.warn(lint.take());
        plan.and_then(|plan| make(engine, request, context, &tracer, cancel, &plan, &mut lint, ready))
    };
    upkeep::soon(engine);
    made.map_err(|e| definition.located(e))
}

/// What the author of a Dockerfile should know, and why it cannot be built.
#[derive(Debug, Default)]
pub struct Checked {
    pub warnings: Vec<Warning>,
    pub error: Option<BuildError>,
}

/// Works out what a build would do, and gives what its author should know. Without a target that is about all stages.
pub fn check(engine: &Arc<Engine>, request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<Checked, BuildError> {
    let tracer = Tracer::new(report, context.client().map_or("", |client| client.id()));
    let definition = Definition::fetch(request, context, &tracer)?;
    let mut lint = definition.lint(request)?;
    let one = BuildRequest { platform: first_platform(request), platforms: Vec::new(), ..request.clone() };
    let worked_out = definition
        .plan(request, &mut lint)
        .and_then(|plan| tasks(engine, &[one], context, &tracer, &plan, &mut lint, request.target.is_empty()).map(drop));
    Ok(Checked { warnings: lint.take(), error: worked_out.err().map(|e| definition.located(e)) })
}

fn first_platform(request: &BuildRequest) -> String {
    request.platforms.first().unwrap_or(&request.platform).clone()
}

/// Reads the Dockerfile alone, and gives its targets with its text.
pub fn targets(request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<(Vec<Target>, String), BuildError> {
    // Which of them shall be built does not matter.
    let request = BuildRequest { target: String::new(), ..request.clone() };
    let (plan, text) = read(&request, context, report)?;
    Ok((outline::targets(&plan, &text), text))
}

/// Reads the Dockerfile alone, and gives what the target takes, with the Dockerfile's text.
pub fn outline(request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<(Outline, String), BuildError> {
    let (plan, text) = read(request, context, report)?;
    Ok((outline::outline(&plan, &text, request), text))
}

/// The Dockerfile's plan and its text.
fn read(request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<(Plan, String), BuildError> {
    let tracer = Tracer::new(report, context.client().map_or("", |client| client.id()));
    let definition = Definition::fetch(request, context, &tracer)?;
    let mut lint = definition.lint(request)?;
    Ok((definition.plan(request, &mut lint)?, definition.text))
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
    let context = remote.fetch(engine, client.as_deref(), false, cancel).and_then(|fetched| {
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
        return target.copy_folder(&fetched.path, "/", &Ownership::default(), &|_| false).map_err(failed);
    }
    if copying::is_archive(&fetched.path) {
        let archive = std::fs::File::open(&fetched.path).map_err(failed)?;
        return images.unpack_archive(archive, folder, "cannot take the build context").map(drop).map_err(failed);
    }
    let name = fetched.path.file_name().unwrap_or_default().to_string_lossy();
    let name = if dockerfile { "Dockerfile" } else { &name };
    target.copy_file(&fetched.path, &format!("/{name}"), &Ownership::default()).map_err(failed)
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

#[expect(clippy::too_many_arguments, reason = "all that a build is")]
fn make(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    cancel: &Cancel,
    plan: &Plan,
    lint: &mut Lint,
    ready: &dyn Fn() -> Result<Vec<Output>, BuildError>,
) -> Result<Made, BuildError> {
    let _content = engine.images.hold_content()?;
    let requests: Vec<BuildRequest> = match request.platforms.as_slice() {
        [] => vec![request.clone()],
        all => all.iter().map(|platform| BuildRequest { platform: platform.clone(), ..request.clone() }).collect(),
    };
    let tasks = tasks(engine, &requests, context, tracer, plan, lint, false);
    tracer.warn(lint.take());
    let (tasks, unused) = tasks?;
    if !unused.is_empty() {
        let short = format!("One or more build-args [{}] were not consumed", unused.join(" "));
        tracer.warn(vec![crate::trace::Warning { short, level: 1, ..Default::default() }]);
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
    triggers: Vec<Vec<Step>>,
}

/// Works out what has to be done for each platform; gives the arguments that nothing asked for, too. Looks at `all` stages where that is
/// wanted.
fn tasks(
    engine: &Arc<Engine>,
    requests: &[BuildRequest],
    context: &Context,
    tracer: &Tracer<'_>,
    plan: &Plan,
    lint: &mut Lint,
    all: bool,
) -> Result<(Vec<Task>, Vec<String>), BuildError> {
    let mut looked_up = Vec::new();
    for request in requests {
        looked_up.push(look_up(engine, request, context, tracer, plan, all)?);
    }
    leave_out(context, tracer, &context.dockerfile_name(&requests[0].dockerfile))?;
    let patterns = context.left_out();
    let ignored = IgnoreList::parse(&patterns.join("\n")).ok().filter(|list| !list.is_empty()).map(|list| (list, patterns));
    let (mut tasks, mut not_used) = (Vec::new(), Vec::new());
    for (request, looked_up) in requests.iter().zip(looked_up) {
        // What is said of one platform is not said again of the next.
        let first = tasks.is_empty();
        let (task, unused) = task(request, plan, looked_up, first.then_some(&mut *lint), ignored.as_ref())?;
        if first {
            not_used = unused;
        }
        tasks.push(task);
    }
    lint.error().map_or(Ok((tasks, not_used)), |why| Err(BuildError::invalid(why)))
}

fn look_up(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    plan: &Plan,
    all: bool,
) -> Result<LookedUp, BuildError> {
    let mut arguments = Arguments::new(request.arguments.clone(), &request.platform);
    arguments.target(plan);
    arguments.read_globals(plan).map_err(|(why, lines)| BuildError::invalid(why).at(lines))?;
    let (globals, mut triggers) = (arguments.globals(), Vec::new());
    let mut found = BTreeMap::new();
    // Triggers of images may need images and stages that nothing else does, with triggers of their own.
    loop {
        let needs = Needs::of(plan, &globals, &request.contexts, &triggers, all)?;
        metadata(engine, request, context, tracer, &needs, &mut found)?;
        let documents: Vec<&ImageDocument> = needs.images.iter().filter_map(|base| Some(&found.get(&base.key())?.document)).collect();
        let more = needs.triggers(plan, &documents)?;
        let settled = more.iter().map(Vec::len).eq(triggers.iter().map(Vec::len)) || more.iter().all(Vec::is_empty);
        triggers = more;
        if settled {
            let images = needs.images.iter().filter_map(|base| found.remove(&base.key())).collect();
            return Ok(LookedUp { arguments, needs, images, triggers });
        }
    }
}

/// Works out what has to be done; gives the arguments that nothing asked for, too.
fn task(
    request: &BuildRequest,
    plan: &Plan,
    looked_up: LookedUp,
    mut lint: Option<&mut Lint>,
    ignored: Option<&(IgnoreList, Vec<String>)>,
) -> Result<(Task, Vec<String>), BuildError> {
    let LookedUp { arguments, mut needs, images, triggers } = looked_up;
    if let Some(lint) = &mut lint {
        platforms(request, &needs, &images, lint);
    }
    let documents: Vec<ImageDocument> = images.iter().map(|image| image.document.clone()).collect();
    let shown: Vec<String> = images.iter().map(|image| image.shown.clone()).collect();
    let compiler = Compiler { plan, needs: &mut needs, request, images: &documents, triggers: &triggers, shown: &shown, lint, ignored };
    let (stages, unused) = compiler.run(arguments)?;
    let names = plan.stages.iter().map(|stage| stage.name.clone()).collect();
    Ok((Task { request: request.clone(), images, folders: needs.folders, stages, names, target: plan.target }, unused))
}

/// Tells of images that are for another platform than the one that is built for.
fn platforms(request: &BuildRequest, needs: &Needs, images: &[Image], lint: &mut Lint) {
    for (base, image) in needs.images.iter().zip(images).filter(|(_, image)| !image.document.rootfs.diff_ids.is_empty()) {
        let wanted = if base.platform.is_empty() { &request.platform } else { &base.platform };
        let wanted = wanted.parse().unwrap_or_else(|_| Platform::host());
        let is = Platform::of(&image.document);
        if (&is.os, &is.architecture) != (&wanted.os, &wanted.architecture) {
            lint.platform(&base.name, &is.to_string(), &wanted.to_string(), base.lines);
        }
    }
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

/// Looks up all images that the build needs and that are not `found`, side by side.
fn metadata(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    tracer: &Tracer<'_>,
    needs: &Needs,
    found: &mut BTreeMap<(String, String), Image>,
) -> Result<(), BuildError> {
    let cache = Cache::of(engine.state_dir());
    let runtime = tokio::runtime::Handle::current();
    let wanted: Vec<&compile::Base> = needs.images.iter().filter(|base| !found.contains_key(&base.key())).collect();
    if let [base] = wanted.as_slice() {
        found.insert(base.key(), one_image(engine, request, context, tracer, &cache, base)?);
        return Ok(());
    }
    let images: Vec<Result<Image, BuildError>> = std::thread::scope(|scope| {
        let lookups: Vec<_> = wanted
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
    for (base, image) in wanted.iter().zip(images) {
        found.insert(base.key(), image?);
    }
    Ok(())
}

/// What stands before the names of a platform's steps where others are built for, too.
fn prefix(request: &BuildRequest) -> String {
    if request.platforms.is_empty() { String::new() } else { format!("{} ", request.platform) }
}

/// Images that authors may have meant.
const COMMON: [&str; 7] = ["alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora"];

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
        let hint = suggestion(&base.name, &COMMON);
        let message = format!("{}: failed to resolve source metadata for {full}: {}{hint}", base.name, e.message);
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
    let seen = cache.get(&key, &engine.images, &[]).is_some();
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
