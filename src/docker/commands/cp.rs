//! To follow with its family.

use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};

pub async fn cp(_c: &Context, m: &Matches) -> Outcome {
    Err(Failure::new(format!("docker {} is not available", m.path)))
}
