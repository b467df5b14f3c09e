//! Which settings there are, what each may be, and what is said of a value that it may not.

/// What a setting may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    /// A file's name without a folder, and what is said of one with a folder.
    Name(&'static str),
    YesNo,
    Number(i64, i64),
    /// At least so many bytes.
    Memory(i64),
    OneOf(&'static [&'static str]),
    /// `SECONDS CHANGES …`
    Save,
}

/// Whether a setting may be changed while the server runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    Never,
    /// Since version 7 only where the settings allow it: by it a client could have files written wherever it likes.
    Protected,
    Always,
}

use Change::{Always, Never, Protected};

pub struct Setting {
    pub name: &'static str,
    pub usual: &'static str,
    pub kind: Kind,
    pub changes: Change,
}

const fn setting(name: &'static str, usual: &'static str, kind: Kind, changes: Change) -> Setting {
    Setting { name, usual, kind, changes }
}

pub const SETTINGS: &[Setting] = &[
    setting("appenddirname", "appendonlydir", Kind::Name("appenddirname can't be a path, just a dirname"), Never),
    setting("appendfilename", "appendonly.aof", Kind::Name("appendfilename can't be a path, just a filename"), Never),
    setting("appendfsync", "everysec", Kind::OneOf(&["everysec", "always", "no"]), Always),
    setting("appendonly", "no", Kind::YesNo, Always),
    setting("auto-aof-rewrite-min-size", "67108864", Kind::Memory(0), Always),
    setting("auto-aof-rewrite-percentage", "100", Kind::Number(0, i32::MAX as i64), Always),
    setting("bind", "* -::*", Kind::Text, Never),
    setting("databases", "16", Kind::Number(1, 10_000), Never),
    setting("dbfilename", "dump.rdb", Kind::Name("dbfilename can't be a path, just a filename"), Protected),
    setting("dir", "", Kind::Text, Protected),
    setting("enable-debug-command", "no", Kind::OneOf(&["no", "yes", "local"]), Never),
    setting("enable-protected-configs", "no", Kind::OneOf(&["no", "yes", "local"]), Never),
    setting("logfile", "", Kind::Text, Never),
    setting("loglevel", "notice", Kind::OneOf(&["debug", "verbose", "notice", "warning", "nothing"]), Always),
    setting("maxclients", "10000", Kind::Number(1, 4_294_967_295), Always),
    setting("maxmemory", "0", Kind::Memory(0), Always),
    setting(
        "maxmemory-policy",
        "noeviction",
        Kind::OneOf(&[
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "noeviction",
        ]),
        Always,
    ),
    setting("notify-keyspace-events", "", Kind::OneOf(&[""]), Always),
    setting("port", "6379", Kind::Number(0, 65_535), Never),
    setting("proto-max-bulk-len", "536870912", Kind::Memory(1 << 20), Always),
    setting("protected-mode", "no", Kind::YesNo, Always),
    setting("requirepass", "", Kind::Text, Always),
    setting("save", "3600 1 300 100 60 10000", Kind::Save, Always),
    setting("slowlog-log-slower-than", "10000", Kind::Number(-1, i64::MAX), Always),
    setting("slowlog-max-len", "128", Kind::Number(0, i64::MAX), Always),
    setting("stop-writes-on-bgsave-error", "yes", Kind::YesNo, Always),
    setting("tcp-keepalive", "300", Kind::Number(0, i32::MAX as i64), Always),
    setting("timeout", "0", Kind::Number(0, i32::MAX as i64), Always),
];

