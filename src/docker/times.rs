//! Points in time as `--since` and `--until` give them: a duration before now, a date, or seconds. Dates are read as Go's `time.Parse` reads
//! them, with its words for what is wrong.

use super::units::{parse_duration, quote};
use super::zone;

/// The parts of a layout, as Go writes them.
const SECONDS: &str = "2006-01-02T15:04:05";
const ZONE: &str = "Z07:00";
const FRACTION: &str = ".999999999";

/// A time as the API wants it: seconds, with nine decimals where it was a date. `now` is in seconds.
pub fn timestamp(given: &str, now: f64) -> Result<String, String> {
    // Nought is the beginning of time, not now.
    if let Some(nanos) = parse_duration(given).filter(|_| given != "0") {
        return Ok(((now - nanos as f64 / 1e9).floor() as i64).to_string());
    }
    match date(given, &layout(given)) {
        Ok((seconds, nanos)) => Ok(format!("{seconds}.{nanos:09}")),
        Err(why) if given.contains('-') => Err(why),
        Err(_) => {
            let (whole, part) = given.split_once('.').unwrap_or((given, "0"));
            match (whole.parse::<i64>(), part.parse::<i64>()) {
                (Ok(_), Ok(_)) => Ok(given.to_owned()),
                _ => Err(format!("failed to parse value as time or duration: {}", quote(given))),
            }
        }
    }
}

/// What a date that looks like this is read by.
fn layout(given: &str) -> String {
    let zulu = given.contains(['z', 'Z']);
    let zoned = zulu || given.contains('+') || given.matches('-').count() == 3;
    let mut colons = given.matches(':').count();
    if zoned && !zulu {
        // That of the offset.
        colons = colons.saturating_sub(1);
    }
    let day = SECONDS.find('T').unwrap_or(SECONDS.len());
    let zone = if zoned { ZONE } else { "" };
    match () {
        () if given.contains('.') => format!("{SECONDS}{FRACTION}{zone}"),
        () if !given.contains('T') => format!("{}{zone}", &SECONDS[..day]),
        () => format!("{}{zone}", &SECONDS[..day + [3, 6, 9][colons.min(2)]]),
    }
}

/// Reads a date by a layout: seconds since 1970, and nanoseconds. Without a zone it is of the local one as it is now.
fn date(given: &str, layout: &str) -> Result<(i64, u32), String> {
    let fault = |why: &str| format!("parsing time {}: {why}", quote(given));
    let unfit = |rest: &str, part: &str| {
        format!("parsing time {} as {}: cannot parse {} as {}", quote(given), quote(layout), quote(rest), quote(part))
    };
    let (mut year, mut parts, mut nanos, mut offset) = (0i16, [1i8, 1, 0, 0, 0], 0u32, None);
    let (mut rest, mut left) = (given, layout);
    while !left.is_empty() {
        let part = PARTS.into_iter().find(|part| left.starts_with(part)).unwrap_or(&left[..1]);
        left = &left[part.len()..];
        let held = rest;
        match part {
            "2006" => {
                let digits = rest.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
                year = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| unfit(held, part))?;
                rest = &rest[4..];
            }
            FRACTION => nanos = fraction(&mut rest),
            ZONE => offset = Some(zone_offset(&mut rest).ok_or_else(|| unfit(held, part))?.map_err(|name| fault(&out_of_range(name)))?),
            _ => match FIELDS.iter().position(|(field, ..)| *field == part) {
                Some(i) => {
                    let (_, name, range) = &FIELDS[i];
                    let value = number(&mut rest, part != "15").ok_or_else(|| unfit(held, part))?;
                    if !range.contains(&value) {
                        return Err(fault(&out_of_range(name)));
                    }
                    parts[i] = value;
                    // Seconds may have a fraction that the layout has not.
                    if part == "05" && !left.starts_with(FRACTION) {
                        nanos = fraction(&mut rest);
                    }
                }
                None => rest = rest.strip_prefix(part).ok_or_else(|| unfit(rest, part))?,
            },
        }
    }
    if !rest.is_empty() {
        return Err(fault(&format!("extra text: {}", quote(rest))));
    }
    let [month, day, hour, minute, second] = parts;
    let day = jiff::civil::Date::new(year, month, day).map_err(|_| fault(&out_of_range("day")))?;
    let local = day.at(hour, minute, second, 0).to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| fault(&e.to_string()))?;
    let offset = offset.unwrap_or_else(|| i64::from(jiff::Timestamp::now().to_zoned(zone::local()).offset().seconds()));
    Ok((local.timestamp().as_second() - offset, nanos))
}

