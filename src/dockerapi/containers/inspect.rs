//! `GET /containers/{id}/json`: everything about one container, in Docker's order.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::text::time;
use super::{Query, flag};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;
use crate::engine::Engine;
use crate::engine::container::{MountKind, Record, Status};

pub async fn inspect(State(engine): State<Arc<Engine>>, Path(id): Path<String>, query: Query) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    let record = container.record();
    let execs = engine.containers.exec_ids(&container);
    let dir = container.dir();
    let (state, status) = (&record.state, record.state.status);
    let upper = dir.join("diff");
    let lowers: Vec<_> = record.layers.iter().rev().map(|l| l.to_string_lossy().into_owned()).collect();
    let mut all = json!({
        "Id": record.id,
        "Created": time(Some(record.created)),
        "Path": record.path,
        "Args": record.args,
        "State": {
            "Status": status.as_str(),
            "Running": status.is_running() || status == Status::Restarting,
            "Paused": status == Status::Paused,
            "Restarting": status == Status::Restarting,
            "OOMKilled": false,
            "Dead": status == Status::Dead,
            "Pid": state.pid,
            "ExitCode": state.exit_code,
            "Error": state.error,
            "StartedAt": time(state.started_at),
            "FinishedAt": time(state.finished_at),
        },
        "Image": record.image,
        "ResolvConfPath": dir.join("resolv.conf"),
        "HostnamePath": dir.join("hostname"),
        "HostsPath": dir.join("hosts"),
        "LogPath": dir.join("json.log"),
        "Name": format!("/{}", record.name),
        "RestartCount": record.restart_count,
        "Driver": "overlay2",
        "Platform": record.platform,
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": if execs.is_empty() { Value::Null } else { json!(execs) },
        "HostConfig": record.host,
        "GraphDriver": {
            "Data": {
                "LowerDir": lowers.join(":"),
                "MergedDir": dir.join("rootfs"),
                "UpperDir": upper,
                "WorkDir": dir.join("work"),
            },
            "Name": "overlay2",
        },
    });
    if let (true, Some(fields)) = (flag(&query, "size"), all.as_object_mut()) {
        let own = container.size();
        fields.insert("SizeRw".to_owned(), own.into());
        fields.insert("SizeRootFs".to_owned(), (own + container.image_size()).into());
    }
    if let Some(fields) = all.as_object_mut() {
        fields.insert("Mounts".to_owned(), mounts(&record));
        fields.insert("Config".to_owned(), json!(record.config));
        fields.insert("NetworkSettings".to_owned(), network_settings(&record));
    }
    Ok(Json(all).into_response())
}

fn network_settings(record: &Record) -> Value {
    json!({
        "Bridge": "",
        "SandboxID": if record.state.status.is_running() { record.id.as_str() } else { "" },
        "SandboxKey": if record.state.status.is_running() { format!("/proc/{}/ns/net", record.state.pid) } else { String::new() },
        "Ports": ports(record).0,
        "HairpinMode": false,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": null,
        "SecondaryIPv6Addresses": null,
        "EndpointID": "",
        "Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "MacAddress": "",
        "Networks": networks(record),
    })
}

/// The networks that the container is on, by name.
pub(super) fn networks(record: &Record) -> Value {
    let mode = record.host.network_mode.as_str();
    if mode.starts_with("container:") {
        return json!({});
    }
    let mut all = Map::new();
    all.insert(
        mode.to_owned(),
        json!({
            "IPAMConfig": null,
            "Links": null,
            "Aliases": null,
            "MacAddress": "",
            "NetworkID": "",
            "EndpointID": "",
            "Gateway": "",
            "IPAddress": "",
            "IPPrefixLen": 0,
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "DriverOpts": null,
            "DNSNames": null,
        }),
    );
    Value::Object(all)
}

/// The exposed ports, as `inspect` has them and as a list. Nothing is published yet, so none has a port of the host.
pub(super) fn ports(record: &Record) -> (Value, Value) {
    if !record.state.status.is_running() {
        return (json!({}), json!([]));
    }
    let mut by_name = Map::new();
    let mut listed = Vec::new();
    for port in record.config.exposed_ports.iter().flatten().map(|(port, _)| port) {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        by_name.insert(port.clone(), Value::Null);
        if let Ok(number) = number.parse::<u16>() {
            listed.push(json!({ "PrivatePort": number, "Type": protocol }));
        }
    }
    (Value::Object(by_name), Value::Array(listed))
}

/// What is mounted.
pub(super) fn mounts(record: &Record) -> Value {
    let all = record.mounts.iter().map(|m| match m.kind {
        MountKind::Bind => json!({
            "Type": "bind", "Source": m.source, "Destination": m.target, "Mode": m.mode, "RW": m.writable, "Propagation": m.propagation,
        }),
        MountKind::Volume => json!({
            "Type": "volume", "Name": m.name, "Source": m.source, "Destination": m.target, "Driver": "local", "Mode": m.mode,
            "RW": m.writable, "Propagation": "",
        }),
        MountKind::Tmpfs => json!({
            "Type": "tmpfs", "Source": "", "Destination": m.target, "Mode": "", "RW": m.writable, "Propagation": "",
        }),
    });
    Value::Array(all.collect())
}
