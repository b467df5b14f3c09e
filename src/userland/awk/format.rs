//! `printf`: formats as C knows them, filled with awk's values.

use super::value::Value;

/// What a conversion says before its letter.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// No conversion is wider: a program's slip of the pen must not take the machine's memory.
const WIDEST: usize = 1 << 20;

/// `format` filled with `values`; where they are too few the rest is empty. Numbers as text go by `convfmt`.
pub fn format(format: &[u8], values: &[Value], convfmt: &[u8]) -> Result<Vec<u8>, String> {
    let (mut out, mut values, mut at) = (vec![], values.iter(), 0);
    while let Some(&byte) = format.get(at) {
        at += 1;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        if format.get(at) == Some(&b'%') {
            out.push(b'%');
            at += 1;
            continue;
        }
        let start = at - 1;
        let spec = read(format, &mut at, &mut values);
        // Sizes mean nothing here.
        while matches!(format.get(at), Some(b'h' | b'l' | b'L' | b'q' | b'j' | b'z' | b't')) {
            at += 1;
        }
        let Some(&letter) = format.get(at) else {
            out.extend_from_slice(&format[start..]);
            break;
        };
        at += 1;
        let mut value = || values.next().cloned().unwrap_or(Value::Unset);
        match letter {
            b'c' => {
                // What came from outside and looks like a number is the number of a character.
                let value = value();
                let body = match value.as_number().filter(|_| !matches!(value, Value::Unset)) {
                    Some(number) => vec![number as i64 as u8],
                    None => vec![value.to_text(convfmt).first().copied().unwrap_or(0)],
                };
                pad(&mut out, &spec, &[], &body, false);
            }
            b's' => {
                let text = value().to_text(convfmt);
                pad(&mut out, &spec, &[], &text[..spec.precision.unwrap_or(usize::MAX).min(text.len())], false);
            }
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => integer(&mut out, &spec, letter, value().number()),
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => float(&mut out, &spec, letter, value().number()),
            b'%' => out.push(b'%'),
            _ => return Err("Invalid format specifier".into()),
        }
    }
    Ok(out)
}

fn read<'a>(format: &[u8], at: &mut usize, values: &mut impl Iterator<Item = &'a Value>) -> Spec {
    let mut spec = Spec::default();
    while let Some(flag) = format.get(*at) {
        match flag {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'#' => spec.alternate = true,
            b'0' => spec.zero = true,
            _ => break,
        }
        *at += 1;
    }
    let mut count = |at: &mut usize| {
        if format.get(*at) == Some(&b'*') {
            *at += 1;
            return values.next().map_or(0, |value| value.number() as i64);
        }
        let mut number = 0_i64;
        while let Some(digit) = format.get(*at).filter(|byte| byte.is_ascii_digit()) {
            number = number.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            *at += 1;
        }
        number
    };
    let width = count(at);
    spec.left |= width < 0;
    spec.width = usize::try_from(width.unsigned_abs()).unwrap_or(WIDEST).min(WIDEST);
    if format.get(*at) == Some(&b'.') {
        *at += 1;
        // A negative one counts as none.
        spec.precision = usize::try_from(count(at)).ok().map(|precision| precision.min(WIDEST));
    }
    spec
}

fn pad(out: &mut Vec<u8>, spec: &Spec, sign: &[u8], body: &[u8], zeros: bool) {
    let missing = spec.width.saturating_sub(sign.len() + body.len());
    if !spec.left && !zeros {
        out.resize(out.len() + missing, b' ');
    }
    out.extend_from_slice(sign);
    if !spec.left && zeros {
        out.resize(out.len() + missing, b'0');
    }
    out.extend_from_slice(body);
    if spec.left {
        out.resize(out.len() + missing, b' ');
    }
}

fn sign(spec: &Spec, negative: bool) -> &'static [u8] {
    match (negative, spec.plus, spec.space) {
        (true, ..) => b"-",
        (false, true, _) => b"+",
        (false, false, true) => b" ",
        _ => b"",
    }
}

