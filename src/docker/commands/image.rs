//! `docker tag`, `docker rmi`, `docker commit`.

use super::shared::{container_name, text, together};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::reference::Reference;
use crate::docker::units::quote;

/// `docker tag SOURCE TARGET`.
pub async fn tag(c: &Context, m: &Matches) -> Outcome {
    let (source, target) = (&m.args[0], &m.args[1]);
    let refuse =
        |text: &str, why: Failure| Failure::new(format!("Error parsing reference: {} is not a valid repository/tag: {why}", quote(text)));
    if !is_image_id(source) {
        Reference::parse(source).map_err(|e| refuse(source, e))?;
    }
    let mut reference = Reference::parse(target).map_err(|e| refuse(target, e))?;
    if reference.digest.is_some() {
        return Err(Failure::new("refusing to create a tag with a digest reference"));
    }
    reference.default_tag();
    let request = Request::post(format!("/images/{source}/tag"))
        .query("repo", reference.full_name())
        .query("tag", reference.tag.clone().unwrap_or_default());
    c.client()?.send(request).await?;
    Ok(0)
}

/// Whether a name is an image's whole id.
pub fn is_image_id(name: &str) -> bool {
    let hex = name.strip_prefix("sha256:").unwrap_or(name);
    hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// `docker rmi IMAGE…`.
pub async fn remove(c: &Context, m: &Matches) -> Outcome {
    let force = m.on("force");
    let mut failures = Vec::new();
    let mut fatal = false;
    for name in &m.args {
        // Docker's client cleans the path, so the engine sees no name where there is none.
        let path = match name.trim() {
            "" if name.is_empty() => "/images".to_owned(),
            "" => "/images/ ".to_owned(),
            name => format!("/images/{name}"),
        };
        let mut request = Request::delete(path).query_if(force, "force", "1").query_if(m.on("no-prune"), "noprune", "1");
        for platform in m.all("platform") {
            request = request.query("platforms", super::shared::platform_json(platform)?);
        }
        match c.client()?.send(request).await {
            Err(failure) => {
                fatal |= !failure.is_not_found();
                failures.push(failure);
            }
            Ok(answer) => {
                for item in answer.json().await?.as_array().into_iter().flatten() {
                    match text(item, "Deleted") {
                        "" => c.line(format!("Untagged: {}", text(item, "Untagged"))),
                        id => c.line(format!("Deleted: {id}")),
                    }
                }
            }
        }
    }
    if force && !fatal {
        for failure in &failures {
            c.warn_line(&failure.text);
        }
        return Ok(0);
    }
    together(failures)
}

/// `docker commit CONTAINER [REPOSITORY[:TAG]]`.
pub async fn commit(c: &Context, m: &Matches) -> Outcome {
    let container = container_name(&m.args[0])?;
    let mut request =
        Request::post("/commit").query("container", container).query("comment", m.text("message")).query("author", m.text("author"));
    if let Some(name) = m.args.get(1).filter(|n| !n.is_empty()) {
        let mut reference = Reference::parse(name)?;
        if reference.digest.is_some() {
            return Err(Failure::new("refusing to create a tag with a digest reference"));
        }
        reference.default_tag();
        request = request.query("repo", reference.full_name()).query("tag", reference.tag.clone().unwrap_or_default());
    } else {
        request = request.query("repo", "").query("tag", "");
    }
    for change in m.all("change") {
        request = request.query("changes", change);
    }
    if !m.on_unless("pause") {
        request = request.query("pause", "0");
    }
    let made = c.client()?.send(request).await?.json().await?;
    c.line(text(&made, "Id"));
    Ok(0)
}
