//! The functions of templates: Go's own and those that Docker adds. `and`, `or` and `call`, which look at operands, are in `exec`.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::printf;
use super::value::{Shape, Value, json_text};

const NAMES: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "join", "js", "json", "le", "len", "lower", "lt", "ne", "not", "or", "pad", "print",
    "printf", "println", "slice", "split", "title", "truncate", "upper", "urlquery",
];

pub(super) fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// How many arguments a function takes at least, and at most.
fn arity(name: &str) -> (usize, usize) {
    match name {
        "json" | "len" | "lower" | "not" | "title" | "upper" => (1, 1),
        "join" | "split" | "truncate" | "ne" | "lt" | "le" | "gt" | "ge" => (2, 2),
        "pad" => (3, 3),
        "eq" | "index" | "slice" | "printf" | "and" | "or" | "call" => (1, usize::MAX),
        _ => (0, usize::MAX),
    }
}

/// Whether the call has the right number of arguments, in Go's words.
pub(super) fn check_arity(name: &str, count: usize) -> Result<(), String> {
    let (least, most) = arity(name);
    if least == most && count != least {
        return Err(format!("wrong number of args for {name}: want {least} got {count}"));
    }
    if count < least {
        return Err(format!("wrong number of args for {name}: want at least {least} got {count}"));
    }
    Ok(())
}

/// Why a call failed: Go wraps what a function says, and not what it finds wrong with the arguments.
pub(super) enum Fault {
    Call(String),
    Argument(usize, String),
}

/// Calls a function. In a table's `header` row those that change texts leave them alone.
pub(super) fn call(name: &str, args: &[Value], header: bool) -> Result<Value, Fault> {
    let text = |i: usize| match args.get(i) {
        Some(Value::Json(Json::String(s), _)) => Ok(s.clone()),
        Some(other) => Err(Fault::Argument(i, format!("wrong type for value; expected string; got {}", other.type_name()))),
        None => Ok(String::new()),
    };
    let int = |i: usize| match args.get(i) {
        Some(Value::Json(Json::Number(n), _)) => Ok(n.as_i64().unwrap_or(0)),
        Some(other) => Err(Fault::Argument(i, format!("wrong type for value; expected int; got {}", other.type_name()))),
        None => Ok(0),
    };
    let string = |s: String| Ok(Value::plain(Json::String(s)));
    if header && matches!(name, "json" | "split" | "join" | "title" | "lower" | "upper" | "pad" | "truncate") {
        return Ok(args.first().cloned().unwrap_or(Value::Missing));
    }
    match name {
        "json" => string(match &args[0] {
            Value::Subject(subject) => json_text(&subject.json(), true),
            other => json_text(&other.typed_json(), false),
        }),
        "lower" => string(text(0)?.to_lowercase()),
        "upper" => string(text(0)?.to_uppercase()),
        "title" => string(title(&text(0)?)),
        "split" => {
            let (whole, mark) = (text(0)?, text(1)?);
            let parts: Vec<Json> = if mark.is_empty() {
                whole.chars().map(|c| Json::String(c.to_string())).collect()
            } else {
                whole.split(mark.as_str()).map(Json::from).collect()
            };
            Ok(Value::plain(Json::Array(parts)))
        }
        "join" => match &args[0] {
            Value::Json(Json::Array(list), _) => {
                let mark = text(1)?;
                let parts: Vec<String> = list.iter().map(|item| Value::plain(item.clone()).print()).collect();
                string(parts.join(&mark))
            }
            Value::Json(Json::Null, Shape::List) => string(String::new()),
            other => Err(Fault::Argument(0, format!("wrong type for value; expected []string; got {}", other.type_name()))),
        },
        "pad" => {
            let (whole, before, after) = (text(0)?, int(1)?, int(2)?);
            if whole.is_empty() {
                return string(whole);
            }
            let blanks = |n: i64| " ".repeat(n.clamp(0, 1 << 16) as usize);
            string(format!("{}{whole}{}", blanks(before), blanks(after)))
        }
        "truncate" => {
            let (whole, length) = (text(0)?, int(1)?.max(0) as usize);
            string(whole.chars().take(length).collect())
        }
        "len" => length(&args[0]).map(|n| Value::plain(Json::from(n))).map_err(Fault::Call),
        "index" => index(&args[0], &args[1..]).map_err(Fault::Call),
        "slice" => slice(&args[0], &args[1..]).map_err(Fault::Call),
        "not" => Ok(Value::plain(Json::Bool(!args[0].truth()))),
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => compare(name, args).map(|b| Value::plain(Json::Bool(b))).map_err(Fault::Call),
        "print" => string(printf::print(args, false)),
        "println" => string(printf::print(args, true)),
        "printf" => {
            let format = text(0)?;
            string(printf::printf(&format, &args[1..]))
        }
        "html" => string(escape_html(&printf::print(args, false))),
        "js" => string(printf::print(args, false).replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\\\"").replace('\n', "\\n")),
        "urlquery" => string(crate::docker::host::query_escape(&printf::print(args, false))),
        // `and`, `or` and `call` are looked after where operands are evaluated.
        _ => Err(Fault::Call(format!("{name} cannot be called here"))),
    }
}

