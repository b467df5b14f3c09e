//! The cache that an image carries: which step each of its layers came of. A build that names the image (`--cache-from`) has these steps
//! as if it had done them itself; where the image is in a registry alone, its layers come from there as they are needed.
//!
//! The form is BuildKit's; the digests of steps are this engine's own, so that neither finds anything in the other's images.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cache::{Cache, Record};
use super::solve::{Files, Solver};
use super::tracer::Tracer;
use crate::Engine;
use crate::base64;
use crate::build::BuildRequest;
use crate::build::context::Context;
use crate::build::report::BuildError;
use crate::image::{Digest, Offer, Place, Reference};

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
    let step = solver.build.tracer.start_own("preparing layers for inline cache", Vec::new());
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

/// What images elsewhere bring along, by the keys of steps. Their layers come in when a step is found here, and no others.
#[derive(Default)]
pub struct Imports(HashMap<String, Found>);

/// A step that another build has done.
struct Found {
    image: Arc<Image>,
    /// So many of the image's layers are what it came to.
    count: usize,
    times: Vec<Timestamp>,
    parent: String,
}

/// An image with a cache in it.
struct Image {
    name: String,
    offer: Option<(Place, Offer)>,
    layers: Vec<Digest>,
}

impl Imports {
    /// Reads what the images that the requests name carry. One that cannot be used is told of, and nothing else comes of it.
    pub fn of(engine: &Engine, requests: &[BuildRequest], context: &Context, tracer: &Tracer<'_>) -> Imports {
        let mut imports = Imports::default();
        for name in requests.first().iter().flat_map(|request| &request.cache_from).flatten() {
            let step = tracer.start_own(&format!("importing cache manifest from {name}"), Vec::new());
            let read = requests.iter().map(|request| imports.add(engine, request, context, name));
            match read.fold(Ok(()), Result::and) {
                Ok(()) => step.done(),
                Err(e) => step.failed(&e.message),
            }
        }
        imports
    }

    fn add(&mut self, engine: &Engine, request: &BuildRequest, context: &Context, name: &str) -> Result<(), BuildError> {
        let wanted = (!request.platform.is_empty()).then_some(request.platform.as_str());
        let known = engine.images.resolve(name, wanted).ok().map(|image| image.config).filter(|document| document.inline_cache.is_some());
        let (document, offer) = match known {
            Some(document) => (document, None),
            None => {
                let reference = Reference::parse_normalized(name).map_err(|e| BuildError::new(e.to_string()))?.or_latest();
                let credentials = request.credentials.get(reference.domain()).cloned().or_else(|| context.login(reference.domain()));
                let place = Place { reference, platform: wanted.and_then(|platform| platform.parse().ok()), credentials };
                let offer = engine.images.look_up(&place)?;
                (offer.document.clone(), Some((place, offer)))
            }
        };
        // An image that carries none is of no use, and no failure either.
        let Some(text) = &document.inline_cache else { return Ok(()) };
        let config: Option<Config> = base64::decode(text).and_then(|json| serde_json::from_slice(&json).ok());
        let config = config.ok_or_else(|| BuildError::new(format!("the cache in {name} makes no sense")))?;
        let image = Arc::new(Image { name: name.to_owned(), offer, layers: document.rootfs.diff_ids });
        let (mut times, mut parent) = (Vec::new(), String::new());
        for step in &config.records {
            let (Some(key), [top]) = (step.digest.strip_prefix(ALGORITHM), step.layers.as_slice()) else { continue };
            let named = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !named || top.layer >= image.layers.len() {
                continue;
            }
            times.push(top.created.unwrap_or_default());
            let found = Found {
                image: Arc::clone(&image),
                count: top.layer + 1,
                times: times.clone(),
                parent: std::mem::replace(&mut parent, key.to_owned()),
            };
            self.0.entry(key.to_owned()).or_insert(found);
        }
        Ok(())
    }

    /// Brings what a step came to, and writes it down as if it had been done here.
    pub fn bring(&self, key: &str, engine: &Engine, cache: &Cache) -> Option<Record> {
        let Found { image, count, times, parent } = self.0.get(key)?;
        let layers = image.layers.get(..*count)?;
        if let Some((place, offer)) = image.offer.as_ref().filter(|_| !engine.images.has_layers(layers)) {
            // A step whose layers cannot be had is done again.
            engine.images.bring(place, offer, *count, &|_| {}).ok()?;
        }
        let record = Record {
            layers: layers.to_vec(),
            times: times.clone(),
            description: format!("imported from {}", image.name),
            kind: "regular".to_owned(),
            size: engine.images.top_size(layers),
            parent: parent.clone(),
            created: Timestamp::now(),
        };
        // One that is not remembered is brought again.
        let _ = cache.put(key, &record);
        engine.images.has_layers(layers).then_some(record)
    }
}
