//! `HEALTHCHECK`: its test and its times.

use super::dockerfile::Node;
use super::options::Options;
use crate::image::HealthConfig;
use crate::units::{duration_problem, parse_duration, quote};

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
    let time = parse_duration(text).ok_or_else(|| duration_problem(text))?;
    if time != 0 && time < SHORTEST {
        return Err(format!("Interval {} cannot be less than 1ms", quote(name)));
    }
    Ok(time)
}
