//! What `INFO` says.

use std::fmt::Write;

use super::server::{Calls, Server};

/// A size in words: `1.50M`.
fn human(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "K", "M", "G"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes}B") } else { format!("{size:.2}{unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.2}T")
}

/// What the process has in memory, in bytes, by the name that Linux gives it.
fn memory_of(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// What the process has in memory, in bytes.
pub fn resident() -> u64 {
    memory_of("VmRSS")
}

/// Ticks a second, as Linux counts them for programs.
const TICKS: f64 = 100.0;

type Section = fn(&Server, &mut String);

const SECTIONS: &[(&str, Section)] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", processor),
    ("Modules", |_, _| ()),
    ("Commandstats", commands),
    ("Errorstats", errors),
    ("Cluster", |_, out| line(out, "cluster_enabled", 0)),
    ("Keyspace", keyspace),
];

/// The sections that are asked for; the usual ones where none is.
pub fn text(of: &Server, wanted: &[String]) -> String {
    let wants = |name: &str| {
        let usual = name != "Commandstats";
        let is = |word: &String| match word.as_str() {
            "all" => name != "Modules",
            "everything" => true,
            "default" => usual,
            word => word.eq_ignore_ascii_case(name),
        };
        if wanted.is_empty() { usual } else { wanted.iter().any(is) }
    };
    let mut out = String::new();
    for (name, section) in SECTIONS.iter().filter(|(name, _)| wants(name)) {
        if !out.is_empty() {
            out += "\r\n";
        }
        let _ = write!(out, "# {name}\r\n");
        section(of, &mut out);
    }
    out
}

fn line(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = write!(out, "{name}:{value}\r\n");
}

fn server(of: &Server, out: &mut String) {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let uptime = of.started.elapsed().as_secs();
    line(out, "redis_version", &of.version);
    line(out, "redis_git_sha1", "00000000");
    line(out, "redis_git_dirty", 0);
    line(out, "redis_build_id", "0");
    line(out, "redis_mode", "standalone");
    line(out, "os", format!("{} {} {}", text(system.sysname()), text(system.release()), text(system.machine())));
    line(out, "arch_bits", 64);
    line(out, "multiplexing_api", "epoll");
    line(out, "process_id", std::process::id());
    line(out, "process_supervised", "no");
    line(out, "run_id", &of.run);
    line(out, "tcp_port", of.config.text("port"));
    line(out, "server_time_usec", of.now.saturating_mul(1000));
    line(out, "uptime_in_seconds", uptime);
    line(out, "uptime_in_days", uptime / 86_400);
    line(out, "hz", 10);
    line(out, "configured_hz", 10);
    line(out, "executable", std::env::current_exe().unwrap_or_default().display());
    line(out, "config_file", of.config.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default());
}

fn clients(of: &Server, out: &mut String) {
    line(out, "connected_clients", of.clients.values().filter(|client| client.stream.is_some()).count());
    line(out, "cluster_connections", 0);
    line(out, "maxclients", of.config.text("maxclients"));
    line(out, "blocked_clients", of.clients.values().filter(|client| client.wait.is_some()).count());
    line(out, "tracking_clients", 0);
}

fn memory(of: &Server, out: &mut String) {
    let used = resident();
    line(out, "used_memory", used);
    line(out, "used_memory_human", human(used));
    line(out, "used_memory_rss", used);
    line(out, "used_memory_rss_human", human(used));
    let peak = memory_of("VmHWM").max(used);
    line(out, "used_memory_peak", peak);
    line(out, "used_memory_peak_human", human(peak));
    let most = u64::try_from(of.config.number("maxmemory")).unwrap_or(0);
    line(out, "maxmemory", most);
    line(out, "maxmemory_human", human(most));
    line(out, "maxmemory_policy", of.config.text("maxmemory-policy"));
    line(out, "mem_fragmentation_ratio", "1.00");
    line(out, "mem_allocator", "libc");
}

fn persistence(of: &Server, out: &mut String) {
    let saving = &of.saving;
    line(out, "loading", u8::from(of.loading));
    line(out, "rdb_changes_since_last_save", saving.dirty);
    line(out, "rdb_bgsave_in_progress", u8::from(saving.runs()));
    line(out, "rdb_last_save_time", saving.last);
    line(out, "rdb_last_bgsave_status", if saving.failed { "err" } else { "ok" });
    line(out, "rdb_saves", saving.count);
    line(out, "aof_enabled", u8::from(of.aof.is_some()));
    line(out, "aof_rewrite_in_progress", 0);
    line(out, "aof_last_bgrewrite_status", "ok");
    line(out, "aof_last_write_status", if of.aof.as_ref().is_some_and(|aof| aof.fault().is_some()) { "err" } else { "ok" });
}

fn stats(of: &Server, out: &mut String) {
    let stats = &of.stats;
    line(out, "total_connections_received", stats.connections);
    line(out, "total_commands_processed", stats.commands);
    line(out, "instantaneous_ops_per_sec", stats.rate());
    line(out, "total_net_input_bytes", stats.read);
    line(out, "total_net_output_bytes", stats.written);
    line(out, "rejected_connections", stats.rejected);
    line(out, "expired_keys", stats.expired);
    line(out, "evicted_keys", 0);
    line(out, "keyspace_hits", stats.hits);
    line(out, "keyspace_misses", stats.misses);
    line(out, "pubsub_channels", of.channels.len());
    line(out, "pubsub_patterns", of.patterns.len());
    line(out, "total_error_replies", stats.errors.values().sum::<u64>());
}

fn replication(_: &Server, out: &mut String) {
    line(out, "role", "master");
    line(out, "connected_slaves", 0);
    line(out, "master_failover_state", "no-failover");
    line(out, "master_repl_offset", 0);
    line(out, "second_repl_offset", -1);
    line(out, "repl_backlog_active", 0);
}

fn processor(_: &Server, out: &mut String) {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks = |place: usize| after.split_whitespace().nth(place).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    for (name, place) in [("used_cpu_sys", 12), ("used_cpu_user", 11), ("used_cpu_sys_children", 14), ("used_cpu_user_children", 13)] {
        line(out, name, format!("{:.6}", ticks(place) / TICKS));
    }
}

fn commands(of: &Server, out: &mut String) {
    for (name, of) in &of.stats.calls {
        let Calls { calls, microseconds, rejected, failed } = of;
        let each = *microseconds as f64 / (*calls).max(1) as f64;
        line(
            out,
            &format!("cmdstat_{name}"),
            format!("calls={calls},usec={microseconds},usec_per_call={each:.2},rejected_calls={rejected},failed_calls={failed}"),
        );
    }
}

fn errors(of: &Server, out: &mut String) {
    for (name, count) in &of.stats.errors {
        line(out, &format!("errorstat_{name}"), format!("count={count}"));
    }
}

fn keyspace(of: &Server, out: &mut String) {
    for (number, database) in of.databases.iter().enumerate().filter(|(_, database)| !database.keys.is_empty()) {
        let left: i64 = database.expires.values().map(|end| end.saturating_sub(of.now).max(0)).fold(0, i64::saturating_add);
        let count = database.expires.len();
        let each = left.checked_div(i64::try_from(count).unwrap_or(i64::MAX)).unwrap_or(0);
        line(out, &format!("db{number}"), format!("keys={},expires={count},avg_ttl={each}", database.keys.len()));
    }
}
