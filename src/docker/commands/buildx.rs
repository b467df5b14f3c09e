//! `docker buildx …` beside `build`: the one builder that there is, and its cache.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::shared::{filters, list, now, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::prompt;
use crate::docker::units::{human_duration, human_size};

/// The release of Docker's plugin whose commands and output these follow.
const FOLLOWS: &str = "v0.24.0";

/// `docker buildx version`.
pub async fn version(c: &Context, _m: &Matches) -> Outcome {
    c.line(format!("buildx {FOLLOWS}, built into dockside {}", env!("CARGO_PKG_VERSION")));
    Ok(0)
}

/// What the engine says of itself: its version and its platform.
async fn engine(c: &Context) -> Result<(String, String), Failure> {
    let version = c.client()?.send(Request::get("/version")).await?.json().await?;
    Ok((text(&version, "Version").to_owned(), format!("{}/{}", text(&version, "Os"), text(&version, "Arch"))))
}

/// `docker buildx ls`.
pub async fn ls(c: &Context, _m: &Matches) -> Outcome {
    let (status, version, platform) = match engine(c).await {
        Ok((version, platform)) => ("running", version, platform),
        Err(_) => ("error", String::new(), String::new()),
    };
    let rows = [
        ["NAME/NODE", "DRIVER/ENDPOINT", "STATUS", "BUILDKIT", "PLATFORMS"],
        ["default*", "docker", "", "", ""],
        [" \\_ default", " \\_ default", status, &version, &platform],
    ];
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0) + 3;
    let mut out = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate().take(row.len() - 1) {
            let _ = write!(out, "{cell:width$}", width = width(column));
        }
        out.push_str(row[row.len() - 1]);
        out.push('\n');
    }
    c.print(out);
    Ok(0)
}

/// `docker buildx inspect [NAME]`.
pub async fn inspect(c: &Context, m: &Matches) -> Outcome {
    if let Some(name) = m.args.first().filter(|name| *name != "default") {
        return Err(Failure::new(format!("ERROR: no builder {} found", crate::docker::units::quote(name))));
    }
    let (version, platform) = engine(c).await?;
    c.print(format!(
        "Name:   default\nDriver: docker\n\nNodes:\nName:             default\nEndpoint:         default\nStatus:           running\n\
         BuildKit version: {version}\nPlatforms:        {platform}\n"
    ));
    Ok(0)
}

/// The cache as the engine has it.
async fn cache(c: &Context) -> Result<Json, Failure> {
    c.client()?.send(Request::get("/system/df").query("type", "build-cache")).await?.json().await
}

const HEAD: &str = "ID\t\t\t\t\t\tRECLAIMABLE\tSIZE\t\tLAST ACCESSED\n";

fn row(item: &Json) -> String {
    let on = |key: &str| item.get(key).and_then(Json::as_bool) == Some(true);
    let size = human_size(super::shared::int(item, "Size") as f64, 4);
    let size = if on("Shared") { format!("{size}*") } else { size };
    let used: Option<jiff::Timestamp> = text(item, "LastUsedAt").parse().ok();
    let used = used.map_or_else(String::new, |at| format!("{} ago", human_duration(now() - at.as_millisecond() as f64 / 1e3)));
    format!("{:40}\t{:5}\t\t{size:10}\t{used}\n", text(item, "ID"), !on("InUse"))
}

/// `docker buildx du`.
pub async fn du(c: &Context, _m: &Matches) -> Outcome {
    let usage = cache(c).await?;
    let mut out = HEAD.to_owned();
    let (mut shared, mut private) = (0, 0);
    for item in list(&usage, "BuildCache") {
        out.push_str(&row(item));
        let size = super::shared::int(item, "Size");
        if item.get("Shared").and_then(Json::as_bool) == Some(true) { shared += size } else { private += size }
    }
    let size = |bytes: i64| human_size(bytes as f64, 4);
    if shared > 0 {
        let _ = write!(out, "Shared:\t\t{}\nPrivate:\t{}\n", size(shared), size(private));
    }
    let _ = write!(out, "Reclaimable:\t{}\nTotal:\t\t{}\n", size(shared + private), size(shared + private));
    c.print(out);
    Ok(0)
}

/// `docker buildx prune`, `docker builder prune`.
pub async fn prune(c: &Context, m: &Matches) -> Outcome {
    let all = m.on("all");
    if !m.on("force") {
        let what = if all { "all build cache" } else { "all dangling build cache" };
        if !prompt::confirm(c, &format!("WARNING! This will remove {what}. Are you sure you want to continue?")).await? {
            return Ok(0);
        }
    }
    let before = cache(c).await?;
    let filters = filters(m.all("filter"))?.unwrap_or_default();
    let request = Request::post("/build/prune").query("filters", filters).query_if(all, "all", "1");
    let request = match m.bytes("keep-storage").filter(|bytes| *bytes > 0) {
        Some(bytes) => request.query("keep-storage", bytes.to_string()),
        None => request,
    };
    let answer = c.client()?.send(request).await?.json().await?;
    let gone: Vec<&str> = list(&answer, "CachesDeleted").filter_map(Json::as_str).collect();
    let mut out = String::new();
    if !gone.is_empty() {
        out.push_str(HEAD);
    }
    for id in gone {
        match list(&before, "BuildCache").find(|item| text(item, "ID") == id) {
            Some(item) => out.push_str(&row(item)),
            None => out.push_str(&format!("{id:40}\ttrue \t\t\n")),
        }
    }
    let bytes = super::shared::int(&answer, "SpaceReclaimed");
    let _ = writeln!(out, "Total:\t{}", human_size(bytes as f64, 4));
    c.print(out);
    Ok(0)
}
