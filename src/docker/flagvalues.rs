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
        "gpus" => gpus(value).map(drop),
        "mount" if value.is_empty() => Err("EOF".to_owned()),
        "network" if flag.kind == Kind::Network => super::commands::network_option(value),
        "device-cgroup-rule" if !cgroup_rule(value) => Err(format!("invalid device cgroup format '{value}'")),
        "blkio-weight-device" => weight(value),
        "device-read-bps" | "device-write-bps" => rate(value, true),
        "device-read-iops" | "device-write-iops" => rate(value, false),
        "dns-search" if value != "." && !is_domain(value) => Err(format!("{value} is not a valid domain")),
        "link" if value.split(':').count() > 2 => Err(format!("bad format for links: {value}")),
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

/// What `--gpus` asks for, as the API has it.
pub fn gpus(value: &str) -> Result<serde_json::Value, String> {
    let count_of = |text: &str| match text {
        "all" => Ok(-1),
        text => super::units::parse_int(text).ok_or_else(|| {
            let why = super::units::number_problem(text);
            format!("invalid count ({text}): value must be either \"all\" or an integer: {why}")
        }),
    };
    if value.is_empty() {
        return Err("EOF".to_owned());
    }
    let (mut count, mut devices, mut driver, mut options) = (None, None, String::new(), serde_json::Map::new());
    let mut capabilities = vec!["gpu".to_owned()];
    for field in super::commands::fields(value) {
        let (key, text) = field.split_once('=').unwrap_or(("count", &field));
        let list = || super::commands::fields(text);
        match key {
            "count" => count = Some(count_of(text)?),
            "device" => devices = Some(list()),
            "driver" => text.clone_into(&mut driver),
            "capabilities" => capabilities = list().into_iter().chain(["gpu".to_owned()]).collect(),
            "options" => options.extend(list().iter().filter_map(|o| o.split_once('=')).map(|(k, v)| (k.to_owned(), v.into()))),
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
    }
    let count = count.unwrap_or(if devices.is_some() { 0 } else { 1 });
    Ok(serde_json::json!({
        "Driver": driver, "Count": count, "DeviceIDs": devices, "Capabilities": [capabilities], "Options": options,
    }))
}

/// `c 1:3 rwm` and its like.
fn cgroup_rule(value: &str) -> bool {
    let number = |text: &str| text == "*" || !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let [kind, device, access] = value.split(' ').collect::<Vec<_>>()[..] else { return false };
    let numbers = device.split_once(':').is_some_and(|(major, minor)| number(major) && number(minor));
    matches!(kind, "a" | "b" | "c") && numbers && (1..=3).contains(&access.len()) && access.bytes().all(|b| b"rwm".contains(&b))
}

/// Takes `/dev/NAME:VALUE` apart.
fn of_device(value: &str) -> Result<&str, String> {
    let (path, rest) = value.split_once(':').ok_or_else(|| format!("bad format: {value}"))?;
    if path.starts_with("/dev/") { Ok(rest) } else { Err(format!("bad format for device path: {value}")) }
}

fn weight(value: &str) -> Result<(), String> {
    match of_device(value)?.parse::<u16>() {
        Ok(0 | 10..=1000) => Ok(()),
        _ => Err(format!("invalid weight for device: {value}")),
    }
}

fn rate(value: &str, bytes: bool) -> Result<(), String> {
    let rate = of_device(value)?;
    let good = if bytes { super::units::parse_bytes(rate).is_some_and(|n| n >= 0) } else { rate.parse::<u64>().is_ok() };
    match (good, bytes) {
        (true, _) => Ok(()),
        (false, true) => Err(format!(
            "invalid rate for device: {value}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"
        )),
        (false, false) => Err(format!(
            "invalid rate for device: {value}. The correct format is <device-path>:<number>. Number must be a positive integer"
        )),
    }
}

/// Whether a text could be a domain's name, by the letters of its parts.
fn is_domain(value: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    value.len() < 255 && value.bytes().any(|b| b.is_ascii_alphabetic()) && value.trim_end_matches('.').split('.').all(part)
}
