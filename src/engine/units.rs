//! Sizes, durations, numbers and quotes in the forms of Go and of Docker's `go-units`. Pure functions; no clock.

/// A boolean in the spellings that Go's `ParseBool` takes.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A whole number, `0x`, `0o` and `0b` understood.
pub fn parse_int(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(|n| n.wrapping_mul(sign))
}

/// Why `parse_int` or `parse_bool` gave nothing, in Go's words.
pub fn number_problem(text: &str) -> &'static str {
    let digits = text.trim_start_matches(['-', '+']);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('-') || digits.len() > 18 {
        "value out of range"
    } else {
        "invalid syntax"
    }
}

/// A size such as `64m`, `1.5GiB`, `10 kb`: powers of 1024. `-1` stands for itself.
pub fn parse_bytes(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let (factor, tail) = match unit.chars().next() {
        None | Some('b') => (1i64, unit.as_str()),
        Some('k') => (1 << 10, &unit[1..]),
        Some('m') => (1 << 20, &unit[1..]),
        Some('g') => (1 << 30, &unit[1..]),
        Some('t') => (1 << 40, &unit[1..]),
        Some('p') => (1 << 50, &unit[1..]),
        Some(_) => return None,
    };
    if !matches!(tail, "" | "b" | "ib") || number.starts_with('.') || number.ends_with('.') {
        return None;
    }
    let value: f64 = number.parse().ok()?;
    Some((value * factor as f64) as i64)
}

/// A decimal number such as `0.5`, as a share of 10^9.
pub fn parse_decimal(text: &str) -> Option<i64> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some((value * 1e9).round() as i64)
}

/// A Go duration (`1h2m3.5s`) in nanoseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut left) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if left == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !left.is_empty() {
        let end = left.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = left[..end].parse().ok()?;
        left = &left[end..];
        let end = left.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(left.len());
        let unit = match &left[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += value * unit;
        left = &left[end..];
    }
    (text.ends_with(char::is_alphabetic) && total < 9.2e18).then_some((sign * total) as i64)
}

/// A Go duration that is none of before.
pub fn parse_span(text: &str) -> Option<std::time::Duration> {
    parse_duration(text).and_then(|nanoseconds| u64::try_from(nanoseconds).ok()).map(std::time::Duration::from_nanos)
}

/// Nanoseconds as Go prints a duration: `1h0m3.5s`, `250ms`.
pub fn go_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let n = nanoseconds.unsigned_abs();
    match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{n}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", n as f64 / 1e6),
        _ => {
            let (hours, minutes, seconds) = (n / 3_600_000_000_000, n / 60_000_000_000 % 60, (n % 60_000_000_000) as f64 / 1e9);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, m) => format!("{sign}{m}m{seconds}s"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
            }
        }
    }
}

/// Why `parse_duration` gave nothing, in Go's words.
pub fn duration_problem(text: &str) -> String {
    let number = text.trim_start_matches(['-', '+']);
    // What is beyond all durations is wrong in itself.
    let fits = number.split('.').next().is_some_and(|whole| whole.parse::<i64>().is_ok() || whole.is_empty());
    if fits && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        format!("time: missing unit in duration {}", quote(text))
    } else {
        format!("time: invalid duration {}", quote(text))
    }
}

/// `%.{digits}g` of Go.
pub fn general(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    } else {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        trim(&format!("{value:.decimals$}"))
    }
}

