//! `GET /containers/{id}/top`: the processes in the columns of `ps`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde_json::json;

use super::Query;
use crate::Engine;
use crate::container::ProcessInfo;
use crate::dockerapi::ApiError;
use crate::dockerapi::json::Json;

pub async fn top(State(engine): State<Arc<Engine>>, Path(id): Path<String>, query: Query) -> Result<Response, ApiError> {
    let container = engine.containers.get(&id)?;
    let asked = query.get("ps_args").map_or("", String::as_str);
    let columns = columns(if asked.is_empty() { "-ef" } else { asked })?;
    let clock = Clock::read();
    let rows: Vec<Vec<String>> =
        engine.containers.processes(&container)?.iter().map(|p| columns.iter().map(|(_, key)| clock.value(p, key)).collect()).collect();
    engine.containers.tell(&container, "top", &[]);
    let titles: Vec<_> = columns.into_iter().map(|(title, _)| title).collect();
    Ok(Json(json!({ "Processes": rows, "Titles": titles })).into_response())
}

/// Every column that is known: ps's key, its title.
const KNOWN: [(&str, &str); 24] = [
    ("pid", "PID"),
    ("ppid", "PPID"),
    ("user", "USER"),
    ("uid", "UID"),
    ("ruser", "RUSER"),
    ("euser", "EUSER"),
    ("tty", "TT"),
    ("tt", "TT"),
    ("time", "TIME"),
    ("stime", "STIME"),
    ("start", "STARTED"),
    ("etime", "ELAPSED"),
    ("c", "C"),
    ("pcpu", "%CPU"),
    ("%cpu", "%CPU"),
    ("pmem", "%MEM"),
    ("%mem", "%MEM"),
    ("vsz", "VSZ"),
    ("rss", "RSS"),
    ("ni", "NI"),
    ("stat", "STAT"),
    ("s", "S"),
    ("nlwp", "NLWP"),
    ("comm", "COMMAND"),
];

type Column = (String, String);

/// The columns for ps's arguments. The PID must be among them, as Docker needs it too.
fn columns(args: &str) -> Result<Vec<Column>, ApiError> {
    let of = |list: &[(&str, &str)]| list.iter().map(|(title, key)| ((*title).to_owned(), (*key).to_owned())).collect::<Vec<_>>();
    let words: Vec<&str> = args.split_ascii_whitespace().collect();
    let mut chosen = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let list = match *word {
            "-o" | "-eo" | "o" | "-Ao" | "--format" => rest.next().copied(),
            other => other.strip_prefix("-eo").or_else(|| other.strip_prefix("-o")).or_else(|| other.strip_prefix("--format=")),
        };
        for key in list.into_iter().flat_map(|l| l.split(',')).filter(|k| !k.is_empty()) {
            let (key, title) = key.split_once('=').map_or((key, None), |(k, t)| (k, Some(t)));
            let known = match key {
                "cmd" => Some("CMD"),
                "args" | "command" => Some("COMMAND"),
                _ => KNOWN.iter().find(|(k, _)| *k == key).map(|(_, t)| *t),
            };
            let Some(known) = known else {
                return Err(ApiError::internal(format!("ps: error: unknown user-defined format specifier \"{key}\"")));
            };
            chosen.push((title.unwrap_or(known).to_owned(), key.to_owned()));
        }
    }
    if !chosen.is_empty() {
        if !chosen.iter().any(|(title, _)| title == "PID") {
            return Err(ApiError::internal("Couldn't find PID field in ps output"));
        }
        return Ok(chosen);
    }
    let joined: String = words.concat();
    if joined.trim_start_matches('-').contains('u') && joined.contains('x') || joined == "u" {
        return Ok(of(&[
            ("USER", "user"),
            ("PID", "pid"),
            ("%CPU", "pcpu"),
            ("%MEM", "pmem"),
            ("VSZ", "vsz"),
            ("RSS", "rss"),
            ("TTY", "tty"),
            ("STAT", "stat"),
            ("START", "stime"),
            ("TIME", "bsdtime"),
            ("COMMAND", "args"),
        ]));
    }
    if joined.contains('f') {
        return Ok(of(&[
            ("UID", "user"),
            ("PID", "pid"),
            ("PPID", "ppid"),
            ("C", "c"),
            ("STIME", "stime"),
            ("TTY", "tty"),
            ("TIME", "time"),
            ("CMD", "args"),
        ]));
    }
    Ok(of(&[("PID", "pid"), ("TTY", "tty"), ("TIME", "time"), ("CMD", "comm")]))
}

