//! What several commands need: filters on the wire, short ids, ages, names that are checked before they are sent.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::docker::failure::Failure;
use crate::docker::units;

/// `--filter` values as the API wants them: `{"label":{"a=b":true}}`; `None` where there are none.
pub fn filters<'a>(given: impl Iterator<Item = &'a str>) -> Result<Option<String>, Failure> {
    let mut all: BTreeMap<String, BTreeMap<&str, bool>> = BTreeMap::new();
    for text in given.filter(|t| !t.is_empty()) {
        let (key, value) = text.split_once('=').ok_or_else(|| Failure::new(format!("invalid filter '{text}'")))?;
        all.entry(key.trim().to_lowercase()).or_default().insert(value.trim(), true);
    }
    if all.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&all).map(Some).map_err(|e| Failure::new(e.to_string()))
}

/// The first twelve digits of an id, its algorithm left off.
pub fn short_id(id: &str) -> &str {
    let id = id.split_once(':').map_or(id, |(_, hex)| hex);
    id.get(..12).unwrap_or(id)
}

/// An id as the flags want it.
pub fn shown_id(id: &str, whole: bool) -> String {
    if whole { id.to_owned() } else { short_id(id).to_owned() }
}

/// Seconds since 1970.
pub fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// `2 minutes ago`, for a time in seconds since 1970.
pub fn ago(created: f64) -> String {
    format!("{} ago", units::human_duration(now() - created))
}

/// A time in seconds since 1970 as RFC 3339 in the local zone.
pub fn rfc3339(seconds: i64) -> String {
    let Ok(stamp) = jiff::Timestamp::from_second(seconds) else { return seconds.to_string() };
    let zoned = stamp.to_zoned(crate::docker::zone::local());
    if zoned.offset().is_zero() {
        zoned.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

/// Checks a container's name before it becomes part of a path.
pub fn container_name(name: &str) -> Result<&str, Failure> {
    named("container", name)
}

/// Checks the name or id of a `what` before it becomes part of a path.
pub fn named<'n>(what: &str, name: &'n str) -> Result<&'n str, Failure> {
    match name.trim() {
        "" => Err(Failure::new(format!("invalid {what} name or ID: value is empty"))),
        name => Ok(name),
    }
}

/// A text in an object.
pub fn text<'j>(json: &'j Json, key: &str) -> &'j str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// A whole number in an object.
pub fn int(json: &Json, key: &str) -> i64 {
    json.get(key).and_then(Json::as_i64).unwrap_or(0)
}

/// A list in an object.
pub fn list<'j>(json: &'j Json, key: &str) -> impl Iterator<Item = &'j Json> {
    json.get(key).and_then(Json::as_array).into_iter().flatten()
}

/// `a=b,c=d` of labels.
pub fn labels_text(labels: Option<&Json>) -> String {
    let mut pairs: Vec<String> =
        labels.and_then(Json::as_object).into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    pairs.sort();
    pairs.join(",")
}

/// Several failures as one, in lines, with exit status 1; nothing where there are none.
pub fn together(failures: Vec<Failure>) -> Result<u8, Failure> {
    if failures.is_empty() {
        return Ok(0);
    }
    Err(Failure::new(failures.iter().map(|f| f.text.as_str()).collect::<Vec<_>>().join("\n")))
}

/// `linux/arm64/v8` as the API's JSON.
pub fn platform_json(text: &str) -> Result<String, Failure> {
    platform_parts(text).map(|json| json.to_string()).map_err(|why| Failure::new(format!("invalid platform: {why}")))
}

/// A platform's parts by their normal names, or what is wrong with it.
pub fn platform_parts(text: &str) -> Result<Json, String> {
    const SYSTEMS: &[&str] = &["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "plan9", "android", "wasip1", "js"];
    const MACHINES: &[&str] =
        &["amd64", "arm64", "arm", "386", "ppc64le", "ppc64", "s390x", "riscv64", "mips64le", "mips64", "loong64", "wasm"];
    let ok = |part: &str, more: &[u8]| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
    let parts: Vec<&str> = text.split('/').collect();
    let quoted = units::quote(text);
    for (i, part) in parts.iter().enumerate() {
        let shown = units::quote(part);
        if i == 0 && !ok(part, b"_-") {
            return Err(format!(
                "{shown} is an invalid OS component of {quoted}: OSAndVersion specifier component must match \"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.-]*)\\\\))?$\": invalid argument"
            ));
        }
        if !ok(part, b"_.-") {
            return Err(format!(
                "{shown} is an invalid component of {quoted}: platform specifier component must match \"^[A-Za-z0-9_.-]+$\": invalid argument"
            ));
        }
    }
    let machine = |name: &str| match name.to_lowercase().as_str() {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "i386" | "i486" | "i686" => "386".to_owned(),
        other => other.to_owned(),
    };
    let (os, architecture, variant) = match parts.as_slice() {
        [one] if SYSTEMS.contains(&one.to_lowercase().as_str()) => (one.to_lowercase(), machine(std::env::consts::ARCH), None),
        [one] if MACHINES.contains(&machine(one).as_str()) => ("linux".to_owned(), machine(one), None),
        [_] => return Err(format!("{quoted}: unknown operating system or architecture: invalid argument")),
        [os, architecture] => (os.to_lowercase(), machine(architecture), None),
        [os, architecture, variant] => (os.to_lowercase(), machine(architecture), Some(*variant)),
        _ => return Err(format!("{quoted}: cannot parse platform specifier: invalid argument")),
    };
    let mut out = serde_json::json!({"architecture": architecture, "os": os});
    if let Some(variant) = variant {
        out["variant"] = Json::from(variant);
    }
    Ok(out)
}