/// A size in powers of 1000 with so many digits: `1.98MB`.
pub fn human_size(size: f64, digits: usize) -> String {
    scaled(size, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"], digits)
}

/// A size in powers of 1024: `23.54GiB`.
pub fn binary_size(size: f64) -> String {
    scaled(size, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"], 4)
}

fn scaled(mut size: f64, base: f64, units: &[&str], digits: usize) -> String {
    let mut unit = 0;
    while size >= base && unit < units.len() - 1 {
        size /= base;
        unit += 1;
    }
    format!("{}{}", general(size, digits), units[unit])
}

/// A stretch of time in words: `2 minutes`, `About an hour`.
pub fn human_duration(seconds: f64) -> String {
    let whole = seconds as i64;
    let minutes = whole / 60;
    let hours = (seconds / 3600.0 + 0.5) as i64;
    match () {
        () if whole < 1 => "Less than a second".to_owned(),
        () if whole == 1 => "1 second".to_owned(),
        () if whole < 60 => format!("{whole} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", whole / 3600 / 24 / 365),
    }
}

/// An error of the system in the C library's words, without the number that Rust puts behind.
pub fn c_words(error: &std::io::Error) -> String {
    let mut text = error.to_string();
    if let Some(number) = text.find(" (os error") {
        text.truncate(number);
    }
    text
}

/// The same in Go's words: `no such file or directory`.
pub fn go_words(error: &std::io::Error) -> String {
    let text = c_words(error);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// What a part of an address says, whose `%41` are bytes. `None` where a number is none, or where the bytes are no text.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// `%q` of Go.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() || matches!(c, '\u{a0}' | '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Cuts `text` to `width` characters, the last of them `…` when something is cut off.
pub fn ellipsis(text: &str, width: usize) -> String {
    if width == 0 {
        return String::new();
    }
    if text.chars().count() <= width {
        return text.to_owned();
    }
    if width == 1 {
        return text.chars().take(1).collect();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_dockers_digits() {
        assert_eq!(human_size(1984213.0, 3), "1.98MB");
        assert_eq!(human_size(1984213.0, 4), "1.984MB");
        assert_eq!(human_size(0.0, 3), "0B");
        assert_eq!(human_size(16.0, 3), "16B");
        assert_eq!(human_size(3072.0, 4), "3.072kB");
        assert_eq!(human_size(999_900.0, 3), "1e+03kB");
        assert_eq!(binary_size(25_274_793_984.0), "23.54GiB");
    }

    #[test]
    fn parts_of_addresses_are_read() {
        assert_eq!(percent_decoded("a%20b%C3%A9+").as_deref(), Some("a b\u{e9}+"));
        for bad in ["%", "%4", "%4g", "%ff"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_read_as_words() {
        for (seconds, words) in [
            (0.9, "Less than a second"),
            (1.2, "1 second"),
            (59.9, "59 seconds"),
            (119.0, "About a minute"),
            (120.0, "2 minutes"),
            (3599.0, "59 minutes"),
            (5000.0, "About an hour"),
            (5400.0, "2 hours"),
            (86400.0 * 3.0, "3 days"),
            (86400.0 * 20.0, "2 weeks"),
            (86400.0 * 100.0, "3 months"),
            (86400.0 * 365.0 * 5.0, "5 years"),
        ] {
            assert_eq!(human_duration(seconds), words);
        }
    }

    #[test]
    fn sizes_and_durations_are_read() {
        assert_eq!(parse_bytes("64m"), Some(64 << 20));
        assert_eq!(parse_bytes("1.5 GiB"), Some(3 << 29));
        assert_eq!(parse_bytes("abc"), None);
        assert_eq!(parse_bytes("5x"), None);
        assert_eq!(parse_duration("1m30s"), Some(90_000_000_000));
        assert_eq!(parse_duration("1.5h500ms"), Some(5_400_500_000_000));
        assert_eq!(parse_duration("-1.5s"), Some(-1_500_000_000));
        for bad in ["", "-", "5", "s", "1x", "1..5s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        for text in ["0s", "7ns", "1.5µs", "100ms", "1s", "1m30s", "1h0m0.5s", "-2m3s", "25h0m0s"] {
            assert_eq!(parse_duration(text).map(go_duration).as_deref(), Some(text));
        }
        assert_eq!(parse_span("1m30s"), Some(std::time::Duration::from_secs(90)));
        assert_eq!(parse_span("-1s"), None);
        assert_eq!(parse_int("0x10"), Some(16));
        assert_eq!(parse_int("1e3"), None);
    }
}
