//! Points in time, in seconds since 1970, as awk's functions of them tell. The images know of no time but UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, civil, tz::TimeZone};

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs() as f64)
}

/// A point in time by a format of `strftime`.
pub fn format(format: &[u8], seconds: f64) -> String {
    let Ok(time) = Timestamp::from_second(seconds as i64) else { return String::new() };
    jiff::fmt::strtime::format(format, &time.to_zoned(TimeZone::UTC)).unwrap_or_default()
}

/// What `YYYY MM DD HH MM SS` is, or -1.
pub fn seconds(text: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(text);
    let numbers: Vec<i64> = text.split_ascii_whitespace().map_while(|part| part.parse().ok()).collect();
    let [year, month, day, hour, minute, second, ..] = numbers[..] else { return -1.0 };
    // Months may lie outside of a year, and all that is smaller outside of what is larger.
    let month = (month - 1).rem_euclid(12) + 1;
    let year = year + (numbers[1] - 1).div_euclid(12);
    let first = i16::try_from(year).ok().zip(i8::try_from(month).ok()).and_then(|(year, month)| civil::Date::new(year, month, 1).ok());
    let Some(first) = first.and_then(|first| first.to_zoned(TimeZone::UTC).ok()) else { return -1.0 };
    let days = first.timestamp().as_second() as f64 + (day as f64 - 1.0) * 86400.0;
    days + hour as f64 * 3600.0 + minute as f64 * 60.0 + second as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted() {
        assert_eq!(seconds(b"1970 01 02 00 00 00"), 86400.0);
        assert_eq!(seconds(b"1969 13 01 00 00 01"), 1.0);
        assert_eq!(seconds(b"x"), -1.0);
        assert_eq!(format(b"%Y-%m-%d %H", 86400.0), "1970-01-02 00");
        assert_eq!(format(b"%Y", 1e300), "");
    }
}
