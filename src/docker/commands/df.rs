//! `docker system df`.

use serde_json::{Value as Json, json};

use super::shared::{ago, int, list, short_id, text};
use super::{images, ps, volume};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::template;
use crate::docker::units::human_size;

static USAGE: RowKind = RowKind {
    type_name: "*formatter.diskUsageContext",
    fields: &[("Type", "TYPE"), ("TotalCount", "TOTAL"), ("Active", "ACTIVE"), ("Size", "SIZE"), ("Reclaimable", "RECLAIMABLE")],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\nreclaimable: {{.Reclaimable}}\n",
};

static CACHE: RowKind = RowKind {
    type_name: "*formatter.buildCacheContext",
    fields: &[
        ("ID", "CACHE ID"),
        ("Parent", "PARENT"),
        ("CacheType", "CACHE TYPE"),
        ("Description", "DESCRIPTION"),
        ("CreatedSince", "CREATED"),
        ("CreatedAt", "CREATED AT"),
        ("LastUsedSince", "LAST USED"),
        ("LastUsedAt", "LAST USED AT"),
        ("UsageCount", "USAGE"),
        ("Size", "SIZE"),
        ("Shared", "SHARED"),
    ],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

/// `docker system df`.
pub async fn df(c: &Context, m: &Matches) -> Outcome {
    let usage = c.client()?.send(Request::get("/system/df")).await?.json().await?;
    if m.on("verbose") {
        if !matches!(m.text("format"), "" | "table") {
            return formatted(c, &usage, m.text("format"));
        }
        return verbose(c, &usage);
    }
    let format = Format::new(&USAGE, m.text("format"), "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", None)?;
    c.print(format.render([images_usage(&usage), containers_usage(&usage), volumes_usage(&usage), cache_usage(&usage)])?);
    Ok(0)
}

/// `--verbose` with a format of the user's: what is there as a whole.
fn formatted(c: &Context, usage: &Json, format: &str) -> Outcome {
    let rows = |rows: Vec<Row>| Json::from(rows.iter().map(template::Subject::json).collect::<Vec<_>>());
    let whole = json!({
        "Images": rows(list(usage, "Images").flat_map(images::whole_row).collect()),
        "Containers": rows(list(usage, "Containers").map(|container| ps::row(&own_size(container), true)).collect()),
        "Volumes": rows(list(usage, "Volumes").map(volume::row).collect()),
        "BuildCache": rows(list(usage, "BuildCache").map(cache_row).collect()),
    });
    let template = template::parse(if format == "json" { "{{json .}}" } else { format });
    let template = template.map_err(|e| Failure::new(format!("template parsing error: {e}")))?;
    let text = template::execute(&template, &template::Value::engine(whole), false)
        .map_err(|e| Failure::new(super::info::typed(&e, &[], "*formatter.diskUsageContext")))?;
    if format == "json" {
        c.line(text)
    } else {
        c.print(text)
    }
    Ok(0)
}

fn row(kind: &str, total: usize, active: usize, size: i64, reclaimable: i64, share: bool) -> Row {
    let size_text = |n: i64| human_size(n as f64, 4);
    let reclaimable = match share && size > 0 {
        true => format!("{} ({}%)", size_text(reclaimable), reclaimable * 100 / size),
        false => size_text(reclaimable),
    };
    Row {
        kind: &USAGE,
        labels: None,
        json: None,
        created: None,
        values: vec![
            ("Type", json!(kind)),
            ("TotalCount", json!(total.to_string())),
            ("Active", json!(active.to_string())),
            ("Size", json!(size_text(size))),
            ("Reclaimable", json!(reclaimable)),
        ],
    }
}

fn images_usage(usage: &Json) -> Row {
    let images: Vec<&Json> = list(usage, "Images").collect();
    let size = int(usage, "LayersSize");
    let active = images.iter().filter(|i| int(i, "Containers") > 0).count();
    let used: i64 = images
        .iter()
        .filter(|i| int(i, "Containers") != 0 && int(i, "Size") != -1 && int(i, "SharedSize") != -1)
        .map(|i| int(i, "Size") - int(i, "SharedSize"))
        .sum();
    row("Images", images.len(), active, size, size - used, true)
}

fn containers_usage(usage: &Json) -> Row {
    let containers: Vec<&Json> = list(usage, "Containers").collect();
    let active = |c: &&&Json| ["running", "paused", "restarting"].iter().any(|s| text(c, "State").contains(s));
    let size: i64 = containers.iter().map(|c| int(c, "SizeRw")).sum();
    let idle: i64 = containers.iter().filter(|c| !active(c)).map(|c| int(c, "SizeRw")).sum();
    row("Containers", containers.len(), containers.iter().filter(active).count(), size, idle, true)
}

fn volumes_usage(usage: &Json) -> Row {
    let volumes: Vec<&Json> = list(usage, "Volumes").collect();
    let of = |v: &Json, key: &str| v.get("UsageData").map_or(0, |u| int(u, key));
    let size: i64 = volumes.iter().map(|v| of(v, "Size")).filter(|n| *n != -1).sum();
    let idle: i64 = volumes.iter().filter(|v| of(v, "RefCount") == 0).map(|v| of(v, "Size")).filter(|n| *n != -1).sum();
    row("Local Volumes", volumes.len(), volumes.iter().filter(|v| of(v, "RefCount") > 0).count(), size, idle, true)
}

fn on(item: &Json, key: &str) -> bool {
    item.get(key).and_then(Json::as_bool) == Some(true)
}

fn cache_size(usage: &Json) -> i64 {
    list(usage, "BuildCache").filter(|b| !on(b, "Shared")).map(|b| int(b, "Size")).sum()
}

fn cache_usage(usage: &Json) -> Row {
    let caches: Vec<&Json> = list(usage, "BuildCache").collect();
    let size = cache_size(usage);
    let used: i64 = caches.iter().filter(|b| on(b, "InUse") && !on(b, "Shared")).map(|b| int(b, "Size")).sum();
    row("Build Cache", caches.len(), caches.iter().filter(|b| on(b, "InUse")).count(), size, size - used, false)
}

fn verbose(c: &Context, usage: &Json) -> Outcome {
    let table = |kind, template| Format::new(kind, "table", template, None);
    let mut out = "Images space usage:\n\n".to_owned();
    let format = table(
        images::image_kind(),
        "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}",
    )?;
    out.push_str(&format.render(list(usage, "Images").flat_map(images::first_row))?);
    out.push_str("\nContainers space usage:\n\n");
    let format = table(
        ps::container_kind(),
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
    )?;
    let containers = list(usage, "Containers").map(|container| ps::row(&own_size(container), false));
    out.push_str(&format.render(containers)?);
    out.push_str("\nLocal Volumes space usage:\n\n");
    let format = table(volume::kind(), "{{.Name}}\t{{.Links}}\t{{.Size}}")?;
    out.push_str(&format.render(list(usage, "Volumes").map(volume::row))?);
    out.push_str(&format!("\nBuild cache usage: {}\n\n", human_size(cache_size(usage) as f64, 4)));
    let mut caches: Vec<&Json> = list(usage, "BuildCache").collect();
    caches.sort_by_key(|b| (text(b, "LastUsedAt").to_owned(), text(b, "ID").to_owned()));
    let format = table(&CACHE, "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}")?;
    out.push_str(&format.render(caches.into_iter().map(cache_row))?);
    c.print(out);
    Ok(0)
}

/// A container without the size of its image's part, which would be counted once for each of its containers.
fn own_size(container: &Json) -> Json {
    let mut own = container.clone();
    own["SizeRootFs"] = json!(0);
    own
}

fn cache_row(cache: &Json) -> Row {
    let since = |key: &str| text(cache, key).parse::<jiff::Timestamp>().map(|t| ago(t.as_duration().as_secs_f64())).unwrap_or_default();
    let mark = if on(cache, "InUse") { "*" } else { "" };
    Row {
        kind: &CACHE,
        labels: None,
        json: None,
        created: None,
        values: vec![
            ("ID", json!(format!("{}{mark}", short_id(text(cache, "ID"))))),
            ("Parent", json!(text(cache, "Parent"))),
            ("CacheType", json!(text(cache, "Type"))),
            ("Description", json!(text(cache, "Description"))),
            ("CreatedSince", json!(since("CreatedAt"))),
            ("CreatedAt", json!(text(cache, "CreatedAt"))),
            ("LastUsedSince", json!(since("LastUsedAt"))),
            ("LastUsedAt", json!(text(cache, "LastUsedAt"))),
            ("UsageCount", json!(int(cache, "UsageCount").to_string())),
            ("Size", json!(human_size(int(cache, "Size") as f64, 3))),
            ("Shared", json!(on(cache, "Shared").to_string())),
        ],
    }
}
