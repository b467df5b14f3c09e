//! What comes out at the end of a build: the image with the target's config, its layers and the history of both, or the files alone.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::compile::{Origin, Stage};
use super::inline;
use super::solve::{Build, Files, Solver};
use super::tracer::{Step, Throttle};
use super::{Export, Made, Output};
use crate::build::client::Client;
use crate::build::context;
use crate::build::report::BuildError;
use crate::build::tree::Tree;
use crate::image::{Digest, Form, HistoryEntry, ImageDocument, Package, Platform, Reference, RootFs, Top, pack_all};

/// What BuildKit signs its history with.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// What the build for one platform has come to.
pub struct Outcome<'a> {
    pub solver: &'a Solver<'a>,
    pub files: Arc<Files>,
    /// What its files are called where there are those of other platforms, too; empty where there are none.
    pub folder: String,
}

/// Makes of a build what one of its outputs says.
pub fn export(outcomes: &[Outcome<'_>], output: &Output, made: &mut Made) -> Result<(), BuildError> {
    match (&output.export, outcomes) {
        (Export::Image(names), [one]) => made.image = Some(image(one, names)?),
        (Export::Image(_), _) => {
            return Err(BuildError::new(
                "docker exporter does not currently support exporting manifest lists: an engine's image is for one platform; \
                 push it (--push), or write it to a file (-o type=oci,dest=FILE)",
            ));
        }
        (Export::Push { names, form }, _) => made.package = Some(push(outcomes, names, form)?),
        (Export::Layout { names, form, folder }, _) => made.package = Some(layout(outcomes, output, names, form, *folder)?),
        (Export::Folder, _) => folder(outcomes, &output.id)?,
        (Export::Tar, _) => tar(outcomes, &output.id)?,
    }
    Ok(())
}

fn build<'a>(outcomes: &[Outcome<'a>]) -> Result<&'a Build<'a>, BuildError> {
    outcomes.first().map(|outcome| outcome.solver.build).ok_or_else(|| BuildError::new("nothing was built"))
}

/// A step of its own for what is exported.
fn told<T>(build: &Build<'_>, name: &str, work: impl FnOnce(&Step<'_>) -> Result<T, BuildError>) -> Result<T, BuildError> {
    let step = build.tracer.start_own(name, Vec::new());
    let done = work(&step);
    match &done {
        Ok(_) => step.done(),
        Err(e) => step.failed(&e.message),
    }
    done
}

/// Makes the image and gives it its names.
fn image(outcome: &Outcome<'_>, names: &[Reference]) -> Result<Digest, BuildError> {
    let build = outcome.solver.build;
    let document = finished(outcome)?;
    told(build, "exporting to image", |step| {
        // The layers are there already. What begins and ends at once is told once, or a display that looks between the two shows it twice.
        step.part_done("exporting layers", 0, 0);
        let id = build.engine.images.adopt_image(&document, None, None)?;
        step.part_done(&format!("writing image {id}"), 0, 0);
        for reference in names {
            build.engine.images.name_image(&id, reference)?;
            step.part_done(&format!("naming to {reference}"), 0, 0);
        }
        Ok(id)
    })
}

/// The config of what was built, with its cache where that is wanted.
fn finished(outcome: &Outcome<'_>) -> Result<ImageDocument, BuildError> {
    let Outcome { solver, files, .. } = outcome;
    let Some(Some(stage)) = solver.stages.get(solver.target) else { return Err(BuildError::new("there is no stage to make an image of")) };
    Ok(ImageDocument { inline_cache: inline::of(solver, files), ..document(solver, stage, files) })
}

