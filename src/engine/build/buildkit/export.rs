//! What comes out at the end of a build: the image with the target's config, its layers and the history of both, or the files alone.

use std::cell::Cell;
use std::path::Path;

use jiff::Timestamp;

use super::compile::{Origin, Stage};
use super::inline;
use super::solve::{Files, Solver};
use super::tracer::{Step, Throttle};
use crate::build::client::Client;
use crate::build::context;
use crate::build::report::BuildError;
use crate::build::tree::Tree;
use crate::image::{Digest, HistoryEntry, ImageDocument, Reference, RootFs, native_architecture, pack};

/// What BuildKit signs its history with.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// Makes the image and gives it its names.
pub fn image(solver: &Solver<'_>, files: &Files, names: &[Reference]) -> Result<Digest, BuildError> {
    let Some(Some(stage)) = solver.stages.last() else { return Err(BuildError::new("there is no stage to make an image of")) };
    let images = &solver.engine.images;
    let inline_cache = inline::of(solver, files);
    let step = solver.tracer.start_own("exporting to image", Vec::new());
    step.part("exporting layers", 0, 0);
    step.part_done("exporting layers", 0, 0);
    let made = (|| {
        let document = ImageDocument { inline_cache, ..document(solver, stage, files) };
        let id = images.adopt_image(&document, None, None)?;
        step.part_done(&format!("writing image {id}"), 0, 0);
        for reference in names {
            images.name_image(&id, reference)?;
            step.part_done(&format!("naming to {reference}"), 0, 0);
        }
        Ok(id)
    })();
    match &made {
        Ok(_) => step.done(),
        Err(e @ BuildError { .. }) => step.failed(&e.message),
    }
    made
}

/// Gives the files to the client, for a folder there.
pub fn folder(solver: &Solver<'_>, files: &Files) -> Result<(), BuildError> {
    const PART: &str = "copying files";
    given(solver, files, "exporting to client directory", PART, |client, root, step| {
        let (throttle, sent) = (Throttle::new(), Cell::new(0));
        let progress = |bytes| {
            sent.set(bytes);
            if throttle.passes() {
                step.part(PART, bytes, 0);
            }
        };
        client.keep_folder(root, &progress)?;
        Ok(sent.get())
    })
}

/// Gives the files to the client as a tar.
pub fn tar(solver: &Solver<'_>, files: &Files) -> Result<(), BuildError> {
    given(solver, files, "exporting to client tarball", "sending tarball", |client, root, _| {
        client.keep_file(&mut |out| pack(root, out).map(drop).map_err(|e| BuildError::new(e.to_string())))?;
        Ok(0)
    })
}

fn given(
    solver: &Solver<'_>,
    files: &Files,
    name: &str,
    part: &str,
    give: impl Fn(&dyn Client, &Path, &Step<'_>) -> Result<u64, BuildError>,
) -> Result<(), BuildError> {
    let step = solver.tracer.start_own(name, Vec::new());
    step.part(part, 0, 0);
    let failed = |e: std::io::Error| BuildError::new(format!("cannot open what was built: {e}"));
    let done = (|| {
        let client = solver.context.client().ok_or_else(|| BuildError::new("there is no client to give files to"))?;
        let layers = solver.engine.images.layer_folders(&files.layers);
        let scratch = solver.engine.images.scratch()?;
        let tree = if layers.is_empty() { Tree::folder(&scratch) } else { Tree::layers(&layers) };
        let given = tree.map_err(failed).and_then(|tree| {
            let (_root, path) = tree.find("").map_err(failed)?;
            give(client, &path, &step)
        });
        context::remove(&scratch);
        given
    })();
    match done {
        Ok(bytes) => {
            step.part_done(part, bytes, 0);
            step.done();
            Ok(())
        }
        Err(e) => {
            step.failed(&e.message);
            Err(e)
        }
    }
}

fn document(solver: &Solver<'_>, stage: &Stage, files: &Files) -> ImageDocument {
    let base = match bottom(solver, stage) {
        Some(at) => solver.images[at].document.clone(),
        None => ImageDocument::default(),
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
    let created = history.last().and_then(|line| line.created.clone()).or_else(|| base.created.clone());
    ImageDocument {
        architecture: if base.architecture.is_empty() { native_architecture().to_owned() } else { base.architecture },
        author: if stage.maintainer.is_empty() { base.author } else { stage.maintainer.clone() },
        config,
        created: created.or_else(|| Some(Timestamp::now().to_string())),
        history,
        os: "linux".to_owned(),
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
