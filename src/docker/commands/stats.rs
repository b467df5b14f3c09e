//! `docker stats`: once, or again every second on a cleared screen.

use serde_json::{Value as Json, json};

use super::shared::{container_name, int, list, short_id, text, together};
use crate::docker::client::Request;
use crate::docker::cmdline::Matches;
use crate::docker::context::Context;
use crate::docker::failure::{Failure, Outcome};
use crate::docker::format::{Format, Row, RowKind};
use crate::docker::units::{binary_size, human_size};

static STATS: RowKind = RowKind {
    type_name: "*container.statsContext",
    fields: &[
        ("Container", "CONTAINER"),
        ("Name", "NAME"),
        ("ID", "CONTAINER ID"),
        ("CPUPerc", "CPU %"),
        ("MemUsage", "MEM USAGE / LIMIT"),
        ("MemPerc", "MEM %"),
        ("NetIO", "NET I/O"),
        ("BlockIO", "BLOCK I/O"),
        ("PIDs", "PIDS"),
    ],
    parse_error: "template parsing error",
    execute_error: "template parsing error",
    raw: "",
};

const TABLE: &str = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

/// `docker stats [CONTAINER…]`.
pub async fn stats(c: &Context, m: &Matches) -> Outcome {
    let format = Format::new(&STATS, &c.format(m, "statsFormat"), TABLE, None)?;
    loop {
        let rows = sample(c, m).await?;
        let text = format.render(rows)?;
        if m.on("no-stream") {
            c.print(text);
            return Ok(0);
        }
        // Docker's client shows what it has and then the same again with the rest of each line cleared.
        let shown = format!("\x1b[H{text}");
        let cleared: String = shown.split('\n').map(|line| format!("{line} \x1b[K\n")).collect();
        c.print(format!("{shown}{cleared}\x1b[J"));
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

async fn sample(c: &Context, m: &Matches) -> Result<Vec<Row>, Failure> {
    let client = c.client()?;
    let names: Vec<String> = if m.args.is_empty() {
        let all = client.send(Request::get("/containers/json").query_if(m.on("all"), "all", "1")).await?.json().await?;
        all.as_array().into_iter().flatten().map(|container| text(container, "Id").to_owned()).collect()
    } else {
        m.args.clone()
    };
    // All at once: the engine measures each for a while.
    let asked = names.iter().map(async |name| {
        let path = format!("/containers/{}/stats", container_name(name)?);
        match client.send(Request::get(path).query("stream", "0")).await {
            Ok(answer) => Ok::<_, Failure>(Some(row(name, &answer.json().await?, m.on("no-trunc")))),
            // A container of a list that was not typed may have gone meanwhile.
            Err(failure) if failure.is_not_found() && m.args.is_empty() => Ok(None),
            Err(failure) => Err(failure),
        }
    });
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for answer in futures_util::future::join_all(asked).await {
        match answer {
            Ok(row) => rows.extend(row),
            Err(failure) => failures.push(failure),
        }
    }
    together(failures).map(|_| rows)
}

fn row(given: &str, stats: &Json, whole: bool) -> Row {
    let at = |path: &[&str]| path.iter().try_fold(stats, |here, key| here.get(key)).cloned().unwrap_or(Json::Null);
    let number = |path: &[&str]| at(path).as_f64().unwrap_or(0.0);
    let cpu = number(&["cpu_stats", "cpu_usage", "total_usage"]) - number(&["precpu_stats", "cpu_usage", "total_usage"]);
    let system = number(&["cpu_stats", "system_cpu_usage"]) - number(&["precpu_stats", "system_cpu_usage"]);
    let processors = match number(&["cpu_stats", "online_cpus"]) {
        0.0 => 1.0,
        n => n,
    };
    let cpu = if cpu > 0.0 && system > 0.0 { cpu / system * processors * 100.0 } else { 0.0 };
    let memory = memory(&at(&["memory_stats"]));
    let limit = number(&["memory_stats", "limit"]);
    let share = if limit == 0.0 { 0.0 } else { memory / limit * 100.0 };
    let networks = at(&["networks"]);
    let network = |key: &str| networks.as_object().into_iter().flatten().map(|(_, n)| int(n, key)).sum::<i64>() as f64;
    let io = at(&["blkio_stats"]);
    let blocks = |op: &str| {
        list(&io, "io_service_bytes_recursive").filter(|e| text(e, "op").eq_ignore_ascii_case(op)).map(|e| int(e, "value")).sum::<i64>()
            as f64
    };
    let id = match text(stats, "id") {
        "" => given,
        id => id,
    };
    let id = if whole { id } else { short_id(id) };
    Row {
        kind: &STATS,
        labels: None,
        json: None,
        created: None,
        values: vec![
            ("Container", json!(given)),
            ("Name", json!(text(stats, "name").trim_start_matches('/'))),
            ("ID", json!(id)),
            ("CPUPerc", json!(format!("{cpu:.2}%"))),
            ("MemUsage", json!(format!("{} / {}", binary_size(memory), binary_size(limit)))),
            ("MemPerc", json!(format!("{share:.2}%"))),
            ("NetIO", json!(format!("{} / {}", human_size(network("rx_bytes"), 3), human_size(network("tx_bytes"), 3)))),
            ("BlockIO", json!(format!("{} / {}", human_size(blocks("read"), 3), human_size(blocks("write"), 3)))),
            ("PIDs", json!((number(&["pids_stats", "current"]) as i64).to_string())),
        ],
    }
}

/// Memory in use without the page cache that can go at any time.
fn memory(stats: &Json) -> f64 {
    let usage = int(stats, "usage");
    let inner = stats.get("stats");
    let inactive = ["total_inactive_file", "inactive_file"].iter().find_map(|key| inner.and_then(|s| s.get(key)).and_then(Json::as_i64));
    match inactive {
        Some(inactive) if inactive < usage => (usage - inactive) as f64,
        _ => usage as f64,
    }
}