/// The images of all platforms put together, as they leave the engine.
fn package(outcomes: &[Outcome<'_>], documents: &[ImageDocument], form: &Form, step: &Step<'_>) -> Result<Package, BuildError> {
    let images = &build(outcomes)?.engine.images;
    step.part("exporting layers", 0, 0);
    let ids = documents.iter().map(|document| images.put_document(document)).collect::<Result<Vec<_>, _>>()?;
    let package = images.package(&ids, form.clone())?;
    step.part_done("exporting layers", 0, 0);
    for image in &package.manifests {
        step.part_done(&format!("exporting manifest {}", image.top.digest), 0, 0);
        step.part_done(&format!("exporting config {}", image.config), 0, 0);
    }
    if package.manifests.iter().all(|image| image.top != package.top) {
        step.part_done(&format!("exporting manifest list {}", package.top.digest), 0, 0);
    }
    Ok(package)
}

fn push(outcomes: &[Outcome<'_>], names: &[Reference], form: &Form) -> Result<Top, BuildError> {
    let build = build(outcomes)?;
    let documents = outcomes.iter().map(finished).collect::<Result<Vec<_>, _>>()?;
    told(build, "exporting to image", |step| {
        let package = package(outcomes, &documents, form, step)?;
        for reference in names {
            let before = RefCell::new(String::new());
            let tell = |part: &str| {
                let done = before.replace(part.to_owned());
                if !done.is_empty() {
                    step.part_done(&done, 0, 0);
                }
                step.part(part, 0, 0);
            };
            let request = &outcomes[0].solver.request;
            let credentials = request.credentials.get(reference.domain()).cloned().or_else(|| build.context.login(reference.domain()));
            let pushed = build.engine.images.push_package(&package, reference, credentials, &tell);
            pushed.map_err(|e| BuildError::new(format!("failed to push {reference}: {e}")))?;
            step.part_done(&before.into_inner(), 0, 0);
        }
        Ok(package.top)
    })
}

/// Gives the images to the client in OCI's layout, as an archive or a folder.
fn layout(outcomes: &[Outcome<'_>], output: &Output, names: &[Reference], form: &Form, folder: bool) -> Result<Top, BuildError> {
    let build = build(outcomes)?;
    let documents = outcomes.iter().map(finished).collect::<Result<Vec<_>, _>>()?;
    let name = if form.oci { "exporting to oci image format" } else { "exporting to docker image format" };
    told(build, name, |step| {
        let package = package(outcomes, &documents, form, step)?;
        let images = &build.engine.images;
        let client = client(build)?;
        if folder {
            let scratch = images.scratch()?;
            let kept = images.write_folder(&package, names, &scratch).map_err(BuildError::from);
            let kept = kept.and_then(|()| client.keep_folder(&output.id, &[(String::new(), scratch.clone())], None, &|_| {}));
            context::remove(&scratch);
            kept?;
        } else {
            step.part("sending tarball", 0, 0);
            client.keep_file(&output.id, &mut |out| Ok(images.write_archive(&package, names, out)?))?;
            step.part_done("sending tarball", 0, 0);
        }
        Ok(package.top)
    })
}

fn client<'a>(build: &Build<'a>) -> Result<&'a dyn Client, BuildError> {
    build.context.client().ok_or_else(|| BuildError::new("there is no client to give files to"))
}

/// Gives the files to the client, for a folder there.
fn folder(outcomes: &[Outcome<'_>], id: &str) -> Result<(), BuildError> {
    const PART: &str = "copying files";
    given(outcomes, "exporting to client directory", PART, |client, roots, step| {
        let (throttle, sent) = (Throttle::new(), Cell::new(0));
        let progress = |bytes| {
            sent.set(bytes);
            if throttle.passes() {
                step.part(PART, bytes, 0);
            }
        };
        client.keep_folder(id, roots, time(outcomes), &progress)?;
        Ok(sent.get())
    })
}

/// Gives the files to the client as a tar.
fn tar(outcomes: &[Outcome<'_>], id: &str) -> Result<(), BuildError> {
    given(outcomes, "exporting to client tarball", "sending tarball", |client, roots, _| {
        client.keep_file(id, &mut |out| pack_all(roots, time(outcomes), out).map(drop).map_err(|e| BuildError::new(e.to_string())))?;
        Ok(0)
    })
}

/// The time that files which leave the engine seem to be of, in seconds, where the build says so.
fn time(outcomes: &[Outcome<'_>]) -> Option<u64> {
    let epoch = outcomes.first()?.solver.epoch()?;
    u64::try_from(epoch.as_second()).ok()
}

fn given(
    outcomes: &[Outcome<'_>],
    name: &str,
    part: &str,
    give: impl Fn(&dyn Client, &[(String, PathBuf)], &Step<'_>) -> Result<u64, BuildError>,
) -> Result<(), BuildError> {
    let build = build(outcomes)?;
    let failed = |e: std::io::Error| BuildError::new(format!("cannot open what was built: {e}"));
    told(build, name, |step| {
        step.part(part, 0, 0);
        let client = client(build)?;
        let scratch = build.engine.images.scratch()?;
        let given = (|| {
            let (mut held, mut roots) = (Vec::new(), Vec::new());
            for Outcome { files, folder, .. } in outcomes {
                let layers = build.engine.images.layer_folders(&files.layers);
                let tree = if layers.is_empty() { Tree::folder(&scratch) } else { Tree::layers(&layers) }.map_err(failed)?;
                let (root, path) = tree.find("").map_err(failed)?;
                held.push((tree, root));
                roots.push((folder.clone(), path));
            }
            give(client, &roots, step)
        })();
        context::remove(&scratch);
        step.part_done(part, given?, 0);
        Ok(())
    })
}

fn document(solver: &Solver<'_>, stage: &Stage, files: &Files) -> ImageDocument {
    let target = solver.request.platform.parse().unwrap_or_else(|_| Platform::host());
    let base = match bottom(solver, stage) {
        Some(at) => solver.images[at].document.clone(),
        None => ImageDocument { architecture: target.architecture, variant: target.variant, os: target.os, ..ImageDocument::default() },
    };
    let mut config = stage.config.clone();
    if !solver.request.labels.is_empty() {
        config.labels.get_or_insert_default().extend(solver.request.labels.clone());
    }
    let mut history = base.history;
    let mut times = files.times.iter().map(Timestamp::to_string);
    history.extend(stage.history.iter().map(|line| HistoryEntry {
        created: if line.layer { times.next() } else { None },
        author: String::new(),
        created_by: line.text.clone(),
        comment: COMMENT.to_owned(),
        empty_layer: !line.layer,
    }));
    date(&mut history);
    let epoch = solver.epoch();
    if let Some(epoch) = epoch {
        let later = |time: &String| time.parse::<Timestamp>().is_ok_and(|time| time > epoch);
        for line in history.iter_mut().filter(|line| line.created.as_ref().is_none_or(later)) {
            line.created = Some(epoch.to_string());
        }
    }
    let created = history.last().and_then(|line| line.created.clone()).or_else(|| base.created.clone());
    ImageDocument {
        architecture: if base.architecture.is_empty() { Platform::host().architecture } else { base.architecture },
        author: if stage.maintainer.is_empty() { base.author } else { stage.maintainer.clone() },
        config,
        created: epoch.map(|epoch| epoch.to_string()).or(created),
        history,
        os: if base.os.is_empty() { "linux".to_owned() } else { base.os },
        os_version: base.os_version,
        rootfs: RootFs { kind: "layers".to_owned(), diff_ids: files.layers.clone() },
        variant: base.variant,
        ..ImageDocument::default()
    }
}

/// The image at the bottom of a stage.
fn bottom(solver: &Solver<'_>, stage: &Stage) -> Option<usize> {
    let mut base = stage.base;
    loop {
        match base {
            Origin::Image(at) => return Some(at),
            Origin::Stage(at) => base = solver.stages[at].as_ref()?.base,
            Origin::Scratch | Origin::Context | Origin::Folder(_) => return None,
        }
    }
}

/// Lines without a layer get the time of the layer before them; those before the first new layer get that one's. So the same files and
/// the same Dockerfile give the same image.
fn date(history: &mut [HistoryEntry]) {
    let mut time = None;
    let mut undated = false;
    for line in history.iter() {
        match &line.created {
            Some(created) => {
                time = Some(created.clone());
                if undated {
                    break;
                }
            }
            None => undated = true,
        }
    }
    undated = false;
    for line in history {
        match &line.created {
            Some(created) if undated => time = Some(created.clone()),
            Some(_) => {}
            None => {
                undated = true;
                line.created.clone_from(&time);
            }
        }
    }
}
