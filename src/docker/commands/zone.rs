//! The zone that times are shown in.

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
