//! Which names may stand for each command's arguments and for the values of its flags. Data alone.

use super::sources::{Source, Which};
use crate::docker::tables::{Command, Flag};

const NODES: Source = Source::Cluster("/nodes", "/Description/Hostname");
const SERVICES: Source = Source::Cluster("/services", "/Spec/Name");
const SECRETS: Source = Source::Cluster("/secrets", "/Spec/Name");
const CONFIGS: Source = Source::Cluster("/configs", "/Spec/Name");
const STACKS: Source = Source::Cluster("/services", "/Spec/Labels/com.docker.stack.namespace");

/// The argument behind `index` others.
pub fn of_argument(command: &Command, index: usize) -> Source {
    let first = |source: Source| if index == 0 { source } else { Source::Nothing };
    match command.names[0] {
        "attach" | "exec" => Source::Containers(Which::Going),
        "commit" | "diff" | "kill" | "port" | "stats" | "stop" | "top" | "wait" | "checkpoint ls" => Source::Containers(Which::Running),
        "export" | "logs" | "rename" | "restart" | "update" | "container inspect" => Source::Containers(Which::All),
        "pause" => Source::Containers(Which::Going),
        "unpause" => Source::Containers(Which::Paused),
        "rm" => Source::Containers(Which::Removable),
        "start" => Source::Containers(Which::Startable),
        "create" | "rmi" | "save" | "image inspect" => Source::Images,
        "run" | "history" | "push" => first(Source::Images),
        "tag" if index < 2 => Source::Images,
        "network disconnect" if index > 0 => Source::Containers(Which::OfNetwork),
        "network connect" => first(Source::Networks),
        "network disconnect" | "network inspect" | "network rm" => Source::Networks,
        "volume inspect" | "volume rm" | "volume update" => Source::Volumes,
        "context inspect" | "context rm" => Source::Contexts,
        "context export" if index > 0 => Source::Files,
        "context export" | "context update" | "context use" => first(Source::Contexts),
        "config inspect" | "config rm" => CONFIGS,
        "node demote" | "node inspect" | "node promote" | "node ps" | "node rm" | "node update" => NODES,
        "secret inspect" | "secret ls" | "secret rm" => SECRETS,
        "service inspect" | "service logs" | "service ps" | "service rm" | "service rollback" | "service scale" | "service update" => {
            SERVICES
        }
        "stack deploy" | "stack ps" | "stack rm" | "stack services" => STACKS,
        "build" => Source::Folders,
        "checkpoint rm" | "context import" | "cp" | "images" | "import" | "logout" | "network prune" | "search" | "secret create"
        | "swarm join" | "swarm join-token" => Source::Files,
        name if ["buildx ", "manifest ", "trust "].iter().any(|group| name.starts_with(group)) => Source::Files,
        name if name.starts_with("plugin ") && name != "plugin ls" && name != "plugin create" => Source::Files,
        _ => Source::Nothing,
    }
}

/// The value of a flag in front of the command.
pub fn of_global(flag: &Flag) -> Source {
    match flag.name {
        "context" => Source::ContextNames,
        "log-level" => Source::Words(&["debug", "info", "warn", "error", "fatal", "panic"]),
        _ => Source::Files,
    }
}

/// The value of a flag of `command`.
pub fn of_flag(command: &Command, flag: &Flag) -> Source {
    let name = command.names[0];
    if matches!(name, "run" | "create") {
        return of_container_flag(flag.name);
    }
    if matches!(name, "service create" | "service update") {
        return of_service_flag(flag.name);
    }
    match (name, flag.name) {
        (_, "platform") => PLATFORMS,
        ("exec", "env") => Source::Variables,
        ("kill" | "restart" | "stop", "signal") => SIGNALS,
        ("update", "restart") => RESTARTS,
        ("events", "filter") => EVENT_FILTERS,
        ("inspect", "type") => {
            Source::Words(&["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"])
        }
        ("node update", "availability") => Source::Words(&["active", "pause", "drain"]),
        ("node update", "role") => Source::Words(&["worker", "manager"]),
        ("inspect", "format") => Source::Nothing,
        ("node inspect", _) => Source::Files,
        _ if name.starts_with("node ") || name.starts_with("service ") => Source::Nothing,
        _ => Source::Files,
    }
}

const PLATFORMS: Source = Source::Words(&[
    "linux/386",
    "linux/amd64",
    "linux/arm",
    "linux/arm/v5",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm64",
    "linux/arm64/v8",
    "linux/ppc64le",
    "linux/s390x",
    "linux/riscv64",
    "windows/amd64",
    "wasip1/wasm",
]);

const RESTARTS: Source = Source::Words(&["no", "always", "on-failure", "unless-stopped"]);

const SIGNALS: Source = Source::Words(&[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT",
    "RTMAX", "RTMAX-1", "RTMAX-10", "RTMAX-11", "RTMAX-12", "RTMAX-13", "RTMAX-14", "RTMAX-2", "RTMAX-3", "RTMAX-4", "RTMAX-5", "RTMAX-6",
    "RTMAX-7", "RTMAX-8", "RTMAX-9", "RTMIN", "RTMIN+1", "RTMIN+10", "RTMIN+11", "RTMIN+12", "RTMIN+13", "RTMIN+14", "RTMIN+15", "RTMIN+2",
    "RTMIN+3", "RTMIN+4", "RTMIN+5", "RTMIN+6", "RTMIN+7", "RTMIN+8", "RTMIN+9", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
]);