/// The machine's clock in ticks, to tell when a process started.
struct Clock {
    now: Timestamp,
    uptime: f64,
    memory: u64,
}

/// Ticks a second, as /proc counts them on every Linux that we know.
const TICKS: u64 = 100;

impl Clock {
    fn read() -> Clock {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let uptime = text("/proc/uptime").split_ascii_whitespace().next().and_then(|u| u.parse().ok()).unwrap_or(0.0);
        let memory = text("/proc/meminfo").split_ascii_whitespace().nth(1).and_then(|m| m.parse::<u64>().ok()).unwrap_or(1) * 1024;
        Clock { now: Timestamp::now(), uptime, memory }
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures for people, rounded anyway")]
    fn age(&self, process: &ProcessInfo) -> i64 {
        (self.uptime - process.start as f64 / TICKS as f64).max(0.0) as i64
    }

    fn value(&self, p: &ProcessInfo, key: &str) -> String {
        let age = self.age(p);
        let percent = (p.cpu * 1000 / TICKS) / u64::try_from(age.max(1)).unwrap_or(1);
        let seconds = p.cpu / TICKS;
        match key {
            "pid" => p.pid.to_string(),
            "ppid" => p.parent.to_string(),
            "user" | "ruser" | "euser" => user(p.uid),
            "uid" => p.uid.to_string(),
            "tty" | "tt" => tty(p.tty),
            "time" => format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
            "bsdtime" => format!("{}:{:02}", seconds / 60, seconds % 60),
            "stime" | "start" => self.started(age, key == "start"),
            "etime" => elapsed(age),
            "c" => (percent / 10).min(99).to_string(),
            "pcpu" | "%cpu" => format!("{}.{}", percent / 10, percent % 10),
            "pmem" | "%mem" => format!("{}.{}", p.resident * 100 / self.memory, p.resident * 1000 / self.memory % 10),
            "vsz" => (p.virtual_size / 1024).to_string(),
            "rss" => (p.resident / 1024).to_string(),
            "ni" => p.nice.to_string(),
            "stat" | "s" => p.state.to_string(),
            "nlwp" => p.threads.to_string(),
            "comm" => p.name.clone(),
            _ => p.command.clone(),
        }
    }

    fn started(&self, age: i64, seconds: bool) -> String {
        let at = self.now - jiff::SignedDuration::from_secs(age);
        let format = match () {
            () if age > 86400 => "%b%d",
            () if seconds => "%H:%M:%S",
            () => "%H:%M",
        };
        strtime::format(format, &at.to_zoned(jiff::tz::TimeZone::system())).unwrap_or_default()
    }
}

fn elapsed(age: i64) -> String {
    let (days, hours, minutes, seconds) = (age / 86400, age / 3600 % 24, age / 60 % 60, age % 60);
    match () {
        () if days > 0 => format!("{days}-{hours:02}:{minutes:02}:{seconds:02}"),
        () if hours > 0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        () => format!("{minutes:02}:{seconds:02}"),
    }
}

fn user(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = passwd.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.get(2)?.parse() == Ok(uid)).then(|| fields[0].to_owned())
    });
    named.unwrap_or_else(|| uid.to_string())
}

fn tty(number: i32) -> String {
    let number = number.cast_unsigned();
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
    match major {
        0 => "?".to_owned(),
        136..=143 => format!("pts/{}", minor + (major - 136) * 256),
        4 => format!("tty{minor}"),
        _ => format!("{major}:{minor}"),
    }
}
