//! Commands that do one thing to each container named: stop, kill, restart, pause, unpause, rm, rename, wait, update.

use serde_json::{Value as Json, json};

use super::shared::{container_name, list, together};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};

/// Sends `request` for each container and prints the names of those for which it went well.
async fn each<'r>(c: &Context, m: &Matches, request: impl Fn(&str) -> Request<'r>) -> Outcome {
    let mut failures = Vec::new();
    for name in &m.args {
        let done = match container_name(name) {
            Ok(checked) => c.client()?.send(request(checked)).await.map(drop),
            Err(failure) => Err(failure),
        };
        match done {
            Ok(()) => c.line(name),
            Err(failure) => failures.push(failure),
        }
    }
    together(failures)
}

fn stop_request<'r>(m: &Matches, action: &str, name: &str) -> Request<'r> {
    let mut request = Request::post(format!("/containers/{name}/{action}"));
    if let Some(seconds) = m.int("timeout") {
        request = request.query("t", seconds.to_string());
    }
    match m.text("signal") {
        "" => request,
        signal => request.query("signal", signal),
    }
}

/// `docker stop`.
pub async fn stop(c: &Context, m: &Matches) -> Outcome {
    each(c, m, |name| stop_request(m, "stop", name)).await
}

/// `docker restart`.
pub async fn restart(c: &Context, m: &Matches) -> Outcome {
    each(c, m, |name| stop_request(m, "restart", name)).await
}

/// `docker kill`.
pub async fn kill(c: &Context, m: &Matches) -> Outcome {
    each(c, m, |name| {
        let request = Request::post(format!("/containers/{name}/kill"));
        match m.text("signal") {
            "" => request,
            signal => request.query("signal", signal),
        }
    })
    .await
}

/// `docker pause`.
pub async fn pause(c: &Context, m: &Matches) -> Outcome {
    each(c, m, |name| Request::post(format!("/containers/{name}/pause"))).await
}

/// `docker unpause`.
pub async fn unpause(c: &Context, m: &Matches) -> Outcome {
    each(c, m, |name| Request::post(format!("/containers/{name}/unpause"))).await
}

/// `docker rm`.
pub async fn rm(c: &Context, m: &Matches) -> Outcome {
    let mut failures = Vec::new();
    for name in &m.args {
        let checked = name.trim_matches('/');
        if checked.is_empty() {
            failures.push(Failure::new("container name cannot be empty"));
            continue;
        }
        let request = Request::delete(format!("/containers/{checked}"))
            .query_if(m.on("volumes"), "v", "1")
            .query_if(m.on("link"), "link", "1")
            .query_if(m.on("force"), "force", "1");
        match c.client()?.send(request).await {
            Ok(_) => c.line(name),
            Err(failure) if m.on("force") && failure.is_not_found() => c.warn_line(&failure.text),
            Err(failure) => failures.push(failure),
        }
    }
    together(failures)
}

/// `docker rename`.
pub async fn rename(c: &Context, m: &Matches) -> Outcome {
    let (old, new) = (m.args[0].trim(), m.args[1].trim());
    if old.is_empty() || new.is_empty() {
        return Err(Failure::new("Error: Neither old nor new names may be empty"));
    }
    match c.client()?.send(Request::post(format!("/containers/{old}/rename")).query("name", new)).await {
        Ok(_) => Ok(0),
        Err(failure) => {
            c.warn_line(&failure.text);
            Err(Failure::new(format!("Error: failed to rename container named {old}")))
        }
    }
}

/// `docker wait`.
pub async fn wait(c: &Context, m: &Matches) -> Outcome {
    let mut failures = Vec::new();
    for name in &m.args {
        let status = async {
            let waiting = super::session::wait(c.client()?, container_name(name)?, "").await?;
            waiting.exit().await
        };
        match status.await {
            Ok(exit) => c.line(exit.0.to_string()),
            Err(failure) => failures.push(failure),
        }
    }
    together(failures)
}

/// `docker update`.
pub async fn update(c: &Context, m: &Matches) -> Outcome {
    const FLAGS: &[&str] = &[
        "blkio-weight",
        "cpu-period",
        "cpu-quota",
        "cpu-rt-period",
        "cpu-rt-runtime",
        "cpu-shares",
        "cpus",
        "cpuset-cpus",
        "cpuset-mems",
        "kernel-memory",
        "memory",
        "memory-reservation",
        "memory-swap",
        "pids-limit",
        "restart",
    ];
    if !FLAGS.iter().any(|name| m.given(name)) {
        return Err(Failure::new("you must provide one or more flags when using this command"));
    }
    let int = |name: &str| m.int(name).unwrap_or(0);
    let bytes = |name: &str| m.bytes(name).unwrap_or(0);
    let restart = m.text("restart");
    let (policy, count) = restart.split_once(':').unwrap_or((restart, "0"));
    let count: i64 = count.parse().map_err(|_| Failure::new("invalid restart policy format: maximum retry count must be an integer"))?;
    let body = json!({
        "CpuShares": int("cpu-shares"),
        "Memory": bytes("memory"),
        "NanoCpus": m.get("cpus").and_then(crate::docker::units::parse_decimal).unwrap_or(0),
        "CgroupParent": "",
        "BlkioWeight": int("blkio-weight"),
        "BlkioWeightDevice": null,
        "BlkioDeviceReadBps": null,
        "BlkioDeviceWriteBps": null,
        "BlkioDeviceReadIOps": null,
        "BlkioDeviceWriteIOps": null,
        "CpuPeriod": int("cpu-period"),
        "CpuQuota": int("cpu-quota"),
        "CpuRealtimePeriod": int("cpu-rt-period"),
        "CpuRealtimeRuntime": int("cpu-rt-runtime"),
        "CpusetCpus": m.text("cpuset-cpus"),
        "CpusetMems": m.text("cpuset-mems"),
        "Devices": null,
        "DeviceCgroupRules": null,
        "DeviceRequests": null,
        "MemoryReservation": bytes("memory-reservation"),
        "MemorySwap": bytes("memory-swap"),
        "MemorySwappiness": null,
        "OomKillDisable": null,
        "PidsLimit": m.int("pids-limit"),
        "Ulimits": null,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "RestartPolicy": {"Name": policy, "MaximumRetryCount": count},
    });
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    for name in &m.args {
        let answer = async {
            c.client()?.send(Request::post(format!("/containers/{}/update", container_name(name)?)).json(&body)).await?.json().await
        };
        match answer.await {
            Ok(answer) => {
                c.line(name);
                warnings.extend(list(&answer, "Warnings").filter_map(Json::as_str).map(str::to_owned));
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !warnings.is_empty() {
        c.line(warnings.join("\n"));
    }
    together(failures)
}
