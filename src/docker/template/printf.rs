//! `print`, `println` and `printf` of templates, with the verbs, flags and complaints of Go's fmt.

use serde_json::Value as Json;

use super::types::Type;
use super::value::Value;
use crate::docker::units;

/// `print` (blanks only between operands of which neither is a text) or `println` (blanks always, and a newline).
pub(super) fn print(args: &[Value], line: bool) -> String {
    let text = |v: &Value| matches!(v, Value::Json(Json::String(_), _));
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 && (line || !text(arg) && !text(&args[i - 1])) {
            out.push(' ');
        }
        out.push_str(&arg.verb());
    }
    if line {
        out.push('\n');
    }
    out
}

/// `printf`.
pub(super) fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut args_left = args.iter();
    let mut letters = format.chars().peekable();
    while let Some(c) = letters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = letters.next_if(|c| "+-# 0".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '0' => spec.zeros = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                _ => spec.blank = true,
            }
        }
        spec.width = digits(&mut letters);
        if letters.next_if_eq(&'.').is_some() {
            spec.precision = Some(digits(&mut letters).unwrap_or(0));
        }
        let Some(verb) = letters.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        match args_left.next() {
            None => out.push_str(&format!("%!{verb}(MISSING)")),
            Some(value) => out.push_str(&spec.apply(verb, value)),
        }
    }
    let extra: Vec<String> = args_left.map(|v| format!("{}={}", v.type_name(), v.verb())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

/// A number, if one comes next.
fn digits(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut n = None;
    while let Some(d) = letters.peek().and_then(|c| c.to_digit(10)) {
        letters.next();
        n = Some((n.unwrap_or(0) * 10 + d as usize).min(MOST));
    }
    n
}

/// The widest field; a template is not a way to fill the memory.
const MOST: usize = 10_000;

#[derive(Default)]
struct Spec {
    left: bool,
    zeros: bool,
    plus: bool,
    sharp: bool,
    blank: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Spec {
    fn apply(&self, verb: char, value: &Value) -> String {
        let body = match (verb, value) {
            ('v', v) => v.verb(),
            ('s' | 'q' | 'x' | 'X', Value::Json(list, Type::List(of))) => {
                let item = |item: &Json| self.bare().apply(verb, &Value::Json(item.clone(), **of).unboxed());
                let items: Vec<String> = list.as_array().into_iter().flatten().map(item).collect();
                format!("[{}]", items.join(" "))
            }
            ('s', Value::Json(Json::String(s), _)) => self.cut(s),
            ('q', Value::Json(Json::String(s), _)) if self.sharp && !s.contains('`') => format!("`{s}`"),
            ('q', Value::Json(Json::String(s), _)) => units::quote(&self.cut(s)),
            ('x', Value::Json(Json::String(s), _)) => s.bytes().map(|b| format!("{b:02x}")).collect(),
            ('X', Value::Json(Json::String(s), _)) => s.bytes().map(|b| format!("{b:02X}")).collect(),
            ('t', Value::Json(Json::Bool(b), _)) => b.to_string(),
            ('T', v) => v.type_name(),
            (_, Value::Json(Json::Number(n), _)) => match self.number(verb, n) {
                Some(text) => text,
                None => format!("%!{verb}({}={})", value.type_name(), value.verb()),
            },
            (_, Value::Json(Json::Null, _) | Value::Missing) => format!("%!{verb}(<nil>)"),
            _ => format!("%!{verb}({}={})", value.type_name(), value.verb()),
        };
        self.pad(body, matches!(value, Value::Json(Json::Number(_), _)))
    }

    fn bare(&self) -> Spec {
        Spec { sharp: self.sharp, ..Spec::default() }
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(n) => text.chars().take(n).collect(),
            None => text.to_owned(),
        }
    }

    fn number(&self, verb: char, n: &serde_json::Number) -> Option<String> {
        let signed = |text: String, negative: bool| match (negative, self.plus, self.blank) {
            (true, ..) => format!("-{text}"),
            (_, true, _) => format!("+{text}"),
            (_, _, true) => format!(" {text}"),
            _ => text,
        };
        if n.is_f64() {
            let f = n.as_f64()?;
            let (a, negative) = (f.abs(), f < 0.0);
            return match verb {
                'f' | 'F' => Some(signed(format!("{a:.*}", self.precision.unwrap_or(6)), negative)),
                'g' => Some(signed(self.precision.map_or_else(|| format!("{a}"), |p| units::general(a, p.max(1))), negative)),
                'e' => {
                    let text = format!("{a:.*e}", self.precision.unwrap_or(6));
                    let (mantissa, exponent) = text.split_once('e')?;
                    let exponent: i32 = exponent.parse().ok()?;
                    let sign = if exponent < 0 { '-' } else { '+' };
                    Some(signed(format!("{mantissa}e{sign}{:02}", exponent.abs()), negative))
                }
                _ => None,
            };
        }
        let i = n.as_i64()?;
        let (a, negative) = (i.unsigned_abs(), i < 0);
        let text = match verb {
            'd' => a.to_string(),
            'x' if self.sharp => format!("{a:#x}"),
            'x' => format!("{a:x}"),
            'X' => format!("{a:X}"),
            'o' => format!("{a:o}"),
            'b' => format!("{a:b}"),
            'c' => return char::from_u32(a as u32).map(|c| c.to_string()),
            'q' => return char::from_u32(a as u32).map(|c| format!("'{c}'")),
            _ => return None,
        };
        Some(signed(text, negative))
    }

    fn pad(&self, body: String, number: bool) -> String {
        let Some(width) = self.width else { return body };
        let missing = width.saturating_sub(body.chars().count());
        match () {
            () if self.left => body + &" ".repeat(missing),
            () if self.zeros && number => match body.strip_prefix(['-', '+']) {
                Some(digits) => format!("{}{}{digits}", &body[..1], "0".repeat(missing)),
                None => "0".repeat(missing) + &body,
            },
            () if self.zeros => "0".repeat(missing) + &body,
            () => " ".repeat(missing) + &body,
        }
    }
}
