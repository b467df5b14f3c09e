//! `GET /containers/{id}/stats`: what a container uses, once or every second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::text::time;
use super::{Query, flag};
use crate::Engine;
use crate::container::{Container, Usage};
use crate::dockerapi::ApiError;
use crate::dockerapi::json::to_vec;

const EVERY: Duration = Duration::from_secs(1);

pub async fn stats(State(engine): State<Arc<Engine>>, Path(id): Path<String>, query: Query) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    // Docker streams unless it is told not to.
    let stream = !query.contains_key("stream") || flag(&query, "stream");
    let headers = [(header::CONTENT_TYPE, "application/json")];
    let first = sample(&engine, &container).await?;
    if !stream {
        // A share of the processor's time takes two looks; nothing is to be seen twice where nothing runs.
        let (before, now) = if flag(&query, "one-shot") || first.at.is_none() {
            (Usage::default(), first)
        } else {
            tokio::time::sleep(EVERY).await;
            (first, sample(&engine, &container).await?)
        };
        return Ok((headers, Body::from(line(&container, &before, &now))).into_response());
    }
    let lines = futures_util::stream::unfold(Some((engine, container, Usage::default(), first)), |state| async move {
        let (engine, container, before, now) = state?;
        let text = line(&container, &before, &now);
        // The stream ends with the container.
        let next = if engine.containers.get(container.id()).is_err() {
            None
        } else {
            tokio::time::sleep(EVERY).await;
            sample(&engine, &container).await.ok().map(|next| (engine, container, now, next))
        };
        Some((Ok::<_, Infallible>(text), next))
    });
    Ok((headers, Body::from_stream(lines)).into_response())
}

async fn sample(engine: &Arc<Engine>, container: &Arc<Container>) -> Result<Usage, ApiError> {
    let (engine, container) = (Arc::clone(engine), Arc::clone(container));
    let looked = tokio::task::spawn_blocking(move || engine.containers.usage(&container)).await;
    Ok(looked.map_err(|e| ApiError::internal(e.to_string()))?.unwrap_or_default())
}

fn line(container: &Container, before: &Usage, now: &Usage) -> Vec<u8> {
    let record = container.record();
    let mut all = json!({
        "read": time(now.at),
        "preread": time(before.at),
        "pids_stats": {},
        "blkio_stats": {
            "io_service_bytes_recursive": null, "io_serviced_recursive": null, "io_queue_recursive": null,
            "io_service_time_recursive": null, "io_wait_time_recursive": null, "io_merged_recursive": null,
            "io_time_recursive": null, "sectors_recursive": null,
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu(now),
        "precpu_stats": cpu(before),
        "memory_stats": {},
        "name": format!("/{}", record.name),
        "id": record.id,
    });
    if now.at.is_some() {
        all["pids_stats"] = json!({ "current": now.tasks });
        if let Some(limit) = now.tasks_limit {
            all["pids_stats"]["limit"] = limit.into();
        }
        all["memory_stats"] = json!({ "usage": now.memory, "stats": {}, "limit": now.memory_limit });
        let moved = |op: &str, value: u64| json!({ "major": 0, "minor": 0, "op": op, "value": value });
        all["blkio_stats"]["io_service_bytes_recursive"] = json!([moved("read", now.read), moved("write", now.written)]);
        if !now.networks.is_empty() {
            all["networks"] = Value::Object(networks(now));
        }
    }
    to_vec(&all).unwrap_or_default()
}

fn cpu(usage: &Usage) -> Value {
    let mut stats = json!({
        "cpu_usage": {
            "total_usage": usage.user + usage.system, "usage_in_kernelmode": usage.system, "usage_in_usermode": usage.user,
        },
        "throttling_data": { "periods": 0, "throttled_periods": 0, "throttled_time": 0 },
    });
    if usage.at.is_some() {
        stats["system_cpu_usage"] = usage.machine.into();
        stats["online_cpus"] = usage.processors.into();
    }
    stats
}

fn networks(usage: &Usage) -> Map<String, Value> {
    let of = |received: [u64; 4], sent: [u64; 4]| {
        json!({
            "rx_bytes": received[0], "rx_packets": received[1], "rx_errors": received[2], "rx_dropped": received[3],
            "tx_bytes": sent[0], "tx_packets": sent[1], "tx_errors": sent[2], "tx_dropped": sent[3],
        })
    };
    usage.networks.iter().map(|i| (i.name.clone(), of(i.received, i.sent))).collect()
}