fn title(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            let out = if start { c.to_uppercase().next().unwrap_or(c) } else { c };
            start = !(c.is_alphanumeric() || matches!(c, '_' | '\''));
            out
        })
        .collect()
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;")
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::Json(Json::String(s), _) => Ok(s.len()),
        Value::Json(Json::Array(list), _) => Ok(list.len()),
        Value::Json(Json::Object(map), _) => Ok(map.len()),
        Value::Json(Json::Null, Shape::List | Shape::Map) => Ok(0),
        Value::Missing | Value::Json(Json::Null, _) => Err("len of nil pointer".to_owned()),
        other => Err(format!("len of type {}", other.type_name())),
    }
}

fn index(value: &Value, keys: &[Value]) -> Result<Value, String> {
    let mut here = value.clone();
    for key in keys {
        here = match (&here, key) {
            (Value::Json(Json::Array(list), _), Value::Json(Json::Number(n), _)) => {
                let n = n.as_i64().unwrap_or(-1);
                let item = usize::try_from(n).ok().and_then(|i| list.get(i)).ok_or(format!("index out of range: {n}"))?;
                Value::engine(item.clone())
            }
            (Value::Json(Json::String(s), _), Value::Json(Json::Number(n), _)) => {
                let n = n.as_i64().unwrap_or(-1);
                let byte = usize::try_from(n).ok().and_then(|i| s.as_bytes().get(i).copied()).ok_or(format!("index out of range: {n}"))?;
                Value::plain(Json::from(byte))
            }
            (Value::Json(Json::Object(map), shape), Value::Json(Json::String(key), _)) if !shape.is_struct() || map.contains_key(key) => {
                match map.get(key) {
                    Some(item) => Value::engine(item.clone()),
                    // The zero value of the map's type; Docker's are mostly of texts.
                    None if map.values().all(Json::is_string) => Value::plain(Json::String(String::new())),
                    None => Value::Json(Json::Null, Shape::List),
                }
            }
            (Value::Json(Json::Null, Shape::List), _) => return Err("index out of range: 0".to_owned()),
            (Value::Json(Json::Null, Shape::Map), _) => Value::plain(Json::String(String::new())),
            (Value::Json(Json::Array(_), _), other) => return Err(format!("cannot index slice/array with type {}", other.type_name())),
            (Value::Json(Json::Object(_), _), other) => return Err(format!("value has type {}; should be string", other.type_name())),
            (Value::Missing | Value::Json(Json::Null, _), _) => return Err("index of untyped nil".to_owned()),
            (other, _) => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(here)
}

fn slice(value: &Value, ends: &[Value]) -> Result<Value, String> {
    let end = |i: usize, default: usize| match ends.get(i) {
        None => Ok(default),
        Some(Value::Json(Json::Number(n), _)) => n.as_u64().map(|n| n as usize).ok_or(format!("index out of range: {n}")),
        Some(other) => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    let length = length(value)?;
    let (from, to) = (end(0, 0)?, end(1, length)?);
    if from > length || to > length {
        return Err(format!("index out of range: {}", from.max(to)));
    }
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match value {
        Value::Json(Json::String(s), _) => Ok(Value::plain(Json::String(String::from_utf8_lossy(&s.as_bytes()[from..to]).into_owned()))),
        Value::Json(Json::Array(list), shape) => Ok(Value::Json(Json::Array(list[from..to].to_vec()), *shape)),
        other => Err(format!("can't slice item of type {}", other.type_name())),
    }
}

fn compare(name: &str, args: &[Value]) -> Result<bool, String> {
    if args.len() < 2 {
        return Err("missing argument for comparison".to_owned());
    }
    let first = args[0].to_json();
    let order = |other: &Json| match (&first, other) {
        (Json::Number(a), Json::Number(b)) if a.is_f64() == b.is_f64() => Ok(a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Less)),
        (Json::String(a), Json::String(b)) => Ok(a.cmp(b)),
        (Json::Bool(a), Json::Bool(b)) => Ok(a.cmp(b)),
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => Err("non-comparable type".to_owned()),
        (Json::Null, Json::Null) => Ok(Ordering::Equal),
        (Json::Null, _) | (_, Json::Null) => Ok(Ordering::Less),
        _ => Err("incompatible types for comparison".to_owned()),
    };
    let second = args[1].to_json();
    if !matches!(name, "eq" | "ne") && (matches!(first, Json::Bool(_)) || first.is_null()) {
        return Err("invalid type for comparison".to_owned());
    }
    Ok(match name {
        "eq" => {
            for other in &args[1..] {
                if order(&other.to_json())? == Ordering::Equal {
                    return Ok(true);
                }
            }
            false
        }
        "ne" => order(&second)? != Ordering::Equal,
        "lt" => order(&second)? == Ordering::Less,
        "le" => order(&second)? != Ordering::Greater,
        "gt" => order(&second)? == Ordering::Greater,
        _ => order(&second)? != Ordering::Less,
    })
}
