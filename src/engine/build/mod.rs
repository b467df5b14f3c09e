//! Builds images out of Dockerfiles. Knows nothing of HTTP or of how a client shows a build.
//!
//! `classic` goes instruction by instruction and makes an image of each, as Docker's first builder does; `buildkit` works out what the
//! target needs and makes one image. What they share (reading, expanding, copying, running) has a file of its own. What a client sends is trusted nowhere: a context's
//! paths and links never lead out of it, and what a `RUN` does happens in a container.

mod arguments;
mod base;
pub mod buildkit;
mod caches;
mod classic;
mod client;
mod context;
mod copying;
pub mod dockerfile;
mod expand;
mod gitaccess;
mod health;
pub mod instruction;
mod lint;
mod modes;
mod mounts;
mod options;
mod outline;
mod remote;
mod remotes;
mod report;
mod running;
mod shelf;
mod state;
mod tree;
mod upkeep;
mod usage;

use std::collections::BTreeMap;

use super::image::Reference;
use super::registry::Credentials;

pub use buildkit::{Checked, Export, Made, Output, build as build_buildkit, check, fetch_context, outline, targets};
pub use classic::build as build_classic;
pub use client::{Client, Forwarding, Head, Wanted};
pub use context::Context;
pub use instruction::Plan;
pub use outline::{Needed, Outline, Target};
pub use report::{BuildError, Cancel, Note, Report};
pub use upkeep::Upkeep;
pub use usage::{Going, Kept, kept, prune};

/// What shall be built, and how.
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// The Dockerfile's path in the context; empty for `Dockerfile`.
    pub dockerfile: String,
    pub tags: Vec<Reference>,
    pub arguments: BTreeMap<String, Option<String>>,
    pub labels: BTreeMap<String, String>,
    pub no_cache: bool,
    pub pull: bool,
    /// Containers go after their step; `force_remove` says that those of failed steps go too.
    pub remove: bool,
    pub force_remove: bool,
    /// The stage to end with; empty for the last.
    pub target: String,
    /// `os/arch`, if it shall not be this machine's.
    pub platform: String,
    /// Where one build is for several platforms, these (BuildKit's builder only).
    pub platforms: Vec<String>,
    /// How containers of `RUN` stand on the host.
    pub host: super::container::HostConfig,
    /// Logins for registries, by host.
    pub credentials: BTreeMap<String, Credentials>,
    /// What `--mount=type=secret` can ask for.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Stages that are made anew whatever the cache has (BuildKit's builder only).
    pub no_cache_for: Vec<String>,
    /// Images whose cache counts: to them alone the classic builder's is held, to the other's own theirs is added.
    /// `None` for all that is there.
    pub cache_from: Option<Vec<String>>,
    /// Whether the image shall carry its cache (BuildKit's builder only).
    pub inline_cache: bool,
    /// Whether a build may use the machine's network (BuildKit's builder only).
    pub host_network: bool,
    /// Names that stand for other images (BuildKit's builder only).
    pub contexts: BTreeMap<String, String>,
}

/// Reads the Dockerfile of a context and cuts it to the target; gives its text too, for messages.
fn plan(request: &BuildRequest, context: &Context) -> Result<(Plan, String), BuildError> {
    let text = context.dockerfile(&request.dockerfile)?;
    let dockerfile = dockerfile::Dockerfile::parse(&text)
        .map_err(|e| BuildError::invalid(format!("failed to parse {}: {e}", context.dockerfile_name(&request.dockerfile))).at(e.lines))?;
    let mut plan = Plan::of(&dockerfile).map_err(|e| BuildError::invalid(&e.message).at(e.lines))?;
    if plan.stages.is_empty() {
        return Err(BuildError::invalid("no build stage in current context"));
    }
    plan.cut(&request.target).map_err(BuildError::invalid)?;
    if let Some(last) = plan.stages.last_mut() {
        last.steps.extend(request.labels.iter().map(|(key, value)| instruction::Step::label(key, value)));
    }
    Ok((plan, text))
}