const CAPABILITIES: Source = Source::Words(&[
    "ALL",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
]);

const LOG_DRIVERS: Source =
    Source::Words(&["awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "none", "splunk", "syslog"]);

const LOG_OPTIONS: Source = Source::Beginnings(&[
    "awslogs-create-group=",
    "awslogs-credentials-endpoint=",
    "awslogs-datetime-format=",
    "awslogs-group=",
    "awslogs-multiline-pattern=",
    "awslogs-region=",
    "awslogs-stream=",
    "compress=",
    "env-regex=",
    "env=",
    "fluentd-address=",
    "fluentd-async=",
    "fluentd-buffer-limit=",
    "fluentd-max-retries=",
    "fluentd-request-ack=",
    "fluentd-retry-wait=",
    "fluentd-sub-second-precision=",
    "fluentd-write-timeout=",
    "gcp-log-cmd=",
    "gcp-meta-id=",
    "gcp-meta-name=",
    "gcp-meta-zone=",
    "gcp-project=",
    "gelf-address=",
    "gelf-compression-level=",
    "gelf-compression-type=",
    "gelf-tcp-max-reconnect=",
    "gelf-tcp-reconnect-delay=",
    "labels=",
    "max-buffer-size=",
    "max-file=",
    "max-size=",
    "mode=",
    "splunk-caname=",
    "splunk-capath=",
    "splunk-format=",
    "splunk-gzip-level=",
    "splunk-gzip=",
    "splunk-index=",
    "splunk-insecureskipverify=",
    "splunk-source=",
    "splunk-sourcetype=",
    "splunk-token=",
    "splunk-url=",
    "splunk-verify-connection=",
    "syslog-address=",
    "syslog-facility=",
    "syslog-format=",
    "syslog-tls-ca-cert=",
    "syslog-tls-cert=",
    "syslog-tls-key=",
    "syslog-tls-skip-verify=",
    "tag=",
]);

const LIMITS: Source = Source::Beginnings(&[
    "as=",
    "chroot=",
    "core=",
    "cpu=",
    "data=",
    "fsize=",
    "locks=",
    "maxlogins=",
    "maxsyslogins=",
    "memlock=",
    "msgqueue=",
    "nice=",
    "nofile=",
    "nproc=",
    "priority=",
    "rss=",
    "rtprio=",
    "sigpending=",
    "stack=",
]);

const EVENT_FILTERS: Source =
    Source::Beginnings(&["container=", "daemon=", "event=", "image=", "label=", "network=", "node=", "scope=", "type=", "volume="]);

/// The value of a flag of `run` and `create`.
fn of_container_flag(flag: &str) -> Source {
    match flag {
        "attach" => Source::Words(&["stderr", "stdin", "stdout"]),
        "cap-add" | "cap-drop" => CAPABILITIES,
        "cgroupns" => Source::Words(&["host", "private"]),
        "detach-keys" => Source::Beginnings(&["ctrl-"]),
        "env" => Source::Variables,
        "env-file" => Source::Files,
        "ipc" => Source::Words(&["container:", "host", "none", "private", "shareable"]),
        "link" => Source::Containers(Which::Linked),
        "log-driver" => LOG_DRIVERS,
        "log-opt" => LOG_OPTIONS,
        "network" => Source::Networks,
        "pid" => Source::Words(&["container:", "host"]),
        "platform" => PLATFORMS,
        "pull" => Source::Words(&["always", "missing", "never"]),
        "restart" => RESTARTS,
        "security-opt" => Source::Words(&["apparmor=", "label=", "no-new-privileges", "seccomp=", "systempaths=unconfined"]),
        "stop-signal" => SIGNALS,
        "storage-opt" => Source::Beginnings(&["size="]),
        "ulimit" => LIMITS,
        "userns" | "uts" => Source::Words(&["host"]),
        "volume-driver" => Source::Words(&["local"]),
        "volumes-from" => Source::Containers(Which::All),
        _ => Source::Nothing,
    }
}

/// The value of a flag of `service create` and `service update`.
fn of_service_flag(flag: &str) -> Source {
    match flag {
        "env" | "env-add" => Source::Variables,
        "env-file" => Source::Files,
        "image" => Source::Images,
        "mode" => Source::Words(&["replicated", "global", "replicated-job", "global-job"]),
        "network" | "network-add" => Source::Networks,
        "restart-condition" => Source::Words(&["none", "on-failure", "any"]),
        "rollback-failure-action" => Source::Words(&["pause", "continue"]),
        "rollback-order" | "update-order" => Source::Words(&["start-first", "stop-first"]),
        "update-failure-action" => Source::Words(&["pause", "continue", "rollback"]),
        _ => Source::Nothing,
    }
}
