//! What a container may not ask for, refused in Docker's words before anything is made.

use super::host::HostConfig;
use super::sharing::{is_ipc_mode, is_pid_mode};
use super::{ContainerError, ContainerError::Invalid};
use crate::image::RunConfig;
use crate::sys::{caps, signal};
use crate::units::quote;

/// The least time that a health check may be given or wait, in nanoseconds.
const SHORTEST: i64 = 1_000_000;
/// The least memory that a container can be started in.
const LEAST_MEMORY: i64 = 6 << 20;

/// Refuses what makes no sense, in Docker's words.
pub(super) fn check(config: &RunConfig, host: &HostConfig) -> Result<(), ContainerError> {
    config_alone(config)?;
    if host.auto_remove && !matches!(host.restart_policy.name.as_str(), "" | "no") {
        return Err(Invalid("can't create 'AutoRemove' container with restart policy".to_owned()));
    }
    for extra in host.extra_hosts.iter().flatten() {
        let Some((_, address)) = extra.split_once([':', '=']).filter(|(name, address)| !name.is_empty() && !address.is_empty()) else {
            return Err(Invalid(format!("bad format for add-host: \"{extra}\"")));
        };
        if address != "host-gateway" && address.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_err() {
            return Err(Invalid(format!("invalid IP address in add-host: \"{address}\"")));
        }
    }
    for option in host.security_opt.iter().flatten() {
        security(option)?;
    }
    host.restart_policy.check()?;
    for (field, list) in [("CapAdd", &host.cap_add), ("CapDrop", &host.cap_drop)] {
        let unknown = |name: &&String| !name.eq_ignore_ascii_case("ALL") && caps::bit(name).is_none();
        if let Some(capability) = list.iter().flatten().find(unknown) {
            let name = capability.trim_start_matches("CAP_").to_ascii_uppercase();
            return Err(Invalid(format!("invalid {field}: unknown capability: \"CAP_{name}\"")));
        }
    }
    if host.annotations.iter().flatten().any(|(key, _)| key.is_empty()) {
        return Err(Invalid("invalid Annotations: the empty string is not permitted as an annotation key".to_owned()));
    }
    resources(host, false)?;
    modes(host)?;
    if host.uts_mode == "host" && !config.hostname.is_empty() {
        return Err(Invalid("conflicting options: hostname and the UTS mode".to_owned()));
    }
    for target in host.tmpfs.iter().flatten().map(|(target, _)| target) {
        mount_target(target).map_err(Invalid)?;
    }
    host.log_config.check()?;
    if host.storage_opt.as_ref().is_some_and(|o| !o.is_empty()) {
        return Err(Invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option".to_owned()));
    }
    Ok(())
}

fn config_alone(config: &RunConfig) -> Result<(), ContainerError> {
    if !config.working_dir.is_empty() && !config.working_dir.starts_with('/') {
        let text = format!("the working directory '{}' is invalid, it needs to be an absolute path", config.working_dir);
        return Err(Invalid(text));
    }
    if let Some(name) = config.stop_signal.as_deref().filter(|s| !s.is_empty())
        && signal::parse(name).is_none()
    {
        return Err(Invalid(format!("Invalid signal: {name}")));
    }
    if let Some(entry) = config.env.iter().flatten().find(|e| e.is_empty() || e.starts_with('=')) {
        return Err(Invalid(format!("invalid environment variable: {entry}")));
    }
    let Some(health) = &config.healthcheck else { return Ok(()) };
    for (name, value) in [("Interval", health.interval), ("Timeout", health.timeout)] {
        if value != 0 && value < SHORTEST {
            return Err(Invalid(format!("{name} in Healthcheck cannot be less than 1ms")));
        }
    }
    if health.retries < 0 {
        return Err(Invalid("Retries in Healthcheck cannot be negative".to_owned()));
    }
    for (name, value) in [("StartPeriod", health.start_period), ("StartInterval", health.start_interval)] {
        if value != 0 && value < SHORTEST {
            return Err(Invalid(format!("{name} in Healthcheck cannot be less than 1ms")));
        }
    }
    Ok(())
}

/// Docker's `parseSecurityOpt`.
fn security(option: &str) -> Result<(), ContainerError> {
    if matches!(option, "no-new-privileges" | "disable") {
        return Ok(());
    }
    let Some((key, value)) = option.split_once(['=', ':']) else {
        return Err(Invalid(format!("invalid --security-opt 1: {}", quote(option))));
    };
    let known = match key {
        "no-new-privileges" => matches!(value, "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"),
        other => matches!(other, "label" | "apparmor" | "seccomp" | "systempaths" | "writable-cgroups"),
    };
    if known { Ok(()) } else { Err(Invalid(format!("invalid --security-opt 2: {}", quote(option)))) }
}

fn modes(host: &HostConfig) -> Result<(), ContainerError> {
    let valid = [
        ("IPC", &host.ipc_mode, is_ipc_mode(&host.ipc_mode)),
        ("PID", &host.pid_mode, is_pid_mode(&host.pid_mode)),
        ("UTS", &host.uts_mode, matches!(host.uts_mode.as_str(), "" | "host")),
        ("cgroup namespace", &host.cgroupns_mode, matches!(host.cgroupns_mode.as_str(), "" | "private" | "host")),
    ];
    if let Some((what, mode, _)) = valid.iter().find(|(_, _, valid)| !valid) {
        return Err(Invalid(format!("invalid {what} mode: {mode}")));
    }
    if !matches!(host.isolation.to_ascii_lowercase().as_str(), "" | "default") {
        return Err(Invalid(format!("invalid isolation: {} - linux only supports 'default'", quote(&host.isolation))));
    }
    if host.shm_size < 0 {
        return Err(Invalid("SHM size can not be less than 0".to_owned()));
    }
    if !(-1000..=1000).contains(&host.oom_score_adj) {
        return Err(Invalid(format!("Invalid value {}, range for oom score adj is [-1000, 1000]", host.oom_score_adj)));
    }
    if !matches!(host.runtime.as_str(), "" | "runc" | "io.containerd.runc.v2") {
        return Err(Invalid(format!("unknown or invalid runtime name: {}", host.runtime)));
    }
    Ok(())
}

/// Refuses limits that contradict each other or this machine; `update` is for a change of those that are there.
pub(super) fn resources(host: &HostConfig, update: bool) -> Result<(), ContainerError> {
    let processors = std::thread::available_parallelism().map_or(1, |n| i64::try_from(n.get()).unwrap_or(i64::MAX));
    let refused = [
        (host.memory != 0 && host.memory < LEAST_MEMORY, "Minimum memory limit allowed is 6MB"),
        (
            host.memory > 0 && host.memory_swap > 0 && host.memory_swap < host.memory,
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (
            host.memory == 0 && host.memory_swap > 0 && !update,
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        ),
        (host.memory_reservation > 0 && host.memory_reservation < LEAST_MEMORY, "Minimum memory reservation allowed is 6MB"),
        (
            host.memory > 0 && host.memory_reservation > 0 && host.memory < host.memory_reservation,
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        ),
        (host.nano_cpus > 0 && host.cpu_period > 0, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
        (host.nano_cpus > 0 && host.cpu_quota > 0, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
        (
            host.cpu_period != 0 && !(1000..=1_000_000).contains(&host.cpu_period),
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        ),
        (host.cpu_quota > 0 && host.cpu_quota < 1000, "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        (host.blkio_weight > 0 && !(10..=1000).contains(&host.blkio_weight), "Range of blkio weight is from 10 to 1000"),
    ];
    if let Some((_, text)) = refused.iter().find(|(wrong, _)| *wrong) {
        return Err(Invalid((*text).to_owned()));
    }
    if let Some(swappiness) = host.memory_swappiness.filter(|s| !(-1..=100).contains(s)) {
        return Err(Invalid(format!("Invalid value: {swappiness}, valid memory swappiness range is 0-100")));
    }
    if host.nano_cpus < 0 || host.nano_cpus > processors.saturating_mul(1_000_000_000) {
        let text = format!("Range of CPUs is from 0.01 to {processors}.00, as there are only {processors} CPUs available");
        return Err(Invalid(text));
    }
    const THERE: &str = "/sys/devices/system";
    cpuset(&host.cpuset_cpus, "cpus", "CPUs", &format!("{THERE}/cpu/online"))?;
    cpuset(&host.cpuset_mems, "mems", "memory nodes", &format!("{THERE}/node/online"))
}

/// Refuses a list of processors or memory nodes that is none (`0-2,5`), or that names one which this machine has not; the file `online`
/// lists those that there are.
fn cpuset(wanted: &str, short: &str, long: &str, online: &str) -> Result<(), ContainerError> {
    let list = |text: &str| -> Option<Vec<u32>> {
        let mut all = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok().filter(|last| *last <= 8192)?);
            all.extend((first <= last).then_some(first..=last)?);
        }
        Some(all)
    };
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(numbers) = list(wanted) else {
        return Err(Invalid(format!("Invalid value {wanted} for cpuset {short}: invalid format: {wanted}")));
    };
    let online = std::fs::read_to_string(online).unwrap_or_default();
    let there = list(online.trim()).unwrap_or_default();
    if there.is_empty() || numbers.iter().all(|n| there.contains(n)) {
        return Ok(());
    }
    Err(Invalid(format!("Requested {long} are not available - requested {wanted}, available: {}", online.trim())))
}

/// Refuses a place for a mount that is none.
pub(super) fn mount_target(target: &str) -> Result<(), String> {
    if !target.is_empty() && target.bytes().all(|b| b == b'/') {
        return Err("invalid specification: destination can't be '/'".to_owned());
    }
    if !target.starts_with('/') {
        return Err(format!("invalid mount path: '{target}' mount path must be absolute"));
    }
    Ok(())
}
