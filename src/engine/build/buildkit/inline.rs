//! The cache that an image carries: which step each of its layers came of. A build that names the image (`--cache-from`) has these steps
//! as if it had done them itself.
//!
//! The form is BuildKit's; the digests of steps are this engine's own, so that neither finds anything in the other's images.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cache::{Cache, Record};
use super::solve::{Files, Solver};
use super::tracer::Tracer;
use crate::Engine;
use crate::base64;
use crate::build::BuildRequest;
use crate::build::report::BuildError;
use crate::image::Digest;

/// What stands before a digest.
const ALGORITHM: &str = "sha256:";

#[derive(Serialize, Deserialize)]
struct Config {
    layers: Vec<Layer>,
    records: Vec<Step>,
}

/// A layer, and the place of the one below it.
#[derive(Serialize, Deserialize)]
struct Layer {
    #[serde(default)]
    blob: String,
    parent: i64,
}

/// A step, and the layer on top of all that it came to.
#[derive(Serialize, Deserialize)]
struct Step {
    digest: String,
    #[serde(default)]
    layers: Vec<Top>,
}

#[derive(Serialize, Deserialize)]
struct Top {
    layer: usize,
    #[serde(rename = "createdAt", default)]
    created: Option<Timestamp>,
}

/// What an image of these files carries.
pub fn of(solver: &Solver<'_>, files: &Files) -> Option<String> {
    if !solver.request.inline_cache {
        return None;
    }
    let step = solver.tracer.start_own("preparing layers for inline cache", Vec::new());
    let base = files.layers.len().checked_sub(files.keys.len())?;
    let layers = (0i64..).zip(&files.layers).map(|(at, digest)| Layer { blob: digest.to_string(), parent: at - 1 }).collect();
    let steps = files.keys.iter().zip(&files.times).enumerate();
    let records = steps
        .map(|(at, (key, time))| Step { digest: format!("{ALGORITHM}{key}"), layers: vec![Top { layer: base + at, created: Some(*time) }] })
        .collect();
    let text = serde_json::to_vec(&Config { layers, records }).ok().map(|json| base64::encode(&json));
    step.done();
    text
}

/// Takes over what the images that the request names carry. One that cannot be used is told of, and nothing else comes of it.
pub fn import(engine: &Engine, request: &BuildRequest, cache: &Cache, tracer: &Tracer<'_>) {
    for name in request.cache_from.iter().flatten() {
        let step = tracer.start_own(&format!("importing cache manifest from {name}"), Vec::new());
        match import_one(engine, cache, name) {
            Ok(()) => step.done(),
            Err(e) => step.failed(&e.message),
        }
    }
}

fn import_one(engine: &Engine, cache: &Cache, name: &str) -> Result<(), BuildError> {
    let image = engine.images.resolve(name, None).map_err(|e| BuildError::new(format!("{e}: `docker pull` it first")))?;
    // An image that carries none is of no use, and no failure either.
    let Some(text) = &image.config.inline_cache else { return Ok(()) };
    let config: Option<Config> = base64::decode(text).and_then(|json| serde_json::from_slice(&json).ok());
    let config = config.ok_or_else(|| BuildError::new(format!("the cache in {name} makes no sense")))?;
    let all: &[Digest] = &image.config.rootfs.diff_ids;
    let (mut times, mut parent) = (Vec::new(), String::new());
    for step in &config.records {
        let (Some(key), [top]) = (step.digest.strip_prefix(ALGORITHM), step.layers.as_slice()) else { continue };
        let named = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(layers) = all.get(..=top.layer).filter(|_| named) else { continue };
        times.push(top.created.unwrap_or_default());
        if cache.get(key, &engine.images).is_none() {
            let record = Record {
                layers: layers.to_vec(),
                times: times.clone(),
                description: format!("imported from {name}"),
                kind: "regular".to_owned(),
                size: engine.images.top_size(layers),
                parent: std::mem::replace(&mut parent, key.to_owned()),
                created: Timestamp::now(),
            };
            // A step that is not remembered is done again.
            let _ = cache.put(key, &record);
        }
    }
    Ok(())
}
