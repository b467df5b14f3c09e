//! The checks that Docker's flags make while they are read, beyond their kind: labels, filters, streams to attach, restart policies.

use super::tables::{Flag, Kind};

/// Says what is wrong with `value`, in Docker's words.
pub fn check(flag: &Flag, value: &str) -> Result<(), String> {
    if flag.kind == Kind::Bool {
        return Ok(());
    }
    match flag.name {
        "attach" if !matches!(value.to_lowercase().as_str(), "stdin" | "stdout" | "stderr") => {
            Err("valid streams are STDIN, STDOUT and STDERR".to_owned())
        }
        "env" if value.is_empty() || value.starts_with('=') => Err(format!("invalid environment variable: {value}")),
        "add-host" => {
            let (host, address) = value.split_once(['=', ':']).unwrap_or((value, ""));
            if host.is_empty() || address.is_empty() {
                return Err(format!("bad format for add-host: {}", super::units::quote(value)));
            }
            let address = address.trim_start_matches('[').trim_end_matches(']');
            if address != "host-gateway" && address.parse::<std::net::IpAddr>().is_err() {
                return Err(format!("invalid IP address in add-host: {}", super::units::quote(address)));
            }
            Ok(())
        }
        "dns" if value.parse::<std::net::IpAddr>().is_err() => Err(format!("IP address is not correctly formatted: {value}")),
        "link" if value.is_empty() => Err("empty string specified for links".to_owned()),
        "ulimit" => ulimit(value),
        "label" if value.is_empty() || value.starts_with('=') => Err(format!("invalid label '{value}': empty name")),
        "mount" => super::commands::mount(value).map(drop).map_err(|e| e.text),
        "sysctl" if !sysctl_allowed(value) => Err(format!("sysctl '{value}' is not allowed")),
        "tag" => super::reference::Reference::parse(value).map(drop).map_err(|e| e.text),
        _ => Ok(()),
    }
}

/// Whether a kernel parameter belongs to a namespace of the container.
fn sysctl_allowed(value: &str) -> bool {
    const NAMES: &[&str] = &["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"];
    let Some((name, _)) = value.split_once('=') else { return false };
    name.starts_with("net.") || name.starts_with("fs.mqueue.") || name.strip_prefix("kernel.").is_some_and(|n| NAMES.contains(&n))
}

fn ulimit(value: &str) -> Result<(), String> {
    let Some((name, limits)) = value.split_once('=') else { return Err(format!("invalid ulimit argument: {value}")) };
    const NAMES: &[&str] = &[
        "as",
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];
    if !NAMES.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    let mut parts = limits.split(':').map(str::parse::<i64>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(_)), None, None) => Ok(()),
        (Some(Ok(soft)), Some(Ok(hard)), None) if hard != -1 && (soft > hard || soft == -1) => {
            Err(format!("ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"))
        }
        (Some(Ok(_)), Some(Ok(_)), None) => Ok(()),
        (_, _, Some(_)) => Err(format!("too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")),
        _ => Err(format!("strconv.ParseInt: parsing {}: invalid syntax", super::units::quote(limits))),
    }
}
