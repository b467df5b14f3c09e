//! `docker ps`.

use std::net::IpAddr;
use std::rc::Rc;

use serde_json::{Value as Json, json};

use super::shared::{ago, filters, int, labels_text, list, short_id, shown_id, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::reference::Reference;
use crate::docker::template::{self, Value};
use crate::docker::units::{ellipsis, human_size, quote};

static CONTAINER: RowKind = RowKind {
    type_name: "*formatter.ContainerContext",
    fields: &[
        ("ID", "CONTAINER ID"),
        ("Names", "NAMES"),
        ("Image", "IMAGE"),
        ("Command", "COMMAND"),
        ("CreatedAt", "CREATED AT"),
        ("RunningFor", "CREATED"),
        ("Ports", "PORTS"),
        ("State", "STATE"),
        ("Status", "STATUS"),
        ("Size", "SIZE"),
        ("Labels", "LABELS"),
        ("Mounts", "MOUNTS"),
        ("LocalVolumes", "LOCAL VOLUMES"),
        ("Networks", "NETWORKS"),
        ("Platform", "PLATFORM"),
    ],
    parse_error: "failed to parse template",
    execute_error: "failed to execute template",
    raw: "",
};

const RAW: &str = "container_id: {{.ID}}\\nimage: {{.Image}}\\ncommand: {{.Command}}\\ncreated_at: {{.CreatedAt}}\\nstate: {{- pad .State 1 0}}\\nstatus: {{- pad .Status 1 0}}\\nnames: {{.Names}}\\nlabels: {{- pad .Labels 1 0}}\\nports: {{- pad .Ports 1 0}}\\n";

/// `docker ps`.
pub async fn ps(c: &Context, m: &Matches) -> Outcome {
    let mut given = m.text("format").to_owned();
    if m.on("quiet") && !given.is_empty() {
        c.warn_line("WARNING: Ignoring custom format, because both --format and --quiet are set.");
        given.clear();
    }
    if !m.given("format") {
        given = c.format(m, "psFormat");
    }
    let size = m.on("size") || given.contains(".Size") || given.contains("json .}}");
    let mut request = Request::get("/containers/json").query_if(m.on("all"), "all", "1").query_if(size, "size", "1");
    let last = m.int("last").filter(|n| *n > 0);
    if m.on("latest") && last.is_none() {
        request = request.query("limit", "1");
    } else if let Some(last) = last {
        request = request.query("limit", last.to_string());
    }
    if let Some(filters) = filters(m.all("filter"))? {
        request = request.query("filters", filters);
    }
    let table = if m.on("size") {
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}"
    } else {
        "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
    };
    let raw = if m.on("size") { format!("{RAW}size: {{{{.Size}}}}\\n") } else { RAW.to_owned() };
    let shown = if given == "raw" { &raw } else { &given };
    let format = Format::new(&CONTAINER, shown, table, m.on("quiet").then_some("{{.ID}}"))?;
    // What fails for a container of which nothing is known is refused even where there is none.
    if let Ok(template) = template::parse(&given)
        && let Err(e) = template::execute(&template, &Value::Subject(Rc::new(row(&json!({}), false))), false)
    {
        return Err(Failure::new(format!("{}: {e}", CONTAINER.execute_error)));
    }
    let containers = c.client()?.send(request).await?.json().await?;
    let whole = m.on("no-trunc");
    c.print(format.render(containers.as_array().into_iter().flatten().map(|container| row(container, whole)))?);
    Ok(0)
}

/// The kind of a container's row.
pub fn container_kind() -> &'static RowKind {
    &CONTAINER
}

