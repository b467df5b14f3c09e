//! The zone that times are shown in, and how Go writes them in it.

use std::sync::OnceLock;

use jiff::tz::TimeZone;

/// The machine's zone, as Go finds it: by `TZ`, else by one file. Asked for the system's zone, jiff reads the names of all that there are
/// before that, which takes longer than the rest of `docker images`.
pub fn local() -> TimeZone {
    static LOCAL: OnceLock<TimeZone> = OnceLock::new();
    let find = || {
        if std::env::var_os("TZ").is_some() {
            return TimeZone::system();
        }
        let zone = std::fs::read("/etc/localtime").ok().and_then(|file| TimeZone::tzif("Local", &file).ok());
        zone.unwrap_or(TimeZone::UTC)
    };
    LOCAL.get_or_init(find).clone()
}

/// A time in seconds since 1970 as Go prints it: `2026-11-22 03:09:30 +0000 UTC`.
pub fn go_time(seconds: i64) -> String {
    let Ok(stamp) = jiff::Timestamp::from_second(seconds) else { return seconds.to_string() };
    stamp.to_zoned(local()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}
