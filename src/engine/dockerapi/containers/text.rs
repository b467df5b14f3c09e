//! Times and command lines as Docker writes and reads them.

use jiff::Timestamp;
use jiff::fmt::strtime;

use crate::units;

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
    let ago = units::parse_duration(text)?;
    Timestamp::now().checked_sub(jiff::SignedDuration::from_nanos(ago)).ok()
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