/// Settings of Redis that say how it works inside, or are about what is not there: any value is taken, and changes nothing.
pub const WITHOUT_MEANING: &[&str] = &[
    "acl-pubsub-default",
    "acllog-max-len",
    "active-defrag-cycle-max",
    "active-defrag-cycle-min",
    "active-defrag-ignore-bytes",
    "active-defrag-max-scan-fields",
    "active-defrag-threshold-lower",
    "active-defrag-threshold-upper",
    "active-expire-effort",
    "activedefrag",
    "activerehashing",
    "always-show-logo",
    "aof-disable-auto-gc",
    "aof-load-truncated",
    "aof-rewrite-incremental-fsync",
    "aof-timestamp-enabled",
    "aof-use-rdb-preamble",
    "aof_rewrite_cpulist",
    "bgsave_cpulist",
    "bind-source-addr",
    "bio_cpulist",
    "busy-reply-threshold",
    "client-output-buffer-limit",
    "client-query-buffer-limit",
    "cluster-allow-pubsubshard-when-down",
    "cluster-allow-reads-when-down",
    "cluster-allow-replica-migration",
    "cluster-announce-bus-port",
    "cluster-announce-hostname",
    "cluster-announce-ip",
    "cluster-announce-port",
    "cluster-announce-tls-port",
    "cluster-config-file",
    "cluster-link-sendbuf-limit",
    "cluster-migration-barrier",
    "cluster-node-timeout",
    "cluster-port",
    "cluster-preferred-endpoint-type",
    "cluster-replica-no-failover",
    "cluster-replica-validity-factor",
    "cluster-require-full-coverage",
    "cluster-slave-no-failover",
    "cluster-slave-validity-factor",
    "crash-log-enabled",
    "crash-memcheck-enabled",
    "daemonize",
    "disable-thp",
    "dynamic-hz",
    "enable-module-command",
    "gopher-enabled",
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "hash-max-ziplist-entries",
    "hash-max-ziplist-value",
    "hash-max-zipmap-entries",
    "hash-max-zipmap-value",
    "hll-sparse-max-bytes",
    "hz",
    "ignore-warnings",
    "io-threads",
    "io-threads-do-reads",
    "jemalloc-bg-thread",
    "latency-monitor-threshold",
    "latency-tracking",
    "latency-tracking-info-percentiles",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
    "lfu-decay-time",
    "lfu-log-factor",
    "list-compress-depth",
    "list-max-listpack-size",
    "list-max-ziplist-entries",
    "list-max-ziplist-size",
    "list-max-ziplist-value",
    "locale-collate",
    "lua-time-limit",
    "masterauth",
    "masteruser",
    "maxmemory-clients",
    "maxmemory-eviction-tenacity",
    "maxmemory-samples",
    "min-replicas-max-lag",
    "min-replicas-to-write",
    "min-slaves-max-lag",
    "min-slaves-to-write",
    "no-appendfsync-on-rewrite",
    "oom-score-adj",
    "oom-score-adj-values",
    "pidfile",
    "proc-title-template",
    "propagation-error-behavior",
    "rdb-del-sync-files",
    "rdb-save-incremental-fsync",
    "rdbchecksum",
    "rdbcompression",
    "rename-command",
    "repl-backlog-size",
    "repl-backlog-ttl",
    "repl-disable-tcp-nodelay",
    "repl-diskless-load",
    "repl-diskless-sync",
    "repl-diskless-sync-delay",
    "repl-diskless-sync-max-replicas",
    "repl-ping-replica-period",
    "repl-ping-slave-period",
    "repl-timeout",
    "replica-announce-ip",
    "replica-announce-port",
    "replica-announced",
    "replica-ignore-disk-write-errors",
    "replica-ignore-maxmemory",
    "replica-lazy-flush",
    "replica-priority",
    "replica-read-only",
    "replica-serve-stale-data",
    "sanitize-dump-payload",
    "server_cpulist",
    "set-max-intset-entries",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "set-proc-title",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "shutdown-timeout",
    "slave-announce-ip",
    "slave-announce-port",
    "slave-ignore-maxmemory",
    "slave-lazy-flush",
    "slave-priority",
    "slave-read-only",
    "slave-serve-stale-data",
    "socket-mark-id",
    "stream-node-max-bytes",
    "stream-node-max-entries",
    "supervised",
    "syslog-enabled",
    "syslog-facility",
    "syslog-ident",
    "tcp-backlog",
    "tracking-table-max-keys",
    "unixsocketperm",
    "vm-enabled",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
    "zset-max-ziplist-entries",
    "zset-max-ziplist-value",
];

/// `512mb` in bytes.
fn memory(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit).filter(|bytes| *bytes >= 0)
}

/// Pairs of seconds and changes.
pub fn save_points(text: &str) -> Option<Vec<(u64, u64)>> {
    let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let pairs = numbers.chunks_exact(2);
    (pairs.remainder().is_empty() && numbers.iter().step_by(2).all(|seconds| *seconds > 0))
        .then(|| pairs.map(|pair| (pair[0], pair[1])).collect())
}

impl Kind {
    /// The value as it is kept, or why it is none.
    pub fn check(self, value: &str) -> Result<String, String> {
        match self {
            Kind::Text => Ok(value.to_owned()),
            Kind::Name(why) if value.contains('/') => Err(why.to_owned()),
            Kind::Name(_) => Ok(value.to_owned()),
            Kind::YesNo => match value.to_ascii_lowercase().as_str() {
                word @ ("yes" | "no") => Ok(word.to_owned()),
                _ => Err("argument must be 'yes' or 'no'".to_owned()),
            },
            Kind::Number(from, to) => {
                let number: i64 = value.parse().map_err(|_| "argument couldn't be parsed into an integer".to_owned())?;
                if (from..=to).contains(&number) {
                    Ok(number.to_string())
                } else {
                    Err(format!("argument must be between {from} and {to} inclusive"))
                }
            }
            Kind::Memory(from) => match memory(value) {
                None => Err("argument must be a memory value".to_owned()),
                Some(bytes) if bytes < from => Err(format!("argument must be between {from} and {} inclusive", i64::MAX)),
                Some(bytes) => Ok(bytes.to_string()),
            },
            Kind::OneOf(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(value)) {
                Some(word) => Ok((*word).to_owned()),
                None => Err(format!("argument(s) must be one of the following: {}", words.join(", "))),
            },
            Kind::Save => save_points(value)
                .map(|_| value.split_whitespace().collect::<Vec<_>>().join(" "))
                .ok_or_else(|| "Invalid save parameters".to_owned()),
        }
    }
}

pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}
