//! Commands that Docker has and this client does not: each says so and what to do instead.

use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};

/// `docker manifest inspect`.
pub async fn manifest(_c: &Context, m: &Matches) -> Outcome {
    let name = m.args.last().map(String::as_str).unwrap_or_default();
    Err(Failure::new(format!(
        "docker manifest asks the registry itself, which this client does not do: pull the image, then use 'docker image inspect {name}'"
    )))
}