const PARTS: [&str; 8] = ["2006", "01", "02", "15", "04", "05", FRACTION, ZONE];

/// What has two digits, by its place in a layout.
const FIELDS: [(&str, &str, std::ops::RangeInclusive<i8>); 5] = [
    ("01", "month", 1..=12),
    // How long a month is, is known later.
    ("02", "day", 0..=99),
    ("15", "hour", 0..=23),
    ("04", "minute", 0..=59),
    ("05", "second", 0..=59),
];

fn out_of_range(name: &str) -> String {
    format!("{name} out of range")
}

/// Two digits, or one where it need not be two.
fn number(rest: &mut &str, two: bool) -> Option<i8> {
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if digits == 0 || two && digits == 1 {
        return None;
    }
    let (value, left) = rest.split_at(digits);
    *rest = left;
    value.parse().ok()
}

/// The nanoseconds behind a point, if there are any; digits beyond the ninth do not count.
fn fraction(rest: &mut &str) -> u32 {
    let Some(behind) = rest.strip_prefix(['.', ',']) else { return 0 };
    let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    if end == 0 {
        return 0;
    }
    *rest = &behind[end..];
    format!("{:0<9}", &behind[..end.min(9)]).parse().unwrap_or(0)
}

/// `Z` or `+07:00` in seconds; nothing where there is none, and the name of what is too great.
fn zone_offset(rest: &mut &str) -> Option<Result<i64, &'static str>> {
    if let Some(left) = rest.strip_prefix('Z') {
        *rest = left;
        return Some(Ok(0));
    }
    let (text, left) = rest.split_at_checked(6)?;
    let (sign, text) = text.split_at_checked(1)?;
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (two(hours).filter(|_| hours.len() == 2)?, two(minutes)?);
    let sign = match sign {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    *rest = left;
    Some(match () {
        () if hours > 24 => Err("time zone offset hour"),
        () if minutes > 60 => Err("time zone offset minute"),
        () => Ok(sign * (hours * 60 + minutes) * 60),
    })
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn times_are_read_as_go_reads_them() {
        for (given, wanted) in [
            ("2024-01-02T03:04:05Z", "1704164645.000000000"),
            ("2024-01-02T03:04:05.123456789Z", "1704164645.123456789"),
            ("2024-01-02T03:04:05,5Z", "1704164645.500000000"),
            ("2024-01-02T03:04:05+01:00", "1704161045.000000000"),
            ("2024-01-02T03:04+01:00", "1704161040.000000000"),
            ("2024-01-02T3Z", "1704164400.000000000"),
            ("2024-01-02Z", "1704153600.000000000"),
            ("10m", "999400"),
            ("-10m", "1000600"),
            ("0", "0"),
            ("5.1234567891", "5.1234567891"),
            ("+5", "+5"),
        ] {
            assert_eq!(timestamp(given, 1e6).as_deref(), Ok(wanted), "{given}");
        }
        for (given, wanted) in [
            ("2024-01-02T03:04:05Z07:00", "parsing time \"2024-01-02T03:04:05Z07:00\": extra text: \"07:00\""),
            ("2024-01-02T", "parsing time \"2024-01-02T\" as \"2006-01-02T15\": cannot parse \"\" as \"15\""),
            ("2024-01", "parsing time \"2024-01\" as \"2006-01-02\": cannot parse \"\" as \"-\""),
            ("2024-01-02 03:04:05", "parsing time \"2024-01-02 03:04:05\": extra text: \" 03:04:05\""),
            ("2024-13-02", "parsing time \"2024-13-02\": month out of range"),
            ("2024-02-30", "parsing time \"2024-02-30\": day out of range"),
            ("2024-1-2", "parsing time \"2024-1-2\" as \"2006-01-02\": cannot parse \"1-2\" as \"01\""),
            (
                "2024-01-02T03:04:05-0100",
                "parsing time \"2024-01-02T03:04:05-0100\" as \"2006-01-02T15:04Z07:00\": cannot parse \":05-0100\" as \"Z07:00\"",
            ),
            ("2024-01-02T03:04:05+25:00", "parsing time \"2024-01-02T03:04:05+25:00\": time zone offset hour out of range"),
            ("-5", "parsing time \"-5\" as \"2006-01-02\": cannot parse \"-5\" as \"2006\""),
            ("-é-é", "parsing time \"-é-é\" as \"2006-01-02\": cannot parse \"-é-é\" as \"2006\""),
            ("5.", "failed to parse value as time or duration: \"5.\""),
            (".5", "failed to parse value as time or duration: \".5\""),
        ] {
            assert_eq!(timestamp(given, 1e6), Err(wanted.to_owned()), "{given}");
        }
    }
}
