//! `HEALTHCHECK`: its test and its times.

use super::dockerfile::Node;
use super::options::Options;
use crate::image::HealthConfig;
use crate::units::quote;

/// Shorter times than this Docker refuses.
const SHORTEST: i64 = 1_000_000;

/// Reads `NONE` or `CMD …` with the flags.
pub fn read(node: &Node, words: &[String]) -> Result<HealthConfig, String> {
    let Some((kind, rest)) = words.split_first() else { return Err("HEALTHCHECK requires at least one argument".to_owned()) };
    let kind = kind.to_uppercase();
    if kind == "NONE" {
        if !rest.is_empty() {
            return Err("HEALTHCHECK NONE takes no arguments".to_owned());
        }
        return Ok(HealthConfig { test: Some(vec![kind]), ..HealthConfig::default() });
    }
    let mut options = Options::of(node, &["interval", "timeout", "start-period", "start-interval", "retries"], &[])?;
    if kind != "CMD" {
        return Err(format!("Unknown type {} in HEALTHCHECK (try CMD)", quote(&kind)));
    }
    if rest.is_empty() {
        return Err("Missing command after HEALTHCHECK CMD".to_owned());
    }
    let mut test = vec![if node.json { "CMD" } else { "CMD-SHELL" }.to_owned()];
    test.extend(rest.iter().cloned());
    let retries = options.take("retries");
    let retries = if retries.is_empty() {
        0
    } else {
        let number: i32 = retries.parse().map_err(|_| format!("strconv.ParseInt: parsing {}: invalid syntax", quote(&retries)))?;
        if number < 0 {
            return Err(format!("--retries cannot be negative ({number})"));
        }
        i64::from(number)
    };
    let mut time = |name: &str| nanoseconds(name, &options.take(name));
    Ok(HealthConfig {
        test: Some(test),
        interval: time("interval")?,
        timeout: time("timeout")?,
        start_period: time("start-period")?,
        start_interval: time("start-interval")?,
        retries,
    })
}

fn nanoseconds(name: &str, text: &str) -> Result<i64, String> {
    if text.is_empty() || text == "0" {
        return Ok(0);
    }
    let time = duration(text).ok_or_else(|| format!("time: invalid duration {}", quote(text)))?;
    if time != 0 && time < SHORTEST {
        return Err(format!("Interval {} cannot be less than 1ms", quote(name)));
    }
    Ok(time)
}

/// Go's durations (`1m30s`, `1.5h`, `100ms`) in nanoseconds.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0.0f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "h" => 3.6e12,
                "m" => 6e10,
                "s" => 1e9,
                "ms" => 1e6,
                "us" | "µs" => 1e3,
                "ns" => 1.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (total < 9e18).then_some(total as i64)
}

/// Nanoseconds as Go prints a duration.
pub fn go_duration(nanoseconds: i64) -> String {
    let n = nanoseconds.unsigned_abs();
    let trim = |value: f64, unit: &str| format!("{value}{unit}");
    match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{n}ns"),
        1_000..1_000_000 => trim(n as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => trim(n as f64 / 1e6, "ms"),
        _ => {
            let (seconds, hours, minutes) = ((n % 60_000_000_000) as f64 / 1e9, n / 3_600_000_000_000, n / 60_000_000_000 % 60);
            match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, m) => format!("{m}m{seconds}s"),
                (h, m) => format!("{h}h{m}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        assert_eq!(duration("1m30s"), Some(90_000_000_000));
        assert_eq!(duration("x"), None);
        for text in ["1s", "1m30s", "100ms", "1h0m0.5s"] {
            assert_eq!(duration(text).map(go_duration).as_deref(), Some(text));
        }
    }
}
