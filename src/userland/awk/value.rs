//! What awk's variables hold, and when a text counts as a number. Texts are bytes: data need not be UTF-8, and BusyBox counts bytes, too.

use std::{cell::RefCell, cmp::Ordering, rc::Rc};

use super::{array::Array, format};

/// Bytes that many may hold.
pub type Text = Rc<[u8]>;

/// What an expression is worth.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing was ever assigned: empty, and zero.
    Unset,
    Number(f64),
    Text(Text),
    /// Came from outside (fields, getline, the environment): a number where it looks like one.
    Input(Text),
}

/// What a name holds.
#[derive(Clone, Debug)]
pub enum Cell {
    Scalar(Value),
    Array(Rc<RefCell<Array>>),
}

impl Value {
    pub fn text(bytes: &[u8]) -> Self {
        Self::Text(Text::from(bytes))
    }

    pub fn input(bytes: &[u8]) -> Self {
        Self::Input(Text::from(bytes))
    }

    pub fn truth(holds: bool) -> Self {
        Self::Number(f64::from(u8::from(holds)))
    }

    pub fn number(&self) -> f64 {
        match self {
            Self::Unset => 0.0,
            Self::Number(number) => *number,
            Self::Text(text) | Self::Input(text) => leading_number(text).0,
        }
    }

    /// The value as text; numbers that are not whole by `format`.
    pub fn to_text(&self, format: &[u8]) -> Text {
        match self {
            Self::Unset => Text::from(&b""[..]),
            Self::Number(number) => Text::from(number_text(*number, format)),
            Self::Text(text) | Self::Input(text) => text.clone(),
        }
    }

    /// The number that this counts as in a comparison, if it does.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Unset => Some(0.0),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
            Self::Input(text) => whole_number(text),
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Input(text) => whole_number(text).map_or(!text.is_empty(), |number| number != 0.0),
            other => other.number() != 0.0,
        }
    }

    /// Numbers by their size, anything else as text. Nothing where a number is none (NaN).
    pub fn compare(&self, other: &Self, format: &[u8]) -> Option<Ordering> {
        match (self.as_number(), other.as_number()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(self.to_text(format).cmp(&other.to_text(format))),
        }
    }
}

/// A number as text: whole ones without a fraction, others by `format`.
pub fn number_text(number: f64, format: &[u8]) -> Vec<u8> {
    // Beyond this a number is not held exactly by an integer.
    if number.trunc() == number && number.abs() < 9.2e18 {
        return format!("{}", number as i64).into_bytes();
    }
    format::format(format, &[Value::Number(number)], b"%.6g").unwrap_or_default()
}

fn whole_number(text: &[u8]) -> Option<f64> {
    let (number, length) = leading_number(text);
    (length > 0 && text[length..].iter().all(|byte| is_blank(*byte))).then_some(number)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// The number that a text begins with, and how far it goes; 0 and 0 when it begins with none.
pub fn leading_number(text: &[u8]) -> (f64, usize) {
    let start = text.iter().take_while(|byte| is_blank(**byte)).count();
    let digits = |from: usize| text[from.min(text.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(text.get(start), Some(b'+' | b'-')));
    let mut at = start + sign;
    if text.get(at) == Some(&b'0') && matches!(text.get(at + 1), Some(b'x' | b'X')) {
        let hex = text[at + 2..].iter().take_while(|byte| byte.is_ascii_hexdigit());
        let (length, number) =
            hex.fold((0, 0.0), |(n, sum), byte| (n + 1, sum * 16.0 + f64::from(char::from(*byte).to_digit(16).unwrap_or(0))));
        if length > 0 {
            return (if text[start] == b'-' { -number } else { number }, at + 2 + length);
        }
    }
    let whole = digits(at);
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if whole + fraction == 0 {
            return (0.0, 0);
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return (0.0, 0);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(&text[start..at]).ok().and_then(|digits| digits.parse().ok());
    (number.unwrap_or(0.0), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        for (text, number, length) in [
            ("12abc", 12.0, 2),
            (" -1.5e3x", -1500.0, 7),
            ("1e", 1.0, 1),
            (".5.", 0.5, 2),
            (".", 0.0, 0),
            ("+", 0.0, 0),
            ("0x1A", 26.0, 4),
            ("0x", 0.0, 1),
            ("010", 10.0, 3),
            ("nancy", 0.0, 0),
            ("", 0.0, 0),
        ] {
            assert_eq!(leading_number(text.as_bytes()), (number, length), "{text}");
        }
    }

    #[test]
    fn input_that_looks_like_a_number_is_one() {
        let order = |a: Value, b: Value| a.compare(&b, b"%.6g");
        assert_eq!(order(Value::input(b"10"), Value::input(b"9 ")), Some(Ordering::Greater));
        assert_eq!(order(Value::text(b"10"), Value::input(b"9")), Some(Ordering::Less));
        assert_eq!(order(Value::Unset, Value::text(b"")), Some(Ordering::Equal));
        assert!(!Value::input(b"0.0").is_true() && Value::text(b"0").is_true() && !Value::Unset.is_true());
    }
}
