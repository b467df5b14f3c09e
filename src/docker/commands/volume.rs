//! `docker volume create`, `ls`, `rm`.

use serde_json::{Value as Json, json};

use super::run_config::pairs;
use super::shared::{filters, labels_text, list as items, named, text, together};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};

static VOLUME: RowKind = RowKind {
    type_name: "*formatter.volumeContext",
    fields: &[
        ("Name", "VOLUME NAME"),
        ("Driver", "DRIVER"),
        ("Scope", "SCOPE"),
        ("Availability", "AVAILABILITY"),
        ("Mountpoint", "MOUNTPOINT"),
        ("Labels", "LABELS"),
        ("Group", "GROUP"),
        ("Links", "LINKS"),
        ("Size", "SIZE"),
        ("Status", "STATUS"),
    ],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "name: {{.Name}}\ndriver: {{.Driver}}\n",
};

/// `docker volume create [VOLUME]`.
pub async fn create(c: &Context, m: &Matches) -> Outcome {
    let name = match m.args.first() {
        Some(_) if !m.text("name").is_empty() => {
            return Err(Failure::new("conflicting options: cannot specify a volume-name through both --name and as a positional arg"));
        }
        Some(name) => name.as_str(),
        None => m.text("name"),
    };
    let mut body = json!({"Driver": m.get("driver").unwrap_or("local")});
    for (flag, key) in [("opt", "DriverOpts"), ("label", "Labels")] {
        if m.given(flag) {
            body[key] = pairs(m.all(flag));
        }
    }
    if !name.is_empty() {
        body["Name"] = json!(name);
    }
    let made = c.client()?.send(Request::post("/volumes/create").json(&body)).await?.json().await?;
    c.line(text(&made, "Name"));
    Ok(0)
}

/// `docker volume ls`.
pub async fn list(c: &Context, m: &Matches) -> Outcome {
    let mut request = Request::get("/volumes");
    if let Some(filters) = filters(m.all("filter"))? {
        request = request.query("filters", filters);
    }
    let answer = c.client()?.send(request).await?.json().await?;
    let (given, table) = match m.on("cluster") {
        true => (String::new(), "{{.Name}}\t{{.Group}}\t{{.Driver}}\t{{.Availability}}\t{{.Status}}"),
        false => (c.format(m, "volumesFormat"), "{{.Driver}}\t{{.Name}}"),
    };
    let format = Format::new(&VOLUME, &given, table, m.on("quiet").then_some("{{.Name}}"))?;
    let mut volumes: Vec<&Json> = items(&answer, "Volumes").collect();
    if m.on("cluster") {
        volumes.retain(|volume| volume.get("ClusterVolume").is_some_and(|cluster| !cluster.is_null()));
    }
    volumes.sort_by_cached_key(|v| natural(text(v, "Name")));
    c.print(format.render(volumes.into_iter().map(row))?);
    Ok(0)
}

/// A key that sorts `v2` before `v10`.
pub fn natural(name: &str) -> Vec<(bool, u64, String)> {
    let mut key = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digit = first.is_ascii_digit();
        let end = rest.find(|ch: char| ch.is_ascii_digit() != digit).unwrap_or(rest.len());
        let (part, tail) = rest.split_at(end);
        key.push((!digit, part.parse().unwrap_or(0), part.to_owned()));
        rest = tail;
    }
    key
}

/// The kind of a volume's row.
pub fn kind() -> &'static RowKind {
    &VOLUME
}

/// A volume's row.
pub fn row(volume: &Json) -> Row {
    let usage = volume.get("UsageData").filter(|u| !u.is_null());
    let number = |key: &str| usage.and_then(|u| u.get(key)).and_then(Json::as_i64);
    Row {
        kind: &VOLUME,
        labels: Some(volume.get("Labels").cloned().unwrap_or(Json::Null)),
        json: None,
        created: None,
        values: vec![
            ("Name", json!(text(volume, "Name"))),
            ("Driver", json!(text(volume, "Driver"))),
            ("Scope", json!(text(volume, "Scope"))),
            ("Availability", json!("N/A")),
            ("Mountpoint", json!(text(volume, "Mountpoint"))),
            ("Labels", json!(labels_text(volume.get("Labels")))),
            ("Group", json!("N/A")),
            ("Links", json!(number("RefCount").map_or("N/A".to_owned(), |n| n.to_string()))),
            ("Size", json!(number("Size").filter(|n| *n >= 0).map_or("N/A".to_owned(), |n| crate::docker::units::human_size(n as f64, 4)))),
            ("Status", json!("N/A")),
        ],
    }
}

/// `docker volume rm`.
pub async fn remove(c: &Context, m: &Matches) -> Outcome {
    let mut failures = Vec::new();
    for name in &m.args {
        let done = async {
            let request = Request::delete(format!("/volumes/{}", named("volume", name)?)).query_if(m.on("force"), "force", "1");
            c.client()?.send(request).await.map(drop)
        };
        match done.await {
            Ok(()) => c.line(name),
            Err(failure) => failures.push(failure),
        }
    }
    together(failures)
}

/// `docker volume update VOLUME`: of a cluster's volume, for others have nothing to update.
pub async fn update(c: &Context, m: &Matches) -> Outcome {
    let name = named("volume", &m.args[0])?;
    let volume = c.client()?.send(Request::get(format!("/volumes/{name}"))).await?.json().await?;
    if volume.get("ClusterVolume").is_none_or(Json::is_null) {
        return Err(Failure::new("can only update cluster volumes"));
    }
    Err(Failure::new("this client does not manage the volumes of clusters: use Docker's own client"))
}
