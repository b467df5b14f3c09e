//! Times, durations and quotations as Docker writes and reads them.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// Go's zero time, which stands for "never".
pub const NEVER: &str = "0001-01-01T00:00:00Z";

/// RFC 3339 with as many digits of a second as are not zero.
pub fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NEVER.to_owned(), |t| t.to_string())
}

/// RFC 3339 with all nine digits, as logs have it.
pub fn log_time(at: Timestamp) -> String {
    strtime::format("%Y-%m-%dT%H:%M:%S.%9fZ", at).unwrap_or_else(|_| at.to_string())
}

/// A duration for people: `3 minutes`, `About an hour`.
pub fn duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", hours / 24 / 365),
    }
}

/// A moment given as RFC 3339, as seconds since 1970 (with a fraction), or as a Go duration before now. `None` for anything else.
pub fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        return Timestamp::new(whole.parse().ok()?, nanoseconds).ok();
    }
    let ago = go_duration(text)?;
    Timestamp::now().checked_sub(jiff::SignedDuration::from_nanos(ago)).ok()
}

/// Go's durations: `1h30m`, `10s`, `1.5h`.
fn go_duration(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit_end = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| end + i);
        let unit = match &rest[end..unit_end] {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[unit_end..];
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    #[expect(clippy::cast_possible_truncation, reason = "a duration in a query; what does not fit saturates")]
    Some(sign * total as i64)
}

/// A program and its arguments as `docker ps` shows them.
pub fn command(path: &str, args: &[String]) -> String {
    let quoted = args.iter().map(|a| if a.contains(' ') { format!(" '{a}'") } else { format!(" {a}") });
    format!("{path}{}", quoted.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_dockers() {
        let cases = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (14 * 86400, "2 weeks"),
            (60 * 86400, "2 months"),
            (800 * 86400, "2 years"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn moments_are_read_in_all_forms() {
        assert_eq!(moment("1.5").unwrap().as_nanosecond(), 1_500_000_000);
        assert_eq!(moment("1970-01-01T00:00:02Z").unwrap().as_second(), 2);
        let minute = Timestamp::now().as_second() - moment("1m30s").unwrap().as_second();
        assert!((89..=92).contains(&minute));
        assert!(moment("never").is_none());
    }

    #[test]
    fn log_times_have_nine_digits() {
        assert_eq!(log_time(Timestamp::new(0, 500_000_000).unwrap()), "1970-01-01T00:00:00.500000000Z");
    }
}
