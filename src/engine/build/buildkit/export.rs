//! The image at the end of a build: the target's config, its layers, and the history of both.

use jiff::Timestamp;

use super::compile::{Origin, Stage};
use super::solve::{Files, Solver};
use crate::engine::build::report::BuildError;
use crate::engine::image::{Digest, HistoryEntry, ImageDocument, Reference, RootFs, native_architecture};

/// What BuildKit signs its history with.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// Makes the image and gives it its names.
pub fn image(solver: &Solver<'_>, files: &Files, names: &[Reference]) -> Result<Digest, BuildError> {
    let Some(Some(stage)) = solver.stages.last() else { return Err(BuildError::new("there is no stage to make an image of")) };
    let images = &solver.engine.images;
    let step = solver.tracer.start("exporting to image", Vec::new());
    step.part("exporting layers", 0, 0);
    step.part_done("exporting layers", 0, 0);
    let made = (|| {
        let document = document(solver, stage, files);
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
            Origin::Scratch | Origin::Context => return None,
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
