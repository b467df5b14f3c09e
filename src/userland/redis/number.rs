//! Numbers as Redis reads and writes them: strict integers, floats, and decimal sums that do not drift.

/// A whole number as Redis takes it: no blanks, no plus, no leading zeros.
pub fn int(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if plain { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// A decimal float as C reads it. Not a number is none, nor is what is too large or too small for a float.
pub fn float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let number: f64 = text.parse().ok()?;
    let digits = || text.split(['e', 'E']).next().unwrap_or_default().bytes();
    let fits = match number {
        0.0 => !digits().any(|byte| (b'1'..=b'9').contains(&byte)),
        number if number.is_infinite() => !digits().any(|byte| byte.is_ascii_digit()),
        number => !number.is_nan(),
    };
    fits.then_some(number)
}

/// What `%.17g` writes.
pub fn seventeen(number: f64) -> String {
    if let Some(word) = endless(number) {
        return word.to_owned();
    }
    let text = format!("{number:.16e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed =
        |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() };
    if (-4..17).contains(&exponent) {
        return trimmed(&format!("{number:.*}", usize::try_from(16 - exponent).unwrap_or(0)));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

/// The shortest text that means the number, as Redis writes scores since 7.2.
pub fn shortest(number: f64) -> String {
    if let Some(word) = endless(number) {
        return word.to_owned();
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let count = i32::try_from(digits.bytes().filter(u8::is_ascii_digit).count()).unwrap_or(0);
    let point = exponent - count + 1;
    let plain = if point >= 0 { exponent < count + 7 } else { point > -7 || exponent.abs() < 4 };
    if plain || number.abs() < 4_503_599_627_370_496.0 && number.fract() == 0.0 {
        return format!("{number}");
    }
    format!("{digits}e{}{}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn endless(number: f64) -> Option<&'static str> {
    match number {
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

const PLACES: u32 = 17;

/// The decimal fraction `text` times 10^17, where it is that exact.
fn scaled(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || fraction.len() > PLACES as usize || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let part = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let missing = PLACES - u32::try_from(fraction.len()).ok()?;
    Some(sign * (part(whole)? * 10_i128.pow(PLACES) + part(fraction)? * 10_i128.pow(missing)))
}

/// `one + other` as text without an exponent; none where that is endless or no number.
pub fn sum(one: &[u8], other: &[u8]) -> Option<String> {
    if let (Some(one), Some(other)) = (scaled(one), scaled(other)) {
        let sum = one + other;
        let unit = 10_i128.pow(PLACES).cast_unsigned();
        let (whole, fraction) = (sum.unsigned_abs() / unit, sum.unsigned_abs() % unit);
        let text = format!("{}{whole}.{fraction:017}", if sum < 0 { "-" } else { "" });
        return Some(text.trim_end_matches('0').trim_end_matches('.').to_owned());
    }
    let sum = float(one)? + float(other)?;
    sum.is_finite().then(|| format!("{sum}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_strict() {
        assert_eq!((int(b"-12"), int(b"0"), int(b"9223372036854775807")), (Some(-12), Some(0), Some(i64::MAX)));
        for bad in ["", "-", "-0", "01", "+1", " 1", "1 ", "9223372036854775808", "1.0", "0x1"] {
            assert_eq!(int(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn floats_are_cs() {
        for (number, long, short) in [
            (0.1, "0.10000000000000001", "0.1"),
            (3.0, "3", "3"),
            (-1.5, "-1.5", "-1.5"),
            (1e21, "1e+21", "1e+21"),
            (1e-7, "9.9999999999999995e-08", "1e-7"),
            (123456789.125, "123456789.125", "123456789.125"),
            (f64::NEG_INFINITY, "-inf", "-inf"),
        ] {
            assert_eq!((seventeen(number).as_str(), shortest(number).as_str()), (long, short));
        }
    }

    #[test]
    fn what_is_no_float_is_none() {
        assert_eq!(
            (float(b"-inf"), float(b"0e9"), float(b"+.5"), float(b"5.")),
            (Some(f64::NEG_INFINITY), Some(0.0), Some(0.5), Some(5.0))
        );
        for bad in ["", "nan", "1e400", "-1e400", "1e-400", " 1", "1 ", "x"] {
            assert_eq!(float(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn sums_do_not_drift() {
        assert_eq!(sum(b"0.1", b"0.2").as_deref(), Some("0.3"));
        assert_eq!(sum(b"10.50", b"-5").as_deref(), Some("5.5"));
        assert_eq!(sum(b"5.0e3", b"2.0e2").as_deref(), Some("5200"));
        assert_eq!(sum(b"-0.25", b"0.25").as_deref(), Some("0"));
        assert_eq!((sum(b"inf", b"1"), sum(b"a", b"1")), (None, None));
    }
}