fn integer(out: &mut Vec<u8>, spec: &Spec, letter: u8, number: f64) {
    if !number.is_finite() {
        return float(out, spec, b'f', number);
    }
    // Unsigned ones go further than signed ones, and negative ones around.
    let bits = if number < 0.0 { (number as i64).cast_unsigned() } else { number as u64 };
    let (mut prefix, mut body) = match letter {
        b'd' | b'i' => (sign(spec, (number as i64) < 0), (number as i64).unsigned_abs().to_string()),
        b'u' => (&b""[..], bits.to_string()),
        b'o' => (&b""[..], format!("{}{bits:o}", if spec.alternate && bits != 0 { "0" } else { "" })),
        b'x' => (&b"0x"[..], format!("{bits:x}")),
        _ => (&b"0X"[..], format!("{bits:X}")),
    };
    if matches!(letter, b'x' | b'X') && (!spec.alternate || bits == 0) {
        prefix = b"";
    }
    if let Some(precision) = spec.precision {
        let missing = precision.saturating_sub(body.len());
        body.insert_str(0, &"0".repeat(missing));
    }
    pad(out, spec, prefix, body.as_bytes(), spec.zero && spec.precision.is_none());
}

fn float(out: &mut Vec<u8>, spec: &Spec, letter: u8, number: f64) {
    let upper = letter.is_ascii_uppercase();
    let size = number.abs();
    let precision = spec.precision.unwrap_or(6);
    let mut body = match letter.to_ascii_lowercase() {
        _ if number.is_nan() => "nan".to_owned(),
        _ if number.is_infinite() => "inf".to_owned(),
        b'f' => format!("{size:.precision$}"),
        b'e' => scientific(size, precision),
        _ => shortest(size, precision.max(1), spec.alternate),
    };
    if upper {
        body.make_ascii_uppercase();
    }
    pad(out, spec, sign(spec, number.is_sign_negative()), body.as_bytes(), spec.zero && number.is_finite());
}

/// With an exponent of two digits at least.
fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |exponent| ("-", exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `%g`: the shorter of the two forms, without zeros at the end.
fn shortest(number: f64, precision: usize, all_digits: bool) -> String {
    let text = format!("{number:.*e}", precision - 1);
    let exponent: i64 = text.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let limit = i64::try_from(precision).unwrap_or(i64::MAX);
    let is_plain = exponent >= -4 && exponent < limit;
    let text = if is_plain {
        format!("{number:.*}", usize::try_from(limit - 1 - exponent).unwrap_or(0))
    } else {
        scientific(number, precision - 1)
    };
    if all_digits {
        return text;
    }
    let (digits, tail) = text.split_at(text.find('e').unwrap_or(text.len()));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_as_in_c() {
        let filled = |text: &str, number: f64| {
            String::from_utf8(format(text.as_bytes(), &[Value::Number(number)], b"%.6g").unwrap_or_default()).unwrap_or_default()
        };
        for (text, number, expected) in [
            ("%g", 1e10, "1e+10"),
            ("%g", 123456.0, "123456"),
            ("%g", 0.0001, "0.0001"),
            ("%g", 0.00001, "1e-05"),
            ("%.3g", 1234.0, "1.23e+03"),
            ("%#.3g", 1.0, "1.00"),
            ("%E", 12345.678, "1.234568E+04"),
            ("%08.2f|", -3.4159, "-0003.42|"),
            ("%x", -1.0, "ffffffffffffffff"),
            ("%5.3d|", 7.0, "  007|"),
            ("%+d% d", 5.0, "+5 0"),
            ("%c", 65.0, "A"),
            ("%", 1.0, "%"),
            ("%d", f64::NAN, "nan"),
        ] {
            assert_eq!(filled(text, number), expected, "{text}");
        }
        assert!(format(b"%k", &[], b"").is_err());
        assert_eq!(filled("%9999999999d", 1.0).len(), WIDEST);
    }
}