/// A container's row.
pub fn row(container: &Json, whole: bool) -> Row {
    let created = int(container, "Created");
    let command = text(container, "Command");
    let command = if whole { command.to_owned() } else { ellipsis(command, 20) };
    let mounts: Vec<String> = list(container, "Mounts")
        .map(|mount| {
            let name = match text(mount, "Name") {
                "" => text(mount, "Source"),
                name => name,
            };
            if whole { name.to_owned() } else { ellipsis(name, 15) }
        })
        .collect();
    let local = list(container, "Mounts").filter(|mount| text(mount, "Driver") == "local").count();
    let networks = container.get("NetworkSettings").and_then(|s| s.get("Networks")).and_then(Json::as_object);
    let mut networks: Vec<&String> = networks.into_iter().flatten().map(|(name, _)| name).collect();
    networks.sort();
    let networks = networks.into_iter().map(String::as_str).collect::<Vec<_>>().join(",");
    Row {
        kind: &CONTAINER,
        labels: Some(container.get("Labels").cloned().unwrap_or(Json::Null)),
        json: None,
        created: Some(created),
        values: vec![
            ("ID", json!(shown_id(text(container, "Id"), whole))),
            ("Names", json!(names(container, whole))),
            ("Image", json!(image(container, whole))),
            ("Command", json!(quote(&command))),
            ("RunningFor", json!(ago(created as f64))),
            ("Ports", json!(ports(container))),
            ("State", json!(text(container, "State"))),
            ("Status", json!(text(container, "Status"))),
            ("Size", json!(size(container))),
            ("Labels", json!(labels_text(container.get("Labels")))),
            ("Mounts", json!(mounts.join(","))),
            ("LocalVolumes", json!(local.to_string())),
            ("Networks", json!(networks)),
            ("Platform", Json::Null),
        ],
    }
}

fn names(container: &Json, whole: bool) -> String {
    let names: Vec<&str> = list(container, "Names").filter_map(Json::as_str).map(|n| n.strip_prefix('/').unwrap_or(n)).collect();
    match names.iter().find(|n| !n.contains('/')) {
        Some(own) if !whole => (*own).to_owned(),
        _ => names.join(","),
    }
}

fn image(container: &Json, whole: bool) -> String {
    let image = text(container, "Image");
    if image.is_empty() {
        return "<no image>".to_owned();
    }
    if whole {
        return image.to_owned();
    }
    if short_id(text(container, "ImageID")) == short_id(image) {
        return short_id(image).to_owned();
    }
    match Reference::parse(image) {
        Ok(reference) if reference.digest.is_some() && reference.tag.is_some() => Reference { digest: None, ..reference }.familiar(),
        _ => image.to_owned(),
    }
}

fn size(container: &Json) -> String {
    let written = human_size(int(container, "SizeRw") as f64, 3);
    match int(container, "SizeRootFs") {
        whole if whole > 0 => format!("{written} (virtual {})", human_size(whole as f64, 3)),
        _ => written,
    }
}

/// One published or exposed port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    private: u64,
    ip: String,
    public: u64,
    protocol: String,
}

/// Ports as `ps` shows them: runs of neighbours as one, mappings behind.
fn ports(container: &Json) -> String {
    let number = |port: &Json, key: &str| port.get(key).and_then(Json::as_u64).unwrap_or(0);
    let mut ports: Vec<Port> = list(container, "Ports")
        .map(|p| Port {
            private: number(p, "PrivatePort"),
            ip: text(p, "IP").to_owned(),
            public: number(p, "PublicPort"),
            protocol: text(p, "Type").to_owned(),
        })
        .collect();
    ports.sort();
    let mut groups: Vec<(String, u64, u64, String)> = Vec::new();
    let mut out = Vec::new();
    let mut mappings = Vec::new();
    for port in ports {
        let here = port.private;
        if !port.ip.is_empty() && port.public != here {
            mappings.push(format!("{}->{here}/{}", join_host(&port.ip, &port.public.to_string()), port.protocol));
            continue;
        }
        match groups.iter_mut().find(|(ip, _, _, protocol)| *ip == port.ip && *protocol == port.protocol) {
            None => groups.push((port.ip, here, here, port.protocol)),
            Some(group) if here == group.2 + 1 => group.2 = here,
            Some(group) => {
                out.push(group_text(group));
                (group.1, group.2) = (here, here);
            }
        }
    }
    out.extend(groups.iter().map(group_text));
    out.extend(mappings);
    out.join(", ")
}

fn group_text((ip, first, last, protocol): &(String, u64, u64, String)) -> String {
    let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
    if ip.is_empty() { format!("{range}/{protocol}") } else { format!("{}->{range}/{protocol}", join_host(ip, &range)) }
}

/// `host:port`, with brackets around an IPv6 address.
pub fn join_host(host: &str, port: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(_)) => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}
