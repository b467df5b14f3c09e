//! `docker diff`, `docker port`, `docker top`.

use serde_json::Value as Json;

use super::ps::join_host;
use super::shared::{container_name, int, list, text};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::table::{self, Layout};

/// `docker diff`.
pub async fn diff(c: &Context, m: &Matches) -> Outcome {
    let changes = c.client()?.send(Request::get(format!("/containers/{}/changes", container_name(&m.args[0])?))).await?.json().await?;
    let mut out = String::new();
    for change in changes.as_array().into_iter().flatten() {
        let kind = match int(change, "Kind") {
            0 => 'C',
            1 => 'A',
            _ => 'D',
        };
        out.push_str(&format!("{kind} {}\n", text(change, "Path")));
    }
    c.print(out);
    Ok(0)
}

/// `docker port CONTAINER [PORT]`.
pub async fn port(c: &Context, m: &Matches) -> Outcome {
    let container = c.client()?.send(Request::get(format!("/containers/{}/json", container_name(&m.args[0])?))).await?.json().await?;
    let ports = container.get("NetworkSettings").and_then(|s| s.get("Ports")).cloned().unwrap_or(Json::Null);
    let addresses = |key: &str| list(&ports, key).map(|b| join_host(text(b, "HostIp"), text(b, "HostPort"))).collect::<Vec<_>>();
    if let Some(wanted) = m.args.get(1).filter(|port| !port.is_empty()) {
        let (number, protocol) = wanted.split_once('/').unwrap_or((wanted, "tcp"));
        if number.parse::<u16>().is_err() {
            return Err(Failure::new(format!("Error: invalid port ({number}): strconv.ParseUint: parsing \"{number}\": invalid syntax")));
        }
        let found = addresses(&format!("{number}/{protocol}"));
        if found.is_empty() {
            return Err(Failure::new(format!("Error: No public port '{wanted}' published for {}", m.args[0])));
        }
        c.line(found.join("\n"));
        return Ok(0);
    }
    let mut lines: Vec<(u32, String)> = Vec::new();
    for (key, _) in ports.as_object().into_iter().flatten() {
        let number = key.split('/').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        lines.extend(addresses(key).into_iter().map(|address| (number, format!("{key} -> {address}"))));
    }
    lines.sort();
    for (_, line) in lines {
        c.line(line);
    }
    Ok(0)
}

/// `docker top CONTAINER [ps OPTIONS]`.
pub async fn top(c: &Context, m: &Matches) -> Outcome {
    let mut request = Request::get(format!("/containers/{}/top", container_name(&m.args[0])?));
    if m.args.len() > 1 {
        request = request.query("ps_args", m.args[1..].join(" "));
    }
    let processes = c.client()?.send(request).await?.json().await?;
    let row = |cells: &Json| {
        let cells: Vec<&str> = cells.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        cells.join("\t") + "\n"
    };
    let mut out = row(processes.get("Titles").unwrap_or(&Json::Null));
    for process in list(&processes, "Processes") {
        out.push_str(&row(process));
    }
    c.print(table::align(&out, Layout { minimum: 20, padding: 3 }));
    Ok(0)
}
