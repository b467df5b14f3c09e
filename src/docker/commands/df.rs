//! `docker system df`.

use serde_json::{Value as Json, json};

use super::shared::{ago, int, list, shown_id, text};
use super::{images, ps, volume};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::template::types::Type;
use crate::docker::template::{self, Value};
use crate::docker::units::human_size;

static USAGE: RowKind = RowKind {
    // That of the first row, which is the one that messages are about.
    type_name: "*formatter.diskUsageImagesContext",
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
        ("InUse", "IN USE"),
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

/// `--verbose --format raw`: a paragraph for each thing.
const RAW: &str = r"{{range .Images}}type: Image
repository: {{.Repository}}
tag: {{.Tag}}
digest: {{.Digest}}
image_id: {{.ID}}
created_at: {{.CreatedAt}}
virtual_size: {{.Size}}

{{end -}}
{{range .Containers}}type: Container
container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
size: {{.Size}}

{{end -}}
{{range .Volumes}}type: Volume
name: {{.Name}}
driver: {{.Driver}}

{{end -}}
{{range .BuildCache}}type: Build Cache
build_cache_id: {{.ID}}
parent_id: {{.Parent}}
build_cache_type: {{.CacheType}}
description: {{.Description}}
created_at: {{.CreatedAt}}
created_since: {{.CreatedSince}}
last_used_at: {{.LastUsedAt}}
last_used_since: {{.LastUsedSince}}
usage_count: {{.UsageCount}}
in_use: {{.InUse}}
shared: {{.Shared}}

{{end -}}";

/// `--verbose` with a format of the user's: what is there as a whole. A table has no header here, but short names.
fn formatted(c: &Context, usage: &Json, format: &str) -> Outcome {
    let rest = format.strip_prefix("table");
    let whole = rest.is_none();
    let rows = |rows: Vec<Row>| Json::from(rows.iter().map(template::Subject::json).collect::<Vec<_>>());
    let images = list(usage, "Images");
    let all = json!({
        "Images": rows(if whole { images.flat_map(images::whole_row).collect() } else { images.flat_map(images::first_row).collect() }),
        "Containers": rows(list(usage, "Containers").map(|container| ps::row(&own_size(container), whole)).collect()),
        "Volumes": rows(list(usage, "Volumes").map(volume::row).collect()),
        "BuildCache": rows(caches(usage).into_iter().map(|cache| cache_row(cache, whole)).collect()),
    });
    let text = match format {
        "json" => "{{json .}}".to_owned(),
        "raw" => RAW.to_owned(),
        format => rest.unwrap_or(format).trim_matches(' ').replace("\\t", "\t").replace("\\n", "\n"),
    };
    let template = template::parse(&text).map_err(|e| Failure::new(format!("template parsing error: {e}")))?;
    let (text, fault) = template::execute_far(&template, &Value::Subject(std::rc::Rc::new(Whole(all))), false);
    c.print(text);
    fault.map_or(Ok(0), |e| Err(Failure::new(e)))
}

/// The kinds of what there is, with the types of their rows.
static KINDS: [(&str, Type); 4] = [
    ("Images", Type::List(&Type::Pointer(&Type::Open("formatter.imageContext")))),
    ("Containers", Type::List(&Type::Pointer(&Type::Open("formatter.ContainerContext")))),
    ("Volumes", Type::List(&Type::Pointer(&Type::Open("formatter.volumeContext")))),
    ("BuildCache", Type::List(&Type::Pointer(&Type::Open("formatter.buildCacheContext")))),
];

/// All that there is, by kinds.
struct Whole(Json);

impl template::Subject for Whole {
    fn type_name(&self) -> &str {
        "*formatter.diskUsageContext"
    }

    fn call(&self, name: &str, _args: &[Json]) -> Result<Option<Value>, String> {
        let kind = KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, rows)| *rows);
        Ok(kind.and_then(|rows| Some(Value::Json(self.0.get(name)?.clone(), rows))))
    }

    fn json(&self) -> Json {
        self.0.clone()
    }
}

/// What builds keep, what was used longest ago first.
fn caches(usage: &Json) -> Vec<&Json> {
    let mut caches: Vec<&Json> = list(usage, "BuildCache").collect();
    caches.sort_by_key(|b| (text(b, "LastUsedAt").to_owned(), text(b, "ID").to_owned()));
    caches
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
    let format = table(&CACHE, "{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}")?;
    out.push_str(&format.render(caches(usage).into_iter().map(|cache| cache_row(cache, false)))?);
    c.print(out);
    Ok(0)
}

/// A container without the size of its image's part, which would be counted once for each of its containers.
fn own_size(container: &Json) -> Json {
    let mut own = container.clone();
    own["SizeRootFs"] = json!(0);
    own
}

fn cache_row(cache: &Json, whole: bool) -> Row {
    let since = |key: &str| text(cache, key).parse::<jiff::Timestamp>().map(|t| ago(t.as_duration().as_secs_f64())).unwrap_or_default();
    let mark = if on(cache, "InUse") { "*" } else { "" };
    Row {
        kind: &CACHE,
        labels: None,
        json: None,
        created: None,
        values: vec![
            ("ID", json!(format!("{}{mark}", shown_id(text(cache, "ID"), whole)))),
            ("Parent", json!(text(cache, "Parent"))),
            ("CacheType", json!(text(cache, "Type"))),
            ("Description", json!(text(cache, "Description"))),
            ("CreatedSince", json!(since("CreatedAt"))),
            ("CreatedAt", json!(template::time_text(text(cache, "CreatedAt")))),
            ("LastUsedSince", json!(since("LastUsedAt"))),
            ("LastUsedAt", json!(template::time_text(text(cache, "LastUsedAt")))),
            ("UsageCount", json!(int(cache, "UsageCount").to_string())),
            ("Size", json!(human_size(int(cache, "Size") as f64, 3))),
            ("InUse", json!(on(cache, "InUse").to_string())),
            ("Shared", json!(on(cache, "Shared").to_string())),
        ],
    }
}
