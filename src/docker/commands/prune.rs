//! The prune commands: what is unused goes, after a question.

use serde_json::Value as Json;

use super::shared::{filters, int, list, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::prompt;
use crate::docker::units::human_size;

/// What one prune gave back.
struct Pruned {
    text: String,
    reclaimed: i64,
}

/// Warns and asks whether to go on.
async fn confirmed(c: &Context, warning: &str) -> Result<bool, Failure> {
    prompt::confirm(c, &format!("{warning}\nAre you sure you want to continue?")).await
}

async fn ask(c: &Context, path: &str, filters: Option<String>) -> Result<Json, Failure> {
    let mut request = Request::post(path);
    if let Some(filters) = filters {
        request = request.query("filters", filters);
    }
    c.client()?.send(request).await?.json().await
}

fn names(answer: &Json, key: &str, title: &str) -> Pruned {
    let names: Vec<&str> = list(answer, key).filter_map(Json::as_str).collect();
    let text = if names.is_empty() { String::new() } else { format!("{title}\n{}\n", names.join("\n")) };
    Pruned { text, reclaimed: int(answer, "SpaceReclaimed") }
}

fn given(m: &Matches) -> Vec<String> {
    m.all("filter").filter(|f| !f.is_empty()).map(str::to_owned).collect()
}

fn finish(c: &Context, pruned: &Pruned) {
    if !pruned.text.is_empty() {
        c.line(&pruned.text);
    }
    c.line(format!("Total reclaimed space: {}", human_size(pruned.reclaimed as f64, 4)));
}

async fn prune_containers(c: &Context, given: &[String]) -> Result<Pruned, Failure> {
    let answer = ask(c, "/containers/prune", filters(given.iter().map(String::as_str))?).await?;
    Ok(names(&answer, "ContainersDeleted", "Deleted Containers:"))
}

async fn prune_images(c: &Context, given: &[String], all: bool) -> Result<Pruned, Failure> {
    let mut given = given.to_vec();
    given.push(format!("dangling={}", !all));
    let answer = ask(c, "/images/prune", filters(given.iter().map(String::as_str))?).await?;
    let mut out = String::new();
    for item in list(&answer, "ImagesDeleted") {
        out.push_str(&match text(item, "Untagged") {
            "" => format!("deleted: {}\n", text(item, "Deleted")),
            name => format!("untagged: {name}\n"),
        });
    }
    let out = if out.is_empty() { out } else { format!("Deleted Images:\n{out}") };
    Ok(Pruned { text: out, reclaimed: int(&answer, "SpaceReclaimed") })
}

async fn prune_networks(c: &Context, given: &[String]) -> Result<Pruned, Failure> {
    let answer = ask(c, "/networks/prune", filters(given.iter().map(String::as_str))?).await?;
    Ok(names(&answer, "NetworksDeleted", "Deleted Networks:"))
}

async fn prune_volumes(c: &Context, given: &[String], all: bool) -> Result<Pruned, Failure> {
    let mut given = given.to_vec();
    if all {
        given.push("all=true".to_owned());
    }
    let answer = ask(c, "/volumes/prune", filters(given.iter().map(String::as_str))?).await?;
    Ok(names(&answer, "VolumesDeleted", "Deleted Volumes:"))
}

async fn prune_cache(c: &Context, given: &[String], all: bool) -> Result<Pruned, Failure> {
    let filters = filters(given.iter().map(String::as_str))?.unwrap_or_default();
    let request = Request::post("/build/prune").query("filters", filters).query_if(all, "all", "1");
    let answer = c.client()?.send(request).await?.json().await?;
    Ok(names(&answer, "CachesDeleted", "Deleted build cache objects:"))
}

/// `docker container prune`.
pub async fn containers(c: &Context, m: &Matches) -> Outcome {
    if !m.on("force") && !confirmed(c, "WARNING! This will remove all stopped containers.").await? {
        return Ok(0);
    }
    finish(c, &prune_containers(c, &given(m)).await?);
    Ok(0)
}

/// `docker image prune`.
pub async fn images(c: &Context, m: &Matches) -> Outcome {
    let all = m.on("all");
    let warning = if all {
        "WARNING! This will remove all images without at least one container associated to them."
    } else {
        "WARNING! This will remove all dangling images."
    };
    if !m.on("force") && !confirmed(c, warning).await? {
        return Ok(0);
    }
    finish(c, &prune_images(c, &given(m), all).await?);
    Ok(0)
}

/// `docker network prune`.
pub async fn networks(c: &Context, m: &Matches) -> Outcome {
    if !m.on("force") && !confirmed(c, "WARNING! This will remove all custom networks not used by at least one container.").await? {
        return Ok(0);
    }
    let pruned = prune_networks(c, &given(m)).await?;
    if !pruned.text.is_empty() {
        c.line(&pruned.text);
    }
    Ok(0)
}

/// `docker volume prune`.
pub async fn volumes(c: &Context, m: &Matches) -> Outcome {
    let all = m.on("all");
    let warning = if all {
        "WARNING! This will remove all local volumes not used by at least one container."
    } else {
        "WARNING! This will remove anonymous local volumes not used by at least one container."
    };
    if all && given(m).iter().any(|filter| filter.split('=').next() == Some("all")) {
        return Err(Failure::new("conflicting options: cannot specify both --all and --filter all=1"));
    }
    if !m.on("force") && !confirmed(c, warning).await? {
        return Ok(0);
    }
    finish(c, &prune_volumes(c, &given(m), all).await?);
    Ok(0)
}

/// `docker system prune`.
pub async fn system(c: &Context, m: &Matches) -> Outcome {
    let (all, volumes) = (m.on("all"), m.on("volumes"));
    let given = given(m);
    if volumes && given.iter().any(|filter| filter.starts_with("until=")) {
        return Err(Failure::new("ERROR: The \"until\" filter is not supported with \"--volumes\""));
    }
    if !m.on("force") {
        let mut warning =
            "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n".to_owned();
        if volumes {
            warning.push_str("  - all anonymous volumes not used by at least one container\n");
        }
        warning.push_str(if all {
            "  - all images without at least one container associated to them\n"
        } else {
            "  - all dangling images\n"
        });
        warning.push_str(if all { "  - all build cache\n" } else { "  - unused build cache\n" });
        if !given.is_empty() {
            warning.push_str(&format!(
                "\n  Items to be pruned will be filtered with:\n{}",
                given.iter().map(|f| format!("  - {f}\n")).collect::<String>()
            ));
        }
        if !confirmed(c, &warning).await? {
            return Ok(0);
        }
    }
    let mut reclaimed = 0;
    let mut show = |pruned: Pruned| {
        reclaimed += pruned.reclaimed;
        if !pruned.text.is_empty() {
            c.line(&pruned.text);
        }
    };
    show(prune_containers(c, &given).await?);
    show(prune_networks(c, &given).await?);
    if volumes {
        show(prune_volumes(c, &given, false).await?);
    }
    show(prune_images(c, &given, all).await?);
    match prune_cache(c, &given, all).await {
        Ok(pruned) => show(pruned),
        // An engine without a build cache has nothing to prune there.
        Err(failure) if failure.is_not_found() => {}
        Err(failure) => return Err(failure),
    }
    c.line(format!("Total reclaimed space: {}", human_size(reclaimed as f64, 4)));
    Ok(0)
}
