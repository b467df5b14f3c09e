//! `GET /containers/{id}/json`: everything about one container, in Docker's order.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::text::time;
use super::{Query, flag};
use crate::Engine;
use crate::container::{Container, Health, MountKind, Record, Status, dns_names};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;
use crate::network::{BRIDGE, HOST, Lease, NONE};

pub async fn inspect(State(engine): State<Arc<Engine>>, Path(id): Path<String>, query: Query) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    let mut record = container.record();
    let links = engine.containers.links(&record);
    let called = |(other, alias): (Arc<Container>, String)| format!("/{}:/{}/{alias}", other.record().name, record.name);
    record.host.links = Some(links.into_iter().map(called).collect::<Vec<_>>()).filter(|links| !links.is_empty());
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
            "OOMKilled": state.oom_killed,
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
    if let (Some(health), Some(fields)) = (&state.health, all["State"].as_object_mut()) {
        fields.insert("Health".to_owned(), health_of(health));
    }
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

fn health_of(health: &Health) -> Value {
    let log = health
        .log
        .iter()
        .map(|p| json!({ "Start": time(Some(p.start)), "End": time(Some(p.end)), "ExitCode": p.exit_code, "Output": p.output }));
    json!({ "Status": health.status.as_str(), "FailingStreak": health.failing_streak, "Log": log.collect::<Vec<_>>() })
}

fn network_settings(record: &Record) -> Value {
    let running = record.state.status.is_running();
    let primary = record.networks.iter().find(|p| p.network == BRIDGE).and_then(|p| p.lease.as_ref());
    let mut all = json!({
        "Bridge": "",
        "SandboxID": if running { record.id.as_str() } else { "" },
        "SandboxKey": if running { format!("/proc/{}/ns/net", record.state.pid) } else { String::new() },
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
    });
    // Here stands what was all that there was, once: the default network.
    if let Some(lease) = primary {
        fill(&mut all, lease);
    }
    all
}

fn fill(fields: &mut Value, lease: &Lease) {
    fields["EndpointID"] = json!(lease.endpoint);
    fields["Gateway"] = json!(lease.gateway.map(|g| g.to_string()).unwrap_or_default());
    fields["IPAddress"] = json!(lease.address.map(|a| a.to_string()).unwrap_or_default());
    fields["IPPrefixLen"] = json!(lease.bits);
    fields["MacAddress"] = json!(lease.mac);
    if let Some(six) = &lease.six {
        fields["GlobalIPv6Address"] = json!(six.address);
        fields["GlobalIPv6PrefixLen"] = json!(six.bits);
        fields["IPv6Gateway"] = json!(six.gateway.map(|g| g.to_string()).unwrap_or_default());
    }
}

/// The networks that the container is on, by name.
pub(super) fn networks(record: &Record) -> Value {
    let mut all = Map::new();
    for place in &record.networks {
        let has_names = ![BRIDGE, HOST, NONE].contains(&place.network.as_str());
        let mut entry = json!({
            "IPAMConfig": place.ipam,
            "Links": place.links,
            "Aliases": place.aliases,
            "MacAddress": place.mac,
            "NetworkID": place.network_id,
            "EndpointID": "",
            "Gateway": "",
            "IPAddress": "",
            "IPPrefixLen": 0,
            "IPv6Gateway": "",
            "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0,
            "DriverOpts": place.driver_options,
            "DNSNames": if has_names { json!(dns_names(record, place)) } else { Value::Null },
        });
        if let Some(lease) = &place.lease {
            fill(&mut entry, lease);
        }
        all.insert(place.network.clone(), entry);
    }
    Value::Object(all)
}

/// The exposed and published ports of a running container, as `inspect` has them and as a list.
pub(super) fn ports(record: &Record) -> (Value, Value) {
    if !record.state.status.is_running() {
        return (json!({}), json!([]));
    }
    let mut by_name = Map::new();
    let mut listed = Vec::new();
    // `80` is `80/tcp` for those who ask for it, and under that name alone is it told of. The names are sorted as text.
    let named = |number: u16, protocol: &str| (format!("{number}/{protocol}"), number, protocol.to_owned());
    let exposed = record.config.exposed_ports.iter().flatten().filter_map(|(port, _)| {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        Some(named(number.parse().ok()?, &protocol.to_ascii_lowercase()))
    });
    let published = record.ports.iter().map(|p| named(p.container, p.protocol.as_str()));
    for (name, number, protocol) in exposed.chain(published).collect::<BTreeSet<_>>() {
        let published: Vec<_> = record.ports.iter().filter(|p| p.container == number && p.protocol.as_str() == protocol).collect();
        for one in &published {
            listed.push(json!({ "IP": one.host, "PrivatePort": number, "PublicPort": one.port, "Type": protocol }));
        }
        if published.is_empty() {
            listed.push(json!({ "PrivatePort": number, "Type": protocol }));
        }
        let bindings: Vec<_> = published.iter().map(|p| json!({ "HostIp": p.host, "HostPort": p.port.to_string() })).collect();
        by_name.insert(name, if bindings.is_empty() { Value::Null } else { Value::Array(bindings) });
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
