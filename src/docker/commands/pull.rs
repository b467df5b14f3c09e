//! `docker pull` and `docker push`.

use super::trust;
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::config;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::progress::Progress;
use crate::docker::reference::Reference;

/// `docker pull`.
pub async fn pull(c: &Context, m: &Matches) -> Outcome {
    let mut reference = Reference::parse(&m.args[0])?;
    let all = m.on("all-tags");
    let quiet = m.on("quiet");
    if all && (reference.tag.is_some() || reference.digest.is_some()) {
        return Err(Failure::new("tag can't be used with --all-tags/-a"));
    }
    if !all && reference.default_tag() && !quiet {
        c.line("Using default tag: latest");
    }
    trust::refuse_unsigned(m, &reference).await?;
    let answer = c.client()?.send(pull_request(c, &reference, m.text("platform"))).await?;
    Progress::new(c, quiet).run(answer, &mut |_| {}).await?;
    c.line(reference.full());
    Ok(0)
}

/// The request that pulls `reference` (all its tags if it has none).
pub fn pull_request<'a>(c: &Context, reference: &Reference, platform: &str) -> Request<'a> {
    let request = Request::post("/images/create")
        .query("fromImage", reference.full_name())
        .header("X-Registry-Auth", config::registry_auth(&c.config, &reference.domain));
    let tag = reference.digest.as_ref().or(reference.tag.as_ref());
    let request = match tag {
        Some(tag) => request.query("tag", tag.clone()),
        None => request,
    };
    request.query_if(!platform.is_empty(), "platform", platform.to_lowercase())
}

/// `docker push`.
pub async fn push(c: &Context, m: &Matches) -> Outcome {
    let mut reference = Reference::parse(&m.args[0])?;
    let quiet = m.on("quiet");
    let all = m.on("all-tags");
    if all && (reference.tag.is_some() || reference.digest.is_some()) {
        return Err(Failure::new("tag can't be used with --all-tags/-a"));
    }
    if !all && reference.default_tag() && !quiet {
        c.line("Using default tag: latest");
    }
    let mut request = Request::post(format!("/images/{}/push", reference.full_name()))
        .header("X-Registry-Auth", config::registry_auth(&c.config, &reference.domain));
    if let Some(tag) = &reference.tag {
        request = request.query("tag", tag.clone());
    }
    if let Some(platform) = m.get("platform") {
        request = request.query("platform", super::shared::platform_json(platform)?);
    }
    let answer = c.client()?.send(request).await?;
    Progress::new(c, quiet).run(answer, &mut |_| {}).await?;
    if trust::is_wanted(m) {
        c.line("Signing and pushing trust metadata");
        return Err(trust::no_signatures(&reference).await);
    }
    if quiet {
        c.line(reference.full());
    }
    Ok(0)
}
